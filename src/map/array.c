/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * array and percpu_array, as the kernel's arraymap.c: all elements exist from the start, so
 * nothing is inserted or deleted, and lookups are an index. Elements of a per-CPU array lie by
 * CPU first (cpu * max_entries + index), so that CPUs do not share cache lines.
 */
#include "map/impl.h"
#include <limits.h>

/* When the map goes, each special field is looked at. */
#define MAX_WITH_FIELDS (1ull << 30)
#define ARRAY_FLAGS     (BPF_F_MMAPABLE | FLAGS_ACCESS | BPF_F_PRESERVE_ELEMS | BPF_F_INNER_MAP)

static int check_value_size(const struct map_def *def, struct skep_diag *diag)
{
	if (align_up(def->value_size, 8) > MAP_MAX_PERCPU)
		return refuse(diag, -E2BIG, "a per-CPU value has at most %u bytes", MAP_MAX_PERCPU);
	return 0;
}

int map_array_check(const struct map_def *def, struct skep_diag *diag)
{
	int err = map_check_flags(def, ARRAY_FLAGS, diag);

	if (err)
		return err;
	if (!def->max_entries || def->key_size != 4 || !def->value_size)
		return refuse(
			diag, -EINVAL,
			"an array has at least one entry, keys of 4 bytes and values of some");
	if (def->type != BPF_MAP_TYPE_ARRAY && def->flags & (BPF_F_MMAPABLE | BPF_F_INNER_MAP))
		return refuse(diag, -EINVAL,
			      "BPF_F_MMAPABLE and BPF_F_INNER_MAP are for plain arrays");
	if (def->flags & BPF_F_PRESERVE_ELEMS && def->type != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		return refuse(diag, -EINVAL, "BPF_F_PRESERVE_ELEMS is for perf event arrays");
	if (def->value_size > INT_MAX)
		return -E2BIG;
	return 0;
}

static int percpu_array_check(const struct map_def *def, struct skep_diag *diag)
{
	int err = map_array_check(def, diag);

	if (!err)
		err = map_check_percpu(def, diag);
	return err ? err : check_value_size(def, diag);
}

static int init_values(struct map *map, u64 nr)
{
	u32 room = map_value_room(map);
	u64 size;

	if (__builtin_mul_overflow(nr, (u64)room, &size))
		return -ENOMEM;
	if (map->def.nr_fields && size > MAX_WITH_FIELDS)
		return -ENOMEM;
	map->mem.base = map_reserve(map, 0, nr, room);
	if (!map->mem.base)
		return -ENOMEM;
	map->mem.size = size;
	map->mem.stride = room;
	map->mem.value_len = map->def.value_size;
	return 0;
}

static int array_init(struct map *map, struct skep_diag *diag)
{
	return init_values(map, map->def.max_entries);
}

static int percpu_array_init(struct map *map, struct skep_diag *diag)
{
	return init_values(map, (u64)map->def.max_entries * map->nr_cpus);
}

static char *elem(struct map *map, u64 idx)
{
	return map->mem.base + map->mem.stride * idx;
}

static size_t cpu_step(const struct map *map)
{
	return map->mem.stride * map->def.max_entries;
}

static void array_done(struct map *map)
{
	u64 nr = map->mem.stride ? map->mem.size / map->mem.stride : 0;

	for (u64 i = 0; map->def.nr_fields && i < nr; i++)
		map_value_drop(map, elem(map, i));
}

static void *array_lookup(struct map *map, const void *key)
{
	u32 idx = map_key_index(key);

	return likely(idx < map->def.max_entries) ? elem(map, idx) : NULL;
}

static void *percpu_array_find(struct map *map, const void *key, u32 cpu)
{
	u32 idx = map_key_index(key);

	if (unlikely(idx >= map->def.max_entries))
		return NULL;
	return elem(map, idx) + cpu * cpu_step(map);
}

static void *percpu_array_lookup(struct map *map, const void *key)
{
	return percpu_array_find(map, key, map_current_cpu());
}

static long check_update(struct map *map, u32 idx, u64 flags)
{
	if ((flags & ~(u64)BPF_F_LOCK) > BPF_EXIST)
		return -EINVAL;
	if (idx >= map->def.max_entries)
		return -E2BIG;
	if (flags & BPF_NOEXIST)
		return -EEXIST;
	if (flags & BPF_F_LOCK && !map_has_field(map, MAP_FIELD_SPIN_LOCK))
		return -EINVAL;
	return 0;
}

static long array_update(struct map *map, const void *key, const void *value, u64 flags)
{
	long err = check_update(map, map_key_index(key), flags);
	void *at;

	if (err)
		return err;
	at = map->ops->lookup(map, key);
	if (flags & BPF_F_LOCK)
		map_value_write_locked(map, at, value);
	else
		map_value_write(map, at, value);
	map_value_drop(map, at);
	return 0;
}

static int percpu_array_user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	u32 idx = map_key_index(key);

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (idx >= map->def.max_entries)
		return -E2BIG;
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	map_percpu_write(map, elem(map, idx), cpu_step(map), value);
	return 0;
}

static int percpu_array_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	u32 idx = map_key_index(key);

	if (idx >= map->def.max_entries)
		return -ENOENT;
	map_percpu_read(map, value, elem(map, idx), cpu_step(map));
	return 0;
}

static long array_remove(struct map *map, const void *key)
{
	return -EINVAL;
}

int map_array_next_key(struct map *map, const void *key, void *next)
{
	u32 idx = key ? map_key_index(key) : UINT_MAX;

	if (idx < map->def.max_entries && idx == map->def.max_entries - 1)
		return -ENOENT;
	idx = idx >= map->def.max_entries ? 0 : idx + 1;
	memcpy(next, &idx, sizeof(idx));
	return 0;
}

static long array_for_each(struct map *map, map_each_fn fn, void *ctx)
{
	long nr = 0;

	for (u32 i = 0; i < map->def.max_entries; i++) {
		u64 key = i; /* a whole word: callbacks may not see bytes of ours */

		nr++;
		if (fn(map, &key, map->ops->lookup(map, &i), ctx))
			break;
	}
	return nr;
}

const struct map_ops map_array_ops = {
	.name = "array",
	.size = sizeof(struct map),
	.flags = MAP_T_LOCK | MAP_T_TIMER | MAP_T_KPTR | MAP_T_ROOTS | MAP_T_TASK_WORK,
	.check = map_array_check,
	.init = array_init,
	.done = array_done,
	.lookup = array_lookup,
	.update = array_update,
	.remove = array_remove,
	.for_each = array_for_each,
	.next_key = map_array_next_key,
};

const struct map_ops map_percpu_array_ops = {
	.name = "percpu_array",
	.size = sizeof(struct map),
	.flags = MAP_T_PERCPU | MAP_T_KPTR,
	.check = percpu_array_check,
	.init = percpu_array_init,
	.done = array_done,
	.lookup = percpu_array_lookup,
	.lookup_percpu = percpu_array_find,
	.update = array_update,
	.remove = array_remove,
	.for_each = array_for_each,
	.user_lookup = percpu_array_user_lookup,
	.user_update = percpu_array_user_update,
	.next_key = map_array_next_key,
};
