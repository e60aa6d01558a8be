/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The perf buffers of a map, one per CPU, merged by time.
 *
 * How often a perf buffer wakes its reader is fixed when its event is opened. So each CPU has two
 * events that write to one buffer: `rare` wakes by how full it is, `each` by every record; which of
 * them stands in the map decides.
 */
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel_source.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGES_MIN  64 /* of a CPU's buffer; powers of two */
#define PAGES_MAX  256
#define PAGES_ALL  512 /* of all CPUs, where there are few */
#define WAKE_SHARE 8   /* of the buffer, before `rare` wakes */

struct cpu_buffer {
	u32 cpu;
	int rare, each;
	struct perf_event_mmap_page *page;
	const u8 *data;
	u64 head, tail; /* as of this drain */
	u64 next;       /* the time of the record at tail */
	u16 next_size;
	u32 next_type;
};

struct perf {
	struct kernel_source source;
	struct cpu_buffer *cpus;
	u32 nr;
	int map_fd;
	u64 size; /* of the data of each */
	u64 page;
	u8 record[1 << 16]; /* one that goes over the buffer's end, in one piece */
};

struct sample { /* PERF_SAMPLE_TIME | PERF_SAMPLE_RAW */
	struct perf_event_header header;
	u64 time;
	u32 size;
	u8 data[];
} __attribute__((packed));

struct lost {
	struct perf_event_header header;
	u64 id, lost;
};

/* --- reading ---------------------------------------------------------------------------------- */

static void copy_out(const struct perf *p, const struct cpu_buffer *c, void *to, u64 pos,
		     size_t size)
{
	u64 off = pos & (p->size - 1), first = min_u64(size, p->size - off);

	memcpy(to, c->data + off, first);
	memcpy((u8 *)to + first, c->data, size - first);
}

/* Look at the record at tail; false: there is none. */
static bool look(struct perf *p, struct cpu_buffer *c)
{
	struct sample s;

	if (c->tail >= c->head)
		return false;
	copy_out(p, c, &s, c->tail, sizeof(s));
	c->next_type = s.header.type;
	c->next_size = s.header.size;
	c->next = s.header.type == PERF_RECORD_SAMPLE ? s.time : 0; /* others at once */
	if (s.header.size >= sizeof(s.header))
		return true;
	c->tail = c->head; /* never seen: it would be for ever */
	return false;
}

static bool take_sample(struct perf *p, struct cpu_buffer *c)
{
	u64 off = c->tail & (p->size - 1);
	const struct sample *s = (const void *)(c->data + off);
	struct skep_event ev = {.kind = SKEP_EVENT_RECORD, .cpu = c->cpu};

	if (off + c->next_size > p->size) {
		copy_out(p, c, p->record, c->tail, c->next_size);
		s = (const void *)p->record;
	}
	if (c->next_size < sizeof(*s) || s->size > c->next_size - sizeof(*s))
		return false;
	ev.time_ns = s->time;
	ev.data = s->data;
	ev.size = s->size;
	p->source.sink->record(&p->source, &ev);
	return true;
}

static bool take(struct perf *p, struct cpu_buffer *c)
{
	bool taken = false;
	struct lost l;

	if (c->next_type == PERF_RECORD_SAMPLE) {
		taken = take_sample(p, c);
	} else if (c->next_type == PERF_RECORD_LOST && c->next_size >= sizeof(l)) {
		copy_out(p, c, &l, c->tail, sizeof(l));
		p->source.lost += l.lost;
	}
	c->tail += c->next_size;
	return taken;
}

static struct cpu_buffer *earliest(struct perf *p)
{
	struct cpu_buffer *first = NULL;

	for (u32 i = 0; i < p->nr; i++) {
		struct cpu_buffer *c = &p->cpus[i];

		if (c->next_size && (!first || c->next < first->next))
			first = c;
	}
	return first;
}

static void begin(struct perf *p, struct cpu_buffer *c)
{
	c->head = __atomic_load_n(&c->page->data_head, __ATOMIC_ACQUIRE);
	c->next_size = 0;
	look(p, c);
}

static u32 perf_drain(struct kernel_source *s)
{
	struct perf *p = container_of(s, struct perf, source);
	struct cpu_buffer *c;
	u32 taken = 0;

	for (u32 i = 0; i < p->nr; i++)
		begin(p, &p->cpus[i]);
	while (taken < SOURCE_BUDGET && (c = earliest(p))) {
		taken += take(p, c);
		c->next_size = 0;
		if (!look(p, c)) {
			__atomic_store_n(&c->page->data_tail, c->tail, __ATOMIC_RELEASE);
			begin(p, c);
		}
	}
	for (u32 i = 0; i < p->nr; i++)
		__atomic_store_n(&p->cpus[i].page->data_tail, p->cpus[i].tail, __ATOMIC_RELEASE);
	return taken;
}

static void perf_set_batch(struct kernel_source *s, bool batch)
{
	struct perf *p = container_of(s, struct perf, source);

	for (u32 i = 0; i < p->nr; i++) {
		const struct cpu_buffer *c = &p->cpus[i];

		if (bpf_map_update_elem(p->map_fd, &c->cpu, batch ? &c->rare : &c->each, BPF_ANY))
			log_debug("perf buffer of CPU %u: %s", c->cpu, strerror(errno));
	}
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_event(u32 cpu, bool each, u64 size)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
		.sample_period = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = !each,
	};
	long fd;

	if (each)
		attr.wakeup_events = 1;
	else
		attr.wakeup_watermark = (u32)(size / WAKE_SHARE);
	fd = syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

static int open_cpu(struct perf *p, struct cpu_buffer *c)
{
	void *mem;

	c->rare = open_event(c->cpu, false, p->size);
	if (c->rare < 0)
		return c->rare;
	mem = mmap(NULL, p->page + p->size, PROT_READ | PROT_WRITE, MAP_SHARED, c->rare, 0);
	if (mem == MAP_FAILED)
		return -errno;
	c->page = mem;
	c->data = (const u8 *)mem + p->page;
	c->each = open_event(c->cpu, true, p->size);
	if (c->each < 0)
		return c->each;
	if (ioctl(c->each, PERF_EVENT_IOC_SET_OUTPUT, c->rare) ||
	    bpf_map_update_elem(p->map_fd, &c->cpu, &c->each, BPF_ANY))
		return -errno;
	return p->source.sink->watch(p->source.sink, c->rare);
}

static void close_cpu(const struct perf *p, struct cpu_buffer *c)
{
	if (c->each >= 0)
		close(c->each);
	if (c->page)
		munmap(c->page, p->page + p->size);
	if (c->rare >= 0)
		close(c->rare);
}

static void perf_free(struct kernel_source *s)
{
	struct perf *p = container_of(s, struct perf, source);

	for (u32 i = 0; i < p->nr; i++)
		close_cpu(p, &p->cpus[i]);
	mem_free(p->cpus);
	mem_free(p);
}

static const struct kernel_source_ops ops = {
	.drain = perf_drain,
	.set_batch = perf_set_batch,
	.free = perf_free,
};

/* CPUs that are offline have no buffer: a program that runs on one later counts as losing. */
static int open_cpus(struct perf *p, u32 max_cpus)
{
	for (u32 cpu = 0; cpu < max_cpus; cpu++) {
		struct cpu_buffer *c = &p->cpus[p->nr];
		int err;

		*c = (struct cpu_buffer){.cpu = cpu, .rare = -1, .each = -1};
		err = open_cpu(p, c);
		if (err == -ENODEV) {
			close_cpu(p, c);
			continue;
		}
		p->nr++;
		if (err)
			return err;
	}
	return p->nr ? 0 : -ENODEV;
}

static u64 pages_per_cpu(void)
{
	u64 pages = PAGES_MAX;

	while (pages > PAGES_MIN && pages * map_nr_cpus() > PAGES_ALL)
		pages /= 2;
	return pages;
}

static int open_buffers(const struct kernel_source_sink *sink, int fd, u32 nr, u64 pages,
			struct kernel_source **ret)
{
	struct perf *p = mem_zalloc(sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->source = (struct kernel_source){.ops = &ops, .sink = sink};
	p->map_fd = fd;
	p->page = (u64)sysconf(_SC_PAGESIZE);
	p->size = pages * p->page;
	p->cpus = mem_calloc(nr + 1, sizeof(*p->cpus));
	err = p->cpus ? open_cpus(p, nr) : -ENOMEM;
	if (err)
		perf_free(&p->source);
	else
		*ret = &p->source;
	return err;
}

/* How much a user may lock is limited (kernel.perf_event_mlock_kb): less will do then. */
int kernel_perfbuf_open(const struct kernel_source_sink *sink, int fd, u32 max_entries,
			struct kernel_source **ret)
{
	u32 nr = (u32)min_u64(map_nr_cpus(), max_entries);
	u64 pages = pages_per_cpu();
	int err = open_buffers(sink, fd, nr, pages, ret);

	while (err == -EPERM && pages > 1) {
		pages /= 2;
		err = open_buffers(sink, fd, nr, pages, ret);
	}
	return err;
}
