/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets: filters on a packet socket of ours, maps of sockets, groups of listening sockets of
 * another process.
 */
#include "base/log.h"
#include "engine/kernel.h"
#include "spec/uapi.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_ATTACH_REUSEPORT_EBPF
#define SO_ATTACH_REUSEPORT_EBPF 52
#endif

/* --- a packet socket -------------------------------------------------------------------------- */

/* What the filter lets through is not read: a small queue is enough. */
static int open_packet_socket(int ifindex, int prog_fd)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = ifindex,
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), small = 1, err;

	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &prog_fd, sizeof(prog_fd)) &&
	    !bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int kernel_attach_socket(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	int err = 0;

	for (const char *const *i = k->opts.target.ifaces; *i && !err; i++) {
		int ifindex = kernel_ifindex(*i, diag);

		if (ifindex < 0)
			return ifindex;
		err = kernel_attached_fd(k, p, open_packet_socket(ifindex, bpf_program__fd(p->bpf)),
					 diag, "packet socket on %s", *i);
	}
	return err;
}

/* --- maps of sockets --------------------------------------------------------------------------
 *
 * The program belongs to the map from then on, and the map to us: both go together. Linux 6.10 has
 * links for this; before, the map holds it.
 */

int kernel_attach_sockmap(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	const char *name = k->opts.target.sockmap;
	int idx = object_map_idx(k->obj, name), fd, err;
	struct sys_link attr = {
		.prog_fd = (u32)bpf_program__fd(p->bpf),
		.attach_type = p->kind->arg,
	};

	if (idx < 0)
		return diag_set_full(diag, -ENOENT, "needs-target", "skep show FILE lists the maps",
				     "--sockmap %s: the object has no such map", name);
	attr.target_fd = (u32)k->maps[idx].fd;
	fd = sys_link_create(&attr);
	if (fd == -EINVAL) {
		err = bpf_prog_attach((int)attr.prog_fd, k->maps[idx].fd,
				      (enum bpf_attach_type)p->kind->arg, 0);
		fd = err ? -errno : kernel_dup(k->maps[idx].fd);
	}
	return kernel_attached_fd(k, p, fd, diag, "sockets of map %s", name);
}

/* --- groups of listening sockets --------------------------------------------------------------
 *
 * SO_REUSEPORT sockets of another process, taken by their descriptors. The program is the group's,
 * and the group may live longer than we: the guard takes it off.
 */

static bool is_in_group(int fd, u32 port)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr), n = sizeof(int);
	int on = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, &n) || !on)
		return false;
	if (getsockname(fd, (struct sockaddr *)&addr, &len))
		return false;
	if (addr.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&addr)->sin_port) == port;
	return addr.ss_family == AF_INET6 &&
	       ntohs(((struct sockaddr_in6 *)&addr)->sin6_port) == port;
}

/* The socket goes into the first sockarray of the object that has room, in the order found. */
static void fill_sockarray(struct kernel_engine *k, int fd, u32 nr)
{
	u64 value = (u64)fd;

	for (u32 i = 0; i < k->nr_maps; i++) {
		struct kernel_map *m = &k->maps[i];

		if (m->def.type != BPF_MAP_TYPE_REUSEPORT_SOCKARRAY || nr >= m->def.max_entries)
			continue;
		if (bpf_map_update_elem(m->fd, &nr, &value, BPF_ANY))
			log_warn("map %s: socket %u: %s", m->def.name, nr, strerror(errno));
	}
}

static int attach_group(struct kernel_engine *k, struct kernel_prog *p, int sock, int remote,
			struct skep_diag *diag)
{
	struct kernel_undo undo = {
		.kind = UNDO_REUSEPORT,
		.pid = (pid_t)k->opts.hook.pid,
		.fd = remote,
		.prog_id = kernel_prog_id(p),
	};
	int prog_fd = bpf_program__fd(p->bpf), slot = kernel_guard_add(k, &undo, diag);

	if (slot < 0)
		return slot;
	if (setsockopt(sock, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog_fd, sizeof(prog_fd)))
		return diag_set(diag, -errno, "can't be attached to the sockets: %s",
				strerror(errno));
	return kernel_attached_fd(k, p, kernel_dup(prog_fd), diag, "port %u of process %u",
				  k->opts.target.port, k->opts.hook.pid);
}

static int each_socket(struct kernel_engine *k, struct kernel_prog *p, int pidfd, DIR *fds,
		       struct skep_diag *diag)
{
	struct dirent *e;
	int err = 0;
	u32 nr = 0;

	while (!err && (e = readdir(fds))) {
		int remote = atoi(e->d_name), fd;

		if (e->d_name[0] == '.')
			continue;
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, remote, 0);
		if (fd < 0)
			continue;
		if (is_in_group(fd, k->opts.target.port)) {
			fill_sockarray(k, fd, nr);
			err = nr++ ? 0 : attach_group(k, p, fd, remote, diag);
		}
		close(fd);
	}
	if (err || nr)
		return err;
	return diag_set_full(diag, -ENOENT, "no-such-socket", "ss -tlnpe lists sockets",
			     "process %u has no socket with SO_REUSEPORT at port %u",
			     k->opts.hook.pid, k->opts.target.port);
}

int kernel_attach_reuseport(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	char path[64];
	DIR *fds;
	int err;

	snprintf(path, sizeof(path), "/proc/%u/fd", k->opts.hook.pid);
	fds = k->child.pidfd >= 0 ? opendir(path) : NULL;
	if (!fds)
		return diag_set(diag, -errno, "%s: %s", path, strerror(errno));
	err = each_socket(k, p, k->child.pidfd, fds, diag);
	closedir(fds);
	return err;
}

/* --- infrared --------------------------------------------------------------------------------- */

int kernel_attach_lirc(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	const char *path = k->opts.target.device;
	int fd = open(path, O_RDWR | O_CLOEXEC), slot;
	struct kernel_undo undo = {.kind = UNDO_LIRC, .prog_id = kernel_prog_id(p)};

	if (fd < 0)
		return diag_set(diag, -errno, "--device %s: %s", path, strerror(errno));
	snprintf(undo.path, sizeof(undo.path), "%s", path);
	slot = kernel_guard_add(k, &undo, diag);
	if (slot >= 0 && bpf_prog_attach(bpf_program__fd(p->bpf), fd, BPF_LIRC_MODE2, 0)) {
		close(fd);
		fd = -errno;
	}
	return slot < 0 ? slot : kernel_attached_fd(k, p, fd, diag, "%s", path);
}
