/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The proc provider: a command and its children, or a running process, under ptrace.
 * See proc.h for which file does what.
 */
#include "base/mem.h"
#include "hook/proc_event.h"
#include "hook/uprobe.h"
#include "map/map.h"
#include "model/sock.h"
#include <errno.h>
#include <unistd.h>

static struct proc *proc_of(struct hook_set *set)
{
	return *hook_priv(set, &hook_proc);
}

static int init(struct hook_set *set, struct skep_diag *diag)
{
	struct proc *p = mem_zalloc(sizeof(*p));

	if (!p)
		return diag_nomem(diag);
	p->set = set;
	p->opts = hook_options(set);
	p->model = hook_model(set);
	p->exit_status = -1;
	p->exec_fd = -1;
	p->scratch = p->model ? model_alloc_bytes(p->model, PROC_SCRATCH_SIZE) : NULL;
	if (!p->scratch) {
		mem_free(p);
		return diag_nomem(diag);
	}
	*hook_priv(set, &hook_proc) = p;
	return 0;
}

static int attach(struct hook_set *set, struct hook_prog *hp, struct skep_diag *diag)
{
	return proc_attach_prog(proc_of(set), hp, diag);
}

static int start(struct hook_set *set, struct skep_diag *diag)
{
	struct proc *p = proc_of(set);
	int err = 0;

	if (p->needs_task) {
		err = model_tasks_new(p->model, &p->model_tasks, diag);
		if (err)
			return err;
		model_tasks_on_gone(p->model_tasks, storage_owner_gone);
	}
	err = p->opts->argv ? proc_spawn(p, diag) : proc_seize(p, p->opts->pid, diag);
	if (!err && p->opts->started)
		p->opts->started(p->opts->run_ctx, p->main_pid);
	return err;
}

static int poll_stops(struct hook_set *set, int timeout_ms, struct skep_diag *diag)
{
	return proc_wait(proc_of(set), timeout_ms, diag);
}

static void stop(struct hook_set *set)
{
	struct proc *p = proc_of(set);

	p->stopping = true;
	if (p->own)
		proc_kill_all(p);
	else
		proc_detach_all(p);
}

static int exit_status(struct hook_set *set)
{
	const struct proc *p = proc_of(set);

	return p->own ? p->exit_status : -1;
}

static void done(struct hook_set *set)
{
	struct proc *p = proc_of(set);

	proc_tasks_done(p);
	uprobe_set_free(p);
	proc_attach_free(p);
	model_tasks_free(p->model_tasks);
	model_socks_free(p->socks);
	model_release(p->model, p->scratch);
	proc_timer_done(p);
	if (p->exec_fd >= 0)
		close(p->exec_fd);
	mem_free(p);
	*hook_priv(set, &hook_proc) = NULL;
}

const struct hook_provider hook_proc = {
	.name = "proc",
	.serves = proc_serves,
	.init = init,
	.attach = attach,
	.start = start,
	.poll = poll_stops,
	.stop = stop,
	.exit_status = exit_status,
	.done = done,
};
