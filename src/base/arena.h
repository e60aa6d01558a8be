/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One arena per job (a load, a check, a compilation): everything in it is freed at once.
 * Not for several threads at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/types.h"

struct arena_block;
struct arena {
	struct arena_block *blocks; /* the newest first */
	char *next, *end;           /* what is left of the newest block */
	size_t total;               /* bytes handed out */
};

/* A zeroed struct arena is an empty arena. */
void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned to 16; NULL: out of memory */
void *arena_calloc(struct arena *a, size_t nr, size_t size); /* NULL too when it overflows */
void *arena_memdup(struct arena *a, const void *p, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __printf(2, 3);
void arena_reset(struct arena *a); /* as arena_done, but keeps a block for what comes next */
void arena_done(struct arena *a);  /* frees all; the arena is empty again */

#endif
