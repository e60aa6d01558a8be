/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inside the room: what the text and the printing of maps share. */
#ifndef EVENT_MAP_IO_H
#define EVENT_MAP_IO_H

#include "event/field.h"
#include "event/value.h"

struct event_map_io map_io_of(struct map *map);

bool map_io_is_percpu(const struct event_map_io *io);
bool map_io_is_array(const struct event_map_io *io);
size_t map_io_value_size(const struct event_map_io *io); /* as lookup gives it: all CPUs */

/* The plans of keys and values; by BTF, else integers and bytes by size. */
int map_io_plans(const struct event_map_io *io, const struct btf *btf, struct arena *a,
		 struct field **ret_key, struct field **ret_value, struct skep_diag *diag);

/* hist.c: a histogram of powers of two, a line per slot up to the last that is not empty. */
void hist_print(struct strbuf *sb, const u64 *slots, u32 nr, const char *what);
/* Is this field an array of slots, or that map one? */
bool hist_is_slots(const struct field *f);
bool hist_is_map(const struct event_map_io *io, const struct field *value);
u64 hist_slot(const struct field *f, struct view v, u32 idx);

#endif
