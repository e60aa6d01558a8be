/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Every path, one instruction after another. At a branch that can go both ways one is taken and
 * the other is put aside; a path ends at the program's exit, or where it meets a state that has
 * been explored already (visit.c).
 */
#include "verifier/verifier.h"

typedef int (*do_fn)(struct env *env, const struct bpf_insn *insn, s32 *next);

static const do_fn handlers[] = {
	[ISA_KIND_ALU] = do_alu,        [ISA_KIND_NEG] = do_end_neg, [ISA_KIND_MOV] = do_mov,
	[ISA_KIND_END] = do_end_neg,    [ISA_KIND_LDDW] = do_ldimm,  [ISA_KIND_LDABS] = do_ldabs,
	[ISA_KIND_LDX] = do_ldx,        [ISA_KIND_ST] = do_st,       [ISA_KIND_STX] = do_stx,
	[ISA_KIND_ATOMIC] = do_atomic,  [ISA_KIND_JMP] = do_jmp,     [ISA_KIND_JA] = do_ja,
	[ISA_KIND_JCOND] = do_may_goto, [ISA_KIND_CALL] = do_call,   [ISA_KIND_EXIT] = do_exit,
};

/* The encoding, in the kernel's words. */
static int check_encoding(struct env *env, enum isa_op op, const struct bpf_insn *insn)
{
	struct skep_diag diag = {0};

	if (op == ISA_INVALID)
		isa_check(insn, env->nr - (u32)env->insn, (u32)env->insn, &diag);
	else if (!isa_check_imm(op, insn, &diag))
		return 0;
	return reject_bad_insn(env, diag.message);
}

static int one_insn(struct env *env)
{
	const struct bpf_insn *insn = &env->insns[env->insn];
	struct insn_aux *aux = &env->aux[env->insn];
	s32 next = env->insn + (s32)isa_nr_slots(insn);
	int ret;

	aux->seen = true;
	ret = aux->op == ISA_INVALID || isa_kind(aux->op) == ISA_KIND_ALU
		      ? check_encoding(env, aux->op, insn)
		      : 0;
	if (!ret)
		ret = handlers[isa_kind(aux->op)](env, insn, &next);
	if (ret == DO_NEXT)
		env->insn = next;
	return ret;
}

/* Before an instruction: limits, and whether this has been seen. 1: it has. */
static int arrive(struct env *env)
{
	struct verify_stats *stats = &env->res->stats;
	int ret;

	env->cur_hist = NULL;
	if (env->insn < 0 || (u32)env->insn >= env->nr)
		return reject_insn_idx(env, env->insn, env->nr);
	if (++stats->processed > VERIFY_MAX_INSNS)
		return reject_too_large(env, stats->processed);
	env->cur->last_insn = env->prev_insn;
	if (env->aux[env->insn].prune_point) {
		ret = visit(env);
		if (ret)
			return ret;
	}
	return env->aux[env->insn].jmp_point ? hist_push(env, 0, 0) : 0;
}

static void tell_safe(struct env *env, bool new_path)
{
	if (new_path)
		log_trace(env, 1, "\nfrom %d to %d: safe\n", env->prev_insn, env->insn);
	else
		log_trace(env, 1, "%d: safe\n", env->insn);
}

static void tell_insn(struct env *env, bool *new_path)
{
	if (*new_path && env->log_level >= 2) {
		log_text(env, "\nfrom %d to %d:", env->prev_insn, env->insn);
		log_frame(env, env->cur, env->cur->cur, true);
		*new_path = false;
	}
	if (!env->log_level)
		return;
	if (env->scratched_regs || env->scratched_slots)
		log_insn_state(env);
	log_insn(env);
}

static int next_path(struct env *env)
{
	size_t log_pos = env->pending ? env->pending->log_pos : 0;

	log_touch_all(env);
	visit_path_done(env, env->cur);
	if (!state_pop(env))
		return 0;
	if (env->log_level < 2)
		log_reset(env, log_pos);
	return 1;
}

static int explore_all(struct env *env)
{
	bool new_path = false;
	int ret;

	env->prev_insn = -1;
	for (;;) {
		s32 at;

		ret = arrive(env);
		if (ret < 0)
			return ret;
		if (ret > 0) {
			tell_safe(env, new_path);
		} else {
			tell_insn(env, &new_path);
			at = env->insn;
			ret = one_insn(env);
			if (ret < 0)
				return ret;
			env->prev_insn = at;
		}
		if (ret == DO_NEXT)
			continue;
		if (!next_path(env))
			return 0;
		new_path = true;
	}
}

static int entry_arg(struct env *env, struct reg *r, const struct subprog_arg *arg)
{
	switch (arg->check) {
	case SUBARG_CTX:
		reg_set_pointer(r, REG_CTX);
		break;
	case SUBARG_ANYTHING:
	case SUBARG_ARENA:
		reg_set_unknown(r);
		break;
	case SUBARG_DYNPTR:
		reg_set_pointer(r, REG_DYNPTR);
		r->dynptr.kind = DYNPTR_LOCAL;
		r->dynptr.first = true;
		r->id = env_new_id(env);
		break;
	case SUBARG_MEM:
		reg_set_pointer(r, REG_MEM | arg->flags);
		r->mem_size = arg->mem_size;
		r->id = env_new_id(env);
		break;
	case SUBARG_BTF:
		reg_set_btf(r, env->kbtf, arg->btf_id, arg->flags);
		r->id = env_new_id(env);
		break;
	}
	return 0;
}

static int entry_global(struct env *env, u32 nr, struct frame *f)
{
	struct subprog *sub = &env->subprogs[nr];
	int err;

	log_trace(env, 1, "Validating %s() func#%u...\n", sub->name, nr);
	err = subprog_prepare_args(env, nr);
	if (err)
		return err;
	if (sub->is_exception_cb) {
		f->in_exception = true;
		if (sub->nr_args != 1 || sub->args[0].check != SUBARG_ANYTHING)
			return reject_exception_cb_args(env);
	}
	for (u32 i = 0; i < sub->nr_args; i++)
		entry_arg(env, &f->regs[i + 1], &sub->args[i]);
	return 0;
}

static int entry(struct env *env, u32 nr)
{
	struct frame *f;

	env->cur = state_new(env);
	if (!env->cur)
		return -ENOMEM;
	env->cur->branches = 1;
	f = state_push_frame(env, env->cur, nr, STATE_MAIN);
	if (!f)
		return -ENOMEM;
	f->fresh = false;
	f->regs_written = 0;
	f->slots_written = 0;
	env->insn = (s32)env->subprogs[nr].start;
	env->cur->first_insn = env->insn;
	env->cur->last_insn = -1;
	if (nr || env->prog->type == SPEC_PROG_EXT)
		return entry_global(env, nr, f);
	reg_set_pointer(&f->regs[BPF_REG_1], REG_CTX);
	return 0;
}

int explore(struct env *env, u32 subprog)
{
	int err;

	env->log_line = NULL;
	env->prev_jmps = env->prev_processed = 0;
	env->jmps = 0;
	log_touch_all(env);
	err = entry(env, subprog);
	if (!err)
		err = explore_all(env);
	state_pools_done(env);
	if (!err && env->log_level < 2)
		log_reset(env, 0);
	return err;
}

int explore_globals(struct env *env)
{
	bool again = true;

	if (env->exception_subprog)
		env->subprogs[env->exception_subprog].called = true;
	while (again) {
		again = false;
		for (u32 i = 1; i < env->nr_subprogs; i++) {
			struct subprog *sub = &env->subprogs[i];
			int err;

			if (!sub->is_global || !sub->called || sub->verified)
				continue;
			err = explore(env, i);
			if (err)
				return err;
			log_trace(env, 1,
				  "Func#%u ('%s') is safe for any args that match its prototype\n",
				  i, sub->name);
			sub->verified = true;
			again = true;
		}
	}
	return 0;
}
