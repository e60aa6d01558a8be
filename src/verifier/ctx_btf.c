/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Contexts that the kernel's BTF describes: the arguments of the function, tracepoint or hook that
 * the program is attached to, eight bytes each; behind them, for some, its return value. Pointers
 * to structs are typed; whether they are trusted depends on who called.
 */
#include "btf/types.h"
#include "verifier/ctx.h"
#include <string.h>

static const struct {
	const char *name;
	u64 mask;
} raw_tp_null[] = {
#define RAW_TP_NULL(name, mask) {name, mask},
#include "verifier/raw_tp_null.def"
#undef RAW_TP_NULL
};

/* Members of a bpf_iter__* that are not trusted pointers. */
static const struct {
	const char *iter, *member;
	u32 type;
} iter_args[] = {
	/* iter               member       what it is */
	{"task", "task", REG_BTF | REG_MAYBE_NULL | REG_TRUSTED},
	{"task_file", "task", REG_BTF | REG_MAYBE_NULL},
	{"task_file", "file", REG_BTF | REG_MAYBE_NULL},
	{"task_vma", "task", REG_BTF | REG_MAYBE_NULL},
	{"task_vma", "vma", REG_BTF | REG_MAYBE_NULL},
	{"bpf_map", "map", REG_BTF | REG_MAYBE_NULL | REG_TRUSTED},
	{"bpf_map_elem", "key", REG_BUF | REG_MAYBE_NULL | REG_RDONLY},
	{"bpf_map_elem", "value", REG_BUF | REG_MAYBE_NULL},
	{"sockmap", "key", REG_BUF | REG_MAYBE_NULL | REG_RDONLY},
	{"sockmap", "sk", REG_BTF | REG_MAYBE_NULL},
	{"bpf_sk_storage_map", "sk", REG_BTF | REG_MAYBE_NULL},
	{"bpf_sk_storage_map", "value", REG_BUF | REG_MAYBE_NULL},
	{"tcp", "sk_common", REG_BTF | REG_MAYBE_NULL | REG_TRUSTED},
	{"udp", "udp_sk", REG_BTF | REG_MAYBE_NULL | REG_TRUSTED},
	{"unix", "unix_sk", REG_BTF | REG_MAYBE_NULL | REG_TRUSTED},
	{"netlink", "sk", REG_BTF | REG_MAYBE_NULL},
	{"ipv6_route", "rt", REG_BTF | REG_MAYBE_NULL},
	{"bpf_prog", "prog", REG_BTF | REG_MAYBE_NULL},
	{"bpf_link", "link", REG_BTF | REG_MAYBE_NULL},
	{"cgroup", "cgroup", REG_BTF | REG_MAYBE_NULL | REG_TRUSTED},
	{"ksym", "ksym", REG_BTF | REG_MAYBE_NULL},
	{"kmem_cache", "s", REG_BTF | REG_MAYBE_NULL | REG_TRUSTED},
	{"dmabuf", "dmabuf", REG_BTF | REG_MAYBE_NULL},
};

bool ctx_btf_serves(const struct env *env)
{
	return env->prog_type == SPEC_PROG_TRACING || env->prog_type == SPEC_PROG_LSM ||
	       env->prog_type == SPEC_PROG_STRUCT_OPS || env->prog_type == SPEC_PROG_NETFILTER;
}

static bool nf_is_valid(struct env *env, s32 off, int size, enum access rw, struct ctx_info *ret)
{
	const char *name = off == 0 ? "nf_hook_state" : "sk_buff";

	if (rw != ACCESS_READ || size != 8 || (off != 0 && off != 8) || !env->kbtf)
		return false;
	ret->type = REG_BTF | REG_TRUSTED;
	ret->btf = env->kbtf;
	ret->btf_id = types_find(env->kbtf, name, BTF_KIND_STRUCT);
	return ret->btf_id;
}

static u32 arg_slots(const struct btf *btf, u32 id)
{
	u32 size = types_size(btf, types_skip(btf, id));

	return size > 8 ? (size + 7) / 8 : 1;
}

/* Which argument has the offset; the number of arguments: the return value; more: none. */
static u32 arg_at(const struct env *env, const struct btf_type *proto, s32 off)
{
	s32 end = 0;
	u32 i;

	for (i = 0; i < btf_vlen(proto); i++) {
		end += (s32)arg_slots(env->kbtf, btf_params(proto)[i].type) * 8;
		if (off < end)
			return i;
	}
	return off < end + 8 ? i : i + 1;
}

static bool ends_with(const char *s, const char *end)
{
	size_t len = s ? strlen(s) : 0, n = strlen(end);

	return len >= n && !strcmp(s + len - n, end);
}

static bool args_are_trusted(const struct env *env)
{
	if (env->prog_type == SPEC_PROG_TRACING)
		return env->attach_type == SPEC_ATTACH_TRACE_RAW_TP ||
		       env->attach_type == SPEC_ATTACH_TRACE_ITER;
	if (env->prog_type == SPEC_PROG_LSM)
		return env->attach.is_trusted;
	return true;
}

static bool say(struct env *env, int ignored)
{
	return false;
}

static bool is_number(const struct btf_type *t)
{
	return btf_is_int(t) || btf_is_enum(t) || btf_is_enum64(t) || btf_is_composite(t);
}

static bool is_int_ptr(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, types_skip(btf, id));

	return t && btf_is_int(t);
}

/* Which type stands at the offset; 0 and *ret_ok: decided. */
static u32 type_at(struct env *env, const struct btf_type *proto, u32 arg, u32 skip, bool *ret_ok,
		   struct ctx_info *ret)
{
	u32 nr = btf_vlen(proto) - skip, at = env->attach_type;
	const struct btf_type *t;

	*ret_ok = false;
	if (arg < nr)
		return btf_params(proto)[arg + skip].type;
	if (arg == nr && (at == SPEC_ATTACH_LSM_MAC || at == SPEC_ATTACH_LSM_CGROUP ||
			  at == SPEC_ATTACH_TRACE_FEXIT)) {
		ret->is_retval = at == SPEC_ATTACH_LSM_MAC;
		return proto->type;
	}
	if (arg == nr && at == SPEC_ATTACH_MODIFY_RETURN) {
		t = btf__type_by_id(env->kbtf, types_skip(env->kbtf, proto->type));
		if (btf_is_int(t))
			return proto->type;
		return say(env, reject_fmod_ret_type(env, btf_kind_text(t)));
	}
	return say(env, reject_no_argument(env, env->attach.name, arg + 1));
}

static u32 raw_tp_flags(const struct env *env, u32 arg, bool *is_error)
{
	for (size_t i = 0; i < ARRAY_SIZE(raw_tp_null); i++) {
		if (strcmp(raw_tp_null[i].name, env->attach.name))
			continue;
		*is_error = raw_tp_null[i].mask >> (arg * 4) & 2;
		return raw_tp_null[i].mask >> (arg * 4) & 1 ? REG_MAYBE_NULL : 0;
	}
	return 0;
}

/* BUF arguments of iterators; true: ret is set. */
static bool iter_arg(const struct env *env, const char *param, u32 kind, struct ctx_info *ret)
{
	if (env->attach_type != SPEC_ATTACH_TRACE_ITER)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(iter_args); i++)
		if (!strcmp(iter_args[i].iter, env->attach.name) &&
		    !strcmp(iter_args[i].member, param) &&
		    (iter_args[i].type & REG_KIND_MASK) == kind) {
			ret->type = iter_args[i].type;
			return true;
		}
	return false;
}

static u32 tag_flags(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	const char *name = t && btf_kind(t) == BTF_KIND_TYPE_TAG
				   ? btf__name_by_offset(btf, t->name_off)
				   : "";

	return !strcmp(name, "user") ? REG_USER : !strcmp(name, "percpu") ? REG_PERCPU : 0;
}

/* A pointer to a struct. to: what it points to, with modifiers. */
static bool typed_pointer(struct env *env, u32 to, const char *param, u32 arg, struct ctx_info *ret)
{
	u32 id = types_skip(env->kbtf, to), sock;
	bool is_error = false, by_table = iter_arg(env, param, REG_BTF, ret);

	if (!by_table) {
		ret->type = REG_BTF | (args_are_trusted(env) ? REG_TRUSTED : 0);
		if (ends_with(param, "__nullable"))
			ret->type |= REG_MAYBE_NULL;
		if (env->attach_type == SPEC_ATTACH_TRACE_RAW_TP)
			ret->type |= raw_tp_flags(env, arg, &is_error);
		ret->type |= tag_flags(env->kbtf, to);
	}
	if (!btf_is_composite(btf__type_by_id(env->kbtf, id)))
		return say(env,
			   reject_arg_not_struct(env, env->attach.name, arg,
						 btf_kind_text(btf__type_by_id(env->kbtf, id))));
	ret->btf = env->kbtf;
	ret->btf_id = id;
	log_trace(env, 1, "func '%s' arg%u has btf_id %u type %s '%s'\n", env->attach.name, arg, id,
		  btf_kind_text(btf__type_by_id(env->kbtf, id)), types_name(env->kbtf, id));
	if (is_error)
		*ret = (struct ctx_info){.type = REG_SCALAR};
	sock = types_find(env->kbtf, "sock", BTF_KIND_STRUCT);
	if (env->prog_type == SPEC_PROG_STRUCT_OPS && env->attach.is_tcp_ca && id == sock &&
	    ret->type == (REG_BTF | REG_TRUSTED))
		ret->btf_id = types_find(env->kbtf, "tcp_sock", BTF_KIND_STRUCT);
	return true;
}

bool ctx_btf_is_valid(struct env *env, s32 off, int size, enum access rw, struct ctx_info *ret)
{
	u32 skip = env->attach_type == SPEC_ATTACH_TRACE_RAW_TP &&
		   env->prog_type == SPEC_PROG_TRACING;
	const struct btf_type *proto, *t;
	const char *param = "";
	u32 arg, id;
	bool ok;

	if (env->prog_type == SPEC_PROG_NETFILTER)
		return nf_is_valid(env, off, size, rw, ret);
	if (!env->attach.proto_id || off < 0 || off >= 96 || rw != ACCESS_READ || off % size)
		return false;
	proto = btf__type_by_id(env->kbtf, env->attach.proto_id);
	if (off % 8)
		return say(env, reject_arg_misaligned(env, env->attach.name, off));
	arg = arg_at(env, proto, off);
	id = type_at(env, proto, arg, skip, &ok, ret);
	if (!id)
		return arg == btf_vlen(proto) - skip && !env->res->err;
	if (arg < btf_vlen(proto) - skip)
		param = btf__name_by_offset(env->kbtf, btf_params(proto)[arg + skip].name_off);
	t = btf__type_by_id(env->kbtf, types_skip(env->kbtf, id));
	if (is_number(t))
		return true;
	if (!btf_is_ptr(t))
		return say(env,
			   reject_arg_not_pointer(env, env->attach.name, arg,
						  types_name(env->kbtf, id), btf_kind_text(t)));
	if (size != 8)
		return say(env, reject_arg_size(env, env->attach.name, size));
	if (iter_arg(env, param, REG_BUF, ret))
		return true;
	if (!t->type || is_int_ptr(env->kbtf, t->type))
		return true;
	return typed_pointer(env, t->type, param, arg, ret);
}
