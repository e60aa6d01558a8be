/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Helpers that call back: loop, for_each_map_elem, timers. */
#include "vm/run.h"

const struct vm_helper helpers_loop[] = {
	{0, NULL},
};
