/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What is known of a number in a register, and what arithmetic does with it. */
#ifndef VERIFIER_SCALAR_H
#define VERIFIER_SCALAR_H

#include "verifier/bounds.h"

enum scalar_op { /* the upper four bits of an ALU opcode */
		 SCALAR_ADD = 0x00,
		 SCALAR_SUB = 0x10,
		 SCALAR_MUL = 0x20,
		 SCALAR_DIV = 0x30,
		 SCALAR_OR = 0x40,
		 SCALAR_AND = 0x50,
		 SCALAR_LSH = 0x60,
		 SCALAR_RSH = 0x70,
		 SCALAR_NEG = 0x80,
		 SCALAR_MOD = 0x90,
		 SCALAR_XOR = 0xa0,
		 SCALAR_ARSH = 0xc0,
};

void scalar_any(struct scalar *v);
void scalar_const(struct scalar *v, u64 x);
void scalar_const_w(struct scalar *v, u32 x); /* the lower half; the upper stays */
bool scalar_is_const(const struct scalar *v, bool is_w);
u64 scalar_value(const struct scalar *v, bool is_w);

/* is_w: on w registers; the upper half becomes zero. */
void scalar_alu(enum scalar_op op, struct scalar *d, const struct scalar *s, bool is_w);
void scalar_add_raw(struct scalar *d, const struct scalar *s); /* before bounds_sync */
void scalar_zero_ext(struct scalar *v, int bits);
void scalar_sign_ext(struct scalar *v, int bits);
void scalar_sign_ext_w(struct scalar *v, int bits);
void scalar_move_w(struct scalar *v); /* what w1 = w2 leaves of r2 */
void scalar_sync(struct scalar *v);
void scalar_check(struct scalar *v); /* contradictory ranges are dropped, as Linux does */

/* Which way does `a op b` go? op: BPF_JEQ, …. 1: it jumps; 0: it does not; -1: who knows. */
int branch_decide(const struct scalar *a, const struct scalar *b, u8 op, bool is_w);

/* a op b is true: learn from it. refine_not: it is false. */
void refine_true(struct scalar *a, struct scalar *b, u8 op, bool is_w);
void refine_false(struct scalar *a, struct scalar *b, u8 op, bool is_w);

#endif
