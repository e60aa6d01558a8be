/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A packet that programs look at: the user engine's xdp_buff and sk_buff in one.
 *
 *        head        meta    data                    tail            hard_end      end
 *         |  headroom |  meta |  what programs see    |  may grow to   |            |
 *
 * Programs see real addresses, but xdp_md and __sk_buff have room for 32 bits only, so the buffer
 * lies below 4 GiB. It is one linear piece: what Linux keeps in fragments is here too, only what
 * the capture cut off (`missing` bytes behind tail) is not, and reading it fails as reading
 * unreadable fragments does.
 *
 * Who knows what: bounds and header positions are this struct's, and vm_pkt_sync writes them to the
 * context and to env->mem after every change. Fields that programs may write (mark, priority, cb,
 * tstamp, tc_index, tc_classid, queue_mapping) live in the context alone. A helper never believes a
 * bound that stands in the context.
 */
#ifndef VM_PKT_H
#define VM_PKT_H

#include "base/diag.h"
#include "vm/vm.h"

#define VM_PKT_HEADROOM 20480              /* below 64 KiB; XDP programs may use the last 256 */
#define VM_PKT_MAX_LEN  (256 * 1024)       /* the largest packet that libpcap itself reads */
#define VM_PKT_TAILROOM (16 * 1024 + 4096) /* what sk_buffs may grow by: SKB_MAX_ALLOC */
#define VM_XDP_HEADROOM 256                /* XDP_PACKET_HEADROOM */
#define VM_XDP_FRAME    40  /* sizeof(struct xdp_frame): data may not reach into it */
#define VM_XDP_SHINFO   320 /* struct skb_shared_info at the end of an XDP frame */

enum vm_pkt_kind {
	VM_PKT_XDP, /* ctx is a struct xdp_md */
	VM_PKT_SKB, /* ctx is a struct __sk_buff */
};

/* Where a packet goes instead of on: set by the redirect helpers. */
enum vm_redirect_kind {
	VM_REDIRECT_NONE,
	VM_REDIRECT_IFINDEX, /* target: ifindex */
	VM_REDIRECT_PEER,    /* target: ifindex, of which the peer receives */
	VM_REDIRECT_NEIGH,   /* target: ifindex, through the neighbour table */
	VM_REDIRECT_MAP,     /* target: what the map says for key (ifindex, CPU, queue) */
	VM_REDIRECT_MAP_ALL, /* BPF_F_BROADCAST: to all of a devmap */
	VM_REDIRECT_SOCK,    /* target: entry of a sockmap */
};

struct vm_redirect {
	enum vm_redirect_kind kind;
	struct map *map; /* of VM_REDIRECT_MAP*, SOCK; borrowed */
	u64 key;         /* its index or hash key (first 8 bytes) */
	u64 target;
	u64 flags;
	bool failed; /* nothing stands at that key: the verdict becomes a drop */
};

/* What bpf_skb_set_tunnel_key and _opt left with the packet. */
#define VM_TUNINFO_FLAGS (1ULL << 4) /* BPF_F_TUNINFO_FLAGS, Linux 6.0 */
#define VM_NO_TUNNEL_KEY (1ULL << 4) /* BPF_F_NO_TUNNEL_KEY, Linux 6.2 */
struct vm_tunnel {
	bool set, is_v6;
	struct bpf_tunnel_key key;
	u16 flags;
	u8 opt_len;
	u8 opt[252]; /* IP_TUNNEL_OPTS_MAX in whole words */
};

struct vm_pkt;
struct vm_net; /* net.h: what stands around packets: interfaces, routes */

/* A copy that leaves at once (bpf_clone_redirect). */
typedef void (*vm_clone_fn)(void *ctx, const struct vm_pkt *pkt, u32 ifindex, u64 flags);

struct vm_pkt {
	enum vm_pkt_kind kind;
	u32 prog_type; /* of the program that looks at it: what helpers allow depends on it */
	u32 attach_type;
	bool may_write; /* programs may write the packet directly */

	u8 *head, *end; /* the buffer */
	u8 *hard_end;   /* how far the packet may grow */
	u8 *xdp_start;  /* XDP: the frame; data may not begin before it + VM_XDP_FRAME */
	u8 *meta, *data, *tail;
	u32 missing; /* length behind tail that the capture cut off */

	/* sk_buff: offsets from head, so that they survive moves; -1: not set */
	s32 mac, net, trans;
	u16 mac_len;
	u16 protocol, vlan_proto; /* in network order, as the kernel keeps them */
	u16 vlan_tci;
	bool vlan_present;
	u8 pkt_type; /* PACKET_HOST, … */
	u32 hash;
	bool hash_valid;
	u8 ip_summed; /* CHECKSUM_NONE 0, UNNECESSARY 1, COMPLETE 2, PARTIAL 3 */
	u8 csum_level;
	bool encap;  /* skb->encapsulation */
	bool no_skb; /* a flow dissector without an sk_buff: nothing can be loaded from it */
	u32 csum;    /* of CHECKSUM_COMPLETE, folded to 32 bits */
	u32 gso_size, gso_segs, gso_type;
	u32 ifindex, rx_ifindex;
	u32 mtu;
	struct bpf_sock *sk;        /* what ctx->sk points to; NULL: none */
	struct bpf_flow_keys *flow; /* flow dissectors only */
	struct vm_tunnel tunnel;

	struct vm_redirect redirect;
	const struct vm_net *world;
	vm_clone_fn clone;
	void *clone_ctx;

	void *kobj;         /* the model's sk_buff or xdp_buff of it; NULL: none */
	void *ctx;          /* struct xdp_md or struct __sk_buff */
	struct vm_env *env; /* whose mem[mem_slot] is the packet */
	u32 mem_slot;
};

/* A buffer below 4 GiB. */
int vm_pkt_new(struct vm_pkt **ret, struct skep_diag *diag);
struct vm_pkt *vm_pkt_free(struct vm_pkt *pkt); /* NULL is fine; returns NULL */

/* Put bytes in: everything that was known about the packet before is forgotten. -EMSGSIZE. */
int vm_pkt_set(struct vm_pkt *pkt, enum vm_pkt_kind kind, const void *bytes, u32 len, u32 wire_len);

/* Let a run see it: ctx and a slot of env->mem are filled, now and after every change. */
void vm_pkt_bind(struct vm_pkt *pkt, struct vm_env *env, void *ctx);
void vm_pkt_sync(struct vm_pkt *pkt);

static inline u32 vm_pkt_linear(const struct vm_pkt *pkt)
{
	return pkt->tail - pkt->data;
}

static inline u32 vm_pkt_len(const struct vm_pkt *pkt) /* with what the capture cut off */
{
	return vm_pkt_linear(pkt) + pkt->missing;
}

/*
 * BPF_LD_ABS and BPF_LD_IND: a big-endian number of 1, 2 or 4 bytes at off, which may be negative
 * as SKF_NET_OFF + x and SKF_LL_OFF + x. 0, or -EFAULT: the program then ends with 0. pkt may be
 * NULL.
 */
int vm_pkt_load(const struct vm_pkt *pkt, s32 off, u32 size, u64 *ret);

/* len bytes at off (from data) for reading; NULL where they are not all there. */
const u8 *vm_pkt_at(const struct vm_pkt *pkt, u32 off, u32 len);

/* Move data by delta with all bytes before it kept: < 0 makes room in front. -ENOMEM: no room. */
int vm_pkt_push(struct vm_pkt *pkt, u32 len);
int vm_pkt_pull(struct vm_pkt *pkt, u32 len);

/* VLAN: the outermost tag leaves the packet, as at reception. Data must stand at the link-layer
 * header. 0 or -ENOMEM. */
int vm_pkt_untag(struct vm_pkt *pkt);

#endif
