/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What stands around a packet: one interface, and a routing table for bpf_fib_lookup that the user
 * wrote down, a row per route (docs/pcap.md has the syntax):
 *
 *   PREFIX[/LEN] [via GATEWAY] dev IFINDEX [smac MAC] [dmac MAC] [src ADDR] [mtu N] [metric N]
 *                [table N]
 *   blackhole|unreachable|prohibit|local PREFIX[/LEN] [metric N] [table N]
 */
#ifndef VM_NET_H
#define VM_NET_H

#include "base/diag.h"
#include "base/vec.h"

#define VM_NET_MTU         1500
#define VM_NET_MAX_ROUTES  65536 /* rows are looked through one by one */
#define VM_NET_TABLE_MAIN  254
#define VM_NET_TABLE_LOCAL 255

enum vm_route_type {
	VM_ROUTE_UNICAST,
	VM_ROUTE_LOCAL,
	VM_ROUTE_BLACKHOLE,
	VM_ROUTE_UNREACHABLE,
	VM_ROUTE_PROHIBIT,
};

struct vm_addr {
	u8 family; /* AF_INET, AF_INET6; 0: none */
	u8 b[16];  /* network order; IPv4 in the first four */
};

struct vm_route {
	enum vm_route_type type;
	struct vm_addr dst, gw, src;
	u32 prefix_len;
	u32 dev, mtu, metric, table;
	u8 smac[6], dmac[6];
	bool has_dmac; /* the neighbour is known */
};

struct vm_net {
	u32 ifindex; /* where captured packets come in */
	u32 mtu;
	u64 cookie; /* bpf_get_netns_cookie */
	VEC(struct vm_route) routes;
};

/* rows ends with NULL and may be NULL. Errors name the row and the word. */
int vm_net_new(const char *const *rows, struct vm_net **ret, struct skep_diag *diag);
struct vm_net *vm_net_free(struct vm_net *net); /* NULL is fine; returns NULL */

/* The longest prefix, then the lowest metric; table 0: local, then main. NULL: no route. */
const struct vm_route *vm_net_route(const struct vm_net *net, u32 table, const struct vm_addr *dst,
				    u32 oif);
bool vm_net_has_dev(const struct vm_net *net, u32 ifindex);
u32 vm_net_mtu(const struct vm_net *net, u32 ifindex);

#endif
