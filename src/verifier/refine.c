/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the outcome of a comparison says of the numbers compared: branch_ops.h at 64 bits. */
#include "verifier/branch_ops.h"

void refine_true(struct scalar *a, struct scalar *b, u8 op, bool is_w)
{
	refine_true_n(a, b, op, is_w, 64);
	scalar_check(a);
	scalar_check(b);
}

void refine_false(struct scalar *a, struct scalar *b, u8 op, bool is_w)
{
	refine_false_n(a, b, op, is_w, 64);
	scalar_check(a);
	scalar_check(b);
}
