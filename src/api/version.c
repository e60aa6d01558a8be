/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <skep/version.h>

const char *skep_version(void)
{
	return SKEP_VERSION;
}
