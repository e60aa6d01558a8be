/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Printing a map: all elements are read first, then sorted, then shown, so that a table's columns
 * fit and equal contents always print equally. Values of a per-CPU map are added up over the CPUs
 * where they are plain counters; what is not a number is taken from the first CPU that has it.
 */
#include "base/mem.h"
#include "base/vec.h"
#include "event/columns.h"
#include "event/hints.h"
#include "event/map_io.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ELEMS (1u << 20) /* of one map; more are counted and not shown */

struct elem {
	u8 *key, *value; /* value: of one CPU, or the sum */
	u8 *cpus;        /* all CPUs, NULL where there is one value */
	u64 rank;        /* what a table is sorted by */
	u64 number;      /* the key as a number, if it is one */
};

typedef int (*write_fn)(void *ctx, const char *text, size_t size);

struct listing {
	const struct event_map_io *io;
	struct arena arena;
	struct field *key, *value;
	struct columns key_cols, value_cols;
	struct elem *elems;
	size_t nr, room, left_out;
	size_t value_size; /* as read */
	struct field_symbols symbols;
	u32 nr_stacks;
	bool by_rank;
	write_fn write;
	void *ctx;
	struct strbuf line;
};

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_zero(const u8 *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

static void add_number(const struct field *f, u8 *sum, const u8 *value)
{
	struct view a = {.data = sum, .size = f->off + f->size};
	struct view b = {.data = value, .size = f->off + f->size};
	u64 x = 0, y = 0;

	if (!field_read(f, a, &x) || !field_read(f, b, &y))
		return;
	x += y;
	memcpy(sum + f->off, &x, f->size); /* little endian or 8 bytes */
}

static bool is_counter(const struct field *f)
{
	bool plain = f->kind == FIELD_INT && f->hint == HINT_NONE && !f->bit_size && !f->big_endian;

	return plain &&
	       (f->size == 8 || (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && f->size < 8));
}

void map_io_add_up(const struct field *f, u8 *sum, const u8 *value)
{
	if (f->kind == FIELD_STRUCT) {
		for (u32 i = 0; i < f->nr_kids; i++)
			map_io_add_up(&f->kids[i], sum, value);
	} else if (f->kind == FIELD_ARRAY) {
		for (u32 i = 0; i < f->nr; i++)
			map_io_add_up(&f->kids[0], sum + f->off + (size_t)i * f->stride,
				      value + f->off + (size_t)i * f->stride);
	} else if (is_counter(f)) {
		add_number(f, sum, value);
	} else if (f->kind == FIELD_UNION && f->nr_kids && is_counter(&f->kids[0]) &&
		   f->kids[0].size == f->size) { /* one counter with several names */
		add_number(&f->kids[0], sum, value);
	} else if (f->kind != FIELD_NONE && !f->bit_size && is_zero(sum + f->off, f->size)) {
		memcpy(sum + f->off, value + f->off, f->size);
	}
}

/* The first counter of a value, or the value itself. */
static const struct field *rank_field(const struct field *f)
{
	const struct field *hit = NULL;

	if (is_counter(f) || f->hint == HINT_SPAN)
		return f;
	for (u32 i = 0; i < f->nr_kids && f->kind == FIELD_STRUCT && !hit; i++)
		hit = rank_field(&f->kids[i]);
	return hit;
}

static void rank(struct listing *l, struct elem *e)
{
	struct view key = {.data = e->key, .size = l->io->def->key_size};
	struct view value = {.data = e->value, .size = l->io->def->value_size};
	const struct field *f = rank_field(l->value);

	if (l->key->kind == FIELD_INT || l->key->kind == FIELD_ENUM)
		field_read(l->key, key, &e->number);
	if (f)
		field_read(f, value, &e->rank);
}

static int keep(struct listing *l, const u8 *key, const u8 *value)
{
	const struct map_def *def = l->io->def;
	size_t stride = align_up(def->value_size, 8);
	bool percpu = map_io_is_percpu(l->io);
	struct elem *e;

	if (!l->io->all && map_io_is_array(l->io) && is_zero(value, l->value_size))
		return 0;
	if (l->nr >= MAX_ELEMS) {
		l->left_out++;
		return 0;
	}
	e = vec_push((void **)&l->elems, &l->nr, &l->room, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->key = arena_memdup(&l->arena, key, def->key_size + 1);
	e->value = arena_memdup(&l->arena, value, def->value_size + 1);
	e->cpus = percpu ? arena_memdup(&l->arena, value, l->value_size) : NULL;
	if (!e->key || !e->value || (percpu && !e->cpus))
		return -ENOMEM;
	for (u32 i = 1; percpu && i < l->io->nr_cpus; i++)
		map_io_add_up(l->value, e->value, value + i * stride);
	rank(l, e);
	return 0;
}

static bool has_keys(const struct event_map_io *io)
{
	static const u8 types[] = {
		BPF_MAP_TYPE_HASH,
		BPF_MAP_TYPE_ARRAY,
		BPF_MAP_TYPE_PERCPU_HASH,
		BPF_MAP_TYPE_PERCPU_ARRAY,
		BPF_MAP_TYPE_STACK_TRACE,
		BPF_MAP_TYPE_LRU_HASH,
		BPF_MAP_TYPE_LRU_PERCPU_HASH,
		BPF_MAP_TYPE_LPM_TRIE,
		BPF_MAP_TYPE_ARRAY_OF_MAPS,
		BPF_MAP_TYPE_HASH_OF_MAPS,
		BPF_MAP_TYPE_DEVMAP,
		BPF_MAP_TYPE_DEVMAP_HASH,
		BPF_MAP_TYPE_CPUMAP,
		BPF_MAP_TYPE_PROG_ARRAY,
		BPF_MAP_TYPE_CGROUP_STORAGE,
		BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
		BPF_MAP_TYPE_SOCKMAP,
		BPF_MAP_TYPE_SOCKHASH,
		BPF_MAP_TYPE_STRUCT_OPS,
	};

	return io->def->type < 256 && memchr(types, (int)io->def->type, sizeof(types)) &&
	       io->def->key_size;
}

/* Other threads may change the map meanwhile: a bound on steps ends a walk that would go round. */
static int read_all(struct listing *l)
{
	const struct event_map_io *io = l->io;
	u8 *key = mem_zalloc(io->def->key_size + 1), *next = mem_zalloc(io->def->key_size + 1);
	u8 *value = mem_zalloc(l->value_size + 8);
	u64 steps = (u64)io->def->max_entries * 2 + 16;
	int err = key && next && value ? 0 : -ENOMEM;

	for (bool first = true; !err && steps--; first = false) {
		if (io->next_key(io->ctx, first ? NULL : key, next))
			break;
		memcpy(key, next, io->def->key_size);
		if (!io->lookup(io->ctx, key, value))
			err = keep(l, key, value);
	}
	mem_free(key);
	mem_free(next);
	mem_free(value);
	return err;
}

/* --- order ------------------------------------------------------------------------------------ */

static int compare(const void *pa, const void *pb, void *ctx)
{
	const struct listing *l = ctx;
	const struct elem *a = pa, *b = pb;
	int by_bytes = memcmp(a->key, b->key, l->io->def->key_size);

	if (l->by_rank && a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->number == b->number)
		return by_bytes;
	if (l->key->is_signed)
		return (s64)a->number < (s64)b->number ? -1 : 1;
	return a->number < b->number ? -1 : 1;
}

static void sort(struct listing *l, bool by_rank)
{
	l->by_rank = by_rank && !map_io_is_array(l->io);
	if (l->nr)
		qsort_r(l->elems, l->nr, sizeof(*l->elems), compare, l);
}

static int flush(struct listing *l)
{
	int err = l->line.failed ? -ENOMEM : l->write(l->ctx, strbuf_str(&l->line), l->line.len);

	strbuf_reset(&l->line);
	return err;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void put_cpus(struct listing *l, const struct elem *e)
{
	size_t stride = align_up(l->io->def->value_size, 8);

	strbuf_puts(&l->line, ",\"cpus\":[");
	for (u32 i = 0; i < l->io->nr_cpus; i++) {
		struct view v = {.data = e->cpus + i * stride, .size = l->io->def->value_size};

		strbuf_puts(&l->line, i ? "," : "");
		field_emit(&l->line, l->value, v, EVENT_STYLE_JSON);
	}
	strbuf_putc(&l->line, ']');
}

static int print_json(struct listing *l)
{
	const char *name = l->io->def->name ? l->io->def->name : "";
	int err = 0;

	sort(l, false);
	for (size_t i = 0; i < l->nr && !err; i++) {
		const struct elem *e = &l->elems[i];
		struct view key = {.data = e->key, .size = l->io->def->key_size};
		struct view value = {.data = e->value, .size = l->io->def->value_size};

		strbuf_puts(&l->line, "{\"map\":");
		strbuf_json_string(&l->line, name, strlen(name));
		strbuf_puts(&l->line, ",\"key\":");
		field_emit(&l->line, l->key, key, EVENT_STYLE_JSON);
		strbuf_puts(&l->line, ",\"value\":");
		field_emit(&l->line, l->value, value, EVENT_STYLE_JSON);
		if (e->cpus)
			put_cpus(l, e);
		strbuf_puts(&l->line, "}\n");
		err = flush(l);
	}
	return err;
}

/* --- histograms ------------------------------------------------------------------------------- */

static int print_hist(struct listing *l, const struct elem *e)
{
	struct view key = {.data = e->key, .size = l->io->def->key_size};
	struct view value = {.data = e->value, .size = l->io->def->value_size};

	strbuf_printf(&l->line, "%s[", l->io->def->name);
	field_emit(&l->line, l->key, key, EVENT_STYLE_CELL);
	strbuf_puts(&l->line, "]");
	hist_print_value(&l->line, l->value, value, hints_log2(l->io->hints));
	return flush(l);
}

static int print_hists(struct listing *l)
{
	int err = 0;

	sort(l, false);
	for (size_t i = 0; i < l->nr && !err; i++)
		err = print_hist(l, &l->elems[i]);
	return err;
}

/* A whole array map as one histogram. */
static int print_hist_map(struct listing *l)
{
	u64 counts[128] = {0};

	for (size_t i = 0; i < l->nr; i++)
		if (l->elems[i].number < ARRAY_SIZE(counts))
			counts[l->elems[i].number] = l->elems[i].rank;
	strbuf_printf(&l->line, "%s\n", l->io->def->name);
	hist_print(&l->line, counts, l->io->def->max_entries, l->io->def->name,
		   hints_log2(l->io->hints));
	strbuf_putc(&l->line, '\n');
	return flush(l);
}

/* --- stacks ----------------------------------------------------------------------------------- */

static int print_stacks(struct listing *l)
{
	int err = 0;

	sort(l, false);
	for (size_t i = 0; i < l->nr && !err; i++) {
		struct view key = {.data = l->elems[i].key, .size = l->io->def->key_size};
		struct view value = {.data = l->elems[i].value, .size = l->io->def->value_size};

		strbuf_printf(&l->line, "%s[", l->io->def->name);
		field_emit(&l->line, l->key, key, EVENT_STYLE_CELL);
		strbuf_puts(&l->line, "]\n");
		stack_emit_lines(&l->line, l->value, value);
		strbuf_putc(&l->line, '\n');
		err = flush(l);
	}
	return err;
}

/* --- tables ----------------------------------------------------------------------------------- */

static void put_cell(struct listing *l, struct strbuf *cell, const struct column *col,
		     const struct elem *e, bool is_key)
{
	struct skep_event ev = {
		.data = is_key ? e->key : e->value,
		.size = is_key ? l->io->def->key_size : l->io->def->value_size,
	};

	strbuf_reset(cell);
	columns_cell(cell, col, &ev);
}

static void measure(struct listing *l, struct columns *cols, bool is_key)
{
	struct strbuf cell = {0};

	for (u32 i = 0; i < cols->nr_shown; i++) {
		struct column *col = cols->shown[i];

		col->width = (u32)strlen(col->head);
		for (size_t k = 0; k < l->nr; k++) {
			put_cell(l, &cell, col, &l->elems[k], is_key);
			col->width = (u32)max_u64(col->width, cell.len);
		}
	}
	strbuf_done(&cell);
}

static void put_columns(struct listing *l, struct columns *cols, const struct elem *e, bool is_key)
{
	struct strbuf cell = {0};

	for (u32 i = 0; i < cols->nr_shown; i++) {
		struct column *col = cols->shown[i];
		bool last = !is_key && i + 1 == cols->nr_shown;
		size_t pad;

		strbuf_reset(&cell);
		if (e)
			put_cell(l, &cell, col, e, is_key);
		else
			strbuf_puts(&cell, col->head);
		if (!cell.len)
			strbuf_putc(&cell, '-');
		pad = cell.len < col->width ? col->width - cell.len : 0;
		if (col->right)
			strbuf_pad(&l->line, ' ', pad);
		strbuf_add(&l->line, strbuf_str(&cell), cell.len);
		if (!last)
			strbuf_pad(&l->line, ' ', (col->right ? 0 : pad) + 1);
	}
	strbuf_done(&cell);
}

static int print_table(struct listing *l)
{
	int err = columns_new(&l->arena, l->key, false, &l->key_cols, NULL);

	if (!err)
		err = columns_new(&l->arena, l->value, false, &l->value_cols, NULL);
	if (err)
		return err;
	sort(l, true);
	measure(l, &l->key_cols, true);
	measure(l, &l->value_cols, false);
	strbuf_printf(&l->line, "%s: %zu element%s%s\n", l->io->def->name, l->nr,
		      l->nr == 1 ? "" : "s", l->left_out ? ", and more" : "");
	for (size_t i = 0; i <= l->nr && !err; i++) {
		put_columns(l, &l->key_cols, i ? &l->elems[i - 1] : NULL, true);
		put_columns(l, &l->value_cols, i ? &l->elems[i - 1] : NULL, false);
		strbuf_putc(&l->line, '\n');
		if (i == l->nr)
			strbuf_putc(&l->line, '\n');
		err = flush(l);
	}
	return err;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int print(struct listing *l, enum event_style style)
{
	if (!l->nr)
		return 0;
	if (style == EVENT_STYLE_JSON)
		return print_json(l);
	if (l->value->symbols && l->symbols.table)
		return print_stacks(l);
	if (hist_find(l->value))
		return print_hists(l);
	return hist_is_map(l->io, l->value) ? print_hist_map(l) : print_table(l);
}

int event_map_io_print(const struct event_map_io *io, const struct btf *btf, enum event_style style,
		       write_fn write, void *ctx)
{
	struct listing l = {.io = io, .write = write, .ctx = ctx};
	int err;

	if (!has_keys(io))
		return 0;
	l.value_size = map_io_value_size(io);
	err = map_io_plans(io, btf, &l.arena, &l.key, &l.value, NULL);
	l.symbols.table = io->symbols;
	if (!err)
		l.nr_stacks = stack_mark(l.value, &l.symbols);
	if (!err)
		err = read_all(&l);
	if (!err)
		err = print(&l, style);
	mem_free(l.elems);
	strbuf_done(&l.line);
	arena_done(&l.arena);
	return err;
}

int event_map_print(struct map *map, const struct btf *btf, enum event_style style, write_fn write,
		    void *ctx)
{
	struct event_map_io io = event_map_io_of(map);

	return event_map_io_print(&io, btf, style, write, ctx);
}
