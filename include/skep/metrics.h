/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A session's maps, variables and counters for Prometheus: its text format, over HTTP.
 *
 * The server has no thread of its own: it answers in skep_metrics_run, which is called after each
 * skep_session_poll, at least once a second.
 */
#ifndef SKEP_METRICS_H
#define SKEP_METRICS_H

#include <skep/session.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct skep_metrics;

/** The text, in one piece or several. */
int skep_session_metrics(struct skep_session *s, skep_write_fn write, void *ctx,
			 struct skep_diag *diag);

/**
 * Is that an address? "PORT" and ":PORT" are on the loopback interface; "ADDRESS:PORT" with an IPv4
 * address, an IPv6 address in brackets, or "localhost". 0 or -EINVAL.
 */
int skep_metrics_check(const char *address, struct skep_diag *diag);

/**
 * Listen there; port 0 is any that is free. GET /metrics is answered. The session must outlive it.
 * -ENOTSUP: the library for HTTP (libmicrohttpd) is not installed.
 */
int skep_metrics_open(struct skep_session *s, const char *address, struct skep_metrics **ret,
		      struct skep_diag *diag);
/** Where it listens: "127.0.0.1:9100". */
const char *skep_metrics_address(const struct skep_metrics *m);
/** Answer who has asked; it does not wait. */
int skep_metrics_run(struct skep_metrics *m);
struct skep_metrics *skep_metrics_close(struct skep_metrics *m); /* NULL is fine; returns NULL */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
