/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_fib_lookup and bpf_check_mtu against the routes that the user wrote down (net.h). The answers
 * are those of bpf_ipv4_fib_lookup and bpf_ipv6_fib_lookup with forwarding switched on everywhere.
 */
#include "vm/helper_net.h"
#include <sys/socket.h>

#ifndef BPF_FIB_LOOKUP_SKIP_NEIGH
#define BPF_FIB_LOOKUP_SKIP_NEIGH (1U << 2) /* Linux 6.3 */
#endif
#ifndef BPF_FIB_LOOKUP_TBID
#define BPF_FIB_LOOKUP_TBID (1U << 3)
#endif
#ifndef BPF_FIB_LOOKUP_SRC
#define BPF_FIB_LOOKUP_SRC (1U << 4)
#endif
#ifndef BPF_FIB_LOOKUP_MARK
#define BPF_FIB_LOOKUP_MARK (1U << 5)
#endif
#define FIB_NO_SRC_ADDR 9 /* BPF_FIB_LKUP_RET_NO_SRC_ADDR, Linux 6.7 */

#define FIB_FLAGS                                                                                  \
	(BPF_FIB_LOOKUP_DIRECT | BPF_FIB_LOOKUP_OUTPUT | BPF_FIB_LOOKUP_SKIP_NEIGH |               \
	 BPF_FIB_LOOKUP_TBID | BPF_FIB_LOOKUP_SRC | BPF_FIB_LOOKUP_MARK)

static const int by_type[] = {
	[VM_ROUTE_UNICAST] = BPF_FIB_LKUP_RET_SUCCESS,
	[VM_ROUTE_LOCAL] = BPF_FIB_LKUP_RET_NOT_FWDED,
	[VM_ROUTE_BLACKHOLE] = BPF_FIB_LKUP_RET_BLACKHOLE,
	[VM_ROUTE_UNREACHABLE] = BPF_FIB_LKUP_RET_UNREACHABLE,
	[VM_ROUTE_PROHIBIT] = BPF_FIB_LKUP_RET_PROHIBIT,
};

static struct vm_addr addr_of(u8 family, const void *v4, const void *v6)
{
	struct vm_addr a = {.family = family};

	memcpy(a.b, family == AF_INET ? v4 : v6, family == AF_INET ? 4 : 16);
	return a;
}

static bool is_link_scope(const void *v6) /* multicast or link local: never forwarded */
{
	const u8 *b = v6;

	return b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

static u32 pick_table(struct bpf_fib_lookup *p, u32 flags)
{
	u32 table = VM_NET_TABLE_MAIN;

	if (!(flags & BPF_FIB_LOOKUP_DIRECT))
		return 0;
	if (flags & BPF_FIB_LOOKUP_TBID) {
		memcpy(&table, &p->h_vlan_proto, sizeof(table)); /* a union */
		p->h_vlan_proto = p->h_vlan_TCI = 0;
	}
	return table;
}

static void set_gateway(struct bpf_fib_lookup *p, const struct vm_route *r)
{
	if (!r->gw.family)
		return;
	p->family = r->gw.family;
	if (r->gw.family == AF_INET)
		memcpy(&p->ipv4_dst, r->gw.b, 4);
	else
		memcpy(p->ipv6_dst, r->gw.b, 16);
}

static int set_source(struct bpf_fib_lookup *p, const struct vm_route *r)
{
	if (!r->src.family)
		return p->family == AF_INET ? 0 : FIB_NO_SRC_ADDR;
	if (r->src.family == AF_INET)
		memcpy(&p->ipv4_src, r->src.b, 4);
	else
		memcpy(p->ipv6_src, r->src.b, 16);
	return 0;
}

static int take_route(struct bpf_fib_lookup *p, const struct vm_route *r, u32 flags, bool check_mtu)
{
	int err;

	if (check_mtu && p->tot_len > r->mtu) {
		p->mtu_result = r->mtu;
		return BPF_FIB_LKUP_RET_FRAG_NEEDED;
	}
	p->rt_metric = r->metric;
	p->ifindex = r->dev;
	err = flags & BPF_FIB_LOOKUP_SRC ? set_source(p, r) : 0;
	if (err)
		return err;
	set_gateway(p, r);
	if (!(flags & BPF_FIB_LOOKUP_SKIP_NEIGH)) {
		if (!r->has_dmac)
			return BPF_FIB_LKUP_RET_NO_NEIGH;
		memcpy(p->dmac, r->dmac, 6);
		memcpy(p->smac, r->smac, 6);
	}
	p->h_vlan_TCI = p->h_vlan_proto = 0;
	if (check_mtu)
		p->mtu_result = r->mtu;
	return BPF_FIB_LKUP_RET_SUCCESS;
}

static int fib_lookup(const struct vm_net *net, struct bpf_fib_lookup *p, u32 flags, bool check_mtu)
{
	struct vm_addr dst = addr_of(p->family, &p->ipv4_dst, p->ipv6_dst);
	const struct vm_route *r;
	u32 oif;

	if (p->family == AF_INET6 && (is_link_scope(p->ipv6_dst) || is_link_scope(p->ipv6_src)))
		return BPF_FIB_LKUP_RET_NOT_FWDED;
	if (!vm_net_has_dev(net, p->ifindex))
		return -ENODEV;
	oif = flags & BPF_FIB_LOOKUP_OUTPUT ? p->ifindex : 0;
	r = vm_net_route(net, pick_table(p, flags), &dst, oif);
	if (!r)
		return BPF_FIB_LKUP_RET_NOT_FWDED;
	if (r->type != VM_ROUTE_UNICAST)
		return by_type[r->type];
	return take_route(p, r, flags, check_mtu);
}

static bool forwardable(const struct vm_pkt *pkt, u32 mtu)
{
	return vm_pkt_len(pkt) <= mtu + NET_ETH_HLEN + NET_VLAN_HLEN || pkt->gso_size;
}

static int fib_answer(const struct vm_pkt *pkt, struct bpf_fib_lookup *p, u32 flags)
{
	bool check_mtu;
	int ret;

	if (p->family != AF_INET && p->family != AF_INET6)
		return -EAFNOSUPPORT;
	if (!pkt->world)
		return -ENODEV;
	check_mtu = pkt->kind == VM_PKT_XDP || p->tot_len;
	ret = fib_lookup(pkt->world, p, flags, check_mtu);
	if (ret == BPF_FIB_LKUP_RET_SUCCESS && !check_mtu) {
		u32 mtu = vm_net_mtu(pkt->world, p->ifindex);

		if (!forwardable(pkt, mtu))
			ret = BPF_FIB_LKUP_RET_FRAG_NEEDED;
		p->mtu_result = mtu;
	}
	return ret;
}

NET_PKT_HELPER(fib_lookup)
{
	struct bpf_fib_lookup p; /* a copy: the program's may lie at any address */
	u32 flags = r4;
	int ret;

	if ((s32)r3 < (s32)sizeof(p) || (flags & ~FIB_FLAGS))
		return -EINVAL;
	memcpy(&p, net_ptr(r2), sizeof(p));
	ret = fib_answer(pkt, &p, flags);
	memcpy(net_ptr(r2), &p, sizeof(p));
	return ret;
}

/* --- check_mtu ------------------------------------------------------------------------------ */

static int mtu_verdict(const struct vm_pkt *pkt, s64 len, u32 mtu, u64 flags)
{
	if (len <= (s64)mtu + NET_ETH_HLEN)
		return BPF_MTU_CHK_RET_SUCCESS;
	if (pkt->kind == VM_PKT_XDP || !pkt->gso_size)
		return BPF_MTU_CHK_RET_FRAG_NEEDED;
	if (!(flags & BPF_MTU_CHK_SEGS))
		return BPF_MTU_CHK_RET_SUCCESS;
	if (pkt->trans < 0)
		return -EINVAL;
	return pkt->trans - pkt->net + pkt->gso_size <= mtu ? BPF_MTU_CHK_RET_SUCCESS
							    : BPF_MTU_CHK_RET_SEGS_TOOBIG;
}

NET_PKT_HELPER(check_mtu)
{
	bool xdp = pkt->kind == VM_PKT_XDP;
	u32 ifindex = r2, *mtu_len = net_ptr(r3), mtu;
	s64 len = xdp ? vm_pkt_linear(pkt) : vm_pkt_len(pkt);
	int ret;

	if (r5 & ~(u64)(xdp ? 0 : BPF_MTU_CHK_SEGS))
		return -EINVAL;
	if ((r5 & BPF_MTU_CHK_SEGS) && ((s32)r4 || *mtu_len))
		return -EINVAL;
	if (!pkt->world || (ifindex && !vm_net_has_dev(pkt->world, ifindex)))
		return -ENODEV;
	mtu = ifindex ? vm_net_mtu(pkt->world, ifindex) : pkt->mtu ? pkt->mtu : VM_NET_MTU;
	if (*mtu_len)
		len = (s64)*mtu_len + NET_ETH_HLEN;
	ret = mtu_verdict(pkt, (s32)(u32)(u64)(len + (s32)r4), mtu, r5); /* an int, as in Linux */
	if (ret >= 0)
		*mtu_len = mtu;
	return ret;
}
