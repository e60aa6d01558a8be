/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drop IPv4 packets from addresses on a list, count what comes in by protocol. */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __be32);
	__type(value, __u32);
} blocklist SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} protocols SEC(".maps");

static void count(__u32 protocol)
{
	__u64 one = 1, *nr = bpf_map_lookup_elem(&protocols, &protocol);

	if (nr)
		__sync_fetch_and_add(nr, 1);
	else
		bpf_map_update_elem(&protocols, &protocol, &one, BPF_ANY);
}

SEC("xdp")
int drop_listed(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);

	if (data + sizeof(*eth) + sizeof(*ip) > end)
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	count(ip->protocol);
	return bpf_map_lookup_elem(&blocklist, &ip->saddr) ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
