#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# skep doctor: what it says of kernels that we know, of callers without rights, and that nothing stays.
# guests: all
# shellcheck source=tests/tap.sh
. tests/tap.sh
skep=${B:-build}/skep

# "group/name=cause" of what is not allowed
refused() {
	grep '"allowed":false' "$1" |
		sed -E 's/\{"group":"([a-z]*)","name":"([^"]*)",.*"cause":"([a-z]*)".*/\1\/\2=\3/; s/ /_/g' | LC_ALL=C sort
}

"$skep" doctor -o json >"$tmp/json" 2>"$tmp/err"
is $? 0 "it ends well"
is "$(cat "$tmp/err")" "" "nothing on stderr"
has "$(head -n 1 "$tmp/json")" '"name":"kernel","value":"Linux '"$(uname -r | sed 's/[+]/[+]/g')" "facts come first"
if command -v python3 >/dev/null; then
	python3 -c 'import json, sys
for line in sys.stdin: json.loads(line)' <"$tmp/json"
	ok $? "each line is JSON"
fi
is "$(refused "$tmp/json" | grep -c '=$')" 0 "each no has a cause"
is "$(grep -c '"todo":""' "$tmp/json")" "$(grep -c '"cause":"other"' "$tmp/json")" \
	"and each cause that is known a remedy"
is "$(refused "$tmp/json" | grep "=other")" "" "no cause is unknown here"

known=
while read -r pattern rest; do
	# shellcheck disable=SC2254 # it is a pattern
	case $(uname -r) in
	$pattern) known=$rest ;;
	esac
done <tests/root/doctor.golden
if [ -n "$known" ]; then
	is "$(refused "$tmp/json" | grep -v =mount)" "$(echo "$known" | tr ' ' '\n' | LC_ALL=C sort)" \
		"Linux $(uname -r) refuses what it is known to refuse"
else
	skip "Linux $(uname -r) refuses what it is known to refuse" "this kernel is not among those in doctor.golden"
fi

out=$("$skep" doctor)
has "$out" '^  yes  hash' "the table has maps"
has "$out" '^[0-9]+ of [0-9]+ are allowed' "and a sum"
hasnt "$("$skep" doctor -q)" '^  yes ' "-q shows only what is not allowed"

# --- who may not -----------------------------------------------------------------------------------
as() { # CAPS WORDS…: as nobody with these capabilities
	caps=$1
	shift
	cp "$skep" "$tmp/skep" && chmod 755 "$tmp" "$tmp/skep"
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps "$caps" --ambient-caps "$caps" "$tmp/skep" "$@"
}
as -all doctor -o json >"$tmp/nobody"
is $? 0 "as nobody"
has "$(cat "$tmp/nobody")" '"name":"xdp","allowed":false,"errno":"EPERM","cause":"capability".*CAP_BPF, CAP_NET_ADMIN' \
	"missing capabilities are named"
has "$(cat "$tmp/nobody")" '"name":"ringbuf","allowed":(true|false,.*"cause":"sysctl")' "so is the sysctl"
has "$(cat "$tmp/nobody")" '"name":"user, processes","allowed":true' "the user engine works"
if [ "$(cat /proc/sys/kernel/unprivileged_bpf_disabled)" != 0 ]; then
	has "$(as -all doctor)" 'The user engine .* works' "and it says so"
fi
if as +bpf,+perfmon true 2>/dev/null; [ "$(as +bpf,+perfmon doctor -o json | grep -c '"name":"tracepoint","allowed":true')" -ge 1 ]; then
	out=$(as +bpf,+perfmon doctor -o json)
	has "$out" '"group":"program","name":"kprobe","allowed":true' "CAP_BPF and CAP_PERFMON suffice for kprobes"
	has "$out" '"group":"program","name":"xdp","allowed":false.*"why":"CAP_NET_ADMIN missing"' "not for XDP"
	out=$(as +bpf,+net_admin doctor -o json)
	has "$out" '"group":"attach","name":"xdp","allowed":true,"note":"it loads; attaching was not tried' \
		"without a namespace of its own nothing is attached"
else
	skip "single capabilities" "setpriv can't give them here"
fi
if unshare -Ur true 2>/dev/null; then
	has "$(unshare -Ur "$skep" doctor -o json)" '"name":"xdp","allowed":false.*"cause":"namespace"' \
		"in a user namespace"
else
	skip "in a user namespace" "no user namespaces here"
fi
if setpriv --no-new-privs true 2>/dev/null; then
	has "$(setpriv --no-new-privs "$skep" doctor -o json)" '"name":"no_new_privs","value":"yes"' "no_new_privs is told"
fi

# --- what stays ------------------------------------------------------------------------------------
is "$(ip -d link show lo | grep -c xdp)" 0 "nothing is attached to lo"
is "$(pgrep -cf "$tmp/skep")" 0 "no process stays"
tap_done
