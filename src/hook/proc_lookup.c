/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * See proc_lookup.h. What is found is opened with O_PATH, which opens nothing: its name is then
 * what /proc says of our own descriptor. Between this look and the kernel's own the command may
 * change what the name stands for: good enough to show, not to guard.
 */
#include "hook/proc_lookup.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* clang-format off */
#define F PATHS_FOLLOWS
#define S PATHS_STOPS
#define ONE(call, dfd, path, rest, flags)                                                          \
	{                                                                                          \
		SYS_##call, dfd, path, rest, flags, -1, -1                                         \
	}
#define TWO(call, dfd, path, rest, flags, dfd2, path2)                                             \
	{                                                                                          \
		SYS_##call, dfd, path, rest, flags, dfd2, path2                                    \
	}
static const struct proc_paths table[] = {
	/* call, dfd, path, rest, flags, dfd2, path2 */
	ONE(open, -1, 0, 1, F),     ONE(creat, -1, 0, 1, F),     ONE(openat, 0, 1, 2, F),
	ONE(openat2, 0, 1, 2, F),   ONE(unlink, -1, 0, 1, S),    ONE(unlinkat, 0, 1, 2, S),
	ONE(rmdir, -1, 0, 1, S),    ONE(mkdir, -1, 0, 1, S),     ONE(mkdirat, 0, 1, 2, S),
	ONE(mknod, -1, 0, 1, S),    ONE(mknodat, 0, 1, 2, S),    ONE(truncate, -1, 0, 1, F),
	ONE(stat, -1, 0, 1, F),     ONE(lstat, -1, 0, 1, S),     ONE(newfstatat, 0, 1, 2, 3),
	ONE(statx, 0, 1, 2, 2),     ONE(fstat, 0, -1, 1, F),     ONE(access, -1, 0, 1, F),
	ONE(execve, -1, 0, 1, F),   ONE(execveat, 0, 1, 2, 4),   ONE(chroot, -1, 0, 1, F),
	ONE(chmod, -1, 0, 1, F),    ONE(fchmod, 0, -1, 1, F),    ONE(fchmodat, 0, 1, 2, F),
	ONE(fchmodat2, 0, 1, 2, 3), ONE(chown, -1, 0, 1, F),     ONE(lchown, -1, 0, 1, S),
	ONE(fchown, 0, -1, 1, F),   ONE(fchownat, 0, 1, 2, 4),   ONE(mount, -1, 1, 2, F),
	ONE(umount2, -1, 0, 1, F),  ONE(symlink, -1, 1, 2, S),   ONE(symlinkat, 1, 2, 3, S),
	TWO(link, -1, 0, 2, S, -1, 1),       TWO(linkat, 0, 1, 4, S, 2, 3),
	TWO(rename, -1, 0, 2, S, -1, 1),     TWO(renameat, 0, 1, 4, S, 2, 3),
	TWO(renameat2, 0, 1, 4, S, 2, 3),
};
#undef F
#undef S
/* clang-format on */

const struct proc_paths *proc_paths_of(s64 nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].nr == nr)
			return &table[i];
	return NULL;
}

u32 proc_lookup_flags(const struct proc_task *t)
{
	const struct proc_paths *a = proc_paths_of(t->nr);

	if (!a || a->flags == PATHS_STOPS)
		return 0;
	return a->flags >= 0 && t->args[a->flags] & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
}

/* The place that a name is relative to, as a link of /proc. */
static void base_of(const struct proc_task *t, int dfd, const char *name, char *to, size_t size)
{
	if (name[0] == '/')
		snprintf(to, size, "/proc/%u/root/", t->tid);
	else if (dfd == AT_FDCWD)
		snprintf(to, size, "/proc/%u/cwd/", t->tid);
	else
		snprintf(to, size, "/proc/%u/fd/%d/", t->tid, dfd);
}

static bool look(const char *path, bool follow, struct proc_place *ret)
{
	int fd = open(path, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
	char link[64];
	ssize_t n = -1;

	if (fd < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!fstat(fd, &ret->st))
		n = readlink(link, ret->path, sizeof(ret->path) - 1);
	close(fd);
	if (n <= 0)
		return false;
	ret->path[n] = 0;
	ret->exists = true;
	return true;
}

/* The directory must be there, its entry need not. */
static bool look_for_last(char *path, struct proc_place *ret)
{
	char last[256], whole[8300], *slash;
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		path[--len] = 0;
	slash = strrchr(path, '/');
	if (!slash || strlen(slash + 1) >= sizeof(last))
		return false;
	strcpy(last, slash + 1);
	snprintf(whole, sizeof(whole), "%s", path);
	slash[1] = 0;
	if (!last[0] || !strcmp(last, ".") || !strcmp(last, "..") || !look(path, true, ret) ||
	    !S_ISDIR(ret->st.st_mode))
		return false;
	len = strlen(ret->path);
	if (len + 1 + strlen(last) >= sizeof(ret->path))
		return false;
	snprintf(ret->path + len, sizeof(ret->path) - len, "%s%s", len > 1 ? "/" : "", last);
	ret->exists = !lstat(whole, &ret->st);
	return true;
}

static int dfd_arg(const struct proc_task *t, s8 idx)
{
	return idx < 0 ? AT_FDCWD : (int)t->args[idx];
}

bool proc_lookup(struct proc_task *t, u32 which, u32 flags, struct proc_place *ret)
{
	const struct proc_paths *a = proc_paths_of(t->nr);
	char name[4096] = "", path[4200];
	int dfd, idx;

	memset(ret, 0, sizeof(*ret));
	if (!a)
		return false;
	dfd = dfd_arg(t, which ? a->dfd2 : a->dfd);
	idx = which ? a->path2 : a->path;
	if (idx >= 0 && proc_read_str(t, name, sizeof(name), t->args[idx]) < 0)
		return false;
	if (!name[0] && (dfd == AT_FDCWD || flags & LOOKUP_LAST))
		return false; /* ENOENT */
	base_of(t, dfd, name, path, sizeof(path));
	if (!name[0]) /* the descriptor itself */
		path[strlen(path) - 1] = 0;
	strcat(path, name);
	if (flags & LOOKUP_LAST)
		return look_for_last(path, ret);
	return look(path, flags & LOOKUP_FOLLOW || !name[0], ret);
}
