#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What the machine's own kernel may lack, in guests: kprobes, trampolines, security hooks, freplace, and on
# 6.1 the filters of tc before tcx, which outlive their maker unless the guard takes them off. Needs what
# scripts/vm-run needs. GUESTS="6.1 6.12": which.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/tap.sh
. tests/tap.sh
modules=veth,sch_ingress,cls_bpf,cls_matchall,act_bpf

# in_guest KERNEL SCRIPT VARIABLE=VALUE…: its output in $out; no: it cannot run here
in_guest() {
	local kernel=$1 script=$2 status
	shift 2
	out=$(timeout 900 scripts/vm-run --modules $modules --timeout 600 "$kernel" -- env "$@" bash "$script" 2>"$tmp/err")
	status=$?
	[ "$status" = 77 ] || return 0
	skip "$kernel" "$(tail -n 1 "$tmp/err")"
	return 1
}

fires() { # KERNEL PROGRAM…
	local kernel=$1 p
	shift
	for p in "$@"; do
		has "$out" "^ok [0-9]+ - $p fires and goes \([1-9]" "$kernel: $p"
	done
	hasnt "$out" '^not ok' "$kernel: nothing fails"
}

only='kp|krp|ks|kmulti|fentry|fexit|lsm|lsm_cg|tc_in|tc_old|tc_action|new_verdict'
for kernel in ${GUESTS:-6.1 6.12}; do
	in_guest "$kernel" tests/root/attach.t "ATTACH_ONLY=$only" || continue
	fires "$kernel" kp krp ks fentry fexit lsm lsm_cg tc_in tc_old tc_action
	[ "$kernel" = 6.1 ] || fires "$kernel" kmulti
done
case " ${GUESTS:-6.1} " in
*" 6.1 "*)
	if in_guest 6.1 tests/root/kill.t KILL_ONLY=tc KILLS=8; then
		has "$out" '^ok 1 - tc: killed 8 times, nothing is left' "6.1: kill -9 leaves no filter and no qdisc"
	fi
	;;
esac
tap_done
