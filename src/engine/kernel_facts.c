/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Reads capabilities, limits, sysctls and what securityfs says. */
#include "engine/kernel_facts.h"
#include "base/mem.h"
#include "object/state.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* A small file's text without its last newline; false if it cannot be read. */
static bool read_at(int dir, const char *path, char *buf, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	buf[n] = 0;
	if (n && buf[n - 1] == '\n')
		buf[n - 1] = 0;
	return true;
}

static int read_number(const char *path)
{
	char buf[32];

	return read_at(AT_FDCWD, path, buf, sizeof(buf)) ? atoi(buf) : -1;
}

static u64 read_caps(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &head, data))
		return 0;
	return data[0].effective | (u64)data[1].effective << 32;
}

static int status_number(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	return at ? atoi(at + strlen(key)) : 0;
}

/* The initial user namespace maps everybody to himself. */
static bool is_in_userns(void)
{
	unsigned long inside, outside, nr;
	char buf[256];

	if (!read_at(AT_FDCWD, "/proc/self/uid_map", buf, sizeof(buf)))
		return false;
	return sscanf(buf, "%lu %lu %lu", &inside, &outside, &nr) != 3 || inside || outside ||
	       nr != 4294967295ul;
}

void kernel_facts_read(struct kernel_facts *f)
{
	struct utsname uts = {0};
	unsigned int a = 0, b = 0;
	struct rlimit rl = {0};
	char status[4096] = "";

	memset(f, 0, sizeof(*f));
	uname(&uts);
	snprintf(f->release, sizeof(f->release), "%s", uts.release);
	snprintf(f->machine, sizeof(f->machine), "%s", uts.machine);
	if (sscanf(uts.release, "%u.%u", &a, &b) == 2)
		f->version = FACTS_VERSION(a, b);
	f->caps = read_caps();
	read_at(AT_FDCWD, "/proc/self/status", status, sizeof(status));
	f->seccomp = status_number(status, "\nSeccomp:");
	f->no_new_privs = status_number(status, "\nNoNewPrivs:");
	f->in_userns = is_in_userns();
	f->unpriv_disabled = read_number("/proc/sys/kernel/unprivileged_bpf_disabled");
	f->perf_paranoid = read_number("/proc/sys/kernel/perf_event_paranoid");
	getrlimit(RLIMIT_MEMLOCK, &rl);
	f->memlock = rl.rlim_cur;
	f->has_btf = !access("/sys/kernel/btf/vmlinux", R_OK);
}

void kernel_facts_done(struct kernel_facts *f)
{
	mem_free(f->config);
	f->config = NULL;
}

bool kernel_facts_can(const struct kernel_facts *f, int cap)
{
	u64 caps = FACTS_CAP(cap);

	if (cap == FACTS_CAP_BPF || cap == FACTS_CAP_PERFMON || cap == FACTS_CAP_NET_ADMIN)
		caps |= FACTS_CAP(FACTS_CAP_SYS_ADMIN);
	return f->caps & caps;
}

/* --- securityfs ------------------------------------------------------------------------------- */

#ifndef SYS_fsopen
#define SYS_fsopen   430
#define SYS_fsconfig 431
#define SYS_fsmount  432
#endif
#define CONFIG_CREATE 6 /* FSCONFIG_CMD_CREATE */

int kernel_facts_open_fs(const char *type, const char *where, const char *file)
{
	int fs, mnt = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (mnt >= 0 && !faccessat(mnt, file, F_OK, 0))
		return mnt;
	if (mnt >= 0)
		close(mnt);
	fs = (int)syscall(SYS_fsopen, type, 1);
	if (fs < 0)
		return -errno;
	mnt = syscall(SYS_fsconfig, fs, CONFIG_CREATE, NULL, NULL, 0)
		      ? -1
		      : (int)syscall(SYS_fsmount, fs, 1, 0);
	close(fs);
	return mnt < 0 ? -errno : mnt;
}

static bool read_security(const char *name, char *buf, size_t size)
{
	int dir = kernel_facts_open_fs("securityfs", "/sys/kernel/security", name);
	bool ok;

	if (dir < 0)
		return false;
	ok = read_at(dir, name, buf, size);
	close(dir);
	return ok;
}

const char *kernel_facts_lsm(struct kernel_facts *f)
{
	if (!f->lsm_tried && !read_security("lsm", f->lsm, sizeof(f->lsm)))
		f->lsm[0] = 0;
	f->lsm_tried = true;
	return f->lsm;
}

/* "none [integrity] confidentiality": the one in brackets is in force. */
const char *kernel_facts_lockdown(struct kernel_facts *f)
{
	char buf[128], *from, *to;

	if (f->lockdown_tried)
		return f->lockdown;
	f->lockdown_tried = true;
	if (!read_security("lockdown", buf, sizeof(buf)))
		return f->lockdown;
	from = strchr(buf, '[');
	to = from ? strchr(from, ']') : NULL;
	if (to)
		snprintf(f->lockdown, sizeof(f->lockdown), "%.*s", (int)(to - from - 1), from + 1);
	return f->lockdown;
}

const char *kernel_facts_config(struct kernel_facts *f, const char *name, char *buf, size_t size)
{
	const char *value;

	if (!f->config_tried && object_read_kernel_config(&f->config))
		f->config = NULL;
	f->config_tried = true;
	if (!f->config)
		return "";
	value = object_config_value(f->config, name, buf, size);
	return value ? value : "n";
}
