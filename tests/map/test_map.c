/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the tables of sequences cannot say: memory, special fields, owners, records, messages. */
#include "../tap.h"
#include "base/mem.h"
#include "map/impl.h"
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct map_def inner_def = {
	.type = SPEC_MAP_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};

/* A definition of each type that can be made. */
static const struct map_def defs[] = {
	{.name = "hash", .type = SPEC_MAP_HASH, .key_size = 8, .value_size = 8, .max_entries = 8},
	{.name = "array", .type = SPEC_MAP_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 8},
	{.name = "progs",
	 .type = SPEC_MAP_PROG_ARRAY,
	 .key_size = 4,
	 .value_size = 4,
	 .max_entries = 8},
	{.name = "perf",
	 .type = SPEC_MAP_PERF_EVENT_ARRAY,
	 .key_size = 4,
	 .value_size = 4,
	 .max_entries = 8},
	{.name = "phash",
	 .type = SPEC_MAP_PERCPU_HASH,
	 .key_size = 8,
	 .value_size = 8,
	 .max_entries = 8},
	{.name = "parray",
	 .type = SPEC_MAP_PERCPU_ARRAY,
	 .key_size = 4,
	 .value_size = 8,
	 .max_entries = 8},
	{.name = "stacks",
	 .type = SPEC_MAP_STACK_TRACE,
	 .key_size = 4,
	 .value_size = 80,
	 .max_entries = 8},
	{.name = "cgroups",
	 .type = SPEC_MAP_CGROUP_ARRAY,
	 .key_size = 4,
	 .value_size = 4,
	 .max_entries = 8},
	{.name = "lru",
	 .type = SPEC_MAP_LRU_HASH,
	 .key_size = 8,
	 .value_size = 8,
	 .max_entries = 8},
	{.name = "plru",
	 .type = SPEC_MAP_LRU_PERCPU_HASH,
	 .key_size = 8,
	 .value_size = 8,
	 .max_entries = 8},
	{.name = "lpm",
	 .type = SPEC_MAP_LPM_TRIE,
	 .key_size = 8,
	 .value_size = 8,
	 .max_entries = 8,
	 .flags = BPF_F_NO_PREALLOC},
	{.name = "maps",
	 .type = SPEC_MAP_ARRAY_OF_MAPS,
	 .key_size = 4,
	 .value_size = 4,
	 .max_entries = 8,
	 .inner = &inner_def},
	{.name = "hmaps",
	 .type = SPEC_MAP_HASH_OF_MAPS,
	 .key_size = 8,
	 .value_size = 4,
	 .max_entries = 8,
	 .inner = &inner_def},
	{.name = "dev", .type = SPEC_MAP_DEVMAP, .key_size = 4, .value_size = 4, .max_entries = 8},
	{.name = "sock",
	 .type = SPEC_MAP_SOCKMAP,
	 .key_size = 4,
	 .value_size = 8,
	 .max_entries = 8},
	{.name = "cpu", .type = SPEC_MAP_CPUMAP, .key_size = 4, .value_size = 4, .max_entries = 8},
	{.name = "xsk", .type = SPEC_MAP_XSKMAP, .key_size = 4, .value_size = 4, .max_entries = 8},
	{.name = "sockhash",
	 .type = SPEC_MAP_SOCKHASH,
	 .key_size = 8,
	 .value_size = 8,
	 .max_entries = 8},
	{.name = "cgs", .type = SPEC_MAP_CGROUP_STORAGE, .key_size = 16, .value_size = 8},
	{.name = "reuse",
	 .type = SPEC_MAP_REUSEPORT_SOCKARRAY,
	 .key_size = 4,
	 .value_size = 8,
	 .max_entries = 8},
	{.name = "pcgs", .type = SPEC_MAP_PERCPU_CGROUP_STORAGE, .key_size = 8, .value_size = 8},
	{.name = "queue", .type = SPEC_MAP_QUEUE, .value_size = 8, .max_entries = 8},
	{.name = "stack", .type = SPEC_MAP_STACK, .value_size = 8, .max_entries = 8},
	{.name = "sk",
	 .type = SPEC_MAP_SK_STORAGE,
	 .key_size = 4,
	 .value_size = 8,
	 .flags = BPF_F_NO_PREALLOC,
	 .key_type_id = 1,
	 .value_type_id = 2},
	{.name = "devh",
	 .type = SPEC_MAP_DEVMAP_HASH,
	 .key_size = 4,
	 .value_size = 8,
	 .max_entries = 8},
	{.name = "rb", .type = SPEC_MAP_RINGBUF, .max_entries = 4096},
	{.name = "inode",
	 .type = SPEC_MAP_INODE_STORAGE,
	 .key_size = 4,
	 .value_size = 8,
	 .flags = BPF_F_NO_PREALLOC,
	 .key_type_id = 1,
	 .value_type_id = 2},
	{.name = "task",
	 .type = SPEC_MAP_TASK_STORAGE,
	 .key_size = 4,
	 .value_size = 8,
	 .flags = BPF_F_NO_PREALLOC,
	 .key_type_id = 1,
	 .value_type_id = 2},
	{.name = "bloom", .type = SPEC_MAP_BLOOM_FILTER, .value_size = 8, .max_entries = 8},
	{.name = "urb", .type = SPEC_MAP_USER_RINGBUF, .max_entries = 4096},
	{.name = "cgrp",
	 .type = SPEC_MAP_CGRP_STORAGE,
	 .key_size = 4,
	 .value_size = 8,
	 .flags = BPF_F_NO_PREALLOC,
	 .key_type_id = 1,
	 .value_type_id = 2},
};

static struct map *make(const struct map_def *def)
{
	struct skep_diag diag = {0};
	struct map *map = NULL;

	if (map_new(def, &map, &diag)) {
		printf("Bail out! %s: %s\n", def->name, diag.message);
		exit(1);
	}
	return map;
}

static struct map *make_type(u32 type)
{
	for (u32 i = 0; i < ARRAY_SIZE(defs); i++)
		if (defs[i].type == type)
			return make(&defs[i]);
	return NULL;
}

/* --- memory ----------------------------------------------------------------------------------- */

static void test_each_type(void)
{
	u64 live = mem_live();
	size_t held = map_reserved();
	u32 seen = 0, failed;

	for (u32 i = 0; i < ARRAY_SIZE(defs); i++) {
		struct map *map = NULL;

		failed = 0;
		for (u32 n = 1; n < 100 && !map; n++) {
			struct skep_diag diag = {0};

			mem_fail_at(n);
			if (map_new(&defs[i], &map, &diag) == -ENOMEM && diag.err == -ENOMEM)
				failed++;
			mem_fail_at(0);
		}
		seen |= 1u << defs[i].type % 32;
		ok(map && failed, "%s: each of %u allocations may fail", defs[i].name, failed);
		ok(map && !strcmp(map->def.name, defs[i].name), "%s: has its name", defs[i].name);
		map_put(map);
	}
	is_int(mem_live(), live, "no block is left");
	is_int(map_reserved(), held, "no address space is left");
}

/* What all maps hold together has an end, whichever way they come to it. */
static void test_limit(void)
{
	struct map_def array = {.name = "array",
				.type = BPF_MAP_TYPE_ARRAY,
				.key_size = 4,
				.value_size = 1 << 20,
				.max_entries = 5};
	struct map_def hash = {.name = "lazy",
			       .type = BPF_MAP_TYPE_HASH,
			       .key_size = 4,
			       .value_size = 4096,
			       .max_entries = 1 << 20,
			       .flags = BPF_F_NO_PREALLOC};
	struct map_def trie = {.name = "trie",
			       .type = BPF_MAP_TYPE_LPM_TRIE,
			       .key_size = 8,
			       .value_size = 4096,
			       .max_entries = 1 << 20,
			       .flags = BPF_F_NO_PREALLOC};
	struct map *a = NULL, *b = NULL, *h = NULL, *t = NULL;
	struct skep_diag diag = {0};
	u8 value[4096] = {0};
	u64 held = map_memory_held();
	long err = 0;
	u32 nr;

	map_set_memory(held + (32 << 20));
	is_int(map_new(&array, &a, &diag), 0, "an array of 5 MiB of 32");
	array.max_entries = 28;
	is_int(map_new(&array, &b, &diag), -ENOMEM, "one of 28 MiB more is refused");
	ok(strstr(diag.message, "all together may hold"), "with the sum: %s", diag.message);
	is_int(map_new(&hash, &h, &diag), 0, "a hash table of 4 GiB that is not filled");
	is_int(map_new(&trie, &t, &diag), 0, "a trie of 4 GiB likewise");
	for (nr = 0; !err && nr < 1 << 20; nr++)
		err = map_user_update(h, &nr, value, BPF_ANY);
	ok(err == -ENOMEM && nr > 2000 && nr < 8000, "which takes %u elements", nr);
	ok(map_memory_held() <= held + (32 << 20), "no more than allowed is held");
	nr = 0;
	is_int(map_user_update(h, &nr, value, BPF_EXIST), 0, "an element can be replaced");
	for (nr = 0, err = 0; !err && nr < 1 << 20; nr++) {
		u32 key[2] = {32, nr};

		err = map_user_update(t, key, value, BPF_ANY);
	}
	is_int(err, -ENOMEM, "the trie cannot grow either");
	map_put(h);
	is_int(map_new(&array, &b, &diag), -ENOMEM, "28 are still too many");
	array.max_entries = 20;
	is_int(map_new(&array, &b, &diag), 0, "but 20 have room again");
	map_put(a);
	map_put(b);
	map_put(t);
	is_int(map_memory_held(), held, "all of it is given back");
	map_set_memory(0);
}

static size_t resident(void)
{
	size_t total = 0, rss = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%zu %zu", &total, &rss) != 2)
		rss = 0;
	if (f)
		fclose(f);
	return rss * 4096;
}

static void test_huge(void)
{
	struct map_def def = {.name = "huge",
			      .type = SPEC_MAP_ARRAY,
			      .key_size = 4,
			      .value_size = 64,
			      .max_entries = 1u << 23};
	struct map *array = make(&def), *hash;
	size_t before = resident();
	u32 key = (1u << 23) - 1;
	char value[64] = "x";

	is_int(map_user_update(array, &key, value, 0), 0, "the last of 2^23 elements");
	def.type = SPEC_MAP_HASH;
	def.max_entries = 1u << 26;
	hash = make(&def);
	is_int(map_user_update(hash, &key, value, 0), 0, "a hash table of 2^26");
	ok(resident() - before < 1 << 20, "costs memory only where it is touched");
	map_put(array);
	map_put(hash);
}

static void test_pointers(void)
{
	struct map_def def = defs[0];
	struct map *map = make(&def);
	u64 key = 1, value = 10, *old;

	map_update(map, &key, &value, 0);
	map_read_lock();
	old = map_lookup(map, &key);
	value = 20;
	map_update(map, &key, &value, 0);
	is_int(*old, 10, "a pointer to the old value keeps the old value");
	is_int(*(u64 *)map_lookup(map, &key), 20, "the next lookup gives the new");
	ok((char *)old >= map->mem.base && (char *)old < map->mem.base + map->mem.size &&
		   ((size_t)((char *)old - map->mem.base) % map->mem.stride) == map->mem.value_off,
	   "values lie in map->mem as it says");
	map_read_unlock();
	map_put(map);
}

/* --- special fields --------------------------------------------------------------------------- */

struct dropped {
	u32 nr;
	u64 last;
};

static void on_drop(void *ctx, struct map *map, const struct map_field *f, void *addr)
{
	struct dropped *d = ctx;

	d->nr++;
	memcpy(&d->last, addr, sizeof(d->last));
}

struct value {
	u64 kptr;
	u64 data;
};

static void test_fields(u32 type)
{
	struct map_def def = {.name = "kptrs",
			      .type = type,
			      .key_size = 4,
			      .value_size = sizeof(struct value),
			      .max_entries = 2,
			      .nr_fields = 1,
			      .fields = {{MAP_FIELD_KPTR, 0, 8}}};
	struct map *map = make(&def);
	struct dropped d = {0};
	struct value v = {99, 1}, *out, *p;
	u32 key = 1;

	map_set_field_dtor(map, on_drop, &d);
	map_update(map, &key, &v, 0);
	p = map_lookup(map, &key);
	ok(p->kptr == 0 && p->data == 1, "type %u: an update leaves a kptr out", type);
	p->kptr = 7;
	out = mem_alloc(map_user_value_size(map));
	map_user_lookup(map, &key, out, 0);
	ok(out->kptr == 0 && out->data == 1, "type %u: the user sees zeros there", type);
	mem_free(out);
	v.data = 2;
	map_update(map, &key, &v, 0);
	ok(d.nr == 1 && d.last == 7, "type %u: what the old value held is given back", type);
	p = map_lookup(map, &key);
	ok(p->kptr == 0 && p->data == 2, "type %u: and is not in the new one", type);
	p->kptr = 8;
	if (type != SPEC_MAP_ARRAY) {
		map_delete(map, &key);
		ok(d.nr == 2 && d.last == 8, "type %u: a delete gives back", type);
		map_update(map, &key, &v, 0);
		p = map_lookup(map, &key);
		is_int(p->kptr, 0, "type %u: the next element starts empty", type);
		p->kptr = 8;
		d.nr = 1;
	}
	map_put(map);
	ok(d.nr == 2 && d.last == 8, "type %u: the end of the map gives back", type);
}

/* --- maps of maps ----------------------------------------------------------------------------- */

static void test_inner(u32 type)
{
	struct map *outer = make_type(type), *inner = make(&inner_def), *found;
	u64 key = 0, value = 5, live;
	u32 zero = 0, id = 0;

	map_user_update(inner, &zero, &value, 0);
	is_int(map_inner_set(outer, &key, inner, 0), 0, "type %u: put in", type);
	is_int(map_user_lookup(outer, &key, &id, 0), 0, "type %u: the user sees", type);
	is_int(id, inner->id, "type %u: the id", type);
	map_put(inner);
	map_read_lock();
	found = map_lookup(outer, &key);
	ok(found == inner, "type %u: a program gets the inner map", type);
	live = mem_live();
	map_read_unlock();
	map_read_lock();
	found = map_lookup(outer, &key);
	ok(found && *(u64 *)map_lookup(found, &zero) == 5, "type %u: and its values", type);
	outer->ops->user_remove(outer, &key);
	ok(*(u64 *)map_lookup(found, &zero) == 5, "type %u: which stay until the unlock", type);
	is_int(mem_live(), live, "type %u: nothing is freed before", type);
	map_read_unlock();
	map_defer_flush();
	ok(mem_live() < live, "type %u: but then", type);
	map_put(outer);
}

static void test_ids(void)
{
	struct map *map = make(&defs[0]), *same = map_by_id(map->id);
	u32 id = map->id;

	ok(same == map, "a map is found by its id");
	map_put(same);
	map_put(map);
	ok(!map_by_id(id), "and not when it is gone");
}

/* --- LRU -------------------------------------------------------------------------------------- */

static void test_lru(void)
{
	struct map_def def = defs[8];
	struct map *map;
	u64 kept = 0;

	def.max_entries = 100;
	map = make(&def);
	for (u64 k = 0; k < 100; k++)
		map_update(map, &k, &k, 0);
	for (u64 k = 1000; k < 1050; k++) {
		for (u64 hot = 0; hot < 20; hot++)
			map_lookup(map, &hot);
		map_update(map, &k, &k, 0);
	}
	for (u64 hot = 0; hot < 20; hot++)
		kept += map_lookup(map, &hot) != NULL;
	is_int(kept, 20, "what is used stays, what is not is thrown out");
	map_put(map);
}

/* --- storages --------------------------------------------------------------------------------- */

static long count_one(struct map *map, void *key, void *value, void *ctx)
{
	*(u64 *)ctx += *(u64 *)value;
	return 0;
}

static void test_storage(u32 type)
{
	struct map *map = make_type(type);
	char owner[3];
	u64 init = 3, sum = 0, *v;
	int err = 1;

	ok(!storage_get(map, &owner[0], NULL, 0, &err) && err == -ENOENT, "nothing is there");
	v = storage_get(map, &owner[0], NULL, BPF_LOCAL_STORAGE_GET_F_CREATE, &err);
	ok(v && !err && !*v, "made from zeros");
	v = storage_get(map, &owner[1], &init, BPF_LOCAL_STORAGE_GET_F_CREATE, NULL);
	ok(v && *v == 3, "made from an initial value");
	*v = 4;
	v = storage_get(map, &owner[1], &init, BPF_LOCAL_STORAGE_GET_F_CREATE, NULL);
	ok(v && *v == 4, "made once");
	ok(!storage_get(map, NULL, NULL, 1, &err) && err == -EINVAL, "no owner");
	ok(!storage_get(map, owner, NULL, 2, &err) && err == -EINVAL, "no such flag");
	is_int(map_for_each(map, count_one, &sum, 0), 2, "both are shown");
	is_int(sum, 4, "with their values");
	is_int(storage_delete(map, &owner[0]), 0, "delete");
	is_int(storage_delete(map, &owner[0]), -ENOENT, "delete again");
	storage_owner_gone(&owner[1]);
	ok(!storage_get(map, &owner[1], NULL, 0, &err), "an owner that goes takes its value along");
	map_put(map);
}

static void test_cgroup_storage(void)
{
	struct map *map = make_type(SPEC_MAP_CGROUP_STORAGE);
	struct bpf_cgroup_storage_key k = {.cgroup_inode_id = 7, .attach_type = 2};
	u64 *a = cgroup_storage_get(map, 7, 2), *b = cgroup_storage_get(map, 7, 3), v = 0;

	ok(a && b && a != b, "one per cgroup and attach type");
	ok(cgroup_storage_get(map, 7, 2) == a, "made once");
	*a = 11;
	is_int(map_user_lookup(map, &k, &v, 0), 0, "the user finds it");
	is_int(v, 11, "with its value");
	v = 12;
	is_int(map_user_update(map, &k, &v, BPF_NOEXIST), -EINVAL, "but cannot make one");
	is_int(map_user_update(map, &k, &v, BPF_EXIST), 0, "only write it");
	map_put(map);
}

/* --- records ---------------------------------------------------------------------------------- */

struct got {
	u32 nr, stop_at;
	size_t size;
	char last[32];
};

static int on_record(void *ctx, u32 cpu, const void *data, size_t size)
{
	struct got *g = ctx;

	g->nr++;
	g->size = size;
	memcpy(g->last, data, min_u64(size, sizeof(g->last)));
	return g->nr == g->stop_at;
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void test_wakeups(void)
{
	struct map *map = make_type(SPEC_MAP_RINGBUF);
	struct got g = {0};
	int fd = map_poll_fd(map);

	ringbuf_consume(map, on_record, &g);
	ok(!is_readable(fd), "empty: nothing to read");
	ringbuf_output(map, "a", 1, BPF_RB_NO_WAKEUP);
	ok(!is_readable(fd), "BPF_RB_NO_WAKEUP");
	ringbuf_output(map, "b", 1, 0);
	ok(!is_readable(fd), "the reader is behind: no need to wake it");
	ringbuf_output(map, "c", 1, BPF_RB_FORCE_WAKEUP);
	ok(is_readable(fd), "BPF_RB_FORCE_WAKEUP");
	is_int(ringbuf_consume(map, on_record, &g), 3, "all three");
	ok(!is_readable(fd), "reset");
	ringbuf_output(map, "d", 1, 0);
	ok(is_readable(fd), "the reader had caught up");
	g = (struct got){.stop_at = 1};
	ringbuf_output(map, "e", 1, 0);
	is_int(ringbuf_consume(map, on_record, &g), 1, "a reader may stop");
	ok(is_readable(fd), "and is called again");
	map_put(map);
}

static void test_order(void)
{
	struct map *map = make_type(SPEC_MAP_RINGBUF);
	struct got g = {0};
	char *a = ringbuf_reserve(map, 8, 0), *b = ringbuf_reserve(map, 8, 0);
	struct map_stats st;

	memcpy(a, "first", 6);
	memcpy(b, "second", 7);
	ringbuf_submit(map, b, 0);
	is_int(ringbuf_consume(map, on_record, &g), 0, "the first is not finished");
	ringbuf_submit(map, a, 0);
	is_int(ringbuf_consume(map, on_record, &g), 2, "now both come");
	is_str(g.last, "second", "in the order of their reserves");
	ringbuf_submit(map, a, 0);
	ringbuf_submit(map, (void *)8, 0);
	ok(!ringbuf_reserve(map, 4089, 0) && ringbuf_output(map, "", 1, 4) == -EINVAL,
	   "too large, wrong flags");
	map_stats(map, &st);
	ok(st.produced == 2 && st.delivered == 2 && st.lost == 1,
	   "a submit of what is not reserved counts for nothing");
	map_put(map);
}

/* A program without a verifier may write over headers. */
static void test_bad_ring(void)
{
	struct map *map = make_type(SPEC_MAP_RINGBUF);
	struct got g = {0};
	struct map_stats st;
	u32 *p;

	for (u32 bad = 0; bad < 64; bad++) {
		p = ringbuf_reserve(map, 16, 0);
		ringbuf_output(map, "x", 1, 0);
		if (!p)
			break;
		ringbuf_submit(map, p, 0);
		p[-2] = 1u << (bad % 32) | bad;
		ringbuf_consume(map, on_record, &g);
		ringbuf_output(map, "y", 1, 0);
		ringbuf_consume(map, on_record, &g);
	}
	memset(map->mem.base, 0xff, map->mem.size);
	ringbuf_consume(map, on_record, &g);
	ringbuf_reserve(map, 16, 0);
	map_stats(map, &st);
	ok(st.delivered <= st.produced, "a ring that was written over harms nobody");
	map_put(map);
}

static long on_sample(void *ctx, const void *data, u32 size)
{
	struct got *g = ctx;

	return on_record(g, 0, data, size);
}

static void test_user_ring(void)
{
	struct map *map = make_type(SPEC_MAP_USER_RINGBUF);
	struct got g = {0};
	static char big[4088];

	is_int(user_ringbuf_drain(map, on_sample, &g, 0), 0, "nothing to drain");
	is_int(user_ringbuf_drain(map, on_sample, &g, 8), -EINVAL, "a flag that is none");
	is_int(user_ringbuf_push(map, "hello", 6), 0, "push");
	is_int(user_ringbuf_push(map, big, sizeof(big)), -ENOSPC, "no room now");
	is_int(user_ringbuf_push(map, big, sizeof(big) + 1), -E2BIG, "no room ever");
	is_int(user_ringbuf_push(map, "world", 6), 0, "push");
	is_int(user_ringbuf_drain(map, on_sample, &g, 0), 2, "two samples");
	is_str(g.last, "world", "in order");
	is_int(user_ringbuf_push(map, big, sizeof(big)), 0, "now there is room");
	g = (struct got){.stop_at = 1};
	user_ringbuf_drain(map, on_sample, &g, 0);
	is_int(g.size, sizeof(big), "a sample as large as the ring");
	user_ringbuf_push(map, "1", 1);
	user_ringbuf_push(map, "2", 1);
	g = (struct got){.stop_at = 1};
	is_int(user_ringbuf_drain(map, on_sample, &g, 0), 1, "a callback may stop");
	is_int(user_ringbuf_drain(map, on_sample, &g, 0), 1, "and go on later");
	map_put(map);
}

static void test_perf(void)
{
	struct map *map = make_type(SPEC_MAP_PERF_EVENT_ARRAY);
	static char big[4000];
	struct map_stats st;
	struct got g = {0};
	int fd = map_poll_fd(map);
	u32 nr = 0;

	is_int(perf_set_pages(map, 3), -EINVAL, "pages are a power of two");
	is_int(perf_set_pages(map, 2), 0, "two pages a CPU");
	perf_consume(map, on_record, &g);
	ok(!is_readable(fd), "nothing to read");
	is_int(perf_output(map, 0, 0, "ab", 2, "cd", 3), 0, "two pieces");
	ok(is_readable(fd), "something to read");
	is_int(perf_set_pages(map, 4), -EBUSY, "pages are settled before the first record");
	is_int(perf_consume(map, on_record, &g), 1, "one record");
	ok(g.size == 5 && !strcmp(g.last, "abcd"), "put together");
	while (!perf_output(map, BPF_F_CURRENT_CPU, 0, big, sizeof(big), NULL, 0))
		nr++;
	is_int(nr, 2, "a queue holds what perf's would");
	is_int(perf_output(map, 0, 0, big, 70000, NULL, 0), -E2BIG, "more than a record holds");
	is_int(perf_consume(map, on_record, &g), 2, "the rest");
	map_stats(map, &st);
	ok(st.produced == 3 && st.lost == 1 && st.delivered == 3, "counted");
	map_put(map);
}

static void test_stacks(void)
{
	struct map *map = make_type(SPEC_MAP_STACK_TRACE);
	u64 a[12] = {1, 2, 3}, out[10];
	long id = stack_map_put(map, a, 3, 0), other = -1;
	u32 key = (u32)id, next;

	ok(id >= 0 && stack_map_put(map, a, 3, 0) == id, "a stack has one id");
	is_int(map_user_lookup(map, &key, out, 0), 0, "found");
	ok(out[0] == 1 && out[2] == 3 && !out[3], "whole");
	is_int(map_user_next_key(map, NULL, &next), 0, "the first");
	is_int(next, id, "is it");
	is_int(map_user_next_key(map, &next, &next), -ENOENT, "and the only one");
	for (u64 i = 0; i < 1000 && other != -EEXIST; i++) {
		a[0] = 100 + i;
		other = stack_map_put(map, a, 3, 0);
	}
	is_int(other, -EEXIST, "another in the same place");
	is_int(map_user_lookup_and_delete(map, &key, out, 0), 0, "take it out");
	is_int(map_user_lookup(map, &key, out, 0), -ENOENT, "gone");
	ok(stack_map_put(map, a, 12, 0) >= -EEXIST, "longer than the value: cut");
	map_put(map);
}

/* --- targets, programs ------------------------------------------------------------------------ */

static void test_targets(void)
{
	static const struct {
		u32 type;
		u64 put, want;
	} rows[] = {
		{SPEC_MAP_DEVMAP, 5, 5},
		{SPEC_MAP_DEVMAP_HASH, 6, 6},
		{SPEC_MAP_CPUMAP, 192, 0},
		{SPEC_MAP_XSKMAP, 7, 7},
		{SPEC_MAP_SOCKMAP, 8, 8},
		{SPEC_MAP_SOCKHASH, 9, 9},
		{SPEC_MAP_REUSEPORT_SOCKARRAY, 4, 4},
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		struct map *map = make_type(rows[i].type);
		u64 key = 0, target = 99;

		is_int(map_target_get(map, &key, &target), -ENOENT, "%s: none", map->ops->name);
		is_int(map_user_update(map, &key, &rows[i].put, 0), 0, "%s: set", map->ops->name);
		is_int(map_target_get(map, &key, &target), 0, "%s: got", map->ops->name);
		is_int(target, rows[i].want, "%s: what was set", map->ops->name);
		is_int(map_target_set(map, &key, rows[i].put, 0), 0, "%s: by a helper",
		       map->ops->name);
		is_int(map_user_delete(map, &key), 0, "%s: deleted", map->ops->name);
		is_int(map_target_get(map, &key, &target), -ENOENT, "%s: none", map->ops->name);
		map_put(map);
	}
}

static void test_progs(void)
{
	struct map *map = make_type(SPEC_MAP_PROG_ARRAY);
	u32 key = 3, id = 0;
	int prog;

	is_int(map_prog_set_id(map, 3, &prog, 42), 0, "set");
	ok(map_prog_get(map, 3) == &prog && !map_prog_get(map, 2) && !map_prog_get(map, 8), "get");
	is_int(map_prog_set(map, 8, &prog), -E2BIG, "no such slot");
	map_user_lookup(map, &key, &id, 0);
	is_int(id, 42, "the user sees the id");
	is_int(map_user_delete(map, &key), 0, "the user may take it out");
	ok(!map_prog_get(map, 3), "gone");
	map_put(map);
}

static long stop_after(struct map *map, void *key, void *value, void *ctx)
{
	return ++*(u32 *)ctx == 3;
}

static void test_for_each(void)
{
	u32 types[] = {SPEC_MAP_ARRAY,       SPEC_MAP_PERCPU_ARRAY, SPEC_MAP_HASH,
		       SPEC_MAP_PERCPU_HASH, SPEC_MAP_LRU_HASH,     SPEC_MAP_LRU_PERCPU_HASH};

	for (u32 i = 0; i < ARRAY_SIZE(types); i++) {
		struct map *map = make_type(types[i]);
		u32 n = 0;
		u64 v = 1;

		for (u64 k = 0; k < 8; k++)
			map_update(map, &k, &v, 0);
		v = 0;
		is_int(map_for_each(map, count_one, &v, 0), 8, "%s: all", map->ops->name);
		is_int(v, 8, "%s: with their values", map->ops->name);
		is_int(map_for_each(map, stop_after, &n, 0), 3, "%s: until the callback says so",
		       map->ops->name);
		is_int(map_for_each(map, count_one, &v, 1), -EINVAL, "%s: no flags",
		       map->ops->name);
		map_put(map);
	}
}

static void test_messages(void)
{
	struct map_def def = {.name = "sched", .type = SPEC_MAP_STRUCT_OPS};
	struct skep_diag diag = {0};
	struct map *map = NULL;

	is_int(map_new(&def, &map, &diag), -EOPNOTSUPP, "struct_ops is refused");
	ok(strstr(diag.message, "struct_ops") && strstr(diag.where, "sched"), "by name");
	def.type = SPEC_MAP_ARENA;
	skep_diag_clear(&diag);
	is_int(map_new(&def, &map, &diag), -EOPNOTSUPP, "arena is refused");
	ok(strstr(diag.message, "arena"), "by name");
	def = (struct map_def){.name = "rb", .type = SPEC_MAP_RINGBUF, .max_entries = 5000};
	skep_diag_clear(&diag);
	is_int(map_new(&def, &map, &diag), -EINVAL, "a ring of 5000 bytes");
	ok(strstr(diag.message, "5000") && strstr(diag.message, "power of two"),
	   "says what is wrong");
	def.type = 77;
	is_int(map_new(&def, &map, NULL), -EINVAL, "an unknown type");
}

int main(void)
{
	u64 live = mem_live();

	map_set_cpu(0);
	test_each_type();
	test_limit();
	test_huge();
	test_pointers();
	test_fields(SPEC_MAP_ARRAY);
	test_fields(SPEC_MAP_HASH);
	test_fields(SPEC_MAP_LRU_HASH);
	test_fields(SPEC_MAP_PERCPU_HASH);
	test_inner(SPEC_MAP_ARRAY_OF_MAPS);
	test_inner(SPEC_MAP_HASH_OF_MAPS);
	test_ids();
	test_lru();
	test_storage(SPEC_MAP_TASK_STORAGE);
	test_storage(SPEC_MAP_SK_STORAGE);
	test_storage(SPEC_MAP_INODE_STORAGE);
	test_storage(SPEC_MAP_CGRP_STORAGE);
	test_cgroup_storage();
	test_wakeups();
	test_order();
	test_bad_ring();
	test_user_ring();
	test_perf();
	test_stacks();
	test_targets();
	test_progs();
	test_for_each();
	test_messages();
	is_int(mem_live(), live, "nothing is left");
	is_int(map_reserved(), 0, "no address space either");
	return tap_done();
}
