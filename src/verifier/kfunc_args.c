/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Arguments of kernel functions: the parameter's type and the end of its name say what is meant. */
#include "btf/types.h"
#include "verifier/ctx.h"
#include "verifier/helper.h"
#include "verifier/kfunc.h"
#include "verifier/slots.h"
#include <string.h>

enum kind {
	K_CTX,
	K_NULL,
	K_ALLOC,
	K_REFCOUNTED,
	K_DYNPTR,
	K_ITER,
	K_LIST_HEAD,
	K_LIST_NODE,
	K_RB_ROOT,
	K_RB_NODE,
	K_STR,
	K_MAP,
	K_WQ,
	K_BTF,
	K_CALLBACK,
	K_MEM,
	K_MEM_SIZE,
	K_BAD,
};

struct arg {
	u32 i, regno;
	struct reg *r;
	const char *param;
	u32 ref_id; /* what it points to */
	const struct btf_type *ref_t;
	const char *ref_name;
};

static bool ends(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len > n && !strcmp(name + len - n, end);
}

static bool is_number(const struct btf_type *t)
{
	return btf_is_int(t) || btf_is_enum(t) || btf_is_enum64(t);
}

static bool points_to(const struct arg *a, const char *name)
{
	return btf_is_struct(a->ref_t) && !strcmp(a->ref_name, name);
}

static bool is_ctx_type(const struct env *env, const struct arg *a)
{
	return btf_is_struct(a->ref_t) && ctx_is_user_struct(env->prog_type, a->ref_name);
}

/* Only numbers, in structs and arrays of structs: memory that a program may hand over. */
bool kfunc_is_plain(const struct btf *btf, const struct btf_type *t, int depth)
{
	if (is_number(t))
		return true;
	if (!btf_is_struct(t) || depth > 3)
		return false;
	for (u32 i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *m = btf__type_by_id(btf,
							   types_skip(btf, btf_members(t)[i].type));

		if (btf_is_array(m)) {
			if (!btf_array(m)->nelems)
				return false;
			m = btf__type_by_id(btf, types_skip(btf, btf_array(m)->type));
			if (!is_number(m))
				return false;
		} else if (!kfunc_is_plain(btf, m, depth + 1)) {
			return false;
		}
	}
	return true;
}

static bool is_size(const struct env *env, const struct kcall *c, u32 arg, const char *end)
{
	const struct btf_type *t;

	if (arg >= c->nr_args || arg >= 5)
		return false;
	t = btf__type_by_id(env->kbtf, types_skip(env->kbtf, btf_params(c->proto)[arg].type));
	return is_number(t) && env_regs(env)[arg + 1].type == REG_SCALAR &&
	       ends(kfunc_param(env, c, arg), end);
}

static bool is_sock_or_map(u32 type)
{
	u32 k = type & REG_KIND_MASK;

	return k == REG_SOCK || k == REG_SOCK_COMMON || k == REG_TCP_SOCK || k == REG_MAP_PTR;
}

static const struct {
	const char *name;
	enum kind kind;
} by_struct[] = {
	{"bpf_list_head", K_LIST_HEAD},
	{"bpf_list_node", K_LIST_NODE},
	{"bpf_rb_root", K_RB_ROOT},
	{"bpf_rb_node", K_RB_NODE},
};

static enum kind memory_kind(struct env *env, const struct kcall *c, const struct arg *a)
{
	bool sized = is_size(env, c, a->i + 1, "__sz") || is_size(env, c, a->i + 1, "__szk");

	if (!kfunc_is_plain(env->kbtf, a->ref_t, 0) && !(sized && !a->ref_id)) {
		reject_kfunc_not_scalar(env, (int)a->i, btf_kind_text(a->ref_t), a->ref_name,
					sized ? "void, " : "");
		return K_BAD;
	}
	return sized ? K_MEM_SIZE : K_MEM;
}

static enum kind kind_of(struct env *env, const struct kcall *c, const struct arg *a)
{
	if (c->k->special == KFS_bpf_cast_to_kern_ctx || is_ctx_type(env, a))
		return K_CTX;
	if (ends(a->param, "__nullable") && reg_is_null(a->r))
		return K_NULL;
	if (ends(a->param, "__alloc"))
		return K_ALLOC;
	if (ends(a->param, "__refcounted_kptr"))
		return K_REFCOUNTED;
	if (points_to(a, "bpf_dynptr"))
		return K_DYNPTR;
	if (((c->k->flags & KF_ITER) && !a->i) || ends(a->param, "__iter"))
		return K_ITER;
	for (size_t i = 0; i < ARRAY_SIZE(by_struct); i++)
		if (points_to(a, by_struct[i].name))
			return by_struct[i].kind;
	if (ends(a->param, "__str"))
		return K_STR;
	if (ends(a->param, "__map"))
		return K_MAP;
	if (points_to(a, "bpf_wq"))
		return K_WQ;
	if (reg_kind(a->r) == REG_BTF || is_sock_or_map(a->r->type)) {
		if (btf_is_composite(a->ref_t))
			return K_BTF;
		reject_kfunc_ptr(env, c->k->name, (int)a->i, btf_kind_text(a->ref_t), a->ref_name);
		return K_BAD;
	}
	if (btf_is_func_proto(a->ref_t))
		return K_CALLBACK;
	return memory_kind(env, c, a);
}

/* --- numbers --------------------------------------------------------------------------------- */

static int number(struct env *env, struct kcall *c, const struct arg *a)
{
	bool rdonly = !strcmp(a->param, "rdonly_buf_size");

	if (a->r->type != REG_SCALAR)
		return reject_arg_not_scalar(env, (int)a->regno);
	if (ends(a->param, "__k")) {
		if (!tnum_is_const(a->r->v.t))
			return reject_kfunc_const(env, (int)a->regno);
		c->has_const = true;
		c->constant = a->r->v.t.value;
		return precise_mark(env, (int)a->regno);
	}
	if (!rdonly && strcmp(a->param, "rdwr_buf_size"))
		return 0;
	if (!tnum_is_const(a->r->v.t))
		return reject_kfunc_buf_size(env, (int)a->regno);
	c->r0_rdonly = rdonly;
	c->r0_size = a->r->v.t.value;
	if (c->r0_size > UINT32_MAX)
		return reject_kfunc_buf_large(env, (int)a->regno);
	return precise_mark(env, (int)a->regno);
}

/* --- pointers -------------------------------------------------------------------------------- */

static bool is_strict(const struct kcall *c)
{
	return c->k->flags & (KF_TRUSTED_ARGS | KF_RELEASE);
}

static int check_trust(struct env *env, const struct kcall *c, const struct arg *a)
{
	if ((!is_strict(c) && !(c->k->flags & KF_RCU)) || reg_is_trusted(a->r))
		return 0;
	if (!(c->k->flags & KF_RCU))
		return reject_kfunc_untrusted(env, (int)a->regno);
	return a->r->type & REG_RCU ? 0 : reject_kfunc_not_rcu(env, (int)a->regno);
}

static int arg_ctx(struct env *env, struct kcall *c, const struct arg *a)
{
	static const char *const kernel[SPEC_NR_PROG_TYPES] = {
		[SPEC_PROG_SOCKET_FILTER] = "sk_buff",
		[SPEC_PROG_SCHED_CLS] = "sk_buff",
		[SPEC_PROG_SCHED_ACT] = "sk_buff",
		[SPEC_PROG_XDP] = "xdp_buff",
		[SPEC_PROG_CGROUP_SKB] = "sk_buff",
		[SPEC_PROG_CGROUP_SOCK] = "sock",
		[SPEC_PROG_LWT_IN] = "sk_buff",
		[SPEC_PROG_LWT_OUT] = "sk_buff",
		[SPEC_PROG_LWT_XMIT] = "sk_buff",
		[SPEC_PROG_LWT_SEG6LOCAL] = "sk_buff",
		[SPEC_PROG_SOCK_OPS] = "bpf_sock_ops_kern",
		[SPEC_PROG_SK_SKB] = "sk_buff",
		[SPEC_PROG_SK_MSG] = "sk_msg",
		[SPEC_PROG_CGROUP_SOCK_ADDR] = "bpf_sock_addr_kern",
		[SPEC_PROG_KPROBE] = "pt_regs",
		[SPEC_PROG_PERF_EVENT] = "bpf_perf_event_data_kern",
	};
	const char *name = env->prog_type < SPEC_NR_PROG_TYPES ? kernel[env->prog_type] : NULL;
	char text[REG_TEXT_SIZE];

	if (a->r->type != REG_CTX)
		return reject_kfunc_ctx(env, (int)a->i, reg_type_text(text, a->r->type));
	if (c->k->special != KFS_bpf_cast_to_kern_ctx)
		return 0;
	c->ret_id = name ? types_find(env->kbtf, name, BTF_KIND_STRUCT) : 0;
	return c->ret_id ? 0
			 : reject_not_modelled(env, "the kernel's context of this program type");
}

static int arg_alloc(struct env *env, struct kcall *c, const struct arg *a)
{
	if (a->r->type == (REG_BTF | REG_ALLOC)) {
		if (c->k->special != KFS_bpf_obj_drop_impl)
			return reject_expected_drop(env, (int)a->i);
	} else if (a->r->type == (REG_BTF | REG_ALLOC | REG_PERCPU)) {
		if (c->k->special != KFS_bpf_percpu_obj_drop_impl)
			return reject_expected_percpu_drop(env, (int)a->i);
	} else {
		return reject_alloc_expected(env, (int)a->i);
	}
	if (!a->r->ref)
		return reject_alloc_not_referenced(env);
	c->arg_btf = a->r->btf;
	c->arg_id = a->r->btf_id;
	return 0;
}

static int arg_dynptr(struct env *env, struct kcall *c, const struct arg *a)
{
	bool uninit = ends(a->param, "__uninit");
	enum dynptr_kind kind = DYNPTR_NONE;
	const struct reg *d;
	u32 clone = 0;
	int err;

	if (c->k->special == KFS_bpf_dynptr_from_skb)
		kind = DYNPTR_SKB;
	else if (c->k->special == KFS_bpf_dynptr_from_xdp)
		kind = DYNPTR_XDP;
	else if (c->k->special == KFS_bpf_dynptr_clone && uninit) {
		kind = c->dynptr_kind;
		clone = c->dynptr_ref;
	}
	if (uninit && !kind)
		return reject_not_modelled(env, "a new kind of dynptr");
	err = args_check_dynptr(env, a->regno, kind, uninit, a->r->type == REG_DYNPTR, clone);
	if (err || uninit)
		return err;
	d = dynptr_reg(env, a->r);
	c->dynptr_id = d->id;
	c->dynptr_kind = d->dynptr.kind;
	c->dynptr_ref = d->ref;
	return 0;
}

static bool is_alias(const char *a, const char *b)
{
	size_t len = strlen(b);

	return !strncmp(a, b, len) && !strcmp(a + len, "___init");
}

static int arg_btf(struct env *env, struct kcall *c, const struct arg *a)
{
	static const char *const socks[REG_NR_KINDS] = {
		[REG_SOCK] = "sock",
		[REG_SOCK_COMMON] = "sock_common",
		[REG_TCP_SOCK] = "tcp_sock",
		[REG_MAP_PTR] = "bpf_map",
	};
	u32 flags = a->r->type & ~REG_KIND_MASK, kind = reg_kind(a->r);
	u32 unsafe = flags & ~(REG_TRUSTED | REG_ALLOC | REG_NON_OWN);
	const struct btf *btf = kind == REG_BTF ? a->r->btf : env->kbtf;
	char text[REG_TEXT_SIZE], want[REG_TEXT_SIZE];
	const char *name;
	bool strict;
	u32 id;

	if ((kind != REG_BTF || (unsafe && !(flags & REG_RCU))) && !socks[kind])
		return reject_kfunc_btf_kind(env, (int)a->i, reg_type_text(text, a->r->type),
					     reg_type_text(want, a->r->type & ~unsafe));
	id = kind == REG_BTF ? types_skip(btf, a->r->btf_id)
			     : types_find(btf, socks[kind], BTF_KIND_STRUCT);
	name = types_name(btf, id);
	strict = ((c->k->flags & KF_RELEASE) && a->r->ref) || is_alias(name, a->ref_name) ||
		 is_alias(a->ref_name, name);
	if (ctx_is_projection(a->ref_name, name) ||
	    btf_ids_match(env, btf, id, a->r->off, env->kbtf, a->ref_id, strict,
			  !(flags & REG_ALLOC)))
		return 0;
	return reject_kfunc_btf_type(env, c->k->name, (int)a->i, btf_kind_text(a->ref_t),
				     a->ref_name, (int)a->regno,
				     btf_kind_text(btf__type_by_id(btf, id)), name);
}

static int arg_map(struct env *env, struct kcall *c, const struct arg *a)
{
	struct arg as = *a;

	if (reg_kind(a->r) == REG_BTF) {
		as.ref_name = "bpf_map";
		as.ref_id = types_find(env->kbtf, "bpf_map", BTF_KIND_STRUCT);
		as.ref_t = btf__type_by_id(env->kbtf, as.ref_id);
		return arg_btf(env, c, &as);
	}
	if (reg_kind(a->r) != REG_MAP_PTR)
		return reject_kfunc_map(env, (int)a->regno);
	if (c->map && (c->map != a->r->map || c->map_uid != a->r->map_uid))
		return reject_wq_map(env, (int)c->map_uid, (int)a->r->map_uid);
	c->map = a->r->map;
	c->map_uid = a->r->map_uid;
	return 0;
}

static int arg_wq(struct env *env, struct kcall *c, const struct arg *a)
{
	u64 at = a->r->v.t.value + (u64)(s64)a->r->off;

	if (a->r->type != REG_MAP_VALUE)
		return reject_kfunc_map_value(env, (int)a->i);
	if (!tnum_is_const(a->r->v.t) || !fields_find(a->r->map->fields, (u32)at, FIELD_WORKQUEUE))
		return reject_wq_offset(env, (long long)at);
	c->map = a->r->map;
	c->map_uid = a->r->map_uid;
	return 0;
}

static int mem_size_pair(struct env *env, struct kcall *c, const struct arg *a)
{
	struct reg *size = &env_regs(env)[a->regno + 1], saved = *a->r;
	int err;

	if (a->r->type & REG_MAYBE_NULL)
		reg_mark_not_null(a->r);
	err = args_check_sizes(env, size, a->regno + 1, ACCESS_READ, true, NULL, NULL);
	if (!err)
		err = args_check_sizes(env, size, a->regno + 1, ACCESS_WRITE, true, NULL, NULL);
	if (saved.type & REG_MAYBE_NULL)
		*a->r = saved;
	return err ? reject_kfunc_mem_pair(env, (int)a->i, (int)a->i + 1) : 0;
}

static int arg_mem_size(struct env *env, struct kcall *c, const struct arg *a)
{
	const struct reg *size = &env_regs(env)[a->regno + 1];
	int err = 0;

	if (!reg_is_null(a->r) || !ends(a->param, "__opt"))
		err = mem_size_pair(env, c, a);
	if (err || !is_size(env, c, a->i + 1, "__szk"))
		return err;
	if (!tnum_is_const(size->v.t))
		return reject_kfunc_const(env, (int)a->regno + 1);
	c->has_const = true;
	c->constant = size->v.t.value;
	return precise_mark(env, (int)a->regno + 1);
}

static int arg_mem(struct env *env, struct kcall *c, const struct arg *a)
{
	u32 size = types_size(env->kbtf, a->ref_id);

	if (!size)
		return reject_arg_size_unknown(env, (int)a->i, btf_kind_text(a->ref_t), a->ref_name,
					       -EINVAL);
	return args_check_mem(env, a->r, a->regno, size);
}

static int arg_callback(struct env *env, struct kcall *c, const struct arg *a)
{
	if (a->r->type != REG_FUNC)
		return reject_kfunc_func(env, (int)a->i);
	c->subprog = a->r->subprog;
	return 0;
}

static int arg_refcounted(struct env *env, struct kcall *c, const struct arg *a)
{
	if (!reg_is_alloc_obj(a->r->type) || (a->r->type & REG_MAYBE_NULL))
		return reject_no_ref(env, (int)a->i);
	c->arg_owning = !(a->r->type & REG_NON_OWN) && a->r->ref;
	if (!fields_have(reg_fields(env, a->r), FIELD_REFCOUNT))
		return reject_no_refcount(env, (int)a->i);
	c->arg_btf = a->r->btf;
	c->arg_id = a->r->btf_id;
	return 0;
}

static int arg_str(struct env *env, struct kcall *c, const struct arg *a)
{
	if (a->r->type != REG_MAP_VALUE)
		return reject_kfunc_str(env, (int)a->i);
	return args_check_str(env, a->r, a->regno);
}

static int arg_iter(struct env *env, struct kcall *c, const struct arg *a)
{
	if (c->k->special == KFS_bpf_iter_css_task_new && env->prog_type != SPEC_PROG_LSM &&
	    env->attach_type != SPEC_ATTACH_TRACE_ITER && !env_in_sleepable(env))
		return reject_css_task(env);
	return iter_arg(env, c, a->i);
}

static int arg_list_head(struct env *env, struct kcall *c, const struct arg *a)
{
	return graph_root(env, c, a->i, FIELD_LIST_HEAD);
}

static int arg_list_node(struct env *env, struct kcall *c, const struct arg *a)
{
	return graph_node(env, c, a->i, FIELD_LIST_NODE);
}

static int arg_rb_root(struct env *env, struct kcall *c, const struct arg *a)
{
	return graph_root(env, c, a->i, FIELD_RB_ROOT);
}

static int arg_rb_node(struct env *env, struct kcall *c, const struct arg *a)
{
	return graph_node(env, c, a->i, FIELD_RB_NODE);
}

static int (*const arg_kinds[])(struct env *, struct kcall *, const struct arg *) = {
	[K_CTX] = arg_ctx,
	[K_ALLOC] = arg_alloc,
	[K_REFCOUNTED] = arg_refcounted,
	[K_DYNPTR] = arg_dynptr,
	[K_ITER] = arg_iter,
	[K_LIST_HEAD] = arg_list_head,
	[K_LIST_NODE] = arg_list_node,
	[K_RB_ROOT] = arg_rb_root,
	[K_RB_NODE] = arg_rb_node,
	[K_STR] = arg_str,
	[K_MAP] = arg_map,
	[K_WQ] = arg_wq,
	[K_BTF] = arg_btf,
	[K_CALLBACK] = arg_callback,
	[K_MEM] = arg_mem,
	[K_MEM_SIZE] = arg_mem_size,
};

static int pointer(struct env *env, struct kcall *c, struct arg *a, const struct btf_type *t,
		   bool *ret_pair)
{
	bool release = c->k->flags & KF_RELEASE;
	enum kind kind;
	int err;

	if ((is_strict(c) || (c->k->flags & KF_RCU)) &&
	    (reg_is_null(a->r) || (a->r->type & REG_MAYBE_NULL)) && !ends(a->param, "__nullable"))
		return reject_kfunc_maybe_null(env, (int)a->i);
	if (a->r->ref) {
		if (release && c->ref)
			return reject_two_refs(env, (int)a->regno, a->r->ref, c->ref);
		c->ref = a->r->ref;
		if (release)
			c->release = a->regno;
	}
	a->ref_id = types_skip(env->kbtf, t->type);
	a->ref_t = btf__type_by_id(env->kbtf, a->ref_id);
	a->ref_name = types_name(env->kbtf, a->ref_id);
	kind = kind_of(env, c, a);
	if (kind == K_BAD)
		return env->res->err;
	if (kind == K_NULL)
		return 0;
	if (kind == K_MAP || kind == K_ALLOC || kind == K_BTF) {
		err = check_trust(env, c, a);
		if (err)
			return err;
	}
	err = args_check_offset(env, a->r, a->regno, release && a->r->ref);
	*ret_pair = kind == K_MEM_SIZE;
	return err ? err : arg_kinds[kind](env, c, a);
}

int kfunc_args(struct env *env, struct kcall *c)
{
	if (c->nr_args > 5)
		return reject_kfunc_nr_args(env, c->k->name, c->nr_args, 5);
	for (u32 i = 0; i < c->nr_args; i++) {
		u32 id = types_skip(env->kbtf, btf_params(c->proto)[i].type);
		const struct btf_type *t = btf__type_by_id(env->kbtf, id);
		struct arg a = {i,    i + 1, &env_regs(env)[i + 1], kfunc_param(env, c, i), 0,
				NULL, ""};
		bool pair = false;
		int err;

		if (ends(a.param, "__ign"))
			continue;
		if (a.r->type == REG_NONE)
			return reject_reg_uninit(env, (int)a.regno);
		if (is_number(t))
			err = number(env, c, &a);
		else if (btf_is_ptr(t))
			err = pointer(env, c, &a, t, &pair);
		else
			err = reject_kfunc_arg_type(env, (int)i, btf_kind_text(t));
		if (err)
			return err;
		i += pair;
	}
	if ((c->k->flags & KF_RELEASE) && !c->release)
		return reject_kfunc_release(env, c->k->name);
	return 0;
}
