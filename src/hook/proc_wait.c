/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The loop over stops (ptrace(2) with PTRACE_SEIZE), and how a thread goes on after each.
 *
 *   SECCOMP            entry to a system call that somebody wants
 *   SIGTRAP | 0x80     its exit; without a filter (all_stops) entries too
 *   FORK VFORK CLONE   in the parent; the child is traced already and stops by itself, before or
 *                      after. One that comes first is held until its parent's event was seen, so
 *                      that programs see fork before anything that the child does
 *   EXEC               the thread is now the leader, all others are gone
 *   EXIT               the last stop; memory and /proc are still there
 *   STOP               SIGTRAP: a new thread, or our own interrupt; else a group stop, in which
 *                      the thread stays (PTRACE_LISTEN) until somebody sends SIGCONT
 *   else               a signal on its way: passed on, unless it is a breakpoint of ours
 *
 * Waiting ends when a timer's signal interrupts waitpid: one system call per stop, no polling.
 * The timer repeats, so a tick that comes before waitpid was entered costs one more period.
 */
#include "hook/proc_event.h"
#include "hook/uprobe.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/ptrace.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef __WNOTHREAD
#define __WNOTHREAD 0x20000000
#endif

/* Children that stopped while their parent died unseen are let go after this time. */
#define ORPHAN_NS 200000000ull

/* A command that ignores SIGTERM is killed after this time. */
#define TERM_NS       1000000000ull
#define KILL_NS       1000000000ull
#define DRAIN_TICK_MS 20

/* --- going on ------------------------------------------------------------------------------- */

static void go_on(struct proc *p, struct proc_task *t, int sig)
{
	int how = PTRACE_CONT;

	if (t->regs_dirty)
		proc_set_regs(t);
	t->regs_dirty = t->has_regs = false;
	if (uprobe_is_waiting(t)) {
		t->state = PROC_PARKED;
		p->nr_parked++;
		return;
	}
	if (uprobe_is_stepping(t))
		how = PTRACE_SINGLESTEP;
	else if (t->wants_exit || p->all_stops)
		how = PTRACE_SYSCALL;
	t->state = PROC_RUNNING;
	ptrace(how, t->tid, NULL, (void *)(uintptr_t)sig);
}

/* Threads that waited for a breakpoint's instruction (uprobe.c): they hit it again. */
static void wake_parked(struct proc *p)
{
	for (size_t i = 0; p->nr_parked && i < p->tasks.room; i++) {
		struct proc_task *t = p->tasks.slots[i].value;

		if (!t || t->state != PROC_PARKED || uprobe_is_waiting(t))
			continue;
		p->nr_parked--;
		uprobe_retry(t);
		go_on(p, t, 0);
	}
}

/* --- system calls --------------------------------------------------------------------------- */

static void on_enter(struct proc *p, struct proc_task *t, const struct ptrace_syscall_info *info)
{
	t->nr = info->entry.nr;
	t->is_compat = info->arch != AUDIT_ARCH_X86_64;
	for (u32 i = 0; i < 6; i++)
		t->args[i] = info->entry.args[i];
	proc_sys_enter(p, t);
}

static void on_exit_of_call(struct proc *p, struct proc_task *t,
			    const struct ptrace_syscall_info *info)
{
	if (t->nr >= 0)
		proc_sys_exit(p, t, info->exit.rval);
	t->nr = -1;
	t->wants_exit = false;
}

static void on_syscall(struct proc *p, struct proc_task *t)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, (void *)sizeof(info), &info) > 0) {
		if (info.op == PTRACE_SYSCALL_INFO_EXIT)
			on_exit_of_call(p, t, &info);
		else if (info.op != PTRACE_SYSCALL_INFO_NONE)
			on_enter(p, t, &info);
	}
	go_on(p, t, 0);
}

/* --- birth and death ------------------------------------------------------------------------ */

static u64 event_message(struct proc_task *t)
{
	unsigned long msg = 0;

	ptrace(PTRACE_GETEVENTMSG, t->tid, NULL, &msg);
	return msg;
}

/* The child returns from the same system call as its parent, with 0. */
static void release_child(struct proc *p, struct proc_task *parent, struct proc_task *child)
{
	if (parent) {
		child->nr = parent->nr;
		child->is_compat = parent->is_compat;
		memcpy(child->args, parent->args, sizeof(child->args));
		if (child->nr >= 0)
			proc_sys_exit(p, child, 0);
		child->nr = -1;
	}
	child->wants_exit = false;
}

static void on_fork(struct proc *p, struct proc_task *t, int event)
{
	u32 tid = event_message(t), tgid;
	struct proc_task *child = proc_task_find(p, tid);
	bool stopped = child && child->state == PROC_NEW;

	tgid = event == PTRACE_EVENT_CLONE ? proc_tgid_of(tid) : tid;
	if (stopped)
		proc_task_free(p, child);
	child = tid ? proc_task_new(p, tid, tgid ? tgid : tid, t) : NULL;
	if (child) {
		child->state = stopped ? PROC_STOPPED : PROC_AWAITED;
		uprobe_forked(t, child);
		proc_on_fork(p, t, child);
		release_child(p, t, child);
		if (stopped)
			go_on(p, child, 0);
	}
	go_on(p, t, 0);
}

static void on_exec(struct proc *p, struct proc_task *t)
{
	u32 old = event_message(t);

	t->process->is_setup = false;
	if (p->exec_fd >= 0 && t->tid == p->main_pid) {
		close(p->exec_fd);
		p->exec_fd = -1;
	}
	proc_task_execed(p, t, old ? old : t->tid);
	uprobe_execed(p, t);
	if (p->own)
		proc_warn_setuid(p, t);
	proc_on_exec(p, t, old ? old : t->tid);
	go_on(p, t, 0);
}

/* A call that a deadly signal, or another thread's exit_group, has ended: Linux leaves it first. */
static void leave_call(struct proc *p, struct proc_task *t)
{
	bool exits = t->is_compat ? t->nr == 1 || t->nr == 252
				  : t->nr == SYS_exit || t->nr == SYS_exit_group;
	const struct user_regs_struct *regs;

	if (!t->wants_exit || t->nr < 0 || exits)
		return;
	regs = proc_regs(t);
	if (regs)
		proc_sys_exit(p, t, regs->rax);
	t->nr = -1;
	t->wants_exit = false;
}

static void on_exiting(struct proc *p, struct proc_task *t)
{
	leave_call(p, t);
	t->exit_code = event_message(t);
	proc_on_exit(p, t);
	go_on(p, t, 0);
}

static void on_gone(struct proc *p, u32 tid, int status)
{
	struct proc_task *t = proc_task_find(p, tid);

	if (tid == p->main_pid)
		p->exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (!t)
		return;
	p->nr_parked -= t->state == PROC_PARKED;
	proc_task_free(p, t);
	wake_parked(p);
}

/* --- signals -------------------------------------------------------------------------------- */

static void on_signal(struct proc *p, struct proc_task *t, int sig)
{
	if (sig == SIGTRAP && uprobe_trapped(p, t)) {
		go_on(p, t, 0);
		wake_parked(p);
		return;
	}
	uprobe_interrupted(p, t);
	proc_on_signal(p, t, sig);
	go_on(p, t, sig);
	wake_parked(p);
}

static void on_event_stop(struct proc *p, struct proc_task *t, int sig)
{
	if (sig == SIGTRAP) {
		if (t->wants_sample)
			proc_on_sample(p, t);
		t->wants_sample = false;
		uprobe_first_stop(p, t);
		go_on(p, t, 0);
	} else {
		t->state = PROC_STOPPED;
		ptrace(PTRACE_LISTEN, t->tid, NULL, NULL);
	}
}

/* --- the loop ------------------------------------------------------------------------------- */

static void on_stop(struct proc *p, struct proc_task *t, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	t->state = PROC_STOPPED;
	t->has_regs = t->regs_dirty = false;
	if (sig == (SIGTRAP | 0x80) || event == PTRACE_EVENT_SECCOMP)
		on_syscall(p, t);
	else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
		 event == PTRACE_EVENT_CLONE)
		on_fork(p, t, event);
	else if (event == PTRACE_EVENT_EXEC)
		on_exec(p, t);
	else if (event == PTRACE_EVENT_EXIT)
		on_exiting(p, t);
	else if (event == PTRACE_EVENT_STOP)
		on_event_stop(p, t, sig);
	else if (!event)
		on_signal(p, t, sig);
	else
		go_on(p, t, 0);
}

/* The first stop of a thread that no event of its parent has told of yet. */
static void hold(struct proc *p, u32 tid)
{
	u32 tgid = proc_tgid_of(tid);
	struct proc_task *t = proc_task_new(p, tid, tgid ? tgid : tid, NULL);

	if (t)
		t->state = PROC_NEW;
}

static void on_status(struct proc *p, u32 tid, int status)
{
	struct proc_task *t;

	if (!WIFSTOPPED(status)) {
		on_gone(p, tid, status);
		return;
	}
	t = proc_task_find(p, tid);
	if (!t)
		hold(p, tid);
	else
		on_stop(p, t, status);
}

/* Held children whose parent was killed before it could tell. */
static void sweep(struct proc *p)
{
	u64 now = proc_now();

	if (now - p->last_sweep < ORPHAN_NS)
		return;
	p->last_sweep = now;
	for (size_t i = 0; i < p->tasks.room; i++) {
		struct proc_task *t = p->tasks.slots[i].value;

		if (t && t->state == PROC_NEW && now - t->born > ORPHAN_NS)
			go_on(p, t, 0);
	}
}

static _Thread_local volatile sig_atomic_t tick;

static void on_tick(int sig)
{
	tick = 1;
}

static int tick_signal(void)
{
	return SIGRTMAX - 3;
}

static int start_timer(struct proc *p, int ms)
{
	struct itimerspec its = {{ms / 1000, ms % 1000 * 1000000l},
				 {ms / 1000, ms % 1000 * 1000000l}};
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = tick_signal()};
	struct sigaction sa = {.sa_handler = on_tick};
	sigset_t set;

	if (!p->has_timer) {
		sigaction(tick_signal(), &sa, &p->old_action);
		sigemptyset(&set);
		sigaddset(&set, tick_signal());
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		ev._sigev_un._tid = syscall(SYS_gettid);
		if (timer_create(CLOCK_MONOTONIC, &ev, &p->timer))
			return -errno;
		p->has_timer = true;
	}
	p->timer_ms = ms;
	return timer_settime(p->timer, 0, &its, NULL) ? -errno : 0;
}

void proc_timer_done(struct proc *p)
{
	if (!p->has_timer)
		return;
	timer_delete(p->timer);
	sigaction(tick_signal(), &p->old_action, NULL);
	p->has_timer = false;
}

static int exec_failed(struct proc *p, struct skep_diag *diag)
{
	int err = 0;

	if (p->exec_fd < 0 || read(p->exec_fd, &err, sizeof(err)) != sizeof(err))
		return 0;
	close(p->exec_fd);
	p->exec_fd = -1;
	return diag_set(diag, -err, "cannot run %s: %s", p->opts->argv[0], strerror(err));
}

int proc_wait(struct proc *p, int timeout_ms, struct skep_diag *diag)
{
	int flags = __WALL | __WNOTHREAD, status, err;
	pid_t tid;

	if (p->timers.first && timeout_ms > 1000 / (int)p->freq)
		timeout_ms = 1000 / p->freq; /* each tick is a sample */

	if (timeout_ms <= 0)
		flags |= WNOHANG;
	else if (timeout_ms != p->timer_ms && (err = start_timer(p, timeout_ms)))
		return diag_set(diag, err, "can't set the timer that wakes the loop: %s",
				strerror(-err));
	for (tick = 0; !tick;) {
		tid = waitpid(-1, &status, flags);
		if (tid > 0)
			on_status(p, tid, status);
		else if (!tid)
			break;
		else if (errno == ECHILD)
			return exec_failed(p, diag);
		else if (errno == EINTR)
			break;
		if (!p->nr_tasks)
			return exec_failed(p, diag);
	}
	if (tick && p->timers.first && !p->stopping)
		proc_sample_all(p);
	sweep(p);
	return 1;
}

/* --- the end -------------------------------------------------------------------------------- */

/* Serve stops until nothing is left, or the time is over. */
static void drain(struct proc *p, u64 ns)
{
	u64 end = proc_now() + ns;

	while (p->nr_tasks && proc_now() < end)
		if (proc_wait(p, DRAIN_TICK_MS, NULL) <= 0)
			break;
}

static void signal_all(struct proc *p, int sig)
{
	for (size_t i = 0; i < p->processes.room; i++) {
		const struct proc_process *process = p->processes.slots[i].value;

		if (process)
			kill(process->tgid, sig);
	}
}

/* Our own command: with its filter and no tracer it could not go on (see proc_spawn.c). */
void proc_kill_all(struct proc *p)
{
	if (!p->nr_tasks)
		return;
	signal_all(p, SIGTERM);
	signal_all(p, SIGCONT);
	drain(p, TERM_NS);
	signal_all(p, SIGKILL);
	drain(p, KILL_NS);
}

/* Stopped for good: what it needs to go on is kept until all threads are. */
static void hold_at(struct proc *p, struct proc_task *t, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	t->has_regs = t->regs_dirty = false;
	if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
	    event == PTRACE_EVENT_CLONE) {
		on_fork(p, t, event); /* the child is ours too; it stops by itself */
		ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL);
		return;
	}
	/* It hit a breakpoint just before: that stop comes next, and must come while we are here.
	 */
	if (event == PTRACE_EVENT_STOP && proc_has_pending(t->tid, SIGTRAP)) {
		ptrace(PTRACE_CONT, t->tid, NULL, NULL);
		return;
	}
	t->state = PROC_HELD;
	t->held_sig = 0;
	if (!event && sig == SIGTRAP && uprobe_trapped(p, t))
		return;
	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP)
		t->held_sig = SIGSTOP; /* it stays stopped without us */
	else if (!event && sig != (SIGTRAP | 0x80))
		t->held_sig = sig;
}

static bool is_held(const struct proc_task *t)
{
	return t && (t->state == PROC_HELD || t->state == PROC_PARKED);
}

static bool all_held(const struct proc *p)
{
	for (size_t i = 0; i < p->tasks.room; i++) {
		const struct proc_task *t = p->tasks.slots[i].value;

		if (t && !is_held(t))
			return false;
	}
	return true;
}

static void let_all_go(struct proc *p)
{
	for (size_t i = 0; i < p->tasks.room; i++)
		if (is_held(p->tasks.slots[i].value))
			uprobe_leave(p->tasks.slots[i].value);
	for (size_t i = 0; i < p->tasks.room; i++) {
		struct proc_task *t = p->tasks.slots[i].value;

		if (!is_held(t))
			continue;
		uprobe_remove(t);
		if (t->regs_dirty)
			proc_set_regs(t);
		ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(uintptr_t)t->held_sig);
	}
	proc_tasks_done(p);
}

static void interrupt_all(struct proc *p)
{
	for (size_t i = 0; i < p->tasks.room; i++) {
		const struct proc_task *t = p->tasks.slots[i].value;

		if (t)
			ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL);
	}
}

/* A running process goes on as if we had not been there. */
void proc_detach_all(struct proc *p)
{
	u64 end = proc_now() + KILL_NS;
	int status;
	pid_t tid;

	interrupt_all(p);
	start_timer(p, DRAIN_TICK_MS);
	while (!all_held(p) && proc_now() < end) {
		struct proc_task *t;

		tid = waitpid(-1, &status, __WALL | __WNOTHREAD);
		if (tid < 0 && errno != EINTR)
			break;
		t = tid > 0 ? proc_task_find(p, tid) : NULL;
		if (tid > 0 && !WIFSTOPPED(status))
			on_gone(p, tid, status);
		else if (t)
			hold_at(p, t, status);
		else if (tid > 0)
			ptrace(PTRACE_DETACH, tid, NULL, NULL);
	}
	let_all_go(p);
}
