/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The functions of a program: where they begin, that no jump leaves one, how deep calls go. */
#include "btf/types.h"
#include "verifier/kfunc.h"
#include "verifier/verifier.h"
#include <string.h>

#define MAX_CALL_TAIL_STACK 256

struct subprog *subprog_of(const struct env *env, u32 insn)
{
	u32 lo = 0, hi = env->nr_subprogs;

	while (hi - lo > 1) {
		u32 mid = (lo + hi) / 2;

		if (env->subprogs[mid].start <= insn)
			lo = mid;
		else
			hi = mid;
	}
	return &env->subprogs[lo];
}

int subprog_at(const struct env *env, s32 insn)
{
	const struct subprog *s;

	if (insn < 0 || (u32)insn >= env->nr || !env->nr_subprogs)
		return -1;
	s = subprog_of(env, (u32)insn);
	return s->start == (u32)insn ? (int)(s - env->subprogs) : -1;
}

static int add(struct env *env, s64 start)
{
	u32 at = env->nr_subprogs;

	if (start < 0 || start >= env->nr)
		return reject_call_destination(env);
	if (subprog_at(env, (s32)start) >= 0)
		return 0;
	if (env->nr_subprogs >= VERIFY_MAX_SUBPROGS)
		return reject_too_many_subprogs(env);
	while (at && env->subprogs[at - 1].start > (u32)start) {
		env->subprogs[at] = env->subprogs[at - 1];
		at--;
	}
	memset(&env->subprogs[at], 0, sizeof(env->subprogs[at]));
	env->subprogs[at].start = (u32)start;
	env->nr_subprogs++;
	return 0;
}

static void name_functions(struct env *env)
{
	for (u32 i = 0; i < env->nr_subprogs; i++) {
		struct subprog *s = &env->subprogs[i];
		const struct prog_func *f = prog_func_at(env->prog, s->start);

		s->end = i + 1 < env->nr_subprogs ? s[1].start : env->nr;
		s->name = "";
		if (!f || f->start != s->start)
			continue;
		s->name = f->name ? f->name : "";
		s->type_id = env->btf ? f->type_id : 0;
		s->is_global = s->type_id && f->is_global;
	}
}

/* __attribute__((btf_decl_tag("exception_callback:NAME"))) of the main function. */
static int find_exception_callback(struct env *env)
{
	static const char tag[] = "exception_callback:";
	u32 main_id = env->prog->nr_funcs ? env->prog->funcs[0].type_id : 0;
	u32 nr = env->btf && main_id ? btf__type_cnt(env->btf) : 0;

	for (u32 id = 1; id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(env->btf, id);
		const char *name = btf__name_by_offset(env->btf, t->name_off);

		if (btf_is_decl_tag(t) && t->type == main_id &&
		    btf_decl_tag(t)->component_idx == -1 && name &&
		    !strncmp(name, tag, sizeof(tag) - 1))
			return reject_not_modelled(env, "exception callbacks");
	}
	return 0;
}

int subprogs_find(struct env *env)
{
	int err = add(env, 0);

	for (u32 i = 0; !err && i < env->nr; i++) {
		const struct bpf_insn *insn = &env->insns[i];
		u8 op = (u8)env->aux[i].op;

		env->insn = (s32)i;
		if (op == ISA_LDDW_FUNC || op == ISA_CALL_LOCAL)
			err = add(env, (s64)i + insn->imm + 1);
		else if (op == ISA_CALL_KFUNC)
			err = kfunc_find(env, i);
	}
	env->insn = 0;
	if (!err)
		err = find_exception_callback(env);
	if (err)
		return err;
	name_functions(env);
	for (u32 i = 0; i < env->nr_subprogs; i++)
		log_trace(env, 2, "func#%u @%u\n", i, env->subprogs[i].start);
	return 0;
}

static int check_jump(struct env *env, const struct subprog *s, u32 i)
{
	const struct bpf_insn *insn = &env->insns[i];
	u8 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);
	s64 to;

	if ((class != BPF_JMP && class != BPF_JMP32) || op == BPF_EXIT || op == BPF_CALL)
		return 0;
	to = (s64)i + 1 + (insn->code == (BPF_JMP32 | BPF_JA) ? insn->imm : insn->off);
	if (to < s->start || to >= s->end)
		return reject_jump_range(env, (int)i, (int)to);
	return 0;
}

static int check_last(struct env *env, u32 i)
{
	u8 code = env->insns[i].code;

	if (code != (BPF_JMP | BPF_EXIT) && code != (BPF_JMP32 | BPF_JA) &&
	    code != (BPF_JMP | BPF_JA))
		return reject_last_insn(env);
	return 0;
}

static int check_one(struct env *env, struct subprog *s)
{
	int err = 0;

	for (u32 i = s->start; !err && i < s->end; i++) {
		const struct bpf_insn *insn = &env->insns[i];
		u8 mode = BPF_MODE(insn->code);

		env->insn = (s32)i;
		if (insn->code == (BPF_JMP | BPF_CALL) && !insn->src_reg &&
		    insn->imm == BPF_FUNC_tail_call)
			s->has_tail_call = true;
		if (BPF_CLASS(insn->code) == BPF_LD && (mode == BPF_ABS || mode == BPF_IND))
			s->has_ld_abs = true;
		err = check_jump(env, s, i);
	}
	env->insn = (s32)s->end - 1;
	return err ? err : check_last(env, s->end - 1);
}

/* Callees that may leave in odd ways must return an int. */
static int check_abnormal(struct env *env, const struct subprog *s)
{
	const struct btf_type *t, *ret;

	if (!s->type_id)
		return s->has_ld_abs      ? reject_ld_abs_no_btf(env)
		       : s->has_tail_call ? reject_tail_call_no_btf(env)
					  : 0;
	t = btf__type_by_id(env->btf, btf__type_by_id(env->btf, s->type_id)->type);
	ret = btf__type_by_id(env->btf, types_skip(env->btf, t->type));
	if ((btf_is_int(ret) && ret->size <= 8) || btf_is_enum(ret) || btf_is_enum64(ret))
		return 0;
	return s->has_ld_abs      ? reject_ld_abs_not_int(env)
	       : s->has_tail_call ? reject_tail_call_not_int(env)
				  : 0;
}

int subprogs_check(struct env *env)
{
	int err = 0;

	for (u32 i = 0; !err && i < env->nr_subprogs; i++)
		err = check_one(env, &env->subprogs[i]);
	for (u32 i = 1; !err && i < env->nr_subprogs; i++)
		err = check_abnormal(env, &env->subprogs[i]);
	env->insn = 0;
	return err;
}

/* --- how deep -------------------------------------------------------------------------------- */

struct chain {
	u32 sub[STATE_MAX_FRAMES], next[STATE_MAX_FRAMES];
	int depth;
	u32 frame;
	bool tail_call;
	bool own_stack; /* large frames get a stack of their own */
	bool separate[VERIFY_MAX_SUBPROGS];
};

static s32 rounded(const struct subprog *s)
{
	return (s->stack_depth + 15) / 16 * 16; /* as with a JIT of x86-64 or arm64 */
}

static bool in_callback(const struct env *env, const struct chain *c)
{
	for (u32 i = 0; i <= c->frame; i++)
		if (env->subprogs[c->sub[i]].is_cb)
			return true;
	return false;
}

static int check_throws(struct env *env, const struct chain *c, u32 sub)
{
	const struct subprog *s = &env->subprogs[sub];

	for (u32 i = s->start; i < s->end; i++) {
		const struct kfunc *k = env->aux[i].kfunc;

		if (k && k->special == KFS_bpf_throw && in_callback(env, c))
			return reject_throw_callback(env, i, sub);
	}
	return 0;
}

static int enter(struct env *env, struct chain *c, u32 sub)
{
	struct subprog *s = &env->subprogs[sub];
	int err;

	c->sub[c->frame] = sub;
	c->next[c->frame] = s->start;
	if (s->has_ld_abs && in_callback(env, c))
		return reject_ld_abs_callback(env);
	err = check_throws(env, c, sub);
	if (err)
		return err;
	if (sub && s->has_tail_call && c->depth >= MAX_CALL_TAIL_STACK)
		return reject_tail_call_stack(env, c->depth);
	c->tail_call |= s->has_tail_call;
	if (c->own_stack && rounded(s) >= 64)
		c->separate[sub] = true;
	if (c->own_stack && c->separate[sub])
		return rounded(s) > STATE_MAX_STACK ? reject_stack_subprog(env, sub, rounded(s))
						    : 0;
	c->depth += rounded(s);
	if (c->depth > STATE_MAX_STACK)
		return reject_stack_combined(env, (int)c->frame + 1, c->depth);
	if ((u32)c->depth > env->res->stats.stack)
		env->res->stats.stack = (u32)c->depth;
	return 0;
}

/* The next call from the innermost function; -1: none. */
static int next_call(struct env *env, struct chain *c, u32 *ret_insn)
{
	const struct subprog *s = &env->subprogs[c->sub[c->frame]];

	for (u32 i = c->next[c->frame]; i < s->end; i++) {
		u16 op = env->aux[i].op;
		int sub;

		if (op != ISA_CALL_LOCAL && op != ISA_LDDW_FUNC)
			continue;
		sub = subprog_at(env, (s32)i + env->insns[i].imm + 1);
		if (sub < 0)
			continue;
		if (env->subprogs[sub].is_async_cb && op != ISA_CALL_LOCAL)
			continue;
		c->next[c->frame] = i + 1;
		*ret_insn = i;
		return sub;
	}
	return -1;
}

static int check_chain(struct env *env, u32 root, bool own_stack)
{
	struct chain *c = arena_calloc(&env->arena, 1, sizeof(*c));
	int err;

	if (!c)
		return reject_no_memory(env);
	c->own_stack = own_stack;
	err = enter(env, c, root);
	while (!err) {
		u32 insn;
		int sub = next_call(env, c, &insn);

		if (sub >= 0) {
			if (++c->frame >= STATE_MAX_FRAMES)
				return reject_call_depth_static(env, (int)c->frame);
			err = enter(env, c, (u32)sub);
			continue;
		}
		if (!c->frame)
			return 0;
		if (!c->separate[c->sub[c->frame]])
			c->depth -= rounded(&env->subprogs[c->sub[c->frame]]);
		c->frame--;
	}
	return err;
}

int subprogs_check_stack(struct env *env)
{
	u32 t = env->prog_type;
	bool own = t == SPEC_PROG_KPROBE || t == SPEC_PROG_TRACEPOINT ||
		   t == SPEC_PROG_PERF_EVENT || t == SPEC_PROG_RAW_TRACEPOINT ||
		   (t == SPEC_PROG_TRACING && env->attach_type != SPEC_ATTACH_TRACE_ITER) ||
		   (t == SPEC_PROG_LSM && env->attach_type != SPEC_ATTACH_LSM_CGROUP);
	bool tail = false;

	for (u32 i = 0; i < env->nr_subprogs; i++)
		tail |= env->subprogs[i].has_tail_call;
	for (s32 i = (s32)env->nr_subprogs - 1; i >= 0; i--) {
		int err;

		if (i && !env->subprogs[i].is_async_cb)
			continue;
		err = check_chain(env, (u32)i, own && !tail && !i);
		if (err)
			return err;
	}
	return 0;
}
