// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

volatile __u64 turns;

SEC("tracepoint/syscalls/sys_enter_openat")
int spin(void *ctx)
{
	for (;;)
		turns++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
