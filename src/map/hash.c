/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * hash, percpu_hash, lru_hash, lru_percpu_hash, as the kernel's hashtab.c.
 *
 * Readers walk a bucket without a lock; writers hold the bucket's. An element that is taken out may
 * be used again at once, also in another bucket, while a reader stands on it. So a bucket counts
 * its changes (seq), each before an element that it took out can be used again: a reader that
 * finds nothing and sees the count moved may have been led astray, and walks again. A key that
 * stays in the map is therefore always found; an element is replaced by one store.
 *
 * An update puts a new element in the old one's place, it does not write into it: a program that
 * holds a pointer to the old value keeps the old value, as in the kernel. Per-CPU maps write in
 * place, also as in the kernel.
 */
#include "map/hash.h"
#include <sched.h>
#include <sys/random.h>

#define HASH_FLAGS         (BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | FLAGS_ACCESS | BPF_F_ZERO_SEED)
#define KERNEL_ELEM_SIZE   48 /* what the kernel's limit of key and value leaves room for */
#define KERNEL_BUCKET_SIZE 16
#define KEY_COPY           256 /* for_each gives callbacks a copy of keys up to here */

static struct hash *to_hash(struct map *map)
{
	return container_of(map, struct hash, map);
}

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

static inline u32 hash_key(const struct hash *h, const void *key)
{
	u32 size = h->map.def.key_size;
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

static void set_key(struct elem *e, const void *key, u32 size)
{
	const char *p = key;
	u32 i = 0;

	for (; size >= 8; size -= 8, p += 8)
		__atomic_store_n(&e->key[i++], load_word(p, 8), __ATOMIC_RELAXED);
	if (size)
		__atomic_store_n(&e->key[i], load_word(p, size), __ATOMIC_RELAXED);
}

static void copy_key(const struct hash *h, void *dst, const struct elem *e)
{
	map_copy_out(dst, e->key, h->map.def.key_size);
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

static bool try_lock(struct bucket *b)
{
	u32 seq = __atomic_load_n(&b->seq, __ATOMIC_RELAXED) & ~LOCKED;

	return __atomic_compare_exchange_n(&b->seq, &seq, seq | LOCKED, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static struct bucket *lock_bucket(struct hash *h, u32 hash)
{
	struct bucket *b = &h->buckets[hash & h->mask];

	for (u32 spins = 0; !try_lock(b); spins++)
		if (spins > 64)
			sched_yield();
	return b;
}

static void unlock_bucket(struct bucket *b)
{
	__atomic_fetch_add(&b->seq, 2 - LOCKED, __ATOMIC_RELEASE);
}

static void unlock_unchanged(struct bucket *b)
{
	__atomic_fetch_sub(&b->seq, LOCKED, __ATOMIC_RELEASE);
}

static inline struct elem *walk(const struct hash *h, const struct bucket *b, u32 hash,
				const void *key)
{
	u32 size = h->map.def.key_size, idx;
	struct elem *e;

	for (idx = load_idx(&b->head); idx; idx = load_idx(&e->next)) {
		e = hash_elem(h, idx);
		if (__atomic_load_n(&e->hash, __ATOMIC_RELAXED) == hash && is_key(e, key, size))
			return e;
	}
	return NULL;
}

static struct elem *find_locked(struct hash *h, u32 hash, const void *key)
{
	struct bucket *b = lock_bucket(h, hash);
	struct elem *e = walk(h, b, hash, key);

	unlock_unchanged(b);
	return e;
}

static inline struct elem *find(struct hash *h, u32 hash, const void *key)
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
static void put_first(struct hash *h, struct bucket *b, struct elem *e)
{
	store_idx(&e->next, b->head);
	if (h->is_lru)
		__atomic_store_n(&e->state, ELEM_LINKED, __ATOMIC_RELAXED);
	store_idx(&b->head, hash_elem_idx(h, e));
}

/* Where the number of e stands; NULL: not in this bucket. */
static u32 *place_of(struct hash *h, struct bucket *b, struct elem *e)
{
	u32 want = hash_elem_idx(h, e), *at = &b->head;

	while (load_idx(at) && load_idx(at) != want)
		at = &hash_elem(h, *at)->next;
	return load_idx(at) ? at : NULL;
}

static bool take_from(struct hash *h, struct bucket *b, struct elem *e)
{
	u32 *at = place_of(h, b, e);

	if (!at)
		return false;
	store_idx(at, load_idx(&e->next));
	if (h->is_lru)
		__atomic_store_n(&e->state, ELEM_TAKEN, __ATOMIC_RELAXED);
	return true;
}

static void put_instead(struct hash *h, struct bucket *b, struct elem *old, struct elem *e)
{
	u32 *at = place_of(h, b, old);

	store_idx(&e->next, load_idx(&old->next));
	if (h->is_lru) {
		__atomic_store_n(&e->state, ELEM_LINKED, __ATOMIC_RELAXED);
		__atomic_store_n(&old->state, ELEM_TAKEN, __ATOMIC_RELAXED);
	}
	store_idx(at, hash_elem_idx(h, e));
}

/* e's hash may change until its bucket is locked; then it is linked there or it is not. */
bool hash_unlink(struct hash *h, struct elem *e)
{
	struct bucket *b = lock_bucket(h, __atomic_load_n(&e->hash, __ATOMIC_RELAXED));
	bool ok = take_from(h, b, e);

	unlock_bucket(b);
	return ok;
}

/* --- elements --------------------------------------------------------------------------------- */

void hash_drop_value(struct hash *h, struct elem *e)
{
	u32 nr = h->is_percpu ? h->map.nr_cpus : 1;
	char *value = hash_value(h, e);

	for (u32 i = 0; h->map.def.nr_fields && i < nr; i++)
		map_value_drop(&h->map, value + i * h->map.mem.stride);
}

static bool count_up(struct hash *h)
{
	u32 nr = __atomic_load_n(&h->nr, __ATOMIC_RELAXED);

	while (nr < h->map.def.max_entries)
		if (__atomic_compare_exchange_n(&h->nr, &nr, nr + 1, true, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

/* It is out of its bucket: give all of it back. */
static void free_elem(struct hash *h, struct elem *e)
{
	hash_drop_value(h, e);
	hash_give(h, e);
	if (!h->is_lru)
		__atomic_fetch_sub(&h->nr, 1, __ATOMIC_RELEASE);
}

static int check_exist(const struct elem *old, u64 flags)
{
	flags &= ~(u64)BPF_F_LOCK;
	if (old && flags == BPF_NOEXIST)
		return -EEXIST;
	return !old && flags == BPF_EXIST ? -ENOENT : 0;
}

static void fill(struct hash *h, struct elem *e, u32 hash, const void *key)
{
	__atomic_store_n(&e->hash, hash, __ATOMIC_RELAXED);
	set_key(e, key, h->map.def.key_size);
}

/* --- update ----------------------------------------------------------------------------------- */

static int insert(struct hash *h, struct bucket *b, u32 hash, const void *key, const void *value)
{
	struct elem *e;

	if (!count_up(h))
		return -E2BIG;
	e = hash_take(h);
	if (!e) {
		__atomic_fetch_sub(&h->nr, 1, __ATOMIC_RELEASE);
		return -ENOMEM;
	}
	fill(h, e, hash, key);
	map_value_write(&h->map, hash_value(h, e), value);
	put_first(h, b, e);
	return 0;
}

/* Gives the element to free once the bucket is unlocked, or NULL. */
static struct elem *replace(struct hash *h, struct bucket *b, struct elem *old, const void *key,
			    const void *value)
{
	struct elem *e = hash_take(h);

	if (!e) {
		map_value_write(&h->map, hash_value(h, old), value);
		return NULL;
	}
	fill(h, e, old->hash, key);
	map_value_write(&h->map, hash_value(h, e), value);
	put_instead(h, b, old, e);
	return old;
}

/* BPF_F_LOCK: into the element that is there. 1: there is none. */
static int update_locked(struct hash *h, struct elem *old, const void *value, u64 flags)
{
	int err = check_exist(old, flags);

	if (err || !old)
		return err ? err : 1;
	map_value_write_locked(&h->map, hash_value(h, old), value);
	return 0;
}

static long hash_update(struct map *map, const void *key, const void *value, u64 flags)
{
	struct hash *h = to_hash(map);
	u32 hash = hash_key(h, key);
	struct elem *old, *gone = NULL;
	struct bucket *b;
	int err;

	if ((flags & ~(u64)BPF_F_LOCK) > BPF_EXIST)
		return -EINVAL;
	if (flags & BPF_F_LOCK) {
		if (!map_has_field(map, MAP_FIELD_SPIN_LOCK))
			return -EINVAL;
		err = update_locked(h, find(h, hash, key), value, flags);
		if (err <= 0)
			return err;
	}
	b = lock_bucket(h, hash);
	old = walk(h, b, hash, key);
	err = check_exist(old, flags);
	if (!err && !old)
		err = insert(h, b, hash, key, value);
	else if (!err)
		gone = replace(h, b, old, key, value);
	unlock_bucket(b);
	if (gone) {
		hash_drop_value(h, gone);
		hash_give(h, gone);
	}
	return err;
}

static long lru_update(struct map *map, const void *key, const void *value, u64 flags)
{
	struct hash *h = to_hash(map);
	u32 hash = hash_key(h, key);
	struct elem *e, *old;
	struct bucket *b;
	int err;

	if (flags > BPF_EXIST)
		return -EINVAL;
	e = hash_take(h); /* before the bucket is locked: it may have to lock another */
	if (!e)
		return -ENOMEM;
	fill(h, e, hash, key);
	map_value_write(map, hash_value(h, e), value);
	b = lock_bucket(h, hash);
	old = walk(h, b, hash, key);
	err = check_exist(old, flags);
	if (!err) {
		__atomic_store_n(&e->ref, old != NULL, __ATOMIC_RELAXED);
		if (old)
			put_instead(h, b, old, e);
		else
			put_first(h, b, e);
		e = old;
	}
	unlock_bucket(b);
	if (e)
		free_elem(h, e);
	return err;
}

/* A new per-CPU element: other CPUs' values start as zeros when a program makes it. */
static void percpu_fill(struct hash *h, struct elem *e, const void *value, bool all)
{
	char *at = hash_value(h, e);
	size_t step = h->map.mem.stride;

	if (all) {
		map_percpu_write(&h->map, at, step, value);
		return;
	}
	for (u32 cpu = 0; cpu < h->map.nr_cpus; cpu++)
		map_value_zero(&h->map, at + cpu * step);
	map_value_write(&h->map, at + map_current_cpu() * step, value);
}

static void percpu_overwrite(struct hash *h, struct elem *e, const void *value, bool all)
{
	char *at = hash_value(h, e);

	if (all) {
		map_percpu_write(&h->map, at, h->map.mem.stride, value);
		return;
	}
	at += map_current_cpu() * h->map.mem.stride;
	map_value_write(&h->map, at, value);
	map_value_drop(&h->map, at);
}

static int percpu_insert(struct hash *h, struct bucket *b, u32 hash, const void *key,
			 const void *value, bool all)
{
	struct elem *e;

	if (!count_up(h))
		return -E2BIG;
	e = hash_take(h);
	if (!e) {
		__atomic_fetch_sub(&h->nr, 1, __ATOMIC_RELEASE);
		return -ENOMEM;
	}
	fill(h, e, hash, key);
	percpu_fill(h, e, value, all);
	put_first(h, b, e);
	return 0;
}

static long percpu_update(struct map *map, const void *key, const void *value, u64 flags, bool all)
{
	struct hash *h = to_hash(map);
	u32 hash = hash_key(h, key);
	struct bucket *b;
	struct elem *old;
	int err;

	if (flags > BPF_EXIST)
		return -EINVAL;
	b = lock_bucket(h, hash);
	old = walk(h, b, hash, key);
	err = check_exist(old, flags);
	if (!err && old)
		percpu_overwrite(h, old, value, all);
	else if (!err)
		err = percpu_insert(h, b, hash, key, value, all);
	unlock_bucket(b);
	return err;
}

static long percpu_hash_update(struct map *map, const void *key, const void *value, u64 flags)
{
	return percpu_update(map, key, value, flags, false);
}

static int percpu_hash_user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	return (int)percpu_update(map, key, value, flags, true);
}

static long lru_percpu_update(struct map *map, const void *key, const void *value, u64 flags,
			      bool all)
{
	struct hash *h = to_hash(map);
	u32 hash = hash_key(h, key);
	struct elem *e = NULL, *old;
	struct bucket *b;
	int err;

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (flags != BPF_EXIST) {
		e = hash_take(h);
		if (!e)
			return -ENOMEM;
		fill(h, e, hash, key);
	}
	b = lock_bucket(h, hash);
	old = walk(h, b, hash, key);
	err = check_exist(old, flags);
	if (!err && old) {
		__atomic_store_n(&old->ref, 1, __ATOMIC_RELAXED);
		percpu_overwrite(h, old, value, all);
	} else if (!err) {
		percpu_fill(h, e, value, all);
		put_first(h, b, e);
		e = NULL;
	}
	unlock_bucket(b);
	if (e)
		hash_give(h, e);
	return err;
}

static long lru_percpu_hash_update(struct map *map, const void *key, const void *value, u64 flags)
{
	return lru_percpu_update(map, key, value, flags, false);
}

static int lru_percpu_hash_user_update(struct map *map, const void *key, const void *value,
				       u64 flags)
{
	return (int)lru_percpu_update(map, key, value, flags, true);
}

/* --- lookup ----------------------------------------------------------------------------------- */

static void *hash_lookup(struct map *map, const void *key)
{
	struct hash *h = to_hash(map);
	struct elem *e = find(h, hash_key(h, key), key);

	return e ? (char *)e + h->value_off : NULL;
}

static void *percpu_hash_find(struct map *map, const void *key, u32 cpu)
{
	struct hash *h = to_hash(map);
	struct elem *e = find(h, hash_key(h, key), key);

	if (e && h->is_lru)
		__atomic_store_n(&e->ref, 1, __ATOMIC_RELAXED);
	return e ? hash_value(h, e) + cpu * map->mem.stride : NULL;
}

static void *percpu_hash_lookup(struct map *map, const void *key)
{
	return percpu_hash_find(map, key, map_current_cpu());
}

static void *lru_lookup(struct map *map, const void *key)
{
	struct hash *h = to_hash(map);
	struct elem *e = find(h, hash_key(h, key), key);

	if (!e)
		return NULL;
	if (!__atomic_load_n(&e->ref, __ATOMIC_RELAXED))
		__atomic_store_n(&e->ref, 1, __ATOMIC_RELAXED);
	return (char *)e + h->value_off;
}

static void read_elem(struct hash *h, struct elem *e, void *value, u64 flags)
{
	if (h->is_percpu)
		map_percpu_read(&h->map, value, hash_value(h, e), h->map.mem.stride);
	else
		map_value_read(&h->map, value, hash_value(h, e), flags);
}

/* With the bucket locked the element cannot become another's while it is copied. Not so with
 * BPF_F_LOCK: there the value's own lock is waited for. */
static int hash_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	struct hash *h = to_hash(map);
	u32 hash = hash_key(h, key);
	struct bucket *b = flags & BPF_F_LOCK ? NULL : lock_bucket(h, hash);
	struct elem *e = b ? walk(h, b, hash, key) : find(h, hash, key);

	if (e)
		read_elem(h, e, value, flags);
	if (b)
		unlock_unchanged(b);
	return e ? 0 : -ENOENT;
}

/* --- delete ----------------------------------------------------------------------------------- */

static struct elem *take_out(struct hash *h, const void *key, void *value, u64 flags)
{
	u32 hash = hash_key(h, key);
	struct bucket *b = lock_bucket(h, hash);
	struct elem *e = walk(h, b, hash, key);

	if (e && value)
		read_elem(h, e, value, flags);
	if (e)
		take_from(h, b, e);
	unlock_bucket(b);
	return e;
}

static long hash_remove(struct map *map, const void *key)
{
	struct hash *h = to_hash(map);
	struct elem *e = take_out(h, key, NULL, 0);

	if (!e)
		return -ENOENT;
	free_elem(h, e);
	return 0;
}

static int hash_user_take(struct map *map, const void *key, void *value, u64 flags)
{
	struct hash *h = to_hash(map);
	struct elem *e = take_out(h, key, value, flags);

	if (!e)
		return -ENOENT;
	free_elem(h, e);
	return 0;
}

/* --- all elements ----------------------------------------------------------------------------- */

static int first_from(struct hash *h, u64 bucket, void *next)
{
	for (; bucket <= h->mask; bucket++) {
		u32 idx = load_idx(&h->buckets[bucket].head);

		if (idx) {
			copy_key(h, next, hash_elem(h, idx));
			return 0;
		}
	}
	return -ENOENT;
}

static int hash_next_key(struct map *map, const void *key, void *next)
{
	struct hash *h = to_hash(map);
	u32 hash = key ? hash_key(h, key) : 0, idx;
	struct elem *e = key ? find(h, hash, key) : NULL;

	if (!e)
		return first_from(h, 0, next);
	idx = load_idx(&e->next);
	if (!idx)
		return first_from(h, (u64)(hash & h->mask) + 1, next);
	copy_key(h, next, hash_elem(h, idx));
	return 0;
}

static long each_elem(struct hash *h, struct elem *e, map_each_fn fn, void *ctx)
{
	char *value = hash_value(h, e);
	u64 key[KEY_COPY / 8];

	if (h->is_percpu)
		value += map_current_cpu() * h->map.mem.stride;
	if (h->map.def.key_size > KEY_COPY)
		return fn(&h->map, e->key, value, ctx);
	copy_key(h, key, e);
	return fn(&h->map, key, value, ctx);
}

/* The callback may delete the element that it is shown. */
static long hash_for_each(struct map *map, map_each_fn fn, void *ctx)
{
	struct hash *h = to_hash(map);
	long nr = 0;

	for (u64 b = 0; b <= h->mask; b++) {
		u32 idx = load_idx(&h->buckets[b].head), next;

		for (; idx; idx = next) {
			struct elem *e = hash_elem(h, idx);

			next = load_idx(&e->next);
			nr++;
			if (each_elem(h, e, fn, ctx))
				return nr;
		}
	}
	return nr;
}

/* --- life ------------------------------------------------------------------------------------- */

static bool is_percpu_type(u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool is_lru_type(u32 type)
{
	return type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static int check_sizes(const struct map_def *def, struct skep_diag *diag)
{
	if (!def->max_entries || !def->key_size || !def->value_size)
		return refuse(diag, -EINVAL,
			      "a hash table has at least one entry, a key and a value");
	if ((u64)def->key_size + def->value_size >= MAP_MAX_KMALLOC - KERNEL_ELEM_SIZE)
		return refuse(diag, -E2BIG, "key and value have at most %u bytes together",
			      MAP_MAX_KMALLOC - KERNEL_ELEM_SIZE - 1);
	if (is_percpu_type(def->type) && align_up(def->value_size, 8) > MAP_MAX_PERCPU)
		return refuse(diag, -E2BIG, "a per-CPU value has at most %u bytes", MAP_MAX_PERCPU);
	return 0;
}

static int hash_check(const struct map_def *def, struct skep_diag *diag)
{
	bool lru = is_lru_type(def->type), own = def->flags & BPF_F_NO_COMMON_LRU;
	int err = map_check_flags(def, HASH_FLAGS, diag);

	if (err)
		return err;
	if (!lru && own)
		return refuse(diag, -EINVAL, "BPF_F_NO_COMMON_LRU is for LRU maps");
	if (lru && def->flags & BPF_F_NO_PREALLOC)
		return refuse(diag, -ENOTSUPP, "an LRU map is always preallocated");
	if (own || is_percpu_type(def->type))
		err = map_check_percpu(def, diag);
	return err ? err : check_sizes(def, diag);
}

/* Each CPU's list is of the same size, at least one. */
static void round_entries(struct map *map)
{
	u64 nr = map->def.max_entries, up = (nr + map->nr_cpus - 1) / map->nr_cpus * map->nr_cpus;

	map->def.max_entries = (u32)(up <= UINT32_MAX ? up : nr / map->nr_cpus * map->nr_cpus);
}

static int init_memory(struct hash *h)
{
	struct map *map = &h->map;

	h->value_off = (u32)(sizeof(struct elem) + align_up(map->def.key_size, 8));
	h->elem_size = h->value_off + (h->is_percpu ? 0 : map_value_room(map));
	h->elems = map_reserve(map, 0, h->nr_elems, h->elem_size);
	h->buckets = (struct bucket *)map_reserve(map, 1, (u64)h->mask + 1, sizeof(*h->buckets));
	if (!h->elems || !h->buckets)
		return -ENOMEM;
	map->mem.value_len = map->def.value_size;
	if (!h->is_percpu) {
		map->mem.base = h->elems;
		map->mem.stride = h->elem_size;
		map->mem.value_off = h->value_off;
		map->mem.size = h->nr_elems * h->elem_size;
		return 0;
	}
	map->mem.stride = map_value_room(map);
	map->mem.size = (size_t)h->nr_elems * map->nr_cpus * map->mem.stride;
	h->values = map_reserve(map, 2, (u64)h->nr_elems * map->nr_cpus, map->mem.stride);
	map->mem.base = h->values;
	return h->values ? 0 : -ENOMEM;
}

static int hash_init(struct map *map, struct skep_diag *diag)
{
	struct hash *h = to_hash(map);
	u64 nr_buckets = 1;

	h->is_percpu = is_percpu_type(map->def.type);
	h->is_lru = is_lru_type(map->def.type);
	if (map->def.flags & BPF_F_NO_COMMON_LRU)
		round_entries(map);
	while (nr_buckets < map->def.max_entries)
		nr_buckets *= 2;
	if (nr_buckets > UINT32_MAX / KERNEL_BUCKET_SIZE)
		return -E2BIG;
	h->mask = (u32)nr_buckets - 1;
	if (!(map->def.flags & BPF_F_ZERO_SEED) &&
	    getrandom(&h->seed, sizeof(h->seed), GRND_NONBLOCK) != sizeof(h->seed))
		h->seed = (u32)(uintptr_t)h;
	return hash_pools_init(h) ? -ENOMEM : init_memory(h);
}

static void hash_done(struct map *map)
{
	struct hash *h = to_hash(map);

	for (u64 b = 0; map->def.nr_fields && h->buckets && b <= h->mask; b++)
		for (u32 idx = h->buckets[b].head; idx; idx = hash_elem(h, idx)->next)
			hash_drop_value(h, hash_elem(h, idx));
	mem_free(h->pools);
}

/* What all four have in common; the rest is in the rows below. */
#define HASH_OPS                                                                                   \
	.size = sizeof(struct hash), .check = hash_check, .init = hash_init, .done = hash_done,    \
	.remove = hash_remove, .for_each = hash_for_each, .user_lookup = hash_user_lookup,         \
	.user_take = hash_user_take, .next_key = hash_next_key

const struct map_ops map_hash_ops = {
	.name = "hash",
	.flags = MAP_T_LOCK | MAP_T_TIMER | MAP_T_KPTR | MAP_T_ROOTS | MAP_T_TASK_WORK,
	.lookup = hash_lookup,
	.update = hash_update,
	HASH_OPS,
};

const struct map_ops map_percpu_hash_ops = {
	.name = "percpu_hash",
	.flags = MAP_T_PERCPU | MAP_T_KPTR,
	.lookup = percpu_hash_lookup,
	.lookup_percpu = percpu_hash_find,
	.update = percpu_hash_update,
	.user_update = percpu_hash_user_update,
	HASH_OPS,
};

const struct map_ops map_lru_hash_ops = {
	.name = "lru_hash",
	.flags = MAP_T_TIMER | MAP_T_KPTR | MAP_T_ROOTS | MAP_T_TASK_WORK,
	.lookup = lru_lookup,
	.update = lru_update,
	HASH_OPS,
};

const struct map_ops map_lru_percpu_hash_ops = {
	.name = "lru_percpu_hash",
	.flags = MAP_T_PERCPU | MAP_T_KPTR,
	.lookup = percpu_hash_lookup,
	.lookup_percpu = percpu_hash_find,
	.update = lru_percpu_hash_update,
	.user_update = lru_percpu_hash_user_update,
	HASH_OPS,
};
