/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets around a packet. In a capture there are no sockets to be found, so lookups find none, as
 * on a machine where nobody listens. A program of a socket or a cgroup sees one made from the
 * packet's addresses (struct bpf_sock); it belongs to root's user and to the root cgroup.
 */
#include "base/hash.h"
#include "vm/helper_net.h"

#define OVERFLOW_UID   65534
#define ROOT_CGROUP_ID 1
#define NETNS_COOKIE   1 /* of init_net */

static const struct bpf_sock *sock_of(const struct vm_run *run)
{
	return run->env->pkt ? run->env->pkt->sk : NULL;
}

NET_HELPER(get_socket_cookie)
{
	const struct bpf_sock *sk = sock_of(run);

	if (!sk) /* a packet without a socket, or the socket that a raw context stands for */
		return run->env->pkt && run->env->pkt->ctx ? 0 : r1 != 0;
	return hash_bytes(sk, sizeof(*sk), 0) >> 1 | 1;
}

NET_HELPER(get_socket_uid)
{
	return sock_of(run) ? 0 : OVERFLOW_UID;
}

NET_HELPER(get_netns_cookie)
{
	return NETNS_COOKIE;
}

NET_HELPER(sk_fullsock)
{
	return r1;
}

/* The state of a connection is not known from its packets. */
NET_HELPER(tcp_sock)
{
	return 0;
}

NET_HELPER(get_listener_sock)
{
	return 0;
}

NET_HELPER(sk_lookup_tcp)
{
	return 0;
}

NET_HELPER(sk_lookup_udp)
{
	return 0;
}

NET_HELPER(skc_lookup_tcp)
{
	return 0;
}

NET_HELPER(sk_release)
{
	return 0;
}

NET_HELPER(sk_assign)
{
	if (run->env->pkt && run->env->pkt->ctx) { /* tc */
		if (!r2 || r3)
			return -EINVAL;
		return -EOPNOTSUPP; /* not a socket that is hashed */
	}
	return r3 & ~(u64)(BPF_SK_LOOKUP_F_REPLACE | BPF_SK_LOOKUP_F_NO_REUSEPORT) ? -EINVAL : 0;
}

/* Pointers to the kernel's own sockets: there are none behind ours. */
NET_HELPER(skc_to_tcp6_sock)
{
	return 0;
}

NET_HELPER(skc_to_tcp_sock)
{
	return 0;
}

NET_HELPER(skc_to_tcp_timewait_sock)
{
	return 0;
}

NET_HELPER(skc_to_tcp_request_sock)
{
	return 0;
}

NET_HELPER(skc_to_udp6_sock)
{
	return 0;
}

NET_HELPER(skc_to_unix_sock)
{
	return 0;
}

NET_HELPER(skc_to_mptcp_sock)
{
	return 0;
}

/* --- cgroups -------------------------------------------------------------------------------- */

NET_HELPER(skb_cgroup_id)
{
	return sock_of(run) ? ROOT_CGROUP_ID : 0;
}

NET_HELPER(skb_ancestor_cgroup_id)
{
	return sock_of(run) && !(s32)r2 ? ROOT_CGROUP_ID : 0;
}

NET_HELPER(sk_cgroup_id)
{
	return r1 ? ROOT_CGROUP_ID : 0;
}

NET_HELPER(sk_ancestor_cgroup_id)
{
	return r1 && !(s32)r2 ? ROOT_CGROUP_ID : 0;
}

NET_HELPER(skb_cgroup_classid)
{
	return 0;
}

NET_HELPER(get_route_realm)
{
	return 0;
}

NET_HELPER(skb_under_cgroup)
{
	struct map *map = net_ptr(r2);
	u32 idx = r3;
	u64 target;

	if (!sock_of(run))
		return -ENOENT;
	if (idx >= map->def.max_entries)
		return -E2BIG;
	if (map_target_get(map, &idx, &target))
		return -EAGAIN;
	return target == ROOT_CGROUP_ID;
}

/* --- no such state in a packet -------------------------------------------------------------- */

NET_HELPER(skb_get_xfrm_state)
{
	memset(net_ptr(r3), 0, (u32)r4);
	return -EINVAL; /* it came without IPsec */
}

NET_HELPER(tcp_check_syncookie)
{
	return -EINVAL; /* only a listening socket has cookies, and there are none */
}

NET_HELPER(tcp_gen_syncookie)
{
	return -EINVAL;
}

/* --- sockmaps, from a program --------------------------------------------------------------- */

NET_HELPER(sock_map_update)
{
	return -EOPNOTSUPP; /* a raw context stands for no socket that could be kept */
}

NET_HELPER(sock_hash_update)
{
	return -EOPNOTSUPP;
}
