/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Calls of kernel functions: which, where, and what they do to regions and references. */
#include "verifier/kfunc.h"
#include "btf/types.h"
#include "verifier/helper.h"
#include <string.h>

enum { /* kinds of programs, as the kernel groups them for this */
       COMMON = 1,
       XDP = 2,
       TC = 4,
       STRUCT_OPS = 8,
       TRACING = 16,
       SYSCALL = 32,
       CGROUP = 64,
       SCHED_ACT = 128,
       SK_SKB = 256,
       SOCKET_FILTER = 512,
       LWT = 1024,
       NETFILTER = 2048,
       KPROBE = 4096,
};

enum {
	ACQUIRE = KF_ACQUIRE,
	RELEASE = KF_RELEASE,
	RET_NULL = KF_RET_NULL,
	TRUSTED_ARGS = KF_TRUSTED_ARGS,
	SLEEPABLE = KF_SLEEPABLE,
	DESTRUCTIVE = KF_DESTRUCTIVE,
	RCU = KF_RCU,
	ITER_NEW = KF_ITER_NEW,
	ITER_NEXT = KF_ITER_NEXT,
	ITER_DESTROY = KF_ITER_DESTROY,
	RCU_PROTECTED = KF_RCU_PROTECTED,
	ONLY_LSM = KF_ONLY_LSM,
	ONLY_SESSION = KF_ONLY_SESSION,
	ONLY_ITER = KF_ONLY_ITER,
};

static const struct {
	const char *name;
	u32 hooks, flags;
} rows[] = {
#define KF(name, hooks, flags) {#name, hooks, flags},
#include "verifier/kfunc_flags.def"
#undef KF
};

static const char *const specials[] = {"",
#define S(name) #name,
				       KFUNC_SPECIALS
#undef S
};

static u32 hook_of(u32 prog_type)
{
	static const u16 hooks[SPEC_NR_PROG_TYPES] = {
		[SPEC_PROG_XDP] = XDP,
		[SPEC_PROG_SCHED_CLS] = TC,
		[SPEC_PROG_STRUCT_OPS] = STRUCT_OPS,
		[SPEC_PROG_TRACING] = TRACING,
		[SPEC_PROG_TRACEPOINT] = TRACING,
		[SPEC_PROG_PERF_EVENT] = TRACING,
		[SPEC_PROG_LSM] = TRACING,
		[SPEC_PROG_SYSCALL] = SYSCALL,
		[SPEC_PROG_CGROUP_SKB] = CGROUP,
		[SPEC_PROG_CGROUP_SOCK] = CGROUP,
		[SPEC_PROG_CGROUP_DEVICE] = CGROUP,
		[SPEC_PROG_CGROUP_SOCK_ADDR] = CGROUP,
		[SPEC_PROG_CGROUP_SOCKOPT] = CGROUP,
		[SPEC_PROG_CGROUP_SYSCTL] = CGROUP,
		[SPEC_PROG_SCHED_ACT] = SCHED_ACT,
		[SPEC_PROG_SK_SKB] = SK_SKB,
		[SPEC_PROG_SOCKET_FILTER] = SOCKET_FILTER,
		[SPEC_PROG_LWT_OUT] = LWT,
		[SPEC_PROG_LWT_IN] = LWT,
		[SPEC_PROG_LWT_XMIT] = LWT,
		[SPEC_PROG_LWT_SEG6LOCAL] = LWT,
		[SPEC_PROG_NETFILTER] = NETFILTER,
		[SPEC_PROG_KPROBE] = KPROBE,
	};

	return COMMON | (prog_type < SPEC_NR_PROG_TYPES ? hooks[prog_type] : 0);
}

static enum kfunc_special special_of(const char *name)
{
	for (u32 i = 1; i < ARRAY_SIZE(specials); i++)
		if (!strcmp(specials[i], name))
			return (enum kfunc_special)i;
	return KFS_NONE;
}

static int make(struct env *env, u32 insn, const char *name, u32 proto_id)
{
	struct kfunc *k;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].name, name))
			continue;
		k = arena_alloc(&env->arena, sizeof(*k));
		if (!k)
			return reject_no_memory(env);
		*k = (struct kfunc){rows[i].name, rows[i].hooks, rows[i].flags, special_of(name),
				    proto_id};
		env->aux[insn].kfunc = k;
		return 0;
	}
	return reject_not_modelled(env, name);
}

int kfunc_find(struct env *env, u32 insn)
{
	const struct bpf_insn *in = &env->insns[insn];
	const struct btf_type *t;

	if (!in->imm) /* weak, and not there: refused where it is reached */
		return 0;
	if (!env->gpl)
		return reject_kfunc_gpl(env);
	if (!env->kbtf)
		return reject_no_kernel_btf(env);
	if (in->off)
		return reject_not_modelled(env, "functions of modules");
	t = btf__type_by_id(env->kbtf, (u32)in->imm);
	if (!t || !btf_is_func(t))
		return reject_kfunc_id(env, (u32)in->imm);
	return make(env, insn, types_name(env->kbtf, (u32)in->imm), t->type);
}

bool kfunc_is_sync_callback(const struct kfunc *k)
{
	return k->special == KFS_bpf_rbtree_add_impl;
}

bool kfunc_is_async_callback(const struct kfunc *k)
{
	return k->special == KFS_bpf_wq_set_callback_impl;
}

bool kfunc_is_iter_next(const struct kfunc *k)
{
	return k->flags & KF_ITER_NEXT;
}

bool kfunc_is_graph(const struct kfunc *k)
{
	switch (k->special) {
	case KFS_bpf_list_push_front_impl:
	case KFS_bpf_list_push_back_impl:
	case KFS_bpf_list_pop_front:
	case KFS_bpf_list_pop_back:
	case KFS_bpf_rbtree_add_impl:
	case KFS_bpf_rbtree_remove:
	case KFS_bpf_rbtree_first:
	case KFS_bpf_refcount_acquire_impl:
		return true;
	default:
		return false;
	}
}

const char *kfunc_param(const struct env *env, const struct kcall *c, u32 arg)
{
	const char *name = btf__name_by_offset(env->kbtf, btf_params(c->proto)[arg].name_off);

	return name ? name : "";
}

static bool is_allowed(const struct env *env, const struct kfunc *k)
{
	if (!(k->hooks & hook_of(env->prog_type)))
		return false;
	if ((k->flags & KF_ONLY_LSM) && env->prog_type != SPEC_PROG_LSM)
		return false;
	if ((k->flags & KF_ONLY_SESSION) && env->attach_type != SPEC_ATTACH_TRACE_KPROBE_SESSION)
		return false;
	return !(k->flags & KF_ONLY_ITER) || env->attach_type == SPEC_ATTACH_TRACE_ITER;
}

static int check_callable(struct env *env, const struct kfunc *k)
{
	if (!is_allowed(env, k))
		return reject_kfunc_not_allowed(env, k->name);
	if ((k->flags & KF_SLEEPABLE) && !env_in_sleepable(env))
		return reject_kfunc_sleeps(env, k->name);
	return 0;
}

/* --- regions --------------------------------------------------------------------------------- */

/* RCU pointers may be stale from now on. */
static void end_rcu(struct env *env)
{
	struct frame *f;
	struct reg *r;

	state_for_each_reg(
		env->cur, f, r, if (r->type & REG_RCU) {
			r->type &= ~(REG_RCU | REG_MAYBE_NULL);
			r->type |= REG_UNTRUSTED;
		});
	for (u32 i = 0; i <= env->cur->cur; i++) {
		f = env->cur->frames[i];
		for (u32 s = 0; s < f->nr_slots; s++)
			if (f->slots[s].kind[7] == SLOT_ITER && (f->slots[s].reg.type & REG_RCU)) {
				f->slots[s].reg.type &= ~REG_RCU;
				f->slots[s].reg.type |= REG_UNTRUSTED;
			}
	}
	env->cur->rcu = false;
}

static int on_rcu(struct env *env, const struct kfunc *k)
{
	bool lock = k->special == KFS_bpf_rcu_read_lock;
	bool unlock = k->special == KFS_bpf_rcu_read_unlock;

	if (!env->cur->rcu) {
		env->cur->rcu = lock;
		return unlock ? reject_rcu_unmatched(env, k->name) : 0;
	}
	if ((lock || unlock) && graph_in_callback(env))
		return reject_rcu_in_callback(env);
	if (lock)
		return reject_rcu_nested(env, k->name);
	if (unlock)
		end_rcu(env);
	else if (k->flags & KF_SLEEPABLE)
		return reject_kfunc_sleeps_rcu(env, k->name);
	return 0;
}

static int on_preempt(struct env *env, const struct kfunc *k)
{
	bool disable = k->special == KFS_bpf_preempt_disable;
	bool enable = k->special == KFS_bpf_preempt_enable;

	if (enable && !env->cur->preempt)
		return reject_preempt_unmatched(env, k->name);
	if (env->cur->preempt && !disable && !enable && (k->flags & KF_SLEEPABLE))
		return reject_kfunc_sleeps_preempt(env, k->name);
	env->cur->preempt += disable;
	env->cur->preempt -= enable;
	return 0;
}

/* --- the call -------------------------------------------------------------------------------- */

static int set_wq(struct env *env, const struct frame *caller, struct frame *callee, s32 insn)
{
	static const u32 types[] = {0, REG_MAP_PTR, REG_MAP_KEY, REG_MAP_VALUE};
	const struct reg *r = &caller->regs[BPF_REG_1];

	for (int i = 1; i <= 3; i++) {
		reg_set_pointer(&callee->regs[i], types[i]);
		callee->regs[i].map = r->map;
		callee->regs[i].map_uid = r->map_uid;
	}
	callee->in_async = true;
	callee->ret_max = 1;
	return 0;
}

static int callbacks(struct env *env, struct kcall *c)
{
	if (c->k->special == KFS_bpf_rbtree_add_impl)
		return graph_add_callback(env, c);
	if (c->k->special == KFS_bpf_wq_set_callback_impl)
		return push_callback(env, c->subprog, set_wq, true, true);
	return 0;
}

static int references(struct env *env, struct kcall *c)
{
	if (c->release && release_ref(env, env_regs(env)[c->release].ref))
		return reject_kfunc_not_acquired(env, c->k->name);
	switch (c->k->special) {
	case KFS_bpf_list_push_front_impl:
	case KFS_bpf_list_push_back_impl:
	case KFS_bpf_rbtree_add_impl:
		return graph_insert(env, c);
	default:
		return 0;
	}
}

static void read_args(struct env *env, const struct kcall *c)
{
	for (u32 i = 0; i < c->nr_args && i < 5; i++)
		if (env_regs(env)[i + 1].type != REG_NONE)
			live_read_reg(env, env->cur->cur, i + 1);
}

/* The program ends here, whatever is open. */
static int throw(struct env * env)
{
	int err = exit_checks(env, true);

	if (!err)
		err = check_return(env, BPF_REG_1, "R1");
	return err ? err : DO_PATH_END;
}

int do_kfunc(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	const struct kfunc *k = env->aux[env->insn].kfunc;
	struct kcall c = {.k = k};
	int err;

	if (!k)
		return reject_kfunc_absent(env);
	c.proto = btf__type_by_id(env->kbtf, k->proto_id);
	c.nr_args = btf_vlen(c.proto);
	err = check_callable(env, k);
	if (!err)
		err = kfunc_args(env, &c);
	if (!err)
		err = callbacks(env, &c);
	if (!err)
		err = on_rcu(env, k);
	if (!err)
		err = on_preempt(env, k);
	if (!err)
		err = references(env, &c);
	if (err)
		return err;
	if (k->special == KFS_bpf_throw)
		return throw(env);
	read_args(env, &c);
	clear_caller_saved(env);
	err = kfunc_return(env, &c);
	if (!err && (k->flags & KF_ITER_NEXT))
		err = iter_next(env, &c, *next);
	return err;
}
