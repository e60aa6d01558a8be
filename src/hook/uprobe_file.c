/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * See uprobe_file.h. A wish names functions, sites or offsets; in a file it becomes points, of
 * which each knows who wants it and the instruction that is there.
 */
#include "hook/uprobe_file.h"
#include "base/mem.h"
#include <string.h>

/* A pattern that matches more functions of one file than this is cut off. */
#define MAX_POINTS 10000

struct resolver {
	struct uprobe_set *set;
	struct ufile *file;
	const struct uelf *elf;
	const struct uprobe_wish *wish;
};

static struct point *point_at(struct ufile *f, u64 off)
{
	struct point **slot, *pt;

	for (size_t i = 0; i < f->points.nr; i++)
		if (f->points.data[i]->off == off)
			return f->points.data[i];
	pt = f->points.nr < MAX_POINTS ? mem_zalloc(sizeof(*pt)) : NULL;
	slot = pt ? VEC_PUSH(&f->points) : NULL;
	if (!slot) {
		mem_free(pt);
		return NULL;
	}
	pt->off = off;
	*slot = pt;
	return pt;
}

static bool has_hit(const struct point *pt, const struct proc_attach *a)
{
	for (size_t i = 0; i < pt->hits.nr; i++)
		if (pt->hits.data[i].attach == a)
			return true;
	return false;
}

static struct point *want_point(struct resolver *r, u64 off, u64 cookie)
{
	struct point *pt;
	struct hit *hit;

	if (!in_bounds(off, 1, r->elf->size))
		return NULL;
	pt = point_at(r->file, off);
	if (!pt || has_hit(pt, r->wish->attach))
		return pt;
	hit = VEC_PUSH(&pt->hits);
	if (!hit)
		return NULL;
	*hit = (struct hit){r->wish->attach, cookie, r->wish->at_return};
	pt->has_return |= r->wish->at_return;
	pt->vaddr = uelf_vaddr_of(r->elf, off);
	memcpy(pt->insn, r->elf->image + off, min_u64(sizeof(pt->insn), r->elf->size - off));
	return pt;
}

static int on_symbol(void *ctx, const char *name, u64 off)
{
	struct resolver *r = ctx;

	want_point(r, off + r->wish->off, 0);
	return 0;
}

static int on_usdt(void *ctx, const struct uelf_usdt *u)
{
	struct resolver *r = ctx;
	struct point *pt;
	s32 id;

	if (strcmp(u->provider, r->wish->func) || strcmp(u->name, r->wish->name))
		return 0;
	id = usdt_spec(&r->set->specs, u->args);
	if (id < 0)
		return 0;
	pt = want_point(r, u->off, id);
	if (pt)
		pt->sem_vaddr = u->sem_vaddr;
	return 0;
}

static void resolve(struct resolver *r)
{
	if (r->wish->is_usdt)
		uelf_usdts(r->elf, on_usdt, r);
	else if (r->wish->func[0])
		uelf_symbols(r->elf, r->wish->func, on_symbol, r);
	else
		want_point(r, r->wish->off, 0);
}

static bool is_wanted(const struct uprobe_set *set, u64 ino)
{
	const struct uprobe_wish *w = set->wishes;

	while (w && !w->any_file && w->ino != ino)
		w = w->next;
	return w;
}

static struct ufile *load_file(struct uprobe_set *set, const char *path, u64 ino)
{
	struct ufile *f = mem_zalloc(sizeof(*f));
	struct resolver r = {.set = set, .file = f};
	struct uelf elf;

	if (!f)
		return NULL;
	f->ino = ino;
	f->path = mem_strdup(path);
	f->next = set->files;
	set->files = f;
	if (!f->path || !is_wanted(set, ino) || uelf_open(path, &elf, NULL))
		return f;
	r.elf = &elf;
	for (r.wish = set->wishes; r.wish; r.wish = r.wish->next)
		if (elf.ino == ino && (r.wish->any_file || r.wish->ino == ino))
			resolve(&r);
	uelf_close(&elf);
	return f;
}

struct ufile *uprobe_file_of(struct uprobe_set *set, const char *path, u64 ino)
{
	for (struct ufile *f = set->files; f; f = f->next)
		if (f->ino == ino && f->path && !strcmp(f->path, path))
			return f;
	return load_file(set, path, ino);
}

static void free_file(struct ufile *f)
{
	for (size_t i = 0; i < f->points.nr; i++) {
		VEC_DONE(&f->points.data[i]->hits);
		mem_free(f->points.data[i]);
	}
	VEC_DONE(&f->points);
	mem_free(f->path);
	mem_free(f);
}

void uprobe_files_free(struct uprobe_set *set)
{
	struct ufile *f = set->files, *next;

	for (; f; f = next) {
		next = f->next;
		free_file(f);
	}
	set->files = NULL;
}
