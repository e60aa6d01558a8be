/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The state of one path at one instruction: the frames of the calls that are open, references,
 * regions. A state is the current one, one that waits to be explored (pending), or a checkpoint:
 * a copy at an instruction where paths meet, kept to compare later arrivals with.
 *
 * Checkpoints form a tree: `parent` is the last one on the path. `branches` counts the paths from
 * a checkpoint that are not finished; at 0 everything behind it has been shown to be safe.
 */
#ifndef VERIFIER_STATE_H
#define VERIFIER_STATE_H

#include "verifier/reg.h"

#define STATE_MAX_FRAMES 8 /* MAX_CALL_FRAMES */
#define STATE_MAX_STACK  512
#define STATE_NR_SLOTS   (STATE_MAX_STACK / 8)
#define STATE_NR_REGS    11
#define STATE_MAIN       (-1) /* callsite of the entry function */

enum slot_kind {
	SLOT_INVALID, /* never written */
	SLOT_SPILL,   /* a byte of a register */
	SLOT_MISC,    /* any bytes */
	SLOT_ZERO,
	SLOT_DYNPTR,
	SLOT_ITER,
};

/* Eight bytes of stack. kind[i] is of the byte at fp - (8 * spi + i + 1): counted downwards. */
struct slot {
	struct reg reg;
	u8 kind[8];
};

struct frame {
	struct reg regs[STATE_NR_REGS];
	s32 callsite; /* instruction of the call */
	u32 frameno, subprog;
	bool in_callback, in_async, in_exception;
	bool fresh;           /* made since the last checkpoint: that has no such frame */
	s32 ret_min, ret_max; /* what a callback may return */
	u32 async_entries;
	u32 callback_depth;
	/* Liveness since the last checkpoint; in a checkpoint: what is read behind it. */
	u16 regs_written, regs_read;
	u64 slots_written, slots_read;
	u32 nr_slots, room_slots;
	struct slot *slots;
};

struct state_ref {
	u32 id;
	u32 insn;     /* that acquired it */
	u32 callback; /* frame of the callback that did, or 0 */
};

struct state {
	struct frame *frames[STATE_MAX_FRAMES];
	u32 cur; /* index of the innermost frame */
	struct state_ref *refs;
	u32 nr_refs, room_refs;
	const void *lock; /* the map or BTF whose object is locked; NULL: none */
	u32 lock_id;
	bool rcu, in_sleepable;
	u32 preempt;

	u32 branches;
	struct state *parent;
	s32 first_insn, last_insn;
	u32 hist_start, hist_end;
	u32 dfs_depth, callback_unroll, may_goto_depth;
	struct state *loop_entry;
	bool used_as_loop;

	/* of a checkpoint */
	s32 insn;
	u32 hits, misses;
	struct state *next;
	/* of a pending one */
	s32 prev_insn;
	size_t log_pos;
};

struct env;

struct state *state_new(struct env *env);
void state_free(struct env *env, struct state *st);
int state_copy(struct env *env, struct state *to, const struct state *from);
struct frame *state_push_frame(struct env *env, struct state *st, u32 subprog, s32 callsite);
void state_pop_frame(struct env *env, struct state *st);
int frame_grow(struct env *env, struct frame *f, int bytes);
void state_pools_done(struct env *env);

/* Paths to explore later. NULL: out of memory or too many, and the refusal is set. */
struct state *state_push(struct env *env, s32 insn, s32 prev_insn);
struct state *state_push_async(struct env *env, s32 insn, s32 prev_insn, u32 subprog,
			       bool sleepable);
int state_pop(struct env *env); /* 1: env->cur and env->insn are the next path's; 0: no more */

int state_acquire(struct env *env, u32 insn, u32 *ret_id);
int state_release(struct state *st, u32 id); /* -EINVAL: not held here */
bool state_has_ref(const struct state *st, u32 id);

static inline struct frame *state_frame(const struct state *st)
{
	return st->frames[st->cur];
}

static inline bool slot_is_spill(const struct slot *s)
{
	return s->kind[7] == SLOT_SPILL;
}

static inline bool slot_is_spilled_scalar(const struct slot *s)
{
	return s->kind[7] == SLOT_SPILL && s->reg.type == REG_SCALAR;
}

/* For every register and spilled register of a state: e is one expression. */
#define state_for_each_reg(st, fr_, reg_, body)                                                    \
	do {                                                                                       \
		for (u32 f_ = 0; f_ <= (st)->cur; f_++) {                                          \
			(fr_) = (st)->frames[f_];                                                  \
			for (int i_ = 0; i_ < STATE_NR_REGS; i_++) {                               \
				(reg_) = &(fr_)->regs[i_];                                         \
				body;                                                              \
			}                                                                          \
			for (u32 i_ = 0; i_ < (fr_)->nr_slots; i_++) {                             \
				if (!slot_is_spill(&(fr_)->slots[i_]))                             \
					continue;                                                  \
				(reg_) = &(fr_)->slots[i_].reg;                                    \
				body;                                                              \
			}                                                                          \
		}                                                                                  \
	} while (0)

#endif
