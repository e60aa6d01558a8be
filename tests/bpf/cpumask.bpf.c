/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sets of CPUs and of bits: test_helper_prog.c compares what is left in `out` with the kernel's. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

struct cpumask {
	unsigned long bits[1];
};

struct bpf_cpumask {
	struct cpumask cpumask;
};

extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
extern void bpf_cpumask_release(struct bpf_cpumask *m) __ksym;
extern struct bpf_cpumask *bpf_cpumask_acquire(struct bpf_cpumask *m) __ksym;
extern u32 bpf_cpumask_first(const struct cpumask *m) __ksym;
extern u32 bpf_cpumask_first_zero(const struct cpumask *m) __ksym;
extern u32 bpf_cpumask_first_and(const struct cpumask *a, const struct cpumask *b) __ksym;
extern void bpf_cpumask_set_cpu(u32 cpu, struct bpf_cpumask *m) __ksym;
extern void bpf_cpumask_clear_cpu(u32 cpu, struct bpf_cpumask *m) __ksym;
extern int bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *m) __ksym;
extern int bpf_cpumask_test_and_set_cpu(u32 cpu, struct bpf_cpumask *m) __ksym;
extern int bpf_cpumask_test_and_clear_cpu(u32 cpu, struct bpf_cpumask *m) __ksym;
extern void bpf_cpumask_setall(struct bpf_cpumask *m) __ksym;
extern void bpf_cpumask_clear(struct bpf_cpumask *m) __ksym;
extern int bpf_cpumask_and(struct bpf_cpumask *d, const struct cpumask *a,
			    const struct cpumask *b) __ksym;
extern void bpf_cpumask_or(struct bpf_cpumask *d, const struct cpumask *a,
			   const struct cpumask *b) __ksym;
extern void bpf_cpumask_xor(struct bpf_cpumask *d, const struct cpumask *a,
			    const struct cpumask *b) __ksym;
extern int bpf_cpumask_equal(const struct cpumask *a, const struct cpumask *b) __ksym;
extern int bpf_cpumask_intersects(const struct cpumask *a, const struct cpumask *b) __ksym;
extern int bpf_cpumask_subset(const struct cpumask *a, const struct cpumask *b) __ksym;
extern int bpf_cpumask_empty(const struct cpumask *m) __ksym;
extern int bpf_cpumask_full(const struct cpumask *m) __ksym;
extern void bpf_cpumask_copy(struct bpf_cpumask *d, const struct cpumask *s) __ksym;
extern u32 bpf_cpumask_weight(const struct cpumask *m) __ksym;

/* The kernel answers a bool in 8 bits and leaves the others as they are: hence int, and 1 &. */
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

#define c(m) ((const struct cpumask *)(m))

static __always_inline void look(struct bpf_cpumask *m)
{
	say(bpf_cpumask_first(c(m)));
	say(bpf_cpumask_first_zero(c(m)));
	say(bpf_cpumask_weight(c(m)));
	say((bpf_cpumask_empty(c(m)) & 1) << 1 | (bpf_cpumask_full(c(m)) & 1));
}

SEC("syscall") int cpumasks(void *ctx)
{
	struct bpf_cpumask *a = bpf_cpumask_create(), *b, *m;

	if (!a)
		return 1;
	b = bpf_cpumask_create();
	if (!b) {
		bpf_cpumask_release(a);
		return 1;
	}
	look(a);
	bpf_cpumask_set_cpu(1, a);
	bpf_cpumask_set_cpu(100000, a);
	look(a);
	say(1 & bpf_cpumask_test_cpu(1, c(a)));
	say(1 & bpf_cpumask_test_cpu(0, c(a)));
	say(1 & bpf_cpumask_test_cpu(100000, c(a)));
	say(1 & bpf_cpumask_test_and_set_cpu(1, a));
	say(1 & bpf_cpumask_test_and_set_cpu(0, a));
	say(1 & bpf_cpumask_test_and_clear_cpu(1, a));
	say(1 & bpf_cpumask_test_and_clear_cpu(1, a));
	say(1 & bpf_cpumask_test_and_clear_cpu(4096, a));
	bpf_cpumask_setall(b);
	look(b);
	say(1 & bpf_cpumask_equal(c(a), c(b)));
	say(1 & bpf_cpumask_subset(c(a), c(b)));
	say(1 & bpf_cpumask_subset(c(b), c(a)));
	say(1 & bpf_cpumask_intersects(c(a), c(b)));
	say(bpf_cpumask_first_and(c(a), c(b)));
	say(1 & bpf_cpumask_and(a, c(a), c(b)));
	look(a);
	bpf_cpumask_xor(a, c(a), c(b));
	look(a);
	bpf_cpumask_or(a, c(a), c(b));
	look(a);
	bpf_cpumask_clear(b);
	say(1 & bpf_cpumask_and(b, c(a), c(b)));
	look(b);
	bpf_cpumask_copy(b, c(a));
	bpf_cpumask_clear_cpu(0, b);
	look(b);
	m = bpf_cpumask_acquire(b);
	bpf_cpumask_release(m);
	look(b);
	bpf_cpumask_release(a);
	bpf_cpumask_release(b);
	return 0;
}

/* --- bits ------------------------------------------------------------------------------------ */

struct bpf_iter_bits {
	u64 opaque[2];
} __attribute__((aligned(8)));

extern int bpf_iter_bits_new(struct bpf_iter_bits *it, const u64 *words, u32 nr) __ksym;
extern int *bpf_iter_bits_next(struct bpf_iter_bits *it) __ksym;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits *it) __ksym;

static __always_inline void walk(const u64 *words, u32 nr)
{
	struct bpf_iter_bits it;
	s64 sum = 0, err;
	int *bit;

	err = bpf_iter_bits_new(&it, words, nr);
	while ((bit = bpf_iter_bits_next(&it)))
		sum = sum * 7 + *bit;
	bpf_iter_bits_destroy(&it);
	say(err);
	say(sum);
}

SEC("syscall") int bits(void *ctx)
{
	u64 w[4] = {0x8000000000000001, 0, 0xf0, 1ull << 33};

	walk(w, 1);
	walk(w, 4);
	walk(w + 1, 1);
	walk(w, 0);
	walk(w, 512);
	walk(0, 1);
	return 0;
}
