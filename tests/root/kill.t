#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# kill -9 at random moments of load, attach, run and detach: nothing stays, be it a program, a link, an
# XDP program, a qdisc, a filter, a route, a pin, a directory of tracefs or a process. KILLS=N: how often
# of each kind (50). KILL_ONLY='tc|xdp': only these.
cd "${KILL_INSIDE:-$(dirname "$0")/../..}" || exit 1
B=${B:-build}
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root: programs are loaded into the kernel"; exit 0; }
if [ -z "$KILL_INSIDE" ]; then
	KILL_INSIDE=$PWD exec unshare -mn bash tests/root/kill.t
fi
# shellcheck source=tests/tap.sh
. tests/tap.sh
mount -t bpf none /sys/fs/bpf 2>/dev/null
ip link set lo up
ip link add kk0 type veth peer name kk1 2>/dev/null
ip link set kk0 up && ip link set kk1 up && ip addr add 10.77.0.1/24 dev kk0
nr=${KILLS:-50}

# A name that only this test has, to find its programs by.
me=k$$x
clang=${CLANG:-clang}
sed "s/xdp_any/${me}_xdp/g; s/tc_in/${me}_tc/g; s/route_out/${me}_rt/g; s/cg_connect4/${me}_cg/g
	s/\<into_map\>/${me}_ops/g; s/(msg,/(${me}_msg,/; s/tp_call/${me}_tp/g; s/(up,/(${me}_up,/; s/(filter,/(${me}_sf,/; s/(nf,/(${me}_nf,/" \
	tests/bpf/kernel_kinds.bpf.c >"$tmp/kill.bpf.c"
"$clang" -target bpf -mcpu=v3 -g -O2 -I"/usr/include/$(uname -m)-linux-gnu" -c -o "$tmp/kill.bpf.o" "$tmp/kill.bpf.c" ||
	skip_all "needs clang"
skep=("$B/skep" run -e kernel "$tmp/kill.bpf.o" -q)

cgroup_root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if [ -z "$cgroup_root" ] && mkdir "$tmp/cgroup2" && mount -t cgroup2 none "$tmp/cgroup2" 2>/dev/null; then
	cgroup_root=$tmp/cgroup2
fi
cg=
[ -z "$cgroup_root" ] || { cg=$cgroup_root/skep-kill-$$ && mkdir "$cg" || cg=; }
clean() {
	[ -z "$cg" ] || rmdir "$cg"
	mountpoint -q "$tmp/cgroup2" && umount "$tmp/cgroup2"
	rm -rf "$tmp"
}
trap clean EXIT

pids=()
left() {
	"$B/skep" show progs -o json 2>/dev/null | grep -o "\"name\":\"${me}[a-z_]*\""
	"$B/skep" show links -o json 2>/dev/null | grep -o "\"prog_name\":\"${me}[a-z_]*\""
	ip -o link show | grep -E 'xdp(generic|drv)?/id'
	tc qdisc show 2>/dev/null | grep clsact
	ip route show table all 2>/dev/null | grep -E 'encap|proto 235'
	ls -A /sys/fs/bpf/skep 2>/dev/null
	for p in "${pids[@]}"; do
		ls -d "/sys/kernel/tracing/instances/"*"$p"* 2>/dev/null
	done
	# guards and commands of ours: their parents are gone
	pgrep -f "$tmp/kill.bpf.o"
	pgrep -x skep-guard
}

# killed NAME OPTIONS…
killed() {
	local name=$1 i j what ran=0
	shift
	pids=()
	for ((i = 0; i < 5 * nr && ran < nr; i++)); do
		"${skep[@]}" "$@" -d 0.03 >/dev/null 2>&1 &
		pids+=($!)
		# how long a run takes is known after the first; moments are spread over that and a bit more
		sleep "$(printf '0.%06d' $(((RANDOM * 32768 + RANDOM) % span)))"
		kill -9 $! 2>/dev/null && ran=$((ran + 1))
		wait $! 2>/dev/null
	done
	for ((j = 0; j < 50; j++)); do # programs are freed behind a grace period
		what=$(left)
		[ -z "$what" ] && break
		sleep 0.1
	done
	is "$what" "" "$name: killed $ran times, nothing is left"
	is "$ran" "$nr" "$name: so often while it ran, of $i"
}

# span: microseconds of a whole run
measure() {
	local t0 t1
	t0=$(date +%s%N)
	timeout 20 "${skep[@]}" "$@" -d 0.03 >"$tmp/out" 2>&1
	status=$?
	t1=$(date +%s%N)
	span=$(((t1 - t0) / 1000))
	[ "$status" = 0 ]
}

try() { # NAME OPTIONS…
	local name=$1
	shift
	[[ -z $KILL_ONLY || $name =~ ^($KILL_ONLY)$ ]] || return
	if measure "$@" && measure "$@"; then
		killed "$name" "$@"
	else
		skip "$name" "not possible here: $(grep -m1 error "$tmp/out")"
	fi
}

try xdp --prog "${me}_xdp" --iface kk0
try "xdp on lo" --prog "${me}_xdp" --iface lo
try tc --prog "${me}_tc" --iface lo
try tracepoint --prog "${me}_tp"
try uprobe --prog "${me}_up"
try route --prog "${me}_rt" --route '10.99.0.0/16 dev kk0'
try netfilter --prog "${me}_nf" --netfilter ipv4:local_in
try "packet socket" --prog "${me}_sf" --iface lo
if [ -n "$cg" ]; then
	try cgroup --prog "${me}_cg" --cgroup "$cg"
	try sockmap --prog "${me}_ops" --prog "${me}_msg" --cgroup "$cg" --sockmap socks
else
	skip cgroup "no cgroup2"
fi
tap_done
