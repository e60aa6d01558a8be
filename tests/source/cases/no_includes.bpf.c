/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect mend added #include <vmlinux.h> */
#include <bpf/bpf_helpers.h>

SEC("tp/sched/sched_process_exec")
int f(void *ctx)
{
	u64 id = bpf_get_current_pid_tgid();

	bpf_printk("%d", (int)id);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
