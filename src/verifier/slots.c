/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Dynptrs take two slots, iterators as many as their struct is long. A program may hand their
 * address to those who know them and nothing else; a write to one ends it.
 */
#include "verifier/slots.h"
#include <string.h>

int slots_find(struct env *env, const struct reg *r, const char *what, u32 nr)
{
	s64 off = r->off + (s64)r->v.t.value;
	s64 spi = (-off - 1) / 8;

	if (!tnum_is_const(r->v.t))
		return reject_slot_variable(env, what);
	if (off % 8 || off >= 0 || off < -STATE_MAX_STACK || spi + 1 < (s64)nr)
		return reject_slot_offset(env, what, (int)off);
	if (spi >= (s64)env_frame_of(env, r)->nr_slots)
		return -ERANGE;
	return (int)spi;
}

static void set_kind(struct env *env, struct frame *f, u32 spi, enum slot_kind kind)
{
	memset(f->slots[spi].kind, kind, sizeof(f->slots[spi].kind));
	live_write_slot(f, spi);
	log_touch_slot(env, spi);
}

static void wipe(struct env *env, struct frame *f, u32 spi)
{
	set_kind(env, f, spi, SLOT_INVALID);
	reg_set_none(&f->slots[spi].reg);
}

/* --- dynptrs --------------------------------------------------------------------------------- */

static bool is_refcounted(const struct reg *slot)
{
	return slot->dynptr.kind == DYNPTR_RINGBUF;
}

static void drop_slices(struct env *env, u32 id)
{
	struct frame *f;
	struct reg *r;

	state_for_each_reg(env->cur, f, r,
			   if (reg_kind(r) == REG_MEM &&
			       !(r->type & ~(REG_KIND_MASK | REG_MAYBE_NULL)) && r->dynptr_id == id)
				   reg_invalidate(r));
}

int dynptr_destroy(struct env *env, struct frame *f, u32 spi)
{
	u32 id;

	if (f->slots[spi].kind[0] != SLOT_DYNPTR)
		return 0;
	if (!f->slots[spi].reg.dynptr.first)
		spi++;
	if (is_refcounted(&f->slots[spi].reg))
		return reject_dynptr_overwrite(env);
	id = f->slots[spi].reg.id;
	wipe(env, f, spi);
	wipe(env, f, spi - 1);
	drop_slices(env, id);
	return 0;
}

static void set_dynptr(struct reg *r, enum dynptr_kind kind, bool first, u32 id)
{
	reg_set_pointer(r, REG_DYNPTR);
	r->dynptr.kind = (u8)kind;
	r->dynptr.first = first;
	r->id = id;
}

int dynptr_mark(struct env *env, const struct reg *r, enum dynptr_kind kind, u32 insn,
		u32 clone_ref)
{
	struct frame *f = env_frame_of(env, r);
	int spi = slots_find(env, r, "dynptr", DYNPTR_SLOTS), err;
	u32 id, ref = clone_ref;

	if (spi < 0)
		return spi;
	err = dynptr_destroy(env, f, (u32)spi);
	if (!err)
		err = dynptr_destroy(env, f, (u32)spi - 1);
	id = env_new_id(env);
	if (!err && kind == DYNPTR_RINGBUF && !ref)
		err = state_acquire(env, insn, &ref);
	if (err)
		return err;
	set_kind(env, f, (u32)spi, SLOT_DYNPTR);
	set_kind(env, f, (u32)spi - 1, SLOT_DYNPTR);
	set_dynptr(&f->slots[spi].reg, kind, true, id);
	set_dynptr(&f->slots[spi - 1].reg, kind, false, id);
	f->slots[spi].reg.ref = f->slots[spi - 1].reg.ref = ref;
	return 0;
}

/* Clones share a reference and end together. */
int dynptr_unmark(struct env *env, const struct reg *r)
{
	struct frame *f = env_frame_of(env, r);
	int spi = slots_find(env, r, "dynptr", DYNPTR_SLOTS), err;
	u32 ref;

	if (spi < 0)
		return spi;
	if (!is_refcounted(&f->slots[spi].reg)) {
		wipe(env, f, (u32)spi);
		wipe(env, f, (u32)spi - 1);
		return 0;
	}
	ref = f->slots[spi].reg.ref;
	err = release_ref(env, ref);
	if (err)
		return err;
	for (u32 i = 1; i < f->nr_slots; i++)
		if (f->slots[i].kind[0] == SLOT_DYNPTR && f->slots[i].reg.ref == ref &&
		    f->slots[i].reg.dynptr.first) {
			wipe(env, f, i);
			wipe(env, f, i - 1);
		}
	return 0;
}

bool dynptr_may_init(struct env *env, const struct reg *r)
{
	int spi;

	if (r->type == REG_DYNPTR)
		return false;
	spi = slots_find(env, r, "dynptr", DYNPTR_SLOTS);
	return spi >= 0 || spi == -ERANGE;
}

bool dynptr_is_init(struct env *env, const struct reg *r)
{
	const struct frame *f = env_frame_of(env, r);
	int spi;

	if (r->type == REG_DYNPTR)
		return true;
	spi = slots_find(env, r, "dynptr", DYNPTR_SLOTS);
	if (spi < 0 || !f->slots[spi].reg.dynptr.first)
		return false;
	for (int i = 0; i < 8; i++)
		if (f->slots[spi].kind[i] != SLOT_DYNPTR ||
		    f->slots[spi - 1].kind[i] != SLOT_DYNPTR)
			return false;
	return true;
}

const struct reg *dynptr_reg(struct env *env, const struct reg *r)
{
	int spi;

	if (r->type == REG_DYNPTR)
		return r;
	spi = slots_find(env, r, "dynptr", DYNPTR_SLOTS);
	return spi < 0 ? NULL : &env_frame_of(env, r)->slots[spi].reg;
}

/* --- iterators ------------------------------------------------------------------------------- */

int iter_mark(struct env *env, const struct reg *r, u32 insn, const struct btf *btf, u32 btf_id,
	      u32 nr, bool rcu_protected)
{
	struct frame *f = env_frame_of(env, r);
	int spi = slots_find(env, r, "iter", nr), err;
	u32 ref, flags = 0;

	if (spi < 0)
		return spi;
	err = state_acquire(env, insn, &ref);
	if (err)
		return err;
	if (rcu_protected)
		flags = env_in_rcu(env) ? REG_RCU : REG_UNTRUSTED;
	for (u32 i = 0; i < nr; i++) {
		struct reg *slot = &f->slots[(u32)spi - i].reg;

		reg_set_pointer(slot, REG_STACK | flags);
		slot->ref = i ? 0 : ref;
		slot->iter.btf = btf;
		slot->iter.btf_id = btf_id;
		slot->iter.state = ITER_ACTIVE;
		set_kind(env, f, (u32)spi - i, SLOT_ITER);
	}
	return 0;
}

int iter_unmark(struct env *env, const struct reg *r, u32 nr)
{
	struct frame *f = env_frame_of(env, r);
	int spi = slots_find(env, r, "iter", nr);

	if (spi < 0)
		return spi;
	for (u32 i = 0; i < nr; i++) {
		int err = i ? 0 : release_ref(env, f->slots[spi].reg.ref);

		if (err)
			return err;
		wipe(env, f, (u32)spi - i);
	}
	return 0;
}

bool iter_may_init(struct env *env, const struct reg *r, u32 nr)
{
	const struct frame *f = env_frame_of(env, r);
	int spi = slots_find(env, r, "iter", nr);

	if (spi < 0)
		return spi == -ERANGE;
	for (u32 i = 0; i < nr; i++)
		for (int j = 0; j < 8; j++)
			if (f->slots[(u32)spi - i].kind[j] == SLOT_ITER)
				return false;
	return true;
}

int iter_is_init(struct env *env, const struct reg *r, const struct btf *btf, u32 btf_id, u32 nr)
{
	const struct frame *f = env_frame_of(env, r);
	int spi = slots_find(env, r, "iter", nr);

	if (spi < 0)
		return -EINVAL;
	for (u32 i = 0; i < nr; i++) {
		const struct slot *s = &f->slots[(u32)spi - i];

		if (s->reg.type & REG_UNTRUSTED)
			return -EPROTO;
		if (!s->reg.ref != (i != 0) || s->reg.iter.btf != btf ||
		    s->reg.iter.btf_id != btf_id)
			return -EINVAL;
		for (int j = 0; j < 8; j++)
			if (s->kind[j] != SLOT_ITER)
				return -EINVAL;
	}
	return 0;
}
