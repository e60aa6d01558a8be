/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Does an explored state cover the current one? It does if every value that the current one can
 * have, the old one could have had too, as far as somebody reads it (liveness) and its exact value
 * mattered for the proof (precision). Ids stand for equalities, and need only match up to
 * renaming: a one-to-one table grows during the comparison.
 *
 * EQUAL_SAFE covers in that sense. EQUAL_EXACT: the same. EQUAL_RANGES: as SAFE, but without
 * liveness and precision, for states whose exploration is not finished.
 */
#include "verifier/verifier.h"
#include <string.h>

static bool ids_match(struct env *env, u32 old_id, u32 cur_id)
{
	if (!old_id || !cur_id)
		return old_id == cur_id;
	for (u32 i = 0; i < ENV_ID_PAIRS; i++) {
		struct id_pair *p = &env->ids[i];

		if (!p->old_id) {
			p->old_id = old_id;
			p->cur_id = cur_id;
			return true;
		}
		if (p->old_id == old_id)
			return p->cur_id == cur_id;
		if (p->cur_id == cur_id)
			return false;
	}
	return false;
}

/* An old number that no other was equal to does not care; one that was, must be again. */
static bool scalar_ids_match(struct env *env, u32 old_id, u32 cur_id)
{
	if (!old_id)
		return true;
	cur_id = cur_id ? cur_id : ++env->ids_tmp;
	if (!ids_match(env, old_id, cur_id))
		return false;
	return !(old_id & REG_ADD_CONST) ||
	       ids_match(env, old_id & ~REG_ADD_CONST, cur_id & ~REG_ADD_CONST);
}

static bool range_covers(const struct range *old, const struct range *cur)
{
	return old->umin <= cur->umin && old->umax >= cur->umax && old->smin <= cur->smin &&
	       old->smax >= cur->smax;
}

static bool value_covers(const struct scalar *old, const struct scalar *cur)
{
	return range_covers(&old->r, &cur->r) && range_covers(&old->w, &cur->w) &&
	       tnum_has(old->t, cur->t);
}

static bool regs_same(struct env *env, const struct reg *old, const struct reg *cur)
{
	return !memcmp(old, cur, offsetof(struct reg, id)) && ids_match(env, old->id, cur->id) &&
	       ids_match(env, old->ref, cur->ref);
}

bool regs_are_same(struct env *env, const struct reg *old, const struct reg *cur)
{
	return regs_same(env, old, cur);
}

static bool numbers_covered(struct env *env, const struct reg *old, const struct reg *cur,
			    int exact)
{
	if (!old->precise && exact == EQUAL_SAFE)
		return true;
	if (old->id && (old->id & REG_ADD_CONST) != (cur->id & REG_ADD_CONST))
		return false;
	if ((old->id & REG_ADD_CONST) && old->off != cur->off)
		return false;
	return scalar_ids_match(env, old->id, cur->id) && value_covers(&old->v, &cur->v);
}

static bool packet_covered(struct env *env, const struct reg *old, const struct reg *cur)
{
	if (old->range < 0 || cur->range < 0 ? old->range != cur->range : old->range > cur->range)
		return false;
	return old->off == cur->off && ids_match(env, old->id, cur->id) &&
	       value_covers(&old->v, &cur->v);
}

static bool region_covered(struct env *env, const struct reg *old, const struct reg *cur)
{
	return !memcmp(old, cur, offsetof(struct reg, v)) && value_covers(&old->v, &cur->v) &&
	       ids_match(env, old->id, cur->id) && ids_match(env, old->ref, cur->ref);
}

static bool reg_covered(struct env *env, const struct reg *old, const struct reg *cur, bool is_read,
			int exact)
{
	if (exact == EQUAL_EXACT)
		return regs_same(env, old, cur);
	if (!is_read && exact == EQUAL_SAFE)
		return true;
	if (old->type == REG_NONE && (exact == EQUAL_SAFE || cur->type == REG_NONE))
		return true;
	if (old->type != cur->type)
		return false;
	switch (reg_kind(old)) {
	case REG_SCALAR:
		return numbers_covered(env, old, cur, exact);
	case REG_MAP_KEY:
	case REG_MAP_VALUE:
	case REG_MEM:
	case REG_BUF:
	case REG_TP_BUFFER:
		return region_covered(env, old, cur);
	case REG_PKT:
	case REG_PKT_META:
		return packet_covered(env, old, cur);
	case REG_STACK:
		return old->frame == cur->frame && regs_same(env, old, cur);
	case REG_ARENA:
		return true;
	default:
		return regs_same(env, old, cur);
	}
}

/* Any bytes, uninitialised ones too: a privileged program may read those. */
static bool slot_is_misc(const struct slot *s)
{
	for (int i = 0; i < 8; i++)
		if (s->kind[i] != SLOT_MISC && s->kind[i] != SLOT_INVALID)
			return false;
	return true;
}

/* The slot as one number of 64 bits, NULL if it is none. */
static const struct reg *slot_number(const struct slot *s, const struct reg *unknown)
{
	if (s->kind[0] == SLOT_SPILL && s->reg.type == REG_SCALAR)
		return &s->reg;
	return slot_is_misc(s) ? unknown : NULL;
}

static bool special_covered(struct env *env, const struct slot *old, const struct slot *cur,
			    bool is_read, int exact)
{
	const struct reg *a = &old->reg, *b = &cur->reg;

	switch (old->kind[7]) {
	case SLOT_SPILL:
		return reg_covered(env, a, b, is_read, exact);
	case SLOT_DYNPTR:
		return a->dynptr.kind == b->dynptr.kind && a->dynptr.first == b->dynptr.first &&
		       ids_match(env, a->ref, b->ref);
	case SLOT_ITER:
		return a->type == b->type && a->iter.btf == b->iter.btf &&
		       a->iter.btf_id == b->iter.btf_id && a->iter.state == b->iter.state &&
		       ids_match(env, a->ref, b->ref);
	default:
		return true;
	}
}

static bool bytes_covered(const struct slot *old, const struct slot *cur)
{
	for (int i = 0; i < 8; i++) {
		if (old->kind[i] == SLOT_INVALID || old->kind[i] == SLOT_MISC)
			continue;
		if (!cur || old->kind[i] != cur->kind[i])
			return false;
	}
	return true;
}

static bool slot_covered(struct env *env, const struct slot *old, const struct slot *cur,
			 bool is_read, int exact)
{
	const struct reg *a, *b;

	if (exact != EQUAL_SAFE && (!cur || memcmp(old->kind, cur->kind, sizeof(old->kind))))
		return false;
	if (!is_read && exact == EQUAL_SAFE)
		return true;
	if (slot_is_misc(old))
		return true;
	if (!cur)
		return false;
	a = slot_number(old, &env->any_number);
	b = slot_number(cur, &env->any_number);
	if (a && b)
		return reg_covered(env, a, b, is_read, exact);
	return bytes_covered(old, cur) && special_covered(env, old, cur, is_read, exact);
}

static bool frame_covered(struct env *env, const struct frame *old, const struct frame *cur,
			  int exact)
{
	if (old->callback_depth > cur->callback_depth)
		return false;
	for (int i = 0; i < STATE_NR_REGS; i++)
		if (!reg_covered(env, &old->regs[i], &cur->regs[i],
				 i == BPF_REG_10 || (old->regs_read >> i & 1), exact))
			return false;
	for (u32 i = 0; i < old->nr_slots; i++)
		if (!slot_covered(env, &old->slots[i], i < cur->nr_slots ? &cur->slots[i] : NULL,
				  old->slots_read >> i & 1, exact))
			return false;
	return true;
}

static bool refs_match(struct env *env, const struct state *old, const struct state *cur)
{
	if (old->nr_refs != cur->nr_refs)
		return false;
	for (u32 i = 0; i < old->nr_refs; i++)
		if (!ids_match(env, old->refs[i].id, cur->refs[i].id))
			return false;
	return true;
}

void ids_forget(struct env *env)
{
	for (u32 i = 0; i < ENV_ID_PAIRS && env->ids[i].old_id; i++)
		env->ids[i].old_id = 0;
	env->ids_tmp = env->id_gen;
}

bool states_are_equal(struct env *env, struct state *old, struct state *cur, int exact)
{
	if (old->cur != cur->cur || old->lock != cur->lock || old->rcu != cur->rcu ||
	    old->preempt != cur->preempt || old->in_sleepable != cur->in_sleepable)
		return false;
	ids_forget(env);
	if (!ids_match(env, old->lock_id, cur->lock_id))
		return false;
	for (u32 i = 0; i <= old->cur; i++)
		if (old->frames[i]->callsite != cur->frames[i]->callsite ||
		    !frame_covered(env, old->frames[i], cur->frames[i], exact))
			return false;
	return refs_match(env, old, cur);
}
