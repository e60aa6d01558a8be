/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What libbpf says. It has one printer for the whole process; ours sends everything to skep's log
 * and keeps complaints per thread, because an errno alone rarely says why.
 */
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define LOG_BEGIN "-- BEGIN PROG LOAD LOG --\n"
#define LOG_END   "-- END PROG LOAD LOG --"

static _Thread_local struct strbuf first, verifier;

static void keep_verifier(const char *text)
{
	const char *from = strstr(text, LOG_BEGIN), *to;

	from += strlen(LOG_BEGIN);
	to = strstr(from, LOG_END);
	strbuf_reset(&verifier);
	strbuf_add(&verifier, from, to ? (size_t)(to - from) : strlen(from));
}

/* The first is the deepest: libbpf adds where it happened on its way out. */
static void keep(const char *text)
{
	size_t len = strlen(text);

	if (first.len)
		return;
	if (!strncmp(text, "libbpf: ", 8)) {
		text += 8;
		len -= 8;
	}
	while (len && text[len - 1] == '\n')
		len--;
	strbuf_add(&first, text, len);
}

static int print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	struct strbuf text = {0};

	strbuf_vprintf(&text, fmt, ap);
	if (strstr(strbuf_str(&text), LOG_BEGIN))
		keep_verifier(text.s);
	else if (level == LIBBPF_WARN)
		keep(strbuf_str(&text));
	while (text.len && text.s[text.len - 1] == '\n')
		text.s[--text.len] = 0;
	log_debug("%s", strbuf_str(&text));
	strbuf_done(&text);
	return 0;
}

static void set_printer(void)
{
	libbpf_set_print(print);
}

void kernel_log_begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_printer);
	strbuf_reset(&first);
	strbuf_reset(&verifier);
}

const char *kernel_log_first(void)
{
	return strbuf_str(&first);
}

const char *kernel_log_verifier(void)
{
	return strbuf_str(&verifier);
}

void kernel_log_done(void)
{
	strbuf_done(&first);
	strbuf_done(&verifier);
}
