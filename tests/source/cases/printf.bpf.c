/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect error bpf_printk() */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int f(struct xdp_md *ctx)
{
	printf("hello\n");
	return XDP_PASS;
}
