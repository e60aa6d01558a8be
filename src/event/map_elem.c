/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Single keys and values of a map: text to bytes and back, with plans that are made once. */
#include "base/mem.h"
#include "event/map_io.h"
#include "event/parse.h"
#include <errno.h>
#include <string.h>

struct event_map_elems {
	const struct event_map_io *io;
	struct arena arena;
	struct arena scratch; /* of the text at hand */
	struct field *key, *value;
	u8 *sum; /* of a per-CPU value */
};

int event_map_elems_new(const struct event_map_io *io, const struct btf *btf,
			struct event_map_elems **ret, struct skep_diag *diag)
{
	struct event_map_elems *e = mem_zalloc(sizeof(*e));
	int err;

	if (!e)
		return diag_nomem(diag);
	e->io = io;
	err = map_io_plans(io, btf, &e->arena, &e->key, &e->value, diag);
	if (!err) {
		e->sum = arena_alloc(&e->arena, io->def->value_size + 8);
		err = e->sum ? 0 : diag_nomem(diag);
	}
	if (err)
		event_map_elems_free(e);
	else
		*ret = e;
	return err;
}

struct event_map_elems *event_map_elems_free(struct event_map_elems *e)
{
	if (!e)
		return NULL;
	arena_done(&e->arena);
	arena_done(&e->scratch);
	mem_free(e);
	return NULL;
}

/* --- text to bytes ---------------------------------------------------------------------------- */

static bool is_quoted(const char *s)
{
	size_t len = strlen(s);

	return len > 1 && (*s == '"' || *s == '\'') && s[len - 1] == *s;
}

/* "1,2" for a struct is what a line of a table has: its members in order. */
static const char *as_list(struct arena *a, const struct field *f, const char *s)
{
	bool is_list = f->kind == FIELD_STRUCT && *s != '{' && *s != '[' && strchr(s, ',');

	return is_list ? arena_printf(a, "{%s}", s) : s;
}

static int read_text(struct arena *a, const struct field *f, const char *s, struct text *ret,
		     struct skep_diag *diag)
{
	if (is_quoted(s))
		return text_parse(a, s, ret, diag);
	s = as_list(a, f, s);
	if (!s)
		return diag_nomem(diag);
	*ret = text_word(s);
	return 0;
}

static int parse(struct event_map_elems *e, const struct field *f, u32 size, const char *s,
		 void *out, struct skep_diag *diag)
{
	struct arena *a = &e->scratch;
	u8 *tmp = arena_alloc(a, (size_t)size + 8);
	struct text t;
	int err = tmp ? read_text(a, f, s, &t, diag) : diag_nomem(diag);

	if (!err)
		err = parse_top(a, f, &t, tmp, diag);
	if (!err)
		memcpy(out, tmp, size);
	arena_reset(a);
	return err;
}

/* Forget the old values of the variables that the text names. */
static void clear_named(const struct field *f, const struct text *t, u8 *out)
{
	for (u32 i = 0; i < t->nr; i++)
		for (u32 k = 0; k < f->nr_kids; k++)
			if (t->keys[i].s && !strcmp(f->kids[k].name, t->keys[i].s))
				memset(out + f->kids[k].off, 0, f->kids[k].size);
}

bool event_map_elems_is_section(const struct event_map_elems *e)
{
	return e->value->is_section;
}

static int merge(struct event_map_elems *e, const char *s, u8 *value, struct skep_diag *diag)
{
	u32 size = e->io->def->value_size;
	u8 *tmp = arena_memdup(&e->scratch, value, size);
	struct text t;
	int err = tmp ? text_parse(&e->scratch, s, &t, diag) : diag_nomem(diag);

	if (err)
		return err;
	if (t.kind != TEXT_OBJECT)
		return diag_set(diag, -EINVAL, "{variable: value, …} is expected");
	clear_named(e->value, &t, tmp);
	err = parse_members(e->value, &t, tmp, diag);
	if (!err)
		memcpy(value, tmp, size);
	return err;
}

int event_map_elems_merge(struct event_map_elems *e, const char *text, void *value,
			  struct skep_diag *diag)
{
	int err = merge(e, text, value, diag);

	arena_reset(&e->scratch);
	return err;
}

int event_map_elems_key(struct event_map_elems *e, const char *text, void *key,
			struct skep_diag *diag)
{
	int err = parse(e, e->key, e->io->def->key_size, text, key, diag);

	return err ? diag_at(diag, err, "key") : 0;
}

int event_map_elems_value(struct event_map_elems *e, const char *text, void *value,
			  struct skep_diag *diag)
{
	int err = parse(e, e->value, e->io->def->value_size, text, value, diag);

	return err ? diag_at(diag, err, "value") : 0;
}

static int parse_cpus(struct event_map_elems *e, struct arena *a, const char *s, u8 *out,
		      struct skep_diag *diag)
{
	size_t stride = align_up(e->io->def->value_size, 8);
	struct text t;
	int err = text_parse(a, s, &t, diag);

	if (err)
		return err;
	if (t.kind != TEXT_LIST || t.nr != e->io->nr_cpus)
		return diag_set(diag, -EINVAL, "a list of %u values is expected, one for each CPU",
				e->io->nr_cpus);
	for (u32 i = 0; i < t.nr && !err; i++)
		err = parse_top(a, e->value, &t.values[i], out + i * stride, diag);
	return err;
}

int event_map_elems_cpus(struct event_map_elems *e, const char *text, void *value,
			 struct skep_diag *diag)
{
	size_t size = map_io_value_size(e->io);
	u8 *tmp = arena_alloc(&e->scratch, size + 8);
	int err = tmp ? parse_cpus(e, &e->scratch, text, tmp, diag) : diag_nomem(diag);

	if (!err)
		memcpy(value, tmp, size);
	arena_reset(&e->scratch);
	return err ? diag_at(diag, err, "cpus") : 0;
}

/* --- bytes to text ---------------------------------------------------------------------------- */

void event_map_elems_put_key(const struct event_map_elems *e, struct strbuf *sb, const void *key,
			     enum event_style style)
{
	struct view v = {.data = key, .size = e->io->def->key_size};

	field_emit(sb, e->key, v, style);
}

void event_map_elems_put_value(struct event_map_elems *e, struct strbuf *sb, const void *value,
			       enum event_style style)
{
	size_t size = e->io->def->value_size, stride = align_up(size, 8);
	struct view v = {.data = value, .size = size};

	if (map_io_is_percpu(e->io)) {
		memcpy(e->sum, value, size);
		for (u32 i = 1; i < e->io->nr_cpus; i++)
			map_io_add_up(e->value, e->sum, (const u8 *)value + i * stride);
		v.data = e->sum;
	}
	field_emit(sb, e->value, v, style);
}

void event_map_elems_put_cpus(const struct event_map_elems *e, struct strbuf *sb, const void *value,
			      enum event_style style)
{
	size_t size = e->io->def->value_size, stride = align_up(size, 8);

	strbuf_putc(sb, '[');
	for (u32 i = 0; i < e->io->nr_cpus; i++) {
		struct view v = {.data = (const u8 *)value + i * stride, .size = size};

		strbuf_puts(sb, i ? "," : "");
		field_emit(sb, e->value, v, style);
	}
	strbuf_putc(sb, ']');
}

void event_map_elems_put_json(struct event_map_elems *e, struct strbuf *sb, const void *key,
			      const void *value)
{
	const char *name = e->io->def->name ? e->io->def->name : "";

	strbuf_puts(sb, "{\"map\":");
	strbuf_json_string(sb, name, strlen(name));
	if (e->io->def->key_size) {
		strbuf_puts(sb, ",\"key\":");
		event_map_elems_put_key(e, sb, key, EVENT_STYLE_JSON);
	}
	strbuf_puts(sb, ",\"value\":");
	event_map_elems_put_value(e, sb, value, EVENT_STYLE_JSON);
	if (map_io_is_percpu(e->io)) {
		strbuf_puts(sb, ",\"cpus\":");
		event_map_elems_put_cpus(e, sb, value, EVENT_STYLE_JSON);
	}
	strbuf_puts(sb, "}\n");
}
