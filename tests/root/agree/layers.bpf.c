// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// More of what sk_buff programs may do: helpers of layers, sockets, tunnels, records, storage of
// values on other CPUs; with the errors that Linux gives.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __s64);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u64);
} small SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf_skb SEC(".maps");

static const __u8 seen_bytes[100] = {1, 2, 3};

static __always_inline void see(__u32 key, __s64 value)
{
	bpf_map_update_elem(&seen, &key, &value, 0);
}

SEC("tc")
int small_map(struct __sk_buff *skb)
{
	__u64 value = skb->len, *v;
	long ret = 0;

	for (__u32 key = 0; key < 6; key++) {
		__u32 k = key;

		ret = ret * 3 + bpf_map_update_elem(&small, &k, &value, BPF_NOEXIST);
	}
	for (__u32 key = 0; key < 3; key++) {
		__u32 k = key * 2;

		ret = ret * 3 + bpf_map_delete_elem(&small, &k);
		ret = ret * 3 + bpf_map_update_elem(&small, &k, &value, BPF_EXIST);
	}
	see(1, ret);
	return 0;
}

SEC("tc")
int tunnels(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {.tunnel_id = 7, .remote_ipv4 = 0x01020304, .tunnel_ttl = 9};
	__u8 opt[8] = {1, 2, 3};
	long ret = bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0);

	ret = ret * 3 + bpf_skb_set_tunnel_key(skb, &key, sizeof(key), 0);
	ret = ret * 3 + bpf_skb_set_tunnel_key(skb, &key, 5, 0);
	ret = ret * 3 + bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0);
	ret = ret * 3 + bpf_skb_set_tunnel_opt(skb, opt, 8);
	ret = ret * 3 + bpf_skb_get_tunnel_opt(skb, opt, 8);
	ret = ret * 3 + key.tunnel_id + opt[0];
	see(6, ret);
	return 0;
}

SEC("tc")
int records(struct __sk_buff *skb)
{
	struct {
		__u32 len, proto;
	} m = {skb->len, skb->protocol};
	long ret = bpf_perf_event_output(skb, &perf_skb, BPF_F_CURRENT_CPU | 12ull << 32, &m,
					 sizeof(m));
	char *r = bpf_ringbuf_reserve(&ring, 100, 0);

	ret = ret * 3 + bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE);
	if (r) {
		for (int i = 0; i < 100; i++)
			r[i] = i;
		bpf_skb_load_bytes(skb, 2, r, 10);
		bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
	}
	for (int i = 0; i < 60; i++) // until it is full
		ret = ret * 3 + bpf_ringbuf_output(&ring, (void *)seen_bytes, sizeof(seen_bytes), 0);
	see(23, ret);
	return 0;
}

SEC("tc")
int route(struct __sk_buff *skb)
{
	struct bpf_fib_lookup fib = {.family = 2, .ipv4_dst = bpf_htonl(0x7f000001), .ifindex = 1,
				     .tot_len = skb->len};
	long ret = bpf_fib_lookup(skb, &fib, 3, 0);

	ret = ret * 10 + bpf_check_mtu(skb, 0, &(__u32){0}, 100000, 0);
	ret = ret * 10 + bpf_check_mtu(skb, 77, &(__u32){0}, 0, 0);
	ret = ret * 10 + bpf_get_route_realm(skb);
	ret = ret * 10 + bpf_get_cgroup_classid(skb);
	see(7, ret);
	return 0;
}

SEC("tc")
int times(struct __sk_buff *skb)
{
	long ret = bpf_skb_set_tstamp(skb, 1234567, BPF_SKB_TSTAMP_DELIVERY_MONO);

	see(8, ret);
	see(9, skb->tstamp);
	see(10, skb->tstamp_type);
	ret = bpf_skb_set_tstamp(skb, 5, 77);
	see(11, ret);
	skb->tstamp = 99;
	see(12, skb->tstamp);
	return 0;
}

SEC("tc")
int rest(struct __sk_buff *skb)
{
	long ret = bpf_csum_update(skb, 0x1234);

	bpf_set_hash_invalid(skb);
	ret = ret * 3 + bpf_csum_level(skb, BPF_CSUM_LEVEL_INC);
	ret = ret * 3 + bpf_skb_pull_data(skb, 100000);
	ret = ret * 3 + bpf_skb_pull_data(skb, 20);
	ret = ret * 3 + bpf_skb_load_bytes_relative(skb, 0, &ret, 4, 7);
	ret = ret * 3 + bpf_skb_change_type(skb, 9);
	ret = ret * 3 + bpf_skb_adjust_room(skb, 100000, BPF_ADJ_ROOM_NET, 0);
	ret = ret * 3 + bpf_skb_adjust_room(skb, -100, BPF_ADJ_ROOM_NET, 0);
	ret = ret * 3 + bpf_skb_adjust_room(skb, 40, BPF_ADJ_ROOM_MAC,
					    BPF_F_ADJ_ROOM_ENCAP_L3_IPV6);
	ret = ret * 3 + bpf_skb_vlan_push(skb, 1, 2);
	see(13, ret);
	see(14, skb->len);
	see(15, skb->protocol);
	return (int)ret & 0xffff;
}

SEC("cgroup_skb/egress")
int cg_rest(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	long ret = 0;

	if (sk) {
		struct bpf_sock *full = bpf_sk_fullsock(sk);

		ret = full ? full->family * 10 + full->state : 1;
	}
	see(16, ret);
	see(17, bpf_get_netns_cookie(skb) != 0);
	see(18, skb->family);
	see(19, skb->local_port);
	see(20, skb->remote_ip4);
	return 1;
}

SEC("lwt_out")
int lwt_rest(struct __sk_buff *skb)
{
	long ret = bpf_get_route_realm(skb);

	ret = ret * 3 + bpf_skb_pull_data(skb, 0);
	see(21, ret);
	see(22, skb->len);
	return BPF_OK;
}

char LICENSE[] SEC("license") = "GPL";
