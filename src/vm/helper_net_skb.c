/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers that read and reshape sk_buffs: net/core/filter.c says what each may do and what it
 * answers. The order of checks is Linux' own, so that a wrong call gets the same errno.
 */
#include "vm/helper_net.h"
#include <arpa/inet.h>
#include <limits.h>
#include <linux/if_packet.h>

static u64 load_failed(u64 to, u32 len)
{
	memset(net_ptr(to), 0, len);
	return -EFAULT;
}

NET_PKT_HELPER(skb_load_bytes)
{
	u32 off = r2, len = r4;
	const u8 *p = off <= INT_MAX ? vm_pkt_at(pkt, off, len) : NULL;

	if (!p || pkt->no_skb || (pkt->flow && off > 0xffff))
		return load_failed(r3, len);
	memmove(net_ptr(r3), p, len);
	return 0;
}

NET_PKT_HELPER(skb_load_bytes_relative)
{
	u32 off = r2, len = r4;
	s32 start = (u32)r5 == BPF_HDR_START_MAC   ? pkt->mac
		    : (u32)r5 == BPF_HDR_START_NET ? pkt->net
						   : -1;

	if (off > 0xffff || start < 0 || !in_bounds(start + off, len, pkt->tail - pkt->head))
		return load_failed(r3, len);
	memmove(net_ptr(r3), pkt->head + start + off, len);
	return 0;
}

NET_PKT_HELPER(skb_store_bytes)
{
	u32 off = r2, len = r4;
	u64 flags = r5;
	u8 *p = pkt->data + off;

	if (flags & ~(u64)(BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH))
		return -EINVAL;
	if (off > INT_MAX || !net_writable(pkt, (u64)off + len))
		return -EFAULT;
	if (flags & BPF_F_RECOMPUTE_CSUM)
		net_csum_pulled(pkt, p, len, off);
	memmove(p, net_ptr(r3), len);
	if (flags & BPF_F_RECOMPUTE_CSUM)
		net_csum_pushed(pkt, p, len, off);
	if (flags & BPF_F_INVALIDATE_HASH)
		net_clear_hash(pkt);
	vm_pkt_sync(pkt);
	return 0;
}

NET_PKT_HELPER(skb_pull_data)
{
	u32 len = r2;

	return net_writable(pkt, len) ? 0 : -ENOMEM;
}

/* --- room in front and behind --------------------------------------------------------------- */

/* A header's place after a move; never before the buffer, and what is not set stays so. */
static s32 moved(s32 pos, s64 by)
{
	return pos < 0 ? pos : pos + by < 0 ? 0 : (s32)(pos + by);
}

int net_hdr_push(struct vm_pkt *pkt, u32 off, u32 len)
{
	bool trans_same = pkt->trans == pkt->net;

	if (off > vm_pkt_linear(pkt) || vm_pkt_push(pkt, len))
		return -ENOMEM;
	memmove(pkt->data, pkt->data + len, off);
	memset(pkt->data + off, 0, len);
	pkt->mac = moved(pkt->mac, -(s64)len);
	pkt->net = moved(pkt->net, -(s64)len);
	if (trans_same)
		pkt->trans = pkt->net;
	return 0;
}

int net_hdr_pop(struct vm_pkt *pkt, u32 off, u32 len)
{
	bool trans_same = pkt->trans == pkt->net;
	u8 *old = pkt->data;

	if (!net_writable(pkt, (u64)off + len) || vm_pkt_pull(pkt, len))
		return -ENOMEM;
	net_csum_pulled(pkt, old + off, len, off);
	memmove(pkt->data, old, off);
	pkt->mac = moved(pkt->mac, len);
	pkt->net = moved(pkt->net, len);
	if (trans_same)
		pkt->trans = pkt->net;
	return 0;
}

void net_set_protocol(struct vm_pkt *pkt, u16 proto)
{
	pkt->protocol = htons(proto);
	pkt->tunnel.set = false; /* the route goes, and with it what it said of a tunnel */
}

static int change_tail(struct vm_pkt *pkt, u32 new_len, u64 flags)
{
	u32 len = vm_pkt_len(pkt), min_len = 0;

	if (pkt->net >= 0 && (s32)net_off(pkt, pkt->net) > 0)
		min_len = net_off(pkt, pkt->net);
	if (pkt->trans >= 0 && (s32)net_off(pkt, pkt->trans) > 0)
		min_len = net_off(pkt, pkt->trans);
	if (flags || new_len > NET_SKB_MAX_LEN || new_len < min_len)
		return -EINVAL;
	if (pkt->encap)
		return -ENOTSUPP;
	if (pkt->missing && new_len > vm_pkt_linear(pkt))
		return -ENOMEM; /* what was cut off cannot be made linear */
	if (new_len > len && new_len - len > (size_t)(pkt->hard_end - pkt->tail))
		return -ENOMEM;
	if (new_len > len)
		memset(pkt->tail, 0, new_len - len);
	else
		net_csum_pulled(pkt, pkt->data + new_len, vm_pkt_linear(pkt) - new_len, new_len);
	pkt->tail = pkt->data + new_len;
	pkt->missing = 0;
	pkt->gso_size = pkt->gso_segs = pkt->gso_type = 0;
	return 0;
}

NET_PKT_HELPER(skb_change_tail)
{
	int err = change_tail(pkt, r2, r3);

	vm_pkt_sync(pkt);
	return err;
}

NET_PKT_HELPER(skb_change_head)
{
	u32 room = r2, len = vm_pkt_len(pkt), new_len = len + room;

	if (r3 || (!pkt->gso_size && new_len > NET_SKB_MAX_LEN) || new_len < len)
		return -EINVAL;
	if (vm_pkt_push(pkt, room))
		return -ENOMEM;
	memset(pkt->data, 0, room);
	pkt->mac = pkt->data - pkt->head;
	pkt->mac_len = pkt->net - pkt->mac;
	vm_pkt_sync(pkt);
	return 0;
}

/* --- protocol and type ---------------------------------------------------------------------- */

static int change_proto(struct vm_pkt *pkt, u16 to)
{
	u32 off = pkt->mac >= 0 ? pkt->net - pkt->mac : 0;
	u16 from = ntohs(pkt->protocol);
	int err;

	if (from == NET_ETH_P_IP && to == NET_ETH_P_IPV6)
		err = net_hdr_push(pkt, off, 20);
	else if (from == NET_ETH_P_IPV6 && to == NET_ETH_P_IP)
		err = net_hdr_pop(pkt, off, 20);
	else
		return -ENOTSUPP;
	if (err)
		return err;
	net_set_protocol(pkt, to);
	net_clear_hash(pkt);
	return 0;
}

NET_PKT_HELPER(skb_change_proto)
{
	int err = r3 ? -EINVAL : change_proto(pkt, ntohs(r2));

	vm_pkt_sync(pkt);
	return err;
}

NET_PKT_HELPER(skb_change_type)
{
	u32 type = r2;

	if (pkt->pkt_type > PACKET_OTHERHOST || type > PACKET_OTHERHOST)
		return -EINVAL;
	pkt->pkt_type = type;
	vm_pkt_sync(pkt);
	return 0;
}

/* --- bpf_skb_adjust_room -------------------------------------------------------------------- */

#define ENCAP_L3 (BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6)
#define DECAP_L3 (BPF_F_ADJ_ROOM_DECAP_L3_IPV4 | BPF_F_ADJ_ROOM_DECAP_L3_IPV6)
#define ROOM_FLAGS                                                                                 \
	(BPF_F_ADJ_ROOM_FIXED_GSO | ENCAP_L3 | BPF_F_ADJ_ROOM_ENCAP_L4_GRE |                       \
	 BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_ENCAP_L2_ETH |                               \
	 BPF_F_ADJ_ROOM_ENCAP_L2(BPF_ADJ_ROOM_ENCAP_L2_MASK) | DECAP_L3 |                          \
	 BPF_F_ADJ_ROOM_NO_CSUM_RESET)

#ifndef BPF_F_ADJ_ROOM_DECAP_L3_IPV4
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV4 (1ULL << 7) /* Linux 6.2 */
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV6 (1ULL << 8)
#endif

static int encap_check(const struct vm_pkt *pkt, u32 len, u64 flags)
{
	u8 inner_mac = flags >> BPF_ADJ_ROOM_ENCAP_L2_SHIFT;
	u16 proto = ntohs(pkt->protocol);

	if (proto != NET_ETH_P_IP && proto != NET_ETH_P_IPV6)
		return -ENOTSUPP;
	if ((flags & ENCAP_L3) == ENCAP_L3)
		return -EINVAL;
	if ((flags & BPF_F_ADJ_ROOM_ENCAP_L4_GRE) && (flags & BPF_F_ADJ_ROOM_ENCAP_L4_UDP))
		return -EINVAL;
	if ((flags & BPF_F_ADJ_ROOM_ENCAP_L2_ETH) && inner_mac < NET_ETH_HLEN)
		return -EINVAL;
	if (pkt->encap)
		return -EALREADY;
	return inner_mac > len ? -EINVAL : 0;
}

static void encap_mark(struct vm_pkt *pkt, u16 mac_len, u64 flags)
{
	bool v6 = flags & BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	u16 proto = ntohs(pkt->protocol);
	s32 data = pkt->data - pkt->head;

	pkt->encap = true;
	pkt->net = data + mac_len;
	if (flags & (BPF_F_ADJ_ROOM_ENCAP_L4_GRE | BPF_F_ADJ_ROOM_ENCAP_L4_UDP))
		pkt->trans = data + mac_len + (v6 ? 40 : 20);
	if (v6 && proto == NET_ETH_P_IP)
		net_set_protocol(pkt, NET_ETH_P_IPV6);
	if (!v6 && proto == NET_ETH_P_IPV6)
		net_set_protocol(pkt, NET_ETH_P_IP);
}

static void gso_room(struct vm_pkt *pkt, s32 len, u64 flags)
{
	if (!pkt->gso_size)
		return;
	pkt->gso_segs = 0;
	if (!(flags & BPF_F_ADJ_ROOM_FIXED_GSO))
		pkt->gso_size -= len;
}

static int room_grow(struct vm_pkt *pkt, u32 off, u32 len, u64 flags)
{
	u16 mac_len = pkt->net - pkt->mac;
	int err = flags & ENCAP_L3 ? encap_check(pkt, len, flags) : 0;

	if (!err)
		err = net_hdr_push(pkt, off, len);
	if (err)
		return err;
	if (flags & ENCAP_L3)
		encap_mark(pkt, mac_len, flags);
	gso_room(pkt, len, flags);
	return 0;
}

static int room_shrink(struct vm_pkt *pkt, u32 off, u32 len, u64 flags)
{
	u16 proto = ntohs(pkt->protocol);
	int err;

	if (flags & ~(u64)(BPF_F_ADJ_ROOM_FIXED_GSO | DECAP_L3 | BPF_F_ADJ_ROOM_NO_CSUM_RESET))
		return -EINVAL;
	err = net_hdr_pop(pkt, off, len);
	if (err)
		return err;
	if (proto == NET_ETH_P_IP && (flags & BPF_F_ADJ_ROOM_DECAP_L3_IPV6))
		net_set_protocol(pkt, NET_ETH_P_IPV6);
	if (proto == NET_ETH_P_IPV6 && (flags & BPF_F_ADJ_ROOM_DECAP_L3_IPV4))
		net_set_protocol(pkt, NET_ETH_P_IP);
	gso_room(pkt, -(s32)len, flags);
	return 0;
}

/* The smallest packet that may be left when shrinking; -errno for flags that cannot be. */
static int room_min_len(const struct vm_pkt *pkt, bool shrink, u64 flags)
{
	if (!(flags & DECAP_L3))
		return ntohs(pkt->protocol) == NET_ETH_P_IP ? 20 : 40;
	if (!shrink || (flags & DECAP_L3) == DECAP_L3)
		return -EINVAL;
	return flags & BPF_F_ADJ_ROOM_DECAP_L3_IPV4 ? 20 : 40;
}

static int adjust_room(struct vm_pkt *pkt, s32 diff, u32 mode, u64 flags)
{
	u32 len = diff < 0 ? -(u32)diff : (u32)diff, off, len_cur;
	u16 proto = ntohs(pkt->protocol);
	int min_len;

	if (flags & ~(u64)ROOM_FLAGS)
		return -EINVAL;
	if (len > 0xfff)
		return -EFAULT;
	if (proto != NET_ETH_P_IP && proto != NET_ETH_P_IPV6)
		return -ENOTSUPP;
	if (mode != BPF_ADJ_ROOM_NET && mode != BPF_ADJ_ROOM_MAC)
		return -ENOTSUPP;
	off = pkt->net - pkt->mac;
	if (mode == BPF_ADJ_ROOM_NET)
		off += proto == NET_ETH_P_IP ? 20 : 40;
	min_len = room_min_len(pkt, diff < 0, flags);
	if (min_len < 0)
		return min_len;
	len_cur = vm_pkt_len(pkt) - net_off(pkt, pkt->net);
	if (diff < 0 && (len >= len_cur || len_cur - len < (u32)min_len))
		return -ENOTSUPP;
	if (diff >= 0 && vm_pkt_len(pkt) + len > NET_SKB_MAX_LEN && !pkt->gso_size)
		return -ENOTSUPP;
	return diff < 0 ? room_shrink(pkt, off, len, flags) : room_grow(pkt, off, len, flags);
}

NET_PKT_HELPER(skb_adjust_room)
{
	int err = adjust_room(pkt, r2, r3, r4);

	if (!err && !(r4 & BPF_F_ADJ_ROOM_NO_CSUM_RESET))
		net_csum_reset_unnecessary(pkt);
	vm_pkt_sync(pkt);
	return err;
}

/* --- small ones ----------------------------------------------------------------------------- */

NET_PKT_HELPER(get_hash_recalc)
{
	u32 hash = net_get_hash(pkt);

	vm_pkt_sync(pkt);
	return hash;
}

NET_PKT_HELPER(set_hash)
{
	pkt->hash = r2;
	pkt->hash_valid = true;
	vm_pkt_sync(pkt);
	return 0;
}

NET_PKT_HELPER(set_hash_invalid)
{
	net_clear_hash(pkt);
	vm_pkt_sync(pkt);
	return 0;
}

void net_clear_hash(struct vm_pkt *pkt)
{
	pkt->hash = 0;
	pkt->hash_valid = false;
}

/* tstamp_type: BPF_SKB_CLOCK_REALTIME 0, MONOTONIC 1, TAI 2 (Linux 6.12) */
#define SKB_CLOCK_REALTIME 0
#define SKB_CLOCK_TAI      2

NET_PKT_HELPER(skb_set_tstamp)
{
	struct __sk_buff *skb = net_skb(pkt);
	u16 proto = ntohs(pkt->protocol);

	if (!skb || (proto != NET_ETH_P_IP && proto != NET_ETH_P_IPV6))
		return -EOPNOTSUPP;
	if ((u32)r3 > SKB_CLOCK_TAI || (!r2 && (u32)r3 != SKB_CLOCK_REALTIME))
		return -EINVAL;
	skb->tstamp = r2;
	skb->tstamp_type = r3;
	return 0;
}
