/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a function's BTF says of its arguments: for a global function that is all that its own
 * verification knows, and what every caller must keep to. */
#include "btf/types.h"
#include "verifier/ctx.h"
#include <string.h>

enum { TAG_CTX = 1, TAG_NONNULL = 2, TAG_TRUSTED = 4, TAG_NULLABLE = 8, TAG_ARENA = 16 };

static const struct {
	const char *name;
	u32 tag;
} tags[] = {
	{"ctx", TAG_CTX},           {"nonnull", TAG_NONNULL}, {"trusted", TAG_TRUSTED},
	{"nullable", TAG_NULLABLE}, {"arena", TAG_ARENA},
};

static int one_tag(struct env *env, const struct subprog *s, int arg, const char *name, u32 *ret)
{
	if (!s->is_global)
		return reject_arg_tag_static(env, arg);
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (!strcmp(name, tags[i].name)) {
			*ret |= tags[i].tag;
			return 0;
		}
	return reject_arg_tags_unsupported(env, arg);
}

static int read_tags(struct env *env, const struct subprog *s, int arg, u32 *ret)
{
	u32 nr = btf__type_cnt(env->btf);

	*ret = 0;
	for (u32 id = 1; id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(env->btf, id);
		const char *name;
		int err;

		if (!btf_is_decl_tag(t) || t->type != s->type_id ||
		    btf_decl_tag(t)->component_idx != arg)
			continue;
		name = btf__name_by_offset(env->btf, t->name_off);
		if (!name || strncmp(name, "arg:", 4))
			continue;
		err = one_tag(env, s, arg, name + 4, ret);
		if (err)
			return err;
	}
	return 0;
}

const char *ctx_user_struct(u32 type)
{
	static const char *const names[SPEC_NR_PROG_TYPES] = {
		[SPEC_PROG_SOCKET_FILTER] = "__sk_buff",
		[SPEC_PROG_KPROBE] = "pt_regs",
		[SPEC_PROG_SCHED_CLS] = "__sk_buff",
		[SPEC_PROG_SCHED_ACT] = "__sk_buff",
		[SPEC_PROG_XDP] = "xdp_md",
		[SPEC_PROG_PERF_EVENT] = "bpf_perf_event_data",
		[SPEC_PROG_CGROUP_SKB] = "__sk_buff",
		[SPEC_PROG_CGROUP_SOCK] = "bpf_sock",
		[SPEC_PROG_LWT_IN] = "__sk_buff",
		[SPEC_PROG_LWT_OUT] = "__sk_buff",
		[SPEC_PROG_LWT_XMIT] = "__sk_buff",
		[SPEC_PROG_SOCK_OPS] = "bpf_sock_ops",
		[SPEC_PROG_SK_SKB] = "__sk_buff",
		[SPEC_PROG_CGROUP_DEVICE] = "bpf_cgroup_dev_ctx",
		[SPEC_PROG_SK_MSG] = "sk_msg_md",
		[SPEC_PROG_RAW_TRACEPOINT] = "bpf_raw_tracepoint_args",
		[SPEC_PROG_CGROUP_SOCK_ADDR] = "bpf_sock_addr",
		[SPEC_PROG_LWT_SEG6LOCAL] = "__sk_buff",
		[SPEC_PROG_SK_REUSEPORT] = "sk_reuseport_md",
		[SPEC_PROG_FLOW_DISSECTOR] = "__sk_buff",
		[SPEC_PROG_CGROUP_SYSCTL] = "bpf_sysctl",
		[SPEC_PROG_RAW_TRACEPOINT_WRITABLE] = "bpf_raw_tracepoint_args",
		[SPEC_PROG_CGROUP_SOCKOPT] = "bpf_sockopt",
		[SPEC_PROG_SK_LOOKUP] = "bpf_sk_lookup",
		[SPEC_PROG_NETFILTER] = "bpf_nf_ctx",
	};

	return type < SPEC_NR_PROG_TYPES ? names[type] : NULL;
}

bool ctx_is_projection(const char *user, const char *kernel)
{
	return (!strcmp(user, "__sk_buff") && !strcmp(kernel, "sk_buff")) ||
	       (!strcmp(user, "xdp_md") && !strcmp(kernel, "xdp_buff"));
}

bool ctx_is_user_struct(u32 type, const char *name)
{
	const char *want = ctx_user_struct(type);

	if (!want)
		return false;
	if (type == SPEC_PROG_KPROBE && !strcmp(name, "bpf_user_pt_regs_t"))
		return true;
	return !strcmp(name, want) || ctx_is_projection(want, name);
}

static u32 pointee(const struct env *env, const struct btf_type *ptr, bool *ret_user_regs)
{
	u32 id = ptr->type;
	const struct btf_type *t = btf__type_by_id(env->btf, id);

	while (t && (btf_is_mod(t) || btf_kind(t) == BTF_KIND_TYPE_TAG)) {
		id = t->type;
		t = btf__type_by_id(env->btf, id);
	}
	*ret_user_regs = btf_is_typedef(t) &&
			 !strcmp(types_name(env->btf, id), "bpf_user_pt_regs_t");
	return types_skip(env->btf, id);
}

/* Is it a pointer to the context of this program type? */
static bool is_ctx_ptr(const struct env *env, const struct btf_type *ptr)
{
	bool user_regs;
	u32 id = pointee(env, ptr, &user_regs);
	const struct btf_type *t = btf__type_by_id(env->btf, id);

	if (env->prog_type == SPEC_PROG_KPROBE && user_regs)
		return true;
	return t && btf_is_struct(t) &&
	       ctx_is_user_struct(env->prog_type, types_name(env->btf, id));
}

/* __arg_ctx: any type that may stand for the context. */
static bool may_be_ctx(const struct env *env, const struct btf_type *ptr)
{
	bool user_regs;
	u32 id = pointee(env, ptr, &user_regs);
	const struct btf_type *t = btf__type_by_id(env->btf, id);
	const char *want = ctx_user_struct(env->prog_type), *name = types_name(env->btf, id);
	u32 pt = env->prog_type;
	bool u64s = t && btf_is_int(t) && t->size == 8;

	if (!id || user_regs || pt == SPEC_PROG_TRACEPOINT || pt == SPEC_PROG_SYSCALL)
		return true;
	if (u64s && (pt == SPEC_PROG_RAW_TRACEPOINT || pt == SPEC_PROG_RAW_TRACEPOINT_WRITABLE ||
		     pt == SPEC_PROG_LSM || pt == SPEC_PROG_STRUCT_OPS || pt == SPEC_PROG_TRACING))
		return true;
	if (pt == SPEC_PROG_PERF_EVENT && !strcmp(name, "pt_regs"))
		return true;
	if (pt == SPEC_PROG_TRACING && env->attach_type == SPEC_ATTACH_TRACE_ITER)
		return !strncmp(name, "bpf_iter__", 10);
	if (pt == SPEC_PROG_TRACING && env->attach_type == SPEC_ATTACH_TRACE_RAW_TP)
		return !strcmp(name, "bpf_raw_tracepoint_args");
	return want && t && btf_is_struct(t) && !strcmp(name, want);
}

static int trusted_arg(struct env *env, const struct btf_type *ptr, int arg, u32 tag,
		       struct subprog_arg *out)
{
	bool ignored;
	u32 id = pointee(env, ptr, &ignored);
	const struct btf_type *t = btf__type_by_id(env->btf, id);
	const char *name = types_name(env->btf, id);
	char base[128];
	size_t len = types_essential_len(name);

	if (tag & TAG_NONNULL)
		return reject_arg_tags_invalid(env, arg);
	memcpy(base, name, len < sizeof(base) ? len : 0);
	base[len < sizeof(base) ? len : 0] = 0;
	out->btf_id = env->kbtf && t ? types_find(env->kbtf, base, btf_kind(t)) : 0;
	if (!out->btf_id)
		return reject_arg_no_match(env, arg, btf_kind_text(t), name);
	out->check = SUBARG_BTF;
	out->flags = REG_TRUSTED | (tag & TAG_NULLABLE ? REG_MAYBE_NULL : 0);
	return 0;
}

static int mem_arg(struct env *env, const struct btf_type *ptr, int arg, u32 tag,
		   struct subprog_arg *out)
{
	u32 id = types_skip(env->btf, ptr->type);

	if (tag & TAG_NULLABLE)
		return reject_arg_tags_invalid(env, arg);
	out->mem_size = types_size(env->btf, id);
	if (!out->mem_size)
		return reject_arg_size_unknown(env, arg,
					       btf_kind_text(btf__type_by_id(env->btf, id)),
					       types_name(env->btf, id), -EINVAL);
	out->check = SUBARG_MEM;
	out->flags = tag & TAG_NONNULL ? 0 : REG_MAYBE_NULL;
	return 0;
}

static int pointer_arg(struct env *env, const struct subprog *s, const struct btf_type *ptr,
		       int arg, u32 tag, struct subprog_arg *out)
{
	bool ignored;

	if ((tag & TAG_CTX) || is_ctx_ptr(env, ptr)) {
		if (tag & ~TAG_CTX)
			return reject_arg_tags_invalid(env, arg);
		if ((tag & TAG_CTX) && !may_be_ctx(env, ptr))
			return reject_arg_not_ctx(env, arg,
						  ctx_user_struct(env->prog_type)
							  ? ctx_user_struct(env->prog_type)
							  : "?");
		out->check = SUBARG_CTX;
		return 0;
	}
	if (!strcmp(types_name(env->btf, pointee(env, ptr, &ignored)), "bpf_dynptr")) {
		out->check = SUBARG_DYNPTR;
		return tag ? reject_arg_tags_invalid(env, arg) : 0;
	}
	if (tag & TAG_TRUSTED)
		return trusted_arg(env, ptr, arg, tag, out);
	if (tag & TAG_ARENA) {
		out->check = SUBARG_ARENA;
		return tag & ~TAG_ARENA ? reject_arg_arena_tags(env, arg) : 0;
	}
	return s->is_global ? mem_arg(env, ptr, arg, tag, out) : -EINVAL;
}

static int one_arg(struct env *env, const struct subprog *s, u32 type_id, int arg,
		   struct subprog_arg *out)
{
	const struct btf_type *t = btf__type_by_id(env->btf, types_skip(env->btf, type_id));
	u32 tag;
	int err = read_tags(env, s, arg, &tag);

	if (err)
		return err;
	if (btf_is_ptr(t)) {
		err = pointer_arg(env, s, t, arg, tag, out);
		if (err != -EINVAL || s->is_global)
			return err;
	}
	if (tag)
		return reject_arg_tag_not_pointer(env, arg);
	if (btf_is_int(t) || btf_is_enum(t) || btf_is_enum64(t)) {
		out->check = SUBARG_ANYTHING;
		return 0;
	}
	return s->is_global ? reject_arg_type(env, arg, btf_kind_text(t), s->name) : -EINVAL;
}

static int prepare(struct env *env, struct subprog *s)
{
	const struct btf_type *proto, *ret;
	int err = 0;

	if (!s->type_id)
		return -EINVAL;
	proto = btf__type_by_id(env->btf, btf__type_by_id(env->btf, s->type_id)->type);
	if (btf_vlen(proto) > 5)
		return s->is_global ? reject_global_args(env, s->name, btf_vlen(proto), 5)
				    : -EINVAL;
	ret = btf__type_by_id(env->btf, types_skip(env->btf, proto->type));
	if (!btf_is_int(ret) && !btf_is_enum(ret) && !btf_is_enum64(ret))
		return s->is_global ? reject_global_return(env, s->name) : -EINVAL;
	for (u32 i = 0; !err && i < btf_vlen(proto); i++)
		err = one_arg(env, s, btf_params(proto)[i].type, (int)i, &s->args[i]);
	s->nr_args = btf_vlen(proto);
	return err;
}

/* -EINVAL without a word: a static function whose arguments BTF does not describe. */
int subprog_prepare_args(struct env *env, u32 nr)
{
	struct subprog *s = &env->subprogs[nr];

	if (!s->args_done) {
		s->args_err = prepare(env, s);
		s->args_done = !s->args_err;
	}
	return s->args_err;
}
