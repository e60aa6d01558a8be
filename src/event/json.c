/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Records as JSON: an object per line, in the order of the struct, nested as the struct is. */
#include "event/json.h"
#include <string.h>

/* {"map":…, "time":…} in front, then the record's own members */
static void put_pseudo(struct strbuf *sb, const struct column *col, const struct skep_event *ev,
		       const char **sep)
{
	bool quoted = col->kind == COLUMN_MAP || col->kind == COLUMN_DATA;

	strbuf_puts(sb, *sep);
	*sep = ",";
	strbuf_printf(sb, "\"%s\":", col->path);
	if (col->kind == COLUMN_COMM)
		strbuf_json_string(sb, ev->comm ? ev->comm : "", ev->comm ? strlen(ev->comm) : 0);
	else if (col->kind == COLUMN_TEXT)
		strbuf_json_string(sb, ev->data, ev->size);
	else if (col->kind == COLUMN_TIME)
		put_u64(sb, ev->time_ns);
	else {
		strbuf_puts(sb, quoted ? "\"" : "");
		columns_cell(sb, col, ev);
		strbuf_puts(sb, quoted ? "\"" : "");
	}
}

static void put_value(struct strbuf *sb, const struct field *root, struct view v, const char *sep)
{
	strbuf_puts(sb, sep);
	strbuf_puts(sb, "\"value\":");
	field_emit(sb, root, v, EVENT_STYLE_JSON);
}

/* What lies behind the type: more than the padding of a perf record. */
static void put_extra(struct strbuf *sb, const struct field *root, struct view v, const char *sep)
{
	const struct field *last = root->nr_kids ? &root->kids[root->nr_kids - 1] : NULL;

	if (v.size < (size_t)root->size + 8 || (last && !last->size && last->kind != FIELD_NONE))
		return;
	strbuf_puts(sb, sep);
	strbuf_puts(sb, "\"_more\":\"");
	for (size_t i = root->size; i < v.size; i++)
		put_hex(sb, v.data[i], 2);
	strbuf_putc(sb, '"');
}

void json_row(struct strbuf *sb, const struct columns *c, const struct field *root,
	      const struct skep_event *ev, const char *name)
{
	struct view v = {.data = ev->data, .size = ev->size};
	const char *sep = "";

	strbuf_putc(sb, '{');
	if (name) {
		strbuf_puts(sb, "\"map\":");
		strbuf_json_string(sb, name, strlen(name));
		sep = ",";
	}
	for (u32 i = 0; i < c->nr_shown; i++)
		if (c->shown[i]->kind != COLUMN_FIELD && (!name || c->shown[i]->kind != COLUMN_MAP))
			put_pseudo(sb, c->shown[i], ev, &sep);
	if (root && (root->kind == FIELD_STRUCT || root->kind == FIELD_UNION)) {
		field_emit_members(sb, root, v, &sep);
		if (!c->chosen)
			put_extra(sb, root, v, sep);
	} else if (root) {
		put_value(sb, root, v, sep);
	}
	strbuf_puts(sb, "}\n");
}
