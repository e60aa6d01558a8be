/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the files of skep show share. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli.h"
#include <skep/kernel.h>
#include <stdarg.h>

/* show_kernel.c: "progs", "maps", "links", "btf". which: an id or a name, or NULL. */
bool show_kernel_is_kind(const char *word);
int show_kernel(const char *word, const char *which, uint64_t pid, bool json);
/* Of the programs of that id or name. */
int show_kernel_insns(const char *word, const char *which, enum skep_kernel_insns what);

/* show_pinned.c. which: a set, or NULL. */
int show_pinned(const char *which, bool json);

#endif
