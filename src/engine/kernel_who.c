/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where somebody is attached already: who that is, from the kernel's own books (name, id, tag) and
 * from the processes that hold the program or its link (fdinfo). With --replace the place is made
 * free; a link of somebody else is detached and stays with its owner, dead.
 */
#include "base/log.h"
#include "engine/kernel.h"
#include "spec/uapi.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PIDS 8

/* --- processes -------------------------------------------------------------------------------- */

/* "prog_id:\t7" in the fdinfo of programs and of links. */
static bool says_prog(int dir, const char *name, u32 prog_id)
{
	char text[1024], *at;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	at = strstr(text, "prog_id:");
	return at && strtoul(at + 8, NULL, 10) == prog_id;
}

static bool holds(const char *pid, u32 prog_id)
{
	char path[300];
	struct dirent *e;
	bool hit = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	d = opendir(path);
	while (d && !hit && (e = readdir(d)))
		hit = e->d_name[0] != '.' && says_prog(dirfd(d), e->d_name, prog_id);
	if (d)
		closedir(d);
	return hit;
}

static void put_comm(struct strbuf *sb, const char *pid)
{
	char path[300], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (f && fgets(comm, sizeof(comm), f))
		comm[strcspn(comm, "\n")] = 0;
	if (f)
		fclose(f);
	strbuf_printf(sb, "%s (%s)", pid, comm);
}

static void put_pids(struct strbuf *sb, u32 prog_id)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	u32 nr = 0;

	while (d && nr < MAX_PIDS && (e = readdir(d))) {
		if (!isdigit((u8)e->d_name[0]) || !holds(e->d_name, prog_id))
			continue;
		strbuf_puts(sb, nr++ ? ", " : "; held by ");
		put_comm(sb, e->d_name);
	}
	if (!nr)
		strbuf_puts(sb, "; no process holds it");
	if (d)
		closedir(d);
}

static void put_who(struct strbuf *sb, u32 prog_id)
{
	struct bpf_prog_info info = {0};
	u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog_id);

	strbuf_printf(sb, "program %u", prog_id);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len)) {
		strbuf_printf(sb, " \"%s\", tag ", info.name);
		for (u32 i = 0; i < sizeof(info.tag); i++)
			strbuf_printf(sb, "%02x", info.tag[i]);
	}
	if (fd >= 0)
		close(fd); /* before the search: it would find us */
	put_pids(sb, prog_id);
}

int kernel_tell_who(struct skep_diag *diag, int err, u32 prog_id, const char *fmt, ...)
{
	struct strbuf sb = {0};
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&sb, fmt, ap);
	va_end(ap);
	strbuf_puts(&sb, " already");
	if (prog_id) {
		strbuf_puts(&sb, ": ");
		put_who(&sb, prog_id);
	}
	diag_set_full(diag, err, "occupied", "--replace takes its place", "%s", strbuf_str(&sb));
	strbuf_done(&sb);
	return err;
}

int kernel_tell_query(struct skep_diag *diag, int err, int target_fd, u32 type, const char *where)
{
	u32 ids[8] = {0}, nr = ARRAY_SIZE(ids), flags = 0;

	if (bpf_prog_query(target_fd, (enum bpf_attach_type)type, BPF_F_QUERY_EFFECTIVE, &flags,
			   ids, &nr) &&
	    bpf_prog_query(target_fd, (enum bpf_attach_type)type, 0, &flags, ids, &nr))
		nr = 0;
	return kernel_tell_who(diag, err, nr ? ids[0] : 0, "%s has one", where);
}

/* --- making room ------------------------------------------------------------------------------ */

/* A link to that place with that program; a descriptor or -1. */
static int find_link(u32 prog_id, int ifindex)
{
	u32 id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		struct bpf_link_info info = {0};
		u32 len = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.prog_id == prog_id &&
		    (!ifindex ||
		     (info.type == BPF_LINK_TYPE_XDP && info.xdp.ifindex == (u32)ifindex)))
			return fd;
		close(fd);
	}
	return -1;
}

static int detach_link(int link, const char *where, u32 prog_id)
{
	int err = bpf_link_detach(link) ? -errno : 0;

	close(link);
	if (!err)
		log_warn("%s: program %u is detached for good: the link stays with its owner, dead",
			 where, prog_id);
	return err;
}

int kernel_xdp_make_room(struct kernel_engine *k, const char *iface, int ifindex, u32 prog_id,
			 struct skep_diag *diag)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int link, err;

	if (!prog_id)
		return 0;
	if (!k->opts.target.replace)
		return kernel_tell_who(diag, -EBUSY, prog_id, "%s has an XDP program", iface);
	link = find_link(prog_id, ifindex);
	if (link >= 0)
		return detach_link(link, iface, prog_id);
	err = bpf_xdp_detach(ifindex, XDP_FLAGS_SKB_MODE, &opts);
	err = bpf_xdp_detach(ifindex, XDP_FLAGS_DRV_MODE, &opts) ? err : 0;
	if (!err)
		log_warn("%s: XDP program %u is detached; it is not put back", iface, prog_id);
	return err ? diag_set(diag, err, "%s: can't detach program %u: %s", iface, prog_id,
			      strerror(-err))
		   : 0;
}

/* Of places that take one program only: those where a program was attached alone. */
int kernel_make_room(struct kernel_engine *k, int target_fd, u32 type, const char *where,
		     struct skep_diag *diag)
{
	u32 ids[8] = {0}, nr = ARRAY_SIZE(ids), flags = 0;
	int prog, link, err;

	if (!k->opts.target.replace ||
	    bpf_prog_query(target_fd, (enum bpf_attach_type)type, 0, &flags, ids, &nr) || nr != 1 ||
	    (flags & BPF_F_ALLOW_MULTI))
		return 0;
	link = find_link(ids[0], 0);
	if (link >= 0)
		return detach_link(link, where, ids[0]);
	prog = bpf_prog_get_fd_by_id(ids[0]);
	err = prog < 0                                                        ? -errno
	      : bpf_prog_detach2(prog, target_fd, (enum bpf_attach_type)type) ? -errno
									      : 0;
	if (prog >= 0)
		close(prog);
	if (!err)
		log_warn("%s: program %u is detached; it is not put back", where, ids[0]);
	return err ? diag_set(diag, err, "%s: can't detach program %u: %s", where, ids[0],
			      strerror(-err))
		   : 0;
}
