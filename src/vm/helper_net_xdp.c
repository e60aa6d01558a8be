/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers of XDP: moving the bounds of a frame. The frame has the layout that drivers and test runs
 * give it: 256 bytes in front, of which the first 40 are the kernel's, and 320 behind.
 */
#include "vm/helper_net.h"

#define META_MAX 252 /* skb_metadata_size has one byte, and metadata is in words */

NET_PKT_HELPER(xdp_adjust_head)
{
	s32 off = r2;
	size_t meta_len = pkt->data - pkt->meta;
	s64 at = pkt->data - pkt->head + (s64)off;
	s64 first = pkt->xdp_start - pkt->head + VM_XDP_FRAME + meta_len;

	if (at < first || at > pkt->tail - pkt->head - NET_ETH_HLEN)
		return -EINVAL;
	memmove(pkt->meta + off, pkt->meta, meta_len);
	pkt->meta += off;
	pkt->data += off;
	vm_pkt_sync(pkt);
	return 0;
}

/* What a capture cut off stands for fragments: they shrink first, and cannot grow. */
static int tail_missing(struct vm_pkt *pkt, s32 off)
{
	u32 cut = -(u32)off;

	if (off >= 0)
		return -EOPNOTSUPP;
	if ((s64)cut > (s64)vm_pkt_len(pkt) - NET_ETH_HLEN)
		return -EINVAL;
	if (cut <= pkt->missing) {
		pkt->missing -= cut;
		return 0;
	}
	pkt->tail -= cut - pkt->missing;
	pkt->missing = 0;
	return 0;
}

static int adjust_tail(struct vm_pkt *pkt, s32 off)
{
	s64 end = pkt->tail - pkt->data + (s64)off;

	if (pkt->missing)
		return tail_missing(pkt, off);
	if (end > pkt->hard_end - pkt->data || end < NET_ETH_HLEN)
		return -EINVAL;
	if (off > 0)
		memset(pkt->tail, 0, off);
	pkt->tail += off;
	return 0;
}

NET_PKT_HELPER(xdp_adjust_tail)
{
	int err = adjust_tail(pkt, r2);

	vm_pkt_sync(pkt);
	return err;
}

NET_PKT_HELPER(xdp_adjust_meta)
{
	s64 at = pkt->meta - pkt->head + (s64)(s32)r2;
	s64 data = pkt->data - pkt->head, len = data - at;

	if (at < pkt->xdp_start - pkt->head + VM_XDP_FRAME || at > data)
		return -EINVAL;
	if ((len & 3) || len > META_MAX)
		return -EACCES;
	pkt->meta = pkt->head + at;
	vm_pkt_sync(pkt);
	return 0;
}

NET_PKT_HELPER(xdp_get_buff_len)
{
	return vm_pkt_len(pkt);
}

/* 0, or why [off, off + len) cannot be reached. */
static int xdp_reach(const struct vm_pkt *pkt, u32 off, u32 len)
{
	if (off > 0xffff || len > 0xffff)
		return -EFAULT;
	return in_bounds(off, len, vm_pkt_linear(pkt)) ? 0 : -EINVAL;
}

NET_PKT_HELPER(xdp_load_bytes)
{
	int err = xdp_reach(pkt, r2, r4);

	if (!err)
		memmove(net_ptr(r3), pkt->data + (u32)r2, (u32)r4);
	return err;
}

NET_PKT_HELPER(xdp_store_bytes)
{
	int err = xdp_reach(pkt, r2, r4);

	if (!err)
		memmove(pkt->data + (u32)r2, net_ptr(r3), (u32)r4);
	return err;
}
