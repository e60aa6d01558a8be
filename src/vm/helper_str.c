/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Helpers on strings: strtol and strtoul after the kernel's kstrtox rules, strncmp. */
#include "spec/spec.h"
#include "vm/run.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#define BASE_MASK  0x1f
#define MAX_DIGITS 63 /* the kernel looks at no more than this after the sign */

struct number {
	u64 value;
	bool negative;
	long consumed; /* bytes, or -errno */
};

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* The C rules for 0x and 0; an "0x" without a digit behind it is octal 0. Returns its length. */
static size_t skip_prefix(const char *s, u32 *base)
{
	bool hex = s[0] == '0' && (s[1] | 0x20) == 'x';

	if (!*base)
		*base = hex && isxdigit((u8)s[2]) ? 16 : s[0] == '0' ? 8 : 10;
	return *base == 16 && hex ? 2 : 0;
}

/* Digits of a base; how many, or -ERANGE. */
static long parse_digits(const char *s, u32 base, u64 *ret)
{
	bool overflow = false;
	long nr = 0;
	int d;

	for (*ret = 0; (d = digit_of(s[nr])) < (int)base; nr++)
		overflow |= __builtin_mul_overflow(*ret, base, ret) ||
			    __builtin_add_overflow(*ret, d, ret);
	return overflow ? -ERANGE : nr;
}

static struct number parse_number(const char *buf, u64 len, u64 flags)
{
	struct number n = {0, false, -EINVAL};
	u32 base = flags & BASE_MASK;
	char s[MAX_DIGITS + 1];
	u64 at = 0;
	size_t skip;
	long nr;

	if (!len || flags & ~(u64)BASE_MASK || (base && base != 8 && base != 10 && base != 16))
		return n;
	while (at < len && isspace((u8)buf[at]))
		at++;
	if (at < len && buf[at] == '-') {
		n.negative = true;
		at++;
	}
	if (at == len)
		return n;
	len = min_u64(len - at, MAX_DIGITS);
	memcpy(s, buf + at, len);
	s[len] = 0;
	skip = skip_prefix(s, &base);
	nr = parse_digits(s + skip, base, &n.value);
	if (nr < 0)
		n.consumed = nr;
	else if (nr > 0)
		n.consumed = at + skip + nr;
	return n;
}

static long to_signed(const struct number *n, s64 *ret)
{
	if (n->consumed < 0)
		return n->consumed;
	if (n->value > (n->negative ? (u64)LLONG_MAX + 1 : (u64)LLONG_MAX))
		return -ERANGE;
	*ret = n->negative ? 0 - n->value : n->value;
	return n->consumed;
}

static u64 str_to_long(struct vm_run *run, u64 buf, u64 len, u64 flags, u64 res, u64 r5)
{
	struct number n = parse_number((const char *)(uintptr_t)buf, len, flags);
	s64 value = 0;
	long ret = to_signed(&n, &value);

	memcpy((void *)(uintptr_t)res, &value, sizeof(value));
	return ret;
}

static u64 str_to_ulong(struct vm_run *run, u64 buf, u64 len, u64 flags, u64 res, u64 r5)
{
	struct number n = parse_number((const char *)(uintptr_t)buf, len, flags);

	if (n.consumed >= 0 && n.negative)
		n.consumed = -EINVAL;
	if (n.consumed < 0)
		n.value = 0;
	memcpy((void *)(uintptr_t)res, &n.value, sizeof(n.value));
	return n.consumed;
}

static u64 str_ncmp(struct vm_run *run, u64 s1, u64 size, u64 s2, u64 r4, u64 r5)
{
	const u8 *a = (const u8 *)(uintptr_t)s1, *b = (const u8 *)(uintptr_t)s2;

	for (; size; size--, a++, b++) {
		if (*a != *b)
			return *a < *b ? -1 : 1;
		if (!*a)
			break;
	}
	return 0;
}

const struct vm_helper helpers_str[] = {
	{SPEC_HELPER_strtol, str_to_long},
	{SPEC_HELPER_strtoul, str_to_ulong},
	{SPEC_HELPER_strncmp, str_ncmp},
	{0, NULL},
};
