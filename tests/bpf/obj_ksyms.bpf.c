/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kernel symbols, with and without type, there and not there. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

extern const void init_task __ksym __weak;
extern const void no_such_symbol __ksym __weak;
extern const int no_such_variable __ksym __weak;
struct rq {
	int nr_running;
};
extern const struct rq runqueues __ksym __weak;

volatile long sink;

SEC("raw_tp/sys_enter") int ksyms(void *ctx)
{
	sink += (long)&init_task;
	sink += &no_such_symbol != 0;
	sink += &no_such_variable != 0;
	sink += (long)&runqueues;
	return 0;
}

char _license[] SEC("license") = "GPL";
