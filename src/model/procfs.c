/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "model/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t procfs_read(u32 tid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, buf, size - 1);
	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n > 0 ? n : 0;
}

/* The numbers of /proc/PID/stat behind the name; proc(5) counts them from 3 (the state). */
enum {
	STAT_PPID = 4,
	STAT_PGRP = 5,
	STAT_SESSION = 6,
	STAT_FLAGS = 9,
	STAT_NICE = 19,
	STAT_START = 22,
	STAT_START_CODE = 26,
	STAT_END_CODE = 27,
	STAT_START_STACK = 28,
	STAT_EXIT_SIGNAL = 38,
	STAT_START_DATA = 45,
	STAT_END_DATA = 46,
	STAT_START_BRK = 47,
	STAT_ARG_START = 48,
	STAT_ARG_END = 49,
	STAT_ENV_START = 50,
	STAT_ENV_END = 51,
	STAT_NR
};

/* A name may hold anything, ')' and newlines too: the last ')' ends it. */
static int parse_stat(char *text, struct procfs_task *ret)
{
	char *name = strchr(text, '('), *at = strrchr(text, ')');
	u64 v[STAT_NR] = {0};

	if (!name || !at || at < name || !at[1])
		return -ESRCH;
	memcpy(ret->comm, name + 1, min_u64(at - name - 1, sizeof(ret->comm) - 1));
	ret->state = at[1] ? at[2] : 0;
	at += 3; /* ") S" */
	for (u32 i = STAT_PPID; i < STAT_NR && *at; i++)
		v[i] = strtoull(at, &at, 10);
	ret->ppid = v[STAT_PPID];
	ret->pgrp = v[STAT_PGRP];
	ret->session = v[STAT_SESSION];
	ret->flags = v[STAT_FLAGS];
	ret->nice = v[STAT_NICE];
	ret->start_ticks = v[STAT_START];
	ret->start_code = v[STAT_START_CODE];
	ret->end_code = v[STAT_END_CODE];
	ret->start_stack = v[STAT_START_STACK];
	ret->exit_signal = v[STAT_EXIT_SIGNAL];
	ret->start_data = v[STAT_START_DATA];
	ret->end_data = v[STAT_END_DATA];
	ret->start_brk = v[STAT_START_BRK];
	ret->arg_start = v[STAT_ARG_START];
	ret->arg_end = v[STAT_ARG_END];
	ret->env_start = v[STAT_ENV_START];
	ret->env_end = v[STAT_ENV_END];
	return 0;
}

/* "Name:\t…", at a line's start. */
static const char *find_line(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) : NULL;
}

static u32 parse_numbers(const char *text, const char *name, u32 *to, u32 max)
{
	const char *at = find_line(text, name);
	u32 nr = 0;

	while (at && nr < max) {
		at += strspn(at, " \t");
		if (*at < '0' || *at > '9')
			break;
		to[nr++] = strtoul(at, (char **)&at, 10);
	}
	return nr;
}

static void parse_status(const char *text, struct procfs_task *ret)
{
	static const char *const caps[] = {
		"\nCapInh:", "\nCapPrm:", "\nCapEff:", "\nCapBnd:", "\nCapAmb:"};

	parse_numbers(text, "\nTgid:", &ret->tgid, 1);
	parse_numbers(text, "\nUid:", ret->uid, 4);
	parse_numbers(text, "\nGid:", ret->gid, 4);
	ret->nr_levels = parse_numbers(text, "\nNSpid:", ret->nspid, PROCFS_MAX_LEVELS);
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		const char *at = find_line(text, caps[i]);

		ret->caps[i] = at ? strtoull(at, NULL, 16) : 0;
	}
}

int procfs_task(u32 tid, struct procfs_task *ret)
{
	char text[8192];

	memset(ret, 0, sizeof(*ret));
	ret->tid = ret->tgid = tid;
	if (!procfs_read(tid, "stat", text, sizeof(text)) || parse_stat(text, ret))
		return -ESRCH;
	if (procfs_read(tid, "status", text, sizeof(text)))
		parse_status(text, ret);
	return 0;
}

size_t procfs_link(u32 tid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/%s", tid, name);
	n = readlink(path, buf, size - 1);
	buf[n > 0 ? n : 0] = 0;
	return n > 0 ? n : 0;
}
