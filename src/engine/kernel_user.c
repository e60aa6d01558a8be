/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Functions and USDT sites of programs and libraries. Which file and function a section means is
 * found as in the user engine (hook/uprobe_target.h); Linux wants a path and an offset.
 */
#include "base/mem.h"
#include "engine/kernel.h"
#include "hook/uprobe_target.h"
#include "spec/uapi.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RET     1
#define SESSION 2

#define MULTI_RETURN 1 /* BPF_F_UPROBE_MULTI_RETURN */

static pid_t wanted_pid(const struct kernel_engine *k)
{
	return k->opts.hook.pid ? (pid_t)k->opts.hook.pid : -1;
}

struct offsets {
	VEC(u64) v;
	u64 add;
};

static int add_offset(void *ctx, const char *name, u64 off)
{
	struct offsets *o = ctx;
	u64 *slot = VEC_PUSH(&o->v);

	if (!slot)
		return -ENOMEM;
	*slot = off + o->add;
	return 0;
}

static int find_offsets(const struct uprobe_wish *w, struct offsets *o, struct skep_diag *diag)
{
	struct uelf e;
	int err;

	if (!w->func[0])
		return add_offset(o, "", w->off);
	err = uelf_open(w->path, &e, diag);
	if (err)
		return err;
	o->add = w->off;
	err = uelf_symbols(&e, w->func, add_offset, o);
	uelf_close(&e);
	if (err || o->v.nr)
		return err;
	return diag_set_full(diag, -ENOENT, "no-such-place", NULL, "%s has no function %s", w->path,
			     w->func);
}

/* Linux probes files; a function without one would mean every file. */
static int check_file(const struct uprobe_wish *w, struct skep_diag *diag)
{
	return w->any_file
		       ? diag_set_full(diag, -EINVAL, "needs-target", "--binary FILE",
				       "it needs the file that %s is in: --binary FILE", w->func)
		       : 0;
}

typedef int (*wish_fn)(struct kernel_engine *k, struct kernel_prog *p, struct uprobe_wish *w,
		       struct skep_diag *diag);

static int each_wish(struct kernel_engine *k, struct kernel_prog *p, wish_fn fn,
		     struct skep_diag *diag)
{
	struct uprobe_wish *list = NULL, *next;
	int err = uprobe_wishes(p->prog, &k->opts.hook, &list, diag);

	for (; list; list = next) {
		next = list->next;
		err = err ? err : check_file(list, diag);
		err = err ? err : fn(k, p, list, diag);
		mem_free(list);
	}
	return err;
}

static int attach_wish(struct kernel_engine *k, struct kernel_prog *p, struct uprobe_wish *w,
		       struct skep_diag *diag)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = p->kind->arg & RET);
	struct offsets o = {0};
	int err = find_offsets(w, &o, diag);

	for (size_t i = 0; i < o.v.nr && !err; i++)
		err = kernel_attached(k, p,
				      bpf_program__attach_uprobe_opts(p->bpf, wanted_pid(k),
								      w->path, o.v.data[i], &opts),
				      diag, "%sprobe of %s:%s", opts.retprobe ? "uret" : "u",
				      w->path, w->func);
	VEC_DONE(&o.v);
	return err;
}

int kernel_attach_uprobe(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	return each_wish(k, p, attach_wish, diag);
}

static int attach_multi(struct kernel_engine *k, struct kernel_prog *p, struct uprobe_wish *w,
			struct skep_diag *diag)
{
	struct sys_link attr = {
		.prog_fd = (u32)bpf_program__fd(p->bpf),
		.attach_type = p->kind->arg & SESSION ? SPEC_ATTACH_TRACE_UPROBE_SESSION
						      : SPEC_ATTACH_TRACE_UPROBE_MULTI,
		.uprobe_multi.path = (uintptr_t)w->path,
		.uprobe_multi.flags = p->kind->arg & RET ? MULTI_RETURN : 0,
		.uprobe_multi.pid = k->opts.hook.pid,
	};
	struct offsets o = {0};
	int err = find_offsets(w, &o, diag);

	if (!err) {
		attr.uprobe_multi.offsets = (uintptr_t)o.v.data;
		attr.uprobe_multi.cnt = (u32)o.v.nr;
		err = kernel_attached_fd(k, p, sys_link_create(&attr), diag,
					 "%s:%s (%zu functions)", w->path, w->func, o.v.nr);
	}
	VEC_DONE(&o.v);
	return err;
}

int kernel_attach_uprobe_multi(struct kernel_engine *k, struct kernel_prog *p,
			       struct skep_diag *diag)
{
	return each_wish(k, p, attach_multi, diag);
}

static int attach_site(struct kernel_engine *k, struct kernel_prog *p, struct uprobe_wish *w,
		       struct skep_diag *diag)
{
	return kernel_attached(
		k, p,
		bpf_program__attach_usdt(p->bpf, wanted_pid(k), w->path, w->func, w->name, NULL),
		diag, "USDT site %s:%s:%s", w->path, w->func, w->name);
}

int kernel_attach_usdt(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	return each_wish(k, p, attach_site, diag);
}
