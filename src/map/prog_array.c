/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * prog_array: what tail calls jump to, as the kernel's prog_array in arraymap.c. The kernel takes
 * descriptors of programs from the user; here whoever loads programs sets their pointers with
 * map_prog_set. They are not referenced: programs of one vm live as long as its maps are used.
 */
#include "map/impl.h"

struct slot {
	void *prog;
	u32 id;
};

static struct slot *slot(struct map *map, u32 idx)
{
	return idx < map->def.max_entries ? &((struct slot *)map->areas[0].p)[idx] : NULL;
}

int map_fd_array_check(const struct map_def *def, struct skep_diag *diag)
{
	if (def->value_size != 4)
		return refuse(diag, -EINVAL, "values are descriptors, of 4 bytes");
	if (def->flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
		return refuse(diag, -EINVAL, "this type cannot restrict its programs");
	return map_array_check(def, diag);
}

static int prog_array_init(struct map *map, struct skep_diag *diag)
{
	return map_reserve(map, 0, map->def.max_entries, sizeof(struct slot)) ? 0 : -ENOMEM;
}

int map_prog_set_id(struct map *map, u32 idx, void *prog, u32 id)
{
	struct slot *s;

	if (map->def.type != BPF_MAP_TYPE_PROG_ARRAY)
		return -EINVAL;
	s = slot(map, idx);
	if (!s)
		return -E2BIG;
	__atomic_store_n(&s->id, prog ? id : 0, __ATOMIC_RELAXED);
	__atomic_store_n(&s->prog, prog, __ATOMIC_RELEASE);
	return 0;
}

int map_prog_set(struct map *map, u32 idx, void *prog)
{
	return map_prog_set_id(map, idx, prog, 0);
}

void *map_prog_get(struct map *map, u32 idx)
{
	struct slot *s = map->def.type == BPF_MAP_TYPE_PROG_ARRAY ? slot(map, idx) : NULL;

	return s ? __atomic_load_n(&s->prog, __ATOMIC_ACQUIRE) : NULL;
}

void *map_no_lookup(struct map *map, const void *key)
{
	return NULL;
}

static int prog_array_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	struct slot *s = slot(map, map_key_index(key));

	if (!s || !__atomic_load_n(&s->prog, __ATOMIC_ACQUIRE))
		return -ENOENT;
	memcpy(value, &s->id, sizeof(s->id));
	return 0;
}

/* There are no descriptors of programs here: none that the user names is good. */
static int prog_array_user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	if (flags != BPF_ANY)
		return -EINVAL;
	return slot(map, map_key_index(key)) ? -EBADF : -E2BIG;
}

static int prog_array_user_remove(struct map *map, const void *key)
{
	struct slot *s = slot(map, map_key_index(key));

	if (!s)
		return -E2BIG;
	return __atomic_exchange_n(&s->prog, NULL, __ATOMIC_ACQ_REL) ? 0 : -ENOENT;
}

const struct map_ops map_prog_array_ops = {
	.name = "prog_array",
	.size = sizeof(struct map),
	.flags = MAP_T_FD | MAP_T_NOT_INNER,
	.check = map_fd_array_check,
	.init = prog_array_init,
	.lookup = map_no_lookup,
	.user_lookup = prog_array_user_lookup,
	.user_update = prog_array_user_update,
	.user_remove = prog_array_user_remove,
	.next_key = map_array_next_key,
};
