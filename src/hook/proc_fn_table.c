/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which kernel functions can be told from a system call or an event. Several rows of one name are
 * one function that is reached in several ways, and stand together.
 */
#include "hook/proc_fn_rows.h"
#include "hook/proc_lsm.h"
#include <string.h>

/* __x64_sys_…: the one argument is the user's registers. */
static FN_STEP(enter_sys)
{
	call->args[0] = (uintptr_t)proc_pt_regs(p, t);
	return true;
}

static FN_STEP(enter_do_exit)
{
	call->args[0] = t->exit_code;
	return true;
}

static FN_STEP(enter_wake_up_new)
{
	call->args[0] = (uintptr_t)proc_kobj(p, call->event->child);
	return call->args[0];
}

static FN_STEP(never_returns)
{
	return false;
}

/* What the kernel reaches only when the call succeeds. */
static FN_STEP(if_succeeded)
{
	return (s64)call->ret >= 0;
}

#define SEEN   false /* at the entry of the system call */
#define LATE   true  /* at its exit */
#define OPENS  "open openat openat2 creat"
#define READS  "read pread64"
#define WRITES "write pwrite64"
#define STATS  "stat lstat newfstatat statx"
#define SENDS  "sendto sendmsg write writev"
#define RECVS  "recvfrom recvmsg read readv"

#define SYS(fn, uapi)                                                                              \
	{                                                                                          \
		"__x64_sys_" fn, uapi, 0, 1, false, SEEN, enter_sys, NULL                          \
	}
/* a function of sockets, of paths as given, of files and dentries */
#define SOCK(name, sys, nr, when, enter, leave)                                                    \
	{                                                                                          \
		name, sys, 0, nr, false, when, enter, leave                                        \
	}
#define PATH(name, sys, nr, enter)                                                                 \
	{                                                                                          \
		name, sys, 0, nr, false, SEEN, enter, NULL                                         \
	}
#define FILE_(name, sys, nr, when, enter, leave)                                                   \
	{                                                                                          \
		name, sys, 0, nr, true, when, enter, leave                                         \
	}
#define EVENT(name, event, nr, task, enter, leave)                                                 \
	{                                                                                          \
		name, NULL, event, nr, task, SEEN, enter, leave                                    \
	}

static const struct proc_fn functions[] = {
#define SYSCALL(nr, uapi, fn) SYS(fn, uapi),
#include "hook/syscalls_x86_64.def"
#undef SYSCALL
	/* name, system calls, arguments, when, enter, leave */
	PATH("do_sys_openat2", OPENS, 3, proc_enter_openat2),
	PATH("do_sys_open", "open openat creat", 4, proc_enter_open),
	PATH("do_filp_open", OPENS, 3, proc_enter_dfd_filename),
	PATH("do_unlinkat", "unlink unlinkat", 2, proc_enter_unlinkat),
	PATH("do_rmdir", "rmdir unlinkat", 2, proc_enter_rmdir),
	PATH("do_mkdirat", "mkdir mkdirat", 3, proc_enter_dfd_filename),
	PATH("vfs_statx", STATS, 5, proc_enter_vfs_statx),
	FILE_("vfs_read", READS, 4, SEEN, proc_enter_vfs_io, NULL),
	FILE_("vfs_write", WRITES, 4, SEEN, proc_enter_vfs_io, NULL),
	FILE_("vfs_fsync", "fsync fdatasync", 2, SEEN, proc_enter_vfs_fsync, NULL),
	FILE_("vfs_open", OPENS, 2, LATE, proc_enter_vfs_open, if_succeeded),
	FILE_("security_file_open", OPENS, 1, LATE, proc_enter_file, if_succeeded),
	FILE_("filp_close", "close", 2, SEEN, proc_enter_closed_file, NULL),
	FILE_("vfs_unlink", "unlink unlinkat", 4, SEEN, proc_enter_vfs_unlink, NULL),
	FILE_("vfs_rmdir", "rmdir unlinkat", 3, SEEN, proc_enter_vfs_rmdir, NULL),
	FILE_("vfs_mkdir", "mkdir mkdirat", 4, SEEN, proc_enter_vfs_mkdir, NULL),
	FILE_("vfs_create", OPENS, 5, SEEN, proc_enter_vfs_create, NULL),
	SOCK("tcp_v4_connect", "connect", 3, SEEN, proc_enter_tcp_v4_connect, proc_leave_connect),
	SOCK("tcp_v6_connect", "connect", 3, SEEN, proc_enter_tcp_v6_connect, proc_leave_connect),
	SOCK("tcp_connect", "connect", 1, LATE, proc_enter_tcp_connect, NULL),
	SOCK("inet_bind", "bind", 3, SEEN, proc_enter_inet_bind, proc_leave_socket),
	SOCK("inet6_bind", "bind", 3, SEEN, proc_enter_inet6_bind, proc_leave_socket),
	SOCK("inet_listen", "listen", 2, SEEN, proc_enter_listen, proc_leave_socket),
	SOCK("inet_csk_accept", "accept accept4", 2, SEEN, proc_enter_accept, proc_leave_accept),
	SOCK("tcp_close", "close", 2, SEEN, proc_enter_tcp_close, NULL),
	SOCK("tcp_sendmsg", SENDS, 3, SEEN, proc_enter_tcp_transfer, NULL),
	SOCK("udp_sendmsg", SENDS, 3, SEEN, proc_enter_udp_transfer, NULL),
	SOCK("tcp_recvmsg", RECVS, 4, SEEN, proc_enter_tcp_transfer, NULL),
	SOCK("udp_recvmsg", RECVS, 4, SEEN, proc_enter_udp_transfer, NULL),
	SOCK("tcp_cleanup_rbuf", RECVS, 2, LATE, proc_enter_cleanup_rbuf, NULL),
	SOCK("tcp_set_state", "connect", 2, LATE, proc_state_syn_sent, NULL),
	SOCK("tcp_set_state", "connect", 2, LATE, proc_state_connected, NULL),
	SOCK("tcp_set_state", "accept accept4", 2, LATE, proc_state_accepted, NULL),
	SOCK("tcp_set_state", "listen", 2, LATE, proc_state_listening, NULL),
	SOCK("tcp_set_state", "close", 2, SEEN, proc_state_closing, NULL),
	EVENT("do_exit", PROC_EV_EXIT, 1, false, enter_do_exit, never_returns),
	EVENT("wake_up_new_task", PROC_EV_FORK, 1, true, enter_wake_up_new, NULL),
	/* tracepoints that a system call shows */
	SOCK("sock/inet_sock_set_state", "connect", 3, LATE, proc_state_syn_sent, NULL),
	SOCK("sock/inet_sock_set_state", "connect", 3, LATE, proc_state_connected, NULL),
	SOCK("sock/inet_sock_set_state", "accept accept4", 3, LATE, proc_state_accepted, NULL),
	SOCK("sock/inet_sock_set_state", "listen", 3, LATE, proc_state_listening, NULL),
	SOCK("sock/inet_sock_set_state", "close", 3, SEEN, proc_state_closing, NULL),
	{NULL},
};
#define NR_FUNCTIONS (ARRAY_SIZE(functions) - 1)

const struct proc_fn *proc_fn_at(u32 idx)
{
	return idx < NR_FUNCTIONS ? &functions[idx] : proc_lsm_at(idx - NR_FUNCTIONS);
}

const struct proc_fn *proc_fn_find(const char *name)
{
	const struct proc_fn *fn;

	for (u32 i = 0; (fn = proc_fn_at(i)); i++)
		if (!strcmp(fn->name, name))
			return fn;
	return NULL;
}

const struct proc_fn *proc_fn_find_tp(const char *target)
{
	return strchr(target, '/') ? proc_fn_find(target) : NULL;
}

const struct proc_fn *proc_fn_find_raw_tp(const char *name)
{
	for (size_t i = 0; i < NR_FUNCTIONS; i++) {
		const char *slash = strchr(functions[i].name, '/');

		if (slash && !strcmp(slash + 1, name))
			return &functions[i];
	}
	return NULL;
}
