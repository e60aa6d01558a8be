/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The stack, eight bytes a slot. A register that is written to a slot at its start is remembered
 * whole (spilled); other writes leave bytes. With a variable offset, all bytes that might be
 * written become unknown.
 */
#include "verifier/slots.h"
#include <string.h>

#define MAX_VAR_OFF (1 << 29)

static u32 slot_of(s64 off)
{
	return (u32)(-off - 1) / 8;
}

static u8 *byte_of(struct frame *f, s64 off)
{
	u32 at = (u32)(-off - 1);

	return &f->slots[at / 8].kind[at % 8];
}

static u32 access_flags(const struct frame *f, u32 spi)
{
	return HIST_STACK_ACCESS | spi << HIST_SLOT_SHIFT | f->frameno;
}

int check_stack_bounds(struct env *env, u32 regno, s32 off, int size, const char *how,
		       enum access rw)
{
	const struct reg *r = &env_regs(env)[regno];
	struct frame *f = env_frame_of(env, r);
	bool fixed = tnum_is_const(r->v.t);
	s64 min = off + (fixed ? (s64)r->v.t.value : r->v.r.smin);
	s64 max = off + (fixed ? (s64)r->v.t.value : r->v.r.smax) + size;
	char t[48];

	if (!fixed && (r->v.r.smax >= MAX_VAR_OFF || r->v.r.smin <= -MAX_VAR_OFF))
		return reject_stack_unbounded(env, how, (int)regno);
	if (min < -STATE_MAX_STACK || min > -1 || max > 0 || size < 0) {
		if (fixed)
			return reject_stack_oob(env, how, (int)regno, off, size);
		return reject_stack_oob_variable(env, how, (int)regno, log_tnum(t, r->v.t), off,
						 size);
	}
	return frame_grow(env, f, (int)-min);
}

/* --- writes ---------------------------------------------------------------------------------- */

static void scrub(struct slot *s)
{
	s->reg.type = REG_NONE;
	if (s->kind[7] != SLOT_SPILL && s->kind[7] != SLOT_DYNPTR && s->kind[7] != SLOT_ITER)
		return;
	for (int i = 0; i < 8; i++)
		if (s->kind[i] != SLOT_INVALID)
			s->kind[i] = SLOT_MISC;
}

/* The lower `size` bytes of the slot hold r. */
static void spill(struct frame *f, u32 spi, const struct reg *r, int size)
{
	struct slot *s = &f->slots[spi];

	s->reg = *r;
	if (size == 8)
		live_write_slot(f, spi);
	for (int i = 7; i >= 0; i--)
		if (i > 7 - size)
			s->kind[i] = SLOT_SPILL;
		else if (s->kind[i] != SLOT_ZERO && s->kind[i] != SLOT_INVALID)
			s->kind[i] = SLOT_MISC;
}

static int spill_number(struct env *env, struct frame *f, u32 spi, struct reg *r, int size)
{
	bool fits = reg_width(r) <= 8 * size;

	if (fits)
		reg_assign_id(env, r);
	spill(f, spi, r, size);
	if (!fits)
		f->slots[spi].reg.id = 0;
	return 0;
}

static int spill_pointer(struct env *env, struct frame *f, u32 spi, const struct reg *r, int size)
{
	if (size != 8) {
		log_source(env, (u32)env->insn, "; ");
		return reject_spill_size(env);
	}
	if (f != env_frame(env) && r->type == REG_STACK)
		return reject_spill_to_caller(env);
	spill(f, spi, r, size);
	return 0;
}

static int write_bytes(struct env *env, struct frame *f, s32 off, int size, int value, bool zero)
{
	u32 spi = slot_of(off);
	int err;

	scrub(&f->slots[spi]);
	if (size == 8)
		live_write_slot(f, spi);
	if (zero && value >= 0) {
		err = precise_mark(env, value);
		if (err)
			return err;
	}
	for (int i = 0; i < size; i++)
		*byte_of(f, off + i) = zero ? SLOT_ZERO : SLOT_MISC;
	return 0;
}

static int write_fixed(struct env *env, struct frame *f, s32 off, int size, int value)
{
	const struct bpf_insn *insn = &env->insns[env->insn];
	bool is_imm = BPF_CLASS(insn->code) == BPF_ST && BPF_MODE(insn->code) == BPF_MEM;
	struct reg *r = value >= 0 ? &env_regs(env)[value] : NULL, imm;
	u32 spi = slot_of(off);
	bool aligned = off % 8 == 0;
	int err = dynptr_destroy(env, f, spi);

	if (err)
		return err;
	log_touch_slot(env, spi);
	if (r && aligned && r->type == REG_SCALAR) {
		err = spill_number(env, f, spi, r, size);
	} else if (!r && aligned && is_imm) {
		reg_set_const(&imm, (u64)(s64)insn->imm);
		spill(f, spi, &imm, size);
	} else if (r && (reg_traits(r->type) & REG_T_SPILL)) {
		err = spill_pointer(env, f, spi, r, size);
	} else {
		bool zero = r ? reg_is_null(r) : is_imm && !insn->imm;

		return write_bytes(env, f, off, size, value, zero);
	}
	return err ? err : hist_push(env, access_flags(f, spi), 0);
}

static bool is_spilled_zero(const struct slot *s, u8 kind)
{
	return kind == SLOT_SPILL && slot_is_spilled_scalar(s) && tnum_is(s->reg.v.t, 0);
}

static int write_variable(struct env *env, struct frame *f, s64 min, s64 max, int value)
{
	const struct bpf_insn *insn = &env->insns[env->insn];
	const struct reg *r = value >= 0 ? &env_regs(env)[value] : NULL;
	bool zero = r ? reg_is_null(r) : BPF_CLASS(insn->code) == BPF_ST && !insn->imm;
	bool zero_used = false;

	for (s64 i = min; i < max; i++) {
		int err = dynptr_destroy(env, f, slot_of(i));

		if (err)
			return err;
	}
	for (s64 i = min; i < max; i++) {
		struct slot *s = &f->slots[slot_of(i)];
		u8 *kind = byte_of(f, i), was = *kind;

		log_touch_slot(env, slot_of(i));
		if (zero && is_spilled_zero(s, was)) {
			zero_used = true;
			continue;
		}
		scrub(s);
		*kind = zero && was == SLOT_ZERO ? SLOT_ZERO : SLOT_MISC;
		zero_used |= *kind == SLOT_ZERO;
	}
	return zero_used && value >= 0 ? precise_mark(env, value) : 0;
}

/* --- reads ----------------------------------------------------------------------------------- */

static int check_bytes(struct env *env, struct frame *f, s32 off, int size)
{
	for (int i = 0; i < size; i++) {
		u8 kind = *byte_of(f, off + i);

		if (kind == SLOT_DYNPTR || kind == SLOT_ITER)
			return reject_stack_read(env, off, i, size);
	}
	return 0;
}

static bool all_zero(struct frame *f, s64 min, s64 max)
{
	for (s64 i = min; i < max; i++)
		if (*byte_of(f, i) != SLOT_ZERO)
			return false;
	return true;
}

static void load_bytes(struct env *env, struct frame *f, s64 min, s64 max, int to)
{
	if (to < 0)
		return;
	if (all_zero(f, min, max))
		reg_set_const(&env_regs(env)[to], 0);
	else
		mark_unknown(env, (u32)to);
}

static int spilled_size(const struct slot *s)
{
	int size = 0;

	for (int i = 7; i >= 0 && s->kind[i] == SLOT_SPILL; i--)
		size++;
	return size;
}

/* A part of a spilled number, or more than what was spilled. */
static int fill_part(struct env *env, struct frame *f, s32 off, int size, int to, bool *ret_track)
{
	struct slot *s = &f->slots[slot_of(off)];
	int spilled = spilled_size(s), nr_spill = 0;
	struct reg *d;
	int err;

	if (s->reg.type != REG_SCALAR) {
		log_source(env, (u32)env->insn, "; ");
		return reject_fill_size(env);
	}
	if (to < 0)
		return 0;
	d = &env_regs(env)[to];
	if (size <= spilled && off % 8 == 0) {
		*d = s->reg;
		if (reg_width(&s->reg) > size * 8)
			reg_unlink(d);
		return 0;
	}
	err = check_bytes(env, f, off, size);
	if (err)
		return err;
	for (int i = 0; i < size; i++)
		nr_spill += *byte_of(f, off + i) == SLOT_SPILL;
	if (nr_spill == size && tnum_is(s->reg.v.t, 0)) {
		reg_set_const(d, 0);
		return 0;
	}
	*ret_track = false;
	load_bytes(env, f, off, off + size, to);
	return 0;
}

static int read_fixed(struct env *env, struct frame *f, s32 off, int size, int to)
{
	u32 spi = slot_of(off);
	struct slot *s = &f->slots[spi];
	bool track = true;
	int err = 0;

	log_touch_slot(env, spi);
	live_read_slot(env, f->frameno, spi);
	if (!slot_is_spill(s)) {
		err = check_bytes(env, f, off, size);
		if (!err)
			load_bytes(env, f, off, off + size, to);
		return err;
	}
	if (size != 8 || spilled_size(s) != 8)
		err = fill_part(env, f, off, size, to, &track);
	else if (to >= 0)
		env_regs(env)[to] = s->reg;
	if (err || !track)
		return err;
	return hist_push(env, access_flags(f, spi), 0);
}

static int read_variable(struct env *env, const struct mem_access *a, s32 off)
{
	const struct reg *r = &env_regs(env)[a->regno];
	struct frame *f = env_frame_of(env, r);
	s64 min = r->v.r.smin + off, max = r->v.r.smax + off + a->size;
	char t[48];
	int err;

	if (a->value < 0)
		return reject_stack_variable_helper(env, log_tnum(t, r->v.t), off, a->size);
	err = check_stack_init(env, a->regno, off, a->size, false, true, NULL);
	if (!err)
		load_bytes(env, f, min, max, a->value);
	return err;
}

int mem_stack(struct env *env, const struct mem_access *a, s32 off)
{
	const struct reg *r = &env_regs(env)[a->regno];
	bool fixed = tnum_is_const(r->v.t), read = a->rw == ACCESS_READ;
	struct frame *f = env_frame_of(env, r);
	s64 smin = r->v.r.smin, smax = r->v.r.smax;
	int err = check_stack_bounds(env, a->regno, off, a->size, read ? " read from" : " write to",
				     a->rw);

	if (err)
		return err;
	if (read)
		return fixed ? read_fixed(env, f, off + (s32)r->v.t.value, a->size, a->value)
			     : read_variable(env, a, off);
	if (fixed)
		return write_fixed(env, f, off + (s32)r->v.t.value, a->size, a->value);
	return write_variable(env, f, smin + off, smax + off + a->size, a->value);
}

/* --- given to calls -------------------------------------------------------------------------- */

/* The call will write all of it: nothing needs to be there, but no dynptr may. */
static int check_uninit(struct env *env, struct frame *f, s64 min, s64 max)
{
	for (s64 i = min; i < max; i++)
		if (*byte_of(f, i) == SLOT_DYNPTR)
			return reject_dynptr_write(env, (int)i);
	return 0;
}

static int bad_read(struct env *env, const struct reg *r, u32 regno, bool direct, s64 min, s64 at,
		    int size)
{
	const char *how = direct ? "" : " indirect";
	char t[48];

	if (tnum_is_const(r->v.t))
		return reject_stack_indirect(env, how, (int)regno, (int)min, (int)(at - min), size);
	return reject_stack_indirect_variable(env, how, (int)regno, log_tnum(t, r->v.t),
					      (int)(at - min), size);
}

static void clobber(struct slot *s, u8 *kind)
{
	if (!slot_is_spill(s)) {
		*kind = SLOT_MISC;
		return;
	}
	reg_set_unknown(&s->reg);
	for (int i = 0; i < 8; i++)
		if (s->kind[i] != SLOT_INVALID)
			s->kind[i] = SLOT_MISC;
}

int check_stack_init(struct env *env, u32 regno, s32 off, int size, bool zero_ok, bool direct,
		     struct call_mem *cm)
{
	const struct reg *r = &env_regs(env)[regno];
	struct frame *f = env_frame_of(env, r);
	bool fixed = tnum_is_const(r->v.t);
	s64 min = off + (fixed ? (s64)r->v.t.value : r->v.r.smin);
	s64 max = off + (fixed ? (s64)r->v.t.value : r->v.r.smax) + size;
	int err;

	if (!size && !zero_ok)
		return reject_zero_read(env);
	err = check_stack_bounds(env, regno, off, size,
				 direct ? " read from" : " indirect access to",
				 direct ? ACCESS_READ : ACCESS_WRITE);
	if (err)
		return err;
	if (cm && cm->uninit && fixed) {
		cm->size = size;
		cm->regno = regno;
		return check_uninit(env, f, min, max);
	}
	for (s64 i = min; i < max; i++) {
		struct slot *s = &f->slots[slot_of(i)];
		u8 *kind = byte_of(f, i);

		if (*kind == SLOT_DYNPTR || *kind == SLOT_ITER)
			return bad_read(env, r, regno, direct, min, i, size);
		if (!direct && *kind != SLOT_MISC)
			clobber(s, kind);
		live_read_slot(env, f->frameno, slot_of(i));
	}
	return 0;
}
