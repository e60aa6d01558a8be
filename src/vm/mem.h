/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Reading memory that may not be there: helper_mem.c, for the other helpers. */
#ifndef VM_MEM_H
#define VM_MEM_H

#include "vm/run.h"
#include <string.h>

#define MEM_USER_END 0x7ffffffff000ull /* TASK_SIZE_MAX; the page above belongs to nobody */

/* Of no bytes at all, also NULL is a good address for a program. */
static inline void mem_zero(void *dst, size_t size)
{
	if (size)
		memset(dst, 0, size);
}

static inline void mem_copy(void *dst, const void *src, size_t size)
{
	if (size)
		memmove(dst, src, size);
}

/* 0 or -errno; all or nothing, and the destination is not touched up. */
typedef long (*mem_read_fn)(struct vm_run *run, void *dst, u64 size, u64 addr);
long mem_read_kernel(struct vm_run *run, void *dst, u64 size, u64 addr);
long mem_read_user(struct vm_run *run, void *dst, u64 size, u64 addr);

/* helper_obj.c: a number or pointer in a kernel object, found by the kernel's BTF; 0: not there */
u64 vm_kernel_field(struct vm_run *run, u64 obj, const char *type, const char *path);

/* The length with its NUL (at most size, then cut off), or -errno. */
long mem_read_kernel_str(struct vm_run *run, char *dst, u64 size, u64 addr);
long mem_read_user_str(struct vm_run *run, char *dst, u64 size, u64 addr);
long mem_read_any_str(struct vm_run *run, char *dst, u64 size, u64 addr);

#endif
