/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The end of a function: what must not be left open, and what a program may return. */
#include "verifier/verifier.h"
#include <stdio.h>
#include <string.h>

#define A(name) (1ull << SPEC_ATTACH_##name)

struct ret_rule {
	u32 prog_type;
	u64 attach; /* only these attach types; 0: all */
	s32 min, max;
};

/* The first row that fits; none: anything may be returned. */
static const struct ret_rule rules[] = {
	{SPEC_PROG_CGROUP_SOCK_ADDR,
	 A(CGROUP_UDP4_RECVMSG) | A(CGROUP_UDP6_RECVMSG) | A(CGROUP_UNIX_RECVMSG) |
		 A(CGROUP_INET4_GETPEERNAME) | A(CGROUP_INET6_GETPEERNAME) |
		 A(CGROUP_UNIX_GETPEERNAME) | A(CGROUP_INET4_GETSOCKNAME) |
		 A(CGROUP_INET6_GETSOCKNAME) | A(CGROUP_UNIX_GETSOCKNAME),
	 1, 1},
	{SPEC_PROG_CGROUP_SOCK_ADDR, A(CGROUP_INET4_BIND) | A(CGROUP_INET6_BIND), 0, 3},
	{SPEC_PROG_CGROUP_SOCK_ADDR, 0, 0, 1},
	{SPEC_PROG_CGROUP_SKB, A(CGROUP_INET_EGRESS), 0, 3},
	{SPEC_PROG_CGROUP_SKB, 0, 0, 1},
	{SPEC_PROG_CGROUP_SOCK, 0, 0, 1},
	{SPEC_PROG_SOCK_OPS, 0, 0, 1},
	{SPEC_PROG_CGROUP_DEVICE, 0, 0, 1},
	{SPEC_PROG_CGROUP_SYSCTL, 0, 0, 1},
	{SPEC_PROG_CGROUP_SOCKOPT, 0, 0, 1},
	{SPEC_PROG_TRACING, A(TRACE_FENTRY) | A(TRACE_FEXIT), 0, 0},
	{SPEC_PROG_TRACING, A(TRACE_ITER), 0, 1},
	{SPEC_PROG_KPROBE, A(TRACE_KPROBE_SESSION) | A(TRACE_UPROBE_SESSION), 0, 1},
	{SPEC_PROG_SK_LOOKUP, 0, 0, 1},
	{SPEC_PROG_NETFILTER, 0, 0, 1},
};

static const struct ret_rule *find_rule(const struct env *env)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].prog_type == env->prog_type &&
		    (!rules[i].attach ||
		     (env->attach_type < 64 && (rules[i].attach >> env->attach_type & 1))))
			return &rules[i];
	return NULL;
}

int reject_range(struct env *env, const struct reg *r, s32 min, s32 max, const char *where,
		 const char *name)
{
	char is[96] = "";

	if (r->v.r.smin > INT64_MIN)
		snprintf(is, sizeof(is), " smin=%lld", (long long)r->v.r.smin);
	if (r->v.r.smax < INT64_MAX)
		snprintf(is + strlen(is), sizeof(is) - strlen(is), " smax=%lld",
			 (long long)r->v.r.smax);
	return reject_return_range(env, where, name, is[0] ? is : " unknown scalar value", min,
				   max);
}

static int check_value(struct env *env, u32 regno, const char *name, const char *where, s32 min,
		       s32 max, bool is_w)
{
	const struct reg *r = &env_regs(env)[regno];
	char text[REG_TEXT_SIZE];
	int err;

	if (r->type != REG_SCALAR)
		return reject_return_kind(env, where, (int)regno, reg_type_text(text, r->type));
	err = precise_mark(env, (int)regno);
	if (err)
		return err;
	if (is_w ? min <= r->v.w.smin && r->v.w.smax <= max
		 : min <= r->v.r.smin && r->v.r.smax <= max)
		return 0;
	return reject_range(env, r, min, max, where, name);
}

static int check_lsm(struct env *env, u32 regno, const char *name)
{
	static const char where[] = "At program exit";
	int err;

	if (env->attach_type != SPEC_ATTACH_LSM_CGROUP)
		return env->attach.has_ret_range
			       ? check_value(env, regno, name, where, env->attach.ret_min,
					     env->attach.ret_max, true)
			       : 0;
	if (!env->attach.is_void)
		return check_value(env, regno, name, where, 0, 1, false);
	err = check_value(env, regno, name, where, 1, 1, false);
	return err ? reject_lsm_cgroup_void(env) : 0;
}

int check_return(struct env *env, u32 regno, const char *name)
{
	const struct frame *f = env->cur->frames[0];
	bool is_sub = f->subprog;
	const struct reg *r = &env_regs(env)[regno];
	const struct ret_rule *rule;
	char text[REG_TEXT_SIZE];
	int err;

	if ((!is_sub || f->in_exception) && env->attach.is_void &&
	    ((env->prog_type == SPEC_PROG_LSM && env->attach_type != SPEC_ATTACH_LSM_CGROUP) ||
	     env->prog_type == SPEC_PROG_STRUCT_OPS))
		return 0;
	err = check_reg(env, regno, USE_SRC);
	if (err)
		return err;
	if (is_pointer_value(env, r))
		return reject_return_leak(env, (int)regno);
	if (f->in_async)
		return check_value(env, regno, name, "At async callback return", 0, 0, false);
	if (is_sub && !f->in_exception)
		return r->type == REG_SCALAR ? 0
					     : reject_subprog_return(env, (int)regno,
								     reg_type_text(text, r->type));
	if (env->prog_type == SPEC_PROG_LSM)
		return check_lsm(env, regno, name);
	rule = find_rule(env);
	return rule ? check_value(env, regno, name, "At program exit", rule->min, rule->max, false)
		    : 0;
}

int exit_checks(struct env *env, bool exception)
{
	const struct state *st = env->cur;
	bool leaves = exception || !st->cur;

	if (st->lock && leaves)
		return exception ? reject_throw_lock(env) : reject_unlock_missing(env);
	if (st->rcu && leaves)
		return exception ? reject_throw_rcu(env) : reject_rcu_unlock_missing(env);
	if (st->preempt && leaves)
		return exception ? reject_throw_preempt(env)
				 : reject_preempt_missing(env, (int)st->preempt,
							  st->preempt == 1 ? " is" : "(s) are");
	return check_leaks(env, exception);
}

int do_exit(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	int err;

	env->jmps++;
	err = exit_checks(env, false);
	if (err)
		return err;
	if (env->cur->cur) {
		err = leave_frame(env, next);
		return err;
	}
	err = check_return(env, BPF_REG_0, "R0");
	return err ? err : DO_PATH_END;
}

/* --- ld_abs ---------------------------------------------------------------------------------- */

static int check_ldabs(struct env *env)
{
	const struct state *st = env->cur;
	const struct reg *ctx = &env_regs(env)[BPF_REG_6];
	u32 t = env->prog_type;
	int err;

	if (t != SPEC_PROG_SOCKET_FILTER && t != SPEC_PROG_SCHED_CLS && t != SPEC_PROG_SCHED_ACT)
		return reject_ld_abs_prog_type(env);
	for (u32 i = st->cur; i; i--)
		if (st->frames[i]->in_callback)
			return reject_ld_abs_callback(env);
	err = check_reg(env, BPF_REG_6, USE_SRC);
	if (err)
		return err;
	if (check_leaks(env, false))
		return reject_ld_abs_refs(env);
	if (st->lock)
		return reject_ld_abs_lock(env);
	if (st->rcu)
		return reject_ld_abs_rcu(env);
	if (st->preempt)
		return reject_ld_abs_preempt(env);
	if (ctx->type != REG_CTX)
		return reject_ld_abs_r6(env);
	return 0;
}

/* It ends the program with 0 where the packet is too short: out of a callee, the call returns. */
int do_ldabs(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	int err = check_ldabs(env);

	if (!err && BPF_MODE(insn->code) == BPF_IND)
		err = check_reg(env, insn->src_reg, USE_SRC);
	if (!err)
		err = check_ptr_off(env, &env_regs(env)[BPF_REG_6], BPF_REG_6, false);
	if (err)
		return err;
	clear_caller_saved(env);
	mark_unknown(env, BPF_REG_0);
	if (!env->cur->cur)
		return 0;
	if (!state_push(env, env->insn + 1, env->insn))
		return env->res->err;
	reg_set_const(&env_regs(env)[BPF_REG_0], 0);
	return leave_frame(env, next);
}
