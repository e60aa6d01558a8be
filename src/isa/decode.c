/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which instruction is it, and is it one? Rows of opcodes.def that share an opcode are told apart
 * by the fields that must hold a certain number, so at most one row fits an instruction.
 */
#include "isa/row.h"
#include "spec/uapi.h"
#include <errno.h>
#include <pthread.h>

#define IS(n)    ISA_FIELD(ISA_IS, n)
#define SHIFT(n) ISA_FIELD(ISA_SHIFT, n)
#define ANY      ISA_FIELD(ISA_ANY, 0)
#define REL      ISA_FIELD(ISA_REL, 0)
#define NONZERO  ISA_FIELD(ISA_NONZERO, 0)
#define R        ISA_FIELD(ISA_R, 0)
#define W        ISA_FIELD(ISA_W, 0)

const struct isa_row isa_rows[ISA_NR_OPS] = {
#define OP(id, code, dst, src, off, imm, text, kind, ...)                                          \
	[ISA_##id] = {#id, code, dst, src, off, imm, text, ISA_KIND_##kind},
#include "spec/opcodes.def"
#undef OP
};

#undef IS
#undef SHIFT
#undef ANY
#undef REL
#undef NONZERO
#undef R
#undef W

/* Rows of one opcode are chained in their order. */
static u16 first[256], next[ISA_NR_OPS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void)
{
	for (u32 op = ISA_NR_OPS - 1; op > ISA_INVALID; op--) {
		next[op] = first[isa_rows[op].code];
		first[isa_rows[op].code] = op;
	}
}

enum isa_op isa_next_row(u8 code, enum isa_op op)
{
	pthread_once(&once, fill);
	return op == ISA_INVALID ? first[code] : next[op];
}

static bool field_fits(s64 field, s32 value)
{
	switch (isa_rule(field)) {
	case ISA_IS:
		return value == (s32)field;
	case ISA_R:
		return value <= BPF_REG_10;
	case ISA_W:
		return value < BPF_REG_10;
	default:
		return true; /* any encoding; which numbers Linux allows is isa_check_imm's */
	}
}

bool isa_fits(const struct isa_row *row, const struct bpf_insn *insn)
{
	return field_fits(row->dst, insn->dst_reg) && field_fits(row->src, insn->src_reg) &&
	       field_fits(row->off, insn->off) && field_fits(row->imm, insn->imm);
}

/* The second slot holds the high half and nothing else; for a map alone not even that. */
static bool second_fits(const struct bpf_insn *insn, u32 nr)
{
	const struct bpf_insn *second = insn + 1;

	if (nr < 2 || second->code || second->dst_reg || second->src_reg || second->off)
		return false;
	return (insn->src_reg != SPEC_PSEUDO_MAP_FD && insn->src_reg != SPEC_PSEUDO_MAP_IDX) ||
	       !second->imm;
}

enum isa_op isa_decode(const struct bpf_insn *insn, u32 nr)
{
	enum isa_op op = ISA_INVALID;

	if (!nr)
		return ISA_INVALID;
	while ((op = isa_next_row(insn->code, op)))
		if (isa_fits(&isa_rows[op], insn))
			break;
	if (isa_rows[op].kind == ISA_KIND_LDDW && !second_fits(insn, nr))
		return ISA_INVALID;
	return op;
}

u32 isa_nr_slots(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW) ? 2 : 1;
}

const char *isa_op_name(enum isa_op op)
{
	return op > ISA_INVALID && op < ISA_NR_OPS ? isa_rows[op].name : "invalid";
}

enum isa_kind isa_kind(enum isa_op op)
{
	return op < ISA_NR_OPS ? isa_rows[op].kind : ISA_KIND_NONE;
}

bool isa_distance(enum isa_op op, const struct bpf_insn *insn, s32 *ret)
{
	if (op == ISA_LDDW_FUNC) {
		/* as a call in its place: counted from the slot behind the first one */
		*ret = insn->imm;
		return true;
	}
	if (isa_rule(isa_rows[op].off) == ISA_REL)
		*ret = insn->off;
	else if (isa_rule(isa_rows[op].imm) == ISA_REL)
		*ret = insn->imm;
	else
		return false;
	return true;
}

/* --- why not -------------------------------------------------------------------------------- */

static const char *const reserved[] = {
	[ISA_KIND_ALU] = "BPF_ALU",         [ISA_KIND_NEG] = "BPF_NEG",
	[ISA_KIND_MOV] = "BPF_MOV",         [ISA_KIND_END] = "BPF_END",
	[ISA_KIND_LDDW] = "BPF_LD_IMM64",   [ISA_KIND_LDABS] = "BPF_LD_[ABS|IND]",
	[ISA_KIND_LDX] = "BPF_LDX",         [ISA_KIND_ST] = "BPF_ST",
	[ISA_KIND_STX] = "BPF_STX",         [ISA_KIND_ATOMIC] = "BPF_ATOMIC",
	[ISA_KIND_JMP] = "BPF_JMP/JMP32",   [ISA_KIND_JA] = "BPF_JA",
	[ISA_KIND_JCOND] = "BPF_JMP/JMP32", [ISA_KIND_CALL] = "BPF_CALL",
	[ISA_KIND_EXIT] = "BPF_EXIT",
};

/* A register that does not exist or may not be written; 0 if that is not it. */
static int check_register(s64 field, u32 reg, struct skep_diag *diag)
{
	enum isa_rule rule = isa_rule(field);

	if ((rule == ISA_R || rule == ISA_W) && reg > BPF_REG_10)
		return diag_set(diag, -EINVAL, "R%u is invalid", reg);
	if (rule == ISA_W && reg == BPF_REG_10)
		return diag_set(diag, -EACCES, "frame pointer is read only");
	return 0;
}

/* The row that an invalid instruction comes closest to: the one whose exact fields agree most. */
static const struct isa_row *closest(const struct bpf_insn *insn)
{
	const struct isa_row *best = NULL;
	enum isa_op op = ISA_INVALID;
	int best_score = -1;

	while ((op = isa_next_row(insn->code, op))) {
		const struct isa_row *row = &isa_rows[op];
		int score =
			field_fits(row->off, insn->off) * 2 + field_fits(row->imm, insn->imm) * 4 +
			(isa_rule(row->src) == ISA_IS && field_fits(row->src, insn->src_reg)) * 2;

		if (score > best_score) {
			best_score = score;
			best = row;
		}
	}
	return best;
}

static int check_ldimm(const struct bpf_insn *insn, u32 nr, struct skep_diag *diag)
{
	if (nr < 2 || insn[1].code || insn[1].dst_reg || insn[1].src_reg || insn[1].off)
		return diag_set(diag, -EINVAL, "invalid bpf_ld_imm64 insn");
	if (insn->src_reg > SPEC_PSEUDO_MAP_IDX_VALUE || !second_fits(insn, nr))
		return diag_set(diag, -EINVAL, "unrecognized bpf_ld_imm64 insn");
	return 0;
}

/* An imm that is no atomic operation of this size. */
static int check_atomic(const struct bpf_insn *insn, struct skep_diag *diag)
{
	struct bpf_insn wide = *insn;

	wide.code = BPF_STX | BPF_ATOMIC | BPF_DW;
	wide.dst_reg = wide.src_reg = wide.off = 0;
	if (isa_decode(&wide, 1) != ISA_INVALID)
		return diag_set(diag, -EINVAL, "invalid atomic operand size");
	return diag_set(diag, -EINVAL, "BPF_ATOMIC uses invalid atomic opcode %02x",
			(u32)insn->imm);
}

static bool is_reserved(s64 field, s32 value)
{
	return isa_rule(field) == ISA_IS && value != (s32)field;
}

static bool has_reserved(const struct isa_row *row, const struct bpf_insn *insn)
{
	return is_reserved(row->dst, insn->dst_reg) || is_reserved(row->src, insn->src_reg) ||
	       is_reserved(row->off, insn->off) || is_reserved(row->imm, insn->imm);
}

static int check_row(const struct isa_row *row, const struct bpf_insn *insn, u32 nr,
		     struct skep_diag *diag)
{
	int err;

	if (row->kind == ISA_KIND_LDDW && (err = check_ldimm(insn, nr, diag)))
		return err;
	if (row->kind == ISA_KIND_ATOMIC && !field_fits(row->imm, insn->imm))
		return check_atomic(insn, diag);
	if (row->kind == ISA_KIND_JCOND)
		return diag_set(diag, -EINVAL, "invalid may_goto imm %d", insn->imm);
	/* of jumps the kernel looks at the register first */
	if (row->kind == ISA_KIND_JMP && (err = check_register(row->dst, insn->dst_reg, diag)))
		return err;
	if (has_reserved(row, insn))
		return diag_set(diag, -EINVAL, "%s uses reserved fields", reserved[row->kind]);
	err = check_register(row->src, insn->src_reg, diag);
	return err ?: check_register(row->dst, insn->dst_reg, diag);
}

static int check_unknown(const struct bpf_insn *insn, struct skep_diag *diag)
{
	if (BPF_CLASS(insn->code) == BPF_LDX && (BPF_MODE(insn->code) != BPF_MEMSX || insn->imm))
		return diag_set(diag, -EINVAL, "BPF_LDX uses reserved fields");
	return diag_set(diag, -EINVAL, "unknown opcode %02x", insn->code);
}

int isa_check(const struct bpf_insn *insn, u32 nr, u32 idx, struct skep_diag *diag)
{
	const struct isa_row *row;
	int err;

	if (isa_decode(insn, nr) != ISA_INVALID)
		return 0;
	if (!nr)
		return diag_set(diag, -EINVAL, "no instruction");
	row = closest(insn);
	err = row ? check_row(row, insn, nr, diag) : check_unknown(insn, diag);
	return diag_at(diag, err, "instruction %u", idx);
}

int isa_check_imm(enum isa_op op, const struct bpf_insn *insn, struct skep_diag *diag)
{
	s64 rule = isa_rows[op].imm;

	if (isa_rule(rule) == ISA_NONZERO && !insn->imm)
		return diag_set(diag, -EINVAL, "div by zero");
	if (isa_rule(rule) == ISA_SHIFT && (u32)insn->imm >= (u32)rule)
		return diag_set(diag, -EINVAL, "invalid shift %d", insn->imm);
	return 0;
}
