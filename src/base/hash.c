/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/hash.h"
#include "base/mem.h"
#include <errno.h>
#include <string.h>

/* The finalizer of MurmurHash3 (Austin Appleby, public domain). */
u64 hash_u64(u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ (x >> 33);
}

u64 hash_bytes(const void *p, size_t len, u64 seed)
{
	const u8 *s = p;
	u64 h = hash_u64(seed ^ (len * 0x9e3779b97f4a7c15ULL)), w;

	for (; len >= 8; len -= 8, s += 8) {
		memcpy(&w, s, 8);
		h = hash_u64(h ^ w);
	}
	w = 0;
	memcpy(&w, s, len);
	return len ? hash_u64(h ^ w) : h;
}

static struct hash_slot *find_slot(const struct hash_table *t, u64 key)
{
	size_t i = hash_u64(key) & (t->room - 1);

	while (t->slots[i].value && t->slots[i].key != key)
		i = (i + 1) & (t->room - 1);
	return &t->slots[i];
}

static int grow(struct hash_table *t)
{
	struct hash_table bigger = {.room = t->room ? t->room * 2 : 16};

	bigger.slots = mem_calloc(bigger.room, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < t->room; i++)
		if (t->slots[i].value)
			*find_slot(&bigger, t->slots[i].key) = t->slots[i];
	mem_free(t->slots);
	t->slots = bigger.slots;
	t->room = bigger.room;
	return 0;
}

void *hash_get(const struct hash_table *t, u64 key)
{
	return t->room ? find_slot(t, key)->value : NULL;
}

int hash_put(struct hash_table *t, u64 key, void *value)
{
	struct hash_slot *slot;

	if (t->nr * 4 >= t->room * 3 && grow(t))
		return -ENOMEM;
	slot = find_slot(t, key);
	t->nr += !slot->value;
	*slot = (struct hash_slot){key, value};
	return 0;
}

void *hash_del(struct hash_table *t, u64 key)
{
	struct hash_slot *slot = t->room ? find_slot(t, key) : NULL;
	void *was = slot ? slot->value : NULL;
	size_t hole, i;

	if (!was)
		return NULL;
	t->nr--;
	hole = i = (size_t)(slot - t->slots);
	for (;;) { /* close the gap: move back whoever would not be found past it */
		size_t home;

		i = (i + 1) & (t->room - 1);
		if (!t->slots[i].value)
			break;
		home = hash_u64(t->slots[i].key) & (t->room - 1);
		if (((i - home) & (t->room - 1)) >= ((i - hole) & (t->room - 1))) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole].value = NULL;
	return was;
}

void hash_done(struct hash_table *t)
{
	mem_free(t->slots);
	*t = (struct hash_table){0};
}
