/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which functions or USDT sites a program's section (or what is known of it) names. */
#ifndef HOOK_UPROBE_TARGET_H
#define HOOK_UPROBE_TARGET_H

#include "elf/uelf.h"
#include "hook/proc.h"

struct uprobe_wish {
	struct uprobe_wish *next;
	struct proc_attach *attach;
	bool at_return;
	bool is_usdt;
	bool any_file; /* every file that defines it; else the one of this number */
	u64 ino;
	char path[512];
	char func[128]; /* a name or pattern; USDT: the provider */
	char name[128]; /* USDT: the name */
	u64 off;        /* added to the function's; without one: of the file */
};

/* The wishes of a program, in a list that the caller frees with mem_free. 0 or -errno. */
int uprobe_wishes(const struct prog *prog, const struct hook_opts *opts, struct uprobe_wish **ret,
		  struct skep_diag *diag);

#endif
