/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* System calls, fork, exec and exit of a traced command, as programs see them. */
#include "prochelp.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_enter_exit(void)
{
	char *argv[] = {"sh", "-c", "exit 7", NULL};
	struct bench *b = bench_new(argv, 0);

	is_int(bench_attach(b, "tracepoint/syscalls/sys_enter_exit_group",
			    "r0 = *(u64 *)(r1 +16)\nexit"),
	       0, "attach to sys_enter_exit_group");
	is_int(bench_attach(b, "tp/syscalls/sys_exit_execve", "r0 = *(u64 *)(r1 +16)\nexit"), 0,
	       "attach to sys_exit_execve");
	is_int(bench_attach(b, "tp/syscalls/sys_enter_execve", "r0 = *(u32 *)(r1 +8)\nexit"), 0,
	       "attach to sys_enter_execve");
	is_int(bench_run(b, 10), 0, "runs to its end %s", b->diag.message);
	is_int(hook_exit_status(b->set), 7, "the exit status is passed on");
	is_int(bench_count(b, 0), 1, "one exit_group");
	is_int(bench_ret(b, 0, 0), 7, "its argument");
	is_int(bench_count(b, 1), 1, "one execve returned");
	is_int(bench_ret(b, 1, 0), 0, "with 0");
	is_int(bench_ret(b, 2, 0), SYS_execve, "__syscall_nr is at 8");
	is_int(b->nr_faults, 0, "no faults");
	bench_free(b);
}

static void test_killed(void)
{
	char *argv[] = {"sh", "-c", "kill -9 $$", NULL};
	struct bench *b = bench_new(argv, 0);

	is_int(bench_attach(b, "tp/syscalls/sys_enter_kill", "r0 = *(u64 *)(r1 +24)\nexit"), 0,
	       "attach to sys_enter_kill");
	is_int(bench_run(b, 10), 0, "runs to its end");
	is_int(hook_exit_status(b->set), 137, "killed: 128 + 9");
	is_int(bench_ret(b, 0, 0), 9, "the signal's number is args[1]");
	bench_free(b);
}

static void test_not_found(void)
{
	char *argv[] = {"/no/such/command", NULL};
	struct bench *b = bench_new(argv, 0);

	is_int(bench_attach(b, "tp/syscalls/sys_enter_kill", "r0 = 0\nexit"), 0, "attach");
	is_int(bench_run(b, 10), -ENOENT, "a command that is not there: %s", b->diag.message);
	bench_free(b);
}

static void test_refusals(void)
{
	char *argv[] = {"true", NULL};
	struct bench *b = bench_new(argv, 0);

	is_int(bench_attach(b, "tp/syscalls/sys_enter_nonsense", "r0 = 0\nexit"), -ENOTSUP,
	       "no such system call: %s", b->diag.message);
	is_int(bench_attach(b, "tp/sched/sched_switch", "r0 = 0\nexit"), -ENOTSUP,
	       "an event that cannot be seen: %s", b->diag.message);
	is_int(bench_attach(b, "kprobe", "r0 = 0\nexit"), -ENOTSUP, "a kprobe of nothing: %s",
	       b->diag.message);
	is_int(bench_attach(b, "kprobe/blk_mq_start_request", "r0 = 0\nexit"), -ENOTSUP,
	       "a function that cannot be seen: %s", b->diag.message);
	bench_free(b);
}

/* raw_syscalls sees every call: as many exits as entries, but those that do not return. */
static void test_raw(void)
{
	char *argv[] = {"true", NULL};
	struct bench *b = bench_new(argv, 0);
	u32 enters, exits;

	is_int(bench_attach(b, "tp/raw_syscalls/sys_enter", "r0 = *(u64 *)(r1 +8)\nexit"), 0,
	       "attach to raw_syscalls/sys_enter");
	is_int(bench_attach(b, "tp/raw_syscalls/sys_exit", "r0 = *(u64 *)(r1 +8)\nexit"), 0,
	       "attach to raw_syscalls/sys_exit");
	is_int(bench_attach(b, "raw_tp/sys_enter", "r0 = *(u64 *)(r1 +8)\nexit"), 0,
	       "attach to raw_tp/sys_enter");
	is_int(bench_attach(b, "tp_btf/sys_enter",
			    "r1 = *(u64 *)(r1 +0)\nr0 = *(u64 *)(r1 +120)\nexit"),
	       0, "attach to tp_btf/sys_enter");
	is_int(bench_run(b, 10), 0, "runs to its end");
	enters = bench_count(b, 0);
	exits = bench_count(b, 1);
	ok(enters > 10, "%u entries", enters);
	is_int(exits, enters - 1, "all but exit_group return");
	is_int(bench_ret(b, 0, 0), SYS_execve, "the first is execve");
	is_int(bench_ret(b, 0, enters - 1), SYS_exit_group, "the last is exit_group");
	is_int(bench_count(b, 2), enters, "raw_tp sees the same");
	is_int(bench_ret(b, 2, 0), SYS_execve, "its second argument is the number");
	is_int(bench_ret(b, 3, enters - 1), SYS_exit_group, "pt_regs->orig_ax by the first");
	is_int(b->nr_faults, 0, "no faults");
	bench_free(b);
}

static void test_life(void)
{
	char *argv[] = {"sh", "-c", "/bin/true; (exit 3); :", NULL};
	struct bench *b = bench_new(argv, 0);
	char fork[64];

	/* Contexts have the layout of the BTF in use: Linux 6.14 moved the child's id. */
	snprintf(fork, sizeof(fork), "r0 = *(u32 *)(r1 +%u)\nexit",
		 bench_offset(b, "trace_event_raw_sched_process_fork", "child_pid"));
	is_int(bench_attach(b, "tp/sched/sched_process_exec", "r0 = *(u32 *)(r1 +12)\nexit"), 0,
	       "attach to sched_process_exec");
	is_int(bench_attach(b, "tp/sched/sched_process_fork", fork), 0,
	       "attach to sched_process_fork");
	is_int(bench_attach(b, "tp/sched/sched_process_exit", "r0 = *(u32 *)(r1 +4)\nexit"), 0,
	       "attach to sched_process_exit");
	is_int(bench_run(b, 10), 0, "runs to its end");
	is_int(bench_count(b, 0), 2, "two execs");
	is_int(bench_count(b, 1), 2, "two forks");
	is_int(bench_count(b, 2), 3, "three exits");
	is_int(bench_ret(b, 1, 0), bench_ret(b, 2, 0), "the first child exits first");
	is_int(bench_ret(b, 0, 1), bench_ret(b, 1, 0), "and was the one that executed");
	is_int(b->nr_faults, 0, "no faults");
	bench_free(b);
}

/* A running process: traced, let go, and it goes on. */
static void test_pid(void)
{
	struct bench *b;
	int fds[2], status;
	pid_t pid;
	char c;

	if (pipe(fds))
		return;
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 300; i++) {
			close(open("/dev/null", O_RDONLY));
			usleep(10000);
		}
		_exit(write(fds[1], "x", 1) == 1 ? 42 : 1);
	}
	b = bench_new(NULL, pid);
	is_int(bench_attach(b, "tp/syscalls/sys_enter_openat", "r0 = *(u64 *)(r1 +32)\nexit"), 0,
	       "attach to sys_enter_openat");
	is_int(bench_attach(b, "tp/syscalls/sys_exit_openat", "r0 = *(u64 *)(r1 +16)\nexit"), 0,
	       "attach to sys_exit_openat");
	is_int(bench_run(b, 2), 1, "it runs on: %s", b->diag.message);
	ok(bench_count(b, 0) > 20, "%u opens seen", bench_count(b, 0));
	ok(bench_count(b, 1) > 20, "%u returns seen", bench_count(b, 1));
	hook_stop(b->set);
	bench_free(b);
	is_int(read(fds[0], &c, 1), 1, "after we let it go it works on");
	is_int(waitpid(pid, &status, 0), pid, "and ends");
	is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 42, "as it would have without us");
	close(fds[0]);
	close(fds[1]);
}

/* When the session ends before the command, the command ends. */
static void test_stop(void)
{
	char *argv[] = {"sleep", "60", NULL};
	struct bench *b = bench_new(argv, 0);

	is_int(bench_attach(b, "tp/syscalls/sys_enter_execve", "r0 = 1\nexit"), 0, "attach");
	is_int(bench_run(b, 1), 1, "it still runs");
	hook_stop(b->set);
	is_int(hook_exit_status(b->set), 128 + 15, "stopped by SIGTERM");
	bench_free(b);
	is_int(waitpid(-1, NULL, WNOHANG), -1, "no child is left");
}

int main(void)
{
	test_enter_exit();
	test_killed();
	test_not_found();
	test_refusals();
	test_raw();
	test_life();
	test_pid();
	test_stop();
	is_int(mem_live(), 0, "nothing is left on the heap");
	return tap_done();
}
