/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Inside the kernel engine: where records come from. kernel_events.c waits and decides how often to
 * be woken; a ring buffer (kernel_ring.c), the perf buffers of a map (kernel_perfbuf.c) and the
 * trace instance (kernel_printk.c) are its sources.
 */
#ifndef ENGINE_KERNEL_SOURCE_H
#define ENGINE_KERNEL_SOURCE_H

#include "engine/engine.h"

/* Of one drain: after so many records the other sources, the screen and the clock have their turn.
 */
#define SOURCE_BUDGET 16384

struct kernel_source;

struct kernel_source_ops {
	/* How many records were taken. At most SOURCE_BUDGET; fewer: there are no more. */
	u32 (*drain)(struct kernel_source *s);
	u64 (*unread)(struct kernel_source *s);                 /* how many wait; may be NULL */
	void (*set_batch)(struct kernel_source *s, bool batch); /* may be NULL */
	void (*free)(struct kernel_source *s);
};

struct kernel_source {
	const struct kernel_source_ops *ops;
	const struct kernel_source_sink *sink;
	const char *map; /* NULL: printk */
	u32 idx;         /* of the map */
	u64 delivered;
	u64 dropped;   /* read when nobody wanted them any more */
	u64 discarded; /* by the program itself */
	u64 lost;      /* as the kernel says in the buffer itself */
};

/* Where a source puts what it reads. */
struct kernel_source_sink {
	void (*record)(struct kernel_source *s, const struct skep_event *ev);
	/* A descriptor to wait for: edge-triggered, so a source is drained to its end. */
	int (*watch)(const struct kernel_source_sink *sink, int fd);
};

/* 0 or -errno. Sizes are the map's own. */
int kernel_ring_open(const struct kernel_source_sink *sink, int fd, u32 size,
		     struct kernel_source **ret);
int kernel_perfbuf_open(const struct kernel_source_sink *sink, int fd, u32 max_entries,
			struct kernel_source **ret);
struct kernel_engine;
int kernel_printk_open(struct kernel_engine *k, const struct kernel_source_sink *sink,
		       struct kernel_source **ret, struct skep_diag *diag);

#endif
