/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Instructions: decoding, validity, text in both directions. All from spec/opcodes.def. */
#ifndef ISA_ISA_H
#define ISA_ISA_H

#include "base/diag.h"
#include "base/strbuf.h"
#include <linux/bpf.h>

enum isa_op {
	ISA_INVALID,
#define OP(id, ...) ISA_##id,
#include "spec/opcodes.def"
#undef OP
	ISA_NR_OPS
};

/* Who checks an instruction and who runs it; it decides the words of a refusal too. */
enum isa_kind {
	ISA_KIND_NONE,
	ISA_KIND_ALU,
	ISA_KIND_NEG,
	ISA_KIND_MOV,
	ISA_KIND_END,
	ISA_KIND_LDDW,  /* two slots */
	ISA_KIND_LDABS, /* the packet */
	ISA_KIND_LDX,
	ISA_KIND_ST,
	ISA_KIND_STX,
	ISA_KIND_ATOMIC,
	ISA_KIND_JMP, /* goes on or jumps by off */
	ISA_KIND_JA,  /* jumps */
	ISA_KIND_JCOND,
	ISA_KIND_CALL,
	ISA_KIND_EXIT,
};

/* Which row an instruction is; ISA_INVALID if none. ld_imm64 takes two slots: insn[1] is read only
 * if nr > 1. Reserved fields must be zero, registers in range. */
enum isa_op isa_decode(const struct bpf_insn *insn, u32 nr);

/* How many slots: 2 for ld_imm64, else 1. */
u32 isa_nr_slots(const struct bpf_insn *insn);

/* Why isa_decode said no, in the kernel's words where it has some. */
int isa_check(const struct bpf_insn *insn, u32 nr, u32 idx, struct skep_diag *diag);

/*
 * What Linux refuses beyond the encoding, in its words: division by a constant 0, shifts by
 * constants out of range. RFC 9669 gives them a meaning (0, masked), and so do interpreters.
 */
int isa_check_imm(enum isa_op op, const struct bpf_insn *insn, struct skep_diag *diag);

const char *isa_op_name(enum isa_op op);
enum isa_kind isa_kind(enum isa_op op);

/* How far it jumps, calls or points within the program, counted from the next slot. False: not. */
bool isa_distance(enum isa_op op, const struct bpf_insn *insn, s32 *ret);

/*
 * One instruction in bpftool's text, without number and newline. name, if not NULL, gives the text
 * for a call's target or a ld_imm64's pseudo value; when it returns NULL the number is printed.
 */
struct isa_names {
	const char *(*name)(void *ctx, const struct bpf_insn *insn, u32 idx);
	void *ctx;
};
void isa_disasm(struct strbuf *sb, const struct bpf_insn *insn, u32 nr, u32 idx,
		const struct isa_names *names);

/*
 * The whole text of a program, one instruction per line; "N:" in front, "; comments" and labels are
 * allowed. *ret_insns is the caller's to mem_free. Errors name the line.
 */
int isa_asm(const char *text, struct bpf_insn **ret_insns, u32 *ret_nr, struct skep_diag *diag);

/* The reference of all instructions, as Markdown: docs/isa.md. */
void isa_doc(struct strbuf *sb);

#endif
