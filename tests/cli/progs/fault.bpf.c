// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} small SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_openat")
int oops(void *ctx)
{
	__u32 zero = 0, *value = bpf_map_lookup_elem(&small, &zero);

	if (value)
		value[4] = 1; /* the fault */
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
