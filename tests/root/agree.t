#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The two engines agree: the same objects on the same inputs, in Linux and in the user engine.
#   packets and contexts   BPF_PROG_TEST_RUN and the provider of tests: tests/root/agree/*.bpf.c on
#                          generated and random packets, and random programs on them
#   a command's calls      tests/root/agree/command.bpf.c: records and maps
#   the tables             instructions, calls on maps, packets: the unit tests, whose every row has
#                          to be what Linux says
# More random programs: SKEP_AGREE_SEEDS="101 102 …".
cd "${AGREE_INSIDE:-$(dirname "$0")/../..}" || exit 1
B=${B:-build}
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root: programs are loaded into the kernel"; exit 0; }
[ -e /sys/kernel/btf/vmlinux ] || { echo "1..0 # SKIP the kernel has no BTF"; exit 0; }
# A network of our own: what test runs find of devices is the same everywhere.
if [ -z "$AGREE_INSIDE" ]; then
	AGREE_INSIDE=$PWD exec unshare -mn bash -c '
		[ -e /sys/kernel/tracing/events ] || mount -t tracefs none /sys/kernel/tracing; ip link set lo up; exec bash tests/root/agree.t'
fi
. tests/tap.sh

# One line of ours for a test program of several.
whole() {
	name=$1
	shift
	timeout 120 "$@" >"$tmp/out" 2>&1
	ok $? "$name" || grep -v '^ok' "$tmp/out" | cut -c1-400 | head -40 | sed 's/^/# /'
}

whole "XDP programs on 80 packets" "$B/tests/root/agree" -n 80 -s 1 tests/root/agree/xdp.bpf.c
whole "programs on sk_buffs on 80 packets" "$B/tests/root/agree" -n 80 -s 2 tests/root/agree/skb.bpf.c
whole "more on sk_buffs on 40 packets" "$B/tests/root/agree" -n 40 -s 4 tests/root/agree/layers.bpf.c
for e in kernel user; do
	"$B/skep" run tests/root/agree/layers.bpf.c -q -e $e --prog small_map -o json --repeat 2 \
		--packet hex:0200000000010200000000028888000102030405 >"$tmp/$e.cli" 2>"$tmp/err"
	ok $? "skep run --packet in the $e engine" || sed 's/^/# /' "$tmp/err"
done
is "$(grep -v context "$tmp/user.cli")" "$(grep -v context "$tmp/kernel.cli")" "the same output"
whole "programs without packets on 60 contexts" "$B/tests/root/agree" -c -n 60 -s 3 tests/root/agree/context.bpf.c
for seed in 1 2 3 4 $SKEP_AGREE_SEEDS; do
	"$B/tests/root/agree" -g 24 -s "$seed" >"$tmp/random$seed.bpf.c"
	whole "24 random programs (seed $seed) on 15 packets" \
		"$B/tests/root/agree" -r -n 15 -s "$seed" "$tmp/random$seed.bpf.c"
done

# --- a command
name=agreed$$
cp "$(command -v bash)" "$tmp/$name"
cat >"$tmp/work.sh" <<EOF
exec 3<"$tmp/$name"; exec 3<&-
[ -e "$tmp/none" ]; read -r line <"$tmp/work.sh"
echo words >"$tmp/written"; echo more >>"$tmp/written"
"$tmp/$name" -c 'exit 3' first
"$tmp/$name" -c 'kill -9 \$\$' second
( exit 5 )
( trap : USR1; kill -USR1 \$BASHPID )
echo >/dev/tcp/127.0.0.1/9
true
EOF
# How often a shell waits or is told of a child is a matter of time: a difference has to show twice again.
both() {
	for e in kernel user; do
		rm -f "$tmp/written"
		LC_ALL=C "$B/skep" run tests/root/agree/command.bpf.c -e $e -q -o json --maps all -- \
			"$tmp/$name" "$tmp/work.sh" >"$tmp/$e.out" 2>"$tmp/$e.err"
		echo $? >"$tmp/$e.rc"
		# An address or a page that is not in memory yet is no difference: see oracle.t.
		grep '"what"' "$tmp/$e.out" | grep -v '"what":"openat","[^}]*"text":""' | sort >"$tmp/$e.events"
		grep '"map"' "$tmp/$e.out" | sort >"$tmp/$e.maps"
	done
}
for try in 1 2 3; do
	both
	cmp -s "$tmp/user.maps" "$tmp/kernel.maps" &&
		[ -z "$(comm -23 "$tmp/kernel.events" "$tmp/user.events")" ] && break
	[ $try = 3 ] || echo "# try $try differs"
done
for e in kernel user; do
	ok "$(cat "$tmp/$e.rc")" "the command under the $e engine" || sed 's/^/# /' "$tmp/$e.err"
done
[ "$(wc -l <"$tmp/kernel.events")" -gt 30 ]
ok $? "Linux reports $(wc -l <"$tmp/kernel.events") records" || head "$tmp/kernel.out" | sed 's/^/# /'
comm -23 "$tmp/kernel.events" "$tmp/user.events" >"$tmp/diff"
[ ! -s "$tmp/diff" ]
ok $? "the user engine reports them too" || head -n 20 "$tmp/diff" | sed 's/^/# /'
# What Linux could not read shows there with an empty text.
comm -13 "$tmp/kernel.events" "$tmp/user.events" | grep -v '"what":"openat",' >"$tmp/diff"
[ ! -s "$tmp/diff" ]
ok $? "and no others" || head -n 20 "$tmp/diff" | sed 's/^/# /'
is "$(cat "$tmp/user.maps")" "$(cat "$tmp/kernel.maps")" "the maps are equal: $(wc -l <"$tmp/kernel.maps") counted calls"

# --- the tables
for t in insn/test_insn map/test_sequences hook/test_oracle; do
	whole "$t" "$B/tests/$t"
	skips=$(grep '^ok.*# SKIP' "$tmp/out")
	is "$skips" "" "$t: Linux was asked in every row"
done
tap_done
