/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Draining the ring and perf buffers among an object's maps; produced = delivered + lost. */
#ifndef EVENT_READER_H
#define EVENT_READER_H

#include "base/diag.h"
#include "map/map.h"

struct event_reader;

struct event_reader_stats {
	u64 produced; /* delivered + lost */
	u64 delivered;
	u64 lost;
};

/* Non-zero ends the drain and is returned; that record counts as delivered. */
typedef int (*event_record_fn)(void *ctx, struct map *map, u32 cpu, const void *data, size_t size);

/* Takes those of the maps that are buffers (NULLs are skipped); they must outlive the reader. */
int event_reader_new(struct map *const *maps, u32 nr_maps, struct event_reader **ret,
		     struct skep_diag *diag);
int event_reader_drain(struct event_reader *r, event_record_fn fn, void *ctx);
void event_reader_stats(const struct event_reader *r, struct event_reader_stats *ret);
/* Of one buffer, in the order of the maps; false: there is no such. */
bool event_reader_buffer(const struct event_reader *r, u32 idx, const char **ret_map,
			 struct event_reader_stats *ret);
struct event_reader *event_reader_free(struct event_reader *r); /* NULL is fine; returns NULL */

#endif
