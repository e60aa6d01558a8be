/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which engine. Given input (a capture, a context) is read in this process, so it is the user
 * engine's; an interface, a cgroup and kin are Linux'. For anything else Linux is asked:
 * capabilities first, because that costs nothing, then a load of the smallest program of each kind,
 * then whether the way to attach it exists at all. One program that Linux does not take keeps the
 * whole object out: its programs share maps.
 */
#include "engine/kernel_choose.h"
#include "engine/kernel_probe.h"
#include "spec/spec.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct chooser {
	const struct object *obj;
	const struct engine_opts *opts;
	struct kernel_facts facts;
	struct kernel_try t;
	const struct kernel_row *seen[16]; /* rows that said yes */
	u32 nr_seen;
	struct kernel_choice *ret;
};

/* Sections whose way to attach may be missing though the program type is there. The first that
 * fits. */
static const struct {
	const char *section, *row, *pmu;
} ways[] = {
	{"kprobe.multi", "kprobe.multi", NULL},
	{"kretprobe.multi", "kprobe.multi", NULL},
	{"kprobe.session", "kprobe.session", NULL},
	{"uprobe.multi", "uprobe.multi", NULL},
	{"uretprobe.multi", "uprobe.multi", NULL},
	{"uprobe.session", "uprobe.session", NULL},
	{"kprobe", "kprobe", "kprobe"},
	{"kretprobe", "kretprobe", "kprobe"},
	{"ksyscall", "kprobe", "kprobe"},
	{"kretsyscall", "kretprobe", "kprobe"},
	{"uprobe", "uprobe", "uprobe"},
	{"uretprobe", "uprobe", "uprobe"},
	{"usdt", "uprobe", "uprobe"},
};

/* Rows whose programs need types of the kernel: loading the object shows the rest. */
static const struct {
	u32 type;
	const char *group, *row;
} typed[] = {
	{SPEC_PROG_TRACING, "program", "tracing"},
	{SPEC_PROG_LSM, "program", "lsm"},
	{SPEC_PROG_STRUCT_OPS, "program", "struct_ops"},
	{SPEC_PROG_EXT, "attach", "freplace"},
};

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static int no(struct chooser *c, const struct prog *prog, const struct kernel_row *row, int err)
{
	struct kernel_why why;

	c->t.row = row;
	kernel_probe_why(&c->t, &c->facts, err, &why);
	c->ret->kernel = false;
	snprintf(c->ret->why, sizeof(c->ret->why),
		 "Linux does not take program %.60s, SEC(\"%.80s\"): %s", prog->name, prog->section,
		 why.why);
	return err;
}

static bool is_seen(struct chooser *c, const struct kernel_row *row)
{
	for (u32 i = 0; i < c->nr_seen; i++)
		if (c->seen[i] == row)
			return true;
	if (c->nr_seen < ARRAY_SIZE(c->seen))
		c->seen[c->nr_seen++] = row;
	return false;
}

static int try_row(struct chooser *c, const struct prog *prog, const struct kernel_row *row)
{
	int err;

	if (!row || is_seen(c, row))
		return 0;
	err = kernel_probe_row(row, &c->t);
	return err ? no(c, prog, row, err) : 0;
}

static int try_caps(struct chooser *c, const struct prog *prog, const struct kernel_row *row)
{
	char missing[128];

	c->t.log[0] = 0;
	c->t.missing = NULL;
	if (!kernel_why_missing_caps(&c->facts, row->needs, missing, sizeof(missing)))
		return 0;
	return no(c, prog, row, -EPERM);
}

static int try_way(struct chooser *c, const struct prog *prog)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		const struct kernel_row *row;
		char path[96];

		if (!begins(prog->section, ways[i].section))
			continue;
		row = kernel_probe_find("attach", ways[i].row);
		if (!ways[i].pmu)
			return try_row(c, prog, row);
		snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", ways[i].pmu);
		c->t.attaching = true;
		return access(path, F_OK) ? no(c, prog, row, -ENOENT) : 0;
	}
	return 0;
}

static int try_prog(struct chooser *c, const struct prog *prog)
{
	const struct spec_name *type = spec_prog_type(prog->type);
	const struct kernel_row *row = NULL;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(typed); i++)
		if (typed[i].type == prog->type)
			return try_caps(c, prog, kernel_probe_find(typed[i].group, typed[i].row));
	if (type)
		row = kernel_probe_find("program", type->name);
	if (!row)
		return 0;
	err = try_caps(c, prog, row);
	err = err ? err : try_row(c, prog, row);
	return err ? err : try_way(c, prog);
}

/* An option that only Linux can follow; NULL: none is given. */
static const char *linux_option(const struct engine_targets *t)
{
	const struct {
		bool given;
		const char *name;
	} rows[] = {
		{t->ifaces && t->ifaces[0], "--iface"},
		{t->cgroup, "--cgroup"},
		{t->netns, "--netns"},
		{t->sockmap, "--sockmap"},
		{t->routes && t->routes[0], "--route"},
		{t->netfilter, "--netfilter"},
		{t->prog, "--target-prog"},
		{t->map, "--target-map"},
		{t->device, "--device"},
		{t->pin, "--pin"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].given)
			return rows[i].name;
	return NULL;
}

static bool user_serves(const struct object *obj, const struct engine_opts *opts)
{
	for (u32 i = 0; i < obj->nr_progs; i++)
		if (obj->progs[i].autoload && hook_find(&obj->progs[i], &opts->hook, NULL))
			return true;
	return false;
}

/* What the caller has given decides, where it does. */
static bool is_given(struct chooser *c)
{
	const struct hook_opts *h = &c->opts->hook;
	const char *option = linux_option(&c->opts->target);

	if (h->pcap_in || h->ctx_file || h->pkt_file) {
		snprintf(c->ret->why, sizeof(c->ret->why), "%s is read in this process",
			 h->pcap_in ? "a capture" : "a given input");
		return true;
	}
	if (!option)
		return false;
	c->ret->kernel = true;
	c->ret->has_user = false;
	snprintf(c->ret->why, sizeof(c->ret->why), "%s is for Linux", option);
	return true;
}

static void ask_linux(struct chooser *c)
{
	u32 nr = 0;

	kernel_facts_read(&c->facts);
	c->ret->kernel = true;
	for (u32 i = 0; i < c->obj->nr_progs && c->ret->kernel; i++) {
		const struct prog *prog = &c->obj->progs[i];

		if (prog->autoload && !try_prog(c, prog))
			nr++;
	}
	kernel_facts_done(&c->facts);
	if (c->ret->kernel)
		snprintf(c->ret->why, sizeof(c->ret->why), "Linux takes %s from this user",
			 nr == 1 ? "its program" : "all its programs");
}

void kernel_choose(const struct object *obj, const struct engine_opts *opts,
		   struct kernel_choice *ret)
{
	struct chooser c = {.obj = obj, .opts = opts, .ret = ret};

	memset(ret, 0, sizeof(*ret));
	ret->has_user = user_serves(obj, opts);
	if (!is_given(&c))
		ask_linux(&c);
}
