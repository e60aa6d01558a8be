/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A map that somebody has in the kernel: opened by id, name or path, typed by the BTF that it was
 * made with, read and changed by bpf(2). Nothing here is atomic over more than one element, because
 * nothing in bpf(2) is.
 */
#ifndef ENGINE_KERNEL_OBJMAP_H
#define ENGINE_KERNEL_OBJMAP_H

#include "base/vec.h"
#include "engine/kernel_objs.h"
#include "event/value.h"
#include <skep/kernel.h>

struct objmap_snapshot {
	u8 *data; /* nr elements of key_size + value size, sorted by key */
	size_t nr, room;
};

struct objmap {
	struct kobj_world world; /* for names */
	int fd;
	struct bpf_map_info info;
	const char *name; /* whole, "" where it has none */
	bool frozen;
	struct btf *own;         /* the map's, or NULL */
	const struct btf *types; /* own, the kernel's, or NULL */
	struct map_def def;
	struct event_map_io io;
	struct event_map_elems *elems;
	size_t value_size; /* as lookup gives it: all CPUs */
	u8 *key, *value;   /* scratch */
	struct objmap_snapshot last;
	bool watching;
};

/* kernel_objmap.c */
int objmap_open(const char *which, struct objmap **ret, struct skep_diag *diag);
void objmap_close(struct objmap *m);          /* NULL is fine */
bool objmap_is_queue(const struct objmap *m); /* queue or stack: no keys */
/* Why bpf(2) said no to that, in words; returns err. */
int objmap_refused(const struct objmap *m, int err, const char *what, struct skep_diag *diag);
/* The parsed key, or NULL for a map without keys; err. */
int objmap_key(struct objmap *m, const char *text, struct skep_diag *diag);
int objmap_set(struct objmap *m, const char *key, const char *value, const char *cpus, u64 flags,
	       struct skep_diag *diag);
/* Put m->key, m->value into the map. */
int objmap_update(struct objmap *m, const void *key, const void *value, u64 flags);

/* kernel_objmap_ref.c: values that stand for something else, put in as a descriptor or a number. */
bool objmap_has_refs(const struct objmap *m);
/* *ret_fd: to be closed behind the update; -1: none. */
int objmap_ref(struct objmap *m, const char *text, int *ret_fd, struct skep_diag *diag);

/* kernel_objmap_walk.c: all elements, in batches where the kernel has them. */
typedef int (*objmap_each_fn)(void *ctx, const void *key, const void *value);
int objmap_walk(struct objmap *m, objmap_each_fn fn, void *ctx);
int objmap_watch(struct objmap *m, enum event_style style, skep_write_fn write, void *ctx,
		 struct skep_diag *diag);

/* kernel_objmap_load.c */
int objmap_load(struct objmap *m, const char *text, const struct skep_kernel_load_opts *opts,
		u64 *ret_nr, struct skep_diag *diag);

#endif
