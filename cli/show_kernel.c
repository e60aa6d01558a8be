/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep show progs|maps|links|btf: what is in the kernel, as a table or as JSON lines. */
#include "show.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_COLUMNS 16
#define CELL        512

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_value(const struct skep_value *v)
{
	bool is_list = v->kind == SKEP_VALUE_LIST;

	switch (v->kind) {
	case SKEP_VALUE_NUMBER:
		printf("%" PRIu64, v->number);
		break;
	case SKEP_VALUE_SIGNED:
		printf("%" PRId64, (int64_t)v->number);
		break;
	case SKEP_VALUE_BOOL:
		printf("%s", v->number ? "true" : "false");
		break;
	case SKEP_VALUE_TEXT:
		cli_json_string(v->text);
		break;
	case SKEP_VALUE_LIST:
	case SKEP_VALUE_OBJECT:
		putchar(is_list ? '[' : '{');
		for (size_t i = 0; i < v->nr; i++) {
			if (i)
				putchar(',');
			if (!is_list) {
				cli_json_string(v->kids[i].name);
				putchar(':');
			}
			json_value(&v->kids[i]);
		}
		putchar(is_list ? ']' : '}');
		break;
	}
}

/* --- cells ------------------------------------------------------------------------------------ */

struct cell {
	char s[CELL];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct cell *c, const char *fmt, ...)
{
	size_t room = sizeof(c->s) - c->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(c->s + c->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		c->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void put_scalar(struct cell *c, const struct skep_value *v)
{
	if (v->kind == SKEP_VALUE_TEXT)
		put(c, "%s", v->text);
	else if (v->kind == SKEP_VALUE_SIGNED)
		put(c, "%" PRId64, (int64_t)v->number);
	else if (v->kind == SKEP_VALUE_BOOL)
		put(c, "%s", v->number ? "yes" : "no");
	else
		put(c, "%" PRIu64, v->number);
}

/* "12", "3,4,5" */
static void cell_plain(struct cell *c, const struct skep_value *o, const char *key)
{
	const struct skep_value *v = skep_value_get(o, key);

	if (!v)
		return;
	if (v->kind != SKEP_VALUE_LIST) {
		put_scalar(c, v);
		return;
	}
	for (size_t i = 0; i < v->nr; i++) {
		put(c, "%s", i ? "," : "");
		put_scalar(c, &v->kids[i]);
	}
}

static void cell_hex(struct cell *c, const struct skep_value *o, const char *key)
{
	const struct skep_value *v = skep_value_get(o, key);

	if (v && v->number)
		put(c, "0x%" PRIx64, v->number);
}

static void cell_yes(struct cell *c, const struct skep_value *o, const char *key)
{
	const struct skep_value *v = skep_value_get(o, key);

	put(c, "%s", v && v->number ? "yes" : "-");
}

static void cell_time(struct cell *c, const struct skep_value *o, const char *key)
{
	const struct skep_value *v = skep_value_get(o, key);
	time_t t = v ? (time_t)v->number : 0;
	struct tm tm;
	char buf[32];

	if (v && localtime_r(&t, &tm) && strftime(buf, sizeof(buf), "%F %T", &tm))
		put(c, "%s", buf);
}

static void cell_span(struct cell *c, const struct skep_value *o, const char *key)
{
	const struct skep_value *v = skep_value_get(o, key);

	if (v)
		put(c, "%.3fms", (double)v->number / 1e6);
}

static void cell_pids(struct cell *c, const struct skep_value *o, const char *key)
{
	const struct skep_value *v = skep_value_get(o, key);

	for (size_t i = 0; v && i < v->nr; i++)
		put(c, "%s%s(%" PRIu64 ")", i ? "," : "", skep_value_get(&v->kids[i], "comm")->text,
		    skep_value_get(&v->kids[i], "pid")->number);
}

/* Where it is attached: what is known of it, in an order that reads well. */
static void put_where(struct cell *c, const struct skep_value *o)
{
	static const struct {
		const char *key, *before;
	} parts[] = {
		{"devname", ""},       {"direction", ""},
		{"mode", ""},          {"pref", "pref "},
		{"cgroup", ""},        {"tp_name", ""},
		{"tracepoint", ""},    {"attach_to", ""},
		{"target_name", ""},   {"func", ""},
		{"file", ""},          {"path", ""},
		{"offset", "+"},       {"func_cnt", "x"},
		{"event_type", ""},    {"event_config", ""},
		{"family", ""},        {"hook_name", ""},
		{"prio", "priority "}, {"netns_ino", "netns "},
		{"map_id", "map "},    {"attach_type", "("},
	};
	size_t start = c->len;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct skep_value *v = skep_value_get(o, parts[i].key);
		bool glued = parts[i].before[0] == '+';

		if (!v || (glued && !v->number))
			continue;
		put(c, "%s%s", c->len > start && !glued ? " " : "", parts[i].before);
		put_scalar(c, v);
		put(c, "%s", parts[i].before[0] == '(' ? ")" : "");
	}
}

static void cell_where(struct cell *c, const struct skep_value *o, const char *key)
{
	(void)key;
	put_where(c, o);
}

/* Of a program: "link 5 xdp eth0; tc eth0 ingress" */
static void cell_attached(struct cell *c, const struct skep_value *o, const char *key)
{
	const struct skep_value *v = skep_value_get(o, key), *to = skep_value_get(o, "attach_to");

	for (size_t i = 0; v && i < v->nr; i++) {
		const struct skep_value *type = skep_value_get(&v->kids[i], "type");

		put(c, "%s", i ? "; " : "");
		if (type)
			put_scalar(c, type);
		put(c, " ");
		put_where(c, &v->kids[i]);
	}
	if (to && !v)
		put(c, "%s", to->text);
}

/* --- tables ----------------------------------------------------------------------------------- */

struct column {
	const char *head, *key;
	void (*cell)(struct cell *c, const struct skep_value *o, const char *key);
	bool right;
};

static const struct column prog_columns[] = {
	{"ID", "id", cell_plain, true},
	{"TYPE", "type", cell_plain, false},
	{"NAME", "name", cell_plain, false},
	{"TAG", "tag", cell_plain, false},
	{"GPL", "gpl_compatible", cell_yes, false},
	{"UID", "uid", cell_plain, true},
	{"LOADED", "loaded_at", cell_time, false},
	{"XLATED", "bytes_xlated", cell_plain, true},
	{"JITED", "bytes_jited", cell_plain, true},
	{"RUNS", "run_cnt", cell_plain, true},
	{"TIME", "run_time_ns", cell_span, true},
	{"MISSED", "recursion_misses", cell_plain, true},
	{"MAPS", "map_ids", cell_plain, false},
	{"PIDS", "pids", cell_pids, false},
	{"PINNED", "pinned", cell_plain, false},
	{"ATTACHED", "attached", cell_attached, false},
	{0},
};

static const struct column map_columns[] = {
	{"ID", "id", cell_plain, true},
	{"TYPE", "type", cell_plain, false},
	{"NAME", "name", cell_plain, false},
	{"KEY", "bytes_key", cell_plain, true},
	{"VALUE", "bytes_value", cell_plain, true},
	{"ENTRIES", "max_entries", cell_plain, true},
	{"FLAGS", "flags", cell_hex, true},
	{"MEMLOCK", "bytes_memlock", cell_plain, true},
	{"FROZEN", "frozen", cell_yes, false},
	{"KEY TYPE", "key_type", cell_plain, false},
	{"VALUE TYPE", "value_type", cell_plain, false},
	{"PIDS", "pids", cell_pids, false},
	{"PINNED", "pinned", cell_plain, false},
	{0},
};

static const struct column link_columns[] = {
	{"ID", "id", cell_plain, true},          {"TYPE", "type", cell_plain, false},
	{"PROG", "prog_id", cell_plain, true},   {"NAME", "prog_name", cell_plain, false},
	{"WHERE", "", cell_where, false},        {"PIDS", "pids", cell_pids, false},
	{"PINNED", "pinned", cell_plain, false}, {0},
};

static const struct column btf_columns[] = {
	{"ID", "id", cell_plain, true},           {"NAME", "name", cell_plain, false},
	{"SIZE", "size", cell_plain, true},       {"KERNEL", "kernel", cell_yes, false},
	{"PROGS", "prog_ids", cell_plain, false}, {"MAPS", "map_ids", cell_plain, false},
	{"PIDS", "pids", cell_pids, false},       {0},
};

static const struct kind {
	const char *word;
	enum skep_kernel_kind kind;
	const struct column *columns;
} kinds[] = {
	{"progs", SKEP_KERNEL_PROGS, prog_columns},
	{"maps", SKEP_KERNEL_MAPS, map_columns},
	{"links", SKEP_KERNEL_LINKS, link_columns},
	{"btf", SKEP_KERNEL_BTF, btf_columns},
};

static void fill_cell(struct cell *c, const struct column *col, const struct skep_value *o)
{
	c->len = 0;
	c->s[0] = 0;
	col->cell(c, o, col->key);
	if (!c->len)
		put(c, "-");
}

/* A column in which nobody has anything is left out. */
static void measure(const struct column *cols, const struct skep_kernel_list *list, size_t *widths)
{
	for (size_t i = 0; cols[i].head; i++) {
		bool used = false;

		widths[i] = strlen(cols[i].head);
		for (size_t k = 0; k < skep_kernel_list_nr(list); k++) {
			struct cell c;

			fill_cell(&c, &cols[i], skep_kernel_list_get(list, k));
			used |= strcmp(c.s, "-") != 0;
			widths[i] = c.len > widths[i] ? c.len : widths[i];
		}
		if (!used)
			widths[i] = 0;
	}
}

static void print_row(const struct column *cols, const size_t *widths, const struct skep_value *o)
{
	size_t last = 0;
	const char *before = "";

	for (size_t i = 0; cols[i].head; i++)
		last = widths[i] ? i : last;
	for (size_t i = 0; cols[i].head; i++) {
		struct cell c;
		int width = i == last && !cols[i].right ? 0 : (int)widths[i];

		if (!widths[i])
			continue;
		if (o)
			fill_cell(&c, &cols[i], o);
		else
			snprintf(c.s, sizeof(c.s), "%s", cols[i].head);
		printf("%s", before);
		for (int n = width - (int)strlen(c.s); cols[i].right && n > 0; n--)
			putchar(' ');
		cli_write_clean(NULL, c.s, strlen(c.s));
		for (int n = width - (int)strlen(c.s); !cols[i].right && n > 0; n--)
			putchar(' ');
		before = "  ";
	}
	putchar('\n');
}

static void print_table(const struct column *cols, const struct skep_kernel_list *list)
{
	size_t widths[MAX_COLUMNS] = {0};

	if (!skep_kernel_list_nr(list))
		return;
	measure(cols, list, widths);
	print_row(cols, widths, NULL);
	for (size_t i = 0; i < skep_kernel_list_nr(list); i++)
		print_row(cols, widths, skep_kernel_list_get(list, i));
}

bool show_kernel_is_kind(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].word, word))
			return true;
	return false;
}

static const struct kind *find_kind(const char *word)
{
	const struct kind *k = kinds;

	while (strcmp(k->word, word))
		k++;
	return k;
}

/* Nothing of that id or name is a failure; nothing held by a process, or nothing at all, is not. */
static int none(const struct kind *k, const char *which)
{
	fprintf(stderr, "skep: error: there is no \"%s\" among the %s\n", which, k->word);
	return EXIT_FAILED;
}

static struct skep_kernel_filter make_filter(const char *which)
{
	struct skep_kernel_filter f = {.sz = sizeof(f)};
	uint64_t id = 0;

	if (which && opt_number(which, &id) && id && id <= UINT32_MAX)
		f.id = (uint32_t)id;
	else
		f.name = which;
	return f;
}

int show_kernel_insns(const char *word, const char *which, enum skep_kernel_insns what)
{
	struct skep_kernel_filter f = make_filter(which);
	struct skep_diag diag = {0};
	struct skep_kernel_list *list;
	int err = 0;

	if (strcmp(word, "progs") || !which)
		return cli_usage(&cmd_show,
				 "instructions of what? skep show progs ID|NAME --xlated");
	if (skep_kernel_list_new(SKEP_KERNEL_PROGS, &f, &list, &diag))
		return cli_error(&diag);
	if (!skep_kernel_list_nr(list)) {
		skep_kernel_list_free(list);
		return none(find_kind(word), which);
	}
	for (size_t i = 0; i < skep_kernel_list_nr(list) && !err; i++) {
		const struct skep_value *id = skep_value_get(skep_kernel_list_get(list, i), "id");

		if (id)
			err = skep_kernel_prog_disasm((uint32_t)id->number, what, cli_write_clean,
						      NULL, &diag);
	}
	skep_kernel_list_free(list);
	return err ? cli_error(&diag) : EXIT_DONE;
}

int show_kernel(const char *word, const char *which, uint64_t pid, bool json)
{
	const struct kind *k = find_kind(word);
	struct skep_kernel_filter f = make_filter(which);
	struct skep_diag diag = {0};
	struct skep_kernel_list *list;
	int status = EXIT_DONE;

	f.pid = (uint32_t)pid;
	if (skep_kernel_list_new(k->kind, &f, &list, &diag))
		return cli_error(&diag);
	if (which && !skep_kernel_list_nr(list))
		status = none(k, which);
	for (size_t i = 0; json && i < skep_kernel_list_nr(list); i++) {
		json_value(skep_kernel_list_get(list, i));
		putchar('\n');
	}
	if (!json)
		print_table(k->columns, list);
	skep_kernel_list_free(list);
	return status;
}
