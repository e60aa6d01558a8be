// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Programs on sk_buffs: tc, socket filters, cgroups, routes; the flow dissector.
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
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline void see(__u32 key, __u64 value)
{
	bpf_map_update_elem(&seen, &key, &value, 0);
}

SEC("tc")
int tc_fields(struct __sk_buff *skb)
{
	see(0, skb->len);
	see(1, skb->protocol);
	see(2, skb->pkt_type);
	see(3, skb->vlan_present << 16 | skb->vlan_tci);
	see(4, skb->mark);
	see(5, skb->queue_mapping);
	see(6, skb->ifindex);
	see(7, skb->ingress_ifindex);
	see(8, skb->data_end - skb->data);
	see(9, skb->priority);
	see(10, skb->tc_index);
	see(11, skb->tc_classid);
	see(12, skb->napi_id);
	see(13, skb->gso_segs << 16 | skb->gso_size);
	see(14, skb->wire_len);
	see(15, skb->cb[0] | skb->cb[4]);
	skb->mark = 7;
	skb->priority = 8;
	skb->cb[1] = 0x01020304;
	skb->tc_classid = 9;
	return TC_ACT_OK;
}

SEC("tc")
int tc_bytes(struct __sk_buff *skb)
{
	__u8 buf[20] = {0};
	int ret = bpf_skb_load_bytes(skb, 14, buf, sizeof(buf));

	buf[8]--;
	ret = ret * 7 + bpf_skb_store_bytes(skb, 14, buf, sizeof(buf), BPF_F_RECOMPUTE_CSUM);
	ret = ret * 7 + bpf_skb_store_bytes(skb, 50, buf, 3, BPF_F_INVALIDATE_HASH);
	ret = ret * 7 + bpf_skb_load_bytes(skb, 10000, buf, 4);
	ret = ret * 7 + bpf_skb_store_bytes(skb, 10000, buf, 4, 0);
	ret = ret * 7 + bpf_skb_load_bytes_relative(skb, 2, buf, 6, BPF_HDR_START_NET);
	ret = ret * 7 + bpf_skb_load_bytes_relative(skb, 1, buf + 6, 6, BPF_HDR_START_MAC);
	for (int i = 0; i < 20; i++)
		see(40 + i, buf[i]);
	return ret & 0x7fffffff;
}

SEC("tc")
int tc_csums(struct __sk_buff *skb)
{
	__u32 from = bpf_htonl(0x0a000001), to = bpf_htonl(0xc0a80101);
	int ret = bpf_l3_csum_replace(skb, 14 + offsetof(struct iphdr, check), from, to, 4);

	ret = ret * 7 + bpf_l3_csum_replace(skb, 24, 0x11, 0x22, 2);
	ret = ret * 7 + bpf_l4_csum_replace(skb, 34 + 16, from, to, BPF_F_PSEUDO_HDR | 4);
	ret = ret * 7 + bpf_l4_csum_replace(skb, 34 + 6, 1, 2, BPF_F_MARK_MANGLED_0 | 2);
	ret = ret * 7 + bpf_l3_csum_replace(skb, 5000, 1, 2, 2);
	ret = ret * 7 + bpf_l3_csum_replace(skb, 24, 1, 2, 3);
	return ret & 0x7fffffff;
}

SEC("tc")
int tc_sizes(struct __sk_buff *skb)
{
	int ret = bpf_skb_change_tail(skb, skb->len + 10, 0);

	ret = ret * 7 + bpf_skb_change_head(skb, 12, 0);
	ret = ret * 7 + bpf_skb_change_tail(skb, skb->len - 5, 0);
	ret = ret * 7 + bpf_skb_change_tail(skb, 3, 0);
	ret = ret * 7 + bpf_skb_change_tail(skb, 100000, 0);
	ret = ret * 7 + bpf_skb_change_head(skb, 100000, 0);
	ret = ret * 7 + bpf_skb_change_head(skb, 4, 1);
	see(20, skb->len);
	return ret & 0x7fffffff;
}

SEC("tc")
int tc_room(struct __sk_buff *skb)
{
	int ret = bpf_skb_adjust_room(skb, 8, BPF_ADJ_ROOM_MAC, 0);

	see(21, skb->len);
	ret = ret * 7 + bpf_skb_adjust_room(skb, -8, BPF_ADJ_ROOM_MAC, 0);
	ret = ret * 7 + bpf_skb_adjust_room(skb, 20, BPF_ADJ_ROOM_NET, BPF_F_ADJ_ROOM_FIXED_GSO);
	see(22, skb->len);
	return ret & 0x7fffffff;
}

SEC("tc")
int tc_vlan(struct __sk_buff *skb)
{
	int ret = bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 0x123);

	see(23, skb->vlan_present << 16 | skb->vlan_tci);
	ret = ret * 7 + bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021AD), 0x456);
	see(24, skb->vlan_present << 16 | skb->vlan_tci);
	ret = ret * 7 + bpf_skb_vlan_pop(skb);
	see(25, skb->vlan_present << 16 | skb->vlan_tci);
	see(26, skb->protocol);
	return ret & 0x7fffffff;
}

SEC("tc")
int tc_direct(struct __sk_buff *skb)
{
	__u8 *p, *end;
	__u32 sum = 0;
	int ret = bpf_skb_pull_data(skb, 0);

	p = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	for (int i = 0; i < 60; i++) {
		if (p + i + 1 > end)
			break;
		sum = sum * 31 + p[i];
		p[i] ^= 0x55;
	}
	return (int)(sum + ret);
}

SEC("tc")
int tc_hash(struct __sk_buff *skb)
{
	int ret = bpf_set_hash(skb, 0x12345678);

	ret = ret * 7 + (int)bpf_get_hash_recalc(skb);
	ret = ret * 7 + (int)skb->hash;
	ret = ret * 7 + bpf_skb_change_type(skb, 1);
	ret = ret * 7 + skb->pkt_type;
	ret = ret * 7 + bpf_skb_change_proto(skb, bpf_htons(ETH_P_IP), 0);
	return ret & 0x7fffffff;
}

SEC("tc")
int tc_proto(struct __sk_buff *skb)
{
	int ret = skb->protocol == bpf_htons(ETH_P_IP)
			  ? bpf_skb_change_proto(skb, bpf_htons(ETH_P_IPV6), 0)
			  : bpf_skb_change_proto(skb, bpf_htons(ETH_P_IP), 0);

	see(27, skb->len << 16 | skb->protocol);
	return ret & 0xffff;
}

SEC("tc")
int tc_redirects(struct __sk_buff *skb)
{
	int ret = bpf_redirect(1, BPF_F_INGRESS);

	ret = ret * 7 + bpf_redirect(1, 0xff);
	ret = ret * 7 + bpf_redirect_peer(1, 1);
	ret = ret * 7 + bpf_csum_level(skb, BPF_CSUM_LEVEL_QUERY);
	ret = ret * 7 + bpf_skb_ecn_set_ce(skb);
	return ret & 0x7fffffff;
}

SEC("socket")
int sock_bytes(struct __sk_buff *skb)
{
	__u8 b = 0;
	int ret = bpf_skb_load_bytes(skb, 9, &b, 1);

	see(28, skb->len);
	see(29, skb->protocol << 8 | b);
	see(30, skb->pkt_type);
	skb->cb[0] = 3;
	return (ret & 0xff) << 8 | b;
}

SEC("cgroup_skb/ingress")
int cg_in(struct __sk_buff *skb)
{
	struct iphdr ip = {0};
	int ret = bpf_skb_load_bytes_relative(skb, 0, &ip, sizeof(ip), BPF_HDR_START_NET);

	see(31, skb->len);
	return !ret && ip.protocol == IPPROTO_TCP;
}

SEC("cgroup_skb/egress")
int cg_out(struct __sk_buff *skb)
{
	return skb->len & 3;
}

SEC("lwt_in")
int route_in(struct __sk_buff *skb)
{
	return skb->len & 1 ? BPF_DROP : BPF_OK;
}

SEC("lwt_xmit")
int route_xmit(struct __sk_buff *skb)
{
	__u8 b = 0x77;
	int ret = bpf_skb_store_bytes(skb, 1, &b, 1, 0);

	ret = ret * 7 + bpf_skb_change_head(skb, 0, 0);
	return ret & 0xff;
}

SEC("flow_dissector")
int dissect(struct __sk_buff *skb)
{
	struct bpf_flow_keys *keys = skb->flow_keys;
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	__u32 word = 0;

	keys->thoff = keys->nhoff;
	keys->sport = bpf_skb_load_bytes(skb, 2, &word, 4);
	if (keys->n_proto != bpf_htons(ETH_P_IP) || keys->nhoff != ETH_HLEN || (void *)(ip + 1) > end)
		return BPF_DROP;
	keys->addr_proto = ETH_P_IP;
	keys->ip_proto = ip->protocol;
	keys->ipv4_src = ip->saddr;
	keys->ipv4_dst = ip->daddr;
	keys->thoff += ip->ihl * 4;
	keys->is_frag = !!(ip->frag_off & bpf_htons(0x3fff));
	keys->flow_label = 5;
	return BPF_OK;
}

char LICENSE[] SEC("license") = "GPL";
