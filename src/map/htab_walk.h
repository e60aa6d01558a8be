/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Keys and buckets of hash tables: hashing and comparing, walking with and without the bucket's
 * lock, and linking elements in. The rules that make walks without a lock right are in htab.c.
 */
#ifndef MAP_HTAB_WALK_H
#define MAP_HTAB_WALK_H

#include "map/htab.h"
#include <sched.h>

/* --- keys ------------------------------------------------------------------------------------- */

static inline u64 load_word(const void *p, u32 len)
{
	u64 w = 0;

	memcpy(&w, p, len);
	return w;
}

static inline u64 mix(u64 x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	return x ^ (x >> 32);
}

static inline u32 htab_key(const struct htab *h, const void *key)
{
	u32 size = h->key_size;
	const char *p = key;
	u64 x = h->seed;

	if (size == 4)
		return (u32)mix(x << 32 ^ load_word(key, 4));
	for (; size >= 8; size -= 8, p += 8)
		x = mix(x ^ load_word(p, 8)) + 0x9e3779b97f4a7c15ull;
	return (u32)(size ? mix(x ^ load_word(p, size)) : x ^ x >> 32);
}

static inline u64 key_word(const struct elem *e, u32 i)
{
	return __atomic_load_n(&e->key[i], __ATOMIC_RELAXED);
}

static inline bool is_key(const struct elem *e, const void *key, u32 size)
{
	const char *p = key;
	u32 i = 0;

	if (size == 4)
		return key_word(e, 0) == load_word(key, 4);
	for (; size >= 8; size -= 8, p += 8)
		if (key_word(e, i++) != load_word(p, 8))
			return false;
	return !size || key_word(e, i) == load_word(p, size);
}

static inline void set_key(struct elem *e, const void *key, u32 size)
{
	const char *p = key;
	u32 i = 0;

	for (; size >= 8; size -= 8, p += 8)
		__atomic_store_n(&e->key[i++], load_word(p, 8), __ATOMIC_RELAXED);
	if (size)
		__atomic_store_n(&e->key[i], load_word(p, size), __ATOMIC_RELAXED);
}

static inline void copy_key(const struct htab *h, void *dst, const struct elem *e)
{
	map_copy_out(dst, e->key, h->key_size);
}

/* --- buckets ---------------------------------------------------------------------------------- */

#define LOCKED    1u
#define MAX_WALKS 64 /* then a reader takes the lock: writers never stop */

static inline u32 load_idx(const u32 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void store_idx(u32 *p, u32 idx)
{
	__atomic_store_n(p, idx, __ATOMIC_RELEASE);
}

static inline bool try_lock(struct bucket *b)
{
	u32 seq = __atomic_load_n(&b->seq, __ATOMIC_RELAXED) & ~LOCKED;

	return __atomic_compare_exchange_n(&b->seq, &seq, seq | LOCKED, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline struct bucket *lock_bucket(struct htab *h, u32 hash)
{
	struct bucket *b = &h->buckets[hash & h->mask];

	for (u32 spins = 0; !try_lock(b); spins++)
		if (spins > 64)
			sched_yield();
	return b;
}

static inline void unlock_bucket(struct bucket *b)
{
	__atomic_fetch_add(&b->seq, 2 - LOCKED, __ATOMIC_RELEASE);
}

static inline void unlock_unchanged(struct bucket *b)
{
	__atomic_fetch_sub(&b->seq, LOCKED, __ATOMIC_RELEASE);
}

static inline struct elem *walk(const struct htab *h, const struct bucket *b, u32 hash,
				const void *key)
{
	u32 size = h->key_size, idx;
	struct elem *e;

	for (idx = load_idx(&b->head); idx; idx = load_idx(&e->next)) {
		e = htab_elem(h, idx);
		if (__atomic_load_n(&e->hash, __ATOMIC_RELAXED) == hash && is_key(e, key, size))
			return e;
	}
	return NULL;
}

static inline struct elem *find_locked(struct htab *h, u32 hash, const void *key)
{
	struct bucket *b = lock_bucket(h, hash);
	struct elem *e = walk(h, b, hash, key);

	unlock_unchanged(b);
	return e;
}

static inline struct elem *find(struct htab *h, u32 hash, const void *key)
{
	const struct bucket *b = &h->buckets[hash & h->mask];

	for (u32 i = 0; i < MAX_WALKS; i++) {
		u32 seq = __atomic_load_n(&b->seq, __ATOMIC_ACQUIRE) & ~LOCKED;
		struct elem *e = walk(h, b, hash, key);

		if (e || likely((__atomic_load_n(&b->seq, __ATOMIC_ACQUIRE) & ~LOCKED) == seq))
			return e;
	}
	return find_locked(h, hash, key);
}

/* The bucket is locked from here to the end of the section. */
static inline void put_first(struct htab *h, struct bucket *b, struct elem *e)
{
	store_idx(&e->next, b->head);
	if (h->is_lru)
		__atomic_store_n(&e->state, ELEM_LINKED, __ATOMIC_RELAXED);
	store_idx(&b->head, htab_elem_idx(h, e));
}

/* Where the number of e stands; NULL: not in this bucket. */
static inline u32 *place_of(struct htab *h, struct bucket *b, struct elem *e)
{
	u32 want = htab_elem_idx(h, e), *at = &b->head;

	while (load_idx(at) && load_idx(at) != want)
		at = &htab_elem(h, *at)->next;
	return load_idx(at) ? at : NULL;
}

static inline bool take_from(struct htab *h, struct bucket *b, struct elem *e)
{
	u32 *at = place_of(h, b, e);

	if (!at)
		return false;
	store_idx(at, load_idx(&e->next));
	if (h->is_lru)
		__atomic_store_n(&e->state, ELEM_TAKEN, __ATOMIC_RELAXED);
	return true;
}

static inline void put_instead(struct htab *h, struct bucket *b, struct elem *old, struct elem *e)
{
	u32 *at = place_of(h, b, old);

	store_idx(&e->next, load_idx(&old->next));
	if (h->is_lru) {
		__atomic_store_n(&e->state, ELEM_LINKED, __ATOMIC_RELAXED);
		__atomic_store_n(&old->state, ELEM_TAKEN, __ATOMIC_RELAXED);
	}
	store_idx(at, htab_elem_idx(h, e));
}

#endif
