#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Redirected packets: a file per target, also for more targets than files can be open.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
skep=${B:-build}/skep
cat >"$tmp/fan.bpf.c" <<'EOF'
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
SEC("tc/egress") int fan(struct __sk_buff *skb)
{
	for (int i = 1; i <= 200; i++)
		bpf_clone_redirect(skb, i, 0);
	return 0;
}
SEC("tcx/ingress") int next(struct __sk_buff *skb)
{
	return -1;
}
EOF
for kind in pcap pcapng; do
	out=$( (ulimit -n 100 && "$skep" run "$tmp/fan.bpf.c" --pcap examples/mixed.pcap \
		--out "$tmp/out.$kind") 2>"$tmp/err")
	is $? 0 "$kind: 200 targets with 100 descriptors"
	# shellcheck disable=SC2012
	is "$(ls "$tmp"/out.redirect-*."$kind" | wc -l)" 200 "a file each"
	differ=0
	for f in "$tmp"/out.redirect-*."$kind"; do
		cmp -s "$f" "$tmp/out.$kind" || differ=$((differ + 1))
	done
	is "$differ" 0 "with every packet in it"
done
has "$out" '^fan +0 +TC_ACT_OK ' 'SEC("tc/…"): verdicts are called as tc does'
has "$out" '^next .* TCX_NEXT ' 'SEC("tcx/…"): as tcx does'
tap_done
