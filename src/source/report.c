/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What clang says, as data: "file:line:col: kind: text", and from -H the headers that it opened
 * (". /usr/include/x.h", a dot per level). Everything else (the source line, the caret) is for
 * people and is passed on as it is.
 */
#include "base/log.h"
#include "base/mem.h"
#include "source/source.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Diagnostics beyond this are not looked at: a broken program makes thousands. */
#define MAX_LINES 2000

static const struct {
	const char *word;
	enum report_kind kind;
} kinds[] = {
	{"fatal error: ", REPORT_ERROR},
	{"error: ", REPORT_ERROR},
	{"warning: ", REPORT_WARNING},
	{"note: ", REPORT_NOTE},
};

/* Where "kind: " starts in a line and which; NULL if the line is no diagnostic. */
static const char *find_kind(const char *line, enum report_kind *ret)
{
	const char *first = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *at = strstr(line, kinds[i].word);
		bool starts = at && (at == line || (at - line > 1 && !strncmp(at - 2, ": ", 2)));

		if (starts && (!first || at < first)) {
			first = at;
			*ret = kinds[i].kind;
		}
	}
	return first;
}

/* Take ":<number>" off the end of [s, end); 0 if there is none. */
static u32 take_number(const char *s, const char **end)
{
	const char *p = *end;

	while (p > s && isdigit((unsigned char)p[-1]))
		p--;
	if (p == *end || p == s || p[-1] != ':')
		return 0;
	*end = p - 1;
	return (u32)strtoul(p, NULL, 10);
}

static const char *skip_word(const char *text, enum report_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind && !strncmp(text, kinds[i].word, strlen(kinds[i].word)))
			return text + strlen(kinds[i].word);
	return text;
}

static int add_diagnostic(char *line, struct arena *arena, struct report *r)
{
	enum report_kind kind;
	const char *text = find_kind(line, &kind), *end;
	struct report_line *l;
	u32 col;

	if (!text || r->nr >= MAX_LINES)
		return 0;
	l = vec_push((void **)&r->lines, &r->nr, &r->room, sizeof(*l));
	if (!l)
		return -1;
	end = text > line ? text - 2 : line;
	col = take_number(line, &end);
	l->line = take_number(line, &end);
	l->col = l->line ? col : 0;
	if (!l->line)
		l->line = col;
	l->kind = kind;
	l->file = l->line ? arena_strndup(arena, line, (size_t)(end - line)) : "";
	l->text = arena_strdup(arena, skip_word(text, kind));
	r->nr_errors += kind == REPORT_ERROR;
	return l->file && l->text ? 0 : -1;
}

static bool is_header_line(const char *line)
{
	size_t dots = strspn(line, ".");

	return dots && line[dots] == ' ' && line[dots + 1];
}

static int add_header(const char *line, struct arena *arena, struct report *r)
{
	const char **h = vec_push((void **)&r->headers, &r->nr_headers, &r->headers_room,
				  sizeof(*h));

	if (!h)
		return -1;
	*h = arena_strdup(arena, line + strspn(line, ".") + 1);
	return *h ? 0 : -1;
}

int report_parse(const char *text, struct arena *arena, struct report *ret)
{
	char *copy = arena_strdup(arena, text), *next;
	int err = copy ? 0 : -1;

	memset(ret, 0, sizeof(*ret));
	for (char *line = copy; line && *line && !err; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		err = is_header_line(line) ? add_header(line, arena, ret)
					   : add_diagnostic(line, arena, ret);
	}
	if (err)
		report_done(ret);
	return err;
}

const struct report_line *report_first_error(const struct report *r)
{
	for (size_t i = 0; i < r->nr; i++)
		if (r->lines[i].kind == REPORT_ERROR)
			return &r->lines[i];
	return NULL;
}

bool report_has_header(const struct report *r, const char *tail)
{
	size_t len = strlen(tail);

	for (size_t i = 0; i < r->nr_headers; i++) {
		size_t n = strlen(r->headers[i]);

		if (n > len && r->headers[i][n - len - 1] == '/' &&
		    !strcmp(r->headers[i] + n - len, tail))
			return true;
	}
	return false;
}

const char *report_quoted(struct arena *arena, const char *text, unsigned int n)
{
	for (;; n--) {
		const char *from = strchr(text, '\''), *to;

		to = from ? strchr(from + 1, '\'') : NULL;
		if (!to)
			return NULL;
		if (!n)
			return arena_strndup(arena, from + 1, (size_t)(to - from - 1));
		text = to + 1;
	}
}

void report_log(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len && !is_header_line(text))
			log_warn("%.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

void report_done(struct report *r)
{
	mem_free(r->lines);
	mem_free(r->headers);
	memset(r, 0, sizeof(*r));
}
