/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The buffer of a packet below 4 GiB, and its two ways out: the context (vm_pkt_sync) and the
 * loads of classic BPF (vm_pkt_load). Invariant: head <= meta <= data <= tail <= hard_end <= end.
 */
#include "vm/pkt.h"
#include "base/mem.h"
#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/mman.h>

#define BUF_SIZE (VM_PKT_HEADROOM + VM_PKT_MAX_LEN + VM_PKT_TAILROOM)

/*
 * Addresses to try, one per step. The range stays below the 2 GiB where sanitizers put their
 * shadow, and above what a kernel reserves (vm.mmap_min_addr) or a fixed program image uses.
 */
#define LOW_FIRST 0x10000000UL
#define LOW_LAST  0x70000000UL
#define LOW_STEP  0x00100000UL

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static void *low_alloc(size_t size)
{
	for (uintptr_t at = LOW_FIRST; at < LOW_LAST; at += LOW_STEP) {
		void *p = mmap((void *)at, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (p == (void *)at)
			return p;
		if (p != MAP_FAILED) /* an old kernel took the address for a hint */
			munmap(p, size);
	}
	return NULL;
}

int vm_pkt_new(struct vm_pkt **ret, struct skep_diag *diag)
{
	struct vm_pkt *pkt = mem_zalloc(sizeof(*pkt));

	if (!pkt)
		return diag_nomem(diag);
	pkt->head = low_alloc(BUF_SIZE);
	if (!pkt->head) {
		mem_free(pkt);
		return diag_set(diag, -ENOMEM,
				"no memory below 4 GiB for packets: "
				"contexts hold their addresses in 32 bits");
	}
	pkt->end = pkt->head + BUF_SIZE;
	vm_pkt_set(pkt, VM_PKT_SKB, NULL, 0, 0);
	*ret = pkt;
	return 0;
}

struct vm_pkt *vm_pkt_free(struct vm_pkt *pkt)
{
	if (pkt)
		munmap(pkt->head, BUF_SIZE);
	mem_free(pkt);
	return NULL;
}

/* As test runs and drivers lay out a frame: whole pages, the last 320 bytes are not the packet's.
 */
static u8 *xdp_hard_end(const u8 *start, u32 len)
{
	u32 frame = align_up(VM_XDP_HEADROOM + len + VM_XDP_SHINFO, 4096);

	return (u8 *)start + frame - VM_XDP_SHINFO;
}

int vm_pkt_set(struct vm_pkt *pkt, enum vm_pkt_kind kind, const void *bytes, u32 len, u32 wire_len)
{
	u8 *head = pkt->head, *end = pkt->end;

	if (len > VM_PKT_MAX_LEN)
		return -EMSGSIZE;
	memset(pkt, 0, sizeof(*pkt));
	pkt->kind = kind;
	pkt->head = head;
	pkt->end = end;
	pkt->data = pkt->meta = head + VM_PKT_HEADROOM;
	pkt->tail = pkt->data + len;
	pkt->xdp_start = pkt->data - VM_XDP_HEADROOM;
	pkt->hard_end = kind == VM_PKT_XDP ? xdp_hard_end(pkt->xdp_start, len) : end;
	pkt->missing = wire_len > len ? wire_len - len : 0;
	pkt->mac = pkt->net = pkt->trans = -1;
	/* XDP programs may move into the headroom without writing it; all else clears what it adds.
	 */
	memset(pkt->xdp_start, 0, VM_XDP_HEADROOM);
	if (len)
		memcpy(pkt->data, bytes, len);
	return 0;
}

void vm_pkt_bind(struct vm_pkt *pkt, struct vm_env *env, void *ctx)
{
	pkt->env = env;
	pkt->ctx = ctx;
	pkt->mem_slot = env->nr_mem;
	if (env->nr_mem < ARRAY_SIZE(env->mem))
		env->nr_mem++;
	env->pkt = pkt;
	vm_pkt_sync(pkt);
}

static u32 low32(const void *p)
{
	return (uintptr_t)p;
}

static void sync_skb(const struct vm_pkt *pkt, struct __sk_buff *skb)
{
	skb->len = vm_pkt_len(pkt);
	skb->pkt_type = pkt->pkt_type;
	skb->protocol = pkt->protocol;
	skb->vlan_present = pkt->vlan_present;
	skb->vlan_tci = pkt->vlan_tci;
	skb->vlan_proto = pkt->vlan_proto;
	skb->ifindex = pkt->ifindex;
	skb->ingress_ifindex = pkt->rx_ifindex;
	skb->hash = pkt->hash;
	skb->data_meta = low32(pkt->meta);
	skb->data = low32(pkt->data);
	skb->data_end = low32(pkt->tail);
	skb->gso_size = pkt->gso_size;
	skb->gso_segs = pkt->gso_segs;
	skb->sk = pkt->sk;
	skb->flow_keys = pkt->flow;
}

static void sync_xdp(const struct vm_pkt *pkt, struct xdp_md *md)
{
	md->data = low32(pkt->data);
	md->data_end = low32(pkt->tail);
	md->data_meta = low32(pkt->meta);
	md->ingress_ifindex = pkt->ifindex;
}

void vm_pkt_sync(struct vm_pkt *pkt)
{
	if (pkt->ctx && pkt->kind == VM_PKT_SKB)
		sync_skb(pkt, pkt->ctx);
	if (pkt->ctx && pkt->kind == VM_PKT_XDP)
		sync_xdp(pkt, pkt->ctx);
	if (!pkt->env || pkt->mem_slot >= ARRAY_SIZE(pkt->env->mem))
		return;
	pkt->env->mem[pkt->mem_slot] = (struct vm_mem){
		.name = "packet",
		.base = (uintptr_t)pkt->meta,
		.size = pkt->tail - pkt->meta,
		.flags = VM_MEM_READ | (pkt->may_write ? VM_MEM_WRITE : 0),
	};
}

/* The position that a classic offset means, as bytes from head; -1: none. */
static s64 load_base(const struct vm_pkt *pkt, s32 off)
{
	if (off >= 0)
		return pkt->data - pkt->head + (s64)off;
	if (off >= SKF_NET_OFF)
		return pkt->net < 0 ? -1 : pkt->net + ((s64)off - SKF_NET_OFF);
	if (off >= SKF_LL_OFF)
		return pkt->mac < 0 ? -1 : pkt->mac + ((s64)off - SKF_LL_OFF);
	return -1;
}

int vm_pkt_load(const struct vm_pkt *pkt, s32 off, u32 size, u64 *ret)
{
	s64 at = pkt ? load_base(pkt, off) : -1;
	u64 value = 0;

	if (at < 0 || !in_bounds(at, size, pkt->tail - pkt->head))
		return -EFAULT;
	for (u32 i = 0; i < size; i++)
		value = value << 8 | pkt->head[at + i];
	*ret = value;
	return 0;
}

const u8 *vm_pkt_at(const struct vm_pkt *pkt, u32 off, u32 len)
{
	return in_bounds(off, len, vm_pkt_linear(pkt)) ? pkt->data + off : NULL;
}

int vm_pkt_push(struct vm_pkt *pkt, u32 len)
{
	if (pkt->data < pkt->head || len > (size_t)(pkt->data - pkt->head))
		return -ENOMEM;
	pkt->data -= len;
	pkt->meta = pkt->data;
	return 0;
}

int vm_pkt_pull(struct vm_pkt *pkt, u32 len)
{
	if (len > vm_pkt_linear(pkt))
		return -ENOMEM;
	pkt->data += len;
	pkt->meta = pkt->data;
	return 0;
}
