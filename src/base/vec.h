/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A growing array: `struct { T *data; size_t nr, room; }`, zeroed at first, or VEC(T).
 * VEC_PUSH gives a pointer to a new zeroed element, NULL when memory runs out.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "base/types.h"

#define VEC(T)                                                                                     \
	struct {                                                                                   \
		T *data;                                                                           \
		size_t nr, room;                                                                   \
	}

void *vec_push(void **data, size_t *nr, size_t *room, size_t elem_size);

#define VEC_PUSH(v)                                                                                \
	((__typeof__((v)->data))vec_push((void **)&(v)->data, &(v)->nr, &(v)->room,                \
					 sizeof(*(v)->data)))
#define VEC_DONE(v) (mem_free((v)->data), (v)->data = NULL, (v)->nr = (v)->room = 0)

#endif
