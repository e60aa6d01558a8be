/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* From ptrace's stops to events: what is known of a fork, an exec, an exit, a signal. */
#include "hook/proc_event.h"
#include "model/procfs.h"
#include <elf.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- fork ----------------------------------------------------------------------------------- */

/* The flags of the call that the parent is in; from its registers, as it may not be followed. */
u64 proc_clone_flags(struct proc_task *parent)
{
	const struct user_regs_struct *regs = proc_regs(parent);
	u64 flags = 0;

	if (!regs)
		return 0;
	if (regs->orig_rax == SYS_vfork)
		return CLONE_VFORK | CLONE_VM;
	if (regs->orig_rax == SYS_clone)
		return regs->rdi & ~0xffull; /* the signal is not part of them */
	if (regs->orig_rax == SYS_clone3)
		proc_read(parent, &flags, sizeof(flags), regs->rdi);
	return flags;
}

void proc_on_fork(struct proc *p, struct proc_task *parent, struct proc_task *child)
{
	struct proc_happening h = {.child = child};

	proc_kobj(p, child); /* while its parent is there to be read */
	if (!p->events[PROC_EV_FORK].first)
		return;
	h.clone_flags = proc_clone_flags(parent);
	proc_event(p, parent, PROC_EV_FORK, &h);
}

/* --- exec ----------------------------------------------------------------------------------- */

/* The name that was given to execve: the kernel leaves it on the new stack (AT_EXECFN). */
static size_t exec_filename(struct proc_task *t, char *name, size_t size)
{
	u64 at = proc_auxv(t, AT_EXECFN);
	long len = at ? proc_read_str(t, name, size, at) : 0;

	return len > 0 ? len : 0;
}

void proc_on_exec(struct proc *p, struct proc_task *t, u32 old_tid)
{
	struct proc_happening h = {.old_tid = old_tid};
	char name[4096] = "";

	if (!p->events[PROC_EV_EXEC].first)
		return;
	h.filename_len = exec_filename(t, name, sizeof(name));
	if (!h.filename_len) /* 32-bit programs, and what hides its stack */
		h.filename_len = strlen(strcpy(name, t->comm)) + 1;
	h.filename = name;
	proc_event(p, t, PROC_EV_EXEC, &h);
}

/* --- names ---------------------------------------------------------------------------------- */

void proc_on_rename(struct proc *p, struct proc_task *t, const char old_comm[16])
{
	struct proc_happening h = {.old_comm = old_comm};

	proc_event(p, t, PROC_EV_RENAME, &h);
}

/* --- signals -------------------------------------------------------------------------------- */

bool proc_is_kill(s64 nr)
{
	return nr == SYS_kill || nr == SYS_tkill || nr == SYS_tgkill || nr == SYS_rt_sigqueueinfo ||
	       nr == SYS_rt_tgsigqueueinfo || nr == SYS_pidfd_send_signal;
}

/* The field of that number (from 1, as proc(5) counts) of /proc/PID/stat; 0: there is none. */
static s64 stat_field(u32 pid, int nr)
{
	char stat[1024];
	const char *at;

	procfs_read(pid, "stat", stat, sizeof(stat));
	at = strrchr(stat, ')'); /* behind the name, which is the second */
	for (int i = 2; at && i < nr; i++)
		at = strchr(at + 1, ' ');
	return at ? strtoll(at + 1, NULL, 10) : 0;
}

static bool in_mask(const char *status, const char *name, int sig)
{
	const char *at = strstr(status, name);

	return at && sig > 0 && sig <= 64 && strtoull(at + strlen(name), NULL, 16) >> (sig - 1) & 1;
}

/* As prepare_signal(): would the kernel drop it? */
static bool is_ignored(u32 pid, int sig)
{
	bool quiet = sig == SIGCHLD || sig == SIGCONT || sig == SIGURG || sig == SIGWINCH;
	char status[4096];

	if (!procfs_read(pid, "status", status, sizeof(status)))
		return false;
	return in_mask(status, "\nSigIgn:", sig) ||
	       (quiet && !in_mask(status, "\nSigCgt:", sig) && !in_mask(status, "\nSigBlk:", sig));
}

/* For this thread alone. */
bool proc_has_pending(u32 tid, int sig)
{
	char status[4096];

	return procfs_read(tid, "status", status, sizeof(status)) &&
	       in_mask(status, "\nSigPnd:", sig);
}

static void read_comm_of(u32 pid, char comm[16])
{
	char buf[32];
	size_t n = procfs_read(pid, "comm", buf, sizeof(buf));

	memset(comm, 0, 16);
	memcpy(comm, buf, n > 1 ? min_u64(n - 1, 15) : 0);
}

static void set_target(struct proc *p, struct proc_happening *h, u32 pid)
{
	struct proc_task *t = proc_task_find(p, pid);

	h->target = pid;
	h->result = is_ignored(pid, h->sig);
	if (t)
		memcpy(h->target_comm, t->comm, sizeof(t->comm));
	else
		read_comm_of(pid, h->target_comm);
}

/* A pidfd's process: "Pid:" in its fdinfo. */
static u32 pid_of_pidfd(u32 pid, u32 fd)
{
	char name[32], info[1024];
	const char *at;

	snprintf(name, sizeof(name), "fdinfo/%u", fd);
	procfs_read(pid, name, info, sizeof(info));
	at = strstr(info, "\nPid:");
	return at ? strtol(at + 5, NULL, 10) : 0;
}

/* SIGKILL to itself: the call does not return. */
bool proc_is_suicide(const struct proc_task *t)
{
	bool has_tgid = t->nr == SYS_tgkill || t->nr == SYS_rt_tgsigqueueinfo;
	u32 pid = t->args[0];

	return proc_is_kill(t->nr) && t->nr != SYS_pidfd_send_signal &&
	       t->args[has_tgid ? 2 : 1] == SIGKILL && pid == t->process->tgid;
}

/* Called when a system call that sends a signal has succeeded, or will not return. */
void proc_on_kill(struct proc *p, struct proc_task *t)
{
	struct proc_happening h = {.group = t->nr == SYS_kill || t->nr == SYS_rt_sigqueueinfo ||
					    t->nr == SYS_pidfd_send_signal};
	bool has_tgid = t->nr == SYS_tgkill || t->nr == SYS_rt_tgsigqueueinfo;
	s32 pid = t->args[has_tgid ? 1 : 0];

	h.sig = t->args[has_tgid ? 2 : 1];
	if (t->nr == SYS_pidfd_send_signal)
		pid = pid_of_pidfd(t->process->tgid, t->args[0]);
	if (!h.sig) /* only asks whether it may */
		return;
	if (pid <= 0) { /* a group: reported for each process that it arrives at */
		t->process->kills_groups = true;
		return;
	}
	h.info.si_signo = h.sig;
	h.info.si_code = t->nr == SYS_kill              ? SI_USER
			 : t->nr == SYS_rt_sigqueueinfo ? SI_QUEUE
							: SI_TKILL;
	h.info.si_pid = t->process->tgid;
	h.info.si_uid = t->process->uid;
	set_target(p, &h, pid);
	proc_event(p, t, PROC_EV_SIGNAL_SEND, &h);
}

/* Who sent it is not traced (or dead, as a child that raises SIGCHLD): a task for this one run. */
static void from_outside(struct proc *p, struct proc_happening *h)
{
	struct proc_process process = {.tgid = h->info.si_pid,
				       .uid = h->info.si_uid,
				       .cgroup_id = 1,
				       .mem_fd = -1,
				       .pid_fd = -1,
				       .nr_threads = 1};
	struct proc_task sender = {.tid = process.tgid, .process = &process, .nr = -1};

	read_comm_of(sender.tid, sender.comm);
	proc_event(p, &sender, PROC_EV_SIGNAL_SEND, h);
	model_release(p->model, sender.pt_regs);
}

static bool is_among_dead(const struct proc *p, u32 pid)
{
	for (u32 i = 0; i < PROC_NR_DEAD; i++)
		if (p->dead[i] == pid)
			return true;
	return false;
}

/* Was its generation reported already, when its sender's system call returned, or it exited? */
static bool was_reported(struct proc *p, const siginfo_t *info, const struct proc_task *t)
{
	bool by_call = info->si_code == SI_USER || info->si_code == SI_TKILL ||
		       info->si_code == SI_QUEUE;
	bool by_child = info->si_signo == SIGCHLD && info->si_code >= CLD_EXITED &&
			info->si_code <= CLD_DUMPED;
	const struct proc_process *sender = by_call ? hash_get(&p->processes, info->si_pid) : NULL;

	if (by_child && p->own)
		return true;
	return by_child ? is_among_dead(p, info->si_pid) : sender && !sender->kills_groups;
}

/* As complete_signal(): it ends the process without a dump. Linux makes it a SIGKILL for all its
 * threads, and that is what they get: see on_killed. */
static bool is_end(u32 pid, int sig)
{
	static const u64 others = /* dump, stop, or are ignored by default */
		1ull << SIGQUIT | 1ull << SIGILL | 1ull << SIGTRAP | 1ull << SIGABRT |
		1ull << SIGFPE | 1ull << SIGSEGV | 1ull << SIGBUS | 1ull << SIGSYS |
		1ull << SIGXCPU | 1ull << SIGXFSZ | 1ull << SIGSTOP | 1ull << SIGTSTP |
		1ull << SIGTTIN | 1ull << SIGTTOU | 1ull << SIGCONT | 1ull << SIGCHLD |
		1ull << SIGWINCH | 1ull << SIGURG;
	char status[4096];

	if (sig <= 0 || sig > 63 || others >> sig & 1)
		return false;
	return procfs_read(pid, "status", status, sizeof(status)) &&
	       !in_mask(status, "\nSigCgt:", sig);
}

void proc_on_signal(struct proc *p, struct proc_task *t, int sig)
{
	struct proc_happening h = {.sig = sig};

	if (!p->events[PROC_EV_SIGNAL_SEND].first && !p->events[PROC_EV_SIGNAL_DELIVER].first)
		return;
	if (ptrace(PTRACE_GETSIGINFO, t->tid, NULL, &h.info) < 0)
		return;
	if (!was_reported(p, &h.info, t)) {
		bool from_kernel = h.info.si_code == SI_KERNEL || h.info.si_pid == 0 ||
				   (h.info.si_code > 0 && sig != SIGCHLD);

		h.group = sig == SIGCHLD || h.info.si_code == SI_USER;
		set_target(p, &h, t->tid);
		if (from_kernel)
			proc_event(p, t, PROC_EV_SIGNAL_SEND, &h);
		else
			from_outside(p, &h);
	}
	if (!is_ignored(t->tid, sig) && !is_end(t->tid, sig))
		proc_event(p, t, PROC_EV_SIGNAL_DELIVER, &h);
}

/* --- exit ----------------------------------------------------------------------------------- */

static void on_killed(struct proc *p, struct proc_task *t)
{
	struct proc_happening h = {.sig = SIGKILL};
	u32 sig = t->exit_code & 0x7f;

	if (sig && !(t->exit_code & 0x80) && (sig == SIGKILL || is_end(t->tid, sig)))
		proc_event(p, t, PROC_EV_SIGNAL_DELIVER, &h);
}

/* Signals that are no queue are dropped while one of them waits. */
static bool is_pending(u32 pid, int sig)
{
	char status[4096];

	return sig < 32 && procfs_read(pid, "status", status, sizeof(status)) &&
	       in_mask(status, "\nShdPnd:", sig);
}

/* As do_notify_parent(): the last thread tells the parent. */
static void tell_parent(struct proc *p, struct proc_task *t)
{
	u32 tgid = t->process->tgid, parent = stat_field(tgid, 4);
	struct proc_happening h = {.sig = stat_field(tgid, 38), .group = true};
	char status[4096];

	if (h.sig <= 0 || !parent)
		return;
	h.info.si_signo = h.sig;
	h.info.si_code = t->exit_code & 0x80   ? CLD_DUMPED
			 : t->exit_code & 0x7f ? CLD_KILLED
					       : CLD_EXITED;
	h.info.si_pid = tgid;
	h.info.si_uid = t->process->uid;
	h.info.si_status = t->exit_code & 0x7f ? t->exit_code & 0x7f : t->exit_code >> 8;
	p->dead[p->nr_dead++ % PROC_NR_DEAD] = tgid;
	if (h.sig == SIGCHLD && procfs_read(parent, "status", status, sizeof(status)) &&
	    in_mask(status, "\nSigIgn:", SIGCHLD))
		return;
	set_target(p, &h, parent);
	if (!h.result && is_pending(parent, h.sig))
		h.result = 2;
	proc_event(p, t, PROC_EV_SIGNAL_SEND, &h);
}

void proc_on_exit(struct proc *p, struct proc_task *t)
{
	struct proc_happening h = {.group_dead = t->process->nr_threads == 1};

	if (p->events[PROC_EV_SIGNAL_DELIVER].first)
		on_killed(p, t);
	if (p->model_tasks) {
		proc_kobj(p, t);
		model_task_set_exit_code(p->model_tasks, t->tid, t->exit_code);
	}
	proc_event(p, t, PROC_EV_EXIT, &h);
	if (h.group_dead && p->events[PROC_EV_SIGNAL_SEND].first)
		tell_parent(p, t);
}
