/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What both sides make of bytes. */
#ifndef TESTS_MAP_SEQ_COMMON_H
#define TESTS_MAP_SEQ_COMMON_H

#include "sequences.h"
#include <string.h>

#define OTHERS_ZERO  (1ull << 62) /* all CPUs but the first have 0 */
#define OTHERS_MIXED (1ull << 63)

static inline u64 seq_get_u64(const struct seq_map *m, const u8 *at)
{
	u32 off = seq_value_off(m), size = (u32)min_u64(8, m->value_size - off);
	u64 v = 0;

	memcpy(&v, at + off, size);
	return v;
}

/* One number for all CPUs' values: the first, and whether the others count up from it. */
static inline u64 seq_value_out(const struct seq_map *m, const u8 *value, u32 nr_cpus)
{
	u32 room = (u32)align_up(m->value_size, 8);
	u64 v = seq_get_u64(m, value), zeros = 1, counts = 1;

	if (!seq_is_percpu(m) || nr_cpus < 2)
		return v;
	for (u32 i = 1; i < nr_cpus; i++) {
		u64 w = seq_get_u64(m, value + i * room);

		zeros &= !w;
		counts &= w == v + i;
	}
	return counts ? v : v | (zeros ? OTHERS_ZERO : OTHERS_MIXED);
}

#endif
