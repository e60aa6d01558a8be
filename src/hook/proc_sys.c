/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * System calls: their names, and what programs see of their entry and exit.
 *
 * The contexts of tracepoints are those of the kernel's format files: 8 bytes of common fields,
 * the number at 8, and from 16 on the arguments or the return value. As in Linux on x86-64,
 * the tracepoints in syscalls do not see calls of 32-bit code; raw_syscalls and the raw tracepoints
 * do.
 */
#include "base/log.h"
#include "base/mem.h"
#include "hook/proc_event.h"
#include "hook/uprobe.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

struct sys_name {
	u32 nr;
	const char *uapi, *fn;
};

static const struct sys_name names[] = {
#define SYSCALL(nr, uapi, fn) {nr, uapi, fn},
#include "hook/syscalls_x86_64.def"
#undef SYSCALL
};

static bool is_name(const char *have, const char *name, size_t len)
{
	return strlen(have) == len && !memcmp(have, name, len);
}

s32 proc_sys_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (is_name(names[i].fn, name, len))
			return names[i].nr;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (is_name(names[i].uapi, name, len))
			return names[i].nr;
	return -1;
}

const char *proc_sys_name(s64 nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].nr == nr)
			return names[i].fn;
	return NULL;
}

/* --- our own bookkeeping -------------------------------------------------------------------- */

/* After these the name, the credentials, the namespaces or the mappings of a process differ. */
static const u16 watched[] = {
	SYS_prctl,     SYS_setuid,    SYS_setgid,   SYS_setreuid, SYS_setregid, SYS_setresuid,
	SYS_setresgid, SYS_setfsuid,  SYS_setfsgid, SYS_unshare,  SYS_setns,    SYS_capset,
	SYS_chdir,     SYS_setgroups, SYS_fchdir,   SYS_setsid,   SYS_setpgid,  SYS_ptrace,
};

bool proc_sys_watches(s64 nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
		if (watched[i] == nr)
			return true;
	return false;
}

static bool is_mapping(const struct proc_task *t)
{
	return t->nr == SYS_mmap && (t->args[2] & PROT_EXEC);
}

/* Does it change something that we keep? */
static bool is_change(const struct proc *p, const struct proc_task *t)
{
	if (t->is_compat)
		return false;
	if (proc_is_kill(t->nr))
		return p->events[PROC_EV_SIGNAL_SEND].first;
	if (t->nr == SYS_prctl)
		return t->args[0] == PR_SET_NAME;
	return proc_sys_watches(t->nr) || (p->uprobes && is_mapping(t));
}

static void rename_task(struct proc *p, struct proc_task *t)
{
	char old[16];

	memcpy(old, t->comm, sizeof(old));
	proc_task_renamed(p, t);
	proc_on_rename(p, t, old);
}

/* A debugger in the command: it fails, and should not be the only one to know why. */
static void note_ptrace(struct proc *p, const struct proc_task *t, s64 ret)
{
	if (t->nr != SYS_ptrace || t->is_compat || ret != -EPERM || p->warned_ptrace)
		return;
	p->warned_ptrace = true;
	log_warn(
		"%.16s uses ptrace and is refused (EPERM): a process has one tracer, and here that "
		"is skep",
		t->comm);
}

static void note_change(struct proc *p, struct proc_task *t)
{
	if (proc_is_suicide(t))
		return; /* told when it entered the call */
	if (proc_is_kill(t->nr))
		proc_on_kill(p, t);
	else if (is_mapping(t))
		uprobe_mapped(p, t);
	else if (t->nr == SYS_prctl)
		rename_task(p, t);
	else
		proc_process_changed(p, t->process);
}

/* --- contexts ------------------------------------------------------------------------------- */

struct tp_sys_enter {
	u16 common_type;
	u8 common_flags, common_preempt_count;
	s32 common_pid;
	s64 nr;
	u64 args[6];
};

struct tp_sys_exit {
	u16 common_type;
	u8 common_flags, common_preempt_count;
	s32 common_pid;
	s64 nr;
	s64 ret;
};

void proc_run_tp_sys_enter(struct proc *p, struct proc_task *t, struct proc_attach *a,
			   struct proc_call *call)
{
	struct tp_sys_enter *ctx = (void *)p->scratch;

	*ctx = (struct tp_sys_enter){.common_pid = t->tid, .nr = t->nr};
	memcpy(ctx->args, t->args, sizeof(ctx->args));
	proc_run(p, t, a, ctx, sizeof(*ctx));
}

void proc_run_tp_sys_exit(struct proc *p, struct proc_task *t, struct proc_attach *a,
			  struct proc_call *call)
{
	struct tp_sys_exit *ctx = (void *)p->scratch;

	*ctx = (struct tp_sys_exit){.common_pid = t->tid, .nr = t->nr, .ret = call->ret};
	proc_run(p, t, a, ctx, sizeof(*ctx));
}

static void run_raw(struct proc *p, struct proc_task *t, struct proc_attach *a, u64 second)
{
	u64 *args = (void *)p->scratch;

	args[0] = (uintptr_t)proc_pt_regs(p, t);
	args[1] = second;
	proc_run(p, t, a, args, 2 * sizeof(*args));
}

void proc_run_raw_sys_enter(struct proc *p, struct proc_task *t, struct proc_attach *a,
			    struct proc_call *call)
{
	run_raw(p, t, a, t->nr);
}

void proc_run_raw_sys_exit(struct proc *p, struct proc_task *t, struct proc_attach *a,
			   struct proc_call *call)
{
	run_raw(p, t, a, call->ret);
}

/* --- entry and exit ------------------------------------------------------------------------- */

static void save_call(struct proc_task *t, struct proc_attach *a, const struct proc_call *call)
{
	struct proc_saved *s = mem_alloc(sizeof(*s));

	if (!s)
		return;
	s->attach = a;
	s->call = *call;
	s->next = t->saved;
	t->saved = s;
}

static void enter_one(struct proc *p, struct proc_task *t, struct proc_attach *a)
{
	struct proc_call call = {0};

	if (a->fn && !proc_fn_enter(p, t, a->fn, &call))
		return;
	if (a->at_exit)
		save_call(t, a, &call);
	else
		a->run(p, t, a, &call);
}

/* The system call becomes none, and returns what the program said. */
static void refuse(struct proc_task *t)
{
	if (!proc_regs(t))
		return;
	t->regs.orig_rax = -1ull;
	t->regs.rax = t->verdict;
	t->regs_dirty = true;
}

static void judge(struct proc *p, struct proc_task *t)
{
	t->is_judged = false;
	for (struct proc_attach *a = p->judge[t->nr].first; a; a = a->next)
		enter_one(p, t, a);
	if (t->is_judged)
		refuse(t);
}

static bool is_hidden(const struct proc_task *t)
{
	return t->process->is_setup && t->nr != SYS_execve;
}

void proc_sys_enter(struct proc *p, struct proc_task *t)
{
	bool known = t->nr >= 0 && t->nr < PROC_NR_SYSCALLS && !t->is_compat;

	proc_unlend(p, t);
	t->wants_exit = is_change(p, t);
	if (p->stopping || is_hidden(t))
		return;
	for (struct proc_attach *a = p->enter_any.first; a; a = a->next)
		enter_one(p, t, a);
	for (struct proc_attach *a = known ? p->enter[t->nr].first : NULL; a; a = a->next)
		enter_one(p, t, a);
	if (known && p->judge[t->nr].first)
		judge(p, t);
	if (p->events[PROC_EV_SIGNAL_SEND].first && proc_is_suicide(t))
		proc_on_kill(p, t);
	if (t->saved || p->exit_any.first || (known && p->exit[t->nr].first))
		t->wants_exit = true;
}

static void leave_saved(struct proc *p, struct proc_task *t, u64 ret)
{
	struct proc_saved *s, *next, *order = NULL;

	for (s = t->saved; s; s = next) { /* back into the order of the entries */
		next = s->next;
		s->next = order;
		order = s;
	}
	t->saved = NULL;
	for (s = order; s; s = next) {
		next = s->next;
		s->call.ret = ret;
		if (!p->stopping && proc_fn_leave(p, t, s->attach->fn, &s->call))
			s->attach->run(p, t, s->attach, &s->call);
		mem_free(s);
	}
}

static void exit_one(struct proc *p, struct proc_task *t, struct proc_attach *a, u64 ret)
{
	struct proc_call call = {.ret = ret};

	if (a->fn && (!proc_fn_enter(p, t, a->fn, &call) || !proc_fn_leave(p, t, a->fn, &call)))
		return;
	a->run(p, t, a, &call);
}

static void run_exit_lists(struct proc *p, struct proc_task *t, u64 ret)
{
	bool known = t->nr >= 0 && t->nr < PROC_NR_SYSCALLS && !t->is_compat;

	for (struct proc_attach *a = known ? p->exit[t->nr].first : NULL; a; a = a->next)
		exit_one(p, t, a, ret);
	for (struct proc_attach *a = p->exit_any.first; a; a = a->next)
		exit_one(p, t, a, ret);
}

void proc_sys_exit(struct proc *p, struct proc_task *t, u64 ret)
{
	if (t->nr >= 0 && (s64)ret >= 0 && is_change(p, t))
		note_change(p, t);
	note_ptrace(p, t, ret);
	leave_saved(p, t, ret);
	t->wants_exit = false;
	if (!p->stopping && !is_hidden(t))
		run_exit_lists(p, t, ret);
	proc_unlend(p, t);
}
