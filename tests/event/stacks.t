#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Stacks are shown as functions: in records, below a table's rows, in stack maps.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
skep=${B:-build}/skep

cat >"$tmp/deep.c" <<'EOF'
__attribute__((noinline)) long inner(long n)
{
	__asm__ volatile("" ::: "memory");
	return n * 3;
}
__attribute__((noinline)) long outer(long n)
{
	return inner(n) + 1;
}
int main(void)
{
	return (int)outer(0) - 1;
}
EOF
cat >"$tmp/stacks.bpf.c" <<'EOF'
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
struct event {
	u32 pid;
	u64 ustack[16];
};
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} rb SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 64);
	__uint(key_size, 4);
	__uint(value_size, 128);
} stacks SEC(".maps");
SEC("uprobe/inner") int on_inner(void *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&rb, sizeof(*e), 0);

	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_stack(ctx, e->ustack, sizeof(e->ustack), BPF_F_USER_STACK);
	bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	bpf_ringbuf_submit(e, 0);
	return 0;
}
EOF
${CC:-cc} -O0 -fno-omit-frame-pointer -o "$tmp/deep" "$tmp/deep.c" || skip_all "no C compiler"
out=$("$skep" run "$tmp/stacks.bpf.c" --binary "$tmp/deep" --maps stacks -- "$tmp/deep" 2>"$tmp/err")
is $? 0 "a run"
# at the entry of inner the frame is outer's: its caller is main
has "$out" '^ *PID' "a table"
has "$out" '^        inner$' "the function itself, below the row"
has "$out" '^        main\+0x[0-9a-f]+$' "and its callers"
has "$out" '^stacks\[[0-9]+\]$' "the stack map, by id"
is "$(printf '%s\n' "$out" | grep -c '^        inner$')" 2 "in the same way"
out=$("$skep" run "$tmp/stacks.bpf.c" --binary "$tmp/deep" -o json -- "$tmp/deep" 2>"$tmp/err")
has "$out" '"ustack":\["inner","main\+0x[0-9a-f]+",' "JSON: a list of names"
cp "$tmp/deep" "$tmp/bare"
if strip "$tmp/bare" 2>/dev/null; then
	off=$(nm "$tmp/deep" | sed -n 's/ T inner$//p')
	out=$("$skep" run "$tmp/stacks.bpf.c" --attach "on_inner=uprobe/$tmp/bare:0x$off" -o json \
		-- "$tmp/bare" 2>"$tmp/err")
	has "$out" '"ustack":\["bare\+0x[0-9a-f]+","bare\+0x' "a file without names: its own, and the place in it"
else
	skip "a file without names" "no strip"
fi
tap_done
