/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Why a helper or kernel function is not there, in words: helper_why.c. */
#ifndef VM_WHY_H
#define VM_WHY_H

#include "base/types.h"

const char *why_no_helper(u32 id);
const char *why_no_kfunc(const char *name);

#endif
