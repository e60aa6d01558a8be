/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arguments of LSM hooks, from what the system call shows and what its names stand for at that
 * moment. false: the kernel would give up before it comes to the hook.
 */
#include "hook/proc_fn_rows.h"
#include "hook/proc_lookup.h"
#include "hook/proc_lsm.h"
#include "model/file.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	MAY_WRITE = 2,
	MAY_READ = 4,
};

static u64 addr(const void *p)
{
	return (uintptr_t)p;
}

static void *ptr(u64 addr)
{
	return (void *)(uintptr_t)addr;
}

/* --- objects of a path ---------------------------------------------------------------------- */

static void *dentry_of(struct proc *p, const struct proc_place *place)
{
	return p->model_tasks ? model_dentry(model_tasks_files(p->model_tasks), place->path,
					     place->exists ? &place->st : NULL)
			      : NULL;
}

/* A struct path of a dentry; 0: no memory. */
static u64 path_to(struct proc *p, struct proc_task *t, const void *dentry)
{
	void *path = proc_lend(p, t, model_sizeof(p->model, "path"));

	if (!path || !dentry)
		return 0;
	model_set(p->model, path, "path", "dentry", addr(dentry));
	model_set(p->model, path, "path", "mnt",
		  addr(model_mount(model_tasks_files(p->model_tasks))));
	return addr(path);
}

static u64 get(struct proc *p, const void *obj, const char *type, const char *field)
{
	u64 value = 0;

	return obj && model_get(p->model, obj, type, field, &value) ? value : 0;
}

/* The directory that an entry is in, as hooks of inodes and of paths want it. */
static u64 dir_of(struct proc *p, struct proc_task *t, const void *dentry, bool as_path)
{
	void *dir = ptr(get(p, dentry, "dentry", "d_parent"));

	return as_path ? path_to(p, t, dir) : get(p, dir, "dentry", "d_inode");
}

static u64 lend_file(struct proc *p, struct proc_task *t, const struct proc_place *place, u32 flags)
{
	void *file;

	if (!p->model_tasks || t->nr_lent == PROC_MAX_LENT)
		return 0;
	file = model_file(model_tasks_files(p->model_tasks), place->path,
			  place->exists ? &place->st : NULL, flags);
	if (file)
		t->lent[t->nr_lent++] = file;
	return addr(file);
}

static u64 lend_string(struct proc *p, struct proc_task *t, u64 uptr)
{
	char *s = proc_lend(p, t, 4096);

	return s && proc_read_str(t, s, 4096, uptr) > 0 ? addr(s) : 0;
}

/* What comes behind the path in the system call. */
static u64 rest(const struct proc_task *t, u32 idx)
{
	const struct proc_paths *a = proc_paths_of(t->nr);
	u32 at = a ? (u32)a->rest + idx : 6;

	return at < 6 ? t->args[at] : 0;
}

/* --- open and exec -------------------------------------------------------------------------- */

static u64 open_flags(struct proc_task *t)
{
	u64 flags = 0100040, mode; /* O_LARGEFILE, FMODE_EXEC: as do_open_execat() opens */

	if (t->nr != SYS_execve && t->nr != SYS_execveat)
		proc_open_how(t, &flags, &mode);
	return flags;
}

LSM_STEP(proc_lsm_file_open)
{
	u64 flags = open_flags(t), how = LOOKUP_FOLLOW;
	struct proc_place place;

	if (flags & O_PATH)
		return false;
	if (flags & O_NOFOLLOW || (flags & O_CREAT && flags & O_EXCL))
		how = LOOKUP_LAST;
	if (!proc_lookup(t, 0, how, &place) &&
	    (!(flags & O_CREAT) || !proc_lookup(t, 0, LOOKUP_LAST, &place)))
		return false;
	if (place.exists ? flags & O_CREAT && flags & O_EXCL : !(flags & O_CREAT))
		return false;
	if (place.exists && S_ISLNK(place.st.st_mode))
		return false;
	call->args[0] = lend_file(p, t, &place, flags & ~O_CLOEXEC);
	return call->args[0];
}

LSM_STEP(proc_lsm_inode_create)
{
	struct proc_place place;
	u64 flags, mode;
	void *dentry;

	proc_open_how(t, &flags, &mode);
	if (!(flags & O_CREAT) || !proc_lookup(t, 0, LOOKUP_LAST, &place) || place.exists)
		return false;
	dentry = dentry_of(p, &place);
	call->args[0] = dir_of(p, t, dentry, false);
	call->args[1] = addr(dentry);
	call->args[2] = S_IFREG | (mode & 07777);
	return dentry;
}

/* How many strings a vector of the user's has; as many as Linux would take. */
static u64 count_vector(struct proc_task *t, u64 at)
{
	u64 nr = 0, s = 0;

	while (nr < 65536 && !proc_read(t, &s, sizeof(s), at + nr * sizeof(s)) && s)
		nr++;
	return nr;
}

LSM_STEP(proc_lsm_bprm)
{
	const struct proc_paths *a = proc_paths_of(t->nr);
	void *bprm = proc_lend(p, t, model_sizeof(p->model, "linux_binprm"));
	struct proc_place place;
	u64 name;

	if (!bprm || !a || !proc_lookup(t, 0, LOOKUP_FOLLOW, &place) ||
	    !S_ISREG(place.st.st_mode) || !(place.st.st_mode & 0111))
		return false;
	name = lend_string(p, t, t->args[a->path]);
	model_set(p->model, bprm, "linux_binprm", "filename", name);
	model_set(p->model, bprm, "linux_binprm", "interp", name);
	model_set(p->model, bprm, "linux_binprm", "file", lend_file(p, t, &place, O_RDONLY));
	model_set(p->model, bprm, "linux_binprm", "argc", count_vector(t, rest(t, 0)));
	model_set(p->model, bprm, "linux_binprm", "envc", count_vector(t, rest(t, 1)));
	call->args[0] = addr(bprm);
	return true;
}

/* --- entries of directories ----------------------------------------------------------------- */

/* The mode as given: a file system with ACLs has no umask here, and they all have. */
static bool new_entry(struct proc *p, struct proc_task *t, struct proc_call *call, bool as_path)
{
	bool is_dir = t->nr == SYS_mkdir || t->nr == SYS_mkdirat;
	struct proc_place place;
	void *dentry;

	if (!proc_lookup(t, 0, LOOKUP_LAST, &place) || place.exists)
		return false;
	dentry = dentry_of(p, &place);
	call->args[0] = dir_of(p, t, dentry, as_path);
	call->args[1] = addr(dentry);
	call->args[2] = is_dir ? rest(t, 0) & 01777 : (u16)rest(t, 0);
	call->args[3] = rest(t, 1);
	return dentry;
}

LSM_STEP(proc_lsm_path_new)
{
	return new_entry(p, t, call, true);
}

LSM_STEP(proc_lsm_inode_new)
{
	return new_entry(p, t, call, false);
}

static bool new_symlink(struct proc *p, struct proc_task *t, struct proc_call *call, bool as_path)
{
	if (!new_entry(p, t, call, as_path))
		return false;
	call->args[2] = lend_string(p, t, t->args[0]);
	return call->args[2];
}

LSM_STEP(proc_lsm_path_symlink)
{
	return new_symlink(p, t, call, true);
}

LSM_STEP(proc_lsm_inode_symlink)
{
	return new_symlink(p, t, call, false);
}

static bool removal(struct proc *p, struct proc_task *t, struct proc_call *call, bool as_path,
		    bool of_dir)
{
	bool is_rmdir = t->nr == SYS_rmdir || (t->nr == SYS_unlinkat && rest(t, 0) & AT_REMOVEDIR);
	struct proc_place place;
	void *dentry;

	if (is_rmdir != of_dir || !proc_lookup(t, 0, LOOKUP_LAST, &place) || !place.exists)
		return false;
	dentry = dentry_of(p, &place);
	call->args[0] = dir_of(p, t, dentry, as_path);
	call->args[1] = addr(dentry);
	return dentry;
}

LSM_STEP(proc_lsm_path_unlink)
{
	return removal(p, t, call, true, false);
}

LSM_STEP(proc_lsm_inode_unlink)
{
	return removal(p, t, call, false, false);
}

LSM_STEP(proc_lsm_path_rmdir)
{
	return removal(p, t, call, true, true);
}

LSM_STEP(proc_lsm_inode_rmdir)
{
	return removal(p, t, call, false, true);
}

/* f(old_dentry, new_dir, new_dentry) */
static bool link_to(struct proc *p, struct proc_task *t, struct proc_call *call, bool as_path)
{
	struct proc_place old, new;
	u32 follow = t->nr == SYS_linkat && rest(t, 0) & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0;
	void *dentry;

	if (!proc_lookup(t, 0, follow, &old) || !proc_lookup(t, 1, LOOKUP_LAST, &new) || new.exists)
		return false;
	dentry = dentry_of(p, &new);
	call->args[0] = addr(dentry_of(p, &old));
	call->args[1] = dir_of(p, t, dentry, as_path);
	call->args[2] = addr(dentry);
	return call->args[0] && dentry;
}

LSM_STEP(proc_lsm_path_link)
{
	return link_to(p, t, call, true);
}

LSM_STEP(proc_lsm_inode_link)
{
	return link_to(p, t, call, false);
}

/* f(old_dir, old_dentry, new_dir, new_dentry, flags) */
static bool rename_to(struct proc *p, struct proc_task *t, struct proc_call *call, bool as_path)
{
	struct proc_place old, new;
	void *from, *to;

	if (!proc_lookup(t, 0, LOOKUP_LAST, &old) || !old.exists ||
	    !proc_lookup(t, 1, LOOKUP_LAST, &new))
		return false;
	from = dentry_of(p, &old);
	to = dentry_of(p, &new);
	call->args[0] = dir_of(p, t, from, as_path);
	call->args[1] = addr(from);
	call->args[2] = dir_of(p, t, to, as_path);
	call->args[3] = addr(to);
	call->args[4] = t->nr == SYS_renameat2 ? t->args[4] : 0;
	return from && to;
}

LSM_STEP(proc_lsm_path_rename)
{
	return rename_to(p, t, call, true);
}

LSM_STEP(proc_lsm_inode_rename)
{
	return rename_to(p, t, call, false);
}

/* --- changes of what is there --------------------------------------------------------------- */

/* f(path, mode) or f(path, uid, gid) or f(path) */
LSM_STEP(proc_lsm_path_change)
{
	struct proc_place place;

	if (!proc_lookup(t, 0, proc_lookup_flags(t), &place))
		return false;
	call->args[0] = path_to(p, t, dentry_of(p, &place));
	call->args[1] = rest(t, 0);
	call->args[2] = rest(t, 1);
	return call->args[0];
}

LSM_STEP(proc_lsm_inode_getattr)
{
	return proc_lsm_path_change(p, t, call);
}

/* --- descriptors ---------------------------------------------------------------------------- */

LSM_STEP(proc_lsm_file_permission)
{
	bool reads = t->nr == SYS_read || t->nr == SYS_pread64 || t->nr == SYS_readv ||
		     t->nr == SYS_preadv || t->nr == SYS_getdents64;

	if (!proc_enter_closed_file(p, t, call))
		return false;
	call->args[1] = reads ? MAY_READ : MAY_WRITE;
	return true;
}

/* f(file, the system call's own second and third) */
LSM_STEP(proc_lsm_file_call)
{
	if (!proc_enter_closed_file(p, t, call))
		return false;
	call->args[1] = t->args[1];
	call->args[2] = t->args[2];
	return true;
}

/* mmap_file(file or NULL, reqprot, prot, flags) */
LSM_STEP(proc_lsm_mmap_file)
{
	bool is_anon = t->args[3] & 0x20 /* MAP_ANONYMOUS */;
	u64 fd = t->args[0];

	t->args[0] = t->args[4];
	if (!is_anon && !proc_enter_closed_file(p, t, call)) {
		t->args[0] = fd;
		return false;
	}
	t->args[0] = fd;
	call->args[1] = call->args[2] = t->args[2];
	call->args[3] = t->args[3];
	return true;
}

/* --- mounts --------------------------------------------------------------------------------- */

LSM_STEP(proc_lsm_sb_mount)
{
	struct proc_place place;

	if (!proc_lookup(t, 0, LOOKUP_FOLLOW, &place))
		return false;
	call->args[0] = lend_string(p, t, t->args[0]);
	call->args[1] = path_to(p, t, dentry_of(p, &place));
	call->args[2] = lend_string(p, t, t->args[2]);
	call->args[3] = t->args[3];
	call->args[4] = lend_string(p, t, t->args[4]);
	return call->args[1];
}

LSM_STEP(proc_lsm_sb_umount)
{
	struct proc_place place;

	if (!proc_lookup(t, 0, LOOKUP_FOLLOW, &place) || !p->model_tasks)
		return false;
	call->args[0] = addr(model_mount(model_tasks_files(p->model_tasks)));
	call->args[1] = t->args[1];
	return true;
}

/* --- sockets -------------------------------------------------------------------------------- */

LSM_STEP(proc_lsm_socket_create)
{
	call->args[0] = t->args[0];
	call->args[1] = t->args[1] & 0xf;
	call->args[2] = t->args[2];
	return true;
}

/* f(sock, msg, size[, flags]), the message being the user's; accept's new socket is not yet. */
LSM_STEP(proc_lsm_socket_transfer)
{
	bool has_size = t->nr == SYS_sendto || t->nr == SYS_recvfrom || t->nr == SYS_read ||
			t->nr == SYS_write;
	bool is_msg = t->nr == SYS_sendmsg || t->nr == SYS_recvmsg;

	if (!proc_enter_listen(p, t, call))
		return false;
	call->args[1] = 0;
	call->args[2] = has_size ? t->args[2] : 0;
	call->args[3] = is_msg ? t->args[2] : t->nr == SYS_recvfrom ? t->args[3] : 0;
	return true;
}

/* --- tasks and the rest --------------------------------------------------------------------- */

LSM_STEP(proc_lsm_task_kill)
{
	bool has_tgid = t->nr == SYS_tgkill || t->nr == SYS_rt_tgsigqueueinfo;
	s32 pid = t->args[has_tgid ? 1 : 0];

	if (pid <= 0 || !p->model_tasks)
		return false;
	call->args[0] = addr(model_task_get(p->model_tasks, pid));
	call->args[2] = t->args[has_tgid ? 2 : 1];
	return call->args[0];
}

LSM_STEP(proc_lsm_task_setpgid)
{
	u32 pid = t->args[0] ? t->args[0] : t->process->tgid;

	call->args[0] = p->model_tasks ? addr(model_task_get(p->model_tasks, pid)) : 0;
	call->args[1] = t->args[1] ? t->args[1] : pid;
	return call->args[0];
}

#define MAX_BPF_ATTR 256

LSM_STEP(proc_lsm_bpf)
{
	u64 size = min_u64((u32)t->args[2], MAX_BPF_ATTR);
	void *attr = proc_lend(p, t, MAX_BPF_ATTR);

	if (!attr || proc_read(t, attr, size, t->args[1]))
		return false;
	call->args[0] = t->args[0];
	call->args[1] = addr(attr);
	call->args[2] = (u32)t->args[2];
	return true;
}

LSM_STEP(proc_lsm_as_given)
{
	for (u32 i = 0; i < 5; i++)
		call->args[i] = t->args[i];
	return true;
}
