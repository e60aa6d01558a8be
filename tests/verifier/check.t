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

cat >"$d/tree.bpf.c" <<'EOF'
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#define HIDDEN __attribute__((section(".data.A"), aligned(8)))
struct item {
	int key;
	struct bpf_rb_node node;
};
extern void *bpf_obj_new_impl(unsigned long type, void *meta) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *, struct bpf_rb_node *,
			       bool (*)(struct bpf_rb_node *, const struct bpf_rb_node *), void *,
			       unsigned long) __ksym;
HIDDEN static struct bpf_spin_lock lock;
HIDDEN static struct bpf_rb_root root __attribute__((btf_decl_tag("contains:item:node")));
static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
#ifdef AGAIN
	bpf_spin_unlock(&lock);
	bpf_spin_lock(&lock);
#endif
	return false;
}
SEC("tc") int insert(void *ctx)
{
	struct item *i = bpf_obj_new_impl(bpf_core_type_id_local(struct item), 0);
	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add_impl(&root, &i->node, less, 0, 0);
	bpf_spin_unlock(&lock);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
EOF
sed '1i#define AGAIN' "$d/tree.bpf.c" >"$d/tree2.bpf.c"
out=$("$skep" check "$d/tree.bpf.c")
has "$out" '^insert: accepted' "a comparison of a tree is called"
out=$("$skep" check "$d/tree2.bpf.c")
has "$out" "can't spin_.lock,unlock. in rbtree cb" "and may not let go of the lock"

formats() # FORMAT: what is said of it
{
	cat >"$d/fmt.bpf.c" <<EOF
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("tp/syscalls/sys_enter_nanosleep") int format(void *ctx)
{
	static const char fmt[] = "$1";
	char out[16];
	__u64 args[1] = {0};
	return bpf_snprintf(out, sizeof(out), fmt, args, sizeof(args)) < 0;
}
char LICENSE[] SEC("license") = "GPL";
EOF
	"$skep" check "$d/fmt.bpf.c"
}
for fmt in %d '100%% %-08llx' %pK %ps %pI6 '%s, %%' %c; do
	has "$(formats "$fmt")" '^format: accepted' "$fmt is a format"
done
for fmt in %f '%d %d' %pI5 %sx %lllu % '\x01' %hd; do
	has "$(formats "$fmt")" 'Invalid format string' "$fmt is none"
done
tap_done
