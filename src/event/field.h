/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The plan of a type: a tree of fields, made once from BTF, then walked for every record.
 *
 * Offsets count from the start of the *frame* that a field lies in: the whole record, or one
 * element of an array. A field that needs another one to be understood (the family of an address,
 * the selector of a union, the length of a text) points to it as `tag`; both lie in one frame.
 *
 * Invariant: the tree is finite and at most EVENT_MAX_DEPTH deep whatever the BTF says; a field is
 * never read beyond the record (field_read and kin check).
 */
#ifndef EVENT_FIELD_H
#define EVENT_FIELD_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/strbuf.h"
#include "elf/symbols.h"
#include "event/value.h"
#include <bpf/btf.h>

#define EVENT_MAX_DEPTH  16   /* nesting; more is shown as bytes */
#define EVENT_MAX_FIELDS 8192 /* of one plan; more is shown as bytes */

enum field_kind {
	FIELD_NONE, /* no size, or a kind that says nothing */
	FIELD_INT,
	FIELD_BOOL,
	FIELD_CHAR,
	FIELD_FLOAT,
	FIELD_ENUM,
	FIELD_PTR,
	FIELD_TEXT,  /* characters up to a NUL */
	FIELD_BYTES, /* shown as hex */
	FIELD_ADDR,  /* IPv4 or IPv6, network order */
	FIELD_MAC,
	FIELD_LPM, /* {u32 prefixlen, address} */
	FIELD_STRUCT,
	FIELD_UNION,
	FIELD_ARRAY,
	FIELD_NR_KINDS,
};

/* What a name adds to a number. */
enum field_hint {
	HINT_NONE,
	HINT_ERRNO,
	HINT_SIGNAL,
	HINT_STAMP, /* a point in time */
	HINT_SPAN,  /* a duration */
	HINT_HEX,
	HINT_OCTAL,
	HINT_FAMILY, /* AF_*, or 4 and 6 */
	HINT_PORT,
	HINT_PREFIX, /* the length of a prefix */
};

/* What addresses stand for, and in which process. */
struct field_symbols {
	struct symbols *table; /* NULL: nothing is known */
	u32 pid;
};

struct field {
	enum field_kind kind;
	enum field_hint hint;
	u32 unit;         /* of HINT_STAMP and HINT_SPAN: how many make a second */
	const char *name; /* "" for an anonymous member */
	const char *key;  /* "name": as JSON */
	u32 key_len;
	u32 type_id;
	u32 off, size;
	u8 bit_off, bit_size; /* of a bitfield, from bit 0 of byte off; else 0 */
	bool is_signed;
	bool big_endian; /* also: network order */
	bool is_family;  /* a number called family, af, version */
	bool hidden;     /* not selected; see columns.c */
	bool words;      /* FIELD_TEXT: NUL-separated words, not one string */
	bool is_section; /* FIELD_STRUCT: .data and kin, its members are variables */
	bool guess;      /* FIELD_ADDR: without a tag, tell v4 from v6 by its zeros */
	const struct field_symbols *symbols; /* FIELD_ARRAY: return addresses */
	const struct btf *btf;
	const struct btf_type *enums;
	const struct field *tag;
	u32 nr, stride; /* FIELD_ARRAY: elements of kids[0] */
	struct field *kids;
	u32 nr_kids;
};

/* A frame: bytes that may end before the type does. */
struct view {
	const u8 *data;
	size_t size;
};

/* Make the plan of a type; everything lies in the arena. */
int field_build(struct arena *a, const struct btf *btf, u32 type_id, const char *name,
		const struct field **ret, struct skep_diag *diag);

/* An integer, enum, bool, char or pointer as a number; false: the record ends before it. */
bool field_read(const struct field *f, struct view v, u64 *ret);
bool field_is_there(const struct field *f, struct view v);

/* Which member of a union counts, never NULL when there is one. */
const struct field *field_choose(const struct field *f, struct view v);

void field_emit(struct strbuf *sb, const struct field *f, struct view v, enum event_style style);
/* The members of a struct as JSON, without braces; *sep is "," once something was written. */
void field_emit_members(struct strbuf *sb, const struct field *f, struct view v, const char **sep);

/* stack.c: arrays of return addresses. Marks those in a plan by their names; how many. */
u32 stack_mark(struct field *f, const struct field_symbols *symbols);
bool stack_emit(struct strbuf *sb, const struct field *f, struct view v, enum event_style style);
/* A line for each address, indented; nothing where it is empty. */
void stack_emit_lines(struct strbuf *sb, const struct field *f, struct view v);

/* meaning.c: what names and typedefs say. */
void meaning_of(struct field *f, const char *typename);
bool meaning_is_addr(const char *name);
bool meaning_is_family(const char *name);
/* "saddr" of "saddr_v4": the common name of the members of an address union. */
size_t meaning_stem(const char *name);
/* 4, 6 or 0 for what a family or version field holds */
u32 meaning_family(u64 value);
/* Does an enumerator ("EVENT_EXEC", "MOUNT") name that member ("exec", "mount")? */
bool meaning_matches(const char *enumerator, const char *member);

/* number.c: digits without stdio. */
void put_u64(struct strbuf *sb, u64 x);
void put_s64(struct strbuf *sb, s64 x);
void put_hex(struct strbuf *sb, u64 x, u32 digits); /* at least that many digits; no 0x */
void put_span(struct strbuf *sb, u64 x, u32 unit);  /* "1.234ms" */
void put_stamp(struct strbuf *sb, u64 x, u32 unit); /* "12.345678" seconds */

#endif
