/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect ok */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct data_t {
	__u32 pid;
	u64 ts;
	uint16_t port;
	char comm[TASK_COMM_LEN];
	bool ok;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} output SEC(".maps");

SEC("ksyscall/execve")
int hello(void *ctx)
{
	struct data_t data = {};

	data.pid = bpf_get_current_pid_tgid() >> 32;
	data.ts = bpf_ktime_get_ns();
	data.ok = true;
	bpf_get_current_comm(&data.comm, sizeof(data.comm));
	bpf_perf_event_output(ctx, &output, BPF_F_CURRENT_CPU, &data, sizeof(data));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
