/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An object as text, in the notation of the kernel's bpf_snprintf_btf (its btf_type_show):
 *
 *   (struct timespec64){.tv_sec = (time64_t)5,.tv_nsec = (long int)-7,}
 *
 * What is zero is left out, unless BTF_F_ZERO asks for it or it is the whole object. Of a nested
 * struct, union or array that is known only after looking at all of it, so it is walked twice: the
 * first time `quiet`, to see whether anything would be shown.
 *
 * Programs compare such texts, so the kernel's peculiarities are kept: members of structs in an
 * array have no names (until an inner array ends), an array of pointers or of arrays shows its
 * first element again and again, bytes count as characters in any array, up to a NUL.
 */
#include "vm/show.h"
#include "base/hash.h"
#include "btf/types.h"
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#define MAX_NEST   32 /* of types, as the kernel's own BTF */
#define MAX_SUFFIX 10 /* pointers and arrays around a type's name */
#define MAX_NAME   80
#define MAX_INDENT 32

struct show {
	const struct btf *btf;
	struct strbuf *out;
	u64 flags;
	const u8 *data;
	u32 size;

	u32 depth, nest;
	const char *member; /* the member being shown; NULL: none */
	u32 member_type;
	u32 type_id;
	bool in_array;   /* values have no names */
	bool chars;      /* the array's elements are bytes */
	bool terminated; /* … and a NUL has been seen */
	bool quiet, any;
};

static void show_type(struct show *s, u32 id, u32 off, u8 bit);

/* --- names ----------------------------------------------------------------------------------- */

/* What a type's name is made of. */
struct name {
	const char *prefix, *name, *paren;
	u32 nr_ptrs, nr_arrays;
	bool is_typedef;
};

/* The struct, number or the like that pointers, arrays and typedefs lead to; 0: too many. */
static u32 look_through(const struct btf *btf, u32 id, struct name *n)
{
	for (u32 i = 0; i < MAX_SUFFIX; i++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!t)
			return 0;
		if (btf_is_typedef(t)) {
			n->is_typedef = true;
			n->name = n->name ?: btf__name_by_offset(btf, t->name_off);
			id = t->type;
		} else if (btf_is_array(t)) {
			n->nr_arrays++;
			n->paren = "[";
			id = btf_array(t)->type;
		} else if (btf_is_ptr(t)) {
			n->nr_ptrs++;
			id = t->type;
		} else {
			return id;
		}
		id = types_skip_mods(btf, id);
		if (!id)
			return 0;
	}
	return 0;
}

static void name_kind(struct name *n, const struct btf_type *t)
{
	if (btf_is_composite(t)) {
		n->prefix = btf_is_struct(t) ? "struct" : "union";
		if (!n->nr_arrays)
			n->paren = "{";
	} else if (btf_is_any_enum(t)) {
		n->prefix = "enum";
	}
	if (n->nr_ptrs)
		n->paren = "";
	if (n->is_typedef)
		n->prefix = "";
}

/* ".member = (struct foo *[])": what stands in front of a value. */
static const char *title(const struct show *s, char buf[MAX_NAME])
{
	struct name n = {"", NULL, "", 0, 0, false};
	char suffix[3 * MAX_SUFFIX + 1] = "";
	const char *member = s->member ? s->member : "";
	const struct btf_type *t;
	u32 id;

	buf[0] = 0;
	if (s->in_array)
		return buf;
	id = s->member ? s->member_type : s->type_id;
	if (!btf__type_by_id(s->btf, id))
		return buf;
	id = look_through(s->btf, id, &n);
	t = btf__type_by_id(s->btf, id);
	if (!n.name)
		n.name = id ? btf__name_by_offset(s->btf, t->name_off) : "";
	if (id)
		name_kind(&n, t);
	else if (n.nr_ptrs)
		n.paren = "";
	for (u32 i = 0; i < n.nr_ptrs; i++)
		strcat(suffix, i ? "*" : " *");
	for (u32 i = 0; i < n.nr_arrays; i++)
		strcat(suffix, "[]");
	if (s->flags & BTF_F_NONAME)
		snprintf(buf, MAX_NAME, "%s", n.paren);
	else
		snprintf(buf, MAX_NAME, "%s%s%s(%s%s%s%s)%s", *member ? "." : "", member,
			 *member ? " = " : "", n.prefix, *n.prefix && *n.name ? " " : "", n.name,
			 suffix, n.paren);
	return buf;
}

/* --- text ------------------------------------------------------------------------------------ */

static void put_indent(struct show *s)
{
	if (!(s->flags & BTF_F_COMPACT))
		strbuf_pad(s->out, ' ', min_u64(s->depth, MAX_INDENT));
}

static void put_newline(struct show *s)
{
	if (!(s->flags & BTF_F_COMPACT))
		strbuf_putc(s->out, '\n');
}

static void put_value(struct show *s, const char *text)
{
	char buf[MAX_NAME];

	s->any = true;
	if (s->quiet)
		return;
	put_indent(s);
	strbuf_puts(s->out, title(s, buf));
	strbuf_puts(s->out, text);
	if (s->depth)
		strbuf_putc(s->out, ',');
	put_newline(s);
}

static bool is_shown(const struct show *s, bool nonzero)
{
	return nonzero || s->flags & BTF_F_ZERO || !s->depth;
}

static void begin(struct show *s)
{
	char buf[MAX_NAME];

	if (!s->quiet) {
		put_indent(s);
		strbuf_puts(s->out, title(s, buf));
		put_newline(s);
	}
	s->depth++;
}

static void end(struct show *s, char paren, bool empty_union)
{
	s->depth--;
	if (s->quiet)
		return;
	put_indent(s);
	strbuf_putc(s->out, paren);
	if (s->depth)
		strbuf_putc(s->out, empty_union && s->flags & BTF_F_COMPACT ? '|' : ',');
	put_newline(s);
}

/* --- numbers --------------------------------------------------------------------------------- */

/* Bytes of the object; what would lie outside of it is zero. */
static void load(const struct show *s, void *to, u32 off, u32 len)
{
	memset(to, 0, len);
	if (in_bounds(off, len, s->size))
		memcpy(to, s->data + off, len);
}

static void show_wide(struct show *s, u64 high, u64 low)
{
	char text[48];

	if (high)
		snprintf(text, sizeof(text), "0x%llx%016llx", (unsigned long long)high,
			 (unsigned long long)low);
	else
		snprintf(text, sizeof(text), "0x%llx", (unsigned long long)low);
	if (high || is_shown(s, low))
		put_value(s, text);
}

static void show_bits(struct show *s, u32 off, u8 bit, u8 nr_bits)
{
	unsigned __int128 v = 0;
	u32 nr = (bit + nr_bits + 7) / 8;

	if (!nr_bits || nr > sizeof(v))
		return;
	load(s, &v, off, nr);
	v = v >> bit << (128 - nr_bits) >> (128 - nr_bits);
	show_wide(s, v >> 64, v);
}

/* The kernel's isprint: Latin-1. */
static bool is_printable(u8 c)
{
	return (c >= 0x20 && c < 0x7f) || c >= 0xa0;
}

/* An element of an array of bytes; false: show it as a number. */
static bool show_char(struct show *s, u8 c)
{
	char text[4] = {'\'', c, '\'', 0};

	if (s->terminated)
		return true;
	if (!c) {
		s->terminated = true;
		return true;
	}
	if (!is_printable(c))
		return false;
	put_value(s, text);
	return true;
}

static void show_number(struct show *s, u32 off, u32 size, bool is_signed)
{
	char text[32];
	u64 v = 0;

	load(s, &v, off, size);
	if (size == 1 && s->chars && show_char(s, v))
		return;
	if (is_signed) {
		v = (u64)((s64)(v << (64 - size * 8)) >> (64 - size * 8));
		snprintf(text, sizeof(text), "%lld", (long long)v);
	} else {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	}
	if (is_shown(s, v))
		put_value(s, text);
}

static void show_int(struct show *s, const struct btf_type *t, u32 off, u8 bit)
{
	u8 nr = btf_int_bits(t), first = bit + btf_int_offset(t);
	u64 wide[2];

	if (bit || btf_int_offset(t) || nr & (nr - 1) || nr < 8) {
		show_bits(s, off + first / 8, first % 8, nr);
	} else if (nr == 128) {
		load(s, wide, off, sizeof(wide));
		show_wide(s, wide[1], wide[0]);
	} else {
		show_number(s, off, nr / 8, btf_int_encoding(t) & BTF_INT_SIGNED);
	}
}

/* A value that has a name is shown even when it is 0. */
static void show_enum(struct show *s, const struct btf_type *t, u32 off, u8 bit)
{
	s32 v;

	load(s, &v, off, sizeof(v));
	for (u32 i = 0; i < btf_vlen(t); i++)
		if (btf_enum(t)[i].val == v) {
			put_value(s, btf__name_by_offset(s->btf, btf_enum(t)[i].name_off));
			return;
		}
	s->chars = false;
	show_number(s, off, 4, btf_kflag(t));
}

static void show_enum64(struct show *s, const struct btf_type *t, u32 off, u8 bit)
{
	u64 v;

	load(s, &v, off, sizeof(v));
	for (u32 i = 0; i < btf_vlen(t); i++)
		if (btf_enum64_value(&btf_enum64(t)[i]) == v) {
			put_value(s, btf__name_by_offset(s->btf, btf_enum64(t)[i].name_off));
			return;
		}
	show_number(s, off, 8, btf_kflag(t));
}

/* Programs are told where things are only when they ask for it. */
static void show_ptr(struct show *s, const struct btf_type *t, u32 off, u8 bit)
{
	char text[32];
	u64 v;

	load(s, &v, off, sizeof(v));
	if (!is_shown(s, v))
		return;
	if (v && v < (u64)-4095 && !(s->flags & BTF_F_PTR_RAW))
		v = (u32)hash_u64(v ^ 0x736b6570);
	snprintf(text, sizeof(text), "0x%016llx", (unsigned long long)v);
	put_value(s, text);
}

/* --- aggregates ------------------------------------------------------------------------------ */

/* Is there anything to be shown in it? Its walk leaves the same marks as the one that shows it. */
static bool is_worth(struct show *s, void (*walk)(struct show *, const struct btf_type *, u32, u8),
		     const struct btf_type *t, u32 off, u8 bit)
{
	const char *member = s->member;
	u32 member_type = s->member_type;

	if (!s->depth || s->flags & BTF_F_ZERO || s->quiet)
		return true;
	s->quiet = true;
	s->any = false;
	walk(s, t, off, bit);
	s->quiet = false;
	s->member = member;
	s->member_type = member_type;
	return s->any;
}

static void walk_struct(struct show *s, const struct btf_type *t, u32 off, u8 bit)
{
	const struct btf_member *m = btf_members(t);

	begin(s);
	for (u32 i = 0; i < btf_vlen(t); i++) {
		u32 at = btf_member_bit_offset(t, i), nr = btf_member_bitfield_size(t, i);

		s->member = btf__name_by_offset(s->btf, m[i].name_off);
		s->member_type = m[i].type;
		if (nr)
			show_bits(s, off + at / 8, at % 8, nr);
		else
			show_type(s, m[i].type, off + at / 8, at % 8);
		s->member = NULL;
	}
	end(s, '}', btf_is_union(t) && !btf_vlen(t));
}

static void show_struct(struct show *s, const struct btf_type *t, u32 off, u8 bit)
{
	if (is_worth(s, walk_struct, t, off, bit))
		walk_struct(s, t, off, bit);
}

static bool has_size(const struct btf_type *t)
{
	return btf_is_int(t) || btf_is_composite(t) || btf_is_any_enum(t) || btf_is_float(t);
}

static void walk_array(struct show *s, const struct btf_type *t, u32 off, u8 bit)
{
	u32 id = btf_array(t)->type, elem_id = types_skip(s->btf, id);
	const struct btf_type *elem = btf__type_by_id(s->btf, elem_id);
	u32 size = elem && has_size(elem) ? elem->size : 0, nr = btf_array(t)->nelems;

	s->chars = elem && btf_is_int(elem) && size == 1;
	s->terminated = false;
	begin(s);
	/* without a size all elements are the first one; there need not be many of them */
	for (u32 i = 0; i < nr && i < s->size; i++) {
		s->in_array = true;
		s->member = NULL;
		show_type(s, id, off + i * size, bit);
		s->in_array = false;
		s->member = NULL;
		if (s->terminated)
			break;
	}
	s->chars = false;
	s->terminated = false;
	end(s, ']', false);
}

static void show_array(struct show *s, const struct btf_type *t, u32 off, u8 bit)
{
	if (is_worth(s, walk_array, t, off, bit))
		walk_array(s, t, off, bit);
}

/* --- by kind --------------------------------------------------------------------------------- */

static void (*const kinds[])(struct show *, const struct btf_type *, u32, u8) = {
	[BTF_KIND_INT] = show_int,       [BTF_KIND_PTR] = show_ptr,
	[BTF_KIND_ARRAY] = show_array,   [BTF_KIND_STRUCT] = show_struct,
	[BTF_KIND_UNION] = show_struct,  [BTF_KIND_ENUM] = show_enum,
	[BTF_KIND_ENUM64] = show_enum64,
};

static void show_type(struct show *s, u32 id, u32 off, u8 bit)
{
	const struct btf_type *t = btf__type_by_id(s->btf, types_skip(s->btf, id));
	u32 kind = t ? btf_kind(t) : 0;

	s->type_id = id;
	if (kind >= ARRAY_SIZE(kinds) || !kinds[kind]) {
		if (!s->quiet)
			strbuf_printf(s->out, "<unsupported kind:%u>", kind);
		return;
	}
	if (s->nest == MAX_NEST)
		return;
	s->nest++;
	kinds[kind](s, t, off, bit);
	s->nest--;
}

int show_object(const struct btf *btf, u32 type_id, const void *data, u32 size, u64 flags,
		struct strbuf *out)
{
	struct show s = {.btf = btf, .out = out, .flags = flags, .data = data, .size = size};

	if (!btf__type_by_id(btf, type_id))
		return -EINVAL;
	show_type(&s, type_id, 0, 0);
	return out->failed ? -ENOMEM : 0;
}
