/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Special fields in values. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#if __has_attribute(btf_type_tag)
#define KPTR __attribute__((btf_type_tag("kptr")))
#else
#define KPTR
#endif

struct bpf_list_head_like {
	__u64 a, b;
};
struct task_struct;

struct nested {
	int x;
	struct bpf_timer timer;
};

struct value {
	long count;
	struct bpf_spin_lock lock;
	struct nested in;
	struct bpf_list_head_like not_special;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10);
	__type(key, int);
	__type(value, struct value);
} values SEC(".maps");

struct kptrs {
	long x;
	struct task_struct KPTR *task[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct kptrs);
} kptrs SEC(".maps");

struct bpf_spin_lock private_lock SEC(".data.locks");

SEC("tc") int locks(struct __sk_buff *skb)
{
	int key = 0;
	struct value *v = bpf_map_lookup_elem(&values, &key);

	bpf_map_lookup_elem(&kptrs, &key);
	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->count++;
	bpf_spin_unlock(&v->lock);
	bpf_spin_lock(&private_lock);
	bpf_spin_unlock(&private_lock);
	return 1;
}

char _license[] SEC("license") = "GPL";
