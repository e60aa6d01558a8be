/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Births, execs and deaths with the kernel's own structs. */
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
	char other[16];
	int prio;
	int same_parent;
	u32 child_is_thread;
	int flags;
	int code;
	int vpid_positive;
	char child_state[8];
};
OUT(rec)
static struct rec *mk(const char *k)
{
	struct rec *e = bpf_ringbuf_reserve(&recs, sizeof *e, 0);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof *e);
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, 16);
	__builtin_memcpy(e->kind, k, 8);
	return e;
}
SEC("tp_btf/sched_process_fork") int BPF_PROG(f, struct task_struct *p, struct task_struct *c)
{
	struct rec *e = mk("forkbtf");
	if (!e)
		return 0;
	BPF_CORE_READ_STR_INTO(&e->other, c, comm);
	e->prio = c->prio;
	e->same_parent = c->real_parent == p;
	e->child_is_thread = c->tgid == p->tgid;
	e->vpid_positive = c->pid > 0 && p->pid == (u32)bpf_get_current_pid_tgid();
	e->code = c->exit_signal;
	bpf_ringbuf_submit(e, 0);
	return 0;
}
SEC("tp/sched/sched_process_fork") int f2(struct trace_event_raw_sched_process_fork *ctx)
{
	struct rec *e = mk("fork\0\0\0");
	if (!e)
		return 0;
	e->same_parent = ctx->parent_pid == (u32)bpf_get_current_pid_tgid();
	e->vpid_positive = ctx->child_pid > 0;
	bpf_ringbuf_submit(e, 0);
	return 0;
}
SEC("raw_tp/sched_process_exit") int x(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *t = (void *)ctx->args[0];
	struct rec *e = mk("exit\0\0\0");
	if (!e)
		return 0;
	e->code = BPF_CORE_READ(t, exit_code);
	BPF_CORE_READ_STR_INTO(&e->other, t, real_parent, comm);
	e->prio = BPF_CORE_READ(t, static_prio);
	bpf_ringbuf_submit(e, 0);
	return 0;
}
SEC("tp_btf/sched_process_exec")
int BPF_PROG(ex, struct task_struct *t, pid_t old, struct linux_binprm *b)
{
	struct rec *e = mk("exec\0\0\0");
	if (!e)
		return 0;
	bpf_probe_read_kernel_str(e->other, 16, b->filename + 0);
	e->other[0] = 0;
	e->same_parent = old == t->pid;
	e->code = b->argc;
	e->flags = b->envc > 0;
	bpf_ringbuf_submit(e, 0);
	return 0;
}
