/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* All elements of a map, and what has changed since the last look. */
#include "base/mem.h"
#include "engine/kernel_objmap.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH       4096        /* elements, at first: a hash has to fit a whole bucket */
#define BATCH_BYTES (64u << 20) /* of one batch */

/* --- in batches ------------------------------------------------------------------------------- */

struct batch {
	struct objmap *m;
	u32 room;
	u8 *keys, *values;
	u8 in[512], out[512]; /* where the kernel goes on: a number or a key */
};

static int batch_alloc(struct batch *b, u32 room)
{
	mem_free(b->keys);
	mem_free(b->values);
	b->room = room;
	b->keys = mem_calloc(room, b->m->info.key_size + 1);
	b->values = mem_calloc(room, b->m->value_size + 1);
	return b->keys && b->values ? 0 : -ENOMEM;
}

static int give(struct batch *b, u32 nr, objmap_each_fn fn, void *ctx)
{
	int err = 0;

	for (u32 i = 0; i < nr && !err; i++)
		err = fn(ctx, b->keys + (size_t)i * b->m->info.key_size,
			 b->values + (size_t)i * b->m->value_size);
	return err;
}

/* 1: go on; 0: that was all; -errno. */
static int batch_step(struct batch *b, bool first, u32 *ret_nr)
{
	union bpf_attr attr = {0};
	int err;

	attr.batch.map_fd = (u32)b->m->fd;
	attr.batch.in_batch = first ? 0 : (u64)(uintptr_t)b->in;
	attr.batch.out_batch = (u64)(uintptr_t)b->out;
	attr.batch.keys = (u64)(uintptr_t)b->keys;
	attr.batch.values = (u64)(uintptr_t)b->values;
	attr.batch.count = b->room;
	err = kobj_bpf(BPF_MAP_LOOKUP_BATCH, &attr, sizeof(attr));
	if (err && err != -ENOENT)
		return err;
	*ret_nr = (u32)min_u64(attr.batch.count, b->room);
	memcpy(b->in, b->out, sizeof(b->in));
	return !err;
}

/* -EOPNOTSUPP: nothing was given, the kernel does not do it for this type. */
static int walk_batches(struct objmap *m, objmap_each_fn fn, void *ctx)
{
	struct batch b = {.m = m};
	u64 elem = m->info.key_size + m->value_size, nr_steps = 0;
	u64 max_steps = (u64)m->info.max_entries * 2 + 16;
	bool first = true;
	int err = 0, more = 1;

	if (m->info.key_size > sizeof(b.in) || elem * BATCH > BATCH_BYTES)
		return -EOPNOTSUPP;
	err = batch_alloc(&b, BATCH);
	while (!err && more > 0 && nr_steps++ < max_steps) {
		u32 nr = 0;

		more = batch_step(&b, first, &nr);
		if (more == -ENOSPC && elem * b.room * 2 <= BATCH_BYTES) {
			err = batch_alloc(&b, b.room * 2);
			more = 1;
			continue;
		}
		if (more < 0)
			err = first ? -EOPNOTSUPP : more;
		if (!err)
			err = give(&b, nr, fn, ctx);
		first = false;
	}
	mem_free(b.keys);
	mem_free(b.values);
	return err;
}

/* One by one. Others may change the map meanwhile: a bound ends a walk that would go round. */
static int walk_keys(struct objmap *m, objmap_each_fn fn, void *ctx)
{
	u8 *next = mem_zalloc(m->info.key_size + 1), *key = mem_zalloc(m->info.key_size + 1);
	u64 steps = (u64)m->info.max_entries * 2 + 16;
	int err = next && key ? 0 : -ENOMEM;

	for (bool first = true; !err && steps--; first = false) {
		err = m->io.next_key(m, first ? NULL : key, next);
		if (err)
			break;
		memcpy(key, next, m->info.key_size);
		if (!m->io.lookup(m, key, m->value))
			err = fn(ctx, key, m->value);
	}
	mem_free(next);
	mem_free(key);
	return err == -ENOENT ? 0 : err;
}

int objmap_walk(struct objmap *m, objmap_each_fn fn, void *ctx)
{
	int err = walk_batches(m, fn, ctx);

	return err == -EOPNOTSUPP ? walk_keys(m, fn, ctx) : err;
}

/* --- what has changed ------------------------------------------------------------------------- */

struct snap {
	struct objmap *m;
	struct objmap_snapshot s;
};

static size_t elem_size(const struct objmap *m)
{
	return m->info.key_size + m->value_size;
}

static int keep(void *ctx, const void *key, const void *value)
{
	struct snap *snap = ctx;
	size_t size = elem_size(snap->m), room = snap->s.room;
	u8 *to;

	if (snap->s.nr == room) {
		room = room ? room * 2 : 1024;
		to = room > SIZE_MAX / size ? NULL : mem_realloc(snap->s.data, room * size);
		if (!to)
			return -ENOMEM;
		snap->s.data = to;
		snap->s.room = room;
	}
	to = snap->s.data + snap->s.nr++ * size;
	memcpy(to, key, snap->m->info.key_size);
	memcpy(to + snap->m->info.key_size, value, snap->m->value_size);
	return 0;
}

static int by_key(const void *a, const void *b, void *ctx)
{
	const struct objmap *m = ctx;

	return memcmp(a, b, m->info.key_size);
}

struct change {
	struct objmap *m;
	enum event_style style;
	struct strbuf line;
	skep_write_fn write;
	void *ctx;
};

static void put_text(struct change *c, const u8 *key, const u8 *old, const u8 *now)
{
	char stamp[16];
	time_t t = time(NULL);
	struct tm tm;

	strftime(stamp, sizeof(stamp), "%T", localtime_r(&t, &tm));
	strbuf_printf(&c->line, "%s %c ", stamp, !old ? '+' : !now ? '-' : '~');
	event_map_elems_put_key(c->m->elems, &c->line, key, EVENT_STYLE_CELL);
	strbuf_puts(&c->line, "  ");
	if (old)
		event_map_elems_put_value(c->m->elems, &c->line, old, EVENT_STYLE_TEXT);
	if (old && now)
		strbuf_puts(&c->line, " → ");
	if (now)
		event_map_elems_put_value(c->m->elems, &c->line, now, EVENT_STYLE_TEXT);
	strbuf_putc(&c->line, '\n');
}

static void put_json(struct change *c, const u8 *key, const u8 *old, const u8 *now)
{
	strbuf_puts(&c->line, "{\"map\":");
	strbuf_json_string(&c->line, c->m->name, strlen(c->m->name));
	strbuf_printf(&c->line, ",\"change\":\"%s\",\"key\":", !old ? "add" : !now ? "del" : "set");
	event_map_elems_put_key(c->m->elems, &c->line, key, EVENT_STYLE_JSON);
	if (now) {
		strbuf_puts(&c->line, ",\"value\":");
		event_map_elems_put_value(c->m->elems, &c->line, now, EVENT_STYLE_JSON);
	}
	if (old) {
		strbuf_puts(&c->line, ",\"old\":");
		event_map_elems_put_value(c->m->elems, &c->line, old, EVENT_STYLE_JSON);
	}
	strbuf_puts(&c->line, "}\n");
}

static int tell(struct change *c, const u8 *key, const u8 *old, const u8 *now)
{
	strbuf_reset(&c->line);
	if (c->style == EVENT_STYLE_JSON)
		put_json(c, key, old, now);
	else
		put_text(c, key, old, now);
	return c->line.failed ? -ENOMEM : c->write(c->ctx, strbuf_str(&c->line), c->line.len);
}

/* Both are sorted by key. */
static int compare(struct change *c, const struct objmap_snapshot *old,
		   const struct objmap_snapshot *now)
{
	size_t size = elem_size(c->m), key_size = c->m->info.key_size, i = 0, k = 0;
	int err = 0;

	while (!err && (i < old->nr || k < now->nr)) {
		const u8 *a = i < old->nr ? old->data + i * size : NULL;
		const u8 *b = k < now->nr ? now->data + k * size : NULL;
		int order = !a ? 1 : !b ? -1 : memcmp(a, b, key_size);

		if (order < 0)
			err = tell(c, a, a + key_size, NULL);
		else if (order > 0)
			err = tell(c, b, NULL, b + key_size);
		else if (memcmp(a + key_size, b + key_size, c->m->value_size))
			err = tell(c, a, a + key_size, b + key_size);
		i += order <= 0;
		k += order >= 0;
	}
	return err;
}

int objmap_watch(struct objmap *m, enum event_style style, skep_write_fn write, void *ctx,
		 struct skep_diag *diag)
{
	struct change c = {.m = m, .style = style, .write = write, .ctx = ctx};
	struct snap snap = {.m = m};
	int err;

	if (!m->info.key_size)
		return diag_set(diag, -EOPNOTSUPP, "a map without keys cannot be watched");
	err = objmap_walk(m, keep, &snap);
	if (!err && snap.s.nr)
		qsort_r(snap.s.data, snap.s.nr, elem_size(m), by_key, m);
	if (!err && m->watching)
		err = compare(&c, &m->last, &snap.s);
	strbuf_done(&c.line);
	if (err) {
		mem_free(snap.s.data);
		return err > 0 ? err : objmap_refused(m, err, "be read", diag);
	}
	mem_free(m->last.data);
	m->last = snap.s;
	m->watching = true;
	return 0;
}
