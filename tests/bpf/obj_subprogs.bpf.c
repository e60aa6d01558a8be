/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Subprograms: static and global, nested, shared, callbacks, recursion through two programs. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

int total;

static __attribute__((noinline)) int leaf(int x)
{
	total += x;
	return x * 3;
}

static __attribute__((noinline)) int middle(int x)
{
	return leaf(x + 1) + leaf(x + 2);
}

__attribute__((noinline)) int shared(int x)
{
	return middle(x) + total;
}

__attribute__((noinline, visibility("hidden"))) int hidden_fn(int x)
{
	return leaf(x) ^ total;
}

__attribute__((noinline, weak)) int weak_fn(int x)
{
	return x + total;
}

struct loop_ctx {
	int sum;
};

static int on_loop(__u32 i, void *ctx)
{
	((struct loop_ctx *)ctx)->sum += leaf((int)i);
	return 0;
}

static int on_loop_too(__u32 i, void *ctx)
{
	((struct loop_ctx *)ctx)->sum += (int)i;
	return 0;
}

SEC("tc") int first(struct __sk_buff *skb)
{
	return shared(skb->len) + hidden_fn(1);
}

SEC("tc") int second(struct __sk_buff *skb)
{
	struct loop_ctx ctx = {};

	bpf_loop(4, on_loop, &ctx, 0);
	bpf_loop(4, on_loop_too, &ctx, 0);
	return ctx.sum + weak_fn(2);
}

SEC("xdp") int third(struct xdp_md *ctx)
{
	return leaf(2) & 1 ? XDP_PASS : XDP_DROP;
}

SEC("xdp.frags") int fourth(struct xdp_md *ctx)
{
	return middle(2) & 1 ? XDP_PASS : XDP_DROP;
}

SEC("lsm.s/file_open") int sleepable(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
