// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program of nearly every kind: each counts in a variable of its own name. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

#define COUNT(name, section, ctx, ret)                                                             \
	__u64 nr_##name;                                                                           \
	SEC(section)                                                                               \
	int name(ctx *c)                                                                           \
	{                                                                                          \
		__sync_fetch_and_add(&nr_##name, 1);                                               \
		return ret;                                                                        \
	}

/* network devices */
COUNT(xdp_any, "xdp", struct xdp_md, XDP_PASS)
COUNT(xdp_drop, "xdp", struct xdp_md, XDP_DROP)
COUNT(xdp_fragments, "xdp.frags", struct xdp_md, XDP_PASS)
COUNT(tc_in, "tc/ingress", struct __sk_buff, TC_ACT_OK)
COUNT(tc_out, "tcx/egress", struct __sk_buff, TC_ACT_OK)
COUNT(tc_plain, "tc", struct __sk_buff, TC_ACT_OK)
COUNT(tc_old, "classifier", struct __sk_buff, TC_ACT_OK)
COUNT(tc_action, "action", struct __sk_buff, TC_ACT_OK)
COUNT(netkit_prim, "netkit/primary", struct __sk_buff, 0)
COUNT(filter, "socket", struct __sk_buff, 0)

/* routes, namespaces, hooks */
COUNT(route_in, "lwt_in", struct __sk_buff, BPF_OK)
COUNT(route_out, "lwt_out", struct __sk_buff, BPF_OK)
COUNT(route_xmit, "lwt_xmit", struct __sk_buff, BPF_OK)
COUNT(route_seg6, "lwt_seg6local", struct __sk_buff, BPF_OK)
COUNT(dissector, "flow_dissector", struct __sk_buff, BPF_DROP)
COUNT(lookup, "sk_lookup", struct bpf_sk_lookup, SK_PASS)
COUNT(nf, "netfilter", void, 1)

/* cgroups */
COUNT(cg_skb_in, "cgroup_skb/ingress", struct __sk_buff, 1)
COUNT(cg_skb_out, "cgroup_skb/egress", struct __sk_buff, 1)
COUNT(cg_skb, "cgroup/skb", struct __sk_buff, 1)
COUNT(cg_sock, "cgroup/sock_create", struct bpf_sock, 1)
COUNT(cg_release, "cgroup/sock_release", struct bpf_sock, 1)
COUNT(cg_post_bind4, "cgroup/post_bind4", struct bpf_sock, 1)
COUNT(cg_bind4, "cgroup/bind4", struct bpf_sock_addr, 1)
COUNT(cg_connect4, "cgroup/connect4", struct bpf_sock_addr, 1)
COUNT(cg_connect6, "cgroup/connect6", struct bpf_sock_addr, 1)
COUNT(cg_connect_unix, "cgroup/connect_unix", struct bpf_sock_addr, 1)
COUNT(cg_sendmsg4, "cgroup/sendmsg4", struct bpf_sock_addr, 1)
COUNT(cg_recvmsg4, "cgroup/recvmsg4", struct bpf_sock_addr, 1)
COUNT(cg_getpeer4, "cgroup/getpeername4", struct bpf_sock_addr, 1)
COUNT(cg_getsock4, "cgroup/getsockname4", struct bpf_sock_addr, 1)
COUNT(cg_sysctl, "cgroup/sysctl", struct bpf_sysctl, 1)
COUNT(cg_getopt, "cgroup/getsockopt", struct bpf_sockopt, 1)
COUNT(cg_setopt, "cgroup/setsockopt", struct bpf_sockopt, 1)
COUNT(cg_dev, "cgroup/dev", struct bpf_cgroup_dev_ctx, 1)
COUNT(ops, "sockops", struct bpf_sock_ops, 1)

/* maps of sockets */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, __u64);
} socks SEC(".maps");

__u64 nr_established;
SEC("sockops")
int into_map(struct bpf_sock_ops *c)
{
	__u64 key = nr_established;

	if (c->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    c->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	nr_established++;
	bpf_sock_hash_update(c, &socks, &key, BPF_ANY);
	return 1;
}
COUNT(msg, "sk_msg", struct sk_msg_md, SK_PASS)
COUNT(skb_verdict, "sk_skb/verdict", struct __sk_buff, SK_PASS)
COUNT(skb_parser, "sk_skb/stream_parser", struct __sk_buff, 1)
COUNT(skb_stream, "sk_skb/stream_verdict", struct __sk_buff, SK_PASS)
COUNT(skb_bare, "sk_skb", struct __sk_buff, SK_PASS)

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} group SEC(".maps");

__u64 nr_chosen;
SEC("sk_reuseport")
int choose(struct sk_reuseport_md *c)
{
	__u32 key = 1;

	if (!bpf_sk_select_reuseport(c, &group, &key, 0))
		nr_chosen++;
	return SK_PASS;
}

/* tracing */
COUNT(tp_call, "tp/syscalls/sys_enter_getppid", void, 0)
COUNT(tp_none, "tp/syscalls/sys_enter_getpppid", void, 0)
COUNT(raw, "raw_tp/sys_enter", void, 0)
COUNT(raw_w, "raw_tp.w/sys_enter", void, 0)
COUNT(btf_tp, "tp_btf/sys_enter", void, 0)
COUNT(kp, "kprobe/do_sys_openat2", void, 0)
COUNT(krp, "kretprobe/do_sys_openat2", void, 0)
COUNT(ks, "ksyscall/getppid", void, 0)
COUNT(kmulti, "kprobe.multi/vfs_r*d", void, 0)
COUNT(ksession, "kprobe.session/vfs_read", void, 0)
COUNT(kp_none, "kprobe/do_sys_openat222", void, 0)
COUNT(fentry, "fentry/do_sys_openat2", void, 0)
COUNT(fexit, "fexit/do_sys_openat2", void, 0)
COUNT(lsm, "lsm/file_open", void, 0)
COUNT(lsm_cg, "lsm_cgroup/socket_create", void, 1)
COUNT(up, "uprobe/libc.so.6:getppid", void, 0)
COUNT(urp, "uretprobe/libc.so.6:getppid", void, 0)
COUNT(umulti, "uprobe.multi/libc.so.6:getp*id", void, 0)
COUNT(usession, "uprobe.session/libc.so.6:getppid", void, 0)
COUNT(samples, "perf_event", struct bpf_perf_event_data, 0)

__u64 nr_called;
SEC("syscall")
int call_me(void *c)
{
	nr_called = 7;
	return 0;
}

/* freplace: the function, and what takes its place */
__u64 nr_old, nr_new;
__attribute__((noinline)) int verdict(struct xdp_md *c)
{
	__sync_fetch_and_add(&nr_old, 1);
	return c->ingress_ifindex ? XDP_PASS : XDP_PASS + (int)c->rx_queue_index;
}
SEC("xdp")
int xdp_calls(struct xdp_md *c)
{
	return verdict(c) == XDP_DROP ? XDP_DROP : XDP_PASS;
}
SEC("freplace/verdict")
int new_verdict(struct xdp_md *c)
{
	__sync_fetch_and_add(&nr_new, 1);
	return XDP_PASS;
}

/* iterators */
struct task_struct {
	int pid;
	char comm[16];
} __attribute__((preserve_access_index));
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

SEC("iter/task")
int dump_task(struct bpf_iter__task *c)
{
	struct seq_file *seq = c->meta->seq;
	struct task_struct *task = c->task;
	static const char fmt[] = "task %d %s\n";
	__u64 args[2];

	if (!task)
		return 0;
	args[0] = task->pid;
	args[1] = (__u64)task->comm;
	bpf_seq_printf(seq, fmt, sizeof(fmt), args, sizeof(args));
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

struct bpf_map;
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
} __attribute__((preserve_access_index));

SEC("iter/bpf_map_elem")
int dump_map(struct bpf_iter__bpf_map_elem *c)
{
	struct seq_file *seq = c->meta->seq;
	static const char fmt[] = "number %d\n";
	__u32 *key = c->key;
	__u64 arg;

	if (!key)
		return 0;
	arg = *key;
	bpf_seq_printf(seq, fmt, sizeof(fmt), &arg, sizeof(arg));
	return 0;
}
