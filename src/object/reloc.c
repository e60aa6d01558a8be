/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * ELF relocations of code. What one means follows from the instruction and the symbol: a call goes
 * to a subprogram or an extern; a 64-bit load takes a map, a variable, an extern or the address of
 * a subprogram. The type in the relocation says nothing beyond that, and compilers differ in it.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "object/state.h"
#include "spec/uapi.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct collect {
	struct object *obj;
	u32 *ext_of;            /* by symbol: 1 + index of the extern */
	u32 *map_of;            /* by section: 1 + index of its data map */
	u32 arena;              /* 1 + index of the arena, 0: there is none */
	struct hash_table defs; /* section and offset of a map's definition: its map_place */
	struct skep_diag *diag;
};

static int bad_reloc(struct collect *c, const struct func *f, u32 insn,
		     const struct elf_symbol *sym, const char *hint, const char *why)
{
	const struct elf_section *s = &c->obj->state->elf.sections[f->section];

	diag_set_full(c->diag, -EINVAL, "bad-reloc", hint, "%s", why);
	return diag_at(c->diag, -EINVAL, "section %s, offset %#zx (%s, instruction %u), symbol %s",
		       s->name, ((size_t)f->start + insn) * sizeof(struct bpf_insn), f->name, insn,
		       sym->name[0] ? sym->name : "(none)");
}

static u64 def_key(u32 section, u64 off)
{
	return (u64)section << 40 ^ off;
}

/* --- what a symbol is ----------------------------------------------------------------------- */

static int to_extern(struct collect *c, struct func *f, struct reloc *r, u32 sym_idx)
{
	const struct elf_symbol *sym = &c->obj->state->elf.symbols[sym_idx];
	bool is_call = f->insns[r->insn].code == (BPF_JMP | BPF_CALL);
	const struct ext *ext;

	if (!c->ext_of[sym_idx])
		return bad_reloc(c, f, r->insn, sym, "BPF programs have no C library",
				 "the symbol is not defined and no extern");
	r->idx = c->ext_of[sym_idx] - 1;
	r->kind = is_call ? RELOC_EXT_CALL : RELOC_EXT_LOAD;
	ext = &c->obj->state->exts[r->idx];
	if (is_call != ext->is_func && (is_call || ext->is_kconfig))
		return bad_reloc(c, f, r->insn, sym, NULL, "a variable that is called");
	return 0;
}

static int to_call(struct collect *c, struct func *f, struct reloc *r, const struct elf_symbol *sym)
{
	const struct object_state *st = c->obj->state;

	if (f->insns[r->insn].src_reg != BPF_PSEUDO_CALL)
		return bad_reloc(c, f, r->insn, sym, NULL,
				 "a call of a helper can't have a relocation");
	if (sym->section >= st->elf.nr_sections || st->kinds[sym->section] != SECTION_TEXT)
		return bad_reloc(c, f, r->insn, sym,
				 "only functions without SEC() can be called; inline it, or take "
				 "the SEC() away",
				 "the call does not lead to a subprogram in .text");
	r->kind = RELOC_CALL;
	r->off = sym->value;
	return 0;
}

static int to_map(struct collect *c, struct func *f, struct reloc *r, const struct elf_symbol *sym)
{
	const struct object_state *st = c->obj->state;
	const struct map_place *place = hash_get(&c->defs, def_key(sym->section, sym->value));

	if (!place || place->section != sym->section || place->off != sym->value)
		return bad_reloc(c, f, r->insn, sym, NULL, "there is no map at this offset");
	r->kind = RELOC_MAP;
	r->idx = (u32)(place - st->places.data);
	r->name = c->obj->maps[r->idx].def.name;
	return 0;
}

static int to_data(struct collect *c, struct func *f, struct reloc *r, const struct elf_symbol *sym)
{
	if (!c->map_of[sym->section])
		return bad_reloc(c, f, r->insn, sym, NULL, "the section of the variable is empty");
	r->kind = RELOC_DATA;
	r->idx = c->map_of[sym->section] - 1;
	r->off = sym->value;
	return 0;
}

/* Variables of the address space of arenas: the object's only arena holds them. */
static int to_arena(struct collect *c, struct func *f, struct reloc *r,
		    const struct elf_symbol *sym)
{
	if (!c->arena)
		return bad_reloc(c, f, r->insn, sym, "define a map of type BPF_MAP_TYPE_ARENA",
				 "a variable of an arena, and the object has none");
	r->kind = RELOC_DATA;
	r->idx = c->arena - 1;
	r->off = sym->value;
	return 0;
}

static int to_func_addr(struct collect *c, struct func *f, struct reloc *r,
			const struct elf_symbol *sym)
{
	r->kind = RELOC_FUNC_ADDR;
	r->off = sym->value;
	return 0;
}

static int to_nothing(struct collect *c, struct func *f, struct reloc *r,
		      const struct elf_symbol *sym)
{
	const char *name = c->obj->state->elf.sections[sym->section].name;

	if (c->obj->state->kinds[sym->section] == SECTION_PROG)
		return bad_reloc(c, f, r->insn, sym,
				 "only the address of a function without SEC() can be taken",
				 "the address of an entry program");
	diag_set_full(c->diag, -EINVAL, "bad-reloc", "put it into .data, .rodata, .bss or .maps",
		      "section %s holds neither variables nor maps", name);
	return bad_reloc(c, f, r->insn, sym, NULL, "");
}

static int (*const by_section[])(struct collect *c, struct func *f, struct reloc *r,
				 const struct elf_symbol *sym) = {
	[SECTION_OTHER] = to_nothing, [SECTION_TEXT] = to_func_addr, [SECTION_PROG] = to_nothing,
	[SECTION_DATA] = to_data,     [SECTION_RODATA] = to_data,    [SECTION_BSS] = to_data,
	[SECTION_MAPS] = to_map,      [SECTION_OLD_MAPS] = to_map,   [SECTION_ARENA] = to_arena,
};

static int describe(struct collect *c, struct func *f, struct reloc *r, u32 sym_idx)
{
	const struct object_state *st = c->obj->state;
	const struct elf_symbol *sym = &st->elf.symbols[sym_idx];
	const struct bpf_insn *insn = &f->insns[r->insn];
	bool is_load = insn->code == (BPF_LD | BPF_IMM | BPF_DW);

	r->name = sym->name;
	if (!is_load && insn->code != (BPF_JMP | BPF_CALL))
		return bad_reloc(c, f, r->insn, sym, NULL,
				 "neither a call nor a 64-bit load: can't be relocated");
	if (is_load && r->insn + 1 >= f->nr)
		return bad_reloc(c, f, r->insn, sym, NULL, "a 64-bit load that is cut off");
	if (sym->section == SHN_UNDEF)
		return to_extern(c, f, r, sym_idx);
	if (!is_load)
		return to_call(c, f, r, sym);
	if (sym->section >= SHN_LORESERVE)
		return bad_reloc(c, f, r->insn, sym, "initialise the variable",
				 "a symbol without a section");
	return by_section[st->kinds[sym->section]](c, f, r, sym);
}

/* --- all of them ---------------------------------------------------------------------------- */

static int by_insn(const void *a, const void *b)
{
	const struct reloc *x = a, *y = b;

	return x->insn < y->insn ? -1 : x->insn > y->insn;
}

struct found {
	struct func *func;
	struct reloc reloc;
};

static int by_func(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->func != y->func)
		return x->func < y->func ? -1 : 1;
	return by_insn(&x->reloc, &y->reloc);
}

static int check_place(struct collect *c, u32 sec, u32 i, const struct elf_reloc *r)
{
	const struct elf_image *elf = &c->obj->state->elf;
	const struct elf_section *to = &elf->sections[elf->sections[sec].info];

	if (!(r->off % sizeof(struct bpf_insn)) && r->off < to->size)
		return 0;
	diag_set_full(c->diag, -EINVAL, "bad-reloc", NULL, "its offset %#llx is no instruction's",
		      (unsigned long long)r->off);
	return diag_at(c->diag, -EINVAL, "section %s, relocation %u", elf->sections[sec].name, i);
}

/* Hand out sorted relocations to their functions. */
static int distribute(struct collect *c, const struct found *all, u32 nr)
{
	struct reloc *relocs = arena_calloc(&c->obj->arena, nr, sizeof(*relocs));

	if (!relocs)
		return diag_nomem(c->diag);
	for (u32 i = 0; i < nr; i++) {
		struct func *f = all[i].func;

		if (i && all[i - 1].func == f && all[i - 1].reloc.insn == all[i].reloc.insn)
			continue; /* two for one instruction: the first counts */
		if (!f->nr_relocs)
			f->relocs = relocs + i;
		f->relocs[f->nr_relocs++] = all[i].reloc;
	}
	return 0;
}

static int read_section(struct collect *c, u32 sec)
{
	const struct elf_image *elf = &c->obj->state->elf;
	u32 nr, nr_found = 0;
	struct found *all;
	int err = elf_nr_relocs(elf, sec, &nr, c->diag);

	if (err)
		return err;
	all = mem_calloc(nr, sizeof(*all));
	if (!all)
		return diag_nomem(c->diag);
	for (u32 i = 0; i < nr && !err; i++) {
		struct found *slot = &all[nr_found];
		struct elf_reloc r;
		u64 insn;

		err = elf_reloc_at(elf, sec, i, &r, c->diag);
		err = err ?: check_place(c, sec, i, &r);
		if (err)
			break;
		insn = r.off / sizeof(struct bpf_insn);
		slot->func = object_func_at(c->obj, elf->sections[sec].info, insn);
		if (!slot->func)
			continue; /* a weak function that another one replaced */
		if (slot->func->nr_relocs) {
			err = bad_reloc(c, slot->func, 0, &elf->symbols[r.sym], NULL,
					"two sections of relocations for one function");
			break;
		}
		slot->reloc.insn = (u32)insn - slot->func->start;
		err = describe(c, slot->func, &slot->reloc, r.sym);
		nr_found++;
	}
	qsort(all, nr_found, sizeof(*all), by_func);
	err = err ?: distribute(c, all, nr_found);
	mem_free(all);
	return err;
}

static int index_targets(struct collect *c)
{
	struct object *obj = c->obj;
	struct object_state *st = obj->state;

	c->ext_of = mem_calloc(st->elf.nr_symbols, sizeof(u32));
	c->map_of = mem_calloc(st->elf.nr_sections, sizeof(u32));
	if (!c->ext_of || !c->map_of)
		return diag_nomem(c->diag);
	for (u32 i = 0; i < st->nr_exts; i++)
		c->ext_of[st->exts[i].sym] = i + 1;
	for (u32 i = 0; i < obj->nr_maps; i++) {
		struct map_place *p = &st->places.data[i];

		if (obj->maps[i].def.type == SPEC_MAP_ARENA)
			c->arena = i + 1;
		if (obj->maps[i].kind != OBJECT_MAP_USER)
			c->map_of[p->section] = i + 1;
		else if (hash_put(&c->defs, def_key(p->section, p->off), p))
			return diag_nomem(c->diag);
	}
	return 0;
}

int object_collect_relocs(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	const struct elf_image *elf = &st->elf;
	struct collect c = {.obj = obj, .diag = diag};
	int err = index_targets(&c);

	for (u32 i = 1; i < elf->nr_sections && !err; i++) {
		u32 type = elf->sections[i].type, info = elf->sections[i].info;

		if (type != SHT_REL && type != SHT_RELA)
			continue;
		if (info < elf->nr_sections &&
		    (st->kinds[info] == SECTION_TEXT || st->kinds[info] == SECTION_PROG))
			err = read_section(&c, i);
	}
	hash_done(&c.defs);
	mem_free(c.ext_of);
	mem_free(c.map_of);
	return err;
}
