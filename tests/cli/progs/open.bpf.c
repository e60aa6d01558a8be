// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

const volatile pid_t targ_pid = 0;
const volatile bool with_flags = false;
const volatile char prefix[16] = "";

enum how { READ_ONLY, WRITE_ONLY, READ_WRITE };

struct event {
	__u32 pid;
	__u32 uid;
	enum how how;
	int flags;
	char comm[16];
	char path[128];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_openat")
int on_openat(struct trace_event_raw_sys_enter *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct event *e;

	if (targ_pid && pid != targ_pid)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0;
	e->pid = pid;
	e->uid = bpf_get_current_uid_gid();
	e->how = ctx->args[2] & 3;
	e->flags = with_flags ? (int)ctx->args[2] : 0;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_probe_read_user_str(e->path, sizeof(e->path), (void *)ctx->args[1]);
	for (int i = 0; i < 16 && prefix[i]; i++) {
		if (e->path[i] == prefix[i])
			continue;
		bpf_ringbuf_discard(e, 0);
		return 0;
	}
	bpf_ringbuf_submit(e, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
