/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A loop of 64-bit arithmetic: xorshift, 1000 times. */
#include "bench.h"

u64 ENTRY(void *mem)
{
	u64 x = *(u64 *)mem | 1, sum = 0;

	for (int i = 0; i < 1000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		sum += x;
	}
	return sum;
}
