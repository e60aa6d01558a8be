/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Tracing: stacks, arguments of the probed function, printk. */
#include "vm/run.h"

const struct vm_helper helpers_trace[] = {
	{0, NULL},
};
