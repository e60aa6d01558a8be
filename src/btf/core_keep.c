/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The part of a kernel's BTF that an object's CO-RE relocations look at: some ten kilobytes of six
 * million. A way into a type ("0:1:3") goes through members and elements, never through a pointer;
 * so each type that may be meant (by name) is kept with what it contains, and pointers point to
 * nothing.
 *
 * What that cannot answer is refused: ids in the kernel's BTF, comparisons in depth, types that
 * only a module may have.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "base/vec.h"
#include "btf/core.h"
#include "btf/types.h"
#include <errno.h>

/* enum bpf_core_relo_kind */
#define TYPE_ID_LOCAL  6
#define TYPE_ID_TARGET 7
#define TYPE_EXISTS    8
#define TYPE_SIZE      9
#define TYPE_MATCHES   12

struct keeper {
	const struct btf *from;
	struct btf *to;
	struct hash_table ids; /* old to new */
	VEC(u32) candidates;
	u32 kind;
};

static int copy(struct keeper *k, u32 id);

static int copy_fields(struct keeper *k, u32 id, const struct btf_type *t)
{
	const struct btf_member *m = btf_members(t);
	const char *name = types_name(k->from, id);
	int new_id;

	for (u32 i = 0; i < btf_vlen(t); i++) {
		int err = copy(k, m[i].type);

		if (err < 0)
			return err;
	}
	new_id = btf_is_union(t) ? btf__add_union(k->to, name, t->size)
				 : btf__add_struct(k->to, name, t->size);
	for (u32 i = 0; i < btf_vlen(t) && new_id >= 0; i++) {
		int err = btf__add_field(k->to, btf__name_by_offset(k->from, m[i].name_off),
					 copy(k, m[i].type), btf_member_bit_offset(t, i),
					 btf_member_bitfield_size(t, i));

		if (err)
			return err;
	}
	return new_id;
}

static int copy_enum(struct keeper *k, u32 id, const struct btf_type *t)
{
	int new_id = btf__add_enum(k->to, types_name(k->from, id), t->size);

	for (u32 i = 0; i < btf_vlen(t) && new_id >= 0; i++) {
		const struct btf_enum *e = &btf_enum(t)[i];
		s64 value = btf_kflag(t) ? e->val : (s64)(u32)e->val;
		int err = btf__add_enum_value(k->to, btf__name_by_offset(k->from, e->name_off),
					      value);

		if (err)
			return err;
	}
	return new_id;
}

static int copy_enum64(struct keeper *k, u32 id, const struct btf_type *t)
{
	int new_id = btf__add_enum64(k->to, types_name(k->from, id), t->size, btf_kflag(t));

	for (u32 i = 0; i < btf_vlen(t) && new_id >= 0; i++) {
		const struct btf_enum64 *e = &btf_enum64(t)[i];
		int err = btf__add_enum64_value(k->to, btf__name_by_offset(k->from, e->name_off),
						btf_enum64_value(e));

		if (err)
			return err;
	}
	return new_id;
}

static int copy_array(struct keeper *k, const struct btf_type *t)
{
	const struct btf_array *a = btf_array(t);
	int index = copy(k, a->index_type), elem = copy(k, a->type);

	return index < 0 ? index : elem < 0 ? elem : btf__add_array(k->to, index, elem, a->nelems);
}

static int copy_ref(struct keeper *k, u32 id, const struct btf_type *t)
{
	int type = copy(k, t->type);

	if (type < 0)
		return type;
	switch (btf_kind(t)) {
	case BTF_KIND_TYPEDEF:
		return btf__add_typedef(k->to, types_name(k->from, id), type);
	case BTF_KIND_CONST:
		return btf__add_const(k->to, type);
	case BTF_KIND_VOLATILE:
		return btf__add_volatile(k->to, type);
	default:
		return type; /* restrict and tags say nothing about layout */
	}
}

static int copy_new(struct keeper *k, u32 id, const struct btf_type *t)
{
	const char *name = types_name(k->from, id);

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		return btf__add_int(k->to, name, t->size, btf_int_encoding(t));
	case BTF_KIND_FLOAT:
		return btf__add_float(k->to, name, t->size);
	case BTF_KIND_FWD:
		return btf__add_fwd(k->to, name, btf_kflag(t) ? BTF_FWD_UNION : BTF_FWD_STRUCT);
	case BTF_KIND_PTR:
		return btf__add_ptr(k->to, 0);
	case BTF_KIND_ENUM:
		return copy_enum(k, id, t);
	case BTF_KIND_ENUM64:
		return copy_enum64(k, id, t);
	case BTF_KIND_ARRAY:
		return copy_array(k, t);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return copy_fields(k, id, t);
	case BTF_KIND_FUNC:
	case BTF_KIND_FUNC_PROTO:
	case BTF_KIND_VAR:
	case BTF_KIND_DATASEC:
		return -ENOTSUP;
	default:
		return copy_ref(k, id, t);
	}
}

/* What a type contains is a tree (types_open has seen to that), not deeper than its limit. */
static int copy(struct keeper *k, u32 id)
{
	uintptr_t known = (uintptr_t)hash_get(&k->ids, id);
	int new_id, err;

	if (known || !id)
		return (int)known;
	new_id = copy_new(k, id, btf__type_by_id(k->from, id));
	if (new_id < 0)
		return new_id;
	err = hash_put(&k->ids, id, (void *)(uintptr_t)new_id);
	return err ? err : new_id;
}

/* --- which ------------------------------------------------------------------------------------ */

static bool is_any(u32 kind, u32 a, u32 b)
{
	return kind == a || kind == b;
}

static bool same_kind(u32 a, u32 b)
{
	return a == b || (is_any(a, BTF_KIND_ENUM, BTF_KIND_ENUM64) &&
			  is_any(b, BTF_KIND_ENUM, BTF_KIND_ENUM64));
}

/* Not copied at once: a walk over names holds the lock of their index. */
static int add_candidate(void *ctx, u32 id)
{
	struct keeper *k = ctx;
	u32 *slot;

	if (!same_kind(btf_kind(btf__type_by_id(k->from, id)), k->kind))
		return 0;
	slot = VEC_PUSH(&k->candidates);
	if (!slot)
		return -ENOMEM;
	*slot = id;
	return 0;
}

/* Is "does it exist", of that type, answered by kind and name alone? */
static bool is_plain(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, types_skip(btf, id));

	return t && (btf_is_composite(t) || btf_is_any_enum(t) || btf_is_int(t) ||
		     btf_kind(t) == BTF_KIND_FLOAT);
}

static bool can_keep(const struct btf *local, const struct bpf_core_relo *r)
{
	if (r->kind == TYPE_ID_TARGET || r->kind >= TYPE_MATCHES)
		return false;
	return (r->kind != TYPE_EXISTS && r->kind != TYPE_SIZE) || is_plain(local, r->type_id);
}

static int keep(struct keeper *k, const struct btf *local, const struct bpf_core_relo *r)
{
	const char *name = types_name(local, r->type_id);
	int err = 0;

	if (r->kind == TYPE_ID_LOCAL)
		return 0;
	if (!can_keep(local, r) || !*name)
		return -ENOTSUP;
	k->kind = btf_kind(btf__type_by_id(local, r->type_id));
	k->candidates.nr = 0;
	err = types_each_named(k->from, name, types_essential_len(name), add_candidate, k);
	if (!err && !k->candidates.nr)
		return -ENOTSUP; /* a module may have it */
	for (size_t i = 0; i < k->candidates.nr && err >= 0; i++)
		err = copy(k, k->candidates.data[i]);
	return err < 0 ? err : 0;
}

int core_keep(const struct btf *local, const struct btf *target, const struct bpf_core_relo *relos,
	      u32 nr, struct btf **ret)
{
	struct keeper k = {.from = target, .to = btf__new_empty()};
	int err = k.to ? btf__set_pointer_size(k.to, 8) : -ENOMEM;

	for (u32 i = 0; i < nr && !err; i++)
		err = keep(&k, local, &relos[i]);
	hash_done(&k.ids);
	VEC_DONE(&k.candidates);
	if (err)
		btf__free(k.to);
	else
		*ret = k.to;
	return err;
}
