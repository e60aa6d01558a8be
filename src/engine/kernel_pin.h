/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What --pin leaves in the kernel, below DIR/skep of a mounted BPF file system:
 *
 *     NAME/progs/PROGRAM   NAME/maps/MAP   NAME/links/NUMBER-PROGRAM
 *     NAME/undo/HEX        attachments that are no links: the program, its name says how to undo it
 */
#ifndef ENGINE_KERNEL_PIN_H
#define ENGINE_KERNEL_PIN_H

#include "base/diag.h"

struct kernel_engine;

int kernel_pin(struct kernel_engine *k, struct skep_diag *diag); /* everything, or nothing */

/* fn for each file of each set, sorted; non-zero ends the walk and is returned. */
typedef int (*kernel_pin_fn)(void *ctx, const char *set, const char *kind, const char *name,
			     const char *path);
int kernel_pins_each(kernel_pin_fn fn, void *ctx, struct skep_diag *diag);
int kernel_unpin(const char *set, struct skep_diag *diag);
int kernel_unpin_dir(const char *dir); /* the guard's: an absolute path of a set; 0 or -errno */

/* The first BPF file system that is mounted, /sys/fs/bpf if it is one; NULL: none. */
const char *kernel_bpffs(char *buf, size_t size);

#endif
