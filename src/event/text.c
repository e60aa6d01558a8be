/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The grammar of text.h: recursive descent, bounded in depth; nodes are bounded by the text. */
#include "event/text.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct parser {
	struct arena *arena;
	const char *start, *p;
	u32 depth;
	struct skep_diag *diag;
};

static int parse_value(struct parser *ps, struct text *ret);

static int fail(struct parser *ps, const char *what)
{
	char near[24];

	snprintf(near, sizeof(near), "%s", ps->p);
	return diag_set(ps->diag, -EINVAL, "%s at character %td%s%s%s", what, ps->p - ps->start + 1,
			*near ? ", near '" : "", near, *near ? "'" : "");
}

static void skip_space(struct parser *ps)
{
	while (isspace((u8)*ps->p))
		ps->p++;
}

/* --- strings ---------------------------------------------------------------------------------- */

static void put_utf8(struct strbuf *sb, u32 c)
{
	if (c < 0x80) {
		strbuf_putc(sb, (char)c);
	} else if (c < 0x800) {
		strbuf_putc(sb, (char)(0xc0 | c >> 6));
		strbuf_putc(sb, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		strbuf_putc(sb, (char)(0xe0 | c >> 12));
		strbuf_putc(sb, (char)(0x80 | (c >> 6 & 63)));
		strbuf_putc(sb, (char)(0x80 | (c & 63)));
	} else {
		strbuf_putc(sb, (char)(0xf0 | c >> 18));
		strbuf_putc(sb, (char)(0x80 | (c >> 12 & 63)));
		strbuf_putc(sb, (char)(0x80 | (c >> 6 & 63)));
		strbuf_putc(sb, (char)(0x80 | (c & 63)));
	}
}

static bool take_hex(struct parser *ps, u32 digits, u32 *ret)
{
	u32 x = 0;

	for (u32 i = 0; i < digits; i++) {
		int c = tolower((u8)ps->p[i]);

		if (!isxdigit(c))
			return false;
		x = x * 16 + (u32)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	ps->p += digits;
	*ret = x;
	return true;
}

static bool take_unicode(struct parser *ps, struct strbuf *sb)
{
	u32 c, low;

	if (!take_hex(ps, 4, &c))
		return false;
	if (c >= 0xd800 && c < 0xdc00 && ps->p[0] == '\\' && ps->p[1] == 'u') {
		ps->p += 2;
		if (!take_hex(ps, 4, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	put_utf8(sb, c);
	return true;
}

static int take_escape(struct parser *ps, struct strbuf *sb)
{
	static const char named[] = "\"\"\\\\//''b\bf\fn\nr\rt\t0";
	char c = *ps->p;
	const char *hit = NULL;
	u32 x;

	for (u32 i = 0; i + 1 < sizeof(named) && !hit; i += 2)
		if (c && c == named[i])
			hit = named + i + 1;
	if (!c)
		return fail(ps, "the text ends in an escape");
	ps->p++;
	if (hit)
		strbuf_putc(sb, *hit);
	else if (c == 'x' && take_hex(ps, 2, &x))
		strbuf_putc(sb, (char)x);
	else if (c != 'u' || !take_unicode(ps, sb))
		return fail(ps, "an escape that is not known");
	return 0;
}

static int keep(struct parser *ps, struct text *ret, struct strbuf *sb)
{
	ret->len = sb->len;
	ret->s = arena_strndup(ps->arena, "", 0);
	if (sb->len)
		ret->s = arena_memdup(ps->arena, sb->s, sb->len + 1);
	return ret->s && !sb->failed ? 0 : diag_nomem(ps->diag);
}

static int parse_quoted(struct parser *ps, struct text *ret)
{
	char quote = *ps->p++;
	struct strbuf sb = {0};
	int err = 0;

	ret->kind = quote == '"' ? TEXT_STRING : TEXT_CHAR;
	while (!err && *ps->p != quote) {
		if (!*ps->p)
			err = fail(ps, "a string does not end");
		else if (*ps->p++ != '\\')
			strbuf_putc(&sb, ps->p[-1]);
		else
			err = take_escape(ps, &sb);
	}
	if (!err) {
		ps->p++;
		err = keep(ps, ret, &sb);
	}
	strbuf_done(&sb);
	return err;
}

/* --- words, lists, objects -------------------------------------------------------------------- */

/* A colon ends a word, but not inside fe80::1. */
static bool ends_word(const char *start, const char *p)
{
	if (!*p || strchr(",=}]", *p) || isspace((u8)*p))
		return true;
	return *p == ':' && p[1] != ':' && !memchr(start, ':', (size_t)(p - start));
}

static int parse_word(struct parser *ps, struct text *ret)
{
	const char *start = ps->p;

	while (!ends_word(start, ps->p))
		ps->p++;
	if (ps->p == start)
		return fail(ps, *start ? "a value is missing" : "the text ends too early");
	if (*start == '.' && (isalpha((u8)start[1]) || start[1] == '_'))
		start++; /* a designator */
	ret->kind = TEXT_WORD;
	ret->len = (size_t)(ps->p - start);
	ret->s = arena_strndup(ps->arena, start, ret->len);
	return ret->s ? 0 : diag_nomem(ps->diag);
}

typedef VEC(struct text) text_vec;

static int parse_item(struct parser *ps, text_vec *keys, text_vec *values, bool may_have_key)
{
	struct text *value = VEC_PUSH(values), *key;
	int err = value ? parse_value(ps, value) : diag_nomem(ps->diag);

	skip_space(ps);
	if (err || !may_have_key || (*ps->p != ':' && *ps->p != '='))
		return err;
	ps->p++;
	key = VEC_PUSH(keys);
	if (!key)
		return diag_nomem(ps->diag);
	*key = *value;
	*value = (struct text){0};
	return parse_value(ps, value);
}

static int parse_items(struct parser *ps, text_vec *keys, text_vec *values, char end)
{
	int err = 0;

	for (skip_space(ps); *ps->p != end && !err; skip_space(ps)) {
		err = parse_item(ps, keys, values, end == '}');
		if (err)
			return err;
		if (keys->nr && keys->nr != values->nr)
			return fail(ps, "some members have names and some do not");
		skip_space(ps);
		if (*ps->p == ',')
			ps->p++;
		else if (*ps->p != end)
			return fail(ps,
				    end == '}' ? "',' or '}' is missing" : "',' or ']' is missing");
	}
	return err;
}

static int parse_list(struct parser *ps, struct text *ret)
{
	char end = *ps->p++ == '{' ? '}' : ']';
	text_vec keys = {0}, values = {0};
	int err;

	if (++ps->depth > TEXT_MAX_DEPTH)
		return fail(ps, "the nesting is too deep");
	err = parse_items(ps, &keys, &values, end);
	if (!err) {
		ps->p++;
		ps->depth--;
		ret->kind = keys.nr ? TEXT_OBJECT : TEXT_LIST;
		ret->nr = (u32)values.nr;
		ret->keys = arena_memdup(ps->arena, keys.data, keys.nr * sizeof(*keys.data));
		ret->values = arena_memdup(ps->arena, values.data,
					   values.nr * sizeof(*values.data));
		if ((keys.nr && !ret->keys) || (values.nr && !ret->values))
			err = diag_nomem(ps->diag);
	}
	VEC_DONE(&keys);
	VEC_DONE(&values);
	return err;
}

static int parse_value(struct parser *ps, struct text *ret)
{
	skip_space(ps);
	*ret = (struct text){.s = ""};
	if (*ps->p == '{' || *ps->p == '[')
		return parse_list(ps, ret);
	if (*ps->p == '"' || *ps->p == '\'')
		return parse_quoted(ps, ret);
	return parse_word(ps, ret);
}

int text_parse(struct arena *a, const char *s, struct text *ret, struct skep_diag *diag)
{
	struct parser ps = {.arena = a, .start = s, .p = s, .diag = diag};
	int err = parse_value(&ps, ret);

	skip_space(&ps);
	if (!err && *ps.p)
		err = fail(&ps, "there is more behind the value");
	return err;
}

struct text text_word(const char *s)
{
	return (struct text){.kind = TEXT_WORD, .s = s, .len = strlen(s)};
}

/* --- numbers ---------------------------------------------------------------------------------- */

static u32 take_base(const char **s)
{
	const char *p = *s;

	if (p[0] != '0')
		return 10;
	if (p[1] == 'x' || p[1] == 'X' || p[1] == 'b' || p[1] == 'B') {
		*s += 2;
		return (p[1] | 32) == 'x' ? 16 : 2;
	}
	return isdigit((u8)p[1]) ? 8 : 10;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* 1 where there is no suffix, 0 where there is something else */
static u64 suffix_factor(const char *s)
{
	static const char letters[] = "kmgt";
	const char *hit = *s ? strchr(letters, *s | 32) : NULL;
	bool binary = hit && s[1] == 'i';
	u64 factor = 1;

	if (!*s)
		return 1;
	if (!hit || s[1 + binary])
		return 0;
	for (const char *p = letters; p <= hit; p++)
		factor *= binary ? 1024 : 1000;
	return factor;
}

int text_number(const char *s, u32 bits, bool is_signed, u64 *ret)
{
	bool negative = *s == '-', over = false;
	u64 x = 0, factor, max;
	const char *start;
	u32 base;

	s += *s == '-' || *s == '+';
	base = take_base(&s);
	for (start = s; digit_of(*s) < (int)base; s++)
		over |= __builtin_mul_overflow(x, (u64)base, &x) ||
			__builtin_add_overflow(x, (u64)digit_of(*s), &x);
	factor = suffix_factor(s);
	if (s == start || !factor)
		return -EINVAL;
	over |= __builtin_mul_overflow(x, factor, &x);
	max = is_signed ? (1ull << (bits - 1)) - !negative : ~0ull >> (64 - bits);
	if (negative && !is_signed)
		max = 0;
	if (over || x > max)
		return -ERANGE;
	*ret = negative ? 0 - x : x;
	return 0;
}
