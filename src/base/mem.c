/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/mem.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static _Atomic u64 fail_in; /* 0: never; n: the n-th from now; stays at 1 once it has come */
static _Atomic s64 live;

static bool may_alloc(void)
{
	u64 n = atomic_load_explicit(&fail_in, memory_order_relaxed);

	if (likely(!n))
		return true;
	if (n == 1)
		return false;
	atomic_store_explicit(&fail_in, n - 1, memory_order_relaxed);
	return true;
}

static void *counted(void *p)
{
	if (p)
		atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
	return p;
}

void *mem_alloc(size_t size)
{
	return may_alloc() ? counted(malloc(size ? size : 1)) : NULL;
}

void *mem_zalloc(size_t size)
{
	return mem_calloc(1, size);
}

void *mem_calloc(size_t nr, size_t size)
{
	return may_alloc() ? counted(calloc(nr ? nr : 1, size ? size : 1)) : NULL;
}

void *mem_realloc(void *ptr, size_t size)
{
	void *p;

	if (!may_alloc())
		return NULL;
	p = realloc(ptr, size ? size : 1);
	return ptr ? p : counted(p);
}

char *mem_strdup(const char *s)
{
	size_t len = strlen(s) + 1;
	char *p = mem_alloc(len);

	return p ? memcpy(p, s, len) : NULL;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *p;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = len < 0 ? NULL : mem_alloc((size_t)len + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return p;
}

void mem_free(void *ptr)
{
	if (!ptr)
		return;
	atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
	free(ptr);
}

void *mem_map(size_t size)
{
	int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	void *p = may_alloc() ? mmap(NULL, size, PROT_READ | PROT_WRITE, how, -1, 0) : MAP_FAILED;

	return p == MAP_FAILED ? NULL : p;
}

void mem_unmap(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

void mem_fail_at(u64 n)
{
	atomic_store(&fail_in, n);
}

u64 mem_live(void)
{
	return (u64)atomic_load(&live);
}
