/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Kernel objects and the program's own: loads are typed by BTF, and trust is inherited where the
 * kernel says that a member may be followed. */
#include "btf/types.h"
#include "verifier/verifier.h"

static int check_place(struct env *env, const struct reg *r, u32 regno, s32 off, const char *name)
{
	char t[48];

	if (off < 0)
		return reject_btf_negative(env, (int)regno, name, off);
	if (!tnum_is(r->v.t, 0))
		return reject_btf_variable(env, (int)regno, name, off, log_tnum(t, r->v.t));
	if (r->type & REG_USER)
		return reject_btf_user(env, (int)regno, name, off);
	if (r->type & REG_PERCPU)
		return reject_btf_percpu(env, (int)regno, name, off);
	return 0;
}

#define TRUSTING (REG_TRUSTED | REG_ALLOC | REG_NON_OWN)

/* What a pointer loaded from a trusted object is. */
static u32 trusted_flags(struct env *env, const struct reg *r, const char *field, u32 id, u32 flags)
{
	bool or_null;

	if (btf_is_nested_trusted(env, r, field, id, "__safe_trusted"))
		return flags | REG_TRUSTED;
	if (btf_is_nested_trusted(env, r, field, id, "__safe_trusted_or_null"))
		return flags | REG_TRUSTED | REG_MAYBE_NULL;
	if (!env_in_rcu(env) || (r->type & REG_MAYBE_NULL))
		return REG_UNTRUSTED;
	if (btf_is_nested_trusted(env, r, field, id, "__safe_rcu"))
		return flags | REG_RCU;
	or_null = btf_is_nested_trusted(env, r, field, id, "__safe_rcu_or_null");
	if ((flags & REG_RCU) || or_null) {
		flags |= REG_RCU | REG_MAYBE_NULL;
		return or_null ? flags & ~REG_UNTRUSTED : flags;
	}
	if (flags & (REG_PERCPU | REG_USER))
		return flags;
	return flags & ~(TRUSTING | REG_RCU);
}

static u32 loaded_flags(struct env *env, const struct reg *r, const char *field, u32 id, u32 flags)
{
	if (r->type & REG_UNTRUSTED)
		return REG_UNTRUSTED;
	if (reg_is_trusted(r) || (r->type & REG_RCU))
		return trusted_flags(env, r, field, id, flags);
	return flags & ~(TRUSTING | REG_RCU);
}

static int check_write(struct env *env, const struct reg *r, s32 off, int size)
{
	if (r->type & REG_UNTRUSTED)
		return reject_only_read(env);
	if (r->type & REG_ALLOC)
		return 0;
	if (!sk_write_is_valid(env, r, off, size))
		return env->res->err ? env->res->err : reject_only_read(env);
	return 0;
}

int mem_btf(struct env *env, const struct mem_access *a, s32 off)
{
	const struct reg *r = &env_regs(env)[a->regno];
	const char *name = types_name(r->btf, r->btf_id), *field = NULL;
	const struct btf *btf = r->btf;
	u32 id = 0, flags = 0;
	struct reg *d;
	int ret;

	if (!env->gpl && btf == env->kbtf)
		return reject_btf_not_gpl(env, name);
	ret = check_place(env, r, a->regno, off, name);
	if (!ret && a->rw == ACCESS_WRITE) {
		ret = check_write(env, r, off, a->size);
		if (ret || !(r->type & REG_ALLOC))
			return ret;
	}
	if (!ret)
		ret = btf_access(env, r, off, a->size, &id, &flags, &field);
	if (ret < 0)
		return ret;
	if (ret == REG_BTF)
		flags = loaded_flags(env, r, field, id, flags);
	if (a->rw != ACCESS_READ || a->value < 0)
		return 0;
	d = &env_regs(env)[a->value];
	if (ret == REG_SCALAR) {
		reg_set_unknown(d);
		return 0;
	}
	reg_set_btf(d, btf, id, flags);
	if (flags & REG_MAYBE_NULL)
		d->id = env_new_id(env);
	return 0;
}

/* What programs may write of kernel structs, by program type. */
bool sk_write_is_valid(struct env *env, const struct reg *r, s32 off, int size)
{
	return false;
}
