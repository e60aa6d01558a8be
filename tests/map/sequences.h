/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the table of call sequences (sequences.def) is made of, and the two that it is run against:
 * our maps, and the kernel's by bpf(2). See test_sequences.c.
 */
#ifndef TESTS_MAP_SEQUENCES_H
#define TESTS_MAP_SEQUENCES_H

#include "base/types.h"
#include "spec/uapi.h"
#include <errno.h>

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

/* In the table's columns, beside BPF_F_* without the prefix: what a value holds. */
#define F_LOCK_FIELD  (1ull << 40) /* { struct bpf_spin_lock; u64 } */
#define F_TIMER_FIELD (1ull << 41) /* { struct bpf_timer; u64 } */
#define F_BTF         (1ull << 42) /* BTF for an int key and a u32 or u64 value */
#define F_INNER       (1ull << 43) /* inner maps are arrays with one u64 */
#define F_MASK        0xffffffffull

enum op {
	OP_LOOKUP,     /* bpf(2) on key: value */
	OP_UPDATE,     /* bpf(2) */
	OP_DELETE,     /* bpf(2) */
	OP_TAKE,       /* bpf(2): lookup and delete */
	OP_NEXT,       /* bpf(2): the key after key */
	OP_FIRST,      /* bpf(2): the first key */
	OP_COUNT,      /* all keys: their number; out: the sum of their first 4 bytes */
	OP_FREEZE,     /* bpf(2) */
	OP_P_LOOKUP,   /* a program: 1 and the value, or 0 */
	OP_P_UPDATE,   /* a program */
	OP_P_DELETE,   /* a program */
	OP_P_PUSH,     /* a program */
	OP_P_POP,      /* a program */
	OP_P_PEEK,     /* a program */
	OP_P_ON_CPU,   /* a program: bpf_map_lookup_percpu_elem, the CPU in value */
	OP_P_REDIRECT, /* a program: bpf_redirect_map: 4 or flags */
	OP_RB_OUTPUT,  /* a program: value bytes of data */
	OP_RB_SUBMIT,  /* a program: reserve value bytes and submit: 1, or 0 */
	OP_RB_DISCARD, /* a program: reserve value bytes and discard: 1, or 0 */
	OP_RB_QUERY,   /* a program: out */
	OP_RB_CONSUME, /* the number of records; out: the sum of their sizes */
	OP_PERF_OPEN,  /* bpf(2): open CPU key's event and put it at key */
	OP_P_PERF,     /* a program on CPU 0: perf_event_output of value bytes */
};

struct seq_map {
	const char *type_name, *flags_name;
	u32 type, key_size, value_size, max_entries;
	u64 flags, extra;
	long want;
};

struct seq_op {
	const char *op_name, *flags_name;
	enum op op;
	u64 key, value, flags;
	long want;
	u64 want_out;
};

/* A row is either: op.op_name is NULL in rows that make a map. */
struct seq_row {
	struct seq_map map;
	struct seq_op op;
};

/* Who runs the sequences. Values go in and come out as u64, see seq_value_in. */
struct seq_side {
	const char *name;
	long (*create)(const struct seq_map *m);
	long (*run)(const struct seq_map *m, const struct seq_op *op, u64 *out);
	void (*destroy)(void);
};

/* Where the u64 of a value lies in it. */
static inline u32 seq_value_off(const struct seq_map *m)
{
	return m->flags & F_LOCK_FIELD ? 8 : m->flags & F_TIMER_FIELD ? 16 : 0;
}

static inline bool seq_is_percpu(const struct seq_map *m)
{
	return m->type == SPEC_MAP_PERCPU_HASH || m->type == SPEC_MAP_PERCPU_ARRAY ||
	       m->type == SPEC_MAP_LRU_PERCPU_HASH || m->type == SPEC_MAP_PERCPU_CGROUP_STORAGE;
}

static inline bool seq_is_outer(const struct seq_map *m)
{
	return m->type == SPEC_MAP_ARRAY_OF_MAPS || m->type == SPEC_MAP_HASH_OF_MAPS;
}

#define SEQ_MAX_KEY   512
#define SEQ_MAX_VALUE 65536

#endif
