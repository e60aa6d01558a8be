/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * How every kind of SEC() is attached in Linux: a row for each row of spec/sections.def (a test
 * compares them). `needs` names what the section leaves open and an option must give.
 */
#include "engine/kernel.h"
#include "spec/spec.h"
#include <string.h>

/* What `arg` of a probe means. */
enum {
	RET = 1,
	SESSION = 2,
};

#define NET NEED_IFACE
#define BTF kernel_prepare_btf
#define CG(section, type)                                                                          \
	{                                                                                          \
		section, kernel_attach_cgroup, SPEC_ATTACH_CGROUP_##type, NEED_CGROUP, NULL        \
	}

/* clang-format off */
static const struct kernel_kind kinds[] = {
	/* section               attach                        arg       needs          prepare */
	{"socket",               kernel_attach_socket,         0,        NET,           NULL},
	{"sk_reuseport/migrate", kernel_attach_reuseport,      0,        NEED_PID | NEED_PORT, NULL},
	{"sk_reuseport",         kernel_attach_reuseport,      0,        NEED_PID | NEED_PORT, NULL},
	{"kprobe+",              kernel_attach_kprobe,         0,        0,             NULL},
	{"kretprobe+",           kernel_attach_kprobe,         RET,      0,             NULL},
	{"ksyscall+",            kernel_attach_ksyscall,       0,        0,             NULL},
	{"kretsyscall+",         kernel_attach_ksyscall,       RET,      0,             NULL},
	{"kprobe.multi+",        kernel_attach_kprobe_multi,   0,        0,             NULL},
	{"kretprobe.multi+",     kernel_attach_kprobe_multi,   RET,      0,             NULL},
	{"kprobe.session+",      kernel_attach_kprobe_multi,   SESSION,  0,             NULL},
	{"uprobe+",              kernel_attach_uprobe,         0,        0,             NULL},
	{"uprobe.s+",            kernel_attach_uprobe,         0,        0,             NULL},
	{"uretprobe+",           kernel_attach_uprobe,         RET,      0,             NULL},
	{"uretprobe.s+",         kernel_attach_uprobe,         RET,      0,             NULL},
	{"uprobe.multi+",        kernel_attach_uprobe_multi,   0,        0,             NULL},
	{"uprobe.multi.s+",      kernel_attach_uprobe_multi,   0,        0,             NULL},
	{"uretprobe.multi+",     kernel_attach_uprobe_multi,   RET,      0,             NULL},
	{"uretprobe.multi.s+",   kernel_attach_uprobe_multi,   RET,      0,             NULL},
	{"uprobe.session+",      kernel_attach_uprobe_multi,   SESSION,  0,             NULL},
	{"uprobe.session.s+",    kernel_attach_uprobe_multi,   SESSION,  0,             NULL},
	{"usdt+",                kernel_attach_usdt,           0,        0,             NULL},
	{"usdt.s+",              kernel_attach_usdt,           0,        0,             NULL},
	{"tracepoint+",          kernel_attach_tracepoint,     0,        0,             NULL},
	{"tp+",                  kernel_attach_tracepoint,     0,        0,             NULL},
	{"tracepoint.s+",        kernel_attach_tracepoint,     0,        0,             NULL},
	{"tp.s+",                kernel_attach_tracepoint,     0,        0,             NULL},
	{"raw_tracepoint+",      kernel_attach_raw_tp,         0,        0,             NULL},
	{"raw_tp+",              kernel_attach_raw_tp,         0,        0,             NULL},
	{"raw_tracepoint.s+",    kernel_attach_raw_tp,         0,        0,             NULL},
	{"raw_tp.s+",            kernel_attach_raw_tp,         0,        0,             NULL},
	{"raw_tracepoint.w+",    kernel_attach_raw_tp,         0,        0,             NULL},
	{"raw_tp.w+",            kernel_attach_raw_tp,         0,        0,             NULL},
	{"tp_btf+",              kernel_attach_trace,          0,        0,             BTF},
	{"tp_btf.s+",            kernel_attach_trace,          0,        0,             BTF},
	{"fentry+",              kernel_attach_trace,          0,        0,             BTF},
	{"fentry.s+",            kernel_attach_trace,          0,        0,             BTF},
	{"fexit+",               kernel_attach_trace,          0,        0,             BTF},
	{"fexit.s+",             kernel_attach_trace,          0,        0,             BTF},
	{"fmod_ret+",            kernel_attach_trace,          0,        0,             BTF},
	{"fmod_ret.s+",          kernel_attach_trace,          0,        0,             BTF},
	{"fsession+",            kernel_attach_trace,          0,        0,             BTF},
	{"fsession.s+",          kernel_attach_trace,          0,        0,             BTF},
	{"fentry.multi+",        kernel_attach_tracing_multi,  0,        0,             NULL},
	{"fentry.multi.s+",      kernel_attach_tracing_multi,  0,        0,             NULL},
	{"fexit.multi+",         kernel_attach_tracing_multi,  0,        0,             NULL},
	{"fexit.multi.s+",       kernel_attach_tracing_multi,  0,        0,             NULL},
	{"fsession.multi+",      kernel_attach_tracing_multi,  0,        0,             NULL},
	{"fsession.multi.s+",    kernel_attach_tracing_multi,  0,        0,             NULL},
	{"freplace+",            kernel_attach_freplace,       0,        NEED_PROG,     kernel_prepare_freplace},
	{"lsm+",                 kernel_attach_lsm,            0,        0,             BTF},
	{"lsm.s+",               kernel_attach_lsm,            0,        0,             BTF},
	{"lsm_cgroup+",          kernel_attach_cgroup,         SPEC_ATTACH_LSM_CGROUP, NEED_CGROUP, BTF},
	{"iter+",                kernel_attach_iter,           0,        0,             BTF},
	{"iter.s+",              kernel_attach_iter,           0,        0,             BTF},
	{"syscall",              kernel_run_syscall,           0,        0,             NULL},
	{"tc/ingress",           kernel_attach_tc,             SPEC_ATTACH_TCX_INGRESS, NET, NULL},
	{"tc/egress",            kernel_attach_tc,             SPEC_ATTACH_TCX_EGRESS,  NET, NULL},
	{"tcx/ingress",          kernel_attach_tc,             SPEC_ATTACH_TCX_INGRESS, NET, NULL},
	{"tcx/egress",           kernel_attach_tc,             SPEC_ATTACH_TCX_EGRESS,  NET, NULL},
	{"tc",                   kernel_attach_tc,             0,        NET | NEED_DIRECTION, NULL},
	{"classifier",           kernel_attach_tc,             0,        NET | NEED_DIRECTION, NULL},
	{"action",               kernel_attach_action,         0,        NET | NEED_DIRECTION, NULL},
	{"netkit/primary",       kernel_attach_netkit,         SPEC_ATTACH_NETKIT_PRIMARY, NET, NULL},
	{"netkit/peer",          kernel_attach_netkit,         SPEC_ATTACH_NETKIT_PEER, NET, NULL},
	{"xdp.frags/devmap",     NULL,                         0,        0,             NULL},
	{"xdp/devmap",           NULL,                         0,        0,             NULL},
	{"xdp.frags/cpumap",     NULL,                         0,        0,             NULL},
	{"xdp/cpumap",           NULL,                         0,        0,             NULL},
	{"xdp.frags",            kernel_attach_xdp,            0,        NET,           NULL},
	{"xdp",                  kernel_attach_xdp,            0,        NET,           NULL},
	{"perf_event",           kernel_attach_perf,           0,        NEED_SAMPLES,  NULL},
	{"lwt_in",               kernel_attach_route,          0,        NEED_ROUTE,    NULL},
	{"lwt_out",              kernel_attach_route,          0,        NEED_ROUTE,    NULL},
	{"lwt_xmit",             kernel_attach_route,          0,        NEED_ROUTE,    NULL},
	{"lwt_seg6local",        kernel_attach_route,          0,        NEED_ROUTE,    NULL},
	{"sk_skb/stream_parser", kernel_attach_sockmap,        SPEC_ATTACH_SK_SKB_STREAM_PARSER, NEED_SOCKMAP, NULL},
	{"sk_skb/stream_verdict", kernel_attach_sockmap,       SPEC_ATTACH_SK_SKB_STREAM_VERDICT, NEED_SOCKMAP, NULL},
	{"sk_skb/verdict",       kernel_attach_sockmap,        SPEC_ATTACH_SK_SKB_VERDICT, NEED_SOCKMAP, NULL},
	{"sk_skb",               kernel_attach_open,           0,        NEED_SECTION,  NULL},
	{"sk_msg",               kernel_attach_sockmap,        SPEC_ATTACH_SK_MSG_VERDICT, NEED_SOCKMAP, NULL},
	{"lirc_mode2",           kernel_attach_lirc,           0,        NEED_DEVICE,   NULL},
	{"flow_dissector",       kernel_attach_netns,          SPEC_ATTACH_FLOW_DISSECTOR, NEED_NETNS, NULL},
	{"sk_lookup",            kernel_attach_netns,          SPEC_ATTACH_SK_LOOKUP, NEED_NETNS, NULL},
	{"netfilter",            kernel_attach_netfilter,      0,        NEED_NETFILTER, NULL},
	{"struct_ops+",          NULL,                         0,        0,             NULL},
	{"struct_ops.s+",        NULL,                         0,        0,             NULL},
	{"cgroup/skb",           kernel_attach_cgroup_skb,     0,        NEED_CGROUP | NEED_DIRECTION, NULL},
	CG("sockops",                 SOCK_OPS),
	CG("cgroup_skb/ingress",      INET_INGRESS),
	CG("cgroup_skb/egress",       INET_EGRESS),
	CG("cgroup/sock_create",      INET_SOCK_CREATE),
	CG("cgroup/sock_release",     INET_SOCK_RELEASE),
	CG("cgroup/sock",             INET_SOCK_CREATE),
	CG("cgroup/post_bind4",       INET4_POST_BIND),
	CG("cgroup/post_bind6",       INET6_POST_BIND),
	CG("cgroup/bind4",            INET4_BIND),
	CG("cgroup/bind6",            INET6_BIND),
	CG("cgroup/connect4",         INET4_CONNECT),
	CG("cgroup/connect6",         INET6_CONNECT),
	CG("cgroup/connect_unix",     UNIX_CONNECT),
	CG("cgroup/sendmsg4",         UDP4_SENDMSG),
	CG("cgroup/sendmsg6",         UDP6_SENDMSG),
	CG("cgroup/sendmsg_unix",     UNIX_SENDMSG),
	CG("cgroup/recvmsg4",         UDP4_RECVMSG),
	CG("cgroup/recvmsg6",         UDP6_RECVMSG),
	CG("cgroup/recvmsg_unix",     UNIX_RECVMSG),
	CG("cgroup/getpeername4",     INET4_GETPEERNAME),
	CG("cgroup/getpeername6",     INET6_GETPEERNAME),
	CG("cgroup/getpeername_unix", UNIX_GETPEERNAME),
	CG("cgroup/getsockname4",     INET4_GETSOCKNAME),
	CG("cgroup/getsockname6",     INET6_GETSOCKNAME),
	CG("cgroup/getsockname_unix", UNIX_GETSOCKNAME),
	CG("cgroup/sysctl",           SYSCTL),
	CG("cgroup/getsockopt",       GETSOCKOPT),
	CG("cgroup/setsockopt",       SETSOCKOPT),
	CG("cgroup/dev",              DEVICE),
};
/* clang-format on */

const struct kernel_kind *kernel_kind_row(u32 idx)
{
	return idx < ARRAY_SIZE(kinds) ? &kinds[idx] : NULL;
}

const struct kernel_kind *kernel_kind(const struct prog *prog)
{
	const char *target;
	const struct spec_section *sec = spec_section(prog->section, &target);

	for (u32 i = 0; sec && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].section, sec->name))
			return &kinds[i];
	return NULL;
}
