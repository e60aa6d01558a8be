/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A number is added to a pointer or taken from it. Fixed offsets collect in off; unknown ones in
 * the variable part, and a packet pointer then is another one (its range is not proved any more).
 */
#include "verifier/verifier.h"

#define MAX_VAR_OFF (1 << 29)

static const char *const alu_text[16] = {
	"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian",
};

/* Offsets stay so small that no sum of them can wrap. */
static int check_sane(struct env *env, const struct reg *r, u32 type)
{
	char text[REG_TEXT_SIZE];
	s64 value = (s64)r->v.t.value, smin = r->v.r.smin;

	reg_type_text(text, type);
	if (tnum_is_const(r->v.t) && (value >= MAX_VAR_OFF || value <= -MAX_VAR_OFF))
		return reject_ptr_math_const(env, text, (long long)value);
	if (r->off >= MAX_VAR_OFF || r->off <= -MAX_VAR_OFF)
		return reject_ptr_off(env, text, r->off);
	if (smin == INT64_MIN)
		return reject_ptr_math_unbounded(env, text);
	if (smin >= MAX_VAR_OFF || smin <= -MAX_VAR_OFF)
		return reject_ptr_math_oob(env, (long long)smin, text);
	return 0;
}

static int check_kind(struct env *env, const struct bpf_insn *insn, const struct reg *ptr,
		      const struct reg *off)
{
	u32 traits = reg_traits(ptr->type);
	bool known = tnum_is_const(off->v.t);
	char text[REG_TEXT_SIZE];

	reg_type_text(text, ptr->type);
	if (BPF_CLASS(insn->code) != BPF_ALU64)
		return reject_ptr_math_32(env, insn->dst_reg);
	if (ptr->type & REG_MAYBE_NULL)
		return reject_ptr_math_null(env, insn->dst_reg, text);
	if (traits & REG_T_ADD)
		return 0;
	if ((traits & REG_T_ADDK) && known)
		return 0;
	if ((traits & (REG_T_ADDK | REG_T_ZERO)) && known && !off->v.r.smin &&
	    BPF_OP(insn->code) == BPF_ADD)
		return 0;
	return reject_ptr_math_kind(env, insn->dst_reg, text);
}

static bool fits_fixed(const struct reg *ptr, const struct reg *off, bool add, s32 *ret)
{
	s64 sum = ptr->off + (add ? off->v.r.smin : -off->v.r.smin);

	if (!tnum_is_const(off->v.t) || sum != (s32)sum)
		return false;
	*ret = (s32)sum;
	return true;
}

static void moved_packet(struct env *env, struct reg *d, bool may_grow)
{
	if (!reg_is_pkt(d))
		return;
	d->id = env_new_id(env);
	if (may_grow)
		d->raw[0] = d->raw[1] = 0;
}

static void add(struct env *env, struct reg *d, const struct reg *ptr, const struct reg *off)
{
	range_any(&d->v.w, 32);
	if (fits_fixed(ptr, off, true, &d->off))
		return;
	range_add(&d->v.r, &off->v.r, 64);
	d->v.t = tnum_add(ptr->v.t, off->v.t);
	moved_packet(env, d, true);
}

static void sub(struct env *env, struct reg *d, const struct reg *ptr, const struct reg *off)
{
	range_any(&d->v.w, 32);
	if (fits_fixed(ptr, off, false, &d->off))
		return;
	range_sub(&d->v.r, &off->v.r, 64);
	d->v.t = tnum_sub(ptr->v.t, off->v.t);
	moved_packet(env, d, off->v.r.smin < 0);
}

static int check_op(struct env *env, const struct bpf_insn *insn, const struct reg *ptr)
{
	u8 op = BPF_OP(insn->code);

	if (op == BPF_ADD)
		return 0;
	if (op == BPF_AND || op == BPF_OR || op == BPF_XOR)
		return reject_ptr_bitwise(env, insn->dst_reg, alu_text[op >> 4]);
	if (op != BPF_SUB)
		return reject_ptr_operator(env, insn->dst_reg, alu_text[op >> 4]);
	if (ptr != &env_regs(env)[insn->dst_reg])
		return reject_sub_from_scalar(env, insn->dst_reg);
	if (ptr->type == REG_STACK)
		return reject_sub_from_stack(env, insn->dst_reg);
	return 0;
}

int ptr_arith(struct env *env, const struct bpf_insn *insn, const struct reg *ptr,
	      const struct reg *off)
{
	struct reg *d = &env_regs(env)[insn->dst_reg];
	struct reg from = *ptr, by = *off;
	u32 type = ptr->type;
	int err;

	if (!range_is_valid(&off->v.r) || (tnum_is_const(off->v.t) && !range_is_const(&off->v.r))) {
		reg_set_unknown(d); /* a path that cannot be taken */
		return 0;
	}
	if (BPF_CLASS(insn->code) != BPF_ALU64 && BPF_OP(insn->code) == BPF_SUB) {
		reg_set_unknown(d);
		return 0;
	}
	err = check_kind(env, insn, ptr, off);
	if (!err)
		err = check_sane(env, off, type);
	if (!err)
		err = check_sane(env, ptr, type);
	if (!err)
		err = check_op(env, insn, ptr);
	if (err)
		return err;
	*d = from;
	if (BPF_OP(insn->code) == BPF_ADD)
		add(env, d, &from, &by);
	else
		sub(env, d, &from, &by);
	err = check_sane(env, d, type);
	if (err)
		return err;
	scalar_sync(&d->v);
	scalar_check(&d->v);
	return 0;
}
