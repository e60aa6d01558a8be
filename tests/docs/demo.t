#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# ./bootstrap demo shows what it promises: a command's opens, and a capture filtered.
# shellcheck source=tests/tap.sh
. tests/tap.sh
[ "${B:-build}" = build ] || skip_all "the demo is of the ordinary build"

out=$(./bootstrap demo 2>"$tmp/err")
ok $? "bootstrap demo" || sed 's/^/# /' "$tmp/err"
has "$out" '^ +PID +FLAGS COMM +PATH$' "a table of opens"
has "$out" 'cat +/etc/hostname$' "with the file that was read"
has "$out" 'XDP_DROP +3$' "three packets dropped"
has "$out" 'XDP_PASS +7$' "seven passed"
has "$(cat "$tmp/err")" '^events: [0-9]+ produced = [0-9]+ delivered \+ 0 lost$' "nothing lost"

cat >"$tmp/typed.bpf.c" <<'EOC'
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
struct sample { __u32 id; char text[8]; };
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
	__type(value, struct sample);
} out SEC(".maps");
SEC("tp/syscalls/sys_enter_openat")
int f(void *ctx)
{
	struct { __u32 id; char text[8]; } s = {7, "seven"};
	bpf_ringbuf_output(&out, &s, sizeof(s), 0);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
EOC
out=$(build/skep run "$tmp/typed.bpf.c" -o json -- cat /etc/hostname 2>&1)
has "$out" '"id": ?7, ?"text": ?"seven"' "a ring buffer's records by the value type of its map"
tap_done
