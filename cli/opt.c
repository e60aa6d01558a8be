/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Options: tables of rows into config structs. -x VALUE, -xVALUE, --name VALUE, --name=VALUE. */
#include "cli.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct opt *find_long(const struct opt *opts, const char *name, size_t len)
{
	for (; opts->name; opts++)
		if (strlen(opts->name) == len && !strncmp(opts->name, name, len))
			return opts;
	return NULL;
}

bool opt_exists(const struct command *cmd, const char *name)
{
	return find_long(cmd->opts, name, strlen(name));
}

static const struct opt *find_letter(const struct opt *opts, char letter)
{
	for (; opts->name; opts++)
		if (opts->letter == letter)
			return opts;
	return NULL;
}

bool opt_number(const char *s, uint64_t *ret)
{
	static const char units[] = "kmg";
	const char *unit;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*ret = strtoull(s, &end, 0);
	if (errno)
		return false;
	if (!*end)
		return true;
	unit = strchr(units, *end | 0x20);
	if (!unit || end[1])
		return false;
	for (const char *u = units; u <= unit; u++)
		if (__builtin_mul_overflow(*ret, 1000, ret))
			return false;
	return true;
}

bool opt_split(const char *item, char *name, size_t size, const char **ret_value)
{
	const char *eq = strchr(item, '=');
	size_t len = eq ? (size_t)(eq - item) : size;

	if (len >= size)
		return false;
	memcpy(name, item, len);
	name[len] = 0;
	*ret_value = eq + 1;
	return true;
}

static bool parse_seconds(const char *s, double *ret)
{
	char *end;

	*ret = strtod(s, &end);
	return end != s && !*end && *ret >= 0 && *ret <= 1e9;
}

/* The index of word in "a|b|c", -1 if it is not there. */
static int find_choice(const char *choices, const char *word)
{
	size_t len = strlen(word);
	int idx = 0;

	for (const char *c = choices; *c; idx++) {
		size_t n = strcspn(c, "|");

		if (n == len && !strncmp(c, word, n))
			return idx;
		c += n + (c[n] == '|');
	}
	return -1;
}

static bool add_item(struct opt_list *list, const char *item)
{
	const char **items = realloc(list->items, (list->nr + 2) * sizeof(*items));

	if (!items)
		return false;
	list->items = items;
	items[list->nr++] = item;
	items[list->nr] = NULL;
	return true;
}

static bool set_value(const struct opt *o, void *config, const char *value)
{
	void *to = (char *)config + o->offset;

	switch (o->type) {
	case OPT_FLAG:
		*(int *)to += 1;
		return true;
	case OPT_STRING:
		*(const char **)to = value;
		return true;
	case OPT_NUMBER:
		return opt_number(value, to);
	case OPT_SECONDS:
		return parse_seconds(value, to);
	case OPT_CHOICE:
		*(int *)to = find_choice(o->arg, value);
		return *(int *)to >= 0;
	case OPT_LIST:
		return add_item(to, value);
	}
	return false;
}

static bool add_rest(struct opt_rest *rest, const char *name, const char *value)
{
	struct opt_rest_item *items = realloc(rest->items, (rest->nr + 1) * sizeof(*items));

	if (!items)
		return false;
	rest->items = items;
	items[rest->nr++] = (struct opt_rest_item){name, value};
	return true;
}

struct parser {
	const struct command *cmd;
	void *config;
	int argc, at;
	char **argv;
	struct opt_rest *rest;
};

/* value: what is stuck to the option, NULL if nothing. */
static int take(struct parser *p, const struct opt *o, const char *value)
{
	if (o->type == OPT_FLAG) {
		if (value)
			return cli_usage(p->cmd, "--%s takes no value", o->name);
	} else if (!value) {
		if (p->at + 1 >= p->argc)
			return cli_usage(p->cmd, "--%s needs a value: %s", o->name, o->arg);
		value = p->argv[++p->at];
	}
	if (!set_value(o, p->config, value))
		return cli_usage(p->cmd, "--%s %s: not a valid value; it takes %s", o->name, value,
				 o->arg);
	return 0;
}

static int take_long(struct parser *p, const char *arg)
{
	const char *eq = strchr(arg, '='), *value = eq ? eq + 1 : NULL;
	const struct opt *o = find_long(p->cmd->opts, arg, eq ? (size_t)(eq - arg) : strlen(arg));

	if (!strcmp(arg, "help")) {
		opt_help(p->cmd);
		return -1;
	}
	if (o)
		return take(p, o, value);
	if (!p->rest)
		return cli_usage(p->cmd, "no option --%s", arg);
	return add_rest(p->rest, arg, value) ? 0 : cli_usage(p->cmd, "out of memory");
}

static int take_letters(struct parser *p, const char *arg)
{
	for (; *arg; arg++) {
		const struct opt *o = find_letter(p->cmd->opts, *arg);
		int err;

		if (*arg == 'h' && !o) {
			opt_help(p->cmd);
			return -1;
		}
		if (!o)
			return cli_usage(p->cmd, "no option -%c", *arg);
		if (o->type != OPT_FLAG)
			return take(p, o, arg[1] ? arg + 1 : NULL);
		err = take(p, o, NULL);
		if (err)
			return err;
	}
	return 0;
}

static int take_word(struct parser *p, const char *arg)
{
	if (!p->rest)
		return cli_usage(p->cmd, "what is \"%s\"?", arg);
	return add_rest(p->rest, NULL, arg) ? 0 : cli_usage(p->cmd, "out of memory");
}

int opt_parse(const struct command *cmd, void *config, int argc, char **argv, struct opt_rest *rest)
{
	struct parser p = {.cmd = cmd, .config = config, .argc = argc, .argv = argv, .rest = rest};

	for (p.at = 1; p.at < argc; p.at++) {
		const char *arg = argv[p.at];
		int err;

		if (!strcmp(arg, "--") && rest) {
			rest->command = argv + p.at + 1;
			return rest->command[0] ? 0
						: cli_usage(cmd, "a command must follow \"--\"");
		}
		if (!strncmp(arg, "--", 2))
			err = take_long(&p, arg + 2);
		else if (arg[0] == '-' && arg[1])
			err = take_letters(&p, arg + 1);
		else
			err = take_word(&p, arg);
		if (err)
			return err;
	}
	return 0;
}

void opt_rest_done(struct opt_rest *rest)
{
	free(rest->items);
	*rest = (struct opt_rest){0};
}

void opt_list_done(struct opt_list *list)
{
	free(list->items);
	*list = (struct opt_list){0};
}

void opt_help(const struct command *cmd)
{
	printf("usage: skep %s %s\n\n%s\n\n%s\noptions:\n", cmd->name, cmd->usage, cmd->summary,
	       cmd->text);
	for (const struct opt *o = cmd->opts; o->name; o++) {
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			 o->arg ? " " : "", o->arg ? o->arg : "");
		if (strlen(left) > 28)
			printf("  %s\n%32s%s\n", left, "", o->help);
		else
			printf("  %-28s  %s\n", left, o->help);
	}
	printf("  -h, --help                    this text\n");
}
