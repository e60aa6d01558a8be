/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Calls: what is learnt of the arguments, and the facts of helpers beyond their prototypes. */
#ifndef VERIFIER_HELPER_H
#define VERIFIER_HELPER_H

#include "verifier/verifier.h"

struct call { /* of a helper */
	u32 func;
	const struct spec_helper *h;
	const struct vmap *map;
	u32 map_uid;
	struct call_mem mem;
	u64 size_max; /* the largest size that was passed */
	u32 alloc_size;
	u32 release; /* register whose reference ends; 0: none */
	u32 ref;     /* the reference that an argument holds */
	u32 subprog;
	const struct field *kptr;
	const struct btf *ret_btf;
	u32 ret_id;
	u32 dynptr_id;
};

bool helper_changes_pkt(s32 func);
bool helper_is_sync_callback(s32 func);
bool helper_is_async_callback(s32 func);
bool helper_has_pkt_access(s32 func);
const char *helper_btf_arg(const struct env *env, s32 func, u32 arg); /* struct name or NULL */
const char *helper_btf_ret(s32 func);

int args_check(struct env *env, struct call *c, u32 arg);
int args_check_sizes(struct env *env, const struct reg *r, u32 regno, enum access rw, bool zero_ok,
		     struct call *c, struct call_mem *cm);
int args_check_offset(struct env *env, const struct reg *r, u32 regno, bool release);
int args_check_dynptr(struct env *env, u32 regno, enum dynptr_kind kind, bool uninit, bool rdonly,
		      u32 clone_ref);
int args_check_mem(struct env *env, struct reg *r, u32 regno, u32 size);
int args_check_lock(struct env *env, u32 regno, bool lock);
int args_check_str(struct env *env, const struct reg *r, u32 regno);
int args_check_btf(struct env *env, u32 regno, u32 btf_id, bool nullable);
/* Several helpers have another first argument in some program types. */
enum spec_arg args_kind(const struct env *env, const struct spec_helper *h, u32 arg);

/* compat.c */
int compat_check(struct env *env, const struct vmap *map, u32 func);

#endif
