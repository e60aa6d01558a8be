/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Kernel functions that programs call: their prototypes are the kernel's BTF, names of parameters
 * (suffixes such as __sz) say how they are meant, and flags the rest. */
#ifndef VERIFIER_KFUNC_H
#define VERIFIER_KFUNC_H

#include "verifier/verifier.h"

enum { /* flags */
       KF_ACQUIRE = 1,
       KF_RELEASE = 2,
       KF_RET_NULL = 4,
       KF_TRUSTED_ARGS = 8,
       KF_SLEEPABLE = 16,
       KF_DESTRUCTIVE = 32,
       KF_RCU = 64,
       KF_ITER_NEW = 128,
       KF_ITER_NEXT = 256,
       KF_ITER_DESTROY = 512,
       KF_RCU_PROTECTED = 1024,
       KF_ONLY_LSM = 2048,
       KF_ONLY_SESSION = 4096,
       KF_ONLY_ITER = 8192,
       KF_ITER = KF_ITER_NEW | KF_ITER_NEXT | KF_ITER_DESTROY,
};

enum kfunc_special { /* those that have rules of their own */
		     KFS_NONE,
#define S(name) KFS_##name,
#define KFUNC_SPECIALS                                                                             \
	S(bpf_obj_new_impl)                                                                        \
	S(bpf_obj_drop_impl)                                                                       \
	S(bpf_refcount_acquire_impl)                                                               \
	S(bpf_list_push_front_impl)                                                                \
	S(bpf_list_push_back_impl)                                                                 \
	S(bpf_list_pop_front)                                                                      \
	S(bpf_list_pop_back)                                                                       \
	S(bpf_cast_to_kern_ctx)                                                                    \
	S(bpf_rdonly_cast)                                                                         \
	S(bpf_rcu_read_lock)                                                                       \
	S(bpf_rcu_read_unlock)                                                                     \
	S(bpf_rbtree_remove)                                                                       \
	S(bpf_rbtree_add_impl)                                                                     \
	S(bpf_rbtree_first)                                                                        \
	S(bpf_dynptr_from_skb)                                                                     \
	S(bpf_dynptr_from_xdp)                                                                     \
	S(bpf_dynptr_slice)                                                                        \
	S(bpf_dynptr_slice_rdwr)                                                                   \
	S(bpf_dynptr_clone)                                                                        \
	S(bpf_percpu_obj_new_impl)                                                                 \
	S(bpf_percpu_obj_drop_impl)                                                                \
	S(bpf_throw)                                                                               \
	S(bpf_wq_set_callback_impl)                                                                \
	S(bpf_preempt_disable)                                                                     \
	S(bpf_preempt_enable)                                                                      \
	S(bpf_iter_css_task_new)                                                                   \
	S(bpf_session_cookie)
		     KFUNC_SPECIALS
#undef S
};

struct kfunc {
	const char *name;
	u32 hooks, flags;
	enum kfunc_special special;
	u32 proto_id; /* in the kernel's BTF */
};

struct kcall {
	const struct kfunc *k;
	const struct btf_type *proto;
	u32 nr_args;
	u32 release, ref;
	bool has_const;
	u64 constant;
	u64 r0_size;
	bool r0_rdonly;
	u32 ret_id;
	u32 subprog;
	const struct btf *arg_btf;
	u32 arg_id;
	bool arg_owning;
	const struct field *root; /* of the list or tree */
	u8 dynptr_kind;
	u32 dynptr_id, dynptr_ref;
	u32 iter_spi, iter_frame;
	const struct vmap *map;
	u32 map_uid;
};

int kfunc_find(struct env *env, u32 insn); /* what is called there; refuses what nobody knows */
bool kfunc_is_sync_callback(const struct kfunc *k);
bool kfunc_is_async_callback(const struct kfunc *k);
bool kfunc_is_iter_next(const struct kfunc *k);
bool kfunc_is_graph(const struct kfunc *k); /* lists and trees: called with the lock held */

int kfunc_args(struct env *env, struct kcall *c);
/* Numbers, in structs and arrays at most. */
bool kfunc_is_plain(const struct btf *btf, const struct btf_type *t, int depth);
int kfunc_return(struct env *env, struct kcall *c);
const char *kfunc_param(const struct env *env, const struct kcall *c, u32 arg);

/* graph.c */
int graph_root(struct env *env, struct kcall *c, u32 arg, u32 kind);
int graph_node(struct env *env, struct kcall *c, u32 arg, u32 kind);
int graph_insert(struct env *env, struct kcall *c);
int graph_add_callback(struct env *env, struct kcall *c);
bool graph_in_callback(const struct env *env);
int graph_set_non_owning(struct env *env, struct reg *r);
void graph_set_node(struct reg *r, const struct field *root);

/* iter.c */
int iter_arg(struct env *env, struct kcall *c, u32 arg);
int iter_next(struct env *env, const struct kcall *c, s32 next);

#endif
