/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A function that is called all the time, for tests/hook/pid.t: the file comes from --binary. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

long hits, rets;

SEC("uprobe/busy_work") int on_entry(void *ctx)
{
	__sync_fetch_and_add(&hits, 1);
	return 0;
}

SEC("uretprobe/busy_work") int on_return(void *ctx)
{
	__sync_fetch_and_add(&rets, 1);
	return 0;
}
