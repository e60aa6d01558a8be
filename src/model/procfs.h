/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What /proc says of a thread. */
#ifndef MODEL_PROCFS_H
#define MODEL_PROCFS_H

#include "base/types.h"

/* More levels of pid namespaces than Linux allows (MAX_PID_NS_LEVEL is 32). */
#define PROCFS_MAX_LEVELS 33

struct procfs_task {
	u32 tid, tgid, ppid;
	u32 pgrp, session;
	u64 flags, start_ticks;
	u64 start_code, end_code, start_stack, start_data, end_data, start_brk;
	u64 arg_start, arg_end, env_start, env_end;
	s32 exit_signal, nice;
	u32 uid[4], gid[4]; /* real, effective, saved, file system */
	u64 caps[5];        /* inheritable, permitted, effective, bounding, ambient */
	u32 nspid[PROCFS_MAX_LEVELS], nr_levels;
	char comm[16];
	char state; /* R S D T t Z X I */
};

/* 0, or -ESRCH. */
int procfs_task(u32 tid, struct procfs_task *ret);

/* The bytes of /proc/TID/NAME, at most size - 1 and a NUL behind them: how many, 0 where there are
 * none. */
size_t procfs_read(u32 tid, const char *name, char *buf, size_t size);

/* readlink of /proc/TID/NAME: its length, 0 where there is none. Always NUL-terminated. */
size_t procfs_link(u32 tid, const char *name, char *buf, size_t size);

#endif
