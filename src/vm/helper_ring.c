/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Events: ring buffers and perf buffers. */
#include "vm/run.h"

const struct vm_helper helpers_ring[] = {
	{0, NULL},
};
