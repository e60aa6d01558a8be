/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The table of traced threads and of the processes that they belong to. */
#include "base/file.h"
#include "base/mem.h"
#include "hook/proc.h"
#include "hook/uprobe.h"
#include "map/map.h"
#include "model/cgroup.h"
#include "model/procfs.h"
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* /proc/PID/status is below 2 KiB; a kernel that writes more has fields that we do not read. */
#define STATUS_SIZE 4096

/* The n-th number behind "Name:" in /proc/PID/status. */
static u32 status_number(const char *status, const char *name, u32 n)
{
	const char *at = strstr(status, name);
	char *end;
	u64 x = 0;

	if (!at)
		return 0;
	at += strlen(name);
	for (u32 i = 0; i <= n; i++) {
		x = strtoull(at, &end, 10);
		at = end;
	}
	return x;
}

u32 proc_tgid_of(u32 tid)
{
	char status[STATUS_SIZE];

	return procfs_read(tid, "status", status, sizeof(status))
		       ? status_number(status, "\nTgid:", 0)
		       : 0;
}

u64 proc_auxv(const struct proc_task *t, u64 type)
{
	Elf64_auxv_t aux[65]; /* Linux gives about 20, and room for a NUL behind them */
	size_t n = procfs_read(t->tid, "auxv", (char *)aux, sizeof(aux));

	for (size_t i = 0; i < n / sizeof(aux[0]); i++)
		if (aux[i].a_type == type)
			return aux[i].a_un.a_val;
	return 0;
}

static void read_ids(struct proc_process *process)
{
	char status[STATUS_SIZE];

	if (!procfs_read(process->tgid, "status", status, sizeof(status)))
		return;
	/* real ids, as bpf_get_current_uid_gid */
	process->uid = status_number(status, "\nUid:", 0);
	process->gid = status_number(status, "\nGid:", 0);
	process->cgroup_id = model_cgroup_id(process->tgid);
}

static void read_comm(struct proc_task *t)
{
	char comm[32];
	size_t n = procfs_read(t->tid, "comm", comm, sizeof(comm));

	if (!n)
		return;
	comm[n - 1] = 0; /* the newline */
	memset(t->comm, 0, sizeof(t->comm));
	memcpy(t->comm, comm, min_u64(n - 1, sizeof(t->comm) - 1));
}

struct proc_task *proc_task_find(const struct proc *p, u32 tid)
{
	return hash_get(&p->tasks, tid);
}

static struct proc_process *get_process(struct proc *p, u32 tgid, const struct proc_process *parent)
{
	struct proc_process *process = hash_get(&p->processes, tgid);

	if (process) {
		process->nr_threads++;
		return process;
	}
	process = mem_zalloc(sizeof(*process));
	if (!process)
		return NULL;
	process->tgid = tgid;
	process->nr_threads = 1;
	process->mem_fd = process->pid_fd = -1;
	process->cgroup_id = 1;
	if (parent) {
		process->uid = parent->uid;
		process->gid = parent->gid;
		process->cgroup_id = parent->cgroup_id;
	} else {
		read_ids(process);
	}
	if (hash_put(&p->processes, tgid, process)) {
		mem_free(process);
		return NULL;
	}
	return process;
}

static void put_process(struct proc *p, struct proc_process *process)
{
	if (--process->nr_threads)
		return;
	hash_del(&p->processes, process->tgid);
	uprobe_process_free(p, process);
	if (process->mem_fd >= 0)
		close(process->mem_fd);
	if (process->pid_fd >= 0)
		close(process->pid_fd);
	mem_free(process);
}

struct proc_task *proc_task_new(struct proc *p, u32 tid, u32 tgid, const struct proc_task *parent)
{
	struct proc_task *t = mem_zalloc(sizeof(*t));

	if (!t)
		return NULL;
	t->tid = tid;
	t->nr = -1;
	t->born = proc_now();
	t->boot_born = parent ? proc_boot_now() : 0;
	t->process = get_process(p, tgid, parent ? parent->process : NULL);
	if (!t->process || hash_put(&p->tasks, tid, t)) {
		if (t->process)
			put_process(p, t->process);
		mem_free(t);
		return NULL;
	}
	p->nr_tasks++;
	if (parent)
		memcpy(t->comm, parent->comm, sizeof(t->comm));
	else
		read_comm(t);
	return t;
}

static void free_saved(struct proc_task *t)
{
	struct proc_saved *s = t->saved, *next;

	for (; s; s = next) {
		next = s->next;
		mem_free(s);
	}
	t->saved = NULL;
}

void proc_task_free(struct proc *p, struct proc_task *t)
{
	if (hash_get(&p->tasks, t->tid) == t)
		hash_del(&p->tasks, t->tid);
	p->nr_tasks--;
	free_saved(t);
	proc_unlend(p, t);
	uprobe_thread_free(t);
	if (p->model_tasks)
		model_task_exited(p->model_tasks, t->tid);
	model_release(p->model, t->pt_regs);
	put_process(p, t->process);
	mem_free(t);
}

void proc_task_renamed(struct proc *p, struct proc_task *t)
{
	read_comm(t);
	if (p->model_tasks)
		model_task_set_comm(p->model_tasks, t->tid, t->comm);
}

void proc_process_changed(struct proc *p, struct proc_process *process)
{
	read_ids(process);
	if (p->model_tasks)
		model_task_changed(p->model_tasks, process->tgid);
}

/* The thread that called execve goes on under the process's id; all others are gone. */
static struct proc_task *take_over(struct proc *p, struct proc_task *leader, u32 old_tid)
{
	struct proc_task *caller = proc_task_find(p, old_tid);

	if (!caller || caller == leader)
		return leader;
	leader->nr = caller->nr;
	leader->is_compat = caller->is_compat;
	leader->wants_exit = caller->wants_exit;
	memcpy(leader->args, caller->args, sizeof(leader->args));
	free_saved(leader);
	leader->saved = caller->saved;
	caller->saved = NULL;
	proc_task_free(p, caller);
	return leader;
}

void proc_task_execed(struct proc *p, struct proc_task *t, u32 old_tid)
{
	take_over(p, t, old_tid);
	if (t->process->mem_fd >= 0)
		close(t->process->mem_fd);
	t->process->mem_fd = -1;
	read_ids(t->process);
	read_comm(t);
	if (p->model_tasks) {
		model_task_execed(p->model_tasks, t->tid, old_tid);
		t->kobj = model_task_find(p->model_tasks, t->tid);
		model_task_set_comm(p->model_tasks, t->tid, t->comm);
	}
}

int proc_process_mem(struct proc_process *process)
{
	char path[64];

	if (process->mem_fd < 0) {
		snprintf(path, sizeof(path), "/proc/%u/mem", process->tgid);
		process->mem_fd = open(path, O_RDWR | O_CLOEXEC);
	}
	return process->mem_fd;
}

void proc_tasks_done(struct proc *p)
{
	for (size_t i = 0; i < p->tasks.room; i++)
		while (p->tasks.slots[i].value)
			proc_task_free(p, p->tasks.slots[i].value);
	hash_done(&p->tasks);
	hash_done(&p->processes);
}
