/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Linux as the oracle: programs loaded and run through bpf(2) itself. */
#ifndef TESTS_INSN_KERNEL_H
#define TESTS_INSN_KERNEL_H

#include "base/types.h"
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int kernel_bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* An array of one 8-byte value; the fd or -errno. */
__unused static int kernel_array(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
	int fd = kernel_bpf(BPF_MAP_CREATE, &attr);

	return fd < 0 ? -errno : fd;
}

__unused static u64 kernel_array_value(int fd)
{
	u32 key = 0;
	u64 value = 0;
	union bpf_attr attr = {.map_fd = (u32)fd, .key = (u64)&key, .value = (u64)&value};

	kernel_bpf(BPF_MAP_LOOKUP_ELEM, &attr);
	return value;
}

/* The fd or -errno; log gets the verifier's text. */
__unused static int kernel_load(const struct bpf_insn *insns, u32 nr, u32 level, char *log,
				size_t log_size)
{
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SCHED_CLS,
			       .insns = (u64)insns,
			       .insn_cnt = nr,
			       .license = (u64) "GPL",
			       .log_level = level,
			       .log_buf = (u64)log,
			       .log_size = (u32)log_size};
	int fd;

	log[0] = 0;
	fd = kernel_bpf(BPF_PROG_LOAD, &attr);
	return fd < 0 ? -errno : fd;
}

/* Run it on a packet; 0 or -errno. */
__unused static int kernel_run(int fd, const void *pkt, size_t size, u32 *ret)
{
	union bpf_attr attr = {0};

	attr.test.prog_fd = (u32)fd;
	attr.test.data_in = (u64)pkt;
	attr.test.data_size_in = (u32)size;
	if (kernel_bpf(BPF_PROG_TEST_RUN, &attr))
		return -errno;
	*ret = attr.test.retval;
	return 0;
}

#endif
