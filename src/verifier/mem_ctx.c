/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Loads and stores of the context, and of sockets, which are read as contexts are. */
#include "verifier/verifier.h"

bool pkt_may_access(struct env *env, const bool *helper_pkt, enum access rw)
{
	switch (env->prog_type) {
	case SPEC_PROG_LWT_IN:
	case SPEC_PROG_LWT_OUT:
	case SPEC_PROG_LWT_SEG6LOCAL:
	case SPEC_PROG_SK_REUSEPORT:
	case SPEC_PROG_FLOW_DISSECTOR:
	case SPEC_PROG_CGROUP_SKB:
		if (rw == ACCESS_WRITE)
			return false;
		return helper_pkt ? *helper_pkt : true;
	case SPEC_PROG_SCHED_CLS:
	case SPEC_PROG_SCHED_ACT:
	case SPEC_PROG_XDP:
	case SPEC_PROG_LWT_XMIT:
	case SPEC_PROG_SK_SKB:
	case SPEC_PROG_SK_MSG:
		return helper_pkt ? *helper_pkt : true;
	case SPEC_PROG_CGROUP_SOCKOPT:
		return true;
	default:
		return false;
	}
}

static void load_ctx(struct env *env, u32 regno, const struct ctx_info *info)
{
	struct reg *r = &env_regs(env)[regno];

	if (info->type == REG_SCALAR) {
		reg_set_unknown(r);
		if (info->is_retval && env->attach.has_ret_range) {
			range_clamp_s(&r->v.r, env->attach.ret_min, env->attach.ret_max);
			range_clamp_s(&r->v.w, env->attach.ret_min, env->attach.ret_max);
			scalar_sync(&r->v);
		}
		return;
	}
	reg_set_pointer(r, info->type);
	if (info->type & REG_MAYBE_NULL)
		r->id = env_new_id(env);
	if (reg_kind(r) == REG_BTF) {
		r->btf = info->btf;
		r->btf_id = info->btf_id;
	}
}

int mem_ctx(struct env *env, const struct mem_access *a, s32 off)
{
	const struct reg *r = &env_regs(env)[a->regno];
	struct ctx_info info;
	int err = check_ptr_off(env, r, a->regno, false);

	if (err)
		return err;
	if (!ctx_is_valid(env, off, a->size, a->rw, a->sign, &info)) {
		reject_ctx_access(env, off, a->size);
		log_source(env, (u32)env->insn, "; ");
		return env->res->err;
	}
	if (a->rw == ACCESS_READ && a->value >= 0)
		load_ctx(env, (u32)a->value, &info);
	return 0;
}

int mem_sock(struct env *env, const struct mem_access *a, s32 off)
{
	const struct reg *r = &env_regs(env)[a->regno];
	char text[REG_TEXT_SIZE];

	if (r->v.r.smin < 0)
		return reject_min_negative(env, (int)a->regno);
	if (!tnum_is(r->v.t, 0) || !sock_is_valid(env, reg_kind(r), off, a->size))
		return reject_sock_access(env, (int)a->regno, reg_type_text(text, r->type), off,
					  a->size);
	if (a->value >= 0)
		mark_unknown(env, (u32)a->value);
	return 0;
}
