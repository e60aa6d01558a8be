/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Of what type are the records of each buffer? Nobody declares it; asked are, in this order:
 *
 *   1. the map's own BTF: __type(value, struct event)
 *   2. the code: which variable (DWARF), map value or global is passed to bpf_ringbuf_output,
 *      bpf_perf_event_output and kin for this map, or receives bpf_ringbuf_reserve
 *   3. the sizes that are reserved or output, and the object's BTF: one struct of that size, best
 *      one that is called event
 *
 * A map may have several types (it is written from several places); a record then has the one
 * whose size fits.
 */
#ifndef EVENT_RECTYPE_H
#define EVENT_RECTYPE_H

#include "base/diag.h"
#include "event/flow.h"
#include "object/object.h"

#define RECTYPE_MAX 8 /* types of one map */

struct rectype {
	const struct btf *btf;
	u32 type_id, size;
	const char *how; /* for people: "type of the map's values" */
};

struct rectype_map {
	const char *name;
	struct rectype types[RECTYPE_MAX];
	u32 nr_types;
};

struct rectypes {
	struct rectype_map *maps; /* the buffers of the object, in its order */
	u32 nr_maps;
	struct btf *btf; /* of types that come from DWARF */
	struct flow flow;
	struct debug_image img; /* flow's names lie in it */
};

int rectypes_new(const struct object *obj, struct rectypes *ret, struct skep_diag *diag);
void rectypes_done(struct rectypes *r);

bool rectype_is_buffer(u32 map_type);

/* Which of a map's types a record of that size has; -1: none is known. */
int rectype_pick(const struct rectype_map *map, size_t size);

#endif
