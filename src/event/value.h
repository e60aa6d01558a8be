/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Values to text and back, by BTF. */
#ifndef EVENT_VALUE_H
#define EVENT_VALUE_H

#include "base/diag.h"
#include "base/strbuf.h"
#include "elf/symbols.h"
#include "map/map.h"
#include <bpf/btf.h>

struct object;

enum event_style {
	EVENT_STYLE_TEXT, /* for people: strings quoted; event_parse takes it back */
	EVENT_STYLE_JSON, /* for programs; event_parse takes it back */
	EVENT_STYLE_CELL, /* of a table: short, what a person would say ("-ENOENT", "1.204ms") */
};

/* Any bytes, any type: never fails, what can't be shown is shown as hex. */
void event_format(struct strbuf *sb, const struct btf *btf, u32 type_id, const void *data,
		  size_t size, enum event_style style);

/* The same where the name of the variable or map tells what a number means ("daddr"). */
void event_format_named(struct strbuf *sb, const struct btf *btf, u32 type_id, const char *name,
			const void *data, size_t size, enum event_style style);

struct event_hints; /* hints.h: what the code tells; NULL: nothing */
struct event_hints *event_hints_new(const struct object *obj);
struct event_hints *event_hints_free(struct event_hints *h);

/* A global variable for people: "name = value", or the histograms that it holds. Whole lines. */
void event_print_global(struct strbuf *sb, const struct btf *btf, u32 type_id, const char *name,
			const void *data, size_t size, const struct event_hints *hints);

/* Text to the bytes of a type; out has size bytes and is written on success only. */
int event_parse(const struct btf *btf, u32 type_id, const char *text, void *out, size_t size,
		struct skep_diag *diag);

int event_parse_named(const struct btf *btf, u32 type_id, const char *name, const char *text,
		      void *out, size_t size, struct skep_diag *diag);

/* Set one element; key and value as text. btf may be NULL: integers or hex by size. */
int event_map_set(struct map *map, const struct btf *btf, const char *key, const char *value,
		  struct skep_diag *diag);
/* A whole map from JSON: {"key": value, …} or [value, …]. */
int event_map_load(struct map *map, const struct btf *btf, const char *json,
		   struct skep_diag *diag);
/*
 * All elements, sorted: a table by value, the largest last; arrays and JSON by key. Elements of
 * arrays that are zero are left out. JSON: {"map":…,"key":…,"value":…} per line, with "cpus" beside
 * the sum of a per-CPU value. Buffers and other maps without keys print nothing.
 * write as in <skep/event.h>.
 */
int event_map_print(struct map *map, const struct btf *btf, enum event_style style,
		    int (*write)(void *ctx, const char *text, size_t size), void *ctx);

/* The same for a map that lives elsewhere (in the kernel): calls with bpf(2)'s semantics. */
struct event_map_io {
	const struct map_def *def;
	u32 nr_cpus;                     /* of a per-CPU map, else 1 */
	bool all;                        /* print: also elements of arrays that are zero */
	const struct event_hints *hints; /* may be NULL */
	struct symbols *symbols;         /* of addresses in values; may be NULL */
	void *ctx;
	int (*next_key)(void *ctx, const void *key, void *next); /* key NULL: the first */
	int (*lookup)(void *ctx, const void *key, void *value);
	int (*update)(void *ctx, const void *key, const void *value);
	/* of a user_ringbuf: one more record; NULL: it cannot be filled */
	int (*push)(void *ctx, const void *data, u32 size);
};

struct event_map_io event_map_io_of(struct map *map); /* one of this process */
/*
 * map_elem.c: single keys and values of such a map, in both directions. btf may be NULL: integers
 * and hex by size. io and btf must outlive it; one thread at a time.
 */
struct event_map_elems;
int event_map_elems_new(const struct event_map_io *io, const struct btf *btf,
			struct event_map_elems **ret, struct skep_diag *diag);
struct event_map_elems *event_map_elems_free(struct event_map_elems *e); /* NULL is fine */
/* Text to key_size or value_size bytes (of one CPU); written on success only. */
int event_map_elems_key(struct event_map_elems *e, const char *text, void *key,
			struct skep_diag *diag);
int event_map_elems_value(struct event_map_elems *e, const char *text, void *value,
			  struct skep_diag *diag);
/* The value is .data or kin: text of some variables changes only those of what is there. */
bool event_map_elems_is_section(const struct event_map_elems *e);
int event_map_elems_merge(struct event_map_elems *e, const char *text, void *value,
			  struct skep_diag *diag);
/* [v, v, …]: one for each CPU, as lookup gives them. */
int event_map_elems_cpus(struct event_map_elems *e, const char *text, void *value,
			 struct skep_diag *diag);
void event_map_elems_put_key(const struct event_map_elems *e, struct strbuf *sb, const void *key,
			     enum event_style style);
/* value: as lookup gives it; of a per-CPU map the sum. */
void event_map_elems_put_value(struct event_map_elems *e, struct strbuf *sb, const void *value,
			       enum event_style style);
/* [v, v, …], one for each CPU. */
void event_map_elems_put_cpus(const struct event_map_elems *e, struct strbuf *sb, const void *value,
			      enum event_style style);
/* {"map":…,"key":…,"value":…} and a newline, as event_map_io_print does it. */
void event_map_elems_put_json(struct event_map_elems *e, struct strbuf *sb, const void *key,
			      const void *value);

/*
 * map_file.c: the elements in a text, one after another: a JSON object {"key": value, …}, a list
 * [value, …] or [{"key":…,"value":…}, …], such objects one per line, or lines of KEY VALUE
 * separated by blanks, a comma or a semicolon; # begins a comment. value NULL: the line has only a
 * key. What fn gets is valid during the call; a negative result ends the walk, with the line in
 * diag.
 */
struct event_map_pair {
	const char *key, *value, *cpus; /* key NULL: the idx-th of a list; cpus: JSON only */
	u64 idx;
};
typedef int (*event_map_pair_fn)(void *ctx, const struct event_map_pair *pair,
				 struct skep_diag *diag);
int event_map_file(const char *text, event_map_pair_fn fn, void *ctx, struct skep_diag *diag);

int event_map_io_set(const struct event_map_io *io, const struct btf *btf, const char *key,
		     const char *value, struct skep_diag *diag);
int event_map_io_load(const struct event_map_io *io, const struct btf *btf, const char *json,
		      struct skep_diag *diag);
int event_map_io_print(const struct event_map_io *io, const struct btf *btf, enum event_style style,
		       int (*write)(void *ctx, const char *text, size_t size), void *ctx);

#endif
