/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every way to define a map. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct key {
	__u32 a, b;
};
struct value {
	__u64 count;
	char name[12];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 77);
	__type(key, struct key);
	__type(value, struct value);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE);
	__uint(numa_node, 0);
} typed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 24);
	__uint(max_entries, 3);
} sized SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 5000);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 100);
	__type(value, __u32);
	__uint(map_extra, 3);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, int);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} pinned SEC(".maps");

struct inner_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, int);
	__type(value, struct value);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, int);
	__array(values, struct inner_map);
} outer SEC(".maps") = {.values = {[1] = &inner_a, [3] = &inner_b}};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_HASH);
			__uint(max_entries, 9);
			__type(key, struct key);
			__type(value, __u64);
		});
} outer_hash SEC(".maps");

int tail_one(struct __sk_buff *skb);
int tail_two(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__array(values, int(struct __sk_buff *));
} tails SEC(".maps") = {.values = {[0] = tail_one, [7] = tail_two}};

SEC("tc") int tail_one(struct __sk_buff *skb)
{
	return 1;
}

SEC("tc") int tail_two(struct __sk_buff *skb)
{
	return 2;
}

SEC("tc") int use_maps(struct __sk_buff *skb)
{
	struct key key = {1, 2};
	struct value *v = bpf_map_lookup_elem(&typed, &key);
	int zero = 0;
	void *in, *p;

	if (v)
		v->count++;
	bpf_map_lookup_elem(&sized, &zero);
	bpf_map_lookup_elem(&pinned, &zero);
	bpf_map_peek_elem(&bloom, &zero);
	bpf_perf_event_output(skb, &perf, BPF_F_CURRENT_CPU, &key, sizeof(key));
	p = bpf_ringbuf_reserve(&ring, 8, 0);
	if (p)
		bpf_ringbuf_discard(p, 0);
	in = bpf_map_lookup_elem(&outer, &zero);
	if (in)
		bpf_map_lookup_elem(in, &zero);
	bpf_map_lookup_elem(&outer_hash, &zero);
	bpf_tail_call(skb, &tails, 7);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
__u32 _version SEC("version") = 0x60c00;
