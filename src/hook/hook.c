/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The set of attached programs, and the table of providers. A provider that serves nothing is
 * never started; a set runs as long as one of its providers has more to come.
 */
#include "hook/hook.h"
#include "base/mem.h"
#include "base/vec.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* In order of preference: who names a test input or a capture wants that one. */
static const struct hook_provider *const providers[] = {&hook_test, &hook_pcap, &hook_proc,
							&hook_iter};
#define NR_PROVIDERS ARRAY_SIZE(providers)

struct hook_set {
	struct vm *vm;
	struct model *model;
	struct hook_opts opts;
	VEC(struct hook_prog *) progs;
	void *priv[NR_PROVIDERS];
	bool is_init[NR_PROVIDERS];    /* init succeeded: done is due */
	bool is_started[NR_PROVIDERS]; /* stop is due */
	bool is_over[NR_PROVIDERS];    /* nothing more will come */
};

static u32 index_of(const struct hook_provider *p)
{
	for (u32 i = 0; i < NR_PROVIDERS; i++)
		if (providers[i] == p)
			return i;
	return 0;
}

int hook_set_new(struct vm *vm, struct model *model, const struct hook_opts *opts,
		 struct hook_set **ret, struct skep_diag *diag)
{
	struct hook_set *set = mem_zalloc(sizeof(*set));

	if (!set)
		return diag_nomem(diag);
	set->vm = vm;
	set->model = model;
	set->opts = *opts;
	*ret = set;
	return 0;
}

static int init_provider(struct hook_set *set, u32 i, struct skep_diag *diag)
{
	int err;

	if (set->is_init[i])
		return 0;
	err = providers[i]->init ? providers[i]->init(set, diag) : 0;
	if (!err)
		set->is_init[i] = true;
	return err;
}

const char hook_needs_process[] = "it needs a command (-- COMMAND) or a process (-p PID)";
const char hook_needs_capture[] = "it needs a capture (--pcap FILE)";

/* What the providers for such programs say, in one message. */
static int nobody_serves(const struct prog *prog, const struct hook_opts *opts,
			 struct skep_diag *diag)
{
	const char *hint = "--ctx FILE or --packet FILE runs it once, as a test";
	char text[400] = "no hook in user space runs programs of this type";
	bool is_usage = false;
	size_t len = 0;

	for (u32 i = 0; i < NR_PROVIDERS && len < sizeof(text); i++) {
		const char *why = providers[i]->serves(prog, opts);

		if (!why || !*why)
			continue;
		is_usage |= why == hook_needs_process || why == hook_needs_capture;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? "; " : "",
					why);
	}
	return diag_set_full(diag, -ENOTSUP, is_usage ? "needs-target" : NULL, hint, "%s", text);
}

static int attach_to(struct hook_set *set, struct hook_prog *hp, struct skep_diag *diag)
{
	struct hook_prog **slot;
	int err;

	err = init_provider(set, index_of(hp->provider), diag);
	if (err)
		return err;
	slot = VEC_PUSH(&set->progs);
	if (!slot)
		return diag_nomem(diag);
	err = hp->provider->attach(set, hp, diag);
	if (err) {
		set->progs.nr--;
		return err;
	}
	*slot = hp;
	return 0;
}

const struct hook_provider *hook_find(const struct prog *prog, const struct hook_opts *opts,
				      struct skep_diag *diag)
{
	for (u32 i = 0; i < NR_PROVIDERS; i++)
		if (!providers[i]->serves(prog, opts))
			return providers[i];
	diag_at(diag, nobody_serves(prog, opts, diag), "program %s (%s)", prog->name,
		prog->section);
	return NULL;
}

int hook_attach(struct hook_set *set, const struct prog *prog, struct vm_prog *code,
		struct hook_prog **ret, struct skep_diag *diag)
{
	const struct hook_provider *provider = hook_find(prog, &set->opts, diag);
	struct hook_prog *hp;
	int err;

	if (!provider)
		return -ENOTSUP;
	hp = mem_zalloc(sizeof(*hp));
	if (!hp)
		return diag_nomem(diag);
	hp->prog = prog;
	hp->code = code;
	hp->provider = provider;
	err = attach_to(set, hp, diag);
	if (err) {
		mem_free(hp);
		return diag_at(diag, err, "program %s (%s)", prog->name, prog->section);
	}
	if (ret)
		*ret = hp;
	return 0;
}

int hook_start(struct hook_set *set, struct skep_diag *diag)
{
	int err;

	for (u32 i = 0; i < NR_PROVIDERS; i++) {
		if (!set->is_init[i])
			continue;
		err = providers[i]->start ? providers[i]->start(set, diag) : 0;
		if (err)
			return err;
		set->is_started[i] = true;
	}
	return 0;
}

static bool is_live(const struct hook_set *set, u32 i, bool last)
{
	return set->is_started[i] && !set->is_over[i] && providers[i]->last == last;
}

static u32 count_live(const struct hook_set *set, bool last)
{
	u32 nr = 0;

	for (u32 i = 0; i < NR_PROVIDERS; i++)
		nr += is_live(set, i, last);
	return nr;
}

/* The time is shared: only the last provider that still runs may wait. */
int hook_poll(struct hook_set *set, int timeout_ms, struct skep_diag *diag)
{
	u32 nr_first = count_live(set, false), nr_last = count_live(set, true);
	u32 nr_live = nr_first + nr_last;
	int err;

	for (u32 i = 0, left = nr_first ? nr_first : nr_last; i < NR_PROVIDERS; i++) {
		if (!is_live(set, i, !nr_first))
			continue;
		left--;
		err = providers[i]->poll(set, left ? 0 : timeout_ms, diag);
		if (err < 0)
			return err;
		if (!err) {
			set->is_over[i] = true;
			nr_live--;
		}
	}
	return nr_live > 0;
}

void hook_stop(struct hook_set *set)
{
	for (u32 i = NR_PROVIDERS; i-- > 0;) {
		if (set->is_started[i] && providers[i]->stop)
			providers[i]->stop(set);
		set->is_started[i] = false;
	}
}

int hook_exit_status(struct hook_set *set)
{
	for (u32 i = 0; i < NR_PROVIDERS; i++) {
		int status = -1;

		if (set->is_init[i] && providers[i]->exit_status)
			status = providers[i]->exit_status(set);
		if (status >= 0)
			return status;
	}
	return -1;
}

struct hook_set *hook_set_free(struct hook_set *set)
{
	if (!set)
		return NULL;
	hook_stop(set);
	for (u32 i = NR_PROVIDERS; i-- > 0;)
		if (set->is_init[i] && providers[i]->done)
			providers[i]->done(set);
	for (size_t i = 0; i < set->progs.nr; i++)
		mem_free(set->progs.data[i]);
	VEC_DONE(&set->progs);
	mem_free(set);
	return NULL;
}

/* --- for providers -------------------------------------------------------------------------- */

struct vm *hook_vm(struct hook_set *set)
{
	return set->vm;
}

struct model *hook_model(struct hook_set *set)
{
	return set->model;
}

const struct hook_opts *hook_options(struct hook_set *set)
{
	return &set->opts;
}

void **hook_priv(struct hook_set *set, const struct hook_provider *provider)
{
	return &set->priv[index_of(provider)];
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* A program that was stopped once does not run again: Linux would not have loaded it. */
u64 hook_run(struct hook_set *set, struct hook_prog *hp, struct vm_env *env, void *ctx,
	     size_t ctx_size)
{
	u64 ret = 0, start = set->opts.stats ? now_ns() : 0;
	struct skep_diag diag = {0};
	int err;

	if (hp->errors)
		return 0;
	err = vm_exec(hp->code, env, ctx, ctx_size, &ret, &diag);
	if (set->opts.stats)
		hp->ns += now_ns() - start;
	hp->runs++;
	if (set->opts.after_run)
		set->opts.after_run(set->opts.run_ctx);
	if (err) {
		hp->errors++;
		if (set->opts.fault)
			set->opts.fault(set->opts.ctx, hp, &diag);
		return 0;
	}
	if (set->opts.result)
		set->opts.result(set->opts.ctx, hp, ret);
	return ret;
}
