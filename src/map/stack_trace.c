/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * stack_trace, as the kernel's stackmap.c: a stack's id is the number of its bucket, so there is
 * one stack per bucket, and a second one with another content is refused (-EEXIST) or takes the
 * bucket (BPF_F_REUSE_STACKID). At most max_entries stacks exist at a time, also while one
 * replaces another.
 *
 * With BPF_F_STACK_BUILD_ID a value is an array of struct bpf_stack_build_id; entries are given as
 * plain addresses (BPF_STACK_BUILD_ID_IP), as the kernel does where it cannot read the mappings.
 */
#include "base/hash.h"
#include "map/impl.h"

#define STACK_FLAGS (BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_STACK_BUILD_ID)

struct stack {  /* a bucket; the addresses follow */
	u32 nr; /* 0: empty; else addresses + 1 */
	u32 hash;
	u64 ips[];
};

struct stack_map {
	struct map map;
	u32 lock;
	u32 nr, nr_buckets, max_depth;
	size_t stride;
};

static struct stack_map *to_stacks(struct map *map)
{
	return container_of(map, struct stack_map, map);
}

static bool has_build_ids(const struct map_def *def)
{
	return def->flags & BPF_F_STACK_BUILD_ID;
}

static u32 entry_size(const struct map_def *def)
{
	return has_build_ids(def) ? sizeof(struct bpf_stack_build_id) : sizeof(u64);
}

static int stacks_check(const struct map_def *def, struct skep_diag *diag)
{
	u32 size = entry_size(def);

	if (def->flags & ~(u32)(STACK_FLAGS | BPF_F_NUMA_NODE))
		return refuse(diag, -EINVAL, "map_flags %#x: not all mean something here",
			      def->flags);
	if (!def->max_entries || def->key_size != 4 || def->value_size < 8 || def->value_size % 8)
		return refuse(diag, -EINVAL,
			      "a stack map has at least one entry, keys of 4 bytes and values of "
			      "some addresses");
	if (def->value_size % size || def->value_size / size > MAP_MAX_STACK_DEPTH)
		return refuse(diag, -EINVAL, "a stack has at most %d entries of %u bytes",
			      MAP_MAX_STACK_DEPTH, size);
	return def->max_entries > 1u << 31 ? -E2BIG : 0;
}

static int stacks_init(struct map *map, struct skep_diag *diag)
{
	struct stack_map *s = to_stacks(map);
	u64 nr = 1;

	while (nr < map->def.max_entries)
		nr *= 2;
	s->nr_buckets = (u32)nr;
	s->max_depth = map->def.value_size / entry_size(&map->def);
	s->stride = sizeof(struct stack) + s->max_depth * sizeof(u64);
	return map_reserve(map, 0, nr, s->stride) ? 0 : -ENOMEM;
}

static struct stack *stack_at(struct stack_map *s, u32 id)
{
	return id < s->nr_buckets ? (struct stack *)(s->map.areas[0].p + id * s->stride) : NULL;
}

/* --- programs --------------------------------------------------------------------------------- */

static bool is_same(const struct stack *at, const u64 *ips, u32 nr, u32 hash, u64 flags)
{
	if (!at->nr || at->hash != hash)
		return false;
	return flags & BPF_F_FAST_STACK_CMP ||
	       (at->nr == nr + 1 && !memcmp(at->ips, ips, nr * sizeof(*ips)));
}

static long put(struct stack_map *s, const u64 *ips, u32 nr, u64 flags)
{
	u32 hash = (u32)hash_bytes(ips, nr * sizeof(*ips), 0), id = hash & (s->nr_buckets - 1);
	struct stack *at = stack_at(s, id);

	if (is_same(at, ips, nr, hash, flags))
		return id;
	if (at->nr && !(flags & BPF_F_REUSE_STACKID))
		return -EEXIST;
	if (s->nr == s->map.def.max_entries)
		return -ENOMEM;
	s->nr += !at->nr;
	at->nr = nr + 1;
	at->hash = hash;
	memcpy(at->ips, ips, nr * sizeof(*ips));
	return id;
}

long stack_map_put(struct map *map, const u64 *ips, u32 nr, u64 flags)
{
	struct stack_map *s = to_stacks(map);
	long id;

	if (map->ops != &map_stack_trace_ops ||
	    flags & ~(u64)(BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP |
			   BPF_F_REUSE_STACKID))
		return -EINVAL;
	map_lock(&s->lock);
	id = put(s, ips, (u32)min_u64(nr, s->max_depth), flags);
	map_unlock(&s->lock);
	return id;
}

/* --- bpf(2) ----------------------------------------------------------------------------------- */

static void write_build_ids(const struct stack *at, char *value)
{
	for (u32 i = 0; i + 1 < at->nr; i++) {
		struct bpf_stack_build_id id = {.status = BPF_STACK_BUILD_ID_IP, .ip = at->ips[i]};

		memcpy(value + i * sizeof(id), &id, sizeof(id));
	}
}

static int read_stack(struct map *map, const void *key, void *value, bool remove)
{
	struct stack_map *s = to_stacks(map);
	struct stack *at = stack_at(s, map_key_index(key));
	int err = -ENOENT;

	if (!at)
		return -ENOENT;
	map_lock(&s->lock);
	if (at->nr) {
		memset(value, 0, map->def.value_size);
		if (has_build_ids(&map->def))
			write_build_ids(at, value);
		else
			memcpy(value, at->ips, (at->nr - 1) * sizeof(u64));
		s->nr -= remove;
		at->nr = remove ? 0 : at->nr;
		err = 0;
	}
	map_unlock(&s->lock);
	return err;
}

static int stacks_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	return read_stack(map, key, value, false);
}

static int stacks_user_take(struct map *map, const void *key, void *value, u64 flags)
{
	return read_stack(map, key, value, true);
}

static int stacks_user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	return -EINVAL;
}

static int stacks_user_remove(struct map *map, const void *key)
{
	struct stack_map *s = to_stacks(map);
	struct stack *at = stack_at(s, map_key_index(key));
	int err;

	if (!at)
		return -E2BIG;
	map_lock(&s->lock);
	err = at->nr ? 0 : -ENOENT;
	s->nr -= at->nr != 0;
	at->nr = 0;
	map_unlock(&s->lock);
	return err;
}

static int stacks_next_key(struct map *map, const void *key, void *next)
{
	struct stack_map *s = to_stacks(map);
	u32 id = key ? map_key_index(key) : s->nr_buckets;
	struct stack *at = stack_at(s, id);

	map_lock(&s->lock);
	id = at && at->nr ? id + 1 : 0;
	while (id < s->nr_buckets && !stack_at(s, id)->nr)
		id++;
	map_unlock(&s->lock);
	memcpy(next, &id, id < s->nr_buckets ? sizeof(id) : 0);
	return id < s->nr_buckets ? 0 : -ENOENT;
}

const struct map_ops map_stack_trace_ops = {
	.name = "stack_trace",
	.size = sizeof(struct stack_map),
	.check = stacks_check,
	.init = stacks_init,
	.lookup = map_no_lookup,
	.user_lookup = stacks_user_lookup,
	.user_take = stacks_user_take,
	.user_update = stacks_user_update,
	.user_remove = stacks_user_remove,
	.next_key = stacks_next_key,
};
