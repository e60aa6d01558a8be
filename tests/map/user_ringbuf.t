#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A user_ringbuf that is filled on the command line, and drained by a program.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/tap.sh
. tests/tap.sh
skep=${B:-build}/skep
"${CLANG:-clang}" -target bpf -x c -c -o /dev/null /dev/null 2>/dev/null || skip_all "no clang for BPF"

cat >"$tmp/drain.bpf.c" <<'EOF'
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} requests SEC(".maps");

static long each(struct bpf_dynptr *p, void *ctx)
{
	char text[8] = {};
	u32 n = 0;

	if (!bpf_dynptr_read(text, 5, p, 0, 0))
		bpf_printk("text %s", text);
	else if (!bpf_dynptr_read(&n, 4, p, 0, 0))
		bpf_printk("number %x", n);
	return 0;
}

SEC("tc") int drain(struct __sk_buff *skb)
{
	bpf_printk("drained %ld", bpf_user_ringbuf_drain(&requests, each, 0, 0));
	return 0;
}
EOF
pkt=hex:000102030405060708090a0b0c0d0e0f
out=$("$skep" run "$tmp/drain.bpf.c" --packet $pkt --map 'requests=["hex:0d0c0b0a", "ping"]' 2>"$tmp/err")
has "$out" 'number a0b0c0d' "a record in hexadecimal" || sed 's/^/# /' "$tmp/err"
has "$out" 'text ping' "a record of text"
has "$out" 'drained 2' "both are drained"
out=$("$skep" run "$tmp/drain.bpf.c" --packet $pkt --map 'requests=["hex:0g"]' 2>&1)
has "$out" "'hex:0g' is not bytes in hexadecimal" "what is no number is told"
out=$("$skep" run "$tmp/drain.bpf.c" --packet $pkt --map 'requests={"a":1}' 2>&1)
has "$out" 'is expected' "a list is expected"
tap_done
