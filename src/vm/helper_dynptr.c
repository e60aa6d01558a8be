/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Dynptrs. */
#include "vm/run.h"

const struct vm_helper helpers_dynptr[] = {
	{0, NULL},
};
