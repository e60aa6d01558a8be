/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The control flow graph, walked depth first: every instruction must be reached, every edge must
 * lead to one. On the way it is marked where checkpoints are worth keeping (paths meet, loops,
 * calls) and where a path must be remembered (it was not simply the next instruction).
 *
 * t: the instruction on top of the stack; w: where an edge leads; e: how far t has been followed.
 */
#include "base/mem.h"
#include "verifier/helper.h"
#include "verifier/kfunc.h"

enum { NEW, FOUND, DONE };

struct walk {
	struct env *env;
	u8 *state; /* of each instruction */
	u8 *edge;  /* which edge is next */
	u32 *stack;
	u32 nr;
};

static void mark_target(struct env *env, u32 w)
{
	env->aux[w].prune_point = true;
	env->aux[w].jmp_point = true;
}

/* 1: w is new and now on the stack. */
static int follow(struct walk *wk, u32 t, s64 w, bool branch)
{
	if (w < 0 || w >= wk->env->nr) {
		wk->env->insn = (s32)t;
		return reject_jump_range(wk->env, (int)t, (int)w);
	}
	if (branch)
		mark_target(wk->env, (u32)w);
	if (wk->state[w] != NEW)
		return 0;
	wk->state[w] = FOUND;
	wk->stack[wk->nr++] = (u32)w;
	return 1;
}

static void mark_call(struct env *env, u32 t, bool callee)
{
	const struct bpf_insn *insn = &env->insns[t];
	struct insn_aux *aux = &env->aux[t];
	bool is_helper = aux->op == ISA_CALL;

	if (is_helper && helper_is_async_callback(insn->imm))
		aux->prune_point = true;
	if (aux->kfunc && kfunc_is_async_callback(aux->kfunc))
		aux->prune_point = true;
	if ((is_helper && helper_is_sync_callback(insn->imm)) ||
	    (aux->kfunc && kfunc_is_sync_callback(aux->kfunc))) {
		aux->calls_callback = aux->force_checkpoint = true;
		mark_target(env, t);
	}
	if (is_helper && helper_changes_pkt(insn->imm))
		subprog_of(env, t)->changes_pkt = true;
	if (aux->kfunc && kfunc_is_iter_next(aux->kfunc)) {
		aux->is_iter_next = true;
		aux->prune_point = aux->force_checkpoint = true;
	}
	if (callee)
		aux->prune_point = true;
}

/* A callee's effects are its caller's. */
static void merge_callee(struct env *env, u32 t, s64 w)
{
	if (w >= 0 && w < env->nr && subprog_of(env, (u32)w)->changes_pkt)
		subprog_of(env, t)->changes_pkt = true;
}

static int visit_call(struct walk *wk, u32 t, u32 e, bool callee)
{
	struct env *env = wk->env;
	u32 next = t + isa_nr_slots(&env->insns[t]);
	s64 w = (s64)t + env->insns[t].imm + 1;

	if (e == 0) {
		int ret;

		if (env->aux[t].op != ISA_LDDW_FUNC)
			mark_call(env, t, callee);
		ret = follow(wk, t, next, false);
		if (ret >= 0 && next < env->nr)
			mark_target(env, next);
		return ret;
	}
	if (e == 1 && callee) {
		if (env->aux[t].op == ISA_LDDW_FUNC)
			env->aux[t].prune_point = true;
		return follow(wk, t, w, true);
	}
	if (callee)
		merge_callee(env, t, w);
	return -ENOENT;
}

static int visit_goto(struct walk *wk, u32 t, u32 e)
{
	const struct bpf_insn *insn = &wk->env->insns[t];
	s64 w = (s64)t + 1 + (BPF_CLASS(insn->code) == BPF_JMP ? insn->off : insn->imm);

	return e ? -ENOENT : follow(wk, t, w, true);
}

static int visit_branch(struct walk *wk, u32 t, u32 e)
{
	struct env *env = wk->env;

	env->aux[t].prune_point = true;
	if (isa_kind(env->aux[t].op) == ISA_KIND_JCOND)
		env->aux[t].force_checkpoint = true;
	if (e == 0)
		return follow(wk, t, (s64)t + 1, false);
	if (e == 1)
		return follow(wk, t, (s64)t + 1 + env->insns[t].off, true);
	return -ENOENT;
}

/* Follow t's edge number e. 1: something new; 0: nothing; -ENOENT: no more edges. */
static int visit_edge(struct walk *wk, u32 t, u32 e)
{
	const struct bpf_insn *insn = &wk->env->insns[t];
	u8 class = BPF_CLASS(insn->code);
	u16 op = wk->env->aux[t].op;

	if (op == ISA_LDDW_FUNC)
		return visit_call(wk, t, e, true);
	if (class != BPF_JMP && class != BPF_JMP32)
		return e ? -ENOENT : follow(wk, t, t + isa_nr_slots(insn), false);
	switch (BPF_OP(insn->code)) {
	case BPF_EXIT:
		return -ENOENT;
	case BPF_CALL:
		return visit_call(wk, t, e, op == ISA_CALL_LOCAL);
	case BPF_JA:
		return visit_goto(wk, t, e);
	default:
		return visit_branch(wk, t, e);
	}
}

static int walk_graph(struct walk *wk, u32 start)
{
	wk->state[start] = FOUND;
	wk->stack[0] = start;
	wk->nr = 1;
	while (wk->nr) {
		u32 t = wk->stack[wk->nr - 1];
		int ret = visit_edge(wk, t, wk->edge[t]);

		if (ret == -ENOENT) {
			wk->state[t] = DONE;
			wk->nr--;
		} else if (ret < 0) {
			return ret;
		} else {
			wk->edge[t]++;
		}
	}
	return 0;
}

static int check_reached(struct walk *wk)
{
	struct env *env = wk->env;

	for (u32 i = 0; i < env->nr; i++) {
		env->insn = (s32)i;
		if (wk->state[i] != DONE)
			return reject_unreachable(env, (int)i);
		if (isa_nr_slots(&env->insns[i]) == 2) {
			if (i + 1 < env->nr && wk->state[i + 1] != NEW)
				return reject_middle_of_ldimm64(env, (int)i);
			i++;
		}
	}
	env->insn = 0;
	return 0;
}

int cfg_check(struct env *env)
{
	struct walk wk = {.env = env};
	int err = 0;

	wk.state = arena_calloc(&env->arena, env->nr, 1);
	wk.edge = arena_calloc(&env->arena, env->nr, 1);
	wk.stack = arena_calloc(&env->arena, env->nr + 1, sizeof(*wk.stack));
	if (!wk.state || !wk.edge || !wk.stack)
		return reject_no_memory(env);
	err = walk_graph(&wk, 0);
	return err ? err : check_reached(&wk);
}
