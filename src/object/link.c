/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Putting programs together. Each entry program gets every subprogram that it reaches appended
 * behind it, in the order in which a walk through the instructions comes to the first call of each
 * (depth first: a subprogram's own calls before the rest of its caller's). Then calls, addresses,
 * maps, variables and externs are written into the instructions, and prog->refs says by name what
 * they are.
 */
#include "base/mem.h"
#include "object/state.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct frame {
	struct func *func;
	u32 next; /* instruction to look at */
};

struct link {
	struct object *obj;
	struct prog *prog;
	VEC(struct func *) funcs; /* in the order of appending */
	VEC(struct frame) stack;
	VEC(struct prog_ref) refs;
	u32 nr_insns, total; /* of this program, of all so far */
	struct skep_diag *diag;
};

static int bad_insn(struct link *l, const struct func *f, u32 insn, int err, const char *why)
{
	const struct elf_section *s = &l->obj->state->elf.sections[f->section];

	diag_set_full(l->diag, err, "bad-call", NULL, "%s", why);
	return diag_at(l->diag, err, "section %s, offset %#zx (%s, instruction %u)", s->name,
		       ((size_t)f->start + insn) * sizeof(struct bpf_insn), f->name, insn);
}

static const struct reloc *find_reloc(const struct func *f, u32 insn)
{
	u32 lo = 0, hi = f->nr_relocs;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (f->relocs[mid].insn < insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < f->nr_relocs && f->relocs[lo].insn == insn ? &f->relocs[lo] : NULL;
}

/* --- which subprograms ---------------------------------------------------------------------- */

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
}

/* The subprogram that begins at an instruction of .text. */
static struct func *subprog_at(const struct link *l, s64 at)
{
	struct func *f = at < 0 ? NULL : object_func_at(l->obj, l->obj->state->text, (u64)at);

	return f && f->start == at ? f : NULL;
}

/*
 * A call's distance counts instructions from the symbol. The assembler of gcc-bpf (binutils 2.40)
 * puts bytes from the section's beginning there; such a call would lead nowhere else.
 */
static struct func *call_target(const struct link *l, const struct reloc *r, s64 imm)
{
	struct func *f = subprog_at(l, (s64)(r->off / sizeof(struct bpf_insn)) + imm + 1);

	if (!f && imm + 1 == (s64)r->off && r->off % sizeof(struct bpf_insn) == 0)
		f = subprog_at(l, (s64)(r->off / sizeof(struct bpf_insn)));
	return f;
}

/* The subprogram that an instruction calls or takes the address of; NULL and *err = 0: none. */
static struct func *callee(struct link *l, const struct func *f, u32 i, int *err)
{
	const struct bpf_insn *insn = &f->insns[i];
	const struct reloc *r = find_reloc(f, i);
	struct func *to;

	*err = 0;
	if (r && r->kind == RELOC_CALL)
		to = call_target(l, r, insn->imm);
	else if (r && r->kind == RELOC_FUNC_ADDR)
		to = subprog_at(l, (s64)((r->off + (u64)(s64)insn->imm) / sizeof(*insn)));
	else if (is_call(insn) && !r)
		to = subprog_at(l, (s64)f->start + i + insn->imm + 1);
	else
		return NULL;
	if (!to)
		*err = bad_insn(l, f, i, -EINVAL, "no subprogram begins where this leads");
	return to;
}

static int place(struct link *l, struct func *f)
{
	struct func **slot = VEC_PUSH(&l->funcs);
	struct frame *frame;

	if (!slot)
		return diag_nomem(l->diag);
	*slot = f;
	frame = VEC_PUSH(&l->stack);
	if (!frame)
		return diag_nomem(l->diag);
	*frame = (struct frame){.func = f};
	f->placed = l->nr_insns + 1;
	f->idx = (u32)l->funcs.nr - 1;
	l->nr_insns += f->nr;
	l->total += f->nr;
	if (l->nr_insns > OBJECT_MAX_INSNS)
		return bad_insn(l, f, 0, -E2BIG,
				"the program has more than a million instructions");
	if (l->total > OBJECT_MAX_TOTAL)
		return bad_insn(l, f, 0, -E2BIG,
				"the programs have too many instructions, subprograms counted");
	return 0;
}

static int place_all(struct link *l, struct func *entry)
{
	int err = entry->placed ? 0 : place(l, entry);

	while (!err && l->stack.nr) {
		struct frame *top = &l->stack.data[l->stack.nr - 1];
		struct func *to;

		if (top->next == top->func->nr) {
			l->stack.nr--;
			continue;
		}
		to = callee(l, top->func, top->next++, &err);
		if (to && !to->placed)
			err = place(l, to);
	}
	return err;
}

#define EXCEPTION_TAG "exception_callback:"

/* The function that a program names for its exceptions (__exception_cb), by a tag on its own. */
static const char *exception_name(const struct link *l, u32 type_id)
{
	const struct btf *btf = l->obj->btf;
	u32 nr = btf && type_id ? btf__type_cnt(btf) : 0;

	for (u32 i = 1; i < nr; i++) {
		const struct btf_type *t = btf__type_by_id(btf, i);
		const char *name = btf__name_by_offset(btf, t->name_off);

		if (btf_is_decl_tag(t) && t->type == type_id &&
		    btf_decl_tag(t)->component_idx == -1 &&
		    !strncmp(name, EXCEPTION_TAG, strlen(EXCEPTION_TAG)))
			return name + strlen(EXCEPTION_TAG);
	}
	return NULL;
}

/* Nobody calls it, so nothing else would bring it in: it goes behind all others. */
static int place_exception(struct link *l, const struct func *entry)
{
	struct object_state *st = l->obj->state;
	const char *name = exception_name(l, entry->type_id);
	struct func *f = NULL;
	int err;

	if (!name)
		return 0;
	for (u32 i = 0; i < st->nr_funcs && !f; i++)
		if (!st->funcs[i].prog && !strcmp(st->funcs[i].name, name))
			f = &st->funcs[i];
	if (!f)
		return diag_set(l->diag, -ENOENT, "there is no exception callback %s", name);
	err = place_all(l, f);
	l->prog->exception_func = f->idx;
	return err;
}

/* --- what instructions refer to ------------------------------------------------------------- */

static int by_place(const void *key, const void *elem)
{
	const struct object_var *k = key, *v = elem;

	if (k->map != v->map)
		return k->map < v->map ? -1 : 1;
	if (k->off < v->off)
		return -1;
	return k->off >= v->off + (u64)(v->size ? v->size : 1);
}

/* The variable at an offset, or the section where nobody knows. */
static const char *data_name(const struct object *obj, u32 map, u32 off)
{
	struct object_var key = {.map = map, .off = off}, *v;

	v = bsearch(&key, obj->vars, obj->nr_vars, sizeof(key), by_place);
	return v ? v->name : obj->maps[map].section;
}

static void set_map(struct link *l, struct bpf_insn *insn, const struct reloc *r,
		    struct prog_ref *ref)
{
	insn[0].src_reg = BPF_PSEUDO_MAP_FD;
	insn[0].imm = (s32)r->idx;
	ref->kind = PROG_REF_MAP;
	ref->idx = r->idx;
}

static void set_data(struct link *l, struct bpf_insn *insn, const struct reloc *r,
		     struct prog_ref *ref)
{
	insn[1].imm = (s32)((u32)insn[0].imm + (u32)r->off);
	insn[0].src_reg = BPF_PSEUDO_MAP_VALUE;
	insn[0].imm = (s32)r->idx;
	ref->kind = PROG_REF_MAP_VALUE;
	ref->idx = r->idx;
	ref->off = (u32)insn[1].imm;
	ref->name = data_name(l->obj, r->idx, ref->off);
}

static void set_ksym(struct bpf_insn *insn, const struct ext *ext, struct prog_ref *ref)
{
	ref->absent = !ext->is_set;
	ref->kind = ext->is_func ? PROG_REF_KFUNC : ext->value_type ? PROG_REF_KVAR : PROG_REF_KSYM;
	if (ext->value_type && ext->is_set) {
		insn[0].src_reg = BPF_PSEUDO_BTF_ID;
		insn[0].imm = (s32)ext->kernel_id;
		insn[1].imm = 0;
		return;
	}
	insn[0].imm = (s32)ext->addr;
	insn[1].imm = (s32)(ext->addr >> 32);
}

static void set_ext(struct link *l, struct bpf_insn *insn, const struct reloc *r,
		    struct prog_ref *ref)
{
	const struct ext *ext = &l->obj->state->exts[r->idx];

	if (!ext->is_kconfig) {
		set_ksym(insn, ext, ref);
		return;
	}
	insn[0].src_reg = BPF_PSEUDO_MAP_VALUE;
	insn[0].imm = (s32)l->obj->state->kconfig_map;
	insn[1].imm = (s32)ext->off;
	ref->kind = PROG_REF_MAP_VALUE;
	ref->idx = l->obj->state->kconfig_map;
	ref->off = ext->off;
}

static void set_kfunc(struct link *l, struct bpf_insn *insn, const struct reloc *r,
		      struct prog_ref *ref)
{
	const struct ext *ext = &l->obj->state->exts[r->idx];

	insn->src_reg = BPF_PSEUDO_KFUNC_CALL;
	insn->imm = (s32)ext->kernel_id;
	insn->off = 0;
	ref->kind = PROG_REF_KFUNC;
	ref->absent = !ext->is_set;
}

static void (*const setters[])(struct link *l, struct bpf_insn *insn, const struct reloc *r,
			       struct prog_ref *ref) = {
	[RELOC_MAP] = set_map,
	[RELOC_DATA] = set_data,
	[RELOC_EXT_LOAD] = set_ext,
	[RELOC_EXT_CALL] = set_kfunc,
};

/* A call or an address of a subprogram: the distance from here. */
static int set_func(struct link *l, struct bpf_insn *insn, u32 at, const struct func *to)
{
	struct prog_ref *ref;
	u32 pos = to->placed - 1;

	insn->imm = (s32)pos - (s32)at - 1;
	if (insn->code == (BPF_JMP | BPF_CALL))
		return 0;
	insn->src_reg = BPF_PSEUDO_FUNC;
	ref = VEC_PUSH(&l->refs);
	if (!ref)
		return diag_nomem(l->diag);
	ref->insn = at;
	ref->kind = PROG_REF_FUNC;
	ref->name = to->name;
	ref->idx = to->idx;
	return 0;
}

static int set_insn(struct link *l, const struct func *f, u32 i)
{
	u32 at = f->placed - 1 + i;
	struct bpf_insn *insn = &l->prog->insns[at];
	const struct reloc *r = find_reloc(f, i);
	const struct func *to;
	struct prog_ref *ref;
	int err;

	to = callee(l, f, i, &err);
	if (to)
		return set_func(l, insn, at, to);
	if (err || !r)
		return err;
	ref = VEC_PUSH(&l->refs);
	if (!ref)
		return diag_nomem(l->diag);
	ref->insn = at;
	ref->name = r->name;
	setters[r->kind](l, insn, r, ref);
	return 0;
}

/* --- a program ------------------------------------------------------------------------------ */

static int copy_insns(struct link *l)
{
	struct prog *prog = l->prog;

	prog->nr_insns = l->nr_insns;
	prog->nr_funcs = (u32)l->funcs.nr;
	prog->insns = arena_calloc(&l->obj->arena, l->nr_insns, sizeof(*prog->insns));
	prog->funcs = arena_calloc(&l->obj->arena, l->funcs.nr, sizeof(*prog->funcs));
	if (!prog->insns || !prog->funcs)
		return diag_nomem(l->diag);
	for (u32 i = 0; i < l->funcs.nr; i++) {
		const struct func *f = l->funcs.data[i];

		memcpy(prog->insns + f->placed - 1, f->insns, f->nr * sizeof(*f->insns));
		prog->funcs[i] = (struct prog_func){
			.start = f->placed - 1,
			.nr = f->nr,
			.name = f->name,
			.type_id = f->type_id,
			.is_global = f->is_global,
		};
	}
	return 0;
}

static int fill(struct link *l)
{
	struct prog *prog = l->prog;
	int err = copy_insns(l);

	for (u32 i = 0; i < l->funcs.nr && !err; i++)
		for (u32 k = 0; k < l->funcs.data[i]->nr && !err; k++)
			err = set_insn(l, l->funcs.data[i], k);
	if (err)
		return err;
	prog->nr_refs = (u32)l->refs.nr;
	prog->refs = arena_memdup(&l->obj->arena, l->refs.data, l->refs.nr * sizeof(*prog->refs));
	if (!prog->refs)
		return diag_nomem(l->diag);
	return object_add_lines(l->obj, prog, (const struct func *const *)l->funcs.data, l->diag);
}

static int link_one(struct link *l, struct func *entry)
{
	int err;

	l->prog = entry->prog;
	l->nr_insns = 0;
	l->funcs.nr = l->stack.nr = l->refs.nr = 0;
	err = place_all(l, entry);
	err = err ?: place_exception(l, entry);
	err = err ?: fill(l);
	for (u32 i = 0; i < l->funcs.nr; i++)
		l->funcs.data[i]->placed = 0;
	return err ? diag_at(l->diag, err, "program %s", entry->name) : 0;
}

int object_link(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	struct link l = {.obj = obj, .diag = diag};
	int err = 0;

	for (u32 i = 0; i < st->nr_funcs && !err; i++)
		if (st->funcs[i].prog && st->funcs[i].prog->autoload)
			err = link_one(&l, &st->funcs[i]);
	VEC_DONE(&l.funcs);
	VEC_DONE(&l.stack);
	VEC_DONE(&l.refs);
	return err;
}
