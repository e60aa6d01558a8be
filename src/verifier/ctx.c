/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a program may touch of its context, by program type: a table of rows, the first that has
 * the access's offset decides. Contexts that the kernel's BTF describes are ctx_btf.c's.
 */
#include "verifier/ctx.h"
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <stddef.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* rows end where zeros begin */

enum { /* which sizes: the sizes themselves, as bits */
       NO = 0,
       S1 = 1,
       S4 = 4,
       S8 = 8,
       NARROW = 1 | 2 | 4,
       NARROW8 = 1 | 2 | 4 | 8,
       ANY = 1 | 2 | 4 | 8,
};

enum { ROW_NO_SIGN = 1, ROW_INSIDE = 2, ROW_START = 4 };

struct row {
	u16 from, to; /* offsets */
	u8 rd, wr;    /* sizes */
	u8 flags;
	u32 type;   /* what is loaded; 0: a number */
	u64 attach; /* only for these attach types; 0: all */
};

#define END(T, f)     (offsetof(struct T, f) + sizeof(((struct T *)0)->f))
#define F(T, f)       offsetof(struct T, f), END(T, f)
#define FF(T, f, l)   offsetof(struct T, f), END(T, l)
#define SKB(f)        F(__sk_buff, f)
#define CB            FF(__sk_buff, cb[0], cb[4])
#define OR_NULL(kind) (REG_##kind | REG_MAYBE_NULL)
#define A(name)       (1ull << SPEC_ATTACH_##name)
#define LAST                                                                                       \
	{                                                                                          \
		0                                                                                  \
	}

/* What all that get a struct __sk_buff have in common; their own rows come first. */
static const struct row skb_rows[] = {
	{CB, ANY, NO, ROW_INSIDE},
	{SKB(data), S4, NO, ROW_NO_SIGN},
	{SKB(data_meta), S4, NO, ROW_NO_SIGN},
	{SKB(data_end), S4, NO, ROW_NO_SIGN},
	{FF(__sk_buff, remote_ip4, local_ip6[3]), S4, NO},
	{SKB(flow_keys), NO, NO},
	{SKB(hwtstamp), S8, NO},
	{SKB(tstamp), S8, NO},
	{SKB(sk), S8, NO, 0, OR_NULL(SOCK_COMMON)},
	{SKB(tstamp_type), NO, NO},
	{END(__sk_buff, tstamp_type), offsetof(struct __sk_buff, hwtstamp), NO, NO},
	{0, sizeof(struct __sk_buff), NARROW, NO},
	LAST,
};

static const struct row socket_filter[] = {
	{SKB(tc_classid), NO, NO},
	{SKB(data), NO, NO},
	{SKB(data_meta), NO, NO},
	{SKB(data_end), NO, NO},
	{FF(__sk_buff, family, local_port), NO, NO},
	{SKB(tstamp), NO, NO},
	{SKB(wire_len), NO, NO},
	{SKB(hwtstamp), NO, NO},
	{CB, ANY, ANY, ROW_INSIDE},
	LAST,
};

static const struct row tc[] = {
	{SKB(mark), NARROW, S4},
	{SKB(tc_index), NARROW, S4},
	{SKB(priority), NARROW, S4},
	{SKB(tc_classid), NARROW, S4},
	{SKB(queue_mapping), NARROW, S4},
	{CB, ANY, ANY, ROW_INSIDE},
	{SKB(tstamp), S8, S8},
	{SKB(data), S4, NO, ROW_NO_SIGN, REG_PKT},
	{SKB(data_meta), S4, NO, ROW_NO_SIGN, REG_PKT_META},
	{SKB(data_end), S4, NO, ROW_NO_SIGN, REG_PKT_END},
	{FF(__sk_buff, family, local_port), NO, NO},
	{SKB(tstamp_type), S1, NO},
	LAST,
};

static const struct row cgroup_skb[] = {
	{SKB(tc_classid), NO, NO},
	{SKB(data_meta), NO, NO},
	{SKB(wire_len), NO, NO},
	{SKB(mark), NARROW, S4},
	{SKB(priority), NARROW, S4},
	{CB, ANY, ANY, ROW_INSIDE},
	{SKB(tstamp), S8, S8},
	{SKB(data), S4, NO, ROW_NO_SIGN, REG_PKT},
	{SKB(data_end), S4, NO, ROW_NO_SIGN, REG_PKT_END},
	LAST,
};

static const struct row lwt[] = {
	{SKB(tc_classid), NO, NO},
	{FF(__sk_buff, family, local_port), NO, NO},
	{SKB(data_meta), NO, NO},
	{SKB(tstamp), NO, NO},
	{SKB(wire_len), NO, NO},
	{SKB(hwtstamp), NO, NO},
	{SKB(mark), NARROW, S4},
	{SKB(priority), NARROW, S4},
	{CB, ANY, ANY, ROW_INSIDE},
	{SKB(data), S4, NO, ROW_NO_SIGN, REG_PKT},
	{SKB(data_end), S4, NO, ROW_NO_SIGN, REG_PKT_END},
	LAST,
};

static const struct row sk_skb[] = {
	{SKB(tc_classid), NO, NO},
	{SKB(data_meta), NO, NO},
	{SKB(tstamp), NO, NO},
	{SKB(wire_len), NO, NO},
	{SKB(hwtstamp), NO, NO},
	{SKB(mark), NO, NO},
	{SKB(tc_index), NARROW, S4},
	{SKB(priority), NARROW, S4},
	{SKB(data), S4, NO, ROW_NO_SIGN, REG_PKT},
	{SKB(data_end), S4, NO, ROW_NO_SIGN, REG_PKT_END},
	LAST,
};

static const struct row flow_dissector[] = {
	{SKB(data), S4, NO, ROW_NO_SIGN, REG_PKT},
	{SKB(data_end), S4, NO, ROW_NO_SIGN, REG_PKT_END},
	{SKB(flow_keys), S8, NO, 0, REG_FLOW_KEYS},
	LAST,
};

static const struct row xdp[] = {
	{F(xdp_md, data), S4, NO, ROW_NO_SIGN, REG_PKT},
	{F(xdp_md, data_end), S4, NO, ROW_NO_SIGN, REG_PKT_END},
	{F(xdp_md, data_meta), S4, NO, ROW_NO_SIGN, REG_PKT_META},
	{F(xdp_md, egress_ifindex), S4, NO, 0, 0, A(XDP_DEVMAP)},
	{offsetof(struct xdp_md, ingress_ifindex), END(xdp_md, rx_queue_index), S4, NO},
	LAST,
};

#define SOCK(f) F(bpf_sock, f)
/* struct bpf_sock behind a pointer; sock_common has no type … priority. */
static const struct row sock[] = {
	{SOCK(state), NARROW, NO, ROW_START},
	{SOCK(family), NARROW, NO, ROW_START},
	{SOCK(type), NARROW, NO, ROW_START},
	{SOCK(protocol), NARROW, NO, ROW_START},
	{SOCK(src_port), NARROW, NO, ROW_START},
	{SOCK(rx_queue_mapping), NARROW, NO, ROW_START},
	{SOCK(src_ip4), NARROW, NO},
	{FF(bpf_sock, src_ip6[0], src_ip6[3]), NARROW, NO},
	{SOCK(dst_ip4), NARROW, NO},
	{FF(bpf_sock, dst_ip6[0], dst_ip6[3]), NARROW, NO},
	{SOCK(dst_port), NARROW, NO},
	{END(bpf_sock, dst_port), offsetof(struct bpf_sock, dst_ip4), NO, NO},
	{0, sizeof(struct bpf_sock), S4, NO},
	LAST,
};

static const struct row sock_common[] = {
	{FF(bpf_sock, type, priority), NO, NO},
	LAST,
};

#define CREATE (A(CGROUP_INET_SOCK_CREATE) | A(CGROUP_INET_SOCK_RELEASE))
#define BIND4  A(CGROUP_INET4_POST_BIND)
#define BIND6  A(CGROUP_INET6_POST_BIND)
static const struct row cgroup_sock[] = {
	{SOCK(bound_dev_if), S4, S4, 0, 0, CREATE},
	{SOCK(mark), S4, S4, 0, 0, CREATE},
	{SOCK(priority), S4, S4, 0, 0, CREATE},
	{SOCK(src_ip4), NARROW, NO, 0, 0, BIND4},
	{FF(bpf_sock, src_ip6[0], src_ip6[3]), NARROW, NO, 0, 0, BIND6},
	{SOCK(src_port), NARROW, NO, ROW_START, 0, BIND4 | BIND6},
	LAST,
};

#define ADDR(f) F(bpf_sock_addr, f)
#define IP4                                                                                        \
	(A(CGROUP_INET4_BIND) | A(CGROUP_INET4_CONNECT) | A(CGROUP_INET4_GETPEERNAME) |            \
	 A(CGROUP_INET4_GETSOCKNAME) | A(CGROUP_UDP4_SENDMSG) | A(CGROUP_UDP4_RECVMSG))
#define IP6                                                                                        \
	(A(CGROUP_INET6_BIND) | A(CGROUP_INET6_CONNECT) | A(CGROUP_INET6_GETPEERNAME) |            \
	 A(CGROUP_INET6_GETSOCKNAME) | A(CGROUP_UDP6_SENDMSG) | A(CGROUP_UDP6_RECVMSG))
static const struct row sock_addr[] = {
	{ADDR(user_ip4), NARROW, S4, 0, 0, IP4},
	{FF(bpf_sock_addr, user_ip6[0], user_ip6[3]), NARROW8, S4 | S8, ROW_INSIDE, 0, IP6},
	{ADDR(msg_src_ip4), NARROW, S4, 0, 0, A(CGROUP_UDP4_SENDMSG)},
	{FF(bpf_sock_addr, msg_src_ip6[0], msg_src_ip6[3]), NARROW8, S4 | S8, ROW_INSIDE, 0,
	 A(CGROUP_UDP6_SENDMSG)},
	{ADDR(user_port), NARROW, S4},
	{ADDR(sk), S8, NO, 0, REG_SOCK},
	{ADDR(user_family), S4, NO},
	{ADDR(family), S4, NO},
	{ADDR(type), S4, NO},
	{ADDR(protocol), S4, NO},
	LAST,
};

#define OPS(f)   F(bpf_sock_ops, f)
#define OPS_SIZE 224 /* struct bpf_sock_ops with skb_hwtstamp at 216 */
static const struct row sock_ops[] = {
	{OPS(reply), S4, S4, ROW_START},
	{OPS(sk_txhash), S4, S4, ROW_START},
	{FF(bpf_sock_ops, bytes_received, bytes_acked), S8, NO},
	{OPS(sk), S8, NO, 0, OR_NULL(SOCK)},
	{OPS(skb_data), S8, NO, 0, REG_PKT},
	{OPS(skb_data_end), S8, NO, 0, REG_PKT_END},
	{OPS(skb_tcp_flags), NARROW, NO, ROW_START},
	{216, 224, S8, NO},
	{0, OPS_SIZE, S4, NO},
	LAST,
};

#define MSG(f) F(sk_msg_md, f)
static const struct row sk_msg[] = {
	{MSG(data), S8, NO, 0, REG_PKT},
	{MSG(data_end), S8, NO, 0, REG_PKT_END},
	{MSG(sk), S8, NO, 0, REG_SOCK},
	{offsetof(struct sk_msg_md, family), END(sk_msg_md, size), S4, NO},
	LAST,
};

#define REUSE(f) F(sk_reuseport_md, f)
static const struct row sk_reuseport[] = {
	{REUSE(data), S8, NO, 0, REG_PKT},
	{REUSE(data_end), S8, NO, 0, REG_PKT_END},
	{REUSE(hash), S4, NO, ROW_START},
	{REUSE(sk), S8, NO, 0, REG_SOCK},
	{REUSE(migrating_sk), S8, NO, 0, OR_NULL(SOCK_COMMON)},
	{REUSE(eth_protocol), 2 | 4, NO},
	{REUSE(ip_protocol), NARROW, NO},
	{REUSE(bind_inany), NARROW, NO},
	{REUSE(len), NARROW, NO},
	LAST,
};

#define LOOKUP(f) F(bpf_sk_lookup, f)
static const struct row sk_lookup[] = {
	{LOOKUP(sk), S8, NO, 0, OR_NULL(SOCK)},
	{LOOKUP(family), NARROW, NO},
	{LOOKUP(protocol), NARROW, NO},
	{LOOKUP(remote_ip4), NARROW, NO},
	{LOOKUP(local_ip4), NARROW, NO},
	{FF(bpf_sk_lookup, remote_ip6[0], remote_ip6[3]), NARROW, NO},
	{FF(bpf_sk_lookup, local_ip6[0], local_ip6[3]), NARROW, NO},
	{LOOKUP(local_port), NARROW, NO},
	{LOOKUP(ingress_ifindex), NARROW, NO},
	{LOOKUP(remote_port), NARROW, NO},
	{END(bpf_sk_lookup, remote_port), offsetof(struct bpf_sk_lookup, local_ip4), 1 | 2, NO},
	LAST,
};

#define DEV(f) F(bpf_cgroup_dev_ctx, f)
static const struct row cgroup_device[] = {
	{DEV(access_type), NARROW, NO},
	{DEV(major), S4, NO},
	{DEV(minor), S4, NO},
	LAST,
};

static const struct row cgroup_sysctl[] = {
	{F(bpf_sysctl, write), NARROW, NO},
	{F(bpf_sysctl, file_pos), NARROW, S4},
	LAST,
};

#define OPT(f) F(bpf_sockopt, f)
static const struct row cgroup_sockopt[] = {
	{OPT(sk), S8, NO, 0, REG_SOCK},
	{OPT(optval), S8, NO, 0, REG_PKT},
	{OPT(optval_end), S8, NO, 0, REG_PKT_END},
	{OPT(retval), S4, S4, 0, 0, A(CGROUP_GETSOCKOPT)},
	{OPT(optname), S4, S4, 0, 0, A(CGROUP_SETSOCKOPT)},
	{OPT(optname), S4, NO},
	{OPT(level), S4, S4, 0, 0, A(CGROUP_SETSOCKOPT)},
	{OPT(level), S4, NO},
	{OPT(optlen), S4, S4},
	LAST,
};

#define PERF(f) F(bpf_perf_event_data, f)
static const struct row perf_event[] = {
	{PERF(sample_period), NARROW8, NO},
	{PERF(addr), NARROW8, NO},
	{PERF(regs), S8, NO},
	LAST,
};

static const struct row kprobe[] = {
	{0, sizeof(struct pt_regs), ANY, NO, ROW_INSIDE},
	LAST,
};
static const struct row tracepoint[] = {
	{8, 8192, ANY, NO}, /* PERF_MAX_TRACE_SIZE */
	LAST,
};
static const struct row raw_tp[] = {
	{0, 96, ANY, NO}, /* 12 arguments */
	LAST,
};
static const struct row raw_tp_writable[] = {
	{0, 1, S8, NO, 0, REG_TP_BUFFER},
	{0, 96, ANY, NO},
	LAST,
};
static const struct row syscall_rows[] = {
	{0, 65535, ANY, ANY},
	LAST,
};
static const struct row lirc[] = {
	{0, 1, S4, NO},
	LAST,
};

static const struct {
	const struct row *rows, *more;
} types[SPEC_NR_PROG_TYPES] = {
	[SPEC_PROG_SOCKET_FILTER] = {socket_filter, skb_rows},
	[SPEC_PROG_SCHED_CLS] = {tc, skb_rows},
	[SPEC_PROG_SCHED_ACT] = {tc, skb_rows},
	[SPEC_PROG_CGROUP_SKB] = {cgroup_skb, skb_rows},
	[SPEC_PROG_LWT_IN] = {lwt, skb_rows},
	[SPEC_PROG_LWT_OUT] = {lwt, skb_rows},
	[SPEC_PROG_LWT_XMIT] = {lwt, skb_rows},
	[SPEC_PROG_LWT_SEG6LOCAL] = {lwt, skb_rows},
	[SPEC_PROG_SK_SKB] = {sk_skb, skb_rows},
	[SPEC_PROG_FLOW_DISSECTOR] = {flow_dissector},
	[SPEC_PROG_XDP] = {xdp},
	[SPEC_PROG_CGROUP_SOCK] = {cgroup_sock, sock},
	[SPEC_PROG_CGROUP_SOCK_ADDR] = {sock_addr},
	[SPEC_PROG_SOCK_OPS] = {sock_ops},
	[SPEC_PROG_SK_MSG] = {sk_msg},
	[SPEC_PROG_SK_REUSEPORT] = {sk_reuseport},
	[SPEC_PROG_SK_LOOKUP] = {sk_lookup},
	[SPEC_PROG_CGROUP_DEVICE] = {cgroup_device},
	[SPEC_PROG_CGROUP_SYSCTL] = {cgroup_sysctl},
	[SPEC_PROG_CGROUP_SOCKOPT] = {cgroup_sockopt},
	[SPEC_PROG_PERF_EVENT] = {perf_event},
	[SPEC_PROG_KPROBE] = {kprobe},
	[SPEC_PROG_TRACEPOINT] = {tracepoint},
	[SPEC_PROG_RAW_TRACEPOINT] = {raw_tp},
	[SPEC_PROG_RAW_TRACEPOINT_WRITABLE] = {raw_tp_writable},
	[SPEC_PROG_SYSCALL] = {syscall_rows},
	[SPEC_PROG_LIRC_MODE2] = {lirc},
};

struct access_at {
	s32 off;
	int size;
	enum access rw;
	bool sign;
	u64 attach;
};

/* 1: allowed; 0: refused; -1: no row. */
static int by_rows(const struct row *rows, const struct access_at *a, struct ctx_info *ret)
{
	for (const struct row *r = rows; r && r->to; r++) {
		u32 sizes = a->rw == ACCESS_READ ? r->rd : r->wr;

		if (a->off < r->from || a->off >= r->to)
			continue;
		if ((r->flags & ROW_START) && a->off != r->from)
			continue;
		if (r->attach && !(r->attach & a->attach)) {
			if (r[1].to && r[1].from == r->from && !r[1].attach)
				continue;
			return 0;
		}
		if (!(sizes & (u32)a->size) || ((r->flags & ROW_NO_SIGN) && a->sign) ||
		    ((r->flags & ROW_INSIDE) && a->off + a->size > r->to))
			return 0;
		if (r->type)
			ret->type = r->type;
		return 1;
	}
	return -1;
}

bool ctx_is_valid(struct env *env, s32 off, int size, enum access rw, bool sign,
		  struct ctx_info *ret)
{
	struct access_at a = {off, size, rw, sign, 0};
	int ok;

	*ret = (struct ctx_info){.type = REG_SCALAR};
	if (ctx_btf_serves(env))
		return ctx_btf_is_valid(env, off, size, rw, ret);
	if (off < 0 || off % size || env->prog_type >= SPEC_NR_PROG_TYPES)
		return false;
	a.attach = env->attach_type < 64 ? 1ull << env->attach_type : 0;
	ok = by_rows(types[env->prog_type].rows, &a, ret);
	if (ok < 0)
		ok = by_rows(types[env->prog_type].more, &a, ret);
	return ok > 0;
}

bool ctx_is_read_as_is(const struct env *env)
{
	switch (env->prog_type) {
	case SPEC_PROG_KPROBE:
	case SPEC_PROG_TRACEPOINT:
	case SPEC_PROG_RAW_TRACEPOINT:
	case SPEC_PROG_RAW_TRACEPOINT_WRITABLE:
	case SPEC_PROG_TRACING:
	case SPEC_PROG_LSM:
	case SPEC_PROG_STRUCT_OPS:
	case SPEC_PROG_SYSCALL:
	case SPEC_PROG_CGROUP_DEVICE:
	case SPEC_PROG_NETFILTER:
	case SPEC_PROG_LIRC_MODE2:
		return true;
	default:
		return false;
	}
}

#define TCP(f) F(bpf_tcp_sock, f)
static const struct row tcp_sock[] = {
	{TCP(bytes_received), S8, NO, ROW_START},
	{TCP(bytes_acked), S8, NO, ROW_START},
	{0, END(bpf_tcp_sock, icsk_retransmits), S4, NO},
	LAST,
};
static const struct row xdp_sock[] = {
	{F(bpf_xdp_sock, queue_id), S4, NO},
	LAST,
};

bool sock_is_valid(struct env *env, u32 kind, s32 off, int size)
{
	struct access_at a = {off, size, ACCESS_READ, false, 0};
	struct ctx_info ignored;
	int ok = -1;

	if (off < 0 || off % size)
		return false;
	if (kind == REG_TCP_SOCK)
		return by_rows(tcp_sock, &a, &ignored) > 0;
	if (kind == REG_XDP_SOCK)
		return by_rows(xdp_sock, &a, &ignored) > 0;
	if (kind == REG_SOCK_COMMON)
		ok = by_rows(sock_common, &a, &ignored);
	if (ok < 0)
		ok = by_rows(sock, &a, &ignored);
	return ok > 0;
}
