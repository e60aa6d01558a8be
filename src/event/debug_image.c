/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See debug_image.h. Every offset and size of the file is checked before it is used. */
#include "event/debug_image.h"
#include "base/mem.h"
#include <errno.h>
#include <string.h>

static const char *string_at(const char *strs, size_t size, u32 off)
{
	if (off >= size || !memchr(strs + off, 0, size - off))
		return "";
	return strs + off;
}

const char *debug_image_section_name(const struct debug_image *img, u32 shndx)
{
	if (shndx >= img->nr_shdrs)
		return "";
	return string_at(img->names, img->names_size, img->shdrs[shndx].sh_name);
}

const char *debug_image_sym_name(const struct debug_image *img, const Elf64_Sym *sym)
{
	return string_at(img->strs, img->strs_size, sym->st_name);
}

const u8 *debug_image_section_data(const struct debug_image *img, u32 shndx, size_t *ret_size)
{
	const Elf64_Shdr *sh = img->shdrs + shndx;

	*ret_size = 0;
	if (shndx >= img->nr_shdrs || sh->sh_type == SHT_NOBITS ||
	    !in_bounds(sh->sh_offset, sh->sh_size, img->size))
		return NULL;
	*ret_size = sh->sh_size;
	return img->data + sh->sh_offset;
}

bool debug_image_is_code(const struct debug_image *img, u32 shndx)
{
	const Elf64_Shdr *sh = img->shdrs + shndx;

	return shndx < img->nr_shdrs && sh->sh_type == SHT_PROGBITS &&
	       (sh->sh_flags & SHF_EXECINSTR);
}

static void reloc_table(const struct debug_image *img, u32 idx, debug_reloc_fn fn, void *ctx)
{
	const Elf64_Shdr *sh = img->shdrs + idx;
	size_t size, entry = sh->sh_type == SHT_RELA ? sizeof(Elf64_Rela) : sizeof(Elf64_Rel);
	const u8 *p = debug_image_section_data(img, idx, &size);

	for (size_t i = 0; p && i + entry <= size; i += entry) {
		struct debug_reloc r;
		Elf64_Rel rel;

		memcpy(&rel, p + i, sizeof(rel));
		r.off = rel.r_offset;
		r.type = ELF64_R_TYPE(rel.r_info);
		r.sym = ELF64_R_SYM(rel.r_info);
		if (r.sym < img->nr_syms)
			fn(ctx, &r);
	}
}

void debug_image_each_reloc(const struct debug_image *img, u32 shndx, debug_reloc_fn fn, void *ctx)
{
	for (u32 i = 0; i < img->nr_shdrs; i++)
		if ((img->shdrs[i].sh_type == SHT_REL || img->shdrs[i].sh_type == SHT_RELA) &&
		    img->shdrs[i].sh_info == shndx)
			reloc_table(img, i, fn, ctx);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int find_tables(struct debug_image *img)
{
	Elf64_Ehdr eh;
	size_t size;

	if (img->size < sizeof(eh))
		return -EINVAL;
	memcpy(&eh, img->data, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_shentsize != sizeof(Elf64_Shdr) || eh.e_shoff % 8 ||
	    !in_bounds(eh.e_shoff, (u64)eh.e_shnum * sizeof(Elf64_Shdr), img->size))
		return -EINVAL;
	img->shdrs = (const Elf64_Shdr *)(img->data + eh.e_shoff);
	img->nr_shdrs = eh.e_shnum;
	img->names = (const char *)debug_image_section_data(img, eh.e_shstrndx, &size);
	img->names_size = size;
	return img->names ? 0 : -EINVAL;
}

static int find_symbols(struct debug_image *img)
{
	for (u32 i = 0; i < img->nr_shdrs; i++) {
		const Elf64_Shdr *sh = img->shdrs + i;
		size_t size;
		const u8 *p;

		if (sh->sh_type != SHT_SYMTAB || sh->sh_offset % 8)
			continue;
		p = debug_image_section_data(img, i, &size);
		if (!p)
			return -EINVAL;
		img->syms = (const Elf64_Sym *)p;
		img->nr_syms = (u32)(size / sizeof(Elf64_Sym));
		img->strs = (const char *)debug_image_section_data(img, sh->sh_link,
								   &img->strs_size);
		return img->strs ? 0 : -EINVAL;
	}
	return -ENOENT;
}

struct apply {
	struct debug_image *img;
	u8 *target;
	size_t size;
};

/* R_BPF_64_64 1, ABS64 2, ABS32 3, NODYLD32 4, 64_32 10: in data, the addend is in place. */
static void apply_one(void *ctx, const struct debug_reloc *r)
{
	struct apply *a = ctx;
	const Elf64_Sym *sym = a->img->syms + r->sym;
	u32 width = r->type <= 2 ? 8 : 4;
	u64 x = 0, value = sym->st_value;

	if (!in_bounds(r->off, width, a->size))
		return;
	if (debug_image_is_code(a->img, sym->st_shndx) && width == 8)
		value += (u64)sym->st_shndx << DEBUG_SECTION_SHIFT;
	memcpy(&x, a->target + r->off, width);
	x += value;
	memcpy(a->target + r->off, &x, width);
}

/* Relocate the .debug_* sections, then call the file an executable: nothing is left to do. */
static void apply_debug(struct debug_image *img)
{
	u16 type = ET_EXEC;

	for (u32 i = 0; i < img->nr_shdrs; i++) {
		struct apply a = {.img = img};

		if (strncmp(debug_image_section_name(img, i), ".debug_", 7))
			continue;
		a.target = (u8 *)debug_image_section_data(img, i, &a.size);
		if (a.target)
			debug_image_each_reloc(img, i, apply_one, &a);
	}
	memcpy(img->data + offsetof(Elf64_Ehdr, e_type), &type, sizeof(type));
}

int debug_image_open(const void *data, size_t size, struct debug_image *ret)
{
	struct debug_image img = {.size = size};
	int err;

	img.data = mem_alloc(size + 1);
	if (!img.data)
		return -ENOMEM;
	memcpy(img.data, data, size);
	err = find_tables(&img);
	if (!err)
		err = find_symbols(&img);
	if (err) {
		debug_image_done(&img);
		return err;
	}
	apply_debug(&img);
	*ret = img;
	return 0;
}

void debug_image_done(struct debug_image *img)
{
	mem_free(img->data);
	*img = (struct debug_image){0};
}
