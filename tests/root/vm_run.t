#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# scripts/vm-run: what goes in, what comes back, and that nothing stays. Needs root, qemu, virtiofsd and a kernel
# in the cache or a Debian mirror within reach.
# shellcheck source=tests/tap.sh
. tests/tap.sh
kernel=${VM_KERNEL:-6.1}
vm() {
	scripts/vm-run --timeout 120 "$@"
}

out=$(vm "$kernel" -- true 2>&1)
rc=$?
[ $rc = 77 ] && skip_all "$out"
is $rc 0 "a command that succeeds" || echo "$out" | sed 's/^/# /'

# A cache of this test's own with the same kernel, so that every process that serves it names our directory.
real=${SKEP_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/skep/vm}
mkdir "$tmp/cache"
ln -s "$(readlink -f "$real/$kernel")" "$tmp/cache/$kernel"
SKEP_VM_CACHE=$tmp/cache
export SKEP_VM_CACHE
ours() {
	pgrep -f -- "(vm-run|qemu-system|virtiofsd).*$tmp"
}

mkdir "$tmp/shared"
# shellcheck disable=SC2016
vm --share "$tmp/shared" --env VM_TEST_WORD --modules veth "$kernel" -- sh -c '
	printf "%s|" "$@"; echo; echo "to stderr" >&2; pwd; uname -r; id -u
	echo kept >'"$tmp"'/shared/file; echo gone >'"$tmp"'/gone; cat '"$tmp"'/gone
	touch /etc/vm-run-was-here && echo writable; test -d /sys/module/veth && echo veth
	test -r /boot/config-$(uname -r) && echo config; echo "$VM_TEST_WORD"
	grep -c . /proc/net/dev; exit 42' a0 'two  words' "it's" '$x "y"' '' >"$tmp/out" 2>"$tmp/err"
is $? 42 "the exit status comes back"
is "$(sed -n 1p "$tmp/out")" "two  words|it's|\$x \"y\"||" "words arrive as they are"
is "$(cat "$tmp/err")" "to stderr" "stderr is apart"
is "$(sed -n 2p "$tmp/out")" "$PWD" "in the same directory"
has "$(sed -n 3p "$tmp/out")" "^$(echo "$kernel" | grep -E '^[0-9.]+$')" "the kernel that was asked for"
is "$(sed -n 4p "$tmp/out")" 0 "as root"
is "$(sed -n 5p "$tmp/out")" gone "what is written can be read"
is "$(sed -n '6,8p' "$tmp/out" | tr '\n' ' ')" "writable veth config " "root is writable, modules and configuration are there"
is "$(cat "$tmp/shared/file")" kept "a share keeps what was written"
[ ! -e "$tmp/gone" ] && [ ! -e /etc/vm-run-was-here ]
ok $? "everything else goes with the guest"

# shellcheck disable=SC2016
VM_TEST_WORD='a  b' vm --env VM_TEST_WORD "$kernel" -- sh -c 'echo "$VM_TEST_WORD"; kill -9 $$' >"$tmp/out" 2>&1
is $? 137 "a command that a signal ended"
is "$(cat "$tmp/out")" "a  b" "a variable that --env names"

vm "$kernel" -- "$tmp/no-such-command" >/dev/null 2>&1
is $? 127 "a command that does not exist"
out=$(vm "$kernel" -- head -c 3000000 /dev/zero | wc -c)
is "$out" 3000000 "no byte is lost of much output"

out=$(scripts/vm-run --timeout 6 "$kernel" -- sleep 100 2>&1)
is $? 124 "a command that takes too long"
has "$out" "not done after 6 s" "and says so"

vm "$kernel" -- true "$tmp" &
pid1=$!
vm "$kernel" -- sh -c 'exit 5' "$tmp" &
pid2=$!
wait $pid1
first=$?
wait $pid2
is "$first $?" "0 5" "two at the same time"

for sig in KILL TERM; do
	scripts/vm-run "$kernel" -- sleep 100 "$tmp" &
	pid=$!
	tries=0
	while [ "$(pgrep -cf -- "qemu-system.*$tmp")" = 0 ] && [ $tries -lt 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	ok $((tries == 100)) "a guest runs"
	kill -$sig $pid
	wait $pid 2>/dev/null
	tries=0
	while [ -n "$(ours)" ] && [ $tries -lt 50 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	is "$(ours)" "" "SIG$sig: no process stays"
done
is "$(grep -c -e vm-run -e "$tmp" /proc/self/mountinfo)" 0 "no mount stays"
is "$(ls -A "$tmp/cache/run")" "" "no file stays"

out=$(scripts/vm-run 2>&1)
is $? 2 "no arguments: usage"
out=$(vm /nonexistent -- true 2>&1)
is $? 77 "a kernel that is not there"
has "$out" "no kernel at /nonexistent" "and says so"
has "$(scripts/vm-run --list)" "^$kernel +[0-9]" "--list tells what is in the cache"
tap_done
