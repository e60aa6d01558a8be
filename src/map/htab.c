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
#include "map/htab_walk.h"
#include <sys/random.h>

#define HASH_FLAGS         (BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | FLAGS_ACCESS | BPF_F_ZERO_SEED)
#define KERNEL_ELEM_SIZE   48 /* what the kernel's limit of key and value leaves room for */
#define KERNEL_BUCKET_SIZE 16
#define CHUNK_SIZE         65536
#define KEY_COPY           256 /* for_each gives callbacks a copy of keys up to here */

/* e's hash may change until its bucket is locked; then it is linked there or it is not. */
bool htab_unlink(struct htab *h, struct elem *e)
{
	struct bucket *b = lock_bucket(h, __atomic_load_n(&e->hash, __ATOMIC_RELAXED));
	bool ok = take_from(h, b, e);

	unlock_bucket(b);
	return ok;
}

/* --- elements --------------------------------------------------------------------------------- */

void htab_drop_value(struct htab *h, struct elem *e)
{
	u32 nr = h->is_percpu ? h->map.nr_cpus : 1;
	char *value = htab_value(h, e);

	if (h->drop) {
		h->drop(h, value);
		return;
	}
	for (u32 i = 0; h->map.def.nr_fields && i < nr; i++)
		map_value_drop(&h->map, value + i * h->map.mem.stride);
}

/* It is out of its bucket: give all of it back. */
void htab_free_elem(struct htab *h, struct elem *e)
{
	htab_drop_value(h, e);
	htab_give(h, e);
	if (!h->is_lru)
		__atomic_fetch_sub(&h->nr, 1, __ATOMIC_RELEASE);
}

/* --- lookup ----------------------------------------------------------------------------------- */

void *htab_lookup(struct map *map, const void *key)
{
	struct htab *h = htab_of(map);
	struct elem *e = find(h, htab_key(h, key), key);

	return e ? (char *)e + h->value_off : NULL;
}

void *htab_lookup_cpu(struct map *map, const void *key, u32 cpu)
{
	struct htab *h = htab_of(map);
	struct elem *e = find(h, htab_key(h, key), key);

	if (e && h->is_lru)
		__atomic_store_n(&e->ref, 1, __ATOMIC_RELAXED);
	return e ? htab_value(h, e) + cpu * map->mem.stride : NULL;
}

void *htab_lookup_percpu(struct map *map, const void *key)
{
	return htab_lookup_cpu(map, key, map_current_cpu());
}

static void *lru_lookup(struct map *map, const void *key)
{
	struct htab *h = htab_of(map);
	struct elem *e = find(h, htab_key(h, key), key);

	if (!e)
		return NULL;
	if (!__atomic_load_n(&e->ref, __ATOMIC_RELAXED))
		__atomic_store_n(&e->ref, 1, __ATOMIC_RELAXED);
	return (char *)e + h->value_off;
}

static void read_elem(struct htab *h, struct elem *e, void *value, u64 flags)
{
	if (h->is_percpu)
		map_percpu_read(&h->map, value, htab_value(h, e), h->map.mem.stride);
	else
		map_value_read(&h->map, value, htab_value(h, e), flags);
}

/* With the bucket locked the element cannot become another's while it is copied. Not so with
 * BPF_F_LOCK: there the value's own lock is waited for. */
int htab_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	struct htab *h = htab_of(map);
	u32 hash = htab_key(h, key);
	struct bucket *b = flags & BPF_F_LOCK ? NULL : lock_bucket(h, hash);
	struct elem *e = b ? walk(h, b, hash, key) : find(h, hash, key);

	if (e)
		read_elem(h, e, value, flags);
	if (b)
		unlock_unchanged(b);
	return e ? 0 : -ENOENT;
}

/* --- delete ----------------------------------------------------------------------------------- */

static struct elem *take_out(struct htab *h, const void *key, void *value, u64 flags)
{
	u32 hash = htab_key(h, key);
	struct bucket *b = lock_bucket(h, hash);
	struct elem *e = walk(h, b, hash, key);

	if (e && value)
		read_elem(h, e, value, flags);
	if (e)
		take_from(h, b, e);
	unlock_bucket(b);
	return e;
}

long htab_remove(struct map *map, const void *key)
{
	struct htab *h = htab_of(map);
	struct elem *e = take_out(h, key, NULL, 0);

	if (!e)
		return -ENOENT;
	htab_free_elem(h, e);
	return 0;
}

static int htab_user_take(struct map *map, const void *key, void *value, u64 flags)
{
	struct htab *h = htab_of(map);
	struct elem *e = take_out(h, key, value, flags);

	if (!e)
		return -ENOENT;
	htab_free_elem(h, e);
	return 0;
}

/* --- all elements ----------------------------------------------------------------------------- */

static int first_from(struct htab *h, u64 bucket, void *next)
{
	for (; bucket <= h->mask; bucket++) {
		u32 idx = load_idx(&h->buckets[bucket].head);

		if (idx) {
			copy_key(h, next, htab_elem(h, idx));
			return 0;
		}
	}
	return -ENOENT;
}

int htab_next_key(struct map *map, const void *key, void *next)
{
	struct htab *h = htab_of(map);
	u32 hash = key ? htab_key(h, key) : 0, idx;
	struct elem *e = key ? find(h, hash, key) : NULL;

	if (!e)
		return first_from(h, 0, next);
	idx = load_idx(&e->next);
	if (!idx)
		return first_from(h, (u64)(hash & h->mask) + 1, next);
	copy_key(h, next, htab_elem(h, idx));
	return 0;
}

static long each_elem(struct htab *h, struct elem *e, map_each_fn fn, void *ctx)
{
	char *value = htab_value(h, e);
	u64 key[KEY_COPY / 8];

	if (h->is_percpu)
		value += map_current_cpu() * h->map.mem.stride;
	if (h->key_size > KEY_COPY)
		return fn(&h->map, e->key, value, ctx);
	copy_key(h, key, e);
	return fn(&h->map, key, value, ctx);
}

/* The callback may delete the element that it is shown. */
long htab_for_each(struct map *map, map_each_fn fn, void *ctx)
{
	struct htab *h = htab_of(map);
	long nr = 0;

	for (u64 b = 0; b <= h->mask; b++) {
		u32 idx = load_idx(&h->buckets[b].head), next;

		for (; idx; idx = next) {
			struct elem *e = htab_elem(h, idx);

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

int htab_check_sizes(const struct map_def *def, struct skep_diag *diag)
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

static int htab_check(const struct map_def *def, struct skep_diag *diag)
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
	return err ? err : htab_check_sizes(def, diag);
}

/* Each CPU's list is of the same size, at least one. */
static void round_entries(struct map *map)
{
	u64 nr = map->def.max_entries, up = (nr + map->nr_cpus - 1) / map->nr_cpus * map->nr_cpus;

	map->def.max_entries = (u32)(up <= UINT32_MAX ? up : nr / map->nr_cpus * map->nr_cpus);
}

/* Address space is not endless: a table that could grow beyond has room for fewer elements, and
 * says -ENOMEM when they are used up. */
static u32 cap_elems(const struct htab *h, size_t size)
{
	return (u32)min_u64(h->nr_elems, map_max_area() / size);
}

/* Elements that Linux allocates one by one. */
static bool is_lazy(const struct htab *h)
{
	return h->map.def.flags & BPF_F_NO_PREALLOC || !h->map.def.max_entries;
}

static char *reserve(struct htab *h, u32 area, u64 nr, u64 size)
{
	return (h->chunk ? map_reserve_lazy : map_reserve)(&h->map, area, nr, size);
}

static int init_values(struct htab *h)
{
	struct map_mem *mem = &h->map.mem;
	u64 nr = (u64)h->nr_elems * h->map.nr_cpus;

	mem->value_len = h->value_size;
	if (h->is_percpu) {
		mem->stride = align_up(h->value_size, 8);
		mem->size = nr * mem->stride;
		mem->base = h->values = reserve(h, 2, nr, mem->stride);
		return h->values ? 0 : -ENOMEM;
	}
	mem->base = h->elems;
	mem->stride = h->elem_size;
	mem->value_off = h->value_off;
	mem->size = h->nr_elems * h->elem_size;
	return 0;
}

static int init_memory(struct htab *h)
{
	size_t value = align_up(h->value_size, 8);

	h->value_off = (u32)(sizeof(struct elem) + align_up(h->key_size, 8));
	h->elem_size = h->value_off + (h->is_percpu ? 0 : value);
	h->nr_elems = cap_elems(h, h->elem_size + (h->is_percpu ? value * h->map.nr_cpus : 0));
	h->chunk = is_lazy(h) ? max_u64(1, CHUNK_SIZE / h->elem_size) : 0;
	h->elems = reserve(h, 0, h->nr_elems, h->elem_size);
	h->buckets = (struct bucket *)map_reserve(&h->map, 1, (u64)h->mask + 1,
						  sizeof(*h->buckets));
	if (!h->elems || !h->buckets)
		return -ENOMEM;
	return init_values(h) ? -ENOMEM : htab_pools_init(h);
}

int htab_make(struct htab *h, u32 max_entries, u32 flags)
{
	u64 nr_buckets = 1;

	while (nr_buckets < max_entries)
		nr_buckets *= 2;
	if (nr_buckets > UINT32_MAX / KERNEL_BUCKET_SIZE)
		return -E2BIG;
	h->mask = (u32)nr_buckets - 1;
	h->max = max_entries;
	h->nr_elems = htab_nr_elems(h);
	if (!(flags & BPF_F_ZERO_SEED) &&
	    getrandom(&h->seed, sizeof(h->seed), GRND_NONBLOCK) != sizeof(h->seed))
		h->seed = (u32)(uintptr_t)h;
	return init_memory(h);
}

static int htab_init(struct map *map, struct skep_diag *diag)
{
	struct htab *h = htab_of(map);

	h->is_percpu = is_percpu_type(map->def.type);
	h->is_lru = is_lru_type(map->def.type);
	h->key_size = map->def.key_size;
	h->value_size = map->def.value_size;
	if (map->def.flags & BPF_F_NO_COMMON_LRU)
		round_entries(map);
	return htab_make(h, map->def.max_entries, map->def.flags);
}

void htab_done(struct map *map)
{
	struct htab *h = htab_of(map);

	for (u64 b = 0; (map->def.nr_fields || h->drop) && h->buckets && b <= h->mask; b++)
		for (u32 idx = h->buckets[b].head; idx; idx = htab_elem(h, idx)->next)
			htab_drop_value(h, htab_elem(h, idx));
	mem_free(h->pools);
}

/* What all four have in common; the rest is in the rows below. */
#define HASH_OPS                                                                                   \
	.size = sizeof(struct htab), .check = htab_check, .init = htab_init, .done = htab_done,    \
	.remove = htab_remove, .for_each = htab_for_each, .user_lookup = htab_user_lookup,         \
	.user_take = htab_user_take, .next_key = htab_next_key

const struct map_ops map_hash_ops = {
	.name = "hash",
	.flags = MAP_T_LOCK | MAP_T_TIMER | MAP_T_KPTR | MAP_T_ROOTS | MAP_T_TASK_WORK,
	.lookup = htab_lookup,
	.update = htab_update,
	HASH_OPS,
};

const struct map_ops map_percpu_hash_ops = {
	.name = "percpu_hash",
	.flags = MAP_T_PERCPU | MAP_T_KPTR,
	.lookup = htab_lookup_percpu,
	.lookup_percpu = htab_lookup_cpu,
	.update = htab_update_percpu,
	.user_update = htab_update_percpu_all,
	HASH_OPS,
};

const struct map_ops map_lru_hash_ops = {
	.name = "lru_hash",
	.flags = MAP_T_TIMER | MAP_T_KPTR | MAP_T_ROOTS | MAP_T_TASK_WORK,
	.lookup = lru_lookup,
	.update = htab_update_lru,
	HASH_OPS,
};

const struct map_ops map_lru_percpu_hash_ops = {
	.name = "lru_percpu_hash",
	.flags = MAP_T_PERCPU | MAP_T_KPTR,
	.lookup = htab_lookup_percpu,
	.lookup_percpu = htab_lookup_cpu,
	.update = htab_update_lru_percpu,
	.user_update = htab_update_lru_percpu_all,
	HASH_OPS,
};
