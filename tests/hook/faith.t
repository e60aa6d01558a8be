#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A traced command behaves as without us: each case of progs/faith.c prints the same, alone and
# under a few programs, and ends with the same status. Then a few ordinary programs.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
skep=$PWD/${B:-build}/skep
obj=$PWD/${B:-build}/tests/bpf/faith.bpf.o

cp tests/hook/progs/faith.c "$tmp"
${CC:-cc} -O1 -pthread -o "$tmp/faith" "$tmp/faith.c" || skip_all "no C compiler"
cd "$tmp" || exit 1

cat >ordinary <<'EOF'
case $1 in
jobs)
	set -m
	sleep 0.3 &
	kill -STOP %1; sleep 0.05; jobs | sed 's/ *&$//'; kill -CONT %1; wait; echo done; (exit 3); echo $?;;
pipes) yes | head -n 20000 | md5sum; seq 3000 | sort -n | tail -n 1;;
traps) trap 'echo usr1' USR1; trap 'echo bye' EXIT; kill -USR1 $$; (kill -TERM $$) ; sleep 1; echo no;;
xargs) seq 30 | xargs -P 8 -n 1 sh -c 'exit 0'; echo $?; timeout 0.1 sleep 5; echo $?;;
make)
	printf 'all:%s\n' "$(seq -f ' t%g' 20 | tr -d '\n')" >Makefile
	printf 't%%:\n\t@sh -c "exit 0" && echo $@ >$@\n' >>Makefile
	MAKEFLAGS='' make -s -j16 >/dev/null 2>&1; cat t* | sort | md5sum; rm -f t?*;;
tar) tar c -C /usr/include/linux . 2>/dev/null | gzip -n | gzip -d | tar t | wc -l;;
esac
EOF
ordinary="jobs pipes traps xargs make tar"

for c in $(./faith); do
	timeout 20 ./faith "$c" >"ref.$c" 2>&1
	echo "status $?" >>"ref.$c"
done
for c in $ordinary; do
	timeout 20 bash ordinary "$c" >"ref.$c" 2>&1
	echo "status $?" >>"ref.$c"
done

# All of them in one run: what one leaves wrong is in the way of the next.
# timeout gives a process group of their own to these too: in an orphaned one nothing stops by SIGTSTP.
timeout 100 "$skep" run "$obj" -o json -- sh -c '
	for c in $(./faith); do ./faith "$c" >"out.$c" 2>&1; echo "status $?" >>"out.$c"; done
	for c in '"$ordinary"'; do
		bash ordinary "$c" >"out.$c" 2>&1; echo "status $?" >>"out.$c"; done
	exit 42' >stdout 2>stderr
is $? 42 "the status of the command"
for c in $(./faith) $ordinary; do
	case $c in
	ptrace) # refused, and told
		has "$(cat "out.$c")" "exited 1/50" "ptrace: EPERM"
		has "$(cat stderr)" "faith uses ptrace and is refused" "and told"
		continue
		;;
	pending) # a forced SIGTRAP unblocks it: docs/hooks.md
		continue
		;;
	esac
	is "$(cat "out.$c")" "$(cat "ref.$c")" "$c"
done
counts=$(cat stdout)
has "$counts" '"enters"' "programs ran at system calls"
has "$counts" '"sleeps"' "and at breakpoints"

# What uprobes touch, without them: pending signals.
timeout 60 "$skep" run "$obj" --prog on_enter --prog on_signal -- ./faith pending >out 2>err
echo "status $?" >>out
is "$(grep -v '^[a-z]* = ' out)" "$(cat ref.pending)" "pending"
tap_done
