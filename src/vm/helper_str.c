/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Strings and numbers: strtol, strncmp, snprintf. */
#include "vm/run.h"

const struct vm_helper helpers_str[] = {
	{0, NULL},
};
