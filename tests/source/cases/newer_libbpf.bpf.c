/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect ok */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

int total;

SEC("uprobe//bin/sh:main")
int BPF_UPROBE(on_main, int argc)
{
	int i;

	bpf_for(i, 0, argc)
		total += i;
	if (bpf_ksym_exists(bpf_task_from_pid))
		bpf_repeat(3)
			total++;
	return 0;
}

SEC("uretprobe//bin/sh:main")
int BPF_URETPROBE(on_return)
{
	return ctx != 0;
}

SEC("raw_tp/sys_enter")
int sixth(struct bpf_raw_tracepoint_args *args)
{
	struct pt_regs *regs = (void *)args->args[0];

	total += PT_REGS_PARM6_CORE_SYSCALL(regs) != 0;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
