#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What the code tells of a map's contents: ports in network order, slots that are no powers of two.
# And what a hostile process name must not do to a terminal.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
skep=${B:-build}/skep

cat >"$tmp/hints.bpf.c" <<'EOF'
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
char LICENSE[] SEC("license") = "GPL";
struct flow_key {
	u16 sport, dport;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct flow_key);
	__type(value, u64);
} flows SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} rb SEC(".maps");
struct event {
	u32 nr;
	char comm[16];
};
u32 slots[16] = {};
u32 events;
SEC("kprobe/tcp_v4_connect") int BPF_KPROBE(on_connect, struct sock *sk, struct sockaddr *uaddr)
{
	struct flow_key key = {};
	u64 one = 1;

	key.sport = BPF_CORE_READ(sk, __sk_common.skc_num);
	key.dport = BPF_CORE_READ((struct sockaddr_in *)uaddr, sin_port);
	bpf_map_update_elem(&flows, &key, &one, BPF_ANY);
	return 0;
}
SEC("tp/syscalls/sys_enter_getppid") int on_getppid(void *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&rb, sizeof(*e), 0);

	slots[3]++;
	if (!e)
		return 0;
	e->nr = ++events;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	bpf_printk("line %d", e->nr);
	return 0;
}
EOF
cat >"$tmp/act.c" <<'EOF'
#include <arpa/inet.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
	static const char *const names[] = {"\033[31m", "\302\23331m", "a\nb", "\377"};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(443)};

	inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
	connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&in, sizeof(in));
	for (int i = 0; i < 4; i++) {
		prctl(PR_SET_NAME, names[i]);
		syscall(SYS_getppid);
	}
	return 0;
}
EOF
${CC:-cc} -o "$tmp/act" "$tmp/act.c" || skip_all "no C compiler"
sed -i 's/^	bpf_printk.*/	bpf_printk("line %d", events);/' "$tmp/hints.bpf.c"
out=$("$skep" run "$tmp/hints.bpf.c" --maps all -- "$tmp/act" 2>"$tmp/err")
is $? 0 "a run"
has "$out" '^ *0 +443 +1$' "a port of a key is shown as it is meant"
has "$out" '^ +slots : count +distribution$' "a linear histogram"
has "$out" '^ +3 : 4 +\|\*+\|$' "a slot is its number"
hasnt "$out" '->' "not a power of two"
is "$(printf '%s\n' "$out" | grep -c '^ *NR COMM')" 1 "kinds of rows that take turns have one header"
is "$(printf '%s' "$out" | LC_ALL=C tr -d '\n\t -~' | wc -c)" 0 "no control characters on a terminal"
has "$out" '^ *2 .u009b31m *$' "C1 controls are escaped, too"
out=$("$skep" run "$tmp/hints.bpf.c" --maps flows -o json -- "$tmp/act" 2>"$tmp/err")
has "$out" '"key":\{"sport":0,"dport":443\}' "the same in JSON"
out=$("$skep" run "$tmp/hints.bpf.c" --maps flows -o json --map 'flows={"{\"sport\":1,\"dport\":443}":5}' \
	-- "$tmp/act" 2>"$tmp/err" | grep -c '"dport":443')
is "$out" 2 "and what is put in on the command line"
tap_done
