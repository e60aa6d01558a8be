/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Reading ELF. The file is not trusted: every offset is checked against the image once, here, and
 * tables are copied out of it (they may stand at any alignment), so that nobody after this has to
 * look at raw headers.
 */
#include "elf/image.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Names are looked at once for every symbol that has them: this keeps that linear. */
#define MAX_NAME 1024

struct reader {
	struct arena *arena;
	struct elf_image *img;
	struct skep_diag *diag;
	Elf64_Ehdr eh;
	u64 strs_off, strs_size; /* section names */
};

static int bad(struct reader *r, const char *why)
{
	diag_set_full(r->diag, -EINVAL, "bad-elf", NULL, "%s", why);
	return diag_at(r->diag, -EINVAL, "ELF header");
}

static int bad_section(struct skep_diag *diag, u32 idx, const char *why)
{
	diag_set_full(diag, -EINVAL, "bad-elf", NULL, "%s", why);
	return diag_at(diag, -EINVAL, "section %u", idx);
}

static int read_header(struct reader *r)
{
	const struct elf_image *img = r->img;

	if (img->size < SELFMAG || memcmp(img->data, ELFMAG, SELFMAG))
		return bad(r, "not an ELF file");
	if (img->size < sizeof(r->eh))
		return bad(r, "cut off within the header");
	memcpy(&r->eh, img->data, sizeof(r->eh));
	if (r->eh.e_ident[EI_CLASS] != ELFCLASS64)
		return bad(r, "a 32-bit ELF file; BPF objects have 64 bits");
	if (r->eh.e_ident[EI_DATA] != ELFDATA2LSB)
		return bad(r, "big-endian; compile with -target bpfel");
	if (!r->eh.e_shoff)
		return bad(r, "there are no sections");
	if (r->eh.e_shentsize != sizeof(Elf64_Shdr))
		return bad(r, "section headers of a wrong size");
	if (!in_bounds(r->eh.e_shoff, sizeof(Elf64_Shdr), img->size))
		return bad(r, "the section headers lie beyond the end of the file");
	r->img->machine = r->eh.e_machine;
	r->img->type = r->eh.e_type;
	return 0;
}

static void read_shdr(const struct reader *r, u32 idx, Elf64_Shdr *ret)
{
	memcpy(ret, r->img->data + r->eh.e_shoff + (u64)idx * sizeof(*ret), sizeof(*ret));
}

/* Where there are very many sections, section 0 says how many and where their names are. */
static int count_sections(struct reader *r)
{
	Elf64_Shdr first, strs;
	u64 nr = r->eh.e_shnum, strs_idx = r->eh.e_shstrndx;

	read_shdr(r, 0, &first);
	if (!nr)
		nr = first.sh_size;
	if (strs_idx == SHN_XINDEX)
		strs_idx = first.sh_link;
	if (!nr || nr > (r->img->size - r->eh.e_shoff) / sizeof(Elf64_Shdr))
		return bad(r, "the section headers go beyond the end of the file");
	if (strs_idx >= nr)
		return bad(r, "the section with the sections' names is not there");
	r->img->nr_sections = (u32)nr;
	read_shdr(r, (u32)strs_idx, &strs);
	if (strs.sh_type != SHT_STRTAB || !in_bounds(strs.sh_offset, strs.sh_size, r->img->size))
		return bad_section(r->diag, (u32)strs_idx, "the sections' names are no strings");
	r->strs_off = strs.sh_offset;
	r->strs_size = strs.sh_size;
	return 0;
}

/* A string that ends inside its table; NULL: it does not. */
static const char *string_at(const u8 *table, u64 size, u64 off)
{
	if (off >= size || !memchr(table + off, 0, min_u64(size - off, MAX_NAME)))
		return NULL;
	return (const char *)table + off;
}

/* Names are printed and compared: no control characters. */
static bool is_clean(const char *s)
{
	for (; *s; s++)
		if ((u8)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static int read_section(struct reader *r, u32 idx)
{
	struct elf_section *sec = &r->img->sections[idx];
	Elf64_Shdr sh;

	read_shdr(r, idx, &sh);
	sec->name = string_at(r->img->data + r->strs_off, r->strs_size, sh.sh_name);
	if (!sec->name || !is_clean(sec->name))
		return bad_section(r->diag, idx,
				   "its name is not there, not printable or too long");
	sec->type = sh.sh_type;
	sec->flags = sh.sh_flags;
	sec->size = sh.sh_size;
	sec->entsize = sh.sh_entsize;
	sec->link = sh.sh_link;
	sec->info = sh.sh_info;
	if (sh.sh_type == SHT_NOBITS)
		return 0;
	if (!in_bounds(sh.sh_offset, sh.sh_size, r->img->size)) {
		diag_set_full(r->diag, -EINVAL, "bad-elf", NULL,
			      "it lies beyond the end of the file (offset %#llx, %#llx bytes)",
			      (unsigned long long)sh.sh_offset, (unsigned long long)sh.sh_size);
		return diag_at(r->diag, -EINVAL, "section %s", sec->name);
	}
	sec->data = r->img->data + sh.sh_offset;
	return 0;
}

static int read_sections(struct reader *r)
{
	struct elf_image *img = r->img;

	img->sections = arena_calloc(r->arena, img->nr_sections, sizeof(*img->sections));
	if (!img->sections)
		return diag_nomem(r->diag);
	img->sections[0].name = "";
	for (u32 i = 1; i < img->nr_sections; i++) {
		int err = read_section(r, i);

		if (err)
			return err;
	}
	return 0;
}

static int by_name(const void *a, const void *b, void *ctx)
{
	const struct elf_image *img = ctx;
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	int diff = strcmp(img->sections[x].name, img->sections[y].name);

	return diff ? diff : x < y ? -1 : 1;
}

static int sort_sections(struct reader *r)
{
	struct elf_image *img = r->img;
	u32 nr = img->nr_sections - 1;

	img->by_name = arena_calloc(r->arena, nr, sizeof(*img->by_name));
	if (!img->by_name)
		return diag_nomem(r->diag);
	for (u32 i = 0; i < nr; i++)
		img->by_name[i] = i + 1;
	qsort_r(img->by_name, nr, sizeof(*img->by_name), by_name, img);
	return 0;
}

static int bad_symbol(struct reader *r, u32 idx, const char *why)
{
	diag_set_full(r->diag, -EINVAL, "bad-elf", NULL, "%s", why);
	return diag_at(r->diag, -EINVAL, "symbol %u", idx);
}

static int read_symbol(struct reader *r, const struct elf_section *tab, u32 idx)
{
	const struct elf_section *strs = &r->img->sections[tab->link];
	struct elf_symbol *sym = &r->img->symbols[idx];
	Elf64_Sym raw;

	memcpy(&raw, tab->data + (u64)idx * sizeof(raw), sizeof(raw));
	sym->type = ELF64_ST_TYPE(raw.st_info);
	sym->bind = ELF64_ST_BIND(raw.st_info);
	sym->visibility = ELF64_ST_VISIBILITY(raw.st_other);
	sym->section = raw.st_shndx;
	sym->value = raw.st_value;
	sym->size = raw.st_size;
	if (sym->section < SHN_LORESERVE && sym->section >= r->img->nr_sections)
		return bad_symbol(r, idx, "it belongs to a section that is not there");
	sym->name = string_at(strs->data, strs->size, raw.st_name);
	if (!raw.st_name && !sym->name)
		sym->name = "";
	if (!sym->name || !is_clean(sym->name))
		return bad_symbol(r, idx, "its name is not there, not printable or too long");
	if (sym->type == STT_SECTION && !sym->name[0] && sym->section < SHN_LORESERVE)
		sym->name = r->img->sections[sym->section].name;
	return 0;
}

static int read_symbols(struct reader *r, u32 idx)
{
	const struct elf_section *tab = &r->img->sections[idx];
	u64 nr = tab->size / sizeof(Elf64_Sym);

	if (r->img->symbols)
		return bad_section(r->diag, idx, "a second symbol table");
	if (tab->entsize != sizeof(Elf64_Sym) || tab->size % sizeof(Elf64_Sym))
		return bad_section(r->diag, idx, "symbols of a wrong size");
	if (tab->link >= r->img->nr_sections || r->img->sections[tab->link].type != SHT_STRTAB)
		return bad_section(r->diag, idx, "the symbols' names are not there");
	r->img->symbols = arena_calloc(r->arena, nr, sizeof(*r->img->symbols));
	if (!r->img->symbols)
		return diag_nomem(r->diag);
	r->img->nr_symbols = (u32)nr;
	for (u32 i = 0; i < nr; i++) {
		int err = read_symbol(r, tab, i);

		if (err)
			return err;
	}
	return 0;
}

int elf_open(struct arena *a, const void *data, size_t size, struct elf_image *ret,
	     struct skep_diag *diag)
{
	struct reader r = {.arena = a, .img = ret, .diag = diag};
	int err;

	*ret = (struct elf_image){.data = data, .size = size};
	err = read_header(&r);
	err = err ?: count_sections(&r);
	err = err ?: read_sections(&r);
	err = err ?: sort_sections(&r);
	for (u32 i = 1; !err && i < ret->nr_sections; i++)
		if (ret->sections[i].type == SHT_SYMTAB)
			err = read_symbols(&r, i);
	return err;
}

/* The first section of that name: the table is sorted, so however many there are, this is quick. */
u32 elf_find_section(const struct elf_image *img, const char *name)
{
	u32 lo = 0, hi = img->nr_sections - 1;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (strcmp(img->sections[img->by_name[mid]].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == img->nr_sections - 1 || strcmp(img->sections[img->by_name[lo]].name, name))
		return 0;
	return img->by_name[lo];
}

static size_t reloc_size(const struct elf_section *sec)
{
	return sec->type == SHT_RELA ? sizeof(Elf64_Rela) : sizeof(Elf64_Rel);
}

int elf_nr_relocs(const struct elf_image *img, u32 sec, u32 *ret, struct skep_diag *diag)
{
	const struct elf_section *s = &img->sections[sec];

	if (s->entsize != reloc_size(s) || s->size % s->entsize)
		return bad_section(diag, sec, "relocations of a wrong size");
	if (s->info >= img->nr_sections)
		return bad_section(diag, sec, "it relocates a section that is not there");
	*ret = (u32)(s->size / s->entsize);
	return 0;
}

int elf_reloc_at(const struct elf_image *img, u32 sec, u32 idx, struct elf_reloc *ret,
		 struct skep_diag *diag)
{
	const struct elf_section *s = &img->sections[sec];
	size_t size = reloc_size(s);
	Elf64_Rela raw = {0};

	memcpy(&raw, s->data + idx * size, size);
	*ret = (struct elf_reloc){
		.off = raw.r_offset,
		.sym = (u32)ELF64_R_SYM(raw.r_info),
		.type = (u32)ELF64_R_TYPE(raw.r_info),
		.addend = raw.r_addend,
	};
	if (ret->sym < img->nr_symbols)
		return 0;
	diag_set_full(diag, -EINVAL, "bad-elf", NULL, "it refers to symbol %u of %u", ret->sym,
		      img->nr_symbols);
	return diag_at(diag, -EINVAL, "section %s, relocation %u", s->name, idx);
}
