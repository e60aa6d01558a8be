/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * queue and stack, as the kernel's queue_stack_maps.c: a ring of max_entries + 1 values, full when
 * the head would meet the tail. BPF_EXIST makes room by dropping the oldest. Values are copied
 * both ways; programs never get pointers.
 */
#include "map/impl.h"

#define QUEUE_FLAGS FLAGS_ACCESS

struct ring {
	struct map map;
	u32 lock;
	u32 head, tail, size;
};

static struct ring *to_ring(struct map *map)
{
	return container_of(map, struct ring, map);
}

static int ring_check(const struct map_def *def, struct skep_diag *diag)
{
	int err = map_check_flags(def, QUEUE_FLAGS, diag);

	if (err)
		return err;
	if (!def->max_entries || def->key_size || !def->value_size)
		return refuse(diag, -EINVAL,
			      "a queue or stack has at least one entry, values, and no keys");
	if (def->value_size > MAP_MAX_KMALLOC || def->max_entries == UINT32_MAX)
		return -E2BIG;
	return 0;
}

static int ring_init(struct map *map, struct skep_diag *diag)
{
	struct ring *r = to_ring(map);

	r->size = map->def.max_entries + 1;
	return map_reserve(map, 0, r->size, map->def.value_size) ? 0 : -ENOMEM;
}

static char *slot(struct ring *r, u32 idx)
{
	return r->map.areas[0].p + (size_t)idx * r->map.def.value_size;
}

static u32 after(const struct ring *r, u32 idx)
{
	return idx + 1 < r->size ? idx + 1 : 0;
}

static u32 before(const struct ring *r, u32 idx)
{
	return idx ? idx - 1 : r->size - 1;
}

static long ring_push(struct map *map, const void *value, u64 flags)
{
	struct ring *r = to_ring(map);
	long err = 0;

	if (flags & BPF_NOEXIST || flags > BPF_EXIST)
		return -EINVAL;
	map_lock(&r->lock);
	if (after(r, r->head) == r->tail) {
		if (flags & BPF_EXIST)
			r->tail = after(r, r->tail);
		else
			err = -E2BIG;
	}
	if (!err) {
		memcpy(slot(r, r->head), value, map->def.value_size);
		r->head = after(r, r->head);
	}
	map_unlock(&r->lock);
	return err;
}

static long get(struct map *map, void *value, bool is_stack, bool remove)
{
	struct ring *r = to_ring(map);
	long err = 0;

	map_lock(&r->lock);
	if (r->head == r->tail) {
		memset(value, 0, map->def.value_size);
		err = -ENOENT;
	} else {
		memcpy(value, slot(r, is_stack ? before(r, r->head) : r->tail),
		       map->def.value_size);
		if (remove && is_stack)
			r->head = before(r, r->head);
		else if (remove)
			r->tail = after(r, r->tail);
	}
	map_unlock(&r->lock);
	return err;
}

static long queue_pop(struct map *map, void *value)
{
	return get(map, value, false, true);
}

static long queue_peek(struct map *map, void *value)
{
	return get(map, value, false, false);
}

static long stack_pop(struct map *map, void *value)
{
	return get(map, value, true, true);
}

static long stack_peek(struct map *map, void *value)
{
	return get(map, value, true, false);
}

/* --- bpf(2) ----------------------------------------------------------------------------------- */

static int ring_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	return (int)map->ops->peek(map, value);
}

static int ring_user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	return (int)ring_push(map, value, flags);
}

static int ring_user_take(struct map *map, const void *key, void *value, u64 flags)
{
	return (int)map->ops->pop(map, value);
}

static int ring_user_remove(struct map *map, const void *key)
{
	return -EINVAL;
}

static int ring_next_key(struct map *map, const void *key, void *next)
{
	return -EINVAL;
}

#define RING_OPS                                                                                   \
	.size = sizeof(struct ring), .flags = MAP_T_NO_KEY, .check = ring_check,                   \
	.init = ring_init, .push = ring_push, .lookup = map_no_lookup,                             \
	.user_lookup = ring_user_lookup, .user_update = ring_user_update,                          \
	.user_take = ring_user_take, .user_remove = ring_user_remove, .next_key = ring_next_key

const struct map_ops map_queue_ops = {
	.name = "queue",
	.pop = queue_pop,
	.peek = queue_peek,
	RING_OPS,
};

const struct map_ops map_stack_ops = {
	.name = "stack",
	.pop = stack_pop,
	.peek = stack_peek,
	RING_OPS,
};
