/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bloom_filter, as the kernel's bloom_filter.c: push sets one bit per hash function, peek says
 * -ENOENT when one of them is not set. The number of bits is entries * functions * 7 / 5
 * (approximately n * k / ln 2), rounded up to a power of two. Which bits: our own hash, by double
 * hashing (h1 + i * h2; Kirsch and Mitzenmacher 2006).
 */
#include "base/hash.h"
#include "map/impl.h"
#include <sys/random.h>

#define DEFAULT_FUNCTIONS 5

struct bloom {
	struct map map;
	u64 *bits, mask, seed;
	u32 nr_functions;
};

static struct bloom *to_bloom(struct map *map)
{
	return container_of(map, struct bloom, map);
}

static int bloom_check(const struct map_def *def, struct skep_diag *diag)
{
	if (def->value_size > MAP_MAX_KMALLOC)
		return -E2BIG;
	if (def->key_size || !def->value_size || !def->max_entries)
		return refuse(diag, -EINVAL,
			      "a bloom filter has at least one entry, values, and no keys");
	if (def->extra & ~0xfull)
		return refuse(diag, -EINVAL, "map_extra: a bloom filter has 0 to 15 functions");
	return map_check_flags(def, FLAGS_ACCESS | BPF_F_ZERO_SEED, diag);
}

static u64 nr_bits(u64 entries, u32 functions)
{
	u64 want = entries * functions, bits = 64;

	if (want > UINT32_MAX || want / 5 * 7 > 1ull << 31)
		return 1ull << 32;
	while (bits < want / 5 * 7)
		bits *= 2;
	return bits;
}

static int bloom_init(struct map *map, struct skep_diag *diag)
{
	struct bloom *b = to_bloom(map);

	b->nr_functions = map->def.extra ? (u32)map->def.extra : DEFAULT_FUNCTIONS;
	b->mask = nr_bits(map->def.max_entries, b->nr_functions) - 1;
	if (!(map->def.flags & BPF_F_ZERO_SEED) &&
	    getrandom(&b->seed, sizeof(b->seed), GRND_NONBLOCK) != sizeof(b->seed))
		b->seed = (uintptr_t)b;
	b->bits = (u64 *)map_reserve(map, 0, (b->mask + 1) / 64, sizeof(u64));
	return b->bits ? 0 : -ENOMEM;
}

static long bloom_push(struct map *map, const void *value, u64 flags)
{
	struct bloom *b = to_bloom(map);
	u64 h = hash_bytes(value, map->def.value_size, b->seed), step = hash_u64(h) | 1;

	if (flags != BPF_ANY)
		return -EINVAL;
	for (u32 i = 0; i < b->nr_functions; i++, h += step)
		__atomic_fetch_or(&b->bits[(h & b->mask) / 64], 1ull << (h & 63), __ATOMIC_RELAXED);
	return 0;
}

static long bloom_peek(struct map *map, void *value)
{
	struct bloom *b = to_bloom(map);
	u64 h = hash_bytes(value, map->def.value_size, b->seed), step = hash_u64(h) | 1;

	for (u32 i = 0; i < b->nr_functions; i++, h += step)
		if (!(__atomic_load_n(&b->bits[(h & b->mask) / 64], __ATOMIC_RELAXED) >> (h & 63) &
		      1))
			return -ENOENT;
	return 0;
}

static int bloom_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	return (int)bloom_peek(map, value);
}

static int bloom_user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	return (int)bloom_push(map, value, flags);
}

const struct map_ops map_bloom_ops = {
	.name = "bloom_filter",
	.size = sizeof(struct bloom),
	.flags = MAP_T_NO_KEY,
	.check = bloom_check,
	.init = bloom_init,
	.lookup = map_no_lookup,
	.push = bloom_push,
	.peek = bloom_peek,
	.user_lookup = bloom_user_lookup,
	.user_update = bloom_user_update,
};
