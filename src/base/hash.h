/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Bytes to a number, and a table from u64 keys to pointers (open addressing). */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/types.h"

u64 hash_bytes(const void *p, size_t len, u64 seed);
u64 hash_u64(u64 x);

/* Keys are u64; a zeroed table is empty. Not for several threads at a time. */
struct hash_slot {
	u64 key;
	void *value; /* NULL: empty */
};
struct hash_table {
	struct hash_slot *slots;
	size_t nr, room;
};

void *hash_get(const struct hash_table *t, u64 key);      /* NULL: not there */
int hash_put(struct hash_table *t, u64 key, void *value); /* replaces; 0 or -ENOMEM */
void *hash_del(struct hash_table *t, u64 key);            /* what was there */
void hash_done(struct hash_table *t);                     /* the values are the caller's */

#endif
