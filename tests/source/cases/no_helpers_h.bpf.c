/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect mend SEC: added #include <bpf/bpf_helpers.h> */
#include <linux/bpf.h>

SEC("xdp")
int f(struct xdp_md *ctx)
{
	return bpf_get_prandom_u32() & 1 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
