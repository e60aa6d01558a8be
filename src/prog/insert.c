/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * See insert.h. The new file is the old one with the code sections that grow moved to its end; the
 * tables stay where they are and are corrected in place (insert_refs.c).
 *
 * Everything follows from two functions of an old instruction, block and at (insert_state.h): what
 * *leads* to an instruction goes to its block, what is *said of* it goes to the instruction itself.
 * Both are monotonic, and block[i] <= at[i] < block[i + 1].
 */
#include "prog/insert.h"
#include "base/mem.h"
#include "prog/insert_state.h"
#include "spec/uapi.h"
#include <errno.h>
#include <string.h>

int insert_refuse(struct inserter *in, const char *why)
{
	return diag_set_full(in->diag, -EINVAL, "not-patchable", NULL, "%s", why);
}

static bool is_code(const struct elf_section *sec)
{
	return sec->type == SHT_PROGBITS && (sec->flags & SHF_EXECINSTR) && sec->size && sec->data;
}

static bool is_ldimm64(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

/* --- the plan --------------------------------------------------------------------------------- */

static int new_map(struct inserter *in, u32 sec)
{
	struct insert_map *m = &in->maps[sec];
	u64 size = in->img.sections[sec].size;

	if (size % sizeof(struct bpf_insn) || size / sizeof(struct bpf_insn) > INSERT_MAX_INSNS)
		return insert_refuse(in, "a code section of a strange size");
	m->is_code = true;
	m->nr = (u32)(size / sizeof(struct bpf_insn));
	m->block = arena_calloc(&in->arena, m->nr + 1, sizeof(*m->block));
	m->at = arena_calloc(&in->arena, m->nr + 1, sizeof(*m->at));
	m->has_reloc = arena_calloc(&in->arena, m->nr + 1, 1);
	return m->block && m->at && m->has_reloc ? 0 : diag_nomem(in->diag);
}

/* How much comes in front of and behind each instruction: kept in block and at for a moment. */
static int count_inserts(struct inserter *in)
{
	for (u32 i = 0; i < in->nr_list; i++) {
		const struct insert *ins = &in->list[i];
		struct insert_map *m = ins->section < in->img.nr_sections ? &in->maps[ins->section]
									  : NULL;

		if (!m || !m->is_code || ins->insn >= m->nr || ins->nr > INSERT_MAX_INSNS)
			return insert_refuse(in, "there is no such instruction");
		m->changes = true;
		*(ins->after ? &m->at[ins->insn] : &m->block[ins->insn]) += ins->nr;
		if (m->at[ins->insn] > INSERT_MAX_INSNS || m->block[ins->insn] > INSERT_MAX_INSNS)
			return insert_refuse(in, "too many instructions");
	}
	return 0;
}

static int lay_out(struct inserter *in, struct insert_map *m)
{
	u64 next = 0;

	for (u32 i = 0; i < m->nr; i++) {
		u32 front = m->block[i], behind = m->at[i];

		m->block[i] = (u32)next;
		m->at[i] = (u32)next + front;
		next += (u64)front + 1 + behind;
		if (next > INSERT_MAX_INSNS)
			return insert_refuse(in, "too many instructions");
	}
	m->block[m->nr] = m->at[m->nr] = (u32)next;
	return 0;
}

static int plan(struct inserter *in)
{
	int err = 0;

	in->maps = arena_calloc(&in->arena, in->img.nr_sections, sizeof(*in->maps));
	if (!in->maps)
		return diag_nomem(in->diag);
	for (u32 i = 1; i < in->img.nr_sections && !err; i++) {
		if (!strncmp(in->img.sections[i].name, ".jumptables", strlen(".jumptables")) &&
		    in->img.sections[i].size)
			return insert_refuse(in, "it has tables of jumps");
		if (is_code(&in->img.sections[i]))
			err = new_map(in, i);
	}
	if (!err)
		err = count_inserts(in);
	for (u32 i = 1; i < in->img.nr_sections && !err; i++)
		if (in->maps[i].is_code)
			err = lay_out(in, &in->maps[i]);
	return err;
}

/* --- the new file ----------------------------------------------------------------------------- */

static void write_header(struct inserter *in, u32 sec)
{
	const struct insert_map *m = &in->maps[sec];
	Elf64_Ehdr eh;
	Elf64_Shdr sh;
	u8 *p;

	memcpy(&eh, in->out, sizeof(eh)); /* elf_open has checked that the table is there */
	p = in->out + eh.e_shoff + (u64)sec * sizeof(sh);
	memcpy(&sh, p, sizeof(sh));
	sh.sh_offset = m->out_off;
	sh.sh_size = (u64)m->block[m->nr] * sizeof(struct bpf_insn);
	memcpy(p, &sh, sizeof(sh));
}

/* Sections that grow go to the end; the others are changed where they are. */
static int make_file(struct inserter *in)
{
	u64 size = align_up(in->img.size, 8);

	for (u32 i = 1; i < in->img.nr_sections; i++) {
		struct insert_map *m = &in->maps[i];

		if (!m->changes)
			continue;
		m->out_off = size;
		size += (u64)m->block[m->nr] * sizeof(struct bpf_insn);
		if (size > SIZE_MAX / 2)
			return insert_refuse(in, "too large");
	}
	in->out_size = size;
	in->out = mem_zalloc(size);
	if (!in->out)
		return diag_nomem(in->diag);
	memcpy(in->out, in->img.data, in->img.size);
	for (u32 i = 1; i < in->img.nr_sections; i++) {
		struct insert_map *m = &in->maps[i];

		if (m->changes)
			write_header(in, i);
		else if (m->is_code)
			m->out_off = (u64)(in->img.sections[i].data - in->img.data);
	}
	return 0;
}

/* The place of an old instruction in the new file; it may be unaligned. */
static u8 *place(struct inserter *in, const struct insert_map *m, u32 idx)
{
	return in->out + m->out_off + (u64)idx * sizeof(struct bpf_insn);
}

static struct bpf_insn old_insn(const struct inserter *in, u32 sec, u32 idx)
{
	struct bpf_insn insn;

	memcpy(&insn, in->img.sections[sec].data + (u64)idx * sizeof(insn), sizeof(insn));
	return insn;
}

/* --- jumps ------------------------------------------------------------------------------------ */

enum jump_field { JUMP_NONE, JUMP_OFF, JUMP_IMM };

static enum jump_field jump_field(const struct bpf_insn *insn, bool has_reloc)
{
	u8 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	if (class != BPF_JMP && class != BPF_JMP32)
		return JUMP_NONE;
	if (op == BPF_EXIT)
		return JUMP_NONE;
	if (op == BPF_CALL) /* within the section; else the relocation says where */
		return insn->src_reg == BPF_PSEUDO_CALL && !has_reloc ? JUMP_IMM : JUMP_NONE;
	if (op == BPF_JA && class == BPF_JMP32)
		return JUMP_IMM;
	return JUMP_OFF;
}

static int fix_jump(struct inserter *in, const struct insert_map *m, u32 idx, struct bpf_insn *insn)
{
	enum jump_field field = jump_field(insn, m->has_reloc[idx]);
	s64 target, dist;

	if (field == JUMP_NONE)
		return 0;
	if (insn->code == (BPF_JMP | BPF_JA | BPF_X))
		return insert_refuse(in, "it jumps to addresses in registers");
	target = (s64)idx + 1 + (field == JUMP_IMM ? insn->imm : insn->off);
	if (target < 0 || target > m->nr)
		return insert_refuse(in, "a jump leads out of its section");
	dist = (s64)m->block[target] - (s64)m->at[idx] - 1;
	if (field == JUMP_OFF && dist != (s16)dist)
		return insert_refuse(in, "a jump would become too far");
	if (field == JUMP_IMM)
		insn->imm = (s32)dist;
	else
		insn->off = (s16)dist;
	return 0;
}

static int write_code(struct inserter *in, u32 sec)
{
	const struct insert_map *m = &in->maps[sec];
	bool second = false; /* half of an ld_imm64 */

	for (u32 i = 0; i < m->nr; i++) {
		struct bpf_insn insn = old_insn(in, sec, i);
		int err = second ? 0 : fix_jump(in, m, i, &insn);

		if (err)
			return err;
		if (second && m->at[i] != m->at[i - 1] + 1)
			return insert_refuse(in, "code would come into an ld_imm64");
		memcpy(place(in, m, m->at[i]), &insn, sizeof(insn));
		second = !second && is_ldimm64(&insn);
	}
	return 0;
}

/* In the order of the list, so several pieces at one place follow each other. */
static void write_inserts(struct inserter *in)
{
	u32 used = 0;

	for (u32 i = 0; i < in->nr_list; i++) {
		const struct insert *ins = &in->list[i], *prev = i ? ins - 1 : NULL;
		const struct insert_map *m = &in->maps[ins->section];
		u32 at = ins->after ? m->at[ins->insn] + 1 : m->block[ins->insn];

		if (!prev || prev->section != ins->section || prev->insn != ins->insn ||
		    prev->after != ins->after)
			used = 0;
		memcpy(place(in, m, at + used), ins->code, ins->nr * sizeof(*ins->code));
		used += ins->nr;
	}
}

/* An order that is not kept would make pieces overlap. */
static int check_order(struct inserter *in)
{
	for (u32 i = 1; i < in->nr_list; i++) {
		const struct insert *a = &in->list[i - 1], *b = &in->list[i];

		if (a->section > b->section ||
		    (a->section == b->section &&
		     (a->insn > b->insn || (a->insn == b->insn && a->after && !b->after))))
			return insert_refuse(in, "the pieces are not in order");
	}
	return 0;
}

static int write_all_code(struct inserter *in)
{
	int err = 0;

	for (u32 i = 1; i < in->img.nr_sections && !err; i++)
		if (in->maps[i].changes)
			err = write_code(in, i);
	if (!err)
		write_inserts(in);
	return err;
}

static int insert_all(struct inserter *in, const void *data, size_t size)
{
	int err = elf_open(&in->arena, data, size, &in->img, in->diag);

	err = err ? err : check_order(in);
	err = err ? err : plan(in);
	err = err ? err : make_file(in);
	err = err ? err : insert_mark_relocs(in);
	err = err ? err : write_all_code(in);
	err = err ? err : insert_fix_relocs(in);
	err = err ? err : insert_fix_symbols(in);
	return err ? err : insert_fix_btf_ext(in);
}

int insert_into_object(const void *data, size_t size, const struct insert *list, u32 nr, void **ret,
		       size_t *ret_size, struct skep_diag *diag)
{
	struct inserter in = {.list = list, .nr_list = nr, .diag = diag};
	int err = insert_all(&in, data, size);

	if (err) {
		mem_free(in.out);
	} else {
		*ret = in.out;
		*ret_size = in.out_size;
	}
	arena_done(&in.arena);
	return err;
}
