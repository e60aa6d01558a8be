/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which programs, and where: what both engines read from the object and from --attach. */
#ifndef ENGINE_SELECT_H
#define ENGINE_SELECT_H

#include "object/object.h"

/* Programs that --attach puts elsewhere: copies of the object's with another section. */
struct moved_progs {
	struct prog *progs;
	u32 nr;
};

/* rows: "PROGRAM=SECTION", NULL-terminated; may be NULL. The caller frees ret->progs, also after
 * an error. */
int select_move(struct object *obj, const char *const *rows, struct moved_progs *ret,
		struct skep_diag *diag);
bool select_is_moved(const struct moved_progs *moved, const struct prog *prog);

/* Do tail calls lead to it? Then it is not attached by itself. */
bool select_is_tail_call_target(const struct object *obj, const struct prog *prog);

/* Is `b` the way without BTF to where `a` is attached (fentry/f and kprobe/f)? One is enough. */
bool select_is_same_place(const struct prog *a, const struct prog *b);

#endif
