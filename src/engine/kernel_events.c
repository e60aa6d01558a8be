/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What programs in the kernel report, on its way to the caller; and how often the reader is woken.
 *
 * A wakeup costs the program that reports more than the record does, so there are two ways:
 *
 *   each   the reader sleeps until something comes, and each record that finds the buffer empty
 *          wakes it: nothing happens where nothing comes, and what comes is shown at once
 *   batch  programs wake the reader when a buffer is filled to a share (kernel_patch.c says how for
 *          ring buffers, kernel_perfbuf.c for perf buffers), and it looks by itself every BATCH_MS
 *
 * Many wakeups in a short time lead to batches; few records, back. A program that has seen `batch`
 * may not yet have handed over its record when the reader goes back to sleep: so the reader waits
 * until all programs that run have ended (a grace period, by membarrier), and looks once more.
 *
 * The books: what was put into a buffer is delivered, or dropped when nobody wants it any more.
 * What found no room is counted by the code that was put behind the call; a perf buffer's own count
 * of it is part of that, and is taken only where it is all there is.
 */
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include "engine/kernel_source.h"
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCH_MS    40 /* a record is on the screen soon after: 100 ms is the promise */
#define WINDOW_MS   200
#define WAKES_MANY  40 /* in a window: to batches */
#define RECORDS_FEW 20 /* in a window: back */
#define SETTLE      2  /* looks after BATCH_MS each when membarrier could not wait for all */

struct kernel_events {
	struct kernel_source_sink sink;
	struct kernel_engine *k;
	int epoll_fd;
	int wake_fd; /* an eventfd: kernel_events_wake */
	struct kernel_source **sources;
	u32 nr;
	u64 now;   /* CLOCK_MONOTONIC of this drain */
	bool more; /* a source has more than its budget */
	bool batch;
	u32 settle;
	u64 window;         /* when it began */
	u64 wakes, records; /* in it */
};

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ULL + (u64)ts.tv_nsec;
}

/* --- to the caller ---------------------------------------------------------------------------- */

static void on_record(struct kernel_source *s, const struct skep_event *record)
{
	struct kernel_events *ev = container_of(s->sink, struct kernel_events, sink);
	struct kernel_engine *k = ev->k;
	struct skep_event event = *record;

	if (k->end) {
		s->dropped++;
		return;
	}
	s->delivered++;
	event.sz = sizeof(event);
	event.map = s->map;
	if (!event.time_ns)
		event.time_ns = ev->now;
	if (k->opts.event)
		k->end = k->opts.event(k->opts.ctx, &event);
}

static u64 drain(struct kernel_events *ev)
{
	u64 taken = 0;

	ev->more = false;
	for (u32 i = 0; i < ev->nr; i++) {
		u32 n;

		ev->now = now_ns();
		n = ev->sources[i]->ops->drain(ev->sources[i]);
		ev->more |= n >= SOURCE_BUDGET;
		taken += n;
	}
	return taken;
}

/* --- how often to be woken -------------------------------------------------------------------- */

/* Returns when every program that ran when it was called has ended. */
static void grace_period(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		log_debug("membarrier: %s", strerror(errno));
}

static void set_batch(struct kernel_events *ev, bool batch)
{
	struct kernel_shared *shared = ev->k->patch.shared;

	ev->batch = batch;
	if (shared)
		__atomic_store_n(&shared->batch, batch ? ~0ULL : 0, __ATOMIC_SEQ_CST);
	for (u32 i = 0; i < ev->nr; i++)
		if (ev->sources[i]->ops->set_batch)
			ev->sources[i]->ops->set_batch(ev->sources[i], batch);
	if (batch)
		return;
	grace_period();
	ev->settle = SETTLE;
	drain(ev);
}

static void pace(struct kernel_events *ev, u64 taken)
{
	u64 now = ev->now;

	ev->wakes++;
	ev->records += taken;
	if (!ev->batch && ev->wakes >= WAKES_MANY && now - ev->window < WINDOW_MS * 1000000ULL)
		set_batch(ev, true);
	else if (now - ev->window < WINDOW_MS * 1000000ULL)
		return;
	else if (ev->batch && ev->records < RECORDS_FEW)
		set_batch(ev, false);
	ev->window = now;
	ev->wakes = ev->records = 0;
}

static int how_long(struct kernel_events *ev, int timeout_ms)
{
	int most = -1;

	if (ev->more)
		return 0;
	if (ev->batch || ev->settle)
		most = BATCH_MS;
	if (ev->settle && !ev->batch)
		ev->settle--;
	return most >= 0 && (timeout_ms < 0 || timeout_ms > most) ? most : timeout_ms;
}

int kernel_events_poll(struct kernel_engine *k, int timeout_ms, struct skep_diag *diag)
{
	struct kernel_events *ev = k->events;
	struct epoll_event ee[8];
	int n = epoll_wait(ev->epoll_fd, ee, ARRAY_SIZE(ee), how_long(ev, timeout_ms));

	if (n < 0 && errno != EINTR)
		return diag_set(diag, -errno, "epoll: %s", strerror(errno));
	pace(ev, drain(ev));
	return n < 0 ? -EINTR : 0;
}

int kernel_events_watch(struct kernel_engine *k, int fd, bool on)
{
	struct epoll_event ee = {.events = EPOLLIN};

	return epoll_ctl(k->events->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &ee) ? -errno
											   : 0;
}

/* Async-signal-safe. */
void kernel_events_wake(struct kernel_engine *k)
{
	u64 one = 1;
	ssize_t n;

	if (!k->events)
		return;
	n = write(k->events->wake_fd, &one, sizeof(one));
	(void)n;
}

/* All that programs have reported: they are detached, and none runs any more. */
void kernel_events_finish(struct kernel_engine *k)
{
	if (!k->events || !k->events->nr)
		return;
	grace_period();
	do
		drain(k->events);
	while (k->events->more);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int watch(const struct kernel_source_sink *sink, int fd)
{
	const struct kernel_events *ev = container_of(sink, struct kernel_events, sink);
	struct epoll_event ee = {.events = EPOLLIN | EPOLLET};

	return epoll_ctl(ev->epoll_fd, EPOLL_CTL_ADD, fd, &ee) ? -errno : 0;
}

static int open_buffer(struct kernel_events *ev, const struct kernel_map *m, u32 idx,
		       struct skep_diag *diag)
{
	bool is_ring = m->def.type == BPF_MAP_TYPE_RINGBUF;
	struct kernel_source *s = NULL;
	int err;

	if (m->fd < 0 || (!is_ring && m->def.type != BPF_MAP_TYPE_PERF_EVENT_ARRAY))
		return 0;
	err = (is_ring ? kernel_ring_open : kernel_perfbuf_open)(&ev->sink, m->fd,
								 m->def.max_entries, &s);
	if (err) {
		diag_set(diag, err, "can't read it: %s", strerror(-err));
		return diag_at(diag, err, "map %s", m->def.name);
	}
	s->map = m->def.name;
	s->idx = idx;
	ev->sources[ev->nr++] = s;
	return 0;
}

/* Programs run without it too; but nobody should wait for lines that can't come. */
static void open_printk(struct kernel_events *ev)
{
	struct kernel_source *s = NULL;
	struct skep_diag diag = {0};

	if (kernel_printk_open(ev->k, &ev->sink, &s, &diag))
		log_warn("%s; other readers see it in trace_pipe", diag.message);
	else
		ev->sources[ev->nr++] = s;
}

static int open_sources(struct kernel_engine *k, struct skep_diag *diag)
{
	struct kernel_events *ev = k->events;
	int err = 0;

	for (u32 i = 0; i < k->nr_maps && !err; i++)
		err = open_buffer(ev, &k->maps[i], i, diag);
	if (!err && k->patch.prints)
		open_printk(ev);
	return err;
}

static int open_fds(struct kernel_engine *k)
{
	struct epoll_event ee = {
		.events = EPOLLIN}; /* these stay readable until they are seen to */
	struct kernel_events *ev = k->events;

	ev->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ev->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ev->epoll_fd < 0 || ev->wake_fd < 0 ||
	    epoll_ctl(ev->epoll_fd, EPOLL_CTL_ADD, ev->wake_fd, &ee))
		return -errno;
	if (k->child.pidfd >= 0 && epoll_ctl(ev->epoll_fd, EPOLL_CTL_ADD, k->child.pidfd, &ee))
		return -errno;
	return 0;
}

int kernel_events_open(struct kernel_engine *k, struct skep_diag *diag)
{
	struct kernel_events *ev = mem_zalloc(sizeof(*ev));
	int err;

	if (!ev)
		return diag_nomem(diag);
	*ev = (struct kernel_events){
		.k = k,
		.sink = {.record = on_record, .watch = watch},
		.epoll_fd = -1,
		.wake_fd = -1,
		.sources = mem_calloc(k->nr_maps + 2, sizeof(*ev->sources)),
	};
	k->events = ev;
	if (!ev->sources)
		return diag_nomem(diag);
	err = open_fds(k);
	if (err)
		return diag_set(diag, err, "epoll: %s", strerror(-err));
	return open_sources(k, diag);
}

/* --- the books -------------------------------------------------------------------------------- */

static u64 count(const struct kernel_engine *k, u32 idx)
{
	return k->patch.shared ? __atomic_load_n(&k->patch.shared->counts[idx], __ATOMIC_RELAXED)
			       : 0;
}

/* How many records of a ring buffer came to be. */
static u64 seen(struct kernel_source *s)
{
	return s->delivered + s->dropped + s->discarded + s->ops->unread(s);
}

/* A perf buffer tells of a loss only with the next record: the count behind the call is better. */
static u64 lost_of(const struct kernel_engine *k, struct kernel_source *s, bool all_known)
{
	u64 tried;

	if (!s->map)
		return s->dropped + s->lost;
	if (!s->ops->unread)
		return s->dropped +
		       (all_known ? max_u64(count(k, s->idx), s->lost) : count(k, s->idx));
	tried = all_known ? count(k, k->patch.nr_slots + s->idx) : 0;
	return s->dropped + tried - min_u64(tried, seen(s));
}

/* Where the code does not tell the map: all ring buffers together, and perf buffers' failures. */
static u64 lost_elsewhere(const struct kernel_engine *k, bool all_known)
{
	u64 tried = 0, taken = 0, failed = 0;

	for (u32 i = 0; i < k->patch.nr_slots; i++) {
		tried += count(k, k->patch.nr_slots + i);
		failed += count(k, i);
	}
	for (u32 i = 0; i < k->events->nr; i++) {
		struct kernel_source *s = k->events->sources[i];

		if (s->map && s->ops->unread)
			taken += seen(s);
		else if (s->map)
			failed -= count(k, s->idx);
	}
	return failed + (all_known ? 0 : tried - min_u64(tried, taken));
}

bool kernel_events_buffer(const struct kernel_engine *k, u32 idx, struct engine_buffer *ret)
{
	const struct kernel_events *ev = k->events;
	bool all_known;

	if (!ev || idx > ev->nr)
		return false;
	all_known = !k->patch.shared ||
		    (!count(k, k->patch.nr_slots - 1) && !count(k, 2 * k->patch.nr_slots - 1));
	if (idx == ev->nr) {
		*ret = (struct engine_buffer){.lost = lost_elsewhere(k, all_known)};
		return ret->lost;
	}
	*ret = (struct engine_buffer){
		.map = ev->sources[idx]->map,
		.delivered = ev->sources[idx]->delivered,
		.lost = lost_of(k, ev->sources[idx], all_known),
	};
	return true;
}

void kernel_events_stats(const struct kernel_engine *k, struct engine_stats *ret)
{
	struct engine_buffer b;

	for (u32 i = 0; kernel_events_buffer(k, i, &b); i++) {
		ret->delivered += b.delivered;
		ret->lost += b.lost;
	}
	ret->produced = ret->delivered + ret->lost;
}

void kernel_events_close(struct kernel_engine *k)
{
	struct kernel_events *ev = k->events;

	if (!ev)
		return;
	for (u32 i = 0; i < ev->nr; i++)
		ev->sources[i]->ops->free(ev->sources[i]);
	if (ev->epoll_fd >= 0)
		close(ev->epoll_fd);
	if (ev->wake_fd >= 0)
		close(ev->wake_fd);
	mem_free(ev->sources);
	mem_free(ev);
	k->events = NULL;
}
