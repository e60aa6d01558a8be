/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inside the room: what the text and the printing of maps share. */
#ifndef EVENT_MAP_IO_H
#define EVENT_MAP_IO_H

#include "event/field.h"
#include "event/value.h"

bool map_io_is_percpu(const struct event_map_io *io);
bool map_io_is_array(const struct event_map_io *io);
size_t map_io_value_size(const struct event_map_io *io); /* as lookup gives it: all CPUs */

/* The plans of keys and values; by BTF, else integers and bytes by size. */
int map_io_plans(const struct event_map_io *io, const struct btf *btf, struct arena *a,
		 struct field **ret_key, struct field **ret_value, struct skep_diag *diag);

/* Add one CPU's value to the sum: counters are added, of the rest the first that is not zero. */
void map_io_add_up(const struct field *f, u8 *sum, const u8 *value);

#define HIST_MAX_SLOTS 128
/* hist.c: a line per slot up to the last that is not empty; log2: slots are powers of two. */
void hist_print(struct strbuf *sb, const u64 *slots, u32 nr, const char *what, bool log2);
/* The array of slots in a value, or the value itself; NULL: none. */
const struct field *hist_find(const struct field *value);
/* A value that holds slots: its other members on the line that is begun, then the histogram. */
void hist_print_value(struct strbuf *sb, const struct field *value, struct view v, bool log2);
/* Is that whole map a histogram? */
bool hist_is_map(const struct event_map_io *io, const struct field *value);

#endif
