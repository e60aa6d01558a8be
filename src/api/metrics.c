/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* include/skep/metrics.h: what a session counts, as Prometheus' text. */
#include "event/metrics.h"
#include "api/api.h"
#include "api/http.h"
#include "api/session.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <skep/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct skep_metrics {
	struct skep_session *s;
	struct http *http;
	char address[INET6_ADDRSTRLEN + 16];
};

/* --- the text --------------------------------------------------------------------------------- */

static void put_metric(struct strbuf *sb, const char *name, const char *type, const char *help,
		       uint64_t value)
{
	strbuf_printf(sb, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
		      (unsigned long long)value);
}

static void put_session(struct strbuf *sb, struct skep_session *s)
{
	struct skep_session_stats st = {.sz = sizeof(st)};
	const char *path = s->obj->obj->path;

	skep_session_get_stats(s, &st);
	strbuf_puts(sb,
		    "# HELP skep_info What runs, and where.\n# TYPE skep_info gauge\nskep_info{");
	metrics_label(sb, "object", path, strlen(path));
	strbuf_printf(sb, ",engine=\"%s\"} 1\n", skep_session_engine(s));
	put_metric(sb, "skep_events_produced_total", "counter", "Events that programs reported.",
		   st.produced);
	put_metric(sb, "skep_program_runs_total", "counter", "Runs of programs (user engine).",
		   st.runs);
	put_metric(sb, "skep_program_faults_total", "counter", "Programs that were stopped.",
		   st.faults);
}

static void put_buffers(struct strbuf *sb, struct skep_session *s, bool lost)
{
	const char *name = lost ? "skep_events_lost_total" : "skep_events_delivered_total";
	struct skep_buffer_stats b = {.sz = sizeof(b)};

	strbuf_printf(sb, "# HELP %s Events that %s, by buffer.\n# TYPE %s counter\n", name,
		      lost ? "were lost" : "were shown", name);
	for (size_t i = 0; !skep_session_get_buffer(s, i, &b); i++) {
		const char *map = b.map ? b.map : b.delivered ? "printk" : "unknown";

		strbuf_printf(sb, "%s{", name);
		metrics_label(sb, "buffer", map, strlen(map));
		strbuf_printf(sb, "} %llu\n", (unsigned long long)(lost ? b.lost : b.delivered));
	}
}

/* Variables that may change: those of .data and .bss. */
static int put_vars(struct event_metrics *m, const struct object *o, u32 idx,
		    const struct event_map_io *io)
{
	u8 *now = mem_zalloc(o->maps[idx].def.value_size + 8);
	u32 zero = 0;
	int err = now ? io->lookup(io->ctx, &zero, now) : -ENOMEM;

	for (u32 i = 0; i < o->nr_vars && !err; i++) {
		const struct object_var *v = &o->vars[i];

		if (v->map == idx && v->type_id && *v->name &&
		    in_bounds(v->off, v->size, o->maps[idx].def.value_size))
			err = event_metrics_var(m, o->btf, v->type_id, v->name, now + v->off,
						v->size);
	}
	mem_free(now);
	return err;
}

static void put_map(struct event_metrics *m, struct skep_session *s, u32 idx)
{
	const struct object *o = s->obj->obj;
	struct event_map_io io;

	if (!session_has_contents(&o->maps[idx]) || s->engine->ops->map_io(s->engine, idx, &io))
		return;
	if (o->maps[idx].kind != OBJECT_MAP_USER && o->btf)
		put_vars(m, o, idx, &io);
	else
		event_metrics_map(m, &io, o->btf, NULL);
}

static int put_all(void *ctx, struct strbuf *sb)
{
	struct skep_session *s = ctx;
	struct event_metrics m = {0};

	put_session(sb, s);
	put_buffers(sb, s, false);
	put_buffers(sb, s, true);
	for (u32 i = 0; i < s->obj->obj->nr_maps; i++)
		put_map(&m, s, i);
	event_metrics_put(sb, &m);
	if (m.values.failed || m.hists.failed || m.vars.failed)
		sb->failed = true;
	event_metrics_done(&m);
	return sb->failed ? -ENOMEM : 0;
}

int skep_session_metrics(struct skep_session *s, skep_write_fn write, void *ctx,
			 struct skep_diag *diag)
{
	struct strbuf sb = {0};
	int err = put_all(s, &sb);

	err = err ? diag_nomem(diag) : write(ctx, strbuf_str(&sb), sb.len);
	strbuf_done(&sb);
	return err;
}

/* --- the address ------------------------------------------------------------------------------ */

static int bad_address(const char *text, struct skep_diag *diag)
{
	return diag_set_full(diag, -EINVAL, "bad-address",
			     "PORT, ADDRESS:PORT or [ADDRESS]:PORT; without one it is 127.0.0.1",
			     "\"%s\" is no address to listen at", text);
}

/* The port behind the last colon, or all of it. */
static bool parse_port(const char *s, in_port_t *ret)
{
	unsigned long port;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	port = strtoul(s, &end, 10);
	*ret = htons((uint16_t)port);
	return !*end && port <= UINT16_MAX;
}

union metrics_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool parse_host(const char *host, size_t len, union metrics_addr *ret)
{
	char text[INET6_ADDRSTRLEN] = "127.0.0.1";

	if (len >= sizeof(text))
		return false;
	if (len && !(len == strlen("localhost") && !memcmp(host, "localhost", len)))
		snprintf(text, sizeof(text), "%.*s", (int)len, host);
	if (len > 2 && *host == '[' && host[len - 1] == ']') {
		text[len - 1] = 0;
		ret->v6.sin6_family = AF_INET6;
		return inet_pton(AF_INET6, text + 1, &ret->v6.sin6_addr) == 1;
	}
	ret->v4.sin_family = AF_INET;
	return inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1;
}

static int parse_address(const char *text, union metrics_addr *ret, struct skep_diag *diag)
{
	const char *colon = strrchr(text, ':');
	in_port_t port;

	memset(ret, 0, sizeof(*ret));
	if (!parse_port(colon ? colon + 1 : text, &port) ||
	    !parse_host(text, colon ? (size_t)(colon - text) : 0, ret))
		return bad_address(text, diag);
	*(ret->any.sa_family == AF_INET6 ? &ret->v6.sin6_port : &ret->v4.sin_port) = port;
	return 0;
}

int skep_metrics_check(const char *address, struct skep_diag *diag)
{
	union metrics_addr addr;

	return parse_address(address, &addr, diag);
}

/* Where it listens really: port 0 has become one. */
static void name_address(struct skep_metrics *m)
{
	union metrics_addr addr = {0};
	socklen_t len = sizeof(addr);
	char host[INET6_ADDRSTRLEN] = "?";
	bool v6;

	getsockname(http_listen_fd(m->http), &addr.any, &len);
	v6 = addr.any.sa_family == AF_INET6;
	inet_ntop(addr.any.sa_family, v6 ? (void *)&addr.v6.sin6_addr : (void *)&addr.v4.sin_addr,
		  host, sizeof(host));
	snprintf(m->address, sizeof(m->address), v6 ? "[%s]:%u" : "%s:%u", host,
		 ntohs(v6 ? addr.v6.sin6_port : addr.v4.sin_port));
}

/* --- the server ------------------------------------------------------------------------------- */

int skep_metrics_open(struct skep_session *s, const char *address, struct skep_metrics **ret,
		      struct skep_diag *diag)
{
	struct skep_metrics *m = mem_zalloc(sizeof(*m));
	union metrics_addr addr;
	int err = m ? parse_address(address, &addr, diag) : diag_nomem(diag);

	if (!err)
		err = http_open(&addr.any, put_all, s, &m->http, diag);
	if (err) {
		mem_free(m);
		return diag_at(diag, err, "metrics at %s", address);
	}
	m->s = s;
	name_address(m);
	if (s->engine->ops->watch)
		s->engine->ops->watch(s->engine, http_poll_fd(m->http), true);
	*ret = m;
	return 0;
}

const char *skep_metrics_address(const struct skep_metrics *m)
{
	return m->address;
}

int skep_metrics_run(struct skep_metrics *m)
{
	return http_run(m->http);
}

struct skep_metrics *skep_metrics_close(struct skep_metrics *m)
{
	if (!m)
		return NULL;
	if (m->s->engine->ops->watch)
		m->s->engine->ops->watch(m->s->engine, http_poll_fd(m->http), false);
	http_close(m->http);
	mem_free(m);
	return NULL;
}
