/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * cgroup_storage and percpu_cgroup_storage, as the kernel's local_storage.c: a value per cgroup,
 * or per cgroup and attach type where the key is a struct bpf_cgroup_storage_key. Entries are made
 * when a program is attached (here: cgroup_storage_get) and never by an update.
 */
#include "map/htab.h"

#define MAX_VALUE   (UINT16_MAX - 128) /* as other storages */
#define MAX_CGROUPS (1u << 16)

static int check(const struct map_def *def, struct skep_diag *diag)
{
	bool percpu = def->type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
	u32 max = percpu ? MAP_MAX_PERCPU : MAX_VALUE;

	if (def->key_size != sizeof(struct bpf_cgroup_storage_key) && def->key_size != 8)
		return refuse(
			diag, -EINVAL,
			"a key is a cgroup's id (8 bytes) or a struct bpf_cgroup_storage_key");
	if (!def->value_size)
		return refuse(diag, -EINVAL, "a storage needs values");
	if (def->value_size > max)
		return refuse(diag, -E2BIG, "values have at most %u bytes", max);
	if (def->max_entries)
		return refuse(diag, -EINVAL, "max_entries of a storage is 0");
	return map_check_flags(def, FLAGS_ACCESS, diag);
}

static int init(struct map *map, struct skep_diag *diag)
{
	struct htab *h = htab_of(map);

	h->is_percpu = map->def.type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
	h->key_size = map->def.key_size;
	h->value_size = map->def.value_size;
	return htab_make(h, MAX_CGROUPS, 0);
}

/* A key as it is stored and compared: every byte has a value, also those behind attach_type. */
union key {
	struct bpf_cgroup_storage_key k;
	u8 bytes[sizeof(struct bpf_cgroup_storage_key)];
};

static void make_key(union key *key, u64 cgroup_id, u32 attach_type)
{
	memset(key->bytes, 0, sizeof(key->bytes));
	key->k.cgroup_inode_id = cgroup_id;
	key->k.attach_type = attach_type;
}

static void read_key(union key *ret, const struct map *map, const void *key)
{
	struct bpf_cgroup_storage_key k = {0};

	memcpy(&k, key, map->def.key_size);
	make_key(ret, k.cgroup_inode_id, k.attach_type);
}

void *cgroup_storage_get(struct map *map, u64 cgroup_id, u32 attach_type)
{
	static const u8 zeros[UINT16_MAX];
	union key k;
	void *value;

	if (map->ops != &map_cgroup_storage_ops && map->ops != &map_percpu_cgroup_storage_ops)
		return NULL;
	make_key(&k, cgroup_id, map->def.key_size == sizeof(k) ? attach_type : 0);
	value = map->ops->lookup(map, &k);
	if (value)
		return value;
	if (htab_of(map)->is_percpu)
		htab_update_percpu(map, &k, zeros, BPF_NOEXIST);
	else
		htab_update(map, &k, zeros, BPF_NOEXIST);
	return map->ops->lookup(map, &k);
}

/* --- bpf(2) ----------------------------------------------------------------------------------- */

static int user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	union key k;

	read_key(&k, map, key);
	return htab_user_lookup(map, &k, value, flags);
}

static int user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	union key k;

	read_key(&k, map, key);
	if (flags & ~(u64)(BPF_F_LOCK | BPF_EXIST))
		return -EINVAL;
	return (int)htab_update(map, &k, value, (flags & BPF_F_LOCK) | BPF_EXIST);
}

static int percpu_user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	union key k;

	read_key(&k, map, key);
	if (flags != BPF_ANY && flags != BPF_EXIST)
		return -EINVAL;
	return htab_update_percpu_all(map, &k, value, BPF_EXIST);
}

static int user_remove(struct map *map, const void *key)
{
	return -EINVAL;
}

/* A key that is not there ends the walk, it does not start it again. */
static int next_key(struct map *map, const void *key, void *next)
{
	union key k;

	if (!key)
		return htab_next_key(map, NULL, next);
	read_key(&k, map, key);
	return map->ops->lookup(map, &k) ? htab_next_key(map, &k, next) : -ENOENT;
}

#define STORAGE_OPS                                                                                \
	.size = sizeof(struct htab), .check = check, .init = init, .done = htab_done,              \
	.user_lookup = user_lookup, .user_remove = user_remove, .next_key = next_key,              \
	.for_each = htab_for_each

const struct map_ops map_cgroup_storage_ops = {
	.name = "cgroup_storage",
	.flags = MAP_T_NOT_INNER | MAP_T_LOCK,
	.lookup = htab_lookup,
	.user_update = user_update,
	STORAGE_OPS,
};

const struct map_ops map_percpu_cgroup_storage_ops = {
	.name = "percpu_cgroup_storage",
	.flags = MAP_T_NOT_INNER | MAP_T_PERCPU,
	.lookup = htab_lookup_percpu,
	.lookup_percpu = htab_lookup_cpu,
	.user_update = percpu_user_update,
	STORAGE_OPS,
};
