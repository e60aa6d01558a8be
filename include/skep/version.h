/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which version of the library this is. */
#ifndef SKEP_VERSION_H
#define SKEP_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** The version of the library that is running, "0.1.0". */
const char *skep_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
