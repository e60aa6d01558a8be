/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An object's ELF image as a debugger wants it: a private copy in which the relocations of the
 * .debug_* sections are applied and every code section has an address of its own, so that an
 * address tells section and offset.
 */
#ifndef EVENT_DEBUG_IMAGE_H
#define EVENT_DEBUG_IMAGE_H

#include "base/diag.h"
#include <elf.h>

#define DEBUG_SECTION_SHIFT 32 /* address = section index << 32 | offset */

struct debug_image {
	u8 *data;
	size_t size;
	const Elf64_Shdr *shdrs;
	u32 nr_shdrs;
	const Elf64_Sym *syms;
	u32 nr_syms;
	const char *strs; /* of the symbols */
	size_t strs_size;
	const char *names; /* of the sections */
	size_t names_size;
};

struct debug_reloc {
	u64 off;
	u32 type, sym;
};

int debug_image_open(const void *data, size_t size, struct debug_image *ret);
void debug_image_done(struct debug_image *img);

const char *debug_image_section_name(const struct debug_image *img, u32 shndx);
const u8 *debug_image_section_data(const struct debug_image *img, u32 shndx, size_t *ret_size);
bool debug_image_is_code(const struct debug_image *img, u32 shndx);
const char *debug_image_sym_name(const struct debug_image *img, const Elf64_Sym *sym);

/* Calls fn for each relocation of a section. */
typedef void (*debug_reloc_fn)(void *ctx, const struct debug_reloc *r);
void debug_image_each_reloc(const struct debug_image *img, u32 shndx, debug_reloc_fn fn, void *ctx);

#endif
