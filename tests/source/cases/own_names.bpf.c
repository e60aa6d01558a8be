/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect ok */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

/* Names that vmlinux.h's macros have too, in every form that C knows. */
enum { AF_INET = 2, ETH_P_IP = 0x0800 };
static const int TC_ACT_OK = 0;
static int S_ISDIR(int mode)
{
	return (mode & 0170000) == 0040000;
}
static int min(int a, int b)
{
	return a < b ? a : b;
}

SEC("tc")
int filter(struct __sk_buff *skb)
{
	if (skb->family == AF_INET || S_ISDIR(skb->len))
		return min(skb->len, ETH_P_IP);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
