/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "verifier/live.h"

#define ARG_REGS 0x3e /* r1 to r5 */

/*
 * From the state `st` upwards. A frame that the checkpoint above does not have was called in
 * between; what it inherited (arguments that nobody wrote since) is the caller's. Whether the
 * caller had written them is in the callee's own mask: live_call.
 */
static void read_reg_from(const struct state *st, u32 frame, u32 bit)
{
	while (st->parent) {
		struct frame *up;

		if (st->frames[frame]->regs_written & bit)
			return;
		while (st->frames[frame]->fresh) {
			if (!frame || !(bit & ARG_REGS))
				return;
			frame--;
		}
		st = st->parent;
		if (frame > st->cur)
			return;
		up = st->frames[frame];
		if (up->regs_read & bit)
			return;
		up->regs_read |= bit;
	}
}

void live_read_reg(struct env *env, u32 frame, u32 regno)
{
	if (regno < BPF_REG_10)
		read_reg_from(env->cur, frame, 1u << regno);
}

static void read_slot_from(const struct state *st, u32 frame, u64 bit)
{
	while (st->parent) {
		struct frame *up;

		if ((st->frames[frame]->slots_written & bit) || st->frames[frame]->fresh)
			return;
		st = st->parent;
		if (frame > st->cur)
			return;
		up = st->frames[frame];
		if (up->slots_read & bit)
			return;
		up->slots_read |= bit;
	}
}

void live_read_slot(struct env *env, u32 frame, u32 spi)
{
	read_slot_from(env->cur, frame, 1ull << spi);
}

void live_write_reg(struct env *env, u32 regno)
{
	env_frame(env)->regs_written |= (u16)(1u << regno);
}

void live_write_slot(struct frame *f, u32 spi)
{
	f->slots_written |= 1ull << spi;
}

void live_join(struct env *env, const struct state *old)
{
	for (u32 i = 0; i <= old->cur; i++) {
		const struct frame *f = old->frames[i];
		u32 first = i < old->cur ? BPF_REG_6 : BPF_REG_0;

		for (u32 r = first; r < BPF_REG_10; r++)
			if (f->regs_read >> r & 1)
				read_reg_from(env->cur, i, 1u << r);
		for (u64 left = f->slots_read; left; left &= left - 1)
			read_slot_from(env->cur, i, left & -left);
	}
}

void live_restart(struct state *st)
{
	for (u32 i = 0; i <= st->cur; i++) {
		struct frame *f = st->frames[i];

		f->fresh = false;
		f->regs_written = f->regs_read = 0;
		f->slots_written = f->slots_read = 0;
	}
}

void live_call(struct frame *f, const struct frame *caller)
{
	f->regs_written = (u16)~ARG_REGS | (caller->regs_written & ARG_REGS);
}
