/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* From what options name to descriptors: namespaces, interfaces, cgroups, loaded programs. */
#include "base/log.h"
#include "engine/kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* --- network namespaces ------------------------------------------------------------------------
 *
 * Interfaces, routes and netfilter hooks are those of the namespace that the calling thread is in,
 * so it enters --netns for the calls that attach and comes back.
 */

int kernel_netns_open(struct kernel_engine *k, struct skep_diag *diag)
{
	const char *name = k->opts.target.netns;
	char path[PATH_MAX];

	if (!name)
		return 0;
	if (strchr(name, '/'))
		snprintf(path, sizeof(path), "%s", name);
	else if (is_number(name) || !strcmp(name, "self"))
		snprintf(path, sizeof(path), "/proc/%s/ns/net", name);
	else
		snprintf(path, sizeof(path), "/run/netns/%s", name);
	k->netns_fd = open(path, O_RDONLY | O_CLOEXEC);
	k->old_netns_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (k->netns_fd >= 0 && k->old_netns_fd >= 0)
		return 0;
	return diag_set_full(diag, -errno, "no-netns", "ip netns list names them; or give a pid",
			     "--netns %s: %s: %s", name, path, strerror(errno));
}

int kernel_netns_enter(struct kernel_engine *k, struct skep_diag *diag)
{
	if (k->netns_fd < 0 || !setns(k->netns_fd, CLONE_NEWNET))
		return 0;
	return diag_set(diag, -errno, "can't enter network namespace %s: %s", k->opts.target.netns,
			strerror(errno));
}

void kernel_netns_leave(struct kernel_engine *k)
{
	if (k->netns_fd >= 0 && setns(k->old_netns_fd, CLONE_NEWNET))
		log_warn("can't come back from network namespace %s: %s", k->opts.target.netns,
			 strerror(errno));
}

int kernel_ifindex(const char *iface, struct skep_diag *diag)
{
	struct strbuf names = {0};
	struct if_nameindex *all;
	int idx = (int)if_nametoindex(iface);

	if (idx)
		return idx;
	all = if_nameindex();
	for (struct if_nameindex *i = all; i && i->if_index; i++)
		strbuf_printf(&names, "%s%s", names.len ? ", " : "", i->if_name);
	if_freenameindex(all);
	diag_set_full(diag, -ENODEV, "no-such-interface", NULL,
		      "there is no interface \"%s\"; there are: %s", iface, strbuf_str(&names));
	strbuf_done(&names);
	return -ENODEV;
}

/* --- cgroups ---------------------------------------------------------------------------------- */

#define CGROUP2_MAGIC 0x63677270

const char *kernel_cgroup_mount(char *buf, size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[PATH_MAX * 2], root[PATH_MAX], path[PATH_MAX];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		const char *dash = strstr(line, " - ");

		if (!dash || strncmp(dash, " - cgroup2 ", 11))
			continue;
		if (sscanf(line, "%*d %*d %*s %4095s %4095s", root, path) == 2)
			found = snprintf(buf, size, "%s", path) < (int)size;
	}
	if (f)
		fclose(f);
	return found ? buf : NULL;
}

static int open_dir(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int kernel_cgroup_open(const char *path, struct skep_diag *diag)
{
	char mount[PATH_MAX], below[PATH_MAX * 2];
	struct statfs st;
	int fd = open_dir(path);

	if (fd < 0 && path[0] != '/' && kernel_cgroup_mount(mount, sizeof(mount))) {
		snprintf(below, sizeof(below), "%s/%s", mount, path);
		fd = open_dir(below);
	}
	if (fd < 0)
		return diag_set(diag, -errno, "--cgroup %s: %s", path, strerror(errno));
	if (!fstatfs(fd, &st) && (u32)st.f_type == CGROUP2_MAGIC)
		return fd;
	close(fd);
	return diag_set_full(diag, -EINVAL, "no-cgroup2",
			     kernel_cgroup_mount(mount, sizeof(mount))
				     ? "cgroup2 is mounted elsewhere: see findmnt -t cgroup2"
				     : "mount -t cgroup2 none DIRECTORY",
			     "--cgroup %s: it is not a directory of cgroup2", path);
}

/* --- loaded programs -------------------------------------------------------------------------- */

static bool has_name(int fd, const char *name)
{
	struct bpf_prog_info info = {0};
	u32 len = sizeof(info);

	/* Linux keeps 15 characters of a name */
	return !bpf_obj_get_info_by_fd(fd, &info, &len) && !strncmp(info.name, name, 15);
}

static int find_by_name(const char *name, struct skep_diag *diag)
{
	int fd, hit = -1;
	u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0)
			continue;
		if (!has_name(fd, name)) {
			close(fd);
			continue;
		}
		if (hit >= 0) {
			close(fd);
			close(hit);
			return diag_set_full(diag, -EEXIST, "not-unique",
					     "give its id: skep show progs",
					     "several loaded programs are called \"%s\"", name);
		}
		hit = fd;
	}
	return hit >= 0 ? hit : diag_set(diag, -ENOENT, "no loaded program is called \"%s\"", name);
}

int kernel_map_open(const char *name, struct skep_diag *diag)
{
	int fd;

	if (is_number(name))
		fd = bpf_map_get_fd_by_id((u32)strtoul(name, NULL, 10));
	else
		fd = bpf_obj_get(name);
	return fd < 0 ? diag_set(diag, -errno, "--target-map %s: %s", name, strerror(errno)) : fd;
}

u32 kernel_prog_id(const struct kernel_prog *p)
{
	struct bpf_prog_info info = {0};
	u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_program__fd(p->bpf), &info, &len) ? 0 : info.id;
}

int kernel_dup(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : copy;
}

int kernel_target_prog(struct kernel_engine *k, struct skep_diag *diag)
{
	const char *name = k->opts.target.prog;
	int fd = k->target_prog_fd;

	if (fd >= 0 || !name)
		return fd;
	if (is_number(name))
		fd = bpf_prog_get_fd_by_id((u32)strtoul(name, NULL, 10));
	else if (strchr(name, '/'))
		fd = bpf_obj_get(name);
	else
		fd = find_by_name(name, diag);
	if (fd < 0)
		return diag_set(diag, -errno, "--target-prog %s: %s", name, strerror(errno));
	k->target_prog_fd = fd;
	return fd;
}
