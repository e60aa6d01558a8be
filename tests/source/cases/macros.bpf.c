/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect ok */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* The program's own definition, before or after, is the one that counts. */
#define ETH_HLEN 14
#define AF_INET6 10

_Static_assert(ETH_P_IP == 0x0800 && ETH_P_IPV6 == 0x86DD && ETH_ALEN == 6, "if_ether.h");
_Static_assert(TC_ACT_SHOT == 2 && TC_ACT_UNSPEC == -1, "pkt_cls.h");
_Static_assert(AF_INET == 2 && AF_INET6 == 10 && IPPROTO_ICMPV6 == 58, "in.h");
_Static_assert(ENOENT == 2 && EINVAL == 22 && MAX_ERRNO == 4095, "errno.h");
_Static_assert(O_CREAT == 0100 && O_RDONLY == 0 && AT_FDCWD == -100, "fcntl.h");
_Static_assert(S_IFMT == 0170000 && S_ISREG(0100644) && !S_ISDIR(0100644), "stat.h");
_Static_assert(SIGKILL == 9 && SIGTERM == 15 && PATH_MAX == 4096 && NAME_MAX == 255, "others");
_Static_assert(IFNAMSIZ == 16 && IP_MF == 0x2000 && NEXTHDR_TCP == 6, "network");

SEC("tc")
int filter(struct __sk_buff *skb)
{
	char buf[8];

	memset(buf, 0, sizeof(buf));
	bpf_skb_load_bytes(skb, ETH_HLEN, buf, sizeof(buf));
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return buf[0] == 0x45 ? TC_ACT_OK : TC_ACT_SHOT;
	return NULL == (void *)1 ? TC_ACT_PIPE : TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
