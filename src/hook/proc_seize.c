/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tracing of a process that runs (-p): a filter cannot be put into somebody else, so all its
 * threads are seized and stop at every system call. EXITKILL is not set: they go on when skep goes.
 */
#include "base/file.h"
#include "base/mem.h"
#include "hook/proc.h"
#include "model/procfs.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_zombie(u32 tid)
{
	char status[4096];

	return procfs_read(tid, "status", status, sizeof(status)) && strstr(status, "\nState:\tZ");
}

/* 1: it is new, 0: there is nothing to do, -errno. A leader that has ended before its threads is
 * a zombie that cannot be traced. */
static int seize_thread(struct proc *p, u32 tid, u32 tgid, struct skep_diag *diag)
{
	struct proc_task *t;

	if (proc_task_find(p, tid))
		return 0;
	if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)(uintptr_t)proc_ptrace_options(p)) < 0) {
		int err = -errno;

		return err == -ESRCH || is_zombie(tid) ? 0 : err;
	}
	t = proc_task_new(p, tid, tgid, NULL);
	if (!t)
		return diag_nomem(diag);
	t->state = PROC_RUNNING;
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	return 1;
}

/* One pass over the threads: how many were new, or -errno. */
static int seize_threads(struct proc *p, u32 pid, struct skep_diag *diag)
{
	char path[64];
	struct dirent *d;
	int nr = 0, one = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	if (!dir)
		return -ESRCH;
	while (one >= 0 && (d = readdir(dir))) {
		u32 tid = strtoul(d->d_name, NULL, 10);

		one = tid ? seize_thread(p, tid, pid, diag) : 0;
		nr += one;
	}
	closedir(dir);
	return one < 0 ? one : nr;
}

static u32 number_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

/* A file of one digit. */
static bool has_yama(void)
{
	char *scope = NULL;
	size_t size;
	bool is_on;

	if (file_read("/proc/sys/kernel/yama/ptrace_scope", 16, &scope, &size, NULL))
		return false;
	is_on = scope[0] > '0';
	mem_free(scope);
	return is_on;
}

/* Why the kernel says EPERM, from what /proc tells of the process. */
static int not_permitted(struct skep_diag *diag, u32 pid)
{
	char status[4096] = "";
	u32 tracer;

	procfs_read(pid, "status", status, sizeof(status));
	tracer = number_of(status, "\nTracerPid:");
	if (pid == (u32)getpid())
		return diag_set(diag, -EPERM, "that is skep itself");
	if (tracer)
		return diag_set(diag, -EPERM,
				"process %u traces it already, and a process has one tracer",
				tracer);
	if (status[0] && !strstr(status, "\nVmSize:"))
		return diag_set(diag, -EPERM, "it is a thread of the kernel");
	return diag_set_full(diag, -EPERM, "not-permitted",
			     has_yama() ? "/proc/sys/kernel/yama/ptrace_scope is not 0: only root "
					  "may trace what it did not start itself"
					: "it must be a process of the same user that has not "
					  "changed its credentials; root may trace any",
			     "it may not be traced: %s", strerror(EPERM));
}

static int not_there(struct skep_diag *diag, u32 pid)
{
	char status[4096] = "";

	procfs_read(pid, "status", status, sizeof(status));
	if (strstr(status, "\nState:\tZ"))
		return diag_set(diag, -ESRCH,
				"it has ended already: a zombie that process %u has not waited for",
				number_of(status, "\nPPid:"));
	return diag_set(diag, -ESRCH, "there is no such process");
}

int proc_seize(struct proc *p, u32 pid, struct skep_diag *diag)
{
	u32 tgid = proc_tgid_of(pid);
	int nr = -ESRCH;

	p->all_stops = true;
	p->main_pid = tgid ? tgid : pid;
	do { /* a thread that was born meanwhile is found by the next pass */
		nr = tgid ? seize_threads(p, tgid, diag) : -ESRCH;
	} while (nr > 0);
	if (nr == -EPERM)
		nr = not_permitted(diag, tgid);
	else if (nr == -ESRCH || (!nr && !p->nr_tasks))
		nr = not_there(diag, pid);
	return nr < 0 ? diag_at(diag, nr, "process %u", pid) : 0;
}
