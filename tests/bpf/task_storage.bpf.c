/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A value per task; maps whose size the loader settles: 0 for storages, the CPUs for perf. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct task_struct;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} unused SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

SEC("tp_btf/sys_enter")
int enter(void *ctx)
{
	__u64 *v = bpf_task_storage_get(&calls, (struct task_struct *)bpf_get_current_task_btf(), 0,
					BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (v) {
		__u64 n = ++*v;

		bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &n, sizeof(n));
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
