/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * devmap_hash and sockhash: hash tables of what targets.c has arrays of, with the errno of the
 * kernel's devmap.c and sock_map.c. What is put in is a number; see there.
 */
#include "map/htab.h"
#include <limits.h>

#define MAX_SOCKHASH_KEY 512 /* a program's stack */

static int hash_init(struct map *map, u32 flags, int too_big)
{
	struct htab *h = htab_of(map);
	int err;

	h->key_size = map->def.key_size;
	h->value_size = map->def.value_size;
	err = htab_make(h, map->def.max_entries, flags);
	map->mem.may_write = false;
	return err == -E2BIG ? too_big : err;
}

static bool is_wrong_size(const struct map_def *def, u32 key_size)
{
	return !def->max_entries || !def->key_size || (key_size && def->key_size != key_size) ||
	       (def->value_size != 4 && def->value_size != 8);
}

static int check(const struct map_def *def, u32 key_size, struct skep_diag *diag)
{
	if (def->flags & ~(u32)(BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_NUMA_NODE))
		return refuse(diag, -EINVAL, "map_flags %#x: not all mean something here",
			      def->flags);
	if (is_wrong_size(def, key_size))
		return refuse(diag, -EINVAL,
			      "at least one entry, a key, and values of 4 or 8 bytes are needed");
	return 0;
}

static int hash_target(struct map *map, const void *key, u64 *ret)
{
	char *value = htab_lookup(map, key);
	u64 v = 0;

	if (!value)
		return -ENOENT;
	map_copy_out(&v, value, map->def.value_size);
	*ret = map->def.type == BPF_MAP_TYPE_SOCKHASH ? v : (u32)v;
	return 0;
}

static long hash_target_set(struct map *map, const void *key, u64 target, u64 flags)
{
	return map->ops->user_update(map, key, &target, flags);
}

static int hash_user_remove(struct map *map, const void *key)
{
	return (int)htab_remove(map, key);
}

/* --- devmap_hash ------------------------------------------------------------------------------ */

static int devmap_hash_check(const struct map_def *def, struct skep_diag *diag)
{
	int err = check(def, 4, diag);

	return !err && def->max_entries > 1u << 31 ? -EINVAL : err;
}

static int devmap_hash_init(struct map *map, struct skep_diag *diag)
{
	map->def.flags |= BPF_F_RDONLY_PROG; /* as the kernel's dev_map_init_map */
	return hash_init(map, 0, -ENOMEM);
}

/* As in the kernel, BPF_EXIST does not mean anything. */
static int devmap_hash_update(struct map *map, const void *key, const void *value, u64 flags)
{
	u32 v[2] = {0};

	memcpy(v, value, map->def.value_size);
	if (flags > BPF_EXIST || !v[0])
		return -EINVAL;
	if (flags == BPF_NOEXIST && htab_lookup(map, key))
		return -EEXIST;
	if ((s32)v[1] > 0)
		return -EINVAL; /* a program of its own: no descriptor of one is good here */
	v[1] = 0;
	return (int)htab_update(map, key, v, flags == BPF_NOEXIST ? BPF_NOEXIST : BPF_ANY);
}

/* --- sockhash --------------------------------------------------------------------------------- */

static int sockhash_check(const struct map_def *def, struct skep_diag *diag)
{
	int err = check(def, 0, diag);

	if (!err && def->key_size > MAX_SOCKHASH_KEY)
		err = refuse(diag, -E2BIG, "a key has at most %d bytes", MAX_SOCKHASH_KEY);
	return err;
}

static int sockhash_init(struct map *map, struct skep_diag *diag)
{
	return hash_init(map, 0, -EINVAL);
}

static int sockhash_update(struct map *map, const void *key, const void *value, u64 flags)
{
	u64 v = 0;

	memcpy(&v, value, map->def.value_size);
	if (v > INT_MAX || flags > BPF_EXIST)
		return -EINVAL;
	return (int)htab_update(map, key, &v, flags);
}

static int sockhash_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	return map->def.value_size == 8 ? htab_user_lookup(map, key, value, flags) : -ENOSPC;
}

const struct map_ops map_devmap_hash_ops = {
	.name = "devmap_hash",
	.size = sizeof(struct htab),
	.check = devmap_hash_check,
	.init = devmap_hash_init,
	.done = htab_done,
	.lookup = htab_lookup,
	.user_lookup = htab_user_lookup,
	.user_update = devmap_hash_update,
	.user_remove = hash_user_remove,
	.next_key = htab_next_key,
	.target = hash_target,
	.target_set = hash_target_set,
};

const struct map_ops map_sockhash_ops = {
	.name = "sockhash",
	.size = sizeof(struct htab),
	.check = sockhash_check,
	.init = sockhash_init,
	.done = htab_done,
	.lookup = map_no_lookup,
	.user_lookup = sockhash_user_lookup,
	.user_update = sockhash_update,
	.user_remove = hash_user_remove,
	.next_key = htab_next_key,
	.target = hash_target,
	.target_set = hash_target_set,
};
