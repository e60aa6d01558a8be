/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * array_of_maps and hash_of_maps, as the kernel's map_in_map.c: values are references to maps of
 * one shape (def.inner). A program's lookup gives the inner struct map *, which stays until its
 * map_read_unlock: the last reference frees behind all readers. Where the kernel takes a
 * descriptor from the user, this takes the inner map's id; lookups give the id, as in the kernel.
 */
#include "map/htab.h"

static u32 read_id(const void *value)
{
	u32 id;

	memcpy(&id, value, sizeof(id));
	return id;
}

static struct map *load_inner(void *slot)
{
	return __atomic_load_n((struct map **)slot, __ATOMIC_ACQUIRE);
}

static int user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	struct map *inner;

	map_read_lock();
	inner = map->ops->lookup(map, key);
	if (inner)
		memcpy(value, &inner->id, sizeof(inner->id));
	map_read_unlock();
	return inner ? 0 : -ENOENT;
}

static int user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	bool is_array = map->def.type == BPF_MAP_TYPE_ARRAY_OF_MAPS;
	struct map *inner;
	int err;

	if (is_array && flags != BPF_ANY)
		return -EINVAL;
	if (is_array && map_key_index(key) >= map->def.max_entries)
		return -E2BIG;
	inner = map_by_id(read_id(value));
	if (!inner)
		return -EBADF;
	err = map_inner_set(map, key, inner, flags);
	map_put(inner);
	return err;
}

/* --- array ------------------------------------------------------------------------------------ */

struct outer {
	struct map map;
	u32 nr_used; /* no slot from here on was ever set */
};

static struct map **array_slot(struct map *map, u32 idx)
{
	return idx < map->def.max_entries ? &((struct map **)map->areas[0].p)[idx] : NULL;
}

static int array_check(const struct map_def *def, struct skep_diag *diag)
{
	int err = map_fd_array_check(def, diag);

	return err ? err : map_check_inner(def->inner, diag);
}

static int array_init(struct map *map, struct skep_diag *diag)
{
	return map_reserve(map, 0, map->def.max_entries, sizeof(struct map *)) ? 0 : -ENOMEM;
}

static void array_done(struct map *map)
{
	struct outer *o = container_of(map, struct outer, map);

	for (u32 i = 0; i < o->nr_used; i++)
		map_put(*array_slot(map, i));
}

static void *array_lookup(struct map *map, const void *key)
{
	struct map **slot = array_slot(map, map_key_index(key));

	return slot ? load_inner(slot) : NULL;
}

static int array_user_remove(struct map *map, const void *key)
{
	struct map **slot = array_slot(map, map_key_index(key)), *old;

	if (!slot)
		return -E2BIG;
	old = __atomic_exchange_n(slot, NULL, __ATOMIC_ACQ_REL);
	map_put(old);
	return old ? 0 : -ENOENT;
}

static int array_set(struct map *map, const void *key, struct map *inner, u64 flags)
{
	struct outer *o = container_of(map, struct outer, map);
	struct map **slot = array_slot(map, map_key_index(key));
	u32 used = __atomic_load_n(&o->nr_used, __ATOMIC_RELAXED), want = map_key_index(key) + 1;

	if (flags != BPF_ANY)
		return -EINVAL;
	if (!slot)
		return -E2BIG;
	if (!map_is_like(map->def.inner, inner))
		return -EINVAL;
	while (used < want && !__atomic_compare_exchange_n(&o->nr_used, &used, want, true,
							   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	map_put(__atomic_exchange_n(slot, map_get(inner), __ATOMIC_ACQ_REL));
	return 0;
}

/* --- hash ------------------------------------------------------------------------------------- */

static int hash_check(const struct map_def *def, struct skep_diag *diag)
{
	int err;

	if (def->value_size != 4)
		return refuse(diag, -EINVAL, "values are descriptors, of 4 bytes");
	err = map_hash_ops.check(def, diag);
	return err ? err : map_check_inner(def->inner, diag);
}

static void drop_inner(struct htab *h, char *value)
{
	map_put(__atomic_exchange_n((struct map **)value, NULL, __ATOMIC_ACQ_REL));
}

static int hash_init(struct map *map, struct skep_diag *diag)
{
	struct htab *h = htab_of(map);
	int err;

	h->key_size = map->def.key_size;
	h->value_size = sizeof(struct map *);
	h->drop = drop_inner;
	err = htab_make(h, map->def.max_entries, map->def.flags);
	map->mem = (struct map_mem){0}; /* pointers of ours are not for programs */
	return err;
}

/* An element may be taken out, and used for another key, between finding it and reading it: look
 * whether it still is the key's. */
static void *hash_lookup(struct map *map, const void *key)
{
	void *slot = htab_lookup(map, key), *again;
	struct map *inner = NULL;

	for (; slot; slot = again) {
		inner = load_inner(slot);
		again = htab_lookup(map, key);
		if (again == slot && inner && inner == load_inner(slot))
			break;
	}
	return slot ? inner : NULL;
}

static int hash_user_remove(struct map *map, const void *key)
{
	return (int)htab_remove(map, key);
}

static int hash_set(struct map *map, const void *key, struct map *inner, u64 flags)
{
	int err;

	if (!map_is_like(map->def.inner, inner))
		return -EINVAL;
	map_get(inner);
	err = (int)htab_update(map, key, &inner, flags);
	if (err)
		map_put(inner);
	return err;
}

/* --- both ------------------------------------------------------------------------------------- */

int map_inner_set(struct map *map, const void *key, struct map *inner, u64 flags)
{
	if (map->def.type == BPF_MAP_TYPE_ARRAY_OF_MAPS)
		return array_set(map, key, inner, flags);
	if (map->def.type == BPF_MAP_TYPE_HASH_OF_MAPS)
		return hash_set(map, key, inner, flags);
	return -EINVAL;
}

const struct map_ops map_array_of_maps_ops = {
	.name = "array_of_maps",
	.size = sizeof(struct outer),
	.flags = MAP_T_FD | MAP_T_NOT_INNER,
	.check = array_check,
	.init = array_init,
	.done = array_done,
	.lookup = array_lookup,
	.user_lookup = user_lookup,
	.user_update = user_update,
	.user_remove = array_user_remove,
	.next_key = map_array_next_key,
};

const struct map_ops map_hash_of_maps_ops = {
	.name = "hash_of_maps",
	.size = sizeof(struct htab),
	.flags = MAP_T_FD | MAP_T_NOT_INNER,
	.check = hash_check,
	.init = hash_init,
	.done = htab_done,
	.lookup = hash_lookup,
	.user_lookup = user_lookup,
	.user_update = user_update,
	.user_remove = hash_user_remove,
	.next_key = htab_next_key,
};
