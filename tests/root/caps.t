#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Capabilities: given up once everything is attached; a few on the file suffice for an ordinary user; the
# systemd unit's restrictions leave enough.
# shellcheck source=tests/tap.sh
. tests/tap.sh
B=${B:-build}
skep=$B/skep

object() { # NAME SECTION
	printf '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nunsigned long long nr;
SEC("%s") int %s(void *ctx) { __sync_fetch_and_add(&nr, 1); return 2; }
char _license[] SEC("license") = "GPL";\n' "$2" "$1" >"$tmp/$1.bpf.c"
	"${CLANG:-clang}" -target bpf -g -O2 -I"/usr/include/$(uname -m)-linux-gnu" -c "$tmp/$1.bpf.c" -o "$tmp/$1.o"
}
object raw raw_tp/sys_enter
object trace tp/syscalls/sys_enter_getppid
object drop xdp
object cls tc
chmod -R a+rX "$tmp"

status_of() { # FIELD, of the run in the background once it is attached
	tries=0
	until grep -q '^engine:\|attached' "$tmp/err" || [ $tries -ge 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"
}
finish() { # ends it; its status is $?
	kill -INT "$pid"
	wait "$pid"
	finish_rc=$?
	: >"$tmp/err" # the next one may be waited for before it has opened it
	return $finish_rc
}
zero=0000000000000000

# --- root ------------------------------------------------------------------------------------------
"$skep" run -e auto "$tmp/raw.o" >"$tmp/out" 2>"$tmp/err" &
pid=$!
eff=$(status_of CapEff)
old=$(uname -r | grep -cE '^(5\.|6\.0|5\.1[0-8])')
if [ "$old" = 0 ] || [ "$(cat /proc/sys/kernel/unprivileged_bpf_disabled)" = 0 ]; then
	is "$eff $(status_of CapPrm)" "$zero $zero" "root: nothing is kept"
else
	is "$eff" 0000008000000000 "root, before 5.19: CAP_BPF is kept, maps are read with it"
fi
is "$(status_of NoNewPrivs)" 1 "root: and nothing can be had again"
finish
is $? 0 "root: it ends well"
has "$(cat "$tmp/out")" 'nr.*[1-9]' "root: its variables were read without capabilities"

own=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
is "$("$skep" run -e kernel "$tmp/raw.o" -q --maps none -- sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)" "$own" \
	"the command keeps what it had"

if unshare -n sh -c 'ip link set lo up && tc qdisc add dev lo clsact' 2>/dev/null; then
	# shellcheck disable=SC2016
	out=$(unshare -n sh -c 'ip link set lo up
		"$1" run -e kernel "$2" --iface lo --direction ingress -d 1 >/dev/null 2>&1; echo "status $?"
		tc qdisc show dev lo; tc filter show dev lo ingress' _ "$skep" "$tmp/cls.o")
	has "$out" '^status 0' "tc: it runs"
	hasnt "$out" 'clsact|bpf' "tc: what it attached it could remove"
else
	skip "tc: it runs" "no clsact here"
	skip "tc: what it attached it could remove" "no clsact here"
fi

# --- an ordinary user, capabilities on the file -----------------------------------------------------
cp "$skep" "$tmp/skep"
as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=$tmp"
user() {
	$as_nobody "$@"
}
if ! command -v setcap >/dev/null || ! setcap cap_bpf,cap_perfmon=ep "$tmp/skep" 2>/dev/null ||
	[ "$(user "$tmp/skep" doctor -o json | grep -c '"name":"raw_tracepoint","allowed":true')" != 1 ]; then
	skip "setcap" "file capabilities have no effect in $tmp"
else
	$as_nobody "$tmp/skep" run -e auto "$tmp/raw.o" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	# as another user's process with more rights than it looks, its status is still readable
	eff=$(status_of CapEff)
	has "$(cat "$tmp/err")" '^engine: kernel' "setcap cap_bpf,cap_perfmon: the kernel engine, as nobody"
	has "$eff" '^(0000000000000000|0000008000000000)$' "and they are given up"
	finish
	has "$(cat "$tmp/out")" 'nr.*[1-9]' "it sees what it traces"
	is "$(user "$tmp/skep" run -e kernel "$tmp/raw.o" -q --maps none -- sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)" \
		"$zero" "the command gets none of them"
	has "$(user "$tmp/skep" run -e kernel "$tmp/drop.o" --iface lo -d 0.1 2>&1)" 'CAP_NET_ADMIN|ermit|ermission' \
		"XDP wants more"
	setcap cap_bpf,cap_net_admin=ep "$tmp/skep"
	out=$(unshare -n setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$tmp" \
		"$tmp/skep" run -e auto "$tmp/drop.o" --iface lo --xdp-mode skb -d 0.2 2>&1)
	is $? 0 "setcap cap_bpf,cap_net_admin: XDP, as nobody"
	has "$out" '^engine: kernel' "in the kernel"
	if [ -d /sys/kernel/tracing/events ]; then
		setcap cap_bpf,cap_perfmon,cap_dac_read_search=ep "$tmp/skep"
		out=$(user "$tmp/skep" run -e kernel "$tmp/trace.o" -- perl -e 'getppid for 1..7' 2>&1)
		has "$out" 'nr +[^0-9]*7|nr.*7' "setcap cap_bpf,cap_perfmon,cap_dac_read_search: tracepoints, as nobody"
	else
		skip "tracepoints with capabilities on the file" "tracefs is not mounted"
	fi
fi

# --- the unit --------------------------------------------------------------------------------------
unit=share/systemd/skep@.service
if command -v systemd-analyze >/dev/null; then
	sed 's|/usr/bin/skep|/bin/true|; /^Documentation/d' $unit >"$tmp/skep@.service"
	is "$(systemd-analyze verify "$tmp/skep@.service" 2>&1 | grep "skep@")" "" "systemd-analyze verify"
else
	skip "systemd-analyze verify" "not here"
fi
# The same by hand: its user, its capabilities, a file system that can't be written to.
caps=$(sed -n 's/^AmbientCapabilities=//p' $unit | sed 's/CAP_/+/g; s/ /,/g' | tr '[:upper:]' '[:lower:]')
# shellcheck disable=SC2016
out=$(unshare -m sh -c 'mount -o remount,bind,ro / && mount -t tmpfs tmpfs /run && shift &&
	exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps="-all,$0" --ambient-caps="-all,$0" \
		--bounding-set="-all,$0" --no-new-privs env HOME=/nonexistent "$@"' "$caps" _ \
	"$PWD/$skep" run "$tmp/raw.o" -e kernel -o json -d 0.5 2>"$tmp/err")
is $? 0 "under the unit's restrictions it runs" || sed 's/^/# /' "$tmp/err"
has "$out" '"nr"' "and reports"
tap_done
