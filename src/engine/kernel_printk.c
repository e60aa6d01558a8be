/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What programs print with bpf_trace_printk. The machine's own trace buffer has other readers, and
 * a line that is read there is gone; so a trace instance of our own takes the same event. It holds
 * only that event, but of every program on the machine: the event does not say which program it
 * is of.
 *
 * A line of trace_pipe, and what it is taken apart by:
 *
 *              cat-1234    [001] ...11   123.456789: bpf_trace_printk: text
 *     CPU:1 [LOST 12 EVENTS]
 *
 * Names of processes are shorter than the event's, so its first occurrence is the right one. Lines
 * without it belong to the text before.
 */
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include "engine/kernel_guard.h"
#include "engine/kernel_source.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK      ": bpf_trace_printk: "
#define MAX_LINE  (64 << 10) /* longer ones are cut; the kernel's are of 1 KiB */
#define READ_SIZE 8192
#define MAX_COMM  64

struct printk {
	struct kernel_source source;
	struct kernel_engine *k;
	int tracefs, pipe, slot;
	char path[64];
	struct strbuf text; /* of the event that may not be complete */
	bool pending;
	u32 taken;
	u32 cpu, pid;
	u64 time;
	char comm[MAX_COMM];
	char line[READ_SIZE * 2]; /* what was read and is not yet a line */
	size_t used;
};

static void flush(struct printk *p)
{
	struct skep_event ev = {
		.kind = SKEP_EVENT_PRINTK,
		.cpu = p->cpu,
		.pid = p->pid,
		.comm = p->comm,
		.time_ns = p->time,
		.data = strbuf_str(&p->text),
		.size = p->text.len,
	};

	if (!p->pending)
		return;
	p->pending = false;
	p->source.sink->record(&p->source, &ev);
	p->taken++;
	p->text.len = 0;
}

/* "  comm-1234    [001] ...11  123.456789" */
static void parse_head(struct printk *p, char *head)
{
	char *cpu = NULL, *stamp = strrchr(head, ' '), *pid, *rest;

	for (char *s = strstr(head, " ["); s; s = strstr(s + 1, " ["))
		cpu = s;
	p->cpu = cpu ? (u32)strtoul(cpu + 2, NULL, 10) : 0;
	p->time = stamp ? strtoull(stamp, &rest, 10) * 1000000000ULL : 0;
	if (stamp && *rest == '.')
		p->time += strtoull(rest + 1, NULL, 10) * 1000;
	if (cpu)
		*cpu = 0;
	pid = strrchr(head, '-');
	p->pid = pid ? (u32)strtoul(pid + 1, NULL, 10) : 0;
	if (pid)
		*pid = 0;
	snprintf(p->comm, sizeof(p->comm), "%s", head + strspn(head, " "));
}

static void take_line(struct printk *p, char *line)
{
	unsigned long long lost;
	char *mark = strstr(line, MARK);

	if (sscanf(line, "CPU:%*u [LOST %llu EVENTS]", &lost) == 1) {
		p->source.lost += lost;
		return;
	}
	if (mark) {
		flush(p);
		*mark = 0;
		parse_head(p, line);
		strbuf_puts(&p->text, mark + strlen(MARK));
		p->pending = true;
	} else if (p->pending && *line && p->text.len < MAX_LINE) {
		strbuf_puts(&p->text, "\n");
		strbuf_puts(&p->text, line);
	}
}

/* Whole lines of what was read; the rest waits. */
static void take_lines(struct printk *p)
{
	char *start = p->line, *end = p->line + p->used, *nl;

	while ((nl = memchr(start, '\n', (size_t)(end - start)))) {
		*nl = 0;
		take_line(p, start);
		start = nl + 1;
	}
	p->used = (size_t)(end - start);
	memmove(p->line, start, p->used);
	if (p->used >= sizeof(p->line) - READ_SIZE)
		p->used = 0; /* no line of the kernel's */
}

static u32 printk_drain(struct kernel_source *s)
{
	struct printk *p = container_of(s, struct printk, source);
	ssize_t n;

	p->taken = 0;
	while (p->taken < SOURCE_BUDGET &&
	       (n = read(p->pipe, p->line + p->used, READ_SIZE - 1)) > 0) {
		p->used += (size_t)n;
		take_lines(p);
	}
	flush(p);
	return p->taken;
}

/* --- the instance ----------------------------------------------------------------------------- */

static int write_to(struct printk *p, const char *file, const char *text)
{
	char path[256];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s", p->path, file);
	fd = openat(p->tracefs, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

static void printk_free(struct kernel_source *s)
{
	struct printk *p = container_of(s, struct printk, source);

	if (p->pipe >= 0)
		close(p->pipe);
	if (p->slot >= 0 && !unlinkat(p->tracefs, p->path, AT_REMOVEDIR))
		kernel_guard_forget(p->k, p->slot);
	strbuf_done(&p->text);
	mem_free(p);
}

static const struct kernel_source_ops ops = {
	.drain = printk_drain,
	.free = printk_free,
};

static int make_instance(struct printk *p, struct skep_diag *diag)
{
	struct kernel_undo undo = {.kind = UNDO_DIR};
	int err;

	snprintf(p->path, sizeof(p->path), "instances/skep-%d", (int)getpid());
	snprintf(undo.path, sizeof(undo.path), "%s", p->path);
	p->slot = kernel_guard_add(p->k, &undo, diag);
	if (p->slot < 0)
		return p->slot;
	if (mkdirat(p->tracefs, p->path, 0700) && errno != EEXIST)
		return -errno;
	write_to(p, "trace_clock", "mono");
	write_to(p, "buffer_percent", "0"); /* wake at the first line */
	err = write_to(p, "events/bpf_trace/bpf_trace_printk/enable", "1");
	return err;
}

static int open_pipe(struct printk *p)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/trace_pipe", p->path);
	p->pipe = openat(p->tracefs, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return p->pipe < 0 ? -errno : p->source.sink->watch(p->source.sink, p->pipe);
}

int kernel_printk_open(struct kernel_engine *k, const struct kernel_source_sink *sink,
		       struct kernel_source **ret, struct skep_diag *diag)
{
	struct printk *p = mem_zalloc(sizeof(*p));
	int err;

	if (!p)
		return diag_nomem(diag);
	p->source = (struct kernel_source){.ops = &ops, .sink = sink};
	p->k = k;
	p->pipe = p->slot = -1;
	p->tracefs = kernel_tracefs(k, diag);
	err = p->tracefs < 0 ? p->tracefs : make_instance(p, diag);
	if (!err)
		err = open_pipe(p);
	if (!err) {
		*ret = &p->source;
		return 0;
	}
	printk_free(&p->source);
	return diag_set(diag, err, "can't follow bpf_trace_printk: %s", strerror(-err));
}
