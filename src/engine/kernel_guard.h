/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What Linux does not tie to a descriptor of ours (qdiscs, filters, routes, directories of tracefs)
 * is undone by a process of its own, the guard: see kernel_guard.c.
 */
#ifndef ENGINE_KERNEL_GUARD_H
#define ENGINE_KERNEL_GUARD_H

#include "base/diag.h"
#include <stddef.h>
#include <sys/types.h>

struct kernel_engine;

enum kernel_undo_kind {
	UNDO_NONE,
	UNDO_QDISC,      /* clsact of ifindex, if it holds nothing */
	UNDO_FILTER,     /* a bpf filter: ifindex, egress, prio; only if it is prog_id */
	UNDO_MATCHALL,   /* a matchall filter: ifindex, egress, prio */
	UNDO_ROUTE,      /* as kernel_route.c made it */
	UNDO_DIR,        /* path below the root of tracefs: rmdir */
	UNDO_REUSEPORT,  /* socket fd of pid */
	UNDO_LIRC,       /* device path, prog_id */
	UNDO_STRUCT_OPS, /* map map_id */
	UNDO_PIN,        /* a set that is being made: path */
	UNDO_NR
};

struct kernel_undo {
	enum kernel_undo_kind kind;
	u32 prog_id, map_id;
	u64 netns; /* the namespace that it is in; set by kernel_guard_add */
	int ifindex;
	bool egress;
	u32 prio;
	pid_t pid;
	int fd;
	struct {
		u8 family, prefix_len, dst[16];
		u32 table, metric;
	} route;
	char path[256];
};

/*
 * What is about to be made, said before it is made; the guard is started with the first. A slot or
 * -errno. It must be safe to undo what was not made: kinds check that it is ours.
 */
int kernel_guard_add(struct kernel_engine *k, const struct kernel_undo *undo,
		     struct skep_diag *diag);
void kernel_guard_forget(struct kernel_engine *k, int slot); /* it was not made, or is undone */
/* Undo what is attached, here and now; directories stay until the end, they may be in use. */
/* Is there a qdisc, filter or route to remove? */
bool kernel_guard_has_net(const struct kernel_engine *k);
void kernel_guard_detach(struct kernel_engine *k);
void kernel_guard_close(struct kernel_engine *k); /* the rest is undone, and the guard ends */

/* What is attached without a link stays, and is told to fn before: non-zero ends it. */
int kernel_guard_each(struct kernel_engine *k, int (*fn)(void *ctx, const struct kernel_undo *u),
		      void *ctx);
void kernel_guard_forget_all(struct kernel_engine *k);

/* An undo record as the name of a file, and back; doing it, in the namespace that it was made in.
 */
void kernel_undo_format(const struct kernel_undo *u, char *name, size_t size);
int kernel_undo_parse(const char *name, struct kernel_undo *ret);
int kernel_undo_run(const struct kernel_undo *u);

/* kernel_clsact.c, kernel_route.c: undoing, in the guard. 0 or -errno. */
int kernel_undo_qdisc(const struct kernel_undo *u);
int kernel_undo_filter(const struct kernel_undo *u);
int kernel_undo_matchall(const struct kernel_undo *u);
int kernel_undo_route(const struct kernel_undo *u);

#endif
