#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# -p: what cannot be traced is told by its reason; a process with breakpoints outlives a skep
# that was killed.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
skep=$PWD/${B:-build}/skep
obj=$PWD/${B:-build}/tests/bpf/busy.bpf.o

cat >"$tmp/skepbusy.c" <<'EOF'
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((noinline)) long busy_work(long x)
{
	__asm__ volatile("");
	return x * 3 + 1;
}
static volatile long done;
static void *run(void *arg)
{
	for (;;) {
		for (int i = 0; i < 1000; i++)
			busy_work(i);
		done++;
		usleep(1000);
	}
}
int main(void)
{
	pthread_t t;

	alarm(120);
	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, run, NULL);
	run(NULL);
}
EOF
${CC:-cc} -O1 -pthread -o "$tmp/skepbusy" "$tmp/skepbusy.c" || skip_all "no C compiler"
"$tmp/skepbusy" &
busy=$!
trap 'kill -9 $busy 2>/dev/null; rm -rf "$tmp"' EXIT

text() { # the bytes of the function: from the file, and from the process
	off=$(nm "$tmp/skepbusy" | sed -n 's/ T busy_work$//p')
	base=$(sed -n '1s/-.*//p' "/proc/$busy/maps")
	dd if="$2" bs=1 count=16 iflag=skip_bytes skip="$((0x$off + $1 * 0x$base))" 2>/dev/null | od -An -tx1
}

"$skep" run "$obj" --binary "$tmp/skepbusy" -p "$busy" -d 0.5 >"$tmp/out" 2>"$tmp/err"
is $? 0 "-p with breakpoints"
has "$(cat "$tmp/out")" "^hits = " "they were hit"
is "$(text 1 "/proc/$busy/mem")" "$(text 0 "$tmp/skepbusy")" "the text is as it was"

# SIGKILL, when breakpoints are there, to it and to its process group
for how in "" "-"; do
	setsid "$skep" run "$obj" --binary "$tmp/skepbusy" -p "$busy" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		sleep 0.1
		[ "$(text 1 "/proc/$busy/mem")" != "$(text 0 "$tmp/skepbusy")" ] && break
	done
	[ "$i" -lt 20 ]
	ok $? "breakpoints are there"
	kill -9 "$how$pid"
	wait "$pid" 2>/dev/null
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		sleep 0.1
		grep -q '^TracerPid:.0$' "/proc/$busy/status" && break
	done
	is "$(grep '^TracerPid' "/proc/$busy/status")" "TracerPid:	0" "nobody traces it any more"
	is "$(text 1 "/proc/$busy/mem")" "$(text 0 "$tmp/skepbusy")" "and the text is as it was"
	sleep 0.2
	kill -0 "$busy"
	ok $? "it goes on"
done

# what cannot be traced
sh -c 'true & exec sleep 5' &
parent=$!
sleep 0.2
zombie=$(ps -o pid= --ppid "$parent" 2>/dev/null | tr -d ' ')
if [ -n "$zombie" ]; then
	err=$("$skep" run "$obj" --binary "$tmp/skepbusy" -p "$zombie" 2>&1)
	is $? 1 "a zombie"
	has "$err" "process $zombie: it has ended already: a zombie that process $parent" "is told"
else
	skip "a zombie" "no ps"
fi
kill "$parent"
err=$("$skep" run "$obj" --binary "$tmp/skepbusy" -p 4194305 2>&1)
has "$err" "there is no such process" "no process"
"$skep" run "$obj" --binary "$tmp/skepbusy" -p "$busy" -d 3 >/dev/null 2>&1 &
first=$!
sleep 0.7
err=$("$skep" run "$obj" --binary "$tmp/skepbusy" -p "$busy" 2>&1)
has "$err" "traces it already" "one that is traced"
kill "$first"
wait "$first"
tap_done
