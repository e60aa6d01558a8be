/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inside btf/: what the steps of CO-RE share. */
#ifndef BTF_CORE_SPEC_H
#define BTF_CORE_SPEC_H

#include "btf/core.h"
#include "btf/types.h"

/* One step that matters: a named member of type_id, or element idx of type_id (name is NULL). */
struct core_step {
	u32 type_id, idx;
	const char *name;
};

/* A way into a type: steps[0] is the root itself, or for enumerators the enumerator. */
struct core_spec {
	const struct btf *btf;
	u32 root;
	u32 kind; /* enum bpf_core_relo_kind */
	struct core_step steps[CORE_MAX_WAY];
	u32 nr_steps;
	u32 nr_raw; /* steps through anonymous members too */
	u64 bit_off;
};

/* What both sides come to. */
struct core_value {
	u64 value;
	u32 mem_size, type_id; /* of the field that is read, for its offset; else 0 */
	bool missing;          /* there is no answer: poison */
	bool exact;            /* the instruction must hold the local value */
};

struct core_result {
	u64 was, is;
	u32 was_size, is_size;
	bool poison, exact, bad_resize;
};

enum core_class { CORE_FIELD, CORE_TYPE, CORE_ENUMVAL, CORE_UNKNOWN };
enum core_class core_class_of(u32 kind);
const char *core_kind_name(u32 kind);

/* core_spec.c */
int core_spec_parse(const struct btf *btf, const struct bpf_core_relo *relo, struct core_spec *ret);
/* "struct task_struct.real_parent.tgid" for messages */
void core_spec_text(const struct core_spec *spec, struct strbuf *sb);
bool core_is_flex(const struct btf *btf, const struct core_step *before, const struct btf_array *a);
bool core_is_any_enum(const struct btf_type *t);
u32 core_enum_name_off(const struct btf_type *t, u32 i);

/* core_match.c: 1 it fits, 0 it does not, or -errno; *work is counted down. */
int core_match(const struct core_spec *local, const struct btf *btf, u32 id, struct core_spec *ret,
	       u64 *work);
bool core_kinds_compat(const struct btf_type *a, const struct btf_type *b);

/* core_patch.c */
int core_calc(const struct core_spec *local, const struct core_spec *target,
	      struct core_result *ret);
int core_patch(struct bpf_insn *insn, u32 nr, const struct core_result *res,
	       struct skep_diag *diag);

#endif
