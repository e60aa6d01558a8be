/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What refers to instructions, corrected in the new file: relocations (where they are, and what the
 * addend in the instruction counts from), symbols (value, size), .BTF.ext (functions, lines,
 * CO-RE).
 */
#include "prog/insert_state.h"
#include <errno.h>
#include <string.h>

#define INSN_SIZE sizeof(struct bpf_insn)

static u32 u32_at(const u8 *p)
{
	u32 x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* The bytes of a section of the old file, in the new one; only for sections that have not moved. */
static u8 *section_out(struct inserter *in, u32 sec)
{
	return in->out + (in->img.sections[sec].data - in->img.data);
}

/* --- relocations ------------------------------------------------------------------------------ */

struct walk {
	u32 table, idx;
	struct insert_map *map; /* of the section that is relocated */
	struct elf_reloc r;
	u32 insn; /* the old one that it is at */
};

typedef int (*reloc_fn)(struct inserter *in, const struct walk *w);

static int walk_table(struct inserter *in, u32 table, reloc_fn fn)
{
	struct walk w = {.table = table};
	u32 nr;
	int err = elf_nr_relocs(&in->img, table, &nr, in->diag);

	if (err)
		return err;
	w.map = &in->maps[in->img.sections[table].info];
	for (; w.map->is_code && w.idx < nr && !err; w.idx++) {
		err = elf_reloc_at(&in->img, table, w.idx, &w.r, in->diag);
		if (err)
			return err;
		if (w.r.off % INSN_SIZE || w.r.off / INSN_SIZE >= w.map->nr)
			return insert_refuse(in, "a relocation that is at no instruction");
		w.insn = (u32)(w.r.off / INSN_SIZE);
		err = fn(in, &w);
	}
	return err;
}

static int walk_relocs(struct inserter *in, reloc_fn fn)
{
	int err = 0;

	for (u32 i = 1; i < in->img.nr_sections && !err; i++)
		if (in->img.sections[i].type == SHT_REL || in->img.sections[i].type == SHT_RELA)
			err = walk_table(in, i, fn);
	return err;
}

static int mark(struct inserter *in, const struct walk *w)
{
	if (w->map->has_reloc[w->insn])
		return insert_refuse(in, "an instruction with two relocations");
	w->map->has_reloc[w->insn] = 1;
	return 0;
}

int insert_mark_relocs(struct inserter *in)
{
	return walk_relocs(in, mark);
}

/* The code that a symbol is in, NULL: it is none of code that changes. */
static const struct insert_map *code_of(const struct inserter *in, const struct elf_symbol *sym)
{
	if (!sym->section || sym->section >= in->img.nr_sections || !in->maps[sym->section].changes)
		return NULL;
	return &in->maps[sym->section];
}

/* `from` is what the symbol says, `to` what symbol and addend say together: old instructions. */
static int fix_call(struct inserter *in, const struct insert_map *m, u64 value,
		    struct bpf_insn *insn)
{
	s64 from = (s64)(value / INSN_SIZE), to = from + insn->imm + 1;

	if (value % INSN_SIZE || from < 0 || from > m->nr || to < 0 || to > m->nr)
		return insert_refuse(in, "a call leads out of its section");
	insn->imm = (s32)((s64)m->block[to] - (s64)m->block[from] - 1);
	return 0;
}

static int fix_address(struct inserter *in, const struct insert_map *m, u64 value,
		       struct bpf_insn *insn)
{
	s64 from = (s64)(value / INSN_SIZE), to = from + insn->imm / (s32)INSN_SIZE;

	if (value % INSN_SIZE || insn->imm % (s32)INSN_SIZE || from < 0 || from > m->nr || to < 0 ||
	    to > m->nr)
		return insert_refuse(in, "a function's address leads out of its section");
	insn->imm = (s32)(((s64)m->block[to] - (s64)m->block[from]) * (s64)INSN_SIZE);
	return 0;
}

static int fix_addend(struct inserter *in, const struct walk *w)
{
	const struct elf_symbol *sym = &in->img.symbols[w->r.sym];
	const struct insert_map *target = code_of(in, sym);
	u8 *p = in->out + w->map->out_off + (u64)w->map->at[w->insn] * INSN_SIZE;
	struct bpf_insn insn;
	int err = 0;

	if (!target)
		return 0;
	memcpy(&insn, p, sizeof(insn));
	if (insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL)
		err = fix_call(in, target, sym->value, &insn);
	else if (insn.code == (BPF_LD | BPF_IMM | BPF_DW))
		err = fix_address(in, target, sym->value, &insn);
	memcpy(p, &insn, sizeof(insn));
	return err;
}

static int fix_reloc(struct inserter *in, const struct walk *w)
{
	const struct elf_section *table = &in->img.sections[w->table];
	u64 off = (u64)w->map->at[w->insn] * INSN_SIZE;

	memcpy(section_out(in, w->table) + (u64)w->idx * table->entsize, &off, sizeof(off));
	return fix_addend(in, w);
}

int insert_fix_relocs(struct inserter *in)
{
	return walk_relocs(in, fix_reloc);
}

/* --- symbols ---------------------------------------------------------------------------------- */

static int fix_symbol(struct inserter *in, const struct insert_map *m, Elf64_Sym *sym)
{
	u64 end = sym->st_value + sym->st_size;
	u64 last = (u64)m->nr * INSN_SIZE;

	if (sym->st_value % INSN_SIZE || sym->st_size % INSN_SIZE || sym->st_value > last ||
	    sym->st_size > last || end > last)
		return insert_refuse(in, "a symbol that is at no instruction");
	sym->st_value = (u64)m->block[sym->st_value / INSN_SIZE] * INSN_SIZE;
	sym->st_size = (u64)m->block[end / INSN_SIZE] * INSN_SIZE - sym->st_value;
	return 0;
}

static int fix_symbol_table(struct inserter *in, u32 table)
{
	u8 *p = section_out(in, table);

	for (u32 i = 0; i < in->img.nr_symbols; i++, p += sizeof(Elf64_Sym)) {
		const struct insert_map *m = code_of(in, &in->img.symbols[i]);
		Elf64_Sym sym;
		int err;

		if (!m)
			continue;
		memcpy(&sym, p, sizeof(sym));
		err = fix_symbol(in, m, &sym);
		if (err)
			return err;
		memcpy(p, &sym, sizeof(sym));
	}
	return 0;
}

int insert_fix_symbols(struct inserter *in)
{
	for (u32 i = 1; i < in->img.nr_sections; i++)
		if (in->img.sections[i].type == SHT_SYMTAB)
			return fix_symbol_table(in, i);
	return 0;
}

/* --- .BTF.ext --------------------------------------------------------------------------------- */

/*
 * u16 magic, u8 version, u8 flags, u32 hdr_len, then for functions, lines and CO-RE an offset
 * behind the header and a length. Each: u32 record size; per section u32 name, u32 count, the
 * records, which begin with the offset of an instruction in bytes.
 */
#define EXT_MAGIC     0xeb9f
#define EXT_HDR_LEN   4
#define EXT_FIRST     8 /* of the pairs of offset and length */
#define EXT_NR_PARTS  3
#define EXT_PART_CORE 2

/* .BTF: u16 magic, u8, u8, u32 hdr_len, u32 type_off, type_len, str_off, str_len */
#define BTF_HEADER  24
#define BTF_STR_OFF 16

struct ext {
	const u8 *data; /* of .BTF.ext, old */
	u8 *out;        /* and new */
	u64 size;
	const u8 *strs;
	u64 strs_size;
};

static int find_strings(struct inserter *in, struct ext *e)
{
	const struct elf_section *btf = &in->img.sections[elf_find_section(&in->img, ".BTF")];
	u64 off;

	if (!btf->data || btf->size < BTF_HEADER)
		return insert_refuse(in, ".BTF.ext without .BTF");
	off = (u64)u32_at(btf->data + 4) + u32_at(btf->data + BTF_STR_OFF);
	e->strs_size = u32_at(btf->data + BTF_STR_OFF + 4);
	if (!in_bounds(off, e->strs_size, btf->size))
		return insert_refuse(in, "the strings of .BTF lie outside of it");
	e->strs = btf->data + off;
	return 0;
}

/* The code section of that name, if it changes; an unknown name is the loader's matter. */
static const struct insert_map *named_code(struct inserter *in, const struct ext *e, u32 name)
{
	u32 sec;

	if (name >= e->strs_size || !memchr(e->strs + name, 0, e->strs_size - name))
		return NULL;
	sec = elf_find_section(&in->img, (const char *)e->strs + name);
	return sec && in->maps[sec].changes ? &in->maps[sec] : NULL;
}

static int fix_records(struct inserter *in, struct ext *e, const struct insert_map *m, u64 at,
		       u64 nr, u32 rec_size, const u32 *where)
{
	for (u64 i = 0; m && i < nr; i++, at += rec_size) {
		u32 off = u32_at(e->data + at);

		if (off % INSN_SIZE || off / INSN_SIZE >= m->nr)
			return insert_refuse(in, ".BTF.ext speaks of no instruction");
		off = where[off / INSN_SIZE] * (u32)INSN_SIZE;
		memcpy(e->out + at, &off, sizeof(off));
	}
	return 0;
}

/* CO-RE patches the instruction itself; a line or a function begins where its block does. */
static int fix_part(struct inserter *in, struct ext *e, u64 at, u64 end, bool is_core)
{
	u32 rec_size;
	int err = 0;

	if (!in_bounds(at, end - at, e->size) || end - at < 4)
		return insert_refuse(in, "a part of .BTF.ext lies outside of it");
	rec_size = u32_at(e->data + at);
	if (rec_size < 8)
		return insert_refuse(in, "records of .BTF.ext that are too small");
	for (at += 4; at < end && !err;) {
		const struct insert_map *m;
		u64 nr;

		if (end - at < 8)
			return insert_refuse(in, ".BTF.ext ends within a section's header");
		m = named_code(in, e, u32_at(e->data + at));
		nr = u32_at(e->data + at + 4);
		at += 8;
		if (nr > (end - at) / rec_size)
			return insert_refuse(in, ".BTF.ext ends within its records");
		err = fix_records(in, e, m, at, nr, rec_size,
				  !m        ? NULL
				  : is_core ? m->at
					    : m->block);
		at += nr * rec_size;
	}
	return err;
}

static int fix_parts(struct inserter *in, struct ext *e)
{
	u64 hdr_len = u32_at(e->data + EXT_HDR_LEN);
	int err = 0;

	for (u32 i = 0; i < EXT_NR_PARTS && !err; i++) {
		u64 field = EXT_FIRST + (u64)i * 8, off, len;

		if (field + 8 > hdr_len) /* an old one without CO-RE */
			break;
		off = u32_at(e->data + field);
		len = u32_at(e->data + field + 4);
		if (len)
			err = fix_part(in, e, hdr_len + off, hdr_len + off + len,
				       i == EXT_PART_CORE);
	}
	return err;
}

int insert_fix_btf_ext(struct inserter *in)
{
	u32 idx = elf_find_section(&in->img, ".BTF.ext");
	const struct elf_section *sec = &in->img.sections[idx];
	struct ext e = {.data = sec->data, .size = sec->size};
	int err;

	if (!idx || !sec->data)
		return 0;
	if (sec->size < EXT_FIRST + 2 * 8 || (u32_at(sec->data) & 0xffff) != EXT_MAGIC ||
	    u32_at(sec->data + EXT_HDR_LEN) > sec->size)
		return insert_refuse(in, "a strange .BTF.ext");
	e.out = section_out(in, idx);
	err = find_strings(in, &e);
	return err ? err : fix_parts(in, &e);
}
