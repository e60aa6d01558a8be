/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Conditional jumps: a comparison is decided, or both ways are explored and each learns from it.
 * Numbers learn ranges, maybe-NULL pointers whether they are, packet pointers how far the packet
 * goes; and so do all registers that share an id with what was compared.
 */
#include "verifier/verifier.h"
#include <string.h>

#define MAX_LINKS  6
#define MAX_PACKET 0xffff /* MAX_PACKET_OFF */

struct link {
	u8 frame, at;
	bool is_reg;
};

struct links {
	u32 nr;
	struct link l[MAX_LINKS];
};

struct jump {
	const struct bpf_insn *insn;
	u8 op;
	bool is_w, is_x;
	struct reg *dst, *src; /* of the path that goes on: not taken */
	struct reg imm;
	struct state *other; /* taken */
	struct reg *other_dst, *other_src;
	struct reg other_imm;
	struct links links;
};

int do_ja(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	env->jmps++;
	*next += BPF_CLASS(insn->code) == BPF_JMP ? insn->off : insn->imm;
	return 0;
}

int do_may_goto(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	struct state *again, *at = env->cur->parent;
	struct state *before = at ? visit_previous(env, at, env->insn) : NULL;

	env->jmps++;
	if (!insn->off)
		return reject_may_goto(env, insn->off, insn->imm);
	again = state_push(env, env->insn + 1, env->insn);
	if (!again)
		return env->res->err;
	again->may_goto_depth++;
	if (before)
		widen_scalars(env, before, again);
	*next += insn->off;
	return 0;
}

/* --- which way ------------------------------------------------------------------------------- */

static u8 swapped(u8 op)
{
	static const u8 to[16] = {
		[BPF_JEQ >> 4] = BPF_JEQ,   [BPF_JNE >> 4] = BPF_JNE,   [BPF_JSET >> 4] = BPF_JSET,
		[BPF_JGE >> 4] = BPF_JLE,   [BPF_JGT >> 4] = BPF_JLT,   [BPF_JLE >> 4] = BPF_JGE,
		[BPF_JLT >> 4] = BPF_JGT,   [BPF_JSGE >> 4] = BPF_JSLE, [BPF_JSGT >> 4] = BPF_JSLT,
		[BPF_JSLE >> 4] = BPF_JSGE, [BPF_JSLT >> 4] = BPF_JSGT,
	};

	return to[op >> 4];
}

/* pkt op end, after the same was asked before. */
static int decide_packet(const struct reg *a, const struct reg *b, u8 op)
{
	const struct reg *pkt = a;

	if (b->type != REG_PKT_END) {
		if (a->type != REG_PKT_END)
			return -1;
		pkt = b;
		op = swapped(op);
	}
	if (!reg_is_pkt(pkt) || pkt->range >= 0)
		return -1;
	if ((op == BPF_JLE || op == BPF_JGT) && pkt->range == PKT_BEYOND_END)
		return op == BPF_JGT;
	if (op == BPF_JLT || op == BPF_JGE)
		return op == BPF_JGE;
	return -1;
}

static int decide_pointer(const struct reg *a, const struct reg *b, u8 op, bool is_w)
{
	if (is_w)
		return -1;
	if (!reg_is_const(b, false)) {
		const struct reg *x = a;

		a = b;
		b = x;
		op = swapped(op);
	}
	if (!reg_is_const(b, false) || b->v.t.value || !reg_not_null(a))
		return -1;
	return op == BPF_JEQ ? 0 : op == BPF_JNE ? 1 : -1;
}

static int decide(const struct jump *j)
{
	if (reg_is_pkt_or_end(j->dst) && reg_is_pkt_or_end(j->src) && !j->is_w)
		return decide_packet(j->dst, j->src, j->op);
	if (j->dst->type != REG_SCALAR || j->src->type != REG_SCALAR)
		return decide_pointer(j->dst, j->src, j->op, j->is_w);
	return branch_decide(&j->dst->v, &j->src->v, j->op, j->is_w);
}

/* --- linked numbers -------------------------------------------------------------------------- */

static void add_link(struct links *links, struct reg *r, u32 id, u32 frame, u32 at, bool is_reg)
{
	if (r->type != REG_SCALAR || (r->id & ~REG_ADD_CONST) != id)
		return;
	if (links->nr < MAX_LINKS)
		links->l[links->nr++] = (struct link){(u8)frame, (u8)at, is_reg};
	else
		reg_unlink(r);
}

static void collect(struct state *st, const struct reg *r, struct links *links)
{
	u32 id = r->id & ~REG_ADD_CONST;

	if (r->type != REG_SCALAR || !id)
		return;
	for (s32 i = (s32)st->cur; i >= 0; i--) {
		struct frame *f = st->frames[i];

		for (u32 n = 0; n < BPF_REG_10; n++)
			add_link(links, &f->regs[n], id, (u32)i, n, true);
		for (u32 n = 0; n < f->nr_slots; n++)
			if (slot_is_spill(&f->slots[n]))
				add_link(links, &f->slots[n].reg, id, (u32)i, n, false);
	}
}

static u64 pack(const struct links *links)
{
	u64 all = links->nr;

	for (u32 i = 0; i < links->nr; i++) {
		const struct link *l = &links->l[i];
		u64 e = l->frame | (u64)l->at << 3 | (u64)l->is_reg << 9;

		all |= e << (4 + 10 * i);
	}
	return all;
}

static void sync_one(struct reg *r, const struct reg *known)
{
	struct reg by;
	s32 off = r->off;
	u32 id = r->id;

	if ((!(id & REG_ADD_CONST) && !(known->id & REG_ADD_CONST)) || off == known->off) {
		*r = *known;
		return;
	}
	reg_set_const(&by, (u64)(s64)(off - known->off));
	*r = *known;
	r->off = off;
	r->id = id;
	scalar_add_raw(&r->v, &by.v);
}

static void sync_links(struct state *st, const struct reg *known, const struct links *links)
{
	if (known->type != REG_SCALAR || !known->id)
		return;
	for (u32 i = 0; i < links->nr; i++) {
		const struct link *l = &links->l[i];
		struct frame *f = st->frames[l->frame];
		struct reg *r = l->is_reg ? &f->regs[l->at] : &f->slots[l->at].reg;

		if (r->type == REG_SCALAR && r != known &&
		    (r->id & ~REG_ADD_CONST) == (known->id & ~REG_ADD_CONST))
			sync_one(r, known);
	}
}

/* --- NULL ------------------------------------------------------------------------------------ */

static void learn_null(struct env *env, struct reg *r, u32 id, bool is_null)
{
	if (!(r->type & REG_MAYBE_NULL) || r->id != id)
		return;
	if (is_null) {
		r->type = REG_SCALAR;
		r->id = r->ref = 0;
		r->off = 0;
		return;
	}
	reg_mark_not_null(r);
	if (!fields_have(reg_fields(env, r), FIELD_SPIN_LOCK))
		r->id = 0;
}

static void learn_null_all(struct env *env, struct state *st, u32 regno, bool is_null)
{
	const struct reg *r = &state_frame(st)->regs[regno];
	u32 ref = r->ref, id = r->id;
	struct frame *f;
	struct reg *other;

	if (ref && ref == id && is_null)
		state_release(st, id);
	state_for_each_reg(st, f, other, learn_null(env, other, id, is_null));
}

/* --- packets --------------------------------------------------------------------------------- */

/* All packet pointers of r's id know now that r's offset is inside. */
static void learn_range(struct state *st, const struct reg *r, bool open)
{
	u32 id = r->id, type = r->type;
	struct frame *f;
	struct reg *other;
	s32 range;

	if (r->off < 0 || (!r->off && open))
		return;
	if (r->v.r.umax > MAX_PACKET || r->v.r.umax + (u64)r->off > MAX_PACKET)
		return;
	range = r->off + open;
	state_for_each_reg(st, f, other,
			   if (other->type == type && other->id == id && other->range < range)
				   other->range = range);
}

static void learn_end(struct state *st, u32 regno, bool beyond)
{
	struct reg *r = &state_frame(st)->regs[regno];

	if (r->type == REG_PKT)
		r->range = beyond ? PKT_BEYOND_END : PKT_AT_END;
}

static bool is_packet_start(const struct reg *r)
{
	return r->type == REG_PKT && !r->id && !r->off && tnum_is(r->v.t, 0);
}

/* Is a a packet pointer and b the end of what it points into? */
static bool is_pair(const struct reg *a, const struct reg *b)
{
	return (a->type == REG_PKT && b->type == REG_PKT_END) ||
	       (a->type == REG_PKT_META && is_packet_start(b));
}

/*
 * pkt > end, and its kin. Where pkt is shown to be at or before the end, that many bytes are
 * there; where it is shown to be before it (strictly), one more.
 */
static bool learn_packet(struct env *env, const struct jump *j)
{
	u8 op = j->op;
	bool is_dst = is_pair(j->dst, j->src), less, strict;
	const struct reg *pkt = is_dst ? j->dst : j->src;
	u32 regno = is_dst ? j->insn->dst_reg : j->insn->src_reg;
	struct state *inside, *outside;

	if (!j->is_x || j->is_w || (!is_dst && !is_pair(j->src, j->dst)))
		return false;
	if (op != BPF_JGT && op != BPF_JLT && op != BPF_JGE && op != BPF_JLE)
		return false;
	op = is_dst ? op : swapped(op);
	less = op == BPF_JLT || op == BPF_JLE;
	strict = op == BPF_JLT || op == BPF_JGE; /* where it is inside, pkt < end */
	inside = less ? j->other : env->cur;
	outside = less ? env->cur : j->other;
	learn_range(inside, pkt, strict);
	learn_end(outside, regno, !strict);
	return true;
}

/* --- the instruction ------------------------------------------------------------------------- */

static int read_operands(struct env *env, struct jump *j)
{
	struct reg *regs = env_regs(env);
	u32 flags = 0;
	int err = check_reg(env, j->insn->dst_reg, USE_SRC);

	j->dst = &regs[j->insn->dst_reg];
	if (!err && j->is_x)
		err = check_reg(env, j->insn->src_reg, USE_SRC);
	if (err)
		return err;
	if (j->is_x) {
		j->src = &regs[j->insn->src_reg];
	} else {
		reg_set_const(&j->imm, (u64)(s64)j->insn->imm);
		j->src = &j->imm;
	}
	if (j->is_x && !(reg_is_pkt_or_end(j->dst) && reg_is_pkt_or_end(j->src)) &&
	    is_pointer_value(env, j->src))
		return reject_ptr_compare(env, j->insn->src_reg);
	if (j->src->type == REG_STACK)
		flags |= HIST_SRC_STACK;
	if (j->dst->type == REG_STACK)
		flags |= HIST_DST_STACK;
	return flags ? hist_push(env, flags, 0) : 0;
}

static int decided(struct env *env, const struct jump *j, int way, s32 *next)
{
	int err = 0;

	if (j->dst->type == REG_SCALAR)
		err = precise_mark(env, j->insn->dst_reg);
	if (!err && j->is_x && j->src->type == REG_SCALAR)
		err = precise_mark(env, j->insn->src_reg);
	if (err)
		return err;
	log_insn_state(env);
	if (way)
		*next += j->insn->off;
	return 0;
}

static int split(struct env *env, struct jump *j)
{
	struct reg *regs;
	int err;

	if (j->is_x)
		collect(env->cur, j->src, &j->links);
	collect(env->cur, j->dst, &j->links);
	if (j->links.nr > 1) {
		err = hist_push(env, 0, pack(&j->links));
		if (err)
			return err;
	}
	j->other = state_push(env, env->insn + 1 + j->insn->off, env->insn);
	if (!j->other)
		return env->res->err;
	regs = state_frame(j->other)->regs;
	j->other_imm = j->imm;
	j->other_dst = &regs[j->insn->dst_reg];
	j->other_src = j->is_x ? &regs[j->insn->src_reg] : &j->other_imm;
	return 0;
}

static void learn_numbers(struct env *env, struct jump *j)
{
	if (j->dst->type == REG_SCALAR && j->src->type == REG_SCALAR) {
		refine_false(&j->dst->v, &j->src->v, j->op, j->is_w);
		refine_true(&j->other_dst->v, &j->other_src->v, j->op, j->is_w);
	}
	if (j->is_x) {
		sync_links(env->cur, j->src, &j->links);
		sync_links(j->other, j->other_src, &j->links);
	}
	sync_links(env->cur, j->dst, &j->links);
	sync_links(j->other, j->other_dst, &j->links);
}

/* Two pointers are equal: if one cannot be NULL, neither can the other. */
static void learn_equal(struct env *env, const struct jump *j)
{
	struct reg *d = j->op == BPF_JEQ ? j->other_dst : j->dst;
	struct reg *s = j->op == BPF_JEQ ? j->other_src : j->src;
	bool d_there = reg_not_null(j->dst), s_there = reg_not_null(j->src);

	if (j->is_w || !j->is_x || (j->op != BPF_JEQ && j->op != BPF_JNE) ||
	    j->dst->type == REG_SCALAR || j->src->type == REG_SCALAR ||
	    reg_kind(j->dst) == REG_BTF || reg_kind(j->src) == REG_BTF)
		return;
	if (d_there && (s->type & REG_MAYBE_NULL))
		reg_mark_not_null(s);
	if (s_there && (d->type & REG_MAYBE_NULL))
		reg_mark_not_null(d);
}

static bool is_null_check(const struct jump *j)
{
	return !j->is_w && !j->is_x && !j->insn->imm && (j->op == BPF_JEQ || j->op == BPF_JNE) &&
	       (j->dst->type & REG_MAYBE_NULL);
}

int do_jmp(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	struct jump j = {
		.insn = insn,
		.op = BPF_OP(insn->code),
		.is_w = BPF_CLASS(insn->code) == BPF_JMP32,
		.is_x = BPF_SRC(insn->code) == BPF_X,
	};
	int err, way;

	env->jmps++;
	err = read_operands(env, &j);
	if (err)
		return err;
	way = decide(&j);
	if (way >= 0)
		return decided(env, &j, way, next);
	err = split(env, &j);
	if (err)
		return err;
	learn_numbers(env, &j);
	learn_equal(env, &j);
	if (is_null_check(&j)) {
		learn_null_all(env, env->cur, insn->dst_reg, j.op == BPF_JNE);
		learn_null_all(env, j.other, insn->dst_reg, j.op == BPF_JEQ);
	} else if (!learn_packet(env, &j) && is_pointer_value(env, j.dst)) {
		return reject_ptr_compare(env, insn->dst_reg);
	}
	log_insn_state(env);
	return 0;
}
