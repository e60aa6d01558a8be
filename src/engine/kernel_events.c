/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What programs in the kernel report: ring buffers and perf buffers, read by libbpf, in one epoll
 * set with the traced process.
 */
#include "base/mem.h"
#include "engine/kernel.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define PERF_PAGES 64 /* per CPU */

struct source {
	struct kernel_engine *k;
	const char *map;
	struct ring_buffer *ring;
	struct perf_buffer *perf;
	u64 delivered, lost;
};

struct kernel_events {
	int epoll_fd;
	struct source *sources;
	u32 nr;
};

static int deliver(struct source *s, u32 cpu, const void *data, size_t size)
{
	struct kernel_engine *k = s->k;
	struct skep_event ev = {
		.sz = sizeof(ev),
		.kind = SKEP_EVENT_RECORD,
		.map = s->map,
		.cpu = cpu,
		.data = data,
		.size = size,
	};
	struct timespec now;

	if (k->end)
		return k->end;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ev.time_ns = (u64)now.tv_sec * 1000000000ULL + (u64)now.tv_nsec;
	s->delivered++;
	if (k->opts.event)
		k->end = k->opts.event(k->opts.ctx, &ev);
	return k->end;
}

static int on_ring(void *ctx, void *data, size_t size)
{
	return deliver(ctx, 0, data, size) ? -ECANCELED : 0;
}

static void on_perf(void *ctx, int cpu, void *data, __u32 size)
{
	deliver(ctx, (u32)cpu, data, size);
}

static void on_perf_lost(void *ctx, int cpu, __u64 nr)
{
	struct source *s = ctx;

	(void)cpu;
	s->lost += nr;
}

static int open_source(struct kernel_events *ev, struct source *s, int fd, bool is_ring)
{
	struct epoll_event ee = {.events = EPOLLIN, .data.ptr = s};
	int poll_fd;

	if (is_ring)
		s->ring = ring_buffer__new(fd, on_ring, s, NULL);
	else
		s->perf = perf_buffer__new(fd, PERF_PAGES, on_perf, on_perf_lost, s, NULL);
	if (!s->ring && !s->perf)
		return -errno;
	poll_fd = is_ring ? ring_buffer__epoll_fd(s->ring) : perf_buffer__epoll_fd(s->perf);
	return epoll_ctl(ev->epoll_fd, EPOLL_CTL_ADD, poll_fd, &ee) ? -errno : 0;
}

static int open_sources(struct kernel_engine *k, struct skep_diag *diag)
{
	struct kernel_events *ev = k->events;

	for (u32 i = 0; i < k->nr_maps; i++) {
		const struct kernel_map *m = &k->maps[i];
		bool is_ring = m->def.type == BPF_MAP_TYPE_RINGBUF;
		struct source *s = &ev->sources[ev->nr];
		int err;

		if (m->fd < 0 || (!is_ring && m->def.type != BPF_MAP_TYPE_PERF_EVENT_ARRAY))
			continue;
		ev->nr++;
		s->k = k;
		s->map = m->def.name;
		err = open_source(ev, s, m->fd, is_ring);
		if (err) {
			diag_set(diag, err, "can't read it: %s", strerror(-err));
			return diag_at(diag, err, "map %s", s->map);
		}
	}
	return 0;
}

int kernel_events_open(struct kernel_engine *k, struct skep_diag *diag)
{
	struct epoll_event ee = {.events = EPOLLIN};
	struct kernel_events *ev = mem_zalloc(sizeof(*ev));

	if (!ev)
		return diag_nomem(diag);
	k->events = ev;
	ev->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ev->sources = mem_calloc(k->nr_maps + 1, sizeof(*ev->sources));
	if (!ev->sources)
		return diag_nomem(diag);
	if (ev->epoll_fd < 0 ||
	    (k->child.pidfd >= 0 && epoll_ctl(ev->epoll_fd, EPOLL_CTL_ADD, k->child.pidfd, &ee)))
		return diag_set(diag, -errno, "epoll: %s", strerror(errno));
	return open_sources(k, diag);
}

void kernel_events_drain(struct kernel_engine *k)
{
	for (u32 i = 0; i < k->events->nr && !k->end; i++) {
		struct source *s = &k->events->sources[i];

		if (s->ring)
			ring_buffer__consume(s->ring);
		else
			perf_buffer__consume(s->perf);
	}
}

int kernel_events_poll(struct kernel_engine *k, int timeout_ms, struct skep_diag *diag)
{
	struct epoll_event ee;
	int n = epoll_wait(k->events->epoll_fd, &ee, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? -EINTR
				      : diag_set(diag, -errno, "epoll: %s", strerror(errno));
	kernel_events_drain(k);
	return 0;
}

void kernel_events_stats(const struct kernel_engine *k, struct engine_stats *ret)
{
	for (u32 i = 0; k->events && i < k->events->nr; i++) {
		ret->delivered += k->events->sources[i].delivered;
		ret->lost += k->events->sources[i].lost;
	}
	ret->produced = ret->delivered + ret->lost;
}

void kernel_events_close(struct kernel_engine *k)
{
	struct kernel_events *ev = k->events;

	if (!ev)
		return;
	for (u32 i = 0; i < ev->nr; i++) {
		ring_buffer__free(ev->sources[i].ring);
		perf_buffer__free(ev->sources[i].perf);
	}
	if (ev->epoll_fd >= 0)
		close(ev->epoll_fd);
	mem_free(ev->sources);
	mem_free(ev);
	k->events = NULL;
}
