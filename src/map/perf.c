/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * perf_event_array: a bounded queue of records per CPU, as bpf_perf_event_output writes them into
 * perf's ring buffers (kernel/trace/bpf_trace.c, kernel/events/ring_buffer.c). Each CPU's event is
 * open from the start, as libbpf's perf_buffer opens them; the user may close (delete) and open
 * (update) them.
 *
 * A queue counts room as perf does: a header of 8 bytes and a size of 4 before the data, rounded
 * up to 8, and one byte always stays free. A record that finds no room is lost and counted:
 * records that programs output = produced + lost, and produced = delivered + what still waits.
 */
#include "map/impl.h"
#include <unistd.h>

#define DEFAULT_PAGES  64           /* per CPU: bcc's and libbpf-tools' habit */
#define MAX_PAGES      (1 << 18)    /* 1 GiB per CPU */
#define MAX_RECORD     (65535 - 16) /* a perf record's size is 16 bits wide */
#define PERF_OVERHEAD  12
#define FLAG_CTX_BYTES BPF_F_CTXLEN_MASK

struct queue {
	u32 lock; /* of producers */
	u32 open;
	u64 head, tail; /* bytes ever written, ever read */
	u64 produced, lost, delivered;
} __attribute__((aligned(64)));

struct perf {
	struct map map;
	struct map_waker waker;
	u32 consuming;
	u32 started;
	u64 size; /* of each queue */
	u32 nr;   /* queues */
	struct queue *queues;
	char *bounce; /* of the consumer: a record that wraps */
};

static struct perf *to_perf(const struct map *map)
{
	return container_of(map, struct perf, map);
}

static int reserve_queues(struct perf *p, u32 pages)
{
	u64 size = (u64)pages * (u64)sysconf(_SC_PAGESIZE);

	if (!map_reserve(&p->map, 0, p->nr, size))
		return -ENOMEM;
	p->size = size;
	return 0;
}

static int perf_init(struct map *map, struct skep_diag *diag)
{
	struct perf *p = to_perf(map);

	p->nr = (u32)min_u64(map->nr_cpus, map->def.max_entries);
	p->bounce = mem_alloc(MAX_RECORD);
	p->queues = (struct queue *)map_reserve(map, 1, p->nr, sizeof(*p->queues));
	if (!p->bounce || !p->queues)
		return -ENOMEM;
	for (u32 i = 0; i < p->nr; i++)
		p->queues[i].open = 1;
	return reserve_queues(p, DEFAULT_PAGES);
}

static void perf_done(struct map *map)
{
	struct perf *p = to_perf(map);

	map_waker_done(&p->waker);
	mem_free(p->bounce);
}

int perf_set_pages(struct map *map, u32 pages)
{
	struct perf *p = to_perf(map);
	struct map_area old = map->areas[0];
	int err;

	if (map->def.type != BPF_MAP_TYPE_PERF_EVENT_ARRAY || !pages || pages & (pages - 1) ||
	    pages > MAX_PAGES)
		return -EINVAL;
	if (__atomic_load_n(&p->started, __ATOMIC_RELAXED))
		return -EBUSY;
	err = reserve_queues(p, pages);
	if (err)
		map->areas[0] = old;
	else
		map_unreserve(&old);
	return err;
}

/* --- produce ---------------------------------------------------------------------------------- */

static char *queue_base(struct perf *p, struct queue *q)
{
	return p->map.areas[0].p + (size_t)(q - p->queues) * p->size;
}

static void put_bytes(struct perf *p, struct queue *q, u64 at, const void *data, u64 size)
{
	char *base = queue_base(p, q);
	u64 off = at & (p->size - 1), first = min_u64(size, p->size - off);

	if (!size)
		return;
	memcpy(base + off, data, first);
	memcpy(base, (const char *)data + first, size - first);
}

static bool put_record(struct perf *p, struct queue *q, const void *data, u64 size,
		       const void *more, u64 more_size)
{
	u64 total = size + more_size, need = align_up(PERF_OVERHEAD + total, 8);
	u64 tail = __atomic_load_n(&q->tail, __ATOMIC_ACQUIRE);

	if (q->head - tail + need > p->size - 1)
		return false;
	put_bytes(p, q, q->head, &total, sizeof(total));
	put_bytes(p, q, q->head + 8, data, size);
	put_bytes(p, q, q->head + 8 + size, more, more_size);
	__atomic_store_n(&q->head, q->head + need, __ATOMIC_RELEASE);
	return true;
}

static long output(struct perf *p, struct queue *q, const void *data, u64 size, const void *more,
		   u64 more_size)
{
	bool ok;

	__atomic_store_n(&p->started, 1, __ATOMIC_RELAXED);
	map_lock(&q->lock);
	ok = put_record(p, q, data, size, more, more_size);
	map_unlock(&q->lock);
	if (ok)
		count_add(&q->produced, 1);
	else
		count_add(&q->lost, 1);
	map_waker_wake(&p->waker);
	return ok ? 0 : -ENOSPC;
}

long perf_output(struct map *map, u64 flags, u32 this_cpu, const void *data, u64 size,
		 const void *more, u64 more_size)
{
	struct perf *p = to_perf(map);
	u64 idx = flags & BPF_F_INDEX_MASK;

	if (map->def.type != BPF_MAP_TYPE_PERF_EVENT_ARRAY ||
	    flags & ~(BPF_F_INDEX_MASK | (more ? FLAG_CTX_BYTES : 0)))
		return -EINVAL;
	if (idx == BPF_F_CURRENT_CPU)
		idx = this_cpu;
	if (idx >= map->def.max_entries)
		return -E2BIG;
	if (idx >= p->nr || !__atomic_load_n(&p->queues[idx].open, __ATOMIC_ACQUIRE))
		return -ENOENT;
	if (idx != this_cpu)
		return -EOPNOTSUPP;
	if (size > MAX_RECORD || more_size > MAX_RECORD - size)
		return -E2BIG;
	return output(p, &p->queues[idx], data, size, more, more_size);
}

/* --- consume ---------------------------------------------------------------------------------- */

static const char *record_data(struct perf *p, struct queue *q, u64 at, u64 size)
{
	const char *base = queue_base(p, q);
	u64 off = at & (p->size - 1), first = min_u64(size, p->size - off);

	if (first == size)
		return base + off;
	memcpy(p->bounce, base + off, first);
	memcpy(p->bounce + first, base, size - first);
	return p->bounce;
}

/* The number of records; *ret_stop when the callback had enough. */
static long consume_queue(struct perf *p, struct queue *q, map_record_fn fn, void *ctx,
			  int *ret_stop)
{
	u64 head = __atomic_load_n(&q->head, __ATOMIC_ACQUIRE), size;
	u32 cpu = (u32)(q - p->queues);
	long nr = 0;

	while (q->tail != head && !*ret_stop) {
		memcpy(&size, record_data(p, q, q->tail, sizeof(size)), sizeof(size));
		count_add(&q->delivered, 1);
		nr++;
		*ret_stop = fn(ctx, cpu, record_data(p, q, q->tail + 8, size), size);
		__atomic_store_n(&q->tail, q->tail + align_up(PERF_OVERHEAD + size, 8),
				 __ATOMIC_RELEASE);
	}
	return nr;
}

long perf_consume(struct map *map, map_record_fn fn, void *ctx)
{
	struct perf *p = to_perf(map);
	int stop = 0;
	long nr = 0;

	if (map->def.type != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		return -EINVAL;
	if (!map_trylock(&p->consuming))
		return -EBUSY;
	map_waker_reset(&p->waker);
	for (u32 i = 0; i < p->nr && !stop; i++)
		nr += consume_queue(p, &p->queues[i], fn, ctx, &stop);
	if (stop)
		map_waker_wake(&p->waker); /* there may be more */
	map_unlock(&p->consuming);
	return nr;
}

static void perf_stats(const struct map *map, struct map_stats *ret)
{
	const struct perf *p = to_perf(map);

	for (u32 i = 0; i < p->nr; i++) {
		ret->produced += count_get(&p->queues[i].produced);
		ret->lost += count_get(&p->queues[i].lost);
		ret->delivered += count_get(&p->queues[i].delivered);
	}
}

static int perf_poll_fd(struct map *map)
{
	return map_waker_fd(&to_perf(map)->waker);
}

/* --- the user's side -------------------------------------------------------------------------- */

static int perf_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	return -ENOTSUPP;
}

static int perf_user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	struct perf *p = to_perf(map);
	u32 idx = map_key_index(key);

	if (flags != BPF_ANY)
		return -EINVAL;
	if (idx >= map->def.max_entries)
		return -E2BIG;
	if (idx >= p->nr)
		return -EBADF; /* no event can be open on a CPU that is not there */
	__atomic_store_n(&p->queues[idx].open, 1, __ATOMIC_RELEASE);
	return 0;
}

static int perf_user_remove(struct map *map, const void *key)
{
	struct perf *p = to_perf(map);
	u32 idx = map_key_index(key);

	if (idx >= map->def.max_entries)
		return -E2BIG;
	if (idx >= p->nr)
		return -ENOENT;
	return __atomic_exchange_n(&p->queues[idx].open, 0, __ATOMIC_ACQ_REL) ? 0 : -ENOENT;
}

const struct map_ops map_perf_ops = {
	.name = "perf_event_array",
	.size = sizeof(struct perf),
	.flags = MAP_T_FD,
	.check = map_fd_array_check,
	.init = perf_init,
	.done = perf_done,
	.lookup = map_no_lookup,
	.user_lookup = perf_user_lookup,
	.user_update = perf_user_update,
	.user_remove = perf_user_remove,
	.next_key = map_array_next_key,
	.stats = perf_stats,
	.poll_fd = perf_poll_fd,
};
