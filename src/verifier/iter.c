/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Open-coded iterators. `next` splits the path: in one the iteration is over and NULL came back; in
 * the other it goes on. What the body changes is widened round by round, so that soon a round
 * arrives in a state that an earlier one covers, and that is the end of the exploration, not of the
 * program: the iterator itself guarantees that.
 */
#include "btf/types.h"
#include "verifier/kfunc.h"
#include "verifier/slots.h"
#include <string.h>

/* struct bpf_iter_x, from the first parameter. */
static u32 iter_type(const struct env *env, const struct kcall *c, u32 arg)
{
	const struct btf_type *t =
		btf__type_by_id(env->kbtf, types_skip(env->kbtf, btf_params(c->proto)[arg].type));
	u32 id = t && btf_is_ptr(t) ? types_skip(env->kbtf, t->type) : 0;

	if (!id || !btf_is_struct(btf__type_by_id(env->kbtf, id)) ||
	    strncmp(types_name(env->kbtf, id), "bpf_iter_", 9) || types_size(env->kbtf, id) % 8)
		return 0;
	return id;
}

static int begin(struct env *env, const struct kcall *c, u32 regno, u32 id, u32 nr)
{
	const struct reg *r = &env_regs(env)[regno];

	if (!iter_may_init(env, r, nr))
		return reject_iter_not_uninit(env, types_name(env->kbtf, id) + 9, (int)regno - 1);
	for (u32 i = 0; i < nr; i++) {
		struct mem_access a = {.regno = regno,
				       .off = (s32)i * 8,
				       .size = 8,
				       .rw = ACCESS_WRITE,
				       .value = -1};
		int err = mem_access(env, &a);

		if (err)
			return err;
	}
	return iter_mark(env, r, (u32)env->insn, env->kbtf, id, nr, c->k->flags & KF_RCU_PROTECTED);
}

int iter_arg(struct env *env, struct kcall *c, u32 arg)
{
	u32 regno = arg + 1, id = iter_type(env, c, arg), nr = types_size(env->kbtf, id) / 8;
	const struct reg *r = &env_regs(env)[regno];
	struct frame *f;
	int err, spi;

	if (r->type != REG_STACK)
		return reject_iter_arg(env, (int)arg);
	if (!id)
		return reject_iter_type(env, (int)arg);
	if (c->k->flags & KF_ITER_NEW)
		return begin(env, c, regno, id, nr);
	err = iter_is_init(env, r, env->kbtf, id, nr);
	if (err == -EPROTO)
		return reject_iter_rcu(env, c->k->name);
	if (err)
		return reject_iter_not_init(env, types_name(env->kbtf, id) + 9, (int)arg);
	spi = slots_find(env, r, "iter", nr);
	f = env_frame_of(env, r);
	for (u32 i = 0; i < nr; i++)
		live_read_slot(env, r->frame, (u32)spi - i);
	c->iter_spi = (u32)spi;
	c->iter_frame = r->frame;
	c->ref = f->slots[spi].reg.ref;
	return c->k->flags & KF_ITER_DESTROY ? iter_unmark(env, r, nr) : 0;
}

int iter_next(struct env *env, const struct kcall *c, s32 next)
{
	struct state *cur = env->cur, *more, *before;
	struct reg *it = &cur->frames[c->iter_frame]->slots[c->iter_spi].reg, *again;

	if (it->iter.state == ITER_ACTIVE) {
		if (!cur->parent || cur->parent->insn != env->insn)
			return reject_internal(env, -EFAULT);
		before = visit_previous(env, cur->parent, env->insn);
		more = state_push(env, next, env->insn);
		if (!more)
			return env->res->err;
		again = &more->frames[c->iter_frame]->slots[c->iter_spi].reg;
		again->iter.state = ITER_ACTIVE;
		again->iter.depth++;
		if (before)
			widen_scalars(env, before, more);
		reg_mark_not_null(&state_frame(more)->regs[BPF_REG_0]);
	}
	it->iter.state = ITER_DRAINED;
	reg_set_const(&env_regs(env)[BPF_REG_0], 0);
	return 0;
}
