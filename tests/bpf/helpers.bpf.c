/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Calls whose answers do not depend on the machine: test_helper_prog.c runs each program in the
 * user engine and in the kernel and compares what they left in `out`.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

#define CLOCK_MONOTONIC 1

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

/* --- maps ------------------------------------------------------------------------------------ */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u64);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 2);
	__type(value, u64);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u64);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

SEC("syscall") int elements(void *ctx)
{
	u32 k = 1, bad = 9;
	u64 v = 5, *p;

	say(bpf_map_update_elem(&hash, &k, &v, BPF_ANY));
	say(bpf_map_update_elem(&hash, &k, &v, BPF_NOEXIST));
	say(bpf_map_update_elem(&hash, &bad, &v, BPF_EXIST));
	say(bpf_map_update_elem(&hash, &k, &v, 77));
	p = bpf_map_lookup_elem(&hash, &k);
	say(p ? *p : -1);
	say(!bpf_map_lookup_elem(&hash, &bad));
	say(bpf_map_delete_elem(&hash, &k));
	say(bpf_map_delete_elem(&hash, &k));
	say(bpf_map_update_elem(&array, &bad, &v, 0));
	say(bpf_map_delete_elem(&array, &k));
	say(bpf_map_update_elem(&array, &k, &v, BPF_NOEXIST));
	say(bpf_map_pop_elem(&queue, &v));
	for (int i = 0; i < 3; i++) {
		v = 100 + i;
		say(bpf_map_push_elem(&queue, &v, 0));
	}
	say(bpf_map_push_elem(&queue, &v, BPF_EXIST));
	say(bpf_map_peek_elem(&queue, &v));
	say(v);
	say(bpf_map_pop_elem(&queue, &v));
	say(v);
	say(!bpf_map_lookup_percpu_elem(&percpu, &k, 0));
	say(!bpf_map_lookup_percpu_elem(&percpu, &k, 100000));
	say(!bpf_map_lookup_percpu_elem(&percpu, &bad, 0));
	return 0;
}

/* --- callbacks ------------------------------------------------------------------------------- */

static long add(u32 i, void *ctx)
{
	*(u64 *)ctx += i;
	return 0;
}

static long stop_at_3(u32 i, void *ctx)
{
	return i == 3;
}

static long nested(u32 i, void *ctx)
{
	bpf_loop(i, add, ctx, 0);
	return 0;
}

SEC("syscall") int loops(void *ctx)
{
	u64 sum = 0;

	say(bpf_loop(10, add, &sum, 0));
	say(sum);
	say(bpf_loop(10, stop_at_3, NULL, 0));
	say(bpf_loop(0, add, &sum, 0));
	say(bpf_loop(1, add, &sum, 1));
	say(bpf_loop((1 << 23) + 1, stop_at_3, NULL, 0));
	say(bpf_loop(20, nested, &sum, 0));
	say(sum);
	return 0;
}

static long sum_values(void *map, const void *key, void *value, void *ctx)
{
	*(u64 *)ctx += *(const u32 *)key * 1000 + *(u64 *)value;
	return 0;
}

static long first_only(void *map, const void *key, void *value, void *ctx)
{
	*(u64 *)value += 1;
	return 1;
}

SEC("syscall") int each(void *ctx)
{
	u64 sum = 0, v;
	u32 k;

	k = 0;
	v = 1;
	bpf_map_update_elem(&hash, &k, &v, 0);
	k = 1;
	v = 2;
	bpf_map_update_elem(&hash, &k, &v, 0);
	k = 2;
	v = 3;
	bpf_map_update_elem(&hash, &k, &v, 0);
	say(bpf_for_each_map_elem(&hash, sum_values, &sum, 0));
	say(sum);
	say(bpf_for_each_map_elem(&hash, first_only, NULL, 0));
	say(bpf_for_each_map_elem(&array, sum_values, &sum, 0));
	say(sum);
	say(bpf_for_each_map_elem(&array, sum_values, &sum, 5));
	return 0;
}

/* --- timers ---------------------------------------------------------------------------------- */

struct timed {
	u64 pad;
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct timed);
} timers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__type(key, u64);
	__type(value, struct timed);
} hash_timers SEC(".maps");

u64 fired, fired_key, fired_hash, never;

static int on_timer(void *map, u32 *key, struct timed *value)
{
	fired += value->pad;
	fired_key = *key;
	return 0;
}

static int on_hash_timer(void *map, u64 *key, struct timed *value)
{
	fired_hash = *key + value->pad;
	return 0;
}

static int on_never(void *map, u32 *key, struct timed *value)
{
	never++;
	return 0;
}

SEC("syscall") int timer(void *ctx)
{
	struct timed *v, init = {.pad = 7};
	u32 k = 1, k0 = 0;
	u64 key = 0x123456789;

	v = bpf_map_lookup_elem(&timers, &k);
	if (!v)
		return 1;
	v->pad = 42;
	say(bpf_timer_set_callback(&v->timer, on_timer));
	say(bpf_timer_start(&v->timer, 0, 0));
	say(bpf_timer_cancel(&v->timer));
	say(bpf_timer_init(&v->timer, &timers, 5));
	say(bpf_timer_init(&v->timer, &timers, 100));
	say(bpf_timer_init(&v->timer, &timers, CLOCK_MONOTONIC));
	say(bpf_timer_init(&v->timer, &timers, CLOCK_MONOTONIC));
	say(bpf_timer_start(&v->timer, 0, 0));
	say(bpf_timer_set_callback(&v->timer, on_timer));
	say(bpf_timer_start(&v->timer, 0, 8));
	say(bpf_timer_start(&v->timer, 1000000, 0));
	v = bpf_map_lookup_elem(&timers, &k0);
	if (!v)
		return 1;
	say(bpf_timer_init(&v->timer, &timers, CLOCK_MONOTONIC));
	say(bpf_timer_set_callback(&v->timer, on_never));
	say(bpf_timer_cancel(&v->timer));
	say(bpf_timer_start(&v->timer, 0, 0));
	say(bpf_timer_set_callback(&v->timer, on_never));
	say(bpf_timer_start(&v->timer, 1000000000000, 0));
	say(bpf_timer_cancel(&v->timer));
	bpf_map_update_elem(&hash_timers, &key, &init, 0);
	v = bpf_map_lookup_elem(&hash_timers, &key);
	if (!v)
		return 1;
	say(bpf_timer_init(&v->timer, &hash_timers, CLOCK_MONOTONIC));
	say(bpf_timer_set_callback(&v->timer, on_hash_timer));
	say(bpf_timer_start(&v->timer, 1, 0));
	key = 5;
	bpf_map_update_elem(&hash_timers, &key, &init, 0);
	v = bpf_map_lookup_elem(&hash_timers, &key);
	if (!v)
		return 1;
	say(bpf_timer_init(&v->timer, &hash_timers, CLOCK_MONOTONIC));
	say(bpf_timer_set_callback(&v->timer, (void *)on_never));
	say(bpf_timer_start(&v->timer, 20000000, 0));
	say(bpf_map_delete_elem(&hash_timers, &key));
	return 0;
}

/* --- locks ----------------------------------------------------------------------------------- */

struct locked {
	struct bpf_spin_lock lock;
	u32 n;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct locked);
} locked SEC(".maps");

SEC("syscall") int lock(void *ctx)
{
	struct locked *v, copy = {.n = 50};
	u32 k = 0;

	v = bpf_map_lookup_elem(&locked, &k);
	if (!v)
		return 1;
	bpf_spin_lock(&v->lock);
	v->n += 3;
	bpf_spin_unlock(&v->lock);
	bpf_spin_lock(&v->lock);
	v->n += 3;
	bpf_spin_unlock(&v->lock);
	say(v->n);
	say(bpf_map_update_elem(&locked, &k, &copy, BPF_F_LOCK));
	say(v->n);
	return 0;
}

/* --- dynptrs --------------------------------------------------------------------------------- */

extern int bpf_dynptr_adjust(const struct bpf_dynptr *p, u32 start, u32 end) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone) __ksym;
/* of bool, Linux leaves only the lowest byte */
extern u8 bpf_dynptr_is_null(const struct bpf_dynptr *p) __ksym;
extern u8 bpf_dynptr_is_rdonly(const struct bpf_dynptr *p) __ksym;
extern u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, u32 off, void *buf, u32 size) __ksym;

SEC("syscall") int dynptr(void *ctx)
{
	struct bpf_dynptr p, c;
	char buf[16] = "0123456789abcde", got[8] = {}, room[4];
	u8 *d;

	say(bpf_dynptr_from_mem(text, 16, 1, &p));
	say((u8)bpf_dynptr_is_null(&p) & 1);
	say((int)bpf_dynptr_size(&p));
	say(bpf_dynptr_read(got, 4, &p, 0, 0));
	say(bpf_dynptr_from_mem(text, 16, 0, &c));
	say(bpf_dynptr_size(&c));
	say(bpf_dynptr_is_null(&c) ? 1 : 0);
	say(bpf_dynptr_is_rdonly(&c) ? 1 : 0);
	say(bpf_dynptr_write(&c, 0, buf, 16, 0));
	say(bpf_dynptr_write(&c, 1, buf, 16, 0));
	say(bpf_dynptr_write(&c, 0, buf, 16, 1));
	say(bpf_dynptr_read(got, 8, &c, 8, 0));
	say(*(u64 *)got);
	say(bpf_dynptr_read(got, 8, &c, 9, 0));
	say(bpf_dynptr_read(got, 8, &c, 0xffffffff, 0));
	say(bpf_dynptr_read(got, 8, &c, 0, 1));
	d = bpf_dynptr_data(&c, 4, 4);
	say(d ? d[0] : -1);
	say(!bpf_dynptr_data(&c, 14, 4));
	say(bpf_dynptr_adjust(&c, 5, 4));
	say(bpf_dynptr_adjust(&c, 5, 17));
	say(bpf_dynptr_adjust(&c, 4, 10));
	say(bpf_dynptr_size(&c));
	say(bpf_dynptr_read(got, 6, &c, 0, 0));
	say(got[0]);
	d = bpf_dynptr_slice(&c, 1, room, 4);
	say(d ? d[0] : -1);
	say(!bpf_dynptr_slice(&c, 3, room, 4));
	return 0;
}

SEC("syscall") int ring_records(void *ctx)
{
	struct bpf_dynptr p;
	u64 *r, v = 9;

	say(bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA));
	say(bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE));
	say(bpf_ringbuf_query(&ring, 77));
	say(bpf_ringbuf_output(&ring, &v, sizeof(v), 0));
	say(bpf_ringbuf_output(&ring, &v, sizeof(v), 64));
	r = bpf_ringbuf_reserve(&ring, 8, 1);
	say(!r);
	if (r)
		bpf_ringbuf_discard(r, 0);
	r = bpf_ringbuf_reserve(&ring, 100, 0);
	if (r) {
		*r = 5;
		bpf_ringbuf_submit(r, 0);
	}
	r = bpf_ringbuf_reserve(&ring, 4000, 0);
	say(!r);
	if (r)
		bpf_ringbuf_discard(r, 0);
	say(bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA));
	say(bpf_ringbuf_query(&ring, BPF_RB_PROD_POS));
	say(bpf_ringbuf_reserve_dynptr(&ring, 5000, 0, &p));
	bpf_ringbuf_discard_dynptr(&p, 0);
	say(bpf_ringbuf_reserve_dynptr(&ring, 16, 0, &p));
	say(bpf_dynptr_write(&p, 8, &v, 8, 0));
	say(bpf_dynptr_write(&p, 9, &v, 8, 0));
	bpf_ringbuf_submit_dynptr(&p, 0);
	say(bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA));
	return 0;
}

/* --- iterators ------------------------------------------------------------------------------- */

#ifndef bpf_for /* libbpf 1.2 and the headers of 6.4 have all of it */
struct bpf_iter_num {
	u64 opaque[1];
} __attribute__((aligned(8)));
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
#endif

static __always_inline void count(int from, int to)
{
	struct bpf_iter_num it;
	s64 sum = 0, nr = 0;
	int *p;

	say(bpf_iter_num_new(&it, from, to));
	while ((p = bpf_iter_num_next(&it))) {
		sum += *p;
		nr++;
	}
	bpf_iter_num_destroy(&it);
	say(sum);
	say(nr);
}

SEC("syscall") int numbers(void *ctx)
{
	count(0, 10);
	count(-3, 3);
	count(5, 5);
	count(5, 4);
	count(0, 8 * 1024 * 1024 + 1);
	count(-2147483647 - 1, -2147483647 + 1);
	count(2147483640, 2147483647);
	return 0;
}

/* --- objects --------------------------------------------------------------------------------- */

struct thing {
	u64 a, b;
};

extern void *bpf_obj_new_impl(u64 type, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *obj, void *meta) __ksym;

SEC("syscall") int objects(void *ctx)
{
	struct thing *a = bpf_obj_new_impl(bpf_core_type_id_local(struct thing), NULL);
	struct thing *b = bpf_obj_new_impl(bpf_core_type_id_local(struct thing), NULL);

	if (a && b) {
		a->a = 5;
		b->a = 6;
		say(a->a + b->a + a->b);
	}
	if (a)
		bpf_obj_drop_impl(a, NULL);
	if (b)
		bpf_obj_drop_impl(b, NULL);
	return 0;
}

#if __clang_major__ >= 16 /* older ones forget the tag */
#undef __kptr
#define __kptr __attribute__((btf_type_tag("kptr")))

struct holder {
	struct thing __kptr *thing;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct holder);
} holders SEC(".maps");

SEC("syscall") int kptr(void *ctx)
{
	struct thing *t, *old;
	struct holder *h;
	u32 k = 0;

	h = bpf_map_lookup_elem(&holders, &k);
	t = bpf_obj_new_impl(bpf_core_type_id_local(struct thing), NULL);
	if (!t)
		return 1;
	say(t->a + t->b);
	t->a = 11;
	if (!h) {
		bpf_obj_drop_impl(t, NULL);
		return 1;
	}
	old = bpf_kptr_xchg(&h->thing, t);
	say(!old);
	if (old)
		bpf_obj_drop_impl(old, NULL);
	old = bpf_kptr_xchg(&h->thing, NULL);
	if (old) {
		say(old->a);
		bpf_obj_drop_impl(old, NULL);
	}
	say(!h->thing);
	return 0;
}
#endif

/* --- objects as text ------------------------------------------------------------------------- */

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
} __attribute__((preserve_access_index));

SEC("syscall") int as_text(void *ctx)
{
	struct timespec64 t = {.tv_sec = 5, .tv_nsec = -7};
	struct btf_ptr p = {.ptr = &t, .type_id = bpf_core_type_id_kernel(struct timespec64)};

	say(bpf_snprintf_btf(text, sizeof(text), &p, sizeof(p), BTF_F_COMPACT));
	say(bpf_snprintf_btf(text + 100, 10, &p, sizeof(p), BTF_F_COMPACT | BTF_F_NONAME));
	say(bpf_snprintf_btf(text + 200, 200, &p, sizeof(p), 0));
	say(bpf_snprintf_btf(text + 400, 20, &p, sizeof(p), 1 << 9));
	say(bpf_snprintf_btf(text + 400, 20, &p, 8, 0));
	t.tv_sec = 0;
	say(bpf_snprintf_btf(text + 400, 100, &p, sizeof(p), BTF_F_COMPACT | BTF_F_ZERO));
	p.type_id = 0;
	say(bpf_snprintf_btf(text + 450, 20, &p, sizeof(p), 0));
	p.type_id = 0x7fffffff;
	say(bpf_snprintf_btf(text + 450, 20, &p, sizeof(p), 0));
	return 0;
}

/* Kernel types of other shapes, over the same bytes. */
struct in6_addr {};
struct list_head {};
struct sockaddr_in {};
struct ethhdr {};
struct iphdr {};
struct sockaddr_un {};
struct qspinlock {};
struct ping_group_range {};
struct vfs_cap_data {};
struct latch_tree_root {};
struct kvm_arch_memory_slot {};
struct cpumask {};
enum pid_type { NO_SUCH };

static char blob[256];

#define SHOW(type, at, flags)                                                                      \
	({                                                                                         \
		struct btf_ptr p = {.ptr = blob, .type_id = bpf_core_type_id_kernel(type)};        \
		say(bpf_snprintf_btf(text + (at), 128, &p, sizeof(p), flags));                     \
	})

static __always_inline void fill(u8 first)
{
#pragma unroll
	for (int i = 0; i < 16; i++)
		blob[i] = first * i;
	blob[20] = 0;
}

SEC("syscall") int shapes(void *ctx)
{
	fill(3);
	SHOW(struct in6_addr, 0, BTF_F_COMPACT);
	SHOW(struct in6_addr, 128, 0);
	SHOW(struct list_head, 256, BTF_F_PTR_RAW);
	SHOW(struct sockaddr_in, 384, 0);
	return 0;
}

SEC("syscall") int shapes_2(void *ctx)
{
	fill(9);
	SHOW(struct ethhdr, 0, BTF_F_COMPACT);
	SHOW(struct iphdr, 128, BTF_F_COMPACT);
	SHOW(int, 256, 0);
	SHOW(enum pid_type, 384, 0);
	return 0;
}

SEC("syscall") int shapes_3(void *ctx)
{
	fill(0);
	blob[0] = 2;
	SHOW(enum pid_type, 0, BTF_F_COMPACT);
	blob[2] = 'a';
	blob[3] = 'b';
	SHOW(struct sockaddr_un, 128, BTF_F_COMPACT);
	SHOW(struct sockaddr_un, 256, 0);
	SHOW(struct qspinlock, 384, BTF_F_ZERO);
	return 0;
}

SEC("syscall") int shapes_4(void *ctx)
{
	fill(0);
	SHOW(struct in6_addr, 0, BTF_F_COMPACT);
	SHOW(struct in6_addr, 128, 0);
	SHOW(struct list_head, 256, BTF_F_ZERO);
	SHOW(int, 384, 0);
	return 0;
}

SEC("syscall") int shapes_5(void *ctx)
{
	fill(5);
	SHOW(struct ping_group_range, 0, 0);
	SHOW(struct vfs_cap_data, 128, BTF_F_COMPACT);
	SHOW(struct latch_tree_root, 256, BTF_F_PTR_RAW);
	SHOW(struct cpumask, 384, BTF_F_COMPACT);
	return 0;
}

SEC("syscall") int shapes_6(void *ctx)
{
	fill(1);
	SHOW(struct kvm_arch_memory_slot, 0, BTF_F_PTR_RAW | BTF_F_COMPACT);
	SHOW(struct vfs_cap_data, 128, BTF_F_COMPACT | BTF_F_NONAME);
	SHOW(struct vfs_cap_data, 256, BTF_F_COMPACT | BTF_F_ZERO);
	SHOW(struct in6_addr, 384, BTF_F_NONAME | BTF_F_COMPACT);
	return 0;
}
