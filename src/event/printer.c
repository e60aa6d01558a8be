/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The printer of an object's events. Each type of record of each buffer, and printk, has a layout:
 * its plan and its columns, made when the printer is made; an event only looks its layout up.
 */
#include "event/printer.h"
#include "base/log.h"
#include "base/mem.h"
#include "event/json.h"
#include "event/rectype.h"
#include "event/table.h"
#include <errno.h>
#include <string.h>

/* Kinds of rows that take turns: a header serves as long as a person still sees it. */
#define HEADED_FOR 20

#define MAX_ORDERED 64 /* fields of one type whose byte order is looked for */

struct layout {
	const char *map; /* NULL: printk */
	const struct rectype *type;
	struct field *root; /* NULL: of unknown type, or printk */
	struct columns columns;
	bool fitted, warned;
	u32 nr_stacks;
	u64 headed_at; /* the row that its header stood above, from 1; 0: none */
};

struct event_printer {
	struct arena arena;
	struct rectypes types;
	struct layout *layouts; /* by map, a layout per type; printk last */
	u32 nr_layouts;
	struct symbols *const *symbols; /* NULL: addresses stay numbers */
	struct field_symbols current;   /* for the record that is printed */
	const struct layout *headed;    /* of the last row */
	u64 nr_rows;
	enum skep_format format;
	u32 width;
	skep_write_fn write;
	void *ctx;
	struct strbuf line;
};

/* --- making it -------------------------------------------------------------------------------- */

/* A struct that shows nothing is not shown. */
static bool hide_empty(struct field *f)
{
	bool all = true;

	if (!f->nr_kids || (f->kind != FIELD_STRUCT && f->kind != FIELD_UNION))
		return f->hidden || f->kind == FIELD_NONE;
	if (f->kind == FIELD_UNION && !f->tag)
		return f->hidden = hide_empty((struct field *)field_choose(f, (struct view){0}));
	if (f->kind == FIELD_UNION)
		return f->hidden;
	for (u32 i = 0; i < f->nr_kids; i++)
		all &= hide_empty(&f->kids[i]);
	return f->hidden = all;
}

/* `__u16 dport` says no byte order; what the program stores there may. */
static void find_order(struct event_printer *p, const char *map, struct field *f, u32 *budget)
{
	if (f->hint == HINT_PORT && f->kind == FIELD_INT && !f->big_endian && *budget) {
		--*budget;
		f->big_endian = flow_is_network(&p->types.flow, map, f->off);
	}
	for (u32 i = 0; i < f->nr_kids && f->kind != FIELD_ARRAY; i++)
		find_order(p, map, &f->kids[i], budget);
}

static int add_layout(struct event_printer *p, const char *map, const struct rectype *type,
		      struct skep_diag *diag)
{
	struct layout *l = &p->layouts[p->nr_layouts++];
	const struct field *root = NULL;
	u32 budget = MAX_ORDERED;
	int err = 0;

	l->map = map;
	l->type = type;
	if (type)
		err = field_build(&p->arena, type->btf, type->type_id, "", &root, diag);
	l->root = (struct field *)root;
	if (root)
		find_order(p, map, l->root, &budget);
	if (root)
		l->nr_stacks = stack_mark(l->root, &p->current);
	if (!err)
		err = columns_new(&p->arena, l->root, !map, &l->columns, diag);
	return err;
}

static int add_layouts(struct event_printer *p, struct skep_diag *diag)
{
	u32 nr = 1;
	int err = 0;

	for (u32 i = 0; i < p->types.nr_maps; i++)
		nr += p->types.maps[i].nr_types + 1;
	p->layouts = arena_calloc(&p->arena, nr, sizeof(*p->layouts));
	if (!p->layouts)
		return diag_nomem(diag);
	for (u32 i = 0; i < p->types.nr_maps && !err; i++) {
		struct rectype_map *map = &p->types.maps[i];

		for (u32 k = 0; k < map->nr_types && !err; k++)
			err = add_layout(p, map->name, &map->types[k], diag);
		if (!map->nr_types && !err)
			err = add_layout(p, map->name, NULL, diag);
	}
	return err ? err : add_layout(p, NULL, NULL, diag);
}

/* A name must mean something in one of the layouts; printk lines stay whole beside records. */
static int choose_fields(struct event_printer *p, const char *list, struct skep_diag *diag)
{
	u32 nr = columns_nr_items(list), nr_layouts = p->nr_layouts - (p->nr_layouts > 1);
	bool *used = arena_calloc(&p->arena, nr, sizeof(*used));
	int err = used ? 0 : diag_nomem(diag);

	for (u32 i = 0; i < nr_layouts && !err; i++)
		err = columns_choose(&p->arena, &p->layouts[i].columns, list, used, diag);
	for (u32 i = 0; i < nr_layouts && !err; i++)
		if (p->layouts[i].root)
			hide_empty(p->layouts[i].root);
	for (u32 i = 0; i < nr && !err; i++)
		if (!used[i])
			err = columns_no_such(&p->layouts[0].columns, list, i, diag);
	return err;
}

int event_printer_new(const struct object *obj, const struct skep_printer_opts *opts,
		      skep_write_fn write, void *ctx, struct event_printer **ret,
		      struct skep_diag *diag)
{
	struct event_printer *p = mem_zalloc(sizeof(*p));
	int err;

	if (!p)
		return diag_nomem(diag);
	p->write = write;
	p->ctx = ctx;
	p->format = opts ? opts->format : SKEP_FORMAT_TABLE;
	p->width = opts && opts->width > 0 ? (u32)opts->width : 80;
	err = rectypes_new(obj, &p->types, diag);
	if (!err)
		err = add_layouts(p, diag);
	if (!err && opts && opts->fields && *opts->fields)
		err = choose_fields(p, opts->fields, diag);
	if (err) {
		event_printer_free(p);
		return err;
	}
	*ret = p;
	return 0;
}

void event_printer_symbols(struct event_printer *p, struct symbols *const *symbols)
{
	p->symbols = symbols;
}

struct event_printer *event_printer_free(struct event_printer *p)
{
	if (!p)
		return NULL;
	rectypes_done(&p->types);
	strbuf_done(&p->line);
	arena_done(&p->arena);
	mem_free(p);
	return NULL;
}

/* --- events ----------------------------------------------------------------------------------- */

static struct layout *find_layout(struct event_printer *p, const struct skep_event *ev)
{
	struct layout *l = p->layouts;

	if (ev->kind == SKEP_EVENT_PRINTK || !ev->map)
		return &p->layouts[p->nr_layouts - 1];
	for (u32 i = 0; i < p->types.nr_maps; i++) {
		const struct rectype_map *map = &p->types.maps[i];
		int at;

		if (strcmp(map->name, ev->map)) {
			l += map->nr_types ? map->nr_types : 1;
			continue;
		}
		at = rectype_pick(map, ev->size);
		return at < 0 ? l : l + at;
	}
	return NULL;
}

static void warn_untyped(struct layout *l)
{
	if (l->root || !l->map || l->warned)
		return;
	l->warned = true;
	log_warn("%s: the type of its records is not known, they are shown in hex; name it in the "
		 "map: __type(value, struct …), and compile with -g",
		 l->map);
}

static int flush(struct event_printer *p)
{
	if (p->line.failed)
		return -ENOMEM;
	return p->write(p->ctx, p->line.s, p->line.len);
}

/* The process of a record: what it calls so. */
static u32 pid_of(const struct field *root, struct view v)
{
	u64 pid = 0;

	for (u32 i = 0; i < root->nr_kids; i++) {
		const struct field *f = &root->kids[i];

		if (f->kind == FIELD_INT && !strcmp(f->name, "tgid") && field_read(f, v, &pid))
			return (u32)pid;
		if (f->kind == FIELD_INT && !strcmp(f->name, "pid"))
			field_read(f, v, &pid);
	}
	return (u32)pid;
}

/* Stacks that no probe of ours has taken: those of the kernel's own events. */
static void note_stacks(struct event_printer *p, const struct field *f, struct view v)
{
	if (f->symbols && in_bounds(f->off, f->size, v.size) && f->off % 8 == 0)
		symbols_note(p->current.table, p->current.pid, (const u64 *)(v.data + f->off),
			     (u32)min_u64(f->nr, 16));
	for (u32 i = 0; i < f->nr_kids && f->kind == FIELD_STRUCT; i++)
		note_stacks(p, &f->kids[i], v);
}

static void set_symbols(struct event_printer *p, const struct layout *l,
			const struct skep_event *ev)
{
	struct view v = {.data = ev->data, .size = ev->size};

	p->current.table = p->symbols ? *p->symbols : NULL;
	if (!l->nr_stacks || !p->current.table)
		return;
	p->current.pid = pid_of(l->root, v);
	if (p->current.pid)
		note_stacks(p, l->root, v);
}

static bool is_shown(const struct layout *l, const struct field *f)
{
	for (u32 i = 0; i < l->columns.nr_shown; i++)
		if (l->columns.shown[i]->field == f)
			return true;
	return false;
}

/* Stacks have no room in a row: they follow it. */
static void put_stacks(struct event_printer *p, const struct layout *l, const struct field *f,
		       struct view v)
{
	if (f->symbols && !f->hidden && !is_shown(l, f))
		stack_emit_lines(&p->line, f, v);
	for (u32 i = 0; i < f->nr_kids && f->kind == FIELD_STRUCT; i++)
		put_stacks(p, l, &f->kids[i], v);
}

static void drop_stacks(struct columns *c)
{
	u32 nr = 0;

	for (u32 i = 0; i < c->nr_shown && !c->chosen; i++)
		if (!c->shown[i]->field || !c->shown[i]->field->symbols)
			c->shown[nr++] = c->shown[i];
	if (!c->chosen)
		c->nr_shown = nr;
}

static int print_table(struct event_printer *p, struct layout *l, const struct skep_event *ev)
{
	if (!l->columns.nr_shown)
		return 0;
	if (!l->fitted && l->nr_stacks && p->current.table)
		drop_stacks(&l->columns);
	if (!l->fitted)
		table_fit(&l->columns, ev, p->width);
	l->fitted = true;
	if (p->headed != l && (!l->headed_at || p->nr_rows - l->headed_at >= HEADED_FOR)) {
		if (p->headed)
			strbuf_putc(&p->line, '\n');
		table_header(&p->line, &l->columns);
		l->headed_at = p->nr_rows + 1;
	}
	p->headed = l;
	p->nr_rows++;
	table_row(&p->line, &l->columns, ev);
	if (l->nr_stacks)
		put_stacks(p, l, l->root, (struct view){.data = ev->data, .size = ev->size});
	return flush(p);
}

/* Records of several buffers in one stream say where they are from. */
static const char *json_name(const struct event_printer *p, const struct layout *l)
{
	if (!l->map)
		return p->types.nr_maps ? "printk" : NULL;
	return p->types.nr_maps > 1 ? l->map : NULL;
}

/* An iterator that writes structs: bytes, 16 a line. */
static int print_raw(struct event_printer *p, const struct skep_event *ev)
{
	const u8 *s = ev->data;
	bool json = p->format == SKEP_FORMAT_JSON;

	if (json) {
		strbuf_puts(&p->line, "{\"program\":");
		strbuf_json_string(&p->line, ev->map, strlen(ev->map));
		strbuf_puts(&p->line, ",\"output\":\"");
	} else {
		strbuf_printf(&p->line, "output of %s: %zu bytes", ev->map, ev->size);
	}
	for (size_t i = 0; i < ev->size; i++) {
		if (!json && i % 16 == 0)
			strbuf_printf(&p->line, "\n  %04zx ", i);
		strbuf_printf(&p->line, json ? "%02x" : " %02x", s[i]);
	}
	strbuf_puts(&p->line, json ? "\"}\n" : "\n");
	return flush(p);
}

/* What programs write may hold names of hostile processes: a terminal gets no control character. */
static void add_clean(struct strbuf *sb, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		u8 c = (u8)s[i];
		bool is_c1 = c == 0xc2 && i + 1 < len && ((u8)s[i + 1] & 0xe0) == 0x80;
		bool speaks = (c < ' ' && c != '\n' && c != '\t') || c == 0x7f || is_c1;

		strbuf_putc(sb, speaks ? '?' : (char)c);
		i += is_c1;
	}
}

/* Text is shown as it is; in JSON a line is an object. */
static int print_text(struct event_printer *p, const struct skep_event *ev)
{
	const char *s = ev->data, *end = s + ev->size;

	if (memchr(s, 0, ev->size))
		return print_raw(p, ev);
	for (; s < end && p->format == SKEP_FORMAT_JSON; s++) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t len = (size_t)((nl ? nl : end) - s);

		strbuf_puts(&p->line, "{\"program\":");
		strbuf_json_string(&p->line, ev->map, strlen(ev->map));
		strbuf_puts(&p->line, ",\"text\":");
		strbuf_json_string(&p->line, s, len);
		strbuf_puts(&p->line, "}\n");
		s += len;
	}
	if (p->format != SKEP_FORMAT_JSON)
		add_clean(&p->line, s, (size_t)(end - s));
	return p->line.len ? flush(p) : 0;
}

int event_printer_event(struct event_printer *p, const struct skep_event *ev)
{
	struct layout *l = ev->kind == SKEP_EVENT_TEXT ? NULL : find_layout(p, ev);

	strbuf_reset(&p->line);
	if (ev->kind == SKEP_EVENT_TEXT)
		return print_text(p, ev);
	if (!l)
		return -ENOENT;
	warn_untyped(l);
	set_symbols(p, l, ev);
	if (p->format == SKEP_FORMAT_TABLE)
		return print_table(p, l, ev);
	json_row(&p->line, &l->columns, l->root, ev, json_name(p, l));
	return flush(p);
}
