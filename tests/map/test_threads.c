/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Many threads on one map: nothing is lost, nothing is counted twice, a key that stays in the map
 * is always found. Run it under -fsanitize=thread too.
 */
#include "../tap.h"
#include "base/mem.h"
#include "map/map.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#define NR_THREADS 4

static struct map *make(u32 type, u32 key, u32 value, u32 max, u32 flags)
{
	struct map_def def = {.name = "m",
			      .type = type,
			      .key_size = key,
			      .value_size = value,
			      .max_entries = max,
			      .flags = flags};
	struct map *map = NULL;
	struct skep_diag diag = {0};

	if (map_new(&def, &map, &diag)) {
		printf("Bail out! %s\n", diag.message);
		exit(1);
	}
	return map;
}

struct worker {
	pthread_t thread;
	struct map *map;
	u32 id, errors;
	u64 count;
};

static void run(struct worker *w, struct map *map, void *(*fn)(void *))
{
	for (u32 i = 0; i < NR_THREADS; i++) {
		w[i] = (struct worker){.map = map, .id = i};
		pthread_create(&w[i].thread, NULL, fn, &w[i]);
	}
	for (u32 i = 0; i < NR_THREADS; i++)
		pthread_join(w[i].thread, NULL);
}

static u32 errors(const struct worker *w)
{
	u32 nr = 0;

	for (u32 i = 0; i < NR_THREADS; i++)
		nr += w[i].errors;
	return nr;
}

/* --- hash: own keys come and go, shared keys stay --------------------------------------------- */

#define SHARED 16
#define ROUNDS 20000

static void *hash_worker(void *arg)
{
	struct worker *w = arg;
	struct {
		u64 k, check;
	} v, got;

	for (u64 i = 0; i < ROUNDS; i++) {
		u64 own = 1000 + w->id * 1000 + i % 50, shared = i % SHARED, next;

		map_set_cpu((int)w->id);
		v.k = own;
		v.check = ~own;
		map_read_lock();
		w->errors += map_update(w->map, &own, &v, BPF_NOEXIST) != 0;
		w->errors += !map_lookup(w->map, &own);
		w->errors += !map_lookup(w->map, &shared);
		map_read_unlock();
		v.k = shared;
		v.check = ~shared;
		w->errors += map_user_update(w->map, &shared, &v, BPF_EXIST) != 0;
		w->errors += map_user_lookup(w->map, &shared, &got, 0) || got.k != shared ||
			     got.check != ~shared;
		if (i % 100 == 0)
			map_user_next_key(w->map, &shared, &next);
		w->errors += map_delete(w->map, &own) != 0;
	}
	return NULL;
}

static void test_hash(void)
{
	struct map *map = make(BPF_MAP_TYPE_HASH, 8, 16, SHARED + NR_THREADS, 0);
	struct worker w[NR_THREADS];
	u64 key, nr = 0;

	for (u64 k = 0; k < SHARED; k++)
		map_user_update(map, &k, &(u64[2]){k, ~k}, 0);
	run(w, map, hash_worker);
	is_int(errors(w), 0, "hash: own keys come and go, shared keys are always found");
	for (int err = map_user_next_key(map, NULL, &key); !err;
	     err = map_user_next_key(map, &key, &key))
		nr++;
	is_int(nr, SHARED, "hash: only the shared keys are left");
	map_put(map);
}

/* --- lru: never full, never more than it holds ------------------------------------------------ */

static void *lru_worker(void *arg)
{
	struct worker *w = arg;

	for (u64 i = 0; i < ROUNDS; i++) {
		u64 key = i * NR_THREADS + w->id;

		w->errors += map_update(w->map, &key, &key, BPF_ANY) != 0;
		map_lookup(w->map, &(u64){key / 2});
		if (i % 16 == 0)
			map_delete(w->map, &key);
	}
	return NULL;
}

static void test_lru(u32 flags)
{
	struct map *map = make(BPF_MAP_TYPE_LRU_HASH, 8, 8, 64, flags);
	struct worker w[NR_THREADS];
	u64 key, value, nr = 0, wrong = 0;

	run(w, map, lru_worker);
	is_int(errors(w), 0, "lru %#x: an update never fails", flags);
	for (int err = map_user_next_key(map, NULL, &key); !err;
	     err = map_user_next_key(map, &key, &key)) {
		nr++;
		wrong += map_user_lookup(map, &key, &value, 0) || value != key;
	}
	ok(nr <= 64 && nr >= 16, "lru %#x: holds %" PRIu64 " of 64", flags, nr);
	is_int(wrong, 0, "lru %#x: each key has its value", flags);
	map_put(map);
}

/* --- ringbuf ---------------------------------------------------------------------------------- */

#define RECORDS 250000

struct record {
	u32 id;
	u32 pad;
	u64 seq;
	u8 more[8];
};

struct reader {
	u64 nr, next[NR_THREADS], wrong;
};

static int read_record(void *ctx, u32 cpu, const void *data, size_t size)
{
	struct reader *r = ctx;
	struct record rec;

	memcpy(&rec, data, sizeof(rec));
	r->nr++;
	r->wrong += size != sizeof(rec) || rec.id >= NR_THREADS || rec.seq < r->next[rec.id];
	if (rec.id < NR_THREADS)
		r->next[rec.id] = rec.seq + 1;
	return 0;
}

/* A producer that waits for room: every record arrives. */
static void *patient_worker(void *arg)
{
	struct worker *w = arg;

	for (u64 i = 0; i < RECORDS; i++) {
		struct record rec = {.id = w->id, .seq = i};

		while (ringbuf_output(w->map, &rec, sizeof(rec), 0))
			sched_yield();
		w->count++;
	}
	return NULL;
}

static void *ring_worker(void *arg)
{
	struct worker *w = arg;

	for (u64 i = 0; i < RECORDS; i++) {
		struct record rec = {.id = w->id, .seq = i}, *p;

		if (i % 2) {
			w->count += !ringbuf_output(w->map, &rec, sizeof(rec), 0);
			continue;
		}
		p = ringbuf_reserve(w->map, sizeof(rec), 0);
		if (!p)
			continue;
		*p = rec;
		if (i % 64 == 0) {
			ringbuf_discard(w->map, p, 0);
			continue;
		}
		ringbuf_submit(w->map, p, 0);
		w->count++;
	}
	return NULL;
}

static bool done_producing;

struct consumer {
	pthread_t thread;
	struct map *map;
	struct reader reader;
	long (*consume)(struct map *map, map_record_fn fn, void *ctx);
};

static void *consumer(void *arg)
{
	struct consumer *c = arg;
	bool last;

	do {
		last = __atomic_load_n(&done_producing, __ATOMIC_ACQUIRE);
		c->consume(c->map, read_record, &c->reader);
	} while (!last);
	return NULL;
}

static void check_records(const char *what, struct map *map, void *(*worker)(void *),
			  long (*consume)(struct map *, map_record_fn, void *), u64 total)
{
	struct consumer c = {.map = map, .consume = consume};
	struct worker w[NR_THREADS];
	struct map_stats stats;
	u64 count = 0;

	done_producing = false;
	pthread_create(&c.thread, NULL, consumer, &c);
	run(w, map, worker);
	__atomic_store_n(&done_producing, true, __ATOMIC_RELEASE);
	pthread_join(c.thread, NULL);
	for (u32 i = 0; i < NR_THREADS; i++)
		count += w[i].count;
	map_stats(map, &stats);
	is_int(c.reader.wrong, 0, "%s: each producer's records come whole and in order", what);
	is_int(c.reader.nr, count, "%s: all that were accepted were delivered", what);
	is_int(stats.produced, count, "%s: produced", what);
	is_int(stats.delivered, count, "%s: delivered", what);
	is_int(stats.produced + stats.lost + stats.discarded, total,
	       "%s: none is unaccounted for (%" PRIu64 " lost)", what, stats.lost);
	map_put(map);
}

static void *perf_worker(void *arg)
{
	struct worker *w = arg;
	u32 cpu = w->id % map_nr_cpus();

	for (u64 i = 0; i < RECORDS; i++) {
		struct record rec = {.id = w->id, .seq = i};

		w->count += !perf_output(w->map, BPF_F_CURRENT_CPU, cpu, &rec, 13,
					 (char *)&rec + 13, sizeof(rec) - 13);
	}
	return NULL;
}

static void test_million(void)
{
	struct consumer c = {.map = make(BPF_MAP_TYPE_RINGBUF, 0, 0, 1 << 18, 0),
			     .consume = ringbuf_consume};
	struct worker w[NR_THREADS];
	struct map_stats stats;

	done_producing = false;
	pthread_create(&c.thread, NULL, consumer, &c);
	run(w, c.map, patient_worker);
	__atomic_store_n(&done_producing, true, __ATOMIC_RELEASE);
	pthread_join(c.thread, NULL);
	map_stats(c.map, &stats);
	is_int(c.reader.nr, RECORDS * NR_THREADS, "a million records arrive");
	is_int(c.reader.wrong, 0, "in order");
	is_int(stats.delivered, RECORDS * NR_THREADS, "and are counted");
	map_put(c.map);
}

/* --- lpm: other prefixes come and go around one that stays ------------------------------------ */

static u64 prefix(u32 len, u32 addr)
{
	return len | (u64)__builtin_bswap32(addr) << 32;
}

static void *lpm_worker(void *arg)
{
	struct worker *w = arg;
	u64 any = prefix(32, 0x0a010203), value;

	for (u32 i = 0; i < ROUNDS; i++) {
		u64 own = prefix(9 + (i * 7 + w->id) % 24, 0x0a800000 | w->id << 16 | i % 1000);
		u64 *found, v = 7;

		w->errors += map_update(w->map, &own, &v, BPF_ANY) != 0;
		map_read_lock();
		found = map_lookup(w->map, &any);
		w->errors += !found || __atomic_load_n(found, __ATOMIC_RELAXED) != 42;
		map_read_unlock();
		w->errors += map_user_lookup(w->map, &any, &value, 0) || value != 42;
		if (i % 64 == 0)
			map_user_next_key(w->map, &own, &value);
		map_delete(w->map, &own);
	}
	return NULL;
}

static void test_lpm(void)
{
	struct map *map = make(BPF_MAP_TYPE_LPM_TRIE, 8, 8, 1000, BPF_F_NO_PREALLOC);
	struct worker w[NR_THREADS];
	u64 key = prefix(16, 0x0a010000), value = 42, nr = 0;

	map_update(map, &key, &value, 0);
	run(w, map, lpm_worker);
	is_int(errors(w), 0, "lpm: the prefix that stays is always found");
	for (int err = map_user_next_key(map, NULL, &key); !err;
	     err = map_user_next_key(map, &key, &key))
		nr++;
	is_int(nr, 1, "lpm: and is the only one left");
	map_put(map);
}

/* --- maps of maps: inner maps are exchanged while others read them -----------------------------
 */

static struct map *new_inner(u64 value)
{
	struct map *inner = make(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);

	map_user_update(inner, &(u32){0}, &value, 0);
	return inner;
}

static void *inner_worker(void *arg)
{
	struct worker *w = arg;
	u32 key = 0;

	for (u32 i = 0; i < 300; i++) {
		struct map *inner = new_inner(42), *found;

		w->errors += map_inner_set(w->map, &key, inner, 0) != 0;
		map_put(inner);
		for (u32 k = 0; k < 20; k++) {
			map_read_lock();
			found = map_lookup(w->map, &key);
			w->errors += !found || *(u64 *)map_lookup(found, &key) != 42;
			map_read_unlock();
		}
	}
	return NULL;
}

static void test_inner(u32 type)
{
	static const struct map_def like = {
		.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
	struct map_def def = {.name = "outer",
			      .type = type,
			      .key_size = 4,
			      .value_size = 4,
			      .max_entries = 2,
			      .inner = &like};
	struct map *map = NULL, *inner = new_inner(42);
	struct worker w[NR_THREADS];

	map_new(&def, &map, NULL);
	map_inner_set(map, &(u32){0}, inner, 0);
	map_put(inner);
	run(w, map, inner_worker);
	is_int(errors(w), 0, "type %u: an inner map stays while somebody reads it", type);
	map_put(map);
}

int main(void)
{
	u64 live = mem_live();

	test_hash();
	test_lru(0);
	test_lru(BPF_F_NO_COMMON_LRU);
	test_lpm();
	test_inner(BPF_MAP_TYPE_ARRAY_OF_MAPS);
	test_inner(BPF_MAP_TYPE_HASH_OF_MAPS);
	test_million();
	check_records("ringbuf", make(BPF_MAP_TYPE_RINGBUF, 0, 0, 1 << 18, 0), ring_worker,
		      ringbuf_consume, (u64)RECORDS * NR_THREADS);
	check_records("small ringbuf", make(BPF_MAP_TYPE_RINGBUF, 0, 0, 1 << 12, 0), ring_worker,
		      ringbuf_consume, (u64)RECORDS * NR_THREADS);
	check_records("perf", make(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, map_nr_cpus(), 0),
		      perf_worker, perf_consume, (u64)RECORDS * NR_THREADS);
	is_int(mem_live(), live, "nothing is left");
	return tap_done();
}
