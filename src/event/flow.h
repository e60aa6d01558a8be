/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where a program hands records to a buffer, and where the pointer to the record comes from.
 *
 * One forward pass over each code section follows what registers and spilled stack slots hold: a
 * map, a number, an address in the stack, an address in a global, a value of a map, or "the same
 * unknown value as …". Paths that meet keep what they agree on; backward jumps are taken to change
 * nothing. The result only chooses how records are shown, so being wrong costs no safety.
 */
#ifndef EVENT_FLOW_H
#define EVENT_FLOW_H

#include "event/debug_image.h"

#define FLOW_MAX_INSNS (1 << 20) /* of one object; what is beyond is not looked at */

enum flow_kind {
	FLOW_VALUE, /* not known; equal ids are equal values */
	FLOW_CONST,
	FLOW_STACK,     /* r10 + num */
	FLOW_MAP,       /* sym */
	FLOW_MAP_VALUE, /* of the map sym, at num */
	FLOW_GLOBAL,    /* section sym (an index), at num */
};

struct flow_reg {
	enum flow_kind kind;
	u32 id;
	s64 num;
	const char *sym; /* the map's name */
	u32 shndx;
};

/* A register or slot of the stack that holds a value during [from, to) of its section. */
#define FLOW_SLOT 32 /* as `reg`: slot of the stack, r10 - 512 + 8 * (reg - FLOW_SLOT) */
struct flow_hold {
	u32 shndx, id;
	u8 reg;
	u32 from, to;
};

struct flow_site {
	const char *map;
	u32 shndx, off; /* of the call */
	u32 frame;
	struct flow_reg ptr; /* to the record */
	u64 size;            /* 0: not constant */
};

/* How deep a function's stack is: LLVM counts the places of variables from its lower end. */
struct flow_frame {
	u32 depth;
};

struct flow {
	struct flow_frame *frames; /* by function */
	size_t nr_frames, room_frames;
	struct flow_site *sites;
	size_t nr_sites, room_sites;
	struct flow_hold *holds;
	size_t nr_holds, room_holds;
};

int flow_scan(const struct debug_image *img, struct flow *ret);
void flow_done(struct flow *flow);

#endif
