/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/arena.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_SIZE 32768

struct arena_block {
	struct arena_block *older;
	size_t pad; /* keeps data aligned to 16 */
	char data[];
};

static void *alloc_block(struct arena *a, size_t size)
{
	struct arena_block *b = mem_zalloc(sizeof(*b) + size);

	if (!b)
		return NULL;
	b->older = a->blocks;
	a->blocks = b;
	return b->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
	char *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = align_up(size ? size : 1, 16);
	a->total += size;
	if (size > BLOCK_SIZE / 4)
		return alloc_block(a, size);
	if (!a->next || (size_t)(a->end - a->next) < size) {
		p = alloc_block(a, BLOCK_SIZE);
		if (!p)
			return NULL;
		a->next = p;
		a->end = p + BLOCK_SIZE;
	}
	p = a->next;
	a->next += size;
	return p;
}

void *arena_calloc(struct arena *a, size_t nr, size_t size)
{
	size_t total;

	return __builtin_mul_overflow(nr, size, &total) ? NULL : arena_alloc(a, total);
}

void *arena_memdup(struct arena *a, const void *src, size_t size)
{
	void *p = arena_alloc(a, size);

	if (p && size)
		memcpy(p, src, size);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	return p ? memcpy(p, s, len) : NULL;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return p;
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = NULL, *b = a->blocks;

	if (a->next)
		keep = container_of((char(*)[])(a->end - BLOCK_SIZE), struct arena_block, data);
	while (b) {
		struct arena_block *older = b->older;

		if (b != keep)
			mem_free(b);
		b = older;
	}
	a->blocks = keep;
	a->total = 0;
	if (!keep)
		return;
	keep->older = NULL;
	memset(keep->data, 0, (size_t)(a->next - keep->data));
	a->next = keep->data;
}

void arena_done(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->older;
		mem_free(b);
	}
	*a = (struct arena){0};
}
