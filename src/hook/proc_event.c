/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Fork, exec, exit and signals, and the tracepoints behind them.
 *
 * Contexts are laid out by the kernel's BTF (struct trace_event_raw_…), so that fields which moved
 * or became strings between versions are where the program's relocations expect them: every
 * known spelling of a field is set, those that this kernel lacks are skipped.
 */
#include "hook/proc_event.h"
#include <string.h>

/* The default priority of a task that nobody reniced. */
#define DEFAULT_PRIO 120

/* --- contexts ------------------------------------------------------------------------------- */

struct proc_writer {
	struct model *m;
	const char *type;
	char *ctx;
	size_t size; /* grows by the strings behind the struct */
};

static void set(struct proc_writer *w, const char *path, u64 value)
{
	model_set(w->m, w->ctx, w->type, path, value);
}

/* A __string(): its place in the low half, its length in the high one. */
static void set_loc(struct proc_writer *w, const char *path, const char *s, size_t len)
{
	if (!model_field_size(w->m, w->type, path) || w->size + len > PROC_SCRATCH_SIZE)
		return;
	memcpy(w->ctx + w->size, s, len);
	set(w, path, (u64)len << 16 | w->size);
	w->size += len;
}

/* A name as an array or, in newer kernels, as a string. */
static void set_comm(struct proc_writer *w, const char *path, const char *loc, const char comm[16])
{
	model_set_bytes(w->m, w->ctx, w->type, path, comm, 16);
	set_loc(w, loc, comm, strnlen(comm, 15) + 1);
}

static void fill_fork(struct proc_writer *w, struct proc_task *t, const struct proc_happening *h)
{
	set_comm(w, "parent_comm", "__data_loc_parent_comm", t->comm);
	set(w, "parent_pid", t->tid);
	set_comm(w, "child_comm", "__data_loc_child_comm", h->child->comm);
	set(w, "child_pid", h->child->tid);
}

static void fill_newtask(struct proc_writer *w, struct proc_task *t, const struct proc_happening *h)
{
	set(w, "pid", h->child->tid);
	set_comm(w, "comm", "__data_loc_comm", h->child->comm);
	set(w, "clone_flags", h->clone_flags);
}

static void fill_wakeup(struct proc_writer *w, struct proc_task *t, const struct proc_happening *h)
{
	set_comm(w, "comm", "__data_loc_comm", h->child->comm);
	set(w, "pid", h->child->tid);
	set(w, "prio", DEFAULT_PRIO);
}

static void fill_exec(struct proc_writer *w, struct proc_task *t, const struct proc_happening *h)
{
	set_loc(w, "__data_loc_filename", h->filename, h->filename_len);
	set(w, "pid", t->tid);
	set(w, "old_pid", h->old_tid);
}

static void fill_exit(struct proc_writer *w, struct proc_task *t, const struct proc_happening *h)
{
	set_comm(w, "comm", "__data_loc_comm", t->comm);
	set(w, "pid", t->tid);
	set(w, "prio", DEFAULT_PRIO);
	set(w, "group_dead", h->group_dead);
}

static void fill_deliver(struct proc_writer *w, struct proc_task *t, const struct proc_happening *h)
{
	set(w, "sig", h->sig);
	set(w, "errno", h->info.si_errno);
	set(w, "code", h->info.si_code);
}

static void fill_generate(struct proc_writer *w, struct proc_task *t,
			  const struct proc_happening *h)
{
	fill_deliver(w, t, h);
	set_comm(w, "comm", "__data_loc_comm", h->target_comm);
	set(w, "pid", h->target);
	set(w, "group", h->group);
	set(w, "result", h->result);
}

static void fill_rename(struct proc_writer *w, struct proc_task *t, const struct proc_happening *h)
{
	set(w, "pid", t->tid);
	set_comm(w, "oldcomm", "__data_loc_oldcomm", h->old_comm);
	set_comm(w, "newcomm", "__data_loc_newcomm", t->comm);
}

/* --- arguments of the raw tracepoints ------------------------------------------------------- */

static u64 kobj_of(struct proc *p, struct proc_task *t)
{
	return (uintptr_t)proc_kobj(p, t);
}

/* A copy of something where programs can read it; valid for this stop. */
static u64 lend(struct proc *p, const void *data, size_t size)
{
	char *to = p->scratch + PROC_SCRATCH_SIZE / 2;

	memcpy(to, data, min_u64(size, PROC_SCRATCH_SIZE / 2));
	return (uintptr_t)to;
}

static void args_fork(struct proc *p, struct proc_task *t, const struct proc_happening *h,
		      u64 *args)
{
	args[0] = kobj_of(p, t);
	args[1] = kobj_of(p, h->child);
}

static void args_newtask(struct proc *p, struct proc_task *t, const struct proc_happening *h,
			 u64 *args)
{
	args[0] = kobj_of(p, h->child);
	args[1] = h->clone_flags;
}

#define MAX_STRINGS 4096 /* of the environment that are counted */

/* argc and envc, as they lie on the new program's stack. */
static void count_strings(struct proc *p, struct proc_task *t, char *bprm)
{
	const struct user_regs_struct *regs = proc_regs(t);
	u64 argc = 0, envc = 0, at, env = 0;

	if (!regs || regs->cs != 0x33 || proc_read(t, &argc, sizeof(argc), regs->rsp))
		return;
	at = regs->rsp + (argc + 2) * sizeof(u64);
	while (envc < MAX_STRINGS && !proc_read(t, &env, sizeof(env), at) && env) {
		at += sizeof(env);
		envc++;
	}
	model_set(p->model, bprm, "linux_binprm", "argc", argc);
	model_set(p->model, bprm, "linux_binprm", "envc", envc);
}

/* A linux_binprm with the names; the file is that of the task's mm. */
static u64 make_bprm(struct proc *p, struct proc_task *t, const struct proc_happening *h)
{
	u32 size = model_sizeof(p->model, "linux_binprm");
	char *bprm = p->scratch + PROC_SCRATCH_SIZE / 2, *name = bprm + align_up(size, 16);
	u64 mm = 0, file = 0;
	void *task = proc_kobj(p, t);

	if (!size || name + h->filename_len > p->scratch + PROC_SCRATCH_SIZE)
		return 0;
	memset(bprm, 0, size);
	memcpy(name, h->filename, h->filename_len);
	model_get(p->model, task, "task_struct", "mm", &mm);
	model_get(p->model, (void *)(uintptr_t)mm, "mm_struct", "exe_file", &file);
	model_set(p->model, bprm, "linux_binprm", "mm", mm);
	model_set(p->model, bprm, "linux_binprm", "file", file);
	model_set(p->model, bprm, "linux_binprm", "filename", (uintptr_t)name);
	model_set(p->model, bprm, "linux_binprm", "interp", (uintptr_t)name);
	count_strings(p, t, bprm);
	return (uintptr_t)bprm;
}

static void args_exec(struct proc *p, struct proc_task *t, const struct proc_happening *h,
		      u64 *args)
{
	args[0] = kobj_of(p, t);
	args[1] = h->old_tid;
	args[2] = make_bprm(p, t, h);
}

static void args_exit(struct proc *p, struct proc_task *t, const struct proc_happening *h,
		      u64 *args)
{
	args[0] = kobj_of(p, t);
	args[1] = h->group_dead;
}

static void args_deliver(struct proc *p, struct proc_task *t, const struct proc_happening *h,
			 u64 *args)
{
	args[0] = h->sig;
	args[1] = lend(p, &h->info, sizeof(h->info));
}

static void args_generate(struct proc *p, struct proc_task *t, const struct proc_happening *h,
			  u64 *args)
{
	args_deliver(p, t, h, args);
	args[2] = p->model_tasks ? (uintptr_t)model_task_get(p->model_tasks, h->target) : 0;
	args[3] = h->group;
	args[4] = h->result;
}

static void args_rename(struct proc *p, struct proc_task *t, const struct proc_happening *h,
			u64 *args)
{
	args[0] = kobj_of(p, t);
	args[1] = lend(p, t->comm, sizeof(t->comm));
}

/* --- the table ------------------------------------------------------------------------------ */

#define RAW(name) "trace_event_raw_" name
static const struct proc_tp tracepoints[] = {
	/* category, name, event, struct, its older name, raw arguments, fields, arguments */
	{"sched", "sched_process_fork", PROC_EV_FORK, RAW("sched_process_fork"), NULL, 2, fill_fork,
	 args_fork},
	{"task", "task_newtask", PROC_EV_FORK, RAW("task_newtask"), NULL, 2, fill_newtask,
	 args_newtask},
	{"sched", "sched_wakeup_new", PROC_EV_FORK, RAW("sched_wakeup_template"), NULL, 1,
	 fill_wakeup, args_newtask},
	{"sched", "sched_process_exec", PROC_EV_EXEC, RAW("sched_process_exec"), NULL, 3, fill_exec,
	 args_exec},
	{"sched", "sched_process_exit", PROC_EV_EXIT, RAW("sched_process_exit"),
	 RAW("sched_process_template"), 2, fill_exit, args_exit},
	{"signal", "signal_generate", PROC_EV_SIGNAL_SEND, RAW("signal_generate"), NULL, 5,
	 fill_generate, args_generate},
	{"signal", "signal_deliver", PROC_EV_SIGNAL_DELIVER, RAW("signal_deliver"), NULL, 3,
	 fill_deliver, args_deliver},
	{"task", "task_rename", PROC_EV_RENAME, RAW("task_rename"), NULL, 2, fill_rename,
	 args_rename},
};

const struct proc_tp *proc_tp_find(const char *category, size_t len, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(tracepoints); i++) {
		const struct proc_tp *tp = &tracepoints[i];

		if (category &&
		    (strlen(tp->category) != len || memcmp(tp->category, category, len)))
			continue;
		if (!strcmp(tp->name, name))
			return tp;
	}
	return NULL;
}

/* --- runs ----------------------------------------------------------------------------------- */

void proc_run_tp(struct proc *p, struct proc_task *t, struct proc_attach *a, struct proc_call *call)
{
	struct proc_writer w = {.m = p->model, .type = a->tp->ctx_type, .ctx = p->scratch};
	char *data;

	w.size = model_sizeof(p->model, w.type);
	if (!w.size && a->tp->old_type)
		w.size = model_sizeof(p->model, w.type = a->tp->old_type);
	if (w.size < 8 || w.size > PROC_SCRATCH_SIZE)
		w.size = 8;
	memset(p->scratch, 0, w.size);
	data = model_field(p->model, p->scratch, w.type, "__data");
	if (data)
		w.size = data - p->scratch;
	memcpy(p->scratch + 4, &t->tid, 4); /* common_pid */
	a->tp->fill(&w, t, call->event);
	proc_run(p, t, a, p->scratch, align_up(w.size, 8));
}

void proc_run_raw_tp(struct proc *p, struct proc_task *t, struct proc_attach *a,
		     struct proc_call *call)
{
	u64 *args = (void *)p->scratch;

	memset(args, 0, PROC_MAX_ARGS * sizeof(*args));
	a->tp->args(p, t, call->event, args);
	proc_run(p, t, a, args, a->tp->nr_args * sizeof(*args));
}

void proc_event(struct proc *p, struct proc_task *t, enum proc_event_kind kind,
		const struct proc_happening *h)
{
	if (p->stopping || t->process->is_setup)
		return;
	for (struct proc_attach *a = p->events[kind].first; a; a = a->next) {
		struct proc_call call = {.event = h};

		if (a->fn && (!proc_fn_enter(p, t, a->fn, &call) ||
			      (a->at_exit && !proc_fn_leave(p, t, a->fn, &call))))
			continue;
		a->run(p, t, a, &call);
	}
}
