/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bob Jenkins' hash (lookup3) of 384 bytes. */
#include "bench.h"

#define ROT(x, k) (((x) << (k)) | ((x) >> (32 - (k))))

u64 ENTRY(void *mem)
{
	const u32 *k = mem;
	u32 a = 0xdeadbeef, b = a, c = a;

	for (int i = 0; i < 32; i++, k += 3) {
		a += k[0];
		b += k[1];
		c += k[2];
		a -= c;
		a ^= ROT(c, 4);
		c += b;
		b -= a;
		b ^= ROT(a, 6);
		a += c;
		c -= b;
		c ^= ROT(b, 8);
		b += a;
		a -= c;
		a ^= ROT(c, 16);
		c += b;
		b -= a;
		b ^= ROT(a, 19);
		a += c;
		c -= b;
		c ^= ROT(b, 4);
		b += a;
	}
	return c;
}
