/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The provider of iterators (SEC("iter/…")): a program that is called for each object of a kind and
 * writes text. They are walked once, alone at once, beside a command when it has ended: what
 * the maps hold then is the result.
 */
#include "hook/iter.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "spec/spec.h"
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What is written is handed on in pieces of about this size; a program that writes structs has no
 * lines, and is heard to its end. */
#define PIECE   4096
#define MAX_RAW (16u << 20)

struct iter_hook {
	VEC(struct hook_prog *) progs;
	struct model_tasks *tasks;
	struct strbuf out;
};

static struct iter_hook *hook_of(struct hook_set *set)
{
	return *hook_priv(set, &hook_iter);
}

static const char *serves(const struct prog *prog, const struct hook_opts *opts)
{
	if (prog->type != SPEC_PROG_TRACING || prog->attach_type != SPEC_ATTACH_TRACE_ITER)
		return "";
	return iter_kind_find(prog->target ? prog->target : "")
		       ? NULL
		       : "in user space tasks (iter/task, task_file, task_vma) and the object's "
			 "maps "
			 "(iter/bpf_map, bpf_map_elem) are walked; the rest only Linux itself can: "
			 "-e kernel";
}

static int init(struct hook_set *set, struct skep_diag *diag)
{
	struct iter_hook *h;
	int err;

	if (!hook_model(set))
		return diag_set(diag, -ENOENT, "without BTF of a kernel there is nothing to walk");
	h = mem_zalloc(sizeof(*h));
	if (!h)
		return diag_nomem(diag);
	err = model_tasks_new(hook_model(set), &h->tasks, diag);
	if (err)
		mem_free(h);
	else
		*hook_priv(set, &hook_iter) = h;
	return err;
}

static int attach(struct hook_set *set, struct hook_prog *hp, struct skep_diag *diag)
{
	struct hook_prog **slot = VEC_PUSH(&hook_of(set)->progs);

	if (!slot)
		return diag_nomem(diag);
	*slot = hp;
	return 0;
}

/* --- what programs may ask ------------------------------------------------------------------ */

static long read_kernel(struct vm_env *env, void *dst, size_t size, u64 addr)
{
	struct iter_run *r = env->hook;

	return model_read(r->model, dst, size, addr);
}

static void *task_by_pid(struct vm_env *env, u32 pid)
{
	struct iter_run *r = env->hook;

	return model_task_get(r->tasks, pid);
}

static const void *kernel_symbol(struct vm_env *env, const char *name)
{
	struct iter_run *r = env->hook;

	return (const void *)(uintptr_t)model_symbol(r->model, name);
}

static const struct vm_world world = {
	.read_kernel = read_kernel,
	.task_by_pid = task_by_pid,
	.kernel_symbol = kernel_symbol,
};

/* --- runs ----------------------------------------------------------------------------------- */

static void hand_on(struct iter_run *r, bool all)
{
	const struct hook_opts *opts = hook_options(r->set);
	struct strbuf *out = r->env.seq;
	const char *end = out->len ? memrchr(out->s, '\n', out->len) : NULL;
	size_t size = end ? (size_t)(end + 1 - out->s) : 0;

	if (!all && (out->len < PIECE || memchr(out->s, 0, out->len)) && out->len < MAX_RAW)
		return;
	if (all || !size)
		size = out->len;
	if (size && opts->text)
		opts->text(opts->run_ctx, r->hp, out->s, size);
	if (size)
		memmove(out->s, out->s + size, out->len - size);
	out->len -= size;
}

/* What a show writes counts only if it returns 0: 1 would ask for another try with more room. */
void iter_show(struct iter_run *r, const u64 args[ITER_MAX_ARGS])
{
	size_t before = r->env.seq->len;

	model_set(r->model, r->meta, "bpf_iter_meta", "seq_num", r->seq_num++);
	r->ctx[0] = (uintptr_t)r->meta;
	memcpy(r->ctx + 1, args, r->kind->nr_args * sizeof(u64));
	if (hook_run(r->set, r->hp, &r->env, r->ctx, (1 + r->kind->nr_args) * sizeof(u64)))
		r->env.seq->len = before;
	hand_on(r, false);
}

/* The reader is who runs: skep itself. */
static void set_current(struct iter_run *r)
{
	struct vm_env *env = &r->env;

	env->world = &world;
	env->hook = r;
	env->cpu = -1;
	env->task.pid = env->task.tgid = getpid();
	env->task.uid = getuid();
	env->task.gid = getgid();
	strcpy(env->task.comm, "skep");
	env->task.kobj = model_task_get(r->tasks, getpid());
}

static int walk(struct hook_set *set, struct hook_prog *hp, struct skep_diag *diag)
{
	struct iter_hook *h = hook_of(set);
	struct iter_run r = {.set = set, .tasks = h->tasks, .model = hook_model(set), .hp = hp};
	const char *target = hp->prog->target, *colon = strchr(target, ':');
	void *seq = model_alloc(r.model, "seq_file");
	int err;

	r.kind = iter_kind_find(target);
	r.of = colon ? colon + 1 : hook_options(set)->iter_map;
	r.ctx = model_alloc_bytes(r.model, (1 + ITER_MAX_ARGS) * sizeof(u64));
	r.meta = model_alloc(r.model, "bpf_iter_meta");
	if (!r.ctx || !r.meta || !seq)
		return diag_nomem(diag);
	model_set(r.model, r.meta, "bpf_iter_meta", "seq", (uintptr_t)seq);
	model_set(r.model, r.meta, "bpf_iter_meta", "session_id", 1);
	r.env.seq = &h->out;
	set_current(&r);
	err = r.kind->walk(&r, diag);
	if (!err && r.kind->has_end)
		iter_show(&r, (u64[ITER_MAX_ARGS]){0});
	hand_on(&r, true);
	model_release(r.model, r.ctx);
	model_release(r.model, r.meta);
	model_release(r.model, seq);
	return err ? diag_at(diag, err, "program %s (%s)", hp->prog->name, hp->prog->section) : 0;
}

/* All at once: a walk is short, and stopping the machine ends each run. */
static int poll_walks(struct hook_set *set, int timeout_ms, struct skep_diag *diag)
{
	struct iter_hook *h = hook_of(set);
	int err = 0;

	for (size_t i = 0; i < h->progs.nr && !err; i++)
		err = walk(set, h->progs.data[i], diag);
	return err;
}

static void done(struct hook_set *set)
{
	struct iter_hook *h = hook_of(set);

	if (!h)
		return;
	VEC_DONE(&h->progs);
	strbuf_done(&h->out);
	model_tasks_free(h->tasks);
	mem_free(h);
	*hook_priv(set, &hook_iter) = NULL;
}

const struct hook_provider hook_iter = {
	.name = "iter",
	.last = true,
	.serves = serves,
	.init = init,
	.attach = attach,
	.poll = poll_walks,
	.done = done,
};
