// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u32 pid, ppid, tgid, uid;
	int nr, ret;
	char what[8];
	char comm[16];
	char parent[16];
	char text[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} events SEC(".maps");

static void fill(struct event *e, const char *what)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();

	__builtin_memcpy(e->what, what, 8);
	e->pid = id;
	e->tgid = id >> 32;
	e->uid = bpf_get_current_uid_gid();
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	BPF_CORE_READ_STR_INTO(&e->parent, task, real_parent, comm);
	bpf_get_current_comm(e->comm, sizeof(e->comm));
}

SEC("tp/sched/sched_process_exec")
int on_exec(struct trace_event_raw_sched_process_exec *ctx)
{
	struct event e = {};
	unsigned off = ctx->__data_loc_filename & 0xffff;

	fill(&e, "exec\0\0\0");
	e.nr = ctx->pid == (int)e.pid;
	bpf_probe_read_str(e.text, sizeof(e.text), (void *)ctx + off);
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &e, sizeof(e));
	return 0;
}

SEC("tp/sched/sched_process_exit")
int on_exit(struct trace_event_raw_sched_process_template *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct event e = {};

	fill(&e, "exit\0\0\0");
	e.ret = BPF_CORE_READ(task, exit_code);
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &e, sizeof(e));
	return 0;
}

SEC("tp/syscalls/sys_enter_execve")
int on_execve(struct trace_event_raw_sys_enter *ctx)
{
	struct event e = {};
	const char *arg = 0;

	fill(&e, "execve\0");
	e.nr = ctx->id;
	bpf_probe_read_user(&arg, sizeof(arg), (void *)(ctx->args[1] + 8));
	bpf_probe_read_user_str(e.text, sizeof(e.text), arg);
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &e, sizeof(e));
	return 0;
}

SEC("tp/syscalls/sys_exit_newfstatat")
int on_stat(struct trace_event_raw_sys_exit *ctx)
{
	struct event e = {};

	fill(&e, "stat\0\0\0");
	e.nr = ctx->id;
	e.ret = ctx->ret;
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &e, sizeof(e));
	return 0;
}

SEC("raw_tp/sys_exit")
int on_any_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (void *)ctx->args[0];
	struct event e = {};

	e.nr = BPF_CORE_READ(regs, orig_ax);
	if (e.nr != 83 && e.nr != 84) /* mkdir, rmdir */
		return 0;
	fill(&e, "raw\0\0\0\0");
	e.ret = ctx->args[1];
	bpf_probe_read_user_str(e.text, sizeof(e.text), (void *)BPF_CORE_READ(regs, di));
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &e, sizeof(e));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
