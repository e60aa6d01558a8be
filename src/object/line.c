/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The source lines of a linked program, from .BTF.ext. */
#include "base/mem.h"
#include "object/state.h"
#include <string.h>

/* The first line record at or behind an instruction of a section. */
static u32 first_line(const struct ext_infos *lines, u32 section, u32 insn)
{
	u32 lo = 0, hi = lines->nr;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;
		const struct ext_info *l = &lines->data[mid];

		if (l->section < section || (l->section == section && l->insn < insn))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void fill_line(const struct btf *btf, const struct ext_info *info, u32 insn,
		      struct prog_line *to)
{
	to->insn = insn;
	to->line = BPF_LINE_INFO_LINE_NUM(info->line_col);
	to->col = BPF_LINE_INFO_LINE_COL(info->line_col);
	to->file = btf__name_by_offset(btf, info->file_off);
	to->text = btf__name_by_offset(btf, info->line_off);
	to->text += strspn(to->text, " \t");
}

struct lines {
	VEC(struct prog_line) of;
};

static int add_func(const struct object *obj, const struct func *f, struct lines *to)
{
	const struct ext_infos *lines = &obj->state->lines_info;
	u32 last = UINT32_MAX;

	for (u32 i = first_line(lines, f->section, f->start); i < lines->nr; i++) {
		const struct ext_info *info = &lines->data[i];
		struct prog_line *slot;

		if (info->section != f->section || info->insn - f->start >= f->nr)
			break;
		if (info->insn == last)
			continue;
		last = info->insn;
		slot = VEC_PUSH(&to->of);
		if (!slot)
			return -1;
		fill_line(obj->btf, info, info->insn - f->start + f->placed - 1, slot);
	}
	return 0;
}

int object_add_lines(struct object *obj, struct prog *prog, const struct func *const *funcs,
		     struct skep_diag *diag)
{
	struct lines lines = {0};
	int err = 0;

	for (u32 i = 0; i < prog->nr_funcs && !err; i++)
		err = add_func(obj, funcs[i], &lines);
	prog->nr_lines = (u32)lines.of.nr;
	prog->lines = arena_memdup(&obj->arena, lines.of.data, lines.of.nr * sizeof(*prog->lines));
	VEC_DONE(&lines.of);
	return err || !prog->lines ? diag_nomem(diag) : 0;
}
