/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Writing a value by its plan, as JSON or as text. One function per kind of field; what the record
 * does not have (it is shorter than its type) is null in JSON and "-" in a table.
 */
#include "event/field.h"
#include <arpa/inet.h>
#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef void (*emit_fn)(struct strbuf *sb, const struct field *f, struct view v,
			enum event_style style);

/* --- reading ---------------------------------------------------------------------------------- */

bool field_is_there(const struct field *f, struct view v)
{
	return in_bounds(f->off, f->size, v.size);
}

static u64 read_bits(const u8 *p, const struct field *f)
{
	unsigned __int128 x = 0;
	u64 r;

	memcpy(&x, p, f->size < sizeof(x) ? f->size : sizeof(x));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	r = (u64)(x << f->bit_off >> (128 - f->bit_size));
#else
	r = (u64)(x >> f->bit_off);
#endif
	if (f->bit_size >= 64)
		return r;
	r &= (1ull << f->bit_size) - 1;
	if (f->is_signed && r >> (f->bit_size - 1))
		r |= ~0ull << f->bit_size;
	return r;
}

static u64 read_uint(const u8 *p, u32 size, bool big_endian)
{
	u16 x2;
	u32 x4;
	u64 x8 = 0;

	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&x2, p, 2);
		return big_endian ? be16toh(x2) : x2;
	case 4:
		memcpy(&x4, p, 4);
		return big_endian ? be32toh(x4) : x4;
	default:
		memcpy(&x8, p, size < 8 ? size : 8);
		return big_endian ? be64toh(x8) : x8;
	}
}

bool field_read(const struct field *f, struct view v, u64 *ret)
{
	u64 x;

	if (!field_is_there(f, v))
		return false;
	if (f->bit_size) {
		*ret = read_bits(v.data + f->off, f);
		return true;
	}
	x = read_uint(v.data + f->off, f->size, f->big_endian);
	if (f->is_signed && f->size < 8 && f->size && x >> (f->size * 8 - 1))
		x |= ~0ull << (f->size * 8);
	*ret = x;
	return true;
}

static void emit_missing(struct strbuf *sb, enum event_style style)
{
	strbuf_puts(sb, style == EVENT_STYLE_JSON ? "null" : "-");
}

/* --- text ------------------------------------------------------------------------------------- */

static void put_json(struct strbuf *sb, const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && (u8)s[i] >= 0x20 && (u8)s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
		i++;
	if (i < len) {
		strbuf_json_string(sb, s, len);
		return;
	}
	strbuf_putc(sb, '"');
	strbuf_add(sb, s, len);
	strbuf_putc(sb, '"');
}

/* For a terminal: what JSON would escape is escaped, without the quotes. */
static void put_plain(struct strbuf *sb, const char *s, size_t len)
{
	struct strbuf tmp = {0};
	size_t i = 0;

	while (i < len && (u8)s[i] >= 0x20 && (u8)s[i] < 0x7f)
		i++;
	strbuf_add(sb, s, i);
	if (i == len)
		return;
	strbuf_json_string(&tmp, s + i, len - i);
	for (size_t k = 1; k + 1 < tmp.len; k++)
		if (tmp.s[k] != '\\' || (tmp.s[k + 1] != '"' && tmp.s[k + 1] != '\\'))
			strbuf_putc(sb, tmp.s[k]);
		else
			strbuf_putc(sb, tmp.s[++k]);
	strbuf_done(&tmp);
}

static void put_text(struct strbuf *sb, const char *s, size_t len, enum event_style style)
{
	if (style == EVENT_STYLE_CELL)
		put_plain(sb, s, len);
	else
		put_json(sb, s, len);
}

/* The bytes of a text or byte array that count: its own, those that are there, those said. */
static size_t extent(const struct field *f, struct view v)
{
	size_t len;
	u64 said;

	if (f->off >= v.size)
		return 0;
	len = v.size - f->off;
	if (f->size && len > f->size)
		len = f->size;
	if (f->tag && field_read(f->tag, v, &said) && said && said < len)
		len = (size_t)said;
	return len;
}

/* NUL-separated words, as in a process' arguments */
static void emit_words(struct strbuf *sb, const char *s, size_t len, enum event_style style)
{
	char buf[4096];

	while (len && !s[len - 1])
		len--;
	if (len > sizeof(buf))
		len = sizeof(buf);
	for (size_t i = 0; i < len; i++)
		buf[i] = s[i] ? s[i] : ' ';
	put_text(sb, buf, len, style);
}

static void emit_text(struct strbuf *sb, const struct field *f, struct view v,
		      enum event_style style)
{
	size_t len = extent(f, v);
	const char *s = (const char *)v.data + f->off;

	if (f->off > v.size)
		emit_missing(sb, style);
	else if (f->words)
		emit_words(sb, s, len, style);
	else
		put_text(sb, s, strnlen(s, len), style);
}

static void emit_bytes(struct strbuf *sb, const struct field *f, struct view v,
		       enum event_style style)
{
	size_t len = extent(f, v);
	bool quoted = style != EVENT_STYLE_CELL;

	if (f->off > v.size) {
		emit_missing(sb, style);
		return;
	}
	if (quoted)
		strbuf_putc(sb, '"');
	for (size_t i = 0; i < len; i++)
		put_hex(sb, v.data[f->off + i], 2);
	if (quoted)
		strbuf_putc(sb, '"');
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void put_u128(struct strbuf *sb, unsigned __int128 x)
{
	u64 low, ten19 = 10000000000000000000ull;
	char digits[20];

	if (x <= UINT64_MAX) {
		put_u64(sb, (u64)x);
		return;
	}
	low = (u64)(x % ten19);
	put_u128(sb, x / ten19);
	snprintf(digits, sizeof(digits), "%019llu", (unsigned long long)low);
	strbuf_puts(sb, digits);
}

static void emit_int128(struct strbuf *sb, const struct field *f, struct view v)
{
	unsigned __int128 x;

	memcpy(&x, v.data + f->off, sizeof(x));
	if (f->is_signed && (__int128)x < 0) {
		strbuf_putc(sb, '-');
		x = 0 - x;
	}
	put_u128(sb, x);
}

static bool cell_name(struct strbuf *sb, const struct field *f, u64 x)
{
	const char *name = NULL;

	if (f->hint == HINT_ERRNO && (s64)x < 0 && (s64)x >= -4095)
		name = strerrorname_np((int)-(s64)x);
	else if (f->hint == HINT_SIGNAL && x && x < 65)
		name = sigabbrev_np((int)x);
	else if (f->hint == HINT_FAMILY && (x == 2 || x == 10))
		name = x == 2 ? "INET" : "INET6";
	if (!name)
		return false;
	strbuf_puts(sb, f->hint == HINT_ERRNO ? "-" : f->hint == HINT_SIGNAL ? "SIG" : "AF_");
	strbuf_puts(sb, name);
	return true;
}

static void emit_cell_number(struct strbuf *sb, const struct field *f, u64 x)
{
	if (cell_name(sb, f, x))
		return;
	if (f->hint == HINT_STAMP || (f->hint == HINT_SPAN && (!f->is_signed || (s64)x >= 0))) {
		(f->hint == HINT_STAMP ? put_stamp : put_span)(sb, x, f->unit);
	} else if (f->hint == HINT_HEX && x) {
		strbuf_puts(sb, "0x");
		put_hex(sb, f->size < 8 ? x & ((1ull << f->size * 8) - 1) : x, 1);
	} else if (f->hint == HINT_OCTAL && x) {
		strbuf_printf(sb, "0%llo", (unsigned long long)x);
	} else if (f->is_signed) {
		put_s64(sb, (s64)x);
	} else {
		put_u64(sb, x);
	}
}

static void emit_int(struct strbuf *sb, const struct field *f, struct view v,
		     enum event_style style)
{
	u64 x = 0;

	if (!field_read(f, v, &x))
		emit_missing(sb, style);
	else if (f->size == 16 && !f->bit_size)
		emit_int128(sb, f, v);
	else if (style == EVENT_STYLE_CELL && f->hint != HINT_NONE)
		emit_cell_number(sb, f, x);
	else if (f->is_signed)
		put_s64(sb, (s64)x);
	else
		put_u64(sb, x);
}

static void emit_bool(struct strbuf *sb, const struct field *f, struct view v,
		      enum event_style style)
{
	u64 x = 0;

	if (field_read(f, v, &x))
		strbuf_puts(sb, x ? "true" : "false");
	else
		emit_missing(sb, style);
}

static void emit_char(struct strbuf *sb, const struct field *f, struct view v,
		      enum event_style style)
{
	u64 x = 0;
	char c;

	if (!field_read(f, v, &x)) {
		emit_missing(sb, style);
		return;
	}
	c = (char)x;
	if (style == EVENT_STYLE_JSON || (c >= 0x20 && c < 0x7f && c != '\'' && c != '\\'))
		put_text(sb, &c, c != 0, style);
	else
		put_s64(sb, c);
}

static void emit_float(struct strbuf *sb, const struct field *f, struct view v,
		       enum event_style style)
{
	double d;
	float s;

	if (!field_is_there(f, v)) {
		emit_missing(sb, style);
		return;
	}
	memcpy(&s, v.data + f->off, sizeof(s));
	d = s;
	if (f->size == 8)
		memcpy(&d, v.data + f->off, sizeof(d));
	if (style == EVENT_STYLE_JSON && !isfinite(d))
		strbuf_puts(sb, "null");
	else
		strbuf_printf(sb, f->size == 8 ? "%.17g" : "%.9g", d);
}

static const char *enum_name(const struct field *f, u64 x)
{
	const struct btf_type *t = f->enums;
	u64 mask = f->size >= 8 ? ~0ull : (1ull << f->size * 8) - 1;

	for (u32 i = 0; i < btf_vlen(t); i++) {
		bool wide = btf_kind(t) == BTF_KIND_ENUM64;
		u64 val = wide ? btf_enum64_value(btf_enum64(t) + i) : (u64)(s64)btf_enum(t)[i].val;
		u32 name = wide ? btf_enum64(t)[i].name_off : btf_enum(t)[i].name_off;

		if ((val & mask) == (x & mask))
			return btf__name_by_offset(f->btf, name);
	}
	return NULL;
}

static void emit_enum(struct strbuf *sb, const struct field *f, struct view v,
		      enum event_style style)
{
	const char *name;
	u64 x = 0;

	if (!field_read(f, v, &x)) {
		emit_missing(sb, style);
		return;
	}
	name = enum_name(f, x);
	if (name && style == EVENT_STYLE_JSON)
		put_json(sb, name, strlen(name));
	else if (name)
		strbuf_puts(sb, name);
	else if (f->is_signed)
		put_s64(sb, (s64)x);
	else
		put_u64(sb, x);
}

static void emit_ptr(struct strbuf *sb, const struct field *f, struct view v,
		     enum event_style style)
{
	const char *quote = style == EVENT_STYLE_JSON ? "\"" : "";
	u64 x = 0;

	if (!field_read(f, v, &x)) {
		emit_missing(sb, style);
		return;
	}
	strbuf_puts(sb, quote);
	strbuf_puts(sb, "0x");
	put_hex(sb, x, 1);
	strbuf_puts(sb, quote);
}

/* --- addresses -------------------------------------------------------------------------------- */

static u32 addr_family(const struct field *f, struct view v)
{
	static const u8 zeros[12];
	const u8 *p = v.data + f->off;
	u64 tag = 0;

	if (f->size == 4)
		return 4;
	if (f->tag && field_read(f->tag, v, &tag) && meaning_family(tag))
		return meaning_family(tag);
	if (!f->guess || !in_bounds(f->off, 16, v.size))
		return 6;
	return memcmp(p + 4, zeros, sizeof(zeros)) ? 6 : 4;
}

static void put_addr(struct strbuf *sb, const u8 *p, u32 family)
{
	char buf[INET6_ADDRSTRLEN] = "";

	if (family == 6) {
		inet_ntop(AF_INET6, p, buf, sizeof(buf));
		strbuf_puts(sb, buf);
		return;
	}
	for (u32 i = 0; i < 4; i++) {
		if (i)
			strbuf_putc(sb, '.');
		put_u64(sb, p[i]);
	}
}

static void emit_addr(struct strbuf *sb, const struct field *f, struct view v,
		      enum event_style style)
{
	u32 family = addr_family(f, v);
	const char *quote = style == EVENT_STYLE_CELL ? "" : "\"";

	if (!in_bounds(f->off, family == 6 ? 16 : 4, v.size)) {
		emit_missing(sb, style);
		return;
	}
	strbuf_puts(sb, quote);
	put_addr(sb, v.data + f->off, family);
	strbuf_puts(sb, quote);
}

static void emit_mac(struct strbuf *sb, const struct field *f, struct view v,
		     enum event_style style)
{
	const char *quote = style == EVENT_STYLE_CELL ? "" : "\"";

	if (!field_is_there(f, v)) {
		emit_missing(sb, style);
		return;
	}
	strbuf_puts(sb, quote);
	for (u32 i = 0; i < 6; i++) {
		if (i)
			strbuf_putc(sb, ':');
		put_hex(sb, v.data[f->off + i], 2);
	}
	strbuf_puts(sb, quote);
}

static void emit_lpm(struct strbuf *sb, const struct field *f, struct view v,
		     enum event_style style)
{
	const char *quote = style == EVENT_STYLE_CELL ? "" : "\"";
	u64 len = 0;

	if (!field_is_there(f, v) || !field_read(&f->kids[0], v, &len)) {
		emit_missing(sb, style);
		return;
	}
	strbuf_puts(sb, quote);
	put_addr(sb, v.data + f->kids[1].off, f->kids[1].size == 4 ? 4 : 6);
	strbuf_putc(sb, '/');
	put_u64(sb, len);
	strbuf_puts(sb, quote);
}

/* --- composites ------------------------------------------------------------------------------- */

static const struct field *by_enumerator(const struct field *f, u64 tag)
{
	const char *name = f->tag->kind == FIELD_ENUM ? enum_name(f->tag, tag) : NULL;

	for (u32 i = 0; name && i < f->nr_kids; i++)
		if (meaning_matches(name, f->kids[i].name))
			return &f->kids[i];
	return NULL;
}

static const struct field *by_family(const struct field *f, u64 tag)
{
	u32 family = meaning_family(tag);

	for (u32 i = 0; family && i < f->nr_kids; i++) {
		const char *name = f->kids[i].name;
		bool is_six = strchr(name, '6');

		if ((family == 6) == is_six && (is_six || strchr(name, '4') || family == 4))
			return &f->kids[i];
	}
	return NULL;
}

/* Without a tag: a member that means something (addresses, ports), else the first. */
static const struct field *by_meaning(const struct field *f)
{
	for (u32 i = 0; i < f->nr_kids; i++) {
		const struct field *kid = &f->kids[i];

		if (kid->kind == FIELD_ARRAY && kid->kids[0].hint == HINT_PORT)
			return kid;
	}
	for (u32 i = 0; i < f->nr_kids; i++)
		if (f->kids[i].kind != FIELD_NONE)
			return &f->kids[i];
	return NULL;
}

const struct field *field_choose(const struct field *f, struct view v)
{
	const struct field *kid = NULL;
	u64 tag = 0;

	if (f->tag && field_read(f->tag, v, &tag)) {
		kid = by_enumerator(f, tag);
		if (!kid && f->tag->is_family)
			kid = by_family(f, tag);
	}
	return kid ? kid : by_meaning(f);
}

/* JSON: a struct's members, those of anonymous members among them. */
static void emit_member_json(struct strbuf *sb, const struct field *f, struct view v,
			     const char **sep)
{
	if (f->kind == FIELD_NONE || f->hidden)
		return;
	if (!*f->name && (f->kind == FIELD_STRUCT || f->kind == FIELD_UNION)) {
		field_emit_members(sb, f, v, sep);
		return;
	}
	strbuf_puts(sb, *sep);
	*sep = ",";
	strbuf_add(sb, f->key, f->key_len);
	if (!f->key)
		strbuf_puts(sb, "\"\":");
	field_emit(sb, f, v, EVENT_STYLE_JSON);
}

void field_emit_members(struct strbuf *sb, const struct field *f, struct view v, const char **sep)
{
	const struct field *kid;

	if (f->kind == FIELD_UNION) {
		kid = field_choose(f, v);
		if (kid)
			emit_member_json(sb, kid, v, sep);
		return;
	}
	for (u32 i = 0; i < f->nr_kids; i++)
		emit_member_json(sb, &f->kids[i], v, sep);
}

static void emit_member_text(struct strbuf *sb, const struct field *f, struct view v,
			     enum event_style style, bool *first)
{
	if (f->kind == FIELD_NONE)
		return;
	if (!*first)
		strbuf_puts(sb, ", ");
	*first = false;
	if (*f->name) {
		strbuf_puts(sb, f->name);
		strbuf_putc(sb, '=');
	}
	field_emit(sb, f, v,
		   style == EVENT_STYLE_CELL && f->kind == FIELD_TEXT ? EVENT_STYLE_TEXT : style);
}

/* open{flags=0x241, path="/x"} */
static void emit_union_cell(struct strbuf *sb, const struct field *f, struct view v)
{
	const struct field *kid = field_choose(f, v);

	if (!kid) {
		strbuf_putc(sb, '-');
		return;
	}
	strbuf_puts(sb, kid->name);
	if (kid->kind != FIELD_STRUCT && *kid->name)
		strbuf_putc(sb, '=');
	field_emit(sb, kid, v, EVENT_STYLE_CELL);
}

static void emit_composite(struct strbuf *sb, const struct field *f, struct view v,
			   enum event_style style)
{
	const struct field *kid;
	const char *sep = "";
	bool first = true;

	if (f->kind == FIELD_UNION && style == EVENT_STYLE_CELL) {
		emit_union_cell(sb, f, v);
		return;
	}
	strbuf_putc(sb, '{');
	if (style == EVENT_STYLE_JSON) {
		field_emit_members(sb, f, v, &sep);
	} else if (f->kind == FIELD_UNION) {
		kid = field_choose(f, v);
		if (kid)
			emit_member_text(sb, kid, v, style, &first);
	} else {
		for (u32 i = 0; i < f->nr_kids; i++)
			emit_member_text(sb, &f->kids[i], v, style, &first);
	}
	strbuf_putc(sb, '}');
}

static bool is_zero(const u8 *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

/* How many elements to write: those that are there; in a cell without the zeros at the end. */
static u32 array_extent(const struct field *f, struct view v, enum event_style style)
{
	size_t left = f->off < v.size ? (v.size - f->off) / f->stride : 0;
	u32 nr = left < f->nr || !f->nr ? (u32)left : f->nr;

	while (style == EVENT_STYLE_CELL && nr > 1 &&
	       is_zero(v.data + f->off + (size_t)(nr - 1) * f->stride, f->stride))
		nr--;
	return nr;
}

static void emit_array(struct strbuf *sb, const struct field *f, struct view v,
		       enum event_style style)
{
	u32 nr = array_extent(f, v, style);

	if (f->symbols && stack_emit(sb, f, v, style))
		return;
	strbuf_puts(sb, style == EVENT_STYLE_CELL ? "" : style == EVENT_STYLE_JSON ? "[" : "{");
	for (u32 i = 0; i < nr; i++) {
		size_t off = f->off + (size_t)i * f->stride;
		struct view elem = {.data = v.data + off, .size = f->stride};

		if (i)
			strbuf_puts(sb, style == EVENT_STYLE_TEXT ? ", " : ",");
		field_emit(sb, &f->kids[0], elem, style);
	}
	strbuf_puts(sb, style == EVENT_STYLE_CELL ? "" : style == EVENT_STYLE_JSON ? "]" : "}");
}

static void emit_none(struct strbuf *sb, const struct field *f, struct view v,
		      enum event_style style)
{
	emit_missing(sb, style);
}

static const emit_fn emits[FIELD_NR_KINDS] = {
	[FIELD_NONE] = emit_none,        [FIELD_INT] = emit_int,         [FIELD_BOOL] = emit_bool,
	[FIELD_CHAR] = emit_char,        [FIELD_FLOAT] = emit_float,     [FIELD_ENUM] = emit_enum,
	[FIELD_PTR] = emit_ptr,          [FIELD_TEXT] = emit_text,       [FIELD_BYTES] = emit_bytes,
	[FIELD_ADDR] = emit_addr,        [FIELD_MAC] = emit_mac,         [FIELD_LPM] = emit_lpm,
	[FIELD_STRUCT] = emit_composite, [FIELD_UNION] = emit_composite, [FIELD_ARRAY] = emit_array,
};

void field_emit(struct strbuf *sb, const struct field *f, struct view v, enum event_style style)
{
	emits[f->kind](sb, f, v, style);
}
