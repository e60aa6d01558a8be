/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What this machine allows this process, now: each kind of program, map, attachment and feature is
 * tried with the smallest thing of its kind, and let go of again.
 */
#ifndef SKEP_DOCTOR_H
#define SKEP_DOCTOR_H

#include <skep/diag.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum skep_finding_kind {
	SKEP_FINDING_FACT, /* value says it */
	SKEP_FINDING_YES,
	SKEP_FINDING_NO, /* err, cause, why, todo say the rest */
};

struct skep_finding {
	size_t sz;
	enum skep_finding_kind kind;
	const char *group; /* "machine", "engine", "program", "attach", "map", "feature" */
	const char *name;
	const char *what;  /* it, in a few words; "" where the name says it all */
	const char *value; /* of a fact; a remark on a yes, "" where there is none */
	int err;           /* of a no: what Linux said, a negative errno */
	/* of a no: "capability", "namespace", "sysctl", "seccomp", "lsm", "lockdown", "config",
	 * "version", "memlock", "mount", "btf", "hardware", "other"; else "" */
	const char *cause;
	const char *why;  /* in words */
	const char *todo; /* what to do about it */
	size_t : 0;
};

/**
 * Look at everything; fn is called for each finding, facts first, and ends it with a value other
 * than 0, which is returned. Strings are valid during the call. Forks; takes a fraction of a
 * second; leaves nothing behind.
 */
int skep_doctor(int (*fn)(void *ctx, const struct skep_finding *finding), void *ctx,
		struct skep_diag *diag);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
