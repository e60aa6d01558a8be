/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BTF from anywhere, checked in full before anybody walks it.
 *
 * Three passes over the types. The first finds where each one stands and that it is whole. The
 * second checks every type by itself: sizes, names, and that what it refers to exists and is of a
 * kind that may stand there. The third looks for cycles, in two graphs:
 *
 *   by value   modifiers, typedefs, arrays, members, variables. A cycle has no size.
 *   by text    the same and pointers and prototypes, but a named struct is a leaf. A cycle could
 *              not be written down as C.
 *
 * Both are walked without recursion; `height[id]` is the longest way down from a type that is
 * done, so a type is entered once and the depth limit holds over every path.
 */
#include "base/mem.h"
#include "btf/types.h"
#include <errno.h>
#include <string.h>

struct check {
	const struct btf_header *hdr;
	const u8 *types;
	const char *strs;
	u8 *dirty; /* by offset: the string from there has a control character; NULL: none has */
	u32 *offs; /* of type first_id + i */
	u32 nr, first_id, first_str;
	const struct btf *base;
	struct skep_diag *diag;
};

/* --- finding the types ---------------------------------------------------------------------- */

/* Bytes behind struct btf_type: fixed, and for each of vlen. */
static const struct kind_shape {
	u8 fixed, each;
	bool known;
} shapes[] = {
	[BTF_KIND_INT] = {4, 0, true},
	[BTF_KIND_PTR] = {0, 0, true},
	[BTF_KIND_ARRAY] = {sizeof(struct btf_array), 0, true},
	[BTF_KIND_STRUCT] = {0, sizeof(struct btf_member), true},
	[BTF_KIND_UNION] = {0, sizeof(struct btf_member), true},
	[BTF_KIND_ENUM] = {0, sizeof(struct btf_enum), true},
	[BTF_KIND_FWD] = {0, 0, true},
	[BTF_KIND_TYPEDEF] = {0, 0, true},
	[BTF_KIND_VOLATILE] = {0, 0, true},
	[BTF_KIND_CONST] = {0, 0, true},
	[BTF_KIND_RESTRICT] = {0, 0, true},
	[BTF_KIND_FUNC] = {0, 0, true},
	[BTF_KIND_FUNC_PROTO] = {0, sizeof(struct btf_param), true},
	[BTF_KIND_VAR] = {sizeof(struct btf_var), 0, true},
	[BTF_KIND_DATASEC] = {0, sizeof(struct btf_var_secinfo), true},
	[BTF_KIND_FLOAT] = {0, 0, true},
	[BTF_KIND_DECL_TAG] = {sizeof(struct btf_decl_tag), 0, true},
	[BTF_KIND_TYPE_TAG] = {0, 0, true},
	[BTF_KIND_ENUM64] = {0, sizeof(struct btf_enum64), true},
};

static int bad(struct check *c, u32 id, const char *why)
{
	diag_set(c->diag, -EINVAL, "%s", why);
	return diag_at(c->diag, -EINVAL, "BTF type %u", id);
}

static int bad_header(struct check *c, const char *why)
{
	diag_set(c->diag, -EINVAL, "%s", why);
	return diag_at(c->diag, -EINVAL, "BTF header");
}

static int check_strings(struct check *c, u64 meta_size)
{
	const struct btf_header *h = c->hdr;

	if (!in_bounds(h->str_off, h->str_len, meta_size))
		return bad_header(c, "the strings lie beyond the end");
	if (!h->str_len)
		return c->base ? 0 : bad_header(c, "there are no strings");
	c->strs = (const char *)h + h->hdr_len + h->str_off;
	if (c->strs[h->str_len - 1] || (!c->base && c->strs[0]))
		return bad_header(c, "the strings do not begin and end with a NUL");
	return 0;
}

static int check_header(struct check *c, const void *data, size_t size)
{
	const struct btf_header *h = data;
	u64 meta_size;

	if (size > TYPES_MAX_SIZE)
		return bad_header(c, "larger than 64 MiB");
	if (size < sizeof(*h))
		return bad_header(c, "shorter than a header");
	c->hdr = h;
	if (h->magic == 0x9feb)
		return bad_header(c, "big-endian BTF is not supported");
	if (h->magic != BTF_MAGIC)
		return bad_header(c, "no BTF: wrong magic number");
	if (h->version != BTF_VERSION || h->flags)
		return bad_header(c, "a version or flags that nobody knows");
	if (h->hdr_len < sizeof(*h) || h->hdr_len > size || h->hdr_len % 4)
		return bad_header(c, "wrong header length");
	meta_size = size - h->hdr_len;
	if (h->type_off % 4 || !in_bounds(h->type_off, h->type_len, meta_size))
		return bad_header(c, "the types lie beyond the end or are not aligned");
	if ((u64)h->type_off + h->type_len > h->str_off)
		return bad_header(c, "types and strings overlap");
	c->types = (const u8 *)data + h->hdr_len + h->type_off;
	return check_strings(c, meta_size);
}

/* Bytes that a type takes, 0 if it does not fit into left. */
static u64 type_bytes(const struct btf_type *t, u64 left)
{
	u64 bytes = sizeof(*t);
	u32 kind;

	if (left < bytes)
		return 0;
	kind = btf_kind(t);
	if (kind >= ARRAY_SIZE(shapes) || !shapes[kind].known)
		return 0;
	bytes += shapes[kind].fixed + (u64)shapes[kind].each * btf_vlen(t);
	return bytes <= left ? bytes : 0;
}

static int find_types(struct check *c)
{
	u32 off = 0, len = c->hdr->type_len, max = len / sizeof(struct btf_type);

	if (len % 4)
		return bad_header(c, "the types' length is not a multiple of 4");
	c->offs = mem_alloc((size_t)max * sizeof(*c->offs));
	if (!c->offs)
		return diag_nomem(c->diag);
	while (off < len) {
		u64 bytes = type_bytes((const void *)(c->types + off), len - off);

		if (!bytes)
			return bad(c, c->first_id + c->nr, "unknown kind, or cut off at the end");
		if (c->first_id + c->nr > TYPES_MAX_NR)
			return bad_header(c, "too many types");
		c->offs[c->nr++] = off;
		off += (u32)bytes;
	}
	return 0;
}

/* --- each type by itself -------------------------------------------------------------------- */

static const struct btf_type *type_at(const struct check *c, u32 id)
{
	if (id < c->first_id)
		return c->base ? btf__type_by_id(c->base, id) : NULL;
	if (id - c->first_id >= c->nr)
		return NULL;
	return (const void *)(c->types + c->offs[id - c->first_id]);
}

#define BIT(kind) (1u << (kind))
#define VOID_OK   BIT(BTF_KIND_UNKN)
#define MODS                                                                                       \
	(BIT(BTF_KIND_TYPEDEF) | BIT(BTF_KIND_VOLATILE) | BIT(BTF_KIND_CONST) |                    \
	 BIT(BTF_KIND_RESTRICT) | BIT(BTF_KIND_TYPE_TAG))
#define SIZED                                                                                      \
	(MODS | BIT(BTF_KIND_INT) | BIT(BTF_KIND_PTR) | BIT(BTF_KIND_ARRAY) |                      \
	 BIT(BTF_KIND_STRUCT) | BIT(BTF_KIND_UNION) | BIT(BTF_KIND_ENUM) | BIT(BTF_KIND_FLOAT) |   \
	 BIT(BTF_KIND_ENUM64))
#define ANY_TYPE (SIZED | VOID_OK | BIT(BTF_KIND_FWD) | BIT(BTF_KIND_FUNC_PROTO))
#define INTS     (MODS | BIT(BTF_KIND_INT) | BIT(BTF_KIND_ENUM) | BIT(BTF_KIND_ENUM64))
#define PROTO    BIT(BTF_KIND_FUNC_PROTO)
#define IN_SEC   (BIT(BTF_KIND_VAR) | BIT(BTF_KIND_FUNC))
#define TAGGED                                                                                     \
	(BIT(BTF_KIND_STRUCT) | BIT(BTF_KIND_UNION) | BIT(BTF_KIND_VAR) | BIT(BTF_KIND_FUNC) |     \
	 BIT(BTF_KIND_TYPEDEF))
#define VALUES                                                                                     \
	(SIZED | BIT(BTF_KIND_FWD)) /* an extern variable may be of a type that is not here */

/* An enum that is declared and never defined has no size: as good as a forward declaration. */
static u32 kind_of(const struct btf_type *t)
{
	return btf_is_any_enum(t) && !t->size ? BTF_KIND_FWD : btf_kind(t);
}

/* id may be referred to where these kinds are allowed. */
static bool ref_ok(const struct check *c, u32 id, u32 kinds)
{
	const struct btf_type *t;

	if (!id)
		return kinds & VOID_OK;
	t = type_at(c, id);
	return t && kinds & BIT(kind_of(t));
}

static bool name_ok(const struct check *c, u32 off)
{
	if (off < c->first_str)
		return true; /* the base's */
	return off - c->first_str < c->hdr->str_len || !off;
}

/* Names get printed: no control characters, so no terminal is at their mercy. */
static bool name_is_clean(const struct check *c, u32 off)
{
	return !c->dirty || off < c->first_str || !c->dirty[off - c->first_str];
}

static bool is_control(char ch)
{
	return (u8)ch < 0x20 || ch == 0x7f;
}

/* Every string is looked at once, however many types have it for a name. */
static int find_dirty(struct check *c)
{
	u32 len = c->strs ? c->hdr->str_len : 0, nr = 0;

	for (u32 i = 0; i < len; i++)
		nr += c->strs[i] && is_control(c->strs[i]);
	if (!nr)
		return 0;
	c->dirty = mem_calloc(len, 1);
	if (!c->dirty)
		return diag_nomem(c->diag);
	for (u32 i = len - 1; i-- > 0;)
		c->dirty[i] = c->strs[i] && (is_control(c->strs[i]) || c->dirty[i + 1]);
	return 0;
}

static const char *check_int(const struct check *c, const struct btf_type *t)
{
	u32 info = *(const u32 *)(t + 1), bits = BTF_INT_BITS(info), off = BTF_INT_OFFSET(info);

	if (!t->size || t->size > 16)
		return "an integer of no size that a machine has";
	return bits + off > t->size * 8 || !bits ? "an integer with more bits than its size" : NULL;
}

static const char *check_float(const struct check *c, const struct btf_type *t)
{
	return !t->size || t->size > 16 ? "a floating-point number of an odd size" : NULL;
}

static const char *check_ptr(const struct check *c, const struct btf_type *t)
{
	return ref_ok(c, t->type, ANY_TYPE | BIT(BTF_KIND_FUNC)) ? NULL : "points to no type";
}

static const char *check_mod(const struct check *c, const struct btf_type *t)
{
	return ref_ok(c, t->type, ANY_TYPE) ? NULL : "qualifies or names no type";
}

static const char *check_func(const struct check *c, const struct btf_type *t)
{
	return ref_ok(c, t->type, PROTO) ? NULL : "a function without a prototype";
}

static const char *check_var(const struct check *c, const struct btf_type *t)
{
	return ref_ok(c, t->type, VALUES | VOID_OK) ? NULL : "a variable of no type";
}

static const char *check_array(const struct check *c, const struct btf_type *t)
{
	const struct btf_array *a = btf_array(t);

	if (!ref_ok(c, a->type, SIZED))
		return "an array of nothing";
	return ref_ok(c, a->index_type, INTS) ? NULL : "an array whose index is no integer";
}

static const char *check_struct(const struct check *c, const struct btf_type *t)
{
	const struct btf_member *m = btf_members(t);

	for (u32 i = 0; i < btf_vlen(t); i++) {
		if (!name_ok(c, m[i].name_off) || !name_is_clean(c, m[i].name_off))
			return "a member whose name is not there or not printable";
		if (!ref_ok(c, m[i].type, SIZED))
			return "a member of no type";
		if (btf_member_bit_offset(t, i) > (u64)t->size * 8)
			return "a member beyond the end of its struct";
	}
	return NULL;
}

static const char *check_enum(const struct check *c, const struct btf_type *t)
{
	bool wide = btf_kind(t) == BTF_KIND_ENUM64;

	if (kind_of(t) == BTF_KIND_FWD)
		return btf_vlen(t) ? "enumerators of an enum without a size" : NULL;
	if (t->size != 1 && t->size != 2 && t->size != 4 && t->size != 8)
		return "an enum of an odd size";
	for (u32 i = 0; i < btf_vlen(t); i++) {
		u32 off = wide ? btf_enum64(t)[i].name_off : btf_enum(t)[i].name_off;

		if (!name_ok(c, off) || !name_is_clean(c, off))
			return "an enumerator whose name is not there or not printable";
	}
	return NULL;
}

static const char *check_proto(const struct check *c, const struct btf_type *t)
{
	const struct btf_param *p = btf_params(t);

	if (!ref_ok(c, t->type, ANY_TYPE))
		return "a prototype that returns no type";
	for (u32 i = 0; i < btf_vlen(t); i++)
		if (!ref_ok(c, p[i].type, ANY_TYPE) || !name_ok(c, p[i].name_off) ||
		    !name_is_clean(c, p[i].name_off))
			return "a parameter of no type or name";
	return NULL;
}

static const char *check_datasec(const struct check *c, const struct btf_type *t)
{
	const struct btf_var_secinfo *v = btf_var_secinfos(t);

	for (u32 i = 0; i < btf_vlen(t); i++)
		if (!ref_ok(c, v[i].type, IN_SEC))
			return "a section that holds something else than variables";
	return NULL;
}

static const char *check_decl_tag(const struct check *c, const struct btf_type *t)
{
	s32 idx = btf_decl_tag(t)->component_idx;

	if (!ref_ok(c, t->type, TAGGED))
		return "a tag on nothing";
	return idx < -1 ? "a tag on no member" : NULL;
}

static const char *check_fwd(const struct check *c, const struct btf_type *t)
{
	return NULL;
}

static const char *(*const checks[])(const struct check *c, const struct btf_type *t) = {
	[BTF_KIND_INT] = check_int,           [BTF_KIND_PTR] = check_ptr,
	[BTF_KIND_ARRAY] = check_array,       [BTF_KIND_STRUCT] = check_struct,
	[BTF_KIND_UNION] = check_struct,      [BTF_KIND_ENUM] = check_enum,
	[BTF_KIND_FWD] = check_fwd,           [BTF_KIND_TYPEDEF] = check_mod,
	[BTF_KIND_VOLATILE] = check_mod,      [BTF_KIND_CONST] = check_mod,
	[BTF_KIND_RESTRICT] = check_mod,      [BTF_KIND_FUNC] = check_func,
	[BTF_KIND_FUNC_PROTO] = check_proto,  [BTF_KIND_VAR] = check_var,
	[BTF_KIND_DATASEC] = check_datasec,   [BTF_KIND_FLOAT] = check_float,
	[BTF_KIND_DECL_TAG] = check_decl_tag, [BTF_KIND_TYPE_TAG] = check_mod,
	[BTF_KIND_ENUM64] = check_enum,
};

static int check_each(struct check *c)
{
	for (u32 i = 0; i < c->nr; i++) {
		const struct btf_type *t = (const void *)(c->types + c->offs[i]);
		u32 kind = btf_kind(t);
		const char *why;

		if (!name_ok(c, t->name_off))
			return bad(c, c->first_id + i, "its name lies beyond the strings");
		if (kind != BTF_KIND_DECL_TAG && kind != BTF_KIND_TYPE_TAG &&
		    !name_is_clean(c, t->name_off))
			return bad(c, c->first_id + i, "its name is not printable");
		why = checks[kind](c, t);
		if (why)
			return bad(c, c->first_id + i, why);
	}
	return 0;
}

/* --- cycles and depth ----------------------------------------------------------------------- */

enum { NEW = 0, OPEN = 0xff }; /* else: the height, 1 and up */

struct walk {
	struct check *c;
	u8 *height;
	bool by_text;
	struct {
		u32 id, next;
	} path[TYPES_MAX_DEPTH];
	u32 depth;
};

/* The n-th type that id holds in this graph; false: no more. Zero (void) is fine. */
static bool nth_ref(const struct walk *w, const struct btf_type *t, u32 n, u32 *ret)
{
	u32 kind = btf_kind(t);

	*ret = 0;
	if (BIT(kind) & MODS || kind == BTF_KIND_VAR || (kind == BTF_KIND_PTR && w->by_text)) {
		*ret = t->type;
		return !n;
	}
	if (kind == BTF_KIND_ARRAY) {
		*ret = n ? btf_array(t)->index_type : btf_array(t)->type;
		return n < 2;
	}
	if (kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION) {
		if (n >= btf_vlen(t) || (w->by_text && t->name_off))
			return false;
		*ret = btf_members(t)[n].type;
		return true;
	}
	if (kind == BTF_KIND_FUNC_PROTO && w->by_text) {
		if (n > btf_vlen(t))
			return false;
		*ret = n ? btf_params(t)[n - 1].type : t->type;
		return true;
	}
	return false;
}

static int enter(struct walk *w, u32 id)
{
	if (w->depth == TYPES_MAX_DEPTH)
		return bad(w->c, id, "types are nested too deep");
	w->height[id - w->c->first_id] = OPEN;
	w->path[w->depth].id = id;
	w->path[w->depth++].next = 0;
	return 0;
}

/* One type is done: its parent is at least one higher. heights[] of the path is kept in `tall`. */
static int leave(struct walk *w, u8 *tall)
{
	u32 d = --w->depth;
	u8 h = tall[d] + 1;

	tall[d] = 0;
	if (h + d > TYPES_MAX_DEPTH)
		return bad(w->c, w->path[d].id, "types are nested too deep");
	w->height[w->path[d].id - w->c->first_id] = h;
	if (d && tall[d - 1] < h)
		tall[d - 1] = h;
	return 0;
}

static int visit_ref(struct walk *w, u8 *tall, u32 ref)
{
	u8 h;

	if (ref < w->c->first_id)
		return 0; /* void, or the base's: checked when that was opened */
	h = w->height[ref - w->c->first_id];
	if (h == NEW)
		return enter(w, ref);
	if (h == OPEN)
		return bad(w->c, ref, "the type contains itself");
	if (h + w->depth > TYPES_MAX_DEPTH)
		return bad(w->c, ref, "types are nested too deep");
	if (tall[w->depth - 1] < h)
		tall[w->depth - 1] = h;
	return 0;
}

static int walk_from(struct walk *w, u8 *tall, u32 id)
{
	int err = enter(w, id);

	while (!err && w->depth) {
		u32 ref, d = w->depth - 1;

		if (nth_ref(w, type_at(w->c, w->path[d].id), w->path[d].next++, &ref))
			err = visit_ref(w, tall, ref);
		else
			err = leave(w, tall);
	}
	return err;
}

static int check_cycles(struct check *c, bool by_text)
{
	struct walk w = {.c = c, .by_text = by_text};
	u8 tall[TYPES_MAX_DEPTH] = {0};
	int err = 0;

	w.height = mem_calloc(c->nr, 1);
	if (!w.height)
		return diag_nomem(c->diag);
	for (u32 i = 0; i < c->nr && !err; i++)
		if (w.height[i] == NEW)
			err = walk_from(&w, tall, c->first_id + i);
	mem_free(w.height);
	return err;
}

/* --- sizes ---------------------------------------------------------------------------------- */

/* Bytes of a type whose chain is known to end; 0: none. Saturates just above u32. */
static u64 size_of(const struct check *c, u32 id)
{
	u64 nr = 1;

	for (;;) {
		const struct btf_type *t = id ? type_at(c, id) : NULL;
		u32 kind = t ? btf_kind(t) : BTF_KIND_UNKN;

		if (kind == BTF_KIND_ARRAY) {
			nr *= btf_array(t)->nelems;
			if (nr > UINT32_MAX)
				nr = (u64)UINT32_MAX + 1;
			id = btf_array(t)->type;
		} else if (BIT(kind) & MODS || kind == BTF_KIND_VAR) {
			id = t->type;
		} else if (kind == BTF_KIND_PTR) {
			return min_u64(nr * 8, (u64)UINT32_MAX + 1);
		} else {
			return BIT(kind) & SIZED ? min_u64(nr * t->size, (u64)UINT32_MAX + 1) : 0;
		}
	}
}

/* What modifiers and typedefs lead to has to have a size; they were let pass at first. */
static bool is_sized(const struct check *c, u32 id)
{
	const struct btf_type *t = type_at(c, id);

	while (t && BIT(btf_kind(t)) & MODS)
		t = t->type ? type_at(c, t->type) : NULL;
	return t && BIT(kind_of(t)) & SIZED;
}

static const char *check_members_fit(const struct check *c, const struct btf_type *t)
{
	const struct btf_member *m = btf_members(t);

	for (u32 i = 0; i < btf_vlen(t); i++) {
		u64 bits = btf_member_bitfield_size(t, i);

		if (!is_sized(c, m[i].type))
			return "a member of a type without a size";
		if (!bits)
			bits = size_of(c, m[i].type) * 8;
		if (btf_member_bit_offset(t, i) + bits > (u64)t->size * 8)
			return "a member goes beyond the end of its struct";
	}
	return NULL;
}

static int check_sizes(struct check *c)
{
	for (u32 i = 0; i < c->nr; i++) {
		const struct btf_type *t = (const void *)(c->types + c->offs[i]);
		const char *why = NULL;

		if (btf_is_composite(t))
			why = check_members_fit(c, t);
		else if (btf_is_array(t) && !is_sized(c, btf_array(t)->type))
			why = "an array of something without a size";
		else if (btf_is_array(t) && size_of(c, c->first_id + i) > UINT32_MAX)
			why = "an array of more than 4 GiB";
		if (why)
			return bad(c, c->first_id + i, why);
	}
	return 0;
}

/* --- all ------------------------------------------------------------------------------------ */

static u32 str_len_of(const struct btf *base)
{
	u32 size, sum = 0;

	for (; base; base = btf__base_btf(base)) {
		const struct btf_header *h = btf__raw_data(base, &size);

		sum += h ? h->str_len : 0;
	}
	return sum;
}

static int check_aligned(const void *data, size_t size, const struct btf *base,
			 struct skep_diag *diag)
{
	struct check c = {.base = base, .diag = diag, .first_id = 1};
	int err;

	if (base) {
		c.first_id = btf__type_cnt(base);
		c.first_str = str_len_of(base);
	}
	err = check_header(&c, data, size);
	err = err ?: find_types(&c);
	err = err ?: find_dirty(&c);
	err = err ?: check_each(&c);
	err = err ?: check_cycles(&c, false);
	err = err ?: check_cycles(&c, true);
	err = err ?: check_sizes(&c);
	mem_free(c.offs);
	mem_free(c.dirty);
	return err;
}

int types_check(const void *data, size_t size, const struct btf *base, struct skep_diag *diag)
{
	void *copy;
	int err;

	if (!((uintptr_t)data % 4) || size > TYPES_MAX_SIZE)
		return check_aligned(data, size, base, diag);
	copy = mem_alloc(size);
	if (!copy)
		return diag_nomem(diag);
	memcpy(copy, data, size);
	err = check_aligned(copy, size, base, diag);
	mem_free(copy);
	return err;
}
