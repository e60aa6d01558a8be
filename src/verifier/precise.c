/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Precision: of most numbers it does not matter what they are. Where a number decided something (a
 * branch, an offset, a size), the path is walked backwards, instruction by instruction, and every
 * register and stack slot that the number came from is marked precise in the checkpoints on the
 * way. Only precise numbers are compared when states are.
 *
 * The path since a checkpoint is known by `hist`: an entry for every instruction that was not
 * reached from the one before it, or of which more must be remembered (which stack slot it used,
 * which numbers were equal at a branch).
 */
#include "base/mem.h"
#include "verifier/verifier.h"
#include <string.h>

#define REG_BIT(r) (1u << (r))
#define ARG_REGS   0x3eu
#define NO_PREV    (-2)

int hist_push(struct env *env, u32 flags, u64 linked)
{
	struct state *cur = env->cur;
	struct hist *h = env->cur_hist;

	if (h) {
		h->flags |= flags;
		if (linked)
			h->linked = linked;
		return 0;
	}
	if (cur->hist_end >= env->room_hist) {
		u32 room = env->room_hist ? env->room_hist * 2 : 256;

		h = mem_realloc(env->hist, room * sizeof(*h));
		if (!h)
			return reject_no_memory(env);
		env->memory += (room - env->room_hist) * sizeof(*h);
		env->hist = h;
		env->room_hist = room;
	}
	h = &env->hist[cur->hist_end++];
	*h = (struct hist){env->insn, env->prev_insn, flags, linked};
	env->cur_hist = h;
	return 0;
}

static bool is_empty(const struct backtrack *bt)
{
	for (u32 i = 0; i <= bt->frame; i++)
		if (bt->regs[i] | bt->slots[i])
			return false;
	return true;
}

static void clear(struct backtrack *bt)
{
	memset(bt, 0, sizeof(*bt));
}

static void set_reg(struct backtrack *bt, u32 r)
{
	bt->regs[bt->frame] |= REG_BIT(r);
}

static void clear_reg(struct backtrack *bt, u32 r)
{
	bt->regs[bt->frame] &= ~REG_BIT(r);
}

static bool has_reg(const struct backtrack *bt, u32 r)
{
	return bt->regs[bt->frame] & REG_BIT(r);
}

/* Numbers that were equal at a branch: six of them, packed. An entry has 10 bits. */
static void follow_links(struct backtrack *bt, const struct hist *h)
{
	u64 left = h ? h->linked : 0;
	u32 nr = left & 15;
	bool any = false;

	for (u32 i = 0; i < nr; i++) {
		u64 e = left >> (4 + 10 * i);
		u32 frame = e & 7, at = e >> 3 & 63;

		any |= e >> 9 & 1 ? (bt->regs[frame] >> at & 1) : (bt->slots[frame] >> at & 1);
	}
	for (u32 i = 0; any && i < nr; i++) {
		u64 e = left >> (4 + 10 * i);

		if (e >> 9 & 1)
			bt->regs[e & 7] |= REG_BIT(e >> 3 & 63);
		else
			bt->slots[e & 7] |= 1ull << (e >> 3 & 63);
	}
}

static int back_bug(struct env *env)
{
	return reject_backtrack_bug(env);
}

static int back_alu(const struct bpf_insn *insn, struct backtrack *bt)
{
	u8 op = BPF_OP(insn->code);
	bool is_x = BPF_SRC(insn->code) == BPF_X;

	if (!has_reg(bt, insn->dst_reg) || op == BPF_END || op == BPF_NEG)
		return 0;
	if (op == BPF_MOV)
		clear_reg(bt, insn->dst_reg);
	if (is_x && insn->src_reg != BPF_REG_10)
		set_reg(bt, insn->src_reg);
	return 0;
}

static bool is_fetch(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_STX && BPF_MODE(insn->code) == BPF_ATOMIC &&
	       (insn->imm & BPF_FETCH);
}

static int back_load(const struct bpf_insn *insn, const struct hist *h, struct backtrack *bt)
{
	u32 to = insn->dst_reg;

	if (is_fetch(insn))
		to = insn->imm == BPF_CMPXCHG ? BPF_REG_0 : insn->src_reg;
	if (!has_reg(bt, to))
		return 0;
	clear_reg(bt, to);
	if (h && (h->flags & HIST_STACK_ACCESS))
		bt->slots[h->flags & HIST_FRAME_MASK] |= 1ull << (h->flags >> HIST_SLOT_SHIFT &
								  HIST_SLOT_MASK);
	return 0;
}

static int back_store(const struct bpf_insn *insn, const struct hist *h, struct backtrack *bt)
{
	u32 frame;
	u64 bit;

	if (has_reg(bt, insn->dst_reg))
		return -ENOTSUP; /* a number made of a pointer */
	if (!h || !(h->flags & HIST_STACK_ACCESS))
		return 0;
	frame = h->flags & HIST_FRAME_MASK;
	bit = 1ull << (h->flags >> HIST_SLOT_SHIFT & HIST_SLOT_MASK);
	if (!(bt->slots[frame] & bit))
		return 0;
	bt->slots[frame] &= ~bit;
	if (BPF_CLASS(insn->code) == BPF_STX)
		set_reg(bt, insn->src_reg);
	return 0;
}

/* Backwards out of a callee, through its first instruction. */
static int leave_callee(struct env *env, struct backtrack *bt, bool args_too)
{
	u32 args = bt->regs[bt->frame] & ARG_REGS;

	if ((bt->regs[bt->frame] & ~ARG_REGS) || bt->slots[bt->frame] || !bt->frame)
		return back_bug(env);
	bt->regs[bt->frame] = 0;
	bt->frame--;
	if (args_too)
		bt->regs[bt->frame] |= args;
	return 0;
}

static int back_call(struct env *env, s32 idx, s32 next, struct backtrack *bt)
{
	const struct bpf_insn *insn = &env->insns[idx];

	if (insn->src_reg == BPF_PSEUDO_CALL) {
		int sub = subprog_at(env, idx + insn->imm + 1);

		if (sub < 0)
			return back_bug(env);
		if (!env->subprogs[sub].is_global)
			return leave_callee(env, bt, true);
		if (bt->regs[bt->frame] & ARG_REGS)
			return back_bug(env);
		clear_reg(bt, BPF_REG_0);
		return 0;
	}
	/* Arrived from the callback's first instruction. */
	if (env->aux[idx].calls_callback && idx != next - 1)
		return leave_callee(env, bt, false);
	clear_reg(bt, BPF_REG_0);
	return bt->regs[bt->frame] & ARG_REGS ? back_bug(env) : 0;
}

static int enter_callee(struct env *env, struct backtrack *bt)
{
	if (bt->frame + 1 >= STATE_MAX_FRAMES)
		return back_bug(env);
	bt->frame++;
	return 0;
}

static int back_exit(struct env *env, s32 next, struct backtrack *bt)
{
	const struct bpf_insn *call = next > 0 ? &env->insns[next - 1] : NULL;
	bool from_call = call && call->code == (BPF_JMP | BPF_CALL) &&
			 call->src_reg == BPF_PSEUDO_CALL;
	bool r0 = from_call && has_reg(bt, BPF_REG_0);
	int err;

	if (from_call && (bt->regs[bt->frame] & ARG_REGS))
		return back_bug(env);
	clear_reg(bt, BPF_REG_0);
	err = enter_callee(env, bt);
	if (!err && r0)
		set_reg(bt, BPF_REG_0);
	return err;
}

static int back_jump(struct env *env, s32 idx, s32 next, const struct hist *h, struct backtrack *bt)
{
	const struct bpf_insn *insn = &env->insns[idx];
	u8 op = BPF_OP(insn->code);

	if (op == BPF_CALL)
		return back_call(env, idx, next, bt);
	if (op == BPF_EXIT)
		return back_exit(env, next, bt);
	if (op == BPF_JA || BPF_SRC(insn->code) != BPF_X ||
	    (!has_reg(bt, insn->dst_reg) && !has_reg(bt, insn->src_reg)))
		return 0;
	/* The comparison related the two: both matter. */
	if (!h || !(h->flags & HIST_SRC_STACK))
		set_reg(bt, insn->src_reg);
	if (!h || !(h->flags & HIST_DST_STACK))
		set_reg(bt, insn->dst_reg);
	return 0;
}

static int back_ld(struct env *env, s32 idx, s32 next, struct backtrack *bt)
{
	const struct bpf_insn *insn = &env->insns[idx];

	if (BPF_MODE(insn->code) == BPF_IMM) {
		clear_reg(bt, insn->dst_reg);
		return 0;
	}
	if (has_reg(bt, insn->dst_reg))
		return -ENOTSUP;
	return next != idx + 1 ? enter_callee(env, bt) : 0; /* it left the function */
}

static void log_masks(struct env *env, const struct backtrack *bt, u32 frame)
{
	bool first = true;

	for (u32 r = 0; r < STATE_NR_REGS; r++)
		if (bt->regs[frame] >> r & 1) {
			log_text(env, "%sr%u", first ? "" : ",", r);
			first = false;
		}
	log_text(env, " stack=");
	first = true;
	for (u32 i = 0; i < STATE_NR_SLOTS; i++)
		if (bt->slots[frame] >> i & 1) {
			log_text(env, "%s-%u", first ? "" : ",", (i + 1) * 8);
			first = false;
		}
}

static void tell_step(struct env *env, s32 idx, const struct backtrack *bt)
{
	if (env->log_level < 2)
		return;
	log_text(env, "mark_precise: frame%u: regs=", bt->frame);
	log_masks(env, bt, bt->frame);
	log_text(env, " before %d: (%02x) ", idx, env->insns[idx].code);
	isa_disasm(&env->log, env->insns + idx, env->nr - (u32)idx, (u32)idx, NULL);
	log_text(env, "\n");
}

static int back_insn(struct env *env, s32 idx, s32 next, const struct hist *h, struct backtrack *bt)
{
	const struct bpf_insn *insn = &env->insns[idx];
	int err = 0;

	if (!insn->code) /* the second slot of ld_imm64 */
		return 0;
	tell_step(env, idx, bt);
	follow_links(bt, h);
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		err = back_alu(insn, bt);
		break;
	case BPF_LDX:
		err = back_load(insn, h, bt);
		break;
	case BPF_STX:
	case BPF_ST:
		err = is_fetch(insn) ? back_load(insn, h, bt) : back_store(insn, h, bt);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		err = back_jump(env, idx, next, h, bt);
		break;
	case BPF_LD:
		err = back_ld(env, idx, next, bt);
		break;
	}
	follow_links(bt, h);
	return err;
}

static void all_precise(struct env *env)
{
	log_trace(env, 2, "mark_precise: frame%u: falling back to forcing all scalars precise\n",
		  env->cur->cur);
	for (struct state *st = env->cur->parent; st; st = st->parent) {
		struct frame *f;
		struct reg *r;

		state_for_each_reg(st, f, r, if (r->type == REG_SCALAR) r->precise = true);
	}
}

void precise_forget(struct state *st)
{
	struct frame *f;
	struct reg *r;

	state_for_each_reg(st, f, r, if (r->type == REG_SCALAR) r->precise = false);
}

/* Where the path came from before idx, NO_PREV at the checkpoint. */
static s32 step_back(struct env *env, const struct state *st, s32 idx, u32 *hist_end)
{
	u32 nr = *hist_end - st->hist_start;
	const struct hist *last = nr ? &env->hist[*hist_end - 1] : NULL;

	if (idx == st->first_insn && (!nr || (nr == 1 && last->idx == idx)))
		return NO_PREV;
	if (!last || last->idx != idx)
		return idx - 1;
	(*hist_end)--;
	return last->prev;
}

/* The path from `last` back to the checkpoint above st. 1: nothing is left to find. */
static int back_through(struct env *env, const struct state *st, s32 last, s32 *next, bool *skip)
{
	struct backtrack *bt = &env->bt;
	u32 hist_end = st->hist_end;

	for (s32 i = last;;) {
		const struct hist *h = hist_end > st->hist_start ? &env->hist[hist_end - 1] : NULL;
		int err = 0;

		if (!*skip)
			err = back_insn(env, i, *next, h && h->idx == i ? h : NULL, bt);
		*skip = false;
		if (err == -ENOTSUP) {
			all_precise(env);
			clear(bt);
			return 1;
		}
		if (err)
			return err;
		if (is_empty(bt))
			return 1;
		*next = i;
		i = step_back(env, st, i, &hist_end);
		if (i == NO_PREV)
			return 0;
		if (i < 0 || (u32)i >= env->nr)
			return back_bug(env);
	}
}

/* Mark in a checkpoint what is wanted of it. What is precise already needs no further walk. */
static int mark_frame(struct env *env, struct frame *f, u32 *regs, u64 *slots)
{
	for (u32 left = *regs; left; left &= left - 1) {
		struct reg *r = &f->regs[__builtin_ctz(left)];

		if (r->type != REG_SCALAR || r->precise)
			*regs &= ~(left & -left);
		else
			r->precise = true;
	}
	for (u64 left = *slots; left; left &= left - 1) {
		u32 i = (u32)__builtin_ctzll(left);

		if (i >= f->nr_slots)
			return back_bug(env);
		if (!slot_is_spilled_scalar(&f->slots[i]) || f->slots[i].reg.precise)
			*slots &= ~(left & -left);
		else
			f->slots[i].reg.precise = true;
	}
	return 0;
}

static int mark_checkpoint(struct env *env, struct state *st)
{
	struct backtrack *bt = &env->bt;

	for (s32 i = (s32)bt->frame; i >= 0; i--) {
		int err = mark_frame(env, st->frames[i], &bt->regs[i], &bt->slots[i]);

		if (err)
			return err;
		if (env->log_level >= 2) {
			log_text(env, "mark_precise: frame%d: parent state regs=", i);
			log_masks(env, bt, (u32)i);
			log_text(env, ": ");
			log_frame(env, st, (u32)i, true);
		}
	}
	return 0;
}

/* At the entry of a global function: its arguments are where numbers come from. */
static int at_entry(struct env *env, struct state *st)
{
	struct backtrack *bt = &env->bt;
	struct frame *f = st->frames[0];

	if (st->cur || !f->subprog || f->callsite != STATE_MAIN || bt->slots[0] ||
	    (bt->regs[0] & ~ARG_REGS))
		return back_bug(env);
	for (u32 r = 1; r <= 5; r++)
		if ((bt->regs[0] >> r & 1) && f->regs[r].type == REG_SCALAR)
			f->regs[r].precise = true;
	clear(bt);
	return 0;
}

static int walk_back(struct env *env)
{
	struct state *st = env->cur;
	s32 last = env->insn, first = st->first_insn, next = -1;
	bool skip = true; /* the instruction that asks has not been executed */
	int ret;

	for (;;) {
		log_trace(env, 2,
			  "mark_precise: frame%u: last_idx %d first_idx %d subseq_idx %d \n",
			  env->bt.frame, last, first, next);
		if (last < 0)
			return at_entry(env, st);
		ret = back_through(env, st, last, &next, &skip);
		if (ret)
			return ret < 0 ? ret : 0;
		st = st->parent;
		if (!st)
			break;
		ret = mark_checkpoint(env, st);
		if (ret)
			return ret;
		if (is_empty(&env->bt))
			return 0;
		next = first;
		last = st->last_insn;
		first = st->first_insn;
	}
	all_precise(env);
	clear(&env->bt);
	return 0;
}

int precise_mark(struct env *env, int regno)
{
	const struct reg *r = &env_regs(env)[regno];

	if (r->type != REG_SCALAR)
		return back_bug(env);
	clear(&env->bt);
	env->bt.frame = env->cur->cur;
	set_reg(&env->bt, (u32)regno);
	return walk_back(env);
}

static void want_frame(struct env *env, const struct frame *f, u32 frame)
{
	bool first = true;

	for (u32 r = 0; r < BPF_REG_10; r++) {
		if (f->regs[r].type != REG_SCALAR || !f->regs[r].precise ||
		    !(f->regs_read >> r & 1))
			continue;
		env->bt.regs[frame] |= REG_BIT(r);
		if (first)
			log_trace(env, 2, "frame %u: propagating r%u", frame, r);
		else
			log_trace(env, 2, ",r%u", r);
		first = false;
	}
	for (u32 i = 0; i < f->nr_slots; i++) {
		if (!slot_is_spilled_scalar(&f->slots[i]) || !f->slots[i].reg.precise ||
		    !(f->slots_read >> i & 1))
			continue;
		env->bt.slots[frame] |= 1ull << i;
		if (first)
			log_trace(env, 2, "frame %u: propagating fp%d", frame, -(int)(i + 1) * 8);
		else
			log_trace(env, 2, ",fp%d", -(int)(i + 1) * 8);
		first = false;
	}
	if (!first)
		log_trace(env, 2, "\n");
}

/* The current path goes on as from old: what mattered there matters here. */
int precise_join(struct env *env, const struct state *old)
{
	clear(&env->bt);
	env->bt.frame = env->cur->cur;
	for (s32 i = (s32)old->cur; i >= 0; i--)
		want_frame(env, old->frames[i], (u32)i);
	return is_empty(&env->bt) ? 0 : walk_back(env);
}
