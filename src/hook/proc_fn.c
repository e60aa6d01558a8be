/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs at kernel functions, told from outside.
 *
 * A traced command shows its system calls, not the functions behind them. But which functions a
 * call passes, and with which arguments, is known for many: each is a row of the table in
 * proc_fn_table.c. Its `enter` builds the arguments as objects of the model kernel and says whether
 * this call comes to the function at all; its `leave` derives what the function returned.
 *
 * kprobes get a struct pt_regs with the arguments in the registers of the kernel's calling
 * convention; fentry, fexit and raw tracepoints get an array of them.
 */
#include "hook/proc_fn.h"
#include "base/mem.h"
#include <errno.h>
#include <string.h>

#define KERNEL_CS 0x10

void *proc_lend(struct proc *p, struct proc_task *t, size_t size)
{
	void *obj;

	if (t->nr_lent == PROC_MAX_LENT)
		return NULL;
	obj = model_alloc_bytes(p->model, size);
	if (obj)
		t->lent[t->nr_lent++] = obj;
	return obj;
}

void proc_unlend(struct proc *p, struct proc_task *t)
{
	while (t->nr_lent)
		model_release(p->model, t->lent[--t->nr_lent]);
}

bool proc_fn_enter(struct proc *p, struct proc_task *t, const struct proc_fn *fn,
		   struct proc_call *call)
{
	call->nr_args = fn->nr_args;
	call->fn = fn;
	return !t->is_compat && (!fn->enter || fn->enter(p, t, call));
}

bool proc_fn_leave(struct proc *p, struct proc_task *t, const struct proc_fn *fn,
		   struct proc_call *call)
{
	return !fn->leave || fn->leave(p, t, call);
}

/* --- runs ----------------------------------------------------------------------------------- */

static void set_func_ip(struct proc *p, const struct proc_attach *a)
{
	p->env.func_ip = model_symbol(p->model, a->fn->name);
}

static void run_with_regs(struct proc *p, struct proc_task *t, struct proc_attach *a,
			  const struct proc_call *call)
{
	struct user_regs_struct *regs = (void *)p->scratch;

	set_func_ip(p, a);
	memset(p->scratch, 0, sizeof(*regs) + 128);
	regs->rdi = call->args[0];
	regs->rsi = call->args[1];
	regs->rdx = call->args[2];
	regs->rcx = call->args[3];
	regs->r8 = call->args[4];
	regs->r9 = call->args[5];
	regs->rip = p->env.func_ip;
	regs->cs = KERNEL_CS;
	regs->orig_rax = -1ull;
	regs->rax = a->at_exit ? call->ret : 0;
	regs->rsp = (uintptr_t)(regs + 1); /* zeros: a return address, further arguments */
	p->env.regs = regs;
	proc_run(p, t, a, regs, offsetof(struct user_regs_struct, ss) + 8);
}

static void run_with_args(struct proc *p, struct proc_task *t, struct proc_attach *a,
			  struct proc_call *call)
{
	u64 *args = (void *)p->scratch;
	u32 nr = call->nr_args;

	memcpy(args, call->args, nr * sizeof(*args));
	args[nr] = call->ret;
	set_func_ip(p, a);
	p->env.func_args = args;
	p->env.nr_func_args = nr;
	proc_run(p, t, a, args, (nr + a->at_exit) * sizeof(*args));
}

static void run_kprobe(struct proc *p, struct proc_task *t, struct proc_attach *a,
		       struct proc_call *call)
{
	run_with_regs(p, t, a, call);
}

static void run_tp(struct proc *p, struct proc_task *t, struct proc_attach *a,
		   struct proc_call *call)
{
	size_t size = call->ctx ? call->ctx_size : 0;

	if (!size || size > PROC_SCRATCH_SIZE)
		return;
	memcpy(p->scratch, call->ctx, size);
	memcpy(p->scratch + 4, &t->tid, 4); /* common_pid */
	proc_run(p, t, a, p->scratch, size);
}

/* The first that says no is the last that is asked. */
static void run_judge(struct proc *p, struct proc_task *t, struct proc_attach *a,
		      struct proc_call *call)
{
	u64 *args = (void *)p->scratch;
	u32 nr = call->nr_args;

	if (t->is_judged)
		return;
	memcpy(args, call->args, nr * sizeof(*args));
	args[nr] = 0; /* what those before it returned */
	set_func_ip(p, a);
	p->env.func_args = args;
	p->env.nr_func_args = nr;
	t->verdict = (s32)proc_run(p, t, a, args, (nr + 1) * sizeof(*args));
	t->is_judged = t->verdict != 0;
}

static const struct {
	proc_run_fn run;
	bool at_exit;
} hows[] = {
	[PROC_FN_KPROBE] = {run_kprobe, false},
	[PROC_FN_KRETPROBE] = {run_kprobe, true},
	[PROC_FN_FENTRY] = {run_with_args, false},
	[PROC_FN_FEXIT] = {run_with_args, true},
	[PROC_FN_TP] = {run_tp, false},
	[PROC_FN_RAW_TP] = {run_with_args, false},
	[PROC_FN_JUDGE] = {run_judge, false},
};

/* --- attach --------------------------------------------------------------------------------- */

static struct proc_attach *new_attach(struct proc *p, struct hook_prog *hp,
				      const struct proc_fn *fn, enum proc_fn_how how)
{
	struct proc_attach *a = proc_attach_new(p, hp, hows[how].run);

	if (a) {
		a->fn = fn;
		a->at_exit = hows[how].at_exit;
	}
	return a;
}

/* Judges are asked in the order of their hooks; of one hook, as in Linux, the last comes first. */
static void add_judge(struct proc_list *l, struct proc_attach *a)
{
	struct proc_attach **at = &l->first;

	while (*at && (*at)->fn < a->fn)
		at = &(*at)->next;
	a->next = *at;
	*at = a;
}

/* What is seen early waits for its return in the task's saved calls, from the entry list. */
static int attach_to_syscall(struct proc *p, struct hook_prog *hp, const struct proc_fn *fn,
			     enum proc_fn_how how, u32 nr, struct skep_diag *diag)
{
	struct proc_attach *a = new_attach(p, hp, fn, how);

	if (!a)
		return diag_nomem(diag);
	if (how == PROC_FN_JUDGE)
		add_judge(&p->judge[nr], a);
	else
		proc_list_add(fn->late ? &p->exit[nr] : &p->enter[nr], a);
	return 0;
}

static int attach_row(struct proc *p, struct hook_prog *hp, const struct proc_fn *fn,
		      enum proc_fn_how how, struct skep_diag *diag)
{
	const char *at = fn->syscalls;
	struct proc_attach *a;
	int err = 0;

	p->needs_task |= fn->needs_task;
	if (!at) {
		a = new_attach(p, hp, fn, how);
		if (!a)
			return diag_nomem(diag);
		proc_list_add(&p->events[fn->event], a);
		return 0;
	}
	while (*at && !err) {
		size_t len = strcspn(at, " ");
		s32 nr = proc_sys_by_name(at, len);

		if (nr >= 0)
			err = attach_to_syscall(p, hp, fn, how, nr, diag);
		at += len + strspn(at + len, " ");
	}
	return err;
}

int proc_fn_attach(struct proc *p, struct hook_prog *hp, const struct proc_fn *fn,
		   enum proc_fn_how how, struct skep_diag *diag)
{
	const char *name = fn->name;
	int err = 0;

	for (; p && !err && fn->name && !strcmp(fn->name, name); fn++)
		err = attach_row(p, hp, fn, how, diag);
	return err;
}
