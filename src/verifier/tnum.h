/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tristate numbers: what is known of each bit. A bit set in mask is unknown, else it is value's.
 * Invariant: value & mask == 0. The set that a tnum stands for: { x : x & ~mask == value }.
 *
 * After Vishwanathan et al., "Sound, precise, and fast abstract interpretation with tristate
 * numbers" (CGO 2022); results agree with Linux' bit by bit, since logs and verdicts show them.
 */
#ifndef VERIFIER_TNUM_H
#define VERIFIER_TNUM_H

#include "base/types.h"

struct tnum {
	u64 value, mask;
};

static inline struct tnum tnum_make(u64 value, u64 mask)
{
	return (struct tnum){value, mask};
}

static inline struct tnum tnum_const(u64 value)
{
	return tnum_make(value, 0);
}

static inline struct tnum tnum_unknown(void)
{
	return tnum_make(0, ~0ull);
}

static inline bool tnum_is_const(struct tnum t)
{
	return !t.mask;
}

static inline bool tnum_is(struct tnum t, u64 value)
{
	return !t.mask && t.value == value;
}

/* Unknown bits of value are dropped: makes a tnum of any pair. */
static inline struct tnum tnum_clean(u64 value, u64 mask)
{
	return tnum_make(value & ~mask, mask);
}

static inline struct tnum tnum_lsh(struct tnum t, unsigned int by)
{
	return tnum_make(t.value << by, t.mask << by);
}

static inline struct tnum tnum_rsh(struct tnum t, unsigned int by)
{
	return tnum_make(t.value >> by, t.mask >> by);
}

/* The low bits only. */
static inline struct tnum tnum_low(struct tnum t, unsigned int bits)
{
	u64 keep = bits < 64 ? (1ull << bits) - 1 : ~0ull;

	return tnum_make(t.value & keep, t.mask & keep);
}

/* The bits from `bits` up. */
static inline struct tnum tnum_high(struct tnum t, unsigned int bits)
{
	struct tnum low = tnum_low(t, bits);

	return tnum_make(t.value ^ low.value, t.mask ^ low.mask);
}

static inline struct tnum tnum_and(struct tnum a, struct tnum b)
{
	u64 ones = a.value & b.value;
	u64 maybe = (a.value | a.mask) & (b.value | b.mask);

	return tnum_make(ones, maybe & ~ones);
}

static inline struct tnum tnum_or(struct tnum a, struct tnum b)
{
	u64 ones = a.value | b.value;

	return tnum_make(ones, (a.mask | b.mask) & ~ones);
}

static inline struct tnum tnum_xor(struct tnum a, struct tnum b)
{
	return tnum_clean(a.value ^ b.value, a.mask | b.mask);
}

/* t with its low bits replaced by those of low. */
static inline struct tnum tnum_with_low(struct tnum t, struct tnum low, unsigned int bits)
{
	return tnum_or(tnum_high(t, bits), tnum_low(low, bits));
}

/* Both are true of one number. Where they contradict each other, a's or b's ones win: garbage. */
static inline struct tnum tnum_meet(struct tnum a, struct tnum b)
{
	return tnum_clean(a.value | b.value, a.mask & b.mask);
}

/* Is there a number that both allow? */
static inline bool tnum_overlap(struct tnum a, struct tnum b)
{
	return !((a.value ^ b.value) & ~a.mask & ~b.mask);
}

/* Is every number of `in` one of t? */
static inline bool tnum_has(struct tnum t, struct tnum in)
{
	return !(in.mask & ~t.mask) && (in.value & ~t.mask) == t.value;
}

static inline bool tnum_is_aligned(struct tnum t, u64 size)
{
	return !((t.value | t.mask) & (size - 1));
}

struct tnum tnum_range(u64 min, u64 max); /* the smallest that has both and all between */
struct tnum tnum_add(struct tnum a, struct tnum b);
struct tnum tnum_sub(struct tnum a, struct tnum b);
struct tnum tnum_mul(struct tnum a, struct tnum b);
struct tnum tnum_arsh(struct tnum t, unsigned int by, unsigned int bits);
void tnum_text(char *buf, size_t size, struct tnum t); /* "(0x10; 0xf)" */

#endif
