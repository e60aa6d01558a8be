#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The same objects on the same command, in Linux and in the user engine: the records are the same,
# field by field, but for pids and addresses. Further programs: SKEP_ORACLE="a.bpf.c b.bpf.c".
cd "${ORACLE_INSIDE:-$(dirname "$0")/../..}" || exit 1
B=${B:-build}
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root: programs are loaded into the kernel"; exit 0; }
[ -e /sys/kernel/btf/vmlinux ] || { echo "1..0 # SKIP the kernel has no BTF"; exit 0; }
# libbpf finds tracepoints in tracefs: mounted in a namespace of the test's own.
if [ -z "$ORACLE_INSIDE" ]; then
	ORACLE_INSIDE=$PWD exec unshare -m sh -c 'mount -t tracefs none /sys/kernel/tracing && exec sh tests/root/oracle.t'
fi

. tests/tap.sh

# A command with a name of its own, so that its records can be told from the rest of the machine's.
name=tracee$$
cp "$(command -v bash)" "$tmp/$name"
mkdir "$tmp/kernel" "$tmp/user"
# One more bash with that name, which execs, fails, forks, makes and removes a directory.
cat >"$tmp/work.sh" <<EOF
exec 3<"$tmp/$name"; exec 3<&-
[ -e "$tmp/none" ] ; [ -e "$tmp/work.sh" ]
"$tmp/$name" -c 'exit 3' first
"$tmp/$name" -c 'kill -9 \$\$' second
( exit 5 )
"$tmp/$name" -c 'kill -TERM \$\$' third
( trap '' TERM; kill -TERM \$BASHPID; trap : USR1; kill -USR1 \$BASHPID )
"$tmp/none" third 2>/dev/null
read -r line <"$tmp/work.sh"
true
EOF

# Pids, times and addresses differ by nature; what belongs to others is left out.
normal() {
	grep "\"comm\":\"$name\"" "$1" | sed -E 's/"(pid|ppid|tgid|tid|tpid|ts|ts_us|ts_ns|duration_ns|start_time|exit_time|callers|mntns|delta)":("[^"]*"|\[[^]]*\]|[-0-9.]+)/"\1":0/g; s/"(skep|kernel_run)"/"parent"/' | sort
}

compare() {
	"$B/tests/root/kernel_run" "$1" -- "$tmp/$name" "$tmp/work.sh" >"$tmp/kernel.out" 2>"$tmp/kernel.err"
	ok $? "$2: runs in Linux" || sed 's/^/# /' "$tmp/kernel.err"
	"$B/skep" run "$1" -q -o json -- "$tmp/$name" "$tmp/work.sh" >"$tmp/user.out" 2>"$tmp/user.err"
	ok $? "$2: runs in the user engine" || sed 's/^/# /' "$tmp/user.err"
	normal "$tmp/kernel.out" >"$tmp/kernel.txt"
	normal "$tmp/user.out" >"$tmp/user.txt"
	[ -s "$tmp/kernel.txt" ]
	ok $? "$2: Linux reports $(wc -l <"$tmp/kernel.txt") records"
	# Linux can't read a string whose page is not in memory yet: it shows "" where we show the text.
	is "$(wc -l <"$tmp/user.txt")" "$(wc -l <"$tmp/kernel.txt")" "$2: as many records"
	comm -23 "$tmp/kernel.txt" "$tmp/user.txt" | grep -v '"path":""' >"$tmp/diff"
	[ ! -s "$tmp/diff" ]
	ok $? "$2: the user engine the same" || head -n 40 "$tmp/diff" | sed 's/^/# /'
}

for p in open exec; do
	compare tests/cli/progs/$p.bpf.c $p
done
for p in raw life signal; do
	compare tests/root/progs/$p.bpf.c $p
done
for o in $SKEP_ORACLE; do
	compare "$o" "$(basename "$o")"
done
tap_done
