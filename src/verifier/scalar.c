/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Arithmetic on scalars: scalar_ops.h at 64 bits. */
#include "verifier/scalar.h"
#include "verifier/scalar_ops.h"

void scalar_any(struct scalar *v)
{
	scalar_any_n(v, 64);
}

void scalar_const(struct scalar *v, u64 x)
{
	scalar_const_n(v, x, 64);
}

void scalar_const_w(struct scalar *v, u32 x)
{
	v->t = tnum_with_low(v->t, tnum_const(x), 32);
	range_const(&v->w, x, 32);
}

bool scalar_is_const(const struct scalar *v, bool is_w)
{
	return tnum_is_const(is_w ? tnum_low(v->t, 32) : v->t);
}

u64 scalar_value(const struct scalar *v, bool is_w)
{
	return is_w ? (u32)v->t.value : v->t.value;
}

void scalar_alu(enum scalar_op op, struct scalar *d, const struct scalar *s, bool is_w)
{
	scalar_alu_n(op, d, s, is_w, 64);
}

void scalar_add_raw(struct scalar *d, const struct scalar *s)
{
	scalar_add_n(d, s, 64);
}

void scalar_zero_ext(struct scalar *v, int bits)
{
	scalar_zero_ext_n(v, bits, 64);
}

void scalar_sign_ext(struct scalar *v, int bits)
{
	scalar_sign_ext_n(v, bits, 64);
}

void scalar_sign_ext_w(struct scalar *v, int bits)
{
	scalar_sign_ext_w_n(v, bits, 64);
}

void scalar_move_w(struct scalar *v)
{
	scalar_zext_n(v, 64);
	bounds_sync_n(v, 64);
}

void scalar_sync(struct scalar *v)
{
	bounds_sync_n(v, 64);
}

void scalar_check(struct scalar *v)
{
	if (likely(bounds_are_valid_n(v, 64)))
		return;
	range_any(&v->r, 64);
	range_any(&v->w, 32);
}
