/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Kernel functions that programs call by name. */
#include "vm/run.h"

const struct vm_kfunc kfuncs_common[] = {
	{NULL, NULL},
};
