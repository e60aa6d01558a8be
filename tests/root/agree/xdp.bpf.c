// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// XDP: packets changed, cut and grown, and maps of every kind written from what they hold.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct flow {
	__u32 saddr, daddr;
	__u16 sport, dport;
	__u8 proto, pad[3];
};

struct counters {
	__u64 packets, bytes;
};

struct locked {
	struct bpf_spin_lock lock;
	__u32 nr;
	__u64 sum;
};

struct lpm_key {
	__u32 prefixlen;
	__u32 addr;
};

#define MAP(name, map_type, entries, key_type, value_type)                                         \
	struct {                                                                                   \
		__uint(type, map_type);                                                            \
		__uint(max_entries, entries);                                                      \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} name SEC(".maps")

MAP(flows, BPF_MAP_TYPE_HASH, 64, struct flow, struct counters);
MAP(lru, BPF_MAP_TYPE_LRU_HASH, 16, __u32, __u64);
MAP(protos, BPF_MAP_TYPE_ARRAY, 256, __u32, __u64);
MAP(per_cpu, BPF_MAP_TYPE_PERCPU_ARRAY, 4, __u32, struct counters);
MAP(per_cpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 16, __u16, __u64);
MAP(locks, BPF_MAP_TYPE_ARRAY, 2, __u32, struct locked);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 32);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lpm_key);
	__type(value, __u64);
} trie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__type(value, __u32);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 4);
	__type(value, __u32);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 16);
	__type(value, __u32);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} ref_outer SEC(".maps") = {.values = {&inner_a, &inner_b}};

int xdp_tail(struct xdp_md *ctx);
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, int(void *));
} ref_tails SEC(".maps") = {.values = {[1] = (void *)&xdp_tail}};

__u64 total, by_length[4];
char text[64];
static __u32 hidden;

static __always_inline struct iphdr *ip_of(struct xdp_md *ctx, void **end)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);

	*end = (void *)(long)ctx->data_end;
	if ((void *)(ip + 1) > *end || eth->h_proto != bpf_htons(ETH_P_IP))
		return NULL;
	return ip;
}

SEC("xdp")
int xdp_swap(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u8 mac[6];

	if (data + sizeof(*eth) > end)
		return XDP_ABORTED;
	__builtin_memcpy(mac, eth->h_source, 6);
	__builtin_memcpy(eth->h_source, eth->h_dest, 6);
	__builtin_memcpy(eth->h_dest, mac, 6);
	total += end - data;
	return XDP_TX;
}

SEC("xdp")
int xdp_flows(struct xdp_md *ctx)
{
	struct counters one = {1, 0}, *c;
	struct flow f = {0};
	struct udphdr *udp;
	void *end;
	struct iphdr *ip = ip_of(ctx, &end);
	__u32 proto;
	__u64 *nr;

	if (!ip)
		return XDP_PASS;
	f.saddr = ip->saddr;
	f.daddr = ip->daddr;
	f.proto = ip->protocol;
	proto = ip->protocol;
	udp = (void *)ip + ip->ihl * 4;
	if ((void *)(udp + 1) <= end) {
		f.sport = udp->source;
		f.dport = udp->dest;
	}
	one.bytes = ctx->data_end - ctx->data;
	c = bpf_map_lookup_elem(&flows, &f);
	if (c) {
		c->packets++;
		c->bytes += one.bytes;
	} else {
		bpf_map_update_elem(&flows, &f, &one, BPF_NOEXIST);
	}
	nr = bpf_map_lookup_elem(&protos, &proto);
	if (nr)
		__sync_fetch_and_add(nr, 1);
	return XDP_DROP;
}

SEC("xdp")
int xdp_maps(struct xdp_md *ctx)
{
	__u8 *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 key = 0, ret = 0, word, i;
	struct lpm_key lpm = {24, 0};
	struct counters *c;
	struct locked *l;
	__u64 value, *v;
	__u16 half;

	if (p + 34 > end)
		return 77;
	__builtin_memcpy(&word, p + 26, 4);
	__builtin_memcpy(&half, p + 12, 2);
	lpm.addr = word;
	lpm.prefixlen = p[22] & 31;
	value = word;
	ret = ret * 3 + bpf_map_update_elem(&trie, &lpm, &value, 0);
	lpm.prefixlen = 32;
	v = bpf_map_lookup_elem(&trie, &lpm);
	ret = ret * 3 + (v ? *v : 5);
	for (i = 0; i < 20; i++) {
		key = word + i;
		value = i;
		ret += bpf_map_update_elem(&lru, &key, &value, i & 1 ? BPF_NOEXIST : BPF_ANY);
	}
	for (i = 0; i < 6; i++) {
		word += i;
		ret = ret * 7 + bpf_map_push_elem(&queue, &word, i == 5 ? BPF_EXIST : 0);
		ret = ret * 7 + bpf_map_push_elem(&stack, &word, i == 4 ? BPF_EXIST : 0);
		ret = ret * 7 + bpf_map_push_elem(&bloom, &word, 0);
	}
	ret = ret * 5 + bpf_map_pop_elem(&queue, &key) + key;
	ret = ret * 5 + bpf_map_peek_elem(&queue, &key) + key;
	ret = ret * 5 + bpf_map_pop_elem(&stack, &key) + key;
	ret = ret * 5 + bpf_map_peek_elem(&bloom, &word);
	key = p[23] & 3;
	c = bpf_map_lookup_elem(&per_cpu, &key);
	if (c) {
		c->packets++;
		c->bytes += p[20];
	}
	value = p[21];
	ret = ret * 5 + bpf_map_update_elem(&per_cpu_hash, &half, &value, BPF_ANY);
	key = 1;
	l = bpf_map_lookup_elem(&locks, &key);
	if (l) {
		bpf_spin_lock(&l->lock);
		l->nr++;
		l->sum += word;
		bpf_spin_unlock(&l->lock);
	}
	return ret;
}

SEC("xdp")
int xdp_inner(struct xdp_md *ctx)
{
	__u32 len = ctx->data_end - ctx->data, idx = len & 1, key = len >> 1 & 3;
	void *in = bpf_map_lookup_elem(&ref_outer, &idx);
	__u64 *v = in ? bpf_map_lookup_elem(in, &key) : NULL;

	if (v)
		*v += len;
	return v ? XDP_PASS : XDP_ABORTED;
}

SEC("xdp")
int xdp_tail(struct xdp_md *ctx)
{
	hidden++;
	by_length[ctx->data_end - ctx->data > 64] += hidden;
	return XDP_PASS;
}

SEC("xdp")
int xdp_tails(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &ref_tails, 0);
	bpf_tail_call(ctx, &ref_tails, (ctx->data_end - ctx->data) & 1);
	bpf_tail_call(ctx, &ref_tails, 17);
	return XDP_DROP;
}

SEC("xdp")
int xdp_head(struct xdp_md *ctx)
{
	int ret = 0;
	__u8 *p;

	ret = ret * 7 + bpf_xdp_adjust_head(ctx, -20);
	ret = ret * 7 + bpf_xdp_adjust_head(ctx, 6);
	ret = ret * 7 + bpf_xdp_adjust_head(ctx, -100000);
	ret = ret * 7 + bpf_xdp_adjust_head(ctx, 100000);
	p = (void *)(long)ctx->data;
	if (p + 20 <= (__u8 *)(long)ctx->data_end)
		__builtin_memset(p, 0xab, 20);
	return ret & 0x7fffffff;
}

SEC("xdp")
int xdp_tail_room(struct xdp_md *ctx)
{
	int ret = bpf_xdp_adjust_tail(ctx, -7);

	ret = ret * 7 + bpf_xdp_adjust_tail(ctx, 32);
	ret = ret * 7 + bpf_xdp_adjust_tail(ctx, -100000);
	ret = ret * 7 + bpf_xdp_adjust_tail(ctx, 100000);
	return (ret & 0xffff) * 1000 + (int)(ctx->data_end - ctx->data);
}

SEC("xdp")
int xdp_meta(struct xdp_md *ctx)
{
	int ret = bpf_xdp_adjust_meta(ctx, -8);
	__u32 *meta = (void *)(long)ctx->data_meta;

	if ((void *)(meta + 2) > (void *)(long)ctx->data)
		return 99;
	meta[0] = 0x11223344;
	meta[1] = 0x55667788;
	ret = ret * 7 + bpf_xdp_adjust_meta(ctx, -3);
	ret = ret * 7 + bpf_xdp_adjust_meta(ctx, -4000);
	ret = ret * 7 + bpf_xdp_adjust_meta(ctx, 8);
	return ret & 0x7fffffff;
}

SEC("xdp")
int xdp_bytes(struct xdp_md *ctx)
{
	__u8 buf[32] = {0};
	int ret = bpf_xdp_load_bytes(ctx, 3, buf, sizeof(buf));

	for (int i = 0; i < 16; i++) {
		__u8 b = buf[i];

		buf[i] = buf[31 - i];
		buf[31 - i] = b;
	}
	ret = ret * 7 + bpf_xdp_store_bytes(ctx, 9, buf, sizeof(buf));
	ret = ret * 7 + bpf_xdp_load_bytes(ctx, 4000, buf, 4);
	ret = ret * 7 + bpf_xdp_store_bytes(ctx, 0xffff, buf, 4);
	return (int)bpf_xdp_get_buff_len(ctx) + ret * 10000;
}

SEC("xdp")
int xdp_csum(struct xdp_md *ctx)
{
	void *end;
	struct iphdr *ip = ip_of(ctx, &end);
	__u32 old = 0, csum;

	if (!ip)
		return XDP_PASS;
	csum = bpf_csum_diff(&old, 0, (void *)ip, sizeof(*ip), 0x1234);
	csum = bpf_csum_diff((void *)ip, 8, (void *)&ip->saddr, 8, csum);
	ip->ttl--;
	return (int)csum;
}

SEC("xdp")
int xdp_redirects(struct xdp_md *ctx)
{
	return bpf_redirect(0, 0) * 100 + bpf_redirect(1, 7);
}

SEC("xdp")
int xdp_records(struct xdp_md *ctx)
{
	__u64 len = ctx->data_end - ctx->data, *r = bpf_ringbuf_reserve(&ring, 16, 0);
	__u32 out[3] = {len, 2, 3};
	int ret = 0;

	if (r) {
		r[0] = len;
		r[1] = 0x0102030405060708ull;
		bpf_ringbuf_submit(r, 0);
	}
	r = bpf_ringbuf_reserve(&ring, 24, 0);
	if (r)
		bpf_ringbuf_discard(r, 0);
	r = bpf_ringbuf_reserve(&ring, 1 << 20, 0);
	if (r)
		bpf_ringbuf_discard(r, 0);
	else
		ret++;
	ret = ret * 5 + bpf_ringbuf_output(&ring, out, sizeof(out), 0);
	ret = ret * 5 + bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU | 20ull << 32, out,
					      sizeof(out));
	ret = ret * 5 + bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU | 4000ull << 32, out,
					      sizeof(out));
	return ret & 0x7fffffff;
}

static long loop_body(__u64 i, void *ctx)
{
	__u64 *sum = ctx;

	*sum += i * i;
	return *sum > 3000;
}

static long each(void *map, __u32 *key, __u64 *value, __u64 *sum)
{
	*sum = *sum * 3 + *key + *value;
	return 0;
}

SEC("xdp")
int xdp_loops(struct xdp_md *ctx)
{
	__u64 sum = 0, value;
	__u32 len = ctx->data_end - ctx->data, key;
	long ret = bpf_loop(len, loop_body, &sum, 0);

	ret = ret * 7 + bpf_loop(3, loop_body, &sum, 1);
	ret = ret * 7 + bpf_loop(1 << 30, loop_body, &sum, 0);
	key = len & 7; /* beyond the last index, too */
	value = len;
	ret = ret * 7 + bpf_map_update_elem(&inner_a, &key, &value, 0);
	ret = ret * 7 + bpf_for_each_map_elem(&inner_a, each, &sum, 0);
	return (int)(sum + ret);
}

SEC("xdp")
int xdp_text(struct xdp_md *ctx)
{
	__u32 len = ctx->data_end - ctx->data;
	static const char fmt[] = "%d|%5u|%-5d|%08x|%llx|%s|%c|%%";
	__u64 args[] = {-(int)len, len, len, len * 77777, 1ull << 40 | len, (__u64)(long)"word", 'x'};
	static const char num[] = " -0x1fz", dec[] = "42 7";
	long parsed = 0;
	unsigned long uparsed = 0;
	int ret = bpf_snprintf(text, sizeof(text), fmt, args, sizeof(args));

	ret = ret * 7 + bpf_snprintf(text + 60, 4, "%d", args, 8);
	ret = ret * 7 + bpf_strtol(num, sizeof(num) - 1, 0, &parsed) + parsed;
	ret = ret * 7 + bpf_strtoul(dec, sizeof(dec) - 1, 10, &uparsed) + uparsed;
	ret = ret * 7 + bpf_strtoul(num, sizeof(num) - 1, 16, &uparsed);
	ret = ret * 7 + bpf_strncmp(text, 8, "-6");
	return ret;
}

char LICENSE[] SEC("license") = "GPL";
