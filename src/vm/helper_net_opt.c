/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Socket options and the helpers of sock_ops. The options of a program's socket are those of a real
 * socket that this process keeps for it, so values, limits and errno are Linux' own; which options
 * may be set from BPF is a table (sol_socket_sockopt and kin in net/core/filter.c).
 */
#include "vm/helper_net.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define SO_TXREHASH_        74
#define IPV6_AUTOFLOWLABEL_ 70
#define BPF_CB_FLAGS        1008 /* TCP_BPF_SOCK_OPS_CB_FLAGS */
#define ANY_LEN             0

static const struct allowed {
	int level, opt;
	int len;
	bool no_get;
} allowed[] = {
	{SOL_SOCKET, SO_REUSEADDR, 4, false},
	{SOL_SOCKET, SO_SNDBUF, 4, false},
	{SOL_SOCKET, SO_RCVBUF, 4, false},
	{SOL_SOCKET, SO_KEEPALIVE, 4, false},
	{SOL_SOCKET, SO_PRIORITY, 4, false},
	{SOL_SOCKET, SO_REUSEPORT, 4, false},
	{SOL_SOCKET, SO_RCVLOWAT, 4, false},
	{SOL_SOCKET, SO_MARK, 4, false},
	{SOL_SOCKET, SO_MAX_PACING_RATE, 4, false},
	{SOL_SOCKET, SO_BINDTOIFINDEX, 4, false},
	{SOL_SOCKET, SO_TXREHASH_, 4, false},
	{SOL_SOCKET, SO_BINDTODEVICE, ANY_LEN, true},
	{IPPROTO_IP, IP_TOS, 4, false},
	{IPPROTO_IPV6, IPV6_TCLASS, 4, false},
	{IPPROTO_IPV6, IPV6_AUTOFLOWLABEL_, 4, false},
	{IPPROTO_TCP, TCP_NODELAY, 4, false},
	{IPPROTO_TCP, TCP_MAXSEG, 4, false},
	{IPPROTO_TCP, TCP_KEEPIDLE, 4, false},
	{IPPROTO_TCP, TCP_KEEPINTVL, 4, false},
	{IPPROTO_TCP, TCP_KEEPCNT, 4, false},
	{IPPROTO_TCP, TCP_SYNCNT, 4, false},
	{IPPROTO_TCP, TCP_WINDOW_CLAMP, 4, false},
	{IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 4, false},
	{IPPROTO_TCP, TCP_USER_TIMEOUT, 4, false},
	{IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4, false},
	{IPPROTO_TCP, TCP_SAVE_SYN, 4, false},
	{IPPROTO_TCP, TCP_CONGESTION, ANY_LEN, false},
};

/* Options that only BPF programs have: value at least 1, nothing to read back. */
static bool is_bpf_tcp(int level, int opt)
{
	return level == IPPROTO_TCP && opt >= 1001 && opt <= 1004;
}

static const struct allowed *find_allowed(int level, int opt)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (allowed[i].level == level && allowed[i].opt == opt)
			return &allowed[i];
	return NULL;
}

/* One socket per family for the whole process: what a set wrote, a get of a later run reads. */
static int the_socket(int level)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int fds[2] = {-1, -1};
	int *fd = &fds[level == IPPROTO_IPV6];

	pthread_mutex_lock(&lock);
	if (*fd < 0)
		*fd = socket(level == IPPROTO_IPV6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
			     0);
	pthread_mutex_unlock(&lock);
	return *fd;
}

static int set_bpf_tcp(const void *val, u32 len)
{
	s32 v;

	if (len != 4)
		return -EINVAL;
	memcpy(&v, val, 4);
	return v > 0 ? 0 : -EINVAL;
}

NET_HELPER(setsockopt)
{
	int level = r2, opt = r3;
	const struct allowed *a = find_allowed(level, opt);
	u32 len = r5;

	if (is_bpf_tcp(level, opt))
		return set_bpf_tcp(net_ptr(r4), len);
	if (!a || (a->len && len != (u32)a->len))
		return -EINVAL;
	/* what a user may not do, a program may: it has no credentials */
	if (!setsockopt(the_socket(level), level, opt, net_ptr(r4), len) || errno == EPERM)
		return 0;
	return -errno;
}

NET_HELPER(getsockopt)
{
	int level = r2, opt = r3;
	const struct allowed *a = find_allowed(level, opt);
	socklen_t len = r5;

	memset(net_ptr(r4), 0, (u32)r5);
	if (!a || a->no_get || (a->len && len != (u32)a->len))
		return -EINVAL;
	if (!getsockopt(the_socket(level), level, opt, net_ptr(r4), &len))
		return 0;
	return -errno;
}

/* bpf_bind of a cgroup/connect program: the address is checked, and there is no port to take. */
NET_HELPER(bind)
{
	sa_family_t family;
	s32 len = r3;

	if (len < (s32)offsetof(struct sockaddr, sa_data))
		return -EINVAL;
	memcpy(&family, net_ptr(r2), sizeof(family)); /* the first of a sockaddr */
	if (family == AF_INET)
		return len < (s32)sizeof(struct sockaddr_in) ? -EINVAL : 0;
	if (family == AF_INET6)
		return len < 24 ? -EINVAL : 0; /* SIN6_LEN_RFC2133 */
	return -EAFNOSUPPORT;
}

/* --- sock_ops ------------------------------------------------------------------------------- */

static struct bpf_sock_ops *ops_of(struct vm_run *run)
{
	return run->ctx_size >= sizeof(struct bpf_sock_ops) ? run->ctx : NULL;
}

NET_HELPER(sock_ops_cb_flags_set)
{
	struct bpf_sock_ops *ops = ops_of(run);

	if (!ops || !ops->is_fullsock)
		return -EINVAL;
	ops->bpf_sock_ops_cb_flags = (u32)r2 & BPF_SOCK_OPS_ALL_CB_FLAGS;
	return (s64)((s32)r2 & ~BPF_SOCK_OPS_ALL_CB_FLAGS);
}

#define OPT_EOL 0
#define OPT_NOP 1

static bool is_experimental(u8 kind)
{
	return kind == 253 || kind == 254;
}

/* An option in [op, end): its place, or NULL with *err. */
static const u8 *find_opt(const u8 *op, const u8 *end, const u8 *want, u32 magic_len, int *err)
{
	*err = -ENOMSG;
	while (op < end && *op != OPT_EOL) {
		if (*op == OPT_NOP) {
			op++;
			continue;
		}
		if (end - op < 2 || op[1] < 2 || op[1] > end - op) {
			*err = -EFAULT;
			return NULL;
		}
		if (*op == want[0] && op[1] >= 2 + magic_len &&
		    !memcmp(op + 2, want + 2, magic_len))
			return op;
		op += op[1];
	}
	return NULL;
}

static int check_search(const u8 *want, u32 len, u32 *ret_magic)
{
	*ret_magic = 0;
	if (want[1] > len || want[0] == OPT_NOP || want[0] == OPT_EOL)
		return -EINVAL;
	if (!is_experimental(want[0]))
		return want[1] ? -EINVAL : 0;
	if (want[1] != 4 && want[1] != 6)
		return -EINVAL;
	*ret_magic = want[1] - 2;
	return 0;
}

NET_HELPER(load_hdr_opt)
{
	struct vm_pkt *pkt = run->env->pkt;
	u8 *want = net_ptr(r2);
	u32 len = r3, magic, copy;
	const u8 *op;
	int err;

	if (len < 2 || (r4 & ~(u64)BPF_LOAD_HDR_OPT_TCP_SYN))
		return -EINVAL;
	err = check_search(want, len, &magic);
	if (err)
		return err;
	if (r4 & BPF_LOAD_HDR_OPT_TCP_SYN)
		return -ENOENT; /* no SYN was saved */
	if (!pkt || vm_pkt_linear(pkt) < 20)
		return -EPERM;
	op = find_opt(pkt->data + 20, pkt->tail, want, magic, &err);
	if (!op)
		return err;
	copy = min_u64(op[1], len);
	err = op[1] > len ? -ENOSPC : op[1];
	memmove(want, op, copy);
	return err;
}

#define OPT_ROOM 40 /* all options of a TCP header */

NET_HELPER(store_hdr_opt)
{
	struct bpf_sock_ops *ops = ops_of(run);
	struct vm_pkt *pkt = run->env->pkt;
	const u8 *opt = net_ptr(r2);
	u32 len = r3;
	int err;

	if (!ops || ops->op != BPF_SOCK_OPS_WRITE_HDR_OPT_CB || !pkt || vm_pkt_linear(pkt) < 20)
		return -EPERM;
	if (len < 2 || r4 || opt[1] > len || opt[1] < 2 || opt[0] == OPT_NOP || opt[0] == OPT_EOL)
		return -EINVAL;
	if (vm_pkt_linear(pkt) - 20 + opt[1] > OPT_ROOM)
		return -ENOSPC;
	if (is_experimental(opt[0]) && opt[1] < 4)
		return -EINVAL;
	if (find_opt(pkt->data + 20, pkt->tail, opt, is_experimental(opt[0]) ? 2 : 0, &err))
		return -EEXIST;
	if (err != -ENOMSG)
		return err;
	memcpy(pkt->tail, opt, opt[1]);
	pkt->tail += opt[1];
	ops->skb_data_end = pkt->tail;
	vm_pkt_sync(pkt);
	return 0;
}

NET_HELPER(reserve_hdr_opt)
{
	struct bpf_sock_ops *ops = ops_of(run);

	if (!ops || ops->op != BPF_SOCK_OPS_HDR_OPT_LEN_CB)
		return -EPERM;
	if (r3 || (u32)r2 < 2)
		return -EINVAL;
	return (u32)r2 > OPT_ROOM ? -ENOSPC : 0;
}
