/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Kernel functions whose calls can be told from outside (proc_fn.c). */
#ifndef HOOK_PROC_FN_H
#define HOOK_PROC_FN_H

#include "hook/proc_event.h"

/* How a program is put at a function. */
enum proc_fn_how {
	PROC_FN_KPROBE,
	PROC_FN_KRETPROBE,
	PROC_FN_FENTRY,
	PROC_FN_FEXIT,
	PROC_FN_TP,     /* the tracepoint that this row stands for */
	PROC_FN_RAW_TP, /* its raw form */
	PROC_FN_JUDGE,  /* LSM and fmod_ret: what it returns instead of 0 is the call's result */
};

struct proc_fn {
	const char *name;     /* of the function; a tracepoint is category/name */
	const char *syscalls; /* that pass it, separated by spaces; NULL: an event does */
	enum proc_event_kind event;
	u32 nr_args;
	bool needs_task; /* tasks or files of the model */
	bool late; /* it is reached when the system call's result is known: seen at its exit */
	/* Fill in the arguments. false: this system call does not come to the function. Where it is
	 * late, call->ret is what the system call returned. */
	bool (*enter)(struct proc *p, struct proc_task *t, struct proc_call *call);
	/* call->ret is what the system call returned; make it the function's. NULL: the same. */
	bool (*leave)(struct proc *p, struct proc_task *t, struct proc_call *call);
};

const struct proc_fn *proc_fn_find(const char *name); /* NULL: not served */
const struct proc_fn *proc_fn_at(u32 idx);            /* all rows, then NULL */
const struct proc_fn *proc_fn_find_tp(const char *target);
const struct proc_fn *proc_fn_find_raw_tp(const char *name);

/* p NULL: only ask. */
int proc_fn_attach(struct proc *p, struct hook_prog *hp, const struct proc_fn *fn,
		   enum proc_fn_how how, struct skep_diag *diag);

#endif
