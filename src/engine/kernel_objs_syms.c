/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Names of the kernel's addresses, from /proc/kallsyms, which hides them from the unprivileged. */
#include "base/file.h"
#include "base/mem.h"
#include "engine/kernel_objs.h"
#include <stdlib.h>
#include <string.h>

#define MAX_KALLSYMS (64u << 20)

static int compare(const void *pa, const void *pb)
{
	const struct kobj_sym *a = pa, *b = pb;

	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

/* "ffffffff81000000 T _text [module]" */
static bool keep(struct kobj_world *w, char *line)
{
	struct kobj_sym *sym;
	char *at;
	u64 addr = strtoull(line, &at, 16);

	if (!addr || at[0] != ' ' || !at[1] || at[2] != ' ' || !strchr("tTwW", at[1]))
		return true;
	sym = VEC_PUSH(&w->syms);
	if (!sym)
		return false;
	at += 3;
	*sym = (struct kobj_sym){addr, arena_strndup(&w->arena, at, strcspn(at, "\t "))};
	return sym->name;
}

static void read_syms(struct kobj_world *w)
{
	char *text, *next;
	size_t size;
	bool ok = true;

	w->syms_tried = true;
	if (file_read("/proc/kallsyms", MAX_KALLSYMS, &text, &size, NULL))
		return;
	for (char *line = text; *line && ok; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = 0;
		ok = keep(w, line);
	}
	mem_free(text);
	if (!ok)
		w->syms.nr -= w->syms.nr > 0;
	if (w->syms.nr)
		qsort(w->syms.data, w->syms.nr, sizeof(*w->syms.data), compare);
}

const char *kobj_kernel_symbol_near(struct kobj_world *w, u64 addr, u64 *ret_off)
{
	size_t lo = 0, hi;

	if (!w->syms_tried)
		read_syms(w);
	hi = w->syms.nr;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->syms.data[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	*ret_off = addr - w->syms.data[lo - 1].addr;
	return w->syms.data[lo - 1].name;
}

u64 kobj_kernel_address(struct kobj_world *w, const char *name)
{
	if (!w->syms_tried)
		read_syms(w);
	for (size_t i = 0; i < w->syms.nr; i++)
		if (!strcmp(w->syms.data[i].name, name))
			return w->syms.data[i].addr;
	return 0;
}

const char *kobj_kernel_symbol(struct kobj_world *w, u64 addr)
{
	u64 off;
	const char *name = kobj_kernel_symbol_near(w, addr, &off);

	return name && off <= 16 ? name : NULL; /* a probe sits behind an endbr */
}
