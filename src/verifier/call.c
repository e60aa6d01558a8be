/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls within the program. A static function is explored with the caller's registers, in a new
 * frame; a global one is verified on its own and only its arguments are checked here. A callback is
 * explored as if the helper called it, again and again, until a further call adds nothing.
 */
#include "verifier/helper.h"
#include "verifier/kfunc.h"
#include "verifier/slots.h"
#include <string.h>

static int global_arg(struct env *env, u32 i, const struct subprog_arg *arg)
{
	u32 regno = i + 1;
	struct reg *r = &env_regs(env)[regno];
	int err;

	switch (arg->check) {
	case SUBARG_ANYTHING:
		return r->type == REG_SCALAR ? 0 : reject_arg_not_scalar(env, (int)regno);
	case SUBARG_CTX:
		err = args_check_offset(env, r, regno, false);
		if (!err && r->type != REG_CTX)
			err = reject_arg_not_ctx_reg(env, (int)i);
		return err;
	case SUBARG_MEM:
		err = args_check_offset(env, r, regno, false);
		if (!err && args_check_mem(env, r, regno, arg->mem_size))
			err = -EINVAL;
		if (!err && !(arg->flags & REG_MAYBE_NULL) && (r->type & REG_MAYBE_NULL))
			err = reject_arg_null(env, (int)i);
		return err;
	case SUBARG_ARENA:
		return r->type == REG_ARENA || r->type == REG_SCALAR
			       ? 0
			       : reject_arg_not_arena(env, (int)regno);
	case SUBARG_DYNPTR:
		err = r->type == REG_STACK ? 0 : args_check_offset(env, r, regno, false);
		return err ? err : args_check_dynptr(env, regno, DYNPTR_NONE, false, true, 0);
	case SUBARG_BTF:
		if (reg_is_null(r) && (arg->flags & REG_MAYBE_NULL))
			return 0;
		err = args_check_btf(env, regno, arg->btf_id, arg->flags & REG_MAYBE_NULL);
		return err ? err : args_check_offset(env, r, regno, false);
	}
	return -EINVAL;
}

static int global_args(struct env *env, u32 sub)
{
	const struct subprog *s = &env->subprogs[sub];
	int err = subprog_prepare_args(env, sub);

	for (u32 i = 0; !err && i < s->nr_args; i++)
		err = global_arg(env, i, &s->args[i]);
	return err;
}

static int call_global(struct env *env, u32 sub)
{
	struct subprog *s = &env->subprogs[sub];
	int err = global_args(env, sub);

	if (env->cur->lock)
		return reject_global_lock(env);
	if (env->cur->preempt)
		return reject_global_preempt(env);
	if (err)
		return reject_global_call_args(env, sub, s->name);
	log_text(env, "Func#%u ('%s') is global and assumed valid.\n", sub, s->name);
	if (s->changes_pkt)
		clear_pkt_pointers(env);
	s->called = true;
	for (u32 i = 1; i <= 5; i++)
		if (env_regs(env)[i].type != REG_NONE)
			live_read_reg(env, env->cur->cur, i);
	clear_caller_saved(env);
	mark_unknown(env, BPF_REG_0);
	return 0;
}

static int push_frame(struct env *env, struct state *st, u32 sub, s32 callsite, struct frame **ret)
{
	if (st->cur + 1 >= STATE_MAX_FRAMES)
		return reject_call_depth(env, (int)st->cur + 2);
	*ret = state_push_frame(env, st, sub, callsite);
	return *ret ? 0 : env->res->err ? env->res->err : -ENOMEM;
}

static int call_static(struct env *env, u32 sub, s32 *next)
{
	struct frame *caller = env_frame(env), *callee;
	int err = push_frame(env, env->cur, sub, env->insn, &callee);

	if (err)
		return err;
	memcpy(&callee->regs[1], &caller->regs[1], 5 * sizeof(caller->regs[1]));
	live_call(callee, caller);
	for (u32 i = 0; i <= BPF_REG_5; i++) {
		reg_set_none(&caller->regs[i]);
		caller->regs_written |= (u16)(1u << i);
	}
	*next = (s32)env->subprogs[sub].start;
	if (env->log_level) {
		log_text(env, "caller:\n");
		log_frame(env, env->cur, env->cur->cur - 1, true);
		log_text(env, "callee:\n");
		log_frame(env, env->cur, env->cur->cur, true);
	}
	return 0;
}

/* The refusals of a lock, before anything is called. */
static int check_locked_call(struct env *env, const struct bpf_insn *insn)
{
	const struct kfunc *k = env->aux[env->insn].kfunc;

	if (!env->cur->lock || insn->src_reg == BPF_PSEUDO_CALL)
		return 0;
	if (insn->src_reg == 0 && insn->imm == SPEC_HELPER_spin_unlock)
		return 0;
	if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL && k && kfunc_is_graph(k))
		return 0;
	return reject_call_locked(env);
}

int do_call(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	int err, sub;

	env->jmps++;
	err = check_locked_call(env, insn);
	if (err)
		return err;
	if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL)
		err = do_kfunc(env, insn, next);
	else if (insn->src_reg != BPF_PSEUDO_CALL)
		err = do_helper(env, insn, next);
	else {
		sub = subprog_at(env, env->insn + insn->imm + 1);
		if (sub < 0)
			return reject_call_destination(env);
		err = env->subprogs[sub].is_global ? call_global(env, (u32)sub)
						   : call_static(env, (u32)sub, next);
	}
	log_touch_reg(env, BPF_REG_0);
	return err;
}

/* --- callbacks ------------------------------------------------------------------------------- */

int push_callback(struct env *env, u32 sub, callee_fn set, bool is_async, bool sleepable)
{
	struct frame *caller = env_frame(env), *callee;
	struct subprog *s = &env->subprogs[sub];
	struct state *st;
	int err;

	s->is_cb = true;
	if (is_async) {
		s->is_async_cb = true;
		st = state_push_async(env, (s32)s->start, env->insn, sub, sleepable);
		if (!st)
			return env->res->err;
		callee = st->frames[0];
		callee->async_entries = caller->async_entries + 1;
		return set(env, caller, callee, env->insn);
	}
	st = state_push(env, (s32)s->start, env->insn);
	if (!st)
		return env->res->err;
	err = push_frame(env, st, sub, env->insn, &callee);
	if (!err)
		err = set(env, caller, callee, env->insn);
	if (err)
		return err;
	st->callback_unroll++;
	st->frames[st->cur - 1]->callback_depth++;
	caller->callback_depth = 0;
	return 0;
}

/* --- leaving --------------------------------------------------------------------------------- */

static void widen(struct env *env, const struct reg *old, struct reg *cur)
{
	if (old->type != REG_SCALAR || cur->type != REG_SCALAR || old->precise || cur->precise ||
	    regs_are_same(env, old, cur))
		return;
	reg_set_unknown(cur);
}

/* A loop goes round again: numbers that changed and that nobody needs exactly become anything, so
 * that the next round finds nothing new. */
int widen_scalars(struct env *env, struct state *old, struct state *cur)
{
	ids_forget(env);
	for (s32 f = (s32)old->cur; f >= 0; f--) {
		struct frame *a = old->frames[f], *b = cur->frames[f];

		for (int i = 0; i < STATE_NR_REGS; i++)
			widen(env, &a->regs[i], &b->regs[i]);
		for (u32 i = 0; i < a->nr_slots && i < b->nr_slots; i++)
			if (slot_is_spill(&a->slots[i]) && slot_is_spill(&b->slots[i]))
				widen(env, &a->slots[i].reg, &b->slots[i].reg);
	}
	return 0;
}

static int leave_callback(struct env *env, const struct frame *callee)
{
	const struct reg *r0 = &callee->regs[BPF_REG_0];
	int err;

	if (r0->type != REG_SCALAR)
		return reject_callback_r0(env);
	live_read_reg(env, env->cur->cur, BPF_REG_0);
	err = precise_mark(env, BPF_REG_0);
	if (err)
		return err;
	if (r0->v.r.smin < callee->ret_min || r0->v.r.smax > callee->ret_max)
		return reject_range(env, r0, callee->ret_min, callee->ret_max, "At callback return",
				    "R0");
	return 0;
}

int leave_frame(struct env *env, s32 *next)
{
	struct state *st = env->cur, *before = NULL;
	struct frame *callee = state_frame(st), *caller = st->frames[st->cur - 1];
	const struct reg *r0 = &callee->regs[BPF_REG_0];
	bool callback = callee->in_callback;
	int err = 0;

	if (r0->type == REG_STACK)
		return reject_return_stack(env);
	if (callback) {
		err = leave_callback(env, callee);
	} else {
		/* What the callee wrote the caller has; if it did not, r0 is read where it was. */
		if (!(callee->regs_written & 1))
			live_read_reg(env, st->cur, BPF_REG_0);
		caller->regs[BPF_REG_0] = *r0;
		caller->regs_written |= 1;
	}
	if (err)
		return err;
	*next = callback ? callee->callsite : callee->callsite + 1;
	if (env->log_level) {
		log_text(env, "returning from callee:\n");
		log_frame(env, st, st->cur, true);
		log_text(env, "to caller at %d:\n", *next);
		log_frame(env, st, st->cur - 1, true);
	}
	state_pop_frame(env, st);
	if (callback)
		before = visit_previous(env, st, *next);
	return before ? widen_scalars(env, before, st) : 0;
}
