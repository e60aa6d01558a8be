/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The log, in the kernel's format. Level 0: refusals only; 1: the last path; 2: everything. */
#ifndef VERIFIER_LOG_H
#define VERIFIER_LOG_H

#include "verifier/env.h"

void log_text(struct env *env, const char *fmt, ...) __printf(2, 3); /* always */
void log_trace(struct env *env, u32 level, const char *fmt, ...) __printf(3, 4);
void log_reset(struct env *env, size_t len);                    /* forget what came after */
void log_source(struct env *env, u32 insn, const char *prefix); /* the C line, if it is new */
void log_insn(struct env *env);                                 /* "12: (b7) r0 = 1" */
void log_frame(struct env *env, const struct state *st, u32 frameno, bool all);
void log_insn_state(struct env *env);           /* what the instruction changed */
const char *log_tnum(char *buf, struct tnum t); /* as the kernel prints it; 48 bytes */
const char *log_dynptr_text(u8 kind);

static inline void log_touch_reg(struct env *env, u32 regno)
{
	env->scratched_regs |= 1u << regno;
}

static inline void log_touch_slot(struct env *env, u32 spi)
{
	env->scratched_slots |= 1ull << spi;
}

static inline void log_touch_all(struct env *env)
{
	env->scratched_regs = ~0u;
	env->scratched_slots = ~0ull;
}

#endif
