/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Filling maps from text: one element, or a whole map from JSON. */
#include "base/mem.h"
#include "event/map_io.h"
#include "event/parse.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct fill {
	const struct event_map_io *io;
	struct arena arena;
	struct field *key, *value;
	u8 *key_buf, *value_buf, *all_buf;
	struct skep_diag *diag;
};

static int fill_init(struct fill *f, const struct event_map_io *io, const struct btf *btf,
		     struct skep_diag *diag)
{
	const struct map_def *def = io->def;
	int err;

	*f = (struct fill){.io = io, .diag = diag};
	err = map_io_plans(io, btf, &f->arena, &f->key, &f->value, diag);
	if (err)
		return err;
	f->key_buf = arena_alloc(&f->arena, def->key_size + 1);
	f->value_buf = arena_alloc(&f->arena, def->value_size + 1);
	f->all_buf = arena_alloc(&f->arena, map_io_value_size(io) + 8);
	return f->key_buf && f->value_buf && f->all_buf ? 0 : diag_nomem(diag);
}

static int put(struct fill *f)
{
	const struct map_def *def = f->io->def;
	size_t stride = align_up(def->value_size, 8);
	u32 nr = map_io_is_percpu(f->io) ? f->io->nr_cpus : 1;
	int err;

	for (u32 i = 0; i < nr; i++)
		memcpy(f->all_buf + i * stride, f->value_buf, def->value_size);
	err = f->io->update(f->io->ctx, def->key_size ? f->key_buf : NULL, f->all_buf);
	if (err == -E2BIG)
		return diag_set(f->diag, err, "there is room for %u elements", def->max_entries);
	return err ? diag_set(f->diag, err, "the map refuses it: %s", strerror(-err)) : 0;
}

static int set_value(struct fill *f, const struct text *value)
{
	int err;

	memset(f->value_buf, 0, f->io->def->value_size);
	err = parse_top(&f->arena, f->value, value, f->value_buf, f->diag);
	if (err)
		return diag_at(f->diag, err, "value");
	return put(f);
}

static int set_pair(struct fill *f, const struct text *key, const struct text *value)
{
	int err;

	memset(f->key_buf, 0, f->io->def->key_size);
	err = parse_top(&f->arena, f->key, key, f->key_buf, f->diag);
	return err ? diag_at(f->diag, err, "key") : set_value(f, value);
}

/* [v0, v1, …]: by index; of a map without keys, in that order */
static int set_nth(struct fill *f, u32 idx, const struct text *value)
{
	if (f->io->def->key_size == 4)
		memcpy(f->key_buf, &idx, 4);
	else if (f->io->def->key_size)
		return diag_set(f->diag, -EINVAL, "this map needs keys: {\"key\": value, …}");
	return set_value(f, value);
}

static int load(struct fill *f, const char *json)
{
	struct text t;
	int err = text_parse(&f->arena, json, &t, f->diag);

	if (!err && t.kind != TEXT_LIST && t.kind != TEXT_OBJECT)
		err = diag_set(f->diag, -EINVAL, "{\"key\": value, …} or [value, …] is expected");
	for (u32 i = 0; i < t.nr && !err; i++) {
		if (t.kind == TEXT_OBJECT)
			err = set_pair(f, &t.keys[i], &t.values[i]);
		else
			err = set_nth(f, i, &t.values[i]);
		if (err && t.kind == TEXT_OBJECT && t.keys[i].s)
			diag_at(f->diag, err, "'%s'", t.keys[i].s);
	}
	return err;
}

/* --- records of a user_ringbuf: "hex:0011…", or text with its NUL
 * --------------------------------- */

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, tolower((u8)c));

	return c && at ? (int)(at - digits) : -1;
}

/* In place; the number of bytes, or -EINVAL. */
static int unhex(char *s)
{
	int nr = 0;

	for (; s[0]; s += 2, nr++) {
		int hi = hex_digit(s[0]), lo = hi < 0 ? -1 : hex_digit(s[1]);

		if (lo < 0)
			return -EINVAL;
		s[-nr] = (char)(hi << 4 | lo);
	}
	return nr;
}

static int push_record(const struct event_map_io *io, struct arena *a, const struct text *t,
		       struct skep_diag *diag)
{
	bool is_hex = t->s && !strncmp(t->s, "hex:", 4);
	char *bytes = t->s ? arena_strdup(a, t->s + 4 * is_hex) : NULL;
	int size, err;

	if (!bytes)
		return diag_set(diag, -EINVAL, "a record is \"hex:0011…\" or a text");
	size = is_hex ? unhex(bytes) : (int)strlen(bytes) + 1;
	if (size < 0)
		return diag_set(diag, size, "'%s' is not bytes in hexadecimal", t->s);
	err = io->push(io->ctx, bytes, (u32)size);
	return err ? diag_set(diag, err, "there is no room for a record of %d bytes", size) : 0;
}

static int load_records(const struct event_map_io *io, const char *json, struct skep_diag *diag)
{
	struct arena arena = {0};
	struct text t;
	int err = text_parse(&arena, json, &t, diag);

	if (!err && t.kind != TEXT_LIST)
		err = diag_set(diag, -EINVAL, "[\"hex:0011…\", \"text\", …] is expected");
	for (u32 i = 0; !err && i < t.nr; i++)
		err = push_record(io, &arena, &t.values[i], diag);
	arena_done(&arena);
	return err ? diag_at(diag, err, "map %s", io->def->name) : 0;
}

int event_map_io_load(const struct event_map_io *io, const struct btf *btf, const char *json,
		      struct skep_diag *diag)
{
	struct fill f;
	int err;

	if (io->push)
		return load_records(io, json, diag);
	err = fill_init(&f, io, btf, diag);
	if (!err)
		err = load(&f, json);
	arena_done(&f.arena);
	return err ? diag_at(diag, err, "map %s", io->def->name) : 0;
}

int event_map_io_set(const struct event_map_io *io, const struct btf *btf, const char *key,
		     const char *value, struct skep_diag *diag)
{
	struct text k = text_word(key ? key : ""), v = text_word(value);
	struct fill f;
	int err = fill_init(&f, io, btf, diag);

	if (!err)
		err = io->def->key_size ? set_pair(&f, &k, &v) : set_value(&f, &v);
	arena_done(&f.arena);
	return err ? diag_at(diag, err, "map %s", io->def->name) : 0;
}

int event_map_load(struct map *map, const struct btf *btf, const char *json, struct skep_diag *diag)
{
	struct event_map_io io = event_map_io_of(map);

	return event_map_io_load(&io, btf, json, diag);
}

int event_map_set(struct map *map, const struct btf *btf, const char *key, const char *value,
		  struct skep_diag *diag)
{
	struct event_map_io io = event_map_io_of(map);

	return event_map_io_set(&io, btf, key, value, diag);
}
