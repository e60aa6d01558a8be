/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Stacks: arrays of return addresses, innermost first, zeros behind the last. They are known by
 * their name and shown as the functions that they lie in.
 */
#include "event/field.h"
#include <string.h>

#define INDENT "        "

static bool is_stack_name(const char *name)
{
	static const char *const parts[] = {"stack", "callchain", "backtrace"};

	for (u32 i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcasestr(name, parts[i]))
			return true;
	return false;
}

static bool is_address(const struct field *f)
{
	return f->size == 8 && !f->bit_size && (f->kind == FIELD_INT || f->kind == FIELD_PTR);
}

u32 stack_mark(struct field *f, const struct field_symbols *symbols)
{
	u32 nr = 0;

	if (f->kind == FIELD_ARRAY && is_address(&f->kids[0]) && is_stack_name(f->name)) {
		f->symbols = symbols;
		return 1;
	}
	for (u32 i = 0; i < f->nr_kids && f->kind == FIELD_STRUCT; i++)
		nr += stack_mark(&f->kids[i], symbols);
	return nr;
}

static u64 address(const struct field *f, struct view v, u32 idx)
{
	u64 x = 0, off = f->off + (u64)idx * 8;

	if (in_bounds(off, 8, v.size))
		memcpy(&x, v.data + off, 8);
	return x;
}

/* Up to the first zero. */
static u32 depth(const struct field *f, struct view v)
{
	size_t room = f->off < v.size ? (v.size - f->off) / 8 : 0;
	u32 nr = 0;

	while (nr < room && (nr < f->nr || !f->nr) && address(f, v, nr))
		nr++;
	return nr;
}

static void put_address(struct strbuf *sb, const struct field *f, u64 addr, bool quoted)
{
	const struct field_symbols *s = f->symbols;
	char buf[256];

	if (!symbols_find(s->table, s->pid, addr, buf, sizeof(buf))) {
		strbuf_printf(sb, quoted ? "\"0x%llx\"" : "0x%llx", (unsigned long long)addr);
	} else if (quoted) {
		strbuf_json_string(sb, buf, strlen(buf));
	} else {
		for (char *c = buf; *c; c++) /* names of hostile programs */
			if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
				*c = '?';
		strbuf_puts(sb, buf);
	}
}

bool stack_emit(struct strbuf *sb, const struct field *f, struct view v, enum event_style style)
{
	bool json = style == EVENT_STYLE_JSON;
	u32 nr = depth(f, v);

	if (!f->symbols || !f->symbols->table || style == EVENT_STYLE_TEXT)
		return false;
	strbuf_puts(sb, json ? "[" : "");
	for (u32 i = 0; i < nr; i++) {
		strbuf_puts(sb, !i ? "" : json ? "," : ";");
		put_address(sb, f, address(f, v, i), json);
	}
	strbuf_puts(sb, json ? "]" : nr ? "" : "-");
	return true;
}

void stack_emit_lines(struct strbuf *sb, const struct field *f, struct view v)
{
	u32 nr = f->symbols && f->symbols->table ? depth(f, v) : 0;

	for (u32 i = 0; i < nr; i++) {
		strbuf_puts(sb, INDENT);
		put_address(sb, f, address(f, v, i), false);
		strbuf_putc(sb, '\n');
	}
}
