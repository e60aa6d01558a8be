/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What an engine is: it loads the programs of an opened object, attaches them, and delivers what
 * they report. user.c runs them in this process, kernel.c in Linux.
 *
 * One thread drives an engine; only stop may be called from elsewhere (it is async-signal-safe).
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/diag.h"
#include "event/value.h"
#include "hook/hook.h"
#include "object/object.h"
#include <skep/event.h>

struct engine;

/* Where Linux attaches what says no place itself. Strings are NULL where nothing was given. */
struct engine_targets {
	const char *const *ifaces; /* NULL-terminated */
	const char *xdp_mode;      /* native, skb, offload */
	const char *direction;     /* ingress, egress */
	const char *cgroup;        /* a path, or one below the mount of cgroup2 */
	const char *netns;         /* a name, path or pid */
	const char *sockmap;       /* a map of the object */
	const char *const *routes; /* "PREFIX [via GATEWAY] [dev IFACE] [table N] [metric N]" */
	const char *netfilter;     /* "FAMILY:HOOK[:PRIORITY]" */
	const char *event;         /* perf: cpu-clock, page-faults, … */
	u64 freq, period;
	const char *prog; /* a loaded program: id, name, pinned path */
	const char *map;  /* of the object, or id, or pinned path */
	const char *device;
	u32 port;
	bool replace;
	const char *pin;
};

struct engine_opts {
	const struct btf *kernel_btf; /* user engine; may be NULL */
	/* kernel engine, which seldom needs it: opens it, NULL where there is none */
	const struct btf *(*find_kernel_btf)(void *ctx);
	struct hook_opts hook; /* where to attach; its callbacks are the engine's caller's */
	u64 max_insns;
	u64 map_memory; /* bytes of all maps; 0: the default */
	bool unpatched; /* kernel: load programs as they are; nothing counts what they lose */
	bool drop_caps; /* kernel: once all is attached, this process gives up its capabilities */
	bool only_load; /* kernel: nothing will be attached, no target is asked for */
	struct engine_targets target;
	const char *const *attach; /* "PROGRAM=SECTION": attach it there instead; NULL-terminated */
	int (*event)(void *ctx, const struct skep_event *event); /* non-zero ends the poll */
	void *ctx;
};

struct engine_stats {
	u64 produced, delivered, lost;
	u64 runs, faults;
	int exit_status; /* of the traced command; -1: none */
};

/* The books of one ring or perf buffer, or of printk. */
struct engine_buffer {
	const char *map; /* NULL: printk, or lost on the way to a map that is not known */
	u64 delivered, lost;
};

struct engine_ops {
	const char *name;
	int (*load)(struct object *obj, const struct engine_opts *opts, struct engine **ret,
		    struct skep_diag *diag);
	int (*start)(struct engine *e, struct skep_diag *diag);
	/* 1: more may come, 0: finished, -errno, or what the event callback returned */
	int (*poll)(struct engine *e, int timeout_ms, struct skep_diag *diag);
	void (*stop)(struct engine *e);
	/* May be NULL: poll looks often enough. Else it also ends when that descriptor is readable.
	 */
	int (*watch)(struct engine *e, int fd, bool on);
	void (*stats)(const struct engine *e, struct engine_stats *ret);
	bool (*buffer)(const struct engine *e, u32 idx,
		       struct engine_buffer *ret); /* false: no more */
	/* The live map of the object's map idx; 0, or -ENOENT where it was not made. */
	int (*map_io)(struct engine *e, u32 idx, struct event_map_io *ret);
	void (*free)(struct engine *e);
};

struct engine {
	const struct engine_ops *ops;
};

extern const struct engine_ops engine_user, engine_kernel;

#endif
