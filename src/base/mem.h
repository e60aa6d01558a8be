/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The one door to the heap. Tests make the n-th allocation fail (mem_fail_at) and count what is
 * still held (mem_live); everything that skep allocates and frees goes through here.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/types.h"

void *mem_alloc(size_t size);              /* uninitialised; NULL when out of memory */
void *mem_zalloc(size_t size);             /* zeroed */
void *mem_calloc(size_t nr, size_t size);  /* zeroed; NULL when nr * size overflows */
void *mem_realloc(void *ptr, size_t size); /* ptr stays valid when this fails */
char *mem_strdup(const char *s);
char *mem_printf(const char *fmt, ...) __printf(1, 2);
void mem_free(void *ptr); /* NULL is fine */

/*
 * Zeroed pages of address space, which cost memory where they are touched. NULL: none. They count
 * among the allocations that a test makes fail, not among the blocks of mem_live.
 */
void *mem_map(size_t size);
void mem_unmap(void *p, size_t size); /* NULL is fine */

/* Test hooks: the n-th allocation from now (1 = the next) and all after it fail; 0 = never. */
void mem_fail_at(u64 n);
u64 mem_live(void); /* blocks held now */

#endif
