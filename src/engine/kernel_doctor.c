/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Runs the probes in a child; findings come back through a pipe, one write each. */
#include "engine/kernel_doctor.h"
#include "base/file.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where cgroup2 is mounted, and we in it: "0::/path" behind the mount point. */
static bool find_cgroup(char *buf, size_t size)
{
	char line[1024], where[512] = "", path[256] = "";
	FILE *f = fopen("/proc/self/mounts", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %511s cgroup2 ", where) == 1 && strstr(line, " cgroup2 "))
			break;
		else
			where[0] = 0;
	if (f)
		fclose(f);
	f = fopen("/proc/self/cgroup", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "0::%255[^\n]", path) == 1)
			break;
	if (f)
		fclose(f);
	snprintf(buf, size, "%s%s", where, path);
	return *where && *path;
}

static void raise_memlock(void)
{
	struct rlimit rl = {RLIM_INFINITY, RLIM_INFINITY};

	if (!setrlimit(RLIMIT_MEMLOCK, &rl))
		return;
	if (!getrlimit(RLIMIT_MEMLOCK, &rl)) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &rl);
	}
}

static void probe_all(const struct btf *btf, int out)
{
	const struct kernel_row *rows = kernel_probe_rows();
	struct kernel_facts facts;
	char cgroup[800];
	struct kernel_try t = {
		.btf = btf,
		.cgroup = find_cgroup(cgroup, sizeof(cgroup)) ? cgroup : NULL,
	};

	raise_memlock();
	kernel_facts_read(&facts);
	t.in_netns = !unshare(CLONE_NEWNET);
	for (u32 i = 0; rows[i].name; i++) {
		struct kernel_finding f = {.row = i};

		f.err = kernel_probe_row(&rows[i], &t);
		if (f.err)
			kernel_probe_why(&t, &facts, f.err, &f.why);
		else
			snprintf(f.note, sizeof(f.note), "%s", t.missing ? t.missing : "");
		if (write(out, &f, sizeof(f)) != sizeof(f))
			break;
	}
	kernel_facts_done(&facts);
}

/* 0: a whole finding, 1: the end, or -errno */
static int read_finding(int fd, struct kernel_finding *f)
{
	size_t have = 0;

	while (have < sizeof(*f)) {
		ssize_t n = read(fd, (char *)f + have, sizeof(*f) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return 1;
		have += (size_t)n;
	}
	return 0;
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

int kernel_doctor(int (*fn)(void *ctx, const struct kernel_finding *f), void *ctx,
		  struct skep_diag *diag)
{
	struct btf *btf = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	int fds[2], err, ret = 0;
	struct kernel_finding f;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC)) {
		btf__free(btf);
		return diag_set(diag, -errno, "no pipe: %s", strerror(errno));
	}
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		probe_all(btf, fds[1]);
		_exit(0);
	}
	err = pid < 0 ? -errno : 0;
	close(fds[1]);
	while (!err && !ret) {
		err = read_finding(fds[0], &f);
		if (!err)
			ret = fn(ctx, &f);
	}
	close(fds[0]);
	if (pid > 0)
		err = reap(pid) && !ret ? -EIO : err < 0 ? err : 0;
	btf__free(btf);
	return err ? diag_set(diag, err, "the probes did not end as they should: %s",
			      strerror(-err))
		   : ret;
}

int kernel_doctor_ptrace(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(errno);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	if (WIFEXITED(status))
		return -WEXITSTATUS(status);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return 0;
}
