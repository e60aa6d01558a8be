/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What happens in traced threads apart from system calls, and the tracepoints that tell of it. */
#ifndef HOOK_PROC_EVENT_H
#define HOOK_PROC_EVENT_H

#include "hook/proc.h"
#include <signal.h>

/* What is known of an event; each kind has its own part. */
struct proc_happening {
	/* FORK */
	struct proc_task *child;
	u64 clone_flags;
	/* EXEC */
	const char *filename;
	size_t filename_len; /* with the NUL */
	u32 old_tid;
	/* EXIT */
	bool group_dead;
	/* SIGNAL */
	int sig;
	siginfo_t info;
	u32 target;
	char target_comm[16];
	bool group; /* to the process, not to a thread */
	u32 result; /* 0 delivered, 1 ignored, 2 one is pending already */
	/* RENAME */
	const char *old_comm;
};

struct proc_writer;

/* A tracepoint that is not about system calls. */
struct proc_tp {
	const char *category, *name;
	enum proc_event_kind event;
	const char *ctx_type, *old_type; /* struct of the context in BTF; its older name or NULL */
	u32 nr_args;                     /* of the raw tracepoint */
	void (*fill)(struct proc_writer *w, struct proc_task *t, const struct proc_happening *h);
	void (*args)(struct proc *p, struct proc_task *t, const struct proc_happening *h,
		     u64 *args);
};

/* category may be NULL (raw tracepoints have none); NULL: not served. */
const struct proc_tp *proc_tp_find(const char *category, size_t category_len, const char *name);

void proc_run_tp(struct proc *p, struct proc_task *t, struct proc_attach *a,
		 struct proc_call *call);
void proc_run_raw_tp(struct proc *p, struct proc_task *t, struct proc_attach *a,
		     struct proc_call *call);
void proc_event(struct proc *p, struct proc_task *t, enum proc_event_kind kind,
		const struct proc_happening *h);

u64 proc_clone_flags(struct proc_task *parent); /* of the call that it is in */
void proc_on_fork(struct proc *p, struct proc_task *parent, struct proc_task *child);
void proc_on_exec(struct proc *p, struct proc_task *t, u32 old_tid);
void proc_on_exit(struct proc *p, struct proc_task *t);
void proc_on_rename(struct proc *p, struct proc_task *t, const char old_comm[16]);
void proc_on_kill(struct proc *p, struct proc_task *t); /* a system call that sent a signal */
bool proc_is_kill(s64 nr);
bool proc_has_pending(u32 tid, int sig);
bool proc_is_suicide(const struct proc_task *t);
void proc_on_signal(struct proc *p, struct proc_task *t, int sig);
void proc_on_sample(struct proc *p, struct proc_task *t);

#endif
