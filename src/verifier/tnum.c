/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Tristate arithmetic: where carries can go decides which bits become unknown. */
#include "verifier/tnum.h"
#include <stdio.h>

struct tnum tnum_range(u64 min, u64 max)
{
	u64 differ = min ^ max;
	u64 below;

	if (differ >> 63)
		return tnum_unknown();
	below = differ ? ~0ull >> __builtin_clzll(differ) : 0;
	return tnum_clean(min, below);
}

/* The largest and the smallest sum differ exactly where a carry may or may not arrive. */
struct tnum tnum_add(struct tnum a, struct tnum b)
{
	u64 least = a.value + b.value;
	u64 most = least + a.mask + b.mask;

	return tnum_clean(least, (most ^ least) | a.mask | b.mask);
}

struct tnum tnum_sub(struct tnum a, struct tnum b)
{
	u64 diff = a.value - b.value;
	u64 most = diff + a.mask, least = diff - b.mask;

	return tnum_clean(diff, (most ^ least) | a.mask | b.mask);
}

/* Long multiplication; the certain product is kept apart from the sum of what is uncertain. */
struct tnum tnum_mul(struct tnum a, struct tnum b)
{
	struct tnum certain = tnum_const(a.value * b.value), doubt = tnum_const(0);

	for (; a.value | a.mask; a = tnum_rsh(a, 1), b = tnum_lsh(b, 1)) {
		if (a.value & 1)
			doubt = tnum_add(doubt, tnum_make(0, b.mask));
		else if (a.mask & 1)
			doubt = tnum_add(doubt, tnum_make(0, b.value | b.mask));
	}
	return tnum_add(certain, doubt);
}

struct tnum tnum_arsh(struct tnum t, unsigned int by, unsigned int bits)
{
	unsigned int up = 64 - bits;

	t.value = (u64)((s64)(t.value << up) >> up >> by);
	t.mask = (u64)((s64)(t.mask << up) >> up >> by);
	return tnum_low(t, bits);
}

void tnum_text(char *buf, size_t size, struct tnum t)
{
	snprintf(buf, size, "(%#llx; %#llx)", (unsigned long long)t.value,
		 (unsigned long long)t.mask);
}
