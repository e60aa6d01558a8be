/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Reading and writing memory that may not be there: bpf_probe_read_* and bpf_copy_from_user.
 *
 * "Kernel" memory is what the program may touch itself (its stack, context, maps, packet) and the
 * model kernel; "user" memory is the traced process's. Both live at user addresses here, so the
 * address alone does not tell them apart as it does on x86: the old bpf_probe_read, which must
 * guess, takes kernel memory first.
 *
 * A read that fails zeroes all of its destination. A kernel read outside of the kernel's half of
 * the address space is -ERANGE in Linux, before anything is tried; what fails in it is -EFAULT. A
 * user read is -EFAULT in any case.
 */
#include "spec/spec.h"
#include "vm/mem.h"
#include "vm/run.h"
#include <errno.h>
#include <string.h>

#define PAGE     4096u
#define STR_STEP 256u /* most strings are shorter, and a step may be a system call */

static void *ptr_of(u64 r)
{
	return (void *)(uintptr_t)r;
}

static long kernel_error(u64 addr)
{
	bool canonical = (u64)((s64)(addr << 16) >> 16) == addr;

	return addr < MEM_USER_END + PAGE || !canonical ? -ERANGE : -EFAULT;
}

long mem_read_kernel(struct vm_run *run, void *dst, u64 size, u64 addr)
{
	const struct vm_world *w = run->env->world;

	if (!size) /* the address is looked at all the same */
		return vm_may(run, addr, 1, VM_MEM_READ) || kernel_error(addr) == -EFAULT ? 0
											  : -ERANGE;
	if (vm_may(run, addr, size, VM_MEM_READ)) {
		memmove(dst, ptr_of(addr), size); /* they may overlap */
		return 0;
	}
	if (w && w->read_kernel && !w->read_kernel(run->env, dst, size, addr))
		return 0;
	return kernel_error(addr);
}

long mem_read_user(struct vm_run *run, void *dst, u64 size, u64 addr)
{
	const struct vm_world *w = run->env->world;

	if (!size)
		return 0;
	if (addr >= MEM_USER_END || size > MEM_USER_END - addr || !w || !w->read_user)
		return -EFAULT;
	return w->read_user(run->env, dst, size, addr) ? -EFAULT : 0;
}

/* The old helpers: by address. */
static long read_any(struct vm_run *run, void *dst, u64 size, u64 addr)
{
	long err = mem_read_kernel(run, dst, size, addr);

	/* Memory of a program that ends too early is not the traced process' at that address. */
	if (err != -ERANGE || vm_may(run, addr, 1, VM_MEM_READ))
		return err;
	return mem_read_user(run, dst, size, addr);
}

/*
 * A string in steps that end at page borders, since the next page need not be there. The length
 * with its NUL; `size` when it was cut off, with a NUL as its last byte.
 */
static long read_str(struct vm_run *run, char *dst, u64 size, u64 addr, mem_read_fn read)
{
	u64 done = 0;

	while (done < size) {
		u64 at = addr + done;
		u64 nr = min_u64(min_u64(size - done, STR_STEP), PAGE - at % PAGE);
		long err = read(run, dst + done, nr, at);
		const char *end;

		while (err && nr > 1) { /* kernel objects end where they end */
			nr /= 2;
			err = read(run, dst + done, nr, at);
		}
		if (err)
			return err;
		end = memchr(dst + done, 0, nr);
		if (end)
			return end + 1 - dst;
		done += nr;
	}
	if (size)
		dst[size - 1] = 0;
	return size;
}

long mem_read_kernel_str(struct vm_run *run, char *dst, u64 size, u64 addr)
{
	return read_str(run, dst, size, addr, mem_read_kernel);
}

long mem_read_user_str(struct vm_run *run, char *dst, u64 size, u64 addr)
{
	return read_str(run, dst, size, addr, mem_read_user);
}

long mem_read_any_str(struct vm_run *run, char *dst, u64 size, u64 addr)
{
	return read_str(run, dst, size, addr, read_any);
}

/* Zero the destination of what failed. Sizes are 32 bits wide. */
static u64 probe(struct vm_run *run, u64 dst, u32 size, u64 addr, mem_read_fn read)
{
	long err = read(run, ptr_of(dst), size, addr);

	if (err)
		mem_zero(ptr_of(dst), size);
	return err;
}

static u64 probe_str(struct vm_run *run, u64 dst, u32 size, u64 addr, mem_read_fn read)
{
	long ret = read_str(run, ptr_of(dst), size, addr, read);

	if (ret < 0)
		mem_zero(ptr_of(dst), size);
	return ret;
}

static u64 probe_read(struct vm_run *run, u64 dst, u64 size, u64 addr, u64 r4, u64 r5)
{
	return probe(run, dst, size, addr, read_any);
}

static u64 probe_read_str(struct vm_run *run, u64 dst, u64 size, u64 addr, u64 r4, u64 r5)
{
	return probe_str(run, dst, size, addr, read_any);
}

static u64 probe_read_user(struct vm_run *run, u64 dst, u64 size, u64 addr, u64 r4, u64 r5)
{
	return probe(run, dst, size, addr, mem_read_user);
}

static u64 probe_read_user_str(struct vm_run *run, u64 dst, u64 size, u64 addr, u64 r4, u64 r5)
{
	return probe_str(run, dst, size, addr, mem_read_user);
}

static u64 probe_read_kernel(struct vm_run *run, u64 dst, u64 size, u64 addr, u64 r4, u64 r5)
{
	return probe(run, dst, size, addr, mem_read_kernel);
}

static u64 probe_read_kernel_str(struct vm_run *run, u64 dst, u64 size, u64 addr, u64 r4, u64 r5)
{
	return probe_str(run, dst, size, addr, mem_read_kernel);
}

/* Of another task than the current one there is no memory to be had. */
static u64 copy_from_user_task(struct vm_run *run, u64 dst, u64 size, u64 addr, u64 task, u64 flags)
{
	if (flags)
		return -EINVAL;
	if (task == (uintptr_t)run->env->task.kobj)
		return probe(run, dst, size, addr, mem_read_user);
	mem_zero(ptr_of(dst), (u32)size);
	return (u32)size ? -EFAULT : 0;
}

static u64 probe_write_user(struct vm_run *run, u64 dst, u64 src, u64 size, u64 r4, u64 r5)
{
	const struct vm_world *w = run->env->world;

	size = (u32)size;
	if (dst >= MEM_USER_END || size > MEM_USER_END - dst || !w || !w->write_user)
		return -EFAULT;
	return w->write_user(run->env, dst, ptr_of(src), size) ? -EFAULT : 0;
}

const struct vm_helper helpers_mem[] = {
	{SPEC_HELPER_probe_read, probe_read},
	{SPEC_HELPER_probe_read_str, probe_read_str},
	{SPEC_HELPER_probe_read_user, probe_read_user},
	{SPEC_HELPER_probe_read_user_str, probe_read_user_str},
	{SPEC_HELPER_probe_read_kernel, probe_read_kernel},
	{SPEC_HELPER_probe_read_kernel_str, probe_read_kernel_str},
	{SPEC_HELPER_copy_from_user, probe_read_user},
	{SPEC_HELPER_copy_from_user_task, copy_from_user_task},
	{SPEC_HELPER_probe_write_user, probe_write_user},
	{0, NULL},
};
