/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Redirects. As in Linux a helper only notes where to; it counts when the program then returns
 * XDP_REDIRECT, TC_ACT_REDIRECT or the like, and the hook carries it out. bpf_clone_redirect sends
 * a copy at once.
 */
#include "spec/uapi.h"
#include "vm/helper_net.h"
#include <linux/pkt_cls.h>

static void note(struct vm_pkt *pkt, enum vm_redirect_kind kind, u64 target, u64 flags)
{
	pkt->redirect = (struct vm_redirect){.kind = kind, .target = target, .flags = flags};
}

NET_PKT_HELPER(redirect)
{
	bool xdp = pkt->kind == VM_PKT_XDP;

	if (r2 & ~(u64)(xdp ? 0 : BPF_F_INGRESS))
		return xdp ? XDP_ABORTED : TC_ACT_SHOT;
	note(pkt, VM_REDIRECT_IFINDEX, (u32)r1, r2);
	return xdp ? XDP_REDIRECT : TC_ACT_REDIRECT;
}

NET_PKT_HELPER(redirect_peer)
{
	if (r2)
		return TC_ACT_SHOT;
	note(pkt, VM_REDIRECT_PEER, (u32)r1, 0);
	return TC_ACT_REDIRECT;
}

NET_PKT_HELPER(redirect_neigh)
{
	u32 plen = r3;

	if ((plen && plen < sizeof(struct bpf_redir_neigh)) || r4)
		return TC_ACT_SHOT;
	note(pkt, VM_REDIRECT_NEIGH, (u32)r1, 0);
	return TC_ACT_REDIRECT;
}

NET_PKT_HELPER(clone_redirect)
{
	u32 ifindex = r2;

	if (r3 & ~(u64)BPF_F_INGRESS)
		return -EINVAL;
	if (pkt->gso_size && !pkt->gso_type)
		return -EBADMSG;
	if (!ifindex || (s32)ifindex < 0)
		return -EINVAL;
	if (!vm_pkt_len(pkt))
		return -ERANGE;
	if (pkt->clone)
		pkt->clone(pkt->clone_ctx, pkt, ifindex, r3);
	return 0;
}

/* --- maps ----------------------------------------------------------------------------------- */

#define ACTION_MASK 3 /* the low bits of flags: what to return where the map has nothing */

static u64 map_flags(u32 type)
{
	return type == BPF_MAP_TYPE_DEVMAP || type == BPF_MAP_TYPE_DEVMAP_HASH
		       ? BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS
		       : 0;
}

NET_PKT_HELPER(redirect_map)
{
	struct map *map = net_ptr(r1);
	u32 key = r2;
	u64 target = 0, flags = r3;
	bool all = flags & BPF_F_BROADCAST;

	if (flags & ~(ACTION_MASK | map_flags(map->def.type)))
		return XDP_ABORTED;
	if (map_target_get(map, &key, &target) && !all)
		return flags & ACTION_MASK;
	note(pkt, all ? VM_REDIRECT_MAP_ALL : VM_REDIRECT_MAP, target, flags);
	pkt->redirect.map = map;
	pkt->redirect.key = key;
	return XDP_REDIRECT;
}

/* sk_skb, sk_msg: the socket of a sockmap or sockhash; SK_DROP where there is none. */
static u64 sock_redirect(struct vm_run *run, u64 map_ptr, const void *key, u64 flags)
{
	struct vm_redirect r = {.kind = VM_REDIRECT_SOCK, .map = net_ptr(map_ptr), .flags = flags};

	if (flags & ~(u64)BPF_F_INGRESS)
		return SK_DROP;
	if (map_target_get(r.map, key, &r.target))
		return SK_DROP;
	memcpy(&r.key, key, min_u64(r.map->def.key_size, sizeof(r.key)));
	if (run->env->pkt)
		run->env->pkt->redirect = r;
	return SK_PASS;
}

NET_HELPER(sk_redirect_map)
{
	u32 key = r3;

	return sock_redirect(run, r2, &key, r4);
}

NET_HELPER(msg_redirect_map)
{
	u32 key = r3;

	return sock_redirect(run, r2, &key, r4);
}

NET_HELPER(sk_redirect_hash)
{
	return sock_redirect(run, r2, net_ptr(r3), r4);
}

NET_HELPER(msg_redirect_hash)
{
	return sock_redirect(run, r2, net_ptr(r3), r4);
}

NET_HELPER(sk_select_reuseport)
{
	u64 target;

	if (r4)
		return -EINVAL;
	return map_target_get(net_ptr(r2), net_ptr(r3), &target) ? -ENOENT : 0;
}
