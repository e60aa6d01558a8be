/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Special fields of a map's value or of an allocated object: what programs may touch with certain
 * helpers only. Found by the names and tags of their BTF types.
 */
#ifndef VERIFIER_FIELDS_H
#define VERIFIER_FIELDS_H

#include "base/types.h"

struct btf;
struct env;

enum field_kind {
	FIELD_SPIN_LOCK = 1,
	FIELD_TIMER = 2,
	FIELD_WORKQUEUE = 4,
	FIELD_KPTR_UNREF = 8,
	FIELD_KPTR_REF = 16,
	FIELD_KPTR_PERCPU = 32,
	FIELD_KPTR = FIELD_KPTR_UNREF | FIELD_KPTR_REF | FIELD_KPTR_PERCPU,
	FIELD_LIST_HEAD = 64,
	FIELD_LIST_NODE = 128,
	FIELD_RB_ROOT = 256,
	FIELD_RB_NODE = 512,
	FIELD_REFCOUNT = 1024,
	FIELD_GRAPH_NODE = FIELD_LIST_NODE | FIELD_RB_NODE,
	FIELD_GRAPH_ROOT = FIELD_LIST_HEAD | FIELD_RB_ROOT,
};

struct field {
	u32 kind, off, size;
	const struct btf *btf; /* KPTR_*: whose type it points to; graph root: what it holds */
	u32 btf_id;
	u32 node_off; /* graph root */
};

#define FIELDS_MAX 11 /* BTF_FIELDS_MAX */

struct fields {
	u32 nr;
	u32 kinds;
	struct field f[FIELDS_MAX];
};

/* Of a type in btf (a struct, or a DATASEC). NULL: it has none. Belongs to env. */
const struct fields *fields_of(struct env *env, const struct btf *btf, u32 type_id);
const struct field *fields_find(const struct fields *fs, u32 off, u32 kinds);
const char *field_text(u32 kind);

static inline bool fields_have(const struct fields *fs, u32 kinds)
{
	return fs && (fs->kinds & kinds);
}

#endif
