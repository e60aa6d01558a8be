/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Text to the bytes of a type: what field_emit writes can be read back, and what a person would
 * type is understood (addresses, names of enumerators and signals, lists). One function per kind
 * of field; every message says what the value is for.
 */
#include "base/mem.h"
#include "btf/types.h"
#include "event/field.h"
#include "event/parse.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* out is the frame of f, large enough for all of it and zeroed. */
typedef int (*parse_fn)(const struct field *f, const struct text *t, u8 *out,
			struct skep_diag *diag);

static bool is_scalar(const struct text *t)
{
	return t->kind == TEXT_WORD || t->kind == TEXT_STRING || t->kind == TEXT_CHAR;
}

static int bad(const struct field *f, const struct text *t, struct skep_diag *diag,
	       const char *want)
{
	if (!is_scalar(t))
		return diag_set(diag, -EINVAL, "%s is expected, not a list", want);
	return diag_set(diag, -EINVAL, "'%s' is not %s", t->s, want);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static u32 bits_of(const struct field *f)
{
	return f->bit_size ? f->bit_size : f->size * 8;
}

static void store_bits(const struct field *f, u8 *p, u64 x)
{
	for (u32 i = 0; i < f->bit_size; i++) {
		u32 bit = f->bit_off + i;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		u32 at = f->size * 8 - f->bit_off - f->bit_size + i;

		bit = (at & ~7u) | (7 - (at & 7));
#endif
		if (i < 64 && x >> i & 1)
			p[bit / 8] |= (u8)(1 << bit % 8);
	}
}

static void store(const struct field *f, u8 *out, u64 x)
{
	u8 *p = out + f->off;
	u16 x2 = (u16)x;
	u32 x4 = (u32)x;

	if (f->bit_size) {
		store_bits(f, p, x);
		return;
	}
	if (f->size == 1) {
		*p = (u8)x;
	} else if (f->size == 2) {
		x2 = f->big_endian ? htobe16(x2) : x2;
		memcpy(p, &x2, 2);
	} else if (f->size == 4) {
		x4 = f->big_endian ? htobe32(x4) : x4;
		memcpy(p, &x4, 4);
	} else {
		x = f->big_endian ? htobe64(x) : x;
		memcpy(p, &x, 8);
		if (f->size == 16) /* sign */
			memset(p + 8, f->is_signed && (s64)x < 0 ? 0xff : 0, 8);
	}
}

static int range_error(const struct field *f, const char *s, u32 bits, struct skep_diag *diag)
{
	u64 max = ~0ull >> (64 - bits);

	if (f->is_signed)
		return diag_set(diag, -ERANGE, "%s does not fit: %u bits hold %lld to %lld", s,
				bits, -(long long)(max >> 1) - 1, (long long)(max >> 1));
	return diag_set(diag, -ERANGE, "%s does not fit: %u bits hold 0 to %llu", s, bits,
			(unsigned long long)max);
}

static int parse_number(const struct field *f, const struct text *t, u8 *out,
			struct skep_diag *diag)
{
	u32 bits = bits_of(f) > 64 ? 64 : bits_of(f);
	u64 x;
	int err;

	if (!is_scalar(t))
		return bad(f, t, diag, "a number");
	err = text_number(t->s, bits, f->is_signed, &x);
	if (err == -ERANGE)
		return range_error(f, t->s, bits, diag);
	if (err)
		return bad(f, t, diag, "a number");
	store(f, out, x);
	return 0;
}

static bool signal_by_name(const char *s, u64 *ret)
{
	if (!strncasecmp(s, "SIG", 3))
		s += 3;
	for (int i = 1; i < 65; i++) {
		const char *name = sigabbrev_np(i);

		if (name && !strcasecmp(name, s)) {
			*ret = (u64)i;
			return true;
		}
	}
	return false;
}

static bool number_by_name(const struct field *f, const struct text *t, u64 *ret)
{
	if (f->hint == HINT_FAMILY && (!strcmp(t->s, "AF_INET") || !strcmp(t->s, "AF_INET6"))) {
		*ret = t->s[7] ? AF_INET6 : AF_INET;
		return true;
	}
	if (f->hint == HINT_SIGNAL && isalpha((u8)*t->s))
		return signal_by_name(t->s, ret);
	return false;
}

static int parse_int(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	u64 x;

	if (is_scalar(t) && (f->size == 4 || f->size == 16) && !f->bit_size &&
	    parse_addr_text(t->s, out + f->off, f->size, false))
		return 0;
	if (t->kind == TEXT_CHAR && t->len == 1) {
		store(f, out, (u8)t->s[0]);
		return 0;
	}
	if (is_scalar(t) && number_by_name(f, t, &x)) {
		store(f, out, x);
		return 0;
	}
	return parse_number(f, t, out, diag);
}

static int parse_bool(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	static const char *const words[] = {"false", "true", "0", "1",   "no",
					    "yes",   "n",    "y", "off", "on"};

	for (u32 i = 0; is_scalar(t) && i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(t->s, words[i])) {
			store(f, out, i & 1);
			return 0;
		}
	return bad(f, t, diag, "true or false");
}

static int parse_char(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	u64 x;

	if (!is_scalar(t))
		return bad(f, t, diag, "a character");
	if (t->len == 1 || (t->kind != TEXT_WORD && !t->len)) {
		out[f->off] = (u8)(t->len ? t->s[0] : 0);
		return 0;
	}
	if (t->kind != TEXT_WORD ||
	    (text_number(t->s, 8, true, &x) && text_number(t->s, 8, false, &x)))
		return bad(f, t, diag, "one character");
	out[f->off] = (u8)x;
	return 0;
}

static int parse_float(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	char *end = NULL;
	double d = is_scalar(t) ? strtod(t->s, &end) : 0;
	float s = (float)d;

	if (!end || end == t->s || *end)
		return bad(f, t, diag, "a number");
	memcpy(out + f->off, f->size == 8 ? (void *)&d : (void *)&s, f->size);
	return 0;
}

static int enum_error(const struct field *f, const struct text *t, struct skep_diag *diag)
{
	struct strbuf sb = {0};
	u32 nr = btf_vlen(f->enums);
	int err;

	for (u32 i = 0; i < nr && i < 12; i++) {
		const char *name = btf__name_by_offset(
			f->btf, btf_is_enum64(f->enums) ? btf_enum64(f->enums)[i].name_off
							: btf_enum(f->enums)[i].name_off);

		strbuf_printf(&sb, "%s%s", i ? ", " : "", name ? name : "?");
	}
	err = diag_set(diag, -EINVAL, "'%s' is none of %s%s", t->s, strbuf_str(&sb),
		       nr > 12 ? ", …" : "");
	strbuf_done(&sb);
	return err;
}

static int parse_enum(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	bool wide = btf_is_enum64(f->enums);

	if (!is_scalar(t))
		return bad(f, t, diag, "an enumerator");
	for (u32 i = 0; i < btf_vlen(f->enums); i++) {
		const char *name = btf__name_by_offset(f->btf,
						       wide ? btf_enum64(f->enums)[i].name_off
							    : btf_enum(f->enums)[i].name_off);

		if (name && !strcmp(name, t->s)) {
			store(f, out,
			      wide ? btf_enum64_value(btf_enum64(f->enums) + i)
				   : (u64)(s64)btf_enum(f->enums)[i].val);
			return 0;
		}
	}
	if (!isdigit((u8)*t->s) && *t->s != '-')
		return enum_error(f, t, diag);
	return parse_number(f, t, out, diag);
}

/* --- addresses, bytes, text ------------------------------------------------------------------- */

bool parse_addr_text(const char *s, u8 *out, u32 size, bool raw_v4)
{
	u8 v4[4], v6[16];

	if (strchr(s, ':')) {
		if (size != 16 || inet_pton(AF_INET6, s, v6) != 1)
			return false;
		memcpy(out, v6, 16);
		return true;
	}
	if (!strchr(s, '.') || inet_pton(AF_INET, s, v4) != 1)
		return false;
	if (size == 16 && !raw_v4) { /* v4-mapped */
		memset(out + 10, 0xff, 2);
		memcpy(out + 12, v4, 4);
		return true;
	}
	memcpy(out, v4, 4);
	return true;
}

static int parse_bytes(const struct field *f, const struct text *t, u8 *out,
		       struct skep_diag *diag);

static int parse_addr(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	u64 x;

	if (!is_scalar(t))
		return parse_bytes(f, t, out, diag);
	if (parse_addr_text(t->s, out + f->off, f->size, f->tag || f->guess))
		return 0;
	if (f->size == 4 && !text_number(t->s, 32, false, &x)) {
		store(f, out, x);
		return 0;
	}
	return bad(f, t, diag, f->size == 4 ? "an IPv4 address" : "an IP address");
}

static int parse_mac(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	return parse_bytes(f, t, out, diag);
}

/* {"addr": "10.0.0.0/8"}: the address member alone says it all. NULL: it does not. */
static const struct text *lone_prefix(const struct field *f, const struct text *t)
{
	bool alone = t->kind == TEXT_OBJECT && t->nr == 1 && is_scalar(&t->keys[0]) &&
		     is_scalar(&t->values[0]);

	if (!alone || strcmp(t->keys[0].s, f->kids[1].name) || !strchr(t->values[0].s, '/'))
		return NULL;
	return &t->values[0];
}

static int parse_lpm(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	char addr[64];
	const char *slash = is_scalar(t) ? strchr(t->s, '/') : NULL;
	u32 bits = f->kids[1].size * 8;
	const struct text *whole;
	u64 len = bits;
	size_t n;

	if (!is_scalar(t)) {
		whole = lone_prefix(f, t);
		return whole ? parse_lpm(f, whole, out, diag) : parse_members(f, t, out, diag);
	}
	n = slash ? (size_t)(slash - t->s) : t->len;
	if (n >= sizeof(addr))
		return bad(f, t, diag, "an address and a prefix length");
	memcpy(addr, t->s, n);
	addr[n] = 0;
	if (slash && (text_number(slash + 1, 32, false, &len) || len > bits))
		return diag_set(diag, -EINVAL, "'%s': the prefix has 0 to %u bits", t->s, bits);
	if (!parse_addr_text(addr, out + f->kids[1].off, f->kids[1].size, false))
		return bad(f, t, diag,
			   bits == 32 ? "an IPv4 address with a prefix length"
				      : "an IPv6 address with a prefix length");
	store(&f->kids[0], out, len);
	return 0;
}

static int parse_hex(const struct field *f, const char *s, u8 *out, u32 *ret_nr)
{
	u32 nr = 0;

	if (!strncmp(s, "0x", 2))
		s += 2;
	while (*s) {
		u64 byte;
		char two[3] = {s[0], s[1]};

		if (!isxdigit((u8)s[0]) || !isxdigit((u8)s[1]) || nr >= f->size)
			return -EINVAL;
		if (parse_hex_byte(two, &byte))
			return -EINVAL;
		out[f->off + nr++] = (u8)byte;
		s += 2;
		if ((*s == ':' || *s == ' ') && s[1])
			s++;
	}
	*ret_nr = nr;
	return 0;
}

int parse_hex_byte(const char *two, u64 *ret)
{
	char *end;

	*ret = strtoul(two, &end, 16);
	return *end ? -EINVAL : 0;
}

static int parse_byte_list(const struct field *f, const struct text *t, u8 *out,
			   struct skep_diag *diag)
{
	struct field byte = {.kind = FIELD_INT, .name = "", .size = 1};
	int err = 0;

	if (t->kind != TEXT_LIST || t->nr > f->size)
		return diag_set(diag, -EINVAL, "a list of at most %u bytes is expected", f->size);
	for (u32 i = 0; i < t->nr && !err; i++) {
		byte.off = f->off + i;
		if (is_scalar(&t->values[i]) && t->values[i].kind == TEXT_CHAR)
			out[byte.off] = (u8)t->values[i].s[0];
		else
			err = parse_number(&byte, &t->values[i], out, diag);
	}
	return err;
}

static int parse_bytes(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	u32 nr = 0;

	if (!is_scalar(t))
		return parse_byte_list(f, t, out, diag);
	if ((f->size == 4 || f->size == 16) && parse_addr_text(t->s, out + f->off, f->size, false))
		return 0;
	if (parse_hex(f, t->s, out, &nr))
		return bad(f, t, diag,
			   f->kind == FIELD_MAC ? "a MAC address"
						: "bytes in hex, or too many of them");
	if (nr != f->size)
		return diag_set(diag, -EINVAL, "'%s' has %u bytes, %u are expected", t->s, nr,
				f->size);
	return 0;
}

static int parse_text(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	if (!is_scalar(t))
		return parse_byte_list(f, t, out, diag);
	if (t->len >= f->size)
		return diag_set(diag, -E2BIG, "'%s' has %zu characters, there is room for %u", t->s,
				t->len, f->size ? f->size - 1 : 0);
	memcpy(out + f->off, t->s, t->len);
	return 0;
}

/* --- composites ------------------------------------------------------------------------------- */

static const struct field *find_member(const struct field *f, const char *name)
{
	for (u32 i = 0; i < f->nr_kids; i++) {
		const struct field *kid = &f->kids[i], *in;

		if (*kid->name && !strcmp(kid->name, name))
			return kid;
		in = *kid->name || kid->kind == FIELD_ARRAY ? NULL : find_member(kid, name);
		if (in)
			return in;
	}
	return NULL;
}

static int no_member(const struct field *f, const char *name, struct skep_diag *diag)
{
	struct strbuf sb = {0};
	int err;

	for (u32 i = 0; i < f->nr_kids && i < 12; i++)
		if (*f->kids[i].name)
			strbuf_printf(&sb, "%s%s", sb.len ? ", " : "", f->kids[i].name);
	err = diag_set(diag, -EINVAL, "there is no member '%s'; the members are: %s", name,
		       strbuf_str(&sb));
	strbuf_done(&sb);
	return err;
}

static int parse_named(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	for (u32 i = 0; i < t->nr; i++) {
		const char *name = is_scalar(&t->keys[i]) ? t->keys[i].s : "?";
		const struct field *kid = find_member(f, name);
		int err;

		if (!kid)
			return no_member(f, name, diag);
		err = parse_field(kid, &t->values[i], out, diag);
		if (err)
			return diag_at(diag, err, "%s", name);
	}
	return 0;
}

int parse_members(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	u32 at = 0;
	int err;

	if (t->kind == TEXT_OBJECT)
		return parse_named(f, t, out, diag);
	if (f->kind == FIELD_UNION && is_scalar(t) && f->nr_kids)
		return parse_field(&f->kids[0], t, out, diag);
	if (t->kind != TEXT_LIST)
		return bad(f, t, diag, "{member: value, …}");
	for (u32 i = 0; i < t->nr; i++, at++) {
		while (at < f->nr_kids && f->kids[at].kind == FIELD_NONE)
			at++;
		if (at >= f->nr_kids || (f->kind == FIELD_UNION && i))
			return diag_set(diag, -E2BIG, "%u values for %u members", t->nr,
					f->nr_kids);
		err = parse_field(&f->kids[at], &t->values[i], out, diag);
		if (err)
			return diag_at(diag, err, "%s", f->kids[at].name);
	}
	return 0;
}

static int parse_elem(const struct field *f, u64 idx, const struct text *t, u8 *out,
		      struct skep_diag *diag)
{
	int err;

	if (idx >= f->nr)
		return diag_set(diag, -E2BIG, "there are %u elements", f->nr);
	err = parse_field(&f->kids[0], t, out + f->off + idx * f->stride, diag);
	return err ? diag_at(diag, err, "[%llu]", (unsigned long long)idx) : 0;
}

static int parse_array(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	u64 idx;
	int err = 0;

	if (is_scalar(t) && f->size == 16 && parse_addr_text(t->s, out + f->off, 16, true))
		return 0;
	if (is_scalar(t))
		return parse_elem(f, 0, t, out, diag);
	for (u32 i = 0; i < t->nr && !err; i++) {
		idx = i;
		if (t->kind == TEXT_OBJECT &&
		    (!is_scalar(&t->keys[i]) || text_number(t->keys[i].s, 32, false, &idx)))
			return diag_set(diag, -EINVAL, "an index is expected, not '%s'",
					t->keys[i].s ? t->keys[i].s : "");
		err = parse_elem(f, idx, &t->values[i], out, diag);
	}
	return err;
}

static int parse_none(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	return diag_set(diag, -EOPNOTSUPP, "its type has no values");
}

static const parse_fn parses[FIELD_NR_KINDS] = {
	[FIELD_NONE] = parse_none,      [FIELD_INT] = parse_int,       [FIELD_BOOL] = parse_bool,
	[FIELD_CHAR] = parse_char,      [FIELD_FLOAT] = parse_float,   [FIELD_ENUM] = parse_enum,
	[FIELD_PTR] = parse_number,     [FIELD_TEXT] = parse_text,     [FIELD_BYTES] = parse_bytes,
	[FIELD_ADDR] = parse_addr,      [FIELD_MAC] = parse_mac,       [FIELD_LPM] = parse_lpm,
	[FIELD_STRUCT] = parse_members, [FIELD_UNION] = parse_members, [FIELD_ARRAY] = parse_array,
};

int parse_field(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag)
{
	return parses[f->kind](f, t, out, diag);
}

/* --- whole values ----------------------------------------------------------------------------- */

static bool has_parts(const struct field *f)
{
	return f->kind == FIELD_STRUCT || f->kind == FIELD_UNION || f->kind == FIELD_ARRAY;
}

/* Text for something that has parts is looked into; for the rest it is one word as it stands,
 * unless it is quoted. */
static int read_text(struct arena *a, const struct field *f, const char *s, struct text *ret,
		     struct skep_diag *diag)
{
	bool is_list = *s == '{' || *s == '[', is_quoted = *s == '"' || *s == '\'';
	char *wrapped;

	if (f->kind == FIELD_ARRAY && !is_list && !is_quoted && strchr(s, ',')) {
		wrapped = arena_printf(a, "[%s]", s);
		return wrapped ? text_parse(a, wrapped, ret, diag) : diag_nomem(diag);
	}
	if (f->kind == FIELD_TEXT && is_list)
		is_list = false; /* "{a, b}" is a fine string */
	if (is_list || (is_quoted && s[1] && s[strlen(s) - 1] == *s))
		return text_parse(a, s, ret, diag);
	*ret = text_word(s);
	return 0;
}

int parse_top(struct arena *a, const struct field *f, const struct text *t, u8 *out,
	      struct skep_diag *diag)
{
	struct text read;
	int err;

	if (t->kind != TEXT_WORD && (t->kind != TEXT_STRING || !has_parts(f)))
		return parse_field(f, t, out, diag);
	err = read_text(a, f, t->s, &read, diag);
	return err ? err : parse_field(f, &read, out, diag);
}

static int parse_whole(struct arena *a, const struct btf *btf, u32 type_id, const char *name,
		       const char *text, void *out, size_t size, struct skep_diag *diag)
{
	struct text t = text_word(text);
	const struct field *f;
	u8 *tmp;
	int err = field_build(a, btf, type_id, name, &f, diag);

	if (err)
		return err;
	if (f->size != size)
		return diag_set(diag, -EINVAL, "the type has %u bytes, the value %zu", f->size,
				size);
	tmp = mem_zalloc(size + 1);
	if (!tmp)
		return diag_nomem(diag);
	err = parse_top(a, f, &t, tmp, diag);
	if (!err)
		memcpy(out, tmp, size);
	mem_free(tmp);
	return err;
}

int event_parse_named(const struct btf *btf, u32 type_id, const char *name, const char *text,
		      void *out, size_t size, struct skep_diag *diag)
{
	struct arena a = {0};
	int err = parse_whole(&a, btf, type_id, name, text, out, size, diag);

	arena_done(&a);
	return err;
}

int event_parse(const struct btf *btf, u32 type_id, const char *text, void *out, size_t size,
		struct skep_diag *diag)
{
	return event_parse_named(btf, type_id, "", text, out, size, diag);
}
