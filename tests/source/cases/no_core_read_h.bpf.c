/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect mend BPF_CORE_READ: added #include <bpf/bpf_core_read.h> */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *p)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	bpf_printk("%d", BPF_CORE_READ(task, real_parent, tgid));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
