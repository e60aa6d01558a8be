/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * From SEC("uprobe/PATH:FUNC+OFF"), SEC("uprobe/FUNC"), SEC("usdt/PATH:PROVIDER:NAME") or just
 * SEC("uprobe") to what to look for.
 *
 *   PATH   a file, a library's name as libbpf finds it (libc.so.6, libc), a command in PATH;
 *          /proc/self/exe is the traced command
 *   FUNC   a name, in *.multi sections a pattern; without PATH it is looked for in every file that
 *          a traced process maps, unless --binary names one
 *
 * A program whose section names nothing is attached by its own loader in Linux. What the loaders of
 * well-known tools do stands in uprobe_manual.def; else the function may follow from the program's
 * name (malloc_enter, uprobe_add), when the command or libc has one of that name.
 */
#include "hook/uprobe_target.h"
#include "base/mem.h"
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- files ---------------------------------------------------------------------------------- */

static const char *const lib_dirs[] = {"/lib/x86_64-linux-gnu",
				       "/usr/lib/x86_64-linux-gnu",
				       "/lib64",
				       "/usr/lib64",
				       "/usr/local/lib",
				       "/usr/lib",
				       "/lib"};

static bool try_file(char *path, size_t size, const char *dir, const char *name, const char *suffix)
{
	snprintf(path, size, "%s/%s%s", dir, name, suffix);
	return !access(path, R_OK);
}

/* The first file that matches, for "libssl" → libssl.so.3. */
static bool try_glob(char *path, size_t size, const char *dir, const char *name)
{
	char pattern[600];
	glob_t g = {0};
	bool found;

	snprintf(pattern, sizeof(pattern), "%s/%s.so*", dir, name);
	found = !glob(pattern, 0, NULL, &g) && g.gl_pathc;
	if (found)
		snprintf(path, size, "%s", g.gl_pathv[0]);
	globfree(&g);
	return found;
}

static bool find_library(const char *name, char *path, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(lib_dirs); i++)
		if (try_file(path, size, lib_dirs[i], name, ""))
			return true;
	for (size_t i = 0; !strstr(name, ".so") && i < ARRAY_SIZE(lib_dirs); i++)
		if (try_file(path, size, lib_dirs[i], name, ".so.6") ||
		    try_glob(path, size, lib_dirs[i], name))
			return true;
	return false;
}

static bool find_file(const char *name, const struct hook_opts *opts, char *path, size_t size)
{
	if (!strcmp(name, "/proc/self/exe") || !strcmp(name, "-")) {
		if (!opts->argv && !opts->pid)
			return false;
		if (opts->argv)
			return !proc_find_command(opts->argv[0], path, size, NULL);
		snprintf(path, size, "/proc/%u/exe", opts->pid);
		return true;
	}
	if (strchr(name, '/')) {
		snprintf(path, size, "%s", name);
		return !access(path, R_OK);
	}
	if (!strstr(name, ".so") && !proc_find_command(name, path, size, NULL))
		return true;
	return find_library(name, path, size);
}

/* --- does the file have it? ----------------------------------------------------------------- */

static int found_symbol(void *ctx, const char *name, u64 off)
{
	return 1;
}

static int found_usdt(void *ctx, const struct uelf_usdt *u)
{
	const struct uprobe_wish *w = ctx;

	return !strcmp(u->provider, w->func) && !strcmp(u->name, w->name);
}

static bool has_target(const struct uelf *e, struct uprobe_wish *w)
{
	if (w->is_usdt)
		return uelf_usdts(e, found_usdt, w);
	return !w->func[0] || uelf_symbols(e, w->func, found_symbol, NULL);
}

static int check_file(struct uprobe_wish *w, struct skep_diag *diag)
{
	struct uelf e;
	int err = uelf_open(w->path, &e, diag);

	if (err)
		return err;
	w->ino = e.ino;
	if (!has_target(&e, w))
		err = diag_set(diag, -ENOENT, "%s has no %s%s%s%s", w->path,
			       w->is_usdt ? "USDT site " : "function ", w->func,
			       w->is_usdt ? ":" : "", w->name);
	uelf_close(&e);
	return err;
}

/* --- one target as text --------------------------------------------------------------------- */

static struct uprobe_wish *new_wish(const struct prog *prog)
{
	struct uprobe_wish *w = mem_zalloc(sizeof(*w));

	if (w) {
		w->at_return = !strncmp(prog->section, "uretprobe", 9);
		w->is_usdt = !strncmp(prog->section, "usdt", 4);
	}
	return w;
}

/* "func+0x10", or "0x1234" alone for an offset in the file. */
static void parse_func(struct uprobe_wish *w, const char *text)
{
	size_t len = strcspn(text, "+");
	char *end;

	w->off = strtoull(text, &end, 0);
	if (!*end && *text >= '0' && *text <= '9')
		return;
	snprintf(w->func, sizeof(w->func), "%.*s", (int)len, text);
	w->off = text[len] ? strtoull(text + len + 1, NULL, 0) : 0;
}

static void parse_what(struct uprobe_wish *w, const char *text)
{
	const char *colon = strchr(text, ':');

	if (!w->is_usdt) {
		parse_func(w, text);
		return;
	}
	snprintf(w->func, sizeof(w->func), "%.*s", colon ? (int)(colon - text) : 0, text);
	snprintf(w->name, sizeof(w->name), "%s", colon ? colon + 1 : text);
}

/* file may be NULL: any. */
static int add_wish(const struct prog *prog, const struct hook_opts *opts, const char *file,
		    const char *what, struct uprobe_wish **list, struct skep_diag *diag)
{
	struct uprobe_wish *w = new_wish(prog);
	int err = 0;

	if (!w)
		return diag_nomem(diag);
	parse_what(w, what);
	w->any_file = !file;
	if (file && !find_file(file, opts, w->path, sizeof(w->path)))
		err = diag_set(diag, -ENOENT, "%s: there is no such program or library", file);
	err = err ? err : file ? check_file(w, diag) : 0;
	if (err) {
		mem_free(w);
		return err;
	}
	w->next = *list;
	*list = w;
	return 0;
}

/* "PATH:WHAT": for a function the last colon parts them, for USDT the last but one. */
static int parse_target(const struct prog *prog, const struct hook_opts *opts, const char *target,
			struct uprobe_wish **list, struct skep_diag *diag)
{
	const char *colon = strrchr(target, ':');
	char file[512];

	if (colon && !strncmp(prog->section, "usdt", 4)) {
		const char *at = colon;

		while (at > target && at[-1] != ':')
			at--;
		colon = at > target ? at - 1 : NULL;
	}
	if (!colon)
		return add_wish(prog, opts, opts->binary, target, list, diag);
	snprintf(file, sizeof(file), "%.*s", (int)(colon - target), target);
	return add_wish(prog, opts, file[0] ? file : NULL, colon + 1, list, diag);
}

/* --- sections that name nothing ------------------------------------------------------------- */

static const struct {
	const char *prog, *map, *file;
	const char *what; /* separated by spaces */
} manual[] = {
#define MANUAL(prog, map, file, what) {prog, map, file, what},
#include "hook/uprobe_manual.def"
#undef MANUAL
};

static bool has_map(const struct hook_opts *opts, const char *name)
{
	for (u32 i = 0; i < opts->nr_maps; i++)
		if (opts->maps[i] && !strcmp(opts->maps[i]->def.name, name))
			return true;
	return false;
}

static int add_words(const struct prog *prog, const struct hook_opts *opts, const char *file,
		     const char *words, struct uprobe_wish **list, struct skep_diag *diag)
{
	char word[128];
	int err = 0;

	while (*words && !err) {
		size_t len = strcspn(words, " ,");

		snprintf(word, sizeof(word), "%.*s", (int)len, words);
		err = add_wish(prog, opts, file, word, list, diag);
		words += len + strspn(words + len, " ,");
	}
	return err;
}

/* "uprobe_add" → "add", "malloc_enter" → "malloc" */
static bool bare_name(const char *name, char *to, size_t size)
{
	const char *whole = name;

	static const char *const heads[] = {"uprobe_", "uretprobe_", "handle_", "probe_", "trace_"};
	static const char *const tails[] = {"_enter", "_exit", "_entry", "_return", "_ret"};

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (!strncmp(name, heads[i], strlen(heads[i]))) {
			name += strlen(heads[i]);
			break;
		}
	snprintf(to, size, "%s", name);
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		size_t len = strlen(to), tail = strlen(tails[i]);

		if (len > tail && !strcmp(to + len - tail, tails[i])) {
			to[len - tail] = 0;
			break;
		}
	}
	return name != whole;
}

static int from_name(const struct prog *prog, const struct hook_opts *opts,
		     struct uprobe_wish **list, struct skep_diag *diag)
{
	static const char *const files[] = {"/proc/self/exe", "libc.so.6"};
	struct skep_diag ignored = {0};
	char name[128], pattern[136];
	bool has_head = bare_name(prog->name, name, sizeof(name));

	snprintf(pattern, sizeof(pattern), "*_%s", name);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (!add_wish(prog, opts, files[i], name, list, &ignored) ||
		    (!i && has_head && !add_wish(prog, opts, files[i], pattern, list, &ignored)))
			return 0;
	return diag_set_full(diag, -ENOTSUP, "no-target",
			     "name it in the section, as SEC(\"uprobe/libc.so.6:malloc\")",
			     "SEC(\"%s\") names no function, and none follows from the name %s",
			     prog->section, prog->name);
}

/* --binary FILE:WHAT[,WHAT] names what the section does not. */
static int from_option(const struct prog *prog, const struct hook_opts *opts,
		       struct uprobe_wish **list, struct skep_diag *diag)
{
	const char *colon = strchr(opts->binary, ':');
	char file[512];

	snprintf(file, sizeof(file), "%.*s", (int)(colon - opts->binary), opts->binary);
	return add_words(prog, opts, file, colon + 1, list, diag);
}

static int parse_nothing(const struct prog *prog, const struct hook_opts *opts,
			 struct uprobe_wish **list, struct skep_diag *diag)
{
	bool usdt = !strncmp(prog->section, "usdt", 4);

	if (opts->binary && strchr(opts->binary, ':'))
		return from_option(prog, opts, list, diag);
	for (size_t i = 0; i < ARRAY_SIZE(manual); i++)
		if (!strcmp(manual[i].prog, prog->name) &&
		    (!opts->nr_maps || !manual[i].map || has_map(opts, manual[i].map)) &&
		    usdt == !!strchr(manual[i].what, ':'))
			return add_words(prog, opts, manual[i].file, manual[i].what, list, diag);
	if (usdt)
		return diag_set_full(diag, -ENOTSUP, "no-target",
				     "name it, as SEC(\"usdt/libc.so.6:libc:setjmp\")",
				     "SEC(\"%s\") names no USDT site", prog->section);
	return from_name(prog, opts, list, diag);
}

int uprobe_wishes(const struct prog *prog, const struct hook_opts *opts, struct uprobe_wish **ret,
		  struct skep_diag *diag)
{
	struct uprobe_wish *list = NULL, *next;
	int err;

	if (prog->target && prog->target[0])
		err = parse_target(prog, opts, prog->target, &list, diag);
	else
		err = parse_nothing(prog, opts, &list, diag);
	if (!err) {
		*ret = list;
		return 0;
	}
	for (; list; list = next) {
		next = list->next;
		mem_free(list);
	}
	return err;
}
