/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers of every kind that --metrics shows, and events that may be lost. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct key {
	__u32 sig;
	char comm[16];
};

struct value {
	__u64 nr;
	__s32 last;
};

struct event {
	__u32 nr;
	char pad[52];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct key);
	__type(value, struct value);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} hist SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
	__type(value, struct event);
} rb SEC(".maps");

const volatile __u32 burst = 1;
__u64 total;

static void report(void)
{
	for (__u32 i = 0; i < burst && i < 1000; i++) {
		struct event *e = bpf_ringbuf_reserve(&rb, sizeof(*e), 0);

		if (!e)
			continue;
		__builtin_memset(e, 0, sizeof(*e));
		e->nr = i;
		bpf_ringbuf_submit(e, 0);
	}
}

static void count(void *map, __u32 slot)
{
	__u64 *x = bpf_map_lookup_elem(map, &slot);

	if (x)
		*x += 1;
}

struct kill_args {
	__u64 common;
	long nr;
	long pid;
	long sig;
};

SEC("tp/syscalls/sys_enter_kill")
int on_kill(struct kill_args *ctx)
{
	struct value zero = {}, *v;
	struct key key = {.sig = ctx->sig};

	bpf_get_current_comm(key.comm, sizeof(key.comm));
	bpf_map_update_elem(&calls, &key, &zero, BPF_NOEXIST);
	v = bpf_map_lookup_elem(&calls, &key);
	if (v) {
		v->nr++;
		v->last = -7;
	}
	count(&percpu, 1);
	count(&hist, 5);
	total++;
	report();
	return 0;
}

char _license[] SEC("license") = "GPL";
