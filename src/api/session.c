/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* include/skep/session.h: an object in an engine. */
#include "api/session.h"
#include "base/log.h"
#include "base/mem.h"
#include "event/value.h"
#include <errno.h>
#include <skep/session.h>
#include <string.h>

/* --- hooks' callbacks to the caller's --------------------------------------------------------- */

static void on_result(void *ctx, const struct hook_prog *hp, u64 ret)
{
	struct skep_session *s = ctx;
	struct skep_result r = {
		.sz = sizeof(r),
		.prog = hp->prog->name,
		.ret = ret,
		.verdict = hook_verdict_of(hp->prog, ret),
	};

	s->opts.result(s->opts.ctx, &r);
}

static void on_output(void *ctx, const struct hook_prog *hp, const char *what, const void *data,
		      size_t size)
{
	struct skep_session *s = ctx;
	struct skep_output o = {
		.sz = sizeof(o), .prog = hp->prog->name, .what = what, .data = data, .size = size};

	s->opts.output(s->opts.ctx, &o);
}

static void on_fault(void *ctx, const struct hook_prog *hp, const struct skep_diag *diag)
{
	struct skep_session *s = ctx;

	s->opts.fault(s->opts.ctx, hp->prog->name, diag);
}

static int on_event(void *ctx, const struct skep_event *event)
{
	struct skep_session *s = ctx;

	return s->opts.event ? s->opts.event(s->opts.ctx, event) : 0;
}

/* --- making one ------------------------------------------------------------------------------- */

static const struct btf *find_kernel_btf(void *ctx)
{
	struct skep_session *s = ctx;

	return api_kernel_btf(s->obj);
}

static struct engine_opts engine_options(struct skep_session *s)
{
	const struct skep_session_opts *o = &s->opts;

	return (struct engine_opts){
		.find_kernel_btf = find_kernel_btf,
		.hook =
			{
				.argv = o->argv,
				.pid = o->pid,
				.pcap_in = o->pcap_in,
				.pcap_out = o->pcap_out,
				.iface_name = o->ifname,
				.fib = o->fib,
				.ctx_file = o->ctx_file,
				.pkt_file = o->pkt_file,
				.repeat = o->repeat ? o->repeat : 1,
				.binary = o->binary,
				.symbols = s->symbols,
				.result = o->result ? on_result : NULL,
				.output = o->output ? on_output : NULL,
				.fault = o->fault ? on_fault : NULL,
				.ctx = s,
			},
		.max_insns = o->max_insns,
		.map_memory = o->map_memory,
		.unpatched = o->unpatched,
		.drop_caps = o->drop_caps,
		.target =
			{
				.ifaces = o->ifaces,
				.xdp_mode = o->xdp_mode,
				.direction = o->direction,
				.cgroup = o->cgroup,
				.netns = o->netns,
				.sockmap = o->sockmap,
				.routes = o->routes,
				.netfilter = o->netfilter,
				.event = o->perf_event,
				.freq = o->freq,
				.period = o->period,
				.prog = o->target_prog,
				.map = o->target_map,
				.device = o->device,
				.port = o->port,
				.replace = o->replace,
				.pin = o->pin,
			},
		.attach = o->attach,
		.event = on_event,
		.ctx = s,
	};
}

static int load(struct skep_session *s, struct skep_diag *diag)
{
	struct engine_opts opts = engine_options(s);
	int err = session_load(s, &opts, diag);

	if (err && s->obj->btf_diag.err)
		diag_hint(diag, err, "no kernel types: %s", s->obj->btf_diag.message);
	return err ? diag_at(diag, err, "%s", s->obj->obj->path) : 0;
}

int skep_session_new(struct skep_object *obj, const struct skep_session_opts *opts,
		     struct skep_session **ret, struct skep_diag *diag)
{
	struct skep_session *s = mem_zalloc(sizeof(*s));
	int err;

	if (!s)
		return diag_nomem(diag);
	s->obj = obj;
	s->symbols = obj->symbols = symbols_new();
	if (opts)
		memcpy(&s->opts, opts, min_u64(opts->sz, sizeof(s->opts)));
	err = load(s, diag);
	if (err)
		skep_session_free(s);
	else
		*ret = s;
	return err;
}

struct skep_session *skep_session_free(struct skep_session *s)
{
	if (!s)
		return NULL;
	if (s->engine)
		s->engine->ops->free(s->engine);
	event_hints_free(s->hints);
	if (s->obj->symbols == s->symbols)
		s->obj->symbols = NULL;
	symbols_free(s->symbols);
	mem_free(s);
	return NULL;
}

/* --- running ---------------------------------------------------------------------------------- */

int skep_session_start(struct skep_session *s, struct skep_diag *diag)
{
	struct engine_opts opts = engine_options(s);
	int err = session_start(s, &opts, diag);

	if (!err && s->stopped)
		s->engine->ops->stop(s->engine);
	return err;
}

int skep_session_poll(struct skep_session *s, int timeout_ms, struct skep_diag *diag)
{
	return s->engine->ops->poll(s->engine, timeout_ms, diag);
}

void skep_session_stop(struct skep_session *s)
{
	struct engine *e = s->engine;

	s->stopped = 1;
	if (e)
		e->ops->stop(e);
}

const char *skep_session_engine(const struct skep_session *s)
{
	return s->engine->ops->name;
}

const char *skep_session_engine_why(const struct skep_session *s)
{
	return s->why;
}

void skep_session_get_stats(const struct skep_session *s, struct skep_session_stats *ret)
{
	struct engine_stats es;
	struct skep_session_stats st;

	s->engine->ops->stats(s->engine, &es);
	st = (struct skep_session_stats){
		.sz = ret->sz,
		.produced = es.produced,
		.delivered = es.delivered,
		.lost = es.lost,
		.runs = es.runs,
		.faults = es.faults,
		.exit_status = es.exit_status,
	};
	memcpy(ret, &st, min_u64(ret->sz, sizeof(st)));
}

int skep_session_get_buffer(const struct skep_session *s, size_t idx, struct skep_buffer_stats *ret)
{
	struct skep_buffer_stats st = {.sz = ret->sz};
	struct engine_buffer b;

	if (idx > UINT32_MAX || !s->engine->ops->buffer(s->engine, (u32)idx, &b))
		return -ENOENT;
	st.map = b.map;
	st.delivered = b.delivered;
	st.lost = b.lost;
	memcpy(ret, &st, min_u64(ret->sz, sizeof(st)));
	return 0;
}

/* --- maps ------------------------------------------------------------------------------------- */

static const struct event_hints *hints_of(struct skep_session *s)
{
	if (!s->has_hints)
		s->hints = event_hints_new(s->obj->obj);
	s->has_hints = true;
	return s->hints;
}

static int map_io(struct skep_session *s, u32 idx, struct event_map_io *ret, struct skep_diag *diag)
{
	int err = s->engine->ops->map_io(s->engine, idx, ret);

	if (!err)
		ret->hints = hints_of(s);
	if (!err)
		ret->symbols = s->symbols;
	return err ? diag_set(diag, err, "the map was not made") : 0;
}

static int find_map(struct skep_session *s, const char *name, struct event_map_io *ret,
		    struct skep_diag *diag)
{
	int idx = object_map_idx(s->obj->obj, name);

	if (idx < 0)
		return diag_set_full(diag, -ENOENT, "no-such-map", "skep show FILE lists the maps",
				     "no map is called \"%s\"", name);
	return map_io(s, (u32)idx, ret, diag);
}

int skep_session_map_set(struct skep_session *s, const char *name, const char *key,
			 const char *value, struct skep_diag *diag)
{
	struct event_map_io io;
	int err = find_map(s, name, &io, diag);

	s->is_touched = true;
	if (!err)
		err = event_map_io_set(&io, s->obj->obj->btf, key, value, diag);
	return err ? diag_at(diag, err, "map %s", name) : 0;
}

int skep_session_map_load(struct skep_session *s, const char *name, const char *json,
			  struct skep_diag *diag)
{
	struct event_map_io io;
	int err = find_map(s, name, &io, diag);

	s->is_touched = true;
	if (!err)
		err = event_map_io_load(&io, s->obj->obj->btf, json, diag);
	return err ? diag_at(diag, err, "map %s", name) : 0;
}

/* Buffers and what only refers to other things have no contents to print. */
bool session_has_contents(const struct object_map *m)
{
	static const u32 without[] = {
		BPF_MAP_TYPE_RINGBUF,      BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_MAP_TYPE_PROG_ARRAY,
		BPF_MAP_TYPE_USER_RINGBUF, BPF_MAP_TYPE_CGROUP_ARRAY,     BPF_MAP_TYPE_BLOOM_FILTER,
	};

	for (size_t i = 0; i < ARRAY_SIZE(without); i++)
		if (m->def.type == without[i])
			return false;
	if (!strncmp(m->def.name, "__bpf_usdt_", strlen("__bpf_usdt_")))
		return false; /* ours, filled for <bpf/usdt.bpf.h> */
	return m->kind == OBJECT_MAP_USER || m->kind == OBJECT_MAP_DATA ||
	       m->kind == OBJECT_MAP_BSS;
}

struct vars {
	const struct object *obj;
	u32 map;
	const u8 *now;
	enum event_style style;
	const struct event_hints *hints;
	struct strbuf out;
};

/* A variable that has another value than at the start: that is what the program found out. */
static void add_var(struct vars *v, const struct object_var *var)
{
	const struct object_map *m = &v->obj->maps[var->map];

	if (var->map != v->map || !var->type_id || !m->data ||
	    !in_bounds(var->off, var->size, m->def.value_size) ||
	    !memcmp(m->data + var->off, v->now + var->off, var->size))
		return;
	if (v->style != EVENT_STYLE_JSON) {
		event_print_global(&v->out, v->obj->btf, var->type_id, var->name, v->now + var->off,
				   var->size, v->hints);
		return;
	}
	strbuf_puts(&v->out, "{\"variable\":");
	strbuf_json_string(&v->out, var->name, strlen(var->name));
	strbuf_puts(&v->out, ",\"value\":");
	event_format_named(&v->out, v->obj->btf, var->type_id, var->name, v->now + var->off,
			   var->size, v->style);
	strbuf_puts(&v->out, "}\n");
}

static int print_vars(struct skep_session *s, u32 idx, const struct event_map_io *io,
		      enum event_style style, skep_write_fn write, void *ctx)
{
	struct vars v = {.obj = s->obj->obj, .map = idx, .style = style, .hints = hints_of(s)};
	u8 *now = mem_zalloc(v.obj->maps[idx].def.value_size);
	u32 zero = 0;
	int err = now ? io->lookup(io->ctx, &zero, now) : -ENOMEM;

	v.now = now;
	for (u32 i = 0; i < v.obj->nr_vars && !err; i++)
		add_var(&v, &v.obj->vars[i]);
	if (!err && v.out.failed)
		err = -ENOMEM;
	if (!err && v.out.len)
		err = write(ctx, v.out.s, v.out.len);
	strbuf_done(&v.out);
	mem_free(now);
	return err;
}

static int print_one(struct skep_session *s, u32 idx, enum event_style style, skep_write_fn write,
		     void *ctx)
{
	const struct object *o = s->obj->obj;
	struct event_map_io io;

	if (map_io(s, idx, &io, NULL))
		return 0; /* not made: nothing is in it */
	if (o->maps[idx].kind != OBJECT_MAP_USER && o->btf)
		return print_vars(s, idx, &io, style, write, ctx);
	return event_map_io_print(&io, o->btf, style, write, ctx);
}

/* A negative err is explained; others are what the caller's write returned. */
static int tell_print(const struct object *o, u32 idx, int err, struct skep_diag *diag)
{
	if (err >= 0)
		return err;
	diag_set(diag, err, "can't print its contents: %s", strerror(-err));
	return diag_at(diag, err, "map %s", o->maps[idx].def.name);
}

int skep_session_map_print(struct skep_session *s, const char *name, enum skep_format format,
			   skep_write_fn write, void *ctx, struct skep_diag *diag)
{
	enum event_style style = format == SKEP_FORMAT_JSON ? EVENT_STYLE_JSON : EVENT_STYLE_TEXT;
	struct object *o = s->obj->obj;
	struct event_map_io io;
	u32 idx;
	int err = 0;

	if (name) {
		err = find_map(s, name, &io, diag);
		if (err)
			return err;
		idx = (u32)object_map_idx(o, name);
		return tell_print(o, idx, print_one(s, idx, style, write, ctx), diag);
	}
	for (idx = 0; idx < o->nr_maps && !err; idx++)
		if (session_has_contents(&o->maps[idx]))
			err = tell_print(o, idx, print_one(s, idx, style, write, ctx), diag);
	return err;
}
