/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect error 9:9: use of undeclared identifier 'nothing_of_this_name' */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int f(struct xdp_md *ctx)
{
	return nothing_of_this_name;
}
