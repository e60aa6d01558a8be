/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Finding a local way again in a candidate type of the target, and comparing types: `compat` asks
 * whether kinds agree all the way down (names do not count), `match` whether the local type is
 * part of the target's, member by member.
 *
 * Both BTFs may be hostile and types shared, so every member and name that is looked at counts
 * against one budget.
 */
#include "btf/core_spec.h"
#include <errno.h>
#include <string.h>

#define MAX_LEVEL 32 /* of comparing, as libbpf's */

struct match {
	const struct btf *local, *target;
	u64 *work;
};

static bool spend(struct match *m)
{
	if (!*m->work)
		return false;
	--*m->work;
	return true;
}

static const struct btf_type *skipped(const struct btf *btf, u32 *id)
{
	*id = types_skip(btf, *id);
	return btf__type_by_id(btf, *id);
}

bool core_kinds_compat(const struct btf_type *a, const struct btf_type *b)
{
	return btf_kind(a) == btf_kind(b) || (core_is_any_enum(a) && core_is_any_enum(b));
}

static bool same_essence(const char *a, const char *b)
{
	size_t len = types_essential_len(a);

	return len == types_essential_len(b) && !strncmp(a, b, len);
}

/* --- compat --------------------------------------------------------------------------------- */

static int compat(struct match *m, u32 local, u32 target, int level);

static int protos_compat(struct match *m, const struct btf_type *l, const struct btf_type *t,
			 int level)
{
	if (btf_vlen(l) != btf_vlen(t))
		return 0;
	for (u32 i = 0; i < btf_vlen(l); i++) {
		int ok = level <= 0
				 ? -EINVAL
				 : compat(m, types_skip(m->local, btf_params(l)[i].type),
					  types_skip(m->target, btf_params(t)[i].type), level - 1);

		if (ok <= 0)
			return ok;
	}
	return 1;
}

static int compat(struct match *m, u32 local, u32 target, int level)
{
	for (int depth = MAX_LEVEL; depth > 0; depth--) {
		const struct btf_type *l = skipped(m->local, &local);
		const struct btf_type *t = skipped(m->target, &target);
		int ok;

		if (!spend(m))
			return -E2BIG;
		if (!core_kinds_compat(l, t))
			return 0;
		switch (btf_kind(l)) {
		case BTF_KIND_INT:
			return !btf_int_offset(l) && !btf_int_offset(t);
		case BTF_KIND_PTR:
			local = l->type;
			target = t->type;
			break;
		case BTF_KIND_ARRAY:
			local = btf_array(l)->type;
			target = btf_array(t)->type;
			break;
		case BTF_KIND_FUNC_PROTO:
			ok = protos_compat(m, l, t, level);
			if (ok <= 0)
				return ok;
			local = l->type;
			target = t->type;
			break;
		case BTF_KIND_FLOAT:
			return 0;
		default:
			return 1;
		}
	}
	return -EINVAL;
}

/* The outermost kinds are compared as they stand: a typedef fits a typedef. */
static int roots_compat(struct match *m, u32 local, u32 target)
{
	const struct btf_type *l = btf__type_by_id(m->local, local);
	const struct btf_type *t = btf__type_by_id(m->target, target);

	if (!l || !t)
		return -EINVAL;
	return core_kinds_compat(l, t) ? compat(m, local, target, MAX_LEVEL) : 0;
}

bool core_types_compat(const struct btf *local, u32 local_id, const struct btf *target,
		       u32 target_id)
{
	u64 work = CORE_MAX_WORK / 100;
	struct match m = {local, target, &work};

	return roots_compat(&m, local_id, target_id) > 0;
}

/* --- match ---------------------------------------------------------------------------------- */

static int match(struct match *m, u32 local, u32 target, bool behind_ptr, int level);

static bool names_match(struct match *m, u32 local_off, u32 target_off)
{
	const char *l = btf__name_by_offset(m->local, local_off);
	const char *t = btf__name_by_offset(m->target, target_off);

	if (!t || !t[0])
		return !l || !l[0];
	return l && same_essence(l, t);
}

static int enums_match(struct match *m, const struct btf_type *l, const struct btf_type *t)
{
	if (!core_is_any_enum(t) || l->size != t->size || btf_vlen(l) > btf_vlen(t))
		return 0;
	for (u32 i = 0; i < btf_vlen(l); i++) {
		bool found = false;

		for (u32 j = 0; j < btf_vlen(t) && !found; j++) {
			if (!spend(m))
				return -E2BIG;
			found = names_match(m, core_enum_name_off(l, i), core_enum_name_off(t, j));
		}
		if (!found)
			return 0;
	}
	return 1;
}

/* Some member of t stands for member lm. */
static int member_matches(struct match *m, const struct btf_member *lm, const struct btf_type *t,
			  bool behind_ptr, int level)
{
	const struct btf_member *tm = btf_members(t);

	for (u32 j = 0; j < btf_vlen(t); j++) {
		int ok;

		if (!spend(m))
			return -E2BIG;
		if (!names_match(m, lm->name_off, tm[j].name_off))
			continue;
		ok = match(m, lm->type, tm[j].type, behind_ptr, level - 1);
		if (ok)
			return ok;
	}
	return 0;
}

static int composites_match(struct match *m, const struct btf_type *l, const struct btf_type *t,
			    bool behind_ptr, int level)
{
	if (btf_kind(l) != btf_kind(t))
		return behind_ptr && btf_is_fwd(t) && btf_is_union(l) == btf_kflag(t);
	if (behind_ptr)
		return 1;
	if (btf_vlen(l) > btf_vlen(t))
		return 0;
	for (u32 i = 0; i < btf_vlen(l); i++) {
		int ok = member_matches(m, btf_members(l) + i, t, behind_ptr, level);

		if (ok <= 0)
			return ok;
	}
	return 1;
}

static int fwds_match(const struct btf_type *l, const struct btf_type *t, bool behind_ptr)
{
	if (btf_is_fwd(t))
		return btf_kflag(l) == btf_kflag(t);
	return behind_ptr && (btf_kflag(l) ? btf_is_union(t) : btf_is_struct(t));
}

static int ints_match(const struct btf_type *l, const struct btf_type *t)
{
	return btf_is_int(t) && l->size == t->size &&
	       !((btf_int_encoding(l) ^ btf_int_encoding(t)) & BTF_INT_SIGNED);
}

static int params_match(struct match *m, const struct btf_type *l, const struct btf_type *t,
			bool behind_ptr, int level)
{
	if (!btf_is_func_proto(t) || btf_vlen(l) != btf_vlen(t))
		return 0;
	for (u32 i = 0; i < btf_vlen(l); i++) {
		int ok = match(m, btf_params(l)[i].type, btf_params(t)[i].type, behind_ptr,
			       level - 1);

		if (ok <= 0)
			return ok;
	}
	return 1;
}

/* What comes of comparing one layer: an answer, or the next layer. */
enum { NEXT_LAYER = 2 };

static int layer_matches(struct match *m, const struct btf_type *l, const struct btf_type *t,
			 bool *behind_ptr, int level)
{
	int ok;

	switch (btf_kind(l)) {
	case BTF_KIND_UNKN:
		return btf_is_void(t);
	case BTF_KIND_FWD:
		return fwds_match(l, t, *behind_ptr);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return enums_match(m, l, t);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return composites_match(m, l, t, *behind_ptr, level);
	case BTF_KIND_INT:
		return ints_match(l, t);
	case BTF_KIND_PTR:
		*behind_ptr = true;
		return btf_is_ptr(t) ? NEXT_LAYER : 0;
	case BTF_KIND_ARRAY:
		return btf_is_array(t) && btf_array(l)->nelems == btf_array(t)->nelems ? NEXT_LAYER
										       : 0;
	case BTF_KIND_FUNC_PROTO:
		ok = params_match(m, l, t, *behind_ptr, level);
		return ok <= 0 ? ok : NEXT_LAYER;
	default:
		return 0;
	}
}

static u32 inner_type(const struct btf_type *t)
{
	return btf_is_array(t) ? btf_array(t)->type : t->type;
}

static int match(struct match *m, u32 local, u32 target, bool behind_ptr, int level)
{
	if (level <= 0)
		return -EINVAL;
	for (int depth = MAX_LEVEL; depth > 0; depth--) {
		const struct btf_type *l = skipped(m->local, &local);
		const struct btf_type *t = skipped(m->target, &target);
		int ok;

		if (!spend(m))
			return -E2BIG;
		if (!names_match(m, l->name_off, t->name_off))
			return 0;
		ok = layer_matches(m, l, t, &behind_ptr, level);
		if (ok != NEXT_LAYER)
			return ok;
		local = inner_type(l);
		target = inner_type(t);
	}
	return -EINVAL;
}

/* --- following a way ------------------------------------------------------------------------ */

/* May a field of the target's type be read where one of the local type was? */
static int fields_compat(struct match *m, u32 local, u32 target)
{
	for (int depth = 0; depth < TYPES_MAX_DEPTH; depth++) {
		const struct btf_type *l = skipped(m->local, &local);
		const struct btf_type *t = skipped(m->target, &target);
		const char *ln, *tn;

		if (btf_is_composite(l) && btf_is_composite(t))
			return 1;
		if (!core_kinds_compat(l, t))
			return 0;
		switch (btf_kind(l)) {
		case BTF_KIND_PTR:
		case BTF_KIND_FLOAT:
			return 1;
		case BTF_KIND_FWD:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
			ln = types_name(m->local, local);
			tn = types_name(m->target, target);
			return !ln[0] || !tn[0] || same_essence(ln, tn);
		case BTF_KIND_INT:
			return !btf_int_offset(l) && !btf_int_offset(t);
		case BTF_KIND_ARRAY:
			local = btf_array(l)->type;
			target = btf_array(t)->type;
			break;
		default:
			return 0;
		}
	}
	return -EINVAL;
}

/*
 * The member with the step's name in type *id, also inside anonymous ones: 1 and *id is its type,
 * spec is moved there; 0: none that fits.
 */
static int find_member(struct match *m, const struct core_step *step, u32 *id,
		       struct core_spec *spec)
{
	const struct btf_type *lt = btf__type_by_id(m->local, step->type_id);
	const struct btf_type *t = skipped(m->target, id);
	const struct btf_member *mem = btf_members(t);
	u32 local_type = btf_members(lt)[step->idx].type;

	if (!btf_is_composite(t))
		return 0;
	for (u32 i = 0; i < btf_vlen(t); i++) {
		u32 off = btf_member_bit_offset(t, i), inner = mem[i].type;
		const char *name = btf__name_by_offset(m->target, mem[i].name_off);
		int found;

		if (spec->nr_raw == CORE_MAX_WAY || !spend(m))
			return -E2BIG;
		spec->bit_off += off;
		spec->nr_raw++;
		if (!name || !name[0]) {
			found = find_member(m, step, &inner, spec);
			if (found) {
				*id = inner;
				return found;
			}
		} else if (!strcmp(name, step->name)) {
			spec->steps[spec->nr_steps++] = (struct core_step){*id, i, name};
			found = fields_compat(m, local_type, inner);
			if (found <= 0)
				spec->nr_steps--;
			*id = inner;
			return found;
		}
		spec->bit_off -= off;
		spec->nr_raw--;
	}
	return 0;
}

/* Step i of the local way is an element (or the root). */
static int enter_element(struct match *m, const struct core_step *step, u32 i, u32 *id,
			 struct core_spec *spec)
{
	const struct btf_type *t = skipped(m->target, id);

	if (i) {
		const struct btf_array *a = btf_array(t);

		if (!btf_is_array(t))
			return 0;
		if (step->idx >= a->nelems &&
		    !core_is_flex(m->target, &spec->steps[spec->nr_steps - 1], a))
			return 0;
		*id = types_skip(m->target, a->type);
	}
	if (spec->nr_raw == CORE_MAX_WAY)
		return -E2BIG;
	spec->nr_raw++;
	spec->steps[spec->nr_steps++] = (struct core_step){*id, step->idx, NULL};
	spec->bit_off += (u64)step->idx * types_size(m->target, *id) * 8;
	return 1;
}

static int match_fields(struct match *m, const struct core_spec *local, u32 id,
			struct core_spec *ret)
{
	for (u32 i = 0; i < local->nr_steps; i++) {
		const struct core_step *step = &local->steps[i];
		int ok = step->name ? find_member(m, step, &id, ret)
				    : enter_element(m, step, i, &id, ret);

		if (ok <= 0)
			return ok;
	}
	return 1;
}

static int match_enumval(struct match *m, const struct core_spec *local, u32 id,
			 struct core_spec *ret)
{
	const struct btf_type *t = skipped(m->target, &id);

	if (!core_is_any_enum(t))
		return 0;
	for (u32 i = 0; i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(m->target, core_enum_name_off(t, i));

		if (!spend(m))
			return -E2BIG;
		if (!name || !same_essence(local->steps[0].name, name))
			continue;
		ret->steps[0] = (struct core_step){id, i, name};
		ret->nr_steps = ret->nr_raw = 1;
		return 1;
	}
	return 0;
}

int core_match(const struct core_spec *local, const struct btf *btf, u32 id, struct core_spec *ret,
	       u64 *work)
{
	struct match m = {local->btf, btf, work};

	*ret = (struct core_spec){.btf = btf, .root = id, .kind = local->kind};
	switch (core_class_of(local->kind)) {
	case CORE_TYPE:
		if (local->kind == BPF_CORE_TYPE_MATCHES)
			return match(&m, local->root, id, false, MAX_LEVEL);
		return roots_compat(&m, local->root, id);
	case CORE_ENUMVAL:
		return match_enumval(&m, local, id, ret);
	case CORE_FIELD:
		return match_fields(&m, local, id, ret);
	default:
		return -EINVAL;
	}
}
