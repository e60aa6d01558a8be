/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Events: ring buffers and perf buffers. */
#include "spec/spec.h"
#include "vm/mem.h"
#include "vm/pkt.h"
#include "vm/state.h"
#include <errno.h>
#include <string.h>

static struct map *map_of(u64 r)
{
	return (struct map *)(uintptr_t)r;
}

static u64 ring_output(struct vm_run *run, u64 map, u64 data, u64 size, u64 flags, u64 r5)
{
	return ringbuf_output(map_of(map), (const void *)(uintptr_t)data, size, flags);
}

static u64 ring_reserve(struct vm_run *run, u64 map, u64 size, u64 flags, u64 r4, u64 r5)
{
	void *sample = ringbuf_reserve(map_of(map), size, flags);

	if (sample && !guard_add_record(run, map_of(map), sample, size))
		return 0;
	return (uintptr_t)sample;
}

/* The helpers that end a record are not told the map. */
void vm_ring_finish(struct vm_run *run, u64 sample, u64 flags, bool keep)
{
	struct map *map = guard_drop_record(run, sample);

	if (!map)
		vm_fault(run, "%#llx is not a record from bpf_ringbuf_reserve",
			 (unsigned long long)sample);
	else if (keep)
		ringbuf_submit(map, (void *)(uintptr_t)sample, flags);
	else
		ringbuf_discard(map, (void *)(uintptr_t)sample, flags);
}

static u64 ring_submit(struct vm_run *run, u64 sample, u64 flags, u64 r3, u64 r4, u64 r5)
{
	vm_ring_finish(run, sample, flags, true);
	return 0;
}

static u64 ring_discard(struct vm_run *run, u64 sample, u64 flags, u64 r3, u64 r4, u64 r5)
{
	vm_ring_finish(run, sample, flags, false);
	return 0;
}

static u64 ring_query(struct vm_run *run, u64 map, u64 flags, u64 r3, u64 r4, u64 r5)
{
	return ringbuf_query(map_of(map), flags);
}

/*
 * Programs on packets may ask for the first bytes of the packet behind their own data; the number
 * stands in the flags. Any other program has nothing to add.
 */
static u64 perf_event_output(struct vm_run *run, u64 ctx, u64 map, u64 flags, u64 data, u64 size)
{
	struct vm_pkt *pkt = run->env->pkt;
	u64 nr = (flags & BPF_F_CTXLEN_MASK) >> 32;
	const void *more = NULL;

	if (flags & ~(BPF_F_INDEX_MASK | (pkt ? BPF_F_CTXLEN_MASK : 0)))
		return -EINVAL;
	if (nr && nr > vm_pkt_linear(pkt))
		return -EFAULT;
	if (nr)
		more = pkt->data;
	return perf_output(map_of(map), flags & BPF_F_INDEX_MASK, map_current_cpu(),
			   (const void *)(uintptr_t)data, size, more, nr);
}

/*
 * Counters of the machine: a map holds none of them here, so every slot is empty, as in a kernel
 * where nobody opened an event.
 */
static long no_counter(const struct map *map, u64 flags)
{
	u64 idx = flags & BPF_F_INDEX_MASK;

	if (flags & ~BPF_F_INDEX_MASK)
		return -EINVAL;
	if (idx == BPF_F_CURRENT_CPU)
		idx = map_current_cpu();
	return idx >= map->def.max_entries ? -E2BIG : -ENOENT;
}

static u64 event_read(struct vm_run *run, u64 map, u64 flags, u64 r3, u64 r4, u64 r5)
{
	return no_counter(map_of(map), flags);
}

static u64 event_read_value(struct vm_run *run, u64 map, u64 flags, u64 buf, u64 size, u64 r5)
{
	mem_zero((void *)(uintptr_t)buf, size);
	if (size != sizeof(struct bpf_perf_event_value))
		return -EINVAL;
	return no_counter(map_of(map), flags);
}

const struct vm_helper helpers_ring[] = {
	{SPEC_HELPER_ringbuf_output, ring_output},
	{SPEC_HELPER_ringbuf_reserve, ring_reserve},
	{SPEC_HELPER_ringbuf_submit, ring_submit},
	{SPEC_HELPER_ringbuf_discard, ring_discard},
	{SPEC_HELPER_ringbuf_query, ring_query},
	{SPEC_HELPER_perf_event_output, perf_event_output},
	{SPEC_HELPER_perf_event_read, event_read},
	{SPEC_HELPER_perf_event_read_value, event_read_value},
	{0, NULL},
};
