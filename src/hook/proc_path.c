/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions of paths and files, told from the system calls that take them.
 *
 * Functions that Linux reaches only when the path was found (vfs_open, vfs_unlink, …) are shown
 * when the call has succeeded, with its result known; those that take the name as given
 * (do_sys_openat2, do_unlinkat, …) at its entry.
 */
#include "hook/proc_fn_rows.h"
#include "hook/proc_lookup.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static u64 addr(const void *p)
{
	return (uintptr_t)p;
}

/* --- names ---------------------------------------------------------------------------------- */

/* A struct filename with the string that the user gave; NULL where that cannot be read: the
 * kernel, too, gives up before it comes to the function. */
void *proc_filename(struct proc *p, struct proc_task *t, u64 uptr)
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

static u64 dfd_of(const struct proc_task *t, u64 *ret_path)
{
	const struct proc_paths *a = proc_paths_of(t->nr);

	*ret_path = a && a->path >= 0 ? t->args[a->path] : 0;
	return !a || a->dfd < 0 ? (u64)AT_FDCWD : t->args[a->dfd];
}

/* f(int dfd, struct filename *name, …) */
bool proc_enter_dfd_filename(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	const struct proc_paths *a = proc_paths_of(t->nr);
	u32 rest;
	u64 path;

	call->args[0] = dfd_of(t, &path);
	call->args[1] = addr(proc_filename(p, t, path));
	rest = a ? a->rest : 0;
	if (rest && (t->nr == SYS_mkdir || t->nr == SYS_mkdirat || t->nr == SYS_mknod ||
		     t->nr == SYS_mknodat)) {
		call->args[2] = (u16)t->args[rest];
		call->args[3] = call->fn->nr_args > 3 ? t->args[rest + 1] : 0;
	}
	return call->args[1];
}

static bool is_rmdir(const struct proc_task *t)
{
	return t->nr == SYS_rmdir || (t->nr == SYS_unlinkat && (t->args[2] & AT_REMOVEDIR));
}

bool proc_enter_unlinkat(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return !is_rmdir(t) && proc_enter_dfd_filename(p, t, call);
}

bool proc_enter_rmdir(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return is_rmdir(t) && proc_enter_dfd_filename(p, t, call);
}

/* vfs_statx(int dfd, struct filename *filename, int flags, struct kstat *stat, u32 mask) */
bool proc_enter_vfs_statx(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	if (!proc_enter_dfd_filename(p, t, call))
		return false;
	if (t->nr == SYS_lstat)
		call->args[2] = AT_SYMLINK_NOFOLLOW;
	else if (t->nr != SYS_stat)
		call->args[2] = t->args[t->nr == SYS_statx ? 2 : 3];
	call->args[3] = addr(proc_lend(p, t, model_sizeof(p->model, "kstat") + 16));
	call->args[4] = t->nr == SYS_statx ? t->args[3] : STATX_BASIC_STATS;
	return true;
}

#define LARGEFILE    0100000 /* the kernel's; the C library's is 0 on 64 bits */
#define O_PATH_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)

/* The last two arguments of open, as every flavour gives them. */
static void given_how(struct proc_task *t, u64 *flags, u64 *mode)
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

/* As build_open_how() makes them of it. */
void proc_open_how(struct proc_task *t, u64 *flags, u64 *mode)
{
	given_how(t, flags, mode);
	if (t->nr != SYS_openat2) {
		*flags = (u32)*flags;
		if (*flags & O_PATH)
			*flags &= O_PATH_FLAGS;
		*mode = *flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? *mode & 07777 : 0;
	}
	if (!(*flags & O_PATH))
		*flags |= LARGEFILE;
}

/* do_sys_openat2(int dfd, const char __user *filename, struct open_how *how) */
bool proc_enter_openat2(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	u64 *how = proc_lend(p, t, 24);

	if (!how)
		return false;
	call->args[0] = dfd_of(t, &call->args[1]);
	proc_open_how(t, &how[0], &how[1]);
	call->args[2] = addr(how);
	return true;
}

/* do_sys_open(int dfd, const char __user *filename, int flags, umode_t mode) */
bool proc_enter_open(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	call->args[0] = dfd_of(t, &call->args[1]);
	given_how(t, &call->args[2], &call->args[3]);
	call->args[2] |= LARGEFILE;
	return true;
}

/* --- files ---------------------------------------------------------------------------------- */

static u32 fd_flags(const struct proc_task *t, int fd)
{
	char path[64], line[128];
	u32 flags = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%d", t->tid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	if (f)
		fclose(f);
	return flags & ~O_CLOEXEC; /* a property of the descriptor */
}

/* A pipe or socket is called "pipe:[1]" in /proc and has no directory. */
static u64 file_of(struct proc *p, struct proc_task *t, int fd)
{
	char link[64], path[4096];
	struct stat st;
	ssize_t n;
	void *file;

	snprintf(link, sizeof(link), "/proc/%u/fd/%d", t->tid, fd);
	n = fd < 0 ? -1 : readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || !p->model_tasks || t->nr_lent == PROC_MAX_LENT)
		return 0;
	path[n] = 0;
	file = model_file(model_tasks_files(p->model_tasks), path, stat(link, &st) ? NULL : &st,
			  fd_flags(t, fd));
	if (file)
		t->lent[t->nr_lent++] = file;
	return addr(file);
}

/* vfs_read(struct file *file, char __user *buf, size_t count, loff_t *pos) and vfs_write */
bool proc_enter_vfs_io(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	u64 *pos = proc_lend(p, t, sizeof(*pos));

	call->args[0] = file_of(p, t, t->args[0]);
	call->args[1] = t->args[1];
	call->args[2] = t->args[2];
	call->args[3] = addr(pos);
	if (pos && (t->nr == SYS_pread64 || t->nr == SYS_pwrite64))
		*pos = t->args[3];
	return call->args[0];
}

bool proc_enter_vfs_fsync(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	call->args[0] = file_of(p, t, t->args[0]);
	call->args[1] = t->nr == SYS_fdatasync;
	return call->args[0];
}

/* f(struct file *file) after an open: the file is that of the new descriptor, with the flags that
 * it has while it is opened. */
bool proc_enter_file(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	u64 flags, mode;

	call->args[0] = (s64)call->ret < 0 ? 0 : file_of(p, t, call->ret);
	proc_open_how(t, &flags, &mode);
	model_set(p->model, (void *)(uintptr_t)call->args[0], "file", "f_flags",
		  flags & ~O_CLOEXEC);
	return call->args[0];
}

bool proc_enter_opened_file(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	u64 flags, mode;

	proc_open_how(t, &flags, &mode);
	return !(flags & O_PATH) && proc_enter_file(p, t, call);
}

/* filp_close(struct file *filp, fl_owner_t id) */
bool proc_enter_closed_file(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	call->args[0] = file_of(p, t, t->args[0]);
	return call->args[0];
}

/* vfs_open(const struct path *path, struct file *file) */
bool proc_enter_vfs_open(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	void *file;

	if (!proc_enter_file(p, t, call))
		return false;
	file = (void *)(uintptr_t)call->args[0];
	call->args[0] = addr(model_field(p->model, file, "file", "f_path"));
	call->args[1] = addr(file);
	return call->args[0];
}

/* --- directories ---------------------------------------------------------------------------- */

/* The absolute path that (dfd, name) stood for; lexical, as the object may be gone by now. */
static bool absolute(struct proc_task *t, u64 dfd, const char *name, char *to, size_t size)
{
	char link[64];
	ssize_t n;

	if (name[0] == '/') {
		snprintf(to, size, "%s", name);
		return true;
	}
	if ((int)dfd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%u/cwd", t->tid);
	else
		snprintf(link, sizeof(link), "/proc/%u/fd/%d", t->tid, (int)dfd);
	n = readlink(link, to, size - 1);
	if (n <= 0)
		return false;
	snprintf(to + n, size - n, "/%s", name);
	return true;
}

/* From 5.12 on a user namespace, later an idmap, goes in front of (dir, dentry). */
u32 proc_nr_leading(struct proc *p, const char *fn, u32 nr_own)
{
	const struct btf *btf = model_btf(p->model);
	s32 id = btf ? btf__find_by_name_kind(btf, fn, BTF_KIND_FUNC) : -1;
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, id) : NULL;

	t = t ? btf__type_by_id(btf, t->type) : NULL;
	if (!t || !btf_is_func_proto(t))
		return 1;
	return btf_vlen(t) > nr_own ? btf_vlen(t) - nr_own : 0;
}

/* f([idmap,] struct inode *dir, struct dentry *dentry, …); where its own arguments begin. */
static u32 enter_dir(struct proc *p, struct proc_task *t, struct proc_call *call, const char *fn,
		     u32 nr_own)
{
	char name[4096], path[8192];
	u32 at = proc_nr_leading(p, fn, nr_own);
	u64 dfd, uptr, dir = 0, parent = 0;
	void *dentry;

	dfd = dfd_of(t, &uptr);
	if (!p->model_tasks || proc_read_str(t, name, sizeof(name), uptr) < 0 ||
	    !absolute(t, dfd, name, path, sizeof(path)))
		return 0;
	dentry = model_dentry(model_tasks_files(p->model_tasks), path, NULL);
	model_get(p->model, dentry, "dentry", "d_parent", &parent);
	model_get(p->model, (void *)(uintptr_t)parent, "dentry", "d_inode", &dir);
	call->args[at] = dir;
	call->args[at + 1] = addr(dentry);
	return at + 2;
}

bool proc_enter_vfs_unlink(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return !is_rmdir(t) && enter_dir(p, t, call, "vfs_unlink", 3);
}

bool proc_enter_vfs_rmdir(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return is_rmdir(t) && enter_dir(p, t, call, "vfs_rmdir", 2);
}

bool proc_enter_vfs_mkdir(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	u32 at = enter_dir(p, t, call, "vfs_mkdir", 3);

	call->args[at] = t->args[t->nr == SYS_mkdir ? 1 : 2];
	return at;
}

bool proc_enter_vfs_create(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	u64 flags, mode;
	u32 at;

	proc_open_how(t, &flags, &mode);
	if (!(flags & O_CREAT))
		return false;
	at = enter_dir(p, t, call, "vfs_create", 4);
	call->args[at] = mode;
	call->args[at + 1] = !!(flags & O_EXCL);
	return at;
}
