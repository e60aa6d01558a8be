/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions of sockets, told from connect, accept, listen, bind, close, send and receive.
 *
 * What a socket is comes from the socket itself, borrowed with pidfd_getfd(2), which needs no
 * privilege beyond being the tracer; where a container forbids that, from /proc/PID/net.
 *
 * tcp_v4_connect runs when a SYN is sent. It has succeeded, too, where the connection is refused
 * or times out later: only errors from before the SYN (no route, no address, no port, denied) are
 * its own. Source address and port are known after it has returned, as in Linux.
 */
#include "hook/proc_fn_rows.h"
#include "model/sock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_SYN_RECV = 3,
	STATE_FIN_WAIT1 = 4,
	STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8,
	STATE_LAST_ACK = 9,
	STATE_LISTEN = 10,
};

/* --- what a descriptor is ------------------------------------------------------------------- */

static int borrow_fd(struct proc_task *t, int fd)
{
	struct proc_process *process = t->process;

	if (process->pid_fd < 0)
		process->pid_fd = syscall(SYS_pidfd_open, process->tgid, 0);
	return process->pid_fd < 0 ? -1 : syscall(SYS_pidfd_getfd, process->pid_fd, fd, 0);
}

static void from_sockaddr(struct model_addr *to, const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)ss;

		to->port = ntohs(in->sin_port);
		memcpy(to->ip, &in->sin_addr, 4);
	} else if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)ss;

		to->port = ntohs(in6->sin6_port);
		memcpy(to->ip, &in6->sin6_addr, 16);
	}
}

static u32 int_option(int fd, int option)
{
	socklen_t len = sizeof(int);
	int value = 0;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? 0 : value;
}

static u8 tcp_state(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? STATE_CLOSE : info.tcpi_state;
}

static bool ask_socket(int fd, struct model_sock_info *info)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	info->family = int_option(fd, SO_DOMAIN);
	info->type = int_option(fd, SO_TYPE);
	info->protocol = int_option(fd, SO_PROTOCOL);
	info->state = info->protocol == IPPROTO_TCP ? tcp_state(fd) : STATE_CLOSE;
	if (!getsockname(fd, (void *)&ss, &len))
		from_sockaddr(&info->local, &ss);
	len = sizeof(ss);
	if (!getpeername(fd, (void *)&ss, &len))
		from_sockaddr(&info->remote, &ss);
	return info->family;
}

static void parse_hex_addr(const char *text, struct model_addr *to)
{
	const char *colon = strchr(text, ':');

	for (u32 i = 0; i < 4 && text + i * 8 + 8 <= colon; i++) {
		char word[9] = {0};
		u32 v;

		memcpy(word, text + i * 8, 8);
		v = strtoul(word, NULL, 16); /* a word of memory, printed as a number */
		memcpy(to->ip + i * 4, &v, 4);
	}
	to->port = colon ? strtoul(colon + 1, NULL, 16) : 0;
}

/* A row of /proc/net/tcp: "sl local remote st tx:rx tr:tm retr uid timeout inode". */
static bool parse_row(const char *line, struct model_sock_info *info)
{
	char local[64], remote[64];
	unsigned long ino;
	unsigned int st, uid;

	if (sscanf(line, "%*[^:]: %63s %63s %x %*s %*s %*s %u %*u %lu", local, remote, &st, &uid,
		   &ino) != 5 ||
	    ino != info->ino || !strchr(local, ':') || !strchr(remote, ':'))
		return false;
	info->state = st;
	info->uid = uid;
	parse_hex_addr(local, &info->local);
	parse_hex_addr(remote, &info->remote);
	return true;
}

static void search_proc_net(struct proc_task *t, const char *name, struct model_sock_info *info)
{
	char path[64], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/net/%s", t->tid, name);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f) && !parse_row(line, info))
		;
	fclose(f);
}

/* Without the socket itself: its protocol is an attribute of the file in /proc. */
static bool ask_proc(struct proc_task *t, const char *path, struct model_sock_info *info)
{
	static const struct {
		const char *name, *net;
		u16 family, type, protocol;
	} protos[] = {
		{"TCP", "tcp", AF_INET, SOCK_STREAM, IPPROTO_TCP},
		{"TCPv6", "tcp6", AF_INET6, SOCK_STREAM, IPPROTO_TCP},
		{"UDP", "udp", AF_INET, SOCK_DGRAM, IPPROTO_UDP},
		{"UDPv6", "udp6", AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
	};
	char name[32] = "";
	ssize_t n = getxattr(path, "system.sockprotoname", name, sizeof(name) - 1);

	for (size_t i = 0; n > 0 && i < ARRAY_SIZE(protos); i++) {
		if (strcmp(name, protos[i].name))
			continue;
		info->family = protos[i].family;
		info->type = protos[i].type;
		info->protocol = protos[i].protocol;
		info->state = STATE_CLOSE;
		search_proc_net(t, protos[i].net, info);
		return true;
	}
	return false;
}

static bool sock_info(struct proc *p, struct proc_task *t, int fd, struct model_sock_info *info)
{
	char path[64];
	struct stat st;
	bool found;
	int ours;

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", t->tid, fd);
	if (fd < 0 || stat(path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	*info = (struct model_sock_info){.ino = st.st_ino, .uid = st.st_uid};
	ours = borrow_fd(t, fd);
	found = ours >= 0 ? ask_socket(ours, info) : ask_proc(t, path, info);
	if (ours >= 0)
		close(ours);
	if (found && p->model_tasks)
		info->net = model_task_net(p->model_tasks, t->tid);
	return found;
}

static u64 sock_of(struct proc *p, const struct model_sock_info *info)
{
	if (!p->socks) {
		p->socks = model_socks_new(p->model);
		if (p->socks)
			model_socks_on_gone(p->socks, storage_owner_gone);
	}
	return p->socks ? (uintptr_t)model_sock(p->socks, info) : 0;
}

static bool tcp_info_of(struct proc *p, struct proc_task *t, int fd, struct model_sock_info *info)
{
	return sock_info(p, t, fd, info) && info->protocol == IPPROTO_TCP;
}

/* --- connect -------------------------------------------------------------------------------- */

/* The address that the user gave, copied to where the kernel would have it. */
static struct sockaddr_storage *user_addr(struct proc *p, struct proc_task *t)
{
	size_t len = min_u64(t->args[2], sizeof(struct sockaddr_storage));
	struct sockaddr_storage *ss = proc_lend(p, t, sizeof(*ss));

	return ss && !proc_read(t, ss, len, t->args[1]) ? ss : NULL;
}

static bool is_mapped(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *in6 = (const void *)ss;

	return ss->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
}

/* tcp_v4_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len) and its IPv6 kin; the
 * former also runs for IPv4 addresses mapped into IPv6. */
static bool enter_connect(struct proc *p, struct proc_task *t, struct proc_call *call, int family)
{
	struct model_sock_info info;
	struct sockaddr_storage *ss;

	if (!tcp_info_of(p, t, t->args[0], &info) || info.state != STATE_CLOSE)
		return false;
	ss = user_addr(p, t);
	if (!ss || (family == AF_INET && ss->ss_family != AF_INET && !is_mapped(ss)) ||
	    (family == AF_INET6 && info.family != AF_INET6))
		return false;
	call->args[0] = sock_of(p, &info);
	call->args[1] = (uintptr_t)ss;
	call->args[2] = t->args[2];
	return call->args[0];
}

bool proc_enter_tcp_v4_connect(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return enter_connect(p, t, call, AF_INET);
}

bool proc_enter_tcp_v6_connect(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return enter_connect(p, t, call, AF_INET6);
}

static bool is_before_syn(s64 ret)
{
	return ret == -ENETUNREACH || ret == -EADDRNOTAVAIL || ret == -EADDRINUSE ||
	       ret == -EINVAL || ret == -EACCES || ret == -EPERM || ret == -EAFNOSUPPORT ||
	       ret == -ENOBUFS || ret == -ENOMEM;
}

static void learn_remote(struct proc *p, struct proc_task *t, struct model_sock_info *info)
{
	struct sockaddr_storage *ss;

	if (info->remote.port || !(ss = user_addr(p, t)))
		return;
	from_sockaddr(&info->remote, ss);
}

bool proc_leave_connect(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;

	if (tcp_info_of(p, t, t->args[0], &info)) {
		learn_remote(p, t, &info);
		sock_of(p, &info);
	}
	if (!is_before_syn(call->ret))
		call->ret = 0;
	return true;
}

/* tcp_connect(struct sock *sk): the SYN goes out. */
bool proc_enter_tcp_connect(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;

	if (is_before_syn(call->ret) || call->ret == (u64)-EISCONN || call->ret == (u64)-EALREADY ||
	    !tcp_info_of(p, t, t->args[0], &info))
		return false;
	learn_remote(p, t, &info);
	call->args[0] = sock_of(p, &info);
	return call->args[0];
}

/* --- accept, listen, bind, close ------------------------------------------------------------ */

bool proc_enter_accept(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;

	if (!tcp_info_of(p, t, t->args[0], &info) || info.state != STATE_LISTEN)
		return false;
	call->args[0] = sock_of(p, &info);
	return call->args[0];
}

/* inet_csk_accept returns the new socket, or NULL. */
bool proc_leave_accept(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;
	s64 fd = call->ret;

	call->ret = fd >= 0 && tcp_info_of(p, t, fd, &info) ? sock_of(p, &info) : 0;
	return true;
}

/* f(struct socket *sock, …the system call's own) */
static bool enter_socket(struct proc *p, struct proc_task *t, struct proc_call *call, u16 family)
{
	struct model_sock_info info;

	if (!sock_info(p, t, t->args[0], &info) || (family && info.family != family))
		return false;
	call->args[0] = sock_of(p, &info);
	if (call->args[0])
		call->args[0] = (uintptr_t)model_sock_socket(p->socks,
							     (void *)(uintptr_t)call->args[0]);
	call->args[1] = t->args[1];
	call->args[2] = t->args[2];
	return call->args[0];
}

/* Not before the socket's addresses are up to date. */
bool proc_leave_socket(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;

	if (sock_info(p, t, t->args[0], &info))
		sock_of(p, &info);
	return true;
}

bool proc_enter_listen(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return enter_socket(p, t, call, 0);
}

static bool with_addr(struct proc *p, struct proc_task *t, struct proc_call *call, u16 family)
{
	if (!enter_socket(p, t, call, family))
		return false;
	call->args[1] = (uintptr_t)user_addr(p, t);
	return call->args[1];
}

bool proc_enter_inet_bind(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return with_addr(p, t, call, AF_INET);
}

bool proc_enter_inet6_bind(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return with_addr(p, t, call, AF_INET6);
}

bool proc_enter_socket_addr(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return with_addr(p, t, call, 0);
}

/* tcp_close(struct sock *sk, long timeout) */
bool proc_enter_tcp_close(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;

	if (!tcp_info_of(p, t, t->args[0], &info))
		return false;
	call->args[0] = sock_of(p, &info);
	return call->args[0];
}

/* tcp_shutdown(struct sock *sk, int how) */
bool proc_enter_tcp_shutdown(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	call->args[1] = t->args[1] + 1; /* a mask: SEND_SHUTDOWN 2, RCV_SHUTDOWN 1 */
	return (call->args[1] & 2) && proc_enter_tcp_close(p, t, call);
}

/* f(struct socket *sock, struct sockaddr *uaddr, int addr_len, int flags) of one kind of socket */
static bool connect_of(struct proc *p, struct proc_task *t, struct proc_call *call, int type,
		       bool is_inet)
{
	struct model_sock_info info;
	bool of_inet;

	if (!sock_info(p, t, t->args[0], &info))
		return false;
	of_inet = info.family == AF_INET || info.family == AF_INET6;
	return info.type == type && of_inet == is_inet && (is_inet || info.family == AF_UNIX) &&
	       with_addr(p, t, call, 0);
}

bool proc_enter_stream_connect(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return connect_of(p, t, call, SOCK_STREAM, true);
}

bool proc_enter_dgram_connect(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return connect_of(p, t, call, SOCK_DGRAM, true);
}

bool proc_enter_unix_connect(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return connect_of(p, t, call, SOCK_STREAM, false);
}

/* inet_shutdown(struct socket *sock, int how) */
bool proc_enter_inet_shutdown(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;

	return sock_info(p, t, t->args[0], &info) &&
	       (info.family == AF_INET || info.family == AF_INET6) && enter_socket(p, t, call, 0);
}

/* --- send and receive ----------------------------------------------------------------------- */

static bool enter_transfer(struct proc *p, struct proc_task *t, struct proc_call *call, u16 proto)
{
	struct model_sock_info info;

	if (!sock_info(p, t, t->args[0], &info) || info.protocol != proto)
		return false;
	call->args[0] = sock_of(p, &info);
	call->args[2] = t->args[2];
	return call->args[0];
}

bool proc_enter_tcp_transfer(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	return enter_transfer(p, t, call, IPPROTO_TCP);
}

bool proc_enter_udp_transfer(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;
	bool want_v6 = !strncmp(call->fn->name, "udpv6", 5);

	return sock_info(p, t, t->args[0], &info) && want_v6 == (info.family == AF_INET6) &&
	       enter_transfer(p, t, call, IPPROTO_UDP);
}

/* tcp_cleanup_rbuf(struct sock *sk, int copied) */
bool proc_enter_cleanup_rbuf(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	if ((s64)call->ret <= 0 || !enter_transfer(p, t, call, IPPROTO_TCP))
		return false;
	call->args[1] = call->ret;
	return true;
}

/* --- states --------------------------------------------------------------------------------- */

struct tp_set_state {
	u64 common;
	u64 skaddr;
	s32 oldstate, newstate;
	u16 sport, dport, family, protocol;
	u8 saddr[4], daddr[4], saddr_v6[16], daddr_v6[16];
};

static void map_v4(u8 v6[16], const u8 v4[4])
{
	memset(v6, 0, 10);
	v6[10] = v6[11] = 0xff;
	memcpy(v6 + 12, v4, 4);
}

static void fill_tp(struct tp_set_state *tp, const struct model_sock_info *info)
{
	tp->sport = info->local.port;
	tp->dport = info->remote.port;
	tp->family = info->family;
	tp->protocol = info->protocol;
	if (info->family == AF_INET6) {
		memcpy(tp->saddr_v6, info->local.ip, 16);
		memcpy(tp->daddr_v6, info->remote.ip, 16);
		return;
	}
	memcpy(tp->saddr, info->local.ip, 4);
	memcpy(tp->daddr, info->remote.ip, 4);
	map_v4(tp->saddr_v6, tp->saddr);
	map_v4(tp->daddr_v6, tp->daddr);
}

/* tcp_set_state(sk, new) and inet_sock_set_state(sk, old, new): the tracepoint's second argument
 * goes to the kprobe's place when a row has only two. */
static bool transition(struct proc *p, struct proc_task *t, struct proc_call *call,
		       struct model_sock_info *info, u8 from, u8 to)
{
	struct tp_set_state *tp = proc_lend(p, t, sizeof(*tp));

	if (!tp)
		return false;
	info->state = from;
	call->args[0] = sock_of(p, info);
	call->args[1] = call->nr_args == 2 ? to : from;
	call->args[2] = to;
	tp->skaddr = call->args[0];
	tp->oldstate = from;
	tp->newstate = to;
	fill_tp(tp, info);
	call->ctx = tp;
	call->ctx_size = sizeof(*tp);
	return call->args[0];
}

bool proc_state_syn_sent(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;

	if (is_before_syn(call->ret) || call->ret == (u64)-EISCONN || call->ret == (u64)-EALREADY ||
	    !tcp_info_of(p, t, t->args[0], &info))
		return false;
	learn_remote(p, t, &info);
	return transition(p, t, call, &info, STATE_CLOSE, STATE_SYN_SENT);
}

bool proc_state_connected(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;
	bool failed = call->ret == (u64)-ECONNREFUSED || call->ret == (u64)-ETIMEDOUT ||
		      call->ret == (u64)-EHOSTUNREACH;

	if ((call->ret && !failed) || !tcp_info_of(p, t, t->args[0], &info))
		return false;
	learn_remote(p, t, &info);
	return transition(p, t, call, &info, STATE_SYN_SENT,
			  failed ? STATE_CLOSE : STATE_ESTABLISHED);
}

bool proc_state_accepted(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;

	return (s64)call->ret >= 0 && tcp_info_of(p, t, call->ret, &info) &&
	       transition(p, t, call, &info, STATE_SYN_RECV, STATE_ESTABLISHED);
}

bool proc_state_listening(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	struct model_sock_info info;

	return !call->ret && tcp_info_of(p, t, t->args[0], &info) &&
	       transition(p, t, call, &info, STATE_CLOSE, STATE_LISTEN);
}

bool proc_state_closing(struct proc *p, struct proc_task *t, struct proc_call *call)
{
	static const struct {
		u8 from, to;
	} next[] = {
		{STATE_ESTABLISHED, STATE_FIN_WAIT1}, {STATE_SYN_SENT, STATE_CLOSE},
		{STATE_CLOSE_WAIT, STATE_LAST_ACK},   {STATE_LISTEN, STATE_CLOSE},
		{STATE_SYN_RECV, STATE_FIN_WAIT1},
	};
	struct model_sock_info info;

	if (!tcp_info_of(p, t, t->args[0], &info))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(next); i++)
		if (next[i].from == info.state)
			return transition(p, t, call, &info, next[i].from, next[i].to);
	return false;
}
