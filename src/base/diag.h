/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Saying what went wrong. `return diag_set(diag, -EINVAL, "…")` at the deepest place; whoever
 * passes an error on adds where it happened: `return diag_at(diag, err, "section %s", name)`.
 * The first diag_set wins; diag may be NULL everywhere.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/types.h"
#include <skep/diag.h>

/* Record the reason, unless a deeper one is there already. Returns err (negative). */
int diag_set(struct skep_diag *diag, int err, const char *fmt, ...) __printf(3, 4);

/* The same with a stable id and a hint; either may be NULL. */
int diag_set_full(struct skep_diag *diag, int err, const char *id, const char *hint,
		  const char *fmt, ...) __printf(5, 6);

/* Put a place in front of the place that is there: "outer: inner". Returns err. */
int diag_at(struct skep_diag *diag, int err, const char *fmt, ...) __printf(3, 4);

/* Say what to do, unless something was said already. Returns err. */
int diag_hint(struct skep_diag *diag, int err, const char *fmt, ...) __printf(3, 4);

/* Out of memory, in words. Returns -ENOMEM. */
int diag_nomem(struct skep_diag *diag);

#endif
