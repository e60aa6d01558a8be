/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Options that are the program's own: `--targ_pid 1`, `--targ_pid=1`, `--verbose` (a bool).
 * Whether a word behind an unknown option is its value is known only once the object is open, so
 * the parser keeps both in order and this file decides.
 */
#include "run.h"
#include <errno.h>
#include <string.h>

static bool has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);

	return len > n && !strcmp(s + len - n, suffix);
}

/* The first word that no unknown option stands in front of; else the first that looks like one. */
const char *run_find_file(struct opt_rest *rest, size_t *ret_idx)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < rest->nr; i++) {
			const struct opt_rest_item *it = &rest->items[i];
			bool maybe_value = i && rest->items[i - 1].name &&
					   !rest->items[i - 1].value;

			if (it->name || (!pass && maybe_value))
				continue;
			if (pass && !has_suffix(it->value, ".c") && !has_suffix(it->value, ".o"))
				continue;
			*ret_idx = i;
			return it->value;
		}
	}
	return NULL;
}

static bool is_bool(struct skep_object *obj, const char *name)
{
	for (size_t i = 0; i < skep_object_nr_vars(obj); i++) {
		struct skep_var_info v = {.sz = sizeof(v)};

		if (!skep_object_var(obj, i, &v) && !strcmp(v.name, name))
			return strstr(v.type, "bool") && v.size == 1;
	}
	return false;
}

static bool is_truth(const char *s)
{
	return !strcmp(s, "true") || !strcmp(s, "false") || !strcmp(s, "1") || !strcmp(s, "0");
}

static int fail_var(const struct skep_diag *diag)
{
	cli_error(diag);
	return diag->err == -ENOENT ? EXIT_USAGE : EXIT_FAILED;
}

/* items[i] is an unknown option; *used: the word behind it was its value. */
static int set_one(struct skep_object *obj, const struct opt_rest *rest, size_t i, size_t file_idx,
		   bool *used)
{
	const struct opt_rest_item *it = &rest->items[i], *next = it + 1;
	bool has_next = i + 1 < rest->nr && !next->name && i + 1 != file_idx;
	char name[256];
	const char *value = it->value;
	struct skep_diag diag = {0};
	size_t len = value ? (size_t)(value - it->name) - 1 : strlen(it->name);

	if (len >= sizeof(name))
		len = sizeof(name) - 1;
	memcpy(name, it->name, len);
	name[len] = 0;
	if (!value && is_bool(obj, name)) {
		*used = has_next && is_truth(next->value);
		value = *used ? next->value : "true";
	} else if (!value && has_next) {
		*used = true;
		value = next->value;
	}
	if (!value)
		return cli_usage(&cmd_run, "--%s needs a value", name);
	return skep_object_set_var(obj, name, value, &diag) ? fail_var(&diag) : 0;
}

/* --var NAME=VALUE, for names that skep's own options have too. */
static int set_listed(struct skep_object *obj, const struct run_config *c)
{
	for (size_t i = 0; i < c->vars.nr; i++) {
		struct skep_diag diag = {0};
		const char *value;
		char name[256];

		if (!opt_split(c->vars.items[i], name, sizeof(name), &value))
			return cli_usage(&cmd_run, "--var %s: it takes NAME=VALUE",
					 c->vars.items[i]);
		if (skep_object_set_var(obj, name, value, &diag))
			return fail_var(&diag);
	}
	return 0;
}

int run_set_vars(struct skep_object *obj, const struct run_config *c, const struct opt_rest *rest,
		 size_t file_idx)
{
	for (size_t i = 0; i < rest->nr; i++) {
		bool used = false;
		int status;

		if (i == file_idx)
			continue;
		if (!rest->items[i].name)
			return cli_usage(&cmd_run, "what is \"%s\"? (a command goes behind --)",
					 rest->items[i].value);
		status = set_one(obj, rest, i, file_idx, &used);
		if (status)
			return status;
		i += used;
	}
	return set_listed(obj, c);
}
