/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers on maps: elements, local storage, locks and kernel pointers in values.
 *
 * That the map's type fits the helper, and that keys and values are readable, has been checked
 * (helper_args.c). What a map of a type answers is map/'s business.
 */
#include "spec/spec.h"
#include "vm/state.h"
#include <errno.h>
#include <sched.h>
#include <time.h>

#define LOCK_WAIT 250000000 /* ns: when a bpf_res_spin_lock gives up */
#define LONG_WAIT 10000000  /* ns: nobody holds a lock for so long */

static struct map *map_of(u64 r)
{
	return (struct map *)(uintptr_t)r;
}

static void *ptr_of(u64 r)
{
	return (void *)(uintptr_t)r;
}

static u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static u64 lookup(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return (uintptr_t)map_lookup(map_of(r1), ptr_of(r2));
}

static u64 update(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	u64 start = r4 & BPF_F_LOCK ? now() : 0;
	long err = map_update(map_of(r1), ptr_of(r2), ptr_of(r3), r4);

	/* the value's lock may be one that nobody gives back: waiting for it counts, too */
	if (start && now() - start > LONG_WAIT)
		vm_charge(run, now() - start);
	return err;
}

static u64 delete (struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return map_delete(map_of(r1), ptr_of(r2));
}

static u64 push(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return map_push(map_of(r1), ptr_of(r2), r3);
}

static u64 pop(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return map_pop(map_of(r1), ptr_of(r2));
}

static u64 peek(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return map_peek(map_of(r1), ptr_of(r2));
}

static u64 lookup_percpu(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return (uintptr_t)map_lookup_percpu(map_of(r1), ptr_of(r2), (u32)r3);
}

/* Local storage: a value that hangs on a kernel object. An unknown flag, or no object, is NULL. */
static u64 local_get(struct vm_run *run, u64 map, u64 owner, u64 init, u64 flags, u64 r5)
{
	int err = 0;

	if (!owner || flags & ~(u64)BPF_LOCAL_STORAGE_GET_F_CREATE)
		return 0;
	if (flags && owner != (uintptr_t)run->ctx && vm_may(run, owner, 1, VM_MEM_WRITE))
		return vm_fault(run, "local storage: %#llx is memory of the program, no object",
				(unsigned long long)owner);
	return (uintptr_t)storage_get(map_of(map), ptr_of(owner), ptr_of(init), flags, &err);
}

static u64 local_delete(struct vm_run *run, u64 map, u64 owner, u64 r3, u64 r4, u64 r5)
{
	return owner ? storage_delete(map_of(map), ptr_of(owner)) : -EINVAL;
}

/* A value per cgroup of the current task; the root's where that is not known. It never fails. */
static u64 local_storage(struct vm_run *run, u64 map, u64 flags, u64 r3, u64 r4, u64 r5)
{
	u64 cgroup = run->env->task.cgroup_id ?: 1;
	u32 type = vm_prog_source(run->prog)->attach_type;
	void *value = cgroup_storage_get(map_of(map), cgroup, type);

	if (!value)
		vm_fault(run, "bpf_get_local_storage: no memory for another cgroup's value");
	return (uintptr_t)value;
}

/*
 * A lock with an end: a program that nobody verified may take one twice, or leave it taken, and
 * must not hang whoever comes next.
 */
bool vm_take_lock(struct vm_run *run, u32 *word)
{
	u64 start = 0;

	while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE)) {
		if (!start)
			start = now();
		if (now() - start > LOCK_WAIT) {
			vm_charge(run, LOCK_WAIT);
			return false;
		}
		sched_yield();
	}
	return true;
}

static u64 lock(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	if (!vm_take_lock(run, ptr_of(r1)))
		vm_fault(run, "bpf_spin_lock: nobody gives this lock back");
	return 0;
}

static u64 unlock(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	map_spin_unlock(ptr_of(r1));
	return 0;
}

static u64 kptr_xchg(struct vm_run *run, u64 field, u64 new, u64 r3, u64 r4, u64 r5)
{
	return __atomic_exchange_n((u64 *)ptr_of(field), new, __ATOMIC_ACQ_REL);
}

const struct vm_helper helpers_map[] = {
	{SPEC_HELPER_map_lookup_elem, lookup},
	{SPEC_HELPER_map_update_elem, update},
	{SPEC_HELPER_map_delete_elem, delete},
	{SPEC_HELPER_map_push_elem, push},
	{SPEC_HELPER_map_pop_elem, pop},
	{SPEC_HELPER_map_peek_elem, peek},
	{SPEC_HELPER_map_lookup_percpu_elem, lookup_percpu},
	{SPEC_HELPER_sk_storage_get, local_get},
	{SPEC_HELPER_sk_storage_delete, local_delete},
	{SPEC_HELPER_task_storage_get, local_get},
	{SPEC_HELPER_task_storage_delete, local_delete},
	{SPEC_HELPER_inode_storage_get, local_get},
	{SPEC_HELPER_inode_storage_delete, local_delete},
	{SPEC_HELPER_cgrp_storage_get, local_get},
	{SPEC_HELPER_cgrp_storage_delete, local_delete},
	{SPEC_HELPER_get_local_storage, local_storage},
	{SPEC_HELPER_spin_lock, lock},
	{SPEC_HELPER_spin_unlock, unlock},
	{SPEC_HELPER_kptr_xchg, kptr_xchg},
	{0, NULL},
};
