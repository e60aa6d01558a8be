/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep check FILE: would Linux accept the programs? A verdict per program, and why not. */
#include "cli.h"
#include <inttypes.h>
#include <skep/check.h>
#include <stdio.h>
#include <string.h>

struct check_config {
	int format;
	const char *prog, *type;
	int log;
	uint64_t flags;
	const char *btf, *clang;
	struct opt_list cflags;
	int verbose, quiet;
	unsigned int nr_refused;
};

#define ROW(letter, name, type, field, arg, help)                                                  \
	{                                                                                          \
		letter, name, type, offsetof(struct check_config, field), arg, help                \
	}

/* clang-format off */
static const struct opt options[] = {
	ROW('o', "output",  OPT_CHOICE, format,  "text|json", "output; json: an object per line"),
	ROW('p', "prog",    OPT_STRING, prog,    "NAME",      "only this program"),
	ROW(0,   "type",    OPT_STRING, type,    "TYPE",      "judge as this program type: xdp, kprobe, …"),
	ROW(0,   "log",     OPT_FLAG,   log,     NULL,        "print the log in the kernel's format; twice: all paths"),
	ROW(0,   "flags",   OPT_NUMBER, flags,   "N",         "further flags of BPF_PROG_LOAD: 1 strict alignment, …"),
	ROW(0,   "btf",     OPT_STRING, btf,     "FILE",      "types of the kernel; default: the running one's"),
	ROW(0,   "clang",   OPT_STRING, clang,   "PROGRAM",   "compiler of sources; default: $CLANG, the newest"),
	ROW(0,   "cflag",   OPT_LIST,   cflags,  "FLAG",      "a further argument for clang (may be repeated)"),
	ROW('v', "verbose", OPT_FLAG,   verbose, NULL,        "say more"),
	ROW('q', "quiet",   OPT_FLAG,   quiet,   NULL,        "no warnings"),
	{ 0 },
};
/* clang-format on */

static void clean(const char *s)
{
	cli_write_clean(NULL, s, strlen(s));
}

static void tell_text(const struct check_config *c, const struct skep_check_result *r)
{
	if (c->log)
		clean(r->log);
	clean(r->program);
	if (r->accepted) {
		printf(": accepted (%" PRIu32 " instructions, %" PRIu32 " processed, %" PRIu32
		       " states, stack %" PRIu32 ", %.1f ms)\n",
		       r->nr_insns, r->processed, r->states, r->stack, (double)r->ns / 1e6);
		return;
	}
	printf(": refused: ");
	clean(r->message);
	printf("\n");
	if (r->line) {
		printf("  at ");
		clean(r->file);
		printf(":%" PRIu32 " (instruction %" PRId32 ")\n", r->line, r->insn);
	} else if (r->insn >= 0) {
		printf("  at instruction %" PRId32 "\n", r->insn);
	}
	if (r->hint[0]) {
		printf("  ");
		clean(r->hint);
		printf("\n");
	}
}

static void json_field(const char *key, const char *value, bool first)
{
	printf("%s\"%s\":", first ? "{" : ",", key);
	cli_json_string(value);
}

static void tell_json(const struct check_config *c, const struct skep_check_result *r)
{
	json_field("object", r->object, true);
	json_field("program", r->program, false);
	json_field("section", r->section, false);
	json_field("type", r->type, false);
	json_field("verdict", r->accepted ? "accept" : "reject", false);
	if (!r->accepted) {
		printf(",\"errno\":%d", r->err);
		json_field("id", r->id, false);
		json_field("message", r->message, false);
		if (r->insn >= 0)
			printf(",\"insn\":%" PRId32, r->insn);
		if (r->line) {
			json_field("file", r->file, false);
			printf(",\"line\":%" PRIu32, r->line);
		}
		if (r->hint[0])
			json_field("hint", r->hint, false);
	}
	printf(",\"insns\":%" PRIu32 ",\"processed\":%" PRIu32 ",\"states\":%" PRIu32
	       ",\"stack\":%" PRIu32 ",\"ns\":%" PRIu64,
	       r->nr_insns, r->processed, r->states, r->stack, r->ns);
	if (c->log)
		json_field("log", r->log, false);
	printf("}\n");
}

static int on_result(void *ctx, const struct skep_check_result *r)
{
	struct check_config *c = ctx;

	c->nr_refused += !r->accepted;
	if (c->format == 1)
		tell_json(c, r);
	else
		tell_text(c, r);
	return cli_flush() ? 0 : -1;
}

static int open_and_check(struct check_config *c, const char *file)
{
	struct skep_open_opts oo = {
		.sz = sizeof(oo), .btf_path = c->btf, .clang = c->clang, .cflags = c->cflags.items};
	struct skep_check_opts co = {.sz = sizeof(co),
				     .prog = c->prog,
				     .type = c->type,
				     .log_level = c->log,
				     .flags = (uint32_t)c->flags};
	struct skep_diag diag = {0};
	struct skep_object *obj;
	int err = skep_object_open(file, &oo, &obj, &diag);

	if (err)
		return cli_error(&diag);
	err = skep_check(obj, &co, on_result, c, &diag);
	skep_object_free(obj);
	if (err && diag.err)
		return cli_error(&diag);
	return err || c->nr_refused ? EXIT_FAILED : EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct check_config c = {0};
	struct opt_rest rest = {0};
	int status = opt_parse(&cmd_check, &c, argc, argv, &rest);

	cli_log_level(c.verbose, c.quiet);
	if (!status && (rest.nr != 1 || rest.items[0].name))
		status = rest.nr && rest.items[0].name
				 ? cli_usage(&cmd_check, "no option --%s", rest.items[0].name)
				 : cli_usage(&cmd_check, "which FILE (.bpf.c or .bpf.o)?");
	if (!status)
		status = open_and_check(&c, rest.items[0].value);
	opt_rest_done(&rest);
	opt_list_done(&c.cflags);
	return status < 0 ? EXIT_DONE : status;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "would Linux accept the programs, and why not",
	.usage = "FILE [OPTIONS]",
	.text = "FILE is a source (.bpf.c, compiled with clang) or an object (.bpf.o). Every "
		"program "
		"is\njudged as Linux would, without a kernel. Exit status: 0 all accepted, 1 some "
		"refused.\n",
	.opts = options,
	.run = run,
};
