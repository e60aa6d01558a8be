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

#define SEEN    false /* at the entry of the system call */
#define LATE    true  /* at its exit */
#define OPENS   "open openat openat2 creat"
#define READS   "read pread64"
#define WRITES  "write pwrite64"
#define STATS   "stat lstat newfstatat statx"
#define RENAMES "rename renameat renameat2"
#define SENDS   "sendto sendmsg write writev"
#define RECVS   "recvfrom recvmsg read readv"

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
	PATH("do_mknodat", "mknod mknodat", 4, proc_enter_dfd_filename),
	PATH("do_renameat2", RENAMES, 5, proc_enter_two_names),
	PATH("do_linkat", "link linkat", 5, proc_enter_two_names),
	PATH("do_symlinkat", "symlink symlinkat", 3, proc_enter_symlinkat),
	PATH("do_readlinkat", "readlink readlinkat", 4, proc_enter_user_path),
	PATH("do_faccessat", "access faccessat faccessat2", 4, proc_enter_user_path),
	PATH("ksys_read", "read", 3, proc_enter_as_given),
	PATH("ksys_write", "write", 3, proc_enter_as_given),
	PATH("ksys_pread64", "pread64", 4, proc_enter_as_given),
	PATH("ksys_pwrite64", "pwrite64", 4, proc_enter_as_given),
	PATH("ksys_mmap_pgoff", "mmap", 6, proc_enter_as_given),
	PATH("ksys_unshare", "unshare", 1, proc_enter_as_given),
	PATH("ksys_dup3", "dup3", 3, proc_enter_as_given),
	PATH("ksys_umount", "umount2", 2, proc_enter_as_given),
	PATH("__sys_socket", "socket", 3, proc_enter_as_given),
	PATH("__sys_connect", "connect", 3, proc_enter_as_given),
	PATH("__sys_bind", "bind", 3, proc_enter_as_given),
	PATH("__sys_listen", "listen", 2, proc_enter_as_given),
	PATH("__sys_sendto", "sendto", 6, proc_enter_as_given),
	PATH("__sys_recvfrom", "recvfrom", 6, proc_enter_as_given),
	PATH("__sys_sendmsg", "sendmsg", 3, proc_enter_as_given),
	PATH("__sys_recvmsg", "recvmsg", 3, proc_enter_as_given),
	PATH("__sys_shutdown", "shutdown", 2, proc_enter_as_given),
	PATH("__sys_setuid", "setuid", 1, proc_enter_as_given),
	PATH("__sys_setgid", "setgid", 1, proc_enter_as_given),
	PATH("kernel_clone", "fork vfork clone clone3", 1, proc_enter_kernel_clone),
	FILE_("do_group_exit", "exit_group", 1, SEEN, proc_enter_group_exit, never_returns),
	PATH("vfs_statx", STATS, 5, proc_enter_vfs_statx),
	FILE_("vfs_read", READS, 4, SEEN, proc_enter_vfs_io, NULL),
	FILE_("vfs_write", WRITES, 4, SEEN, proc_enter_vfs_io, NULL),
	FILE_("vfs_fsync", "fsync fdatasync", 2, SEEN, proc_enter_vfs_fsync, NULL),
	FILE_("vfs_open", OPENS, 2, LATE, proc_enter_vfs_open, if_succeeded),
	FILE_("security_file_open", OPENS, 1, LATE, proc_enter_opened_file, if_succeeded),
	FILE_("security_file_open", "execve execveat", 1, SEEN, proc_lsm_file_open, NULL),
	FILE_("filp_close", "close", 2, SEEN, proc_enter_closed_file, NULL),
	FILE_("vfs_unlink", "unlink unlinkat", 4, SEEN, proc_enter_vfs_unlink, NULL),
	FILE_("vfs_rmdir", "rmdir unlinkat", 3, SEEN, proc_enter_vfs_rmdir, NULL),
	FILE_("vfs_mkdir", "mkdir mkdirat", 4, SEEN, proc_enter_vfs_mkdir, NULL),
	FILE_("vfs_create", OPENS, 5, SEEN, proc_enter_vfs_create, NULL),
	FILE_("vfs_rename", RENAMES, 1, SEEN, proc_enter_vfs_rename, NULL),
	FILE_("vfs_link", "link linkat", 5, SEEN, proc_enter_vfs_link, NULL),
	FILE_("vfs_symlink", "symlink symlinkat", 4, SEEN, proc_enter_vfs_symlink, NULL),
	FILE_("vfs_mknod", "mknod mknodat", 5, SEEN, proc_enter_vfs_mknod, NULL),
	FILE_("vfs_truncate", "truncate", 2, SEEN, proc_enter_vfs_truncate, NULL),
	FILE_("vfs_fallocate", "fallocate", 4, SEEN, proc_enter_file_given, NULL),
	FILE_("vfs_readv", "readv", 3, SEEN, proc_enter_file_given, NULL),
	FILE_("vfs_writev", "writev", 3, SEEN, proc_enter_file_given, NULL),
	FILE_("iterate_dir", "getdents64 getdents", 2, SEEN, proc_enter_closed_file, NULL),
	FILE_("security_bprm_check", "execve execveat", 1, SEEN, proc_lsm_bprm, NULL),
	FILE_("security_mmap_file", "mmap", 3, SEEN, proc_enter_security_mmap, NULL),
/* of each file system; dummy: of any, for tools that choose it when they run */
#define FS(read, write, open, sync)                                                                \
	FILE_(read, READS " readv", 2, SEEN, proc_enter_fs_iter, NULL),                            \
		FILE_(write, WRITES " writev", 2, SEEN, proc_enter_fs_iter, NULL),                 \
		FILE_(open, OPENS, 2, LATE, proc_enter_fs_open, NULL),                             \
		FILE_(sync, "fsync fdatasync", 4, SEEN, proc_enter_fs_sync, NULL)
	FS("dummy_file_read", "dummy_file_write", "dummy_file_open", "dummy_file_sync"),
	FS("ext4_file_read_iter", "ext4_file_write_iter", "ext4_file_open", "ext4_sync_file"),
	FS("xfs_file_read_iter", "xfs_file_write_iter", "xfs_file_open", "xfs_file_fsync"),
	FS("btrfs_file_read_iter", "btrfs_file_write_iter", "btrfs_file_open", "btrfs_sync_file"),
	FS("f2fs_file_read_iter", "f2fs_file_write_iter", "f2fs_file_open", "f2fs_sync_file"),
	FS("nfs_file_read", "nfs_file_write", "nfs4_file_open", "nfs_file_fsync"),
	FS("fuse_file_read_iter", "fuse_file_write_iter", "fuse_open", "fuse_fsync"),
	FS("shmem_file_read_iter", "shmem_file_write_iter", "shmem_file_open", "shmem_fsync"),
#undef FS
	FILE_("dummy_getattr", STATS " fstat", 5, SEEN, proc_enter_fs_getattr, NULL),
	FILE_("ext4_file_getattr", STATS " fstat", 5, SEEN, proc_enter_fs_getattr, NULL),
	SOCK("tcp_v4_connect", "connect", 3, SEEN, proc_enter_tcp_v4_connect, proc_leave_connect),
	SOCK("tcp_v6_connect", "connect", 3, SEEN, proc_enter_tcp_v6_connect, proc_leave_connect),
	SOCK("tcp_connect", "connect", 1, LATE, proc_enter_tcp_connect, NULL),
	SOCK("inet_bind", "bind", 3, SEEN, proc_enter_inet_bind, proc_leave_socket),
	SOCK("inet6_bind", "bind", 3, SEEN, proc_enter_inet6_bind, proc_leave_socket),
	SOCK("inet_listen", "listen", 2, SEEN, proc_enter_listen, proc_leave_socket),
	SOCK("inet_csk_accept", "accept accept4", 2, SEEN, proc_enter_accept, proc_leave_accept),
	SOCK("tcp_shutdown", "shutdown", 2, SEEN, proc_enter_tcp_shutdown, NULL),
	SOCK("inet_stream_connect", "connect", 4, SEEN, proc_enter_stream_connect, NULL),
	SOCK("inet_dgram_connect", "connect", 4, SEEN, proc_enter_dgram_connect, NULL),
	SOCK("unix_stream_connect", "connect", 4, SEEN, proc_enter_unix_connect, NULL),
	SOCK("inet_shutdown", "shutdown", 2, SEEN, proc_enter_inet_shutdown, NULL),
	SOCK("tcp_close", "close", 2, SEEN, proc_enter_tcp_close, NULL),
	SOCK("tcp_sendmsg", SENDS, 3, SEEN, proc_enter_tcp_transfer, NULL),
	SOCK("udp_sendmsg", SENDS, 3, SEEN, proc_enter_udp_transfer, NULL),
	SOCK("tcp_recvmsg", RECVS, 4, SEEN, proc_enter_tcp_transfer, NULL),
	SOCK("udp_recvmsg", RECVS, 4, SEEN, proc_enter_udp_transfer, NULL),
	SOCK("udpv6_sendmsg", SENDS, 3, SEEN, proc_enter_udp_transfer, NULL),
	SOCK("udpv6_recvmsg", RECVS, 4, SEEN, proc_enter_udp_transfer, NULL),
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
