/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Values to text and back, by BTF. */
#ifndef EVENT_VALUE_H
#define EVENT_VALUE_H

#include "base/diag.h"
#include "base/strbuf.h"
#include "map/map.h"
#include <bpf/btf.h>

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

/* A global variable for people: "name = value", or the histograms that it holds. Whole lines. */
void event_print_global(struct strbuf *sb, const struct btf *btf, u32 type_id, const char *name,
			const void *data, size_t size);

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
	u32 nr_cpus; /* of a per-CPU map, else 1 */
	void *ctx;
	int (*next_key)(void *ctx, const void *key, void *next); /* key NULL: the first */
	int (*lookup)(void *ctx, const void *key, void *value);
	int (*update)(void *ctx, const void *key, const void *value);
};

struct event_map_io event_map_io_of(struct map *map); /* one of this process */
int event_map_io_set(const struct event_map_io *io, const struct btf *btf, const char *key,
		     const char *value, struct skep_diag *diag);
int event_map_io_load(const struct event_map_io *io, const struct btf *btf, const char *json,
		      struct skep_diag *diag);
int event_map_io_print(const struct event_map_io *io, const struct btf *btf, enum event_style style,
		       int (*write)(void *ctx, const char *text, size_t size), void *ctx);

#endif
