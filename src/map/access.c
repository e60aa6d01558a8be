/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The two sides of every operation. A program's side goes to the type and answers what the helper
 * would. The user's side makes the checks of bpf(2) (map_lookup_elem and kin in the kernel's
 * syscall.c) first and copies values, with all CPUs' of per-CPU maps.
 */
#include "map/impl.h"

/* --- the program's side ----------------------------------------------------------------------- */

void *map_lookup(struct map *map, const void *key)
{
	return map->ops->lookup ? map->ops->lookup(map, key) : NULL;
}

void *map_lookup_percpu(struct map *map, const void *key, u32 cpu)
{
	if (!map->ops->lookup_percpu || cpu >= map->nr_cpus)
		return NULL;
	return map->ops->lookup_percpu(map, key, cpu);
}

/* The verifier refuses programs that write such a map; without one, this does. */
static bool is_read_only(const struct map *map)
{
	return map->def.flags & BPF_F_RDONLY_PROG;
}

long map_update(struct map *map, const void *key, const void *value, u64 flags)
{
	if (unlikely(is_read_only(map)))
		return -EACCES;
	return map->ops->update ? map->ops->update(map, key, value, flags) : -EOPNOTSUPP;
}

long map_delete(struct map *map, const void *key)
{
	if (unlikely(is_read_only(map)))
		return -EACCES;
	return map->ops->remove ? map->ops->remove(map, key) : -EOPNOTSUPP;
}

long map_push(struct map *map, const void *value, u64 flags)
{
	if (unlikely(is_read_only(map)))
		return -EACCES;
	return map->ops->push ? map->ops->push(map, value, flags) : -EOPNOTSUPP;
}

long map_pop(struct map *map, void *value)
{
	if (unlikely(is_read_only(map)))
		return -EACCES;
	return map->ops->pop ? map->ops->pop(map, value) : -EOPNOTSUPP;
}

long map_peek(struct map *map, void *value)
{
	return map->ops->peek ? map->ops->peek(map, value) : -EOPNOTSUPP;
}

long map_for_each(struct map *map, map_each_fn fn, void *ctx, u64 flags)
{
	if (!map->ops->for_each || flags)
		return -EINVAL;
	return map->ops->for_each(map, fn, ctx);
}

/* --- the user's side -------------------------------------------------------------------------- */

size_t map_user_value_size(const struct map *map)
{
	if (map->ops->flags & MAP_T_PERCPU)
		return (size_t)map_value_room(map) * map->nr_cpus;
	return map->ops->flags & MAP_T_FD ? sizeof(u32) : map->def.value_size;
}

static bool may_read(const struct map *map)
{
	return !(map->def.flags & BPF_F_WRONLY);
}

static bool may_write(const struct map *map)
{
	return !(map->def.flags & BPF_F_RDONLY) && !__atomic_load_n(&map->frozen, __ATOMIC_ACQUIRE);
}

static bool lacks_lock(const struct map *map, u64 flags)
{
	return flags & BPF_F_LOCK && !map_has_field(map, MAP_FIELD_SPIN_LOCK);
}

/* A key where the type has one, NULL where it has none. */
static bool bad_key(const struct map *map, const void *key)
{
	return !key != !map->def.key_size;
}

static int copy_found(struct map *map, const void *key, void *value, u64 flags)
{
	void *(*find)(struct map *, const void *) = map->ops->user_find ? map->ops->user_find
									: map->ops->lookup;
	void *found;

	if (!find)
		return -EOPNOTSUPP;
	map_read_lock();
	found = find(map, key);
	if (found)
		map_value_read(map, value, found, flags);
	map_read_unlock();
	return found ? 0 : -ENOENT;
}

int map_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	if (flags & ~(u64)BPF_F_LOCK)
		return -EINVAL;
	if (!may_read(map))
		return -EPERM;
	if (lacks_lock(map, flags))
		return -EINVAL;
	if (bad_key(map, key))
		return map->def.key_size ? -EFAULT : -EINVAL;
	if (map->ops->user_lookup)
		return map->ops->user_lookup(map, key, value, flags);
	return copy_found(map, key, value, flags);
}

int map_user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	int err;

	if (!may_write(map))
		return -EPERM;
	if (lacks_lock(map, flags))
		return -EINVAL;
	if (bad_key(map, key))
		return map->def.key_size ? -EFAULT : -EINVAL;
	if (map->ops->user_update) {
		err = map->ops->user_update(map, key, value, flags);
	} else {
		map_read_lock();
		err = map->ops->update ? (int)map->ops->update(map, key, value, flags)
				       : -EOPNOTSUPP;
		map_read_unlock();
	}
	map_defer_flush();
	return err;
}

int map_user_delete(struct map *map, const void *key)
{
	int err = -EOPNOTSUPP;

	if (!may_write(map))
		return -EPERM;
	if (bad_key(map, key))
		return map->def.key_size ? -EFAULT : -EINVAL;
	map_read_lock();
	if (map->ops->user_remove)
		err = map->ops->user_remove(map, key);
	else if (map->ops->remove)
		err = (int)map->ops->remove(map, key);
	map_read_unlock();
	map_defer_flush();
	return err;
}

int map_user_lookup_and_delete(struct map *map, const void *key, void *value, u64 flags)
{
	int err;

	if (flags & ~(u64)BPF_F_LOCK)
		return -EINVAL;
	if (!may_read(map) || !may_write(map))
		return -EPERM;
	if (flags && map->ops->flags & MAP_T_NO_KEY)
		return -EINVAL;
	if (lacks_lock(map, flags))
		return -EINVAL;
	if (bad_key(map, key))
		return map->def.key_size ? -EFAULT : -EINVAL;
	if (!map->ops->user_take)
		return -ENOTSUPP;
	err = map->ops->user_take(map, key, value, flags);
	map_defer_flush();
	return err;
}

int map_user_next_key(struct map *map, const void *key, void *next)
{
	int err;

	if (!may_read(map))
		return -EPERM;
	if (!map->ops->next_key)
		return -EOPNOTSUPP;
	map_read_lock();
	err = map->ops->next_key(map, key, next);
	map_read_unlock();
	return err;
}

int map_user_freeze(struct map *map)
{
	if (map->def.type == BPF_MAP_TYPE_STRUCT_OPS || map->def.nr_fields)
		return -ENOTSUPP;
	if (map->def.flags & BPF_F_RDONLY)
		return -EPERM;
	return __atomic_exchange_n(&map->frozen, true, __ATOMIC_ACQ_REL) ? -EPERM : 0;
}

/* --- records ---------------------------------------------------------------------------------- */

void map_stats(const struct map *map, struct map_stats *ret)
{
	*ret = (struct map_stats){0};
	if (map->ops->stats)
		map->ops->stats(map, ret);
}

int map_poll_fd(struct map *map)
{
	return map->ops->poll_fd ? map->ops->poll_fd(map) : -EOPNOTSUPP;
}

int map_target_get(struct map *map, const void *key, u64 *ret_target)
{
	return map->ops->target ? map->ops->target(map, key, ret_target) : -ENOENT;
}

long map_target_set(struct map *map, const void *key, u64 target, u64 flags)
{
	return map->ops->target_set ? map->ops->target_set(map, key, target, flags) : -EOPNOTSUPP;
}
