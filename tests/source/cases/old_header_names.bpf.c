/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect ok */
#include <linux/bpf.h>
#include "bpf_helpers.h"
#include "bpf_endian.h"

SEC("socket")
int count(struct __sk_buff *skb)
{
	return bpf_htons(skb->len);
}

char _license[] SEC("license") = "GPL";
