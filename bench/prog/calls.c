/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* 200 calls of a function that calls another. */
#include "bench.h"

static __attribute__((noinline)) u64 inner(u64 a, u64 b)
{
	return a * 31 + (b ^ (a >> 7));
}

static __attribute__((noinline)) u64 outer(u64 a, u64 b, u64 c)
{
	if (a & 1)
		return inner(a, b) + c;
	return inner(b, c) ^ a;
}

u64 ENTRY(void *mem)
{
	u64 *p = mem, x = p[0];

	for (u64 i = 0; i < 200; i++)
		x = outer(x, p[i & 63], i);
	return x;
}
