/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect error types of the kernel are in "vmlinux.h" */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("raw_tp/sched_switch")
int f(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return task->pid;
}
