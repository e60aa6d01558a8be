/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Liveness: what is read behind a checkpoint. Found on the way: a read marks the checkpoints up the
 * path until the one behind which the register or slot was written. Two states that differ only in
 * what nobody reads any more are equal.
 */
#ifndef VERIFIER_LIVE_H
#define VERIFIER_LIVE_H

#include "verifier/env.h"

void live_read_reg(struct env *env, u32 frame, u32 regno);
void live_read_slot(struct env *env, u32 frame, u32 spi);
void live_write_reg(struct env *env, u32 regno);
void live_write_slot(struct frame *f, u32 spi);
/* All that is read behind `old`, which the current state equals, is read behind that one too. */
void live_join(struct env *env, const struct state *old);
/* The current state was copied to a checkpoint: nothing has happened since. */
void live_restart(struct state *st);
/* f was called by the frame below: its arguments are the caller's registers. */
void live_call(struct frame *f, const struct frame *caller);

#endif
