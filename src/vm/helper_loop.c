/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Helpers that call back: loop, for_each_map_elem, user_ringbuf_drain. */
#include "spec/spec.h"
#include "vm/dynptr.h"
#include <errno.h>

#define MAX_LOOPS (1u << 23) /* BPF_MAX_LOOPS */

static u64 loop(struct vm_run *run, u64 nr, u64 func, u64 ctx, u64 flags, u64 r5)
{
	if (flags)
		return -EINVAL;
	nr = (u32)nr;
	if (nr > MAX_LOOPS)
		return (u32)-E2BIG; /* Linux inlines the helper, with a 32-bit move */
	for (u32 i = 0; i < nr; i++) {
		const u64 args[5] = {i, ctx};

		if (vm_call(run, func, args) || run->err)
			return i + 1;
	}
	return nr;
}

/* What a callback on elements or samples needs. */
struct each {
	struct vm_run *run;
	u64 func, ctx;
};

static long each_elem(struct map *map, void *key, void *value, void *ctx)
{
	const struct each *e = ctx;
	const u64 args[5] = {(uintptr_t)map, (uintptr_t)key, (uintptr_t)value, e->ctx};
	long ret;

	if (!vm_lend(e->run, "the key", key, map->def.key_size, VM_MEM_READ))
		return 1;
	ret = vm_call(e->run, e->func, args);
	vm_take_back(e->run);
	return ret || e->run->err;
}

static u64 for_each(struct vm_run *run, u64 map, u64 func, u64 ctx, u64 flags, u64 r5)
{
	struct each e = {run, func, ctx};

	if (flags)
		return -EINVAL;
	vm_charge(run,
		  ((const struct map *)(uintptr_t)map)->def.max_entries / 8); /* empty buckets */
	return map_for_each((struct map *)(uintptr_t)map, each_elem, &e, flags);
}

static long each_sample(void *ctx, const void *data, u32 size)
{
	const struct each *e = ctx;
	struct vm_dynptr ptr = dynptr_make(data, size, DYNPTR_LOCAL, false);
	const u64 args[5] = {(uintptr_t)&ptr, e->ctx};
	long ret = 1;

	if (!vm_lend(e->run, "a sample", data, size, VM_MEM_READ | VM_MEM_WRITE))
		return 1;
	if (vm_lend(e->run, "a dynptr", &ptr, sizeof(ptr), VM_MEM_READ)) {
		ret = vm_call(e->run, e->func, args);
		vm_take_back(e->run);
	}
	vm_take_back(e->run);
	return ret || e->run->err;
}

static u64 drain(struct vm_run *run, u64 map, u64 func, u64 ctx, u64 flags, u64 r5)
{
	struct each e = {run, func, ctx};

	return user_ringbuf_drain((struct map *)(uintptr_t)map, each_sample, &e, flags);
}

const struct vm_helper helpers_loop[] = {
	{SPEC_HELPER_loop, loop},
	{SPEC_HELPER_for_each_map_elem, for_each},
	{SPEC_HELPER_user_ringbuf_drain, drain},
	{0, NULL},
};
