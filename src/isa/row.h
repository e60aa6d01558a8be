/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The rows of spec/opcodes.def as data, for decoding, text and documentation. */
#ifndef ISA_ROW_H
#define ISA_ROW_H

#include "isa/isa.h"

/* What may stand in a field of an instruction. */
enum isa_rule {
	ISA_IS,  /* exactly this number; 0 is what is called reserved */
	ISA_ANY, /* a number */
	ISA_REL, /* a distance, from the next slot */
	ISA_NONZERO,
	ISA_SHIFT, /* below this number */
	ISA_R,     /* a register that is read */
	ISA_W,     /* a register that is written: not r10 */
};

/* A rule and its number in one, so that macros can pass it on. */
#define ISA_FIELD(rule, n) ((s64)(rule) << 32 | (u32)(n))

static inline enum isa_rule isa_rule(s64 field)
{
	return (enum isa_rule)(field >> 32);
}

struct isa_row {
	const char *name;
	u8 code;
	s64 dst, src, off, imm; /* ISA_FIELD */
	const char *text;
	enum isa_kind kind;
};

extern const struct isa_row isa_rows[ISA_NR_OPS];

/* The next row with the same opcode as op (ISA_INVALID: start with code). ISA_INVALID: no more. */
enum isa_op isa_next_row(u8 code, enum isa_op op);

/* Do the fields fit the row's rules? The opcode has been compared. */
bool isa_fits(const struct isa_row *row, const struct bpf_insn *insn);

#endif
