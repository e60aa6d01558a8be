/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Attributes and a sequence of operations on the map that they make. The first bytes are the
 * attributes, rounded to what is often valid; each operation is 4 bytes. Arrays and hash tables
 * are compared with a model that is too simple to be wrong; all others must only not break.
 */
#include "base/mem.h"
#include "map/map.h"
#include "spec/uapi.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEY    264
#define MAX_VALUE  4096
#define MAX_KEYS   16 /* different keys */
#define MAX_OPS    2000
#define FIELD_SIZE 8

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct model {
	bool is_array, is_hash;
	u32 max, nr;
	bool there[MAX_KEYS];
	u8 value[MAX_KEYS];
};

static u8 key_buf[MAX_KEY], next_buf[MAX_KEY], *value_buf;
static void *owner_base;

static void must(bool good, const char *what, const struct map *map)
{
	if (good)
		return;
	fprintf(stderr, "type %u, key %u, value %u, max %u, flags %#x: %s\n", map->def.type,
		map->def.key_size, map->def.value_size, map->def.max_entries, map->def.flags, what);
	abort();
}

/* --- the map ---------------------------------------------------------------------------------- */

static const struct map_def inner_def = {
	.type = SPEC_MAP_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};

/* 8 bytes: type, key size, value size, entries, flags (2), fields, extra. */
static struct map_def read_def(const u8 *p)
{
	static const u32 keys[] = {4, 8, 0, 16, 1, 2, 5, 7, 12, 20, 24, 260, 264, 3, 6, 9};
	static const u32 values[] = {8, 4, 0, 16, 1, 2, 12, 24, 32, 80, 100, 1016, 4096, 3, 5, 64};
	struct map_def def = {.name = "fuzz",
			      .type = p[0] % (SPEC_NR_MAP_TYPES + 1),
			      .key_size = keys[p[1] % 16],
			      .value_size = values[p[2] % 16],
			      .max_entries = p[3] & 0x80 ? (p[3] & 1 ? 4096 : 0) : p[3],
			      .flags = (u32)(p[4] | p[5] << 8),
			      .extra = p[7],
			      .key_type_id = 1,
			      .value_type_id = 1,
			      .inner = p[6] & 0x80 ? NULL : &inner_def};

	for (u32 i = 0; i < (p[6] & 3); i++)
		def.fields[def.nr_fields++] = (struct map_field){
			(enum map_field_kind)((p[6] >> 2) + i), i * FIELD_SIZE, FIELD_SIZE};
	return def;
}

static void *set_key(const struct map *map, u8 byte)
{
	memset(key_buf, 0, sizeof(key_buf));
	key_buf[0] = byte;
	if (map->def.type == SPEC_MAP_LPM_TRIE)
		memset(key_buf + 4, byte * 37, 8);
	return map->def.key_size ? key_buf : NULL;
}

static void *set_value(const struct map *map, u8 byte)
{
	size_t size = map_user_value_size(map);

	memset(value_buf, 0, size + 8);
	memset(value_buf, byte, map->ops && size < 8 ? 1 : size);
	return value_buf;
}

/* --- the model -------------------------------------------------------------------------------- */

static long model_update(struct model *m, u8 key, u8 value, u64 flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (m->is_array && key >= m->max)
		return -E2BIG;
	if (m->is_array && flags == BPF_NOEXIST)
		return -EEXIST;
	if (m->is_hash && m->there[key] && flags == BPF_NOEXIST)
		return -EEXIST;
	if (m->is_hash && !m->there[key] && flags == BPF_EXIST)
		return -ENOENT;
	if (m->is_hash && !m->there[key] && m->nr == m->max)
		return -E2BIG;
	m->nr += !m->there[key];
	m->there[key] = true;
	m->value[key] = value;
	return 0;
}

static long model_delete(struct model *m, u8 key)
{
	if (m->is_array)
		return -EINVAL;
	if (!m->there[key])
		return -ENOENT;
	m->there[key] = false;
	m->nr--;
	return 0;
}

static struct model start_model(const struct map *map)
{
	u32 forbidden = BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;
	struct model m = {.max = map->def.max_entries};

	if (map->def.flags & forbidden || map->def.nr_fields)
		return m;
	m.is_array = map->def.type == SPEC_MAP_ARRAY;
	m.is_hash = map->def.type == SPEC_MAP_HASH;
	for (u32 i = 0; m.is_array && i < MAX_KEYS; i++)
		m.there[i] = i < m.max;
	return m;
}

static void check_found(struct map *map, const struct model *m, u8 key, const u8 *found)
{
	if (!m->is_array && !m->is_hash)
		return;
	must(!found == !m->there[key], "found, or not, against the model", map);
	must(!found || *found == m->value[key], "another value than the model's", map);
}

/* --- operations ------------------------------------------------------------------------------- */

static int on_record(void *ctx, u32 cpu, const void *data, size_t size)
{
	u8 sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += ((const u8 *)data)[i];
	*(u8 *)ctx += sum;
	return sum == 77;
}

static long on_sample(void *ctx, const void *data, u32 size)
{
	return on_record(ctx, 0, data, size);
}

static long on_elem(struct map *map, void *key, void *value, void *ctx)
{
	*(u8 *)ctx += *(u8 *)key + *(u8 *)value;
	return *(u8 *)key == 7 ? map_delete(map, key) : 0;
}

static void prog_op(struct map *map, struct model *m, const u8 *p)
{
	u8 key = p[1] % MAX_KEYS;
	void *k = set_key(map, key), *v = set_value(map, p[2]);
	bool known = m->is_array || m->is_hash;
	u64 flags = p[3] & (known ? 3 : 7); /* the model has no locks */
	long ret, want;

	map_read_lock();
	switch (p[0] % 4) {
	case 0:
		ret = map_update(map, k, v, flags);
		want = known ? model_update(m, key, *(u8 *)v, flags) : ret;
		must(ret == want, "an update", map);
		break;
	case 1:
		ret = map_delete(map, k);
		want = known ? model_delete(m, key) : ret;
		must(ret == want, "a delete", map);
		break;
	case 2:
		v = map_lookup(map, k);
		if (map->mem.base && v && map->ops)
			check_found(map, m, key, v);
		break;
	default:
		map_lookup_percpu(map, k, p[2] & 3);
		break;
	}
	map_read_unlock();
}

static void user_op(struct map *map, struct model *m, const u8 *p)
{
	u8 key = p[1] % MAX_KEYS;
	void *k = set_key(map, key), *v = set_value(map, p[2]);
	bool known = m->is_array || m->is_hash;
	u64 flags = p[3] & (known ? 3 : 7); /* the model has no locks */

	switch (p[0] % 6) {
	case 0:
		if (map_user_update(map, k, v, flags) == 0 && known)
			must(!model_update(m, key, *(u8 *)v, flags), "an update", map);
		break;
	case 1:
		if (map_user_delete(map, k) == 0 && known)
			must(!model_delete(m, key), "a delete", map);
		break;
	case 2:
		if (!map_user_lookup(map, k, v, flags))
			check_found(map, m, key, v);
		break;
	case 3:
		if (!map_user_lookup_and_delete(map, k, v, flags) && known) {
			must(m->there[key] && m->value[key] == *(u8 *)v, "taken", map);
			model_delete(m, key);
		}
		break;
	case 4:
		map_user_next_key(map, p[2] & 1 ? k : NULL, next_buf);
		break;
	default:
		map_user_lookup(map, p[2] & 1 ? k : NULL, v, p[3]);
		break;
	}
}

static void ring_op(struct map *map, const u8 *p)
{
	static const u8 bytes[8192];
	u32 size = (u32)p[1] * 17;
	u8 sum = 0;
	void *sample;

	switch (p[0] % 8) {
	case 0:
		ringbuf_output(map, bytes, size, p[3] & 3);
		break;
	case 1:
		sample = ringbuf_reserve(map, size, p[3] & 1);
		if (sample && p[2] & 1)
			memset(sample, p[2], size + (p[3] & 16));
		if (sample && p[2] & 2)
			ringbuf_submit(map, sample, p[3] & 3);
		else if (sample)
			ringbuf_discard(map, sample, 0);
		break;
	case 2:
		ringbuf_consume(map, on_record, &sum);
		break;
	case 3:
		user_ringbuf_push(map, bytes, size);
		break;
	case 4:
		user_ringbuf_drain(map, on_sample, &sum, p[3] & 7);
		break;
	case 5:
		perf_output(map, p[3] & 8 ? BPF_F_CURRENT_CPU : p[2], p[3] & 1, bytes, size, bytes,
			    p[2]);
		break;
	case 6:
		perf_consume(map, on_record, &sum);
		break;
	default:
		perf_set_pages(map, p[1]);
		break;
	}
}

/* What belongs to one kind of map is refused by all others. */
static void other_op(struct map *map, const u8 *p)
{
	static const u64 ips[64] = {1, 2, 3};
	char *owner = (char *)owner_base + p[1] % 8;
	void *k = set_key(map, p[1] % MAX_KEYS);
	u64 target, before = map->id;
	u8 sum = 0;

	switch (p[0] % 8) {
	case 0:
		stack_map_put(map, ips + p[1] % 8, p[2] % 56, (u64)p[3] << 8);
		break;
	case 1:
		storage_get(map, owner, NULL, p[3] & 1, NULL);
		break;
	case 2:
		storage_delete(map, owner);
		break;
	case 3:
		cgroup_storage_get(map, p[1], p[2]);
		break;
	case 4:
		map_target_set(map, k, p[2], p[3] & 3);
		map_target_get(map, k, &target);
		break;
	case 5:
		map_prog_set(map, p[1], p[2] & 1 ? &before : NULL);
		map_prog_get(map, p[1]);
		break;
	case 6:
		map_push(map, set_value(map, p[2]), p[3] & 3);
		map_peek(map, set_value(map, p[2]));
		break;
	default:
		map_pop(map, set_value(map, p[2]));
		break;
	}
	if (p[3] == 0xff && map->def.type != SPEC_MAP_HASH)
		map_for_each(map, on_elem, &sum, 0);
	if (p[3] == 0xfe)
		storage_owner_gone(owner);
}

static void inner_op(struct map *map, const u8 *p)
{
	struct map *inner = NULL;

	if (map_new(&inner_def, &inner, NULL))
		return;
	map_inner_set(map, set_key(map, p[1] % MAX_KEYS), inner, p[3] & 3);
	map_put(inner);
}

static void run_op(struct map *map, struct model *m, const u8 *p)
{
	/* operations of another kind of map say so; those on keys need one */
	switch (p[0] >> 5) {
	case 0:
	case 1:
		if (map->def.key_size)
			prog_op(map, m, p);
		break;
	case 2:
	case 3:
	case 4:
		user_op(map, m, p);
		break;
	case 5:
		ring_op(map, p);
		break;
	case 6:
		other_op(map, p);
		break;
	default:
		inner_op(map, p);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct skep_diag diag = {0};
	struct map *map = NULL;
	struct map_def def;
	u64 live = mem_live();
	struct model m;

	if (size < 8)
		return 0;
	map_set_cpu(data[7] & 1);
	owner_base = &diag;
	def = read_def(data);
	if (map_new(&def, &map, &diag)) {
		if (!diag.err || !diag.message[0])
			abort(); /* a refusal without a reason */
		return 0;
	}
	value_buf = mem_alloc(map_user_value_size(map) + 4096);
	m = start_model(map);
	for (size_t i = 8, n = 0; i + 4 <= size && n < MAX_OPS; i += 4, n++)
		run_op(map, &m, data + i);
	mem_free(value_buf);
	map_put(map);
	if (mem_live() != live)
		abort();
	return 0;
}
