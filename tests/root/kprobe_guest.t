#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Kernel functions and LSM programs in Linux 6.18 (a guest) and in the user engine: the same calls
# with the same arguments. What Linux calls by itself (execve maps and opens more than the file that is
# named) is not looked for. Needs root, qemu and a guest's kernel: scripts/vm-run.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
skep=$PWD/${B:-build}/skep
if [ -z "$KPROBE_GUEST" ]; then
	# everything is compiled here: the guest is slow
	cp tests/root/progs/oddk.c tests/hook/progs/lsm.bpf.c tests/root/progs/kprobe.bpf.c "$tmp"
	sed -n '/^cat >"$tmp\/try.c"/,/^EOF/p' tests/hook/lsm.t | sed '1d;$d' >"$tmp/try.c"
	${CC:-cc} -w -o "$tmp/oddk" "$tmp/oddk.c" && ${CC:-cc} -w -o "$tmp/try" "$tmp/try.c" || skip_all "no C compiler"
	XDG_CACHE_HOME=$tmp/cache "$skep" show "$tmp/lsm.bpf.c" >"$tmp/show" 2>&1 || skip_all "$(cat "$tmp/show")"
	mv "$tmp"/cache/skep/vmlinux-*.h "$tmp/vmlinux.h"
	for p in lsm kprobe; do
		"${CLANG:-clang}" -target bpf -D__TARGET_ARCH_x86 -g -O2 -I"$tmp" -c -o "$tmp/$p.bpf.o" \
			"$tmp/$p.bpf.c" || skip_all "clang does not compile it"
	done
	KPROBE_GUEST=$tmp scripts/vm-run --timeout 300 --env KPROBE_GUEST 6.18 -- \
		sh tests/root/kprobe_guest.t >"$tmp/out" 2>"$tmp/err"
	rc=$?
	[ $rc = 77 ] && skip_all "$(cat "$tmp/err")"
	cat "$tmp/out"
	sed 's/^/# /' "$tmp/err"
	exit $rc
fi
cp "$KPROBE_GUEST"/oddk "$KPROBE_GUEST"/try "$KPROBE_GUEST"/*.bpf.o "$tmp"
cd "$tmp" || exit 1
ip link set lo up
mkdir work
mount -t tmpfs none work || skip_all "no tmpfs"
cd work || exit 1
for e in user kernel; do
	"$skep" run ../kprobe.bpf.o -e $e -q -o json -- ../oddk >../$e.out 2>../$e.err
	is $? 7 "$e: the command's status" || sed 's/^/# /' ../$e.err
	# from here on the command itself: what ld.so does is the same and much
	grep -v '"a":"\(ld-linux.*\|ld.so.cache\|libc.so.6\)"' ../$e.out | sort >../$e.txt
	rm -rf ./*
done
cd ..
[ "$(wc -l <kernel.txt)" -gt 60 ]
ok $? "Linux reports $(wc -l <kernel.txt) calls"
comm -13 kernel.txt user.txt >diff
[ ! -s diff ]
ok $? "the user engine reports none that Linux does not" || sed 's/^/# /' diff
# the mappings of an executable and a file system's own opens (overlayfs below the guest's root)
comm -23 kernel.txt user.txt | grep -v '"a":"oddk"' >diff
[ ! -s diff ]
ok $? "and all that Linux does" || sed 's/^/# /' diff

# --- LSM: the same program refuses the same calls
for e in user kernel; do
	mkdir "$e"
	mount -t tmpfs none "$e"
	cd "$e" || exit 1
	touch no-secret yes other
	cp /bin/true no-exec
	"$skep" run ../lsm.bpf.o -e $e -q -o json -- ../try >../$e.out 2>../$e.err
	# Linux has made the file that may not be opened; a mount's root has another name
	grep -v '"text":"exec try\|^ppid\|"comm":"skep"' ../$e.out | sed 's/"pid":[0-9]*//; s/"cpu":[0-9]*//; s/ in [^ ]* ret/ ret/' | sort >../$e.txt
	rm -f no-new
	ls >../$e.ls
	cd ..
	umount "$e"
done
is "$(cat user.txt)" "$(cat kernel.txt)" "LSM programs are asked the same and refuse the same"
is "$(cat user.ls)" "$(cat kernel.ls)" "and the files are the same then"
umount work
tap_done
