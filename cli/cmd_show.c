/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep show FILE: programs, maps and variables of an object; its instructions. */
#include "show.h"
#include <inttypes.h>
#include <skep/object.h>
#include <stdio.h>
#include <string.h>

struct show_config {
	int format;
	int insns, xlated, jited;
	const char *prog;
	uint64_t pid;
	const char *btf, *clang;
	struct opt_list cflags;
	int verbose, quiet;
};

#define ROW(letter, name, type, field, arg, help)                                                  \
	{                                                                                          \
		letter, name, type, offsetof(struct show_config, field), arg, help                 \
	}

/* clang-format off */
static const struct opt options[] = {
	ROW('o', "output",  OPT_CHOICE, format,  "table|json", "output; json: an object per line"),
	ROW(0,   "insns",   OPT_FLAG,   insns,   NULL,         "instructions beside source lines"),
	ROW(0,   "xlated",  OPT_FLAG,   xlated,  NULL,         "instructions as Linux rewrites them"),
	ROW(0,   "jited",   OPT_FLAG,   jited,   NULL,         "instructions of the machine that Linux makes"),
	ROW(0,   "prog",    OPT_STRING, prog,    "NAME",       "with instructions: only this program"),
	ROW('p', "pid",     OPT_NUMBER, pid,     "PID",        "kernel: only what this process holds"),
	ROW(0,   "btf",     OPT_STRING, btf,     "FILE",       "types of the kernel; default: the running one's"),
	ROW(0,   "clang",   OPT_STRING, clang,   "PROGRAM",    "compiler of sources; default: $CLANG, the newest"),
	ROW(0,   "cflag",   OPT_LIST,   cflags,  "FLAG",       "a further argument for clang (may be repeated)"),
	ROW('v', "verbose", OPT_FLAG,   verbose, NULL,         "say more"),
	ROW('q', "quiet",   OPT_FLAG,   quiet,   NULL,         "no warnings"),
	{ 0 },
};
/* clang-format on */

/* "key":"value", with a comma in front unless it is the first. */
static void json_field(const char *key, const char *value, bool first)
{
	printf("%s\"%s\":", first ? "" : ",", key);
	cli_json_string(value);
}

static void show_prog(const struct skep_prog_info *p, bool json)
{
	if (!json) {
		printf("  %-28s %-28s %-16s %6" PRIu32 "%s\n", p->name, p->section,
		       p->type[0] ? p->type : "-", p->nr_insns, p->autoload ? "" : "  (off)");
		return;
	}
	printf("{");
	json_field("program", p->name, true);
	json_field("section", p->section, false);
	json_field("type", p->type, false);
	json_field("attach_type", p->attach_type, false);
	json_field("target", p->target, false);
	printf(",\"insns\":%" PRIu32 ",\"autoload\":%s}\n", p->nr_insns,
	       p->autoload ? "true" : "false");
}

static void show_map(const struct skep_map_info *m, bool json)
{
	if (!json) {
		printf("  %-20s %-18s %10" PRIu32 "  %s → %s\n", m->name, m->type, m->max_entries,
		       m->key_type[0] ? m->key_type : "-", m->value_type[0] ? m->value_type : "-");
		return;
	}
	printf("{");
	json_field("map", m->name, true);
	json_field("type", m->type, false);
	printf(",\"key_size\":%" PRIu32 ",\"value_size\":%" PRIu32 ",\"max_entries\":%" PRIu32
	       ",\"flags\":%" PRIu32,
	       m->key_size, m->value_size, m->max_entries, m->flags);
	json_field("key_type", m->key_type, false);
	json_field("value_type", m->value_type, false);
	printf("}\n");
}

static void show_var(const struct skep_var_info *v, bool json)
{
	if (!json) {
		/* skep's own option of that name comes first */
		bool taken = opt_exists(&cmd_run, v->name);
		char name[256];

		snprintf(name, sizeof(name), taken ? "--var %s=" : "--%s", v->name);
		printf("  %-28s %-28s %s\n", name, v->type[0] ? v->type : "?", v->value);
		return;
	}
	printf("{");
	json_field("variable", v->name, true);
	json_field("type", v->type, false);
	json_field("section", v->section, false);
	printf(",\"size\":%" PRIu32 ",\"const\":%s,\"value\":%s}\n", v->size,
	       v->is_const ? "true" : "false", v->value[0] ? v->value : "null");
}

static void show_progs(const struct skep_object *obj, bool json)
{
	if (!json && skep_object_nr_progs(obj))
		printf("programs (name, section, type, instructions):\n");
	for (size_t i = 0; i < skep_object_nr_progs(obj); i++) {
		struct skep_prog_info p = {.sz = sizeof(p)};

		if (!skep_object_prog(obj, i, &p))
			show_prog(&p, json);
	}
}

static void show_maps(struct skep_object *obj, bool json)
{
	const char *header = "maps (name, type, max_entries, key → value):\n";

	for (size_t i = 0; i < skep_object_nr_maps(obj); i++) {
		struct skep_map_info m = {.sz = sizeof(m)};

		/* The maps of variables are shown as options. */
		if (skep_object_map(obj, i, &m) || m.internal)
			continue;
		if (!json)
			fputs(header, stdout);
		header = "";
		show_map(&m, json);
	}
}

static void show_vars(struct skep_object *obj, bool json)
{
	const char *header = "options (name, type, value):\n";

	for (size_t i = 0; i < skep_object_nr_vars(obj); i++) {
		struct skep_var_info v = {.sz = sizeof(v)};

		/* Statics of functions are private, or the compiler's: formats of bpf_printk. */
		if (skep_object_var(obj, i, &v) || strchr(v.name, '.'))
			continue;
		if (!json)
			fputs(header, stdout);
		header = "";
		show_var(&v, json);
	}
}

static void show(struct skep_object *obj, bool json)
{
	if (!json)
		printf("license: %s\n", skep_object_license(obj));
	show_progs(obj, json);
	show_maps(obj, json);
	show_vars(obj, json);
}

static enum skep_kernel_insns kernel_insns(const struct show_config *c)
{
	return c->jited ? SKEP_KERNEL_JITED : SKEP_KERNEL_XLATED;
}

static int open_and_show(const struct show_config *c, const char *file)
{
	struct skep_open_opts oo = {
		.sz = sizeof(oo), .btf_path = c->btf, .clang = c->clang, .cflags = c->cflags.items};
	struct skep_diag diag = {0};
	struct skep_object *obj;
	int err = skep_object_open(file, &oo, &obj, &diag);

	if (err)
		return cli_error(&diag);
	if (c->insns)
		err = skep_object_disasm(obj, c->prog, cli_write_clean, NULL, &diag);
	else if (c->xlated || c->jited)
		err = skep_kernel_object_disasm(obj, c->prog, kernel_insns(c), cli_write_clean,
						NULL, &diag);
	else
		show(obj, c->format == 1);
	skep_object_free(obj);
	return err ? cli_error(&diag) : EXIT_DONE;
}

static int show_file(const struct show_config *c, const struct opt_rest *rest)
{
	if (c->pid)
		return cli_usage(&cmd_show, "--pid is for progs, maps, links and btf");
	if (rest->nr > 1)
		return cli_usage(&cmd_show, "what is \"%s\"?", rest->items[1].value);
	return open_and_show(c, rest->items[0].value);
}

static int show_objects(const struct show_config *c, const struct opt_rest *rest)
{
	if (rest->nr > 2)
		return cli_usage(&cmd_show, "what is \"%s\"?", rest->items[2].value);
	if (c->insns || c->prog)
		return cli_usage(&cmd_show, "--insns and --prog are for files");
	if (c->xlated || c->jited)
		return show_kernel_insns(rest->items[0].value,
					 rest->nr > 1 ? rest->items[1].value : NULL,
					 kernel_insns(c));
	if (c->pid > UINT32_MAX)
		return cli_usage(&cmd_show, "--pid: no process has such a number");
	if (!strcmp(rest->items[0].value, "pinned"))
		return show_pinned(rest->nr > 1 ? rest->items[1].value : NULL, c->format == 1);
	return show_kernel(rest->items[0].value, rest->nr > 1 ? rest->items[1].value : NULL, c->pid,
			   c->format == 1);
}

static int run(int argc, char **argv)
{
	struct show_config c = {0};
	struct opt_rest rest = {0};
	int status = opt_parse(&cmd_show, &c, argc, argv, &rest);

	cli_log_level(c.verbose, c.quiet);
	for (size_t i = 0; i < rest.nr && !status; i++)
		if (rest.items[i].name)
			status = cli_usage(&cmd_show, "no option --%s", rest.items[i].name);
	if (!status && !rest.nr)
		status = cli_usage(
			&cmd_show,
			"which FILE (.bpf.c or .bpf.o), or progs, maps, links, btf, pinned?");
	if (!status && (c.insns != 0) + (c.xlated != 0) + (c.jited != 0) > 1)
		status = cli_usage(&cmd_show, "one of --insns, --xlated and --jited");
	if (!status && c.format == 1 && (c.insns || c.xlated || c.jited))
		status = cli_usage(&cmd_show, "instructions are text: they have no JSON");
	if (!status &&
	    (show_kernel_is_kind(rest.items[0].value) || !strcmp(rest.items[0].value, "pinned")))
		status = show_objects(&c, &rest);
	else if (!status)
		status = show_file(&c, &rest);
	opt_rest_done(&rest);
	opt_list_done(&c.cflags);
	return status < 0 ? EXIT_DONE : status;
}

const struct command cmd_show = {
	.name = "show",
	.summary = "what an object holds, or the kernel: programs, maps, links",
	.usage = "FILE|progs|maps|links|btf|pinned [ID|NAME] [OPTIONS]",
	.text = "FILE is a source (.bpf.c, compiled with clang) or an object (.bpf.o). progs, "
		"maps,\n"
		"links and btf are what is in the kernel, with who holds it and where it is "
		"attached;\n"
		"pinned is what skep run --pin left there. A file of such a name is ./progs.\n",
	.opts = options,
	.run = run,
};
