// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH); /* no max_entries: left to the loader */
	__type(key, __u32);
	__type(value, __u64);
} sizeless SEC(".maps");

__u64 nr_opens;
int untouched = 5;

SEC("fentry/do_sys_openat2")
int BPF_PROG_like(void *ctx)
{
	__u32 key = 1;
	__u64 one = 1;

	__sync_fetch_and_add(&nr_opens, 1);
	bpf_map_update_elem(&sizeless, &key, &one, BPF_ANY);
	return 0;
}

SEC("kprobe/do_sys_openat2")
int the_other_way(void *ctx)
{
	__sync_fetch_and_add(&nr_opens, 1000000);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
