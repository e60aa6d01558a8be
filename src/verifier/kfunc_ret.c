/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What kernel functions give back. */
#include "btf/types.h"
#include "verifier/kfunc.h"
#include <string.h>

static int ret_new(struct env *env, const struct kcall *c, struct reg *r)
{
	bool percpu = c->k->special == KFS_bpf_percpu_obj_new_impl;
	const struct btf_type *t;

	if (c->constant != (u32)c->constant)
		return reject_new_range(env);
	if (!env->btf)
		return reject_new_btf(env);
	t = btf__type_by_id(env->btf, (u32)c->constant);
	if (!t || !btf_is_struct(t))
		return reject_new_struct(env);
	if (percpu && t->size > 512)
		return reject_new_percpu_size(env, (int)t->size, 512);
	if (percpu && !kfunc_is_plain(env->btf, t, 0))
		return reject_new_percpu_plain(env);
	if (percpu && fields_of(env, env->btf, (u32)c->constant))
		return reject_new_percpu_fields(env);
	reg_set_btf(r, env->btf, (u32)c->constant, REG_ALLOC | (percpu ? REG_PERCPU : 0));
	return 0;
}

static int ret_slice(struct env *env, const struct kcall *c, struct reg *r)
{
	u32 flags = c->dynptr_kind == DYNPTR_SKB   ? REG_SLICE_SKB
		    : c->dynptr_kind == DYNPTR_XDP ? REG_SLICE_XDP
						   : 0;

	if (!c->has_const || !c->dynptr_id)
		return reject_internal(env, -EFAULT);
	if (c->k->special == KFS_bpf_dynptr_slice)
		flags |= REG_RDONLY;
	else if (!pkt_may_access(env, NULL, ACCESS_WRITE))
		return reject_slice_write(env);
	reg_set_pointer(r, REG_MEM | flags);
	r->mem_size = (u32)c->constant;
	r->dynptr_id = c->dynptr_id;
	return 0;
}

static int ret_cast(struct env *env, const struct kcall *c, struct reg *r)
{
	const struct btf_type *t = c->constant == (u32)c->constant
					   ? btf__type_by_id(env->kbtf, (u32)c->constant)
					   : NULL;

	if (!t || !btf_is_composite(t))
		return reject_cast_struct(env);
	reg_set_btf(r, env->kbtf, (u32)c->constant, REG_UNTRUSTED);
	return 0;
}

/* -ENOENT: nothing special. */
static int special(struct env *env, const struct kcall *c, struct reg *r)
{
	switch (c->k->special) {
	case KFS_bpf_obj_new_impl:
	case KFS_bpf_percpu_obj_new_impl:
		return ret_new(env, c, r);
	case KFS_bpf_refcount_acquire_impl:
		reg_set_btf(r, c->arg_btf, c->arg_id, REG_ALLOC);
		return 0;
	case KFS_bpf_list_pop_front:
	case KFS_bpf_list_pop_back:
	case KFS_bpf_rbtree_remove:
	case KFS_bpf_rbtree_first:
		graph_set_node(r, c->root);
		return 0;
	case KFS_bpf_cast_to_kern_ctx:
		reg_set_btf(r, env->kbtf, c->ret_id, REG_TRUSTED);
		return 0;
	case KFS_bpf_rdonly_cast:
		return ret_cast(env, c, r);
	case KFS_bpf_dynptr_slice:
	case KFS_bpf_dynptr_slice_rdwr:
		return ret_slice(env, c, r);
	default:
		return -ENOENT;
	}
}

static int ret_memory(struct env *env, const struct kcall *c, struct reg *r, u32 to)
{
	u64 size = c->k->special == KFS_bpf_session_cookie ? 8 : c->r0_size;
	bool rdonly = c->r0_rdonly;

	if (!size) {
		size = types_size(env->kbtf, to);
		rdonly = true;
	}
	if (!size)
		return reject_kfunc_ret(env, c->k->name,
					btf_kind_text(btf__type_by_id(env->kbtf, to)),
					types_name(env->kbtf, to));
	reg_set_pointer(r, REG_MEM | (rdonly ? REG_RDONLY : 0));
	r->mem_size = (u32)size;
	r->ref = c->ref;
	return 0;
}

static void ret_struct(struct env *env, const struct kcall *c, struct reg *r, u32 to)
{
	const struct reg *it;

	reg_set_btf(r, env->kbtf, to, 0);
	if (!(c->k->flags & KF_ITER_NEXT))
		return;
	it = &env->cur->frames[c->iter_frame]->slots[c->iter_spi].reg;
	r->type |= it->type & REG_RCU ? REG_RCU : REG_TRUSTED;
}

static int ret_pointer(struct env *env, const struct kcall *c, struct reg *r,
		       const struct btf_type *t)
{
	u32 to = types_skip(env->kbtf, t->type);
	int err = special(env, c, r);

	if (err != -ENOENT)
		return err;
	if (!to) {
		reg_set_unknown(r);
		return 0;
	}
	if (!btf_is_composite(btf__type_by_id(env->kbtf, to)))
		return ret_memory(env, c, r, to);
	ret_struct(env, c, r, to);
	return 0;
}

static int references(struct env *env, const struct kcall *c, struct reg *r)
{
	bool null = (c->k->flags & KF_RET_NULL) &&
		    !(c->k->special == KFS_bpf_refcount_acquire_impl && c->arg_owning);
	u32 id;
	int err = 0;

	if (null) {
		r->type |= REG_MAYBE_NULL;
		r->id = env_new_id(env);
	}
	if (c->k->flags & KF_ACQUIRE) {
		err = state_acquire(env, (u32)env->insn, &id);
		if (err)
			return err;
		if (null)
			r->id = id;
		r->ref = id;
	} else if (c->k->special == KFS_bpf_rbtree_first) {
		err = graph_set_non_owning(env, r);
	}
	if (!r->id && fields_have(reg_fields(env, r), FIELD_SPIN_LOCK))
		r->id = env_new_id(env);
	return err;
}

int kfunc_return(struct env *env, struct kcall *c)
{
	struct reg *r = &env_regs(env)[BPF_REG_0];
	const struct btf_type *t = btf__type_by_id(env->kbtf,
						   types_skip(env->kbtf, c->proto->type));
	int err;

	if (!c->proto->type)
		return 0;
	if (btf_is_int(t) || btf_is_enum(t) || btf_is_enum64(t)) {
		reg_set_unknown(r);
		return 0;
	}
	if (!btf_is_ptr(t))
		return reject_not_modelled(env, "this return type of a kernel function");
	err = ret_pointer(env, c, r, t);
	if (err || r->type == REG_SCALAR)
		return err;
	return references(env, c, r);
}
