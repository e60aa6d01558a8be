/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arithmetic on scalars, for registers of n bits (64; less in proofs) whose lower half is the w
 * register. The precision is the kernel's: more would accept what Linux refuses.
 */
#ifndef VERIFIER_SCALAR_OPS_H
#define VERIFIER_SCALAR_OPS_H

#include "verifier/scalar.h"

#define SCALAR_OP(name)                                                                            \
	RANGE_FN void scalar_##name##_n(struct scalar *d, const struct scalar *s, int n)

SCALAR_OP(add)
{
	range_add(&d->w, &s->w, n / 2);
	range_add(&d->r, &s->r, n);
	d->t = tnum_low(tnum_add(d->t, s->t), n);
}

SCALAR_OP(sub)
{
	range_sub(&d->w, &s->w, n / 2);
	range_sub(&d->r, &s->r, n);
	d->t = tnum_low(tnum_sub(d->t, s->t), n);
}

SCALAR_OP(mul)
{
	d->t = tnum_low(tnum_mul(d->t, s->t), n);
	range_mul(&d->w, &s->w, n / 2);
	range_mul(&d->r, &s->r, n);
}

/* and, or, xor: two constants make a constant; else the tnum says most. */
#define SCALAR_BITOP(name)                                                                         \
	SCALAR_OP(name)                                                                            \
	{                                                                                          \
		struct tnum low;                                                                   \
                                                                                                   \
		d->t = tnum_##name(d->t, s->t);                                                    \
		low = tnum_low(d->t, n / 2);                                                       \
		if (tnum_is_const(low) && tnum_is_const(tnum_low(s->t, n / 2)))                    \
			range_const(&d->w, low.value, n / 2);                                      \
		else                                                                               \
			range_##name(&d->w, &s->w, low, n / 2);                                    \
		if (tnum_is_const(d->t) && tnum_is_const(s->t)) {                                  \
			scalar_const_n(d, d->t.value, n);                                          \
			return;                                                                    \
		}                                                                                  \
		range_##name(&d->r, &s->r, d->t, n);                                               \
		bounds_from_tnum(d, n);                                                            \
	}
SCALAR_BITOP(and)
SCALAR_BITOP(or)
SCALAR_BITOP(xor)

RANGE_FN void scalar_lsh_n(struct scalar *d, u64 by, bool is_w, int n)
{
	struct range w = d->w;
	int h = n / 2;

	if (is_w) {
		range_lsh(&d->w, by, h);
		d->t = tnum_low(tnum_lsh(tnum_low(d->t, h), by), h);
		range_any(&d->r, n);
		range_from_tnum(&d->w, d->t, h);
		return;
	}
	range_lsh(&d->r, by, n);
	if (by == (u64)h) { /* sign extension in two steps: keep what the half knew */
		d->r.smin = w.smin * ((s64)1 << h);
		d->r.smax = w.smax * ((s64)1 << h);
	}
	range_lsh(&d->w, by, h);
	d->t = tnum_low(tnum_lsh(d->t, by), n);
	bounds_from_tnum(d, n);
}

RANGE_FN void scalar_rsh_n(struct scalar *d, u64 by, bool is_w, int n)
{
	int h = n / 2;

	if (is_w) {
		d->t = tnum_rsh(tnum_low(d->t, h), by);
		range_rsh(&d->w, by, h);
		range_any(&d->r, n);
		range_from_tnum(&d->w, d->t, h);
		return;
	}
	d->t = tnum_rsh(d->t, by);
	range_rsh(&d->r, by, n);
	range_any(&d->w, h);
	bounds_from_tnum(d, n);
}

RANGE_FN void scalar_arsh_n(struct scalar *d, u64 by, bool is_w, int n)
{
	int h = n / 2;

	if (is_w) {
		d->t = tnum_arsh(tnum_low(d->t, h), by, h);
		range_arsh(&d->w, by, h);
		range_any(&d->r, n);
		range_from_tnum(&d->w, d->t, h);
		return;
	}
	d->t = tnum_arsh(d->t, by, n);
	range_arsh(&d->r, by, n);
	range_any(&d->w, h);
	bounds_from_tnum(d, n);
}

/* Is a shift by s a shift by one known amount, less than the width? */
RANGE_FN bool scalar_shift_is_known(const struct scalar *s, bool is_w, int n)
{
	const struct range *r = is_w ? &s->w : &s->r;
	int bits = is_w ? n / 2 : n;

	return tnum_is_const(tnum_low(s->t, bits)) && range_is_const(r) && s->r.umax < (u64)bits;
}

RANGE_FN void scalar_shift_n(enum scalar_op op, struct scalar *d, const struct scalar *s, bool is_w,
			     int n)
{
	u64 by = is_w ? s->w.umin : s->r.umin;

	if (!scalar_shift_is_known(s, is_w, n)) {
		scalar_any_n(d, n);
		return;
	}
	if (op == SCALAR_LSH)
		scalar_lsh_n(d, by, is_w, n);
	else if (op == SCALAR_RSH)
		scalar_rsh_n(d, by, is_w, n);
	else
		scalar_arsh_n(d, by, is_w, n);
	if (is_w)
		scalar_zext_n(d, n);
	bounds_sync_n(d, n);
}

/* d = d op s. Division, remainder, negation, and what else is not listed: anything. */
RANGE_FN void scalar_alu_n(enum scalar_op op, struct scalar *d, const struct scalar *s, bool is_w,
			   int n)
{
	if (op == SCALAR_LSH || op == SCALAR_RSH || op == SCALAR_ARSH) {
		scalar_shift_n(op, d, s, is_w, n);
		return;
	}
	if (op == SCALAR_ADD)
		scalar_add_n(d, s, n);
	else if (op == SCALAR_SUB)
		scalar_sub_n(d, s, n);
	else if (op == SCALAR_MUL)
		scalar_mul_n(d, s, n);
	else if (op == SCALAR_AND)
		scalar_and_n(d, s, n);
	else if (op == SCALAR_OR)
		scalar_or_n(d, s, n);
	else if (op == SCALAR_XOR)
		scalar_xor_n(d, s, n);
	else {
		scalar_any_n(d, n);
		return;
	}
	if (is_w)
		scalar_zext_n(d, n);
	bounds_sync_n(d, n);
}

/* A load of fewer bits, zero-extended. */
RANGE_FN void scalar_zero_ext_n(struct scalar *v, int bits, int n)
{
	u64 keep = range_umax(bits);

	v->t = tnum_low(v->t, bits);
	if ((v->r.umin & ~keep) == (v->r.umax & ~keep)) {
		v->r.umin &= keep;
		v->r.umax &= keep;
	} else {
		v->r.umin = 0;
		v->r.umax = keep;
	}
	v->r.smin = (s64)v->r.umin;
	v->r.smax = (s64)v->r.umax;
	if (bits < n / 2)
		range_any(&v->w, n / 2);
	bounds_sync_n(v, n);
}

/* What a sign-extended number of `bits` bits can be when nothing is known. */
RANGE_FN void sign_any(struct scalar *v, int bits, int n)
{
	scalar_any_n(v, n);
	v->r.smin = v->w.smin = range_smin(bits);
	v->r.smax = v->w.smax = range_smax(bits);
}

/* The low bits as a signed number of n bits; is_w: of the lower half, the rest stays as it is. */
RANGE_FN void scalar_sign_ext_n(struct scalar *v, int bits, int n)
{
	u64 above = ~range_umax(bits);
	s64 lo = range_s((u64)v->r.smin, bits), hi = range_s((u64)v->r.smax, bits);

	if (tnum_is_const(v->t)) {
		scalar_const_n(v, (u64)range_s(v->t.value, bits), n);
		return;
	}
	if (((u64)v->r.smin & above) != ((u64)v->r.smax & above) || (lo >= 0) != (hi >= 0)) {
		sign_any(v, bits, n);
		return;
	}
	v->r = (struct range){range_u((u64)lo, n), range_u((u64)hi, n), lo, hi};
	v->w = (struct range){range_u((u64)lo, n / 2), range_u((u64)hi, n / 2), lo, hi};
	v->t = tnum_range(v->r.umin, v->r.umax);
}

RANGE_FN void scalar_sign_ext_w_n(struct scalar *v, int bits, int n)
{
	int h = n / 2;
	u64 above = ~range_umax(bits);
	s64 lo = range_s((u64)v->w.smin, bits), hi = range_s((u64)v->w.smax, bits);
	struct tnum low = tnum_low(v->t, h);

	if (tnum_is_const(v->t)) {
		range_const(&v->w, (u64)range_s(low.value, bits), h);
		v->t = tnum_const(v->w.umin);
	} else if (((u64)v->w.smin & above) != ((u64)v->w.smax & above) || (lo >= 0) != (hi >= 0)) {
		range_any(&v->w, h);
		v->w.smin = range_smin(bits);
		v->w.smax = range_smax(bits);
		v->t = tnum_low(tnum_unknown(), h);
	} else {
		v->w = (struct range){range_u((u64)lo, h), range_u((u64)hi, h), lo, hi};
		v->t = tnum_range(v->w.umin, v->w.umax);
	}
	scalar_zext_n(v, n);
	bounds_sync_n(v, n);
}

#endif
