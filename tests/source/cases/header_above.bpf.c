/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect mend above.h: found with -I */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "above.h"

SEC("xdp") int above(struct xdp_md *ctx)
{
	return ABOVE;
}
