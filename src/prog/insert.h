/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Putting instructions into an object file, so that whoever loads it afterwards (libbpf, skep, any
 * other loader) need not know: jumps, calls, relocations, symbols and .BTF.ext lead to where they
 * led before. New code holds no jump out of itself but to its end.
 */
#ifndef PROG_INSERT_H
#define PROG_INSERT_H

#include "base/diag.h"
#include <linux/bpf.h>

#define INSERT_MAX_INSNS (1u << 20) /* of one section, afterwards: the kernel takes no more */

struct insert {
	u32 section; /* index in the ELF file */
	u32 insn;    /* index in the section; nothing comes into the middle of an ld_imm64 */
	bool after;  /* it; else in front of it, and what jumps there runs the new code */
	u32 nr;
	const struct bpf_insn *code;
};

/*
 * list is sorted by section, instruction, in front before behind. *ret is for mem_free. -EINVAL:
 * not an object, or one that cannot be changed (a jump that would become too far, code addresses
 * in data): use it as it is.
 */
int insert_into_object(const void *data, size_t size, const struct insert *list, u32 nr, void **ret,
		       size_t *ret_size, struct skep_diag *diag);

#endif
