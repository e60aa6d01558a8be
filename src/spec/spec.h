/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The facts of eBPF, read from the .def tables beside this file. Everything is const. */
#ifndef SPEC_SPEC_H
#define SPEC_SPEC_H

#include "base/types.h"
#include "spec/uapi.h"

/* How the kernel checks an argument of a helper; the names are those of enum bpf_arg_type. */
enum spec_arg {
	ARG_NONE, /* the helper has fewer arguments */
#define ARG(name, text) name,
#include "spec/arg_kinds.def"
#undef ARG
};

enum spec_ret {
#define RET(name, text) name,
#include "spec/ret_kinds.def"
#undef RET
};

/* SPEC_HELPER_map_lookup_elem, …: the numbers of all helpers, whatever <linux/bpf.h> knows. */
enum {
#define HELPER(id, name, ...) SPEC_HELPER_##name = id,
#include "spec/helpers.def"
};

struct spec_helper {
	u32 id;
	const char *name; /* without bpf_ */
	enum spec_ret ret;
	enum spec_arg args[5];
	u32 fixed_size[5]; /* of ARG_PTR_TO_FIXED_SIZE_MEM and kin; 0 else */
	bool gpl_only;
	bool may_sleep;
	const char *proto;      /* the C prototype */
	const char *prog_types; /* names or groups, separated by spaces; see spec_helper_allowed */
};

struct spec_name {
	u32 value;
	const char *name; /* as bpftool and libbpf say it: "xdp", "percpu_hash",
			     "cgroup_inet_ingress" */
	const char *uapi; /* BPF_PROG_TYPE_XDP, … */
};

/* One kind of SEC(), a row of libbpf's table. */
struct spec_section {
	const char *name; /* "kprobe+", "xdp", …: + may, / must be followed by a target */
	u32 prog_type, attach_type;
	u32 flags; /* SPEC_SEC_* */
};
enum {
	SPEC_SEC_SLEEPABLE = 1,
	SPEC_SEC_ATTACH_BTF = 2,
	SPEC_SEC_XDP_FRAGS = 4,
	SPEC_SEC_ATTACHABLE = 8,  /* libbpf attaches it by itself */
	SPEC_SEC_EXP_ATTACH = 16, /* the attach type is passed when loading */
	SPEC_SEC_USDT = 32,
};

const struct spec_helper *spec_helper(u32 id);                   /* NULL: no such helper */
const struct spec_helper *spec_helper_by_name(const char *name); /* with or without bpf_ */
u32 spec_nr_helpers(void);                                       /* highest id + 1 */
bool spec_helper_allowed(u32 id, u32 prog_type);

const struct spec_name *spec_prog_type(u32 value);
const struct spec_name *spec_attach_type(u32 value);
const struct spec_name *spec_map_type(u32 value);
const struct spec_name *spec_prog_type_by_name(const char *name);
const struct spec_name *spec_map_type_by_name(const char *name); /* "hash", BPF_MAP_TYPE_HASH */

const char *spec_arg_text(enum spec_arg arg); /* "a map": what is expected, for messages */
const char *spec_arg_name(enum spec_arg arg); /* "ARG_CONST_MAP_PTR" */
const char *spec_ret_name(enum spec_ret ret);

/* The row for a section name as written in the source (a leading "?" is skipped), with *ret_target
 * pointing behind the kind and its '/' (or at the end). NULL: nobody knows this section. */
const struct spec_section *spec_section(const char *sec, const char **ret_target);
const struct spec_section *spec_section_row(u32 idx); /* all rows, then NULL */

#endif
