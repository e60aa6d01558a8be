#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# skep run, as a person meets it.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
skep=${B:-build}/skep
progs=tests/cli/progs
run() { "$skep" run "$@"; }

echo secret >"$tmp/file-to-open"

# --- events
out=$(run $progs/open.bpf.c -o json -- cat "$tmp/file-to-open" 2>"$tmp/err")
is $? 0 "a traced command's status 0"
has "$out" '"path":"'"$tmp"'/file-to-open"' "the open is an event"
has "$out" '"comm":"cat"' "char arrays are text"
has "$out" '"how":"READ_ONLY"' "enums are names"
has "$out" '^secret$' "the command's own output is there"
delivered=$(printf '%s\n' "$out" | grep -c '^{')
is "$(cat "$tmp/err")" "events: $delivered produced = $delivered delivered + 0 lost" "the summary"

out=$(run $progs/open.bpf.c -- cat "$tmp/file-to-open" 2>/dev/null)
has "$out" '^ *PID +UID +HOW +FLAGS +COMM +PATH' "a table has a header"
has "$out" "cat +$tmp/file-to-open" "and rows"

# --- the program's own options
out=$(run $progs/open.bpf.c -o json --prefix "$(printf %.14s "$tmp")" --with_flags -- \
	cat "$tmp/file-to-open" 2>/dev/null | grep -v secret)
is "$(printf '%s\n' "$out" | wc -l)" 1 "a string option filters in the program"
out=$(run $progs/open.bpf.c -o json --targ_pid=1 -- cat "$tmp/file-to-open" 2>/dev/null)
is "$out" secret "a number option"
out=$(run $progs/open.bpf.c --targ_pid x -- true 2>&1)
is $? 1 "a value that does not fit is refused"
has "$out" 'targ_pid' "by name"
out=$(run $progs/open.bpf.c --no_such 1 -- true 2>&1)
is $? 2 "an unknown variable is a usage error"
has "$out" 'no variable "no_such"' "with the name"
out=$(run $progs/open.bpf.c --fields -uid,-how,-flags -- cat "$tmp/file-to-open" 2>/dev/null)
has "$out" '^ *PID +COMM +PATH' "--fields takes columns away"

# --- maps
out=$(run $progs/count.bpf.c -o json --map 'ignored={"0":true}' -- cat "$tmp/file-to-open" 2>/dev/null)
has "$out" '"map":"calls","key":257,"value":[1-9]' "maps are printed at the end"
hasnt "$out" '"map":"calls","key":0,' "a map that was filled on the command line is used"
out=$(run $progs/count.bpf.c --maps none -- true 2>/dev/null)
is "$out" "" "--maps none"

# --- globals, sizes left to the loader, one of two ways to the same place
out=$(run $progs/globals.bpf.c -o json -- cat "$tmp/file-to-open" 2>"$tmp/err")
has "$out" '"variable":"nr_opens","value":[0-9]{1,3}\}' "a global that changed is printed"
hasnt "$out" 'untouched' "one that did not change is not"
has "$out" '"map":"sizeless","key":1,"value":1' "a map without a size gets one"
has "$(cat "$tmp/err")" 'sizeless' "which is told"
has "$(cat "$tmp/err")" 'left out: program the_other_way' "kprobe is left out beside fentry"
out=$(run $progs/globals.bpf.c --entries sizeless=5 --prog the_other_way -o json -- \
	cat "$tmp/file-to-open" 2>"$tmp/err")
has "$out" '"variable":"nr_opens","value":[0-9]+000000\}' "unless it is asked for"
hasnt "$(cat "$tmp/err")" 'sizeless' "--entries gives a map its size"
run $progs/globals.bpf.c --entries sizeless=none -- true 2>/dev/null
is $? 2 "--entries takes a number"

# --- what a program needs
out=$(run $progs/open.bpf.c 2>&1)
is $? 2 "no command: usage"
has "$out" 'needs a command' "which option is missing"

# --- printk
out=$(run $progs/hello.bpf.c -- sh -c /bin/true 2>/dev/null)
has "$out" 'Hello, world 42!' "bpf_printk"

hasnt "$out" '42!\\\\n' "without the newline that the program gave it"

# --- what the program's own loader would have set
cat >"$tmp/pids.bpf.c" <<'EOF'
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
int my_pid = 0;
const volatile bool verbose = false;
const volatile unsigned long long ro_pid = 0;
SEC("tp/syscalls/sys_enter_write")
int handle_tp(void *ctx)
{
	u64 pid = bpf_get_current_pid_tgid() >> 32;
	if (pid == my_pid && pid == ro_pid)
		bpf_printk("mine %d\n", verbose);
	return 0;
}
EOF
out=$(run "$tmp/pids.bpf.c" -q --my_pid @pid --ro_pid=@pid --var verbose=1 -- sh -c '/bin/echo a; echo b')
is "$(printf '%s\n' "$out" | grep -c 'mine 1$')" 1 "@pid is the traced process, not its children"
hasnt "$out" my_pid "and no result"
run "$tmp/pids.bpf.c" --my_pid @pid --ctx hex:00 >/dev/null 2>"$tmp/err"
is $? 1 "without one there is no @pid"
out=$("$skep" show "$tmp/pids.bpf.c")
has "$out" '--my_pid +int' "show lists options"
has "$out" '--var verbose= +const volatile bool' "as they are written beside skep's own"
hasnt "$out" 'fmt' "formats of bpf_printk are none"

# --- the command writes into the same stdout
run $progs/open.bpf.c -o json -q -- sh -c 'for i in 1 2 3 4 5 6 7 8 9; do cat /dev/null; echo "#"; done' >"$tmp/out"
is "$(grep -vc '^{.*}$' "$tmp/out")" 9 "lines stay whole beside the command's own"

# --- a reader that is slow: stdout is full, and timers and dying children interrupt its writes
run $progs/open.bpf.c -o json -- sh -c 'i=0; while [ $i -lt 100 ]; do cat /dev/null; i=$((i+1)); done' 2>"$tmp/err" |
	(sleep 1; cat) >"$tmp/out"
nr=$(wc -l <"$tmp/out")
[ "$nr" -gt 100 ]
ok $? "a slow reader gets $nr records"
is "$(cat "$tmp/err")" "events: $nr produced = $nr delivered + 0 lost" "which are all"

# --- an object with many programs that no hook serves
{
	sed -n 1,3p "$tmp/pids.bpf.c"
	for i in 1 2 3 4 5 6 7; do echo "SEC(\"lirc_mode2\") int it$i(void *c) { return 0; }"; done
	echo 'SEC("tp/syscalls/sys_enter_exit_group") int e(void *c) { return 0; }'
} >"$tmp/many.bpf.c"
run "$tmp/many.bpf.c" -- true 2>"$tmp/err"
is "$(grep -c 'left out: program' "$tmp/err")" 4 "four are told why"
has "$(cat "$tmp/err")" 'left out: 3 more programs .*: it5, it6, it7$' "the others by name"

# --- a running process with threads in its breakpoints goes on unharmed
cat >"$tmp/busy.c" <<'EOF'
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
static volatile int stop, bad;
__attribute__((noinline)) long work(long a) { __asm__ volatile(""); return a + 1; }
static void *run(void *arg)
{
	for (long n = 0; !stop; n++) {
		bad |= work(n) != n + 1;
		if (n % 100 == 0)
			usleep(1000);
	}
	return arg;
}
static void on_term(int sig) { stop = sig; }
int main(void)
{
	pthread_t t[4];
	signal(SIGTERM, on_term);
	alarm(60);
	for (int i = 0; i < 4; i++)
		pthread_create(t + i, NULL, run, NULL);
	while (!stop)
		usleep(10000);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	return bad ? 1 : 5;
}
EOF
cat >"$tmp/busy.bpf.c" <<EOF
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
unsigned long calls, returns;
SEC("uprobe/$tmp/busy:work") int enter(void *c) { __sync_fetch_and_add(&calls, 1); return 0; }
SEC("uretprobe/$tmp/busy:work") int leave(void *c) { __sync_fetch_and_add(&returns, 1); return 0; }
EOF
if [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" -le 0 ] &&
	cc -O1 -o "$tmp/busy" "$tmp/busy.c" -lpthread 2>/dev/null; then
	"$tmp/busy" &
	busy=$!
	out=$(run "$tmp/busy.bpf.c" -q -d 0.5 -p $busy)
	has "$out" 'calls = [1-9]' "--pid: calls of a process with threads"
	has "$out" 'returns = [1-9]' "and their returns"
	kill $busy
	wait $busy
	is $? 5 "the process goes on"
fi

# --- exit statuses
run $progs/hello.bpf.c -q -- sh -c 'exit 7' >/dev/null
is $? 7 "the command's exit status is passed on"
run $progs/hello.bpf.c -q -- sh -c 'kill -9 $$' >/dev/null
is $? 137 "also of a signal"
run $progs/hello.bpf.c -q -- /nonexistent/command >/dev/null 2>"$tmp/err"
is $? 1 "a command that is not there"
has "$(cat "$tmp/err")" '/nonexistent/command' "is named"
run >/dev/null 2>&1
is $? 2 "no FILE: usage"
run --no-such-option= 2>/dev/null
is $? 2 "only an option: usage"
run "$tmp/none.bpf.o" 2>"$tmp/err"
is $? 1 "a file that is not there"
has "$(cat "$tmp/err")" "$tmp/none.bpf.o: can't open" "is named"
echo garbage >"$tmp/x.bpf.o"
run "$tmp/x.bpf.o" 2>"$tmp/err"
is $? 1 "a file that is no object"
has "$(cat "$tmp/err")" 'x.bpf.o: ' "is named"

# --- the guard
out=$(run $progs/fault.bpf.c -- cat "$tmp/file-to-open" 2>&1)
is $? 1 "a program that leaves its memory is stopped"
has "$out" 'fault.bpf.c:18' "at the C line"
has "$out" '^secret$' "the command is not harmed"
out=$(run $progs/forever.bpf.c --max-insns 10000 -- cat "$tmp/file-to-open" 2>&1)
is $? 1 "a runaway program ends at its budget"
has "$out" '^secret$' "and the command goes on"

# --- a stdout that takes nothing
if [ -c /dev/full ]; then
	run $progs/open.bpf.c -- true >/dev/full 2>"$tmp/err"
	is $? 1 "a full stdout is a failure"
	has "$(cat "$tmp/err")" "can't write the output: No space left" "and is told"
fi
run $progs/open.bpf.c -- true >&- 2>"$tmp/err"
is $? 1 "so is a closed one"
out=$(run $progs/open.bpf.c -- sh -c 'yes | head -n 1' 2>&1)
is "$(printf "%s\n" "$out" | grep -c "Broken pipe")" 0 "a command dies of SIGPIPE as without us"

# --- a source line that talks to the terminal
esc=$(printf '\033')
sed "s/the fault/& $esc]0;title/" $progs/fault.bpf.c >"$tmp/talks.bpf.c"
out=$(run "$tmp/talks.bpf.c" -- true 2>&1)
has "$out" "title" "a fault shows the source line"
hasnt "$out" "$esc" "without its escape sequences"

# --- Ctrl-C
run $progs/open.bpf.c -- sleep 30 >/dev/null 2>"$tmp/err" &
pid=$!
sleep 0.7
kill -INT $pid
wait $pid
has "$(cat "$tmp/err")" 'events: [0-9]+ produced' "after Ctrl-C the summary comes"

# --- skep show
"$skep" show --insns -o json $progs/hello.bpf.c >"$tmp/out" 2>"$tmp/err"
is $? 2 "instructions as JSON: usage, not text in its place"
is "$(cat "$tmp/out")" "" "and nothing on stdout"
tap_done
