/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Allocated objects, lists, trees and shared ownership: test_helper_prog.c runs each program in the
 * user engine and in the kernel and compares what they left in `out`.
 */
/* Headers of 6.3 and newer have these types, older ones not: they are ours here. */
#define bpf_list_head bpf_list_head___uapi
#define bpf_list_node bpf_list_node___uapi
#define bpf_rb_root bpf_rb_root___uapi
#define bpf_rb_node bpf_rb_node___uapi
#define bpf_refcount bpf_refcount___uapi
#include <linux/bpf.h>
#undef bpf_list_head
#undef bpf_list_node
#undef bpf_rb_root
#undef bpf_rb_node
#undef bpf_refcount
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

#define __contains(type, node) __attribute__((btf_decl_tag("contains:" #type ":" #node)))
#define private(name)	       SEC(".bss." #name) __attribute__((aligned(8)))
#define entry(ptr, type, member) ((type *)((void *)(ptr) - offsetof(type, member)))

struct bpf_list_head {
	__u64 : 64;
	__u64 : 64;
} __attribute__((aligned(8)));

struct bpf_list_node {
	__u64 : 64;
	__u64 : 64;
	__u64 : 64;
} __attribute__((aligned(8)));

struct bpf_rb_root {
	__u64 : 64;
	__u64 : 64;
} __attribute__((aligned(8)));

struct bpf_rb_node {
	__u64 : 64;
	__u64 : 64;
	__u64 : 64;
	__u64 : 64;
} __attribute__((aligned(8)));

struct bpf_refcount {
	__u32 : 32;
} __attribute__((aligned(4)));

extern void *bpf_obj_new_impl(u64 type, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *obj, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *obj, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node,
				    void *meta, u64 off) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node,
				   void *meta, u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_back(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       bool(less)(struct bpf_rb_node *a, const struct bpf_rb_node *b),
			       void *meta, u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root,
					     struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_root(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *root,
					   struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_right(struct bpf_rb_root *root,
					    struct bpf_rb_node *node) __ksym;

char LICENSE[] SEC("license") = "GPL";

s64 out[96];
u32 nr_out;
char text[512];

static __always_inline void say(s64 v)
{
	u32 i = nr_out++;

	if (i < 96)
		out[i] = v;
}

struct item {
	struct bpf_list_node node;
	u64 value;
};

struct leaf {
	u64 key;
	struct bpf_rb_node node;
	u64 value;
};

struct shared {
	struct bpf_list_node list;
	struct bpf_rb_node tree;
	struct bpf_refcount refs;
	u64 key;
};

private(A) struct bpf_spin_lock lock_a;
private(A) struct bpf_list_head items __contains(item, node);
private(B) struct bpf_spin_lock lock_b;
private(B) struct bpf_rb_root leaves __contains(leaf, node);
private(C) struct bpf_spin_lock lock_c;
private(C) struct bpf_list_head shared_list __contains(shared, list);
private(C) struct bpf_rb_root shared_tree __contains(shared, tree);

struct holder {
	struct bpf_spin_lock lock;
	struct bpf_list_head items __contains(item, node);
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct holder);
} holders SEC(".maps");

#define new(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), NULL))

static __always_inline int put(struct bpf_list_head *head, struct bpf_spin_lock *lock, u64 value,
			       bool back)
{
	struct item *it = bpf_obj_new_impl(bpf_core_type_id_local(struct item), NULL);
	int err;

	if (!it)
		return -12;
	it->value = value;
	bpf_spin_lock(lock);
	if (back)
		err = bpf_list_push_back_impl(head, &it->node, NULL, 0);
	else
		err = bpf_list_push_front_impl(head, &it->node, NULL, 0);
	bpf_spin_unlock(lock);
	return err;
}

static __always_inline s64 take(struct bpf_list_head *head, struct bpf_spin_lock *lock, bool back)
{
	struct bpf_list_node *n;
	struct item *it;
	s64 value;

	bpf_spin_lock(lock);
	n = back ? bpf_list_pop_back(head) : bpf_list_pop_front(head);
	bpf_spin_unlock(lock);
	if (!n)
		return -1;
	it = entry(n, struct item, node);
	value = it->value;
	bpf_obj_drop_impl(it, NULL);
	return value;
}

SEC("tc") int lists(void *ctx)
{
	say(take(&items, &lock_a, false));
	for (int i = 0; i < 4; i++)
		say(put(&items, &lock_a, i, i & 1));
	say(take(&items, &lock_a, false));
	say(take(&items, &lock_a, true));
	say(put(&items, &lock_a, 77, true));
	say(take(&items, &lock_a, false));
	say(take(&items, &lock_a, false));
	say(take(&items, &lock_a, true));
	say(take(&items, &lock_a, true));
	return 0;
}

SEC("tc") int ends(void *ctx)
{
	struct bpf_list_node *n;

	put(&items, &lock_a, 5, true);
	put(&items, &lock_a, 6, true);
	bpf_spin_lock(&lock_a);
	n = bpf_list_front(&items);
	if (n)
		out[10] = entry(n, struct item, node)->value;
	n = bpf_list_back(&items);
	if (n)
		out[11] = entry(n, struct item, node)->value;
	bpf_spin_unlock(&lock_a);
	say(take(&items, &lock_a, false));
	say(take(&items, &lock_a, false));
	bpf_spin_lock(&lock_a);
	n = bpf_list_front(&items);
	out[12] = !n;
	bpf_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int in_values(void *ctx)
{
	struct holder init = {}, *h;
	u32 key = 3;

	bpf_map_update_elem(&holders, &key, &init, 0);
	h = bpf_map_lookup_elem(&holders, &key);
	if (!h)
		return 1;
	for (int i = 0; i < 3; i++)
		say(put(&h->items, &h->lock, i * 10, true));
	say(take(&h->items, &h->lock, true));
	say(bpf_map_delete_elem(&holders, &key));
	bpf_map_update_elem(&holders, &key, &init, 0);
	h = bpf_map_lookup_elem(&holders, &key);
	if (!h)
		return 1;
	say(take(&h->items, &h->lock, true));
	return 0;
}

static bool by_key(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return entry(a, struct leaf, node)->key < entry(b, struct leaf, node)->key;
}

static __always_inline int plant(u64 key)
{
	struct leaf *l = bpf_obj_new_impl(bpf_core_type_id_local(struct leaf), NULL);
	int err;

	if (!l)
		return -12;
	l->key = key;
	l->value = key * 2;
	bpf_spin_lock(&lock_b);
	err = bpf_rbtree_add_impl(&leaves, &l->node, by_key, NULL, 0);
	bpf_spin_unlock(&lock_b);
	return err;
}

static __always_inline s64 pluck(void)
{
	struct bpf_rb_node *n;
	struct leaf *l;
	s64 key;

	bpf_spin_lock(&lock_b);
	n = bpf_rbtree_first(&leaves);
	if (!n) {
		bpf_spin_unlock(&lock_b);
		return -1;
	}
	n = bpf_rbtree_remove(&leaves, n);
	bpf_spin_unlock(&lock_b);
	if (!n)
		return -2;
	l = entry(n, struct leaf, node);
	key = (s64)l->key * 1000 + (s64)l->value;
	bpf_obj_drop_impl(l, NULL);
	return key;
}

SEC("tc") int trees(void *ctx)
{
	say(pluck());
	for (u32 i = 0; i < 20; i++)
		say(plant((i * 7) % 20));
	say(plant(3));
	for (int i = 0; i < 22; i++)
		say(pluck());
	return 0;
}

static __always_inline s64 key_of(struct bpf_rb_node *n)
{
	return n ? (s64)entry(n, struct leaf, node)->key : -1;
}

/* The shape of the tree: what stands at the root and its children. */
SEC("tc") int shape(void *ctx)
{
	struct bpf_rb_node *root, *l, *r, *x;

	for (u32 i = 0; i < 24; i++)
		plant((i * 11 + 5) % 24);
	bpf_spin_lock(&lock_b);
	root = bpf_rbtree_root(&leaves);
	out[20] = key_of(root);
	if (root) {
		l = bpf_rbtree_left(&leaves, root);
		r = bpf_rbtree_right(&leaves, root);
		out[21] = key_of(l);
		out[22] = key_of(r);
		if (l) {
			x = bpf_rbtree_left(&leaves, l);
			out[23] = key_of(x);
			x = bpf_rbtree_right(&leaves, l);
			out[24] = key_of(x);
		}
		if (r) {
			x = bpf_rbtree_left(&leaves, r);
			out[25] = key_of(x);
			x = bpf_rbtree_right(&leaves, r);
			out[26] = key_of(x);
		}
	}
	x = bpf_rbtree_first(&leaves);
	out[27] = key_of(x);
	bpf_spin_unlock(&lock_b);
	for (int i = 0; i < 24; i++)
		pluck();
	return 0;
}

static bool by_shared_key(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return entry(a, struct shared, tree)->key < entry(b, struct shared, tree)->key;
}

/* One object in a list and a tree: it goes when it has left both. */
SEC("tc") int sharing(void *ctx)
{
	struct shared *s = bpf_obj_new_impl(bpf_core_type_id_local(struct shared), NULL), *m;
	struct bpf_list_node *l;
	struct bpf_rb_node *t;
	int a, b, c;

	if (!s)
		return 1;
	s->key = 9;
	m = bpf_refcount_acquire_impl(s, NULL);
	bpf_spin_lock(&lock_c);
	a = bpf_list_push_front_impl(&shared_list, &s->list, NULL, 0);
	b = bpf_rbtree_add_impl(&shared_tree, &m->tree, by_shared_key, NULL, 0);
	bpf_spin_unlock(&lock_c);
	say(a);
	say(b);
	bpf_spin_lock(&lock_c);
	l = bpf_list_pop_front(&shared_list);
	bpf_spin_unlock(&lock_c);
	if (!l)
		return 2;
	s = entry(l, struct shared, list);
	say(s->key);
	s->key = 10;
	/* it stands in the tree already: refused, and this reference is gone */
	bpf_spin_lock(&lock_c);
	c = bpf_rbtree_add_impl(&shared_tree, &s->tree, by_shared_key, NULL, 0);
	bpf_spin_unlock(&lock_c);
	say(c);
	bpf_spin_lock(&lock_c);
	t = bpf_rbtree_first(&shared_tree);
	if (!t) {
		bpf_spin_unlock(&lock_c);
		return 3;
	}
	t = bpf_rbtree_remove(&shared_tree, t);
	bpf_spin_unlock(&lock_c);
	if (!t)
		return 4;
	s = entry(t, struct shared, tree);
	say(s->key);
	bpf_obj_drop_impl(s, NULL);
	return 0;
}
