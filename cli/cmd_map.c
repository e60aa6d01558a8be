/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep map VERB MAP …: what is in a map of the kernel, and changing it. */
#include "cli.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <skep/kernel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_FILE (2ull << 30) /* bytes of a file that is loaded */

struct map_config {
	int format;
	double interval, duration;
	const char *value;
	int only;
	int verbose, quiet;
};

#define ROW(letter, name, type, field, arg, help)                                                  \
	{                                                                                          \
		letter, name, type, offsetof(struct map_config, field), arg, help                  \
	}

/* clang-format off */
static const struct opt options[] = {
	ROW('o', "output",   OPT_CHOICE,  format,   "table|json",   "output; json: an object per line"),
	ROW('i', "interval", OPT_SECONDS, interval, "SECONDS",      "watch: look every SECONDS; default: 1"),
	ROW('d', "duration", OPT_SECONDS, duration, "SECONDS",      "watch: stop after that time"),
	ROW(0,   "value",    OPT_STRING,  value,    "VALUE",        "load: of lines that have only a key"),
	ROW(0,   "only",     OPT_CHOICE,  only,     "any|new|existing", "set: only a key that is new, or that exists"),
	ROW('v', "verbose",  OPT_FLAG,    verbose,  NULL,           "say more"),
	ROW('q', "quiet",    OPT_FLAG,    quiet,    NULL,           "no warnings, no progress"),
	{ 0 },
};
/* clang-format on */

struct job {
	const struct map_config *c;
	struct skep_kernel_map *map;
	const char *args[2]; /* behind the map */
	int nr;
	enum skep_format format;
	struct skep_diag diag;
};

static int get(struct job *j)
{
	return skep_kernel_map_get(j->map, j->args[0], false, j->format, cli_write_clean, NULL,
				   &j->diag);
}

static int pop(struct job *j)
{
	return skep_kernel_map_get(j->map, j->args[0], true, j->format, cli_write_clean, NULL,
				   &j->diag);
}

/* Without a key: queues, stacks, bloom filters. */
static int set(struct job *j)
{
	return skep_kernel_map_set(j->map, j->nr > 1 ? j->args[0] : NULL, j->args[j->nr - 1],
				   (enum skep_map_mode)j->c->only, &j->diag);
}

static int del(struct job *j)
{
	return skep_kernel_map_del(j->map, j->args[0], &j->diag);
}

static int dump(struct job *j)
{
	return skep_kernel_map_dump(j->map, j->format, cli_write_clean, NULL, &j->diag);
}

/* --- watch ------------------------------------------------------------------------------------ */

static volatile sig_atomic_t stopped;

static void on_stop(int sig)
{
	(void)sig;
	stopped = 1;
	cli_interrupts++;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sleep_until(double when)
{
	double left = when - now();
	struct timespec ts = {.tv_sec = (time_t)left,
			      .tv_nsec = (long)((left - (time_t)left) * 1e9)};

	if (left > 0)
		nanosleep(&ts, NULL);
}

static int watch(struct job *j)
{
	double interval = j->c->interval > 0 ? j->c->interval : 1, next = now();
	double end = j->c->duration > 0 ? next + j->c->duration : 0;
	struct sigaction act = {.sa_handler = on_stop};
	int err = 0;

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	while (!err) {
		err = skep_kernel_map_watch(j->map, j->format, cli_write_clean, NULL, &j->diag);
		if (!err && !cli_flush())
			err = -EPIPE;
		if (err || stopped || (end && now() >= end))
			break;
		next += interval;
		sleep_until(end && next > end ? end : next);
	}
	return err == -EPIPE ? 0 : err;
}

/* --- load ------------------------------------------------------------------------------------- */

static int read_fail(struct job *j, const char *path, int err)
{
	snprintf(j->diag.where, sizeof(j->diag.where), "%s", path);
	snprintf(j->diag.message, sizeof(j->diag.message), "%s",
		 err == -EINVAL  ? "it holds NUL bytes: no text"
		 : err == -EFBIG ? "it is larger than 2 GB"
				 : strerror(-err));
	return j->diag.err = err;
}

/* All of a file, also a pipe; NUL-terminated. -EINVAL: there are NULs in it. */
static int read_all(FILE *f, char **ret)
{
	size_t len = 0, room = 1 << 16;
	char *buf = malloc(room);

	while (buf) {
		size_t n = fread(buf + len, 1, room - len - 1, f);
		char *more;

		len += n;
		if (!n)
			break;
		if (room - len > 1)
			continue;
		more = len < MAX_FILE ? realloc(buf, room *= 2) : NULL;
		if (!more) {
			free(buf);
			return len < MAX_FILE ? -ENOMEM : -EFBIG;
		}
		buf = more;
	}
	if (!buf)
		return -ENOMEM;
	buf[len] = 0;
	if (ferror(f) || strlen(buf) != len) {
		free(buf);
		return ferror(f) ? -EIO : -EINVAL;
	}
	*ret = buf;
	return 0;
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
	static double last;
	double t = now();

	(void)ctx;
	if (t - last < 0.2 && done != total)
		return;
	last = t;
	fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 "%s", done, total, done == total ? "\n" : "");
}

static int load(struct job *j)
{
	struct skep_kernel_load_opts o = {.sz = sizeof(o), .value = j->c->value};
	const char *path = j->args[0];
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	uint64_t nr = 0;
	char *text = NULL;
	int err = f ? read_all(f, &text) : -errno;

	if (f && f != stdin)
		fclose(f);
	if (err)
		return read_fail(j, path, err);
	if (isatty(STDERR_FILENO) && !j->c->quiet)
		o.progress = on_progress;
	err = skep_kernel_map_load(j->map, text, &o, &nr, &j->diag);
	free(text);
	if (err && nr)
		fprintf(stderr, "skep: %" PRIu64 " elements are in the map, the rest is not\n", nr);
	if (!err && !j->c->quiet)
		fprintf(stderr, "skep: map %s: %" PRIu64 " elements loaded\n",
			skep_kernel_map_name(j->map), nr);
	return err;
}

static const struct verb {
	const char *name;
	int min, max; /* words behind the map */
	const char *what;
	int (*run)(struct job *j);
} verbs[] = {
	{"get", 0, 1, "MAP KEY", get},    {"set", 1, 2, "MAP KEY VALUE", set},
	{"del", 0, 1, "MAP KEY", del},    {"pop", 0, 1, "MAP [KEY]", pop},
	{"dump", 0, 0, "MAP", dump},      {"watch", 0, 0, "MAP", watch},
	{"load", 1, 1, "MAP FILE", load},
};

static int run_verb(const struct verb *v, const struct map_config *c, const struct opt_rest *rest)
{
	struct job j = {.c = c, .nr = (int)rest->nr - 2};
	int err;

	if (j.nr < v->min || j.nr > v->max)
		return cli_usage(&cmd_map, "skep map %s %s", v->name, v->what);
	for (int i = 0; i < j.nr; i++)
		j.args[i] = rest->items[i + 2].value;
	j.format = c->format == 1 ? SKEP_FORMAT_JSON : SKEP_FORMAT_TABLE;
	err = skep_kernel_map_open(rest->items[1].value, &j.map, &j.diag);
	if (!err)
		err = v->run(&j);
	skep_kernel_map_close(j.map);
	if (err && !j.diag.err) /* stdout did not take it: main says so */
		return EXIT_FAILED;
	return err ? cli_error(&j.diag) : EXIT_DONE;
}

static int find_and_run(const struct map_config *c, const struct opt_rest *rest)
{
	if (!rest->nr)
		return cli_usage(&cmd_map, "get, set, del, pop, dump, watch or load?");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, rest->items[0].value))
			continue;
		if (rest->nr < 2)
			return cli_usage(&cmd_map, "which map? skep map %s %s", verbs[i].name,
					 verbs[i].what);
		return run_verb(&verbs[i], c, rest);
	}
	return cli_usage(&cmd_map, "no \"%s\": it is get, set, del, pop, dump, watch or load",
			 rest->items[0].value);
}

/* "-5" and "-k" are keys and values where no option has that letter; "--" ends the options. */
static int run(int argc, char **argv)
{
	struct map_config c = {0};
	struct opt_rest rest = {0};
	int status = opt_parse(&cmd_map, &c, argc, argv, &rest);

	cli_log_level(c.verbose, c.quiet);
	for (size_t i = 0; i < rest.nr && !status; i++)
		if (rest.items[i].name)
			status = cli_usage(&cmd_map, "no option --%s", rest.items[i].name);
	if (!status)
		status = find_and_run(&c, &rest);
	opt_rest_done(&rest);
	return status < 0 ? EXIT_DONE : status;
}

const struct command cmd_map = {
	.name = "map",
	.summary = "look into a map of the kernel, or change it",
	.usage = "get|set|del|pop|dump|watch|load MAP [KEY [VALUE]|FILE] [OPTIONS]",
	.text = "MAP is an id, a name or a pinned path; keys and values are typed by its BTF:\n"
		"  skep map set blocklist 10.0.0.0/8 '{\"hits\": 0}'\n"
		"  skep map load blocklist FILE     JSON, or lines of KEY VALUE; - is stdin\n"
		"Queues, stacks and bloom filters have values only: set MAP VALUE, get MAP, pop "
		"MAP.\n",
	.opts = options,
	.run = run,
};
