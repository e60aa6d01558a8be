/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Functions of a program and of libc: arguments, results, order, recursion, threads. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct event {
	char what[16];
	u64 a, b, ret, ip;
	char text[24];
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

static __always_inline int report(void *ctx, const char *what, u64 a, u64 b, u64 ret, void *text)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	bpf_probe_read_kernel_str(e->what, sizeof(e->what), what);
	e->a = a;
	e->b = b;
	e->ret = ret;
	e->ip = bpf_get_func_ip(ctx) & 0xfff;
	if (text)
		bpf_probe_read_user_str(e->text, sizeof(e->text), text);
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("uprobe//tmp/skep-uprobe-oracle:fib") int BPF_UPROBE(fib_enter, u64 n)
{
	return report(ctx, "fib", n, 0, 0, NULL);
}

SEC("uretprobe//tmp/skep-uprobe-oracle:fib") int BPF_URETPROBE(fib_leave, u64 ret)
{
	return report(ctx, "fib returns", 0, 0, ret, NULL);
}

SEC("uprobe//tmp/skep-uprobe-oracle:greet") int BPF_UPROBE(greet_enter, char *name, u64 times)
{
	return report(ctx, "greet", times, 0, 0, name);
}

SEC("uretprobe//tmp/skep-uprobe-oracle:tail") int BPF_URETPROBE(tail_leave, u64 ret)
{
	return report(ctx, "tail returns", 0, 0, ret, NULL);
}

SEC("uprobe//tmp/skep-uprobe-oracle:in_thread") int BPF_UPROBE(thread_enter, u64 n)
{
	return report(ctx, "in_thread", n, 0, 0, NULL);
}

SEC("uretprobe//tmp/skep-uprobe-oracle:in_thread") int BPF_URETPROBE(thread_leave, u64 ret)
{
	return report(ctx, "thread returns", 0, 0, ret, NULL);
}

SEC("uretprobe//tmp/skep-uprobe-oracle:jumps") int BPF_URETPROBE(jumps_leave, u64 ret)
{
	return report(ctx, "jumps returns", 0, 0, ret, NULL);
}
