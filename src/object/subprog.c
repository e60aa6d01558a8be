/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The functions of an object. One in .text is a subprogram; one in any other executable section is
 * an entry program, whose section says what kind of program it is.
 */
#include "object/state.h"
#include "spec/spec.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int bad_func(const struct elf_section *s, const char *name, u64 off, int err,
		    const char *why, struct skep_diag *diag)
{
	diag_set(diag, err, "%s", why);
	return diag_at(diag, err, "section %s, offset %#llx, function %s", s->name,
		       (unsigned long long)off, name);
}

static bool is_func(const struct object_state *st, const struct elf_symbol *sym)
{
	enum section_kind kind;

	if (sym->type != STT_FUNC || sym->section >= SHN_LORESERVE)
		return false;
	kind = st->kinds[sym->section];
	return kind == SECTION_TEXT || kind == SECTION_PROG;
}

static int add_func(struct object *obj, const struct elf_symbol *sym, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	const struct elf_section *s = &st->elf.sections[sym->section];
	struct func *f = &st->funcs[st->nr_funcs];
	u64 off = sym->value;

	if (!in_bounds(off, sym->size, s->size))
		return bad_func(s, sym->name, off, -EINVAL, "goes beyond the end of its section",
				diag);
	if (!sym->size || off % sizeof(struct bpf_insn) || sym->size % sizeof(struct bpf_insn))
		return bad_func(s, sym->name, off, -EINVAL,
				"is empty, or does not consist of whole instructions", diag);
	if (sym->size / sizeof(struct bpf_insn) > OBJECT_MAX_INSNS)
		return bad_func(s, sym->name, off, -E2BIG, "has more than a million instructions",
				diag);
	if (st->kinds[sym->section] == SECTION_PROG && sym->bind == STB_LOCAL)
		return bad_func(s, sym->name, off, -ENOTSUP,
				"an entry program can't be static: remove the 'static', or the "
				"SEC() if it is a subprogram",
				diag);
	f->name = sym->name;
	f->section = sym->section;
	f->start = (u32)(off / sizeof(struct bpf_insn));
	f->nr = (u32)(sym->size / sizeof(struct bpf_insn));
	f->is_global = sym->bind != STB_LOCAL && sym->visibility == STV_DEFAULT;
	st->nr_funcs++;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct func *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

struct func *object_func_at(const struct object *obj, u32 section, u64 insn)
{
	const struct object_state *st = obj->state;
	u32 lo = 0, hi = st->nr_funcs;
	struct func *f;

	while (lo < hi) { /* the last one that begins at or before the instruction */
		u32 mid = lo + (hi - lo) / 2;

		f = &st->funcs[mid];
		if (f->section < section || (f->section == section && f->start <= insn))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	f = &st->funcs[lo - 1];
	return f->section == section && insn - f->start < f->nr ? f : NULL;
}

/* Functions may share bytes (aliases), but not so many that copies of them add up to anything. */
static int copy_insns(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	u64 total = 0;

	for (u32 i = 0; i < st->nr_funcs; i++) {
		struct func *f = &st->funcs[i];
		const struct elf_section *s = &st->elf.sections[f->section];
		size_t size = f->nr * sizeof(struct bpf_insn);

		total += f->nr;
		if (total > OBJECT_MAX_TOTAL)
			return bad_func(s, f->name, 0, -E2BIG, "too many instructions in all",
					diag);
		f->insns = arena_memdup(&obj->arena, s->data + f->start * sizeof(struct bpf_insn),
					size);
		if (!f->insns)
			return diag_nomem(diag);
	}
	return 0;
}

static void set_types(struct object *obj)
{
	struct object_state *st = obj->state;

	for (u32 i = 0; i < st->funcs_info.nr; i++) {
		const struct ext_info *info = &st->funcs_info.data[i];
		struct func *f = object_func_at(obj, info->section, info->insn);

		if (f && f->start == info->insn)
			f->type_id = info->type_id;
	}
	for (u32 i = 0; i < st->nr_funcs && obj->btf; i++)
		if (!st->funcs[i].type_id)
			st->funcs[i].type_id = types_find(obj->btf, st->funcs[i].name,
							  BTF_KIND_FUNC);
}

static void set_kind(struct prog *prog, const char *section)
{
	const char *target = "";
	const struct spec_section *row = spec_section(section, &target);

	prog->autoload = section[0] != '?';
	prog->section = section + !prog->autoload;
	prog->target = row ? target : "";
	if (!row)
		return;
	prog->type = row->prog_type;
	prog->attach_type = row->attach_type;
	if (row->flags & SPEC_SEC_SLEEPABLE)
		prog->flags |= BPF_F_SLEEPABLE;
	if (row->flags & SPEC_SEC_XDP_FRAGS)
		prog->flags |= BPF_F_XDP_HAS_FRAGS;
}

static int make_progs(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;

	for (u32 i = 0; i < st->nr_funcs; i++)
		obj->nr_progs += st->kinds[st->funcs[i].section] == SECTION_PROG;
	obj->progs = arena_calloc(&obj->arena, obj->nr_progs, sizeof(*obj->progs));
	if (!obj->progs)
		return diag_nomem(diag);
	for (u32 i = 0, nr = 0; i < st->nr_funcs; i++) {
		struct func *f = &st->funcs[i];

		if (st->kinds[f->section] != SECTION_PROG)
			continue;
		f->prog = &obj->progs[nr++];
		f->prog->name = f->name;
		f->prog->license = obj->license;
		f->prog->insns = f->insns;
		f->prog->nr_insns = f->nr;
		set_kind(f->prog, st->elf.sections[f->section].name);
	}
	return 0;
}

int object_find_funcs(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	const struct elf_image *elf = &st->elf;
	u32 nr = 0;
	int err = 0;

	for (u32 i = 0; i < elf->nr_symbols; i++)
		nr += is_func(st, &elf->symbols[i]);
	st->funcs = arena_calloc(&obj->arena, nr, sizeof(*st->funcs));
	if (!st->funcs)
		return diag_nomem(diag);
	for (u32 i = 0; i < elf->nr_symbols && !err; i++)
		if (is_func(st, &elf->symbols[i]))
			err = add_func(obj, &elf->symbols[i], diag);
	if (err)
		return err;
	qsort(st->funcs, st->nr_funcs, sizeof(*st->funcs), by_place);
	err = copy_insns(obj, diag);
	if (!err)
		set_types(obj);
	return err ?: make_progs(obj, diag);
}
