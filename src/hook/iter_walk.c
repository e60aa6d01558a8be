/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What iterators walk: the tasks, files and mappings that /proc shows to this user, and the
 * object's own maps, in the kernel's order (by id, descriptor, address, and as keys come).
 */
#include "base/mem.h"
#include "base/vec.h"
#include "hook/iter.h"
#include "model/procfs.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many as pid_max can be. */
#define MAX_TASKS (1u << 22)

/* A map that grows while it is walked must end somewhere. */
#define MAX_KEYS (1u << 24)

struct numbers {
	u32 *data;
	size_t nr, room;
};

static u64 addr(const void *p)
{
	return (uintptr_t)p;
}

/* --- numbers of directories in /proc -------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

static void add_numbers(struct numbers *to, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;

	while (dir && to->nr < MAX_TASKS && (d = readdir(dir))) {
		u32 *slot = d->d_name[0] >= '0' && d->d_name[0] <= '9' ? VEC_PUSH(to) : NULL;

		if (slot)
			*slot = strtoul(d->d_name, NULL, 10);
	}
	if (dir)
		closedir(dir);
}

static void sort_numbers(struct numbers *v)
{
	if (v->nr)
		qsort(v->data, v->nr, sizeof(v->data[0]), by_number);
}

static void list_threads(struct numbers *threads)
{
	struct numbers processes = {0};
	char path[64];

	add_numbers(&processes, "/proc");
	for (size_t i = 0; i < processes.nr; i++) {
		snprintf(path, sizeof(path), "/proc/%u/task", processes.data[i]);
		add_numbers(threads, path);
	}
	VEC_DONE(&processes);
	sort_numbers(threads);
}

/* --- tasks ---------------------------------------------------------------------------------- */

/* With -p, as in Linux: only those of that process. */
static bool is_wanted(struct iter_run *r, u64 task)
{
	u32 pid = hook_options(r->set)->pid;
	u64 tgid = 0;

	return !pid ||
	       (model_get(r->model, (void *)(uintptr_t)task, "task_struct", "tgid", &tgid) &&
		tgid == pid);
}

static int walk_tasks(struct iter_run *r, struct skep_diag *diag)
{
	struct numbers threads = {0};

	list_threads(&threads);
	for (size_t i = 0; i < threads.nr; i++) {
		u64 args[ITER_MAX_ARGS] = {addr(model_task_get(r->tasks, threads.data[i]))};

		if (args[0] && is_wanted(r, args[0]))
			iter_show(r, args);
		model_task_exited(r->tasks, threads.data[i]); /* only so many are kept */
	}
	VEC_DONE(&threads);
	return 0;
}

/* Each process once, as the kernel skips threads that share what is walked. */
static int walk_processes(struct iter_run *r, void (*walk)(struct iter_run *r, u32 pid, u64 task))
{
	struct numbers processes = {0};

	add_numbers(&processes, "/proc");
	sort_numbers(&processes);
	for (size_t i = 0; i < processes.nr; i++) {
		void *task = model_task_get(r->tasks, processes.data[i]);

		if (task && is_wanted(r, addr(task)))
			walk(r, processes.data[i], addr(task));
		model_task_exited(r->tasks, processes.data[i]);
	}
	VEC_DONE(&processes);
	return 0;
}

/* --- files ---------------------------------------------------------------------------------- */

static void *file_at(struct iter_run *r, const char *link, u32 flags)
{
	char path[4096];
	struct stat st;
	ssize_t n = readlink(link, path, sizeof(path) - 1);

	if (n <= 0)
		return NULL;
	path[n] = 0;
	return model_file(model_tasks_files(r->tasks), path, stat(link, &st) ? NULL : &st, flags);
}

static u32 flags_of(u32 pid, u32 fd)
{
	char name[32], text[1024];
	const char *at;

	snprintf(name, sizeof(name), "fdinfo/%u", fd);
	procfs_read(pid, name, text, sizeof(text));
	at = strstr(text, "flags:");
	return at ? strtoul(at + 6, NULL, 8) & ~02000000u : 0; /* O_CLOEXEC is not the file's */
}

static void walk_files_of(struct iter_run *r, u32 pid, u64 task)
{
	struct numbers fds = {0};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	add_numbers(&fds, path);
	sort_numbers(&fds);
	for (size_t i = 0; i < fds.nr; i++) {
		char link[64];
		void *file;

		snprintf(link, sizeof(link), "/proc/%u/fd/%u", pid, fds.data[i]);
		file = file_at(r, link, flags_of(pid, fds.data[i]));
		if (file)
			iter_show(r, (u64[ITER_MAX_ARGS]){task, fds.data[i], addr(file)});
		model_release(r->model, file);
	}
	VEC_DONE(&fds);
}

static int walk_files(struct iter_run *r, struct skep_diag *diag)
{
	return walk_processes(r, walk_files_of);
}

/* --- mappings ------------------------------------------------------------------------------- */

enum {
	VM_READ = 1,
	VM_WRITE = 2,
	VM_EXEC = 4,
	VM_SHARED = 8,
	VM_MAYS = 0x70, /* VM_MAYREAD, VM_MAYWRITE, VM_MAYEXEC */
};

static u64 vm_flags(const char perms[5])
{
	return (perms[0] == 'r' ? VM_READ : 0) | (perms[1] == 'w' ? VM_WRITE : 0) |
	       (perms[2] == 'x' ? VM_EXEC : 0) | (perms[3] == 's' ? VM_SHARED : 0) | VM_MAYS;
}

/* A line of /proc/PID/maps. */
static void show_mapping(struct iter_run *r, u64 task, void *vma, const char *line)
{
	unsigned long start, end, off;
	char perms[8], path[4096] = "";
	void *file = NULL;
	struct stat st;

	if (sscanf(line, "%lx-%lx %7s %lx %*s %*u %4095[^\n]", &start, &end, perms, &off, path) < 4)
		return;
	if (path[0] == '/')
		file = model_file(model_tasks_files(r->tasks), path, stat(path, &st) ? NULL : &st,
				  0);
	model_set(r->model, vma, "vm_area_struct", "vm_start", start);
	model_set(r->model, vma, "vm_area_struct", "vm_end", end);
	model_set(r->model, vma, "vm_area_struct", "vm_pgoff", off >> 12);
	model_set(r->model, vma, "vm_area_struct", "vm_flags", vm_flags(perms));
	model_set(r->model, vma, "vm_area_struct", "vm_file", addr(file));
	iter_show(r, (u64[ITER_MAX_ARGS]){task, addr(vma)});
	model_release(r->model, file);
}

static void walk_mappings_of(struct iter_run *r, u32 pid, u64 task)
{
	void *vma = model_alloc(r->model, "vm_area_struct");
	char path[64], line[8192];
	u64 mm = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = vma ? fopen(path, "re") : NULL;
	model_get(r->model, (void *)(uintptr_t)task, "task_struct", "mm", &mm);
	model_set(r->model, vma, "vm_area_struct", "vm_mm", mm);
	while (f && fgets(line, sizeof(line), f))
		if (!strstr(line, "[vsyscall]")) /* of the kernel, no mapping of the process */
			show_mapping(r, task, vma, line);
	if (f)
		fclose(f);
	model_release(r->model, vma);
}

static int walk_mappings(struct iter_run *r, struct skep_diag *diag)
{
	return walk_processes(r, walk_mappings_of);
}

/* --- maps ----------------------------------------------------------------------------------- */

static bool is_internal(const struct map *map)
{
	return map->def.name[0] == '.' || strchr(map->def.name, '.');
}

/* The model's struct bpf_map of one of ours. */
static void *map_object(struct iter_run *r, const struct map *map)
{
	void *obj = model_alloc(r->model, "bpf_map");
	char name[16] = "";

	memcpy(name, map->def.name, min_u64(strlen(map->def.name), sizeof(name) - 1));
	model_set_bytes(r->model, obj, "bpf_map", "name", name, sizeof(name));
	model_set(r->model, obj, "bpf_map", "id", map->id);
	model_set(r->model, obj, "bpf_map", "map_type", map->def.type);
	model_set(r->model, obj, "bpf_map", "key_size", map->def.key_size);
	model_set(r->model, obj, "bpf_map", "value_size", map->def.value_size);
	model_set(r->model, obj, "bpf_map", "max_entries", map->def.max_entries);
	model_set(r->model, obj, "bpf_map", "map_flags", map->def.flags);
	return obj;
}

static int walk_maps(struct iter_run *r, struct skep_diag *diag)
{
	const struct hook_opts *opts = hook_options(r->set);

	for (u32 i = 0; i < opts->nr_maps; i++) {
		void *obj = opts->maps[i] ? map_object(r, opts->maps[i]) : NULL;

		if (obj)
			iter_show(r, (u64[ITER_MAX_ARGS]){addr(obj)});
		model_release(r->model, obj);
	}
	return 0;
}

/* As in Linux: arrays and hashes, their per-CPU kin too. */
static bool has_elements(const struct map *map)
{
	static const u32 types[] = {
		BPF_MAP_TYPE_HASH,     BPF_MAP_TYPE_PERCPU_HASH,
		BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH,
		BPF_MAP_TYPE_ARRAY,    BPF_MAP_TYPE_PERCPU_ARRAY,
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (map->def.type == types[i])
			return true;
	return false;
}

static bool is_percpu(const struct map *map)
{
	return map->def.type == BPF_MAP_TYPE_PERCPU_HASH ||
	       map->def.type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       map->def.type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* The one that is named, else the only one that can be meant. */
static int find_map(struct iter_run *r, struct map **ret, struct skep_diag *diag)
{
	const struct hook_opts *opts = hook_options(r->set);
	u32 nr = 0;

	for (u32 i = 0; i < opts->nr_maps; i++) {
		struct map *map = opts->maps[i];

		if (!map || !has_elements(map) ||
		    (r->of ? strcmp(map->def.name, r->of) != 0 : is_internal(map)))
			continue;
		*ret = map;
		nr++;
	}
	if (nr == 1)
		return 0;
	if (r->of)
		return diag_set(diag, -ENOENT, "there is no array or hash called %s", r->of);
	return diag_set_full(diag, -EINVAL, "iter-map",
			     "SEC(\"iter/bpf_map_elem:MAP\") or --attach names it",
			     nr ? "which map is walked? The object has %u"
				: "there is no array or hash to walk (%u)",
			     nr);
}

static void lend(struct iter_run *r, const char *what, void *p, size_t size, u32 flags)
{
	r->env.mem[r->env.nr_mem++] = (struct vm_mem){
		.name = what, .base = addr(p), .size = size, .flags = VM_MEM_READ | flags};
}

/* A value of all CPUs is a copy, as in Linux; a value of one is the map's own. */
static void show_element(struct iter_run *r, struct map *map, u64 obj, void *key, void *copy)
{
	void *value;

	if (is_percpu(map)) {
		value = map_user_lookup(map, key, copy, 0) ? NULL : copy;
	} else {
		map_read_lock();
		value = map_lookup(map, key);
		map_read_unlock();
	}
	if (value)
		iter_show(r, (u64[ITER_MAX_ARGS]){obj, addr(key), addr(value)});
}

static int walk_elements(struct iter_run *r, struct skep_diag *diag)
{
	struct map *map = NULL;
	char *key, *next, *copy;
	void *obj;
	int err = find_map(r, &map, diag);

	if (err)
		return err;
	key = mem_zalloc(map->def.key_size);
	next = mem_zalloc(map->def.key_size);
	copy = mem_zalloc(map_user_value_size(map));
	obj = map_object(r, map);
	if (key && next && copy && obj) {
		lend(r, "key", key, map->def.key_size, 0);
		lend(r, "value", copy, map_user_value_size(map), VM_MEM_WRITE);
		err = map_user_next_key(map, NULL, key);
		for (u32 i = 0; !err && i < MAX_KEYS; i++) {
			memcpy(next, key, map->def.key_size);
			show_element(r, map, addr(obj), key, copy);
			err = map_user_next_key(map, next, key);
		}
		r->env.nr_mem -= 2;
	}
	mem_free(key);
	mem_free(next);
	mem_free(copy);
	model_release(r->model, obj);
	return 0;
}

/* --- the table ------------------------------------------------------------------------------ */

static const struct iter_kind kinds[] = {
	/* name, arguments, called at the end, walk */
	{"task", 1, true, walk_tasks},
	{"task_file", 3, true, walk_files},
	{"task_vma", 2, true, walk_mappings},
	{"bpf_map", 1, true, walk_maps},
	{"bpf_map_elem", 3, true, walk_elements},
};

const struct iter_kind *iter_kind_find(const char *target)
{
	size_t len = strcspn(target, ":");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].name) == len && !memcmp(kinds[i].name, target, len))
			return &kinds[i];
	return NULL;
}
