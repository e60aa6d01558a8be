#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# bpf_throw from functions and callbacks, with an exception callback and without; and the tasks of
# the machine, as bpf_iter_task walks them.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
skep=${B:-build}/skep
has_clang() { "${CLANG:-clang}" -target bpf -x c -c -o /dev/null /dev/null 2>/dev/null; }
has_clang || skip_all "no clang for BPF"

cat >"$tmp/throw.bpf.c" <<'EOF'
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
#define __exception_cb(name) __attribute__((btf_decl_tag("exception_callback:" #name)))
extern void bpf_throw(u64 cookie) __ksym;

__noinline int deep(u64 n)
{
	if (n > 3)
		bpf_throw(n);
	return n;
}

__noinline int caught(u64 cookie)
{
	bpf_printk("caught %llu", cookie);
	return cookie + 60;
}

static long each(u32 i, void *ctx)
{
	if (i == 5)
		bpf_throw(7);
	return 0;
}

SEC("tc") __exception_cb(caught) int with(struct __sk_buff *skb)
{
	return deep(skb->len) + 1000;
}

SEC("tc") int without(struct __sk_buff *skb)
{
	return deep(skb->len) + 1000;
}

SEC("tc") __exception_cb(caught) int from_loop(struct __sk_buff *skb)
{
	bpf_loop(10, each, 0, 0);
	return 1;
}
EOF
out=$("$skep" run "$tmp/throw.bpf.c" --packet hex:000102030405060708090a0b0c0d0e0f -o json 2>"$tmp/err")
has "$out" '"program":"with".*"ret(val|urn)?":76' "the callback's answer" || cat "$tmp/err"
has "$out" '"program":"without".*"ret(val|urn)?":16' "without one the cookie is it"
has "$out" '"program":"from_loop".*"ret(val|urn)?":67' "through bpf_loop"
has "$out" 'caught 16' "and it ran as a part of the program"

cat >"$tmp/tasks.bpf.c" <<'EOF'
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task, u32 how) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

SEC("tp_btf/sys_enter") int BPF_PROG_(u64 *ctx)
{
	struct task_struct *me = bpf_get_current_task_btf(), *t;
	struct bpf_iter_task it;
	int all = 0, found = 0, threads = 0, bad;

	if (ctx[1] != 110) /* getppid */
		return 0;
	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, 0, 0);
	while ((t = bpf_iter_task_next(&it))) {
		all++;
		found += t->pid == me->pid;
	}
	bpf_iter_task_destroy(&it);
	bpf_iter_task_new(&it, me, 2);
	while ((t = bpf_iter_task_next(&it)))
		threads++;
	bpf_iter_task_destroy(&it);
	bad = bpf_iter_task_new(&it, 0, 2);
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	bpf_printk("all %d found %d threads %d bad %d", all > 1, found, threads, bad);
	return 0;
}
EOF
cat >"$tmp/parent.c" <<'EOF'
#include <unistd.h>
int main(void) { return getppid() < 0; }
EOF
if ${CC:-cc} -o "$tmp/parent" "$tmp/parent.c" 2>/dev/null; then
	out=$("$skep" run "$tmp/tasks.bpf.c" -- "$tmp/parent" 2>"$tmp/err")
	has "$out" 'all 1 found 1 threads 1 bad -22' "the tasks of the machine, and of the process" ||
		cat "$tmp/err"
else
	skip "the tasks of the machine" "no C compiler"
fi
tap_done
