/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep doctor: what this machine allows, why not, what to do. */
#include "cli.h"
#include <errno.h>
#include <skep/doctor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct doctor_config {
	int format;
	int verbose, quiet;
};

#define ROW(letter, name, type, field, arg, help)                                                  \
	{                                                                                          \
		letter, name, type, offsetof(struct doctor_config, field), arg, help               \
	}

/* clang-format off */
static const struct opt options[] = {
	ROW('o', "output",  OPT_CHOICE, format,  "table|json", "output; json: an object per line"),
	ROW('v', "verbose", OPT_FLAG,   verbose, NULL,         "say more"),
	ROW('q', "quiet",   OPT_FLAG,   quiet,   NULL,         "only what is not allowed"),
	{ 0 },
};
/* clang-format on */

#define MAX_ADVICE 32

struct doctor {
	const struct doctor_config *config;
	char group[32]; /* whose heading is printed */
	unsigned int nr_yes, nr_no;
	unsigned int nr_loads; /* kinds of programs that Linux takes from us */
	bool traces;           /* the user engine can trace processes */
	struct advice {
		char text[256];
		unsigned int nr;
	} advice[MAX_ADVICE];
	size_t nr_advice;
};

/* --- JSON ----------------------------------------------------------------------------------------
 */

static void field(const char *key, const char *value)
{
	printf(",\"%s\":", key);
	cli_json_string(value);
}

static void print_json(const struct skep_finding *f)
{
	printf("{\"group\":");
	cli_json_string(f->group);
	field("name", f->name);
	if (f->kind == SKEP_FINDING_FACT) {
		field("value", f->value);
	} else {
		printf(",\"allowed\":%s", f->kind == SKEP_FINDING_YES ? "true" : "false");
		if (f->kind == SKEP_FINDING_YES && *f->value)
			field("note", f->value);
	}
	if (f->kind == SKEP_FINDING_NO) {
		field("errno", strerrorname_np(-f->err) ?: "");
		field("cause", f->cause);
		field("why", f->why);
		field("todo", f->todo);
	}
	printf("}\n");
}

/* --- a table -------------------------------------------------------------------------------------
 */

static const char *heading_of(const char *group)
{
	static const struct {
		const char *group, *text;
	} headings[] = {
		{"machine", "This machine"},
		{"engine", "The user engine"},
		{"program", "The kernel engine: programs that load"},
		{"attach", "Where they can be attached"},
		{"map", "Maps"},
		{"feature", "Features"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		if (!strcmp(headings[i].group, group))
			return headings[i].text;
	return group;
}

static void add_advice(struct doctor *d, const char *text)
{
	for (size_t i = 0; i < d->nr_advice; i++) {
		if (strcmp(d->advice[i].text, text))
			continue;
		d->advice[i].nr++;
		return;
	}
	if (d->nr_advice == MAX_ADVICE)
		return;
	snprintf(d->advice[d->nr_advice].text, sizeof(d->advice->text), "%s", text);
	d->advice[d->nr_advice++].nr = 1;
}

static void print_row(struct doctor *d, const struct skep_finding *f)
{
	if (strcmp(d->group, f->group)) {
		printf("%s%s\n", *d->group ? "\n" : "", heading_of(f->group));
		snprintf(d->group, sizeof(d->group), "%s", f->group);
	}
	if (f->kind == SKEP_FINDING_FACT)
		printf("  %-26s %s\n", f->name, f->value);
	else if (f->kind == SKEP_FINDING_YES)
		printf("  yes  %-25s %s%s%s%s\n", f->name, f->what, *f->value ? " (" : "", f->value,
		       *f->value ? ")" : "");
	else
		printf("  no   %-25s %s: %s\n", f->name, strerrorname_np(-f->err) ?: "?", f->why);
}

static int on_finding(void *ctx, const struct skep_finding *f)
{
	struct doctor *d = ctx;

	if (f->kind == SKEP_FINDING_YES) {
		d->nr_yes++;
		d->nr_loads += !strcmp(f->group, "program");
		d->traces = d->traces || !strcmp(f->name, "user, processes");
	}
	if (f->kind == SKEP_FINDING_NO) {
		d->nr_no++;
		add_advice(d, f->todo);
	}
	if (d->config->quiet && f->kind != SKEP_FINDING_NO)
		return 0;
	if (d->config->format)
		print_json(f);
	else
		print_row(d, f);
	return cli_flush() ? 0 : -EPIPE;
}

static void print_advice(const struct doctor *d)
{
	if (!d->nr_loads)
		printf("\nLinux takes no program from this user. The user engine (skep run -e "
		       "user) works: it runs "
		       "programs on %scaptures.\n",
		       d->traces ? "commands, processes and " : "");
	printf("\n%u of %u are allowed.%s\n", d->nr_yes, d->nr_yes + d->nr_no,
	       d->nr_no ? " What would help:" : "");
	for (size_t i = 0; i < d->nr_advice; i++)
		if (d->advice[i].text[0])
			printf("  %3u  %s\n", d->advice[i].nr, d->advice[i].text);
}

static int run(int argc, char **argv)
{
	struct doctor_config c = {0};
	struct doctor d = {.config = &c};
	struct skep_diag diag = {0};
	int status = opt_parse(&cmd_doctor, &c, argc, argv, NULL), err;

	if (status)
		return status < 0 ? EXIT_DONE : status;
	cli_log_level(c.verbose, c.quiet);
	err = skep_doctor(on_finding, &d, &diag);
	if (err && err != -EPIPE)
		return cli_error(&diag);
	if (!err && !c.format)
		print_advice(&d);
	return EXIT_DONE;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "say what this machine allows, why not, and what to do",
	.usage = "[OPTIONS]",
	.text = "Each kind of program, map, attachment and feature is tried with the smallest "
		"thing of its\n"
		"kind, as this user, now; nothing stays. -q shows only what is not allowed.\n",
	.opts = options,
	.run = run,
};
