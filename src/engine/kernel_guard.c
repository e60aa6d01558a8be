/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The guard: a forked child that waits until its end of a socket closes, be it that we are done,
 * crashed or were killed, and then undoes what stands in a list in shared memory, the last first.
 *
 *     write what will be made → count it → make it
 *
 * So a kill at any moment loses nothing: what was counted may not have been made, never the other
 * way round; undoing checks that it is there and ours, and may be done twice. The guard has its own
 * session and ignores the terminal's signals.
 */
#include "engine/kernel_guard.h"
#include "base/log.h"
#include "engine/kernel.h"
#include "engine/kernel_pin.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SO_DETACH_REUSEPORT_BPF
#define SO_DETACH_REUSEPORT_BPF 68
#endif

#define MAX_UNDOS 256 /* interfaces times programs, routes */

struct kernel_guard {
	u32 nr;         /* slots that count; written last */
	u32 nr_failed;  /* the guard's answer */
	int failed_err; /* of the last that failed */
	struct kernel_undo undos[MAX_UNDOS];
};

/* --- in the guard ----------------------------------------------------------------------------- */

static struct kernel_engine *guarded; /* in the guard: the copy that came with the fork */

#define BUSY_TRIES 100 /* of 10 ms: a process that dies closes its descriptors one by one */

static int undo_dir(const struct kernel_undo *u)
{
	int tracefs = kernel_tracefs(guarded, NULL), err = 0;

	if (tracefs < 0)
		return tracefs;
	for (int i = 0; i < BUSY_TRIES; i++) {
		err = unlinkat(tracefs, u->path, AT_REMOVEDIR) ? -errno : 0;
		if (err != -EBUSY)
			break;
		usleep(10000);
	}
	return err == -ENOENT ? 0 : err;
}

/* The process may be gone, or have closed it: then so is the group. */
static int undo_reuseport(const struct kernel_undo *u)
{
	int pidfd = (int)syscall(SYS_pidfd_open, u->pid, 0), on = 1;
	int fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, u->fd, 0);

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &on, sizeof(on));
	return 0;
}

static int undo_lirc(const struct kernel_undo *u)
{
	int prog = bpf_prog_get_fd_by_id(u->prog_id), fd = open(u->path, O_RDWR | O_CLOEXEC);

	if (prog < 0 || fd < 0)
		return 0;
	return bpf_prog_detach2(prog, fd, BPF_LIRC_MODE2) && errno != ENOENT ? -errno : 0;
}

static int undo_struct_ops(const struct kernel_undo *u)
{
	int fd = bpf_map_get_fd_by_id(u->map_id);
	u32 zero = 0;

	return fd >= 0 && bpf_map_delete_elem(fd, &zero) && errno != ENOENT ? -errno : 0;
}

static int undo_pin(const struct kernel_undo *u)
{
	return kernel_unpin_dir(u->path);
}

static int (*const undo[UNDO_NR])(const struct kernel_undo *u) = {
	[UNDO_QDISC] = kernel_undo_qdisc,
	[UNDO_FILTER] = kernel_undo_filter,
	[UNDO_MATCHALL] = kernel_undo_matchall,
	[UNDO_ROUTE] = kernel_undo_route,
	[UNDO_DIR] = undo_dir,
	[UNDO_REUSEPORT] = undo_reuseport,
	[UNDO_LIRC] = undo_lirc,
	[UNDO_STRUCT_OPS] = undo_struct_ops,
	[UNDO_PIN] = undo_pin,
};

static void be_alone(int sock, struct kernel_engine *k)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGALRM, SIGTSTP};
	int netns = k->netns_fd, null;

	setsid();
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_IGN);
	prctl(PR_SET_NAME, "skep-guard");
	dup2(sock, 3); /* every other descriptor is somebody's end of something */
	if (netns >= 0)
		k->netns_fd = dup2(netns == 3 ? sock : netns, 4);
	syscall(SYS_close_range, netns >= 0 ? 5 : 4, ~0u, 0);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	close(null);
	(void)!chdir("/");
	k->tracefs_fd = -1;
}

static void __noreturn be_guard(struct kernel_engine *k, int sock)
{
	struct kernel_guard *g = k->guard;
	char c;

	guarded = k;
	be_alone(sock, k);
	while (read(3, &c, 1) > 0 || errno == EINTR)
		errno = 0;
	kernel_netns_enter(k, NULL);
	for (u32 i = __atomic_load_n(&g->nr, __ATOMIC_ACQUIRE); i--;) {
		int err = undo[g->undos[i].kind] ? undo[g->undos[i].kind](&g->undos[i]) : 0;

		if (!err)
			continue;
		g->nr_failed++;
		g->failed_err = err;
	}
	_exit(0);
}

/* --- in skep ---------------------------------------------------------------------------------- */

static int start(struct kernel_engine *k, struct skep_diag *diag)
{
	struct kernel_guard *g = mmap(NULL, sizeof(*g), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fds[2];

	if (g == MAP_FAILED)
		return diag_nomem(diag);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)) {
		munmap(g, sizeof(*g));
		return diag_set(diag, -errno, "socketpair: %s", strerror(errno));
	}
	k->guard = g;
	k->guard_pid = fork();
	if (!k->guard_pid) {
		close(fds[0]);
		be_guard(k, fds[1]);
	}
	close(fds[1]);
	k->guard_fd = fds[0];
	if (k->guard_pid > 0)
		return 0;
	diag_set(diag, -errno, "can't start the process that would clean up: %s", strerror(errno));
	k->guard_pid = 0;
	kernel_guard_close(k);
	return diag ? diag->err : -EAGAIN;
}

/* Of the calling thread, which is in --netns while it attaches. */
static u64 netns_ino(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) ? 0 : st.st_ino;
}

int kernel_guard_add(struct kernel_engine *k, const struct kernel_undo *u, struct skep_diag *diag)
{
	struct kernel_guard *g;
	int err = k->guard ? 0 : start(k, diag);

	if (err)
		return err;
	g = k->guard;
	if (g->nr == MAX_UNDOS)
		return diag_set(diag, -E2BIG, "more than %d things to undo", MAX_UNDOS);
	g->undos[g->nr] = *u;
	g->undos[g->nr].netns = netns_ino();
	__atomic_store_n(&g->nr, g->nr + 1, __ATOMIC_RELEASE);
	return (int)g->nr - 1;
}

void kernel_guard_forget(struct kernel_engine *k, int slot)
{
	__atomic_store_n(&k->guard->undos[slot].kind, UNDO_NONE, __ATOMIC_RELEASE);
}

bool kernel_guard_has_net(const struct kernel_engine *k)
{
	for (u32 i = 0; k->guard && i < k->guard->nr; i++) {
		enum kernel_undo_kind kind = k->guard->undos[i].kind;

		if (kind == UNDO_QDISC || kind == UNDO_FILTER || kind == UNDO_MATCHALL ||
		    kind == UNDO_ROUTE)
			return true;
	}
	return false;
}

void kernel_guard_detach(struct kernel_engine *k)
{
	struct kernel_guard *g = k->guard;

	if (!g || kernel_netns_enter(k, NULL))
		return;
	guarded = k;
	for (u32 i = g->nr; i--;) {
		enum kernel_undo_kind kind = g->undos[i].kind;

		if (kind != UNDO_NONE && kind != UNDO_DIR && !undo[kind](&g->undos[i]))
			kernel_guard_forget(k, (int)i);
	}
	kernel_netns_leave(k);
}

void kernel_guard_close(struct kernel_engine *k)
{
	struct kernel_guard *g = k->guard;

	if (!g)
		return;
	close(k->guard_fd);
	while (k->guard_pid && waitpid(k->guard_pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (g->nr_failed)
		log_warn("%u things could not be undone: %s", g->nr_failed,
			 strerror(-g->failed_err));
	munmap(g, sizeof(*g));
	k->guard = NULL;
}

int kernel_guard_each(struct kernel_engine *k, int (*fn)(void *ctx, const struct kernel_undo *u),
		      void *ctx)
{
	int err = 0;

	for (u32 i = 0; k->guard && i < k->guard->nr && !err; i++) {
		const struct kernel_undo *u = &k->guard->undos[i];

		if (u->kind != UNDO_NONE && u->kind != UNDO_DIR && u->kind != UNDO_PIN)
			err = fn(ctx, u);
	}
	return err;
}

/* Directories of tracefs are of no use without a reader. */
void kernel_guard_forget_all(struct kernel_engine *k)
{
	for (u32 i = 0; k->guard && i < k->guard->nr; i++)
		if (k->guard->undos[i].kind != UNDO_DIR)
			kernel_guard_forget(k, (int)i);
}

/* --- records that outlive us ------------------------------------------------------------------ */

#define UNDO_FORMAT "%x-%x-%x-%x-%x-%x-%x-%x-%x-%x-%x-%llx"

void kernel_undo_format(const struct kernel_undo *u, char *name, size_t size)
{
	int at = snprintf(name, size, UNDO_FORMAT, u->kind, u->prog_id, u->map_id, (u32)u->ifindex,
			  u->egress, u->prio, (u32)u->pid, (u32)u->fd,
			  u->route.family << 8 | u->route.prefix_len, u->route.table,
			  u->route.metric, (unsigned long long)u->netns);

	at += snprintf(name + at, size - (size_t)at, "-");
	for (size_t i = 0; i < sizeof(u->route.dst); i++)
		at += snprintf(name + at, size - (size_t)at, "%02x", u->route.dst[i]);
}

int kernel_undo_parse(const char *name, struct kernel_undo *u)
{
	u32 kind, egress, route, ifindex, pid, fd;
	unsigned long long netns;
	const char *dst;
	int end = 0;

	*u = (struct kernel_undo){0};
	if (sscanf(name, UNDO_FORMAT "-%n", &kind, &u->prog_id, &u->map_id, &ifindex, &egress,
		   &u->prio, &pid, &fd, &route, &u->route.table, &u->route.metric, &netns,
		   &end) != 12 ||
	    kind >= UNDO_NR || kind == UNDO_PIN || kind == UNDO_DIR)
		return -EINVAL;
	u->kind = kind;
	u->netns = netns;
	u->ifindex = (int)ifindex;
	u->egress = egress;
	u->pid = (pid_t)pid;
	u->fd = (int)fd;
	u->route.family = (u8)(route >> 8);
	u->route.prefix_len = (u8)route;
	dst = name + end;
	for (size_t i = 0; end && i < sizeof(u->route.dst); i++, dst += 2)
		if (sscanf(dst, "%2hhx", &u->route.dst[i]) != 1)
			return -EINVAL;
	return 0;
}

int kernel_undo_run(const struct kernel_undo *u)
{
	if (u->netns != netns_ino())
		return -EXDEV;
	return undo[u->kind] ? undo[u->kind](u) : 0;
}
