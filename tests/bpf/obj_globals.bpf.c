/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Variables of every section, static and global, and strings. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <stdbool.h>

const volatile int targ_pid = 0;
const volatile bool verbose = true;
const volatile char filter[16] = "init";
const volatile struct {
	int x;
	short y[3];
} limits = {5, {1, 2, 3}};

int counter = 42;
static long hidden = 7;
long zeroed[4];
static int zeroed_static;
int custom SEC(".data.custom") = 99;
const int table[4] SEC(".rodata.table") = {1, 2, 3, 4};
int bss_kin SEC(".bss.kin");

static const char *names[] = {"zero", "one", "two"};

SEC("raw_tp/sys_enter") int globals(void *ctx)
{
	static int calls;
	const char *s = names[counter & 1];

	if (targ_pid && verbose)
		bpf_printk("pid %d %s", targ_pid, "text");
	calls++;
	hidden += limits.y[1] + calls;
	zeroed[counter & 3] += hidden;
	zeroed_static++;
	custom += table[counter & 3];
	bss_kin = filter[2];
	return s ? zeroed_static : 0;
}

SEC("?raw_tp/sys_exit") int switched_off(void *ctx)
{
	return counter;
}

char _license[] SEC("license") = "GPL";
