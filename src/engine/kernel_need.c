/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Targets that only the user knows. Nothing is guessed: what a program's kind needs and no option
 * gives is an error that names the option and lists what could be given.
 */
#include "engine/kernel.h"
#include "spec/uapi.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_LISTED 12

struct list {
	struct strbuf text;
	u32 nr;
};

static void add(struct list *l, const char *fmt, ...) __printf(2, 3);
static void add(struct list *l, const char *fmt, ...)
{
	va_list ap;

	if (++l->nr > MAX_LISTED) {
		if (l->nr == MAX_LISTED + 1)
			strbuf_puts(&l->text, ", …");
		return;
	}
	strbuf_puts(&l->text, l->text.len ? ", " : "");
	va_start(ap, fmt);
	strbuf_vprintf(&l->text, fmt, ap);
	va_end(ap);
}

static void list_ifaces(struct kernel_engine *k, struct list *l)
{
	struct if_nameindex *all = kernel_netns_enter(k, NULL) ? NULL : if_nameindex();

	for (struct if_nameindex *i = all; i && i->if_index; i++)
		add(l, "%s", i->if_name);
	if_freenameindex(all);
	kernel_netns_leave(k);
}

static void list_dir(struct list *l, const char *dir, const char *prefix, bool only_dirs)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && (!only_dirs || e->d_type == DT_DIR) &&
		    !strncmp(e->d_name, prefix, strlen(prefix)))
			add(l, "%s%s%s", *prefix ? dir : "", *prefix ? "/" : "", e->d_name);
	if (d)
		closedir(d);
}

static void list_cgroups(struct kernel_engine *k, struct list *l)
{
	char mount[PATH_MAX];

	if (!kernel_cgroup_mount(mount, sizeof(mount)))
		return;
	add(l, "%s", mount);
	list_dir(l, mount, "", true);
}

static void list_netns(struct kernel_engine *k, struct list *l)
{
	add(l, "self");
	list_dir(l, "/run/netns", "", false);
}

static void list_sockmaps(struct kernel_engine *k, struct list *l)
{
	for (u32 i = 0; i < k->obj->nr_maps; i++) {
		u32 type = k->obj->maps[i].def.type;

		if (type == BPF_MAP_TYPE_SOCKMAP || type == BPF_MAP_TYPE_SOCKHASH)
			add(l, "%s", k->obj->maps[i].def.name);
	}
}

static void list_maps(struct kernel_engine *k, struct list *l)
{
	for (u32 i = 0; i < k->obj->nr_maps; i++)
		if (k->obj->maps[i].kind == OBJECT_MAP_USER)
			add(l, "%s", k->obj->maps[i].def.name);
}

static void list_progs(struct kernel_engine *k, struct list *l)
{
	u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {0};
		u32 len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len))
			add(l, "%u (%s)", id, info.name);
		close(fd);
	}
}

static void list_hooks(struct kernel_engine *k, struct list *l)
{
	add(l, "ipv4:prerouting, ipv4:local_in, ipv4:forward, ipv4:local_out, ipv4:postrouting, "
	       "the same with ipv6, each with :PRIORITY behind it if it is not 0");
}

static void list_devices(struct kernel_engine *k, struct list *l)
{
	list_dir(l, "/dev", "lirc", false);
}

static void list_directions(struct kernel_engine *k, struct list *l)
{
	add(l, "ingress, egress");
}

static void list_sections(struct kernel_engine *k, struct list *l)
{
	add(l, "sk_skb/stream_parser, sk_skb/stream_verdict, sk_skb/verdict");
}

static bool has_iface(const struct engine_targets *t)
{
	return t->ifaces && t->ifaces[0];
}

#define GIVEN(field)                                                                               \
	static bool has_##field(const struct engine_targets *t)                                    \
	{                                                                                          \
		return t->field;                                                                   \
	}
GIVEN(direction)
GIVEN(cgroup)
GIVEN(netns)
GIVEN(sockmap)
GIVEN(netfilter)
GIVEN(prog)
GIVEN(map)
GIVEN(device)
GIVEN(port)

static bool has_route(const struct engine_targets *t)
{
	return t->routes && t->routes[0];
}

static bool has_samples(const struct engine_targets *t)
{
	return t->freq || t->period;
}

static bool never(const struct engine_targets *t)
{
	return false;
}

/* clang-format off */
static const struct {
	enum kernel_need need;
	const char *option, *what;
	bool (*given)(const struct engine_targets *t);
	void (*list)(struct kernel_engine *k, struct list *l);
} needs[] = {
	{NEED_IFACE,     "--iface IF",            "a network interface",        has_iface,     list_ifaces},
	{NEED_DIRECTION, "--direction DIRECTION", "a direction",                has_direction, list_directions},
	{NEED_CGROUP,    "--cgroup PATH",         "a cgroup",                   has_cgroup,    list_cgroups},
	{NEED_NETNS,     "--netns NAME|PATH|PID", "a network namespace",        has_netns,     list_netns},
	{NEED_SOCKMAP,   "--sockmap MAP",         "a map of sockets",           has_sockmap,   list_sockmaps},
	{NEED_ROUTE,     "--route 'PREFIX dev IF'", "a route",                  has_route,     list_ifaces},
	{NEED_NETFILTER, "--netfilter FAMILY:HOOK", "a hook of netfilter",      has_netfilter, list_hooks},
	{NEED_SAMPLES,   "--freq HZ or --period N", "how often it is to sample", has_samples,  NULL},
	{NEED_PROG,      "--target-prog ID|NAME|PATH", "a loaded program",      has_prog,      list_progs},
	{NEED_MAP,       "--target-map MAP",      "a map",                      has_map,       list_maps},
	{NEED_DEVICE,    "--device PATH",         "a device",                   has_device,    list_devices},
	{NEED_PORT,      "--port N",              "the port of listening sockets", has_port,   NULL},
	{NEED_SECTION,   "--attach PROGRAM=SECTION", "to know what it is",      never,         list_sections},
};
/* clang-format on */

static int missing(struct kernel_engine *k, size_t i, struct skep_diag *diag)
{
	struct list l = {0};

	if (needs[i].list)
		needs[i].list(k, &l);
	diag_set_full(diag, -EINVAL, "needs-target", needs[i].option, "it needs %s: %s%s%s",
		      needs[i].what, needs[i].option, l.nr ? "; there are: " : "",
		      strbuf_str(&l.text));
	strbuf_done(&l.text);
	return -EINVAL;
}

/* An iterator's target says what it is over. */
static u32 needs_of(const struct kernel_prog *p)
{
	static const struct {
		const char *target;
		u32 needs;
	} iters[] = {
		{"bpf_map_elem", NEED_MAP},
		{"bpf_sk_storage_map", NEED_MAP},
		{"sockmap", NEED_MAP},
		{"cgroup", NEED_CGROUP},
	};

	for (size_t i = 0; i < ARRAY_SIZE(iters); i++)
		if (p->kind->attach == kernel_attach_iter &&
		    !strcmp(p->prog->target, iters[i].target))
			return iters[i].needs;
	return p->kind->needs;
}

int kernel_check_needs(struct kernel_engine *k, const struct kernel_prog *p, struct skep_diag *diag)
{
	u32 want = needs_of(p);

	if ((want & NEED_PID) && !k->opts.hook.pid)
		return diag_set_full(diag, -EINVAL, "needs-target", "--pid PID",
				     "it needs the process that has the sockets: --pid PID");
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if ((want & needs[i].need) && !needs[i].given(&k->opts.target))
			return missing(k, i, diag);
	return 0;
}
