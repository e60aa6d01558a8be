/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What sends signals, what they come to: also of children that exit. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
char LICENSE[] SEC("license") = "GPL";
#define OUT(n)                                                                                     \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                \
		__uint(max_entries, 1 << 20);                                                      \
	} n##s SEC(".maps");

struct rec {
	u32 pid;
	char comm[16];
	char kind[8];
	int sig, err, code, group, result;
	char tcomm[16];
	int self;
};
OUT(rec)
SEC("tp/signal/signal_generate") int g(struct trace_event_raw_signal_generate *ctx)
{
	struct rec *e = bpf_ringbuf_reserve(&recs, sizeof *e, 0);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof *e);
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, 16);
	e->sig = ctx->sig;
	e->err = ctx->errno;
	e->code = ctx->code;
	e->group = ctx->group;
	e->result = ctx->result;
	bpf_probe_read_kernel(e->tcomm, 16, ctx->comm);
	e->self = ctx->pid == e->pid;
	bpf_ringbuf_submit(e, 0);
	return 0;
}
SEC("tp/signal/signal_deliver") int d(struct trace_event_raw_signal_deliver *ctx)
{
	struct rec *e = bpf_ringbuf_reserve(&recs, sizeof *e, 0);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof *e);
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, 16);
	e->sig = ctx->sig;
	e->err = ctx->errno;
	e->code = ctx->code;
	__builtin_memcpy(e->kind, "deliver", 8);
	bpf_ringbuf_submit(e, 0);
	return 0;
}
