#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What comes out of the kernel engine, and that the books are exact: programs that count nothing,
# bursts that buffers have no room for. Counts are asserted, never times.
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root: programs are loaded into the kernel"; exit 0; }
# shellcheck source=tests/tap.sh
. tests/tap.sh
skep=$B/skep
obj=$B/tests/bpf/output.bpf.o

# System calls of x86_64 by number: 124 getsid, 121 getpgid, 140 getpriority
calls_of() { printf 'for (1..%d) { syscall(%d, 0, 0) }' "$1" "$2"; }
run() { # CALLS NR OPTION…: the summary's numbers in $produced $delivered $lost
	calls=$1
	nr=$2
	shift 2
	timeout 60 "$skep" run -e kernel "$obj" --target @pid "$@" -- perl -e "$(calls_of "$calls" "$nr")" \
		>"$tmp/out" 2>"$tmp/err"
	status=$?
	read -r produced delivered lost <<-END
		$(sed -n 's/^events: \([0-9]*\) produced = \([0-9]*\) delivered + \([0-9]*\) lost$/\1 \2 \3/p' "$tmp/err")
	END
}

run 3 124 -o json
is "$status $produced $delivered $lost" "0 3 3 0" "three records of a ring buffer"
is "$(grep -c '"nr":0' "$tmp/out")" 3 "are shown"

for way in "124 reserved" "121 copied" "140 perf"; do
	nr=${way% *}
	map=${way#* }
	run 20 "$nr" --burst 4000 -o json
	is "$status" 0 "$map: a burst without room ends well"
	is "$produced" 80000 "$map: every record is in the books"
	is "$((delivered + lost))" 80000 "$map: produced = delivered + lost"
	[ "$lost" -gt 0 ]
	ok $? "$map: and some had no room"
	is "$(grep -c '"nr":' "$tmp/out")" "$delivered" "$map: what is delivered is shown"
	has "$(tail -n 1 "$tmp/out")" "^\{\"buffer\":\"$map\",\"delivered\":$delivered,\"lost\":$lost\}\$" \
		"$map: JSON says where"
	has "$(cat "$tmp/err")" "^$map: $lost of 80000 events were lost\$" "$map: so does the summary"
done

run 20 124 --burst 4000 --fail-on-loss
is "$status" 1 "--fail-on-loss is the exit status"
run 20 124 --fail-on-loss
is "$status $lost" "0 0" "without losses it is 0"

run 10 124 --burst 40 --discard 1
is "$produced $lost" "200 0" "what a program discards itself is not produced"
run 500 124 --burst 1 --force 1
is "$status $produced" "0 500" "a program that forces wakeups"
run 30 124 --unpatched
is "$produced $delivered" "30 30" "--unpatched: the same records"

# Many processes at once: many CPUs, the way to batches and back.
cat >"$tmp/many" <<EOF
#!/bin/sh
for i in 1 2 3 4; do perl -e '$(calls_of 20000 124)' & done
wait
EOF
chmod +x "$tmp/many"
timeout 60 "$skep" run -e kernel "$obj" -o json -- "$tmp/many" >"$tmp/out" 2>"$tmp/err"
is $? 0 "four processes at once"
sum=$(sed -n 's/^events: \([0-9]*\) produced.*/\1/p' "$tmp/err")
[ "$sum" -ge 80000 ]
ok $? "every record is in the books ($sum)"
is "$(sed -n 's/^events: [0-9]* produced = \([0-9]*\) .*/\1/p' "$tmp/err")" \
	"$(grep -c '"nr":' "$tmp/out")" "what is delivered is shown"

# printk: an instance of our own, gone afterwards.
run 25 124 --print 1
is "$(grep -c 'getsid of' "$tmp/out")" 25 "bpf_printk: a line per call"
is "$produced" 50 "which count as events"

# Idle: nothing wakes it. Batches end when nothing comes, and the next record is seen.
switches() { sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' "/proc/$1/status"; }
lines() { grep -c '"nr":' "$tmp/live"; }
wait_for() { # COUNT
	for _ in $(seq 100); do
		[ "$(lines)" -ge "$1" ] && return
		sleep 0.1
	done
}
"$skep" run -e kernel "$obj" -o json >"$tmp/live" 2>"$tmp/live.err" &
pid=$!
for _ in $(seq 100); do # until it is attached
	perl -e "$(calls_of 1 124)"
	sleep 0.1
	[ "$(lines)" -gt 0 ] && break
done
sleep 1
had=$(lines)
before=$(switches $pid)
sleep 1
after=$(switches $pid)
[ "$(lines)" -gt "$had" ] || [ $((after - before)) -le 4 ]
ok $? "idle: no wakeups ($((after - before)) in a second)"
perl -e "$(calls_of 30000 124)"
sleep 1.5
had=$(lines)
before=$(switches $pid)
sleep 1
after=$(switches $pid)
[ "$(lines)" -gt "$had" ] || [ $((after - before)) -le 4 ]
ok $? "idle again after a flood ($((after - before)) in a second)"
had=$(lines)
perl -e "$(calls_of 1 124)"
wait_for $((had + 1))
[ "$(lines)" -gt "$had" ]
ok $? "the next record is seen"
kill -INT $pid
wait $pid
is $? 0 "Ctrl-C ends it well"
has "$(cat "$tmp/live.err")" "^events: [0-9]* produced = $(lines) delivered \+ [0-9]* lost\$" \
	"the books are those of what was shown"

# A closed stdout: what nobody reads counts as lost, nothing hangs.
timeout 60 "$skep" run -e kernel "$obj" --target @pid --burst 100 -- perl -e "$(calls_of 500 124)" \
	2>"$tmp/err" | head -n 1 >/dev/null
[ "${PIPESTATUS[0]}" -ne 124 ]
ok $? "a closed stdout does not hang it"

# Nothing is left of the trace instance, kill -9 included.
"$skep" run -e kernel "$obj" --print 1 >"$tmp/live" 2>/dev/null &
pid=$!
for _ in $(seq 100); do
	perl -e "$(calls_of 1 124)"
	grep -q 'getsid of' "$tmp/live" && break
	sleep 0.1
done
kill -9 $pid
wait $pid 2>/dev/null
left=x
for _ in $(seq 50); do
	left=$(unshare -m sh -c "mount -t tracefs none /sys/kernel/tracing && ls /sys/kernel/tracing/instances | grep -x skep-$pid")
	[ -z "$left" ] && break
	sleep 0.1
done
is "$left" "" "kill -9: the trace instance goes"
tap_done
