/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables of functions and an arena's variable: what the loader makes of them. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct ops {
	int (*first)(void);
	void (*second)(void);
	unsigned int flags;
};

struct {
	__uint(type, 33); /* BPF_MAP_TYPE_ARENA */
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
} pages SEC(".maps");

long shared __attribute__((address_space(1))) SEC(".addr_space.1") = 7;

SEC("struct_ops/first") int first(void *ctx)
{
	return 0;
}

SEC("syscall") int take(void *ctx)
{
	return shared == 7;
}

SEC(".struct_ops") struct ops plain = {
	.first = (void *)first,
};

SEC(".struct_ops.link") struct ops linked = {
	.first = (void *)first,
	.flags = 1,
};
