/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Draining buffers, in the order of the object's maps, each in its own order.
 *
 * The books always balance: what programs tried to report is what the maps took (map_stats:
 * produced) and what they had no room for (lost); what was not delivered is lost, be it that there
 * was no room or that nobody read on. So produced = delivered + lost at any moment when no program
 * runs.
 */
#include "event/reader.h"
#include "base/mem.h"
#include <errno.h>

struct source {
	struct map *map;
	u64 delivered;
};

struct event_reader {
	struct source *sources;
	u32 nr;
};

static bool is_buffer(const struct map *map)
{
	return map && (map->def.type == BPF_MAP_TYPE_RINGBUF ||
		       map->def.type == BPF_MAP_TYPE_PERF_EVENT_ARRAY);
}

int event_reader_new(struct map *const *maps, u32 nr_maps, struct event_reader **ret,
		     struct skep_diag *diag)
{
	struct event_reader *r = mem_zalloc(sizeof(*r));

	if (!r)
		return diag_nomem(diag);
	r->sources = mem_calloc(nr_maps + 1, sizeof(*r->sources));
	if (!r->sources) {
		mem_free(r);
		return diag_nomem(diag);
	}
	for (u32 i = 0; i < nr_maps; i++)
		if (is_buffer(maps[i]))
			r->sources[r->nr++].map = maps[i];
	*ret = r;
	return 0;
}

struct drain {
	struct source *source;
	event_record_fn fn;
	void *ctx;
	int ret;
};

static int take(void *ctx, u32 cpu, const void *data, size_t size)
{
	struct drain *d = ctx;

	d->source->delivered++;
	d->ret = d->fn(d->ctx, d->source->map, cpu, data, size);
	return d->ret;
}

int event_reader_drain(struct event_reader *r, event_record_fn fn, void *ctx)
{
	for (u32 i = 0; i < r->nr; i++) {
		struct drain d = {.source = &r->sources[i], .fn = fn, .ctx = ctx};
		struct map *map = d.source->map;

		if (map->def.type == BPF_MAP_TYPE_RINGBUF)
			ringbuf_consume(map, take, &d);
		else
			perf_consume(map, take, &d);
		if (d.ret)
			return d.ret;
	}
	return 0;
}

bool event_reader_buffer(const struct event_reader *r, u32 idx, const char **ret_map,
			 struct event_reader_stats *ret)
{
	const struct source *s = &r->sources[idx];
	struct map_stats stats = {0};

	if (idx >= r->nr)
		return false;
	map_stats(s->map, &stats);
	*ret_map = s->map->def.name;
	ret->produced = stats.produced + stats.lost;
	ret->delivered = s->delivered;
	ret->lost = ret->produced - min_u64(ret->delivered, ret->produced);
	return true;
}

void event_reader_stats(const struct event_reader *r, struct event_reader_stats *ret)
{
	struct event_reader_stats one;
	const char *map;

	*ret = (struct event_reader_stats){0};
	for (u32 i = 0; event_reader_buffer(r, i, &map, &one); i++) {
		ret->produced += one.produced;
		ret->delivered += one.delivered;
		ret->lost += one.lost;
	}
}

struct event_reader *event_reader_free(struct event_reader *r)
{
	if (!r)
		return NULL;
	mem_free(r->sources);
	mem_free(r);
	return NULL;
}
