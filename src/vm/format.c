/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kernel's printf for programs (bpf_bprintf_prepare and bstr_printf).
 *
 * Linux works in two passes. The first checks the format and copies the arguments, strings and
 * addresses in text already, into a buffer of 512 bytes; when they do not fit it is -ENOSPC. The
 * second writes the text. Here one pass does both, with `room` counting what the copies would
 * take; the format is checked in full before anything is written, since an error leaves the
 * output alone.
 *
 * A directive is "%[0 +-]*[1-9][0-9]*" and one of
 *   d i u x X, each after l or ll     c     s pks pus (a string behind a pointer)
 *   p pK px (a pointer)  ps pS pB (a symbol)  pi4 pI4 pi6 pI6 (an address behind a pointer)
 * Strings and plain pointers must be followed by a space, punctuation or the end. Everything
 * printed from a pointer ends with the last letter or digit that follows it, as in the kernel:
 * "%pI4abc" prints no abc.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "vm/mem.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ARGS_ROOM 512             /* MAX_BPRINTF_BIN_ARGS */
#define MAX_WIDTH ((1 << 23) - 1) /* where the kernel cuts a field's width */

struct spec {
	bool zero, plus, space, left;
	u32 width;
	char conv;       /* d u x X c s p */
	u32 size;        /* of a number: 4 or 8 */
	const char *ext; /* behind p: "I4", "ks", … */
	const char *end; /* behind the directive, for the writer */
};

struct out {
	char *buf;
	size_t size, len; /* len counts what did not fit, too */
};

static void put(struct out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_many(struct out *o, char c, u64 nr)
{
	if (o->len < o->size)
		memset(o->buf + o->len, c, min_u64(nr, o->size - o->len));
	o->len += nr;
}

static void put_str(struct out *o, const char *s, size_t len)
{
	if (o->len < o->size)
		memcpy(o->buf + o->len, s, min_u64(len, o->size - o->len));
	o->len += len;
}

/* --- reading a directive --------------------------------------------------------------------- */

static const char *parse_flags(const char *f, struct spec *s)
{
	for (;; f++) {
		if (*f == '0')
			s->zero = true;
		else if (*f == '+')
			s->plus = true;
		else if (*f == ' ')
			s->space = true;
		else if (*f == '-')
			s->left = true;
		else
			break;
	}
	for (; isdigit((u8)*f); f++)
		if (s->width < MAX_WIDTH)
			s->width = min_u64(s->width * 10ull + (*f - '0'), MAX_WIDTH);
	return f;
}

static bool ends_word(char c)
{
	return !c || isspace((u8)c) || ispunct((u8)c);
}

/* f is at the p. Where the checker goes on, or NULL. */
static const char *parse_pointer(const char *f, struct spec *s)
{
	s->conv = 'p';
	s->ext = f + 1;
	s->end = f + 1;
	while (isalnum((u8)*s->end))
		s->end++;
	if (ends_word(f[1]))
		return f + 1;
	if ((f[1] == 'k' || f[1] == 'u') && f[2] == 's')
		return ends_word(f[3]) ? f + 3 : NULL;
	if (strchr("KxsSB", f[1]))
		return f + 2;
	if ((f[1] == 'i' || f[1] == 'I') && (f[2] == '4' || f[2] == '6'))
		return f + 3;
	return NULL;
}

/* f is behind the %. Where the checker goes on, or NULL for what the kernel refuses. */
static const char *parse(const char *f, struct spec *s)
{
	memset(s, 0, sizeof(*s));
	f = parse_flags(f, s);
	s->size = 4;
	if (*f == 'p')
		return parse_pointer(f, s);
	if (*f == 's' || *f == 'c') {
		s->conv = *f;
		s->end = f + 1;
		return s->conv == 's' && !ends_word(f[1]) ? NULL : f + 1;
	}
	for (int i = 0; i < 2 && *f == 'l'; i++, f++)
		s->size = 8;
	if (!*f || !strchr("diuxX", *f))
		return NULL;
	s->conv = *f == 'i' ? 'd' : *f;
	s->end = f + 1;
	return s->end;
}

static bool bad_text(char c)
{
	return isascii((u8)c) && !isprint((u8)c) && !isspace((u8)c);
}

static int check(const char *fmt, u32 nr)
{
	struct spec s;
	u32 used = 0;

	for (const char *f = fmt; *f;) {
		if (bad_text(*f))
			return -EINVAL;
		if (*f++ != '%')
			continue;
		if (*f == '%') {
			f++;
			continue;
		}
		if (used++ >= nr)
			return -EINVAL;
		f = parse(f, &s);
		if (!f)
			return -EINVAL;
	}
	return 0;
}

/* --- writing --------------------------------------------------------------------------------- */

static void put_field(struct out *o, const struct spec *s, const char *text, size_t len)
{
	u64 pad = s->width > len ? s->width - len : 0;

	if (!s->left)
		put_many(o, ' ', pad);
	put_str(o, text, len);
	if (s->left)
		put_many(o, ' ', pad);
}

static size_t digits(char *end, u64 v, u32 base, const char *set)
{
	size_t nr = 0;

	do
		end[-++nr] = set[v % base];
	while (v /= base);
	return nr;
}

static void put_number(struct out *o, const struct spec *s, u64 v)
{
	bool is_signed = s->conv == 'd';
	u32 base = s->conv == 'x' || s->conv == 'X' ? 16 : 10;
	char buf[24], *end = buf + sizeof(buf), sign = 0;
	size_t nr;
	u64 pad;

	if (s->size == 4)
		v = is_signed ? (u64)(s64)(s32)v : (u32)v;
	if (is_signed && (s64)v < 0) {
		sign = '-';
		v = 0 - v;
	} else if (is_signed && (s->plus || s->space)) {
		sign = s->plus ? '+' : ' ';
	}
	nr = digits(end, v, base, s->conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef");
	pad = s->width > nr + !!sign ? s->width - nr - !!sign : 0;
	if (!s->zero && !s->left)
		put_many(o, ' ', pad);
	if (sign)
		put(o, sign);
	if (s->zero && !s->left)
		put_many(o, '0', pad);
	put_str(o, end - nr, nr);
	if (s->left)
		put_many(o, ' ', pad);
}

/* 16 hex digits; a width of one's own takes the place of 16. */
static void put_raw_pointer(struct out *o, struct spec s, u64 v)
{
	s.conv = 'x';
	s.size = 8;
	if (!s.width) {
		s.width = 16;
		s.zero = true;
	}
	put_number(o, &s, v);
}

/* %p tells programs apart without telling where they are, but for NULL and error pointers. */
static void put_hashed_pointer(struct out *o, const struct spec *s, u64 v)
{
	if (v && v < (u64)-4095)
		v = (u32)hash_u64(v ^ 0x736b6570);
	put_raw_pointer(o, *s, v);
}

/* A symbol that nobody knows: what the kernel prints then. */
static void put_symbol(struct out *o, const struct spec *s, u64 v, bool preformatted)
{
	struct spec plain = *s;
	char buf[24], *end = buf + sizeof(buf);
	size_t nr = digits(end, v, 16, "0123456789abcdef");

	end[-++nr] = 'x';
	end[-++nr] = '0';
	if (preformatted)
		plain.width = 0;
	put_field(o, &plain, end - nr, nr);
}

static size_t address_text(struct vm_run *run, const char *ext, u64 v, char *buf, size_t size)
{
	u8 a[16] = {0};
	bool v4 = ext[1] == '4';
	int n = 0;

	if (mem_read_kernel(run, a, v4 ? 4 : 16, v))
		memset(a, 0, sizeof(a));
	if (v4 && ext[0] == 'I')
		n = snprintf(buf, size, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	else if (v4)
		n = snprintf(buf, size, "%03u.%03u.%03u.%03u", a[0], a[1], a[2], a[3]);
	for (int i = 0; !v4 && i < 16; i += 2)
		n += snprintf(buf + n, size - n, "%s%02x%02x", i && ext[0] == 'I' ? ":" : "", a[i],
			      a[i + 1]);
	return n;
}

/* Room for an argument that is aligned to 4; false: the kernel's buffer would be full. */
static bool take(size_t *room, size_t size)
{
	size_t used = align_up(ARGS_ROOM - *room, 4) + size;

	if (used > ARGS_ROOM)
		return false;
	*room = ARGS_ROOM - used;
	return true;
}

static int put_string(struct vm_run *run, struct out *o, const struct spec *s, u64 v, size_t *room)
{
	char kind = s->conv == 's' ? 's' : s->ext[0];
	char buf[ARGS_ROOM];
	struct spec plain = *s;
	long len;

	if (!*room)
		return -ENOSPC;
	if (kind == 'k')
		len = mem_read_kernel_str(run, buf, *room, v);
	else if (kind == 'u')
		len = mem_read_user_str(run, buf, *room, v);
	else
		len = mem_read_any_str(run, buf, *room, v);
	if (len < 1)
		len = 1;
	*room -= len;
	if (s->conv == 'p')
		plain.width = 0;
	put_field(o, &plain, buf, len - 1);
	return 0;
}

static int put_pointer(struct vm_run *run, struct out *o, const struct spec *s, u64 v, size_t *room)
{
	char e = s->ext[0], buf[64];
	size_t len;

	if ((e == 'k' || e == 'u') && s->ext[1] == 's')
		return put_string(run, o, s, v, room);
	if (e == 'i' || e == 'I') {
		if (*room < (s->ext[1] == '4' ? 4 : 16))
			return -ENOSPC;
		len = address_text(run, s->ext, v, buf, sizeof(buf));
		*room -= min_u64(*room, len + 1);
		put_str(o, buf, len);
		return 0;
	}
	if (e == 'B') {
		*room -= min_u64(*room, 19);
		put_symbol(o, s, v, true);
		return 0;
	}
	if (!take(room, 8))
		return -ENOSPC;
	if (e == 's' || e == 'S')
		put_symbol(o, s, v, false);
	else if (e == 'x' || e == 'K')
		put_raw_pointer(o, *s, v);
	else
		put_hashed_pointer(o, s, v);
	return 0;
}

static int put_arg(struct vm_run *run, struct out *o, const struct spec *s, u64 v, size_t *room)
{
	char c = v;

	if (s->conv == 'p')
		return put_pointer(run, o, s, v, room);
	if (s->conv == 's')
		return put_string(run, o, s, v, room);
	if (s->conv == 'c') {
		if (!*room)
			return -ENOSPC;
		*room -= 1;
		put_field(o, s, &c, 1);
		return 0;
	}
	if (!take(room, s->size))
		return -ENOSPC;
	put_number(o, s, v);
	return 0;
}

static int write_all(struct vm_run *run, struct out *o, const char *fmt, const u64 *args)
{
	size_t room = ARGS_ROOM;
	struct spec s;
	int err = 0;

	for (const char *f = fmt; *f && !err;) {
		if (*f != '%' || f[1] == '%') {
			f += *f == '%';
			put(o, *f++);
			continue;
		}
		parse(f + 1, &s);
		err = put_arg(run, o, &s, *args++, &room);
		f = s.end;
	}
	return err;
}

static long format(struct vm_run *run, char *buf, size_t size, const char *fmt, size_t fmt_size,
		   const u64 *args, u32 nr)
{
	struct out o = {buf, size ? size - 1 : 0, 0};
	int err = memchr(fmt, 0, fmt_size) ? check(fmt, nr) : -EINVAL;

	if (!err)
		err = write_all(run, &o, fmt, args);
	if (err)
		return err;
	if (size)
		buf[min_u64(o.len, o.size)] = 0;
	return o.len;
}

/*
 * A copy is what has been checked and is printed: a program may name its output as the format, and
 * another thread may write over it.
 */
long vm_format(struct vm_run *run, char *buf, size_t size, const char *fmt, size_t fmt_size,
	       const u64 *args, u32 nr)
{
	size_t len = strnlen(fmt, fmt_size) + 1;
	char small[256], *copy = len <= sizeof(small) ? small : mem_alloc(len);
	long ret;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, fmt, min_u64(len, fmt_size));
	if (len <= fmt_size)
		copy[len - 1] = 0;
	ret = format(run, buf, size, copy, min_u64(len, fmt_size), args, nr);
	if (copy != small)
		mem_free(copy);
	return ret;
}
