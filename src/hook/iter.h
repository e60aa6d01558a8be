/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inside the iter provider: what is walked (iter_walk.c), and how an object is shown (iter.c). */
#ifndef HOOK_ITER_H
#define HOOK_ITER_H

#include "hook/hook.h"
#include "model/task.h"

#define ITER_MAX_ARGS 3

struct iter_hook;
struct iter_run;

/* One kind of iterator: its context is the meta and nr_args words behind it. */
struct iter_kind {
	const char *name; /* "task", "bpf_map_elem" */
	u32 nr_args;
	bool has_end; /* it is called once more, with NULLs, when nothing is left */
	int (*walk)(struct iter_run *r, struct skep_diag *diag);
};

struct iter_run {
	struct hook_set *set;
	struct model_tasks *tasks; /* NULL: this kind needs none */
	struct model *model;
	struct hook_prog *hp;
	const struct iter_kind *kind;
	const char *of; /* what follows ':' in the section, or NULL */
	struct vm_env env;
	u64 *ctx;
	void *meta;
	u64 seq_num;
};

const struct iter_kind *iter_kind_find(const char *target); /* NULL: there is none */

/* Run the program on one object. */
void iter_show(struct iter_run *r, const u64 args[ITER_MAX_ARGS]);

#endif
