/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The product of two 8x8 matrices of 64-bit numbers. */
#include "bench.h"

u64 ENTRY(void *mem)
{
	u64(*a)[8] = mem, (*b)[8] = a + 8, (*c)[8] = b + 8;
	u64 trace = 0;

	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 8; j++) {
			u64 sum = 0;

			for (int k = 0; k < 8; k++)
				sum += a[i][k] * b[k][j];
			c[i][j] = sum;
		}
	for (int i = 0; i < 8; i++)
		trace += c[i][i];
	return trace;
}
