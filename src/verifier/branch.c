/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which way a comparison of numbers goes: branch_ops.h at 64 bits. */
#include "verifier/branch_ops.h"

int branch_decide(const struct scalar *a, const struct scalar *b, u8 op, bool is_w)
{
	return decide_n(a, b, op, is_w, 64);
}
