/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hash tables inside the map rooms: htab.c walks and changes buckets, pool.c hands out elements
 * (and takes them back from the least recently used, for the LRU kin).
 */
#ifndef MAP_HTAB_H
#define MAP_HTAB_H

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
	u64 free; /* change counter << 32 | element */
	u32 nr_used, hand;
	u32 first, nr;
};

struct htab {
	struct map map;
	char *elems;
	size_t elem_size;
	u32 value_off, nr_elems;
	struct bucket *buckets;
	u32 mask, max; /* buckets - 1; elements that may be in the table */
	u32 seed;
	u32 chunk;    /* of so many unused elements memory is charged at once; 0: all is */
	u32 nr;       /* of elements in the table; not of LRU maps */
	char *values; /* of per-CPU maps: element * nr_cpus + cpu */
	bool is_percpu, is_lru;
	u32 key_size,
		value_size; /* of elements: the map's, where its type does not say otherwise */
	/* Instead of special fields: what a value that goes away holds. Values are then plain
	 * bytes (a pointer) to the updates. */
	void (*drop)(struct htab *h, char *value);
	u32 nr_pools;
	struct pool *pools; /* one, or one per CPU (BPF_F_NO_COMMON_LRU) */
};

static inline struct elem *htab_elem(const struct htab *h, u32 idx)
{
	return (struct elem *)(h->elems + (size_t)(idx - 1) * h->elem_size);
}

static inline u32 htab_elem_idx(const struct htab *h, const struct elem *e)
{
	return (u32)((size_t)((const char *)e - h->elems) / h->elem_size) + 1;
}

/* The value, or CPU 0's. */
static inline char *htab_value(const struct htab *h, struct elem *e)
{
	if (!h->is_percpu)
		return (char *)e + h->value_off;
	return h->values + (size_t)(htab_elem_idx(h, e) - 1) * h->map.nr_cpus * h->map.mem.stride;
}

static inline struct htab *htab_of(struct map *map)
{
	return container_of(map, struct htab, map);
}

/*
 * For types that are made of a hash table (hash_of_maps, devmap_hash, sockhash, storages): their
 * init sets key_size, value_size, drop first. Where map->mem lies is settled here.
 */
int htab_make(struct htab *h, u32 max_entries, u32 flags);
void htab_done(struct map *map);
int htab_check_sizes(const struct map_def *def, struct skep_diag *diag);
void *htab_lookup(struct map *map, const void *key);
void *htab_lookup_percpu(struct map *map, const void *key);
void *htab_lookup_cpu(struct map *map, const void *key, u32 cpu);
long htab_remove(struct map *map, const void *key);
int htab_user_lookup(struct map *map, const void *key, void *value, u64 flags);
int htab_next_key(struct map *map, const void *key, void *next);
long htab_for_each(struct map *map, map_each_fn fn, void *ctx);
/* Give back all of an element that is out of its bucket. */
void htab_free_elem(struct htab *h, struct elem *e);

/* htab_update.c */
long htab_update(struct map *map, const void *key, const void *value, u64 flags);
long htab_update_lru(struct map *map, const void *key, const void *value, u64 flags);
long htab_update_percpu(struct map *map, const void *key, const void *value, u64 flags);
int htab_update_percpu_all(struct map *map, const void *key, const void *value, u64 flags);
long htab_update_lru_percpu(struct map *map, const void *key, const void *value, u64 flags);
int htab_update_lru_percpu_all(struct map *map, const void *key, const void *value, u64 flags);

/* pool.c */
u32 htab_nr_elems(const struct htab *h); /* as many as max needs, at most */
int htab_pools_init(struct htab *h);
struct elem *htab_take(struct htab *h); /* NULL: none left; LRU maps throw out another */
void htab_give(struct htab *h, struct elem *e);
/* Take e out of its bucket if it still is in it. For the clock. */
bool htab_unlink(struct htab *h, struct elem *e);
void htab_drop_value(struct htab *h, struct elem *e);

#endif
