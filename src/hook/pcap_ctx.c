/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * From a frame to a context and back. One frame stays in one buffer on its whole way; what changes
 * from place to place is where data begins, which header positions are set, and what stands around
 * it. The rules are those of netif_receive_skb and dev_queue_xmit: after XDP the outermost VLAN tag
 * goes beside the packet, ingress programs see pkt_type and ingress_ifindex, layer-3 programs begin
 * at the network header with the link-layer header still in front.
 */
#include "base/mem.h"
#include "hook/pcap.h"
#include "spec/uapi.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#define IFINDEX 1
#define MACS    12
#define OUT_MAX (VM_PKT_HEADROOM + VM_PKT_MAX_LEN + VM_PKT_TAILROOM + 4)

static u64 clock_now(struct vm_env *env, int clockid)
{
	struct pcap_ctx *c = env->hook;

	return c->now;
}

static long read_kernel(struct vm_env *env, void *dst, size_t size, u64 addr)
{
	struct pcap_ctx *c = env->hook;

	for (u32 i = 0; i < env->nr_mem; i++) {
		const struct vm_mem *m = &env->mem[i];

		if (addr >= m->base && in_bounds(addr - m->base, size, m->size)) {
			memcpy(dst, (void *)(uintptr_t)addr, size);
			return 0;
		}
	}
	return c->model ? model_read(c->model, dst, size, addr) : -EFAULT;
}

int pcap_ctx_init(struct pcap_ctx *c, const struct vm_net *net, struct model *model,
		  struct skep_diag *diag)
{
	memset(c, 0, sizeof(*c));
	c->net = net;
	c->model = model;
	c->world.clock = clock_now;
	c->world.read_kernel = read_kernel;
	c->buf = mem_alloc(OUT_MAX);
	if (!c->buf)
		return diag_nomem(diag);
	return vm_pkt_new(&c->pkt, diag);
}

void pcap_ctx_done(struct pcap_ctx *c)
{
	c->pkt = vm_pkt_free(c->pkt);
	mem_free(c->buf);
	c->buf = NULL;
}

void pcap_ctx_frame(struct pcap_ctx *c, const struct pcap_frame *frame)
{
	struct vm_pkt *pkt = c->pkt;

	vm_pkt_set(pkt, VM_PKT_XDP, frame->data, frame->caplen, frame->len);
	memset(&c->skb, 0, sizeof(c->skb));
	memset(&c->xdp, 0, sizeof(c->xdp));
	memset(c->l2, 0, sizeof(c->l2));
	pkt->pkt_type = frame->pkt_type;
	pkt->world = c->net;
	pkt->ifindex = IFINDEX;
	pkt->mtu = c->net->mtu;
	/* Time goes forward, and a program may keep what it saw: never back, as a real clock. */
	c->now = max_u64(c->now, frame->ns);
	c->skb.tstamp = frame->ns;
	c->is_skb = false;
}

/* --- after XDP ------------------------------------------------------------------------------ */

/* What eth_type_trans takes for the protocol. */
static u16 eth_protocol(const struct vm_pkt *pkt)
{
	u16 type, first;

	memcpy(&type, pkt->data + 12, 2);
	if (ntohs(type) >= 0x600)
		return type;
	if (vm_pkt_linear(pkt) < 16)
		return htons(4);
	memcpy(&first, pkt->data + 14, 2);
	return htons(first == 0xffff ? 1 : 4); /* ETH_P_802_3, ETH_P_802_2 */
}

bool pcap_ctx_make_skb(struct pcap_ctx *c)
{
	struct vm_pkt *pkt = c->pkt;

	if (vm_pkt_linear(pkt) < PCAP_ETH_HLEN)
		return false;
	pkt->kind = VM_PKT_SKB;
	pkt->hard_end = pkt->end;
	pkt->protocol = eth_protocol(pkt);
	pkt->mac = pkt->data - pkt->head;
	pkt->net = pkt->mac + PCAP_ETH_HLEN;
	pkt->mac_len = PCAP_ETH_HLEN;
	c->is_skb = true;
	memcpy(c->l2, pkt->head + pkt->mac, sizeof(c->l2));
	return true;
}

static bool receive(struct pcap_ctx *c)
{
	struct vm_pkt *pkt = c->pkt;

	if (!pcap_ctx_make_skb(c) || vm_pkt_untag(pkt))
		return false;
	pkt->trans = pkt->net;
	memcpy(c->l2, pkt->head + pkt->mac, sizeof(c->l2));
	return true;
}

/* Where the transport header of an IP packet is, as the send path knows it. */
static void find_transport(struct vm_pkt *pkt)
{
	const u8 *ip = pkt->head + pkt->net;
	s64 left = pkt->tail - ip;

	if (pkt->protocol == htons(0x0800) && left >= 20)
		pkt->trans = pkt->net + (ip[0] & 15) * 4;
	if (pkt->protocol == htons(0x86dd) && left >= 40)
		pkt->trans = pkt->net + 40;
	if (pkt->trans > pkt->tail - pkt->head)
		pkt->trans = pkt->net;
}

/* Data to the link-layer header; one that a program's encapsulation overwrote is put back. */
static bool to_l2(struct pcap_ctx *c)
{
	struct vm_pkt *pkt = c->pkt;
	s32 data = pkt->data - pkt->head;

	if (pkt->mac >= 0 && pkt->mac <= pkt->net && pkt->mac <= data) {
		pkt->data = pkt->head + pkt->mac;
		if (pkt->meta > pkt->data)
			pkt->meta = pkt->data;
		return true;
	}
	if (pkt->net < 0 || pkt->net > pkt->tail - pkt->head)
		return false;
	pkt->data = pkt->head + pkt->net;
	if (vm_pkt_push(pkt, PCAP_ETH_HLEN))
		return false;
	memcpy(pkt->data, c->l2, PCAP_ETH_HLEN);
	memcpy(pkt->data + 12, &pkt->protocol, 2);
	pkt->mac = pkt->net - PCAP_ETH_HLEN;
	return true;
}

/* --- sockets -------------------------------------------------------------------------------- */

struct tuple {
	u8 family, proto;
	u8 src[16], dst[16];
	u16 sport, dport; /* network order */
};

static void get_tuple(const struct vm_pkt *pkt, struct tuple *t)
{
	const u8 *ip = pkt->head + pkt->net, *l4;
	s64 left = pkt->tail - ip;
	bool v4 = pkt->protocol == htons(0x0800);

	memset(t, 0, sizeof(*t));
	if ((!v4 || left < 20) && (pkt->protocol != htons(0x86dd) || left < 40))
		return;
	t->family = v4 ? AF_INET : AF_INET6;
	t->proto = ip[v4 ? 9 : 6];
	memcpy(t->src, ip + (v4 ? 12 : 8), v4 ? 4 : 16);
	memcpy(t->dst, ip + (v4 ? 16 : 24), v4 ? 4 : 16);
	l4 = ip + (v4 ? (ip[0] & 15) * 4 : 40);
	if (pkt->tail - l4 < 4 || (t->proto != IPPROTO_TCP && t->proto != IPPROTO_UDP))
		return;
	memcpy(&t->sport, l4, 2);
	memcpy(&t->dport, l4 + 2, 2);
}

static u32 sock_type(u8 proto)
{
	return proto == IPPROTO_TCP ? SOCK_STREAM : proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_RAW;
}

/* The socket that this end of the flow has: local is the receiver, or the sender on the way out. */
static void make_sock(struct pcap_ctx *c, bool egress)
{
	const struct tuple *local;
	struct tuple t, r;

	get_tuple(c->pkt, &t);
	r = t;
	memcpy(r.src, t.dst, 16);
	memcpy(r.dst, t.src, 16);
	r.sport = t.dport;
	r.dport = t.sport;
	local = egress ? &t : &r;
	memset(&c->sk, 0, sizeof(c->sk));
	c->sk.family = local->family;
	c->sk.type = sock_type(local->proto);
	c->sk.protocol = local->proto;
	if (local->family == AF_INET6) {
		memcpy(c->sk.src_ip6, local->src, 16);
		memcpy(c->sk.dst_ip6, local->dst, 16);
	} else {
		memcpy(&c->sk.src_ip4, local->src, 4);
		memcpy(&c->sk.dst_ip4, local->dst, 4);
	}
	c->sk.src_port = ntohs(local->sport);
	c->sk.dst_port = local->dport;
	c->sk.state = 1; /* TCP_ESTABLISHED, which UDP sockets use too */
	c->sk.rx_queue_mapping = -1;
	c->pkt->sk = &c->sk;
}

static void sock_fields(struct pcap_ctx *c)
{
	struct __sk_buff *skb = &c->skb;

	skb->family = c->sk.family;
	skb->remote_ip4 = c->sk.dst_ip4;
	skb->local_ip4 = c->sk.src_ip4;
	memcpy(skb->remote_ip6, c->sk.dst_ip6, 16);
	memcpy(skb->local_ip6, c->sk.src_ip6, 16);
	skb->remote_port = (u32)c->sk.dst_port << 16; /* as the kernel's rewriting gives it */
	skb->local_port = c->sk.src_port;
}

void pcap_ctx_sock(struct pcap_ctx *c, const struct pcap_kind *kind)
{
	make_sock(c, kind->flags & PCAP_EGRESS);
	sock_fields(c);
}

#define TCP_CLOSE_STATE 7

/* That of a test run in Linux: made for it, with the packet's addresses, and nothing else set. */
void pcap_ctx_test_sock(struct pcap_ctx *c)
{
	make_sock(c, true);
	c->sk.type = c->sk.protocol = 0;
	c->sk.src_port = c->sk.dst_port = 0;
	c->sk.state = TCP_CLOSE_STATE;
	sock_fields(c);
}

/* --- places --------------------------------------------------------------------------------- */

void pcap_ctx_flow(struct pcap_ctx *c)
{
	struct vm_pkt *pkt = c->pkt;

	memset(&c->flow, 0, sizeof(c->flow));
	c->flow.nhoff = c->flow.thoff = pkt->net - pkt->mac;
	c->flow.n_proto = pkt->protocol;
	pkt->flow = &c->flow;
}

/* The socket that is looked for: of the first packet of a connection, or of any datagram. */
static void make_lookup(struct pcap_ctx *c)
{
	struct bpf_sk_lookup *l = &c->lookup;
	struct tuple t;

	get_tuple(c->pkt, &t);
	memset(l, 0, sizeof(*l));
	l->family = t.family;
	l->protocol = t.proto;
	if (t.family == AF_INET) {
		memcpy(&l->remote_ip4, t.src, 4);
		memcpy(&l->local_ip4, t.dst, 4);
	} else {
		memcpy(l->remote_ip6, t.src, 16);
		memcpy(l->local_ip6, t.dst, 16);
	}
	l->remote_port = t.sport;
	l->local_port = ntohs(t.dport);
	l->ingress_ifindex = IFINDEX;
}

#define TCP_SYN 2
#define TCP_ACK 16

static bool starts_flow(const struct pcap_ctx *c)
{
	const struct vm_pkt *pkt = c->pkt;
	const u8 *ip = pkt->head + pkt->net, *tcp;

	if (c->lookup.protocol == IPPROTO_UDP)
		return c->lookup.local_port;
	tcp = ip + (c->lookup.family == AF_INET ? (ip[0] & 15) * 4 : 40);
	return c->lookup.protocol == IPPROTO_TCP && c->lookup.local_port && pkt->tail - tcp > 13 &&
	       (tcp[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

bool pcap_ctx_concerns(const struct pcap_ctx *c, const struct pcap_kind *kind)
{
	u16 proto = ntohs(c->pkt->protocol);

	if ((kind->flags & PCAP_IP) && proto != 0x0800 && proto != 0x86dd)
		return false;
	return !(kind->flags & PCAP_LOOKUP) || starts_flow(c);
}

bool pcap_ctx_enter(struct pcap_ctx *c, const struct pcap_kind *kind)
{
	struct vm_pkt *pkt = c->pkt;
	bool egress = kind->flags & PCAP_EGRESS;

	pkt->may_write = kind->flags & PCAP_WRITE;
	pkt->sk = NULL;
	pkt->flow = NULL;
	if (kind->prog_type == SPEC_PROG_XDP)
		return true;
	if (!c->is_skb && !receive(c))
		return false;
	if (!to_l2(c))
		return false;
	pkt->rx_ifindex = egress ? 0 : IFINDEX;
	if (egress)
		find_transport(pkt);
	if (kind->flags & PCAP_L3) {
		if (pkt->net > pkt->tail - pkt->head)
			return false;
		pkt->data = pkt->meta = pkt->head + pkt->net;
	}
	if (kind->flags & PCAP_SOCK)
		pcap_ctx_sock(c, kind);
	if (kind->flags & PCAP_FLOW)
		pcap_ctx_flow(c);
	if (kind->flags & PCAP_LOOKUP)
		make_lookup(c);
	c->skb.wire_len = vm_pkt_len(pkt);
	return true;
}

/* A copy with the outermost VLAN tag in its place, as a packet socket would show it. */
static void tagged_copy(struct pcap_ctx *c, struct pcap_frame *ret)
{
	const struct vm_pkt *pkt = c->pkt;
	u32 len = vm_pkt_linear(pkt);
	u16 tci = htons(pkt->vlan_tci);

	memcpy(c->buf, pkt->data, MACS);
	memcpy(c->buf + MACS, &pkt->vlan_proto, 2);
	memcpy(c->buf + MACS + 2, &tci, 2);
	memcpy(c->buf + MACS + 4, pkt->data + MACS, len - MACS);
	ret->data = c->buf;
	ret->caplen += 4;
	ret->len += 4;
}

bool pcap_ctx_leave(struct pcap_ctx *c, struct pcap_frame *ret)
{
	struct vm_pkt *pkt = c->pkt;
	u8 *data = pkt->data, *meta = pkt->meta;

	if (c->is_skb && !to_l2(c))
		return false;
	ret->data = pkt->data;
	ret->caplen = vm_pkt_linear(pkt);
	ret->len = vm_pkt_len(pkt);
	if (c->is_skb && pkt->vlan_present && ret->caplen >= MACS)
		tagged_copy(c, ret);
	pkt->data = data; /* programs that still come see it where it was */
	pkt->meta = meta;
	return true;
}

/* --- runs ----------------------------------------------------------------------------------- */

static void add_mem(struct vm_env *env, const char *name, void *p, size_t size, u32 flags)
{
	if (p && env->nr_mem < ARRAY_SIZE(env->mem))
		env->mem[env->nr_mem++] = (struct vm_mem){
			.name = name, .base = (uintptr_t)p, .size = size, .flags = flags};
}

/* What the program gets in r1. */
static void *context_of(struct pcap_ctx *c, const struct pcap_kind *kind, size_t *ret_size)
{
	u32 flags = kind ? kind->flags : 0;

	if (flags & PCAP_LOOKUP) {
		*ret_size = sizeof(c->lookup);
		return &c->lookup;
	}
	if (flags & PCAP_NF) {
		*ret_size = sizeof(c->nf);
		return c->nf;
	}
	*ret_size = c->pkt->kind == VM_PKT_XDP ? sizeof(c->xdp) : sizeof(c->skb);
	return c->pkt->kind == VM_PKT_XDP ? (void *)&c->xdp : &c->skb;
}

void pcap_ctx_timers(struct pcap_ctx *c, struct vm *vm)
{
	struct vm_env env = {.world = &c->world, .hook = c, .cpu = -1};

	strcpy(env.task.comm, "swapper/0");
	vm_run_timers(vm, &env);
}

u64 pcap_ctx_run(struct pcap_ctx *c, struct hook_set *set, struct hook_prog *hp, bool *ret_fault)
{
	const struct pcap_kind *kind = pcap_kind_of(hp->prog);
	bool xdp = c->pkt->kind == VM_PKT_XDP,
	     own_cb = c->save_cb && kind && (kind->flags & PCAP_CB);
	struct vm_env env = {.world = &c->world, .hook = c, .cpu = -1};
	u32 cb[5];
	u64 ret, errors = hp->errors;
	size_t ctx_size;
	void *ctx;

	strcpy(env.task.comm, "swapper/0"); /* packets come in on nobody's behalf */
	c->pkt->prog_type = hp->prog->type;
	c->pkt->attach_type = hp->prog->attach_type;
	memset(&c->pkt->redirect, 0, sizeof(c->pkt->redirect));
	if (own_cb) {
		memcpy(cb, c->skb.cb, sizeof(cb));
		memset(c->skb.cb, 0, sizeof(cb));
	}
	vm_pkt_bind(c->pkt, &env, xdp ? (void *)&c->xdp : &c->skb);
	add_mem(&env, "socket", c->pkt->sk, sizeof(c->sk), VM_MEM_READ);
	add_mem(&env, "flow_keys", c->pkt->flow, sizeof(c->flow), VM_MEM_READ | VM_MEM_WRITE);
	pcap_model_fill(c);
	ctx = context_of(c, kind, &ctx_size);
	ret = hook_run(set, hp, &env, ctx, ctx_size);
	if (own_cb)
		memcpy(c->skb.cb, cb, sizeof(cb));
	c->pkt->env = NULL;
	*ret_fault = hp->errors != errors;
	return (u32)ret;
}
