/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hash tables inside the map rooms: hash.c walks and changes buckets, pool.c hands out elements
 * (and takes them back from the least recently used, for the LRU kin).
 */
#ifndef MAP_HASH_H
#define MAP_HASH_H

#include "map/impl.h"

enum elem_state { ELEM_FREE, ELEM_TAKEN, ELEM_LINKED };

/* Elements have numbers from 1; the number is the "pointer" in chains. All fields are read and
 * written atomically. The key is padded with zeros to whole words; the value follows. */
struct elem {
	u32 next; /* in the bucket; 0: the last; kept while it is free */
	u32 hash;
	u32 next_free;
	u8 state; /* enum elem_state; of LRU maps */
	u8 ref;   /* used since the clock's hand came by */
	u16 pad;
	u64 key[];
};

struct bucket {
	u32 head; /* 0: empty */
	u32 seq;  /* number of changes * 2 + is locked */
};

/* A range of elements: those never used, those given back, and the clock over all. */
struct pool {
	_Atomic u64 free; /* change counter << 32 | element */
	_Atomic u32 nr_used, hand;
	u32 first, nr;
};

struct hash {
	struct map map;
	char *elems;
	size_t elem_size;
	u32 value_off, nr_elems;
	struct bucket *buckets;
	u32 mask;
	u32 seed;
	_Atomic u32 nr; /* of elements in the table; not of LRU maps */
	char *values;   /* of per-CPU maps: element * nr_cpus + cpu */
	bool is_percpu, is_lru;
	u32 nr_pools;
	struct pool *pools; /* one, or one per CPU (BPF_F_NO_COMMON_LRU) */
};

static inline struct elem *hash_elem(const struct hash *h, u32 idx)
{
	return (struct elem *)(h->elems + (size_t)(idx - 1) * h->elem_size);
}

static inline u32 hash_elem_idx(const struct hash *h, const struct elem *e)
{
	return (u32)((size_t)((const char *)e - h->elems) / h->elem_size) + 1;
}

/* The value, or CPU 0's. */
static inline char *hash_value(const struct hash *h, struct elem *e)
{
	if (!h->is_percpu)
		return (char *)e + h->value_off;
	return h->values + (size_t)(hash_elem_idx(h, e) - 1) * h->map.nr_cpus * h->map.mem.stride;
}

int hash_pools_init(struct hash *h);
struct elem *hash_take(struct hash *h); /* NULL: none left; LRU maps throw out another */
void hash_give(struct hash *h, struct elem *e);
/* Take e out of its bucket if it still is in it. For the clock. */
bool hash_unlink(struct hash *h, struct elem *e);
void hash_drop_value(struct hash *h, struct elem *e);

#endif
