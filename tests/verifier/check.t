#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# skep check: verdicts, their form, exit status.
# shellcheck source=tests/tap.sh
. tests/tap.sh
B=${B:-build}
skep=$B/skep
d=$tmp

cat >"$d/good.bpf.c" <<'EOF'
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int first_byte(struct xdp_md *ctx)
{
	char *data = (char *)(long)ctx->data, *end = (char *)(long)ctx->data_end;
	return data + 1 > end ? XDP_DROP : *data ? XDP_PASS : XDP_TX;
}
EOF
sed 's/data + 1 > end ? XDP_DROP : //' "$d/good.bpf.c" >"$d/bad.bpf.c"

out=$("$skep" check "$d/good.bpf.c")
is $? 0 "an accepted object exits with 0"
has "$out" '^first_byte: accepted' "an accepted program is told"
out=$("$skep" check -o json "$d/bad.bpf.c")
is $? 1 "a refused one with 1"
has "$out" '"verdict":"reject"' "json has the verdict"
has "$out" '"errno":-13' "and the errno"
has "$out" '"id":"packet-outside"' "and the id"
has "$out" 'R[0-9] offset is outside of the packet' "and the kernel's words"
has "$out" '"line":6,' "and the line"
out=$("$skep" check --log "$d/bad.bpf.c")
has "$out" '^0: R1=ctx' "--log has instructions and registers"
"$skep" check -p nobody "$d/good.bpf.c" 2>/dev/null
is $? 1 "a program that is not there is an error"
out=$("$skep" check --type kprobe "$d/good.bpf.c")
is $? 1 "another program type is another verdict"
tap_done
