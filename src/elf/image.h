/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A 64-bit little-endian ELF file in memory: its sections and symbols, checked. Every pointer that
 * is handed out lies inside the image, every name ends inside it.
 */
#ifndef ELF_IMAGE_H
#define ELF_IMAGE_H

#include "base/arena.h"
#include "base/diag.h"
#include <elf.h>

struct elf_section {
	const char *name;
	u32 type, link, info;
	u64 flags, size, entsize;
	const u8 *data; /* NULL: takes no room in the file (NOBITS) */
};

struct elf_symbol {
	const char *name; /* "" for none; of a section symbol the section's name */
	u8 type, bind, visibility;
	u32 section; /* SHN_UNDEF, an index that exists, or SHN_LORESERVE and up */
	u64 value, size;
};

struct elf_reloc {
	u64 off; /* in the section that is relocated */
	u32 sym; /* an index that exists */
	u32 type;
	s64 addend;
};

struct elf_image {
	const u8 *data;
	size_t size;
	u16 machine, type;
	struct elf_section *sections; /* [0] is the empty one */
	u32 nr_sections;
	u32 *by_name; /* indices of sections 1 and up, sorted by name and index */
	struct elf_symbol *symbols;
	u32 nr_symbols;
};

/* data must outlive the image; the tables are on the arena. */
int elf_open(struct arena *a, const void *data, size_t size, struct elf_image *ret,
	     struct skep_diag *diag);

/* The first section of that name; 0: none. */
u32 elf_find_section(const struct elf_image *img, const char *name);

/* How many relocations a section of type SHT_REL or SHT_RELA holds, and one of them. */
int elf_nr_relocs(const struct elf_image *img, u32 sec, u32 *ret, struct skep_diag *diag);
int elf_reloc_at(const struct elf_image *img, u32 sec, u32 idx, struct elf_reloc *ret,
		 struct skep_diag *diag);

#endif
