/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect mend local_event: the kernel has a type of this name */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "local_header.h"
#include <local_header.h>

struct local_event event;

SEC("raw_tp/sched_switch")
int f(void *ctx)
{
	event.pid = LOCAL_PID;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
