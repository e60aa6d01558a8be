/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Odd tracees: threads, execve by a thread, vfork, signals, group stops, restarted calls, names,
 * credentials, 32-bit code. Each is this program again; its exit status says whether it was
 * disturbed.
 */
#include "prochelp.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TID    "call bpf_get_current_pid_tgid#14\nr0 <<= 32\nr0 >>= 32\nexit"
#define TGID   "call bpf_get_current_pid_tgid#14\nr0 >>= 32\nexit"
#define ARG(n) "r0 = *(u64 *)(r1 +" #n ")\nexit"

/* --- the tracees ---------------------------------------------------------------------------- */

static volatile sig_atomic_t got;

static void on_signal(int sig)
{
	got = sig;
}

static void *exec_thread(void *arg)
{
	execl("/bin/sh", "sh", "-c", "exit 23", (char *)NULL);
	return NULL;
}

static int tracee_thread_exec(void)
{
	pthread_t th;

	pthread_create(&th, NULL, exec_thread, NULL);
	while (pause())
		;
	return 1;
}

static void *open_thread(void *arg)
{
	for (int i = 0; i < 100; i++)
		close(open("/dev/null", O_RDONLY));
	return NULL;
}

static int tracee_threads(void)
{
	pthread_t th[8];

	for (int i = 0; i < 8; i++)
		pthread_create(&th[i], NULL, open_thread, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(th[i], NULL);
	return 8;
}

static int tracee_vfork(void)
{
	int status, pid = vfork();

	if (!pid)
		_exit(execl("/bin/sh", "sh", "-c", "exit 9", (char *)NULL));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int tracee_signal(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	if (got != SIGUSR1)
		return 1;
	sigaction(SIGTRAP, &sa, NULL);
	__asm__ volatile("int3");
	return got == SIGTRAP ? 11 : 2;
}

static int tracee_stop(void)
{
	int status, pid = fork();

	if (!pid) {
		raise(SIGSTOP);
		_exit(5);
	}
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != SIGSTOP)
		return 1;
	usleep(50000);
	if (waitpid(pid, &status, WNOHANG) != 0) /* it stays stopped */
		return 2;
	kill(pid, SIGCONT);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

/* A call that a signal interrupts and the kernel restarts. */
static int tracee_restart(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int fds[2];
	char c = 0;

	sigaction(SIGALRM, &sa, NULL);
	if (pipe(fds))
		return 1;
	if (!fork()) {
		usleep(300000);
		_exit(write(fds[1], "y", 1) != 1);
	}
	ualarm(50000, 50000);
	if (read(fds[0], &c, 1) != 1 || c != 'y' || got != SIGALRM)
		return 2;
	ualarm(0, 0);
	wait(NULL);
	return 17;
}

static int tracee_name(void)
{
	prctl(PR_SET_NAME, "renamed");
	syscall(SYS_getpgrp);
	return 0;
}

static int tracee_setuid(void)
{
	if (setuid(65534))
		return 1;
	syscall(SYS_getpgrp);
	return 0;
}

static int tracee_victim(void)
{
	syscall(SYS_getpgrp);
	usleep(100000);
	return 0;
}

static int tracee_many(void)
{
	for (int i = 0; i < 200; i++)
		if (!fork())
			_exit(0);
	while (wait(NULL) > 0)
		;
	return 6;
}

static const struct {
	const char *name;
	int (*run)(void);
} tracees[] = {
	{"thread_exec", tracee_thread_exec},
	{"threads", tracee_threads},
	{"vfork", tracee_vfork},
	{"signal", tracee_signal},
	{"stop", tracee_stop},
	{"restart", tracee_restart},
	{"name", tracee_name},
	{"setuid", tracee_setuid},
	{"victim", tracee_victim},
	{"many", tracee_many},
};

/* --- the tests ------------------------------------------------------------------------------ */

static char *self;

struct want {
	const char *section, *text;
};

static struct bench *run(char *what, const struct want *wants)
{
	static char *argv[4];
	struct bench *b;

	argv[0] = self;
	argv[1] = "tracee";
	argv[2] = what;
	b = bench_new(argv, 0);
	for (; wants->section; wants++)
		is_int(bench_attach(b, wants->section, wants->text), 0, "%s: attach %s %s", what,
		       wants->section, b->diag.message);
	is_int(bench_run(b, 20), 0, "%s: runs to its end %s", what, b->diag.message);
	is_int(b->nr_faults, 0, "%s: no faults", what);
	return b;
}

static void test_thread_exec(void)
{
	static const struct want wants[] = {
		{"tp/syscalls/sys_enter_execve", TID},
		{"tp/syscalls/sys_exit_execve", TID},
		{"tp/sched/sched_process_exec", "r0 = *(u32 *)(r1 +16)\nexit"},
		{"tp/sched/sched_process_exec", TID},
		{NULL, NULL}};
	struct bench *b = run("thread_exec", wants);

	is_int(hook_exit_status(b->set), 23, "execve by a thread: the new program's status");
	is_int(bench_count(b, 0), 2, "two calls of execve");
	is_int(bench_count(b, 1), 2, "two returns");
	ok(bench_ret(b, 0, 1) != bench_ret(b, 0, 0), "the second is by another thread");
	is_int(bench_ret(b, 1, 1), bench_ret(b, 0, 0), "it returns as the leader");
	is_int(bench_ret(b, 2, 1), bench_ret(b, 0, 1), "old_pid is the thread's");
	is_int(bench_ret(b, 3, 1), bench_ret(b, 0, 0), "pid is the leader's");
	bench_free(b);
}

static void test_threads(void)
{
	static const struct want wants[] = {{"tp/syscalls/sys_enter_openat", TID},
					    {"tp/syscalls/sys_exit_openat", TGID},
					    {"tp/sched/sched_process_exit", TID},
					    {NULL, NULL}};
	struct bench *b = run("threads", wants);

	is_int(hook_exit_status(b->set), 8, "threads: the command ends well");
	ok(bench_count(b, 0) >= 800, "800 opens and the loader's (%u)", bench_count(b, 0));
	is_int(bench_count(b, 1), bench_count(b, 0), "each returns");
	is_int(bench_count(b, 2), 9, "nine threads exit");
	bench_free(b);
}

static void test_vfork(void)
{
	static const struct want wants[] = {{"tp/sched/sched_process_fork", "r0 = 1\nexit"},
					    {"tp/sched/sched_process_exec", "r0 = 1\nexit"},
					    {"tp/sched/sched_process_exit", "r0 = 1\nexit"},
					    {NULL, NULL}};
	struct bench *b = run("vfork", wants);

	is_int(hook_exit_status(b->set), 9, "vfork: the child's status");
	is_int(bench_count(b, 0), 1, "one fork");
	is_int(bench_count(b, 1), 2, "two execs");
	is_int(bench_count(b, 2), 2, "two exits");
	bench_free(b);
}

static void test_signals(void)
{
	static const struct want wants[] = {
		{"tp/signal/signal_generate", "r0 = *(u32 *)(r1 +8)\nexit"},
		{"tp/signal/signal_deliver", "r0 = *(u32 *)(r1 +8)\nexit"},
		{NULL, NULL}};
	static const struct want none[] = {{"tp/syscalls/sys_enter_execve", "r0 = 1\nexit"},
					   {NULL, NULL}};
	struct bench *b = run("signal", wants);

	is_int(hook_exit_status(b->set), 11, "signals reach their handlers, SIGTRAP too");
	is_int(bench_ret(b, 0, 0), SIGUSR1, "signal_generate of SIGUSR1");
	is_int(bench_ret(b, 1, 0), SIGUSR1, "signal_deliver of SIGUSR1");
	is_int(bench_ret(b, 1, 1), SIGTRAP, "signal_deliver of SIGTRAP");
	bench_free(b);
	b = run("stop", none);
	is_int(hook_exit_status(b->set), 5, "a stopped child stays stopped until SIGCONT");
	bench_free(b);
}

static void test_restart(void)
{
	static const struct want wants[] = {{"tp/syscalls/sys_enter_read", ARG(16)},
					    {"tp/syscalls/sys_exit_read", ARG(16)},
					    {NULL, NULL}};
	struct bench *b = run("restart", wants);
	u32 nr = bench_count(b, 1);

	is_int(hook_exit_status(b->set), 17, "a restarted read comes to its end");
	is_int(bench_ret(b, 1, nr - 1), 1, "with one byte");
	is_int((s64)bench_ret(b, 1, nr - 2), -512, "before that it was -ERESTARTSYS, as in Linux");
	bench_free(b);
}

static void test_identity(void)
{
	static const struct want comm[] = {
		{"tp/syscalls/sys_enter_getpgrp",
		 "r1 = r10\nr1 += -16\nr2 = 16\ncall bpf_get_current_comm#16\n"
		 "r0 = *(u64 *)(r10 -16)\nexit"},
		{"tp/task/task_rename", "r0 = *(u64 *)(r1 +28)\nexit"},
		{NULL, NULL}};
	static const struct want uid[] = {
		{"tp/syscalls/sys_enter_getpgrp",
		 "call bpf_get_current_uid_gid#15\nr0 <<= 32\nr0 >>= 32\nexit"},
		{NULL, NULL}};
	struct bench *b = run("name", comm);

	ok(bench_ret(b, 0, 0) == *(const u64 *)"renamed", "the name after PR_SET_NAME");
	ok(bench_ret(b, 1, bench_count(b, 1) - 1) == *(const u64 *)"renamed", "task_rename saw it");
	bench_free(b);
	if (!tap_may_become(65534)) {
		tap_skip("uid after setuid", "this process may not become another user");
		return;
	}
	b = run("setuid", uid);
	is_int(bench_ret(b, 0, 0), 65534, "the uid after setuid");
	bench_free(b);
}

static void test_send_signal(void)
{
	static const struct want wants[] = {
		{"tp/syscalls/sys_enter_getpgrp", "r1 = 15\ncall bpf_send_signal#109\nexit"},
		{NULL, NULL}};
	struct bench *b = run("victim", wants);

	is_int(hook_exit_status(b->set), 128 + SIGTERM, "bpf_send_signal");
	bench_free(b);
}

static void test_many(void)
{
	static const struct want wants[] = {{"tp/sched/sched_process_exit", TID},
					    {"tp_btf/sched_process_fork", "r0 = 1\nexit"},
					    {NULL, NULL}};
	struct bench *b = run("many", wants);

	is_int(hook_exit_status(b->set), 6, "many children: the command ends well");
	is_int(bench_count(b, 0), 201, "all exits");
	is_int(bench_count(b, 1), 200, "all forks");
	bench_free(b);
}

/* 32-bit code: syscalls/sys_enter_* does not see it, raw_syscalls does, with its own numbers. */
static void test_compat(void)
{
	static char *argv[] = {"/tmp/.skep-test-32", NULL};
	static const char build[] =
		"printf 'void _start(void){__asm__(\"mov $1,%%eax; mov $7,%%ebx; int $0x80\");}' |"
		"${CC:-cc} -m32 -nostdlib -static -fno-pie -no-pie -o /tmp/.skep-test-32 -x c - "
		"2>/dev/null && /tmp/.skep-test-32";
	struct bench *b;

	if (WEXITSTATUS(system(build)) != 7) {
		unlink(argv[0]);
		tap_skip("32-bit code", "it cannot be built or run here");
		return;
	}
	b = bench_new(argv, 0);
	is_int(bench_attach(b, "tp/syscalls/sys_enter_write", ARG(16)), 0, "attach to write");
	is_int(bench_run(b, 10), 0, "32-bit: runs to its end");
	is_int(bench_count(b, 0), 0, "number 1 of 32-bit code (exit) is not write");
	is_int(hook_exit_status(b->set), 7, "its status");
	bench_free(b);
	b = bench_new(argv, 0);
	is_int(bench_attach(b, "tp/raw_syscalls/sys_enter", ARG(8)), 0, "attach to any");
	is_int(bench_attach(b, "tp/syscalls/sys_enter_write", ARG(16)), 0, "attach to write");
	is_int(bench_run(b, 10), 0, "32-bit: runs to its end");
	is_int(bench_ret(b, 0, 1), 1, "raw_syscalls sees number 1");
	is_int(bench_count(b, 1), 0, "and sys_enter_write does not");
	bench_free(b);
	unlink(argv[0]);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 2 && i < ARRAY_SIZE(tracees); i++)
		if (!strcmp(argv[2], tracees[i].name))
			return tracees[i].run();
	self = argv[0];
	test_thread_exec();
	test_threads();
	test_vfork();
	test_signals();
	test_restart();
	test_identity();
	test_send_signal();
	test_many();
	test_compat();
	is_int(mem_live(), 0, "nothing is left on the heap");
	return tap_done();
}
