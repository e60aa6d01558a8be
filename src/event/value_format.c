/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* One value as text: a plan that is used once. Printers keep theirs. */
#include "event/field.h"
#include "event/value.h"

static void put_raw(struct strbuf *sb, const u8 *p, size_t size, enum event_style style)
{
	const char *quote = style == EVENT_STYLE_JSON ? "\"" : "";

	strbuf_puts(sb, quote);
	for (size_t i = 0; i < size; i++)
		put_hex(sb, p[i], 2);
	strbuf_puts(sb, quote);
}

void event_format(struct strbuf *sb, const struct btf *btf, u32 type_id, const void *data,
		  size_t size, enum event_style style)
{
	event_format_named(sb, btf, type_id, "", data, size, style);
}

void event_format_named(struct strbuf *sb, const struct btf *btf, u32 type_id, const char *name,
			const void *data, size_t size, enum event_style style)
{
	struct arena a = {0};
	const struct field *f;
	struct view v = {.data = data, .size = size};

	if (btf && type_id && !field_build(&a, btf, type_id, name, &f, NULL) &&
	    f->kind != FIELD_NONE)
		field_emit(sb, f, v, style);
	else
		put_raw(sb, data, size, style);
	arena_done(&a);
}
