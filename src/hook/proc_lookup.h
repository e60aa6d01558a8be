/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Paths as the kernel would find them for a traced thread: through /proc/TID/root, cwd and fd, so
 * that its own root, working directory and descriptors count.
 */
#ifndef HOOK_PROC_LOOKUP_H
#define HOOK_PROC_LOOKUP_H

#include "hook/proc.h"
#include <sys/stat.h>

/* Where the arguments of a system call with paths stand; dfd -1: the working directory; path -1:
 * the descriptor dfd itself. dfd2 and path2: the new name of link, rename and kin. */
struct proc_paths {
	u16 nr;
	s8 dfd, path;
	s8 rest;  /* where what follows the path begins: mode, owner, flags */
	s8 flags; /* where AT_SYMLINK_NOFOLLOW would stand; PATHS_FOLLOWS, PATHS_STOPS: always so */
	s8 dfd2, path2;
};

#define PATHS_FOLLOWS (-1)
#define PATHS_STOPS   (-2)

const struct proc_paths *proc_paths_of(s64 nr); /* NULL: it takes none */

struct proc_place {
	char path[4096]; /* absolute, links resolved */
	struct stat st;
	bool exists;
};

enum {
	LOOKUP_FOLLOW = 1, /* a link at its end is what it points to */
	LOOKUP_LAST = 2,   /* the last name may be missing, and is not followed */
};

/* LOOKUP_FOLLOW or 0, as the system call that t is in treats a link at its path's end. */
u32 proc_lookup_flags(const struct proc_task *t);

/* Look up the path (which 0) or the second path (1) of the system call that t is in. false: the
 * kernel would not find it either. */
bool proc_lookup(struct proc_task *t, u32 which, u32 flags, struct proc_place *ret);

#endif
