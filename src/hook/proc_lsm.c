/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The table of LSM hooks. A row's `enter` finds out whether the kernel would come to the hook at
 * all (a path that is not there is refused before) and builds its arguments.
 */
#include "hook/proc_lsm.h"
#include "hook/proc_fn_rows.h"
#include <errno.h>
#include <string.h>

/* What the hook said is not seen; but a call that succeeded passed it, and one that failed with
 * another error, too. */
static LSM_STEP(leave)
{
	s64 ret = call->ret;

	call->ret = ret == -EPERM || ret == -EACCES ? ret : 0;
	return true;
}

#define ROW(hook, sys, nr, enter)                                                                  \
	{                                                                                          \
		"security_" hook, sys, 0, nr, true, false, enter, leave                            \
	}

#define OPENS  "open openat openat2 creat"
#define UNLINK "unlink unlinkat"
#define MKDIR  "mkdir mkdirat"
#define MKNOD  "mknod mknodat"
#define RENAME "rename renameat renameat2"

static const struct proc_fn hooks[] = {
	/* hook, system calls, arguments, enter: in the order in which a call comes to them */
	ROW("file_permission", "read pread64 readv preadv write pwrite64 writev pwritev getdents64",
	    2, proc_lsm_file_permission),
	ROW("file_ioctl", "ioctl", 3, proc_lsm_file_call),
	ROW("file_fcntl", "fcntl", 3, proc_lsm_file_call),
	ROW("file_lock", "flock", 2, proc_lsm_file_call),
	ROW("file_truncate", "ftruncate", 1, proc_lsm_file_call),
	ROW("mmap_file", "mmap", 4, proc_lsm_mmap_file),
	ROW("path_unlink", UNLINK, 2, proc_lsm_path_unlink),
	ROW("inode_unlink", UNLINK, 2, proc_lsm_inode_unlink),
	ROW("path_rmdir", "rmdir unlinkat", 2, proc_lsm_path_rmdir),
	ROW("inode_rmdir", "rmdir unlinkat", 2, proc_lsm_inode_rmdir),
	ROW("path_mkdir", MKDIR, 3, proc_lsm_path_new),
	ROW("inode_mkdir", MKDIR, 3, proc_lsm_inode_new),
	ROW("path_mknod", MKNOD, 4, proc_lsm_path_new),
	ROW("inode_mknod", MKNOD, 4, proc_lsm_inode_new),
	ROW("inode_create", OPENS, 3, proc_lsm_inode_create),
	ROW("file_open", OPENS " execve execveat", 1, proc_lsm_file_open),
	ROW("bprm_creds_for_exec", "execve execveat", 1, proc_lsm_bprm),
	ROW("bprm_check_security", "execve execveat", 1, proc_lsm_bprm),
	ROW("path_symlink", "symlink symlinkat", 3, proc_lsm_path_symlink),
	ROW("inode_symlink", "symlink symlinkat", 3, proc_lsm_inode_symlink),
	ROW("path_link", "link linkat", 3, proc_lsm_path_link),
	ROW("inode_link", "link linkat", 3, proc_lsm_inode_link),
	ROW("path_rename", RENAME, 5, proc_lsm_path_rename),
	ROW("inode_rename", RENAME, 4, proc_lsm_inode_rename),
	ROW("path_truncate", "truncate", 1, proc_lsm_path_change),
	ROW("path_chmod", "chmod fchmod fchmodat fchmodat2", 2, proc_lsm_path_change),
	ROW("path_chown", "chown fchown lchown fchownat", 3, proc_lsm_path_change),
	ROW("path_chroot", "chroot", 1, proc_lsm_path_change),
	ROW("inode_getattr", "stat lstat newfstatat fstat statx", 1, proc_lsm_inode_getattr),
	ROW("sb_mount", "mount", 5, proc_lsm_sb_mount),
	ROW("sb_umount", "umount2", 2, proc_lsm_sb_umount),
	ROW("socket_create", "socket", 4, proc_lsm_socket_create),
	ROW("socket_connect", "connect", 3, proc_enter_socket_addr),
	ROW("socket_bind", "bind", 3, proc_enter_socket_addr),
	ROW("socket_listen", "listen", 2, proc_enter_listen),
	ROW("socket_accept", "accept accept4", 2, proc_lsm_socket_transfer),
	ROW("socket_sendmsg", "sendto sendmsg write writev", 3, proc_lsm_socket_transfer),
	ROW("socket_recvmsg", "recvfrom recvmsg read readv", 4, proc_lsm_socket_transfer),
	ROW("socket_shutdown", "shutdown", 2, proc_enter_listen),
	ROW("socket_setsockopt", "setsockopt", 3, proc_enter_listen),
	ROW("socket_getsockopt", "getsockopt", 3, proc_enter_listen),
	ROW("socket_getsockname", "getsockname", 1, proc_enter_listen),
	ROW("socket_getpeername", "getpeername", 1, proc_enter_listen),
	ROW("task_kill", "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo", 4,
	    proc_lsm_task_kill),
	ROW("task_setpgid", "setpgid", 2, proc_lsm_task_setpgid),
	ROW("task_prctl", "prctl", 5, proc_lsm_as_given),
	ROW("syslog", "syslog", 1, proc_lsm_as_given),
	ROW("bpf", "bpf", 4, proc_lsm_bpf),
	{NULL},
};
#define NR_HOOKS (ARRAY_SIZE(hooks) - 1)

const struct proc_fn *proc_lsm_at(u32 idx)
{
	return idx < NR_HOOKS ? &hooks[idx] : NULL;
}

const struct proc_fn *proc_lsm_find(const char *name)
{
	for (size_t i = 0; i < NR_HOOKS; i++)
		if (!strcmp(hooks[i].name + strlen("security_"), name))
			return &hooks[i];
	return NULL;
}
