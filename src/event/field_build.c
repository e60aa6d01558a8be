/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * From BTF to the plan of a type (field.h). BTF may be hostile: every type that does not resolve,
 * a member outside its struct, nesting that is too deep and trees that are too large become bytes
 * or nothing.
 */
#include "btf/types.h"
#include "event/field.h"
#include <string.h>

struct build {
	struct arena *arena;
	const struct btf *btf;
	u32 nr_fields;
	bool nomem;
};

static void build_type(struct build *b, struct field *f, u32 depth);

static void set_name(struct build *b, struct field *f, const char *name)
{
	struct strbuf sb = {0};

	f->name = name;
	if (!*name)
		return;
	strbuf_json_string(&sb, name, strlen(name));
	strbuf_putc(&sb, ':');
	f->key = arena_strdup(b->arena, strbuf_str(&sb));
	f->key_len = (u32)sb.len;
	b->nomem |= sb.failed || !f->key;
	strbuf_done(&sb);
}

static struct field *new_kids(struct build *b, u32 nr)
{
	struct field *kids;

	if (nr > EVENT_MAX_FIELDS - b->nr_fields)
		return NULL;
	b->nr_fields += nr;
	kids = arena_calloc(b->arena, nr, sizeof(*kids));
	b->nomem |= !kids;
	return kids;
}

/* The name of the innermost typedef chain that means something: "__be32" of "my_addr". */
static const char *typedef_name(const struct btf *btf, u32 id)
{
	const struct btf_type *t;

	for (u32 i = 0; i < 32; i++) {
		const char *name;

		id = types_skip_mods(btf, id);
		t = btf__type_by_id(btf, id);
		if (!t || !btf_is_typedef(t))
			break;
		name = types_name(btf, id);
		if (!strncmp(name, "__be", 4) || !strcmp(name, "in_addr_t") ||
		    !strcmp(name, "in_port_t"))
			return name;
		id = t->type;
	}
	return "";
}

static bool is_char_name(const char *name)
{
	return !strcmp(name, "char");
}

static void build_int(struct build *b, struct field *f, const struct btf_type *t, u32 id,
		      const char *typename)
{
	u32 enc = btf_int_encoding(t);

	f->kind = enc & BTF_INT_BOOL ? FIELD_BOOL : FIELD_INT;
	f->is_signed = enc & BTF_INT_SIGNED;
	if (f->bit_size)
		f->kind = f->kind == FIELD_BOOL ? FIELD_BOOL : FIELD_INT;
	else if (f->size > 16 || (f->size & (f->size - 1)))
		f->kind = FIELD_BYTES;
	else if (f->size == 1 && is_char_name(types_name(b->btf, id)))
		f->kind = FIELD_CHAR;
	if (f->kind == FIELD_INT)
		meaning_of(f, typename);
}

static void build_enum(struct build *b, struct field *f, const struct btf_type *t)
{
	f->kind = f->size <= 8 ? FIELD_ENUM : FIELD_BYTES;
	if (!f->bit_size && (f->size & (f->size - 1)))
		f->kind = FIELD_BYTES;
	f->is_signed = btf_kflag(t);
	f->enums = t;
}

/* --- arrays ----------------------------------------------------------------------------------- */

static bool is_mac_name(const char *name)
{
	static const char *const parts[] = {"mac",  "h_source", "h_dest", "hwaddr", "ether",
					    "eth_", "lladdr",   "smac",   "dmac"};

	for (u32 i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcasestr(name, parts[i]))
			return true;
	return !strcmp(name, "addr") || !strcmp(name, "eth");
}

static bool is_text_name(const char *name)
{
	static const char *const parts[] = {"comm", "name", "path", "file", "str",
					    "text", "msg",  "line", "argv", "args",
					    "cmd",  "host", "buf",  "query"};

	for (u32 i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcasestr(name, parts[i]))
			return true;
	return false;
}

/* An array of bytes or words that is one thing: text, address, MAC, bytes. */
static bool array_is_one(struct field *f, const struct field *elem)
{
	bool plain = elem->kind == FIELD_INT && !elem->bit_size;
	bool bytes = plain && elem->size == 1;

	if (elem->kind == FIELD_CHAR)
		f->kind = FIELD_TEXT;
	else if (f->size == 16 && elem->size <= 8 && (plain || elem->kind == FIELD_ADDR) &&
		 meaning_is_addr(f->name))
		f->kind = FIELD_ADDR;
	else if (bytes && f->size == 4 && meaning_is_addr(f->name))
		f->kind = FIELD_ADDR;
	else if (bytes && f->size == 6 && is_mac_name(f->name))
		f->kind = FIELD_MAC;
	else if (bytes && (f->size > 4 || !f->size) && is_text_name(f->name))
		f->kind = FIELD_TEXT;
	else if (bytes && f->size != 1)
		f->kind = FIELD_BYTES;
	else
		return false;
	f->guess = f->kind == FIELD_ADDR && elem->size == 4;
	return true;
}

static void build_array(struct build *b, struct field *f, const struct btf_type *t, u32 depth)
{
	const struct btf_array *arr = btf_array(t);
	struct field *elem = new_kids(b, 1);

	f->nr = arr->nelems;
	f->stride = types_size(b->btf, arr->type);
	if (!elem || !f->stride || (u64)f->nr * f->stride != f->size) {
		f->kind = FIELD_BYTES;
		return;
	}
	elem->name = f->name; /* an element means what its array's name says */
	elem->type_id = arr->type;
	elem->size = f->stride;
	build_type(b, elem, depth + 1);
	if (array_is_one(f, elem))
		return;
	if (elem->kind == FIELD_NONE) {
		f->kind = FIELD_BYTES;
		return;
	}
	f->kind = FIELD_ARRAY;
	f->kids = elem;
	f->nr_kids = 1;
}

/* --- structs and unions ----------------------------------------------------------------------- */

static bool known_struct(struct field *f, const char *name)
{
	if (!strcmp(name, "in_addr") && f->size == 4)
		f->kind = FIELD_ADDR;
	else if (!strcmp(name, "in6_addr") && f->size == 16)
		f->kind = FIELD_ADDR;
	else
		return false;
	f->big_endian = true;
	return true;
}

/* {__u32 prefixlen; address}: the key of an LPM trie */
static void check_lpm(struct field *f)
{
	if (f->nr_kids != 2 || f->kids[0].hint != HINT_PREFIX || f->kids[0].size != 4 ||
	    f->kids[0].off != f->off || f->kids[1].off != f->off + 4)
		return;
	if ((f->kids[1].kind == FIELD_BYTES && f->kids[1].size == 16) ||
	    ((f->kids[1].kind == FIELD_BYTES || f->kids[1].kind == FIELD_INT) &&
	     f->kids[1].size == 4))
		f->kids[1].kind = FIELD_ADDR;
	if (f->kids[1].kind == FIELD_ADDR && f->size == 4 + f->kids[1].size)
		f->kind = FIELD_LPM;
}

static bool may_be_addr(const struct field *f)
{
	if (f->kind == FIELD_ADDR)
		return true;
	return (f->kind == FIELD_BYTES && f->size == 16) || (f->kind == FIELD_INT && f->size == 16);
}

/* union { __u32 saddr_v4; __u8 saddr_v6[16]; }: one address whose family a sibling tells */
static void check_addr_union(struct build *b, struct field *f)
{
	bool v4 = false, v6 = false;
	const char *name = f->name;

	for (u32 i = 0; i < f->nr_kids; i++) {
		if (!may_be_addr(&f->kids[i]))
			return;
		v4 |= f->kids[i].size == 4;
		v6 |= f->kids[i].size == 16;
	}
	if (!v4 || !v6)
		return;
	f->kind = FIELD_ADDR;
	f->size = 16;
	f->guess = true;
	if (!*name)
		name = arena_strndup(b->arena, f->kids[0].name, meaning_stem(f->kids[0].name));
	set_name(b, f, name && *name ? name : "addr");
	f->kids = NULL;
	f->nr_kids = 0;
}

static void build_member(struct build *b, struct field *f, struct field *kid,
			 const struct btf_type *t, u32 idx, u32 depth)
{
	const struct btf_member *m = btf_members(t) + idx;
	u32 bit = btf_member_bit_offset(t, idx), bits = btf_member_bitfield_size(t, idx);
	const char *name = btf__name_by_offset(b->btf, m->name_off);

	set_name(b, kid, name ? name : "");
	kid->type_id = m->type;
	kid->size = types_size(b->btf, m->type);
	kid->off = f->off + bit / 8;
	if (bits) {
		kid->bit_off = bit % 8;
		kid->bit_size = (u8)bits;
		kid->size = (kid->bit_off + bits + 7) / 8;
	}
	if (!in_bounds(bit / 8, kid->size, f->size))
		return; /* FIELD_NONE: outside of its struct */
	if (!kid->size && (depth || idx + 1u != btf_vlen(t)))
		return; /* a marker; but the last one of a record is data[] */
	build_type(b, kid, depth + 1);
	if (bits && kid->kind != FIELD_INT && kid->kind != FIELD_ENUM && kid->kind != FIELD_BOOL)
		kid->kind = FIELD_NONE;
}

static void build_struct(struct build *b, struct field *f, const struct btf_type *t, u32 id,
			 u32 depth)
{
	u32 nr = btf_vlen(t);
	struct field *kids;

	if (known_struct(f, types_name(b->btf, id)))
		return;
	kids = nr ? new_kids(b, nr) : NULL;
	f->kind = nr && !kids ? FIELD_BYTES : btf_is_union(t) ? FIELD_UNION : FIELD_STRUCT;
	f->kids = kids;
	f->nr_kids = kids ? nr : 0;
	for (u32 i = 0; i < f->nr_kids; i++)
		build_member(b, f, &kids[i], t, i, depth);
	if (f->kind == FIELD_UNION && f->nr_kids > 1)
		check_addr_union(b, f);
	else if (f->kind == FIELD_STRUCT)
		check_lpm(f);
}

/* .data and kin: a struct of variables. */
static void build_section(struct build *b, struct field *f, const struct btf_type *t, u32 depth)
{
	u32 nr = btf_vlen(t);
	struct field *kids = nr ? new_kids(b, nr) : NULL;

	f->kind = kids ? FIELD_STRUCT : f->size ? FIELD_BYTES : FIELD_NONE;
	f->is_section = true;
	f->kids = kids;
	f->nr_kids = kids ? nr : 0;
	for (u32 i = 0; i < f->nr_kids; i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(t) + i;
		const struct btf_type *var = btf__type_by_id(b->btf, v->type);

		if (!var || !btf_is_var(var) || !in_bounds(v->offset, v->size, f->size) || !v->size)
			continue; /* FIELD_NONE */
		set_name(b, &kids[i], types_name(b->btf, v->type));
		kids[i].type_id = var->type;
		kids[i].off = f->off + v->offset;
		kids[i].size = v->size;
		if (types_size(b->btf, var->type) == v->size)
			build_type(b, &kids[i], depth + 1);
		else
			kids[i].kind = FIELD_BYTES;
	}
}

static void build_type(struct build *b, struct field *f, u32 depth)
{
	const char *typename = typedef_name(b->btf, f->type_id);
	u32 id = types_skip(b->btf, f->type_id);
	const struct btf_type *t = btf__type_by_id(b->btf, id);

	f->btf = b->btf;
	f->is_family = meaning_is_family(f->name);
	if (!t || depth > EVENT_MAX_DEPTH) {
		f->kind = f->size ? FIELD_BYTES : FIELD_NONE;
		return;
	}
	if (btf_is_int(t))
		build_int(b, f, t, id, typename);
	else if (btf_is_any_enum(t))
		build_enum(b, f, t);
	else if (btf_is_ptr(t))
		f->kind = FIELD_PTR;
	else if (btf_is_float(t))
		f->kind = f->size == 4 || f->size == 8 ? FIELD_FLOAT : FIELD_BYTES;
	else if (btf_is_array(t))
		build_array(b, f, t, depth);
	else if (btf_is_composite(t))
		build_struct(b, f, t, id, depth);
	else if (btf_is_datasec(t))
		build_section(b, f, t, depth);
	else
		f->kind = f->size ? FIELD_BYTES : FIELD_NONE;
}

/* --- tags: the sibling that explains a field -------------------------------------------------- */

#define MAX_COMPARED (1u << 22) /* names, in all of one plan; then tags are not looked for */

struct scope {
	const struct field *parent;
	const struct scope *up;
	u32 *budget;
};

static bool spend(u32 *budget, u64 cost)
{
	*budget -= (u32)min_u64(cost, *budget);
	return *budget;
}

static bool is_number(const struct field *f)
{
	return (f->kind == FIELD_INT || f->kind == FIELD_ENUM) && f->size <= 8;
}

typedef bool (*tag_fn)(const struct field *sibling, const struct field *of, u32 *budget);

static bool is_family_tag(const struct field *s, const struct field *of, u32 *budget)
{
	return is_number(s) && s->is_family;
}

static bool selects_by_enum(const struct field *s, const struct field *of)
{
	for (u32 i = 0; s->kind == FIELD_ENUM && i < btf_vlen(s->enums); i++) {
		u32 off = btf_is_enum64(s->enums) ? btf_enum64(s->enums)[i].name_off
						  : btf_enum(s->enums)[i].name_off;
		const char *name = btf__name_by_offset(s->btf, off);

		for (u32 k = 0; name && k < of->nr_kids; k++)
			if (meaning_matches(name, of->kids[k].name))
				return true;
	}
	return false;
}

/* A sibling whose values can name the union's members. */
static bool is_selector_tag(const struct field *s, const struct field *of, u32 *budget)
{
	if (s->kind == FIELD_ENUM && is_number(s) &&
	    spend(budget, (u64)btf_vlen(s->enums) * of->nr_kids) && selects_by_enum(s, of))
		return true;
	for (u32 k = 0; k < of->nr_kids && is_family_tag(s, of, budget); k++)
		if (strpbrk(of->kids[k].name, "46"))
			return true;
	return false;
}

/* "args_size" or "args_len" for "args" */
static bool is_length_tag(const struct field *s, const struct field *of, u32 *budget)
{
	static const char *const ends[] = {"_size", "_len", "size", "len", "_sz", "_length"};
	size_t len = strlen(of->name);

	if (s->kind != FIELD_INT || s->size > 8 || !len || strncmp(s->name, of->name, len))
		return false;
	for (u32 i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcmp(s->name + len, ends[i]))
			return true;
	return false;
}

/* Among siblings, also those inside anonymous structs. */
static const struct field *find_in(const struct field *parent, const struct field *of, tag_fn fits,
				   u32 *budget, u32 depth)
{
	for (u32 i = 0; i < parent->nr_kids && parent->kind == FIELD_STRUCT; i++) {
		const struct field *kid = &parent->kids[i], *in = NULL;

		if (!spend(budget, 1))
			return NULL;
		if (kid != of && fits(kid, of, budget))
			return kid;
		if (!*kid->name && depth < EVENT_MAX_DEPTH)
			in = find_in(kid, of, fits, budget, depth + 1);
		if (in)
			return in;
	}
	return NULL;
}

static const struct field *find_tag(const struct scope *scope, const struct field *of, tag_fn fits)
{
	const struct field *tag = NULL;

	for (; scope && !tag; scope = scope->up)
		tag = find_in(scope->parent, of, fits, scope->budget, 0);
	return tag;
}

static bool is_words_name(const char *name)
{
	return !strcmp(name, "args") || !strcmp(name, "argv") || !strcmp(name, "cmdline");
}

static void link_tags(struct field *f, const struct scope *up, u32 *budget)
{
	struct scope scope = {.parent = f, .up = up, .budget = budget};

	if (f->kind == FIELD_ADDR && f->size == 16)
		f->tag = find_tag(up, f, is_family_tag);
	else if (f->kind == FIELD_UNION)
		f->tag = find_tag(up, f, is_selector_tag);
	else if (f->kind == FIELD_TEXT || f->kind == FIELD_BYTES)
		f->tag = find_tag(up, f, is_length_tag);
	if (f->kind == FIELD_TEXT)
		f->words = is_words_name(f->name);
	for (u32 i = 0; i < f->nr_kids; i++)
		link_tags(&f->kids[i], f->kind == FIELD_ARRAY ? NULL : &scope, budget);
}

int field_build(struct arena *a, const struct btf *btf, u32 type_id, const char *name,
		const struct field **ret, struct skep_diag *diag)
{
	struct build b = {.arena = a, .btf = btf};
	u32 budget = MAX_COMPARED;
	struct field *f = new_kids(&b, 1);

	if (!f)
		return diag_nomem(diag);
	set_name(&b, f, name);
	f->type_id = type_id;
	f->size = types_size(btf, type_id);
	build_type(&b, f, 0);
	link_tags(f, NULL, &budget);
	if (b.nomem)
		return diag_nomem(diag);
	*ret = f;
	return 0;
}
