/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Updates of hash tables, the six ways of the kernel's hashtab.c: plain, LRU, per-CPU and both,
 * the per-CPU ones from a program (this CPU's value) and from the user (all CPUs').
 */
#include "map/htab_walk.h"

static bool count_up(struct htab *h)
{
	u32 nr = __atomic_load_n(&h->nr, __ATOMIC_RELAXED);

	while (nr < h->max)
		if (__atomic_compare_exchange_n(&h->nr, &nr, nr + 1, true, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static int check_exist(const struct elem *old, u64 flags)
{
	flags &= ~(u64)BPF_F_LOCK;
	if (old && flags == BPF_NOEXIST)
		return -EEXIST;
	return !old && flags == BPF_EXIST ? -ENOENT : 0;
}

static void fill(struct htab *h, struct elem *e, u32 hash, const void *key)
{
	__atomic_store_n(&e->hash, hash, __ATOMIC_RELAXED);
	set_key(e, key, h->key_size);
}

static void write_value(struct htab *h, char *at, const void *value)
{
	if (h->drop)
		map_copy_in(at, value, h->value_size);
	else
		map_value_write(&h->map, at, value);
}

/* --- update ----------------------------------------------------------------------------------- */

static int insert(struct htab *h, struct bucket *b, u32 hash, const void *key, const void *value)
{
	struct elem *e;

	if (!count_up(h))
		return -E2BIG;
	e = htab_take(h);
	if (!e) {
		__atomic_fetch_sub(&h->nr, 1, __ATOMIC_RELEASE);
		return -ENOMEM;
	}
	fill(h, e, hash, key);
	write_value(h, htab_value(h, e), value);
	put_first(h, b, e);
	return 0;
}

/* Gives the element to free once the bucket is unlocked, or NULL. */
static struct elem *replace(struct htab *h, struct bucket *b, struct elem *old, const void *key,
			    const void *value)
{
	struct elem *e = htab_take(h);

	if (!e) {
		if (h->drop)
			h->drop(h, htab_value(h, old));
		write_value(h, htab_value(h, old), value);
		return NULL;
	}
	fill(h, e, old->hash, key);
	write_value(h, htab_value(h, e), value);
	put_instead(h, b, old, e);
	return old;
}

/* BPF_F_LOCK: into the element that is there. 1: there is none. */
static int update_locked(struct htab *h, struct elem *old, const void *value, u64 flags)
{
	int err = check_exist(old, flags);

	if (err || !old)
		return err ? err : 1;
	map_value_write_locked(&h->map, htab_value(h, old), value);
	return 0;
}

long htab_update(struct map *map, const void *key, const void *value, u64 flags)
{
	struct htab *h = htab_of(map);
	u32 hash = htab_key(h, key);
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
		htab_drop_value(h, gone);
		htab_give(h, gone);
	}
	return err;
}

long htab_update_lru(struct map *map, const void *key, const void *value, u64 flags)
{
	struct htab *h = htab_of(map);
	u32 hash = htab_key(h, key);
	struct elem *e, *old;
	struct bucket *b;
	int err;

	if (flags > BPF_EXIST)
		return -EINVAL;
	e = htab_take(h); /* before the bucket is locked: it may have to lock another */
	if (!e)
		return -ENOMEM;
	fill(h, e, hash, key);
	write_value(h, htab_value(h, e), value);
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
		htab_free_elem(h, e);
	return err;
}

/* A new per-CPU element: other CPUs' values start as zeros when a program makes it. */
static void percpu_fill(struct htab *h, struct elem *e, const void *value, bool all)
{
	char *at = htab_value(h, e);
	size_t step = h->map.mem.stride;

	if (all) {
		map_percpu_write(&h->map, at, step, value);
		return;
	}
	for (u32 cpu = 0; cpu < h->map.nr_cpus; cpu++)
		map_value_zero(&h->map, at + cpu * step);
	map_value_write(&h->map, at + map_current_cpu() * step, value);
}

static void percpu_overwrite(struct htab *h, struct elem *e, const void *value, bool all)
{
	char *at = htab_value(h, e);

	if (all) {
		map_percpu_write(&h->map, at, h->map.mem.stride, value);
		return;
	}
	at += map_current_cpu() * h->map.mem.stride;
	map_value_write(&h->map, at, value);
	map_value_drop(&h->map, at);
}

static int percpu_insert(struct htab *h, struct bucket *b, u32 hash, const void *key,
			 const void *value, bool all)
{
	struct elem *e;

	if (!count_up(h))
		return -E2BIG;
	e = htab_take(h);
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
	struct htab *h = htab_of(map);
	u32 hash = htab_key(h, key);
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

long htab_update_percpu(struct map *map, const void *key, const void *value, u64 flags)
{
	return percpu_update(map, key, value, flags, false);
}

int htab_update_percpu_all(struct map *map, const void *key, const void *value, u64 flags)
{
	return (int)percpu_update(map, key, value, flags, true);
}

static long lru_percpu_update(struct map *map, const void *key, const void *value, u64 flags,
			      bool all)
{
	struct htab *h = htab_of(map);
	u32 hash = htab_key(h, key);
	struct elem *e = NULL, *old;
	struct bucket *b;
	int err;

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (flags != BPF_EXIST) {
		e = htab_take(h);
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
		htab_give(h, e);
	return err;
}

long htab_update_lru_percpu(struct map *map, const void *key, const void *value, u64 flags)
{
	return lru_percpu_update(map, key, value, flags, false);
}

int htab_update_lru_percpu_all(struct map *map, const void *key, const void *value, u64 flags)
{
	return (int)lru_percpu_update(map, key, value, flags, true);
}
