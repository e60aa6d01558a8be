/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Arithmetic instructions: numbers go to scalar.c, pointers to ptr.c. */
#include "verifier/verifier.h"

static const char *const alu_text[16] = {
	"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian",
};

int do_end_neg(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	int err = check_reg(env, insn->dst_reg, USE_SRC);

	if (!err && is_pointer_value(env, &env_regs(env)[insn->dst_reg]))
		return reject_ptr_neg(env, insn->dst_reg);
	return err ? err : check_reg(env, insn->dst_reg, USE_DST);
}

static int mov_const(struct env *env, const struct bpf_insn *insn)
{
	struct reg *d = &env_regs(env)[insn->dst_reg];

	if (BPF_CLASS(insn->code) == BPF_ALU64)
		reg_set_const(d, (u64)(s64)insn->imm);
	else
		reg_set_const(d, (u32)insn->imm);
	return 0;
}

static int addr_space_cast(struct env *env, const struct bpf_insn *insn)
{
	struct reg *d = &env_regs(env)[insn->dst_reg];

	if (!env->arena_map)
		return reject_cast_without_arena(env);
	reg_set_unknown(d);
	if (insn->imm == 1)
		d->type = REG_ARENA;
	return 0;
}

/* d = s, sign-extended from bits; 0: as it is. A copy that keeps the value keeps the link. */
static int mov64(struct env *env, const struct bpf_insn *insn, int bits)
{
	struct reg *regs = env_regs(env), *s = &regs[insn->src_reg], *d = &regs[insn->dst_reg];
	bool same;

	if (!bits) {
		reg_assign_id(env, s);
		*d = *s;
		return 0;
	}
	if (is_pointer_value(env, s))
		return reject_ptr_sign_ext(env, insn->src_reg);
	if (s->type != REG_SCALAR) {
		reg_set_unknown(d);
		return 0;
	}
	same = s->v.r.umax < 1ull << (bits - 1);
	if (same)
		reg_assign_id(env, s);
	*d = *s;
	if (!same)
		reg_unlink(d);
	scalar_sign_ext(&d->v, bits);
	return 0;
}

static int mov32(struct env *env, const struct bpf_insn *insn, int bits)
{
	struct reg *regs = env_regs(env), *s = &regs[insn->src_reg], *d = &regs[insn->dst_reg];
	bool same;

	if (is_pointer_value(env, s))
		return reject_ptr_partial_copy(env, insn->src_reg);
	if (s->type != REG_SCALAR) {
		reg_set_unknown(d);
		scalar_move_w(&d->v);
		return 0;
	}
	same = bits ? s->v.r.umax < 1ull << (bits - 1) : reg_width(s) <= 32;
	if (same)
		reg_assign_id(env, s);
	*d = *s;
	if (!same)
		reg_unlink(d);
	if (bits)
		scalar_sign_ext_w(&d->v, bits);
	else
		scalar_move_w(&d->v);
	return 0;
}

int do_mov(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	bool is_x = BPF_SRC(insn->code) == BPF_X, is_64 = BPF_CLASS(insn->code) == BPF_ALU64;
	int err = 0;

	if (is_x && is_64 && insn->imm && !env->arena_map)
		return reject_cast_without_arena(env);
	if (is_x)
		err = check_reg(env, insn->src_reg, USE_SRC);
	if (!err)
		err = check_reg(env, insn->dst_reg, USE_DST_KEEP);
	if (err)
		return err;
	if (!is_x)
		return mov_const(env, insn);
	if (is_64 && insn->imm)
		return addr_space_cast(env, insn);
	err = is_64 ? mov64(env, insn, insn->off) : mov32(env, insn, insn->off);
	scalar_check(&env_regs(env)[insn->dst_reg].v);
	return err;
}

/* The sum of a linked number and a constant stays linked, by the difference. */
static void relink(struct reg *d, const struct reg *s, const struct bpf_insn *insn)
{
	bool self = BPF_SRC(insn->code) == BPF_X && insn->src_reg == insn->dst_reg;
	bool adds = insn->code == (BPF_ALU64 | BPF_ADD | BPF_X) ||
		    insn->code == (BPF_ALU64 | BPF_ADD | BPF_K);
	u64 by = s->v.t.value;

	if (!adds || !d->id || !reg_is_const(s, false) || self || (d->id & REG_ADD_CONST) ||
	    by > INT32_MAX) {
		reg_unlink(d);
		return;
	}
	d->id |= REG_ADD_CONST;
	d->off = (s32)by;
}

/* -1 or 0 and a constant: two paths know more than one (the compiler made a mask of a sign). */
static int maybe_fork(struct env *env, const struct bpf_insn *insn, struct reg *d,
		      const struct reg *s)
{
	u8 op = BPF_OP(insn->code);
	bool all = d->v.r.smin == -1 && d->v.r.smax == 0;
	bool half = d->v.w.smin == -1 && d->v.w.smax == 0;
	struct state *other;
	struct reg *zero;

	if ((op != BPF_AND && op != BPF_OR) || !tnum_is_const(s->v.t) || (!all && !half))
		return 0;
	other = state_push(env, env->insn, env->insn);
	if (!other)
		return -ENOMEM;
	zero = &state_frame(other)->regs[insn->dst_reg];
	if (all) {
		scalar_const(&zero->v, 0);
		zero->id = zero->ref = 0;
		zero->off = 0;
		scalar_const(&d->v, ~0ull);
		d->id = d->ref = 0;
		d->off = 0;
	} else {
		scalar_const_w(&zero->v, 0);
		scalar_const_w(&d->v, ~0u);
	}
	return 0;
}

static int alu_numbers(struct env *env, const struct bpf_insn *insn, struct reg *d,
		       const struct reg *src)
{
	struct reg s = *src; /* may be d */
	int err = maybe_fork(env, insn, d, &s);

	if (err)
		return env->res->err ? env->res->err : err;
	scalar_alu(BPF_OP(insn->code), &d->v, &s.v, BPF_CLASS(insn->code) != BPF_ALU64);
	relink(d, &s, insn);
	scalar_check(&d->v);
	return 0;
}

static int two_pointers(struct env *env, const struct bpf_insn *insn)
{
	if (BPF_OP(insn->code) != BPF_SUB)
		return reject_two_pointers(env, insn->dst_reg, alu_text[BPF_OP(insn->code) >> 4]);
	mark_unknown(env, insn->dst_reg);
	return 0;
}

static int alu_reg(struct env *env, const struct bpf_insn *insn)
{
	struct reg *regs = env_regs(env), *d = &regs[insn->dst_reg], *s = &regs[insn->src_reg];
	bool d_num = d->type == REG_SCALAR, s_num = s->type == REG_SCALAR;
	struct reg off;
	int err;

	if (d->type == REG_ARENA || s->type == REG_ARENA) {
		if (d->type != REG_ARENA)
			*d = *s;
		return 0;
	}
	if (!d_num && !s_num)
		return two_pointers(env, insn);
	if (!s_num) {
		err = precise_mark(env, insn->dst_reg);
		if (err)
			return err;
		off = *d;
		return ptr_arith(env, insn, s, &off);
	}
	if (!d_num || d->precise) {
		err = precise_mark(env, insn->src_reg);
		if (err)
			return err;
	}
	return d_num ? alu_numbers(env, insn, d, s) : ptr_arith(env, insn, d, s);
}

int do_alu(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	struct reg *d = &env_regs(env)[insn->dst_reg], k;
	bool is_x = BPF_SRC(insn->code) == BPF_X;
	int err = is_x ? check_reg(env, insn->src_reg, USE_SRC) : 0;

	if (!err)
		err = check_reg(env, insn->dst_reg, USE_SRC);
	if (!err)
		err = check_reg(env, insn->dst_reg, USE_DST_KEEP);
	if (err)
		return err;
	if (is_x)
		return alu_reg(env, insn);
	if (d->type == REG_ARENA)
		return 0;
	reg_set_const(&k, (u64)(s64)insn->imm);
	return d->type == REG_SCALAR ? alu_numbers(env, insn, d, &k) : ptr_arith(env, insn, d, &k);
}
