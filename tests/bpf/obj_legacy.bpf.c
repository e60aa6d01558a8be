/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps as they were defined before BTF. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct old_def {
	unsigned int type, key_size, value_size, max_entries, map_flags;
};

struct old_def SEC("maps") counts = {
	.type = BPF_MAP_TYPE_HASH,
	.key_size = 4,
	.value_size = 8,
	.max_entries = 16,
	.map_flags = BPF_F_NO_PREALLOC,
};

struct ____btf_map_counts {
	int key;
	long value;
};
struct ____btf_map_counts __attribute__((section(".maps.counts"), used)) ____btf_map_counts = {};

struct old_def SEC("maps") events = {
	.type = BPF_MAP_TYPE_PERF_EVENT_ARRAY,
	.key_size = 4,
	.value_size = 4,
};

SEC("kprobe/do_nanosleep") int legacy(void *ctx)
{
	int key = 1;
	long *v = bpf_map_lookup_elem(&counts, &key);

	if (v)
		(*v)++;
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &key, sizeof(key));
	return 0;
}

char _license[] SEC("license") = "GPL";
