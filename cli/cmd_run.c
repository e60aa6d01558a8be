/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep run: open → options → load → fill maps → attach → show what comes → summary. */
#include "run.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROW(letter, name, type, field, arg, help)                                                  \
	{                                                                                          \
		letter, name, type, offsetof(struct run_config, field), arg, help                  \
	}

/* clang-format off */
static const struct opt options[] = {
	/*  letter name        type         field       argument          what it does */
	ROW('e', "engine",     OPT_CHOICE,  engine,     "auto|user|kernel", "where programs run"),
	ROW('o', "output",     OPT_CHOICE,  format,     "table|json",     "output; json: an object per line"),
	ROW(0,   "fields",     OPT_STRING,  fields,     "A,-B,+C",        "columns: only A; all but B; also C"),
	ROW('d', "duration",   OPT_SECONDS, duration,   "SECONDS",        "stop after that time"),
	ROW('i', "interval",   OPT_SECONDS, interval,   "SECONDS",        "print maps every SECONDS"),
	ROW(0,   "maps",       OPT_STRING,  print_maps, "all|none|A,B",   "maps to print; default: all if no event buffer"),
	ROW(0,   "map",        OPT_LIST,    maps,       "NAME=JSON",      "fill a map: 'blocklist={\"10.0.0.1\":1}'"),
	ROW(0,   "entries",    OPT_LIST,    entries,    "NAME=N",         "how many entries a map has room for"),
	ROW(0,   "var",        OPT_LIST,    vars,       "NAME=VALUE",     "set a global variable; also --NAME VALUE"),
	ROW(0,   "prog",       OPT_LIST,    progs,      "NAME",           "run only this program (may be repeated)"),
	ROW(0,   "attach",     OPT_LIST,    attach,     "NAME=SECTION",   "attach there: 'f=uprobe/libc.so.6:malloc'"),
	ROW(0,   "binary",     OPT_STRING,  binary,     "FILE",           "what a uprobe without a path is in"),
	ROW('p', "pid",        OPT_NUMBER,  pid,        "PID",            "trace a running process and its threads"),
	ROW(0,   "iface",      OPT_LIST,    ifaces,     "IF",             "Linux: attach to this interface (may be repeated)"),
	ROW(0,   "xdp-mode",   OPT_STRING,  xdp_mode,   "native|skb|offload", "Linux: how; default: native, else skb"),
	ROW(0,   "direction",  OPT_STRING,  direction,  "ingress|egress", "Linux: of a tc or cgroup/skb program"),
	ROW(0,   "cgroup",     OPT_STRING,  cgroup,     "PATH",           "Linux: attach to this cgroup (v2)"),
	ROW(0,   "netns",      OPT_STRING,  netns,      "NAME|PATH|PID",  "Linux: in this network namespace"),
	ROW(0,   "sockmap",    OPT_STRING,  sockmap,    "MAP",            "Linux: sk_msg, sk_skb: attach to this map"),
	ROW(0,   "route",      OPT_LIST,    routes,     "ROUTE",          "Linux: lwt: 'PREFIX [via GATEWAY] [dev IF]'"),
	ROW(0,   "netfilter",  OPT_STRING,  netfilter,  "FAMILY:HOOK[:PRIORITY]", "Linux: 'ipv4:local_in:0'"),
	ROW(0,   "freq",       OPT_NUMBER,  freq,       "HZ",             "Linux: perf_event: samples per second"),
	ROW(0,   "period",     OPT_NUMBER,  period,     "N",              "Linux: perf_event: every N events"),
	ROW(0,   "event",      OPT_STRING,  event,      "EVENT",          "Linux: perf_event: default cpu-clock"),
	ROW(0,   "target-prog", OPT_STRING, target_prog, "ID|NAME|PATH",  "Linux: freplace, fentry: of this loaded program"),
	ROW(0,   "target-map", OPT_STRING,  target_map, "MAP|ID|PATH",    "Linux: iterators over a map"),
	ROW(0,   "device",     OPT_STRING,  device,     "PATH",           "Linux: lirc_mode2: attach to this device"),
	ROW(0,   "port",       OPT_NUMBER,  port,       "N",              "Linux: sk_reuseport: of --pid's sockets"),
	ROW(0,   "replace",    OPT_FLAG,    replace,    NULL,             "Linux: take the place of who is attached"),
	ROW(0,   "pin",        OPT_STRING,  pin,        "NAME",           "Linux: leave it running; skep unpin NAME removes it"),
	ROW(0,   "pcap",       OPT_STRING,  pcap,       "FILE",           "packets: read this capture (pcap, pcapng)"),
	ROW(0,   "out",        OPT_STRING,  out,        "FILE",           "packets: write those that pass to this capture"),
	ROW(0,   "ifname",     OPT_STRING,  ifname,     "NAME",           "packets: name of the interface"),
	ROW(0,   "fib",        OPT_LIST,    fib,        "ROUTE",          "packets: a route for bpf_fib_lookup"),
	ROW(0,   "ctx",        OPT_STRING,  ctx,        "FILE|hex:HEX",     "test: run each program on this context"),
	ROW(0,   "packet",     OPT_STRING,  packet,     "FILE|hex:HEX",     "test: run each program on this packet"),
	ROW(0,   "repeat",     OPT_NUMBER,  repeat,     "N",              "test: run N times"),
	ROW(0,   "max-insns",  OPT_NUMBER,  max_insns,  "N",              "stop a program after N instructions"),
	ROW(0,   "map-memory", OPT_NUMBER,  map_memory, "MIB",            "what all maps together may hold"),
	ROW(0,   "btf",        OPT_STRING,  btf,        "FILE",           "types of the kernel; default: the running one's"),
	ROW(0,   "clang",      OPT_STRING,  clang,      "PROGRAM",        "compiler of sources; default: $CLANG, the newest"),
	ROW(0,   "cflag",      OPT_LIST,    cflags,     "FLAG",           "a further argument for clang (may be repeated)"),
	ROW(0,   "metrics",    OPT_STRING,  metrics,    "[ADDRESS:]PORT", "maps and counters for Prometheus, over HTTP"),
	ROW(0,   "fail-on-loss", OPT_FLAG,  fail_on_loss, NULL,           "exit with 1 if events were lost"),
	ROW(0,   "unpatched",  OPT_FLAG,    unpatched,  NULL,             "kernel: programs as they are; losses are not counted"),
	ROW('v', "verbose",    OPT_FLAG,    verbose,    NULL,             "say more; -vv: for developers"),
	ROW('q', "quiet",      OPT_FLAG,    quiet,      NULL,             "no warnings, no summary"),
	{ 0 },
};
/* clang-format on */

static struct skep_session *volatile stoppable; /* for the signal handlers */
static bool has_command;

/* Two Ctrl-C within a second. Only from a handler. */
static bool is_second_press(void)
{
	static struct timespec last;
	struct timespec t;
	bool soon;

	clock_gettime(CLOCK_MONOTONIC, &t);
	soon = (t.tv_sec - last.tv_sec) * 1000 + (t.tv_nsec - last.tv_nsec) / 1000000 < 1000;
	last = t;
	return soon;
}

/*
 * Ctrl-C at a terminal reaches a traced command too, which decides what it means: a shell goes on,
 * and so do we; pressed twice it is meant for us. A signal that somebody sends to us alone ends the
 * session: without a command at once, else when the command ends or after a second.
 */
static void on_signal(int sig, siginfo_t *info, void *ucontext)
{
	struct skep_session *s = stoppable;
	bool from_terminal = sig == SIGINT && info->si_code == SI_KERNEL && has_command;

	if (from_terminal && !is_second_press())
		return;
	if (sig != SIGALRM && !cli_interrupts++ && has_command && !from_terminal) {
		alarm(1);
		return;
	}
	cli_interrupts++;
	if (s)
		skep_session_stop(s);
}

static void catch_signals(bool command)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

	has_command = command;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The kernel engine sleeps until something comes; the user engine looks at the clock itself. */
static double longest_wait(struct run *r)
{
	if (strcmp(skep_session_engine(r->session), "kernel"))
		return 0.1;
	return r->metrics ? 1 : 3600; /* connections that say nothing are to be closed */
}

/* The main loop. 0, or -errno with diag. */
static int loop(struct run *r, struct skep_diag *diag)
{
	const struct run_config *c = r->config;
	double longest = longest_wait(r);
	double start = now(), next_maps = c->interval > 0 ? start + c->interval : 0;

	for (;;) {
		double t = now(), wait = longest;
		int more;

		if (c->duration > 0 && t - start >= c->duration)
			return 0;
		if (c->duration > 0 && start + c->duration - t < wait)
			wait = start + c->duration - t;
		if (next_maps && next_maps - t < wait)
			wait = next_maps > t ? next_maps - t : 0;
		more = skep_session_poll(r->session, (int)(wait * 1000) + 1, diag);
		if (r->metrics)
			skep_metrics_run(r->metrics);
		if (!cli_flush() || r->out_failed) {
			r->out_failed = true;
			return 0;
		}
		if (more <= 0)
			return more;
		if (next_maps && now() >= next_maps) {
			int err = run_print_maps(r, diag);

			if (err)
				return err;
			next_maps += c->interval;
		}
	}
}

#define MAX_NAME 256 /* of a map, as of a variable */

static int fill_maps(struct run *r, struct skep_diag *diag)
{
	for (size_t i = 0; i < r->config->maps.nr; i++) {
		const char *json;
		char name[MAX_NAME];
		int err;

		if (!opt_split(r->config->maps.items[i], name, sizeof(name), &json))
			continue; /* check_rows has said so */
		err = skep_session_map_load(r->session, name, json, diag);
		if (err)
			return err;
	}
	return 0;
}

/* --prog A --prog B: no other. */
static int choose_progs(struct skep_object *obj, const struct opt_list *want,
			struct skep_diag *diag)
{
	for (size_t i = 0; want->nr && i < skep_object_nr_progs(obj); i++) {
		struct skep_prog_info p = {.sz = sizeof(p)};

		if (!skep_object_prog(obj, i, &p))
			skep_object_set_autoload(obj, p.name, false, NULL);
	}
	for (size_t i = 0; i < want->nr; i++) {
		int err = skep_object_set_autoload(obj, want->items[i], true, diag);

		if (err)
			return err;
	}
	return 0;
}

/* NAME=NUMBER of --entries. */
static bool parse_entries(const char *row, char name[MAX_NAME], uint32_t *ret)
{
	const char *value;
	uint64_t n;

	if (!opt_split(row, name, MAX_NAME, &value) || !opt_number(value, &n) || !n ||
	    n > UINT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static int set_entries(struct skep_object *obj, const struct opt_list *rows, struct skep_diag *diag)
{
	for (size_t i = 0; i < rows->nr; i++) {
		char name[MAX_NAME];
		uint32_t n;
		int err;

		if (!parse_entries(rows->items[i], name, &n))
			continue; /* check_rows has said so */
		err = skep_object_set_max_entries(obj, name, n, diag);
		if (err)
			return err;
	}
	return 0;
}

static int open_metrics(struct run *r, struct skep_diag *diag)
{
	int err = skep_metrics_open(r->session, r->config->metrics, &r->metrics, diag);

	if (!err && !r->config->quiet)
		fprintf(stderr, "skep: metrics at http://%s/metrics\n",
			skep_metrics_address(r->metrics));
	return err;
}

static int start(struct run *r, char **command, struct skep_diag *diag)
{
	const struct run_config *c = r->config;
	struct skep_session_opts so = {
		.sz = sizeof(so),
		.engine = (enum skep_engine)c->engine,
		.argv = command,
		.pid = (uint32_t)c->pid,
		.pcap_in = c->pcap,
		.pcap_out = c->out,
		.ifname = c->ifname,
		.fib = c->fib.items,
		.ctx_file = c->ctx,
		.pkt_file = c->packet,
		.repeat = c->repeat,
		.binary = c->binary,
		.attach = c->attach.items,
		.ifaces = c->ifaces.items,
		.xdp_mode = c->xdp_mode,
		.direction = c->direction,
		.cgroup = c->cgroup,
		.netns = c->netns,
		.sockmap = c->sockmap,
		.routes = c->routes.items,
		.netfilter = c->netfilter,
		.perf_event = c->event,
		.freq = c->freq,
		.period = c->period,
		.target_prog = c->target_prog,
		.target_map = c->target_map,
		.device = c->device,
		.port = (uint32_t)c->port,
		.replace = c->replace,
		.pin = c->pin,
		.max_insns = c->max_insns,
		.unpatched = c->unpatched,
		.drop_caps = true,
		.map_memory = c->map_memory << 20,
		.event = run_on_event,
		.fault = run_on_fault,
		.output = run_on_output,
		.ctx = r,
		.result = c->pcap || c->ctx || c->packet ? run_on_result : NULL,
	};
	struct skep_printer_opts po = {
		.sz = sizeof(po), .format = (enum skep_format)c->format, .fields = c->fields};
	int err = skep_printer_new(r->obj, &po, cli_write, NULL, &r->printer, diag);

	if (!err)
		err = choose_progs(r->obj, &c->progs, diag);
	if (!err)
		err = set_entries(r->obj, &c->entries, diag);
	if (!err)
		err = skep_session_new(r->obj, &so, &r->session, diag);
	if (!err)
		err = fill_maps(r, diag);
	if (!err && c->metrics)
		err = open_metrics(r, diag);
	if (err)
		return err;
	stoppable = r->session;
	catch_signals(command != NULL);
	err = skep_session_start(r->session, diag);
	if (!err && !c->engine && !c->quiet)
		fprintf(stderr, "engine: %s (%s)\n", skep_session_engine(r->session),
			skep_session_engine_why(r->session));
	return err;
}

/* What the whole run ends with: the command's status, unless something of ours failed. */
static int exit_status(struct run *r, int err)
{
	struct skep_session_stats st = {.sz = sizeof(st)};

	skep_session_get_stats(r->session, &st);
	if (err)
		return EXIT_FAILED;
	if (r->faulted || (r->config->fail_on_loss && st.lost))
		return EXIT_FAILED;
	return st.exit_status > 0 ? st.exit_status : EXIT_DONE;
}

/* A closed stdout is no error here: main tells what kept the output from arriving. */
static int print_last_maps(struct run *r)
{
	struct skep_diag diag = {0};
	int err = run_print_maps(r, &diag);

	if (!err || err == -EPIPE)
		return 0;
	cli_error(&diag);
	return err;
}

#define RETRY (-2) /* no exit status: the source is to be compiled for another cpu */

static int run_object(struct run *r, char **command)
{
	struct skep_diag diag = {0};
	int err = start(r, command, &diag), status;

	if (err && r->may_retry && !strcmp(diag.id, "refused"))
		return RETRY;
	if (err)
		return cli_error(&diag);
	err = loop(r, &diag);
	skep_session_stop(r->session);
	if (!err) /* what was reported until now */
		err = skep_session_poll(r->session, 0, &diag);
	if (err && err != -EPIPE)
		cli_error(&diag);
	else
		err = 0;
	if (!r->out_failed) {
		run_print_verdicts(r);
		run_print_left(r);
		err = print_last_maps(r) ?: err;
	}
	run_print_losses(r);
	run_print_summary(r);
	status = exit_status(r, err);
	stoppable = NULL;
	return status;
}

static int check_rows(const struct run_config *c)
{
	char name[MAX_NAME];
	const char *value;
	uint32_t n;

	for (size_t i = 0; i < c->maps.nr; i++)
		if (!opt_split(c->maps.items[i], name, sizeof(name), &value))
			return cli_usage(&cmd_run, "--map %s: it takes NAME=JSON",
					 c->maps.items[i]);
	for (size_t i = 0; i < c->entries.nr; i++)
		if (!parse_entries(c->entries.items[i], name, &n))
			return cli_usage(&cmd_run, "--entries %s: it takes NAME=N, N from 1 to %u",
					 c->entries.items[i], UINT32_MAX);
	return 0;
}

static int check(const struct run_config *c, const struct opt_rest *rest)
{
	struct skep_diag diag = {0};

	if (rest->command && c->pid)
		return cli_usage(&cmd_run, "a command and --pid exclude each other");
	if (c->pid > INT32_MAX)
		return cli_usage(&cmd_run, "--pid %llu: no such process",
				 (unsigned long long)c->pid);
	if (c->engine == SKEP_ENGINE_KERNEL && c->pcap)
		return cli_usage(&cmd_run, "--pcap is for -e user; --iface attaches to a real "
					   "interface");
	if (c->out && !c->pcap && !c->packet)
		return cli_usage(&cmd_run, "--out needs --pcap or --packet");
	if (c->metrics && skep_metrics_check(c->metrics, &diag))
		return cli_usage(&cmd_run, "--metrics: %s: %s", diag.message, diag.hint);
	return check_rows(c);
}

static int attempt(const struct run_config *c, struct opt_rest *rest, const char *file,
		   size_t file_idx, const char *const *cflags, bool may_retry)
{
	struct skep_open_opts oo = {
		.sz = sizeof(oo), .btf_path = c->btf, .clang = c->clang, .cflags = cflags};
	struct run r = {.config = c, .may_retry = may_retry};
	struct skep_diag diag = {0};
	int status;

	if (skep_object_open(file, &oo, &r.obj, &diag))
		return cli_error(&diag);
	status = run_set_vars(r.obj, c, rest, file_idx);
	if (!status)
		status = run_object(&r, rest->command);
	skep_metrics_close(r.metrics);
	skep_session_free(r.session);
	skep_printer_free(r.printer);
	skep_object_free(r.obj);
	run_verdicts_done(&r);
	run_left_done(&r);
	return status;
}

static bool is_source(const char *file)
{
	size_t len = strlen(file);

	return len > 2 && !strcmp(file + len - 2, ".c");
}

/* Did the user choose the cpu? Then we do not. */
static bool has_cpu(const struct opt_list *cflags)
{
	for (size_t i = 0; i < cflags->nr; i++)
		if (!strncmp(cflags->items[i], "-mcpu", 5))
			return true;
	return false;
}

/*
 * What clang makes for cpu v3 has 32-bit arithmetic whose bounds the verifier does not always
 * follow: a source that Linux refuses is compiled once more for v2.
 */
static int open_and_run(const struct run_config *c, struct opt_rest *rest)
{
	size_t file_idx = 0;
	const char *file = run_find_file(rest, &file_idx), **cflags;
	bool may_retry;
	int status;

	if (!file)
		return cli_usage(&cmd_run, "which FILE (.bpf.c or .bpf.o)?");
	may_retry = c->engine != SKEP_ENGINE_USER && is_source(file) && !has_cpu(&c->cflags);
	status = attempt(c, rest, file, file_idx, c->cflags.items, may_retry);
	if (status != RETRY)
		return status;
	cflags = calloc(c->cflags.nr + 2, sizeof(*cflags));
	if (!cflags)
		return EXIT_FAILED;
	for (size_t i = 0; i < c->cflags.nr; i++)
		cflags[i] = c->cflags.items[i];
	cflags[c->cflags.nr] = "-mcpu=v2";
	status = attempt(c, rest, file, file_idx, cflags, false);
	free(cflags);
	return status;
}

/* SKEP_ENGINE is what -e is unless it is given. */
static int default_engine(void)
{
	static const char *const names[] = {"auto", "user", "kernel"};
	const char *want = getenv("SKEP_ENGINE");

	for (size_t i = 0; want && i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], want))
			return (int)i;
	return 0;
}

static int run(int argc, char **argv)
{
	struct run_config c = {.engine = default_engine()};
	struct opt_rest rest = {0};
	int status = opt_parse(&cmd_run, &c, argc, argv, &rest);

	if (!status) {
		cli_log_level(c.verbose, c.quiet);
		status = check(&c, &rest);
	}
	if (!status && (!c.pid || !run_guard(&status)))
		status = open_and_run(&c, &rest);
	opt_rest_done(&rest);
	opt_list_done(&c.cflags);
	opt_list_done(&c.fib);
	opt_list_done(&c.attach);
	opt_list_done(&c.ifaces);
	opt_list_done(&c.routes);
	opt_list_done(&c.progs);
	opt_list_done(&c.maps);
	opt_list_done(&c.entries);
	opt_list_done(&c.vars);
	return status < 0 ? EXIT_DONE : status;
}

const struct command cmd_run = {
	.name = "run",
	.summary = "run a BPF program and show what it reports",
	.usage = "FILE [OPTIONS] [--VARIABLE=VALUE …] [-- COMMAND …]",
	.text = "FILE is a source (.bpf.c, compiled with clang) or an object (.bpf.o). Its global\n"
		"variables are options: skep show FILE lists them; the value @pid stands for the\n"
		"traced process. Events and maps go to stdout, everything else to stderr; the\n"
		"traced command's exit status is passed on.\n",
	.opts = options,
	.run = run,
};
