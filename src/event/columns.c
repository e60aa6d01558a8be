/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Columns: the leaves of a record's plan, in the order of the struct, but the longest text last,
 * where it needs no padding and is not cut. A struct is not a column, its members are; a union
 * whose member is chosen by a tag, and an array, are one column each.
 */
#include "event/columns.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

#define MAX_ITEMS 256

struct builder {
	struct arena *arena;
	struct columns *c;
	bool nomem;
};

static const struct {
	enum column_kind kind;
	const char *name;
	u32 width;
	bool right;
} pseudo[] = {
	{COLUMN_TIME, "time", 14, true},
	{COLUMN_MAP, "map", 8, false},
	{COLUMN_CPU, "cpu", 3, true},
};

/* --- widths ----------------------------------------------------------------------------------- */

static u32 enum_width(const struct field *f)
{
	size_t width = 0;
	u32 nr = btf_vlen(f->enums);

	for (u32 i = 0; i < nr; i++) {
		u32 off = btf_is_enum64(f->enums) ? btf_enum64(f->enums)[i].name_off
						  : btf_enum(f->enums)[i].name_off;
		const char *name = btf__name_by_offset(f->btf, off);

		width = max_u64(width, name ? strlen(name) : 0);
	}
	return width > 20 ? 20 : (u32)width;
}

static u32 int_width(const struct field *f)
{
	static const u8 by_hint[] = {
		[HINT_ERRNO] = 7, [HINT_SIGNAL] = 7, [HINT_STAMP] = 13, [HINT_SPAN] = 9,
		[HINT_HEX] = 6,   [HINT_OCTAL] = 5,  [HINT_FAMILY] = 8, [HINT_PORT] = 5,
	};

	if (f->hint < ARRAY_SIZE(by_hint) && by_hint[f->hint])
		return by_hint[f->hint];
	if (f->bit_size)
		return 1 + f->bit_size / 4;
	return f->size == 1 ? 3 : f->size == 2 ? 5 : f->size == 4 ? 6 : 8;
}

/* What its elements may come to: stacks are wide though they start with zeros. */
static u32 array_width(const struct field *f)
{
	const struct field *elem = &f->kids[0];
	u64 each = elem->kind != FIELD_INT  ? 8
		   : elem->hint == HINT_HEX ? 4 + elem->size * 2
					    : elem->size + 1;

	return (u32)min_u64(each * min_u64(f->nr ? f->nr : 8, 8), 40);
}

static u32 natural_width(const struct field *f)
{
	static const u8 by_kind[FIELD_NR_KINDS] = {
		[FIELD_BOOL] = 5,  [FIELD_CHAR] = 1,   [FIELD_FLOAT] = 8, [FIELD_PTR] = 14,
		[FIELD_ADDR] = 15, [FIELD_MAC] = 17,   [FIELD_BYTES] = 8, [FIELD_LPM] = 18,
		[FIELD_UNION] = 8, [FIELD_STRUCT] = 8,
	};

	if (f->kind == FIELD_INT)
		return int_width(f);
	if (f->kind == FIELD_ENUM)
		return enum_width(f);
	if (f->kind == FIELD_TEXT)
		return f->size && f->size <= 16 ? f->size - 1 : 16;
	if (f->kind == FIELD_ARRAY)
		return array_width(f);
	return by_kind[f->kind];
}

/* --- making them ------------------------------------------------------------------------------ */

static const char *upper(struct builder *b, const char *name)
{
	char *s = arena_strdup(b->arena, name);

	b->nomem |= !s;
	for (char *p = s; p && *p; p++)
		*p = (char)toupper((u8)*p);
	return s ? s : "";
}

static struct column *add(struct builder *b, enum column_kind kind, const char *path, u32 width,
			  bool right)
{
	struct column *col;

	if (b->c->nr >= COLUMNS_MAX || !path) {
		b->nomem |= !path;
		return NULL;
	}
	col = &b->c->cols[b->c->nr++];
	*col = (struct column){.kind = kind, .path = path, .width = width, .right = right};
	col->on = true;
	return col;
}

static bool is_right(const struct field *f)
{
	return (f->kind == FIELD_INT && f->hint != HINT_ERRNO && f->hint != HINT_SIGNAL &&
		f->hint != HINT_FAMILY) ||
	       f->kind == FIELD_FLOAT || f->kind == FIELD_PTR;
}

static const char *join(struct builder *b, const char *prefix, const char *name)
{
	if (!*prefix)
		return name;
	if (!*name)
		return prefix;
	return arena_printf(b->arena, "%s.%s", prefix, name);
}

static void add_fields(struct builder *b, struct field *f, const char *prefix)
{
	const char *path = join(b, prefix, f->name);
	struct column *col;

	if (f->kind == FIELD_NONE || b->nomem || !path)
		return;
	if (f->kind == FIELD_STRUCT && f->nr_kids) {
		for (u32 i = 0; i < f->nr_kids; i++)
			add_fields(b, &f->kids[i], path);
		return;
	}
	if (f->kind == FIELD_UNION && !f->tag && f->nr_kids) {
		add_fields(b, (struct field *)field_choose(f, (struct view){0}), path);
		return;
	}
	if (!*f->name)
		path = join(b, prefix, f->kind == FIELD_UNION ? "detail" : "value");
	col = add(b, COLUMN_FIELD, path, natural_width(f), is_right(f));
	if (col)
		col->field = f;
	if (col && f->kind == FIELD_ARRAY)
		col->least = col->width;
}

static const char *leaf(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? dot + 1 : path;
}

/* DEPTH for "fname.depth", unless there is another depth. */
static void name_heads(struct builder *b)
{
	for (u32 i = 0; i < b->c->nr; i++) {
		struct column *col = &b->c->cols[i];
		u32 same = 0;

		for (u32 k = 0; k < b->c->nr; k++)
			same += !strcasecmp(leaf(b->c->cols[k].path), leaf(col->path));
		col->head = upper(b, same > 1 ? col->path : leaf(col->path));
		col->width = (u32)max_u64(col->width, strlen(col->head));
	}
}

static u64 text_weight(const struct column *col)
{
	const struct field *f = col->field;

	if (!f || (f->kind != FIELD_TEXT && f->kind != FIELD_UNION))
		return 0;
	if (f->kind == FIELD_UNION)
		return f->size + 33;
	return f->words || !f->size ? UINT64_MAX : f->size > 32 ? f->size : 0;
}

/* The longest text goes last. */
static void text_last(struct columns *c)
{
	struct column longest;
	u32 at = c->nr;

	for (u32 i = 0; i < c->nr; i++)
		if (text_weight(&c->cols[i]) &&
		    (at == c->nr || text_weight(&c->cols[i]) >= text_weight(&c->cols[at])))
			at = i;
	if (at == c->nr)
		return;
	longest = c->cols[at];
	memmove(&c->cols[at], &c->cols[at + 1], (c->nr - at - 1) * sizeof(longest));
	c->cols[c->nr - 1] = longest;
}

static void add_pseudo(struct builder *b, bool is_printk)
{
	for (u32 i = 0; i < ARRAY_SIZE(pseudo); i++) {
		struct column *col = NULL;
		bool taken = false;

		for (u32 k = 0; k < b->c->nr; k++)
			taken |= !strcmp(b->c->cols[k].path, pseudo[i].name);
		if (!taken)
			col = add(b, pseudo[i].kind, pseudo[i].name, pseudo[i].width,
				  pseudo[i].right);
		if (col)
			col->on = is_printk && pseudo[i].kind == COLUMN_CPU;
	}
}

static void set_shown(struct columns *c)
{
	c->nr_shown = 0;
	for (u32 i = 0; i < c->nr; i++)
		if (c->cols[i].kind >= COLUMN_TIME && c->cols[i].on &&
		    c->cols[i].kind <= COLUMN_MAP)
			c->shown[c->nr_shown++] = &c->cols[i];
	for (u32 i = 0; i < c->nr; i++)
		if (c->cols[i].kind == COLUMN_CPU && c->cols[i].on)
			c->shown[c->nr_shown++] = &c->cols[i];
	for (u32 i = 0; i < c->nr; i++)
		if ((c->cols[i].kind < COLUMN_TIME || c->cols[i].kind > COLUMN_CPU) &&
		    c->cols[i].on)
			c->shown[c->nr_shown++] = &c->cols[i];
}

int columns_new(struct arena *a, struct field *root, bool is_printk, struct columns *ret,
		struct skep_diag *diag)
{
	struct builder b = {.arena = a, .c = ret};

	*ret = (struct columns){0};
	ret->cols = arena_calloc(a, COLUMNS_MAX, sizeof(*ret->cols));
	ret->shown = arena_calloc(a, COLUMNS_MAX, sizeof(*ret->shown));
	if (!ret->cols || !ret->shown)
		return diag_nomem(diag);
	if (root) {
		add_fields(&b, root, "");
		text_last(ret);
	} else if (is_printk) {
		add(&b, COLUMN_PID, "pid", 7, true);
		add(&b, COLUMN_COMM, "comm", 15, false);
		add(&b, COLUMN_TEXT, "text", 0, false);
	} else {
		add(&b, COLUMN_SIZE, "size", 4, true);
		add(&b, COLUMN_DATA, "data", 0, false);
	}
	add_pseudo(&b, is_printk);
	name_heads(&b);
	set_shown(ret);
	return b.nomem ? diag_nomem(diag) : 0;
}

/* --- choosing --------------------------------------------------------------------------------- */

u32 columns_nr_items(const char *list)
{
	u32 nr = 1;

	for (; *list && nr < MAX_ITEMS; list++)
		nr += *list == ',';
	return nr;
}

/* Item number i without blanks and sign; *sign is '+', '-' or 0. */
static void item_at(const char *list, u32 i, char *sign, char *name, size_t size)
{
	size_t len;

	while (i--)
		list = strchr(list, ',') + 1;
	while (*list == ' ')
		list++;
	*sign = *list == '+' || *list == '-' ? *list++ : 0;
	len = strcspn(list, ",");
	while (len && list[len - 1] == ' ')
		len--;
	if (len >= size)
		len = size - 1;
	memcpy(name, list, len);
	name[len] = 0;
}

/* "fname" names all of fname.*, "depth" names fname.depth; a union's member names all of it. */
static bool names(const char *name, const struct column *col)
{
	size_t len = strlen(name);

	for (u32 i = 0; col->field && i < col->field->nr_kids; i++)
		if (col->field->kind == FIELD_UNION && !strcmp(name, col->field->kids[i].name))
			return true;
	if (!strcasecmp(name, col->path) || !strcasecmp(name, leaf(col->path)))
		return true;
	return len && !strncmp(name, col->path, len) && col->path[len] == '.';
}

static void show(struct columns *c, struct column *col)
{
	if (!col->on)
		c->shown[c->nr_shown++] = col;
	col->on = true;
}

static void hide(struct columns *c, struct column *col)
{
	u32 kept = 0;

	col->on = false;
	for (u32 i = 0; i < c->nr_shown; i++)
		if (c->shown[i] != col)
			c->shown[kept++] = c->shown[i];
	c->nr_shown = kept;
}

static void apply(struct columns *c, const char *name, char sign, bool *used)
{
	for (u32 i = 0; i < c->nr; i++) {
		if (!names(name, &c->cols[i]))
			continue;
		*used = true;
		(sign == '-' ? hide : show)(c, &c->cols[i]);
	}
}

int columns_choose(struct arena *a, struct columns *c, const char *list, bool *used,
		   struct skep_diag *diag)
{
	u32 nr = columns_nr_items(list);
	bool from_none = false;
	char sign, name[128];

	for (u32 i = 0; i < nr; i++) {
		item_at(list, i, &sign, name, sizeof(name));
		from_none |= !sign && *name;
	}
	for (u32 i = 0; i < c->nr && from_none; i++)
		hide(c, &c->cols[i]);
	for (u32 i = 0; i < nr; i++) {
		item_at(list, i, &sign, name, sizeof(name));
		if (*name)
			apply(c, name, sign, &used[i]);
		else
			used[i] = true;
	}
	c->chosen = true;
	for (u32 i = 0; i < c->nr; i++)
		if (c->cols[i].field)
			c->cols[i].field->hidden = !c->cols[i].on;
	return 0;
}

int columns_no_such(const struct columns *c, const char *list, u32 item, struct skep_diag *diag)
{
	struct strbuf sb = {0};
	char sign, name[128];
	int err;

	item_at(list, item, &sign, name, sizeof(name));
	for (u32 i = 0; i < c->nr; i++)
		strbuf_printf(&sb, "%s%s", i ? ", " : "", c->cols[i].path);
	err = diag_set(diag, -EINVAL, "there is no field '%s'; the fields are: %s", name,
		       strbuf_str(&sb));
	strbuf_done(&sb);
	return err;
}

/* --- cells ------------------------------------------------------------------------------------ */

static void put_data(struct strbuf *sb, const struct skep_event *ev)
{
	const u8 *p = ev->data;

	for (size_t i = 0; i < ev->size; i++)
		put_hex(sb, p[i], 2);
}

void columns_cell(struct strbuf *sb, const struct column *col, const struct skep_event *ev)
{
	struct view v = {.data = ev->data, .size = ev->size};
	struct field text = {.kind = FIELD_TEXT, .name = "", .size = (u32)ev->size};
	struct view comm = {.data = (const u8 *)ev->comm, .size = ev->comm ? strlen(ev->comm) : 0};

	switch (col->kind) {
	case COLUMN_FIELD:
		field_emit(sb, col->field, v, EVENT_STYLE_CELL);
		break;
	case COLUMN_DATA:
		put_data(sb, ev);
		break;
	case COLUMN_SIZE:
		put_u64(sb, ev->size);
		break;
	case COLUMN_TIME:
		put_stamp(sb, ev->time_ns, 1000000000);
		break;
	case COLUMN_MAP:
		strbuf_puts(sb, ev->map ? ev->map : "printk");
		break;
	case COLUMN_CPU:
		put_u64(sb, ev->cpu);
		break;
	case COLUMN_PID:
		put_u64(sb, ev->pid);
		break;
	case COLUMN_COMM:
		text.size = (u32)comm.size;
		field_emit(sb, &text, comm, EVENT_STYLE_CELL);
		break;
	case COLUMN_TEXT:
		field_emit(sb, &text, v, EVENT_STYLE_CELL);
		break;
	}
}
