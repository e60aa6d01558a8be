/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that threads share, at once: test_stress.c runs it from several threads in one
 * machine. What must hold is said there; `bad` counts what a program itself sees go wrong.
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

typedef __u32 u32;
typedef __u64 u64;

#define __contains(type, node) __attribute__((btf_decl_tag("contains:" #type ":" #node)))
#define private(name) SEC(".bss." #name) __attribute__((aligned(8)))
#define entry(ptr, type, member) ((type *)((void *)(ptr)-offsetof(type, member)))
#define KEYS                     32

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
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node,
				   void *meta, u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       bool(less)(struct bpf_rb_node *a, const struct bpf_rb_node *b),
			       void *meta, u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root,
					     struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;

char LICENSE[] SEC("license") = "GPL";

struct args {
	u32 what, key;
};

struct thing {
	struct bpf_list_node list;
	struct bpf_rb_node tree;
	struct bpf_refcount refs;
	u64 key, check;
};

struct record {
	u64 key, twice;
};

struct locked {
	struct bpf_spin_lock lock;
	u32 pad;
	u64 a, b;
};

struct timed {
	struct bpf_timer timer;
	u64 key;
};

u64 bad, fired, sent;

private(A) struct bpf_spin_lock lock_a;
private(A) struct bpf_list_head list __contains(thing, list);
private(A) struct bpf_rb_root tree __contains(thing, tree);

#define MAP(name, kind, nr, V, more...)                                                            \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##kind);                                                 \
		__uint(max_entries, nr);                                                           \
		__type(key, u32);                                                                  \
		__type(value, V);                                                                  \
		more                                                                               \
	} name SEC(".maps")

MAP(hash, HASH, KEYS, struct record, );
MAP(lazy, HASH, KEYS, struct record, __uint(map_flags, BPF_F_NO_PREALLOC););
MAP(lru, LRU_HASH, 8, struct record, );
MAP(percpu, PERCPU_HASH, KEYS, u64, );
MAP(locked, ARRAY, 4, struct locked, );
MAP(timed, HASH, KEYS, struct timed, );

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, struct record);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u64);
} inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, u32);
	__array(values, struct inner);
} outer SEC(".maps") = {.values = {&inner, &inner}};

static __always_inline void wrong(void)
{
	__sync_fetch_and_add(&bad, 1);
}

static __always_inline void tables(u32 key)
{
	struct record r = {key, 2 * (u64)key}, *at;
	u64 one = 1;

	bpf_map_update_elem(&hash, &key, &r, BPF_ANY);
	bpf_map_update_elem(&lazy, &key, &r, BPF_NOEXIST);
	bpf_map_update_elem(&lru, &key, &r, BPF_ANY);
	bpf_map_update_elem(&percpu, &key, &one, BPF_ANY);
	bpf_map_push_elem(&queue, &r, BPF_EXIST);
	if (!bpf_map_pop_elem(&queue, &r) && r.twice != 2 * r.key)
		wrong();
	at = bpf_map_lookup_elem(&hash, &key);
	if (key < 4 && !at) /* nobody deletes these */
		wrong();
	bpf_map_lookup_elem(&lru, &key);
	if (key >= 4) {
		bpf_map_delete_elem(&hash, &key);
		bpf_map_delete_elem(&lazy, &key);
		bpf_map_delete_elem(&percpu, &key);
	}
}

static long each(void *map, u32 *key, void *value, u32 *skip)
{
	if (*key > 8 && *key != *skip)
		bpf_map_delete_elem(map, key);
	return 0;
}

static __always_inline void records(u32 key)
{
	struct record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0), copy = {key, 2 * (u64)key};

	if (r) {
		r->key = key;
		r->twice = 2 * (u64)key;
		if (key & 1) {
			bpf_ringbuf_submit(r, 0);
			__sync_fetch_and_add(&sent, 1);
		} else {
			bpf_ringbuf_discard(r, 0);
		}
	}
	if (!bpf_ringbuf_output(&ring, &copy, sizeof(copy), 0))
		__sync_fetch_and_add(&sent, 1);
}

static __always_inline void locks(u32 key)
{
	struct locked *l;

	key &= 3;
	l = bpf_map_lookup_elem(&locked, &key);
	if (!l)
		return;
	bpf_spin_lock(&l->lock);
	if (l->a != l->b)
		wrong();
	l->a++;
	l->b++;
	bpf_spin_unlock(&l->lock);
}

static int on_timer(void *map, u32 *key, struct timed *t)
{
	__sync_fetch_and_add(&fired, 1);
	if (*key & 1)
		bpf_timer_start(&t->timer, 1000, 0);
	return 0;
}

static __always_inline void timers(u32 key)
{
	struct timed init = {.key = key}, *t;

	bpf_map_update_elem(&timed, &key, &init, BPF_NOEXIST);
	t = bpf_map_lookup_elem(&timed, &key);
	if (!t)
		return;
	bpf_timer_init(&t->timer, &timed, 1);
	bpf_timer_set_callback(&t->timer, on_timer);
	bpf_timer_start(&t->timer, key * 100, 0);
	if (key % 5 == 0)
		bpf_timer_cancel(&t->timer);
	if (key % 3 == 0)
		bpf_map_delete_elem(&timed, &key);
}

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return entry(a, struct thing, tree)->key < entry(b, struct thing, tree)->key;
}

static __always_inline void check(struct thing *t)
{
	if (t->check != ~t->key)
		wrong();
	bpf_obj_drop_impl(t, NULL);
}

static __always_inline void objects(u32 key)
{
	struct thing *t = bpf_obj_new_impl(bpf_core_type_id_local(struct thing), NULL), *u;
	struct bpf_list_node *l;
	struct bpf_rb_node *n;

	if (!t)
		return;
	t->key = key;
	t->check = ~(u64)key;
	u = bpf_refcount_acquire_impl(t, NULL);
	bpf_spin_lock(&lock_a);
	bpf_list_push_back_impl(&list, &t->list, NULL, 0);
	bpf_rbtree_add_impl(&tree, &u->tree, less, NULL, 0);
	l = bpf_list_pop_front(&list);
	bpf_spin_unlock(&lock_a);
	if (l)
		check(entry(l, struct thing, list));
	bpf_spin_lock(&lock_a);
	n = bpf_rbtree_first(&tree);
	if (n)
		n = bpf_rbtree_remove(&tree, n);
	bpf_spin_unlock(&lock_a);
	if (n)
		check(entry(n, struct thing, tree));
}

static __always_inline void inner_maps(u32 key)
{
	u64 v = key;
	void *map;

	key &= 1;
	map = bpf_map_lookup_elem(&outer, &key);
	if (!map)
		return;
	bpf_map_update_elem(map, &key, &v, BPF_ANY);
	bpf_map_lookup_elem(map, &key);
	bpf_map_delete_elem(map, &key);
}

static __always_inline void owners(u32 key)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	u64 *v = bpf_task_storage_get(&storage, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (v)
		__sync_fetch_and_add(v, 1);
	if (key == 7)
		bpf_task_storage_delete(&storage, task);
}

SEC("syscall") int stress(struct args *ctx)
{
	u32 key = ctx->key % KEYS;

	switch (ctx->what % 8) {
	case 0:
		tables(key);
		break;
	case 1:
		bpf_for_each_map_elem(&hash, each, &key, 0);
		bpf_for_each_map_elem(&lru, each, &key, 0);
		break;
	case 2:
		records(key);
		break;
	case 3:
		locks(key);
		break;
	case 4:
		timers(key);
		break;
	case 5:
		objects(key);
		break;
	case 6:
		inner_maps(key);
		break;
	case 7:
		owners(key);
		break;
	}
	return 0;
}
