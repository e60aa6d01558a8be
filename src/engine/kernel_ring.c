/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A ring buffer of the kernel, read in place. Its memory: a page with the consumer's position, a
 * page with the producer's, then the data, mapped twice so that no record is cut.
 *
 * The consumer's position is the producers' too: each of them reads it, so it is written once per
 * PUBLISH_SHARE of the buffer and at the end, not per record. The kernel wakes the reader for the
 * record that stands at the consumer's position; so after the last store comes a full barrier and
 * one more look, or a wakeup could be missed.
 */
#include "base/mem.h"
#include "engine/kernel_source.h"
#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#define PUBLISH_SHARE 32
#define HEADER        8
#define LENGTH_MASK   (~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT))

struct ring {
	struct kernel_source source;
	u64 *consumer;       /* a page of its own */
	const u64 *producer; /* a page, then the data twice */
	const u8 *data;
	u64 size, page;
	u64 published;
};

static u32 length_at(const struct ring *r, u64 pos)
{
	return __atomic_load_n((const u32 *)(r->data + (pos & (r->size - 1))), __ATOMIC_ACQUIRE);
}

static void publish(struct ring *r, u64 pos)
{
	__atomic_store_n(r->consumer, pos, __ATOMIC_RELEASE);
	r->published = pos;
}

static void take(struct ring *r, u64 pos, u32 len)
{
	struct skep_event ev = {
		.kind = SKEP_EVENT_RECORD,
		.data = r->data + (pos & (r->size - 1)) + HEADER,
		.size = len,
	};

	r->source.sink->record(&r->source, &ev);
}

/* From pos to the end of what is there; false: a record is still being written. */
static bool take_all(struct ring *r, u64 *pos, u32 *taken)
{
	u64 end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);

	while (*pos < end && *taken < SOURCE_BUDGET) {
		u32 len = length_at(r, *pos);

		if (len & BPF_RINGBUF_BUSY_BIT)
			return false;
		if (len & BPF_RINGBUF_DISCARD_BIT) {
			r->source.discarded++;
		} else {
			take(r, *pos, len);
			++*taken;
		}
		*pos += align_up((len & ~BPF_RINGBUF_DISCARD_BIT) + HEADER, 8);
		if (*pos - r->published > r->size / PUBLISH_SHARE)
			publish(r, *pos);
	}
	return true;
}

static u32 ring_drain(struct kernel_source *s)
{
	struct ring *r = container_of(s, struct ring, source);
	u64 pos = r->published, before;
	u32 taken = 0;

	do {
		before = pos;
		take_all(r, &pos, &taken);
		publish(r, pos);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	} while (pos != before && taken < SOURCE_BUDGET);
	return taken;
}

static u64 ring_unread(struct kernel_source *s)
{
	struct ring *r = container_of(s, struct ring, source);
	u64 end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE), nr = 0;

	for (u64 pos = r->published; pos < end; nr++)
		pos += align_up((length_at(r, pos) & LENGTH_MASK) + HEADER, 8);
	return nr;
}

static void ring_free(struct kernel_source *s)
{
	struct ring *r = container_of(s, struct ring, source);

	if (r->consumer)
		munmap(r->consumer, r->page);
	if (r->producer)
		munmap((void *)r->producer, r->page + 2 * r->size);
	mem_free(r);
}

static const struct kernel_source_ops ops = {
	.drain = ring_drain,
	.unread = ring_unread,
	.free = ring_free,
};

static int map_pages(struct ring *r, int fd)
{
	void *p = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	r->consumer = p;
	p = mmap(NULL, r->page + 2 * r->size, PROT_READ, MAP_SHARED, fd, (off_t)r->page);
	if (p == MAP_FAILED)
		return -errno;
	r->producer = p;
	r->data = (const u8 *)p + r->page;
	r->published = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
	return 0;
}

int kernel_ring_open(const struct kernel_source_sink *sink, int fd, u32 size,
		     struct kernel_source **ret)
{
	struct ring *r = mem_zalloc(sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->source = (struct kernel_source){.ops = &ops, .sink = sink};
	r->size = size;
	r->page = (u64)sysconf(_SC_PAGESIZE);
	err = map_pages(r, fd);
	if (!err)
		err = sink->watch(sink, fd);
	if (err)
		ring_free(&r->source);
	else
		*ret = &r->source;
	return err;
}
