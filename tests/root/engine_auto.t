#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# -e auto: which engine is taken, by what this machine and this caller may, and that one line says why.
# guests: all
# shellcheck source=tests/tap.sh
. tests/tap.sh
SKEP_ENGINE=auto
B=${B:-build}
skep=$B/skep
progs=$tmp/progs
mkdir "$progs"

prog() { # NAME SECTION
	printf '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nSEC("%s") int %s(void *ctx) { return 0; }\n' "$2" "$1"
	echo 'char _license[] SEC("license") = "GPL";'
}
object() { # NAME SECTION [NAME SECTION]
	prog "$1" "$2" >"$progs/$1.bpf.c"
	[ $# -lt 4 ] || printf 'SEC("%s") int %s(void *ctx) { return 0; }\n' "$4" "$3" >>"$progs/$1.bpf.c"
	"${CLANG:-clang}" -target bpf -g -O2 -I"/usr/include/$(uname -m)-linux-gnu" -c "$progs/$1.bpf.c" -o "$progs/$1.o"
}
object opens tp/syscalls/sys_enter_openat
object func kprobe/do_sys_openat2
object gone kprobe/do_sys_openat_that_never_was
object typed fentry/do_sys_openat2
object both tp/syscalls/sys_enter_openat probe kprobe/do_sys_openat2
object drop xdp

auto() { # OBJECT ARGS…: its line, and whatever failed
	name=$1
	shift
	"$skep" run "$progs/$name.o" "$@" 2>&1 >/dev/null | grep -E '^engine:|error'
}
allowed() { # GROUP NAME: what the doctor says
	"$skep" doctor -o json | grep -q "\"group\":\"$1\",\"name\":\"$2\",\"allowed\":true"
}

# --- root ------------------------------------------------------------------------------------------
is "$(auto opens -- true)" "engine: kernel (Linux takes its program from this user)" "a tracepoint is for Linux"
if allowed attach kprobe; then
	has "$(auto func -- true)" '^engine: kernel ' "a kprobe, where there are kprobes"
	out=$(auto gone -- true)
	has "$out" 'no function do_sys_openat_that_never_was' "a function that is not there"
else
	is "$(auto func -- true)" \
		'engine: user (Linux does not take program func, SEC("kprobe/do_sys_openat2"): the kernel is built without CONFIG_KPROBE_EVENTS)' \
		"no kprobes: the user engine, and why"
	has "$(auto both -- true)" '^engine: user \(.*program probe, .*CONFIG_KPROBE_EVENTS' "one program keeps the object out"
	is "$(auto both --prog both -- true)" "engine: kernel (Linux takes its program from this user)" \
		"unless it is not wanted"
fi
if allowed attach fentry; then
	has "$(auto typed -- true)" '^engine: kernel ' "fentry, where Linux takes it"
else
	has "$(auto typed -- true)" '^engine: user \(Linux does not take it: .*program typed' \
		"fentry that Linux refuses when it is loaded"
fi
has "$(auto drop --pcap examples/mixed.pcap)" '^engine: user \(a capture is read in this process\)' "a capture"
has "$(auto opens --ctx hex:00)" '^engine: user \(a given input is read in this process\)|error' "a context"
has "$(auto drop --iface lo --xdp-mode skb -d 0.1)" '^engine: kernel \(--iface is for Linux\)' "an interface"
is "$(auto opens -q -- true)" "" "-q says nothing"
is "$(auto opens -e user -- true)" "" "-e user neither"
SKEP_ENGINE=user
is "$(auto opens -- true)" "" "nor does SKEP_ENGINE=user"
has "$(auto opens -e auto -- true)" '^engine: kernel' "-e goes before it"
SKEP_ENGINE=auto

# --- somebody else ---------------------------------------------------------------------------------
chmod -R a+rX "$tmp"
cp "$skep" "$tmp/skep"
as() { # CAPS OBJECT ARGS…
	caps=$1 name=$2
	shift 2
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps "$caps" --ambient-caps "$caps" \
		env HOME="$tmp/home" "$tmp/skep" run "$progs/$name.o" "$@" 2>&1 >/dev/null | grep -E '^engine:|error'
}
is "$(as -all opens -- true)" \
	'engine: user (Linux does not take program opens, SEC("tp/syscalls/sys_enter_openat"): CAP_BPF, CAP_PERFMON missing)' \
	"nobody: the user engine, and what is missing"
has "$(as -all drop)" 'error.*--pcap|error.*capture' "nobody, XDP without a target: what the user engine needs"
if [ "$(setpriv --reuid 65534 --inh-caps +bpf,+perfmon --ambient-caps +bpf,+perfmon grep CapEff /proc/self/status)" != \
	"$(setpriv --reuid 65534 grep CapEff /proc/self/status)" ]; then
	has "$(as +bpf opens -- true)" 'CAP_PERFMON missing' "CAP_BPF alone does not trace"
	has "$(as +bpf,+perfmon drop --pcap examples/mixed.pcap)" 'capture' "and input is input"
fi
if unshare -Ur true 2>/dev/null; then
	has "$(unshare -Ur "$skep" run "$progs/opens.o" -- true 2>&1 | grep ^engine)" \
		'^engine: user .*in a user namespace' "in a user namespace it is not the uid that counts"
fi
tap_done
