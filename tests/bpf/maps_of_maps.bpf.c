/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps of maps that the object fills, and what lookups in them give. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} in1 SEC(".maps"), in2 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {.values = {[1] = &in1, [3] = &in2}};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} houter SEC(".maps") = {.values = {[2] = &in2}};

__u64 n1, n2, n3, miss;

static __always_inline void hit(void *o, __u32 key, __u64 *n)
{
	void *map = bpf_map_lookup_elem(o, &key);
	__u32 zero = 0;
	__u64 *v;

	if (!map) {
		miss++;
		return;
	}
	v = bpf_map_lookup_elem(map, &zero);
	if (v)
		*n = ++*v;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	hit(&outer, 1, &n1);
	hit(&outer, 3, &n2);
	hit(&houter, 2, &n3);
	hit(&outer, 0, &n1);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
