/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Who holds what: the descriptors of all processes that we may look into. */
#include "base/mem.h"
#include "engine/kernel_objs.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_HOLDERS (1u << 20) /* descriptors of objects in the whole system */

static int kind_of(const char *link)
{
	for (int i = 0; i < KOBJ_NR_KINDS; i++)
		if (kobj_is_kind(link, i))
			return i;
	return -1;
}

/* A small file below an open directory, NUL-terminated; the length or -1. */
static ssize_t read_at(int dir, const char *path, char *buf, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n >= 0)
		buf[n] = 0;
	return n;
}

/* "prog_id:\t12" in fdinfo; 0: it is not there. */
static u32 read_id(int proc, const char *fd, const char *key)
{
	char path[64], buf[1024], *at;
	size_t len = strlen(key);

	snprintf(path, sizeof(path), "fdinfo/%.20s", fd);
	if (read_at(proc, path, buf, sizeof(buf)) < 0)
		return 0;
	for (at = buf; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, key, len) && at[len] == ':')
			return (u32)strtoul(at + len + 1, NULL, 10);
	}
	return 0;
}

static bool is_known(const struct kobj_world *w, int kind, u32 id, u32 pid)
{
	for (size_t i = w->holders.nr; i--;) {
		const struct kobj_holder *h = &w->holders.data[i];

		if (h->pid != pid)
			return false; /* processes come one after another */
		if ((int)h->kind == kind && h->id == id)
			return true;
	}
	return false;
}

static int add_holder(struct kobj_world *w, int proc, u32 pid, const char *fd)
{
	char path[64], link[64];
	struct kobj_holder *h;
	ssize_t n;
	int kind;
	u32 id;

	snprintf(path, sizeof(path), "fd/%.20s", fd);
	n = readlinkat(proc, path, link, sizeof(link) - 1);
	if (n < 0)
		return 0;
	link[n] = 0;
	kind = kind_of(link);
	id = kind < 0 ? 0 : read_id(proc, fd, kobj_kinds[kind].key);
	if (!id || is_known(w, kind, id, pid) || w->holders.nr >= MAX_HOLDERS)
		return 0;
	h = VEC_PUSH(&w->holders);
	if (!h)
		return -ENOMEM;
	*h = (struct kobj_holder){.kind = (enum skep_kernel_kind)kind, .id = id, .pid = pid};
	n = read_at(proc, "comm", h->comm, sizeof(h->comm));
	h->comm[strcspn(h->comm, "\n")] = 0;
	return 0;
}

static int scan_one(struct kobj_world *w, int proc, u32 pid)
{
	int fds = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	struct dirent *e;
	DIR *dir = fds < 0 ? NULL : fdopendir(fds);

	if (!dir) { /* gone, or not ours to see */
		if (fds >= 0)
			close(fds);
		return 0;
	}
	while (!err && (e = readdir(dir)))
		if (isdigit((u8)e->d_name[0]))
			err = add_holder(w, proc, pid, e->d_name);
	closedir(dir);
	return err;
}

int kobj_scan_pids(struct kobj_world *w)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int err = 0;

	while (!err && dir && (e = readdir(dir))) {
		u32 pid = (u32)strtoul(e->d_name, NULL, 10);
		int proc;

		if (!pid || pid == (u32)getpid())
			continue;
		proc = openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (proc < 0)
			continue;
		err = scan_one(w, proc, pid);
		close(proc);
	}
	if (dir)
		closedir(dir);
	return err;
}

void kobj_add_pids(struct kobj_world *w, struct skep_value *o, enum skep_kernel_kind kind, u32 id)
{
	struct skep_value *list = NULL;

	for (size_t i = 0; i < w->holders.nr; i++) {
		const struct kobj_holder *h = &w->holders.data[i];
		struct skep_value *p;

		if (h->kind != kind || h->id != id)
			continue;
		if (!list)
			list = kobj_add(&w->tree, o, "pids", SKEP_VALUE_LIST);
		p = kobj_add(&w->tree, list, NULL, SKEP_VALUE_OBJECT);
		kobj_number(&w->tree, p, "pid", h->pid);
		kobj_text(&w->tree, p, "comm", h->comm);
	}
}
