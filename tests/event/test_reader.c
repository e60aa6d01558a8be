/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The reader: order, and produced = delivered + lost whatever happens. */
#include "../tap.h"
#include "event/reader.h"

struct seen {
	u32 nr, stop_after;
	u64 next;
	bool in_order;
};

static int take(void *ctx, struct map *map, u32 cpu, const void *data, size_t size)
{
	struct seen *s = ctx;
	u64 x;

	memcpy(&x, data, sizeof(x));
	s->in_order &= x == s->next++;
	return ++s->nr == s->stop_after ? 7 : 0;
}

static struct map *new_map(const char *name, u32 type, u32 max)
{
	struct map_def def = {.name = name, .type = type, .max_entries = max};
	struct map *map = NULL;

	if (type == BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		def.key_size = def.value_size = 4;
	is_int(map_new(&def, &map, NULL), 0, "%s", name);
	return map;
}

static void balance(struct event_reader *r, u64 produced, u64 delivered, u64 lost)
{
	struct event_reader_stats st;

	event_reader_stats(r, &st);
	is_int(st.produced, produced, "produced");
	is_int(st.delivered, delivered, "delivered");
	is_int(st.lost, lost, "lost");
	ok(st.produced == st.delivered + st.lost, "produced = delivered + lost");
}

static void test_ring(void)
{
	struct map *other = new_map("array", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 1);
	struct map *maps[] = {NULL, new_map("ring", BPF_MAP_TYPE_RINGBUF, 4096), other};
	struct event_reader *r = NULL;
	struct seen s = {.in_order = true};
	u64 fits = 0, i;

	is_int(event_reader_new(maps, 3, &r, NULL), 0, "a reader");
	balance(r, 0, 0, 0);
	for (i = 0; i < 1000; i++) /* nobody reads: the ring runs full */
		fits += ringbuf_output(maps[1], &i, sizeof(i), 0) == 0;
	ok(fits > 100 && fits < 1000, "some fit: %llu", (unsigned long long)fits);
	s.stop_after = 10;
	is_int(event_reader_drain(r, take, &s), 7, "the consumer stops");
	is_int(s.nr, 10, "after ten");
	balance(r, 1000, 10, 990);
	s.stop_after = 0;
	is_int(event_reader_drain(r, take, &s), 0, "and goes on");
	ok(s.in_order, "in order");
	balance(r, 1000, fits, 1000 - fits);
	is_int(event_reader_drain(r, take, &s), 0, "nothing more");
	balance(r, 1000, fits, 1000 - fits);
	event_reader_free(r);
	map_put(maps[1]);
	map_put(other);
}

static void test_perf(void)
{
	struct map *map = new_map("perf", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 1024);
	struct event_reader *r = NULL;
	struct seen s = {.in_order = true};
	u64 fits = 0, i;

	is_int(perf_set_pages(map, 1), 0, "one page");
	is_int(event_reader_new(&map, 1, &r, NULL), 0, "a reader");
	for (i = 0; i < 1000; i++)
		fits += perf_output(map, 0, 0, &i, sizeof(i), NULL, 0) == 0;
	ok(fits > 10 && fits < 1000, "some fit: %llu", (unsigned long long)fits);
	is_int(event_reader_drain(r, take, &s), 0, "read");
	ok(s.in_order, "in order");
	is_int(s.nr, fits, "all that fit");
	balance(r, 1000, fits, 1000 - fits);
	event_reader_free(r);
	map_put(map);
}

int main(void)
{
	test_ring();
	test_perf();
	return tap_done();
}
