/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Types that exist in Linux and cannot be served in user space: refused by name, with the reason.
 */
#include "map/impl.h"

static int struct_ops_check(const struct map_def *def, struct skep_diag *diag)
{
	return diag_set_full(diag, -EOPNOTSUPP, "map-struct-ops",
			     "only Linux itself can run it; leave its programs out with --prog",
			     "a struct_ops map gives functions to the kernel (a congestion "
			     "control, a scheduler); there is none in user space");
}

static int arena_check(const struct map_def *def, struct skep_diag *diag)
{
	return diag_set_full(diag, -EOPNOTSUPP, "map-arena", "only Linux itself can run it",
			     "arenas (pages that a program and its user share) are not there in "
			     "the user engine");
}

const struct map_ops map_struct_ops_ops = {
	.name = "struct_ops",
	.flags = MAP_T_NOT_INNER,
	.check = struct_ops_check,
};

const struct map_ops map_arena_ops = {
	.name = "arena",
	.flags = MAP_T_NOT_INNER,
	.check = arena_check,
};
