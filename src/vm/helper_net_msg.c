/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers of sk_msg programs: the message lies in the packet buffer, the context is a sk_msg_md
 * whose data and data_end are pointers into it.
 */
#include "vm/helper_net.h"

static struct sk_msg_md *msg_of(struct vm_run *run)
{
	return run->ctx_size >= sizeof(struct sk_msg_md) ? run->ctx : NULL;
}

static void show(struct sk_msg_md *md, const struct vm_pkt *pkt, u8 *from, u8 *to)
{
	if (!md)
		return;
	md->data = from;
	md->data_end = to;
	md->size = vm_pkt_linear(pkt);
}

NET_HELPER(msg_apply_bytes)
{
	return 0;
}

NET_HELPER(msg_cork_bytes)
{
	return 0;
}

NET_PKT_HELPER(msg_pull_data)
{
	u32 start = r2, end = r3;

	if (r4 || end <= start || end > vm_pkt_linear(pkt))
		return -EINVAL;
	show(msg_of(run), pkt, pkt->data + start, pkt->data + end);
	return 0;
}

NET_PKT_HELPER(msg_push_data)
{
	u32 start = r2, len = r3, size = vm_pkt_linear(pkt);

	if (r4)
		return -EINVAL;
	if (!len)
		return 0;
	if (start > size)
		return -EINVAL;
	if (len > (size_t)(pkt->hard_end - pkt->tail))
		return -ENOMEM;
	memmove(pkt->data + start + len, pkt->data + start, size - start);
	memset(pkt->data + start, 0, len);
	pkt->tail += len;
	vm_pkt_sync(pkt);
	/* Linux shows the first piece only: what was in front, or what is new */
	show(msg_of(run), pkt, pkt->data, pkt->data + (start ? start : len));
	return 0;
}

NET_PKT_HELPER(msg_pop_data)
{
	u32 start = r2, len = r3, size = vm_pkt_linear(pkt);

	if (r4)
		return -EINVAL;
	if (!len)
		return 0;
	if (start >= size || len > size - start)
		return -EINVAL;
	memmove(pkt->data + start, pkt->data + start + len, size - start - len);
	pkt->tail -= len;
	vm_pkt_sync(pkt);
	show(msg_of(run), pkt, pkt->data, pkt->tail);
	return 0;
}
