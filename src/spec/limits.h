/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The limits of limits.def as constants: LIMIT_STACK and kin. */
#ifndef SPEC_LIMITS_H
#define SPEC_LIMITS_H

enum spec_limit {
#define LIMIT(name, value, why) LIMIT_##name = value,
#include "spec/limits.def"
#undef LIMIT
};

#endif
