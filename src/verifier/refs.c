/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* References: what a program must give back. */
#include "verifier/verifier.h"

/* The reference ends, and so does every pointer that lived by it. */
int release_ref(struct env *env, u32 id)
{
	struct frame *f;
	struct reg *r;

	if (state_release(env->cur, id))
		return -EINVAL;
	state_for_each_reg(env->cur, f, r, if (r->ref == id) reg_invalidate(r));
	return 0;
}

void clear_non_owning(struct env *env)
{
	struct frame *f;
	struct reg *r;

	state_for_each_reg(env->cur, f, r, if (r->type & REG_NON_OWN) reg_invalidate(r));
}

int check_leaks(struct env *env, bool exception)
{
	const struct state *st = env->cur;
	const struct frame *f = state_frame(st);
	int err = 0;

	if (!exception && f->frameno && !f->in_callback)
		return 0;
	for (u32 i = 0; i < st->nr_refs; i++) {
		if (!exception && f->in_callback && st->refs[i].callback != f->frameno)
			continue;
		err = reject_unreleased(env, st->refs[i].id, st->refs[i].insn);
	}
	return err;
}
