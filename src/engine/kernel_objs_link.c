/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A link, described: a function per type says where it is attached. */
#include "base/mem.h"
#include "btf/types.h"
#include "engine/kernel_objs.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAX_NAME  4096
#define MAX_FUNCS 4096 /* of one multi link that are listed */

/* struct bpf_link_info as Linux 6.18 has it; the header that we are built with may be older. */
struct link_info {
	u32 type, id, prog_id, pad;
	union {
		struct {
			u64 name;
			u32 name_len, pad;
			u64 cookie;
		} raw_tp;
		struct {
			u32 attach_type, target_obj_id, target_btf_id, pad;
			u64 cookie;
		} tracing;
		struct {
			u64 cgroup_id;
			u32 attach_type;
		} cgroup;
		struct {
			u64 name;
			u32 name_len, map_id;
			union {
				struct {
					u64 cgroup_id;
					u32 order;
				} cgroup;
				struct {
					u32 tid, pid;
				} task;
			};
		} iter;
		struct {
			u32 netns_ino, attach_type;
		} netns;
		struct {
			u32 ifindex, attach_type; /* no attach type for xdp */
		} net;
		struct {
			u32 map_id, attach_type; /* no attach type for struct_ops */
		} map;
		struct {
			u32 pf, hooknum;
			s32 priority;
			u32 flags;
		} netfilter;
		struct {
			u64 addrs;
			u32 count, flags;
			u64 missed, cookies;
		} kprobe_multi;
		struct {
			u64 path, offsets, ref_ctr_offsets, cookies;
			u32 path_size, count, flags, pid;
		} uprobe_multi;
		struct {
			u32 type, pad;
			union {
				struct {
					u64 name;
					u32 name_len, offset;
					u64 cookie, ref_ctr_offset;
				} uprobe;
				struct {
					u64 name;
					u32 name_len, offset;
					u64 addr, missed, cookie;
				} kprobe;
				struct {
					u64 name;
					u32 name_len, pad;
					u64 cookie;
				} tracepoint;
				struct {
					u64 config;
					u32 type, pad;
					u64 cookie;
				} event;
			};
		} perf;
	};
};

struct asked {
	struct kobj_world *w;
	struct skep_value *o;
	int fd;
	struct link_info *info;
	char name[MAX_NAME]; /* filled again for each question */
};

/* Ask again for a name: its address and length lie at that place of the info. */
static const char *ask_name(struct asked *a, u64 *addr, u32 *len)
{
	struct link_info keep = *a->info;

	memset(a->info, 0, sizeof(*a->info));
	a->info->type = keep.type;
	*addr = (u64)(uintptr_t)a->name;
	*len = sizeof(a->name);
	a->name[0] = 0;
	if (kobj_info(a->fd, a->info, sizeof(*a->info)))
		*a->info = keep;
	a->name[sizeof(a->name) - 1] = 0;
	return a->name;
}

static void add_cookie(struct asked *a, u64 cookie)
{
	if (cookie)
		kobj_number(&a->w->tree, a->o, "cookie", cookie);
}

static void raw_tp(struct asked *a)
{
	const char *name = ask_name(a, &a->info->raw_tp.name, &a->info->raw_tp.name_len);

	kobj_text(&a->w->tree, a->o, "tp_name", name);
	add_cookie(a, a->info->raw_tp.cookie);
}

static void tracing(struct asked *a)
{
	const struct link_info *i = a->info;

	kobj_add_attach_type(a->w, a->o, i->tracing.attach_type);
	if (i->tracing.target_obj_id)
		kobj_number(&a->w->tree, a->o, "target_obj_id", i->tracing.target_obj_id);
	if (i->tracing.target_btf_id)
		kobj_number(&a->w->tree, a->o, "target_btf_id", i->tracing.target_btf_id);
	add_cookie(a, i->tracing.cookie);
}

static void cgroup(struct asked *a)
{
	const struct link_info *i = a->info;
	const char *path = kobj_cgroup_path(a->w, i->cgroup.cgroup_id);

	kobj_number(&a->w->tree, a->o, "cgroup_id", i->cgroup.cgroup_id);
	if (path)
		kobj_text(&a->w->tree, a->o, "cgroup", path);
	kobj_add_attach_type(a->w, a->o, i->cgroup.attach_type);
}

static void iter_cgroup(struct asked *a)
{
	static const char *const orders[] = {"unspec", "self_only", "descendants_pre",
					     "descendants_post", "ancestors_up"};
	const struct link_info *i = a->info;
	u32 order = i->iter.cgroup.order;

	kobj_number(&a->w->tree, a->o, "cgroup_id", i->iter.cgroup.cgroup_id);
	kobj_text(&a->w->tree, a->o, "order", order < ARRAY_SIZE(orders) ? orders[order] : "?");
}

static void iter(struct asked *a)
{
	const char *name = ask_name(a, &a->info->iter.name, &a->info->iter.name_len);
	const struct link_info *i = a->info;

	kobj_text(&a->w->tree, a->o, "target_name", name);
	if (!strcmp(name, "bpf_map_elem") || !strcmp(name, "bpf_sk_storage_map"))
		kobj_number(&a->w->tree, a->o, "map_id", i->iter.map_id);
	if (!strcmp(name, "cgroup"))
		iter_cgroup(a);
	if (!strncmp(name, "task", 4) && i->iter.task.tid)
		kobj_number(&a->w->tree, a->o, "tid", i->iter.task.tid);
	else if (!strncmp(name, "task", 4) && i->iter.task.pid)
		kobj_number(&a->w->tree, a->o, "pid", i->iter.task.pid);
}

static void netns(struct asked *a)
{
	kobj_number(&a->w->tree, a->o, "netns_ino", a->info->netns.netns_ino);
	kobj_add_attach_type(a->w, a->o, a->info->netns.attach_type);
}

static void xdp(struct asked *a)
{
	kobj_add_iface(a->w, a->o, a->info->net.ifindex);
}

static void net(struct asked *a)
{
	kobj_add_iface(a->w, a->o, a->info->net.ifindex);
	kobj_add_attach_type(a->w, a->o, a->info->net.attach_type);
}

static void struct_ops(struct asked *a)
{
	kobj_number(&a->w->tree, a->o, "map_id", a->info->map.map_id);
}

static void sockmap(struct asked *a)
{
	kobj_number(&a->w->tree, a->o, "map_id", a->info->map.map_id);
	kobj_add_attach_type(a->w, a->o, a->info->map.attach_type);
}

static void netfilter(struct asked *a)
{
	static const char *const families[] = {[1] = "inet",   [2] = "ip",     [3] = "arp",
					       [5] = "netdev", [7] = "bridge", [10] = "ip6"};
	static const char *const hooks[] = {"prerouting", "input", "forward", "output",
					    "postrouting"};
	const struct link_info *i = a->info;
	u32 pf = i->netfilter.pf, hook = i->netfilter.hooknum;
	struct kobj_tree *t = &a->w->tree;

	kobj_number(t, a->o, "pf", pf);
	kobj_number(t, a->o, "hook", hook);
	if (pf < ARRAY_SIZE(families) && families[pf])
		kobj_text(t, a->o, "family", families[pf]);
	if (hook < ARRAY_SIZE(hooks))
		kobj_text(t, a->o, "hook_name", hooks[hook]);
	kobj_signed(t, a->o, "prio", i->netfilter.priority);
	kobj_number(t, a->o, "flags", i->netfilter.flags);
}

/* --- probes of many places -------------------------------------------------------------------- */

static u64 *numbers(struct asked *a, u32 nr)
{
	u64 *x = arena_calloc(&a->w->arena, nr + 1, sizeof(*x));

	a->w->tree.failed |= !x;
	return x;
}

static void kprobe_multi(struct asked *a)
{
	u32 nr = (u32)min_u64(a->info->kprobe_multi.count, MAX_FUNCS);
	u64 *addrs = numbers(a, nr), *cookies = numbers(a, nr);
	struct link_info ask = {.kprobe_multi = {.addrs = (u64)(uintptr_t)addrs,
						 .cookies = (u64)(uintptr_t)cookies,
						 .count = nr}};
	struct kobj_tree *t = &a->w->tree;
	struct skep_value *list;

	kobj_bool(t, a->o, "retprobe", a->info->kprobe_multi.flags & 1);
	kobj_number(t, a->o, "func_cnt", a->info->kprobe_multi.count);
	kobj_number(t, a->o, "missed", a->info->kprobe_multi.missed);
	if (!addrs || !cookies || kobj_info(a->fd, &ask, sizeof(ask)))
		return;
	list = kobj_add(t, a->o, "funcs", SKEP_VALUE_LIST);
	for (u32 i = 0; i < nr; i++) {
		struct skep_value *f = kobj_add(t, list, NULL, SKEP_VALUE_OBJECT);
		const char *name = kobj_kernel_symbol(a->w, addrs[i]);

		kobj_number(t, f, "addr", addrs[i]);
		if (name)
			kobj_text(t, f, "func", name);
		kobj_number(t, f, "cookie", cookies[i]);
	}
}

static void uprobe_multi(struct asked *a)
{
	const char *path = ask_name(a, &a->info->uprobe_multi.path,
				    &a->info->uprobe_multi.path_size);
	const struct link_info *i = a->info;
	u32 nr = (u32)min_u64(i->uprobe_multi.count, MAX_FUNCS);
	u64 *offs = numbers(a, nr), *refs = numbers(a, nr), *cookies = numbers(a, nr);
	struct link_info ask = {.uprobe_multi = {.offsets = (u64)(uintptr_t)offs,
						 .ref_ctr_offsets = (u64)(uintptr_t)refs,
						 .cookies = (u64)(uintptr_t)cookies,
						 .count = nr}};
	struct kobj_tree *t = &a->w->tree;
	struct skep_value *list;

	kobj_bool(t, a->o, "retprobe", i->uprobe_multi.flags & 1);
	kobj_text(t, a->o, "path", path);
	kobj_number(t, a->o, "func_cnt", i->uprobe_multi.count);
	kobj_number(t, a->o, "pid", i->uprobe_multi.pid);
	if (!offs || !refs || !cookies || kobj_info(a->fd, &ask, sizeof(ask)))
		return;
	list = kobj_add(t, a->o, "funcs", SKEP_VALUE_LIST);
	for (u32 k = 0; k < nr; k++) {
		struct skep_value *f = kobj_add(t, list, NULL, SKEP_VALUE_OBJECT);

		kobj_number(t, f, "offset", offs[k]);
		kobj_number(t, f, "ref_ctr_offset", refs[k]);
		kobj_number(t, f, "cookie", cookies[k]);
	}
}

/* --- perf events ------------------------------------------------------------------------------ */

static void perf_uprobe(struct asked *a)
{
	const char *file = ask_name(a, &a->info->perf.uprobe.name, &a->info->perf.uprobe.name_len);
	const struct link_info *i = a->info;
	struct kobj_tree *t = &a->w->tree;

	kobj_bool(t, a->o, "retprobe", i->perf.type == 2);
	kobj_text(t, a->o, "file", file);
	kobj_number(t, a->o, "offset", i->perf.uprobe.offset);
	if (i->perf.uprobe.ref_ctr_offset)
		kobj_number(t, a->o, "ref_ctr_offset", i->perf.uprobe.ref_ctr_offset);
	add_cookie(a, i->perf.uprobe.cookie);
}

static void perf_kprobe(struct asked *a)
{
	const char *func = ask_name(a, &a->info->perf.kprobe.name, &a->info->perf.kprobe.name_len);
	const struct link_info *i = a->info;
	struct kobj_tree *t = &a->w->tree;

	kobj_bool(t, a->o, "retprobe", i->perf.type == 4);
	kobj_number(t, a->o, "addr", i->perf.kprobe.addr);
	kobj_text(t, a->o, "func", func);
	kobj_number(t, a->o, "offset", i->perf.kprobe.offset);
	kobj_number(t, a->o, "missed", i->perf.kprobe.missed);
	add_cookie(a, i->perf.kprobe.cookie);
}

static void perf_tracepoint(struct asked *a)
{
	const char *tp = ask_name(a, &a->info->perf.tracepoint.name,
				  &a->info->perf.tracepoint.name_len);

	kobj_text(&a->w->tree, a->o, "tracepoint", tp);
	add_cookie(a, a->info->perf.tracepoint.cookie);
}

static void perf_other(struct asked *a)
{
	static const char *const types[] = {"hardware", "software", "tracepoint",
					    "hw-cache", "raw",      "breakpoint"};
	static const char *const software[] = {
		"cpu-clock",        "task-clock",   "page-faults",  "context-switches",
		"cpu-migrations",   "minor-faults", "major-faults", "alignment-faults",
		"emulation-faults", "dummy",        "bpf-output",   "cgroup-switches"};
	const struct link_info *i = a->info;
	u32 type = i->perf.event.type;
	u64 config = i->perf.event.config;
	struct kobj_tree *t = &a->w->tree;

	if (type < ARRAY_SIZE(types))
		kobj_text(t, a->o, "event_type", types[type]);
	else
		kobj_number(t, a->o, "event_type", type);
	if (type == 1 && config < ARRAY_SIZE(software))
		kobj_text(t, a->o, "event_config", software[config]);
	else
		kobj_number(t, a->o, "event_config", config);
	add_cookie(a, i->perf.event.cookie);
}

/* The kernel says since 6.6 what is behind a perf event; older ones leave the kind 0. */
static void perf(struct asked *a)
{
	static void (*const kinds[])(struct asked * a) = {NULL,        perf_uprobe, perf_uprobe,
							  perf_kprobe, perf_kprobe, perf_tracepoint,
							  perf_other};
	u32 type = a->info->perf.type;

	if (type < ARRAY_SIZE(kinds) && kinds[type])
		kinds[type](a);
}

static const struct link_type {
	const char *name;
	void (*where)(struct asked *a);
} link_types[] = {
	{"unspec", NULL},
	{"raw_tracepoint", raw_tp},
	{"tracing", tracing},
	{"cgroup", cgroup},
	{"iter", iter},
	{"netns", netns},
	{"xdp", xdp},
	{"perf_event", perf},
	{"kprobe_multi", kprobe_multi},
	{"struct_ops", struct_ops},
	{"netfilter", netfilter},
	{"tcx", net},
	{"uprobe_multi", uprobe_multi},
	{"netkit", net},
	{"sockmap", sockmap},
};

/* The program behind it: its name, and of a tracing program the function. */
static void add_prog(struct kobj_world *w, struct skep_value *o, u32 prog_id)
{
	int fd = prog_id ? kobj_open(SKEP_KERNEL_PROGS, prog_id) : -1;
	struct bpf_prog_info info = {0};
	const struct spec_name *type;

	if (fd < 0)
		return;
	if (!kobj_info(fd, &info, sizeof(info))) {
		kobj_name(&w->tree, o, "prog_name", kobj_prog_name(w, fd, &info));
		type = spec_prog_type(info.type);
		if (type)
			kobj_text(&w->tree, o, "prog_type", type->name);
		if (info.attach_btf_id)
			kobj_add_target(w, o, &info);
	}
	close(fd);
}

int kobj_describe_link(struct kobj_world *w, int fd, struct skep_value *o)
{
	struct link_info info = {0};
	struct asked *a = arena_alloc(&w->arena, sizeof(*a));
	int err = a ? kobj_info(fd, &info, sizeof(info)) : -ENOMEM;
	u32 type = info.type;

	if (err)
		return err;
	kobj_number(&w->tree, o, "id", info.id);
	if (type < ARRAY_SIZE(link_types))
		kobj_text(&w->tree, o, "type", link_types[type].name);
	else
		kobj_number(&w->tree, o, "type", type);
	if (info.prog_id)
		kobj_number(&w->tree, o, "prog_id", info.prog_id);
	add_prog(w, o, info.prog_id);
	*a = (struct asked){.w = w, .o = o, .fd = fd, .info = &info};
	if (type < ARRAY_SIZE(link_types) && link_types[type].where)
		link_types[type].where(a);
	return 0;
}
