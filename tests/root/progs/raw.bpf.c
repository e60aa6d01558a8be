/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Raw tracepoints of system calls: registers, and the parent from the task. */
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
	s64 nr;
	u32 uid;
	u32 ppid;
	char pcomm[16];
	u64 a1, a2;
	char kind[8];
	long ret;
};
OUT(rec)
static void fill(struct rec *e)
{
	struct task_struct *t = (void *)bpf_get_current_task();
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, 16);
	e->uid = bpf_get_current_uid_gid();
	e->ppid = BPF_CORE_READ(t, real_parent, tgid);
	BPF_CORE_READ_STR_INTO(&e->pcomm, t, real_parent, comm);
}
/* Not those of which a shell makes more or less by chance: wait4, rt_sigaction, rt_sigprocmask. */
static int wanted(long nr)
{
	return nr == 1 || nr == 3 || nr == 21 || nr == 33 || nr == 72 || nr == 79 || nr == 16 ||
	       nr == 8;
}

SEC("raw_tp/sys_enter") int re(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *r = (void *)ctx->args[0];
	if (!wanted(ctx->args[1]))
		return 0;
	struct rec *e = bpf_ringbuf_reserve(&recs, sizeof *e, 0);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof *e);
	fill(e);
	e->nr = ctx->args[1];
	e->a1 = (u32)PT_REGS_PARM1_CORE(r);
	e->a2 = e->nr == 33 || e->nr == 72 ? PT_REGS_PARM2_CORE(r) : 0;
	if (e->nr == 21)
		e->a1 = 0;
	__builtin_memcpy(e->kind, "enter", 6);
	bpf_ringbuf_submit(e, 0);
	return 0;
}
SEC("raw_tp/sys_exit") int rx(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *r = (void *)ctx->args[0];
	long nr = BPF_CORE_READ(r, orig_ax);
	if (!wanted(nr))
		return 0;
	struct rec *e = bpf_ringbuf_reserve(&recs, sizeof *e, 0);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof *e);
	fill(e);
	e->nr = nr;
	e->ret = nr == 61 ? 0 : ctx->args[1];
	__builtin_memcpy(e->kind, "exit", 5);
	bpf_ringbuf_submit(e, 0);
	return 0;
}
