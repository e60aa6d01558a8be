/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What iterators write, line by line as it comes. A program that writes structs (bpf_seq_write) has
 * no lines: its bytes are dumped.
 */
#include "run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE (1 << 20) /* longer ones are cut in two */

static bool is_text(const char *s, size_t size)
{
	return !memchr(s, 0, size);
}

static void print_json(struct run *r, const char *line, size_t size)
{
	char *copy = strndup(line, size);

	printf("{\"program\":");
	cli_json_string(r->text_prog);
	printf(",\"text\":");
	cli_json_string(copy ? copy : "");
	printf("}\n");
	free(copy);
}

static void print_bytes(struct run *r, const char *bytes, size_t size)
{
	struct run_left l = {
		.prog = (char *)r->text_prog,
		.what = (char *)"output",
		.data = (unsigned char *)bytes,
		.size = size,
	};

	if (r->config->format != SKEP_FORMAT_JSON) {
		run_print_dump(&l);
		return;
	}
	printf("{\"program\":");
	cli_json_string(r->text_prog);
	printf(",\"output\":\"");
	for (size_t i = 0; i < size; i++)
		printf("%02x", (unsigned char)bytes[i]);
	printf("\"}\n");
}

static void print_line(struct run *r, const char *line, size_t size)
{
	if (r->config->format == SKEP_FORMAT_JSON) {
		print_json(r, line, size);
		return;
	}
	cli_write_clean(NULL, line, size);
	putchar('\n');
}

/* The whole lines; with rest, what comes behind them too. */
static void print_lines(struct run *r, bool rest)
{
	const char *at = r->text, *end = at + r->nr_text, *nl;

	while (at < end && (nl = memchr(at, '\n', end - at))) {
		print_line(r, at, nl - at);
		at = nl + 1;
	}
	if (at < end && rest) {
		print_line(r, at, end - at);
		at = end;
	}
	r->nr_text = end - at;
	memmove(r->text, at, r->nr_text);
}

void run_text_done(struct run *r)
{
	if (r->nr_text && is_text(r->text, r->nr_text))
		print_lines(r, true);
	else if (r->nr_text)
		print_bytes(r, r->text, r->nr_text);
	free(r->text);
	r->text = NULL;
	r->nr_text = 0;
}

void run_on_text(struct run *r, const struct skep_output *output)
{
	char *more;

	if (r->text_prog && strcmp(r->text_prog, output->prog) != 0)
		run_text_done(r);
	r->text_prog = output->prog;
	more = realloc(r->text, r->nr_text + output->size + 1);
	if (!more)
		return;
	r->text = more;
	memcpy(more + r->nr_text, output->data, output->size);
	r->nr_text += output->size;
	if (is_text(r->text, r->nr_text))
		print_lines(r, r->nr_text > MAX_LINE);
}
