/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is put into an object's programs on their way into Linux, so that objects whose authors
 * thought of neither lose nothing silently and wake their reader rarely. See kernel_patch.c.
 */
#ifndef ENGINE_KERNEL_PATCH_H
#define ENGINE_KERNEL_PATCH_H

#include "object/object.h"

/*
 * The value of the one map that is shared with the patched programs, mapped into this process. Each
 * of the first two has a cache line of its own: the first is written by every record.
 */
struct kernel_shared {
	u64 records; /* about how many were put into ring buffers: not atomic */
	u64 pad1[7];
	u64 batch; /* ~0: wake the reader rarely; 0: as the program says */
	u64 pad2[7];
	/* By map of the object, and one more, of unknown ones: what did not get into a perf buffer;
	 * then, likewise, what a ring buffer was asked for, be there room or not. */
	u64 counts[];
};

struct kernel_patch {
	void *image; /* the patched object */
	size_t size;
	int fd; /* of the shared map; -1: none */
	struct kernel_shared *shared;
	size_t shared_size; /* as mapped */
	u32 nr_slots;       /* half of shared->counts */
	u32 ring_size;      /* the least of a ring buffer; 0: as the object says */
	u32 step;           /* a ring buffer wakes its reader every so many records */
	u32 nr_calls;       /* that were patched */
	bool prints;        /* the object calls bpf_trace_printk or bpf_trace_vprintk */
};

/*
 * Makes the shared map and the patched image. Where nothing is to be patched, or the object is one
 * that cannot be changed, image stays NULL; diag says why. keep_wakeups: others may read the ring
 * buffers (they are pinned).
 */
#define KERNEL_PATCH_NONE ((struct kernel_patch){.fd = -1})

int kernel_patch_make(const struct object *obj, bool keep_wakeups, struct kernel_patch *ret,
		      struct skep_diag *diag);
void kernel_patch_done(struct kernel_patch *p);

/*
 * The same without the kernel: map_fd is written into the instructions. *ret stays NULL where
 * nothing is to be patched.
 */
int kernel_patch_image(const struct object *obj, int map_fd, bool keep_wakeups,
		       struct kernel_patch *ret, struct skep_diag *diag);

#endif
