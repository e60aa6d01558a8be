/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Ranges: the least and the greatest value that a number of N bits can have, read without and with
 * sign. One text for all widths: every function takes `bits`, which is a constant where it is
 * called, so that 64 and 32 bits cost what they should, and 4 or 6 can be proved exhaustively.
 *
 * Invariant: umin <= umax < 2^bits, -2^(bits-1) <= smin <= smax < 2^(bits-1). The set that a range
 * stands for: { x : umin <= x <= umax and smin <= signed x <= smax }.
 */
#ifndef VERIFIER_RANGE_H
#define VERIFIER_RANGE_H

#include "verifier/tnum.h"

struct range {
	u64 umin, umax;
	s64 smin, smax;
};

#define RANGE_FN static inline __attribute__((always_inline))

RANGE_FN u64 range_umax(int bits)
{
	return ~0ull >> (64 - bits);
}

RANGE_FN s64 range_smax(int bits)
{
	return (s64)(range_umax(bits) >> 1);
}

RANGE_FN s64 range_smin(int bits)
{
	return -range_smax(bits) - 1;
}

RANGE_FN u64 range_u(u64 x, int bits) /* x modulo 2^bits, without sign */
{
	return x & range_umax(bits);
}

RANGE_FN s64 range_s(u64 x, int bits) /* and with */
{
	return (s64)(x << (64 - bits)) >> (64 - bits);
}

RANGE_FN void range_any_u(struct range *r, int bits)
{
	r->umin = 0;
	r->umax = range_umax(bits);
}

RANGE_FN void range_any_s(struct range *r, int bits)
{
	r->smin = range_smin(bits);
	r->smax = range_smax(bits);
}

RANGE_FN void range_any(struct range *r, int bits)
{
	range_any_u(r, bits);
	range_any_s(r, bits);
}

RANGE_FN void range_const(struct range *r, u64 x, int bits)
{
	r->umin = r->umax = range_u(x, bits);
	r->smin = r->smax = range_s(x, bits);
}

RANGE_FN bool range_is_const(const struct range *r)
{
	return r->umin == r->umax && r->smin == r->smax;
}

RANGE_FN bool range_is_valid(const struct range *r)
{
	return r->umin <= r->umax && r->smin <= r->smax;
}

RANGE_FN bool range_is_any(const struct range *r, int bits)
{
	return !r->umin && r->umax == range_umax(bits) && r->smin == range_smin(bits) &&
	       r->smax == range_smax(bits);
}

/* The number lies in [min, max] as well. */
RANGE_FN void range_clamp_u(struct range *r, u64 min, u64 max)
{
	r->umin = r->umin > min ? r->umin : min;
	r->umax = r->umax < max ? r->umax : max;
}

RANGE_FN void range_clamp_s(struct range *r, s64 min, s64 max)
{
	r->smin = r->smin > min ? r->smin : min;
	r->smax = r->smax < max ? r->smax : max;
}

/* The signed range is the unsigned one where that does not cross the sign, else anything. */
RANGE_FN void range_s_from_u(struct range *r, int bits)
{
	range_any_s(r, bits);
	if (range_s(r->umin, bits) <= range_s(r->umax, bits)) {
		r->smin = range_s(r->umin, bits);
		r->smax = range_s(r->umax, bits);
	}
}

/*
 * What one reading says of the other. An unsigned interval that does not cross the sign bit is a
 * signed interval, and the other way round. A signed one that crosses zero is two unsigned pieces,
 * [0, smax] and [smin, top]: where the unsigned interval meets only one of them, that is the one.
 */
RANGE_FN void range_reduce(struct range *r, int bits)
{
	u64 lo, hi;

	if (range_s(r->umin, bits) <= range_s(r->umax, bits))
		range_clamp_s(r, range_s(r->umin, bits), range_s(r->umax, bits));
	lo = range_u((u64)r->smin, bits);
	hi = range_u((u64)r->smax, bits);
	if (lo <= hi) {
		range_clamp_u(r, lo, hi);
	} else if (r->umax < lo) {
		r->smin = range_s(r->umin, bits);
		range_clamp_u(r, 0, hi);
	} else if (hi < r->umin) {
		r->smax = range_s(r->umax, bits);
		range_clamp_u(r, lo, range_umax(bits));
	}
}

RANGE_FN void range_from_tnum(struct range *r, struct tnum t, int bits)
{
	u64 sign = 1ull << (bits - 1);

	t = tnum_low(t, bits);
	range_clamp_u(r, t.value, t.value | t.mask);
	range_clamp_s(r, range_s(t.value | (t.mask & sign), bits),
		      range_s(t.value | (t.mask & ~sign), bits));
}

RANGE_FN bool range_s_fits(__int128 x, int bits)
{
	return x >= range_smin(bits) && x <= range_smax(bits);
}

RANGE_FN void range_add(struct range *d, const struct range *s, int bits)
{
	__int128 min = (__int128)d->smin + s->smin, max = (__int128)d->smax + s->smax;
	unsigned __int128 top = (unsigned __int128)d->umax + s->umax;

	d->smin = (s64)min;
	d->smax = (s64)max;
	if (!range_s_fits(min, bits) || !range_s_fits(max, bits))
		range_any_s(d, bits);
	d->umin += s->umin;
	d->umax += s->umax;
	if (top > range_umax(bits))
		range_any_u(d, bits);
}

RANGE_FN void range_sub(struct range *d, const struct range *s, int bits)
{
	__int128 min = (__int128)d->smin - s->smax, max = (__int128)d->smax - s->smin;

	d->smin = (s64)min;
	d->smax = (s64)max;
	if (!range_s_fits(min, bits) || !range_s_fits(max, bits))
		range_any_s(d, bits);
	if (d->umin < s->umax) {
		range_any_u(d, bits);
		return;
	}
	d->umin -= s->umax;
	d->umax -= s->umin;
}

/* Only where the product of two halves cannot overflow. */
RANGE_FN void range_mul(struct range *d, const struct range *s, int bits)
{
	u64 half = range_umax(bits / 2);

	if (d->smin < 0 || s->smin < 0 || d->umax > half || s->umax > half) {
		range_any(d, bits);
		return;
	}
	d->umin *= s->umin;
	d->umax *= s->umax;
	range_s_from_u(d, bits);
	if (d->umax > (u64)range_smax(bits))
		range_any_s(d, bits);
}

/* t is the result's tnum in these three. */
RANGE_FN void range_and(struct range *d, const struct range *s, struct tnum t, int bits)
{
	d->umin = t.value;
	d->umax = d->umax < s->umax ? d->umax : s->umax;
	range_s_from_u(d, bits);
}

RANGE_FN void range_or(struct range *d, const struct range *s, struct tnum t, int bits)
{
	d->umin = d->umin > s->umin ? d->umin : s->umin;
	d->umax = t.value | t.mask;
	range_s_from_u(d, bits);
}

RANGE_FN void range_xor(struct range *d, const struct range *s, struct tnum t, int bits)
{
	d->umin = t.value;
	d->umax = t.value | t.mask;
	range_s_from_u(d, bits);
}

/* Shifts by a constant. What falls out on the left makes anything possible. */
RANGE_FN void range_lsh(struct range *d, u64 by, int bits)
{
	range_any_s(d, bits);
	if (by >= (u64)bits || d->umax > 1ull << ((u64)bits - 1 - by)) {
		range_any_u(d, bits);
		return;
	}
	d->umin <<= by;
	d->umax <<= by;
}

RANGE_FN void range_rsh(struct range *d, u64 by, int bits)
{
	range_any_s(d, bits);
	d->umin >>= by;
	d->umax >>= by;
}

RANGE_FN void range_arsh(struct range *d, u64 by, int bits)
{
	range_any_u(d, bits);
	d->smin >>= by;
	d->smax >>= by;
}

#endif
