/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See symbols.h. A name is that of the last function that begins at or before the address, if it
 * reaches that far. */
#include "elf/symbols.h"
#include "base/arena.h"
#include "base/mem.h"
#include "base/vec.h"
#include "elf/uelf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Beyond these nothing is looked up: hostile processes have as many mappings as they like. */
#define MAX_MAPPINGS 65536
#define MAX_FILES    4096
#define MAX_NAMES    (1u << 20) /* of one file */

/* A function that is farther away than this is not the one. */
#define MAX_DISTANCE (4u << 20)

/* The mappings of one process are read no more often than this. */
#define AGAIN_NS 20000000ull

#define KERNEL_HALF (1ull << 63)

struct name {
	u64 off, size; /* size 0: not known */
	const char *s;
};

struct file {
	char *path;
	const char *base;
	bool is_loaded;
	struct arena arena;
	struct name *names; /* by off */
	size_t nr, room;
};

struct mapping {
	u64 start, end, off;
	u32 pid;
	struct file *file; /* NULL: no file */
};

struct reading {
	u32 pid;
	u64 at;
};

struct symbols {
	struct mapping *maps; /* as they were read: the newest last */
	size_t nr_maps, room_maps;
	struct file **files;
	size_t nr_files, room_files;
	struct reading *readings;
	size_t nr_readings, room_readings;
	struct file kernel; /* its offsets are addresses */
};

struct symbols *symbols_new(void)
{
	return mem_zalloc(sizeof(struct symbols));
}

static void file_done(struct file *f)
{
	mem_free(f->names);
	mem_free(f->path);
	arena_done(&f->arena);
}

struct symbols *symbols_free(struct symbols *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->nr_files; i++) {
		file_done(s->files[i]);
		mem_free(s->files[i]);
	}
	file_done(&s->kernel);
	mem_free(s->files);
	mem_free(s->maps);
	mem_free(s->readings);
	mem_free(s);
	return NULL;
}

/* --- mappings ------------------------------------------------------------------------------- */

static struct file *file_of(struct symbols *s, const char *path)
{
	struct file **slot, *f;
	const char *slash;

	for (size_t i = s->nr_files; i-- > 0;)
		if (!strcmp(s->files[i]->path, path))
			return s->files[i];
	f = s->nr_files < MAX_FILES ? mem_zalloc(sizeof(*f)) : NULL;
	slot = f ? vec_push((void **)&s->files, &s->nr_files, &s->room_files, sizeof(*slot)) : NULL;
	if (slot)
		f->path = mem_strdup(path);
	if (!slot || !f->path) {
		s->nr_files -= slot != NULL;
		mem_free(f);
		return NULL;
	}
	slash = strrchr(f->path, '/');
	f->base = slash ? slash + 1 : f->path;
	*slot = f;
	return f;
}

static struct mapping *find_mapping(const struct symbols *s, u32 pid, u64 addr)
{
	for (size_t i = s->nr_maps; i-- > 0;) {
		struct mapping *m = &s->maps[i];

		if (addr >= m->start && addr < m->end && (!pid || m->pid == pid))
			return m;
	}
	return NULL;
}

static void note_line(struct symbols *s, u32 pid, const char *line)
{
	unsigned long start, end, off;
	char perms[8], path[4096] = "";
	const struct mapping *old;
	struct mapping *m;

	if (sscanf(line, "%lx-%lx %7s %lx %*s %*u %4095[^\n]", &start, &end, perms, &off, path) <
		    4 ||
	    perms[2] != 'x' || s->nr_maps >= MAX_MAPPINGS)
		return;
	old = find_mapping(s, pid, start);
	if (old && old->start == start && old->end == end && old->off == off &&
	    !strcmp(old->file ? old->file->path : "", path))
		return;
	m = vec_push((void **)&s->maps, &s->nr_maps, &s->room_maps, sizeof(*m));
	if (m)
		*m = (struct mapping){start, end, off, pid, path[0] ? file_of(s, path) : NULL};
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static bool is_due(struct symbols *s, u32 pid)
{
	u64 now = now_ns();
	struct reading *r = NULL;

	for (size_t i = s->nr_readings; !r && i-- > 0;)
		if (s->readings[i].pid == pid)
			r = &s->readings[i];
	if (r && now - r->at < AGAIN_NS)
		return false;
	if (!r)
		r = vec_push((void **)&s->readings, &s->nr_readings, &s->room_readings, sizeof(*r));
	if (r)
		*r = (struct reading){pid, now};
	return r;
}

static bool all_known(const struct symbols *s, u32 pid, const u64 *ips, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		if (ips[i] && ips[i] < KERNEL_HALF && !find_mapping(s, pid, ips[i]))
			return false;
	return true;
}

void symbols_note(struct symbols *s, u32 pid, const u64 *ips, u32 nr)
{
	char path[64], line[8192];
	FILE *f;

	if (!s || all_known(s, pid, ips, nr) || !is_due(s, pid))
		return;
	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		note_line(s, pid, line);
	if (f)
		fclose(f);
}

/* --- names ---------------------------------------------------------------------------------- */

static int add_name(void *ctx, const char *s, u64 off, u64 size)
{
	struct file *f = ctx;
	struct name *n;

	if (f->nr >= MAX_NAMES)
		return 1;
	n = vec_push((void **)&f->names, &f->nr, &f->room, sizeof(*n));
	if (!n)
		return 1;
	n->off = off;
	n->size = size;
	n->s = arena_memdup(&f->arena, s, strlen(s) + 1);
	f->nr -= !n->s;
	return !n->s;
}

/* Of several names of one function the plainest comes last, and is taken. */
static int by_off(const void *pa, const void *pb)
{
	const struct name *a = pa, *b = pb;
	size_t x = strspn(a->s, "_"), y = strspn(b->s, "_");

	if (a->off != b->off)
		return a->off < b->off ? -1 : 1;
	if (x != y)
		return x > y ? -1 : 1;
	return strcmp(b->s, a->s);
}

static void load(struct file *f)
{
	struct uelf elf;

	if (f->is_loaded)
		return;
	f->is_loaded = true;
	if (f->path[0] != '/' || uelf_open(f->path, &elf, NULL))
		return;
	uelf_sized_symbols(&elf, "*", add_name, f);
	uelf_close(&elf);
	if (f->nr)
		qsort(f->names, f->nr, sizeof(*f->names), by_off);
}

/* "ffffffff81000000 T _text"; zeros where the reader may not see addresses. */
static void load_kernel(struct file *f)
{
	FILE *in = f->is_loaded ? NULL : fopen("/proc/kallsyms", "re");
	unsigned long addr;
	char line[1024], name[512], type;

	f->is_loaded = true;
	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "%lx %c %511s", &addr, &type, name) == 3 && addr &&
		    (type == 't' || type == 'T' || type == 'w' || type == 'W') &&
		    add_name(f, name, addr, 0))
			break;
	if (in)
		fclose(in);
	if (f->nr)
		qsort(f->names, f->nr, sizeof(*f->names), by_off);
}

static const struct name *last_before(const struct file *f, u64 off)
{
	size_t low = 0, high = f->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (f->names[mid].off <= off)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || off - f->names[low - 1].off > MAX_DISTANCE)
		return NULL;
	low--; /* a return address may be the first behind a function that does not return */
	return !f->names[low].size || off - f->names[low].off <= f->names[low].size ? &f->names[low]
										    : NULL;
}

static bool name_in(const struct file *f, u64 off, char *buf, size_t size)
{
	const struct name *n = last_before(f, off);

	if (n && n->off == off)
		snprintf(buf, size, "%s", n->s);
	else if (n)
		snprintf(buf, size, "%s+0x%llx", n->s, (unsigned long long)(off - n->off));
	return n;
}

bool symbols_find(struct symbols *s, u32 pid, u64 addr, char *buf, size_t size)
{
	const struct mapping *m;
	u64 off;

	if (!s || !addr)
		return false;
	if (addr >= KERNEL_HALF) {
		load_kernel(&s->kernel);
		return name_in(&s->kernel, addr, buf, size);
	}
	m = find_mapping(s, pid, addr);
	if (!m && pid)
		m = find_mapping(s, 0, addr);
	if (!m || !m->file)
		return false;
	off = addr - m->start + m->off;
	load(m->file);
	if (!name_in(m->file, off, buf, size))
		snprintf(buf, size, "%s+0x%llx", m->file->base, (unsigned long long)off);
	return true;
}
