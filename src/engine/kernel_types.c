/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kernel's types for libbpf's CO-RE. All of them take longer to read, and more memory, than all
 * else that it takes to attach a program. So the part that an object needs (btf/core_keep.c) is
 * kept in a file of $XDG_CACHE_HOME/skep, or ~/.cache/skep, named after the hash of that kernel's
 * build (its notes, which hold its build id, and its version) and of the object's relocations.
 *
 * It is made by a child process, while we go on as if there were none. A file that is not ours,
 * that others can write, or that is broken counts as none.
 */
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "btf/core.h"
#include "btf/types.h"
#include "engine/kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORMAT   "1" /* changes whenever the content for the same name does */
#define MAX_FILE (16u << 20)
#define NOTES    "/sys/kernel/notes"

/* --- the name --------------------------------------------------------------------------------- */

struct key {
	u64 a, b;
};

static void add(struct key *key, const void *p, size_t size)
{
	key->a = hash_bytes(p, size, key->a);
	key->b = hash_bytes(p, size, key->b ^ 0x9e3779b97f4a7c15ULL);
}

static bool add_kernel(struct key *key)
{
	struct utsname uts = {0};
	char *notes;
	size_t size;

	if (file_read(NOTES, MAX_FILE, &notes, &size, NULL) || uname(&uts))
		return false;
	add(key, notes, size);
	add(key, &uts.release, sizeof(uts.release));
	add(key, &uts.version, sizeof(uts.version));
	mem_free(notes);
	return true;
}

static void add_object(struct key *key, const struct object *obj)
{
	u32 nr = object_nr_core_relos(obj), size;
	const void *btf = btf__raw_data(obj->btf, &size);

	add(key, btf, size);
	for (u32 i = 0; i < nr; i++)
		add(key, object_core_relo(obj, i), sizeof(struct bpf_core_relo));
}

/* The directory, if nobody else can put files there. */
static bool cache_dir(char dir[PATH_MAX])
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct stat st;
	int n = -1;

	if (base && *base == '/')
		n = snprintf(dir, PATH_MAX, "%s/skep", base);
	else if (home && *home == '/')
		n = snprintf(dir, PATH_MAX, "%s/.cache/skep", home);
	if (n < 0 || n >= PATH_MAX || file_mkdirs(dir, NULL) || stat(dir, &st))
		return false;
	return st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static bool cache_path(const struct object *obj, char path[PATH_MAX])
{
	struct key key = {.a = 1, .b = 2};
	char dir[PATH_MAX];
	int n;

	if (!cache_dir(dir) || !add_kernel(&key))
		return false;
	add_object(&key, obj);
	n = snprintf(path, PATH_MAX, "%s/types-" FORMAT "-%016llx%016llx.btf", dir,
		     (unsigned long long)key.a, (unsigned long long)key.b);
	return n > 0 && n < PATH_MAX;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_good(int fd)
{
	struct stat st;
	ssize_t got;
	void *data;
	bool good;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) || st.st_size > MAX_FILE)
		return false;
	data = mem_alloc((size_t)st.st_size + 1);
	got = data ? pread(fd, data, (size_t)st.st_size, 0) : -1;
	good = got == st.st_size && !types_check(data, (size_t)got, NULL, NULL);
	mem_free(data);
	return good;
}

/* A descriptor of a file that can be trusted, or -1. */
static int open_cached(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && !is_good(fd)) {
		log_debug("%s is not used: it is broken, or others can write it", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* --- making ----------------------------------------------------------------------------------- */

static int make(const struct object *obj, const char *path)
{
	u32 nr = object_nr_core_relos(obj), size = 0;
	struct bpf_core_relo *relos = mem_calloc(nr, sizeof(*relos));
	struct btf *all = NULL, *part = NULL;
	const void *data;
	int err = relos ? types_open_kernel("/sys/kernel/btf/vmlinux", &all, NULL, NULL) : -ENOMEM;

	for (u32 i = 0; i < nr && !err; i++)
		relos[i] = *object_core_relo(obj, i);
	if (!err)
		err = core_keep(obj->btf, all, relos, nr, &part);
	data = err ? NULL : btf__raw_data(part, &size);
	if (data)
		err = file_write(path, data, size, NULL);
	btf__free(part);
	types_close(all);
	mem_free(relos);
	return err;
}

/* It dies with us, and takes only what time is left. */
static pid_t make_aside(const struct object *obj, const char *path)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, 10);
	_exit(make(obj, path) != 0);
}

int kernel_types_find(struct kernel_engine *k)
{
	char path[PATH_MAX];

	if (!k->obj->btf || !object_nr_core_relos(k->obj) || k->types_pid ||
	    !cache_path(k->obj, path))
		return -1;
	if (k->types_fd < 0)
		k->types_fd = open_cached(path);
	if (k->types_fd >= 0)
		return k->types_fd;
	log_debug("kernel engine: %s is made for the next time", path);
	k->types_pid = make_aside(k->obj, path);
	return -1;
}

void kernel_types_done(struct kernel_engine *k)
{
	if (k->types_pid > 0)
		waitpid(k->types_pid, NULL, 0);
	if (k->types_fd >= 0)
		close(k->types_fd);
	k->types_pid = 0;
	k->types_fd = -1;
}
