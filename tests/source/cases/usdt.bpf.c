/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect ok */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/usdt.bpf.h>

SEC("usdt/libc.so.6:libc:setjmp")
int BPF_USDT(on_setjmp, void *arg1, int arg2, void *arg3)
{
	bpf_printk("%d", arg2);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
