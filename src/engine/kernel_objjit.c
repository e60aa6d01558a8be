/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The machine's instructions of a program. libcapstone knows them; it is opened when it is needed
 * only, because it is large. Built without its header, or run without the library: an error.
 */
#include "engine/kernel_objinsns.h"
#include <errno.h>
#include <string.h>

#ifdef SKEP_CAPSTONE
#include <capstone/capstone.h>
#include <dlfcn.h>
#include <stdio.h>

struct capstone {
	void *lib;
	csh handle;
	cs_err (*open)(cs_arch arch, cs_mode mode, csh *handle);
	cs_err (*option)(csh handle, cs_opt_type type, size_t value);
	size_t (*disasm)(csh handle, const uint8_t *code, size_t size, uint64_t addr, size_t count,
			 cs_insn **insn);
	void (*free)(cs_insn *insn, size_t count);
	cs_err (*close)(csh *handle);
};

#if defined(__x86_64__)
#define ARCH CS_ARCH_X86
#define MODE CS_MODE_64
#elif defined(__aarch64__)
#define ARCH CS_ARCH_ARM64
#define MODE CS_MODE_ARM
#else
#define ARCH CS_ARCH_ALL
#define MODE CS_MODE_ARM
#endif

#define STRING(x)  #x
#define SONAME(nr) "libcapstone.so." STRING(nr)

static int load(struct capstone *cs, struct skep_diag *diag)
{
	const char *soname = SONAME(CS_API_MAJOR);

	cs->lib = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
	if (!cs->lib)
		return diag_set_full(diag, -ENOTSUP, "no-capstone",
				     "install it (Debian: libcapstone4)",
				     "machine code needs %s, which is not installed", soname);
	cs->open = (__typeof__(cs->open))dlsym(cs->lib, "cs_open");
	cs->option = (__typeof__(cs->option))dlsym(cs->lib, "cs_option");
	cs->disasm = (__typeof__(cs->disasm))dlsym(cs->lib, "cs_disasm");
	cs->free = (__typeof__(cs->free))dlsym(cs->lib, "cs_free");
	cs->close = (__typeof__(cs->close))dlsym(cs->lib, "cs_close");
	if (!cs->open || !cs->option || !cs->disasm || !cs->free || !cs->close ||
	    cs->open(ARCH, MODE, &cs->handle) != CS_ERR_OK) {
		dlclose(cs->lib);
		return diag_set(diag, -ENOTSUP, "%s does not know this machine", soname);
	}
	/* Bytes that it does not know are shown, not the end of everything. */
	cs->option(cs->handle, CS_OPT_SKIPDATA, CS_OPT_ON);
	return 0;
}

/* Jumps inside the function as what stands on the left; addresses with their names. */
static void put_operands(struct strbuf *sb, const struct objinsns *o, const struct objinsns_func *f,
			 u32 size, const cs_insn *insn)
{
	const char *at = strstr(insn->op_str, "0xffff"), *name;
	unsigned long long addr = 0;

	if (!at || sscanf(at, "%llx", &addr) != 1) {
		strbuf_puts(sb, insn->op_str);
		return;
	}
	if (at == insn->op_str && addr >= f->addr && addr - f->addr < size) {
		strbuf_printf(sb, "%llx", addr - f->addr);
		return;
	}
	name = objinsns_symbol(o, addr);
	strbuf_puts(sb, insn->op_str);
	if (name)
		strbuf_printf(sb, "  # %s", name);
}

static int print_insn(const struct objinsns *o, const struct objinsns_func *f, u32 size,
		      const cs_insn *insn, struct strbuf *sb, objinsns_write write, void *ctx)
{
	int err;

	strbuf_printf(sb, "%4llx: %s%s", (unsigned long long)(insn->address - f->addr),
		      insn->mnemonic, *insn->op_str ? " " : "");
	put_operands(sb, o, f, size, insn);
	strbuf_putc(sb, '\n');
	err = sb->failed ? -ENOMEM : write(ctx, strbuf_str(sb), sb->len);
	strbuf_reset(sb);
	return err;
}

static int print_func(const struct objinsns *o, const struct capstone *cs,
		      const struct objinsns_func *f, const u8 *code, u32 size, objinsns_write write,
		      void *ctx)
{
	struct strbuf sb = {0};
	cs_insn *insns = NULL;
	size_t nr = cs->disasm(cs->handle, code, size, f->addr, 0, &insns);
	u32 line = 0;
	int err = 0;

	strbuf_printf(&sb, "%s():\n", f->name);
	for (size_t i = 0; i < nr && !err; i++) {
		u64 end = insns[i].address + insns[i].size;

		/* Lines of other functions lie elsewhere; the lines of this one come in order. */
		for (; line < o->nr_lines; line++) {
			u64 at = o->line_addrs[line];

			if (at >= f->addr && at < f->addr + size && at >= end)
				break;
			if (at >= insns[i].address && at < end)
				objinsns_put_line(&sb, o, line);
		}
		err = print_insn(o, f, size, &insns[i], &sb, write, ctx);
	}
	if (nr)
		cs->free(insns, nr);
	strbuf_done(&sb);
	return err;
}

int objinsns_print_jited(const struct objinsns *o, objinsns_write write, void *ctx,
			 struct skep_diag *diag)
{
	struct capstone cs = {0};
	u32 off = 0;
	int err = load(&cs, diag);

	if (err)
		return err;
	for (u32 i = 0; i < o->nr_funcs && !err; i++) {
		u32 size = (u32)min_u64(o->funcs[i].size ? o->funcs[i].size : o->jited_size,
					o->jited_size - off);

		err = print_func(o, &cs, &o->funcs[i], o->jited + off, size, write, ctx);
		off += size;
	}
	cs.close(&cs.handle);
	dlclose(cs.lib);
	return err;
}

#else

int objinsns_print_jited(const struct objinsns *o, objinsns_write write, void *ctx,
			 struct skep_diag *diag)
{
	return diag_set_full(diag, -ENOTSUP, "no-capstone",
			     "build it where pkg-config finds capstone (Debian: libcapstone-dev)",
			     "this skep was built without libcapstone: no machine code");
}

#endif
