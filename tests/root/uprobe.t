#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# uprobes and uretprobes in Linux and in the user engine: the same records, in the same order.
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root: programs are loaded into the kernel"; exit 0; }
[ -e /sys/kernel/btf/vmlinux ] || { echo "1..0 # SKIP the kernel has no BTF"; exit 0; }
. tests/tap.sh
bin=/tmp/skep-uprobe-oracle # named in the program's sections
trap 'rm -rf "$tmp" "$bin"' EXIT
cat >"$tmp/prog.c" <<'EOF'
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#define NOINLINE __attribute__((noinline))
NOINLINE unsigned long fib(unsigned long n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
NOINLINE int greet(const char *name, long times)
{
	return printf("%s %ld\n", name, times);
}
NOINLINE long last(long n)
{
	__asm__ volatile("");
	return n + 1;
}
NOINLINE long tail(long n)
{
	return last(n * 2); /* a jump at -O2 */
}
static jmp_buf out;
NOINLINE long jumps(long n)
{
	if (n == 3)
		longjmp(out, 1);
	return jumps(n + 1) + 1;
}
NOINLINE long in_thread(long n)
{
	return n * 10;
}
static void *run(void *arg)
{
	return (void *)in_thread((long)arg);
}
int main(void)
{
	pthread_t t;

	printf("%lu\n", fib(7));
	greet("hello", 3);
	greet("world", -1);
	printf("%ld\n", tail(20));
	if (!setjmp(out))
		jumps(0);
	for (long i = 0; i < 20; i++) {
		pthread_create(&t, NULL, run, (void *)i);
		pthread_join(t, NULL);
	}
	fflush(stdout);
	if (!fork()) {
		fib(4);
		_exit(0);
	}
	wait(NULL);
	printf("%lu\n", fib(3));
	return 7;
}
EOF
${CC:-cc} -O2 -pthread -o "$bin" "$tmp/prog.c" || skip_all "no C compiler"
for e in kernel user; do
	LC_ALL=C "$B/skep" run tests/root/progs/uprobe.bpf.c -e $e -q -o json -- "$bin" >"$tmp/$e.out" 2>"$tmp/$e.err"
	status=$?
	[ $status = 77 ] && skip_all "this kernel has no uprobes"
	is $status 7 "$e: the command's status" || sed 's/^/# /' "$tmp/$e.err"
	grep '^{' "$tmp/$e.out" >"$tmp/$e.txt"
done
[ "$(wc -l <"$tmp/kernel.txt")" -gt 100 ]
ok $? "Linux reports $(wc -l <"$tmp/kernel.txt") records"
diff "$tmp/kernel.txt" "$tmp/user.txt" >"$tmp/diff"
ok $? "the user engine the same, in the same order" || head -n 20 "$tmp/diff" | sed 's/^/# /'
tap_done
