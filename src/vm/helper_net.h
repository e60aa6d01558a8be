/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the files of the network helpers share. A helper is written NET_HELPER(name) and stands as a
 * row in the table of helper_net.c; NET_PKT_HELPER(name) has `pkt`, the packet of this run, and
 * never runs without one.
 */
#ifndef VM_HELPER_NET_H
#define VM_HELPER_NET_H

#include "vm/net.h"
#include "vm/pkt.h"
#include "vm/run.h"
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#define ENOTSUPP 524 /* the kernel's own; helpers return it */

#define NET_ETH_HLEN     14
#define NET_VLAN_HLEN    4
#define NET_SKB_MAX_LEN  16064 /* SKB_MAX_ALLOC on x86-64 and arm64 with 4 KiB pages */
#define NET_ETH_P_IP     0x0800
#define NET_ETH_P_IPV6   0x86dd
#define NET_ETH_P_8021Q  0x8100
#define NET_ETH_P_8021AD 0x88a8

#define NET_HELPER(name) u64 net_##name(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)

#define NET_PKT_HELPER(name)                                                                       \
	static u64 name##_pkt(struct vm_run *run, struct vm_pkt *pkt, u64 r1, u64 r2, u64 r3,      \
			      u64 r4, u64 r5);                                                     \
	NET_HELPER(name)                                                                           \
	{                                                                                          \
		struct vm_pkt *pkt_ = net_pkt(run, #name);                                         \
		return pkt_ ? name##_pkt(run, pkt_, r1, r2, r3, r4, r5) : 0;                       \
	}                                                                                          \
	static u64 name##_pkt(struct vm_run *run, struct vm_pkt *pkt, u64 r1, u64 r2, u64 r3,      \
			      u64 r4, u64 r5)

static inline struct vm_pkt *net_pkt(struct vm_run *run, const char *helper)
{
	if (!run->env->pkt)
		vm_fault(run, "%s: this run has no packet", helper);
	return run->env->pkt;
}

static inline void *net_ptr(u64 r)
{
	return (void *)(uintptr_t)r;
}

static inline struct __sk_buff *net_skb(const struct vm_pkt *pkt)
{
	return pkt->kind == VM_PKT_SKB ? pkt->ctx : NULL;
}

static inline u32 net_off(const struct vm_pkt *pkt, s32 pos) /* of a header, from data */
{
	return pos - (s32)(pkt->data - pkt->head);
}

/* The error of a write that Linux would refuse: bytes that the capture did not keep. */
static inline bool net_writable(const struct vm_pkt *pkt, u64 len)
{
	return len <= vm_pkt_linear(pkt);
}

/* One list, used twice: to declare the functions here and to make the table in helper_net.c. */
#define NET_HELPERS(X)                                                                             \
	X(skb_store_bytes)                                                                         \
	X(l3_csum_replace)                                                                         \
	X(l4_csum_replace)                                                                         \
	X(clone_redirect)                                                                          \
	X(skb_vlan_push)                                                                           \
	X(skb_vlan_pop)                                                                            \
	X(redirect)                                                                                \
	X(skb_load_bytes)                                                                          \
	X(csum_diff)                                                                               \
	X(skb_change_proto)                                                                        \
	X(skb_change_type)                                                                         \
	X(get_hash_recalc)                                                                         \
	X(skb_change_tail)                                                                         \
	X(skb_pull_data)                                                                           \
	X(csum_update)                                                                             \
	X(set_hash_invalid)                                                                        \
	X(skb_change_head)                                                                         \
	X(xdp_adjust_head)                                                                         \
	X(set_hash)                                                                                \
	X(skb_adjust_room)                                                                         \
	X(redirect_map)                                                                            \
	X(sk_redirect_map)                                                                         \
	X(xdp_adjust_meta)                                                                         \
	X(msg_redirect_map)                                                                        \
	X(xdp_adjust_tail)                                                                         \
	X(skb_load_bytes_relative)                                                                 \
	X(fib_lookup)                                                                              \
	X(msg_redirect_hash)                                                                       \
	X(sk_redirect_hash)                                                                        \
	X(sk_select_reuseport)                                                                     \
	X(csum_level)                                                                              \
	X(redirect_neigh)                                                                          \
	X(redirect_peer)                                                                           \
	X(check_mtu)                                                                               \
	X(xdp_get_buff_len)                                                                        \
	X(xdp_load_bytes)                                                                          \
	X(xdp_store_bytes)                                                                         \
	X(skb_set_tstamp)                                                                          \
	X(sk_assign)                                                                               \
	X(get_socket_cookie)                                                                       \
	X(get_socket_uid)                                                                          \
	X(get_netns_cookie)                                                                        \
	X(sk_fullsock)                                                                             \
	X(tcp_sock)                                                                                \
	X(get_listener_sock)                                                                       \
	X(sk_lookup_tcp)                                                                           \
	X(sk_lookup_udp)                                                                           \
	X(skc_lookup_tcp)                                                                          \
	X(sk_release)                                                                              \
	X(skc_to_tcp6_sock)                                                                        \
	X(skc_to_tcp_sock)                                                                         \
	X(skc_to_tcp_timewait_sock)                                                                \
	X(skc_to_tcp_request_sock)                                                                 \
	X(skc_to_udp6_sock)                                                                        \
	X(skc_to_unix_sock)                                                                        \
	X(skc_to_mptcp_sock)                                                                       \
	X(skb_cgroup_id)                                                                           \
	X(skb_ancestor_cgroup_id)                                                                  \
	X(sk_cgroup_id)                                                                            \
	X(sk_ancestor_cgroup_id)                                                                   \
	X(skb_cgroup_classid)                                                                      \
	X(get_route_realm)                                                                         \
	X(skb_under_cgroup)                                                                        \
	X(skb_get_xfrm_state)                                                                      \
	X(tcp_check_syncookie)                                                                     \
	X(tcp_gen_syncookie)                                                                       \
	X(sock_map_update)                                                                         \
	X(sock_hash_update)                                                                        \
	X(skb_get_tunnel_key)                                                                      \
	X(skb_set_tunnel_key)                                                                      \
	X(skb_get_tunnel_opt)                                                                      \
	X(skb_set_tunnel_opt)                                                                      \
	X(lwt_push_encap)                                                                          \
	X(lwt_seg6_store_bytes)                                                                    \
	X(lwt_seg6_adjust_srh)                                                                     \
	X(lwt_seg6_action)                                                                         \
	X(skb_ecn_set_ce)                                                                          \
	X(tcp_raw_gen_syncookie_ipv4)                                                              \
	X(tcp_raw_gen_syncookie_ipv6)                                                              \
	X(tcp_raw_check_syncookie_ipv4)                                                            \
	X(tcp_raw_check_syncookie_ipv6)                                                            \
	X(msg_apply_bytes)                                                                         \
	X(msg_cork_bytes)                                                                          \
	X(msg_pull_data)                                                                           \
	X(msg_push_data)                                                                           \
	X(msg_pop_data)                                                                            \
	X(setsockopt)                                                                              \
	X(getsockopt)                                                                              \
	X(bind)                                                                                    \
	X(sock_ops_cb_flags_set)                                                                   \
	X(load_hdr_opt)                                                                            \
	X(store_hdr_opt)                                                                           \
	X(reserve_hdr_opt)

#define NET_DECLARE(name) NET_HELPER(name);
NET_HELPERS(NET_DECLARE)

void net_clear_hash(struct vm_pkt *pkt);
u32 net_get_hash(struct vm_pkt *pkt);

/* csum.c: ones' complement sums over 32 bits, as __wsum */
u32 net_csum_add(u32 a, u32 b);
u32 net_csum_partial(const void *p, size_t len, u32 sum);
u16 net_csum_fold(u32 sum);
void net_csum_pulled(struct vm_pkt *pkt, const void *p, size_t len, u32 off);
void net_csum_pushed(struct vm_pkt *pkt, const void *p, size_t len, u32 off);
void net_csum_reset_unnecessary(struct vm_pkt *pkt);

/* skb.c: make room in front with off bytes moved along */
int net_hdr_push(struct vm_pkt *pkt, u32 off, u32 len);
int net_hdr_pop(struct vm_pkt *pkt, u32 off, u32 len);
void net_set_protocol(struct vm_pkt *pkt, u16 proto);
int net_vlan_insert(struct vm_pkt *pkt, u16 proto_be, u16 tci);

#endif
