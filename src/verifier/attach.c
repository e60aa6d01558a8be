/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the program is attached to decides what its context is and what it may return. Found by
 * name in the kernel's BTF, as libbpf does from the section's name.
 */
#include "btf/types.h"
#include "verifier/verifier.h"
#include <stdio.h>
#include <string.h>

enum hook_list { HOOK_SLEEPABLE, HOOK_BOOL, HOOK_OFF, HOOK_UNTRUSTED, HOOK_OTHER };

static const struct {
	enum hook_list list;
	const char *name;
} hooks[] = {
#define LSM_SLEEPABLE(n) {HOOK_SLEEPABLE, n},
#define LSM_BOOL(n)      {HOOK_BOOL, n},
#define LSM_OFF(n)       {HOOK_OFF, n},
#define LSM_UNTRUSTED(n) {HOOK_UNTRUSTED, n},
#define LSM_SOCK(n)      {HOOK_OTHER, n},
#define LSM_UNLOCKED(n)  {HOOK_OTHER, n},
#include "verifier/lsm_hooks.def"
};

static bool hook_is(enum hook_list list, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (hooks[i].list == list && !strcmp(hooks[i].name, name))
			return true;
	return false;
}

static bool can_sleep(const struct env *env)
{
	u32 at = env->attach_type;

	switch (env->prog_type) {
	case SPEC_PROG_TRACING:
		return at == SPEC_ATTACH_TRACE_FENTRY || at == SPEC_ATTACH_TRACE_FEXIT ||
		       at == SPEC_ATTACH_MODIFY_RETURN || at == SPEC_ATTACH_TRACE_ITER;
	case SPEC_PROG_LSM:
		return at != SPEC_ATTACH_LSM_CGROUP;
	case SPEC_PROG_KPROBE:
	case SPEC_PROG_STRUCT_OPS:
		return true;
	default:
		return false;
	}
}

static int use_proto(struct env *env, u32 proto_id)
{
	const struct btf_type *t = btf__type_by_id(env->kbtf, proto_id);

	if (!t || !btf_is_func_proto(t))
		return reject_attach_none(env);
	env->attach.proto_id = proto_id;
	env->attach.is_void = !t->type;
	return 0;
}

/* The name of a target, with what libbpf puts in front of it. */
static u32 find_func(const struct env *env, const char *prefix, const char *name)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	return types_find(env->kbtf, full, BTF_KIND_FUNC);
}

static int attach_raw_tp(struct env *env, const char *name)
{
	char full[256];
	const struct btf_type *t;
	u32 id = find_func(env, "__bpf_trace_", name);

	if (id)
		return use_proto(env, btf__type_by_id(env->kbtf, id)->type);
	snprintf(full, sizeof(full), "btf_trace_%s", name);
	id = types_find(env->kbtf, full, BTF_KIND_TYPEDEF);
	t = id ? btf__type_by_id(env->kbtf, btf__type_by_id(env->kbtf, id)->type) : NULL;
	if (!t || !btf_is_ptr(t))
		return reject_attach_none(env);
	return use_proto(env, t->type);
}

static int attach_func(struct env *env, const char *prefix, const char *name)
{
	u32 id = find_func(env, prefix, name);

	if (!id)
		return reject_attach_none(env);
	return use_proto(env, btf__type_by_id(env->kbtf, id)->type);
}

static const char *const noreturn[] = {
	"__ia32_sys_exit",
	"__ia32_sys_exit_group",
	"__kunit_abort",
	"kunit_try_catch_throw",
	"__module_put_and_kthread_exit",
	"__x64_sys_exit",
	"__x64_sys_exit_group",
	"do_exit",
	"do_group_exit",
	"kthread_complete_and_exit",
	"kthread_exit",
	"make_task_dead",
};

static int check_func_target(struct env *env, const char *name)
{
	u32 at = env->attach_type;

	if (!strcmp(name, "migrate_disable") || !strcmp(name, "migrate_enable") ||
	    !strcmp(name, "rcu_read_unlock_strict") || !strcmp(name, "__rcu_read_lock") ||
	    !strcmp(name, "__rcu_read_unlock"))
		return reject_attach_denied(env);
	for (size_t i = 0; i < ARRAY_SIZE(noreturn); i++)
		if (at != SPEC_ATTACH_TRACE_FENTRY && !strcmp(name, noreturn[i]))
			return reject_attach_noreturn(env);
	return 0;
}

static int attach_lsm(struct env *env, const char *name)
{
	char full[256];
	int err;

	if (!env->gpl)
		return reject_lsm_not_gpl(env);
	snprintf(full, sizeof(full), "bpf_lsm_%s", name);
	if (hook_is(HOOK_OFF, full))
		return reject_lsm_disabled(env, 0, full);
	err = attach_func(env, "bpf_lsm_", name);
	if (err)
		return err;
	if (env->sleepable && !hook_is(HOOK_SLEEPABLE, full))
		return reject_not_sleepable(env, full);
	env->attach.is_trusted = !hook_is(HOOK_UNTRUSTED, full);
	if (env->attach_type == SPEC_ATTACH_LSM_MAC && !env->attach.is_void) {
		bool is_bool = hook_is(HOOK_BOOL, full);

		env->attach.has_ret_range = true;
		env->attach.ret_min = is_bool ? 0 : -4095;
		env->attach.ret_max = is_bool;
	}
	return 0;
}

/* The functions for error injection are not in BTF, but whether the kernel has any is. System calls
 * are among them. */
static bool is_syscall(const struct env *env, const char *name)
{
	return (!strncmp(name, "__x64_sys_", 10) || !strncmp(name, "__ia32_sys_", 11) ||
		!strncmp(name, "__arm64_sys_", 12)) &&
	       kernel_has(env, "ei_entry", BTF_KIND_STRUCT);
}

static bool may_modify(const struct env *env, const char *name)
{
	return !strncmp(name, "security_", 9) || is_syscall(env, name) ||
	       !strncmp(name, "bpf_modify_return_test", 22);
}

static bool may_sleep_in(const struct env *env, const char *name)
{
	return is_syscall(env, name) || !strncmp(name, "bpf_fentry_test", 15) ||
	       !strncmp(name, "bpf_modify_return_test", 22);
}

static int attach_tracing(struct env *env, const char *name)
{
	int err;

	switch (env->attach_type) {
	case SPEC_ATTACH_TRACE_RAW_TP:
		return attach_raw_tp(env, name);
	case SPEC_ATTACH_TRACE_ITER:
		return attach_func(env, "bpf_iter_", name);
	case SPEC_ATTACH_TRACE_FENTRY:
	case SPEC_ATTACH_TRACE_FEXIT:
	case SPEC_ATTACH_MODIFY_RETURN:
		err = attach_func(env, "", name);
		if (!err)
			err = check_func_target(env, name);
		if (!err && env->sleepable && !may_sleep_in(env, name))
			return reject_not_sleepable(env, name);
		if (!err && env->attach_type == SPEC_ATTACH_MODIFY_RETURN && !env->sleepable &&
		    !may_modify(env, name))
			return reject_not_modifiable(env, name);
		return err;
	default:
		return reject_not_modelled(env, "this attach type");
	}
}

int attach_check(struct env *env)
{
	const char *name = env->prog->target ? env->prog->target : "";

	env->attach.name = name;
	if (env->prog_type == SPEC_PROG_SYSCALL)
		return env->sleepable ? 0 : reject_syscall_sleepable(env);
	if (env->sleepable && !can_sleep(env))
		return reject_cannot_sleep(env);
	switch (env->prog_type) {
	case SPEC_PROG_STRUCT_OPS:
		return reject_not_modelled(env, "struct_ops programs");
	case SPEC_PROG_EXT:
		return reject_not_modelled(env, "programs that replace functions of others");
	case SPEC_PROG_TRACING:
	case SPEC_PROG_LSM:
		break;
	default:
		return 0;
	}
	if (!env->kbtf)
		return reject_no_kernel_btf(env);
	return env->prog_type == SPEC_PROG_LSM ? attach_lsm(env, name) : attach_tracing(env, name);
}
