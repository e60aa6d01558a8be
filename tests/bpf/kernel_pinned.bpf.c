// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A map that the object itself wants pinned. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} kept SEC(".maps");

SEC("tp/syscalls/sys_enter_getppid")
int count(void *c)
{
	__u32 key = 0;
	__u64 *nr = bpf_map_lookup_elem(&kept, &key);

	if (nr)
		__sync_fetch_and_add(nr, 1);
	return 0;
}
