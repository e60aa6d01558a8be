/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * usage: start COMMAND…
 *
 * How long a program takes from its execve to the first BPF program that it attaches, and how much
 * memory it has had until then. A seccomp filter stops it at the system calls that attach (a link,
 * a raw tracepoint, a perf event enabled or given a program) and at nothing else; then it is ended.
 * Prints "MICROSECONDS KIB", or nothing and fails if it ends before it attaches.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOAD(field)        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))

/* clang-format off */
static struct sock_filter filter[] = {
	LOAD(nr),
	IF(SYS_bpf, 0, 4),
	LOAD(args[0]),
	IF(BPF_LINK_CREATE, 7, 0),
	IF(BPF_RAW_TRACEPOINT_OPEN, 6, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	IF(SYS_ioctl, 0, 3),
	LOAD(args[1]),
	IF(PERF_EVENT_IOC_SET_BPF, 2, 0),
	BPF_STMT(BPF_JMP | BPF_JA, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
};
/* clang-format on */

static unsigned long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (unsigned long long)ts.tv_sec * 1000000 + (unsigned long long)ts.tv_nsec / 1000;
}

static void be_command(char **argv)
{
	struct sock_fprog prog = {sizeof(filter) / sizeof(filter[0]), filter};
	int null = open("/dev/null", O_RDWR);

	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(126);
	execvp(argv[0], argv);
	_exit(127);
}

static long peak_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* Lets it run until it attaches. Its other stops (signals, a command that it starts) are nothing.
 */
static int wait_for_attach(pid_t pid)
{
	unsigned long long start = 0;
	int status;

	while (waitpid(pid, &status, 0) == pid) {
		int event = status >> 16, sig = WSTOPSIG(status);

		if (WIFEXITED(status) || WIFSIGNALED(status))
			return 1;
		if (event == PTRACE_EVENT_EXEC)
			start = now_us();
		if (event == PTRACE_EVENT_SECCOMP) {
			printf("%llu %ld\n", now_us() - start, peak_kib(pid));
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return 0;
		}
		ptrace(PTRACE_CONT, pid, 0, event || sig == SIGTRAP || sig == SIGSTOP ? 0 : sig);
	}
	return 1;
}

int main(int argc, char **argv)
{
	pid_t pid;
	int status;

	if (argc < 2)
		return 2;
	pid = fork();
	if (!pid)
		be_command(argv + 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 1;
	if (ptrace(PTRACE_SETOPTIONS, pid, 0,
		   PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL))
		return 1;
	ptrace(PTRACE_CONT, pid, 0, 0);
	return wait_for_attach(pid);
}
