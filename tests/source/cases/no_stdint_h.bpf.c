/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect mend uint32_t: added #include <stdint.h> */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int f(struct xdp_md *ctx)
{
	uint32_t len = ctx->data_end - ctx->data;
	bool small = len < 100;

	return small ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
