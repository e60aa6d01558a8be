/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * All probes in a process of their own, with a network namespace of its own where that is allowed:
 * what a probe makes or breaks goes with it.
 */
#ifndef ENGINE_KERNEL_DOCTOR_H
#define ENGINE_KERNEL_DOCTOR_H

#include "base/diag.h"
#include "engine/kernel_probe.h"

struct kernel_finding {
	u32 row; /* index in kernel_probe_rows */
	int err; /* 0: Linux does it */
	struct kernel_why why;
	char note[128]; /* with err 0: what to know, "" for nothing */
};

/* Calls fn for every row in the table's order until it does not return 0; that, 0, or -errno. */
int kernel_doctor(int (*fn)(void *ctx, const struct kernel_finding *f), void *ctx,
		  struct skep_diag *diag);

/* May the user engine trace processes here? 0 or -errno. */
int kernel_doctor_ptrace(void);

#endif
