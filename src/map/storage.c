/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * task_storage, cgrp_storage, inode_storage and sk_storage, as the kernel's bpf_local_storage.c:
 * a value per owner, made by the first bpf_*_storage_get with BPF_LOCAL_STORAGE_GET_F_CREATE and
 * gone with its owner. Owners are objects of the model kernel; their addresses are the keys of a
 * hash table. The user's side would name an owner by a descriptor (pidfd, socket, …): none leads
 * to a model object, so each is -EBADF.
 */
#include "map/htab.h"

#define MAX_OWNERS   (1u << 20) /* address space for so many, less of large values */
#define KERNEL_SELEM 128        /* the kernel's bookkeeping beside a value of at most 64 KiB */

static int check(const struct map_def *def, struct skep_diag *diag)
{
	if (def->flags & ~(u32)(BPF_F_NO_PREALLOC | BPF_F_CLONE) ||
	    !(def->flags & BPF_F_NO_PREALLOC))
		return refuse(
			diag, -EINVAL,
			"map_flags of a storage are BPF_F_NO_PREALLOC, and BPF_F_CLONE or not");
	if (def->max_entries || def->key_size != 4 || !def->value_size)
		return refuse(diag, -EINVAL,
			      "a storage has max_entries 0, keys of 4 bytes (int), and values");
	if (!def->key_type_id || !def->value_type_id)
		return refuse(diag, -EINVAL, "a storage needs BTF of its key and value");
	if (def->value_size > UINT16_MAX - KERNEL_SELEM)
		return refuse(diag, -E2BIG, "values have at most %d bytes",
			      UINT16_MAX - KERNEL_SELEM);
	return 0;
}

static int init(struct map *map, struct skep_diag *diag)
{
	struct htab *h = htab_of(map);

	h->key_size = sizeof(void *);
	h->value_size = map->def.value_size;
	return htab_make(h, MAX_OWNERS, 0);
}

static bool is_storage(const struct map *map)
{
	return map->ops->flags & MAP_T_STORAGE;
}

static void *make(struct map *map, void *owner, const void *init_value, int *err)
{
	static const u8 zeros[UINT16_MAX];
	long ret = htab_update(map, &owner, init_value ? init_value : zeros, BPF_NOEXIST);

	*err = ret == -EEXIST ? 0 : (int)ret;
	return *err ? NULL : htab_lookup(map, &owner);
}

void *storage_get(struct map *map, void *owner, const void *init_value, u64 flags, int *err)
{
	int ignored;
	void *value;

	err = err ? err : &ignored;
	*err = -EINVAL;
	if (flags & ~(u64)BPF_LOCAL_STORAGE_GET_F_CREATE || !owner || !is_storage(map))
		return NULL;
	value = htab_lookup(map, &owner);
	if (!value && flags)
		return make(map, owner, init_value, err);
	*err = value ? 0 : -ENOENT;
	return value;
}

long storage_delete(struct map *map, void *owner)
{
	if (!owner || !is_storage(map))
		return -EINVAL;
	return htab_remove(map, &owner);
}

static void forget_owner(struct map *map, void *ctx)
{
	if (is_storage(map))
		htab_remove(map, ctx);
}

void storage_owner_gone(void *owner)
{
	map_read_lock();
	map_each_live(forget_owner, &owner);
	map_read_unlock();
}

/* --- bpf(2) ----------------------------------------------------------------------------------- */

static int user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	return -EBADF;
}

static int user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	return -EBADF;
}

static int user_remove(struct map *map, const void *key)
{
	return -EBADF;
}

static int next_key(struct map *map, const void *key, void *next)
{
	return -ENOTSUPP;
}

#define STORAGE_OPS(type, more)                                                                    \
	.name = type, .size = sizeof(struct htab),                                                 \
	.flags = MAP_T_STORAGE | MAP_T_LOCK | MAP_T_KPTR | (more), .check = check, .init = init,   \
	.done = htab_done, .lookup = map_no_lookup, .for_each = htab_for_each,                     \
	.user_lookup = user_lookup, .user_update = user_update, .user_remove = user_remove,        \
	.next_key = next_key

const struct map_ops map_sk_storage_ops = {STORAGE_OPS("sk_storage", 0)};
const struct map_ops map_inode_storage_ops = {STORAGE_OPS("inode_storage", 0)};
const struct map_ops map_cgrp_storage_ops = {STORAGE_OPS("cgrp_storage", 0)};
const struct map_ops map_task_storage_ops = {STORAGE_OPS("task_storage", MAP_T_UPTR)};
