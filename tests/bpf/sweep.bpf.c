/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Helpers and kernel functions with the arguments that stand in `args`: test_sweep_calls.c puts
 * random ones there, runs a program here and in the kernel, and compares all of .bss.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

char LICENSE[] SEC("license") = "GPL";

/* In one struct, so that the order in memory is known. */
struct {
	u64 a[8];
	s64 ret[16];
	char in[256];
	char out[256];
} args;

extern int bpf_dynptr_adjust(const struct bpf_dynptr *p, u32 start, u32 end) __ksym;
extern int bpf_dynptr_is_null(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_is_rdonly(const struct bpf_dynptr *p) __ksym;
extern u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *to) __ksym;
extern int bpf_dynptr_copy(struct bpf_dynptr *dst, u32 dst_off, struct bpf_dynptr *src, u32 src_off,
			   u32 size) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, u32 off, void *buf, u32 size) __ksym;
extern int bpf_strcmp(const char *a, const char *b) __ksym;
extern int bpf_strchr(const char *s, char c) __ksym;
extern int bpf_strnchr(const char *s, u64 n, char c) __ksym;
extern int bpf_strrchr(const char *s, int c) __ksym;
extern int bpf_strspn(const char *s, const char *set) __ksym;
extern int bpf_strcspn(const char *s, const char *set) __ksym;
extern int bpf_strstr(const char *s, const char *what) __ksym;
extern int bpf_strnstr(const char *s, const char *what, u64 n) __ksym;
extern int bpf_strnlen(const char *s, u64 n) __ksym;

/* The verifier wants to know that a number is small; the barrier keeps the compiler from knowing. */
static __always_inline u64 small(u64 v, u64 mask)
{
	asm volatile("%0 &= %1" : "+r"(v) : "i"(mask));
	return v;
}

SEC("syscall") int numbers(void *ctx)
{
	long v = 0;
	unsigned long u = 0;

	args.ret[0] = bpf_strtol(args.in, small(args.a[0], 63) + 1, args.a[1], &v);
	args.ret[1] = v;
	args.ret[2] = bpf_strtoul(args.in, small(args.a[0], 63) + 1, args.a[1], &u);
	args.ret[3] = u;
	return 0;
}

const char word[] = "abcabd";

SEC("syscall") int compare(void *ctx)
{
	args.ret[0] = bpf_strncmp(args.in, small(args.a[0], 63) + 1, word);
	args.ret[1] = bpf_strncmp(args.in + 64, small(args.a[1], 63) + 1, word);
	return 0;
}

SEC("syscall") int strings(void *ctx)
{
	const char *s = args.in, *t = args.in + 128;

	args.in[127] = args.in[255] = 0;
	args.ret[0] = bpf_strcmp(s, t);
	args.ret[1] = bpf_strchr(s, args.a[0]);
	args.ret[2] = bpf_strnchr(s, args.a[1], args.a[0]);
	args.ret[3] = bpf_strrchr(s, args.a[0]);
	args.ret[4] = bpf_strspn(s, t);
	args.ret[5] = bpf_strcspn(s, t);
	args.ret[6] = bpf_strstr(s, t);
	args.ret[7] = bpf_strnstr(s, t, args.a[1]);
	args.ret[8] = bpf_strnlen(s, args.a[1]);
	return 0;
}

#define FORMAT(i, fmt)                                                                             \
	case i:                                                                                    \
		args.ret[0] = bpf_snprintf(args.out, small(args.a[4], 255), fmt, args.a, 32);      \
		break;

SEC("syscall") int formats(void *ctx)
{
	switch (args.a[5] % 10) {
		FORMAT(0, "%d %i %u %x")
		FORMAT(1, "%lld %llu %llx %llX")
		FORMAT(2, "%10d|%-10d|%010d|%x")
		FORMAT(3, "%c%c%c%c")
		FORMAT(4, "%5u|%-5x|%08llx|%ld")
		FORMAT(5, "%% %u %%%u %u%%%u")
		FORMAT(6, "%d%u%x%i")
		FORMAT(7, "%x %px %u")
		FORMAT(8, "%3c|%-3c|%lu|%lx")
		FORMAT(9, "%lu %ld %lx %lld")
	}
	return 0;
}

/* A chain of operations on two dynptrs of the same memory. */
SEC("syscall") int dynptrs(void *ctx)
{
	struct bpf_dynptr p, q;
	u64 *at;

	args.ret[0] = bpf_dynptr_from_mem(args.out, 256, 0, &p);
	args.ret[1] = bpf_dynptr_write(&p, args.a[0], args.in, small(args.a[1], 127), 0);
	args.ret[2] = bpf_dynptr_adjust(&p, args.a[2], args.a[3]);
	args.ret[3] = bpf_dynptr_size(&p);
	args.ret[4] = bpf_dynptr_clone(&p, &q);
	args.ret[5] = bpf_dynptr_adjust(&q, args.a[4], args.a[5]);
	args.ret[6] = bpf_dynptr_size(&q);
	args.ret[7] = bpf_dynptr_read(args.in + 128, small(args.a[6], 127), &q, args.a[7], 0);
	args.ret[8] = bpf_dynptr_copy(&p, args.a[1], &q, args.a[7], args.a[6]);
	at = bpf_dynptr_data(&q, 0, 8);
	args.ret[9] = at ? *at : -1;
	at = bpf_dynptr_slice(&p, args.a[6], 0, 8);
	args.ret[10] = at ? *at : -1;
	args.ret[11] = bpf_dynptr_write(&q, args.a[7], args.in, 8, args.a[0] & 1);
	args.ret[12] = bpf_dynptr_is_null(&q) & 1;
	args.ret[13] = bpf_dynptr_is_rdonly(&p) & 1;
	return 0;
}

SEC("tc") int sums(struct __sk_buff *skb)
{
	args.ret[0] = bpf_csum_diff((void *)args.in, small(args.a[0], 124), (void *)args.out,
				    small(args.a[1], 124), args.a[2]);
	args.ret[1] = bpf_csum_diff(0, 0, (void *)args.in, small(args.a[1], 127), args.a[2]);
	return 0;
}

SEC("syscall") int reads(void *ctx)
{
	args.ret[0] = bpf_probe_read_kernel(args.out, small(args.a[0], 127), args.in);
	args.ret[1] = bpf_probe_read_kernel_str(args.out + 128, small(args.a[1], 127), args.in + 64);
	for (int i = 0; i < 128; i++) /* behind the NUL Linux leaves what its last word had */
		if (i >= args.ret[1])
			args.out[128 + i] = 0;
	args.ret[2] = bpf_probe_read_kernel(args.out, small(args.a[0], 127), (void *)args.a[2]);
	args.ret[3] = bpf_probe_read_kernel_str(args.out, small(args.a[0], 127), (void *)args.a[2]);
	args.ret[4] = bpf_probe_read_user(args.out, small(args.a[0], 127), (void *)(args.a[2] >> 40));
	return 0;
}
