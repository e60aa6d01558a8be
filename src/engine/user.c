/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The user engine: an object's programs in this process, without privileges. This file is a table
 * of contents: `steps` is how an object becomes a machine, user_poll is the loop that drives it.
 *
 *     model kernel → relocate → maps → machine (vm) → programs → initial values
 *     start: attach to hooks; poll: hooks run programs, then records go to the caller
 *
 * Everything happens in the thread that polls: after each run of a program its records are read, so
 * a slow reader slows the traced command down and loses nothing, unless a single run produces more
 * than a buffer holds; that is counted.
 */
#include "engine/user.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "event/reader.h"
#include "vm/vm.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

static int make_model(struct user *u, struct skep_diag *diag)
{
	return u->opts.kernel_btf ? model_new(u->opts.kernel_btf, &u->model, diag) : 0;
}

/* What typeless externs resolve to: the model kernel's symbols. */
static u64 ksym_address(void *ctx, const char *name)
{
	struct user *u = ctx;

	return u->model ? model_symbol(u->model, name) : 0;
}

static int relocate(struct user *u, struct skep_diag *diag)
{
	struct object_reloc_opts opts = {
		.kernel_btf = u->opts.kernel_btf,
		.ksym = ksym_address,
		.ctx = u,
	};

	return object_relocate(u->obj, &opts, diag);
}

static int make_machine(struct user *u, struct skep_diag *diag)
{
	struct vm_opts opts = {
		.max_insns = u->opts.max_insns,
		.kernel_btf = u->opts.kernel_btf,
		.btf = u->obj->btf,
		.printk = user_printk,
		.ctx = u,
	};
	struct vm_mem mem = {.name = "the model kernel", .flags = VM_MEM_READ | VM_MEM_ZERO_FAULT};
	const char *base;
	int err = vm_new(u->maps, u->nr_maps, &opts, &u->vm, diag);

	u->opts.hook.maps = u->maps;
	u->opts.hook.nr_maps = u->nr_maps;
	if (err || !u->model)
		return err;
	model_range(u->model, &base, &mem.size);
	mem.base = (uintptr_t)base;
	err = vm_mem_add(u->vm, &mem);
	return err ? diag_nomem(diag) : 0;
}

static int make_hooks(struct user *u, struct skep_diag *diag)
{
	u->opts.hook.after_run = user_drain;
	u->opts.hook.started = user_set_pids;
	u->opts.hook.text = user_text;
	u->opts.hook.iter_map = u->opts.target.map;
	u->opts.hook.run_ctx = u;
	return hook_set_new(u->vm, u->model, &u->opts.hook, &u->hooks, diag);
}

static int make_reader(struct user *u, struct skep_diag *diag)
{
	return event_reader_new(u->maps, u->nr_maps, &u->reader, diag);
}

static const struct {
	const char *what;
	int (*run)(struct user *u, struct skep_diag *diag);
} steps[] = {
	{"model kernel", make_model},  {"relocation", relocate},
	{"maps", user_make_maps},      {"machine", make_machine},
	{"programs", user_make_progs}, {"initial values", user_fill_maps},
	{"hooks", make_hooks},         {"reader", make_reader},
};

static void user_free(struct engine *e)
{
	struct user *u = container_of(e, struct user, engine);

	hook_set_free(u->hooks);
	event_reader_free(u->reader);
	user_free_progs(u);
	vm_free(u->vm);
	user_free_maps(u);
	model_free(u->model);
	mem_free(u);
}

static int user_load(struct object *obj, const struct engine_opts *opts, struct engine **ret,
		     struct skep_diag *diag)
{
	struct user *u = mem_zalloc(sizeof(*u));
	int err = u ? 0 : diag_nomem(diag);

	if (err)
		return err;
	u->engine.ops = &engine_user;
	u->obj = obj;
	u->opts = *opts;
	for (size_t i = 0; i < ARRAY_SIZE(steps) && !err; i++) {
		err = steps[i].run(u, diag);
		log_debug("user engine: %s: %s", steps[i].what, err ? strerror(-err) : "done");
	}
	if (err) {
		user_free(&u->engine);
		return err;
	}
	*ret = &u->engine;
	return 0;
}

static int user_start(struct engine *e, struct skep_diag *diag)
{
	struct user *u = container_of(e, struct user, engine);
	int err = user_attach(u, diag);

	err = err ? err : user_check_pids(u, diag);
	return err ? err : hook_start(u->hooks, diag);
}

/* What is due now; how long the hooks may wait before the next timer. */
static int run_timers(struct user *u, int timeout_ms)
{
	struct vm_env env = {.cpu = -1};
	s64 next = vm_run_timers(u->vm, &env);

	if (next >= 0 && (timeout_ms < 0 || next / 1000000 < timeout_ms))
		return (int)(next / 1000000) + 1;
	return timeout_ms;
}

static int user_poll(struct engine *e, int timeout_ms, struct skep_diag *diag)
{
	struct user *u = container_of(e, struct user, engine);
	int more;

	if (u->stopped || u->end)
		return u->end;
	more = hook_poll(u->hooks, run_timers(u, timeout_ms), diag);
	if (more < 0 && more != -EINTR)
		return more;
	user_drain(u); /* what timers produced */
	if (u->end)
		return u->end;
	return u->stopped ? 0 : more == -EINTR ? 1 : more;
}

/* Async-signal-safe. */
static void user_stop(struct engine *e)
{
	struct user *u = container_of(e, struct user, engine);

	u->stopped = 1;
	vm_stop(u->vm);
}

static void user_stats(const struct engine *e, struct engine_stats *ret)
{
	const struct user *u = container_of(e, struct user, engine);
	struct event_reader_stats rs;

	event_reader_stats(u->reader, &rs);
	*ret = (struct engine_stats){
		.produced = rs.produced + u->printk_lines,
		.delivered = rs.delivered + u->printk_lines,
		.lost = rs.lost,
		.exit_status = hook_exit_status(u->hooks),
	};
	for (u32 i = 0; i < u->nr_attached; i++) {
		ret->runs += u->attached[i]->runs;
		ret->faults += u->attached[i]->errors;
	}
}

static int user_map_io(struct engine *e, u32 idx, struct event_map_io *ret)
{
	struct user *u = container_of(e, struct user, engine);

	*ret = event_map_io_of(u->maps[idx]);
	return 0;
}

/* The buffers, then printk, which loses nothing here. */
static bool user_buffer(const struct engine *e, u32 idx, struct engine_buffer *ret)
{
	const struct user *u = container_of(e, struct user, engine);
	struct event_reader_stats rs;
	u32 nr = 0;

	*ret = (struct engine_buffer){0};
	if (event_reader_buffer(u->reader, idx, &ret->map, &rs)) {
		ret->delivered = rs.delivered;
		ret->lost = rs.lost;
		return true;
	}
	while (event_reader_buffer(u->reader, nr, &ret->map, &rs))
		nr++;
	*ret = (struct engine_buffer){.delivered = u->printk_lines};
	return idx == nr && u->printk_lines;
}

const struct engine_ops engine_user = {
	.name = "user",
	.load = user_load,
	.start = user_start,
	.poll = user_poll,
	.stop = user_stop,
	.stats = user_stats,
	.buffer = user_buffer,
	.map_io = user_map_io,
	.free = user_free,
};
