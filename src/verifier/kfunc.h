/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Kernel functions that programs call. */
#ifndef VERIFIER_KFUNC_H
#define VERIFIER_KFUNC_H

#include "verifier/verifier.h"

struct kfunc;

int kfunc_find(struct env *env, u32 insn); /* what is called there; refuses what nobody knows */
bool kfunc_is_sync_callback(const struct kfunc *k);
bool kfunc_is_async_callback(const struct kfunc *k);
bool kfunc_is_iter_next(const struct kfunc *k);
bool kfunc_is_graph(const struct kfunc *k); /* lists and trees: called with the lock held */

#endif
