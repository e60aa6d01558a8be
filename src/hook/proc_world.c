/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What programs may ask of the current thread: its memory, registers, stack, identity. All of it is
 * fetched when asked for, at most once a stop: a program that reads nothing costs nothing.
 */
#include "hook/proc.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Frames that a walk along frame pointers follows: as deep as the kernel goes by default. */
#define MAX_FRAMES 127

u64 proc_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

u64 proc_boot_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* --- memory --------------------------------------------------------------------------------- */

static long through_mem(struct proc_task *t, void *buf, size_t size, u64 addr, bool write)
{
	int fd = proc_process_mem(t->process);
	ssize_t n;

	if (fd < 0 || addr > LONG_MAX)
		return -EFAULT;
	n = write ? pwrite(fd, buf, size, addr) : pread(fd, buf, size, addr);
	return n == (ssize_t)size ? 0 : -EFAULT;
}

long proc_read(struct proc_task *t, void *dst, size_t size, u64 addr)
{
	struct iovec to = {dst, size}, from = {(void *)(uintptr_t)addr, size};
	ssize_t n;

	if (!size)
		return 0;
	n = process_vm_readv(t->tid, &to, 1, &from, 1, 0);
	if (n == (ssize_t)size)
		return 0;
	return errno == EFAULT || n >= 0 ? -EFAULT : through_mem(t, dst, size, addr, false);
}

long proc_write(struct proc_task *t, u64 addr, const void *src, size_t size)
{
	struct iovec from = {(void *)src, size}, to = {(void *)(uintptr_t)addr, size};
	ssize_t n;

	if (!size)
		return 0;
	n = process_vm_writev(t->tid, &from, 1, &to, 1, 0);
	return n == (ssize_t)size ? 0 : -EFAULT;
}

/* Page by page, so that a string at the end of a mapping is found whole. */
long proc_read_str(struct proc_task *t, char *dst, size_t size, u64 addr)
{
	size_t len = 0;

	while (len < size) {
		size_t piece = min_u64(size - len, 4096 - ((addr + len) & 4095));
		char *end;

		if (proc_read(t, dst + len, piece, addr + len))
			return -EFAULT;
		end = memchr(dst + len, 0, piece);
		if (end)
			return end - dst + 1;
		len += piece;
	}
	if (size)
		dst[size - 1] = 0;
	return size;
}

/* --- registers ------------------------------------------------------------------------------ */

const struct user_regs_struct *proc_regs(struct proc_task *t)
{
	if (!t->has_regs && ptrace(PTRACE_GETREGS, t->tid, NULL, &t->regs) < 0)
		return NULL;
	t->has_regs = true;
	return &t->regs;
}

int proc_set_regs(struct proc_task *t)
{
	return ptrace(PTRACE_SETREGS, t->tid, NULL, &t->regs) < 0 ? -errno : 0;
}

/* On x86-64 the kernel's struct pt_regs is the first part of what ptrace gives. */
#define PT_REGS_SIZE (offsetof(struct user_regs_struct, ss) + 8)

void proc_regs_to_model(struct proc *p, void *dst, const struct user_regs_struct *regs)
{
	memcpy(dst, regs, PT_REGS_SIZE);
}

void *proc_pt_regs(struct proc *p, struct proc_task *t)
{
	const struct user_regs_struct *regs = proc_regs(t);

	if (!t->pt_regs)
		t->pt_regs = model_alloc_bytes(p->model, PT_REGS_SIZE);
	if (regs && t->pt_regs)
		proc_regs_to_model(p, t->pt_regs, regs);
	return t->pt_regs;
}

/* --- the world's operations ----------------------------------------------------------------- */

static struct proc *proc_of(struct vm_env *env)
{
	return env->hook;
}

static long read_user(struct vm_env *env, void *dst, size_t size, u64 addr)
{
	struct proc_task *t = proc_of(env)->current;

	return t ? proc_read(t, dst, size, addr) : -EFAULT;
}

static long write_user(struct vm_env *env, u64 addr, const void *src, size_t size)
{
	struct proc_task *t = proc_of(env)->current;

	return t ? proc_write(t, addr, src, size) : -EFAULT;
}

static long read_kernel(struct vm_env *env, void *dst, size_t size, u64 addr)
{
	return model_read(proc_of(env)->model, dst, size, addr);
}

static long send_signal(struct vm_env *env, u32 sig, bool thread_only)
{
	struct proc_task *t = proc_of(env)->current;
	long err;

	if (!t)
		return -EPERM;
	if (thread_only)
		err = syscall(SYS_tgkill, t->process->tgid, t->tid, sig);
	else
		err = kill(t->process->tgid, sig);
	return err ? -errno : 0;
}

static long user_stack(struct vm_env *env, u64 *ips, u32 max)
{
	struct proc_task *t = proc_of(env)->current;
	const struct user_regs_struct *regs = t ? proc_regs(t) : NULL;
	u64 frame[2], fp;
	u32 nr = 0;

	if (!regs)
		return -EFAULT;
	if (max)
		ips[nr++] = regs->rip;
	fp = regs->rbp;
	while (nr < max && nr < MAX_FRAMES && fp >= 4096 && !(fp & 7)) {
		if (proc_read(t, frame, sizeof(frame), fp) || !frame[1])
			break;
		ips[nr++] = frame[1];
		if (frame[0] <= fp)
			break;
		fp = frame[0];
	}
	symbols_note(proc_of(env)->opts->symbols, t->process->tgid, ips, nr);
	return nr;
}

static void *task_by_pid(struct vm_env *env, u32 pid)
{
	struct proc *p = proc_of(env);

	return p->model_tasks ? model_task_get(p->model_tasks, pid) : NULL;
}

static const void *kernel_symbol(struct vm_env *env, const char *name)
{
	return (const void *)(uintptr_t)model_symbol(proc_of(env)->model, name);
}

static const struct vm_world world = {
	.read_user = read_user,
	.write_user = write_user,
	.read_kernel = read_kernel,
	.send_signal = send_signal,
	.user_stack = user_stack,
	.task_by_pid = task_by_pid,
	.kernel_symbol = kernel_symbol,
};

/* --- a run ---------------------------------------------------------------------------------- */

void *proc_kobj(struct proc *p, struct proc_task *t)
{
	if (t->kobj || !p->model_tasks)
		return t->kobj;
	t->kobj = model_task_get(p->model_tasks, t->tid);
	if (t->boot_born) /* /proc knows it to 10 ms only */
		model_task_born(p->model_tasks, t->tid, t->born, t->boot_born);
	return t->kobj;
}

u64 proc_run(struct proc *p, struct proc_task *t, struct proc_attach *a, void *ctx, size_t size)
{
	struct vm_env *env = &p->env;
	u64 ret;

	env->world = &world;
	env->hook = p;
	env->cpu = -1;
	env->attach_cookie = a->cookie;
	env->task.pid = t->tid;
	env->task.tgid = t->process->tgid;
	env->task.uid = t->process->uid;
	env->task.gid = t->process->gid;
	env->task.cgroup_id = t->process->cgroup_id;
	memcpy(env->task.comm, t->comm, sizeof(t->comm));
	env->task.kobj = proc_kobj(p, t);
	if (p->needs_files && env->task.kobj)
		model_task_fill_fds(p->model_tasks, t->tid);
	env->task.pt_regs = p->needs_regs ? proc_pt_regs(p, t) : NULL;
	p->current = t;
	ret = hook_run(p->set, a->hp, env, ctx, size);
	p->current = NULL;
	env->func_ip = 0;
	env->func_args = NULL;
	env->nr_func_args = 0;
	env->regs = NULL;
	return ret;
}
