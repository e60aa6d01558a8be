// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What programs read of the current task, both by probe_read and through typed pointers. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct event {
	int pid, tgid, ppid, leader, level, nr;
	unsigned int uid, euid, mnt, pidns, net, uts, user;
	unsigned long long capeff, starttime, cgroup, cgroup2;
	char comm[16], exe[32], pwd[32], arg0[32], node[64], fd0[32];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
	__type(value, struct event);
} rb SEC(".maps");

static void ids(struct event *e, struct task_struct *t, struct task_struct *b)
{
	e->pid = BPF_CORE_READ(t, pid);
	e->tgid = b->tgid;
	e->ppid = b->real_parent->tgid;
	e->leader = BPF_CORE_READ(t, group_leader, pid);
	e->level = BPF_CORE_READ(t, thread_pid, level);
	e->nr = BPF_CORE_READ(t, thread_pid, numbers[0].nr);
	e->uid = BPF_CORE_READ(t, cred, uid.val);
	e->euid = b->cred->euid.val;
	e->capeff = *(unsigned long long *)&b->cred->cap_effective;
	e->starttime = b->start_time;
	e->cgroup = bpf_get_current_cgroup_id();
	e->cgroup2 = BPF_CORE_READ(t, cgroups, dfl_cgrp, kn, id);
}

static void namespaces(struct event *e, struct task_struct *t)
{
	e->mnt = BPF_CORE_READ(t, nsproxy, mnt_ns, ns.inum);
	e->pidns = BPF_CORE_READ(t, nsproxy, pid_ns_for_children, ns.inum);
	e->net = BPF_CORE_READ(t, nsproxy, net_ns, ns.inum);
	e->uts = BPF_CORE_READ(t, nsproxy, uts_ns, ns.inum);
	e->user = BPF_CORE_READ(t, cred, user_ns, ns.inum);
	BPF_CORE_READ_STR_INTO(&e->node, t, nsproxy, uts_ns, name.nodename);
}

static void names(struct event *e, struct task_struct *t)
{
	BPF_CORE_READ_STR_INTO(&e->comm, t, comm);
	bpf_probe_read_kernel_str(e->exe, sizeof(e->exe),
				  BPF_CORE_READ(t, mm, exe_file, f_path.dentry, d_name.name));
	bpf_probe_read_kernel_str(e->pwd, sizeof(e->pwd),
				  BPF_CORE_READ(t, fs, pwd.dentry, d_name.name));
	struct file **fds = BPF_CORE_READ(t, files, fdt, fd), *file = 0;

	bpf_probe_read_kernel(&file, sizeof(file), fds);
	bpf_probe_read_kernel_str(e->fd0, sizeof(e->fd0),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	bpf_probe_read_user_str(e->arg0, sizeof(e->arg0),
				(void *)BPF_CORE_READ(t, mm, arg_start));
}

SEC("tp/syscalls/sys_enter_getppid")
int at_call(void *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&rb, sizeof(*e), 0);
	struct task_struct *t = (void *)bpf_get_current_task();

	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	ids(e, t, bpf_get_current_task_btf());
	namespaces(e, t);
	names(e, t);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(at_exec, struct task_struct *p, pid_t old, struct linux_binprm *bprm)
{
	char name[32];

	bpf_probe_read_kernel_str(name, sizeof(name), bprm->filename);
	bpf_printk("exec %s by %s", name, p->comm);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(at_exit, struct task_struct *p)
{
	bpf_printk("exit %x", BPF_CORE_READ(p, exit_code));
	return 0;
}
