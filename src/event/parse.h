/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inside the room: text trees to bytes. */
#ifndef EVENT_PARSE_H
#define EVENT_PARSE_H

#include "event/field.h"
#include "event/text.h"

/* out is the frame of f: zeroed, and large enough for all of it. */
int parse_field(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag);
int parse_members(const struct field *f, const struct text *t, u8 *out, struct skep_diag *diag);

/* An address into 4 or 16 bytes; raw_v4: an IPv4 address in the first 4 of 16, else v4-mapped. */
bool parse_addr_text(const char *s, u8 *out, u32 size, bool raw_v4);
int parse_hex_byte(const char *two, u64 *ret);

/* Like parse_field, where a word or string may itself be a list, "a,b" or quoted. */
int parse_top(struct arena *a, const struct field *f, const struct text *t, u8 *out,
	      struct skep_diag *diag);

#endif
