/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * ringbuf and user_ringbuf, as the kernel's ringbuf.c: records of an 8-byte header and data,
 * rounded up to 8, in a ring whose pages are mapped twice in a row, so that each record is
 * contiguous. Positions only grow; the place in the ring is position & mask.
 *
 * ringbuf: programs produce. Under the lock a producer moves producer_pos past its record, marked
 * BUSY; it fills it without the lock and clears the mark. The consumer stops at a BUSY record, so
 * records come out in the order in which they were reserved. pending_pos follows the oldest BUSY
 * record: what lies between it and producer_pos must also fit the ring.
 *
 * user_ringbuf: the user produces, under the same lock; programs drain, one at a time (-EBUSY).
 *
 * A program without the verifier before it may have written over headers. They are not believed:
 * lengths are checked against the positions, and a ring that makes no sense is emptied (the
 * records count as lost).
 */
#include "map/impl.h"
#include <sys/mman.h>
#include <unistd.h>

#define HDR_SIZE    BPF_RINGBUF_HDR_SZ
#define BUSY        ((u32)BPF_RINGBUF_BUSY_BIT)
#define DISCARD     ((u32)BPF_RINGBUF_DISCARD_BIT)
#define MAX_RECORD  (UINT32_MAX / 4)
#define MAX_DYNPTR  ((1u << 24) - 1) /* a drained sample becomes a dynptr */
#define MAX_DRAIN   (128 * 1024)     /* samples in one call */
#define META_PAGES  3                /* in front of the data in the kernel: pg_off counts them */
#define KERNEL_PAGE 4096

struct hdr {
	u32 len; /* with BUSY and DISCARD */
	u32 pg_off;
};

struct ring {
	struct map map;
	struct map_waker waker;
	u32 lock; /* of producers */
	u32 busy; /* one consumer */
	u64 mask;
	char *data;
	u64 consumer_pos __attribute__((aligned(64)));
	u64 producer_pos __attribute__((aligned(64)));
	u64 pending_pos;
	u64 produced, lost, discarded;
	u64 delivered __attribute__((aligned(64)));
};

static struct ring *to_ring(const struct map *map)
{
	return container_of(map, struct ring, map);
}

static u64 load_pos(const u64 *pos)
{
	return __atomic_load_n(pos, __ATOMIC_ACQUIRE);
}

static void store_pos(u64 *pos, u64 value)
{
	__atomic_store_n(pos, value, __ATOMIC_RELEASE);
}

static struct hdr *hdr_at(const struct ring *r, u64 pos)
{
	return (struct hdr *)(r->data + (pos & r->mask));
}

static u64 record_size(u32 len)
{
	return align_up((u64)(len & ~(BUSY | DISCARD)) + HDR_SIZE, 8);
}

/* --- life ------------------------------------------------------------------------------------- */

static int ring_check(const struct map_def *def, struct skep_diag *diag)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE), nr = def->max_entries;

	if (def->flags & ~(u32)BPF_F_NUMA_NODE)
		return refuse(diag, -EINVAL, "map_flags %#x mean nothing for a ring buffer",
			      def->flags);
	if (def->key_size || def->value_size)
		return refuse(diag, -EINVAL, "a ring buffer has neither keys nor values");
	if (!nr || nr & (nr - 1) || nr % page)
		return refuse(diag, -EINVAL,
			      "max_entries %u: the size of a ring buffer is a power of two and a "
			      "multiple of the page size (%u)",
			      def->max_entries, (u32)page);
	return 0;
}

static int map_twice(struct map *map, size_t size)
{
	char *p = map_reserve_lazy(map, 0, 2, size);
	int fd = p ? memfd_create("ringbuf", MFD_CLOEXEC) : -1, err = 0;
	int prot = PROT_READ | PROT_WRITE, how = MAP_SHARED | MAP_FIXED | MAP_NORESERVE;

	if (!p || fd < 0 || !map_charge(&map->areas[0], size)) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	if (ftruncate(fd, (off_t)size) || mmap(p, size, prot, how, fd, 0) == MAP_FAILED ||
	    mmap(p + size, size, prot, how, fd, 0) == MAP_FAILED)
		err = -ENOMEM;
	close(fd);
	return err;
}

static int ring_init(struct map *map, struct skep_diag *diag)
{
	struct ring *r = to_ring(map);
	int err = map_twice(map, map->def.max_entries);

	if (err)
		return err;
	r->data = map->areas[0].p;
	r->mask = (u64)map->def.max_entries - 1;
	map->mem.base = r->data;
	map->mem.size = map->mem.value_len = 2 * (size_t)map->def.max_entries;
	return 0;
}

static void ring_done(struct map *map)
{
	map_waker_done(&to_ring(map)->waker);
}

/* --- programs produce ------------------------------------------------------------------------- */

/* Past the records that are finished; never past prod, whatever the headers say. */
static u64 skip_finished(struct ring *r, u64 pend, u64 prod)
{
	while (pend < prod) {
		u32 len = __atomic_load_n(&hdr_at(r, pend)->len, __ATOMIC_ACQUIRE);

		if (len & BUSY)
			break;
		pend = min_u64(pend + record_size(len), prod);
	}
	return pend;
}

static void *take_room(struct ring *r, u64 size)
{
	u64 total = align_up(size + HDR_SIZE, 8), cons, prod, end;
	struct hdr *hdr = NULL;

	if (size > MAX_RECORD || total > r->mask + 1)
		return NULL;
	cons = load_pos(&r->consumer_pos);
	map_lock(&r->lock);
	prod = r->producer_pos;
	end = prod + total;
	r->pending_pos = skip_finished(r, r->pending_pos, prod);
	if (end - cons <= r->mask && end - r->pending_pos <= r->mask) {
		hdr = hdr_at(r, prod);
		hdr->pg_off = META_PAGES + (u32)((prod & r->mask) / KERNEL_PAGE);
		__atomic_store_n(&hdr->len, (u32)size | BUSY, __ATOMIC_RELAXED);
		store_pos(&r->producer_pos, end);
	}
	map_unlock(&r->lock);
	return hdr ? hdr + 1 : NULL;
}

static void *reserve(struct ring *r, u64 size)
{
	void *sample = take_room(r, size);

	if (!sample)
		count_add(&r->lost, 1);
	return sample;
}

void *ringbuf_reserve(struct map *map, u64 size, u64 flags)
{
	return flags || map->ops != &map_ringbuf_ops ? NULL : reserve(to_ring(map), size);
}

/* The header of a sample that was reserved and not yet given back; else NULL. */
static struct hdr *busy_hdr(const struct ring *r, void *sample)
{
	u64 off = (u64)((char *)sample - r->data);
	struct hdr *hdr = (struct hdr *)((char *)sample - HDR_SIZE);

	if (off < HDR_SIZE || off > r->mask + HDR_SIZE || off % 8)
		return NULL;
	return __atomic_load_n(&hdr->len, __ATOMIC_RELAXED) & BUSY ? hdr : NULL;
}

static void commit(struct ring *r, void *sample, u64 flags, u32 mark)
{
	struct hdr *hdr = busy_hdr(r, sample);
	u64 at, cons;

	if (!hdr)
		return;
	at = (u64)((char *)hdr - r->data) & r->mask;
	if (mark)
		count_add(&r->discarded, 1);
	else
		count_add(&r->produced, 1);
	__atomic_store_n(&hdr->len, (hdr->len & ~BUSY) | mark, __ATOMIC_SEQ_CST);
	cons = __atomic_load_n(&r->consumer_pos, __ATOMIC_SEQ_CST) & r->mask;
	if (flags & BPF_RB_FORCE_WAKEUP || (cons == at && !(flags & BPF_RB_NO_WAKEUP)))
		map_waker_wake(&r->waker);
}

void ringbuf_submit(struct map *map, void *sample, u64 flags)
{
	commit(to_ring(map), sample, flags, 0);
}

void ringbuf_discard(struct map *map, void *sample, u64 flags)
{
	commit(to_ring(map), sample, flags, DISCARD);
}

long ringbuf_output(struct map *map, const void *data, u64 size, u64 flags)
{
	struct ring *r = to_ring(map);
	void *sample;

	if (flags & ~(u64)(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP) || map->ops != &map_ringbuf_ops)
		return -EINVAL;
	sample = reserve(r, size);
	if (!sample)
		return -EAGAIN;
	memmove(sample, data, size); /* data may be an old record */
	commit(r, sample, flags, 0);
	return 0;
}

u64 ringbuf_query(struct map *map, u64 flags)
{
	struct ring *r = to_ring(map);
	u64 cons = load_pos(&r->consumer_pos), prod = load_pos(&r->producer_pos);
	u64 answers[] = {
		[BPF_RB_AVAIL_DATA] = prod - cons,
		[BPF_RB_RING_SIZE] = r->mask + 1,
		[BPF_RB_CONS_POS] = cons,
		[BPF_RB_PROD_POS] = prod,
	};

	return flags < ARRAY_SIZE(answers) ? answers[flags] : 0;
}

/* --- the user consumes ------------------------------------------------------------------------ */

/* A header was written over: what is in the ring cannot be told apart. */
static void empty_ring(struct ring *r, u64 prod)
{
	u64 in_ring = count_get(&r->produced) - count_get(&r->delivered);

	count_add(&r->produced, -in_ring);
	count_add(&r->lost, in_ring);
	store_pos(&r->consumer_pos, prod);
}

static long consume(struct ring *r, map_record_fn fn, void *ctx)
{
	u64 cons = r->consumer_pos, prod;
	long nr = 0;
	int stop = 0;

	while (!stop && cons < (prod = load_pos(&r->producer_pos))) {
		struct hdr *hdr = hdr_at(r, cons);
		u32 len = __atomic_load_n(&hdr->len, __ATOMIC_SEQ_CST);

		if (len & BUSY)
			break;
		if (record_size(len) > prod - cons) {
			empty_ring(r, prod);
			break;
		}
		cons += record_size(len);
		if (!(len & DISCARD)) {
			count_add(&r->delivered, 1);
			nr++;
			stop = fn(ctx, 0, hdr + 1, len);
		}
		__atomic_store_n(&r->consumer_pos, cons, __ATOMIC_SEQ_CST);
	}
	if (stop)
		map_waker_wake(&r->waker); /* there may be more */
	return nr;
}

long ringbuf_consume(struct map *map, map_record_fn fn, void *ctx)
{
	struct ring *r = to_ring(map);
	long nr;

	if (map->ops != &map_ringbuf_ops)
		return -EINVAL;
	if (!map_trylock(&r->busy))
		return -EBUSY;
	map_waker_reset(&r->waker);
	nr = consume(r, fn, ctx);
	map_unlock(&r->busy);
	return nr;
}

static void ring_stats(const struct map *map, struct map_stats *ret)
{
	const struct ring *r = to_ring(map);

	ret->produced = count_get(&r->produced);
	ret->lost = count_get(&r->lost);
	ret->delivered = count_get(&r->delivered);
	ret->discarded = count_get(&r->discarded);
}

static int ring_poll_fd(struct map *map)
{
	return map_waker_fd(&to_ring(map)->waker);
}

/* --- the user produces, programs drain -------------------------------------------------------- */

int user_ringbuf_push(struct map *map, const void *data, u32 size)
{
	struct ring *r = to_ring(map);
	u64 total = align_up((u64)size + HDR_SIZE, 8);
	struct hdr *hdr;
	int err = -ENOSPC;

	if (map->ops != &map_user_ringbuf_ops)
		return -EINVAL;
	if (size & (BUSY | DISCARD) || total > r->mask + 1)
		return -E2BIG;
	map_lock(&r->lock);
	if (r->producer_pos - load_pos(&r->consumer_pos) + total <= r->mask + 1) {
		hdr = hdr_at(r, r->producer_pos);
		*hdr = (struct hdr){.len = size};
		memcpy(hdr + 1, data, size);
		store_pos(&r->producer_pos, r->producer_pos + total);
		count_add(&r->produced, 1);
		err = 0;
	}
	map_unlock(&r->lock);
	return err;
}

/* The next sample: its length, or -ENODATA, or another errno for a ring that makes no sense. */
static long peek(struct ring *r, u64 cons)
{
	u64 prod = load_pos(&r->producer_pos);
	u32 len;

	if (cons >= prod)
		return -ENODATA;
	len = __atomic_load_n(&hdr_at(r, cons)->len, __ATOMIC_ACQUIRE);
	if (record_size(len) > prod - cons)
		return -EINVAL;
	return len & (BUSY | DISCARD) || len > MAX_DYNPTR ? -E2BIG : (long)len;
}

static long drain(struct ring *r, map_drain_fn fn, void *ctx)
{
	long nr, ret = 0, len;

	for (nr = 0; nr < MAX_DRAIN && !ret; nr++) {
		u64 cons = r->consumer_pos;

		len = peek(r, cons);
		if (len < 0)
			return len == -ENODATA ? nr : len;
		count_add(&r->delivered, 1);
		ret = fn(ctx, hdr_at(r, cons) + 1, (u32)len);
		store_pos(&r->consumer_pos, cons + record_size((u32)len));
	}
	return nr;
}

long user_ringbuf_drain(struct map *map, map_drain_fn fn, void *ctx, u64 flags)
{
	struct ring *r = to_ring(map);
	long nr;

	if (flags & ~(u64)(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP) ||
	    map->ops != &map_user_ringbuf_ops)
		return -EINVAL;
	if (!map_trylock(&r->busy))
		return -EBUSY;
	nr = drain(r, fn, ctx);
	map_unlock(&r->busy);
	if (flags & BPF_RB_FORCE_WAKEUP || (nr > 0 && !(flags & BPF_RB_NO_WAKEUP)))
		map_waker_wake(&r->waker);
	return nr;
}

/* --- bpf(2) ----------------------------------------------------------------------------------- */

static int ring_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	return -ENOTSUPP;
}

static int ring_user_update(struct map *map, const void *key, const void *value, u64 flags)
{
	return -ENOTSUPP;
}

static int ring_user_remove(struct map *map, const void *key)
{
	return -ENOTSUPP;
}

static int ring_next_key(struct map *map, const void *key, void *next)
{
	return -ENOTSUPP;
}

#define RING_OPS                                                                                   \
	.size = sizeof(struct ring), .flags = MAP_T_NO_KEY, .check = ring_check,                   \
	.init = ring_init, .done = ring_done, .user_lookup = ring_user_lookup,                     \
	.user_update = ring_user_update, .user_remove = ring_user_remove,                          \
	.next_key = ring_next_key, .stats = ring_stats, .poll_fd = ring_poll_fd

const struct map_ops map_ringbuf_ops = {
	.name = "ringbuf",
	RING_OPS,
};

const struct map_ops map_user_ringbuf_ops = {
	.name = "user_ringbuf",
	RING_OPS,
};
