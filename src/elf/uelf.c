/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "elf/uelf.h"
#include "base/file.h"
#include "base/mem.h"
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

/* Larger programs are not probed. */
#define UELF_MAX_SIZE ((size_t)1 << 30)

/* A file with more symbols than this is not searched further. */
#define MAX_SYMBOLS (4u << 20)

static bool read_at(const struct uelf *e, u64 off, void *to, size_t size)
{
	if (!in_bounds(off, size, e->size))
		return false;
	memcpy(to, e->image + off, size);
	return true;
}

/* A NUL-terminated string inside [off, end); NULL where it does not end. */
static const char *string_at(const struct uelf *e, u64 off, u64 end)
{
	if (end > e->size || off >= end || !memchr(e->image + off, 0, end - off))
		return NULL;
	return (const char *)e->image + off;
}

static bool is_ours(const Elf64_Ehdr *eh)
{
	return !memcmp(eh->e_ident, ELFMAG, SELFMAG) && eh->e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh->e_ident[EI_DATA] == ELFDATA2LSB && eh->e_machine == EM_X86_64 &&
	       eh->e_phentsize == sizeof(Elf64_Phdr) &&
	       (!eh->e_shnum || eh->e_shentsize == sizeof(Elf64_Shdr));
}

/* Read, not mapped: whoever owns the file may cut it short at any time. */
static int read_file(const char *path, struct uelf *e, struct skep_diag *diag)
{
	struct stat st;
	char *image;
	size_t size;
	int err;

	if (stat(path, &st))
		return diag_set(diag, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode)) /* opening something else may block */
		return diag_set(diag, -ENOEXEC, "%s is not an ELF file", path);
	err = file_read(path, UELF_MAX_SIZE, &image, &size, diag);
	if (err)
		return err;
	e->image = (const u8 *)image;
	e->size = size;
	e->ino = st.st_ino;
	return 0;
}

int uelf_open(const char *path, struct uelf *e, struct skep_diag *diag)
{
	int err;

	memset(e, 0, sizeof(*e));
	err = read_file(path, e, diag);
	if (err)
		return err;
	if (read_at(e, 0, &e->eh, sizeof(e->eh)) && is_ours(&e->eh))
		return 0;
	uelf_close(e);
	return diag_set(diag, -ENOEXEC, "%s is not an ELF file for x86-64", path);
}

int uelf_parse(const void *bytes, size_t size, struct uelf *e)
{
	memset(e, 0, sizeof(*e));
	e->image = bytes;
	e->size = size;
	return read_at(e, 0, &e->eh, sizeof(e->eh)) && is_ours(&e->eh) ? 0 : -ENOEXEC;
}

void uelf_close(struct uelf *e)
{
	mem_free((void *)e->image);
	e->image = NULL;
}

/* --- addresses ------------------------------------------------------------------------------ */

static bool phdr(const struct uelf *e, u32 i, Elf64_Phdr *ph)
{
	return i < e->eh.e_phnum && read_at(e, e->eh.e_phoff + i * sizeof(*ph), ph, sizeof(*ph));
}

u64 uelf_off_of(const struct uelf *e, u64 vaddr)
{
	Elf64_Phdr ph;

	for (u32 i = 0; phdr(e, i, &ph); i++)
		if (ph.p_type == PT_LOAD && vaddr >= ph.p_vaddr && vaddr - ph.p_vaddr < ph.p_filesz)
			return vaddr - ph.p_vaddr + ph.p_offset;
	return UINT64_MAX;
}

u64 uelf_vaddr_of(const struct uelf *e, u64 off)
{
	Elf64_Phdr ph;

	for (u32 i = 0; phdr(e, i, &ph); i++)
		if (ph.p_type == PT_LOAD && off >= ph.p_offset && off - ph.p_offset < ph.p_filesz)
			return off - ph.p_offset + ph.p_vaddr;
	return UINT64_MAX;
}

/* --- sections and symbols ------------------------------------------------------------------- */

static bool shdr(const struct uelf *e, u32 i, Elf64_Shdr *sh)
{
	return i < e->eh.e_shnum &&
	       read_at(e, e->eh.e_shoff + (u64)i * sizeof(*sh), sh, sizeof(*sh));
}

static bool find_section(const struct uelf *e, const char *name, Elf64_Shdr *sh)
{
	Elf64_Shdr names;

	if (!shdr(e, e->eh.e_shstrndx, &names))
		return false;
	for (u32 i = 1; shdr(e, i, sh); i++) {
		u64 end = names.sh_offset + names.sh_size;
		const char *have = names.sh_offset > e->size
					   ? NULL
					   : string_at(e, names.sh_offset + sh->sh_name, end);

		if (have && !strcmp(have, name))
			return true;
	}
	return false;
}

static bool is_function(const Elf64_Sym *sym)
{
	u32 type = ELF64_ST_TYPE(sym->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC) && sym->st_shndx != SHN_UNDEF &&
	       sym->st_value;
}

static int walk_table(const struct uelf *e, const Elf64_Shdr *table, const char *pattern,
		      uelf_sized_fn fn, void *ctx)
{
	u64 nr = min_u64(table->sh_size / sizeof(Elf64_Sym), MAX_SYMBOLS);
	Elf64_Shdr strings;
	Elf64_Sym sym;
	int ret = 0;

	if (!shdr(e, table->sh_link, &strings) || strings.sh_offset > e->size)
		return 0;
	for (u64 i = 0; i < nr && !ret; i++) {
		const char *name;
		u64 off;

		if (table->sh_offset > e->size ||
		    !read_at(e, table->sh_offset + i * sizeof(sym), &sym, sizeof(sym)))
			break;
		if (!is_function(&sym))
			continue;
		name = string_at(e, strings.sh_offset + sym.st_name,
				 strings.sh_offset + strings.sh_size);
		off = name && !fnmatch(pattern, name, 0) ? uelf_off_of(e, sym.st_value)
							 : UINT64_MAX;
		if (off != UINT64_MAX)
			ret = fn(ctx, name, off, sym.st_size);
	}
	return ret;
}

int uelf_sized_symbols(const struct uelf *e, const char *pattern, uelf_sized_fn fn, void *ctx)
{
	Elf64_Shdr sh;
	int ret = 0;

	for (u32 i = 1; !ret && shdr(e, i, &sh); i++)
		if (sh.sh_type == SHT_SYMTAB || sh.sh_type == SHT_DYNSYM)
			ret = walk_table(e, &sh, pattern, fn, ctx);
	return ret;
}

struct unsized {
	uelf_symbol_fn fn;
	void *ctx;
};

static int without_size(void *ctx, const char *name, u64 off, u64 size)
{
	const struct unsized *u = ctx;

	return u->fn(u->ctx, name, off);
}

int uelf_symbols(const struct uelf *e, const char *pattern, uelf_symbol_fn fn, void *ctx)
{
	struct unsized u = {fn, ctx};

	return uelf_sized_symbols(e, pattern, without_size, &u);
}

/* --- USDT ----------------------------------------------------------------------------------- */

#define NT_STAPSDT 3

/* Three addresses (site, base of .stapsdt.base at link time, semaphore), then three strings. */
static bool parse_note(const struct uelf *e, u64 desc, u64 end, u64 base, struct uelf_usdt *u)
{
	u64 addrs[3], at = desc + sizeof(addrs);

	if (!read_at(e, desc, addrs, sizeof(addrs)))
		return false;
	u->provider = string_at(e, at, end);
	u->name = u->provider ? string_at(e, at += strlen(u->provider) + 1, end) : NULL;
	u->args = u->name ? string_at(e, at + strlen(u->name) + 1, end) : NULL;
	if (!u->args)
		return false;
	u->vaddr = addrs[0] + (base ? base - addrs[1] : 0); /* prelink moved it that far */
	u->sem_vaddr = addrs[2] ? addrs[2] + (base ? base - addrs[1] : 0) : 0;
	u->off = uelf_off_of(e, u->vaddr);
	return u->off != UINT64_MAX;
}

int uelf_usdts(const struct uelf *e, uelf_usdt_fn fn, void *ctx)
{
	Elf64_Shdr notes, sh;
	Elf64_Nhdr nh;
	u64 at, end, base;
	int ret = 0;

	if (!find_section(e, ".note.stapsdt", &notes) ||
	    !in_bounds(notes.sh_offset, notes.sh_size, e->size))
		return 0;
	base = find_section(e, ".stapsdt.base", &sh) ? sh.sh_addr : 0;
	end = notes.sh_offset + notes.sh_size;
	for (at = notes.sh_offset; !ret && at + sizeof(nh) <= end;) {
		struct uelf_usdt u;
		u64 desc;

		if (!read_at(e, at, &nh, sizeof(nh)))
			break;
		desc = at + sizeof(nh) + align_up(nh.n_namesz, 4);
		at = desc + align_up(nh.n_descsz, 4);
		if (at > end)
			break;
		if (nh.n_type == NT_STAPSDT && parse_note(e, desc, desc + nh.n_descsz, base, &u))
			ret = fn(ctx, &u);
	}
	return ret;
}
