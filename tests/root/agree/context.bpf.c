// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Programs without packets: raw tracepoints on any arguments, system call programs on any context.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u64);
	__type(value, __u64);
} args SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

__u64 sum;

SEC("raw_tracepoint/sys_enter")
int raw_args(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 key = ctx->args[0], value = ctx->args[1];

	sum += key * 3 + value;
	bpf_map_update_elem(&args, &key, &value, BPF_ANY);
	bpf_ringbuf_output(&ring, &key, 5, 0);
	return (int)(key ^ value >> 3);
}

SEC("raw_tracepoint/sys_exit")
int raw_read(struct bpf_raw_tracepoint_args *ctx)
{
	char buf[8] = "xxxxxxx";
	long ret = bpf_probe_read_kernel(buf, sizeof(buf), (void *)8);

	ret = ret * 7 + bpf_probe_read_user(buf, sizeof(buf), (void *)16);
	ret = ret * 7 + bpf_probe_read_user_str(buf, sizeof(buf), (void *)16);
	ret = ret * 7 + bpf_probe_read_kernel_str(buf, 0, (void *)16);
	__builtin_memcpy(&sum, buf, 8);
	return (int)ret;
}

struct call_args {
	__u64 a, b;
	__u32 c, d;
	__u8 bytes[40];
};

SEC("syscall")
int call(struct call_args *ctx)
{
	__u64 t = ctx->a;
	__u32 h = 0;

	ctx->a = ctx->b;
	ctx->b = t;
	ctx->c = ctx->d ? ctx->c / ctx->d : 1;
	ctx->d = ctx->d ? ctx->c % ctx->d : 2;
#pragma unroll
	for (int i = 0; i < 40; i++) { // Linux takes no variable offset into this context
		h = h * 31 + ctx->bytes[i];
		ctx->bytes[i] = (__u8)(h >> 7);
	}
	return (int)h;
}

char LICENSE[] SEC("license") = "GPL";
