// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("tp/syscalls/sys_enter_execve")
int hello(void *ctx)
{
	bpf_printk("Hello, %s %d!", "world", 42);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
