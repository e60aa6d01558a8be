/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A string that grows. When memory runs out it stops growing and says so once, at the end. */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include "base/types.h"
#include <stdarg.h>

struct strbuf {
	char *s; /* NUL-terminated once something was added; NULL before */
	size_t len, room;
	bool failed; /* an addition was lost */
};

void strbuf_add(struct strbuf *sb, const void *p, size_t len);
void strbuf_puts(struct strbuf *sb, const char *s);
void strbuf_putc(struct strbuf *sb, char c);
void strbuf_printf(struct strbuf *sb, const char *fmt, ...) __printf(2, 3);
void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap) __printf(2, 0);
void strbuf_pad(struct strbuf *sb, char c, size_t nr);
void strbuf_json_string(struct strbuf *sb, const char *s, size_t len); /* quoted and escaped */
void strbuf_reset(struct strbuf *sb);            /* empty, the memory is kept */
const char *strbuf_str(const struct strbuf *sb); /* never NULL */
void strbuf_done(struct strbuf *sb);

#endif
