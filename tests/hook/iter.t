#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Iterators over tasks, files, mappings and the object's maps.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
skep=${B:-build}/skep
prog=tests/hook/progs/iter.bpf.c

sleep 60 <tests/tap.sh &
pid=$!
trap 'kill $pid 2>/dev/null; rm -rf "$tmp"' EXIT
sleep 0.2
out=$("$skep" run "$prog" --target "$pid" 2>"$tmp/err")
is $? 0 "without a command"
has "$out" "^begin with 1$" "in the order of ids, from seq_num 0"
has "$out" "^task sleep parent $$ state 1$" "a task"
has "$out" "^end after 1$" "and the call at the end"
has "$out" "^fd 0 tap.sh$" "a file"
is "$(printf '%s\n' "$out" | grep -c '^vma')" "$(grep -c ' /' "/proc/$pid/maps")" "its mappings of files"
line=$(grep ' /' "/proc/$pid/maps" | head -n 1)
has "$out" "^vma ${line%% *} 1 sleep$" "a mapping"
has "$out" "^map counts type 1$" "the object's maps"
hasnt "$out" "^elem" "an empty map has no elements"

# shellcheck disable=SC2016
out=$("$skep" run "$prog" --target "$pid" -o json -- sh -c 'exit 3' 2>"$tmp/err")
is $? 3 "beside a command"
has "$out" '^\{"program":"on_task","text":"begin with 1"\}$' "JSON: an object per line"
cat >"$tmp/call.c" <<'EOF'
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
	for (int i = 0; i < 5; i++)
		syscall(SYS_getppid);
	return 0;
}
EOF
if ${CC:-cc} -o "$tmp/call" "$tmp/call.c"; then
	out=$("$skep" run "$prog" --target "$pid" -- "$tmp/call" 2>"$tmp/err")
	has "$out" "^elem of counts: 7 5$" "what the command left in the map"
else
	skip "what the command left in the map" "no C compiler"
fi
err=$("$skep" run "$prog" --prog on_elem --attach on_elem=iter/bpf_map_elem:none 2>&1)
has "$err" "no array or hash called none" "a map that is not there"
err=$("$skep" run "$prog" --prog on_task --attach on_task=iter/tcp 2>&1)
has "$err" "the rest only Linux itself can: -e kernel" "what user space cannot walk"
tap_done
