/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * docs/helpers.md, made from the tables: `test_helpers_doc --write FILE` writes it, without
 * arguments it is a test that the file in docs/ is what would be written now (make docs).
 */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "spec/spec.h"
#include "vm/run.h"

#define DOC "docs/helpers.md"

static void write_head(struct strbuf *sb)
{
	u32 have = 1; /* tail_call is the interpreter's */

	for (u32 id = 1; id < spec_nr_helpers(); id++)
		have += vm_helper_find(id, NULL) != NULL;
	strbuf_printf(
		sb,
		"# Helpers\n\n"
		"<!-- made by `make docs` from src/spec/helpers.def and src/vm; do not edit "
		"-->\n\n"
		"All %u helpers of Linux 6.18; the list is closed. The user engine has %u. A "
		"program that calls one of\nthe others is refused when it is loaded, with the "
		"reason in the last column.\n\n"
		"*GPL*: only for programs under a GPL-compatible license. *Sleeps*: only in "
		"sleepable programs.\n\n",
		spec_nr_helpers() - 1, have);
}

/* The types that have a helper, or those that lack it where these are fewer. */
static void write_types(struct strbuf *sb, u32 id)
{
	u32 nr = 0, all = 0;
	const char *sep = "";
	bool except;

	for (u32 t = 1; t < SPEC_NR_PROG_TYPES; t++) {
		all += t != SPEC_PROG_EXT;
		nr += t != SPEC_PROG_EXT && spec_helper_allowed(id, t);
	}
	except = nr > all / 2;
	if (except)
		strbuf_puts(sb, nr == all ? "all" : "all but ");
	for (u32 t = 1; t < SPEC_NR_PROG_TYPES; t++) {
		if (t == SPEC_PROG_EXT || spec_helper_allowed(id, t) == except)
			continue;
		strbuf_printf(sb, "%s%s", sep, spec_prog_type(t)->name);
		sep = ", ";
	}
}

static void write_row(struct strbuf *sb, const struct spec_helper *h)
{
	const char *why = "";
	bool have = vm_helper_find(h->id, &why) || h->id == SPEC_HELPER_tail_call;

	strbuf_printf(sb, "| %u | `%s` | %s%s%s | ", h->id, h->proto, h->gpl_only ? "GPL" : "",
		      h->gpl_only && h->may_sleep ? ", " : "", h->may_sleep ? "sleeps" : "");
	write_types(sb, h->id);
	strbuf_printf(sb, " | %s%s |\n", have ? "yes" : "no: ", have ? "" : why);
}

static void write_groups(struct strbuf *sb)
{
	strbuf_puts(sb, "## Groups of program types\n\n"
			"What src/spec/helpers.def calls a group.\n\n"
			"| group | members |\n|---|---|\n");
#define GROUP(name, members) strbuf_printf(sb, "| %s | %s |\n", #name, members);
#include "spec/helpers.def"
}

static const char *const kfunc_rows[][2] = {
#define KFUNC(name, proto) {#name, proto},
#include "spec/kfuncs.def"
#undef KFUNC
};

static void write_kfuncs(struct strbuf *sb)
{
	u32 have = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kfunc_rows); i++)
		have += vm_kfunc_find(kfunc_rows[i][0], NULL) != NULL;
	strbuf_printf(
		sb,
		"# Kernel functions\n\nThose of Linux 6.18 in its usual configuration; the "
		"user engine has %u of these %zu.\n\n| prototype | user engine |\n|---|---|\n",
		have, ARRAY_SIZE(kfunc_rows));
	for (size_t i = 0; i < ARRAY_SIZE(kfunc_rows); i++) {
		const char *why = "";
		bool has = vm_kfunc_find(kfunc_rows[i][0], &why);

		strbuf_printf(sb, "| `%s` | %s%s |\n", kfunc_rows[i][1],
			      has ? "yes" : "no: ", has ? "" : why);
	}
	strbuf_puts(sb, "\n");
}

static void write_doc(struct strbuf *sb)
{
	write_head(sb);
	strbuf_puts(sb,
		    "| id | prototype | | program types | user engine |\n|---|---|---|---|---|\n");
	for (u32 id = 1; id < spec_nr_helpers(); id++)
		write_row(sb, spec_helper(id));
	strbuf_puts(sb, "\n");
	write_kfuncs(sb);
	write_groups(sb);
}

int main(int argc, char **argv)
{
	struct strbuf sb = {0};
	char *now = NULL;
	size_t size;
	int err = 0;

	write_doc(&sb);
	if (argc == 3 && !strcmp(argv[1], "--write")) {
		err = file_write(argv[2], strbuf_str(&sb), sb.len, NULL);
		strbuf_done(&sb);
		return err ? 1 : 0;
	}
	ok(!file_read(DOC, 0, &now, &size, NULL), DOC " is there");
	ok(now && !strcmp(now, strbuf_str(&sb)), DOC " is current (else: make docs)");
	ok(!strstr(strbuf_str(&sb), "yet |"), "every helper is there, or there is a reason");
	mem_free(now);
	strbuf_done(&sb);
	return tap_done();
}
