/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A scalar is known in three domains at once: bit by bit (tnum), as a number of N bits, and as the
 * number in its lower half. Each says something of the others; bounds_sync makes them agree, in
 * the kernel's order and as often as the kernel does, since what it finds shows in verdicts.
 *
 * Soundness: a value that was in all three before is in all three afterwards. If none is, the
 * result may be anything: such a value is on a path that cannot be taken.
 */
#ifndef VERIFIER_BOUNDS_H
#define VERIFIER_BOUNDS_H

#include "verifier/range.h"

struct scalar {
	struct tnum t;
	struct range r; /* the register: all bits */
	struct range w; /* its lower half: w0 of r0 */
};

RANGE_FN void scalar_any_n(struct scalar *v, int n)
{
	v->t = tnum_low(tnum_unknown(), n);
	range_any(&v->r, n);
	range_any(&v->w, n / 2);
}

RANGE_FN void scalar_const_n(struct scalar *v, u64 x, int n)
{
	v->t = tnum_const(range_u(x, n));
	range_const(&v->r, x, n);
	range_const(&v->w, x, n / 2);
}

RANGE_FN void bounds_from_tnum(struct scalar *v, int n)
{
	range_from_tnum(&v->w, v->t, n / 2);
	range_from_tnum(&v->r, v->t, n);
}

/* lo and hi are the ends of an interval of whole registers. What does it say of lower halves? */
RANGE_FN void half_from_ends(struct range *w, u64 lo, u64 hi, int n, bool is_signed)
{
	int h = n / 2;
	u64 ulo = range_u(lo, h), uhi = range_u(hi, h);
	s64 slo = range_s(lo, h), shi = range_s(hi, h);
	u64 up = range_u(lo, n) >> h, up_hi = range_u(hi, n) >> h;

	if (up == up_hi) { /* the upper halves are equal: the lower ones are an interval too */
		if (!is_signed || ulo <= uhi)
			range_clamp_u(w, ulo, uhi);
		if (slo <= shi)
			range_clamp_s(w, slo, shi);
	}
}

/* Upper halves next to each other, and the lower one goes from negative over the top to 0…: that
 * is one signed interval. */
RANGE_FN void half_from_neighbours(struct range *w, u64 lo, u64 hi, int n)
{
	int h = n / 2;
	u64 up = range_u(lo, n) >> h, up_hi = range_u(hi, n) >> h;

	if (range_u(up + 1, h) == up_hi && range_s(lo, h) < 0 && range_s(hi, h) >= 0)
		range_clamp_s(w, range_s(lo, h), range_s(hi, h));
}

RANGE_FN void bounds_half_from_all(struct scalar *v, int n)
{
	half_from_ends(&v->w, v->r.umin, v->r.umax, n, false);
	half_from_ends(&v->w, (u64)v->r.smin, (u64)v->r.smax, n, true);
	half_from_neighbours(&v->w, v->r.umin, v->r.umax, n);
	half_from_neighbours(&v->w, (u64)v->r.smin, (u64)v->r.smax, n);
	range_reduce(&v->w, n / 2);
}

/* The lower half of the ends can be no less and no more than the half's range says. */
RANGE_FN void all_from_half(struct range *r, u64 wlo, u64 whi, int n)
{
	u64 up = ~range_umax(n / 2);

	range_clamp_u(r, (r->umin & up) | wlo, (r->umax & up) | whi);
	range_clamp_s(r, (s64)(((u64)r->smin & up) | wlo), (s64)(((u64)r->smax & up) | whi));
}

RANGE_FN void bounds_all_from_half(struct scalar *v, int n)
{
	int h = n / 2;
	u64 lo = range_u((u64)v->w.smin, h), hi = range_u((u64)v->w.smax, h);

	all_from_half(&v->r, v->w.umin, v->w.umax, n);
	if (lo <= hi)
		all_from_half(&v->r, lo, hi, n);
	/* A small signed number whose lower half is not negative is that half. */
	if (v->w.smin >= 0 && v->r.smin >= range_smin(h) && v->r.smax <= range_smax(h)) {
		v->r = (struct range){(u64)v->w.smin, (u64)v->w.smax, v->w.smin, v->w.smax};
		v->t = tnum_meet(v->t, tnum_range(v->r.umin, v->r.umax));
	}
}

RANGE_FN void bounds_to_tnum(struct scalar *v, int n)
{
	struct tnum all = tnum_meet(v->t, tnum_range(v->r.umin, v->r.umax));
	struct tnum low = tnum_meet(tnum_low(all, n / 2), tnum_range(v->w.umin, v->w.umax));

	v->t = tnum_or(tnum_high(all, n / 2), low);
}

RANGE_FN void bounds_sync_n(struct scalar *v, int n)
{
	bounds_from_tnum(v, n);
	for (int i = 0; i < 3; i++) {
		bounds_half_from_all(v, n);
		range_reduce(&v->r, n);
		bounds_all_from_half(v, n);
	}
	bounds_to_tnum(v, n);
	bounds_from_tnum(v, n);
}

/* Do the domains contradict each other openly? */
RANGE_FN bool bounds_are_valid_n(const struct scalar *v, int n)
{
	struct tnum low = tnum_low(v->t, n / 2);
	struct range is;

	if (!range_is_valid(&v->r) || !range_is_valid(&v->w))
		return false;
	range_const(&is, v->t.value, n);
	if (tnum_is_const(v->t) && (v->r.umin != is.umin || v->r.umax != is.umax ||
				    v->r.smin != is.smin || v->r.smax != is.smax))
		return false;
	range_const(&is, low.value, n / 2);
	return !tnum_is_const(low) || (v->w.umin == is.umin && v->w.umax == is.umax &&
				       v->w.smin == is.smin && v->w.smax == is.smax);
}

/* Forget the upper half: what an operation on w registers leaves. */
RANGE_FN void scalar_zext_n(struct scalar *v, int n)
{
	int h = n / 2;

	v->t = tnum_low(v->t, h);
	v->r.umin = v->w.umin;
	v->r.umax = v->w.umax;
	v->r.smin = 0;
	v->r.smax = (s64)range_umax(h);
	if (v->w.smin >= 0) {
		v->r.smin = v->w.smin;
		v->r.smax = v->w.smax;
	}
}

#endif
