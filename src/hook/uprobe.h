/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Breakpoints in the traced processes: uprobe, uretprobe and USDT (see uprobe.c for the theory).
 * All of it does nothing where no program asked for it (proc.uprobes is NULL).
 */
#ifndef HOOK_UPROBE_H
#define HOOK_UPROBE_H

#include "hook/proc.h"

/* Attach time. p NULL: only check. */
int uprobe_attach(struct proc *p, struct hook_prog *hp, const struct prog *prog,
		  const struct hook_opts *opts, struct skep_diag *diag);
void uprobe_set_free(struct proc *p);

/* Processes come and go, and map files. */
void uprobe_process_free(struct proc *p, struct proc_process *process);
void uprobe_thread_free(struct proc_task *t);
void uprobe_forked(const struct proc_task *parent, struct proc_task *child);
void uprobe_execed(struct proc *p, struct proc_task *t);
void uprobe_mapped(struct proc *p, struct proc_task *t);
void uprobe_first_stop(struct proc *p, struct proc_task *t); /* of a process that ran before us */

/* A SIGTRAP stop: true if it was one of ours (and the thread has been set up to go on). */
bool uprobe_trapped(struct proc *p, struct proc_task *t);
bool uprobe_is_stepping(const struct proc_task *t);
/* It must not go on before another thread has; then uprobe_retry. */
bool uprobe_is_waiting(struct proc_task *t);
void uprobe_retry(struct proc_task *t);
/* Another signal came while it was stepping. */
void uprobe_interrupted(struct proc *p, struct proc_task *t);
/* Before stopped threads are let go for good: all of them leave their steps, and their return
 * addresses are put back; then the original instructions. */
void uprobe_leave(struct proc_task *t);
void uprobe_remove(struct proc_task *t);

#endif
