/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect mend BPF_KPROBE: added #include <bpf/bpf_tracing.h> */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("kprobe/tcp_v4_connect")
int BPF_KPROBE(tcp_v4_connect, struct sock *sk)
{
	bpf_printk("%p", sk);
	return 0;
}
