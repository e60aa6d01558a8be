/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What went wrong, where, why, and what to do about it.
 *
 * Every call that can fail takes a `struct skep_diag *` as its last argument. NULL is fine. The
 * caller owns it; it has a fixed size, never allocates and needs no cleaning up. A call that
 * succeeds leaves it alone. The first reason is kept: clear it before it is used for another call.
 *
 * Everywhere in these headers: a call that can fail returns 0 or -errno and writes *ret on success
 * only; strings are NUL-terminated UTF-8 or whatever bytes the object has. A struct of options or
 * information begins with sz, which the caller sets to its size: fields that one side does not know
 * are left out, as long as unused ones are zero.
 */
#ifndef SKEP_DIAG_H
#define SKEP_DIAG_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct skep_diag {
	int err;           /* -errno; 0 while nothing has been said */
	char id[32];       /* a stable name of the kind of error, "" where there is none */
	char where[256];   /* the place: file, section, offset, symbol, source line */
	char message[512]; /* what is wrong */
	char hint[256];    /* what to do, "" where nothing can be said */
};

/** Forget what was said, so that the same diag can be used for another call. */
void skep_diag_clear(struct skep_diag *diag);

/**
 * Write "where: message (hint)" on one line into buf, always NUL-terminated.
 * Returns the length that the whole text has, as snprintf does.
 */
int skep_diag_format(const struct skep_diag *diag, char *buf, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
