/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions of names in directories, of attributes and of file systems' own operations,
 * told from the system calls that come to them.
 */
#include "hook/proc_fn_rows.h"
#include "hook/proc_lookup.h"
#include "hook/proc_lsm.h"
#include "model/file.h"
#include "model/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static u64 addr(const void *p)
{
	return (uintptr_t)p;
}

/* The user's idmap goes in front in newer kernels: as many words as the function's own count falls
 * short of what this kernel's has. */
static void shift(struct proc *p, struct proc_call *call, const char *fn, u32 nr_own)
{
	u32 nr = proc_nr_leading(p, fn, nr_own);

	memmove(call->args + nr, call->args, nr_own * sizeof(call->args[0]));
	memset(call->args, 0, nr * sizeof(call->args[0]));
}

/* --- names as given ------------------------------------------------------------------------- */

/* do_renameat2 and do_linkat(int olddfd, struct filename *old, int newdfd, struct filename *new,
 * int flags) */
FN_STEP(proc_enter_two_names)
{
	const struct proc_paths *a = proc_paths_of(t->nr);

	if (!a || a->path2 < 0)
		return false;
	call->args[0] = a->dfd < 0 ? (u64)AT_FDCWD : t->args[a->dfd];
	call->args[1] = addr(proc_filename(p, t, t->args[a->path]));
	call->args[2] = a->dfd2 < 0 ? (u64)AT_FDCWD : t->args[a->dfd2];
	call->args[3] = addr(proc_filename(p, t, t->args[a->path2]));
	call->args[4] = t->nr == SYS_renameat2 || t->nr == SYS_linkat ? t->args[4] : 0;
	return call->args[1] && call->args[3];
}

/* do_symlinkat(struct filename *from, int newdfd, struct filename *to) */
FN_STEP(proc_enter_symlinkat)
{
	bool at = t->nr == SYS_symlinkat;

	call->args[0] = addr(proc_filename(p, t, t->args[0]));
	call->args[1] = at ? t->args[1] : (u64)AT_FDCWD;
	call->args[2] = addr(proc_filename(p, t, t->args[at ? 2 : 1]));
	return call->args[0] && call->args[2];
}

/* do_faccessat(int dfd, const char __user *filename, int mode, int flags) and
 * do_readlinkat(int dfd, const char __user *pathname, char __user *buf, int bufsiz) */
FN_STEP(proc_enter_user_path)
{
	bool has_dfd = t->nr != SYS_access && t->nr != SYS_readlink;

	call->args[0] = has_dfd ? t->args[0] : (u64)AT_FDCWD;
	for (u32 i = 1; i < 4; i++)
		call->args[i] = t->args[has_dfd ? i : i - 1];
	if (t->nr == SYS_access || t->nr == SYS_faccessat)
		call->args[3] = 0;
	return true;
}

FN_STEP(proc_enter_as_given)
{
	memcpy(call->args, t->args, sizeof(t->args));
	return true;
}

/* --- directories ---------------------------------------------------------------------------- */

/* vfs_mknod([idmap,] dir, dentry, mode, dev) */
FN_STEP(proc_enter_vfs_mknod)
{
	if (!proc_lsm_inode_new(p, t, call))
		return false;
	shift(p, call, "vfs_mknod", 4);
	return true;
}

/* vfs_symlink([idmap,] dir, dentry, oldname) */
FN_STEP(proc_enter_vfs_symlink)
{
	if (!proc_lsm_inode_symlink(p, t, call))
		return false;
	shift(p, call, "vfs_symlink", 3);
	return true;
}

/* vfs_link(old_dentry, [idmap,] dir, new_dentry, delegated) */
FN_STEP(proc_enter_vfs_link)
{
	u32 at = 1 + proc_nr_leading(p, "vfs_link", 4);
	u64 dir, dentry;

	if (!proc_lsm_inode_link(p, t, call))
		return false;
	dir = call->args[1];
	dentry = call->args[2];
	memset(call->args + 1, 0, 4 * sizeof(call->args[0]));
	call->args[at] = dir;
	call->args[at + 1] = dentry;
	return true;
}

/* vfs_rename(struct renamedata *rd) */
FN_STEP(proc_enter_vfs_rename)
{
	void *rd = proc_lend(p, t, model_sizeof(p->model, "renamedata") + 16);
	u64 old_parent = 0, new_parent = 0;

	if (!rd || !proc_lsm_inode_rename(p, t, call))
		return false;
	model_get(p->model, (void *)(uintptr_t)call->args[1], "dentry", "d_parent", &old_parent);
	model_get(p->model, (void *)(uintptr_t)call->args[3], "dentry", "d_parent", &new_parent);
	model_set(p->model, rd, "renamedata", "old_dir", call->args[0]);
	model_set(p->model, rd, "renamedata", "old_parent", old_parent);
	model_set(p->model, rd, "renamedata", "old_dentry", call->args[1]);
	model_set(p->model, rd, "renamedata", "new_dir", call->args[2]);
	model_set(p->model, rd, "renamedata", "new_parent", new_parent);
	model_set(p->model, rd, "renamedata", "new_dentry", call->args[3]);
	model_set(p->model, rd, "renamedata", "flags", call->args[4]);
	call->args[0] = addr(rd);
	return true;
}

/* --- attributes ----------------------------------------------------------------------------- */

/* vfs_truncate(path, length) */
FN_STEP(proc_enter_vfs_truncate)
{
	if (!proc_lsm_path_change(p, t, call))
		return false;
	call->args[1] = t->args[1];
	return true;
}

/* f(file, the system call's own): vfs_fallocate, vfs_llseek, vfs_readv, vfs_writev, iterate_dir */
FN_STEP(proc_enter_file_given)
{
	memcpy(call->args, t->args, sizeof(t->args));
	return proc_enter_closed_file(p, t, call);
}

/* --- operations of a file system ------------------------------------------------------------ */

/* What the names of a file system's functions begin with. */
static const struct {
	const char *prefix;
	u32 magic;
} systems[] = {
	{"ext4_", 0xef53},     {"xfs_", 0x58465342},  {"btrfs_", 0x9123683e}, {"f2fs_", 0xf2f52010},
	{"nfs_", 0x6969},      {"nfs4_", 0x6969},     {"shmem_", 0x01021994}, {"ovl_", 0x794c7630},
	{"fuse_", 0x65735546}, {"bch2_", 0xca451a4e},
};

/* dummy_…: what tools name the function of whatever file system their user chooses. */
static bool is_on(const struct proc_task *t, int fd, const char *fn)
{
	char link[64];
	struct statfs st;

	snprintf(link, sizeof(link), "/proc/%u/fd/%d", t->tid, fd);
	if (statfs(link, &st))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(systems); i++)
		if (!strncmp(fn, systems[i].prefix, strlen(systems[i].prefix)))
			return (u32)st.f_type == systems[i].magic;
	return true;
}

static bool is_regular(struct proc *p, const void *file)
{
	u64 inode = 0, mode = 0;

	return model_get(p->model, file, "file", "f_inode", &inode) &&
	       model_get(p->model, (void *)(uintptr_t)inode, "inode", "i_mode", &mode) &&
	       S_ISREG(mode);
}

static u64 position(const struct proc_task *t, int fd)
{
	char name[32], text[512];
	const char *at;

	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	procfs_read(t->tid, name, text, sizeof(text));
	at = strstr(text, "pos:");
	return at ? strtoull(at + 4, NULL, 10) : 0;
}

/* f(struct kiocb *iocb, struct iov_iter *iter) */
FN_STEP(proc_enter_fs_iter)
{
	bool at = t->nr == SYS_pread64 || t->nr == SYS_pwrite64;
	bool vector = t->nr == SYS_readv || t->nr == SYS_writev;
	void *iocb = proc_lend(p, t, model_sizeof(p->model, "kiocb") + 16);
	void *iter = proc_lend(p, t, model_sizeof(p->model, "iov_iter") + 16);

	if (!iocb || !iter || !is_on(t, t->args[0], call->fn->name) ||
	    !proc_enter_closed_file(p, t, call) || !is_regular(p, (void *)(uintptr_t)call->args[0]))
		return false;
	model_set(p->model, iocb, "kiocb", "ki_filp", call->args[0]);
	model_set(p->model, iocb, "kiocb", "ki_pos", at ? t->args[3] : position(t, t->args[0]));
	model_set(p->model, iter, "iov_iter", "count", vector ? 0 : t->args[2]);
	model_set(p->model, iter, "iov_iter", "data_source",
		  t->nr == SYS_write || t->nr == SYS_pwrite64 || t->nr == SYS_writev);
	call->args[0] = addr(iocb);
	call->args[1] = addr(iter);
	return true;
}

/* f(struct inode *inode, struct file *file): the file is that of the new descriptor. */
FN_STEP(proc_enter_fs_open)
{
	u64 inode = 0;

	if ((s64)call->ret < 0 || !is_on(t, call->ret, call->fn->name) ||
	    !proc_enter_file(p, t, call) || !is_regular(p, (void *)(uintptr_t)call->args[0]))
		return false;
	model_get(p->model, (void *)(uintptr_t)call->args[0], "file", "f_inode", &inode);
	call->args[1] = call->args[0];
	call->args[0] = inode;
	call->ret = 0;
	return true;
}

/* f(struct file *file, loff_t start, loff_t end, int datasync) */
FN_STEP(proc_enter_fs_sync)
{
	if (!is_on(t, t->args[0], call->fn->name) || !proc_enter_closed_file(p, t, call))
		return false;
	call->args[1] = 0;
	call->args[2] = INT64_MAX;
	call->args[3] = t->nr == SYS_fdatasync;
	return true;
}

/* f([idmap,] path, stat, mask, flags) */
FN_STEP(proc_enter_fs_getattr)
{
	struct proc_place place;
	struct statfs st;
	bool is_its = true, statx = t->nr == SYS_statx;

	if (!proc_lookup(t, 0, proc_lookup_flags(t), &place) || !S_ISREG(place.st.st_mode))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(systems); i++)
		if (!strncmp(call->fn->name, systems[i].prefix, strlen(systems[i].prefix)))
			is_its = !statfs(place.path, &st) && (u32)st.f_type == systems[i].magic;
	if (!is_its || !proc_lsm_inode_getattr(p, t, call))
		return false;
	call->args[1] = addr(proc_lend(p, t, model_sizeof(p->model, "kstat") + 16));
	call->args[2] = statx ? t->args[3] : 0x7ff; /* STATX_BASIC_STATS */
	call->args[3] = statx ? t->args[2] : t->nr == SYS_newfstatat ? t->args[3] : 0;
	shift(p, call, "ext4_file_getattr", 4);
	return true;
}

/* --- processes ------------------------------------------------------------------------------ */

/* kernel_clone(struct kernel_clone_args *args) */
FN_STEP(proc_enter_kernel_clone)
{
	void *args = proc_lend(p, t, model_sizeof(p->model, "kernel_clone_args") + 16);
	u64 flags = proc_clone_flags(t);

	if (!args)
		return false;
	model_set(p->model, args, "kernel_clone_args", "flags", flags);
	model_set(p->model, args, "kernel_clone_args", "exit_signal",
		  t->nr == SYS_clone ? t->args[0] & 0xff : SIGCHLD);
	call->args[0] = addr(args);
	return true;
}

/* do_group_exit(int exit_code) */
FN_STEP(proc_enter_group_exit)
{
	call->args[0] = (t->args[0] & 0xff) << 8;
	return true;
}

/* --- what security_… has otherwise than its hook -------------------------------------------- */

/* security_mmap_file(file, prot, flags) */
FN_STEP(proc_enter_security_mmap)
{
	if (!proc_lsm_mmap_file(p, t, call))
		return false;
	call->args[2] = call->args[3];
	call->args[3] = 0;
	return true;
}
