/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect error 7:18: expected ';' */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int f(struct xdp_md *ctx)
{ return XDP_PASS }
