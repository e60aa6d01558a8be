/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Objects that live in stack slots: dynptrs and iterators. */
#ifndef VERIFIER_SLOTS_H
#define VERIFIER_SLOTS_H

#include "verifier/verifier.h"

#define DYNPTR_SLOTS 2

/* The slot of the object's lowest address: spi, with the others at spi - 1, …; -EINVAL (refused),
 * -ERANGE: the stack does not reach that far yet. */
int slots_find(struct env *env, const struct reg *r, const char *what, u32 nr);

int dynptr_destroy(struct env *env, struct frame *f, u32 spi); /* something is written there */
int dynptr_mark(struct env *env, const struct reg *r, enum dynptr_kind kind, u32 insn,
		u32 clone_ref);
int dynptr_unmark(struct env *env, const struct reg *r);
bool dynptr_may_init(struct env *env, const struct reg *r);
bool dynptr_is_init(struct env *env, const struct reg *r);
/* Of an initialised one, on the stack or not. */
const struct reg *dynptr_reg(struct env *env, const struct reg *r);

int iter_mark(struct env *env, const struct reg *r, u32 insn, const struct btf *btf, u32 btf_id,
	      u32 nr, bool rcu_protected);
int iter_unmark(struct env *env, const struct reg *r, u32 nr);
bool iter_may_init(struct env *env, const struct reg *r, u32 nr);
int iter_is_init(struct env *env, const struct reg *r, const struct btf *btf, u32 btf_id, u32 nr);

#endif
