/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Checking: would Linux let these programs run? Decided without a kernel.
 *
 * Threads: as object.h.
 */
#ifndef SKEP_CHECK_H
#define SKEP_CHECK_H

#include <skep/diag.h>
#include <skep/object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct skep_check_opts {
	size_t sz;
	const char *prog; /* only this program; NULL: all, those with SEC("?…") too */
	const char *type; /* judge as this type ("xdp"); NULL: what the section says */
	int log_level;    /* of the log: 0 refusals, 1 the last path, 2 everything */
	uint32_t flags; /* further flags of BPF_PROG_LOAD: 1 strict alignment, 8 many states, … */
	size_t : 0;
};

/** A verdict. Strings live until the callback returns; "" where there is nothing to say. */
struct skep_check_result {
	size_t sz;
	const char *object, *program, *section, *type;
	bool accepted;
	int err;             /* -errno of the refusal, 0 */
	const char *id;      /* of the refusal: "max-oob" */
	const char *message; /* the last line of the kernel's log */
	const char *hint;    /* what to do */
	int32_t insn;        /* where; -1: nowhere */
	const char *file;    /* the source line of that instruction */
	uint32_t line;
	uint32_t nr_insns, processed, states, stack;
	uint64_t ns;     /* time taken */
	const char *log; /* as the kernel's */
	size_t : 0;
};

/**
 * Judge the programs of an object, in order, and tell each verdict to fn; a non-zero value of fn
 * ends it and is returned. A refusal is no error. -ENOENT: no program of that name; -EINVAL: no
 * such type. Values of constants that were set are taken as they are; obj is not changed.
 */
int skep_check(struct skep_object *obj, const struct skep_check_opts *opts,
	       int (*fn)(void *ctx, const struct skep_check_result *res), void *ctx,
	       struct skep_diag *diag);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
