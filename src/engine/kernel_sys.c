/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* System calls that libbpf or <linux/bpf.h> may be too old for. */
#include "base/log.h"
#include "engine/kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* A kernel that knows less takes what it does not know as long as it is zero. */
int sys_link_create(const struct sys_link *attr)
{
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, attr, sizeof(*attr));

	return fd < 0 ? -errno : fd;
}

/* --- tracefs ---------------------------------------------------------------------------------- */

#define TRACEFS_MAGIC 0x74726163

static int open_mounted(void)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct statfs st;

		if (!statfs(places[i], &st) && (u32)st.f_type == TRACEFS_MAGIC)
			return open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	errno = ENOENT;
	return -1;
}

/* A mount that is in nobody's tree and goes with its descriptor. */
static int open_detached(void)
{
	int fs = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC), fd = -1, err;

	if (fs < 0)
		return -1;
	if (!syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	err = errno;
	close(fs);
	errno = err;
	return fd;
}

int kernel_tracefs(struct kernel_engine *k, struct skep_diag *diag)
{
	if (k->tracefs_fd >= 0)
		return k->tracefs_fd;
	k->tracefs_fd = open_mounted();
	if (k->tracefs_fd < 0) {
		k->tracefs_fd = open_detached();
		log_debug("tracefs is not mounted; %s",
			  k->tracefs_fd < 0 ? "and can't be" : "a mount of our own serves");
	}
	if (k->tracefs_fd >= 0)
		return k->tracefs_fd;
	return diag_set_full(diag, -errno, "no-tracefs",
			     "mount -t tracefs tracefs /sys/kernel/tracing",
			     "tracefs is not mounted, and can't be: %s", strerror(errno));
}
