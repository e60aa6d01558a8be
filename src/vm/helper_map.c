/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Helpers on maps. */
#include "vm/run.h"

const struct vm_helper helpers_map[] = {
	{0, NULL},
};
