/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The flow hash of a packet (bpf_get_hash_recalc). Linux mixes addresses, protocol and ports with a
 * secret of the boot, in an order that makes both directions of a flow equal; so does this, with a
 * fixed secret: the same capture gives the same hashes every time.
 */
#include "base/hash.h"
#include "vm/helper_net.h"
#include <arpa/inet.h>

#define HASH_SEED 0x736b6570

struct flow {
	u8 addr[2][16];
	u8 port[2][2];
	u8 proto;
};

static bool has_ports(u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

static bool flow_v4(const struct vm_pkt *pkt, u32 off, struct flow *f, u32 *ret_l4)
{
	const u8 *ip = vm_pkt_at(pkt, off, 20);

	if (!ip || (ip[0] & 15) < 5)
		return false;
	memcpy(f->addr[0], ip + 12, 4);
	memcpy(f->addr[1], ip + 16, 4);
	f->proto = ip[9];
	*ret_l4 = (ip[6] & 0x3f) || ip[7] ? 0
					  : off + (ip[0] & 15) * 4; /* a fragment has no ports */
	return true;
}

static bool flow_v6(const struct vm_pkt *pkt, u32 off, struct flow *f, u32 *ret_l4)
{
	const u8 *ip = vm_pkt_at(pkt, off, 40);

	if (!ip)
		return false;
	memcpy(f->addr[0], ip + 8, 16);
	memcpy(f->addr[1], ip + 24, 16);
	f->proto = ip[6];
	*ret_l4 = off + 40;
	return true;
}

static void consistent(struct flow *f)
{
	struct flow g = *f;
	int order = memcmp(f->addr[0], f->addr[1], 16);

	if (order < 0 || (!order && memcmp(f->port[0], f->port[1], 2) <= 0))
		return;
	memcpy(f->addr[0], g.addr[1], 16);
	memcpy(f->addr[1], g.addr[0], 16);
	memcpy(f->port[0], g.port[1], 2);
	memcpy(f->port[1], g.port[0], 2);
}

u32 net_get_hash(struct vm_pkt *pkt)
{
	u32 l4 = 0, off = pkt->net >= 0 ? net_off(pkt, pkt->net) : 0;
	u16 proto = ntohs(pkt->protocol);
	struct flow f = {0};
	const u8 *ports;
	bool known;

	if (pkt->hash_valid)
		return pkt->hash;
	known = proto == NET_ETH_P_IP     ? flow_v4(pkt, off, &f, &l4)
		: proto == NET_ETH_P_IPV6 ? flow_v6(pkt, off, &f, &l4)
					  : false;
	ports = known && l4 && has_ports(f.proto) ? vm_pkt_at(pkt, l4, 4) : NULL;
	if (ports)
		memcpy(f.port, ports, 4);
	consistent(&f);
	pkt->hash = hash_bytes(&f, sizeof(f), HASH_SEED);
	pkt->hash += !pkt->hash; /* 0 means not computed */
	pkt->hash_valid = true;
	return pkt->hash;
}
