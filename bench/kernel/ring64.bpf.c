/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A record of 64 bytes per system call, as a first program with a ring buffer has it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u64 ts;
	__u32 pid, uid;
	char comm[16];
	char rest[32];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 262144);
} events SEC(".maps");

static int report(void)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->ts = bpf_ktime_get_ns();
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	__builtin_memset(e->rest, 0, sizeof(e->rest));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_openat")
int on_openat(void *ctx)
{
	return report();
}

SEC("tp/syscalls/sys_enter_getsid")
int on_getsid(void *ctx)
{
	return report();
}

char _license[] SEC("license") = "GPL";
