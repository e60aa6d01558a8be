// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A congestion control that counts: a struct of functions given to the kernel. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

__u64 nr_init, nr_acked;

SEC("struct_ops/skep_init")
void BPF_PROG(skep_init, struct sock *sk)
{
	__sync_fetch_and_add(&nr_init, 1);
}

SEC("struct_ops/skep_ssthresh")
__u32 BPF_PROG(skep_ssthresh, struct sock *sk)
{
	return 10;
}

SEC("struct_ops/skep_undo_cwnd")
__u32 BPF_PROG(skep_undo_cwnd, struct sock *sk)
{
	return 10;
}

SEC("struct_ops/skep_cong_avoid")
void BPF_PROG(skep_cong_avoid, struct sock *sk, __u32 ack, __u32 acked)
{
	__sync_fetch_and_add(&nr_acked, 1);
}

#ifdef OLD
SEC(".struct_ops")
#else
SEC(".struct_ops.link")
#endif
struct tcp_congestion_ops skep_cc = {
	.init = (void *)skep_init,
	.ssthresh = (void *)skep_ssthresh,
	.undo_cwnd = (void *)skep_undo_cwnd,
	.cong_avoid = (void *)skep_cong_avoid,
	.name = "skep_cc",
};
