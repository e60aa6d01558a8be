#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# skep show progs|maps|links|btf on what another program has put into the kernel, in namespaces of
# the test's own; and field by field what bpftool says of the same, where it is installed.
cd "${OBJS_INSIDE:-$(dirname "$0")/../..}" || exit 1
B=${B:-build}
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root: programs are loaded into the kernel"; exit 0; }
[ -e /sys/kernel/btf/vmlinux ] || { echo "1..0 # SKIP the kernel has no BTF"; exit 0; }
if [ -z "$OBJS_INSIDE" ]; then
	OBJS_INSIDE=$PWD exec unshare -mn bash -c '
		[ -e /sys/kernel/tracing/events ] || mount -t tracefs none /sys/kernel/tracing
		mount -t bpf mine /sys/fs/bpf || { echo "1..0 # SKIP no bpffs can be mounted"; exit 0; }
		exec bash tests/root/objs.t'
fi
. tests/tap.sh

ip link add objs0 type veth peer name objs1 2>"$tmp/err" && ip link set objs0 up && ip link set objs1 up ||
	{ echo "1..0 # SKIP no veth: $(cat "$tmp/err")"; exit 0; }
cg2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
cg=
[ -n "$cg2" ] && cg=$cg2/objs.$$ && mkdir "$cg"

mkfifo "$tmp/in"
"$B/tests/root/objs_hold" tests/root/progs/objs.bpf.c k4_xdp=xdp:objs0 k4_xdp=xdp-link:objs1 \
	k4_tc_program_with_a_long_name=tc:objs0 ${cg:+k4_egress=cgroup:"$cg" k4_egress=cgroup-link:"$cg"} \
	k4_flow=netns k4_tp=auto k4_tp=ioctl:syscalls/sys_enter_getsid k4_raw=auto k4_btf_tp=auto k4_iter=auto k4_msg=sockmap:k4_socks \
	<"$tmp/in" >"$tmp/hold" 2>"$tmp/hold.err" &
pid=$!
exec 8>"$tmp/in"
end() {
	exec 8>&-
	wait "$pid" 2>/dev/null
	[ -z "$cg" ] || rmdir "$cg"
	rm -rf "$tmp"
}
trap end EXIT
for _ in $(seq 300); do
	[ -s "$tmp/hold" ] || ! kill -0 "$pid" 2>/dev/null || { sleep 0.1; continue; }
	break
done
grep -q ready "$tmp/hold"
ok $? "programs are loaded and attached" || { sed 's/^/# /' "$tmp/hold.err"; tap_done; exit; }

for kind in progs maps links btf; do
	"$B/skep" show $kind -p "$pid" -o json >"$tmp/$kind" 2>"$tmp/err"
	ok $? "show $kind" || sed 's/^/# /' "$tmp/err"
done
"$B/skep" show links -o json >"$tmp/all" # legacy attachments have no holder

# says KIND TEXT WHAT
says() {
	grep -q -- "$2" "$tmp/$1"
	ok $? "$1: ${3:-$2}" || sed 's/^/# /' "$tmp/$1"
}
is "$(wc -l <"$tmp/progs")" 9 "as many programs as were loaded"
says progs '"name":"k4_tc_program_with_a_long_name"' "a name that the kernel cuts is whole"
says maps '"name":"k4_a_map_with_a_long_name"' "a name that the kernel cuts is whole"
says maps '"name":"k4_blocklist".*"key_type":"struct v4_key","value_type":"struct stat_value"' "C types"
says maps '"type":"prog_array".*"owner_prog_type":"xdp","owner_jited":true' "a prog_array's owner"
says maps '\.rodata".*"frozen":1' "frozen"
says progs '"name":"k4_raw".*"run_time_ns":[1-9][0-9]*,"run_cnt":[1-9]' "run time and count"
says links '"type":"xdp".*"devname":"objs1"' "xdp: the interface"
says links '"type":"perf_event".*\("tracepoint":"sys_enter_getpgid"\)*' "tracepoint"
says links '"type":"raw_tracepoint".*"tp_name":"sys_enter"' "raw tracepoint"
says links '"type":"raw_tracepoint".*"attach_to":"btf_trace_sys_exit".*"tp_name":"sys_exit"' "the function of a tracing program"
says links '"type":"iter".*"target_name":"bpf_map"' "iterator"
says links "\"pids\":\[{\"pid\":$pid,\"comm\":\"objs_hold\"}\]" "who holds it"
says all '{"type":"xdp".*"devname":"objs0".*"mode":"skb"' "xdp without a link"
says all '{"type":"tc".*"devname":"objs0".*"direction":"ingress","pref":7,"handle":1' "tc filter"
says all '{"type":"perf_event".*"prog_name":"k4_tp","tracepoint":"sys_enter_getsid"' "a tracepoint by ioctl"
says all '{"type":"netns".*"prog_name":"k4_flow".*"attach_type":"flow_dissector"' "flow dissector"
says all '{"type":"sockmap".*"prog_name":"k4_msg".*"attach_type":"sk_msg_verdict"' "sockmap"
if [ -n "$cg" ]; then
	says all "{\"type\":\"cgroup\",.*\"cgroup\":\"$cg\",\"attach_type\":\"cgroup_inet_egress\"" "cgroup without a link"
	says links "\"id\":[0-9]*,\"type\":\"cgroup\".*\"cgroup\":\"$cg\"" "cgroup link"
fi
says progs '"name":"k4_xdp".*"attached":\[{"id":[0-9]*,"type":"xdp".*"devname":"objs1".*{"type":"xdp".*"devname":"objs0"' "a program knows its attachments"
says btf '"kernel":false,"prog_ids":\[' "BTF knows its programs"

id=$(sed -n 's/^{"id":\([0-9]*\),.*"name":"k4_xdp".*/\1/p' "$tmp/progs")
is "$("$B/skep" show progs "$id" -o json | wc -l)" 1 "by id"
bare_runs() { sed "s/\"run_time_ns\":[0-9]*,\"run_cnt\":[0-9]*//"; }
is "$("$B/skep" show progs k4_xdp -p "$pid" -o json | bare_runs)" "$("$B/skep" show progs "$id" -o json | bare_runs)" "by name"
is "$("$B/skep" show maps k4_a_map_with_a -p "$pid" -o json | wc -l)" 1 "by the name as the kernel cuts it"
"$B/skep" show progs none_of_that_name >"$tmp/out" 2>"$tmp/err"
is "$? $(cat "$tmp/err")" '1 skep: error: there is no "none_of_that_name" among the progs' "no such name"
"$B/skep" show progs -p "$pid" | head -1 | grep -q '^ *ID  *TYPE  *NAME'
ok $? "a table"
setpriv --reuid 65534 --clear-groups "$PWD/$B/skep" show progs >"$tmp/out" 2>"$tmp/err"
is "$? $(head -1 "$tmp/err")" "1 skep: error: looking at what is in the kernel needs CAP_SYS_ADMIN" "without privileges"

# --- instructions: of the loaded, and of a file
id2=$(sed -n 's/^{"id":\([0-9]*\),.*"name":"k4_tc_program_with_a_long_name".*/\1/p' "$tmp/progs")
"$B/skep" show progs "$id2" --xlated >"$tmp/xlated" 2>"$tmp/err"
ok $? "--xlated" || sed 's/^/# /' "$tmp/err"
grep -q '^; objs.bpf.c:[0-9]*  bpf_map_update_elem(' "$tmp/xlated"
ok $? "--xlated: source lines" || sed 's/^/# /' "$tmp/xlated"
grep -Eq 'call .*map_update_elem#[0-9]+' "$tmp/xlated"
ok $? "--xlated: helpers by name"
"$B/skep" show tests/root/progs/objs.bpf.c --xlated --prog k4_tc_program_with_a_long_name >"$tmp/xlated2" 2>"$tmp/err"
is "$(sed 's/program [0-9]*//; s/id:[0-9]*//' "$tmp/xlated2")" "$(sed 's/program [0-9]*//; s/id:[0-9]*//' "$tmp/xlated")" "--xlated of the file: the same"
"$B/skep" show progs "$id2" --jited >"$tmp/jited" 2>"$tmp/err"
status=$?
if [ $status = 77 ]; then
	echo "# no libcapstone: $(head -1 "$tmp/err")"
else
	ok $status "--jited" || sed 's/^/# /' "$tmp/err"
	grep -q '^; objs.bpf.c:[0-9]*  bpf_map_update_elem(' "$tmp/jited" &&
		[ "$(grep -c '^ *[0-9a-f]*: ' "$tmp/jited")" -gt 10 ]
	ok $? "--jited: machine code beside source lines" || sed 's/^/# /' "$tmp/jited"
fi
"$B/skep" show tests/bpf/obj_subprogs.bpf.c --xlated --prog first >"$tmp/subs" 2>"$tmp/err"
is "$(grep -c '^[a-z_]*():$' "$tmp/subs")$(grep -o 'call pc+[0-9]*#shared' "$tmp/subs")" "5call pc+5#shared" "--xlated: functions by name"
"$B/skep" show progs no_such_program --xlated >"$tmp/out" 2>&1
is $? 1 "--xlated of nothing"
"$B/skep" show progs --jited >"$tmp/out" 2>&1
is $? 2 "--jited of what?"
"$B/skep" show progs "$id2" --xlated -o json >"$tmp/out" 2>&1
is $? 2 "instructions have no JSON"
if command -v bpftool >/dev/null; then
	bare() { # numbers and instructions, without source, opcodes, names of maps
		sed -n 's/^ *\([0-9][0-9]*\): \(([0-9a-f]*) \)\{0,1\}/\1 /p' | sed 's/\(map\[id:[0-9]*\)[^]]*/\1/'
	}
	for p in "$id" "$id2"; do
		is "$("$B/skep" show progs "$p" --xlated | bare)" "$(bpftool prog dump xlated id "$p" | bare)" "--xlated: as bpftool's, program $p"
	done
fi

# Every member that bpftool has, for every object: the same. Its runs are counted meanwhile, its pids
# come from an iterator that may be missing; maps and links lack nothing else.
if command -v bpftool >/dev/null && command -v python3 >/dev/null; then
	for pair in progs:prog maps:map links:link btf:btf; do
		while read -r line; do
			oid=$(echo "$line" | sed -n 's/^{"id":\([0-9]*\).*/\1/p')
			[ -n "$oid" ] || continue
			echo "$line" | python3 -c '
import json, subprocess, sys
ours = json.loads(sys.stdin.read())
out = subprocess.run(["bpftool", "-j", "-f", sys.argv[1], "show", "id", sys.argv[2]], capture_output=True).stdout
theirs = json.loads(out or "{}")
if isinstance(theirs, list):
    theirs = [t for t in theirs if t["id"] == int(sys.argv[2])][0]
if not theirs.get("id"):
    sys.exit("bpftool says nothing")
bad = 0
for k, v in theirs.items():
    w = ours.get(k)
    if k in ("run_time_ns", "run_cnt", "pids", "recursion_misses") or (w is None and v in (0, [], False, "")):
        continue
    if isinstance(v, list):
        w, v = sorted(w or []), sorted(v)
    if k == "name" and len(v) == 15 and w.startswith(v): # bpftool 7.1 has whole names of programs only
        continue
    if w != v:
        bad = 1
        print("%s %s: %s is %s, bpftool says %s" % (sys.argv[1], sys.argv[2], k, w, v))
sys.exit(bad)' "${pair#*:}" "$oid"
		done <"$tmp/${pair%:*}" >"$tmp/diff" 2>&1
		[ ! -s "$tmp/diff" ]
		ok $? "${pair%:*}: every member as bpftool has it" || sed 's/^/# /' "$tmp/diff"
	done
fi
tap_done
