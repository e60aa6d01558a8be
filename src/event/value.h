/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Values to text and back, by BTF. */
#ifndef EVENT_VALUE_H
#define EVENT_VALUE_H

#include "base/diag.h"
#include "base/strbuf.h"
#include "map/map.h"
#include <bpf/btf.h>

enum event_style {
	EVENT_STYLE_TEXT, /* for people */
	EVENT_STYLE_JSON, /* for programs; event_parse takes it back */
};

/* Any bytes, any type: never fails, what can't be shown is shown as hex. */
void event_format(struct strbuf *sb, const struct btf *btf, u32 type_id, const void *data,
		  size_t size, enum event_style style);

/* Text to the bytes of a type; out has size bytes and is written on success only. */
int event_parse(const struct btf *btf, u32 type_id, const char *text, void *out, size_t size,
		struct skep_diag *diag);

/* Set one element; key and value as text. btf may be NULL: integers or hex by size. */
int event_map_set(struct map *map, const struct btf *btf, const char *key, const char *value,
		  struct skep_diag *diag);
/* A whole map from JSON: {"key": value, …} or [value, …]. */
int event_map_load(struct map *map, const struct btf *btf, const char *json,
		   struct skep_diag *diag);
/* All elements; JSON: an object per line. write as in <skep/event.h>. */
int event_map_print(struct map *map, const struct btf *btf, enum event_style style,
		    int (*write)(void *ctx, const char *text, size_t size), void *ctx);

#endif
