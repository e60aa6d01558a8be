/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef VERIFIER_CTX_H
#define VERIFIER_CTX_H

#include "verifier/verifier.h"
#include <linux/ptrace.h>

/* ctx_btf.c: contexts that are the arguments of a kernel function, or a struct in its BTF. */
bool ctx_btf_serves(const struct env *env);
bool ctx_btf_is_valid(struct env *env, s32 off, int size, enum access rw, struct ctx_info *ret);

/* The struct that r1 points to in programs of that type, by name: "__sk_buff"; NULL: none. */
const char *ctx_user_struct(u32 prog_type);
/* Does a program's name stand for the kernel's? */
bool ctx_is_projection(const char *user, const char *kernel);
/* Is that the context's name, to a program or to the kernel? */
bool ctx_is_user_struct(u32 prog_type, const char *name);
const char *ctx_kernel_struct(u32 prog_type);

#endif
