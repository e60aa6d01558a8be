/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a traced command may notice. Each case prints only what does not depend on ids or times, so
 * that its output is the same with and without a tracer; faith.t compares the two.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say_wait(const char *what, pid_t got, pid_t want, int status)
{
	printf("%s: mine %d exited %d/%d signaled %d/%d stopped %d/%d continued %d\n", what,
	       got == want, WIFEXITED(status), WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	       WIFSIGNALED(status), WIFSIGNALED(status) ? WTERMSIG(status) : -1, WIFSTOPPED(status),
	       WIFSTOPPED(status) ? WSTOPSIG(status) : -1, !!WIFCONTINUED(status));
	fflush(stdout);
}

static void nap(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

/* --- stops ---------------------------------------------------------------------------------- */

static void stop_with(int sig)
{
	pid_t pid = fork();
	int st = 0, got;
	siginfo_t si;

	if (!pid) {
		for (;;)
			nap(1000);
	}
	nap(20);
	kill(pid, sig);
	got = waitpid(pid, &st, WUNTRACED | WCONTINUED);
	say_wait("stop", got, pid, st);
	nap(20);
	got = waitpid(pid, &st, WUNTRACED | WCONTINUED | WNOHANG);
	printf("nothing more: %d\n", got);
	kill(pid, SIGCONT);
	memset(&si, 0, sizeof(si));
	waitid(P_PID, pid, &si, WCONTINUED | WSTOPPED | WEXITED);
	printf("then code %d status %d\n", si.si_code, si.si_status);
	kill(pid, SIGTERM);
	got = waitpid(pid, &st, 0);
	say_wait("end", got, pid, st);
}

static volatile sig_atomic_t nr_cont, nr_chld;

static void on_cont(int sig)
{
	nr_cont++;
}

static int case_stop(void)
{
	stop_with(SIGSTOP);
	stop_with(SIGTSTP);
	stop_with(SIGTTIN);
	return 0;
}

/* A child that handles SIGCONT, stopped three times. */
static int case_cont(void)
{
	int st, pipefd[2], last[2];
	pid_t pid;
	char c;

	if (pipe(pipefd) || pipe(last))
		return 1;
	pid = fork();
	if (!pid) {
		struct sigaction sa = {.sa_handler = on_cont};

		sigaction(SIGCONT, &sa, NULL);
		if (write(pipefd[1], "r", 1) != 1)
			_exit(9);
		while (nr_cont < 3)
			nap(5);
		while (read(last[0], &c, 1) != 1)
			;
		_exit(nr_cont);
	}
	if (read(pipefd[0], &c, 1) != 1)
		return 1;
	for (int i = 0; i < 3; i++) {
		kill(pid, SIGSTOP);
		waitpid(pid, &st, WUNTRACED);
		say_wait("stopped", pid, pid, st);
		kill(pid, SIGCONT);
		waitpid(pid, &st, WCONTINUED);
		say_wait("continued", pid, pid, st);
		nap(20);
	}
	if (write(last[1], "e", 1) != 1)
		return 1;
	waitpid(pid, &st, 0);
	say_wait("end", pid, pid, st);
	return 0;
}

static void *sleeper(void *arg)
{
	for (;;)
		nap(1000);
	return NULL;
}

/* All threads of a stopped process stand still. */
static volatile long counter;
static void *count(void *arg)
{
	for (;;)
		counter++;
	return NULL;
}

static int case_stop_threads(void)
{
	long *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int st;
	long a, b;

	if (!pid) {
		pthread_t t;

		for (int i = 0; i < 5; i++)
			pthread_create(&t, NULL, i ? sleeper : count, NULL);
		for (;;) {
			*shared = counter;
			sched_yield();
		}
	}
	nap(200);
	kill(pid, SIGSTOP);
	waitpid(pid, &st, WUNTRACED);
	say_wait("stopped", pid, pid, st);
	nap(30);
	a = *shared;
	nap(60);
	b = *shared;
	printf("stands still: %d, had run: %d\n", a == b, a > 0);
	kill(pid, SIGCONT);
	waitpid(pid, &st, WCONTINUED);
	nap(60);
	printf("goes on: %d\n", *shared > b);
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	say_wait("end", pid, pid, st);
	return 0;
}

/* --- signals -------------------------------------------------------------------------------- */

static volatile sig_atomic_t last_code, last_value, last_sig;

static void on_info(int sig, siginfo_t *si, void *uc)
{
	last_sig = sig;
	last_code = si->si_code;
	last_value = si->si_value.sival_int;
}

static void catch (int sig, int flags)
{
	struct sigaction sa = {.sa_sigaction = on_info, .sa_flags = SA_SIGINFO | flags};

	sigaction(sig, &sa, NULL);
}

static int case_siginfo(void)
{
	union sigval v = {.sival_int = 4711};
	int pipefd[2];
	char c;

	catch (SIGUSR1, 0);
	catch (SIGTRAP, 0);
	catch (SIGSEGV, 0);
	catch (SIGRTMIN + 3, 0);
	catch (SIGCHLD, 0);
	kill(getpid(), SIGUSR1);
	printf("kill: %d %d\n", last_sig, last_code);
	raise(SIGUSR1);
	printf("raise: %d %d\n", last_sig, last_code);
	sigqueue(getpid(), SIGRTMIN + 3, v);
	printf("sigqueue: %d %d %d\n", last_sig - SIGRTMIN, last_code, last_value);
	raise(SIGTRAP);
	printf("raise trap: %d %d\n", last_sig, last_code);
	kill(getpid(), SIGTRAP);
	printf("kill trap: %d %d\n", last_sig, last_code);
	__asm__ volatile("int3");
	printf("int3: %d %d\n", last_sig, last_code);
	if (pipe(pipefd))
		return 1;
	alarm(0);
	if (!fork()) {
		nap(200);
		kill(getppid(), SIGUSR1);
		nap(200);
		_exit(3);
	}
	errno = 0;
	printf("interrupted read: %zd %d\n", read(pipefd[0], &c, 1), errno);
	errno = 0;
	printf("and by a child: %zd %d %d\n", read(pipefd[0], &c, 1), errno, last_code);
	wait(NULL);
	return 0;
}

/* System calls that are begun again: the same result, and no more signals than sent. */
static int case_restart(void)
{
	int pipefd[2];
	struct timespec ts = {0, 150000000}, rest = {0};
	struct itimerval it = {{0, 5000}, {0, 5000}}, off = {{0, 0}, {0, 0}};
	char c = 0;

	catch (SIGALRM, SA_RESTART);
	if (pipe(pipefd))
		return 1;
	if (!fork()) {
		nap(80);
		_exit(write(pipefd[1], "x", 1) != 1);
	}
	setitimer(ITIMER_REAL, &it, NULL);
	printf("read %zd %c\n", read(pipefd[0], &c, 1), c);
	printf("nanosleep %d %d\n", nanosleep(&ts, &rest), errno);
	setitimer(ITIMER_REAL, &off, NULL);
	wait(NULL);
	if (!fork()) { /* stopped and continued in a restart_syscall */
		struct timespec begin, end, nap_ts = {0, 120000000};

		clock_gettime(CLOCK_MONOTONIC, &begin);
		int err = nanosleep(&nap_ts, NULL);

		clock_gettime(CLOCK_MONOTONIC, &end);
		long ms = (end.tv_sec - begin.tv_sec) * 1000 +
			  (end.tv_nsec - begin.tv_nsec) / 1000000;

		printf("slept %d, long enough %d\n", err, ms >= 119);
		fflush(stdout);
		_exit(0);
	}
	return wait(NULL) < 0;
}

/* A blocked signal stays blocked, pending is pending; sigwaitinfo and signalfd get it. */
static int case_pending(void)
{
	struct timespec zero = {0, 0};
	sigset_t set, pend;
	siginfo_t si;
	struct signalfd_siginfo fdsi;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTRAP);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGTRAP);
	for (int i = 0; i < 3; i++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
	sigpending(&pend);
	printf("pending %d %d %d\n", sigismember(&pend, SIGUSR1), sigismember(&pend, SIGTRAP),
	       sigismember(&pend, SIGRTMIN));
	while (sigtimedwait(&set, &si, &zero) > 0)
		printf("got %d code %d value %d\n", si.si_signo, si.si_code,
		       si.si_signo == SIGRTMIN ? si.si_value.sival_int : 0);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	raise(SIGUSR1);
	if (read(fd, &fdsi, sizeof(fdsi)) == sizeof(fdsi))
		printf("signalfd %u %d\n", fdsi.ssi_signo, fdsi.ssi_code);
	return 0;
}

/* --- births and deaths ---------------------------------------------------------------------- */

static void on_chld(int sig, siginfo_t *si, void *uc)
{
	nr_chld++;
	last_code = si->si_code;
	last_value = si->si_status;
}

static int case_chld(void)
{
	static const struct {
		int sig, code;
	} ends[] = {{0, 0}, {0, 77}, {SIGKILL, 0}, {SIGTERM, 0}, {SIGUSR2, 0}};
	struct sigaction sa = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_RESTART};

	sigaction(SIGCHLD, &sa, NULL);
	for (int i = 0; i < 5; i++) {
		int st, before = nr_chld;
		pid_t pid = fork();

		if (!pid) {
			if (ends[i].sig)
				kill(getpid(), ends[i].sig);
			_exit(ends[i].code);
		}
		waitpid(pid, &st, 0);
		while (nr_chld == before)
			nap(1);
		say_wait("child", pid, pid, st);
		printf("SIGCHLD: %d more, code %d status %d\n", nr_chld - before, last_code,
		       last_value);
	}
	signal(SIGCHLD, SIG_IGN);
	if (!fork())
		_exit(1);
	printf("ignored: %d", wait(NULL));
	printf(" %d\n", errno == ECHILD);
	return 0;
}

static int case_vfork(void)
{
	volatile int shared = 1;
	int st;
	pid_t pid = vfork();

	if (!pid) {
		shared = 2;
		_exit(5);
	}
	waitpid(pid, &st, 0);
	printf("shared %d\n", shared);
	say_wait("vfork", pid, pid, st);
	pid = vfork();
	if (!pid) {
		execl("/bin/sh", "sh", "-c", "echo in sh; exit 6", NULL);
		_exit(99);
	}
	waitpid(pid, &st, 0);
	say_wait("vfork exec", pid, pid, st);
	pid = vfork();
	if (!pid) {
		execl("/nonexistent", "x", NULL);
		_exit(errno);
	}
	waitpid(pid, &st, 0);
	say_wait("vfork no exec", pid, pid, st);
	return 0;
}

static int case_clone3(void)
{
	struct clone_args a = {.exit_signal = SIGCHLD, .flags = CLONE_PIDFD};
	int pidfd = -1, st;
	siginfo_t si = {0};
	pid_t pid;

	a.pidfd = (unsigned long)&pidfd;
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid)
		_exit(12);
	waitid(3 /* P_PIDFD */, pidfd, &si, WEXITED);
	printf("clone3 %d code %d status %d\n", si.si_pid == pid, si.si_code, si.si_status);
	a = (struct clone_args){.exit_signal = 0};
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid)
		_exit(13);
	printf("no __WCLONE: %d", waitpid(pid, &st, 0));
	printf(" %d\n", errno == ECHILD);
	printf("with: %d\n", waitpid(pid, &st, __WCLONE) == pid);
	say_wait("clone3", pid, pid, st);
	a = (struct clone_args){.exit_signal = SIGUSR1, .flags = CLONE_PARENT};
	signal(SIGUSR1, SIG_IGN);
	a = (struct clone_args){.exit_signal = SIGCHLD, .flags = CLONE_VM | CLONE_VFORK};
	return 0;
}

/* An exec by a thread that is not the first: the id is the process's, the others are gone. */
static void *exec_thread(void *arg)
{
	execl("/proc/self/exe", "faith", "echo", arg, NULL);
	return NULL;
}

static int case_thread_exec(void)
{
	int st;
	pid_t pid = fork();
	char buf[32];

	if (!pid) {
		pthread_t t;

		snprintf(buf, sizeof(buf), "%d", getpid());
		for (int i = 0; i < 8; i++)
			pthread_create(&t, NULL, sleeper, NULL);
		pthread_create(&t, NULL, exec_thread, buf);
		pause();
	}
	waitpid(pid, &st, 0);
	say_wait("thread exec", pid, pid, st);
	return 0;
}

static int case_echo(const char *pid)
{
	printf("same id %d, one thread %d\n", atoi(pid) == getpid(), gettid() == getpid());
	return 21;
}

static void *ends_quickly(void *arg)
{
	return arg;
}

static int case_threads(void)
{
	pthread_t t[200];
	long sum = 0;

	for (int round = 0; round < 3; round++) {
		for (long i = 0; i < 200; i++)
			if (pthread_create(&t[i], NULL, ends_quickly, (void *)i))
				return 1;
		for (int i = 0; i < 200; i++) {
			void *ret;

			pthread_join(t[i], &ret);
			sum += (long)ret;
		}
	}
	printf("%ld\n", sum);
	return 0;
}

/* The leader ends first; the process lives until the last thread does. */
static void *late(void *arg)
{
	nap(50);
	printf("still here\n");
	fflush(stdout);
	exit(31);
}

static int case_leader_exit(void)
{
	int st;
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		pthread_create(&t, NULL, late, NULL);
		pthread_exit(NULL);
	}
	waitpid(pid, &st, 0);
	say_wait("leader exit", pid, pid, st);
	return 0;
}

static int case_many(void)
{
	int bad = 0, st;

	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(i & 127);
		if (waitpid(pid, &st, 0) != pid || !WIFEXITED(st) || WEXITSTATUS(st) != (i & 127))
			bad++;
	}
	for (int i = 0; i < 100; i++)
		if (!fork())
			_exit(1);
	for (int i = 0; i < 100; i++)
		bad += wait(&st) < 0 || !WIFEXITED(st) || WEXITSTATUS(st) != 1;
	printf("bad %d, none left %d\n", bad, wait(NULL) < 0);
	return 0;
}

static void *exits_group(void *arg)
{
	nap(20);
	_exit(44);
}

static int case_exit_group(void)
{
	int st;
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		for (int i = 0; i < 20; i++)
			pthread_create(&t, NULL, sleeper, NULL);
		pthread_create(&t, NULL, exits_group, NULL);
		pause();
	}
	waitpid(pid, &st, 0);
	say_wait("exit_group", pid, pid, st);
	return 0;
}

static int case_crash(void)
{
	struct rlimit no_core = {0, 0};
	int st;
	pid_t pid;

	setrlimit(RLIMIT_CORE, &no_core);
	pid = fork();
	if (!pid) {
		*(volatile int *)8 = 1;
		_exit(0);
	}
	waitpid(pid, &st, 0);
	say_wait("segv", pid, pid, st);
	pid = fork();
	if (!pid)
		abort();
	waitpid(pid, &st, 0);
	say_wait("abort", pid, pid, st);
	pid = fork();
	if (!pid)
		__asm__ volatile("int3");
	waitpid(pid, &st, 0);
	say_wait("int3", pid, pid, st);
	return 0;
}

/* --- limits --------------------------------------------------------------------------------- */

static int case_limits(void)
{
	struct rlimit files = {16, 16}, fsize = {10, 10};
	int st, n = 0;
	pid_t pid;

	setrlimit(RLIMIT_NOFILE, &files);
	while (dup(1) >= 0)
		n++;
	printf("files %d %d\n", n < 16 && n > 0, errno == EMFILE);
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_FSIZE, &fsize);
		int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

		_exit(fd < 0 ? 1 : write(fd, "0123456789abcdef", 16) == 10 && write(fd, "x", 1));
	}
	waitpid(pid, &st, 0);
	say_wait("fsize", pid, pid, st);
	return 0;
}

/* --- a filter of its own -------------------------------------------------------------------- */

static void on_sys(int sig, siginfo_t *si, void *uc)
{
	last_code = si->si_code;
	last_value = si->si_syscall;
}

static int case_seccomp(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 42),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_chroot, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(insns) / sizeof(insns[0]), insns};
	struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
	int st;
	pid_t pid;

	sigaction(SIGSYS, &sa, NULL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	printf("filter %d\n", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
	errno = 0;
	printf("errno %ld", syscall(SYS_getpriority, 0, 0));
	printf(" %d\n", errno);
	syscall(SYS_openat2, 0, 0, 0, 0);
	printf("trap %d %d\n", last_code, last_value == SYS_openat2);
	signal(SIGSYS, SIG_DFL);
	pid = fork();
	if (!pid) {
		struct rlimit no_core = {0, 0};

		setrlimit(RLIMIT_CORE, &no_core);
		syscall(SYS_chroot, "/");
		_exit(0);
	}
	waitpid(pid, &st, 0);
	say_wait("killed", pid, pid, st);
	return 0;
}

/* --- ptrace of its own ---------------------------------------------------------------------- */

static int case_ptrace(void)
{
	int st = 0;
	pid_t pid = fork();

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(errno == EPERM ? 50 : 51);
		raise(SIGSTOP);
		_exit(3);
	}
	waitpid(pid, &st, 0);
	if (WIFSTOPPED(st)) {
		ptrace(PTRACE_CONT, pid, 0, 0);
		waitpid(pid, &st, 0);
	}
	say_wait("traceme", pid, pid, st);
	return 0;
}

/* --- times, names, and what /proc says ------------------------------------------------------ */

static int case_self(void)
{
	char name[16] = "";
	FILE *f;

	prctl(PR_SET_NAME, "renamed", 0, 0, 0);
	prctl(PR_GET_NAME, name, 0, 0, 0);
	printf("name %s dumpable %d pdeathsig %d\n", name, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	f = fopen("/proc/self/comm", "r");
	if (f && fgets(name, sizeof(name), f))
		printf("comm %s", name);
	printf("umask %o\n", umask(0));
	for (int fd = 3; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("open fd %d\n", fd);
	for (int sig = 1; sig < 65; sig++) {
		struct sigaction sa;

		if (!sigaction(sig, NULL, &sa) && sa.sa_handler != SIG_DFL)
			printf("signal %d is not default\n", sig);
	}
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	for (int sig = 1; sig < 65; sig++)
		if (sigismember(&set, sig) > 0)
			printf("signal %d is blocked\n", sig);
	return 0;
}

/* Syscalls with odd numbers, and the registers that a system call keeps. */
static int case_odd_calls(void)
{
	long a = 0x1122334455667788, r;

	errno = 0;
	printf("999: %ld", syscall(999));
	printf(" %d\n", errno);
	errno = 0;
	printf("-1: %ld", syscall(-1));
	printf(" %d\n", errno);
	errno = 0;
	printf("x32 getpid: %ld", syscall(0x40000000 | SYS_getpid) < 0 ? -1l : 0l);
	printf(" %d\n", errno);
	printf("512: %ld", syscall(512));
	printf(" %d\n", errno);
	__asm__ volatile("mov %2, %%r12; mov %2, %%r15; mov %2, %%r8\n\tsyscall\n\t"
			 "cmp %2, %%r12; jne 1f; cmp %2, %%r15; jne 1f; cmp %2, %%r8; jne 1f\n\t"
			 "mov $1, %0; jmp 2f; 1: mov $0, %0; 2:"
			 : "=&r"(r)
			 : "a"(SYS_getppid), "r"(a)
			 : "rcx", "r11", "r12", "r15", "r8", "memory");
	printf("kept %ld\n", r);
	return 0;
}

static int case_subreaper(void)
{
	int st, fds[2];
	pid_t pid, grand = 0;

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (pipe(fds))
		return 1;
	pid = fork();
	if (!pid) {
		grand = fork();
		if (!grand) {
			nap(50);
			_exit(8);
		}
		_exit(write(fds[1], &grand, sizeof(grand)) != sizeof(grand));
	}
	waitpid(pid, &st, 0);
	if (read(fds[0], &grand, sizeof(grand)) != sizeof(grand))
		return 1;
	say_wait("grandchild", waitpid(grand, &st, 0), grand, st);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} cases[] = {
	{"stop", case_stop},
	{"cont", case_cont},
	{"stop_threads", case_stop_threads},
	{"siginfo", case_siginfo},
	{"restart", case_restart},
	{"pending", case_pending},
	{"chld", case_chld},
	{"vfork", case_vfork},
	{"clone3", case_clone3},
	{"thread_exec", case_thread_exec},
	{"threads", case_threads},
	{"leader_exit", case_leader_exit},
	{"many", case_many},
	{"exit_group", case_exit_group},
	{"crash", case_crash},
	{"limits", case_limits},
	{"seccomp", case_seccomp},
	{"ptrace", case_ptrace},
	{"self", case_self},
	{"odd_calls", case_odd_calls},
	{"subreaper", case_subreaper},
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "echo"))
		return case_echo(argv[2]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (argc == 1)
			puts(cases[i].name);
		else if (!strcmp(argv[1], cases[i].name)) {
			int ret = cases[i].run();

			fflush(stdout);
			return ret;
		}
	}
	return 0;
}
