/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which kernel functions can be told from a system call or an event, and with what arguments. */
#include "hook/proc_fn.h"
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

static u64 addr(const void *p)
{
	return (uintptr_t)p;
}

/* __x64_sys_…: the one argument is the user's registers. */
static bool enter_sys(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	call->args[0] = addr(proc_pt_regs(p, t));
	return true;
}

/* --- names ---------------------------------------------------------------------------------- */

/* A struct filename with the string that the user gave; NULL where that cannot be read: the
 * kernel, too, gives up before it comes to the function. */
static void *make_filename(struct proc *p, struct proc_task *t, u64 uptr)
{
	void *f = proc_lend(p, t, model_sizeof(p->model, "filename") + 16);
	char *name = proc_lend(p, t, 4096);

	if (!f || !name || proc_read_str(t, name, 4096, uptr) < 0)
		return NULL;
	model_set(p->model, f, "filename", "name", addr(name));
	model_set(p->model, f, "filename", "uptr", uptr);
	model_set(p->model, f, "filename", "refcnt", 1);
	return f;
}

/* Where the arguments of the calls that take (dfd, path) stand; dfd -1: the working directory. */
struct at_path {
	u16 nr;
	s8 dfd, path;
};

static const struct at_path at_paths[] = {
	{SYS_open, -1, 0},    {SYS_creat, -1, 0},    {SYS_openat, 0, 1},   {SYS_openat2, 0, 1},
	{SYS_unlink, -1, 0},  {SYS_unlinkat, 0, 1},  {SYS_rmdir, -1, 0},   {SYS_mkdir, -1, 0},
	{SYS_mkdirat, 0, 1},  {SYS_stat, -1, 0},     {SYS_lstat, -1, 0},   {SYS_newfstatat, 0, 1},
	{SYS_statx, 0, 1},    {SYS_execve, -1, 0},   {SYS_execveat, 0, 1}, {SYS_rename, -1, 0},
	{SYS_renameat, 0, 1}, {SYS_renameat2, 0, 1}, {SYS_mknod, -1, 0},   {SYS_mknodat, 0, 1},
};

static u64 dfd_of(const struct proc_task *t, u64 *ret_path)
{
	for (size_t i = 0; i < ARRAY_SIZE(at_paths); i++) {
		const struct at_path *a = &at_paths[i];

		if (a->nr != t->nr)
			continue;
		*ret_path = t->args[a->path];
		return a->dfd < 0 ? (u64)AT_FDCWD : t->args[a->dfd];
	}
	*ret_path = 0;
	return AT_FDCWD;
}

/* f(int dfd, struct filename *name, …) */
static bool enter_dfd_filename(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	u64 path;

	call->args[0] = dfd_of(t, &path);
	call->args[1] = addr(make_filename(p, t, path));
	return call->args[1];
}

static bool enter_unlinkat(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	if (t->nr == SYS_unlinkat && (t->args[2] & AT_REMOVEDIR))
		return false;
	return enter_dfd_filename(p, t, call);
}

static bool enter_rmdir(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	if (t->nr == SYS_unlinkat && !(t->args[2] & AT_REMOVEDIR))
		return false;
	return enter_dfd_filename(p, t, call);
}

/* The last two arguments of open, as every flavour gives them. */
static void open_how(struct proc_task *t, u64 *flags, u64 *mode)
{
	u64 how[2] = {0};

	*flags = t->args[t->nr == SYS_openat ? 2 : 1];
	*mode = t->args[t->nr == SYS_openat ? 3 : 2];
	if (t->nr == SYS_creat) {
		*flags = O_CREAT | O_WRONLY | O_TRUNC;
		*mode = t->args[1];
	} else if (t->nr == SYS_openat2 && !proc_read(t, how, sizeof(how), t->args[2])) {
		*flags = how[0];
		*mode = how[1];
	}
}

/* do_sys_openat2(int dfd, const char __user *filename, struct open_how *how) */
static bool enter_openat2(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	u64 *how = proc_lend(p, t, 24);

	if (!how)
		return false;
	call->args[0] = dfd_of(t, &call->args[1]);
	open_how(t, &how[0], &how[1]);
	call->args[2] = addr(how);
	return true;
}

/* do_sys_open(int dfd, const char __user *filename, int flags, umode_t mode) */
static bool enter_open(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	call->args[0] = dfd_of(t, &call->args[1]);
	open_how(t, &call->args[2], &call->args[3]);
	return true;
}

/* --- tasks ---------------------------------------------------------------------------------- */

static bool enter_do_exit(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	call->args[0] = t->exit_code;
	return true;
}

static bool enter_wake_up_new(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	call->args[0] = addr(proc_kobj(p, call->event->child));
	return call->args[0];
}

static bool never_returns(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return false;
}

#define OPENS "open openat openat2 creat"
static const struct proc_fn functions[] = {
#define SYSCALL(nr, uapi, fn)                                                                      \
	{.name = "__x64_sys_" fn, .syscalls = uapi, .nr_args = 1, .enter = enter_sys},
#include "hook/syscalls_x86_64.def"
#undef SYSCALL
	{.name = "do_sys_openat2", .syscalls = OPENS, .nr_args = 3, .enter = enter_openat2},
	{.name = "do_sys_open", .syscalls = "open openat creat", .nr_args = 4, .enter = enter_open},
	{.name = "do_unlinkat",
	 .syscalls = "unlink unlinkat",
	 .nr_args = 2,
	 .enter = enter_unlinkat},
	{.name = "do_rmdir", .syscalls = "rmdir unlinkat", .nr_args = 2, .enter = enter_rmdir},
	{.name = "do_mkdirat",
	 .syscalls = "mkdir mkdirat",
	 .nr_args = 3,
	 .enter = enter_dfd_filename},
	{.name = "do_exit",
	 .event = PROC_EV_EXIT,
	 .nr_args = 1,
	 .enter = enter_do_exit,
	 .leave = never_returns},
	{.name = "wake_up_new_task",
	 .event = PROC_EV_FORK,
	 .nr_args = 1,
	 .enter = enter_wake_up_new,
	 .needs_task = true},
};

const struct proc_fn *proc_fn_at(u32 idx)
{
	return idx < ARRAY_SIZE(functions) ? &functions[idx] : NULL;
}

const struct proc_fn *proc_fn_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (!strcmp(functions[i].name, name))
			return &functions[i];
	return NULL;
}

const struct proc_fn *proc_fn_find_tp(const char *target)
{
	return NULL;
}

const struct proc_fn *proc_fn_find_raw_tp(const char *name)
{
	return NULL;
}
