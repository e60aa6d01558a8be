/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Comparisons: which way they go (decide) and what they teach (refine), for registers of n bits.
 *
 * Everything is brought down to ==, !=, &, !&, <, <= and their signed forms: a > b is b < a, and
 * what is not a <= b is b < a.
 */
#ifndef VERIFIER_BRANCH_OPS_H
#define VERIFIER_BRANCH_OPS_H

#include "verifier/scalar.h"

enum cmp { CMP_EQ, CMP_NE, CMP_SET, CMP_CLEAR, CMP_LT, CMP_LE, CMP_SLT, CMP_SLE };

struct cmp_row {
	enum cmp cmp;
	bool swap;
	enum cmp not_cmp;
	bool not_swap;
};

/* By BPF_OP(code) >> 4. */
static const struct cmp_row cmp_rows[16] = {
	/*         as it is         when it is false */
	[0x1] = {CMP_EQ, false, CMP_NE, false},     /* JEQ */
	[0x2] = {CMP_LT, true, CMP_LE, false},      /* JGT */
	[0x3] = {CMP_LE, true, CMP_LT, false},      /* JGE */
	[0x4] = {CMP_SET, false, CMP_CLEAR, false}, /* JSET */
	[0x5] = {CMP_NE, false, CMP_EQ, false},     /* JNE */
	[0x6] = {CMP_SLT, true, CMP_SLE, false},    /* JSGT */
	[0x7] = {CMP_SLE, true, CMP_SLT, false},    /* JSGE */
	[0xa] = {CMP_LT, false, CMP_LE, true},      /* JLT */
	[0xb] = {CMP_LE, false, CMP_LT, true},      /* JLE */
	[0xc] = {CMP_SLT, false, CMP_SLE, true},    /* JSLT */
	[0xd] = {CMP_SLE, false, CMP_SLT, true},    /* JSLE */
};

RANGE_FN bool ranges_are_apart(const struct range *a, const struct range *b)
{
	return a->umin > b->umax || a->umax < b->umin || a->smin > b->smax || a->smax < b->smin;
}

RANGE_FN int decide_eq(const struct scalar *a, const struct scalar *b, bool is_w, int n)
{
	int bits = is_w ? n / 2 : n;
	struct tnum ta = tnum_low(a->t, bits), tb = tnum_low(b->t, bits);

	if (tnum_is_const(ta) && tnum_is_const(tb))
		return ta.value == tb.value;
	if (!tnum_overlap(ta, tb) || ranges_are_apart(&a->w, &b->w) ||
	    (!is_w && ranges_are_apart(&a->r, &b->r)))
		return 0;
	return -1;
}

RANGE_FN int decide_set(const struct scalar *a, const struct scalar *b, int bits)
{
	struct tnum t = tnum_low(a->t, bits), with = tnum_low(b->t, bits);

	if (!tnum_is_const(with)) {
		struct tnum x = t;

		t = with;
		with = x;
	}
	if (!tnum_is_const(with))
		return -1;
	if (t.value & with.value)
		return 1;
	return (t.value | t.mask) & with.value ? -1 : 0;
}

RANGE_FN int decide_u(const struct range *a, const struct range *b, bool or_equal)
{
	if (or_equal ? a->umax <= b->umin : a->umax < b->umin)
		return 1;
	return (or_equal ? a->umin > b->umax : a->umin >= b->umax) ? 0 : -1;
}

RANGE_FN int decide_s(const struct range *a, const struct range *b, bool or_equal)
{
	if (or_equal ? a->smax <= b->smin : a->smax < b->smin)
		return 1;
	return (or_equal ? a->smin > b->smax : a->smin >= b->smax) ? 0 : -1;
}

RANGE_FN int decide_n(const struct scalar *a, const struct scalar *b, u8 op, bool is_w, int n)
{
	const struct cmp_row *row = &cmp_rows[op >> 4];
	const struct scalar *x = row->swap ? b : a, *y = row->swap ? a : b;
	const struct range *rx = is_w ? &x->w : &x->r, *ry = is_w ? &y->w : &y->r;
	int eq;

	switch (row->cmp) {
	case CMP_EQ:
		return decide_eq(x, y, is_w, n);
	case CMP_NE:
		eq = decide_eq(x, y, is_w, n);
		return eq < 0 ? eq : !eq;
	case CMP_SET:
	case CMP_CLEAR:
		return decide_set(x, y, is_w ? n / 2 : n);
	case CMP_LT:
	case CMP_LE:
		return decide_u(rx, ry, row->cmp == CMP_LE);
	case CMP_SLT:
	case CMP_SLE:
		return decide_s(rx, ry, row->cmp == CMP_SLE);
	}
	return -1;
}

RANGE_FN void refine_eq(struct scalar *a, struct scalar *b, bool is_w, int n)
{
	struct range *ra = is_w ? &a->w : &a->r, *rb = is_w ? &b->w : &b->r;
	int bits = is_w ? n / 2 : n;
	struct tnum both = tnum_meet(tnum_low(a->t, bits), tnum_low(b->t, bits));

	range_clamp_u(ra, rb->umin, rb->umax);
	range_clamp_s(ra, rb->smin, rb->smax);
	*rb = *ra;
	a->t = tnum_with_low(a->t, both, bits);
	b->t = tnum_with_low(b->t, both, bits);
}

/* a is not the constant x: if that is an end of its range, the end moves. */
RANGE_FN void refine_ne(struct range *a, u64 x, int bits)
{
	s64 sx = range_s(x, bits);

	if (a->umin == x)
		a->umin = range_u(x + 1, bits);
	if (a->umax == x)
		a->umax = range_u(x - 1, bits);
	if (a->smin == sx)
		a->smin = range_s((u64)sx + 1, bits);
	if (a->smax == sx)
		a->smax = range_s((u64)sx - 1, bits);
}

RANGE_FN void refine_const(struct scalar *a, u64 x, enum cmp cmp, bool is_w, int n)
{
	int bits = is_w ? n / 2 : n;
	struct tnum low = tnum_low(a->t, bits);

	if (cmp == CMP_NE) {
		refine_ne(is_w ? &a->w : &a->r, x, bits);
	} else if (cmp == CMP_CLEAR) {
		range_any(&a->r, n); /* on a dead branch old ranges contradict the new tnum */
		range_any(&a->w, n / 2);
		a->t = tnum_with_low(a->t, tnum_and(low, tnum_const(~x)), bits);
	} else if (x && !(x & (x - 1))) { /* one bit, and it is set */
		a->t = tnum_with_low(a->t, tnum_or(low, tnum_const(x)), bits);
	}
}

/* a < b or a <= b */
RANGE_FN void refine_order(struct range *a, struct range *b, enum cmp cmp, int bits)
{
	u64 less = cmp == CMP_LT || cmp == CMP_SLT;

	if (cmp == CMP_LT || cmp == CMP_LE) {
		u64 top = range_u(b->umax - less, bits), bottom = range_u(a->umin + less, bits);

		range_clamp_u(a, 0, top);
		range_clamp_u(b, bottom, range_umax(bits));
	} else {
		s64 top = range_s((u64)b->smax - less, bits);
		s64 bottom = range_s((u64)a->smin + less, bits);

		range_clamp_s(a, range_smin(bits), top);
		range_clamp_s(b, bottom, range_smax(bits));
	}
}

RANGE_FN void refine_n(struct scalar *a, struct scalar *b, enum cmp cmp, bool is_w, int n)
{
	int bits = is_w ? n / 2 : n;

	if (cmp == CMP_EQ) {
		refine_eq(a, b, is_w, n);
	} else if (cmp >= CMP_LT) {
		refine_order(is_w ? &a->w : &a->r, is_w ? &b->w : &b->r, cmp, bits);
	} else {
		struct tnum ta = tnum_low(a->t, bits), tb = tnum_low(b->t, bits);

		if (tnum_is_const(tb))
			refine_const(a, tb.value, cmp, is_w, n);
		else if (tnum_is_const(ta))
			refine_const(b, ta.value, cmp, is_w, n);
	}
	bounds_sync_n(a, n);
	bounds_sync_n(b, n);
}

RANGE_FN void refine_true_n(struct scalar *a, struct scalar *b, u8 op, bool is_w, int n)
{
	const struct cmp_row *row = &cmp_rows[op >> 4];

	refine_n(row->swap ? b : a, row->swap ? a : b, row->cmp, is_w, n);
}

RANGE_FN void refine_false_n(struct scalar *a, struct scalar *b, u8 op, bool is_w, int n)
{
	const struct cmp_row *row = &cmp_rows[op >> 4];

	refine_n(row->not_swap ? b : a, row->not_swap ? a : b, row->not_cmp, is_w, n);
}

#endif
