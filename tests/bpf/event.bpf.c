/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every way in which a program hands records to a buffer; almost no type is declared. */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define RING(name)                                                                                 \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                \
		__uint(max_entries, 4096);                                                         \
	} name SEC(".maps")

struct declared {
	__u64 ts_ns;
	int ret;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
	__type(value, struct declared);
} by_value SEC(".maps");

RING(by_reserve);
RING(by_stack);
RING(by_param);
RING(by_global);
RING(by_dynptr);
RING(by_lookup);
RING(by_scalar);
RING(two_types);
RING(unknown);

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, int);
	__type(value, int);
} by_perf SEC(".maps");

struct stored {
	__u32 uid;
	char name[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct stored);
} store SEC(".maps");

enum op {
	OP_OPEN = 1,
	OP_CLOSE,
};

struct inner {
	__u16 major, minor;
};

struct reserved {
	__u32 pid;
	int ret;
	enum op op;
	__u32 af;
	union {
		__u32 saddr_v4;
		__u8 saddr_v6[16];
	};
	__be16 dport;
	__u8 low : 3, high : 5;
	_Bool ok;
	struct inner dev;
	union {
		struct {
			int flags;
			char path[12];
		} open;
		struct {
			int fd;
		} close;
	};
	char comm[16];
};

SEC("tp/syscalls/sys_enter_openat")
int reserve(void *ctx)
{
	struct reserved *r = bpf_ringbuf_reserve(&by_reserve, sizeof(*r), 0);

	if (!r)
		return 0;
	r->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	bpf_ringbuf_submit(r, 0);
	return 0;
}

struct on_stack {
	__u64 delta_us;
	char text[8];
};

SEC("tp/syscalls/sys_enter_close")
int stack(void *ctx)
{
	struct on_stack here = {.delta_us = bpf_ktime_get_ns()};

	bpf_ringbuf_output(&by_stack, &here, sizeof(here), 0);
	return 0;
}

struct args {
	__u32 pid;
	__u32 args_size;
	char args[64];
};

SEC("tp/syscalls/sys_enter_read")
int perf(void *ctx)
{
	struct args a = {.pid = 1};

	bpf_perf_event_output(ctx, &by_perf, BPF_F_CURRENT_CPU, &a, sizeof(a));
	return 0;
}

struct param {
	__s64 big;
};

static __attribute__((noinline)) int send(struct param *p)
{
	return bpf_ringbuf_output(&by_param, p, sizeof(*p), 0);
}

SEC("tp/syscalls/sys_enter_write")
int param(void *ctx)
{
	struct param p = {.big = bpf_ktime_get_ns()};

	return send(&p);
}

struct global {
	__u32 a, b;
} shared;

SEC("tp/syscalls/sys_enter_dup")
int global(void *ctx)
{
	shared.a++;
	bpf_ringbuf_output(&by_global, &shared, sizeof(shared), 0);
	return 0;
}

struct dyn {
	__u32 code;
	__u32 mnt_ns;
};

SEC("tp/syscalls/sys_enter_dup2")
int dynptr(void *ctx)
{
	struct bpf_dynptr ptr;
	struct dyn *d;

	bpf_ringbuf_reserve_dynptr(&by_dynptr, sizeof(*d), 0, &ptr);
	d = bpf_dynptr_data(&ptr, 0, sizeof(*d));
	if (d)
		d->code = 7;
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_dup3")
int lookup(void *ctx)
{
	__u32 key = 0;
	void *v = bpf_map_lookup_elem(&store, &key);

	if (v)
		bpf_ringbuf_output(&by_lookup, v, sizeof(struct stored), 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_exit")
int scalar(void *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	bpf_ringbuf_output(&by_scalar, &pid_tgid, sizeof(pid_tgid), 0);
	return 0;
}

struct first {
	__u32 kind, x;
};

struct second {
	__u32 kind, x, y, z;
};

SEC("tp/syscalls/sys_enter_pipe")
int both(void *ctx)
{
	struct first *f = bpf_ringbuf_reserve(&two_types, sizeof(*f), 0);
	struct second *s;

	if (f)
		bpf_ringbuf_submit(f, 0);
	s = bpf_ringbuf_reserve(&two_types, sizeof(*s), 0);
	if (s)
		bpf_ringbuf_submit(s, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_sync")
int bytes(void *ctx)
{
	void *p = bpf_ringbuf_reserve(&unknown, 13, 0);

	if (p)
		bpf_ringbuf_submit(p, 0);
	return 0;
}
