/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions on tasks. Which there are says /proc; what they look like in the model kernel
 * says the hook, which makes a task_struct for each that is asked for.
 */
#include "spec/spec.h"
#include "vm/mem.h"
#include "vm/state.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static u64 from_pid(struct vm_run *run, u64 pid, u64 r2, u64 r3, u64 r4, u64 r5)
{
	const struct vm_env *env = run->env;

	if ((s32)pid <= 0)
		return 0;
	if (env->task.kobj && (u32)pid == env->task.pid)
		return (uintptr_t)env->task.kobj;
	if (env->world && env->world->task_by_pid)
		return (uintptr_t)env->world->task_by_pid(run->env, pid);
	return 0;
}

static u64 send_signal(struct vm_run *run, u64 task, u64 sig, u64 type, u64 value, u64 r5)
{
	const struct vm_world *w = run->env->world;

	if (type > 1) /* PIDTYPE_PID, PIDTYPE_TGID */
		return -EINVAL;
	if (!w || !w->send_signal || task != (uintptr_t)run->env->task.kobj)
		return -EPERM;
	return (s32)sig < 0 || (s32)sig > 64 ? (u64)-EINVAL
					     : (u64)w->send_signal(run->env, sig, !type);
}

static u64 same(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return r1;
}

static u64 nothing(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return 0;
}

/* --- all of them: bpf_iter_task --------------------------------------------------------------- */

enum { ALL_PROCS, ALL_THREADS, PROC_THREADS };

#define READ_COST 20000 /* instructions: what a look at a directory of /proc costs */

/* 24 bytes of the program's; a program that nobody verified may have written anything here, which
 * does no harm: numbers that no task has. */
struct iter_task {
	u32 pid, tid; /* what was given last; 0: nothing yet */
	u32 how;
	u32 pad[3];
};

/* The least number above `than` among the names in a directory; 0: none. */
static u32 next_number(struct vm_run *run, const char *dir, u32 than)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	u32 best = 0;

	vm_charge(run, READ_COST);
	while (d && (e = readdir(d))) {
		char *end;
		unsigned long nr = strtoul(e->d_name, &end, 10);

		if (end != e->d_name && !*end && nr > than && nr <= INT32_MAX &&
		    (!best || nr < best))
			best = (u32)nr;
	}
	if (d)
		closedir(d);
	return best;
}

static u32 next_thread(struct vm_run *run, u32 pid, u32 than)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/proc/%u/task", pid);
	return next_number(run, dir, than);
}

static bool step(struct vm_run *run, struct iter_task *it)
{
	if (it->how != ALL_PROCS && it->pid) {
		it->tid = next_thread(run, it->pid, it->tid);
		if (it->tid || it->how == PROC_THREADS)
			return it->tid;
	}
	if (it->how == PROC_THREADS)
		return false;
	it->pid = next_number(run, "/proc", it->pid);
	it->tid = it->pid;
	return it->pid;
}

static bool owns(struct vm_run *run, u64 it)
{
	if (!(it & 7) && vm_may(run, it, sizeof(struct iter_task), VM_MEM_READ | VM_MEM_WRITE))
		return true;
	vm_fault(run, "argument 1 must be an iterator, aligned to 8 bytes; it is %#llx",
		 (unsigned long long)it);
	return false;
}

/* The process of a task that the model has: by its fields, which the hook knows. */
static u32 tgid_of(struct vm_run *run, u64 task)
{
	return (u32)vm_kernel_field(run, task, "task_struct", "tgid");
}

static u64 iter_new(struct vm_run *run, u64 addr, u64 task, u64 how, u64 r4, u64 r5)
{
	struct iter_task it = {.how = (u32)how};
	long err = 0;

	if (!owns(run, addr))
		return 0;
	if ((u32)how > PROC_THREADS || ((u32)how == PROC_THREADS && !task))
		err = -EINVAL;
	else if (it.how == PROC_THREADS)
		it.pid = tgid_of(run, task);
	if (err)
		it.how = PROC_THREADS; /* of no process: at its end */
	memcpy((void *)(uintptr_t)addr, &it, sizeof(it));
	return err;
}

static u64 iter_next(struct vm_run *run, u64 addr, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct iter_task it;
	u64 task = 0;

	if (!owns(run, addr))
		return 0;
	memcpy(&it, (const void *)(uintptr_t)addr, sizeof(it));
	while (!task && it.how <= PROC_THREADS && step(run, &it)) /* they may be gone by now */
		task = from_pid(run, it.tid, 0, 0, 0, 0);
	memcpy((void *)(uintptr_t)addr, &it, sizeof(it));
	return task;
}

const struct vm_kfunc kfuncs_task[] = {
	{"bpf_task_acquire", same},
	{"bpf_task_release", nothing},
	{"bpf_task_from_pid", from_pid},
	{"bpf_task_from_vpid", from_pid},
	{"bpf_send_signal_task", send_signal},
	{"bpf_iter_task_new", iter_new},
	{"bpf_iter_task_next", iter_next},
	{"bpf_iter_task_destroy", nothing},
	{NULL, NULL},
};
