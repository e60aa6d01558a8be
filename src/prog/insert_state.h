/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inside: what insert.c (code and layout) and insert_refs.c (what refers to code) share. */
#ifndef PROG_INSERT_STATE_H
#define PROG_INSERT_STATE_H

#include "base/arena.h"
#include "elf/image.h"
#include "prog/insert.h"

/*
 * Where the instructions of a code section go. block[i]: the first new instruction that belongs to
 * the old one i, where jumps to i lead now; at[i]: instruction i itself. block[nr] is the new
 * length.
 */
struct insert_map {
	bool is_code, changes;
	u32 nr;
	u32 *block, *at;
	u8 *has_reloc; /* by old instruction */
	u64 out_off;   /* in the new file */
};

struct inserter {
	struct arena arena;
	struct elf_image img;
	const struct insert *list;
	u32 nr_list;
	struct insert_map *maps; /* by section */
	u8 *out;
	size_t out_size;
	struct skep_diag *diag;
};

int insert_refuse(struct inserter *in, const char *why);

int insert_mark_relocs(struct inserter *in); /* sets has_reloc */
int insert_fix_relocs(struct inserter *in);
int insert_fix_symbols(struct inserter *in);
int insert_fix_btf_ext(struct inserter *in);

#endif
