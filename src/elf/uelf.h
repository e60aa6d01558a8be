/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The little of ELF that probes and stacks need; every byte of the file may be hostile. */
#ifndef ELF_UELF_H
#define ELF_UELF_H

#include "base/diag.h"
#include <elf.h>

struct uelf {
	const u8 *image;
	size_t size;
	u64 ino;
	Elf64_Ehdr eh;
};

/* A 64-bit x86 ELF file, read whole. 0 or -errno. */
int uelf_open(const char *path, struct uelf *e, struct skep_diag *diag);
void uelf_close(struct uelf *e);

/* The same of bytes that the caller keeps; not to be closed. */
int uelf_parse(const void *bytes, size_t size, struct uelf *e);

/* Functions whose name matches a pattern (fnmatch; a plain name matches itself): fn is called with
 * the offset in the file; non-zero ends the walk and is returned. */
typedef int (*uelf_symbol_fn)(void *ctx, const char *name, u64 off);
int uelf_symbols(const struct uelf *e, const char *pattern, uelf_symbol_fn fn, void *ctx);
typedef int (*uelf_sized_fn)(void *ctx, const char *name, u64 off, u64 size);
int uelf_sized_symbols(const struct uelf *e, const char *pattern, uelf_sized_fn fn, void *ctx);

/* One USDT site, as its note says; addresses made offsets in the file. */
struct uelf_usdt {
	const char *provider, *name, *args;
	u64 off, vaddr;
	u64 sem_vaddr; /* 0: none */
};
typedef int (*uelf_usdt_fn)(void *ctx, const struct uelf_usdt *usdt);
int uelf_usdts(const struct uelf *e, uelf_usdt_fn fn, void *ctx);

/* Virtual address ↔ offset in the file by the PT_LOAD segments; UINT64_MAX: not there. */
u64 uelf_off_of(const struct uelf *e, u64 vaddr);
u64 uelf_vaddr_of(const struct uelf *e, u64 off);

#endif
