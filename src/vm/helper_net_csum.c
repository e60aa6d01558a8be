/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Checksums (RFC 1071, 1624). A wide sum is 32 bits of ones' complement, as the kernel's __wsum:
 * end-around carry at bit 32, folded to 16 bits at the end. Which of the many equal representations
 * of a sum comes out is visible to programs (bpf_csum_diff), so folding follows Linux: sums are
 * built in 64 bits and folded once.
 */
#include "vm/helper_net.h"

enum { CSUM_NONE, CSUM_UNNECESSARY, CSUM_COMPLETE, CSUM_PARTIAL };
#define CSUM_MAX_LEVEL 3

u32 net_csum_add(u32 a, u32 b)
{
	u32 sum = a + b;

	return sum + (sum < b);
}

static u32 csum_sub(u32 a, u32 b)
{
	return net_csum_add(a, ~b);
}

/* Sixteen-bit words in memory order, an odd byte as the first half of a word. */
u32 net_csum_partial(const void *p, size_t len, u32 sum)
{
	const u8 *b = p;
	u64 acc = sum;

	for (; len >= 4; b += 4, len -= 4) {
		u32 v;

		memcpy(&v, b, 4);
		acc += v;
	}
	if (len) {
		u32 v = 0;

		memcpy(&v, b, len);
		acc += v;
	}
	acc = (acc >> 32) + (u32)acc;
	acc = (acc >> 32) + (u32)acc;
	return acc;
}

u16 net_csum_fold(u32 sum)
{
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return ~sum;
}

static u32 block(const void *p, size_t len, u32 off)
{
	u32 sum = net_csum_partial(p, len, 0);

	return off & 1 ? sum >> 8 | sum << 24 : sum;
}

/* Bytes at off leave or enter what CHECKSUM_COMPLETE covers. */
void net_csum_pulled(struct vm_pkt *pkt, const void *p, size_t len, u32 off)
{
	if (pkt->ip_summed == CSUM_COMPLETE)
		pkt->csum = csum_sub(pkt->csum, block(p, len, off));
}

void net_csum_pushed(struct vm_pkt *pkt, const void *p, size_t len, u32 off)
{
	if (pkt->ip_summed == CSUM_COMPLETE)
		pkt->csum = net_csum_add(pkt->csum, block(p, len, off));
}

void net_csum_reset_unnecessary(struct vm_pkt *pkt)
{
	if (pkt->ip_summed != CSUM_UNNECESSARY)
		return;
	pkt->ip_summed = CSUM_NONE;
	pkt->csum_level = 0;
}

/* --- replacing in a header ------------------------------------------------------------------ */

static u16 get16(const u8 *p)
{
	u16 v;

	memcpy(&v, p, 2);
	return v;
}

static void put16(u8 *p, u16 v)
{
	memcpy(p, &v, 2);
}

static void replace2(u8 *p, u16 from, u16 to) /* RFC 1624, eqn. 3 */
{
	u32 sum = (u16)~get16(p);

	sum += (u16)~from;
	sum = (sum & 0xffff) + (sum >> 16);
	sum += to;
	sum = (sum & 0xffff) + (sum >> 16);
	put16(p, ~sum);
}

static void replace_diff(u8 *p, u32 diff)
{
	put16(p, net_csum_fold(net_csum_add(diff, (u16)~get16(p) & 0xffff)));
}

static void replace4(u8 *p, u32 from, u32 to)
{
	u32 sum = csum_sub((u32)(u16)~get16(p), from);

	put16(p, net_csum_fold(net_csum_add(sum, to)));
}

NET_PKT_HELPER(l3_csum_replace)
{
	u32 off = r2;
	u64 flags = r5;
	u8 *p = pkt->data + off;

	if (flags & ~(u64)BPF_F_HDR_FIELD_MASK)
		return -EINVAL;
	if (off > 0xffff || (off & 1) || !net_writable(pkt, off + 2))
		return -EFAULT;
	switch (flags) {
	case 0:
		if (r3)
			return -EINVAL;
		replace_diff(p, r4);
		return 0;
	case 2:
		replace2(p, r3, r4);
		return 0;
	case 4:
		replace4(p, r3, r4);
		return 0;
	}
	return -EINVAL;
}

#ifndef BPF_F_IPV6
#define BPF_F_IPV6 (1ULL << 7) /* Linux 6.16 */
#endif

/* What the stack's sum over everything becomes when a pseudo header changes it. */
static void complete_add(struct vm_pkt *pkt, u32 diff, bool pseudo)
{
	if (pseudo && pkt->ip_summed == CSUM_COMPLETE)
		pkt->csum = ~net_csum_add(diff, ~pkt->csum);
}

static int l4_replace(struct vm_pkt *pkt, u8 *p, u32 from, u32 to, u64 flags)
{
	bool pseudo = flags & BPF_F_PSEUDO_HDR;

	switch (flags & BPF_F_HDR_FIELD_MASK) {
	case 0:
		if (from)
			return -EINVAL;
		replace_diff(p, to);
		if (!(flags & BPF_F_IPV6))
			complete_add(pkt, to, pseudo);
		return 0;
	case 2:
		replace4(p, (u16)from, (u16)to);
		complete_add(pkt, net_csum_add(~(u32)(u16)from, (u16)to), pseudo);
		return 0;
	case 4:
		replace4(p, from, to);
		complete_add(pkt, net_csum_add(~from, to), pseudo);
		return 0;
	}
	return -EINVAL;
}

NET_PKT_HELPER(l4_csum_replace)
{
	u32 off = r2;
	u64 flags = r5;
	u8 *p = pkt->data + off;
	int err;

	if (flags & ~(u64)(BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | BPF_F_PSEUDO_HDR |
			   BPF_F_HDR_FIELD_MASK | BPF_F_IPV6))
		return -EINVAL;
	if (off > 0xffff || (off & 1) || !net_writable(pkt, off + 2))
		return -EFAULT;
	if ((flags & BPF_F_MARK_MANGLED_0) && !(flags & BPF_F_MARK_ENFORCE) && !get16(p))
		return 0;
	if (!(flags & BPF_F_HDR_FIELD_MASK) && r3)
		return -EINVAL;
	err = l4_replace(pkt, p, r3, r4, flags);
	if (!err && (flags & BPF_F_MARK_MANGLED_0) && !get16(p))
		put16(p, 0xffff);
	return err;
}

/* --- sums for programs ---------------------------------------------------------------------- */

static u32 from32to16(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

NET_HELPER(csum_diff)
{
	const void *from = net_ptr(r1), *to = net_ptr(r3);
	u32 from_size = r2, to_size = r4, seed = r5, sum = seed;

	if (from_size && to_size)
		sum = csum_sub(net_csum_partial(to, to_size, seed),
			       net_csum_partial(from, from_size, 0));
	else if (to_size)
		sum = net_csum_partial(to, to_size, seed);
	else if (from_size)
		sum = ~net_csum_partial(from, from_size, ~seed);
	return from32to16(sum);
}

NET_PKT_HELPER(csum_update)
{
	if (pkt->ip_summed != CSUM_COMPLETE)
		return -ENOTSUPP;
	pkt->csum = net_csum_add(pkt->csum, r2);
	return pkt->csum;
}

static void level_inc(struct vm_pkt *pkt)
{
	if (pkt->ip_summed == CSUM_UNNECESSARY) {
		if (pkt->csum_level < CSUM_MAX_LEVEL)
			pkt->csum_level++;
	} else if (pkt->ip_summed == CSUM_NONE) {
		pkt->ip_summed = CSUM_UNNECESSARY;
		pkt->csum_level = 0;
	}
}

static void level_dec(struct vm_pkt *pkt)
{
	if (pkt->ip_summed != CSUM_UNNECESSARY)
		return;
	if (pkt->csum_level)
		pkt->csum_level--;
	else
		pkt->ip_summed = CSUM_NONE;
}

NET_PKT_HELPER(csum_level)
{
	switch (r2) {
	case BPF_CSUM_LEVEL_INC:
		level_inc(pkt);
		return 0;
	case BPF_CSUM_LEVEL_DEC:
		level_dec(pkt);
		return 0;
	case BPF_CSUM_LEVEL_RESET:
		net_csum_reset_unnecessary(pkt);
		return 0;
	case BPF_CSUM_LEVEL_QUERY:
		return pkt->ip_summed == CSUM_UNNECESSARY ? pkt->csum_level : -EACCES;
	}
	return -EINVAL;
}
