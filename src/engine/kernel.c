/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kernel engine: the same object in Linux. This file is a table of contents: `steps` is how an
 * object gets into the kernel, kernel_poll is the loop that delivers what it reports.
 *
 *     command (forked, waiting) → patch (count losses, wake rarely) → open (libbpf) → our values →
 *     load → maps → readers
 *     start: attach, then let the command go; poll: records to the caller, until the command ends
 *
 * Whatever is made is held by descriptors of this process, and goes with it.
 */
#include "engine/kernel.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel_pin.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *what;
	int (*run)(struct kernel_engine *k, struct skep_diag *diag);
} steps[] = {
	{"command", kernel_child_spawn}, {"namespace", kernel_netns_open},
	{"patch", kernel_patch},         {"open", kernel_open},
	{"values", kernel_fill},         {"load", kernel_load_object},
	{"maps", kernel_maps_open},      {"readers", kernel_events_open},
};

static void close_fds(struct kernel_engine *k)
{
	const int fds[] = {k->netns_fd, k->old_netns_fd, k->tracefs_fd, k->target_prog_fd};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void kernel_free(struct engine *e)
{
	struct kernel_engine *k = container_of(e, struct kernel_engine, engine);

	kernel_links_close(k);
	kernel_events_close(k);
	kernel_guard_close(k);
	bpf_object__close(k->bpf);
	kernel_patch_done(&k->patch);
	kernel_ids_end(k);
	kernel_types_done(k);
	close_fds(k);
	kernel_child_done(k);
	kernel_log_done();
	mem_free(k->maps);
	mem_free(k->progs);
	mem_free(k->dropped);
	mem_free(k->short_image);
	mem_free(k->moved.progs);
	mem_free(k);
}

static int kernel_load(struct object *obj, const struct engine_opts *opts, struct engine **ret,
		       struct skep_diag *diag)
{
	struct kernel_engine *k = mem_zalloc(sizeof(*k));
	int err = k ? 0 : diag_nomem(diag);

	if (err)
		return err;
	k->engine.ops = &engine_kernel;
	k->patch = KERNEL_PATCH_NONE;
	k->obj = obj;
	k->opts = *opts;
	k->netns_fd = k->old_netns_fd = k->tracefs_fd = k->target_prog_fd = -1;
	k->types_fd = -1;
	for (size_t i = 0; i < ARRAY_SIZE(steps) && !err; i++) {
		err = steps[i].run(k, diag);
		log_debug("kernel engine: %s: %s", steps[i].what, err ? strerror(-err) : "done");
	}
	if (err) {
		kernel_free(&k->engine);
		return err;
	}
	*ret = &k->engine;
	return 0;
}

static int kernel_start(struct engine *e, struct skep_diag *diag)
{
	struct kernel_engine *k = container_of(e, struct kernel_engine, engine);
	int err = kernel_is_test(k) ? kernel_test(k, diag) : kernel_attach(k, diag);

	if (!err && k->opts.target.pin)
		err = kernel_pin(k, diag);
	err = err ? err : kernel_child_release(k, diag);
	if (!err && k->opts.drop_caps)
		kernel_drop_caps(k);
	return err;
}

/* The end: nothing is attached any more, and what was reported until then is delivered. */
static int finish(struct kernel_engine *k)
{
	if (!k->finished) {
		k->finished = true;
		kernel_links_close(k);
		kernel_guard_detach(k);
		kernel_events_finish(k);
	}
	return k->end;
}

/* Programs that ran once, and nothing to wait for: that was all. */
static bool may_come(const struct kernel_engine *k)
{
	if (k->child.pid)
		return true;
	if (k->opts.target.pin)
		return false;
	for (u32 i = 0; i < k->nr_progs; i++)
		if (!k->progs[i].is_once && !k->progs[i].is_target)
			return true;
	return false;
}

static int kernel_poll(struct engine *e, int timeout_ms, struct skep_diag *diag)
{
	struct kernel_engine *k = container_of(e, struct kernel_engine, engine);
	int err;

	if (k->stopped || k->end || !may_come(k))
		return finish(k);
	err = kernel_events_poll(k, timeout_ms, diag);
	if (err && err != -EINTR)
		return err;
	kernel_child_check(k);
	return k->stopped || k->end || k->child.ended ? finish(k) : 1;
}

/* Async-signal-safe. */
static void kernel_stop(struct engine *e)
{
	struct kernel_engine *k = container_of(e, struct kernel_engine, engine);

	k->stopped = 1;
	kernel_events_wake(k);
}

static void kernel_stats(const struct engine *e, struct engine_stats *ret)
{
	const struct kernel_engine *k = container_of(e, struct kernel_engine, engine);

	*ret = (struct engine_stats){.exit_status = k->child.status};
	kernel_events_stats(k, ret);
}

static int kernel_watch(struct engine *e, int fd, bool on)
{
	return kernel_events_watch(container_of(e, struct kernel_engine, engine), fd, on);
}

static bool kernel_buffer(const struct engine *e, u32 idx, struct engine_buffer *ret)
{
	return kernel_events_buffer(container_of(e, struct kernel_engine, engine), idx, ret);
}

const struct engine_ops engine_kernel = {
	.name = "kernel",
	.load = kernel_load,
	.start = kernel_start,
	.poll = kernel_poll,
	.stop = kernel_stop,
	.watch = kernel_watch,
	.stats = kernel_stats,
	.buffer = kernel_buffer,
	.map_io = kernel_map_io,
	.free = kernel_free,
};
