/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a test (--packet, --ctx) left behind: the packet, the context, flow_keys, of each program's
 * last run. A table dumps the bytes; contexts only of programs that have nothing else to show.
 */
#include "run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LEFT 256 /* programs times kinds; more are not shown */

static struct run_left *find(struct run *r, const char *prog, const char *what)
{
	for (size_t i = 0; i < r->nr_left; i++)
		if (!strcmp(r->left[i].prog, prog) && !strcmp(r->left[i].what, what))
			return &r->left[i];
	return NULL;
}

static struct run_left *add(struct run *r, const char *prog, const char *what)
{
	struct run_left *more;

	if (r->nr_left >= MAX_LEFT)
		return NULL;
	more = realloc(r->left, (r->nr_left + 1) * sizeof(*more));
	if (!more)
		return NULL;
	r->left = more;
	more += r->nr_left;
	*more = (struct run_left){.prog = strdup(prog), .what = strdup(what)};
	if (!more->prog || !more->what) {
		free(more->prog);
		free(more->what);
		return NULL;
	}
	r->nr_left++;
	return more;
}

void run_on_output(void *ctx, const struct skep_output *output)
{
	struct run *r = ctx;
	struct run_left *l = find(r, output->prog, output->what);
	unsigned char *data;

	if (!l)
		l = add(r, output->prog, output->what);
	data = l ? realloc(l->data, output->size + 1) : NULL;
	if (!data)
		return;
	memcpy(data, output->data, output->size);
	l->data = data;
	l->size = output->size;
}

static void print_json(const struct run_left *l)
{
	printf("{\"program\":");
	cli_json_string(l->prog);
	printf(",\"%s\":\"", l->what);
	for (size_t i = 0; i < l->size; i++)
		printf("%02x", l->data[i]);
	printf("\"}\n");
}

static void print_line(const struct run_left *l, size_t at)
{
	size_t end = at + 16 < l->size ? at + 16 : l->size;

	printf("  %04zx ", at);
	for (size_t i = at; i < at + 16; i++)
		if (i < end)
			printf(" %02x", l->data[i]);
		else
			printf("   ");
	printf("  ");
	for (size_t i = at; i < end; i++)
		putchar(l->data[i] >= 32 && l->data[i] < 127 ? l->data[i] : '.');
	putchar('\n');
}

static void print_dump(const struct run_left *l)
{
	printf("%s of %s: %zu byte%s\n", l->what, l->prog, l->size, l->size == 1 ? "" : "s");
	for (size_t at = 0; at < l->size; at += 16)
		print_line(l, at);
}

static int has_more(struct run *r, const struct run_left *l)
{
	return find(r, l->prog, "packet") || find(r, l->prog, "flow_keys");
}

void run_print_left(struct run *r)
{
	for (size_t i = 0; i < r->nr_left; i++) {
		const struct run_left *l = &r->left[i];

		if (r->config->format == SKEP_FORMAT_JSON)
			print_json(l);
		else if (strcmp(l->what, "context") || !has_more(r, l))
			print_dump(l);
	}
}

void run_left_done(struct run *r)
{
	for (size_t i = 0; i < r->nr_left; i++) {
		free(r->left[i].prog);
		free(r->left[i].what);
		free(r->left[i].data);
	}
	free(r->left);
}
