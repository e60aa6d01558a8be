/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect ok */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* In a form that differs from the kernel's. */
struct task_struct___own {
	int pid;
};
struct task_struct___own *bpf_task_from_pid(int pid) __ksym;
void bpf_task_release(struct task_struct___own *p) __ksym;

SEC("tp_btf/sys_enter")
int BPF_PROG(f, struct pt_regs *regs, long id)
{
	struct task_struct___own *p = bpf_task_from_pid(1);

	if (p)
		bpf_task_release(p);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
