/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A register, as it is known at one point of one path: a kind with flags, what it points to, and
 * where into it. The address of a pointer is its base + off + v, where off is fixed and v is the
 * variable part; for a number, v is the number.
 */
#ifndef VERIFIER_REG_H
#define VERIFIER_REG_H

#include "verifier/scalar.h"

struct btf;
struct vmap;

enum reg_kind {
#define KIND(name, text, align, traits) REG_##name,
#include "verifier/reg_kinds.def"
#undef KIND
	REG_NR_KINDS
};

enum {
	REG_KIND_MASK = 0xff,
	REG_MAYBE_NULL = 1 << 8,
	REG_RDONLY = 1 << 9,
	REG_RINGBUF = 1 << 10, /* a record of a ring buffer */
	REG_USER = 1 << 11,    /* memory of a process */
	REG_PERCPU = 1 << 12,
	REG_UNTRUSTED = 1 << 13, /* may be stale: loads are checked at run time */
	REG_ALLOC = 1 << 14,     /* an object of a local type */
	REG_TRUSTED = 1 << 15,
	REG_RCU = 1 << 16,
	REG_NON_OWN = 1 << 17, /* of an object that a list or tree owns */
	REG_SLICE_SKB = 1 << 18,
	REG_SLICE_XDP = 1 << 19,
	REG_UNINIT = 1 << 20,
};

enum { /* traits of a kind */
       REG_T_SPILL = 1,
       REG_T_ADD = 2,
       REG_T_ADDK = 4,
       REG_T_ZERO = 8,
       REG_T_OWN = 16,
       REG_T_THERE = 32,
};

enum dynptr_kind {
	DYNPTR_NONE,
	DYNPTR_LOCAL,
	DYNPTR_RINGBUF,
	DYNPTR_SKB,
	DYNPTR_XDP,
};

enum iter_state {
	ITER_NONE,
	ITER_ACTIVE,
	ITER_DRAINED,
};

#define REG_ADD_CONST (1u << 31) /* in the id of a scalar: it is the one of that id plus off */

/* What a packet pointer knows, where it does not know a length. */
enum {
	PKT_AT_END = -1,
	PKT_BEYOND_END = -2,
};

struct reg {
	u32 type; /* enum reg_kind | flags */
	s32 off;
	union {
		s32 range; /* PKT*: bytes from the base that are there */
		struct {
			const struct vmap *map; /* MAP_* */
			u32 map_uid;            /* which lookup of an inner map it was */
		};
		struct {
			const struct btf *btf; /* BTF */
			u32 btf_id;
		};
		struct { /* MEM */
			u32 mem_size;
			u32 dynptr_id; /* of a slice: the dynptr's id */
		};
		struct {
			u8 kind;
			bool first; /* the lower slot */
		} dynptr;
		struct { /* STACK slots of an iterator */
			const struct btf *btf;
			u32 btf_id;
			u8 state;
			u32 depth : 24;
		} iter;
		u32 subprog; /* FUNC */
		u64 raw[2];
	};
	struct scalar v;
	/* Up to here two registers that are equal are equal byte by byte. */
	u32 id;   /* equal ids: the same unknown number, packet pointer, maybe-NULL pointer */
	u32 ref;  /* the reference that it holds */
	u8 frame; /* STACK: whose */
	bool precise;
};

static inline enum reg_kind reg_kind(const struct reg *r)
{
	return (enum reg_kind)(r->type & REG_KIND_MASK);
}

static inline bool reg_is_scalar(const struct reg *r)
{
	return r->type == REG_SCALAR;
}

static inline bool reg_is_null(const struct reg *r) /* a known 0 */
{
	return r->type == REG_SCALAR && tnum_is(r->v.t, 0);
}

static inline bool reg_is_const(const struct reg *r, bool is_w)
{
	return r->type == REG_SCALAR && scalar_is_const(&r->v, is_w);
}

static inline bool reg_is_pkt(const struct reg *r)
{
	return reg_kind(r) == REG_PKT || reg_kind(r) == REG_PKT_META;
}

static inline bool reg_is_pkt_or_end(const struct reg *r)
{
	return reg_is_pkt(r) || r->type == REG_PKT_END;
}

static inline bool reg_is_pkt_slice(const struct reg *r)
{
	return reg_kind(r) == REG_MEM && (r->type & (REG_SLICE_SKB | REG_SLICE_XDP));
}

static inline bool reg_is_alloc_obj(u32 type)
{
	return (type & REG_KIND_MASK) == REG_BTF && (type & REG_ALLOC);
}

static inline bool reg_is_sock(u32 type)
{
	u32 kind = type & REG_KIND_MASK;

	return kind == REG_SOCK || kind == REG_SOCK_COMMON || kind == REG_TCP_SOCK ||
	       kind == REG_XDP_SOCK;
}

/* How many bits the number needs. */
static inline int reg_width(const struct reg *r)
{
	return r->v.r.umax ? 64 - __builtin_clzll(r->v.r.umax) : 0;
}

u32 reg_traits(u32 type);
const char *reg_align_text(u32 type);
const char *reg_kind_text(u32 type); /* without flags */
/* The kernel's name of a type with its flags, in buf. */
#define REG_TEXT_SIZE 96
const char *reg_type_text(char *buf, u32 type);

void reg_set_none(struct reg *r);
void reg_set_unknown(struct reg *r);
void reg_set_const(struct reg *r, u64 value);  /* a number */
void reg_set_pointer(struct reg *r, u32 type); /* to the start of something */
void reg_set_btf(struct reg *r, const struct btf *btf, u32 id, u32 flags);
void reg_unlink(struct reg *r); /* a number that is no other's */

#endif
