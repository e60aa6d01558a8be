/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reports in every way there is, and counts nothing: what gets lost is for the engine to find out. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u64 nr;
	__u32 pid;
	char pad[180];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16384);
	__type(value, struct event);
} reserved SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16384);
	__type(value, struct event);
} copied SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");

const volatile __u32 target; /* the process that counts */
const volatile __u32 burst = 1;
const volatile _Bool discard, force, print;
__u64 calls;

static __always_inline int is_target(void)
{
	return !target || bpf_get_current_pid_tgid() >> 32 == target;
}

/* A subprogram: its code is patched too, and others call it. */
static __attribute__((noinline)) int reserve_one(__u64 nr)
{
	struct event *e = bpf_ringbuf_reserve(&reserved, sizeof(*e), 0);

	if (!e)
		return -1;
	e->nr = nr;
	e->pid = target;
	if (discard && nr % 2)
		bpf_ringbuf_discard(e, 0);
	else
		bpf_ringbuf_submit(e, force ? BPF_RB_FORCE_WAKEUP : 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_getsid")
int on_getsid(void *ctx)
{
	if (!is_target())
		return 0;
	__sync_fetch_and_add(&calls, 1);
	for (__u32 i = 0; i < burst && i < 4096; i++)
		reserve_one(i);
	if (print)
		bpf_printk("getsid of %u", target);
	return 0;
}

SEC("tp/syscalls/sys_enter_getpgid")
int on_getpgid(void *ctx)
{
	struct event e = {};

	if (!is_target())
		return 0;
	e.pid = target;
	for (__u32 i = 0; i < burst && i < 4096; i++) {
		e.nr = i;
		bpf_ringbuf_output(&copied, &e, sizeof(e), 0);
	}
	return 0;
}

SEC("tp/syscalls/sys_enter_getpriority")
int on_getpriority(void *ctx)
{
	struct event e = {};

	if (!is_target())
		return 0;
	e.pid = target;
	for (__u32 i = 0; i < burst && i < 4096; i++) {
		e.nr = i;
		bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, &e, sizeof(e));
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
