/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Kernel functions that programs call. */
#include "verifier/kfunc.h"

int kfunc_find(struct env *env, u32 insn)
{
	return reject_not_modelled(env, "kernel functions");
}

bool kfunc_is_sync_callback(const struct kfunc *k)
{
	return false;
}

bool kfunc_is_async_callback(const struct kfunc *k)
{
	return false;
}

bool kfunc_is_iter_next(const struct kfunc *k)
{
	return false;
}

bool kfunc_is_graph(const struct kfunc *k)
{
	return false;
}

int do_kfunc(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	return reject_not_modelled(env, "kernel functions");
}
