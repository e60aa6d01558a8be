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

/* Of one object; what is beyond is not looked at. */
#define FLOW_MAX_INSNS (1 << 20)
#define FLOW_MAX_SITES 1024
#define FLOW_MAX_ELEMS 2048
#define FLOW_MAX_MARKS 16384

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
	u32 root; /* the id that this is root + num of */
	s64 num;
	u8 lanes;        /* bit i: bytes [2i, 2i + 2) are in network order */
	bool at_be16;    /* points to a __be16 of the kernel */
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

/* A key or value that is handed to bpf_map_update_elem and kin, or a value that lookup gives. */
struct flow_elem {
	const char *map;
	bool is_key;
	struct flow_reg ptr;
};

/* How deep a function's stack is: LLVM counts the places of variables from its lower end. */
struct flow_frame {
	u32 depth;
};

/* A number in network order is stored at root + off. */
struct flow_mark {
	u32 root;
	s64 off;
};

struct flow {
	struct flow_mark *marks;
	size_t nr_marks, room_marks;
	struct flow_frame *frames; /* by function */
	size_t nr_frames, room_frames;
	struct flow_site *sites;
	size_t nr_sites, room_sites;
	struct flow_elem *elems;
	size_t nr_elems, room_elems;
	struct flow_hold *holds;
	size_t nr_holds, room_holds;
};

/* core (may be NULL): which instructions CO-RE relocates to a __be16; see flow_core.h. */
struct flow_core;
int flow_scan(const struct debug_image *img, const struct flow_core *core, struct flow *ret);

/* Does the program put the two bytes at that offset of a buffer's records in network order? */
bool flow_is_network(const struct flow *flow, const char *map, u32 off);
/* The same for a map's keys or values. */
bool flow_is_network_in(const struct flow *flow, const char *map, bool is_key, u32 off);
void flow_done(struct flow *flow);

#endif
