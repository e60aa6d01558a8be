/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * See metrics.h. A sample is a number that the plan of a value (field.h) leads to: each member has
 * its path as the label `field`, each member of a key is a label. What is no number is left out.
 * Values of a per-CPU map are added up.
 */
#include "event/metrics.h"
#include "base/mem.h"
#include "event/map_io.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_PATH     256
#define MAX_ELEMENTS 64 /* of an array in a value */

struct walk {
	struct event_metrics *m;
	struct strbuf labels; /* of the element: map="x",key="1" */
};

/* --- labels ----------------------------------------------------------------------------------- */

/* How many bytes the UTF-8 character at s has, 0: it is none. */
static size_t utf8_len(const u8 *s, size_t left)
{
	size_t len = *s < 0x80                 ? 1
		     : *s >= 0xc2 && *s < 0xe0 ? 2
		     : *s >= 0xe0 && *s < 0xf0 ? 3
		     : *s >= 0xf0 && *s < 0xf5 ? 4
					       : 0;

	if (!len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static void put_escaped(struct strbuf *sb, const u8 *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len(s + i, len - i);

		if (s[i] == '\\' || s[i] == '"')
			strbuf_printf(sb, "\\%c", s[i]);
		else if (s[i] == '\n')
			strbuf_puts(sb, "\\n");
		else if (!n || s[i] < 0x20 || s[i] == 0x7f)
			strbuf_putc(sb, '?');
		else
			strbuf_add(sb, s + i, n);
		i += n ? n : 1;
	}
}

void metrics_label(struct strbuf *sb, const char *name, const char *value, size_t len)
{
	strbuf_printf(sb, "%s=\"", name);
	put_escaped(sb, (const u8 *)value, len);
	strbuf_putc(sb, '"');
}

static bool is_name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

/* A member's name as a label's; those that we use ourselves get a prefix. */
static void label_name(char *out, size_t size, const char *name)
{
	static const char *const ours[] = {"map", "field", "le", "key", "name"};
	const char *prefix = is_name_char(*name, true) ? "" : "key_";

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (!strcmp(name, ours[i]))
			prefix = "key_";
	if (!strncmp(name, "__", 2)) /* Prometheus' own */
		prefix = "key";
	snprintf(out, size, "%s%s", prefix, name);
	for (char *c = out; *c; c++)
		if (!is_name_char(*c, c == out))
			*c = '_';
}

static void put_key_part(struct walk *w, const struct field *f, const char *name, struct view v)
{
	struct strbuf text = {0};

	field_emit(&text, f, v, EVENT_STYLE_CELL);
	strbuf_putc(&w->labels, ',');
	metrics_label(&w->labels, name, strbuf_str(&text), text.len);
	strbuf_done(&text);
}

/* Members of one name (in anonymous structs) would be one label twice: the first counts. */
static bool has_label(const struct walk *w, const char *name)
{
	char start[MAX_PATH + 4];

	snprintf(start, sizeof(start), ",%s=\"", name);
	return strstr(strbuf_str(&w->labels), start);
}

static void put_key(struct walk *w, const struct field *f, struct view v)
{
	char name[MAX_PATH];

	if (f->kind != FIELD_STRUCT) {
		put_key_part(w, f, "key", v);
		return;
	}
	for (u32 i = 0; i < f->nr_kids; i++) {
		const struct field *kid = &f->kids[i];

		label_name(name, sizeof(name), kid->name);
		if (kid->kind == FIELD_STRUCT && !*kid->name)
			put_key(w, kid, v);
		else if (kid->kind != FIELD_NONE && *kid->name && !has_label(w, name))
			put_key_part(w, kid, name, v);
	}
}

/* --- samples ---------------------------------------------------------------------------------- */

static bool may_add(struct event_metrics *m)
{
	m->cut |= m->nr >= METRICS_MAX_SAMPLES;
	return m->nr++ < METRICS_MAX_SAMPLES;
}

static bool is_number(const struct field *f)
{
	return f->kind == FIELD_INT || f->kind == FIELD_BOOL || f->kind == FIELD_ENUM;
}

static void put_number(struct strbuf *sb, const struct field *f, u64 x)
{
	if (f->is_signed)
		strbuf_printf(sb, " %lld\n", (long long)x);
	else
		strbuf_printf(sb, " %llu\n", (unsigned long long)x);
}

static void sample(struct walk *w, const struct field *f, const char *path, struct view v)
{
	struct strbuf *sb = &w->m->values;
	u64 x;

	if (!field_read(f, v, &x) || !may_add(w->m))
		return;
	strbuf_printf(sb, "skep_map_value{%s", strbuf_str(&w->labels));
	if (*path) {
		strbuf_putc(sb, ',');
		metrics_label(sb, "field", path, strlen(path));
	}
	strbuf_putc(sb, '}');
	put_number(sb, f, x);
}

/* Cumulative, as Prometheus has it; an upper end belongs to its bucket. */
static void put_hist(struct walk *w, const u64 *slots, u32 nr)
{
	struct strbuf *sb = &w->m->hists;
	const char *labels = strbuf_str(&w->labels);
	u64 sum = 0;

	for (u32 i = 0; i < nr && i < 63 && may_add(w->m); i++) {
		sum += slots[i];
		strbuf_printf(sb, "skep_map_hist_bucket{%s,le=\"%llu\"} %llu\n", labels,
			      (1ULL << (i + 1)) - 1, (unsigned long long)sum);
	}
	for (u32 i = 63; i < nr; i++)
		sum += slots[i];
	strbuf_printf(sb, "skep_map_hist_bucket{%s,le=\"+Inf\"} %llu\n", labels,
		      (unsigned long long)sum);
	strbuf_printf(sb, "skep_map_hist_count{%s} %llu\n", labels, (unsigned long long)sum);
}

static void walk_hist(struct walk *w, const struct field *f, struct view v)
{
	u64 slots[HIST_MAX_SLOTS] = {0};
	u32 nr = (u32)min_u64(f->nr, HIST_MAX_SLOTS);

	for (u32 i = 0; i < nr; i++) {
		size_t off = f->off + (size_t)i * f->stride;
		struct view elem = {.data = v.data + off, .size = f->stride};

		if (in_bounds(off, f->stride, v.size))
			field_read(&f->kids[0], elem, &slots[i]);
	}
	put_hist(w, slots, nr);
}

static void walk_value(struct walk *w, const struct field *f, const char *path, struct view v,
		       const struct field *slots);

static void walk_array(struct walk *w, const struct field *f, const char *path, struct view v)
{
	char sub[MAX_PATH];

	for (u32 i = 0; i < f->nr && i < MAX_ELEMENTS; i++) {
		size_t off = f->off + (size_t)i * f->stride;
		struct view elem = {.data = v.data + off, .size = f->stride};

		if (!in_bounds(off, f->stride, v.size))
			return;
		snprintf(sub, sizeof(sub), "%s[%u]", path, i);
		walk_value(w, &f->kids[0], sub, elem, NULL);
	}
}

static void walk_value(struct walk *w, const struct field *f, const char *path, struct view v,
		       const struct field *slots)
{
	char sub[MAX_PATH];

	if (f == slots) {
		walk_hist(w, f, v);
	} else if (is_number(f)) {
		sample(w, f, path, v);
	} else if (f->kind == FIELD_ARRAY) {
		walk_array(w, f, path, v);
	} else if (f->kind == FIELD_STRUCT) {
		for (u32 i = 0; i < f->nr_kids; i++) {
			const struct field *kid = &f->kids[i];

			snprintf(sub, sizeof(sub), "%s%s%s", path, *path && *kid->name ? "." : "",
				 kid->name);
			walk_value(w, kid, sub, v, slots);
		}
	} else if (f->kind == FIELD_UNION) {
		const struct field *kid = field_choose(f, v);

		if (kid)
			walk_value(w, kid, path, v, slots);
	}
}

/* --- maps ------------------------------------------------------------------------------------- */

struct map_walk {
	struct walk w;
	const struct event_map_io *io;
	struct arena arena;
	struct field *key, *value;
	const struct field *slots; /* in a value */
	bool whole;                /* the map is one histogram */
	u64 all_slots[HIST_MAX_SLOTS];
	u32 nr_slots;
	u8 *k, *next, *v; /* as read */
};

static void add_element(struct map_walk *mw)
{
	const struct map_def *def = mw->io->def;
	struct view key = {.data = mw->k, .size = def->key_size};
	struct view value = {.data = mw->v, .size = def->value_size};
	size_t stride = align_up(def->value_size, 8);

	for (u32 i = 1; map_io_is_percpu(mw->io) && i < mw->io->nr_cpus; i++)
		map_io_add_up(mw->value, mw->v, mw->v + i * stride);
	if (mw->whole) {
		if (mw->nr_slots < HIST_MAX_SLOTS)
			field_read(mw->value, value, &mw->all_slots[mw->nr_slots++]);
		return;
	}
	strbuf_reset(&mw->w.labels);
	metrics_label(&mw->w.labels, "map", def->name, strlen(def->name));
	put_key(&mw->w, mw->key, key);
	walk_value(&mw->w, mw->value, "", value, mw->slots);
}

/* The map may change meanwhile: a bound on steps ends a walk that would go round. */
static void walk_map(struct map_walk *mw)
{
	const struct event_map_io *io = mw->io;
	u64 steps = min_u64((u64)io->def->max_entries * 2 + 16, METRICS_MAX_SAMPLES);

	for (bool first = true; steps--; first = false) {
		if (io->next_key(io->ctx, first ? NULL : mw->k, mw->next))
			return;
		memcpy(mw->k, mw->next, io->def->key_size);
		if (!io->lookup(io->ctx, mw->k, mw->v))
			add_element(mw);
	}
	mw->w.m->cut = true;
}

static void put_whole(struct map_walk *mw)
{
	const char *name = mw->io->def->name;

	strbuf_reset(&mw->w.labels);
	metrics_label(&mw->w.labels, "map", name, strlen(name));
	put_hist(&mw->w, mw->all_slots, mw->nr_slots);
}

int event_metrics_map(struct event_metrics *m, const struct event_map_io *io, const struct btf *btf,
		      struct skep_diag *diag)
{
	struct map_walk mw = {.w.m = m, .io = io};
	int err;

	if (!io->def->key_size || !io->next_key || !io->lookup)
		return 0;
	err = map_io_plans(io, btf, &mw.arena, &mw.key, &mw.value, diag);
	if (!err) {
		mw.k = arena_alloc(&mw.arena, io->def->key_size + 1);
		mw.next = arena_alloc(&mw.arena, io->def->key_size + 1);
		mw.v = arena_alloc(&mw.arena, map_io_value_size(io) + 8);
		err = mw.k && mw.next && mw.v ? 0 : diag_nomem(diag);
	}
	if (!err) {
		mw.slots = hist_find(mw.value);
		mw.whole = hist_is_map(io, mw.value);
		walk_map(&mw);
		if (mw.whole)
			put_whole(&mw);
	}
	strbuf_done(&mw.w.labels);
	arena_done(&mw.arena);
	return err;
}

/* --- variables -------------------------------------------------------------------------------- */

int event_metrics_var(struct event_metrics *m, const struct btf *btf, u32 type_id, const char *name,
		      const void *data, size_t size)
{
	struct view v = {.data = data, .size = size};
	const struct field *f = NULL;
	struct arena a = {0};
	int err = field_build(&a, btf, type_id, name, &f, NULL);
	u64 x;

	if (!err && is_number(f) && field_read(f, v, &x) && may_add(m)) {
		strbuf_puts(&m->vars, "skep_variable{");
		metrics_label(&m->vars, "name", name, strlen(name));
		strbuf_putc(&m->vars, '}');
		put_number(&m->vars, f, x);
	}
	arena_done(&a);
	return err;
}

/* --- all of it -------------------------------------------------------------------------------- */

static void put_metric(struct strbuf *sb, const struct strbuf *samples, const char *name,
		       const char *type, const char *help)
{
	if (!samples->len)
		return;
	strbuf_printf(sb, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
	strbuf_add(sb, samples->s, samples->len);
}

void event_metrics_put(struct strbuf *sb, const struct event_metrics *m)
{
	put_metric(sb, &m->values, "skep_map_value", "untyped", "Numbers in the values of maps.");
	put_metric(sb, &m->hists, "skep_map_hist", "histogram",
		   "Histograms in maps; their sums are not kept.");
	put_metric(sb, &m->vars, "skep_variable", "untyped", "Global variables of the object.");
	strbuf_printf(sb,
		      "# HELP skep_metrics_cut Whether maps hold more than one answer may.\n"
		      "# TYPE skep_metrics_cut gauge\nskep_metrics_cut %d\n",
		      m->cut);
}

void event_metrics_done(struct event_metrics *m)
{
	strbuf_done(&m->values);
	strbuf_done(&m->hists);
	strbuf_done(&m->vars);
}
