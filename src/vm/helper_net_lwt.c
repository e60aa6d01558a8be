/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Lightweight tunnels: headers in front of a layer-3 packet, segment routing headers inside one,
 * and the ECN mark.
 */
#include "vm/helper_net.h"
#include <arpa/inet.h>
#include <linux/seg6_local.h>

#define ENCAP_MAX 256 /* LWT_BPF_MAX_HEADROOM */

/* Length of the IP header in front of hdr, 0 if it is none that may be pushed. */
static u32 encap_ip_len(const u8 *hdr, u32 len)
{
	u32 ip_len = hdr[0] >> 4 == 4 ? (hdr[0] & 15) * 4 : hdr[0] >> 4 == 6 ? 40 : 0;
	u8 proto;

	if (ip_len < 20 || len < ip_len)
		return 0;
	proto = hdr[hdr[0] >> 4 == 4 ? 9 : 6];
	return proto == IPPROTO_UDP && len < ip_len + 8 ? 0 : ip_len;
}

static int push_ip(struct vm_pkt *pkt, const u8 *hdr, u32 len)
{
	u32 ip_len = len >= 20 && len <= ENCAP_MAX ? encap_ip_len(hdr, len) : 0;
	bool v4 = hdr[0] >> 4 == 4;
	u16 sum = 0;

	if (!ip_len)
		return -EINVAL;
	if (vm_pkt_push(pkt, len))
		return -ENOMEM;
	memmove(pkt->data, hdr, len);
	pkt->encap = true;
	pkt->mac = -1; /* its place is taken */
	pkt->net = pkt->data - pkt->head;
	if (hdr[v4 ? 9 : 6] == IPPROTO_UDP)
		pkt->trans = pkt->net + ip_len;
	net_clear_hash(pkt);
	net_set_protocol(pkt, v4 ? NET_ETH_P_IP : NET_ETH_P_IPV6);
	if (v4 && !memcmp(pkt->data + 10, &sum, 2)) {
		sum = net_csum_fold(net_csum_partial(pkt->data, ip_len, 0));
		memcpy(pkt->data + 10, &sum, 2);
	}
	return 0;
}

NET_PKT_HELPER(lwt_push_encap)
{
	int err = (u32)r2 == BPF_LWT_ENCAP_IP ? push_ip(pkt, net_ptr(r3), r4) : -EINVAL;

	vm_pkt_sync(pkt);
	return err;
}

/* --- segment routing ------------------------------------------------------------------------ */

#define SRH_FIXED 8 /* before the segments */

struct srh {
	u32 off, len; /* of the header in the packet */
	u32 tlvs;     /* where its TLVs begin */
};

static bool is_extension(u8 next)
{
	return next == 0 || next == 60 || next == 43;
}

/* The routing header of type 4; 0 or -errno. */
static int find_srh(const struct vm_pkt *pkt, struct srh *ret)
{
	const u8 *ip = vm_pkt_at(pkt, 0, 40), *h;
	u32 off = 40;
	u8 next;

	if (!ip || ip[0] >> 4 != 6)
		return -EINVAL;
	next = ip[6];
	while (is_extension(next) && (h = vm_pkt_at(pkt, off, 8))) {
		u32 len = (h[1] + 1) * 8;

		if (!vm_pkt_at(pkt, off, len))
			return -EINVAL;
		if (next == 43 && h[2] == 4) {
			*ret = (struct srh){off, len, off + SRH_FIXED + (h[4] + 1) * 16};
			return 0;
		}
		next = h[0];
		off += len;
	}
	return -EINVAL;
}

NET_PKT_HELPER(lwt_seg6_store_bytes)
{
	u32 off = r2, len = r4;
	struct srh s;

	if (find_srh(pkt, &s))
		return -EINVAL;
	/* the flags and the tag, or the TLVs */
	if (!(off >= s.tlvs && in_bounds(off, len, s.off + s.len)) &&
	    (off < s.off + 5 || !in_bounds(off, len, s.off + SRH_FIXED)))
		return -EFAULT;
	memmove(pkt->data + off, net_ptr(r3), len);
	return 0;
}

static int adjust_srh(struct vm_pkt *pkt, u32 off, s32 len)
{
	struct srh s;
	u16 payload;
	int err;

	if (find_srh(pkt, &s))
		return -EINVAL;
	if (off < s.tlvs || off > s.off + s.len)
		return -EFAULT;
	if (len < 0 && !in_bounds(off, -(u32)len, s.off + s.len))
		return -EFAULT;
	err = len > 0 ? net_hdr_push(pkt, off, len) : net_hdr_pop(pkt, off, -(u32)len);
	if (err)
		return err;
	payload = htons(vm_pkt_len(pkt) - 40);
	memcpy(pkt->data + 4, &payload, 2);
	if ((s32)s.len + len >= 8) /* the program must leave a multiple of 8 */
		pkt->data[s.off + 1] = ((s32)s.len + len) / 8 - 1;
	return 0;
}

NET_PKT_HELPER(lwt_seg6_adjust_srh)
{
	int err = adjust_srh(pkt, r2, r3);

	vm_pkt_sync(pkt);
	return err;
}

/* Decapsulate: the packet inside becomes the packet. */
static int end_dt6(struct vm_pkt *pkt)
{
	const u8 *srh;
	struct srh s;

	if (find_srh(pkt, &s))
		return -EBADMSG;
	srh = pkt->data + s.off;
	if (srh[0] != 41 || vm_pkt_pull(pkt, s.off + s.len))
		return -EBADMSG;
	pkt->net = pkt->trans = pkt->data - pkt->head;
	pkt->mac = -1;
	pkt->encap = false;
	return 0;
}

NET_PKT_HELPER(lwt_seg6_action)
{
	u32 action = r2, len = r4;
	struct srh s;
	int err = -EINVAL;

	if (action != SEG6_LOCAL_ACTION_END_X && action != SEG6_LOCAL_ACTION_END_T &&
	    action != SEG6_LOCAL_ACTION_END_DT6)
		return -EINVAL;
	if (find_srh(pkt, &s))
		return -EBADMSG;
	if (len != (action == SEG6_LOCAL_ACTION_END_X ? 16u : 4u))
		return -EINVAL;
	err = action == SEG6_LOCAL_ACTION_END_DT6 ? end_dt6(pkt) : 0;
	vm_pkt_sync(pkt);
	return err;
}

/* --- ECN ------------------------------------------------------------------------------------ */

/* The protocol behind VLAN tags in the packet. */
static u16 inner_protocol(const struct vm_pkt *pkt)
{
	u16 proto = ntohs(pkt->protocol);
	u32 off = pkt->net >= 0 ? net_off(pkt, pkt->net) : 0;
	const u8 *p;

	while ((proto == NET_ETH_P_8021Q || proto == NET_ETH_P_8021AD) &&
	       (p = vm_pkt_at(pkt, off, 4))) {
		proto = p[2] << 8 | p[3];
		off += 4;
	}
	return proto;
}

static u64 ce_v4(u8 *ip)
{
	u8 ecn = (ip[1] + 1) & 3;
	u16 sum, add = htons(0xfffb) + htons(ecn);

	if (!(ecn & 2))
		return !ecn;
	memcpy(&sum, ip + 10, 2);
	sum += add;
	sum += sum < add;
	memcpy(ip + 10, &sum, 2);
	ip[1] |= 3;
	return 1;
}

static u64 ce_v6(struct vm_pkt *pkt, u8 *ip)
{
	if (!(ip[1] & 0x30))
		return 0;
	net_csum_pulled(pkt, ip, 4, 0);
	ip[1] |= 0x30;
	net_csum_pushed(pkt, ip, 4, 0);
	return 1;
}

NET_PKT_HELPER(skb_ecn_set_ce)
{
	u16 proto = inner_protocol(pkt);
	u32 len = proto == NET_ETH_P_IP ? 20 : 40;
	u8 *ip = pkt->net >= 0 ? pkt->head + pkt->net : pkt->data;

	if ((proto != NET_ETH_P_IP && proto != NET_ETH_P_IPV6) || ip + len > pkt->tail)
		return 0;
	return proto == NET_ETH_P_IP ? ce_v4(ip) : ce_v6(pkt, ip);
}
