/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect mend TC_ACT_OK: defined as in <linux/pkt_cls.h> */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int f(struct __sk_buff *skb)
{
	return skb->mark ? TC_ACT_SHOT : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
