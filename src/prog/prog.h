/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A program: the baton that the loader passes to hooks (which attach it) and the vm (which runs
 * it).
 *
 * `insns` holds the entry function first and every static and global subprogram that it reaches
 * behind it; local calls (src_reg BPF_PSEUDO_CALL) carry their final offset, as after libbpf.
 * Pseudo forms keep the numbers of the object, not of a running kernel or process:
 *
 *   ld_imm64 src_reg=1 (MAP_FD)     imm = index of the map in its object
 *   ld_imm64 src_reg=2 (MAP_VALUE)  imm = index of the map, next imm = offset in the value
 *   ld_imm64 src_reg=3 (BTF_ID)     imm = type id of the variable in the kernel's BTF, 0 if absent
 *   ld_imm64 src_reg=4 (FUNC)       imm = offset of the function in instructions, as after libbpf
 *   ld_imm64 src_reg=0              a number; also the address of a typeless ksym (0 if absent)
 *   call     src_reg=2 (KFUNC)      imm = type id of the function in the kernel's BTF, 0 if absent
 *
 * What such an instruction refers to by name stands in `refs`, sorted by instruction.
 */
#ifndef PROG_PROG_H
#define PROG_PROG_H

#include "base/types.h"
#include <linux/bpf.h>

enum prog_ref_kind {
	PROG_REF_MAP,       /* name of the map; idx = its index */
	PROG_REF_MAP_VALUE, /* name of the variable or section; idx = map index, off = offset */
	PROG_REF_FUNC,      /* a subprogram whose address is taken; idx = index in funcs */
	PROG_REF_KFUNC,     /* name of the kernel function */
	PROG_REF_KSYM,      /* a kernel symbol: extern const void x __ksym */
	PROG_REF_KVAR,      /* a typed kernel variable: extern const T x __ksym */
};

struct prog_ref {
	u32 insn;
	enum prog_ref_kind kind;
	bool absent; /* it is weak, and neither kernel nor model has it */
	u32 idx, off;
	const char *name;
};

struct prog_func {
	u32 start, nr; /* instructions [start, start + nr) */
	const char *name;
	u32 type_id; /* BTF_KIND_FUNC in the object's BTF; 0: none */
	bool is_global;
};

struct prog_line {
	u32 insn; /* first instruction of this line; sorted */
	u32 line, col;
	const char *file;
	const char *text; /* the source line; "" where it is not known */
};

struct prog {
	const char *name;    /* the C function */
	const char *section; /* the whole SEC() name, with its leading "?" cut off */
	const char *target;  /* what follows the kind of section: "syscalls/sys_enter_openat" */
	u32 type;            /* enum bpf_prog_type; 0 where the section name says nothing */
	u32 attach_type;     /* enum bpf_attach_type */
	u32 flags;           /* BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS, … */
	bool autoload;       /* false: SEC("?…"), or switched off by the caller */
	const char *license;

	struct bpf_insn *insns;
	u32 nr_insns;
	struct prog_func *funcs; /* by start; [0] is the entry */
	u32 nr_funcs;
	u32 exception_func; /* that bpf_throw ends in, index in funcs; 0: none of its own */
	struct prog_line *lines;
	u32 nr_lines;
	struct prog_ref *refs;
	u32 nr_refs;
};

/* The line that an instruction came from, NULL where there is no line info. */
const struct prog_line *prog_line_at(const struct prog *prog, u32 insn);

/* The function that an instruction is in, NULL if out of range. */
const struct prog_func *prog_func_at(const struct prog *prog, u32 insn);

/* The reference that an instruction makes, NULL if none. */
const struct prog_ref *prog_ref_at(const struct prog *prog, u32 insn);

bool prog_is_gpl(const struct prog *prog); /* as the kernel's license_is_gpl_compatible */

#endif
