/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a tracing program asks of its probe: stacks, arguments, the cookie. */
#include "spec/spec.h"
#include "vm/mem.h"
#include "vm/state.h"
#include <errno.h>
#include <string.h>
#include <time.h>

#define MAX_STACK 127 /* PERF_MAX_STACK_DEPTH */
#define STACKID_MASK                                                                               \
	(BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP | BPF_F_REUSE_STACKID)
#define STACK_MASK (BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_USER_BUILD_ID)

static void *ptr_of(u64 r)
{
	return (void *)(uintptr_t)r;
}

/*
 * Return addresses of the current task, `skip` taken off. There is a stack of user space only: of
 * the kernel's, Linux' answer where it cannot be had is -EFAULT.
 */
static long stack_of(struct vm_run *run, u64 flags, u64 *ips, u32 max)
{
	const struct vm_world *w = run->env->world;
	u32 skip = flags & BPF_F_SKIP_FIELD_MASK;
	u64 all[MAX_STACK + BPF_F_SKIP_FIELD_MASK];
	long nr;

	if (!(flags & BPF_F_USER_STACK) || !w || !w->user_stack)
		return -EFAULT;
	nr = w->user_stack(run->env, all, skip + min_u64(max, MAX_STACK));
	if (nr < 0 || nr < (long)skip)
		return -EFAULT;
	nr = min_u64(nr - skip, max);
	memcpy(ips, all + skip, nr * sizeof(*ips));
	return nr;
}

static u64 get_stackid(struct vm_run *run, u64 ctx, u64 map, u64 flags, u64 r4, u64 r5)
{
	struct map *m = ptr_of(map);
	u32 elem = m->def.flags & BPF_F_STACK_BUILD_ID ? sizeof(struct bpf_stack_build_id) : 8;
	u64 ips[MAX_STACK];
	long nr;

	if (flags & ~(u64)STACKID_MASK)
		return -EINVAL;
	nr = stack_of(run, flags, ips, min_u64(m->def.value_size / elem, MAX_STACK));
	return nr <= 0 ? -EFAULT : stack_map_put(m, ips, nr, flags);
}

/* Where the file behind an address cannot be told, Linux gives the address itself. */
static void store_build_ids(struct bpf_stack_build_id *to, const u64 *ips, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		struct bpf_stack_build_id id = {.status = BPF_STACK_BUILD_ID_IP, .ip = ips[i]};

		memcpy(&to[i], &id, sizeof(id));
	}
}

static long fill_stack(struct vm_run *run, void *buf, u32 size, u64 flags)
{
	bool build_id = flags & BPF_F_USER_BUILD_ID;
	u32 elem = build_id ? sizeof(struct bpf_stack_build_id) : sizeof(u64);
	u64 ips[MAX_STACK];
	long nr;

	if (flags & ~(u64)STACK_MASK || (build_id && !(flags & BPF_F_USER_STACK)) || size % elem)
		return -EINVAL;
	nr = stack_of(run, flags, ips, min_u64(size / elem, MAX_STACK));
	if (nr < 0)
		return nr;
	if (build_id)
		store_build_ids(buf, ips, nr);
	else
		mem_copy(buf, ips, nr * elem);
	return nr * elem;
}

static u64 get_stack(struct vm_run *run, u64 ctx, u64 buf, u64 size, u64 flags, u64 r5)
{
	long nr;

	size = (u32)size;
	nr = fill_stack(run, ptr_of(buf), size, flags);
	mem_zero(ptr_of(buf + (nr < 0 ? 0 : nr)), nr < 0 ? size : size - nr);
	return nr;
}

static u64 get_task_stack(struct vm_run *run, u64 task, u64 buf, u64 size, u64 flags, u64 r5)
{
	if (task == (uintptr_t)run->env->task.kobj)
		return get_stack(run, 0, buf, size, flags, 0);
	mem_zero(ptr_of(buf), (u32)size);
	return flags & BPF_F_USER_STACK ? -EOPNOTSUPP : -EFAULT;
}

/* --- the probed function --------------------------------------------------------------------- */

static u64 func_ip(struct vm_run *run, u64 ctx, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return run->env->func_ip;
}

static u64 attach_cookie(struct vm_run *run, u64 ctx, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return run->env->attach_cookie;
}

static u64 func_arg(struct vm_run *run, u64 ctx, u64 n, u64 value, u64 r4, u64 r5)
{
	const struct vm_env *env = run->env;

	if ((u32)n >= env->nr_func_args || !env->func_args)
		return -EINVAL;
	memcpy(ptr_of(value), &env->func_args[(u32)n], sizeof(u64));
	return 0;
}

/* A function that has not returned yet has no return value. */
static u64 func_ret(struct vm_run *run, u64 ctx, u64 value, u64 r3, u64 r4, u64 r5)
{
	const struct vm_env *env = run->env;
	u32 type = vm_prog_source(run->prog)->attach_type;

	if (type != SPEC_ATTACH_TRACE_FEXIT && type != SPEC_ATTACH_MODIFY_RETURN)
		return -EOPNOTSUPP;
	if (!env->func_args)
		return -EINVAL;
	memcpy(ptr_of(value), &env->func_args[env->nr_func_args], sizeof(u64));
	return 0;
}

static u64 func_arg_cnt(struct vm_run *run, u64 ctx, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return run->env->nr_func_args;
}

/* --- what only hardware has ------------------------------------------------------------------ */

static u64 branch_records(struct vm_run *run, u64 ctx, u64 buf, u64 size, u64 flags, u64 r5)
{
	return flags & ~(u64)BPF_F_GET_BRANCH_RECORDS_SIZE ? -EINVAL : -ENOENT;
}

static u64 branch_snapshot(struct vm_run *run, u64 buf, u64 size, u64 flags, u64 r4, u64 r5)
{
	return flags ? -EINVAL : -ENOENT;
}

/* The event of a perf_event program is a clock here: it counts nanoseconds, and always runs. */
static u64 prog_read_value(struct vm_run *run, u64 ctx, u64 buf, u64 size, u64 r4, u64 r5)
{
	u64 ns = vm_clock(run, CLOCK_MONOTONIC);
	struct bpf_perf_event_value v = {ns, ns, ns};

	mem_zero(ptr_of(buf), (u32)size);
	if ((u32)size != sizeof(v))
		return -EINVAL;
	memcpy(ptr_of(buf), &v, sizeof(v));
	return 0;
}

/*
 * A per-CPU variable of the kernel has one copy in the model, every CPU's; a program's own per-CPU
 * object has as many as there are CPUs. An unknown CPU has none.
 */
static u64 per_cpu_ptr(struct vm_run *run, u64 ptr, u64 cpu, u64 r3, u64 r4, u64 r5)
{
	u64 part = (u32)cpu < map_nr_cpus() ? vm_percpu_obj(run, ptr, (u32)cpu) : 0;

	return (u32)cpu < map_nr_cpus() ? part ?: ptr : 0;
}

static u64 this_cpu_ptr(struct vm_run *run, u64 ptr, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return vm_percpu_obj(run, ptr, map_current_cpu()) ?: ptr;
}

const struct vm_helper helpers_trace[] = {
	{SPEC_HELPER_get_stackid, get_stackid},
	{SPEC_HELPER_get_stack, get_stack},
	{SPEC_HELPER_get_task_stack, get_task_stack},
	{SPEC_HELPER_get_func_ip, func_ip},
	{SPEC_HELPER_get_attach_cookie, attach_cookie},
	{SPEC_HELPER_get_func_arg, func_arg},
	{SPEC_HELPER_get_func_ret, func_ret},
	{SPEC_HELPER_get_func_arg_cnt, func_arg_cnt},
	{SPEC_HELPER_read_branch_records, branch_records},
	{SPEC_HELPER_get_branch_snapshot, branch_snapshot},
	{SPEC_HELPER_perf_prog_read_value, prog_read_value},
	{SPEC_HELPER_per_cpu_ptr, per_cpu_ptr},
	{SPEC_HELPER_this_cpu_ptr, this_cpu_ptr},
	{0, NULL},
};
