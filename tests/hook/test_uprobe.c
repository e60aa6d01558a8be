/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * uprobe, uretprobe and USDT: the traced command is this program again, whose functions are probed.
 * pt_regs: di is at 112, si at 104, ax at 80, ip at 128.
 */
#include "prochelp.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define DI "112"
#define AX "80"

__attribute__((noinline)) int probed_add(int a, int b);
__attribute__((noinline, optimize("O0"))) int probed_fib(int n);
__attribute__((noinline)) int probed_jump(jmp_buf env);
__attribute__((noinline)) int probed_twice(int a);
int probed_odd(int a);

int probed_add(int a, int b)
{
	__asm__ volatile("");
	return a + b;
}

int probed_fib(int n)
{
	return n < 2 ? n : probed_fib(n - 1) + probed_fib(n - 2);
}

int probed_jump(jmp_buf env)
{
	longjmp(env, 1);
}

/* Ends in a jump to another probed function: they share a return address. */
int probed_twice(int a)
{
	return probed_add(a, a);
}

/* Its first instruction is none that is done by hand: lea 3(%rdi), %eax. */
__asm__(".globl probed_odd\n.type probed_odd, @function\nprobed_odd:\n\tleal 3(%rdi), %eax\n\tret\n"
	".size probed_odd, . - probed_odd\n");

/* A USDT site as sys/sdt.h makes it: probe skep:site with two arguments and a semaphore. */
__attribute__((used, section(".probes"))) unsigned short site_semaphore;
__attribute__((noinline)) int with_site(int a, long b);
int with_site(int a, long b)
{
	__asm__ volatile("990: nop\n"
			 ".pushsection .note.stapsdt, \"\", \"note\"\n"
			 ".balign 4\n.4byte 992f-991f, 994f-993f, 3\n"
			 "991: .asciz \"stapsdt\"\n992: .balign 4\n"
			 "993: .8byte 990b\n.8byte _.stapsdt.base\n.8byte site_semaphore\n"
			 ".asciz \"skep\"\n.asciz \"site\"\n.asciz \"-4@%%edi 8@%%rsi 4@$-9\"\n"
			 "994: .balign 4\n.popsection\n"
			 ".ifndef _.stapsdt.base\n"
			 ".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n"
			 ".weak _.stapsdt.base\n.hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n"
			 ".size _.stapsdt.base, 1\n.popsection\n.endif\n"
			 :
			 : "D"(a), "S"(b));
	return site_semaphore;
}

static void *thread_main(void *arg)
{
	for (int i = 0; i < 50; i++)
		probed_add(1000, i);
	return NULL;
}

static int run_threads(void)
{
	pthread_t th[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&th[i], NULL, thread_main, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	return 0;
}

static int run_fork(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(probed_add(30, 12));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int tracee(const char *what)
{
	jmp_buf env;

	if (!strcmp(what, "add"))
		return probed_add(40, 2);
	if (!strcmp(what, "fib"))
		return probed_fib(7); /* 13 */
	if (!strcmp(what, "odd"))
		return probed_odd(4) + probed_odd(5); /* 15 */
	if (!strcmp(what, "twice"))
		return probed_twice(21);
	if (!strcmp(what, "threads"))
		return run_threads();
	if (!strcmp(what, "fork"))
		return run_fork();
	if (!strcmp(what, "site"))
		return with_site(-5, 77);
	if (!strcmp(what, "jump")) {
		if (!setjmp(env))
			probed_jump(env);
		return probed_add(1, 2);
	}
	return 99;
}

static struct bench *begin(char *self, char *what, const char *const sections[],
			   const char *const texts[])
{
	static char *argv[4];
	struct bench *b;

	argv[0] = self;
	argv[1] = "tracee";
	argv[2] = what;
	b = bench_new(argv, 0);
	for (u32 i = 0; sections[i]; i++)
		is_int(bench_attach(b, sections[i], texts[i]), 0, "%s: attach %s %s", what,
		       sections[i], b->diag.message);
	is_int(bench_run(b, 20), 0, "%s: runs to its end %s", what, b->diag.message);
	is_int(b->nr_faults, 0, "%s: no faults", what);
	return b;
}

static const char *const entry_and_return[] = {"uprobe//proc/self/exe:probed_add",
					       "uretprobe//proc/self/exe:probed_add", NULL};
static const char *const di_and_ax[] = {"r0 = *(u64 *)(r1 +" DI ")\nexit",
					"r0 = *(u32 *)(r1 +" AX ")\nexit"};

static void test_add(char *self)
{
	struct bench *b = begin(self, "add", entry_and_return, di_and_ax);

	is_int(hook_exit_status(b->set), 42, "the command works as without us");
	is_int(bench_count(b, 0), 1, "one entry");
	is_int(bench_ret(b, 0, 0), 40, "its first argument");
	is_int(bench_count(b, 1), 1, "one return");
	is_int(bench_ret(b, 1, 0), 42, "its value");
	bench_free(b);
}

static void test_fib(char *self)
{
	static const char *const sections[] = {"uprobe/probed_fib", "uretprobe/probed_fib", NULL};
	struct bench *b = begin(self, "fib", sections, di_and_ax);

	is_int(hook_exit_status(b->set), 13, "recursion works");
	is_int(bench_count(b, 0), 41, "41 calls of fib(7)");
	is_int(bench_count(b, 1), 41, "41 returns");
	is_int(bench_ret(b, 1, 40), 13, "the last is the first call's");
	bench_free(b);
}

static void test_odd(char *self)
{
	static const char *const sections[] = {"uprobe/probed_odd", "uretprobe/probed_odd", NULL};
	struct bench *b = begin(self, "odd", sections, di_and_ax);

	is_int(hook_exit_status(b->set), 15, "an instruction that is stepped over");
	is_int(bench_count(b, 0), 2, "two calls: the breakpoint is back after the first");
	is_int(bench_ret(b, 1, 1), 8, "the second's value");
	bench_free(b);
}

static void test_twice(char *self)
{
	static const char *const sections[] = {"uretprobe/probed_add", "uretprobe/probed_twice",
					       NULL};
	static const char *const texts[] = {"r0 = *(u32 *)(r1 +" AX ")\nexit",
					    "r0 = *(u32 *)(r1 +" AX ")\nexit"};
	struct bench *b = begin(self, "twice", sections, texts);

	is_int(hook_exit_status(b->set), 42, "a shared return address");
	is_int(bench_count(b, 0), 1, "the inner returns once");
	is_int(bench_count(b, 1), 1, "the outer returns once");
	bench_free(b);
}

static void test_others(char *self)
{
	struct bench *b = begin(self, "threads", entry_and_return, di_and_ax);

	is_int(bench_count(b, 0), 200, "entries in four threads");
	is_int(bench_count(b, 1), 200, "returns in four threads");
	is_int(hook_exit_status(b->set), 0, "and they end well");
	bench_free(b);
	b = begin(self, "fork", entry_and_return, di_and_ax);
	is_int(bench_count(b, 0), 1, "an entry in a child");
	is_int(bench_ret(b, 1, 0), 42, "and its return");
	is_int(hook_exit_status(b->set), 42, "passed on");
	bench_free(b);
}

static void test_jump(char *self)
{
	static const char *const sections[] = {"uretprobe/probed_jump", "uretprobe/probed_add",
					       NULL};
	static const char *const texts[] = {"r0 = 1\nexit", "r0 = *(u32 *)(r1 +" AX ")\nexit"};
	struct bench *b = begin(self, "jump", sections, texts);

	is_int(bench_count(b, 0), 0, "a function that longjmp left does not return");
	is_int(bench_ret(b, 1, 0), 3, "others do");
	is_int(hook_exit_status(b->set), 3, "and the command goes on");
	bench_free(b);
}

static void test_libc(char *self)
{
	static const char *const sections[] = {"uprobe/libc.so.6:exit", NULL};
	static const char *const usdt[] = {"usdt//proc/self/exe:skep:site", NULL};
	static const char *const texts[] = {"r0 = *(u32 *)(r1 +" DI ")\nexit"};
	struct bench *b = begin(self, "add", sections, texts);

	is_int(bench_ret(b, 0, 0), 42, "exit of libc, found by the library's name");
	bench_free(b);
	b = begin(self, "site", usdt, texts);
	is_int(bench_count(b, 0), 1, "a USDT site");
	is_int((s32)bench_ret(b, 0, 0), -5, "its first argument");
	is_int(hook_exit_status(b->set), 1, "its semaphore is 1");
	bench_free(b);
}

static void test_refusals(char *self)
{
	char *argv[] = {self, "tracee", "add", NULL};
	struct bench *b = bench_new(argv, 0);

	is_int(bench_attach(b, "uprobe//proc/self/exe:no_such", "r0 = 0\nexit"), -ENOTSUP, "%s",
	       b->diag.message);
	is_int(bench_attach(b, "uprobe/no_such_lib.so.9:f", "r0 = 0\nexit"), -ENOTSUP, "%s",
	       b->diag.message);
	is_int(bench_attach(b, "uprobe", "r0 = 0\nexit"), -ENOTSUP, "%s", b->diag.message);
	is_int(bench_attach(b, "usdt//proc/self/exe:skep:nonsense", "r0 = 0\nexit"), -ENOTSUP, "%s",
	       b->diag.message);
	bench_free(b);
}

/* A running process: probed, let go, and unharmed. */
static void test_pid(void)
{
	struct bench *b;
	int fds[2], status, sum = 0;
	pid_t pid;

	if (pipe(fds))
		return;
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 400; i++) {
			sum += probed_add(1, 0) + probed_odd(-3);
			usleep(5000);
		}
		_exit(sum == 400 ? 42 : 1);
	}
	b = bench_new(NULL, pid);
	is_int(bench_attach(b, "uprobe/probed_add", "r0 = 1\nexit"), 0, "pid: attach an uprobe");
	is_int(bench_attach(b, "uretprobe/probed_add", "r0 = 1\nexit"), 0, "and an uretprobe");
	is_int(bench_attach(b, "uprobe/probed_odd", "r0 = 1\nexit"), 0, "and an uprobe that steps");
	is_int(bench_run(b, 2), 1, "it runs on");
	ok(bench_count(b, 0) > 20, "%u entries", bench_count(b, 0));
	ok(bench_count(b, 1) > 20, "%u returns", bench_count(b, 1));
	bench_free(b);
	is_int(waitpid(pid, &status, 0), pid, "let go, it ends");
	is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), 42, "unharmed");
}

int main(int argc, char **argv)
{
	if (argc > 2)
		return tracee(argv[2]);
	test_add(argv[0]);
	test_fib(argv[0]);
	test_odd(argv[0]);
	test_twice(argv[0]);
	test_others(argv[0]);
	test_jump(argv[0]);
	test_libc(argv[0]);
	test_refusals(argv[0]);
	test_pid();
	is_int(mem_live(), 0, "nothing is left on the heap");
	return tap_done();
}
