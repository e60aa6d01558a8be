/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A small HTTP server in the caller's thread, by libmicrohttpd, which is loaded when it is needed.
 */
#ifndef API_HTTP_H
#define API_HTTP_H

#include "base/diag.h"
#include "base/strbuf.h"
#include <sys/socket.h>

struct http;

/* The answer to GET /metrics; non-zero: none can be had (500). */
typedef int (*http_answer_fn)(void *ctx, struct strbuf *answer);

int http_open(const struct sockaddr *addr, http_answer_fn answer, void *ctx, struct http **ret,
	      struct skep_diag *diag);
int http_poll_fd(const struct http *h); /* readable when somebody asks */
int http_listen_fd(const struct http *h);
int http_run(struct http *h);
struct http *http_close(struct http *h); /* NULL is fine; returns NULL */

#endif
