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

#define FORMAT   "2" /* changes whenever the content for the same name does */
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

/* What the object asks of the kernel's types: its relocations, and what programs attach to. */
static void add_object(struct key *key, const struct object *obj)
{
	u32 nr = object_nr_core_relos(obj), size;
	const void *btf = btf__raw_data(obj->btf, &size);

	add(key, btf, size);
	for (u32 i = 0; i < nr; i++)
		add(key, object_core_relo(obj, i), sizeof(struct bpf_core_relo));
	for (u32 i = 0; i < obj->nr_progs; i++)
		add(key, obj->progs[i].section, strlen(obj->progs[i].section) + 1);
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

/* Without its ending: ".btf" for types, ".ids" for ids. */
static bool cache_path(const struct object *obj, char path[PATH_MAX])
{
	struct key key = {.a = 1, .b = 2};
	char dir[PATH_MAX];
	int n;

	if (!cache_dir(dir) || !add_kernel(&key))
		return false;
	add_object(&key, obj);
	n = snprintf(path, PATH_MAX, "%s/types-" FORMAT "-%016llx%016llx", dir,
		     (unsigned long long)key.a, (unsigned long long)key.b);
	return n > 0 && n < PATH_MAX - 8;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* All of a file that only we can have written; NULL: it is none. */
static char *read_ours(int fd, size_t *ret_size)
{
	struct stat st;
	ssize_t got;
	char *data;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) || st.st_size > MAX_FILE)
		return NULL;
	data = mem_zalloc((size_t)st.st_size + 1);
	got = data ? pread(fd, data, (size_t)st.st_size, 0) : -1;
	if (data && got != st.st_size) {
		mem_free(data);
		return NULL;
	}
	*ret_size = (size_t)st.st_size;
	return data;
}

static int open_file(const char *path, const char *end)
{
	char whole[PATH_MAX + 8];

	snprintf(whole, sizeof(whole), "%s%s", path, end);
	return open(whole, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* A descriptor of a file with types that can be trusted, or -1. */
static int open_types(const char *path)
{
	int fd = open_file(path, ".btf");
	size_t size;
	char *data = fd >= 0 ? read_ours(fd, &size) : NULL;
	bool good = data && !types_check(data, size, NULL, NULL);

	mem_free(data);
	if (fd >= 0 && !good) {
		log_debug("%s.btf is not used: it is broken, or others can write it", path);
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A number per program. */
static u32 *parse_ids(const char *text, u32 nr)
{
	u32 *ids = mem_calloc(nr + 1, sizeof(*ids));
	char *end;

	for (u32 i = 0; ids && i < nr; i++, text = end + 1) {
		unsigned long id = strtoul(text, &end, 10);

		if (end == text || *end != '\n' || id > TYPES_MAX_NR) {
			mem_free(ids);
			return NULL;
		}
		ids[i] = (u32)id;
	}
	return ids;
}

static u32 *read_ids(const char *path, u32 nr)
{
	int fd = open_file(path, ".ids");
	size_t size;
	char *text = fd >= 0 ? read_ours(fd, &size) : NULL;
	u32 *ids = text ? parse_ids(text, nr) : NULL;

	mem_free(text);
	if (fd >= 0)
		close(fd);
	return ids;
}

/* --- making ----------------------------------------------------------------------------------- */

static int write_file(const char *path, const char *end, const void *data, size_t size)
{
	char whole[PATH_MAX + 8];

	snprintf(whole, sizeof(whole), "%s%s", path, end);
	return data ? file_write(whole, data, size, NULL) : -ENOMEM;
}

static int make_types(const struct object *obj, const struct btf *all, const char *path)
{
	u32 nr = object_nr_core_relos(obj), size = 0;
	struct bpf_core_relo *relos = mem_calloc(nr + 1, sizeof(*relos));
	struct btf *part = NULL;
	const void *data = NULL;
	int err = relos ? 0 : -ENOMEM;

	for (u32 i = 0; i < nr && !err; i++)
		relos[i] = *object_core_relo(obj, i);
	if (!err)
		err = core_keep(obj->btf, all, relos, nr, &part);
	if (!err)
		data = btf__raw_data(part, &size);
	if (!err)
		err = write_file(path, ".btf", data, size);
	btf__free(part);
	mem_free(relos);
	return err;
}

static int make_ids(const struct object *obj, const struct btf *all, const char *path)
{
	struct strbuf text = {0};
	int err;

	for (u32 i = 0; i < obj->nr_progs; i++) {
		const struct prog *prog = &obj->progs[i];

		strbuf_printf(&text, "%u\n",
			      kernel_ids_wants(prog) ? kernel_ids_find(all, prog) : 0);
	}
	err = write_file(path, ".ids", text.failed ? NULL : strbuf_str(&text), text.len);
	strbuf_done(&text);
	return err;
}

static int make(const struct object *obj, const char *path)
{
	struct btf *all = NULL;
	int err = types_open_kernel("/sys/kernel/btf/vmlinux", &all, NULL, NULL);

	err = err ? err : make_types(obj, all, path);
	err = err ? err : make_ids(obj, all, path);
	types_close(all);
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

/* Does anything of it need the kernel's types? */
static bool needs_types(const struct object *obj)
{
	bool needs = object_nr_core_relos(obj);

	for (u32 i = 0; i < obj->nr_progs && !needs; i++)
		needs = kernel_ids_wants(&obj->progs[i]);
	return obj->btf && needs;
}

int kernel_types_find(struct kernel_engine *k)
{
	char path[PATH_MAX];

	if (k->types_pid || k->types_fd >= 0 || !needs_types(k->obj) || !cache_path(k->obj, path))
		return k->types_fd;
	k->types_fd = open_types(path);
	k->ids = k->types_fd >= 0 ? read_ids(path, k->obj->nr_progs) : NULL;
	if (k->types_fd >= 0 && k->ids)
		return k->types_fd;
	log_debug("kernel engine: %s.* is made for the next time", path);
	k->types_pid = make_aside(k->obj, path);
	return k->types_fd;
}

void kernel_types_done(struct kernel_engine *k)
{
	if (k->types_pid > 0)
		waitpid(k->types_pid, NULL, 0);
	if (k->types_fd >= 0)
		close(k->types_fd);
	mem_free(k->ids);
	k->ids = NULL;
	k->types_pid = 0;
	k->types_fd = -1;
}
