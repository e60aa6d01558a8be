/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inside the user engine: what user.c (the flow) and user_*.c share. */
#ifndef ENGINE_USER_H
#define ENGINE_USER_H

#include "engine/engine.h"
#include "engine/select.h"
#include <signal.h>

struct event_reader;

/* A program that is loaded: the object's, or its copy in `moved`. Those left out have none. */
struct user_prog {
	const struct prog *prog;
	struct vm_prog *code;
	bool is_target; /* reached by tail calls only: not attached by itself */
};

struct user {
	struct engine engine;
	struct object *obj;
	struct engine_opts opts;
	struct model *model; /* NULL: no BTF of a kernel */
	struct map **maps;   /* by the object's index */
	u32 nr_maps;
	struct vm *vm;
	struct user_prog *progs;
	u32 nr_progs;
	struct moved_progs moved;
	struct hook_set *hooks;
	struct hook_prog **attached;
	u32 nr_attached;
	struct event_reader *reader;
	u64 printk_lines;
	volatile sig_atomic_t stopped;
	struct skep_diag first_left_out; /* why no hook serves the first program without one */
	int end;                         /* what the event callback returned, once it was not 0 */
};

/* user_maps.c */
int user_make_maps(struct user *u, struct skep_diag *diag);
int user_fill_maps(struct user *u, struct skep_diag *diag);  /* tail calls and inner maps */
int user_check_pids(struct user *u, struct skep_diag *diag); /* who knows what @pid is? */
void user_set_pids(void *user, u32 pid);
void user_free_maps(struct user *u);

/* user_progs.c */
int user_make_progs(struct user *u, struct skep_diag *diag);
int user_attach(struct user *u, struct skep_diag *diag);
void user_free_progs(struct user *u);

/* user_events.c */
void user_drain(void *user); /* deliver every finished record */
void user_text(void *user, const struct hook_prog *hp, const char *text, size_t size);
void user_printk(void *ctx, u32 cpu, const struct vm_task *task, const char *text, size_t len);

#endif
