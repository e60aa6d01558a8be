/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that are attached by BTF (tp_btf, fentry, iter and kin) are loaded with the id of their
 * target in the kernel's types. libbpf reads all types to find it. Where the ids are known from
 * last time (kernel_types.c keeps them), it need not: sections of these kinds then have a handler
 * of ours while the object is opened and loaded, which says the id.
 *
 * libbpf reads the types for every such program that has no program as its target; so these get
 * one for as long as libbpf looks, and the handler takes it away again.
 *
 * Handlers are libbpf's for the whole process: with more than one thread nothing of this is done.
 */
#include "base/log.h"
#include "btf/types.h"
#include "engine/kernel.h"
#include <errno.h>
#include <string.h>
#include <sys/single_threaded.h>

static const struct kind {
	const char *section;
	enum bpf_attach_type attach_type;
	u32 flags;
	const char *prefix; /* of the target's name */
	u32 btf_kind;
} kinds[] = {

	{"tp_btf", BPF_TRACE_RAW_TP, 0, "btf_trace_", BTF_KIND_TYPEDEF},
	{"fentry", BPF_TRACE_FENTRY, 0, "", BTF_KIND_FUNC},
	{"fexit", BPF_TRACE_FEXIT, 0, "", BTF_KIND_FUNC},
	{"fmod_ret", BPF_MODIFY_RETURN, 0, "", BTF_KIND_FUNC},
	{"iter", BPF_TRACE_ITER, 0, "bpf_iter_", BTF_KIND_FUNC},
	{"fentry.s", BPF_TRACE_FENTRY, BPF_F_SLEEPABLE, "", BTF_KIND_FUNC},
	{"fexit.s", BPF_TRACE_FEXIT, BPF_F_SLEEPABLE, "", BTF_KIND_FUNC},
	{"fmod_ret.s", BPF_MODIFY_RETURN, BPF_F_SLEEPABLE, "", BTF_KIND_FUNC},
	{"iter.s", BPF_TRACE_ITER, BPF_F_SLEEPABLE, "bpf_iter_", BTF_KIND_FUNC},
};

_Static_assert(ARRAY_SIZE(kinds) == KERNEL_NR_ID_KINDS, "a handler for each kind");

static const struct kind *find_kind(const char *section)
{
	size_t len = strcspn(section, "/");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].section) == len && !strncmp(kinds[i].section, section, len))
			return &kinds[i];
	return NULL;
}

bool kernel_ids_wants(const struct prog *prog)
{
	return find_kind(prog->section) && prog->target && *prog->target;
}

u32 kernel_ids_find(const struct btf *btf, const struct prog *prog)
{
	const struct kind *kind = find_kind(prog->section);
	char name[256];

	snprintf(name, sizeof(name), "%s%s", kind->prefix, prog->target);
	return types_find(btf, name, kind->btf_kind);
}

/* --- while libbpf opens and loads ------------------------------------------------------------- */

static struct kernel_engine *active; /* whose handlers stand */

static const struct prog *find_prog(const struct kernel_engine *k, const char *name, u32 *ret_idx)
{
	for (u32 i = 0; i < k->obj->nr_progs; i++)
		if (!strcmp(k->obj->progs[i].name, name)) {
			*ret_idx = i;
			return &k->obj->progs[i];
		}
	return NULL;
}

static int prepare_load(struct bpf_program *bpf, struct bpf_prog_load_opts *opts, long cookie)
{
	const struct kind *kind = &kinds[cookie];
	u32 idx;

	opts->prog_flags |= kind->flags;
	if (!active || !find_prog(active, bpf_program__name(bpf), &idx))
		return -EINVAL;
	if ((int)opts->attach_prog_fd == active->ids_mark) {
		opts->attach_prog_fd = 0;
		opts->attach_btf_id = active->ids[idx];
	}
	return opts->attach_btf_id ? 0 : -ENOENT;
}

static bool all_known(const struct kernel_engine *k)
{
	u32 nr = 0;

	for (u32 i = 0; i < k->obj->nr_progs; i++) {
		const struct prog *prog = &k->obj->progs[i];

		if (!prog->autoload || (k->dropped && k->dropped[i]) ||
		    prog->type != BPF_PROG_TYPE_TRACING)
			continue;
		if (!kernel_ids_wants(prog) || !k->ids[i])
			return false;
		nr++;
	}
	return nr;
}

void kernel_ids_begin(struct kernel_engine *k)
{
	kernel_ids_end(k);
	if (active || !k->ids || k->opts.target.prog || k->opts.attach || k->types_fd < 0 ||
	    !__libc_single_threaded || !all_known(k))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = (long)i,
			    .prog_prepare_load_fn = prepare_load);
		char section[32];

		snprintf(section, sizeof(section), "%s+", kinds[i].section);
		k->ids_handlers[i] = libbpf_register_prog_handler(section, BPF_PROG_TYPE_TRACING,
								  kinds[i].attach_type, &opts);
	}
	active = k;
	k->ids_mark = k->types_fd; /* any descriptor that stays open */
}

bool kernel_ids_use(struct kernel_engine *k, struct kernel_prog *p)
{
	u32 idx;

	if (active != k || !find_prog(k, p->prog->name, &idx) || &k->obj->progs[idx] != p->prog ||
	    !k->ids[idx])
		return false;
	return !bpf_program__set_attach_target(p->bpf, k->ids_mark, NULL);
}

void kernel_ids_end(struct kernel_engine *k)
{
	if (active != k)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (k->ids_handlers[i] > 0)
			libbpf_unregister_prog_handler(k->ids_handlers[i]);
	active = NULL;
}
