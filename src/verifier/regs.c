/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Registers of the current state: may they be read, what calls do to them, pointers and NULL. */
#include "verifier/verifier.h"

#define MAX_VAR_OFF (1 << 29) /* BPF_MAX_VAR_OFF */

int check_reg(struct env *env, u32 regno, enum reg_use use)
{
	struct reg *r = &env_regs(env)[regno];

	log_touch_reg(env, regno);
	if (use == USE_SRC) {
		if (r->type == REG_NONE)
			return reject_reg_uninit(env, (int)regno);
		live_read_reg(env, env->cur->cur, regno);
		return 0;
	}
	if (regno == BPF_REG_10)
		return reject_fp_readonly(env);
	live_write_reg(env, regno);
	if (use == USE_DST)
		mark_unknown(env, regno);
	return 0;
}

void mark_unknown(struct env *env, u32 regno)
{
	reg_set_unknown(&env_regs(env)[regno]);
}

/* With the privileges that are assumed, pointers may be known. */
bool is_pointer_value(const struct env *env, const struct reg *r)
{
	return false;
}

static bool is_sock_kind(u32 type)
{
	u32 kind = type & REG_KIND_MASK;

	return kind == REG_SOCK || kind == REG_SOCK_COMMON || kind == REG_TCP_SOCK ||
	       kind == REG_MAP_PTR;
}

bool reg_is_trusted(const struct reg *r)
{
	u32 flags = r->type & ~REG_KIND_MASK;
	u32 trusting = REG_TRUSTED | REG_ALLOC | REG_NON_OWN;

	if (r->ref)
		return true;
	if (is_sock_kind(r->type) && !(flags & ~trusting))
		return true;
	return (flags & trusting) && !(flags & ~trusting);
}

bool reg_not_null(const struct reg *r)
{
	if ((r->type & REG_MAYBE_NULL) || r->v.r.smin <= -MAX_VAR_OFF || r->v.r.smax >= MAX_VAR_OFF)
		return false;
	return (reg_traits(r->type) & REG_T_THERE) || (reg_kind(r) == REG_BTF && reg_is_trusted(r));
}

void reg_assign_id(struct env *env, struct reg *r)
{
	if (r->type != REG_SCALAR)
		return;
	if (r->id & REG_ADD_CONST)
		reg_unlink(r);
	if (!r->id && !tnum_is_const(r->v.t))
		r->id = env_new_id(env);
}

void reg_invalidate(struct reg *r)
{
	reg_set_unknown(r);
}

void reg_mark_not_null(struct reg *r)
{
	const struct vmap *map = r->map;
	u32 map_type;

	if (reg_kind(r) != REG_MAP_VALUE) {
		r->type &= ~REG_MAYBE_NULL;
		return;
	}
	map_type = map->def->type;
	if (map->inner) {
		r->type = REG_MAP_PTR;
		r->map = map->inner;
		if (fields_have(map->inner->fields, FIELD_TIMER | FIELD_WORKQUEUE))
			r->map_uid = r->id;
	} else if (map_type == SPEC_MAP_XSKMAP) {
		r->type = REG_XDP_SOCK;
	} else if (map_type == SPEC_MAP_SOCKMAP || map_type == SPEC_MAP_SOCKHASH) {
		r->type = REG_SOCK;
	} else {
		r->type = REG_MAP_VALUE;
	}
}

const struct fields *reg_fields(struct env *env, const struct reg *r)
{
	if (r->type == REG_MAP_VALUE)
		return r->map->fields;
	if (reg_is_alloc_obj(r->type))
		return fields_of(env, r->btf, r->btf_id);
	return NULL;
}

void clear_caller_saved(struct env *env)
{
	for (u32 i = 0; i <= BPF_REG_5; i++) {
		reg_set_none(&env_regs(env)[i]);
		log_touch_reg(env, i);
		live_write_reg(env, i);
	}
}

void clear_pkt_pointers(struct env *env)
{
	struct frame *f;
	struct reg *r;

	state_for_each_reg(env->cur, f, r,
			   if (reg_is_pkt_or_end(r) || reg_is_pkt_slice(r)) reg_invalidate(r));
}
