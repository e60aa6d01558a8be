/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Values as people and programs write them: JSON, C initialisers and plain words, one grammar.
 *
 *     value  = word | "string" | 'c' | list | object
 *     list   = [ value, … ] | { value, … }
 *     object = { name: value, … } | { .name = value, … }     a name may be any value
 *
 * Words stay text: only the type that they are meant for knows what a number is.
 */
#ifndef EVENT_TEXT_H
#define EVENT_TEXT_H

#include "base/arena.h"
#include "base/diag.h"

#define TEXT_MAX_DEPTH 16

enum text_kind {
	TEXT_WORD,
	TEXT_STRING, /* was in double quotes */
	TEXT_CHAR,   /* was in single quotes */
	TEXT_LIST,
	TEXT_OBJECT,
};

struct text {
	enum text_kind kind;
	const char *s; /* NUL-terminated, escapes resolved; may hold NULs */
	size_t len;
	struct text *keys, *values; /* nr each; keys only of an object */
	u32 nr;
};

/* Parse all of s; the tree lies in the arena. */
int text_parse(struct arena *a, const char *s, struct text *ret, struct skep_diag *diag);

/* One value that is not looked into: the whole text as a word. */
struct text text_word(const char *s);

/*
 * An integer: decimal, 0x, 0b, 0 (octal), with a sign and a suffix: k, m, g, t are thousands and
 * so on, Ki, Mi, Gi, Ti are powers of 1024. -EINVAL: not a number, -ERANGE: not one that fits
 * (bits 1 to 64).
 */
int text_number(const char *s, u32 bits, bool is_signed, u64 *ret);

#endif
