/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/vec.h"
#include "base/mem.h"
#include <string.h>

void *vec_push(void **data, size_t *nr, size_t *room, size_t elem_size)
{
	char *slot;

	if (*nr == *room) {
		size_t more = *room ? *room * 2 : 8, bytes;
		void *p;

		if (__builtin_mul_overflow(more, elem_size, &bytes))
			return NULL;
		p = mem_realloc(*data, bytes);
		if (!p)
			return NULL;
		*data = p;
		*room = more;
	}
	slot = (char *)*data + *nr * elem_size;
	memset(slot, 0, elem_size);
	(*nr)++;
	return slot;
}
