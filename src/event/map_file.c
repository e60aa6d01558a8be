/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The elements of a map in a file, cut out one after another: a file of a million lines becomes a
 * million short texts, never one large tree. Only quotes and brackets are understood here; what a
 * piece means is its type's matter.
 */
#include "base/arena.h"
#include "event/value.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

#define MAX_NEST 64 /* brackets inside each other in one element */

struct cut {
	const char *start, *at;
	event_map_pair_fn fn;
	void *ctx;
	struct skep_diag *diag;
	struct arena arena; /* of the element at hand */
	u64 idx;
};

static int bad(struct cut *c, const char *what)
{
	return diag_set(c->diag, -EINVAL, "%s", what);
}

static void skip_blank(struct cut *c)
{
	while (isspace((u8)*c->at))
		c->at++;
}

/* Behind the quote that closes the one at s; NULL: there is none. */
static const char *behind_quote(const char *s)
{
	char quote = *s++;

	for (; *s && *s != quote; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : NULL;
}

/* Behind one value: up to one of the ends outside of quotes and brackets. NULL: it has no end. */
static const char *behind_value(const char *s, const char *ends)
{
	u32 nest = 0;

	while (*s) {
		if (!nest && strchr(ends, *s))
			return s;
		if (*s == '"') {
			s = behind_quote(s);
			if (!s)
				return NULL;
			continue;
		}
		if (*s == '{' || *s == '[') {
			if (++nest > MAX_NEST)
				return NULL;
		} else if (*s == '}' || *s == ']') {
			if (!nest)
				return NULL;
			nest--;
		}
		s++;
	}
	return nest ? NULL : s;
}

/* Take one value up to (not including) one of the ends, without blanks around it. */
static int take(struct cut *c, const char *ends, const char **ret)
{
	const char *end, *from;

	skip_blank(c);
	from = c->at;
	end = behind_value(from, ends);
	if (!end)
		return bad(c, "a quote or a bracket is not closed, or one too many is");
	c->at = end;
	while (end > from && isspace((u8)end[-1]))
		end--;
	if (end == from)
		return bad(c, "a value is expected");
	*ret = arena_strndup(&c->arena, from, (size_t)(end - from));
	return *ret ? 0 : diag_nomem(c->diag);
}

static int give(struct cut *c, const struct event_map_pair *p)
{
	int err = c->fn(c->ctx, p, c->diag);

	arena_reset(&c->arena);
	return err;
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* Which of a record's members; the map's name is there when skep printed it. */
static const char **member(struct event_map_pair *p, const char *name, const char **ret_ignored)
{
	if (!strcmp(name, "\"key\""))
		return &p->key;
	if (!strcmp(name, "\"value\""))
		return &p->value;
	if (!strcmp(name, "\"cpus\""))
		return &p->cpus;
	return strcmp(name, "\"map\"") ? NULL : ret_ignored;
}

/* {"key":…,"value":…}; false: it is another object. c->at stands on the brace. */
static bool is_record(const struct cut *c)
{
	struct cut look = *c;
	struct event_map_pair p = {0};
	const char *name, *ignored = NULL;
	bool known = true, found = false;

	look.at++;
	look.diag = NULL;
	look.arena = (struct arena){0};
	while (known && !take(&look, ":}", &name) && *look.at == ':') {
		const char **m = member(&p, name, &ignored), *value;

		look.at++;
		known = m && !take(&look, ",}", &value);
		found |= known && m == &p.value;
		if (!known || *look.at != ',')
			break;
		look.at++;
	}
	arena_done(&look.arena);
	return known && found;
}

static int member_of(struct cut *c, struct event_map_pair *p)
{
	const char *name, *ignored = NULL, **m;
	int err = take(c, ":}", &name);

	if (!err && *c->at != ':')
		err = bad(c, "a ':' is expected");
	if (err)
		return err;
	c->at++;
	m = member(p, name, &ignored);
	return m ? take(c, ",}", m) : bad(c, "key, value or cpus is expected");
}

static int record(struct cut *c)
{
	struct event_map_pair p = {.idx = c->idx++};
	int err;

	do { /* on the brace or on a comma */
		c->at++;
		err = member_of(c, &p);
	} while (!err && *c->at == ',');
	if (!err && *c->at != '}')
		err = bad(c, "a ',' or '}' is expected");
	if (err)
		return err;
	c->at++;
	return give(c, &p);
}

/* Records one after another, with or without commas, up to end. */
static int records(struct cut *c, char end)
{
	int err = 0;

	for (skip_blank(c); !err && *c->at != end; skip_blank(c)) {
		err = *c->at == '{' ? record(c) : bad(c, "{\"key\":…,\"value\":…} is expected");
		skip_blank(c);
		if (!err && *c->at == ',')
			c->at++;
	}
	return err;
}

/* {"key": value, …} */
static int object(struct cut *c)
{
	int err = 0;

	c->at++;
	for (skip_blank(c); !err && *c->at != '}';) {
		struct event_map_pair p = {.idx = c->idx++};

		err = take(c, ":}", &p.key);
		if (!err && *c->at != ':')
			err = bad(c, "a ':' is expected");
		if (!err) {
			c->at++;
			err = take(c, ",}", &p.value);
		}
		if (!err)
			err = give(c, &p);
		if (!err && *c->at == ',')
			c->at++;
		else if (!err && *c->at != '}')
			err = bad(c, "a ',' or '}' is expected");
		skip_blank(c);
	}
	c->at += !err;
	return err;
}

/* [value, …] */
static int list(struct cut *c)
{
	int err = 0;

	c->at++;
	skip_blank(c);
	if (*c->at == '{' && is_record(c)) {
		err = records(c, ']');
	} else {
		while (!err && *c->at != ']') {
			struct event_map_pair p = {.idx = c->idx++};

			err = take(c, ",]", &p.value);
			if (!err)
				err = give(c, &p);
			if (!err && *c->at == ',')
				c->at++;
			else if (!err && *c->at != ']')
				err = bad(c, "a ',' or ']' is expected");
			skip_blank(c);
		}
	}
	c->at += !err;
	return err;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Behind the key of a line; NULL: it has no end. */
static const char *behind_key(const char *s)
{
	return behind_value(s, " \t,;\n");
}

static int line(struct cut *c, const char *end)
{
	struct event_map_pair p = {.idx = c->idx++};
	const char *key = c->at, *value = behind_key(key);
	const char *stop = end;

	if (!value || value > end)
		return bad(c, "a quote or a bracket is not closed on its line");
	while (stop > key && isspace((u8)stop[-1]))
		stop--;
	p.key = arena_strndup(&c->arena, key, (size_t)(value - key));
	while (value < stop && (*value == ' ' || *value == '\t'))
		value++;
	if (value < stop && (*value == ',' || *value == ';'))
		value++;
	while (value < stop && (*value == ' ' || *value == '\t'))
		value++;
	if (value < stop) {
		p.value = arena_strndup(&c->arena, value, (size_t)(stop - value));
		if (!p.value)
			return diag_nomem(c->diag);
	}
	return p.key ? give(c, &p) : diag_nomem(c->diag);
}

static int lines(struct cut *c)
{
	int err = 0;

	while (*c->at && !err) {
		const char *end = c->at + strcspn(c->at, "\n");

		while (c->at < end && isspace((u8)*c->at))
			c->at++;
		if (c->at < end && *c->at != '#')
			err = line(c, end);
		if (!err)
			c->at = *end ? end + 1 : end;
	}
	return err;
}

/* --- all of it -------------------------------------------------------------------------------- */

static u64 line_number(const struct cut *c)
{
	u64 nr = 1;

	for (const char *s = c->start; s < c->at; s++)
		nr += *s == '\n';
	return nr;
}

int event_map_file(const char *text, event_map_pair_fn fn, void *ctx, struct skep_diag *diag)
{
	struct cut c = {.start = text, .at = text, .fn = fn, .ctx = ctx, .diag = diag};
	int err;

	skip_blank(&c);
	if (*c.at == '[')
		err = list(&c);
	else if (*c.at == '{')
		err = is_record(&c) ? records(&c, 0) : object(&c);
	else
		err = lines(&c);
	skip_blank(&c);
	if (!err && *c.at)
		err = bad(&c, "nothing is expected behind the end");
	arena_done(&c.arena);
	return err ? diag_at(diag, err, "line %llu", (unsigned long long)line_number(&c)) : 0;
}
