/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the user engine's programs report, on its way to the caller: printk lines and records. */
#include "engine/user.h"
#include "event/reader.h"
#include <time.h>

/* One printk line or record on its way to the caller. */
static int deliver(struct user *u, struct skep_event *ev)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ev->sz = sizeof(*ev);
	ev->time_ns = (u64)now.tv_sec * 1000000000ULL + (u64)now.tv_nsec;
	if (u->opts.event && !u->end)
		u->end = u->opts.event(u->opts.ctx, ev);
	return u->end;
}

void user_printk(void *ctx, u32 cpu, const struct vm_task *task, const char *text, size_t len)
{
	struct user *u = ctx;
	struct skep_event ev = {
		.kind = SKEP_EVENT_PRINTK,
		.cpu = cpu,
		.pid = task ? task->pid : 0,
		.comm = task ? task->comm : "",
		.data = text,
		.size = len,
	};

	/* Linux' log is made of lines, and many programs end theirs themselves. */
	if (ev.size && text[ev.size - 1] == '\n')
		ev.size--;
	u->printk_lines++;
	deliver(u, &ev);
}

static int on_record(void *ctx, struct map *map, u32 cpu, const void *data, size_t size)
{
	struct skep_event ev = {
		.kind = SKEP_EVENT_RECORD,
		.map = map->def.name,
		.cpu = cpu,
		.data = data,
		.size = size,
	};

	return deliver(ctx, &ev);
}

/* What an iterator writes. */
void user_text(void *user, const struct hook_prog *hp, const char *text, size_t size)
{
	struct skep_event ev = {
		.kind = SKEP_EVENT_TEXT,
		.map = hp->prog->name,
		.comm = "",
		.data = text,
		.size = size,
	};

	deliver(user, &ev);
}

/* After each run of a program: a buffer overflows only if one run fills it. */
void user_drain(void *ctx)
{
	struct user *u = ctx;

	if (!u->end)
		event_reader_drain(u->reader, on_record, u);
}
