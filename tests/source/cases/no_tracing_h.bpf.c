/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect mend PT_REGS_PARM2: added #include <bpf/bpf_tracing.h> */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("kprobe/do_sys_openat2")
int open_entry(struct pt_regs *ctx)
{
	char name[64];

	bpf_probe_read_user_str(name, sizeof(name), (void *)PT_REGS_PARM2(ctx));
	bpf_printk("%s", name);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
