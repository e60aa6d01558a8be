/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs on perf events, by the events' descriptors: those that were attached by ioctl have no
 * link (all of them before Linux 5.15), and what a link is for is only said since 6.6.
 */
#include "base/mem.h"
#include "engine/kernel_objs.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_NAME   4096
#define MAX_EVENTS 65536 /* that are looked at; a program for each CPU has as many as there are */

struct event {
	u32 prog_id, type;
	u64 offset, addr;
	char name[MAX_NAME];
};

static int query(u32 pid, u32 fd, struct event *ret)
{
	union bpf_attr attr = {.task_fd_query = {.pid = pid,
						 .fd = fd,
						 .buf_len = sizeof(ret->name),
						 .buf = (u64)(uintptr_t)ret->name}};
	int err;

	ret->name[0] = 0;
	err = kobj_bpf(BPF_TASK_FD_QUERY, &attr, sizeof(attr));
	if (err)
		return err;
	ret->name[sizeof(ret->name) - 1] = 0;
	ret->prog_id = attr.task_fd_query.prog_id;
	ret->type = attr.task_fd_query.fd_type;
	ret->offset = attr.task_fd_query.probe_offset;
	ret->addr = attr.task_fd_query.probe_addr;
	return 0;
}

/* With the names that links have. */
static void describe(struct kobj_world *w, struct skep_value *o, const struct event *e)
{
	struct kobj_tree *t = &w->tree;
	bool is_kprobe = e->type == BPF_FD_TYPE_KPROBE || e->type == BPF_FD_TYPE_KRETPROBE;
	bool is_uprobe = e->type == BPF_FD_TYPE_UPROBE || e->type == BPF_FD_TYPE_URETPROBE;

	if (e->type == BPF_FD_TYPE_TRACEPOINT)
		kobj_text(t, o, "tracepoint", e->name);
	if (is_kprobe || is_uprobe)
		kobj_bool(t, o, "retprobe",
			  e->type == BPF_FD_TYPE_KRETPROBE || e->type == BPF_FD_TYPE_URETPROBE);
	if (is_kprobe && e->addr)
		kobj_number(t, o, "addr", e->addr);
	if (is_kprobe || is_uprobe) {
		kobj_text(t, o, is_kprobe ? "func" : "file", e->name);
		kobj_number(t, o, "offset", e->offset);
	}
}

/* Does this attachment say already what that event is? */
static bool says(const struct skep_value *o, const struct event *e)
{
	static const char *const keys[] = {"tracepoint", "func", "file"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct skep_value *v = kobj_get(o, keys[i]), *off = kobj_get(o, "offset");

		if (v && v->text && !strcmp(v->text, e->name) && (!off || off->number == e->offset))
			return true;
	}
	return false;
}

static void take(struct kobj_world *w, const struct event *e)
{
	struct skep_value *silent = NULL;

	for (size_t i = 0; i < w->attached.nr; i++) {
		struct skep_value *o = &w->attached.data[i];
		const struct skep_value *prog = kobj_get(o, "prog_id"), *type = kobj_get(o, "type");
		bool is_perf = type && type->text && !strcmp(type->text, "perf_event");

		if (!prog || prog->number != e->prog_id || !is_perf)
			continue;
		if (says(o, e))
			return; /* the same on another CPU, or the kernel has said it */
		if (!kobj_get(o, "tracepoint") && !kobj_get(o, "func") && !kobj_get(o, "file") &&
		    !kobj_get(o, "event_type"))
			silent = o;
	}
	describe(w, silent ? silent : kobj_attached(w, "perf_event", e->prog_id), e);
}

static void scan_process(struct kobj_world *w, u32 pid, DIR *fds, struct event *e, u32 *nr)
{
	struct dirent *d;

	while ((d = readdir(fds)) && *nr < MAX_EVENTS) {
		char link[64];
		ssize_t n = isdigit((u8)d->d_name[0])
				    ? readlinkat(dirfd(fds), d->d_name, link, sizeof(link) - 1)
				    : -1;

		if (n < 0)
			continue;
		link[n] = 0;
		if (strcmp(link, "anon_inode:[perf_event]"))
			continue;
		++*nr;
		if (!query(pid, (u32)strtoul(d->d_name, NULL, 10), e) && e->prog_id)
			take(w, e);
	}
}

int kobj_scan_perf(struct kobj_world *w)
{
	struct event *e = mem_zalloc(sizeof(*e));
	DIR *dir = e ? opendir("/proc") : NULL;
	struct dirent *d;
	u32 nr = 0;

	while (dir && (d = readdir(dir))) {
		char path[300];
		DIR *fds;

		if (!isdigit((u8)d->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fd", d->d_name);
		fds = opendir(path);
		if (!fds)
			continue;
		scan_process(w, (u32)strtoul(d->d_name, NULL, 10), fds, e, &nr);
		closedir(fds);
	}
	if (dir)
		closedir(dir);
	mem_free(e);
	return e ? 0 : -ENOMEM;
}
