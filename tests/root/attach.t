#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Every kind of section in Linux: attached with the option that gives its target, fires on real
# traffic in namespaces of the test's own, and is gone afterwards. A kind that this kernel or machine
# has not is skipped by name. ATTACH_ONLY='kp|fentry': only programs that match, and nothing else.
cd "${ATTACH_INSIDE:-$(dirname "$0")/../..}" || exit 1
B=${B:-build}
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root: programs are loaded into the kernel"; exit 0; }
[ -e /sys/kernel/btf/vmlinux ] || { echo "1..0 # SKIP the kernel has no BTF"; exit 0; }
if [ -z "$ATTACH_INSIDE" ]; then
	ATTACH_INSIDE=$PWD exec unshare -mn bash tests/root/attach.t
fi
# shellcheck source=tests/tap.sh
. tests/tap.sh
mount -t bpf none /sys/fs/bpf 2>/dev/null
ip link set lo up
ip link add ka0 type veth peer name ka1 2>/dev/null
ip link set ka0 up && ip link set ka1 up && ip addr add 10.77.0.1/24 dev ka0 && ip neigh add 10.77.0.9 lladdr 02:00:00:00:00:09 dev ka0
veth=$?
kinds=$B/tests/bpf/kernel_kinds.bpf.o
skep=("$B/skep" run -e kernel "$kinds" -o json)

# --- what this machine has -----------------------------------------------------------------------
version() { # MAJOR MINOR
	local v
	v=$(uname -r)
	[ "${v%%.*}" -gt "$1" ] || { v=${v#*.} && [ "$(uname -r | cut -d. -f1)" -eq "$1" ] && [ "${v%%[!0-9]*}" -ge "$2" ]; }
}
symbol() { grep -qw "$1" /proc/kallsyms; }
have() { # FEATURE
	case $1 in
	kprobe) [ -e /sys/bus/event_source/devices/kprobe ] ;;
	ftrace) symbol register_fprobe && version 5 18 ;;
	trampoline) [ -e /sys/bus/event_source/devices/kprobe ] && symbol bpf_trampoline_link_prog ;;
	lsm) have trampoline && grep -q bpf /sys/kernel/security/lsm 2>/dev/null ;;
	lsm_cgroup) have lsm && version 6 0 ;;
	session) have ftrace && version 6 10 ;;
	uprobe_multi) version 6 6 ;;
	uprobe_session) version 6 13 ;;
	netfilter) version 6 4 ;;
	unix) version 6 7 ;;
	frags) version 5 18 ;;
	netkit) ip link add knk0 type netkit peer name knk1 2>/dev/null ;;
	matchall) tc qdisc add dev lo clsact 2>/dev/null && tc filter add dev lo egress matchall action bpf object-file /nonexistent 2>&1 | grep -q "No such file"; tc qdisc del dev lo clsact 2>/dev/null; symbol tcf_bpf_act || modprobe -q act_bpf cls_matchall 2>/dev/null ;;
	veth) [ "$veth" = 0 ] ;;
	cgroup) [ -n "$cg" ] ;;
	python) [ -n "$python" ] ;;
	syscall) version 5 14 ;;
	skb_verdict) version 5 13 ;;
	cookie) version 5 15 ;;
	*) true ;;
	esac
}

cgroup_root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if [ -z "$cgroup_root" ] && mkdir "$tmp/cgroup2" && mount -t cgroup2 none "$tmp/cgroup2" 2>/dev/null; then
	cgroup_root=$tmp/cgroup2
fi
cg=
[ -z "$cgroup_root" ] || { cg=$cgroup_root/skep-attach-$$ && mkdir "$cg" || cg=; }
clean() {
	[ -z "$cg" ] || rmdir "$cg"
	mountpoint -q "$tmp/cgroup2" && umount "$tmp/cgroup2"
	rm -rf "$tmp"
}
trap clean EXIT

python=$(python3 -c "import sys; print(sys.executable)" 2>/dev/null)

# --- traffic -------------------------------------------------------------------------------------
udp='echo x >/dev/udp/127.0.0.1/9'
cat >"$tmp/sockets.py" <<'END'
import os, socket, sys
if len(sys.argv) > 1:
    open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
a.bind(("127.0.0.1", 0))
b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
b.sendto(b"x", a.getsockname())
a.recvfrom(9)
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    l = socket.socket(family)
    l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.bind((host, 0))
    l.listen()
    c = socket.socket(family)
    c.connect(l.getsockname())
    d, _ = l.accept()
    c.getpeername()
    c.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    c.send(b"hello")
    assert d.recv(9) == b"hello"
u = socket.socket(socket.AF_UNIX)
u.bind("")
u.listen()
v = socket.socket(socket.AF_UNIX)
v.connect(u.getsockname())
open("/proc/sys/kernel/ostype").read()
open("/dev/zero").read(1)
os.getppid()
END

left() { # what of ours is attached; nothing, if all is well
	ip -o link show | grep -E 'xdp(generic|drv)?/id'
	tc qdisc show 2>/dev/null | grep clsact
	ip route show table all 2>/dev/null | grep -E 'encap|proto 235'
	ls -A "$cg"/*/ 2>/dev/null
	ls -A /sys/fs/bpf/skep 2>/dev/null
}

# fires PROGRAM NEEDS OPTIONS… -- COMMAND…: it counts at least one event, and nothing stays
fires() {
	local prog=$1 needs=$2 need var=nr_$1 out n
	shift 2
	[[ -z $ATTACH_ONLY || $prog =~ ^($ATTACH_ONLY)$ ]] || return
	for need in $needs; do
		have "$need" || {
			skip "$prog" "needs $need"
			return
		}
	done
	case $prog in
	call_me) var=nr_called ;;
	choose) var=nr_chosen ;;
	new_verdict) var=nr_new ;;
	esac
	out=$(timeout 30 "${skep[@]}" -q --prog "$prog" "$@" 2>"$tmp/err")
	n=$(printf '%s\n' "$out" | sed -n "s/.*\"variable\":\"$var\",\"value\":\([0-9]*\).*/\1/p")
	if [ "${n:-0}" -gt 0 ] && [ -z "$(left)" ]; then
		ok 0 "$prog fires and goes ($n)"
	else
		ok 1 "$prog fires and goes"
		printf '%s\n' "$out" "$(cat "$tmp/err")" "left: $(left)" | sed 's/^/# /'
	fi
}

for mode in native skb; do
	fires xdp_any veth --iface ka1 --xdp-mode $mode -- bash -c 'echo x >/dev/udp/10.77.0.9/9; sleep 0.1'
done
fires xdp_any "" --iface lo -- bash -c "$udp"
has "$(cat "$tmp/err")" '^$' "-q says nothing of the fallback"
has "$("${skep[@]}" --prog xdp_any --iface lo -- true 2>&1)" 'lo has no native XDP' "the fallback is told"
fires xdp_fragments frags --iface lo -- bash -c "$udp"
fires tc_in "" --iface lo -- bash -c "$udp"
fires tc_out "" --iface lo -- bash -c "$udp"
fires tc_plain "" --iface lo --direction ingress -- bash -c "$udp"
fires tc_old "" --iface lo --direction egress -- bash -c "$udp"
fires tc_action matchall --iface lo --direction ingress -- bash -c "$udp"
fires netkit_prim netkit --iface knk0 -- bash -c 'ip link set knk0 up; ip link set knk1 up; ip addr add 10.78.0.1/24 dev knk0; echo x >/dev/udp/10.78.0.9/9; sleep 0.1'
fires filter "" --iface lo -- bash -c "$udp"
fires nf netfilter --netfilter ipv4:local_in:-5 -- bash -c "$udp"
fires lookup "" --netns self -- bash -c "$udp"
fires lookup "" --netns "$$" -- bash -c "$udp"
fires route_out veth --route '10.99.0.0/16 dev ka0' -- bash -c 'echo x >/dev/udp/10.99.0.1/9'
fires route_xmit veth --route '10.99.0.0/16 via 10.77.0.9 dev ka0 metric 7' -- bash -c 'echo x >/dev/udp/10.99.0.1/9'
fires route_in veth --route '10.99.0.7/32 dev lo' -- bash -c 'echo x >/dev/udp/10.99.0.7/9'

in_cgroup=(--cgroup "$cg" -- "$python" "$tmp/sockets.py" "$cg")
for p in cg_skb_in cg_skb_out cg_sock cg_release cg_post_bind4 cg_bind4 cg_connect4 cg_connect6 cg_sendmsg4 \
	cg_recvmsg4 cg_getpeer4 cg_getsock4 cg_sysctl cg_getopt cg_setopt cg_dev ops; do
	fires $p "cgroup python" "${in_cgroup[@]}"
done
fires cg_connect_unix "cgroup python unix" "${in_cgroup[@]}"
fires cg_skb "cgroup python" --direction egress "${in_cgroup[@]}"
fires lsm_cg "cgroup python lsm_cgroup" "${in_cgroup[@]}"
fires msg "cgroup python" --prog into_map --sockmap socks "${in_cgroup[@]}"
fires skb_verdict "cgroup python skb_verdict" --prog into_map --sockmap socks "${in_cgroup[@]}"
fires skb_stream "cgroup python" --prog skb_parser --prog into_map --sockmap socks "${in_cgroup[@]}"
fires skb_bare "cgroup python skb_verdict" --prog into_map --sockmap socks --attach skb_bare=sk_skb/verdict "${in_cgroup[@]}"

calls=(-- "$python" "$tmp/sockets.py")
for p in tp_call raw raw_w btf_tp; do
	fires $p python "${calls[@]}"
done
fires up python "${calls[@]}"
fires urp python "${calls[@]}"
fires umulti "python uprobe_multi" "${calls[@]}"
fires usession "python uprobe_session" "${calls[@]}"
for p in kp krp ks; do
	fires $p "python kprobe" "${calls[@]}"
done
fires kp_none "python kprobe" --attach kp_none=kprobe/do_sys_openat2 "${calls[@]}"
fires kmulti "python ftrace" "${calls[@]}"
fires ksession "python session" "${calls[@]}"
for p in fentry fexit; do
	fires $p "python trampoline" "${calls[@]}"
done
fires lsm "python lsm" "${calls[@]}"
fires samples "" --freq 199 -- bash -c 'for ((i = 0; i < 300000; i++)); do :; done'
fires samples "" --event page-faults --period 1 -- bash -c 'true'
fires call_me syscall
[ -z "$ATTACH_ONLY" ] || tap_done
is "$("${skep[@]}" -q --prog dump_task 2>"$tmp/err" | grep -c "\"text\":\"task $$ ")" 1 "an iterator's text is printed" || sed 's/^/# /' "$tmp/err"
is "$("${skep[@]}" -q --prog dump_map --target-map numbers --map 'numbers={"5":1,"9":2}' 2>"$tmp/err" | grep -o '"number [0-9]*"' | sort | tr '\n' ' ')" \
	'"number 5" "number 9" ' "an iterator over a map"

# --- a group of listening sockets ----------------------------------------------------------------
if have python; then
	mkfifo "$tmp/go"
	"$python" -c '
import socket, sys
ls = []
for i in range(2):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(("127.0.0.1", 7788))
    s.listen()
    ls.append(s)
import os
open(sys.argv[1], "w").write(str(os.getpid()))
sys.stdin.readline()
for s in ls:
    s.settimeout(0.1)
    n = 0
    try:
        while True:
            s.accept()
            n += 1
    except OSError:
        pass
    print(n)
' "$tmp/pid" <"$tmp/go" >"$tmp/accepted" &
	exec 9>"$tmp/go"
	for ((i = 0; i < 100; i++)); do
		[ -s "$tmp/pid" ] && break
		sleep 0.1
	done
	"${skep[@]}" -v --prog choose --pid "$(cat "$tmp/pid")" --port 7788 -d 60 >"$tmp/out" 2>&1 &
	for ((i = 0; i < 100; i++)); do
		grep -qs 'is attached' "$tmp/out" && break
		sleep 0.1
	done
	for i in 1 2 3 4 5 6; do
		bash -c 'echo >/dev/tcp/127.0.0.1/7788'
	done
	kill -INT $!
	wait $!
	has "$(cat "$tmp/out")" '"nr_chosen","value":6' "sk_reuseport chooses among --pid's sockets"
	echo >&9
	exec 9>&-
	wait
	is "$(sort "$tmp/accepted" | tr '\n' ' ')" "0 6 " "and the chosen one gets all connections"
else
	skip "sk_reuseport" "needs python"
fi

# --- functions given to the kernel ---------------------------------------------------------------
if symbol tcp_register_congestion_control && [ -n "$python" ]; then
	for cflag in -DNEW -DOLD; do
		out=$("$B/skep" run -e kernel tests/root/progs/struct_ops.bpf.c --cflag $cflag -q -o json -- "$python" -c '
import socket
l = socket.socket()
l.bind(("127.0.0.1", 0))
l.listen()
c = socket.socket()
c.setsockopt(socket.IPPROTO_TCP, 13, b"skep_cc")
c.connect(l.getsockname())
l.accept()
' 2>&1)
		has "$out" '"nr_init","value":1' "struct_ops $cflag: a congestion control of ours is used"
		hasnt "$(cat /proc/sys/net/ipv4/tcp_available_congestion_control)" skep_cc "and is gone"
	done
else
	skip "struct_ops" "needs python and congestion controls"
fi

# --- freplace ------------------------------------------------------------------------------------
if have trampoline; then
	"${skep[@]}" -q --prog xdp_calls --iface lo -d 30 >/dev/null 2>&1 &
	for ((i = 0; i < 50; i++)); do
		ip link show lo | grep -q xdp && break
		sleep 0.1
	done
	out=$("${skep[@]}" -q --prog new_verdict --target-prog xdp_calls -- bash -c "$udp" 2>&1)
	has "$out" '"nr_new","value":[1-9]' "freplace takes the place of a function of another program"
	kill -INT $!
	wait
else
	skip "freplace" "needs trampoline"
fi

# --- what is missing, and who is there -----------------------------------------------------------
missing() { # PROGRAM PATTERN
	out=$("${skep[@]}" --prog "$1" 2>&1)
	is $? 2 "$1 without a target is a usage error"
	has "$out" "$2" "$1: the option and the candidates are named"
}
missing xdp_any 'it needs a network interface: --iface IF; there are:.* lo'
missing tc_plain 'it needs a network interface: --iface'
missing cg_dev 'it needs a cgroup: --cgroup PATH'
missing lookup 'it needs a network namespace: --netns .*self'
missing msg 'it needs a map of sockets: --sockmap MAP; there are: socks'
missing route_in "it needs a route: --route"
missing nf 'it needs a hook of netfilter: --netfilter FAMILY:HOOK; there are: ipv4:prerouting'
missing samples 'how often it is to sample: --freq HZ or --period N'
missing new_verdict 'it needs a loaded program: --target-prog'
missing dump_map 'it needs a map: --target-map MAP; there are: .*numbers'
missing choose 'it needs the process that has the sockets: --pid'
missing skb_bare 'sk_skb/stream_parser, sk_skb/stream_verdict, sk_skb/verdict'
out=$("${skep[@]}" --prog xdp_any --iface nix 2>&1)
has "$out" 'there is no interface "nix"; there are: .*lo' "an interface that is not there"
out=$("${skep[@]}" --prog tp_none 2>&1)
has "$out" 'has no tracepoint syscalls/sys_enter_getpppid; near it: .*syscalls/sys_enter_getppid' "near names of a tracepoint"
out=$("${skep[@]}" --prog tp_none --prog tp_call -- true 2>&1)
has "$out" 'left out: .*tp_none' "a place that this kernel has not is left out"
if have kprobe; then
	out=$("${skep[@]}" --prog kp_none 2>&1)
	has "$out" 'has no function do_sys_openat222; near it: .*do_sys_openat2' "near names of a function"
else
	out=$("${skep[@]}" --prog kp 2>&1)
	is $? 77 "no kprobes: not possible here"
	has "$out" 'this kernel has no kprobes' "and told so"
fi

"${skep[@]}" -q --prog xdp_drop --iface ka0 -d 30 >"$tmp/first" 2>&1 &
first=$!
for ((i = 0; i < 50; i++)); do
	ip link show ka0 | grep -q xdp && break
	sleep 0.1
done
out=$("${skep[@]}" --prog xdp_any --iface ka0 -- true 2>&1)
has "$out" "ka0 has an XDP program already: program [0-9]+ \"xdp_drop\", tag [0-9a-f]{16}; held by $first \(skep\)" "who is attached already"
out=$("${skep[@]}" -v --prog xdp_any --iface ka0 --replace -- true 2>&1)
has "$out" 'program xdp_any is attached to xdp of ka0' "--replace takes its place"
kill -INT "$first"
wait
is "$(left)" "" "nothing is left of either"

out=$("${skep[@]}" --prog xdp_any --prog xdp_drop --iface lo 2>&1)
is $? 2 "two XDP programs of one object for one interface are a usage error"
has "$out" 'lo takes one XDP program, and has xdp_any of this object: choose one with --prog' "that says what to do"

# --- pins ----------------------------------------------------------------------------------------
if mountpoint -q /sys/fs/bpf; then
	"${skep[@]}" -q --prog xdp_any --prog tc_in --iface lo --pin one >"$tmp/out" 2>&1
	ok $? "--pin returns" || sed 's/^/# /' "$tmp/out"
	has "$(ip link show lo)" xdp "and what was attached stays"
	has "$("$B/skep" show pinned -o json)" '"set":"one","kind":"link","id":[0-9]*,"name":"0-xdp_any"' "skep show pinned lists links"
	has "$("$B/skep" show pinned)" 'one +map +[1-9][0-9]* +kernel_k' "and maps"
	out=$("${skep[@]}" -q --prog tp_call --pin one 2>&1)
	has "$out" '/sys/fs/bpf/skep/one is there already' "a name is taken once"
	has "$("$B/skep" show pinned)" '0-xdp_any' "and the first keeps it"
	"${skep[@]}" -q --prog tp_call --pin two >/dev/null 2>&1
	"$B/skep" unpin two
	ok $? "skep unpin"
	has "$("$B/skep" show pinned)" 'one' "removes what it was told"
	hasnt "$("$B/skep" show pinned)" 'two' "and nothing else"
	"$B/skep" unpin one
	is "$(left)" "" "nothing is left of the pins"
	out=$("$B/skep" unpin ../x 2>&1)
	has "$out" 'letters, digits' "a name is no path"
	out=$("${skep[@]}" --prog filter --iface lo --pin three 2>&1)
	has "$out" 'lasts only as long as skep runs' "what cannot be pinned is told"
	is "$(left)" "" "and leaves nothing half done"
	for i in 1 2; do
		out=$("$B/skep" run -e kernel "$B/tests/bpf/kernel_pinned.bpf.o" -o json -- "$python" -c 'import os; os.getppid()' 2>&1)
		has "$out" 'map kept is pinned at /sys/fs/bpf/kept, as the object wants it: it stays' "an object's own pin, run $i: told"
		has "$out" '"map":"kept","key":0,"value":[1-9]' "and it counts"
	done
	before=$("$B/skep" map get kept 0 2>&1)
	hasnt "$before" '\<[01]$' "both runs counted in the same map"
	rm /sys/fs/bpf/kept
	umount /sys/fs/bpf
	out=$("$B/skep" run -e kernel "$B/tests/bpf/kernel_pinned.bpf.o" -- true 2>&1)
	has "$out" 'no BPF file system is mounted' "without bpffs it is an error that says so"
	has "$out" 'hint: mount -t bpf' "and what to do"
else
	skip "pins" "needs bpffs"
fi
names=$("$B/skep" show progs -o json | grep -oE '"name":"(xdp_any|tc_in|cg_skb_in|tp_call|up|msg|into_map|lookup|nf)"')
is "$names" "" "no program is left in the kernel"
is "$(pgrep skep-guard)" "" "no guard is left"
tap_done
