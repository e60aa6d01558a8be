/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Calls of helpers: may it be called here, do the arguments fit, what comes back. */
#include "verifier/helper.h"
#include "btf/types.h"
#include "verifier/slots.h"
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#define MAX_ERRNO 4095

/* --- may it be called ------------------------------------------------------------------------ */

static bool is_attach(const struct env *env, u32 a, u32 b, u32 c)
{
	return env->attach_type == a || env->attach_type == b || env->attach_type == c;
}

static bool has_trampoline(const struct env *env)
{
	return env->prog_type == SPEC_PROG_TRACING &&
	       is_attach(env, SPEC_ATTACH_TRACE_FENTRY, SPEC_ATTACH_TRACE_FEXIT,
			 SPEC_ATTACH_MODIFY_RETURN);
}

/* Beyond the program type: the attach type. */
static bool offers(const struct env *env, u32 func)
{
	bool tracing = env->prog_type == SPEC_PROG_TRACING;
	bool iter = tracing && env->attach_type == SPEC_ATTACH_TRACE_ITER;

	switch (func) {
	case SPEC_HELPER_seq_printf:
	case SPEC_HELPER_seq_write:
	case SPEC_HELPER_seq_printf_btf:
		return !tracing || iter;
	case SPEC_HELPER_get_func_arg:
	case SPEC_HELPER_get_func_ret:
	case SPEC_HELPER_get_func_arg_cnt:
		return !tracing || has_trampoline(env);
	case SPEC_HELPER_get_attach_cookie:
		return !tracing || has_trampoline(env) ||
		       env->attach_type == SPEC_ATTACH_TRACE_RAW_TP;
	case SPEC_HELPER_setsockopt:
	case SPEC_HELPER_getsockopt:
		return !tracing || iter;
	case SPEC_HELPER_bind:
		return is_attach(env, SPEC_ATTACH_CGROUP_INET4_CONNECT,
				 SPEC_ATTACH_CGROUP_INET6_CONNECT,
				 SPEC_ATTACH_CGROUP_INET4_CONNECT);
	default:
		return true;
	}
}

static const char *const d_path_funcs[] = {
	"security_file_permission",
	"security_inode_getattr",
	"security_file_open",
	"security_path_truncate",
	"vfs_truncate",
	"vfs_fallocate",
	"dentry_open",
	"vfs_getattr",
	"filp_close",
};

/* Their programs cannot refuse, so there is no return value to read or to set. */
static bool has_fixed_retval(const struct env *env)
{
	switch (env->attach_type) {
	case SPEC_ATTACH_CGROUP_UDP4_RECVMSG:
	case SPEC_ATTACH_CGROUP_UDP6_RECVMSG:
	case SPEC_ATTACH_CGROUP_UNIX_RECVMSG:
	case SPEC_ATTACH_CGROUP_INET4_GETPEERNAME:
	case SPEC_ATTACH_CGROUP_INET6_GETPEERNAME:
	case SPEC_ATTACH_CGROUP_UNIX_GETPEERNAME:
	case SPEC_ATTACH_CGROUP_INET4_GETSOCKNAME:
	case SPEC_ATTACH_CGROUP_INET6_GETSOCKNAME:
	case SPEC_ATTACH_CGROUP_UNIX_GETSOCKNAME:
		return env->prog_type == SPEC_PROG_CGROUP_SOCK_ADDR;
	default:
		return false;
	}
}

static bool is_allowed(const struct env *env, u32 func)
{
	const char *name = env->attach.name;

	switch (func) {
	case SPEC_HELPER_d_path:
		if (env->prog_type == SPEC_PROG_LSM)
			return env->sleepable;
		if (env->attach_type == SPEC_ATTACH_TRACE_ITER)
			return true;
		for (size_t i = 0; i < ARRAY_SIZE(d_path_funcs); i++)
			if (!strcmp(name, d_path_funcs[i]))
				return true;
		return false;
	case SPEC_HELPER_override_return: /* a matter of configuration, which the BTF shows */
		return kernel_has(env, "bpf_override_return", BTF_KIND_FUNC);
	case SPEC_HELPER_get_retval:
	case SPEC_HELPER_set_retval:
		return !has_fixed_retval(env);
	case SPEC_HELPER_ima_inode_hash:
	case SPEC_HELPER_ima_file_hash:
		return env->sleepable;
	case SPEC_HELPER_sk_storage_get:
	case SPEC_HELPER_sk_storage_delete:
		return env->prog_type != SPEC_PROG_TRACING || !has_trampoline(env) ||
		       strncmp(name, "bpf_sk_storage", 14);
	default:
		return true;
	}
}

static int check_region_calls(struct env *env, const struct spec_helper *h)
{
	if (!h->may_sleep)
		return 0;
	if (!env_in_sleepable(env))
		return reject_helper_sleeps(env);
	if (env->cur->rcu)
		return reject_helper_rcu(env, h->name, h->id);
	if (env->cur->preempt)
		return reject_helper_preempt(env, h->name, h->id);
	return 0;
}

static int check_callable(struct env *env, s32 func, const struct spec_helper **ret)
{
	const struct spec_helper *h = func > 0 ? spec_helper((u32)func) : NULL;

	if (!h)
		return reject_no_helper(
			env, func < 0 || (u32)func >= spec_nr_helpers() ? "unknown" : "unspec",
			func);
	if (!spec_helper_allowed(h->id, env->prog_type) || !offers(env, h->id))
		return reject_helper_prog_type(env, h->name, h->id);
	if (!env->gpl && h->gpl_only)
		return reject_helper_gpl(env);
	if (!is_allowed(env, h->id))
		return reject_helper_probe(env);
	*ret = h;
	return check_region_calls(env, h);
}

/* --- what is remembered for the JIT ---------------------------------------------------------- */

static bool is_recorded(u32 func)
{
	static const u16 funcs[] = {
		SPEC_HELPER_tail_call,       SPEC_HELPER_map_lookup_elem,
		SPEC_HELPER_map_update_elem, SPEC_HELPER_map_delete_elem,
		SPEC_HELPER_map_push_elem,   SPEC_HELPER_map_pop_elem,
		SPEC_HELPER_map_peek_elem,   SPEC_HELPER_for_each_map_elem,
		SPEC_HELPER_redirect_map,    SPEC_HELPER_map_lookup_percpu_elem,
	};

	for (size_t i = 0; i < ARRAY_SIZE(funcs); i++)
		if (funcs[i] == func)
			return true;
	return false;
}

static bool writes_map(u32 func)
{
	return func == SPEC_HELPER_map_update_elem || func == SPEC_HELPER_map_delete_elem ||
	       func == SPEC_HELPER_map_push_elem || func == SPEC_HELPER_map_pop_elem;
}

static int record_map(struct env *env, const struct call *c)
{
	struct insn_aux *aux = &env->aux[env->insn];

	if (!is_recorded(c->func))
		return 0;
	if (!c->map)
		return reject_internal(env, -EINVAL);
	if ((c->map->def->flags & BPF_F_RDONLY_PROG) && writes_map(c->func))
		return reject_map_write_helper(env);
	if (!aux->map)
		aux->map = c->map;
	else if (aux->map != c->map)
		aux->map_poisoned = true;
	return 0;
}

static int record_key(struct env *env, const struct call *c)
{
	struct insn_aux *aux = &env->aux[env->insn];
	const struct reg *r = &env_regs(env)[BPF_REG_3];
	int err;

	if (c->func != SPEC_HELPER_tail_call || !c->map)
		return 0;
	if (!reg_is_const(r, false) || r->v.t.value >= c->map->def->max_entries) {
		aux->key_poisoned = true;
		return 0;
	}
	err = precise_mark(env, BPF_REG_3);
	if (err)
		return err;
	if (!aux->key)
		aux->key = (u32)r->v.t.value + 1;
	else if (aux->key != (u32)r->v.t.value + 1)
		aux->key_poisoned = true;
	return 0;
}

/* --- callbacks' registers -------------------------------------------------------------------- */

static void callback_frame(struct frame *callee)
{
	callee->in_callback = true;
	callee->ret_min = 0;
	callee->ret_max = 1;
}

static void set_map_reg(struct reg *r, u32 type, const struct vmap *map, u32 uid)
{
	reg_set_pointer(r, type);
	r->map = map;
	r->map_uid = uid;
}

static int set_map_elem(struct env *env, const struct frame *caller, struct frame *callee, s32 insn)
{
	const struct reg *map = &caller->regs[BPF_REG_1];
	u32 t = map->map->def->type;

	if (t != SPEC_MAP_HASH && t != SPEC_MAP_LRU_HASH && t != SPEC_MAP_PERCPU_HASH &&
	    t != SPEC_MAP_LRU_PERCPU_HASH && t != SPEC_MAP_ARRAY && t != SPEC_MAP_PERCPU_ARRAY)
		return reject_no_callback_map(env);
	callee->regs[BPF_REG_1] = *map;
	set_map_reg(&callee->regs[BPF_REG_2], REG_MAP_KEY, map->map, map->map_uid);
	set_map_reg(&callee->regs[BPF_REG_3], REG_MAP_VALUE, map->map, map->map_uid);
	callee->regs[BPF_REG_4] = caller->regs[BPF_REG_3];
	callback_frame(callee);
	return 0;
}

static int set_loop(struct env *env, const struct frame *caller, struct frame *callee, s32 insn)
{
	reg_set_unknown(&callee->regs[BPF_REG_1]);
	callee->regs[BPF_REG_2] = caller->regs[BPF_REG_3];
	callback_frame(callee);
	return 0;
}

static int set_timer(struct env *env, const struct frame *caller, struct frame *callee, s32 insn)
{
	const struct reg *r = &caller->regs[BPF_REG_1];

	set_map_reg(&callee->regs[BPF_REG_1], REG_MAP_PTR, r->map, r->map_uid);
	set_map_reg(&callee->regs[BPF_REG_2], REG_MAP_KEY, r->map, r->map_uid);
	set_map_reg(&callee->regs[BPF_REG_3], REG_MAP_VALUE, r->map, r->map_uid);
	callee->in_async = true;
	callee->ret_max = 1;
	return 0;
}

static int set_find_vma(struct env *env, const struct frame *caller, struct frame *callee, s32 insn)
{
	u32 id = env->kbtf ? types_find(env->kbtf, "vm_area_struct", BTF_KIND_STRUCT) : 0;

	if (!id)
		return reject_no_kernel_btf(env);
	callee->regs[BPF_REG_1] = caller->regs[BPF_REG_1];
	reg_set_btf(&callee->regs[BPF_REG_2], env->kbtf, id, 0);
	callee->regs[BPF_REG_3] = caller->regs[BPF_REG_4];
	callback_frame(callee);
	return 0;
}

static int set_user_ringbuf(struct env *env, const struct frame *caller, struct frame *callee,
			    s32 insn)
{
	struct reg *r = &callee->regs[BPF_REG_1];

	reg_set_pointer(r, REG_DYNPTR);
	r->dynptr.kind = DYNPTR_LOCAL;
	r->dynptr.first = true;
	r->id = env_new_id(env);
	callee->regs[BPF_REG_2] = caller->regs[BPF_REG_3];
	callback_frame(callee);
	return 0;
}

/* --- particular helpers ---------------------------------------------------------------------- */

static int on_tail_call(struct env *env, struct call *c)
{
	if (env->cur->lock)
		return reject_tail_call_lock(env);
	if (check_leaks(env, false))
		return reject_tail_call_refs(env);
	if (env->cur->rcu)
		return reject_tail_call_rcu(env);
	if (env->cur->preempt)
		return reject_tail_call_preempt(env);
	return 0;
}

static int on_local_storage(struct env *env, struct call *c)
{
	if (!reg_is_null(&env_regs(env)[BPF_REG_2]))
		return reject_local_storage_flags(env);
	return precise_mark(env, BPF_REG_2);
}

static int on_for_each(struct env *env, struct call *c)
{
	return push_callback(env, c->subprog, set_map_elem, false, false);
}

static int on_timer(struct env *env, struct call *c)
{
	return push_callback(env, c->subprog, set_timer, true, false);
}

static int on_find_vma(struct env *env, struct call *c)
{
	return push_callback(env, c->subprog, set_find_vma, false, false);
}

static int on_user_ringbuf(struct env *env, struct call *c)
{
	return push_callback(env, c->subprog, set_user_ringbuf, false, false);
}

static int on_loop(struct env *env, struct call *c)
{
	struct frame *f = env_frame(env);
	int err;

	if (reg_is_null(&f->regs[BPF_REG_4])) {
		err = precise_mark(env, BPF_REG_4);
		if (err)
			return err;
	}
	err = precise_mark(env, BPF_REG_1);
	if (err)
		return err;
	if (f->callback_depth < f->regs[BPF_REG_1].v.r.umax)
		return push_callback(env, c->subprog, set_loop, false, false);
	f->callback_depth = 0;
	log_trace(env, 2, "frame%u bpf_loop iteration limit reached\n", env->cur->cur);
	return 0;
}

static bool is_any(char c, const char *of)
{
	return c && strchr(of, c);
}

static bool is_word_end(char c)
{
	return !c || isspace((unsigned char)c) || ispunct((unsigned char)c);
}

/* What follows %p, up to its last character; NULL: not supported. */
static const char *pointer_spec(const char *s)
{
	if (is_word_end(s[1]))
		return s;
	if (is_any(s[1], "ku") && s[2] == 's')
		return is_word_end(s[3]) ? s + 2 : NULL;
	if (is_any(s[1], "KxsSB"))
		return s + 1;
	return is_any(s[1], "iI") && is_any(s[2], "46") ? s + 2 : NULL;
}

/* One conversion, of which s is the character after %; to its last character. */
static const char *conversion(const char *s)
{
	s += strspn(s, "0+- ");
	s += strspn(s, "0123456789");
	if (*s == 'p')
		return pointer_spec(s);
	if (*s == 's')
		return is_word_end(s[1]) ? s : NULL;
	if (*s == 'c')
		return s;
	for (int i = 0; i < 2 && *s == 'l'; i++)
		s++;
	return is_any(*s, "iduxX") ? s : NULL;
}

static bool is_format(const char *s, u64 nr)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x80 || (!isprint(c) && !isspace(c)))
			return false;
		if (c != '%')
			continue;
		if (s[1] == '%') {
			s++;
			continue;
		}
		if (!nr--)
			return false;
		s = conversion(s + 1);
		if (!s)
			return false;
	}
	return true;
}

static int on_snprintf(struct env *env, struct call *c)
{
	const struct reg *fmt = &env_regs(env)[BPF_REG_3], *len = &env_regs(env)[BPF_REG_5];
	u64 off = (u64)(s64)fmt->off + fmt->v.t.value;

	if (len->v.t.value % 8)
		return reject_snprintf_size(env);
	if (!is_format((const char *)fmt->map->data + off, len->v.t.value / 8))
		return reject_snprintf_format(env);
	return 0;
}

static int on_dynptr_from_mem(struct env *env, struct call *c)
{
	char text[REG_TEXT_SIZE];
	u32 type = env_regs(env)[BPF_REG_1].type;

	if (type != REG_MAP_VALUE)
		return reject_dynptr_mem(env, reg_type_text(text, type));
	return 0;
}

static int on_dynptr_data(struct env *env, struct call *c)
{
	const struct reg *d = dynptr_reg(env, &env_regs(env)[BPF_REG_1]);

	if (!d)
		return reject_internal(env, -EFAULT);
	c->dynptr_id = d->id;
	c->ref = d->ref;
	return 0;
}

static int on_set_retval(struct env *env, struct call *c)
{
	if (env->prog_type == SPEC_PROG_LSM && env->attach_type == SPEC_ATTACH_LSM_CGROUP &&
	    env->attach.is_void)
		return reject_set_retval_void(env);
	return 0;
}

static const struct {
	u32 func;
	int (*run)(struct env *env, struct call *c);
} special[] = {
	{SPEC_HELPER_tail_call, on_tail_call},
	{SPEC_HELPER_get_local_storage, on_local_storage},
	{SPEC_HELPER_for_each_map_elem, on_for_each},
	{SPEC_HELPER_timer_set_callback, on_timer},
	{SPEC_HELPER_find_vma, on_find_vma},
	{SPEC_HELPER_snprintf, on_snprintf},
	{SPEC_HELPER_loop, on_loop},
	{SPEC_HELPER_dynptr_from_mem, on_dynptr_from_mem},
	{SPEC_HELPER_set_retval, on_set_retval},
	{SPEC_HELPER_dynptr_data, on_dynptr_data},
	{SPEC_HELPER_user_ringbuf_drain, on_user_ringbuf},
};

static int run_special(struct env *env, struct call *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (special[i].func == c->func)
			return special[i].run(env, c);
	return 0;
}

/* --- releasing ------------------------------------------------------------------------------- */

/* A per-CPU object that went into a map may be looked at until the RCU region ends. */
static int release_xchg(struct env *env, u32 ref)
{
	bool rcu = env_in_rcu(env);
	struct frame *f;
	struct reg *r;

	if (state_release(env->cur, ref))
		return -EINVAL;
	state_for_each_reg(env->cur, f, r, {
		if (r->ref == ref && rcu && (r->type & REG_ALLOC) && (r->type & REG_PERCPU)) {
			r->ref = 0;
			r->type = (r->type & ~REG_ALLOC) | REG_RCU;
		} else if (r->ref == ref) {
			reg_invalidate(r);
		}
	});
	return 0;
}

static bool is_dynptr_release(u32 func)
{
	return func == SPEC_HELPER_ringbuf_submit_dynptr ||
	       func == SPEC_HELPER_ringbuf_discard_dynptr;
}

static int release(struct env *env, struct call *c)
{
	struct reg *r = &env_regs(env)[c->release];
	int err = -EINVAL;

	if (!c->release)
		return 0;
	if (is_dynptr_release(c->func))
		err = dynptr_unmark(env, r);
	else if (c->func == SPEC_HELPER_kptr_xchg && c->ref)
		err = release_xchg(env, c->ref);
	else if (c->ref)
		err = release_ref(env, c->ref);
	else if (reg_is_null(r))
		err = 0;
	return err ? reject_not_acquired(env, c->h->name, c->func) : 0;
}

/* --- what comes back ------------------------------------------------------------------------- */

static int ret_map_value(struct env *env, struct call *c, struct reg *r, u32 flags)
{
	if (!c->map)
		return reject_internal(env, -EINVAL);
	set_map_reg(r, REG_MAP_VALUE | flags, c->map, c->map_uid);
	if (!flags && fields_have(c->map->fields, FIELD_SPIN_LOCK))
		r->id = env_new_id(env);
	return 0;
}

static int ret_mem_or_btf(struct env *env, struct call *c, struct reg *r, u32 flags,
			  bool percpu_obj)
{
	u32 id = types_skip(c->ret_btf, c->ret_id);
	const struct btf_type *t = btf__type_by_id(c->ret_btf, id);

	if (btf_is_composite(t)) {
		if (percpu_obj)
			reg_set_btf(r, c->ret_btf, id, REG_ALLOC | REG_RCU);
		else
			reg_set_btf(r, c->ret_btf, id, flags);
		return 0;
	}
	reg_set_pointer(r, REG_MEM | REG_RDONLY | flags);
	r->mem_size = types_size(c->ret_btf, id);
	return r->mem_size ? 0 : reject_ret_size(env, types_name(c->ret_btf, id), -EINVAL);
}

static int ret_btf(struct env *env, struct call *c, struct reg *r, u32 flags)
{
	const char *name = helper_btf_ret((s32)c->func);
	u32 id;

	if (c->func == SPEC_HELPER_kptr_xchg) {
		reg_set_btf(r, c->kptr->btf, c->kptr->btf_id, flags);
		if (c->kptr->btf != env->kbtf)
			r->type |= REG_ALLOC |
				   (c->kptr->kind == FIELD_KPTR_PERCPU ? REG_PERCPU : 0);
		return 0;
	}
	id = name && env->kbtf ? types_find(env->kbtf, name, BTF_KIND_STRUCT) : 0;
	if (!id)
		return reject_not_modelled(env, "this kernel object as a return value");
	reg_set_btf(r, env->kbtf, id, flags);
	return 0;
}

static int set_return(struct env *env, struct call *c, bool percpu_obj)
{
	struct reg *r = &env_regs(env)[BPF_REG_0];

	switch (c->h->ret) {
	case RET_INTEGER:
		reg_set_unknown(r);
		return 0;
	case RET_VOID:
		reg_set_none(r);
		return 0;
	case RET_PTR_TO_MAP_VALUE:
		return ret_map_value(env, c, r, 0);
	case RET_PTR_TO_MAP_VALUE_OR_NULL:
		return ret_map_value(env, c, r, REG_MAYBE_NULL);
	case RET_PTR_TO_SOCKET_OR_NULL:
		reg_set_pointer(r, REG_SOCK | REG_MAYBE_NULL);
		return 0;
	case RET_PTR_TO_TCP_SOCK_OR_NULL:
		reg_set_pointer(r, REG_TCP_SOCK | REG_MAYBE_NULL);
		return 0;
	case RET_PTR_TO_SOCK_COMMON_OR_NULL:
		reg_set_pointer(r, REG_SOCK_COMMON | REG_MAYBE_NULL);
		return 0;
	case RET_PTR_TO_RINGBUF_MEM_OR_NULL:
		reg_set_pointer(r, REG_MEM | REG_RINGBUF | REG_MAYBE_NULL);
		r->mem_size = c->alloc_size;
		return 0;
	case RET_PTR_TO_DYNPTR_MEM_OR_NULL:
		reg_set_pointer(r, REG_MEM | REG_MAYBE_NULL);
		r->mem_size = c->alloc_size;
		r->dynptr_id = c->dynptr_id;
		return 0;
	case RET_PTR_TO_BTF_ID:
		return ret_btf(env, c, r, 0);
	case RET_PTR_TO_BTF_ID_OR_NULL:
		return ret_btf(env, c, r, REG_MAYBE_NULL);
	case RET_PTR_TO_BTF_ID_TRUSTED:
		return ret_btf(env, c, r, REG_TRUSTED);
	case RET_PTR_TO_MEM_OR_BTF_ID:
		return ret_mem_or_btf(env, c, r, 0, percpu_obj);
	case RET_PTR_TO_MEM_OR_BTF_ID_OR_NULL:
		return ret_mem_or_btf(env, c, r, REG_MAYBE_NULL, percpu_obj);
	}
	return reject_internal(env, -EINVAL);
}

static bool is_cast(u32 func)
{
	switch (func) {
	case SPEC_HELPER_tcp_sock:
	case SPEC_HELPER_sk_fullsock:
	case SPEC_HELPER_skc_to_tcp_sock:
	case SPEC_HELPER_skc_to_tcp6_sock:
	case SPEC_HELPER_skc_to_udp6_sock:
	case SPEC_HELPER_skc_to_mptcp_sock:
	case SPEC_HELPER_skc_to_tcp_timewait_sock:
	case SPEC_HELPER_skc_to_tcp_request_sock:
		return true;
	default:
		return false;
	}
}

static bool is_acquire(const struct call *c)
{
	u32 map = c->map ? c->map->def->type : SPEC_MAP_UNSPEC;

	switch (c->func) {
	case SPEC_HELPER_sk_lookup_tcp:
	case SPEC_HELPER_sk_lookup_udp:
	case SPEC_HELPER_skc_lookup_tcp:
	case SPEC_HELPER_ringbuf_reserve:
	case SPEC_HELPER_kptr_xchg:
		return true;
	case SPEC_HELPER_map_lookup_elem:
		return map == SPEC_MAP_SOCKMAP || map == SPEC_MAP_SOCKHASH;
	default:
		return false;
	}
}

static int set_return_ref(struct env *env, struct call *c)
{
	struct reg *r = &env_regs(env)[BPF_REG_0];
	u32 id;
	int err;

	if (r->type & REG_MAYBE_NULL)
		r->id = env_new_id(env);
	if (is_cast(c->func) || c->func == SPEC_HELPER_dynptr_data) {
		r->ref = c->ref;
		return 0;
	}
	if (!is_acquire(c))
		return 0;
	err = state_acquire(env, (u32)env->insn, &id);
	if (err)
		return err;
	r->id = r->ref = id;
	return 0;
}

static void refine_return(struct env *env, const struct call *c)
{
	struct scalar *v = &env_regs(env)[BPF_REG_0].v;

	switch (c->func) {
	case SPEC_HELPER_get_stack:
	case SPEC_HELPER_get_task_stack:
	case SPEC_HELPER_probe_read_str:
	case SPEC_HELPER_probe_read_kernel_str:
	case SPEC_HELPER_probe_read_user_str:
		v->r.smax = (s64)c->size_max;
		v->w.smax = (s32)c->size_max;
		v->r.smin = v->w.smin = -MAX_ERRNO;
		break;
	case SPEC_HELPER_get_smp_processor_id:
		v->r.umax = v->w.umax = (u64)map_nr_cpus() - 1;
		v->r.smax = v->w.smax = (s64)map_nr_cpus() - 1;
		v->r.smin = v->w.smin = 0;
		break;
	default:
		return;
	}
	scalar_sync(v);
	scalar_check(v);
}

/* --- the call -------------------------------------------------------------------------------- */

/* What the helper fills is written byte by byte: nobody knows with what. */
static int fill_uninit(struct env *env, const struct call *c)
{
	for (int i = 0; i < c->mem.size; i++) {
		struct mem_access a = {.regno = c->mem.regno,
				       .off = i,
				       .size = 1,
				       .rw = ACCESS_WRITE,
				       .value = -1};
		int err = mem_access(env, &a);

		if (err)
			return err;
	}
	return 0;
}

static int check_args(struct env *env, struct call *c)
{
	int err = 0;

	for (u32 i = 0; !err && i < 5; i++)
		err = args_check(env, c, i);
	if (!err)
		err = record_map(env, c);
	if (!err)
		err = record_key(env, c);
	if (!err)
		err = fill_uninit(env, c);
	return err;
}

static int give_return(struct env *env, struct call *c, bool percpu_obj)
{
	int err;

	clear_caller_saved(env);
	err = set_return(env, c, percpu_obj);
	if (!err)
		err = set_return_ref(env, c);
	if (!err)
		refine_return(env, c);
	return err;
}

static int check_after(struct env *env, const struct call *c)
{
	if (c->func != SPEC_HELPER_get_func_ip)
		return 0;
	if (env->prog_type == SPEC_PROG_KPROBE || has_trampoline(env))
		return 0;
	if (env->prog_type == SPEC_PROG_TRACING)
		return reject_func_ip_tracing(env, c->h->name, c->func);
	return reject_func_ip_type(env, c->h->name, c->func, (int)env->prog_type);
}

static bool changes_data(struct env *env, const struct call *c)
{
	const struct reg *d;

	if (c->func != SPEC_HELPER_dynptr_write)
		return helper_changes_pkt((s32)c->func);
	d = dynptr_reg(env, &env_regs(env)[BPF_REG_1]);
	return d && d->dynptr.kind == DYNPTR_SKB;
}

int do_helper(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	struct call c = {.func = (u32)insn->imm};
	bool changes, percpu_obj;
	int err = check_callable(env, insn->imm, &c.h);

	if (err)
		return err;
	c.mem.pkt_access = helper_has_pkt_access(insn->imm);
	err = check_args(env, &c);
	if (!err)
		err = release(env, &c);
	if (err)
		return err;
	changes = changes_data(env, &c);
	percpu_obj = (c.func == SPEC_HELPER_per_cpu_ptr || c.func == SPEC_HELPER_this_cpu_ptr) &&
		     (env_regs(env)[BPF_REG_1].type & REG_RCU);
	err = run_special(env, &c);
	if (!err)
		err = give_return(env, &c, percpu_obj);
	if (!err)
		err = compat_check(env, c.map, c.func);
	if (!err)
		err = check_after(env, &c);
	if (!err && changes)
		clear_pkt_pointers(env);
	return err;
}
