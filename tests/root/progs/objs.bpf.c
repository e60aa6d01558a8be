// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A program of many types, and maps of many: what skep show and skep map are tested with.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct stat_value {
	__u64 hits, bytes;
};

struct v4_key {
	__u32 prefixlen;
	__be32 addr;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct stat_value);
} k4_a_map_with_a_long_name SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 2000000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct v4_key);
	__type(value, struct stat_value);
} k4_blocklist SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} k4_percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} k4_parray SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} k4_array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, __u32);
} k4_queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 8);
	__type(value, __u32);
} k4_stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 64);
	__type(value, __u32);
} k4_bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} k4_progs SEC(".maps");

struct k4_inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} k4_in SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct k4_inner);
} k4_outer SEC(".maps") = {
	.values = { [1] = &k4_in },
};

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} k4_socks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, 6);
	__uint(value_size, 8);
	__uint(max_entries, 16);
} k4_untyped SEC(".maps");

__u64 k4_counter = 7;
const volatile __u32 k4_constant = 9;

SEC("xdp")
int k4_xdp(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *slot = bpf_map_lookup_elem(&k4_array, &key);
	struct v4_key k = {.prefixlen = 32, .addr = ctx->data_end - ctx->data};

	if (slot)
		__sync_fetch_and_add(slot, 1 + k4_constant);
	k4_counter++;
	bpf_map_lookup_elem(&k4_blocklist, &k);
	bpf_tail_call(ctx, &k4_progs, 3);
	return XDP_PASS;
}

SEC("tc")
int k4_tc_program_with_a_long_name(struct __sk_buff *skb)
{
	struct stat_value v = {.hits = 1, .bytes = skb->len};
	__u32 key = skb->protocol;

	bpf_map_update_elem(&k4_a_map_with_a_long_name, &key, &v, 0);
	return 0;
}

SEC("cgroup_skb/egress")
int k4_egress(struct __sk_buff *skb)
{
	return 1;
}

SEC("flow_dissector")
int k4_flow(struct __sk_buff *skb)
{
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_getpgid")
int k4_tp(void *ctx)
{
	__u64 *slot;
	__u32 key = 1;

	slot = bpf_map_lookup_elem(&k4_percpu, &key);
	if (slot)
		*slot += 1;
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int k4_raw(void *ctx)
{
	return 0;
}

SEC("tp_btf/sys_exit")
int k4_btf_tp(void *ctx)
{
	return 0;
}

SEC("sk_msg")
int k4_msg(struct sk_msg_md *msg)
{
	return SK_PASS;
}

SEC("iter/bpf_map")
int k4_iter(struct bpf_iter__bpf_map *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
