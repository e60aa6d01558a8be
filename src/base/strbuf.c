/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/strbuf.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

static bool make_room(struct strbuf *sb, size_t more)
{
	size_t room = sb->room ? sb->room : 64;
	char *s;

	if (sb->failed || more > SIZE_MAX / 4)
		return false;
	while (room < sb->len + more + 1)
		room *= 2;
	if (room == sb->room)
		return true;
	s = mem_realloc(sb->s, room);
	if (!s) {
		sb->failed = true;
		return false;
	}
	sb->s = s;
	sb->room = room;
	return true;
}

/* With room for a NUL. What could not be added once is never: len would be wrong. */
static bool grow(struct strbuf *sb, size_t more)
{
	return likely(more < sb->room - sb->len && !sb->failed) || make_room(sb, more);
}

void strbuf_add(struct strbuf *sb, const void *p, size_t len)
{
	if (!grow(sb, len))
		return;
	if (len)
		memcpy(sb->s + sb->len, p, len);
	sb->len += len;
	sb->s[sb->len] = 0;
}

void strbuf_puts(struct strbuf *sb, const char *s)
{
	strbuf_add(sb, s, strlen(s));
}

void strbuf_putc(struct strbuf *sb, char c)
{
	if (!grow(sb, 1))
		return;
	sb->s[sb->len++] = c;
	sb->s[sb->len] = 0;
}

void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap)
{
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0 || !grow(sb, (size_t)len))
		return;
	vsnprintf(sb->s + sb->len, (size_t)len + 1, fmt, ap);
	sb->len += (size_t)len;
}

void strbuf_printf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(sb, fmt, ap);
	va_end(ap);
}

void strbuf_pad(struct strbuf *sb, char c, size_t nr)
{
	if (!grow(sb, nr))
		return;
	memset(sb->s + sb->len, c, nr);
	sb->len += nr;
	sb->s[sb->len] = 0;
}

/* The length of the valid UTF-8 sequence at s, 0 if there is none. */
static size_t utf8_len(const u8 *s, size_t left)
{
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;

	if (len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

void strbuf_json_string(struct strbuf *sb, const char *str, size_t len)
{
	static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const u8 *s = (const u8 *)str;
	size_t i = 0;

	strbuf_putc(sb, '"');
	while (i < len) {
		size_t n = utf8_len(s + i, len - i);
		const char *hit = NULL;

		for (size_t k = 0; k + 1 < sizeof(named) && !hit; k += 2)
			if (s[i] == (u8)named[k])
				hit = named + k;
		if (hit) {
			strbuf_putc(sb, '\\');
			strbuf_putc(sb, hit[1]);
			n = 1;
		} else if (!n || s[i] < 0x20 || s[i] == 0x7f) {
			strbuf_printf(sb, "\\u%04x", s[i]);
			n = 1;
		} else if (n == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0) {
			strbuf_printf(sb, "\\u%04x", s[i + 1]); /* C1: controls, too */
		} else {
			strbuf_add(sb, s + i, n);
		}
		i += n;
	}
	strbuf_putc(sb, '"');
}

void strbuf_reset(struct strbuf *sb)
{
	sb->len = 0;
	if (sb->s)
		sb->s[0] = 0;
}

const char *strbuf_str(const struct strbuf *sb)
{
	return sb->s ? sb->s : "";
}

void strbuf_done(struct strbuf *sb)
{
	mem_free(sb->s);
	*sb = (struct strbuf){0};
}
