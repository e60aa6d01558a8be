/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * VLAN tags. Linux keeps the outermost tag beside the packet (vlan_present, vlan_tci, vlan_proto),
 * the ones inside it in the packet: a push moves the old outermost one in, a pop moves the next one
 * out. Tags are inserted and removed behind the two MAC addresses, at the front of the packet.
 */
#include "vm/helper_net.h"
#include <arpa/inet.h>

#define MACS 12 /* both addresses */

static bool is_vlan(u16 proto_be)
{
	return proto_be == htons(NET_ETH_P_8021Q) || proto_be == htons(NET_ETH_P_8021AD);
}

static u16 get16(const u8 *p) /* as it stands: network order */
{
	u16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

int net_vlan_insert(struct vm_pkt *pkt, u16 proto_be, u16 tci)
{
	u16 tci_be = htons(tci);

	if (vm_pkt_linear(pkt) < MACS || vm_pkt_push(pkt, NET_VLAN_HLEN))
		return -ENOMEM;
	memmove(pkt->data, pkt->data + NET_VLAN_HLEN, MACS);
	memcpy(pkt->data + MACS, &proto_be, 2);
	memcpy(pkt->data + MACS + 2, &tci_be, 2);
	pkt->mac = pkt->mac >= NET_VLAN_HLEN ? pkt->mac - NET_VLAN_HLEN : 0;
	return 0;
}

/* Take the tag out of the packet; what it says is in *tci, what it wraps in pkt->protocol. */
static int remove_tag(struct vm_pkt *pkt, u16 *tci)
{
	u8 *tag = pkt->data + MACS;
	u16 inner;

	if (!net_writable(pkt, MACS + NET_VLAN_HLEN + 2))
		return -ENOMEM;
	net_csum_pulled(pkt, tag, NET_VLAN_HLEN, MACS);
	*tci = ntohs(get16(tag + 2));
	inner = get16(tag + 4);
	if (ntohs(inner) < 0x600) /* a length: 802.3 or 802.2 */
		inner = htons(net_writable(pkt, MACS + 8) && get16(tag + 6) == 0xffff ? 1 : 4);
	pkt->protocol = inner;
	memmove(pkt->data + NET_VLAN_HLEN, pkt->data, MACS);
	if (vm_pkt_pull(pkt, NET_VLAN_HLEN))
		return -ENOMEM;
	pkt->mac += NET_VLAN_HLEN;
	if ((s32)net_off(pkt, pkt->net) < NET_ETH_HLEN)
		pkt->net = pkt->data - pkt->head + NET_ETH_HLEN;
	pkt->mac_len = pkt->net - pkt->mac;
	return 0;
}

/* What reception does with a tagged frame: the outermost tag goes beside the packet. */
int vm_pkt_untag(struct vm_pkt *pkt)
{
	u16 proto = pkt->protocol, tci;
	int err;

	if (pkt->vlan_present || !is_vlan(proto))
		return 0;
	err = remove_tag(pkt, &tci);
	if (err)
		return err;
	pkt->vlan_present = true;
	pkt->vlan_proto = proto;
	pkt->vlan_tci = tci;
	return 0;
}

static int vlan_push(struct vm_pkt *pkt, u16 proto_be, u16 tci)
{
	if (pkt->vlan_present) {
		int err = net_vlan_insert(pkt, pkt->vlan_proto, pkt->vlan_tci);

		if (err)
			return err;
		pkt->protocol = pkt->vlan_proto;
		pkt->net = pkt->net >= NET_VLAN_HLEN ? pkt->net - NET_VLAN_HLEN : 0;
		net_csum_pushed(pkt, pkt->data + MACS, NET_VLAN_HLEN, MACS);
	}
	pkt->vlan_present = true;
	pkt->vlan_proto = proto_be;
	pkt->vlan_tci = tci;
	return 0;
}

NET_PKT_HELPER(skb_vlan_push)
{
	u16 proto = is_vlan(r2) ? r2 : htons(NET_ETH_P_8021Q);
	int err = vlan_push(pkt, proto, r3);

	pkt->mac_len = pkt->net - pkt->mac;
	vm_pkt_sync(pkt);
	return err;
}

static int vlan_pop(struct vm_pkt *pkt)
{
	u16 tci;
	int err;

	if (pkt->vlan_present) {
		pkt->vlan_present = false;
		pkt->vlan_tci = pkt->vlan_proto = 0;
	} else {
		if (!is_vlan(pkt->protocol))
			return 0;
		err = remove_tag(pkt, &tci);
		if (err)
			return err;
	}
	return vm_pkt_untag(pkt);
}

NET_PKT_HELPER(skb_vlan_pop)
{
	int err = vlan_pop(pkt);

	vm_pkt_sync(pkt);
	return err;
}
