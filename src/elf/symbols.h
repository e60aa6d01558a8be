/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What addresses of processes stand for. The mappings of a process are read while it lives (note),
 * what lies in them is looked up when somebody wants to see it (find), maybe after its end.
 */
#ifndef ELF_SYMBOLS_H
#define ELF_SYMBOLS_H

#include "base/types.h"

struct symbols;

struct symbols *symbols_new(void);               /* NULL: out of memory */
struct symbols *symbols_free(struct symbols *s); /* NULL is fine; returns NULL */

/* These addresses were seen in that process: its mappings are read if they are not known. */
void symbols_note(struct symbols *s, u32 pid, const u64 *ips, u32 nr);

/* "main+0x1c", or "libc.so.6+0x29d90" where the file has no names. Where that process is not known
 * (0), of the last that had something there. Addresses of the kernel by /proc/kallsyms, if that can
 * be read. false: nothing is known. */
bool symbols_find(struct symbols *s, u32 pid, u64 addr, char *buf, size_t size);

#endif
