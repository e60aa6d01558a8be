/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a run shows: events and maps on stdout, faults and the summary on stderr. */
#include "run.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int run_on_event(void *ctx, const struct skep_event *event)
{
	struct run *r = ctx;
	int err = skep_printer_event(r->printer, event);

	if (err == -EPIPE)
		r->out_failed = true;
	return err;
}

void run_on_fault(void *ctx, const char *prog, const struct skep_diag *diag)
{
	struct run *r = ctx;

	r->faulted = true;
	cli_flush();
	fprintf(stderr, "skep: program %s was stopped\n", prog);
	cli_error(diag);
}

static struct run_verdict *find_verdict(struct run *r, const struct skep_result *res)
{
	for (size_t i = 0; i < r->nr_verdicts; i++)
		if (r->verdicts[i].ret == res->ret && !strcmp(r->verdicts[i].prog, res->prog))
			return &r->verdicts[i];
	return NULL;
}

#define MAX_VERDICTS 64 /* kinds of return values per run; a table of more is no table */

static struct run_verdict *new_verdict(struct run *r, const struct skep_result *res)
{
	struct run_verdict *more, *v;

	if (r->nr_verdicts >= MAX_VERDICTS)
		return NULL;
	more = realloc(r->verdicts, (r->nr_verdicts + 1) * sizeof(*more));
	if (!more)
		return NULL;
	r->verdicts = more;
	v = &more[r->nr_verdicts++];
	*v = (struct run_verdict){
		.prog = strdup(res->prog),
		.verdict = res->verdict ? strdup(res->verdict) : NULL,
		.ret = res->ret,
	};
	return v;
}

void run_on_result(void *ctx, const struct skep_result *res)
{
	struct run *r = ctx;
	struct run_verdict *v = find_verdict(r, res);

	if (!v)
		v = new_verdict(r, res);
	if (v)
		v->count++;
	else
		r->other_verdicts++;
}

static void print_verdict_json(const struct run_verdict *v)
{
	printf("{\"program\":");
	cli_json_string(v->prog);
	printf(",\"return\":%" PRIu64 ",\"verdict\":", v->ret);
	if (v->verdict)
		cli_json_string(v->verdict);
	else
		printf("null");
	printf(",\"count\":%" PRIu64 "}\n", v->count);
}

void run_print_verdicts(struct run *r)
{
	bool json = r->config->format == SKEP_FORMAT_JSON;

	if (r->nr_verdicts && !json)
		printf("%-24s %12s  %-20s %10s\n", "PROGRAM", "RETURN", "VERDICT", "COUNT");
	for (size_t i = 0; i < r->nr_verdicts; i++) {
		const struct run_verdict *v = &r->verdicts[i];

		if (json)
			print_verdict_json(v);
		else
			printf("%-24s %12" PRId64 "  %-20s %10" PRIu64 "\n", v->prog,
			       (int64_t)v->ret, v->verdict ? v->verdict : "-", v->count);
	}
	if (r->other_verdicts)
		fprintf(stderr, "skep: %" PRIu64 " runs returned other values than the %d shown\n",
			r->other_verdicts, MAX_VERDICTS);
}

void run_verdicts_done(struct run *r)
{
	for (size_t i = 0; i < r->nr_verdicts; i++) {
		free(r->verdicts[i].prog);
		free(r->verdicts[i].verdict);
	}
	free(r->verdicts);
}

/* --- maps ------------------------------------------------------------------------------------- */

/* By default a program's maps are its output only if it has no other: no ring or perf buffer. */
static bool has_buffer(struct skep_object *obj)
{
	for (size_t i = 0; i < skep_object_nr_maps(obj); i++) {
		struct skep_map_info m = {.sz = sizeof(m)};

		if (skep_object_map(obj, i, &m))
			continue;
		if (!strcmp(m.type, "ringbuf") || !strcmp(m.type, "perf_event_array"))
			return true;
	}
	return false;
}

static int print_map(struct run *r, const char *name, struct skep_diag *diag)
{
	return skep_session_map_print(r->session, name, r->config->format, cli_write, NULL, diag);
}

int run_print_maps(struct run *r, struct skep_diag *diag)
{
	const char *want = r->config->print_maps;
	char *names, *save = NULL;
	int err = 0;

	if (!want)
		want = has_buffer(r->obj) ? "none" : "all";
	if (!strcmp(want, "none"))
		return 0;
	if (!strcmp(want, "all"))
		return print_map(r, NULL, diag);
	names = strdup(want);
	for (char *s = names ? strtok_r(names, ",", &save) : NULL; s && !err;
	     s = strtok_r(NULL, ",", &save))
		err = print_map(r, s, diag);
	free(names);
	return err;
}

static const char *buffer_name(const struct skep_buffer_stats *b)
{
	return b->map ? b->map : b->delivered ? "printk" : "(unknown)";
}

/* JSON is for programs, so it is among the events; people have the summary on stderr. */
void run_print_losses(struct run *r)
{
	bool json = r->config->format == SKEP_FORMAT_JSON;
	struct skep_buffer_stats b = {.sz = sizeof(b)};

	cli_flush();
	if (r->out_failed && json)
		return;
	for (size_t i = 0; !skep_session_get_buffer(r->session, i, &b); i++) {
		if (!b.lost)
			continue;
		if (json) {
			printf("{\"buffer\":");
			cli_json_string(buffer_name(&b));
			printf(",\"delivered\":%" PRIu64 ",\"lost\":%" PRIu64 "}\n", b.delivered,
			       b.lost);
		}
		if (!r->config->quiet)
			fprintf(stderr, "%s: %" PRIu64 " of %" PRIu64 " events were lost\n",
				buffer_name(&b), b.lost, b.delivered + b.lost);
	}
}

void run_print_summary(struct run *r)
{
	struct skep_session_stats st = {.sz = sizeof(st)};

	cli_flush();
	if (r->config->quiet)
		return;
	skep_session_get_stats(r->session, &st);
	fprintf(stderr, "events: %" PRIu64 " produced = %" PRIu64 " delivered + %" PRIu64 " lost\n",
		st.produced, st.delivered, st.lost);
	if (r->config->verbose)
		fprintf(stderr, "programs: %" PRIu64 " runs, %" PRIu64 " stopped\n", st.runs,
			st.faults);
}
