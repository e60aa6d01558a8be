/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * See http.h. libmicrohttpd does the protocol, without threads: it has an epoll descriptor, and
 * works when http_run is called. It is loaded at run time, since few runs want it, and with it come
 * libraries that would double what a start takes.
 */
#include "api/http.h"
#include "base/log.h"
#include "base/mem.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NEEDED "install libmicrohttpd (Debian: libmicrohttpd12)"

#if __has_include(<microhttpd.h>)
#include <microhttpd.h>

#define LIBRARY         "libmicrohttpd.so.12"
#define MAX_CONNECTIONS 32
#define TIMEOUT         10         /* seconds without a byte */
#define CONNECTION_ROOM (16 << 10) /* what a request may take */

#if MHD_VERSION < 0x00097002
#define MHD_Result int
#else
#define MHD_Result enum MHD_Result
#endif

/* What is used of the library, by name. */
#define FUNCTIONS(F)                                                                               \
	F(MHD_start_daemon)                                                                        \
	F(MHD_stop_daemon)                                                                         \
	F(MHD_run)                                                                                 \
	F(MHD_get_daemon_info)                                                                     \
	F(MHD_create_response_from_buffer)                                                         \
	F(MHD_add_response_header)                                                                 \
	F(MHD_queue_response)                                                                      \
	F(MHD_destroy_response)

#define POINTER(name) __typeof__(&name) name;
struct http {
	void *lib;
	struct {
		FUNCTIONS(POINTER)
	} fn;
	struct MHD_Daemon *daemon;
	http_answer_fn answer;
	void *ctx;
};

static MHD_Result reply(struct http *h, struct MHD_Connection *conn, unsigned int status,
			const char *type, const char *text, size_t size)
{
	struct MHD_Response *r;
	MHD_Result ret;

	r = h->fn.MHD_create_response_from_buffer(size, (void *)text, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	h->fn.MHD_add_response_header(r, "Content-Type", type);
	ret = h->fn.MHD_queue_response(conn, status, r);
	h->fn.MHD_destroy_response(r);
	return ret;
}

static MHD_Result refuse(struct http *h, struct MHD_Connection *conn, unsigned int status,
			 const char *text)
{
	return reply(h, conn, status, "text/plain; charset=utf-8", text, strlen(text));
}

static MHD_Result on_request(void *ctx, struct MHD_Connection *conn, const char *url,
			     const char *method, const char *version, const char *data,
			     size_t *data_size, void **con_ctx)
{
	struct http *h = ctx;
	struct strbuf text = {0};
	MHD_Result ret;

	if (*data_size) { /* a body: read, and nobody cares */
		*data_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return refuse(h, conn, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n");
	if (strcmp(url, "/metrics"))
		return refuse(h, conn, MHD_HTTP_NOT_FOUND, "see /metrics\n");
	if (h->answer(h->ctx, &text) || text.failed)
		ret = refuse(h, conn, MHD_HTTP_INTERNAL_SERVER_ERROR, "no metrics\n");
	else
		ret = reply(h, conn, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
			    strbuf_str(&text), text.len);
	strbuf_done(&text);
	return ret;
}

#define FIND(name)                                                                                 \
	h->fn.name = (__typeof__(h->fn.name))dlsym(h->lib, #name);                                 \
	missing |= !h->fn.name;

static int load(struct http *h, struct skep_diag *diag)
{
	bool missing = false;

	h->lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!h->lib)
		return diag_set_full(diag, -ENOTSUP, "no-http", NEEDED, "%s is not there", LIBRARY);
	FUNCTIONS(FIND)
	return missing ? diag_set_full(diag, -ENOTSUP, "no-http", NEEDED, "%s is not whole",
				       LIBRARY)
		       : 0;
}

static void on_error(void *ctx, const char *fmt, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	log_debug("http: %.*s", (int)strcspn(text, "\n"), text);
}

static int start(struct http *h, const struct sockaddr *addr, struct skep_diag *diag)
{
	unsigned int flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG;

	if (addr->sa_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	errno = 0;
	h->daemon = h->fn.MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_error, NULL,
		MHD_OPTION_SOCK_ADDR, addr, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)MAX_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)TIMEOUT,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_ROOM, MHD_OPTION_END);
	if (h->daemon)
		return 0;
	return diag_set(diag, errno ? -errno : -EIO, "%s", strerror(errno ? errno : EIO));
}

int http_open(const struct sockaddr *addr, http_answer_fn answer, void *ctx, struct http **ret,
	      struct skep_diag *diag)
{
	struct http *h = mem_zalloc(sizeof(*h));
	int err = h ? load(h, diag) : diag_nomem(diag);

	if (!err) {
		h->answer = answer;
		h->ctx = ctx;
		err = start(h, addr, diag);
	}
	if (err)
		http_close(h);
	else
		*ret = h;
	return err;
}

int http_poll_fd(const struct http *h)
{
	return h->fn.MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int http_listen_fd(const struct http *h)
{
	return h->fn.MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;
}

int http_run(struct http *h)
{
	return h->fn.MHD_run(h->daemon) == MHD_YES ? 0 : -EIO;
}

/* The library stays loaded: it has atexit handlers of its own. */
struct http *http_close(struct http *h)
{
	if (h && h->daemon)
		h->fn.MHD_stop_daemon(h->daemon);
	mem_free(h);
	return NULL;
}

#else /* built without its header */

int http_open(const struct sockaddr *addr, http_answer_fn answer, void *ctx, struct http **ret,
	      struct skep_diag *diag)
{
	return diag_set_full(diag, -ENOTSUP, "no-http",
			     "install libmicrohttpd-dev and build skep again",
			     "skep was built without libmicrohttpd");
}

int http_poll_fd(const struct http *h)
{
	return -1;
}

int http_listen_fd(const struct http *h)
{
	return -1;
}

int http_run(struct http *h)
{
	return -ENOTSUP;
}

struct http *http_close(struct http *h)
{
	return NULL;
}

#endif
