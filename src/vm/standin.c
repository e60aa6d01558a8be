/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Stands in until helper_net.c and kfunc_net.c have the real tables, which replace these. */
#include "vm/run.h"
#include <errno.h>

__attribute__((weak)) const struct vm_helper helpers_net[] = {
	{0, NULL},
};
__attribute__((weak)) const struct vm_kfunc kfuncs_net[] = {
	{NULL, NULL},
};

/* Likewise until interp.c and guard.c are there. */
__attribute__((weak)) u64 vm_fault(struct vm_run *run, const char *fmt, ...)
{
	run->err = -EFAULT;
	return 0;
}

__attribute__((weak)) bool vm_is_map(const struct vm *vm, u64 ptr)
{
	return ptr != 0;
}
