/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <skep/diag.h>
#include <stdio.h>

int main(void)
{
	fprintf(stderr, "usage: skep COMMAND …\n");
	return 2;
}
