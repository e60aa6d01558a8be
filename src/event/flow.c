/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See flow.h: the forward pass. */
#include "event/flow.h"
#include "base/mem.h"
#include "base/vec.h"
#include "event/flow_core.h"
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#define NR_REGS     11
#define NR_SLOTS    64   /* the stack, in words */
#define MAX_JOINS   4096 /* jump targets whose state is kept */
#define MAX_DYNPTRS 8
#define MAX_PASSES  4

struct state {
	bool live;
	struct flow_reg regs[NR_REGS];
	struct flow_reg slots[NR_SLOTS];
	u8 lanes[NR_SLOTS]; /* of the stack: which halfwords are in network order */
};

struct dynptr {
	s64 stack;
	const char *map;
};

struct scan {
	const struct debug_image *img;
	const struct flow_core *core;
	struct flow *flow;
	u32 shndx, nr, at;
	const struct bpf_insn *insns;
	const struct debug_reloc **relocs; /* by instruction */
	struct debug_reloc *reloc_mem;
	struct state now;
	struct state **joins; /* by instruction */
	bool *reached, again;
	bool *starts; /* by instruction: a function's first */
	u32 nr_joins, next_id;
	u32 held[NR_REGS]; /* index in holds + 1 of what a register holds now */
	struct dynptr dynptrs[MAX_DYNPTRS];
	u32 nr_dynptrs;
	bool nomem;
};

static struct flow_reg unknown(struct scan *sc)
{
	u32 id = ++sc->next_id;

	return (struct flow_reg){.kind = FLOW_VALUE, .id = id, .root = id};
}

static struct flow_reg constant(struct scan *sc, s64 num)
{
	struct flow_reg v = unknown(sc);

	v.kind = FLOW_CONST;
	v.num = num;
	return v;
}

static u32 add_hold(struct scan *sc, u32 reg, u32 id)
{
	struct flow_hold *h = vec_push((void **)&sc->flow->holds, &sc->flow->nr_holds,
				       &sc->flow->room_holds, sizeof(*h));

	sc->nomem |= !h;
	if (!h)
		return 0;
	*h = (struct flow_hold){.shndx = sc->shndx,
				.id = id,
				.reg = (u8)reg,
				.from = (sc->at + 1) * 8,
				.to = sc->nr * 8};
	return (u32)sc->flow->nr_holds;
}

/* The register holds something else from the next instruction on. */
static void set_reg(struct scan *sc, u32 reg, struct flow_reg value)
{
	u32 here = (sc->at + 1) * 8;

	if (reg >= NR_REGS)
		return;
	if (sc->held[reg])
		sc->flow->holds[sc->held[reg] - 1].to = here;
	sc->held[reg] = 0;
	sc->now.regs[reg] = value;
	if (reg == 10 || value.kind == FLOW_CONST || value.kind == FLOW_MAP)
		return;
	sc->held[reg] = add_hold(sc, reg, value.id);
}

static void clobber(struct scan *sc)
{
	for (u32 i = 0; i <= 5; i++)
		set_reg(sc, i, unknown(sc));
}

/* The function reaches r10 + num. */
static void touch_stack(struct scan *sc, s64 num)
{
	struct flow_frame *frame = sc->flow->frames + sc->flow->nr_frames - 1;

	if (num < 0 && num >= -512 && sc->flow->nr_frames)
		frame->depth = (u32)max_u64(frame->depth, align_up((u64)-num, 8));
}

static void start_function(struct scan *sc)
{
	if (!vec_push((void **)&sc->flow->frames, &sc->flow->nr_frames, &sc->flow->room_frames,
		      sizeof(struct flow_frame)))
		sc->nomem = true;
	sc->now.live = true;
	for (u32 i = 0; i < NR_REGS; i++)
		set_reg(sc, i, unknown(sc));
	for (u32 i = 0; i < NR_SLOTS; i++)
		sc->now.slots[i] = unknown(sc);
	memset(sc->now.lanes, 0, sizeof(sc->now.lanes));
	sc->now.regs[10] = unknown(sc);
	sc->now.regs[10].kind = FLOW_STACK;
	sc->nr_dynptrs = 0;
}

/* --- paths that meet -------------------------------------------------------------------------- */

static bool same(const struct flow_reg *a, const struct flow_reg *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == FLOW_VALUE)
		return a->id == b->id;
	return a->num == b->num && a->sym == b->sym && a->shndx == b->shndx;
}

/* What two paths disagree on is not known, but it stays in network order if it is on one. */
static struct flow_reg meet(struct scan *sc, const struct flow_reg *a, const struct flow_reg *b)
{
	struct flow_reg v;

	if (same(a, b))
		return *a;
	v = unknown(sc);
	v.lanes = a->lanes | b->lanes;
	return v;
}

static void leave_for(struct scan *sc, s64 target)
{
	struct state *join;

	if (target < 0 || target >= sc->nr || !sc->now.live)
		return;
	join = sc->joins[target];
	if (target <= (s64)sc->at && (join || sc->reached[target]))
		return; /* a loop */
	if (!join) {
		sc->again |= target <= (s64)sc->at;
		if (sc->nr_joins++ >= MAX_JOINS)
			return;
		join = sc->joins[target] = mem_alloc(sizeof(*join));
		sc->nomem |= !join;
		if (join)
			*join = sc->now;
		return;
	}
	for (u32 i = 0; i < NR_REGS; i++)
		join->regs[i] = meet(sc, &join->regs[i], &sc->now.regs[i]);
	for (u32 i = 0; i < NR_SLOTS; i++)
		join->slots[i] = meet(sc, &join->slots[i], &sc->now.slots[i]);
	for (u32 i = 0; i < NR_SLOTS; i++)
		join->lanes[i] |= sc->now.lanes[i];
}

static void arrive(struct scan *sc)
{
	struct state *join = sc->joins[sc->at];
	u32 at = sc->at;

	if (!join)
		return;
	sc->at = at - 1;
	for (u32 i = 0; i < NR_REGS; i++)
		if (!sc->now.live)
			set_reg(sc, i, join->regs[i]);
		else if (!same(&join->regs[i], &sc->now.regs[i]))
			set_reg(sc, i, meet(sc, &join->regs[i], &sc->now.regs[i]));
	for (u32 i = 0; i < NR_SLOTS; i++) {
		if (!sc->now.live)
			sc->now.lanes[i] = 0;
		sc->now.lanes[i] |= join->lanes[i];
		sc->now.slots[i] = sc->now.live ? meet(sc, &join->slots[i], &sc->now.slots[i])
						: join->slots[i];
	}
	sc->at = at;
	sc->now.live = true;
}

/* --- byte order ------------------------------------------------------------------------------- */

static void mark(struct scan *sc, u32 root, s64 off)
{
	struct flow_mark *m;

	if (sc->flow->nr_marks >= FLOW_MAX_MARKS)
		return;
	m = vec_push((void **)&sc->flow->marks, &sc->flow->nr_marks, &sc->flow->room_marks,
		     sizeof(*m));
	sc->nomem |= !m;
	if (m)
		*m = (struct flow_mark){.root = root, .off = off};
}

/* size bytes are stored at base + off; lanes tells which halfwords are in network order. */
static void set_order(struct scan *sc, const struct flow_reg *base, s64 off, u32 size, u8 lanes)
{
	for (u32 i = 0; i < size; i += 2) {
		s64 at = base->num + off + i;
		bool on = lanes >> (i / 2 & 3) & 1 && (i < 8);
		u32 pos = (u32)(at + 512);

		if (base->kind != FLOW_STACK) {
			if (on)
				mark(sc, base->root, at);
		} else if (at >= -512 && at < 0) {
			sc->now.lanes[pos / 8] &= (u8) ~(1 << (pos / 2 & 3));
			sc->now.lanes[pos / 8] |= (u8)(on << (pos / 2 & 3));
		}
	}
}

/* Lanes of size bytes that are loaded from the stack. */
static u8 stack_order(const struct scan *sc, s64 at, u32 size)
{
	u8 lanes = 0;

	for (u32 i = 0; i < size && at >= -512 && at + i < 0; i += 2) {
		u32 pos = (u32)(at + 512 + i);

		lanes |= (u8)((sc->now.lanes[pos / 8] >> (pos / 2 & 3) & 1) << (i / 2));
	}
	return lanes;
}

/* The record lies in the stack: what is in it now counts. */
static void mark_stack(struct scan *sc, struct flow_reg *ptr)
{
	u32 root = ++sc->next_id;

	for (s64 at = ptr->num; at < 0; at += 2)
		if (at >= -512 && stack_order(sc, at, 2))
			mark(sc, root, at);
	ptr->root = root;
}

/* bpf_probe_read and kin fill memory. */
static void helper_writes(struct scan *sc, u32 id)
{
	const struct flow_reg *dst = &sc->now.regs[1], *size = &sc->now.regs[2];
	bool reads = id == BPF_FUNC_probe_read || id == BPF_FUNC_probe_read_kernel ||
		     id == BPF_FUNC_probe_read_user;

	if (!reads || size->kind != FLOW_CONST || size->num <= 0 || size->num > 512)
		return;
	set_order(sc, dst, 0, (u32)size->num, size->num == 2 && sc->now.regs[3].at_be16);
}

static bool is_marked(const struct flow *flow, const struct flow_reg *ptr, u32 off)
{
	for (size_t k = 0; k < flow->nr_marks; k++)
		if (flow->marks[k].root == ptr->root && flow->marks[k].off - ptr->num == (s64)off)
			return true;
	return false;
}

bool flow_is_network(const struct flow *flow, const char *map, u32 off)
{
	for (size_t i = 0; i < flow->nr_sites; i++)
		if (!strcmp(flow->sites[i].map, map) && is_marked(flow, &flow->sites[i].ptr, off))
			return true;
	return false;
}

bool flow_is_network_in(const struct flow *flow, const char *map, bool is_key, u32 off)
{
	for (size_t i = 0; i < flow->nr_elems; i++) {
		const struct flow_elem *e = &flow->elems[i];

		if (e->is_key == is_key && !strcmp(e->map, map) && is_marked(flow, &e->ptr, off))
			return true;
	}
	return false;
}

/* --- calls ------------------------------------------------------------------------------------ */

static void add_site(struct scan *sc, const char *map, struct flow_reg ptr,
		     const struct flow_reg *size)
{
	struct flow_site *site;

	if (sc->flow->nr_sites >= FLOW_MAX_SITES)
		return;
	site = vec_push((void **)&sc->flow->sites, &sc->flow->nr_sites, &sc->flow->room_sites,
			sizeof(*site));
	sc->nomem |= !site;
	if (!site)
		return;
	*site = (struct flow_site){
		.map = map,
		.shndx = sc->shndx,
		.off = sc->at * 8,
		.frame = (u32)sc->flow->nr_frames - 1,
		.ptr = ptr,
	};
	if (size && size->kind == FLOW_CONST && size->num > 0)
		site->size = (u64)size->num;
	if (ptr.kind == FLOW_STACK)
		mark_stack(sc, &site->ptr);
}

static const char *dynptr_map(const struct scan *sc, const struct flow_reg *ptr)
{
	for (u32 i = 0; i < sc->nr_dynptrs && ptr->kind == FLOW_STACK; i++)
		if (sc->dynptrs[i].stack == ptr->num)
			return sc->dynptrs[i].map;
	return NULL;
}

static void dynptr_new(struct scan *sc, const char *map, const struct flow_reg *ptr)
{
	if (ptr->kind == FLOW_STACK && sc->nr_dynptrs < MAX_DYNPTRS)
		sc->dynptrs[sc->nr_dynptrs++] = (struct dynptr){.stack = ptr->num, .map = map};
}

/* Helpers that take a record: which arguments are the map, the data and the size; 0 is R0. */
static const struct record_helper {
	u32 id;
	u8 map, data, size;
	bool by_dynptr; /* "map" is a dynptr */
} record_helpers[] = {
	/* id, map, data, size */
	{BPF_FUNC_perf_event_output, 2, 4, 5, false}, {BPF_FUNC_skb_output, 2, 4, 5, false},
	{BPF_FUNC_xdp_output, 2, 4, 5, false},        {BPF_FUNC_ringbuf_output, 1, 2, 3, false},
	{BPF_FUNC_ringbuf_reserve, 1, 0, 2, false},   {BPF_FUNC_dynptr_write, 1, 3, 4, true},
	{BPF_FUNC_dynptr_data, 1, 0, 3, true},
};

static const struct record_helper *record_helper(u32 id)
{
	for (u32 i = 0; i < ARRAY_SIZE(record_helpers); i++)
		if (record_helpers[i].id == id)
			return &record_helpers[i];
	return NULL;
}

static void add_elem(struct scan *sc, const char *map, bool is_key, struct flow_reg ptr)
{
	struct flow_elem *e;

	if (sc->flow->nr_elems >= FLOW_MAX_ELEMS)
		return;
	e = vec_push((void **)&sc->flow->elems, &sc->flow->nr_elems, &sc->flow->room_elems,
		     sizeof(*e));
	sc->nomem |= !e;
	if (!e)
		return;
	if (ptr.kind == FLOW_STACK)
		mark_stack(sc, &ptr);
	*e = (struct flow_elem){.map = map, .is_key = is_key, .ptr = ptr};
}

/* Elements of maps that pass; ret is what a lookup gives. */
static void note_elems(struct scan *sc, u32 id, const struct flow_reg *args,
		       const struct flow_reg *ret)
{
	bool has_key = id == BPF_FUNC_map_lookup_elem || id == BPF_FUNC_map_update_elem ||
		       id == BPF_FUNC_map_delete_elem;

	if (!has_key || args[1].kind != FLOW_MAP)
		return;
	add_elem(sc, args[1].sym, true, args[2]);
	if (id == BPF_FUNC_map_update_elem)
		add_elem(sc, args[1].sym, false, args[3]);
	if (id == BPF_FUNC_map_lookup_elem)
		add_elem(sc, args[1].sym, false, *ret);
}

static void do_helper(struct scan *sc, u32 id)
{
	const struct record_helper *h = record_helper(id);
	struct flow_reg args[NR_REGS], ret = unknown(sc);
	const char *map = NULL;

	memcpy(args, sc->now.regs, sizeof(args));
	helper_writes(sc, id);
	if (id == BPF_FUNC_map_lookup_elem && args[1].kind == FLOW_MAP) {
		ret.kind = FLOW_MAP_VALUE;
		ret.sym = args[1].sym;
	}
	if (id == BPF_FUNC_ringbuf_reserve_dynptr && args[1].kind == FLOW_MAP)
		dynptr_new(sc, args[1].sym, &args[4]);
	if (h && h->by_dynptr)
		map = dynptr_map(sc, &args[h->map]);
	else if (h && args[h->map].kind == FLOW_MAP)
		map = args[h->map].sym;
	note_elems(sc, id, args, &ret);
	clobber(sc);
	set_reg(sc, 0, ret);
	if (map)
		add_site(sc, map, h->data ? args[h->data] : ret, &args[h->size]);
}

/* --- instructions ----------------------------------------------------------------------------- */

static const Elf64_Sym *reloc_sym(const struct scan *sc)
{
	const struct debug_reloc *r = sc->relocs[sc->at];

	return r ? sc->img->syms + r->sym : NULL;
}

static void do_ld_imm64(struct scan *sc, const struct bpf_insn *insn)
{
	const Elf64_Sym *sym = reloc_sym(sc);
	struct flow_reg v = unknown(sc);
	const char *section;
	u64 high = sc->at + 1 < sc->nr ? (u32)insn[1].imm : 0;

	if (!sym) {
		v = constant(sc, (s64)((u64)(u32)insn->imm | high << 32));
	} else {
		section = debug_image_section_name(sc->img, sym->st_shndx);
		if (!strcmp(section, ".maps") || !strcmp(section, "maps")) {
			v.kind = FLOW_MAP;
			v.sym = debug_image_sym_name(sc->img, sym);
		} else if (sym->st_shndx < sc->img->nr_shdrs) {
			v.kind = FLOW_GLOBAL;
			v.shndx = sym->st_shndx;
			v.num = (s64)sym->st_value + insn->imm;
		}
	}
	set_reg(sc, insn->dst_reg, v);
}

static bool is_be16_access(const struct scan *sc)
{
	return sc->core && flow_core_has(sc->core, sc->shndx, sc->at);
}

/* dst + a number that is known, or that CO-RE knows */
static struct flow_reg sum(struct scan *sc, struct flow_reg v, const struct flow_reg *add)
{
	bool at_be16 = add->at_be16 || is_be16_access(sc);

	if (add->kind != FLOW_CONST)
		v = unknown(sc);
	else
		v.num += add->num;
	v.id = ++sc->next_id;
	v.lanes = 0;
	v.at_be16 = at_be16;
	if (v.kind == FLOW_STACK)
		touch_stack(sc, v.num);
	return v;
}

/* Shifts and masks move halfwords. */
static u8 moved_lanes(u32 op, u8 lanes, s64 by)
{
	if (op == BPF_LSH)
		return (u8)(lanes << (by / 16 & 3)) & 15;
	if (op == BPF_RSH)
		return (u8)(lanes >> (by / 16 & 3));
	return op == BPF_AND || op == BPF_OR ? lanes : 0;
}

static struct flow_reg operand(struct scan *sc, const struct bpf_insn *insn)
{
	bool wide = BPF_CLASS(insn->code) == BPF_ALU64;

	if (BPF_SRC(insn->code) == BPF_X)
		return sc->now.regs[insn->src_reg];
	return constant(sc, wide ? (s64)insn->imm : (s64)(u32)insn->imm);
}

static void do_alu(struct scan *sc, const struct bpf_insn *insn)
{
	u32 op = BPF_OP(insn->code);
	bool wide = BPF_CLASS(insn->code) == BPF_ALU64;
	struct flow_reg v, by;

	if (insn->dst_reg >= NR_REGS || insn->src_reg >= NR_REGS)
		return;
	v = sc->now.regs[insn->dst_reg];
	by = operand(sc, insn);
	if (op == BPF_MOV && by.kind == FLOW_CONST) {
		v = by;
		v.at_be16 |= is_be16_access(sc);
	} else if (op == BPF_MOV && wide && !insn->off) {
		v = by;
	} else if (op == BPF_ADD && wide) {
		v = v.kind == FLOW_CONST && by.kind != FLOW_CONST ? sum(sc, by, &v)
								  : sum(sc, v, &by);
	} else {
		u8 lanes = op == BPF_MOV ? by.lanes & 3 : moved_lanes(op, v.lanes, by.num);

		lanes |= op == BPF_OR ? by.lanes : 0;
		v = unknown(sc);
		v.lanes = op == BPF_END ? 0 : lanes;
	}
	set_reg(sc, insn->dst_reg, v);
}

static u32 access_size(const struct bpf_insn *insn)
{
	u32 size = BPF_SIZE(insn->code);

	return size == BPF_DW ? 8 : size == BPF_W ? 4 : size == BPF_H ? 2 : 1;
}

static s32 slot_of(struct scan *sc, const struct flow_reg *base, s16 off)
{
	s64 at;

	if (base->kind != FLOW_STACK || base->num < -4096 || base->num > 0)
		return -1;
	at = base->num + off;
	touch_stack(sc, at);
	return at >= -512 && at < 0 ? (s32)((at + 512) / 8) : -1;
}

static void do_load(struct scan *sc, const struct bpf_insn *insn)
{
	struct flow_reg v = unknown(sc), base;
	u32 size = access_size(insn);
	s32 slot;

	if (insn->src_reg >= NR_REGS)
		return;
	base = sc->now.regs[insn->src_reg];
	slot = slot_of(sc, &base, insn->off);
	if (slot >= 0 && size == 8 && BPF_MODE(insn->code) == BPF_MEM)
		v = sc->now.slots[slot];
	if (slot >= 0)
		v.lanes = stack_order(sc, base.num + insn->off, size);
	else if (size == 2)
		v.lanes = base.at_be16 || is_be16_access(sc);
	set_reg(sc, insn->dst_reg, v);
}

static void do_store(struct scan *sc, const struct bpf_insn *insn)
{
	s32 slot = -1;
	u8 lanes = 0;

	if (insn->dst_reg >= NR_REGS || insn->src_reg >= NR_REGS)
		return;
	if (BPF_CLASS(insn->code) == BPF_STX && BPF_MODE(insn->code) == BPF_MEM)
		lanes = sc->now.regs[insn->src_reg].lanes;
	set_order(sc, &sc->now.regs[insn->dst_reg], insn->off, access_size(insn), lanes);
	slot = slot_of(sc, &sc->now.regs[insn->dst_reg], insn->off);
	if (slot < 0)
		return;
	sc->now.slots[slot] = unknown(sc);
	if (BPF_CLASS(insn->code) == BPF_STX && BPF_SIZE(insn->code) == BPF_DW &&
	    BPF_MODE(insn->code) == BPF_MEM)
		sc->now.slots[slot] = sc->now.regs[insn->src_reg];
	if (sc->now.slots[slot].kind != FLOW_CONST)
		add_hold(sc, FLOW_SLOT + (u32)slot, sc->now.slots[slot].id);
}

static void do_jump(struct scan *sc, const struct bpf_insn *insn)
{
	u32 op = BPF_OP(insn->code);
	bool far = BPF_CLASS(insn->code) == BPF_JMP32 && op == BPF_JA;

	if (op == BPF_CALL && insn->src_reg == 0 && BPF_SRC(insn->code) == BPF_K) {
		do_helper(sc, (u32)insn->imm);
	} else if (op == BPF_CALL) {
		clobber(sc);
	} else if (op == BPF_EXIT) {
		sc->now.live = false;
	} else {
		leave_for(sc, (s64)sc->at + 1 + (far ? insn->imm : insn->off));
		if (op == BPF_JA)
			sc->now.live = false;
	}
}

static void step(struct scan *sc)
{
	const struct bpf_insn *insn = sc->insns + sc->at;

	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		if (insn->code == (BPF_LD | BPF_IMM | BPF_DW)) {
			do_ld_imm64(sc, insn);
			sc->at++;
		} else {
			set_reg(sc, 0, unknown(sc));
		}
		break;
	case BPF_LDX:
		do_load(sc, insn);
		break;
	case BPF_ST:
	case BPF_STX:
		do_store(sc, insn);
		break;
	case BPF_ALU:
	case BPF_ALU64:
		do_alu(sc, insn);
		break;
	default:
		do_jump(sc, insn);
	}
}

/* --- sections --------------------------------------------------------------------------------- */

static void note_reloc(void *ctx, const struct debug_reloc *r)
{
	struct scan *sc = ctx;

	if (sc->reloc_mem && r->off % 8 == 0 && r->off / 8 < sc->nr) {
		sc->reloc_mem[r->off / 8] = *r;
		sc->relocs[r->off / 8] = &sc->reloc_mem[r->off / 8];
	}
}

static void note_functions(struct scan *sc)
{
	for (u32 i = 0; i < sc->img->nr_syms; i++) {
		const Elf64_Sym *sym = sc->img->syms + i;

		if (ELF64_ST_TYPE(sym->st_info) == STT_FUNC && sym->st_shndx == sc->shndx &&
		    sym->st_value / 8 < sc->nr)
			sc->starts[sym->st_value / 8] = true;
	}
}

static void scan_insns(struct scan *sc)
{
	for (sc->at = 0; sc->at < sc->nr && !sc->nomem; sc->at++) {
		if (!sc->now.live && !sc->joins[sc->at] && sc->starts[sc->at])
			start_function(sc);
		arrive(sc);
		sc->reached[sc->at] = sc->now.live;
		if (sc->now.live)
			step(sc);
	}
}

/* Code that is only reached from behind needs another pass; what the last one found counts. */
static void scan_passes(struct scan *sc)
{
	struct flow *flow = sc->flow;
	struct flow start = *flow;

	debug_image_each_reloc(sc->img, sc->shndx, note_reloc, sc);
	note_functions(sc);
	for (u32 pass = 0; pass < MAX_PASSES && !sc->nomem; pass++) {
		flow->nr_sites = start.nr_sites;
		flow->nr_elems = start.nr_elems;
		flow->nr_holds = start.nr_holds;
		flow->nr_marks = start.nr_marks;
		flow->nr_frames = start.nr_frames;
		memset(sc->held, 0, sizeof(sc->held));
		sc->again = sc->now.live = false;
		scan_insns(sc);
		if (!sc->again)
			break;
	}
}

static int scan_section(const struct debug_image *img, const struct flow_core *core, u32 shndx,
			struct flow *flow, u32 *next_id)
{
	struct scan sc = {
		.img = img, .core = core, .flow = flow, .shndx = shndx, .next_id = *next_id};
	size_t size;

	sc.insns = (const struct bpf_insn *)debug_image_section_data(img, shndx, &size);
	sc.nr = (u32)min_u64(size / sizeof(*sc.insns), FLOW_MAX_INSNS);
	sc.relocs = mem_calloc(sc.nr + 1, sizeof(*sc.relocs));
	sc.reloc_mem = mem_calloc(sc.nr + 1, sizeof(*sc.reloc_mem));
	sc.joins = mem_calloc(sc.nr + 1, sizeof(*sc.joins));
	sc.starts = mem_calloc(sc.nr + 1, sizeof(*sc.starts));
	sc.reached = mem_calloc(sc.nr + 1, sizeof(*sc.reached));
	sc.nomem = !sc.relocs || !sc.reloc_mem || !sc.joins || !sc.starts || !sc.reached;
	if (!sc.nomem && sc.insns)
		scan_passes(&sc);
	for (u32 i = 0; sc.joins && i < sc.nr; i++)
		mem_free(sc.joins[i]);
	mem_free(sc.joins);
	mem_free(sc.starts);
	mem_free(sc.reached);
	mem_free(sc.relocs);
	mem_free(sc.reloc_mem);
	*next_id = sc.next_id;
	return sc.nomem ? -ENOMEM : 0;
}

int flow_scan(const struct debug_image *img, const struct flow_core *core, struct flow *ret)
{
	u32 next_id = 0;
	int err = 0;

	*ret = (struct flow){0};
	for (u32 i = 0; i < img->nr_shdrs && !err; i++)
		if (debug_image_is_code(img, i) && img->shdrs[i].sh_offset % 8 == 0)
			err = scan_section(img, core, i, ret, &next_id);
	if (err)
		flow_done(ret);
	return err;
}

void flow_done(struct flow *flow)
{
	mem_free(flow->sites);
	mem_free(flow->elems);
	mem_free(flow->holds);
	mem_free(flow->frames);
	mem_free(flow->marks);
	*flow = (struct flow){0};
}
