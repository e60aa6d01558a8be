/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions that programs call by name. Nobody has looked at their arguments before: each
 * checks what it touches.
 */
#include "base/mem.h"
#include "spec/spec.h"
#include "vm/mem.h"
#include "vm/pkt.h"
#include "vm/state.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

static void *ptr_of(u64 r)
{
	return (void *)(uintptr_t)r;
}

/* Memory that a kfunc's caller must own; after a false the run has a fault. */
static bool owns(struct vm_run *run, int arg, u64 addr, u64 len, u32 flags)
{
	if (vm_may(run, addr, len, flags))
		return true;
	vm_fault(run, "argument %d must be %s memory of %llu bytes, it is %#llx", arg,
		 flags & VM_MEM_WRITE ? "writable" : "readable", (unsigned long long)len,
		 (unsigned long long)addr);
	return false;
}

/* An iterator of the program's: Linux has them on the stack, in whole slots of 8 bytes. */
static bool owns_iter(struct vm_run *run, u64 it, u64 size, u32 flags)
{
	if (it & 7)
		vm_fault(run, "argument 1 must be an iterator, aligned to 8 bytes; it is %#llx",
			 (unsigned long long)it);
	return !(it & 7) && owns(run, 1, it, size, flags);
}

/* What has an effect in the kernel only: locks, preemption, references. */
static u64 nothing(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return 0;
}

static u64 same(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return r1;
}

/* --- numbers: bpf_for and bpf_repeat --------------------------------------------------------- */

#define MAX_LOOPS (8 * 1024 * 1024)

struct iter_num {
	s32 cur, end;
};

static u64 num_new(struct vm_run *run, u64 it, u64 start, u64 end, u64 r4, u64 r5)
{
	struct iter_num *n = ptr_of(it);
	s32 s = start, e = end;
	long err = s > e ? -EINVAL : (s64)e - s > MAX_LOOPS ? -E2BIG : 0;

	if (!owns_iter(run, it, sizeof(*n), VM_MEM_WRITE))
		return 0;
	n->cur = err ? 0 : (s32)((u32)s - 1);
	n->end = err ? 0 : e;
	return err;
}

static u64 num_next(struct vm_run *run, u64 it, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct iter_num *n = ptr_of(it);

	if (!owns_iter(run, it, sizeof(*n), VM_MEM_READ | VM_MEM_WRITE))
		return 0;
	if ((s32)((u32)n->cur + 1) >= n->end) {
		n->cur = n->end = 0;
		return 0;
	}
	n->cur = (u32)n->cur + 1;
	return (uintptr_t)&n->cur;
}

static u64 num_destroy(struct vm_run *run, u64 it, u64 r2, u64 r3, u64 r4, u64 r5)
{
	if (owns_iter(run, it, sizeof(struct iter_num), VM_MEM_WRITE))
		memset(ptr_of(it), 0, sizeof(struct iter_num));
	return 0;
}

/* --- bits ------------------------------------------------------------------------------------ */

#define MAX_WORDS 511

struct iter_bits { /* 16 bytes in Linux: the words, or a copy of them, and how far we are */
	u64 words; /* the address in the program's memory, or the only word itself */
	s32 bit;
	u32 nr_bits;
};

static u64 bits_new(struct vm_run *run, u64 it, u64 addr, u64 nr, u64 r4, u64 r5)
{
	struct iter_bits *b = ptr_of(it);

	if (!owns_iter(run, it, sizeof(*b), VM_MEM_WRITE))
		return 0;
	memset(b, 0, sizeof(*b));
	if (!addr || !(u32)nr)
		return -EINVAL;
	if ((u32)nr > MAX_WORDS)
		return -E2BIG;
	if (!vm_may(run, addr, (u64)(u32)nr * 8, VM_MEM_READ))
		return -EFAULT;
	*b = (struct iter_bits){addr, -1, (u32)nr * 64};
	return 0;
}

static u64 bits_next(struct vm_run *run, u64 it, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct iter_bits *b = ptr_of(it);
	u64 word;

	if (!owns_iter(run, it, sizeof(*b), VM_MEM_READ | VM_MEM_WRITE))
		return 0;
	if (b->nr_bits > MAX_WORDS * 64 || b->bit < -1) /* not what bits_new wrote */
		b->nr_bits = 0;
	while ((s64)b->bit + 1 < (s64)b->nr_bits) {
		b->bit++;
		if (mem_read_kernel(run, &word, 8, b->words + (u32)b->bit / 64 * 8))
			break;
		if (word >> (b->bit & 63) & 1)
			return (uintptr_t)&b->bit;
	}
	b->nr_bits = 0;
	return 0;
}

/* --- strings of the process --------------------------------------------------------------------
 */

static u64 copy_str(struct vm_run *run, u64 dst, u64 size, u64 addr, u64 flags)
{
	long len;

	if (flags & ~(u64)SPEC_F_PAD_ZEROS)
		return -EINVAL;
	size = (u32)size;
	if (!size)
		return 0;
	if (!owns(run, 1, dst, size, VM_MEM_WRITE))
		return 0;
	len = mem_read_user_str(run, ptr_of(dst), size, addr);
	if (len < 0)
		memset(ptr_of(dst), 0, flags ? size : 1);
	else if (flags)
		mem_zero((char *)ptr_of(dst) + len, size - len);
	return len;
}

static u64 user_str(struct vm_run *run, u64 dst, u64 size, u64 addr, u64 flags, u64 r5)
{
	return copy_str(run, dst, size, addr, flags);
}

static u64 user_task_str(struct vm_run *run, u64 dst, u64 size, u64 addr, u64 task, u64 flags)
{
	if (task == (uintptr_t)run->env->task.kobj)
		return copy_str(run, dst, size, addr, flags);
	if (owns(run, 1, dst, (u32)size, VM_MEM_WRITE))
		mem_zero(ptr_of(dst), flags & SPEC_F_PAD_ZEROS ? (u32)size : (u32)size ? 1 : 0);
	return -EFAULT;
}

/* --- locks that may be refused --------------------------------------------------------------- */

static u64 res_lock(struct vm_run *run, u64 lock, u64 r2, u64 r3, u64 r4, u64 r5)
{
	if (lock & 3 || !owns(run, 1, lock, 8, VM_MEM_READ | VM_MEM_WRITE))
		return vm_fault(run, "argument 1 must be a struct bpf_res_spin_lock");
	return vm_take_lock(run, ptr_of(lock)) ? 0 : -ETIMEDOUT;
}

static u64 res_unlock(struct vm_run *run, u64 lock, u64 r2, u64 r3, u64 r4, u64 r5)
{
	if (lock & 3 || !owns(run, 1, lock, 8, VM_MEM_READ | VM_MEM_WRITE))
		return vm_fault(run, "argument 1 must be a struct bpf_res_spin_lock");
	__atomic_store_n((u32 *)ptr_of(lock), 0, __ATOMIC_RELEASE);
	return 0;
}

/* --- the end of a run ------------------------------------------------------------------------ */

/* bpf_throw: all frames are left at once. The answer is the cookie, as Linux' default callback has
 * it, or what the program's own says (interp.c). */
static u64 throw_out(struct vm_run *run, u64 cookie, u64 r2, u64 r3, u64 r4, u64 r5)
{
	if (!run->err) {
		run->err = VM_THROWN;
		run->thrown = cookie;
	}
	return 0;
}

/* --- maps ------------------------------------------------------------------------------------ */

static long count_elem(struct map *map, void *key, void *value, void *ctx)
{
	return 0;
}

static u64 sum_elem_count(struct vm_run *run, u64 map, u64 r2, u64 r3, u64 r4, u64 r5)
{
	long nr;

	if (!vm_is_map(run->vm, map))
		return vm_fault(run, "argument 1 must be a map");
	vm_charge(run, ((const struct map *)ptr_of(map))->def.max_entries);
	nr = map_for_each(ptr_of(map), count_elem, NULL, 0);
	return nr < 0 ? 0 : nr;
}

/* --- strings --------------------------------------------------------------------------------- */

#define MAX_STR 4096 /* XATTR_SIZE_MAX in Linux; what its functions look at */

/* The next byte, or -EFAULT through *err. */
static int byte_at(struct vm_run *run, u64 addr, long *err)
{
	u8 c = 0;

	vm_charge(run, 4);
	if (mem_read_kernel(run, &c, 1, addr))
		*err = addr < MEM_USER_END + 4096 ? -ERANGE : -EFAULT;
	return c;
}

static long compare(struct vm_run *run, u64 a, u64 b, bool fold)
{
	long err = 0;

	for (u32 i = 0; i < MAX_STR; i++) {
		int x = byte_at(run, a + i, &err), y = byte_at(run, b + i, &err);

		if (err)
			return err;
		if (fold) {
			x = tolower(x);
			y = tolower(y);
		}
		if (x != y)
			return x < y ? -1 : 1;
		if (!x)
			return 0;
	}
	return -E2BIG;
}

static u64 str_cmp(struct vm_run *run, u64 a, u64 b, u64 r3, u64 r4, u64 r5)
{
	return compare(run, a, b, false);
}

static u64 str_casecmp(struct vm_run *run, u64 a, u64 b, u64 r3, u64 r4, u64 r5)
{
	return compare(run, a, b, true);
}

/* Where c is in the first max bytes. to_end: a NUL counts as found (strchrnul, strlen). */
static long find_char(struct vm_run *run, u64 s, u64 max, char c, bool to_end)
{
	long err = 0;

	for (u64 i = 0; i < max && i < MAX_STR; i++) {
		int x = byte_at(run, s + i, &err);

		if (err)
			return err;
		if (x == (u8)c || (!x && to_end))
			return i;
		if (!x)
			return -ENOENT;
	}
	return max <= MAX_STR ? -ENOENT : -E2BIG;
}

static u64 str_chr(struct vm_run *run, u64 s, u64 c, u64 r3, u64 r4, u64 r5)
{
	return find_char(run, s, ULLONG_MAX, c, false);
}

static u64 str_nchr(struct vm_run *run, u64 s, u64 max, u64 c, u64 r4, u64 r5)
{
	return find_char(run, s, max, c, false);
}

static u64 str_chrnul(struct vm_run *run, u64 s, u64 c, u64 r3, u64 r4, u64 r5)
{
	return find_char(run, s, ULLONG_MAX, c, true);
}

static u64 str_len(struct vm_run *run, u64 s, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return find_char(run, s, ULLONG_MAX, 0, true);
}

static u64 str_nlen(struct vm_run *run, u64 s, u64 max, u64 r3, u64 r4, u64 r5)
{
	long n = find_char(run, s, max, 0, true);

	return n == -ENOENT ? (long)max : n;
}

static u64 str_rchr(struct vm_run *run, u64 s, u64 c, u64 r3, u64 r4, u64 r5)
{
	long last = -ENOENT, err = 0;

	for (u32 i = 0; i < MAX_STR; i++) {
		int x = byte_at(run, s + i, &err);

		if (err)
			return err;
		if (x == (s32)c) /* a byte and an int, as in Linux */
			last = i;
		if (!x)
			return last;
	}
	return -E2BIG;
}

/* How far s consists of (or, with `not`, avoids) the bytes of a set. */
static long span(struct vm_run *run, u64 s, u64 set, bool not )
{
	long err = 0;

	for (u32 i = 0; i < MAX_STR; i++) {
		int x = byte_at(run, s + i, &err);
		long at = !err && x ? find_char(run, set, ULLONG_MAX, x, false) : -ENOENT;

		if (err || (at < 0 && at != -ENOENT))
			return err ?: at;
		if (!x || (at >= 0) == not )
			return i;
	}
	return -E2BIG;
}

static u64 str_spn(struct vm_run *run, u64 s, u64 set, u64 r3, u64 r4, u64 r5)
{
	return span(run, s, set, false);
}

static u64 str_cspn(struct vm_run *run, u64 s, u64 set, u64 r3, u64 r4, u64 r5)
{
	return span(run, s, set, true);
}

/* Does `what` begin at s, within max bytes? 1, 0 or -errno. */
static long begins(struct vm_run *run, u64 s, u64 what, u64 max)
{
	long err = 0;

	for (u64 i = 0; i < MAX_STR; i++) {
		int y = byte_at(run, what + i, &err), x;

		if (err || !y)
			return err ?: 1;
		if (i >= max)
			return 0;
		x = byte_at(run, s + i, &err);
		if (err || x != y)
			return err;
	}
	return -E2BIG;
}

static long find_str(struct vm_run *run, u64 s, u64 what, u64 max)
{
	long err = 0;

	for (u64 i = 0; i < MAX_STR && i <= max; i++) {
		long found = begins(run, s + i, what, max - i);

		if (found)
			return found < 0 ? found : (long)i;
		if (i == max || !byte_at(run, s + i, &err) || err)
			return err ?: -ENOENT;
	}
	return -E2BIG;
}

static u64 str_str(struct vm_run *run, u64 s, u64 what, u64 r3, u64 r4, u64 r5)
{
	return find_str(run, s, what, ULLONG_MAX);
}

static u64 str_nstr(struct vm_run *run, u64 s, u64 what, u64 max, u64 r4, u64 r5)
{
	return find_str(run, s, what, max);
}

/* --- the table ------------------------------------------------------------------------------- */

/* Of a packet: the model's sk_buff or xdp_buff; of anything else the context is what it is. */
static u64 kern_ctx(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct vm_pkt *pkt = run->env->pkt;

	return pkt && pkt->kobj && r1 == (uintptr_t)run->ctx ? (uintptr_t)pkt->kobj : r1;
}

const struct vm_kfunc kfuncs_common[] = {
	{"bpf_iter_num_new", num_new},
	{"bpf_iter_num_next", num_next},
	{"bpf_iter_num_destroy", num_destroy},
	{"bpf_iter_bits_new", bits_new},
	{"bpf_iter_bits_next", bits_next},
	{"bpf_iter_bits_destroy", nothing},
	{"bpf_rcu_read_lock", nothing},
	{"bpf_rcu_read_unlock", nothing},
	{"bpf_preempt_disable", nothing},
	{"bpf_preempt_enable", nothing},
	{"bpf_local_irq_save", nothing},
	{"bpf_local_irq_restore", nothing},
	{"bpf_cgroup_acquire", same},
	{"bpf_cgroup_release", nothing},
	{"bpf_cast_to_kern_ctx", kern_ctx},
	{"bpf_rdonly_cast", same},
	{"bpf_copy_from_user_str", user_str},
	{"bpf_copy_from_user_task_str", user_task_str},
	{"bpf_res_spin_lock", res_lock},
	{"bpf_res_spin_lock_irqsave", res_lock},
	{"bpf_res_spin_unlock", res_unlock},
	{"bpf_res_spin_unlock_irqrestore", res_unlock},
	{"bpf_throw", throw_out},
	{"bpf_map_sum_elem_count", sum_elem_count},
	{"bpf_strcmp", str_cmp},
	{"bpf_strcasecmp", str_casecmp},
	{"bpf_strchr", str_chr},
	{"bpf_strnchr", str_nchr},
	{"bpf_strchrnul", str_chrnul},
	{"bpf_strrchr", str_rchr},
	{"bpf_strlen", str_len},
	{"bpf_strnlen", str_nlen},
	{"bpf_strspn", str_spn},
	{"bpf_strcspn", str_cspn},
	{"bpf_strstr", str_str},
	{"bpf_strnstr", str_nstr},
	{NULL, NULL},
};
