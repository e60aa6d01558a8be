/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Listing what is in the kernel, as a list of steps: who holds what, what is pinned, what is
 * attached; then every object by its id. Holders come first, or our own descriptors would count.
 */
#include "engine/kernel_objs.h"
#include "base/mem.h"
#include "btf/types.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_OBJECTS (1u << 20) /* that one list shows */

static int (*const describe[KOBJ_NR_KINDS])(struct kobj_world *w, int fd, struct skep_value *o) = {
	[SKEP_KERNEL_PROGS] = kobj_describe_prog,
	[SKEP_KERNEL_MAPS] = kobj_describe_map,
	[SKEP_KERNEL_LINKS] = kobj_describe_link,
	[SKEP_KERNEL_BTF] = kobj_describe_btf,
};

/* --- the world -------------------------------------------------------------------------------- */

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void kobj_world_init(struct kobj_world *w)
{
	*w = (struct kobj_world){0};
	w->tree.arena = &w->arena;
	w->boot_time = seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME);
}

void kobj_world_done(struct kobj_world *w)
{
	VEC_DONE(&w->holders);
	VEC_DONE(&w->pins);
	VEC_DONE(&w->attached);
	VEC_DONE(&w->syms);
	hash_done(&w->cgroups);
	types_close(w->vmlinux);
	arena_done(&w->arena);
}

struct btf *kobj_vmlinux(struct kobj_world *w)
{
	if (!w->vmlinux_tried && types_open_kernel(NULL, &w->vmlinux, NULL, NULL))
		w->vmlinux = NULL;
	w->vmlinux_tried = true;
	return w->vmlinux;
}

/* --- attachments ------------------------------------------------------------------------------ */

void kobj_add_attach_type(struct kobj_world *w, struct skep_value *o, u32 type)
{
	const struct spec_name *n = spec_attach_type(type);

	if (n)
		kobj_text(&w->tree, o, "attach_type", n->name);
	else
		kobj_number(&w->tree, o, "attach_type", type);
}

static struct skep_value *new_item(struct kobj_world *w, struct kobj_items *items)
{
	static struct skep_value lost;
	struct skep_value *o = VEC_PUSH(items);

	if (!o) {
		w->tree.failed = true;
		o = &lost;
	}
	*o = (struct skep_value){.kind = SKEP_VALUE_OBJECT};
	return o;
}

struct skep_value *kobj_attached(struct kobj_world *w, const char *type, u32 prog_id)
{
	struct skep_value *o = new_item(w, &w->attached);
	struct bpf_prog_info info = {0};
	int fd = prog_id ? kobj_open(SKEP_KERNEL_PROGS, prog_id) : -1;

	kobj_text(&w->tree, o, "type", type);
	if (prog_id)
		kobj_number(&w->tree, o, "prog_id", prog_id);
	if (fd < 0)
		return o;
	if (!kobj_info(fd, &info, sizeof(info)))
		kobj_name(&w->tree, o, "prog_name", kobj_prog_name(w, fd, &info));
	close(fd);
	return o;
}

u32 kobj_nr_links(const struct kobj_world *w, u32 prog_id, const char *key, u64 value, u32 type)
{
	const struct spec_name *n = type == KOBJ_ANY_TYPE ? NULL : spec_attach_type(type);
	u32 nr = 0;

	for (size_t i = 0; i < w->attached.nr; i++) {
		const struct skep_value *o = &w->attached.data[i];
		const struct skep_value *prog = kobj_get(o, "prog_id"), *at = kobj_get(o, key);
		const struct skep_value *as = kobj_get(o, "attach_type");

		if (!kobj_get(o, "id") || !prog || prog->number != prog_id || !at ||
		    at->number != value)
			continue;
		nr += !n || (as && as->text && !strcmp(as->text, n->name));
	}
	return nr;
}

/* --- lists ------------------------------------------------------------------------------------ */

static int add_object(struct kobj_world *w, struct kobj_items *items, enum skep_kernel_kind kind,
		      u32 id)
{
	struct skep_value o = {.kind = SKEP_VALUE_OBJECT}, *to;
	int fd = kobj_open(kind, id), err;

	if (fd < 0)
		return 0; /* it is gone */
	err = describe[kind](w, fd, &o);
	close(fd);
	if (err)
		return err == -ENOMEM ? err : 0;
	kobj_add_pins(w, &o, kind, id);
	kobj_add_pids(w, &o, kind, id);
	to = VEC_PUSH(items);
	if (!to)
		return -ENOMEM;
	*to = o;
	return w->tree.failed ? -ENOMEM : 0;
}

static int add_all(struct kobj_world *w, struct kobj_items *items, enum skep_kernel_kind kind)
{
	u32 id = 0;
	int err = 0;

	while (!err && items->nr < MAX_OBJECTS) {
		err = kobj_next(kind, id, &id);
		if (!err)
			err = add_object(w, items, kind, id);
	}
	return err == -ENOENT ? 0 : err;
}

int kobj_scan_attached(struct kobj_world *w)
{
	static int (*const scans[])(struct kobj_world * w) = {kobj_scan_net, kobj_scan_cgroups,
							      kobj_scan_netns, kobj_scan_sockmaps,
							      kobj_scan_perf};
	int err = add_all(w, &w->attached, SKEP_KERNEL_LINKS);

	if (err == -EINVAL) /* before 5.8 there were no ids of links */
		err = 0;
	for (size_t i = 0; i < ARRAY_SIZE(scans) && !err; i++)
		err = scans[i](w);
	return err ? err : w->tree.failed ? -ENOMEM : 0;
}

/* --- filters ---------------------------------------------------------------------------------- */

static bool has_name(const struct skep_value *o, const char *want)
{
	const struct skep_value *v = kobj_get(o, "name");
	size_t len;

	v = v ? v : kobj_get(o, "prog_name");
	if (!v || !v->text)
		return false;
	len = strlen(want);
	return !strcmp(v->text, want) ||
	       (len == BPF_OBJ_NAME_LEN - 1 && !strncmp(v->text, want, len));
}

static bool has_pid(const struct skep_value *o, u32 pid)
{
	const struct skep_value *pids = kobj_get(o, "pids");

	for (size_t i = 0; pids && i < pids->nr; i++)
		if (kobj_get(&pids->kids[i], "pid")->number == pid)
			return true;
	return false;
}

static bool is_wanted(const struct skep_value *o, const struct skep_kernel_filter *f)
{
	const struct skep_value *id = kobj_get(o, "id");

	return (!f->id || (id && id->number == f->id)) && (!f->name || has_name(o, f->name)) &&
	       (!f->pid || has_pid(o, f->pid));
}

static void filter_items(struct kobj_items *items, const struct skep_kernel_filter *f)
{
	size_t nr = 0;

	for (size_t i = 0; i < items->nr; i++)
		if (is_wanted(&items->data[i], f))
			items->data[nr++] = items->data[i];
	items->nr = nr;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int fill(struct kobj_list *l, enum skep_kernel_kind kind, const struct skep_kernel_filter *f)
{
	struct kobj_world *w = &l->world;
	u32 id;
	int err = kobj_next(kind, 0, &id);

	if (err && err != -ENOENT)
		return err; /* not allowed, or not known */
	err = kobj_scan_pids(w);
	if (!err)
		err = kobj_scan_pins(w);
	if (!err && (kind == SKEP_KERNEL_PROGS || kind == SKEP_KERNEL_LINKS))
		err = kobj_scan_attached(w);
	if (err)
		return err;
	if (kind == SKEP_KERNEL_LINKS) {
		l->items = w->attached;
		w->attached = (struct kobj_items){0};
	} else if (f->id) {
		err = add_object(w, &l->items, kind, f->id);
	} else {
		err = add_all(w, &l->items, kind);
	}
	if (!err)
		filter_items(&l->items, f);
	return err;
}

int kobj_list_new(enum skep_kernel_kind kind, const struct skep_kernel_filter *filter,
		  struct kobj_list **ret, struct skep_diag *diag)
{
	static const struct skep_kernel_filter all;
	struct kobj_list *l = mem_zalloc(sizeof(*l));
	int err;

	if (!l)
		return diag_nomem(diag);
	kobj_world_init(&l->world);
	err = fill(l, kind, filter ? filter : &all);
	if (!err) {
		*ret = l;
		return 0;
	}
	kobj_list_free(l);
	return err == -ENOMEM ? diag_nomem(diag) : kobj_refused(err, diag);
}

void kobj_list_free(struct kobj_list *l)
{
	if (!l)
		return;
	VEC_DONE(&l->items);
	kobj_world_done(&l->world);
	mem_free(l);
}
