/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "hook/uprobe.h"
#include <errno.h>
int uprobe_attach(struct proc *p, struct hook_prog *hp, const struct prog *prog,
		  const struct hook_opts *opts, struct skep_diag *diag)
{
	return diag_set(diag, -ENOTSUP, "not yet");
}
void uprobe_set_free(struct proc *p)
{
}
void uprobe_process_new(struct proc *p, struct proc_process *process,
			const struct proc_process *parent)
{
}
void uprobe_process_free(struct proc *p, struct proc_process *process)
{
}
void uprobe_thread_free(struct proc_task *t)
{
}
void uprobe_execed(struct proc *p, struct proc_task *t)
{
}
void uprobe_mapped(struct proc *p, struct proc_task *t)
{
}
bool uprobe_trapped(struct proc *p, struct proc_task *t)
{
	return false;
}
bool uprobe_is_stepping(const struct proc_task *t)
{
	return false;
}
void uprobe_remove(struct proc *p, struct proc_task *t)
{
}
