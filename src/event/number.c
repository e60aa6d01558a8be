/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Numbers as text, without stdio: the hot path of printing a million records. */
#include "event/field.h"

void put_u64(struct strbuf *sb, u64 x)
{
	char buf[20];
	char *p = buf + sizeof(buf);

	do {
		*--p = (char)('0' + x % 10);
		x /= 10;
	} while (x);
	strbuf_add(sb, p, (size_t)(buf + sizeof(buf) - p));
}

void put_s64(struct strbuf *sb, s64 x)
{
	if (x < 0)
		strbuf_putc(sb, '-');
	put_u64(sb, x < 0 ? 0 - (u64)x : (u64)x);
}

void put_hex(struct strbuf *sb, u64 x, u32 digits)
{
	char buf[16];
	u32 nr = 0;

	do {
		buf[sizeof(buf) - ++nr] = "0123456789abcdef"[x & 15];
		x >>= 4;
	} while (nr < sizeof(buf) && (x || nr < digits));
	strbuf_add(sb, buf + sizeof(buf) - nr, nr);
}

#define RATIO_DIGITS 6 /* at most */

/* x / div with that many digits behind the point */
static void put_ratio(struct strbuf *sb, u64 x, u64 div, u32 digits)
{
	u64 rest = x % div, scale = 1;
	char buf[1 + RATIO_DIGITS] = ".";

	put_u64(sb, x / div);
	if (!digits)
		return;
	for (u32 i = 0; i < digits; i++)
		scale *= 10;
	rest = rest * scale / div; /* div is a unit: below 2^32 */
	for (u32 i = digits; i; i--, rest /= 10)
		buf[i] = (char)('0' + rest % 10);
	strbuf_add(sb, buf, 1 + digits);
}

void put_span(struct strbuf *sb, u64 x, u32 unit)
{
	static const struct {
		u32 per_second;
		const char *name;
	} units[] = {{1, "s"}, {1000, "ms"}, {1000000, "us"}, {1000000000, "ns"}};
	u32 i = 0;

	while (i + 1 < ARRAY_SIZE(units) && units[i].per_second < unit &&
	       x < unit / units[i].per_second)
		i++;
	put_ratio(sb, x, unit / units[i].per_second, units[i].per_second < unit ? 3 : 0);
	strbuf_puts(sb, units[i].name);
}

void put_stamp(struct strbuf *sb, u64 x, u32 unit)
{
	put_ratio(sb, x, unit, unit == 1000 ? 3 : unit == 1 ? 0 : 6);
}
