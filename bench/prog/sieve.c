/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The primes below 400, sieved on the stack. */
#include "bench.h"

#define NR 400

u64 ENTRY(void *mem)
{
	u8 composite[NR];
	u64 nr = 0;

	for (int i = 0; i < NR; i++)
		composite[i] = 0;
	for (u32 i = 2; i < NR; i++) {
		if (composite[i])
			continue;
		nr++;
		for (u32 j = i * i; j < NR; j += i)
			composite[j] = 1;
	}
	return nr + *(u8 *)mem;
}
