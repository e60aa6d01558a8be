/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two equal strings of 255 characters, compared a character at a time. */
#include "bench.h"

u64 ENTRY(void *mem)
{
	const u8 *a = (u8 *)mem + 2048, *b = (u8 *)mem + 2304;
	int i;

	for (i = 0; i < 256; i++) {
		if (a[i] != b[i])
			return 1000 + i;
		if (!a[i])
			break;
	}
	return i;
}
