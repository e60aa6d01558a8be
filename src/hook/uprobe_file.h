/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The files that traced processes map, and the points in them where programs want breakpoints. */
#ifndef HOOK_UPROBE_FILE_H
#define HOOK_UPROBE_FILE_H

#include "base/vec.h"
#include "hook/uprobe_insn.h"
#include "hook/uprobe_target.h"
#include "hook/usdt.h"

struct hit {
	struct proc_attach *attach;
	u64 cookie; /* USDT: the number of its spec; else 0 */
	bool at_return;
};

struct point {
	u64 off, sem_vaddr, vaddr;
	u8 insn[UPROBE_INSN_MAX];
	VEC(struct hit) hits;
	bool has_return;
};

/* A file that was seen in a process, with the points that programs want in it. */
struct ufile {
	struct ufile *next;
	u64 ino;
	char *path;
	VEC(struct point *) points;
};

struct uprobe_set {
	struct uprobe_wish *wishes;
	struct ufile *files;
	struct usdt_specs specs;
};

/* The file with its points, read when it is first seen. NULL: no memory. */
struct ufile *uprobe_file_of(struct uprobe_set *set, const char *path, u64 ino);
void uprobe_files_free(struct uprobe_set *set);

#endif
