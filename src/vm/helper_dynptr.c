/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Dynptrs: made from memory, a record of a ring buffer or a packet, read and written in bounds. */
#include "spec/spec.h"
#include "vm/dynptr.h"
#include "vm/mem.h"
#include "vm/pkt.h"
#include "vm/state.h"
#include <errno.h>
#include <string.h>

#define SIZE_MASK  0xffffffu
#define TYPE_SHIFT 28
#define TYPE_MASK  7u
#define RDONLY     (1u << 31)

static void *ptr_of(u64 r)
{
	return (void *)(uintptr_t)r;
}

static enum dynptr_type type_of(const struct vm_dynptr *p)
{
	return p->size >> TYPE_SHIFT & TYPE_MASK;
}

u32 dynptr_len(const struct vm_dynptr *p)
{
	return p->size & SIZE_MASK;
}

struct vm_dynptr dynptr_make(const void *data, u32 size, enum dynptr_type type, bool rdonly)
{
	return (struct vm_dynptr){
		.data = (uintptr_t)data,
		.size = (size & SIZE_MASK) | (u32)type << TYPE_SHIFT | (rdonly ? RDONLY : 0),
	};
}

bool dynptr_load(struct vm_run *run, u64 addr, struct vm_dynptr *ret)
{
	if (!vm_may(run, addr, sizeof(*ret), VM_MEM_READ)) {
		vm_fault(run, "expected a dynptr at %#llx", (unsigned long long)addr);
		return false;
	}
	memcpy(ret, ptr_of(addr), sizeof(*ret));
	return true;
}

bool dynptr_store(struct vm_run *run, u64 addr, const struct vm_dynptr *p)
{
	if (!vm_may(run, addr, sizeof(*p), VM_MEM_WRITE)) {
		vm_fault(run, "expected room for a dynptr at %#llx", (unsigned long long)addr);
		return false;
	}
	memcpy(ptr_of(addr), p, sizeof(*p));
	return true;
}

static bool set_null(struct vm_run *run, u64 addr)
{
	struct vm_dynptr null = {0};

	return dynptr_store(run, addr, &null);
}

/* --- bytes behind a dynptr ------------------------------------------------------------------- */

static long check_bounds(const struct vm_dynptr *p, u32 off, u32 len)
{
	return in_bounds(off, len, dynptr_len(p)) ? 0 : -E2BIG;
}

static bool is_pkt(const struct vm_dynptr *p)
{
	return type_of(p) == DYNPTR_SKB || type_of(p) == DYNPTR_XDP;
}

/* The packet that a dynptr names; only this run's own can be meant. */
static struct vm_pkt *pkt_of(struct vm_run *run, const struct vm_dynptr *p)
{
	if (run->env->pkt && p->data == (uintptr_t)run->env->pkt)
		return run->env->pkt;
	vm_fault(run, "the dynptr is not of this packet");
	return NULL;
}

/* The bytes, if they lie in one piece and the program may touch them; else NULL. */
static void *bytes_at(struct vm_run *run, const struct vm_dynptr *p, u32 off, u32 len, u32 flags)
{
	u64 addr = p->data + p->off + off;
	struct vm_pkt *pkt;

	if (is_pkt(p)) {
		pkt = pkt_of(run, p);
		if (pkt && flags & VM_MEM_WRITE && !pkt->may_write)
			return NULL;
		return pkt ? (void *)vm_pkt_at(pkt, p->off + off, len) : NULL;
	}
	if (vm_may(run, addr, len, flags))
		return ptr_of(addr);
	vm_fault(run, "the dynptr's %u bytes at %#llx are not the program's", len,
		 (unsigned long long)addr);
	return NULL;
}

long dynptr_read(struct vm_run *run, const struct vm_dynptr *p, u32 off, void *buf, u32 len)
{
	const void *from;
	long err;

	if (!p->data)
		return -EINVAL;
	err = check_bounds(p, off, len);
	if (err)
		return err;
	from = bytes_at(run, p, off, len, VM_MEM_READ);
	if (from)
		mem_copy(buf, from, len);
	else if (type_of(p) == DYNPTR_SKB) /* as bpf_skb_load_bytes */
		mem_zero(buf, len);
	return from ? 0 : -EFAULT;
}

/* Writing to an skb takes bpf_skb_store_bytes' flags, whose sums are the net's business. */
static long write_pkt(struct vm_run *run, const struct vm_dynptr *p, u32 off, const void *buf,
		      u32 len, u64 flags)
{
	vm_helper_fn store = vm_helper_find(type_of(p) == DYNPTR_SKB ? SPEC_HELPER_skb_store_bytes
								     : SPEC_HELPER_xdp_store_bytes,
					    NULL);

	if (!pkt_of(run, p) || !store)
		return -EINVAL;
	if (type_of(p) == DYNPTR_XDP && flags)
		return -EINVAL;
	return store(run, (uintptr_t)run->ctx, p->off + off, (uintptr_t)buf, len, flags);
}

long dynptr_write(struct vm_run *run, const struct vm_dynptr *p, u32 off, const void *buf, u32 len,
		  u64 flags)
{
	long err;
	void *to;

	if (!p->data || p->size & RDONLY)
		return -EINVAL;
	err = check_bounds(p, off, len);
	if (err)
		return err;
	if (is_pkt(p))
		return write_pkt(run, p, off, buf, len, flags);
	if (flags)
		return -EINVAL;
	to = bytes_at(run, p, off, len, VM_MEM_WRITE);
	if (to)
		mem_copy(to, buf, len);
	return 0;
}

/* --- the helpers ----------------------------------------------------------------------------- */

static u64 from_mem(struct vm_run *run, u64 data, u64 size, u64 flags, u64 ptr, u64 r5)
{
	struct vm_dynptr p = dynptr_make(ptr_of(data), size, DYNPTR_LOCAL, false);
	long err = (u32)size > SIZE_MASK ? -E2BIG : flags ? -EINVAL : 0;

	if (err)
		set_null(run, ptr);
	else
		dynptr_store(run, ptr, &p);
	return err;
}

static u64 read_(struct vm_run *run, u64 dst, u64 len, u64 src, u64 off, u64 flags)
{
	struct vm_dynptr p;

	if (!dynptr_load(run, src, &p))
		return 0;
	return flags ? -EINVAL : dynptr_read(run, &p, off, ptr_of(dst), len);
}

static u64 write_(struct vm_run *run, u64 dst, u64 off, u64 src, u64 len, u64 flags)
{
	struct vm_dynptr p;

	if (!dynptr_load(run, dst, &p))
		return 0;
	return dynptr_write(run, &p, off, ptr_of(src), len, flags);
}

static u64 data(struct vm_run *run, u64 ptr, u64 off, u64 len, u64 r4, u64 r5)
{
	struct vm_dynptr p;

	if (!dynptr_load(run, ptr, &p) || !p.data || check_bounds(&p, off, len) ||
	    p.size & RDONLY || is_pkt(&p))
		return 0;
	return (uintptr_t)bytes_at(run, &p, off, len, VM_MEM_WRITE);
}

static u64 ring_reserve(struct vm_run *run, u64 map, u64 size, u64 flags, u64 ptr, u64 r5)
{
	struct vm_dynptr p;
	void *sample;

	if (!set_null(run, ptr))
		return 0;
	if (flags)
		return -EINVAL;
	if ((u32)size > SIZE_MASK)
		return -E2BIG;
	sample = ringbuf_reserve((struct map *)ptr_of(map), (u32)size, 0);
	if (!sample)
		return -EINVAL;
	if (!guard_add_record(run, ptr_of(map), sample, (u32)size))
		return 0;
	p = dynptr_make(sample, size, DYNPTR_RINGBUF, false);
	dynptr_store(run, ptr, &p);
	return 0;
}

static u64 ring_end(struct vm_run *run, u64 ptr, u64 flags, bool keep)
{
	struct vm_dynptr p;

	if (!dynptr_load(run, ptr, &p) || !p.data)
		return 0;
	if (type_of(&p) != DYNPTR_RINGBUF)
		return vm_fault(run, "the dynptr is not of bpf_ringbuf_reserve_dynptr");
	vm_ring_finish(run, p.data, flags, keep);
	set_null(run, ptr);
	return 0;
}

static u64 ring_submit(struct vm_run *run, u64 ptr, u64 flags, u64 r3, u64 r4, u64 r5)
{
	return ring_end(run, ptr, flags, true);
}

static u64 ring_discard(struct vm_run *run, u64 ptr, u64 flags, u64 r3, u64 r4, u64 r5)
{
	return ring_end(run, ptr, flags, false);
}

const struct vm_helper helpers_dynptr[] = {
	{SPEC_HELPER_dynptr_from_mem, from_mem},
	{SPEC_HELPER_dynptr_read, read_},
	{SPEC_HELPER_dynptr_write, write_},
	{SPEC_HELPER_dynptr_data, data},
	{SPEC_HELPER_ringbuf_reserve_dynptr, ring_reserve},
	{SPEC_HELPER_ringbuf_submit_dynptr, ring_submit},
	{SPEC_HELPER_ringbuf_discard_dynptr, ring_discard},
	{0, NULL},
};

/* --- kfuncs ---------------------------------------------------------------------------------- */

static u64 slice_of(struct vm_run *run, u64 ptr, u64 off, u64 buf, u64 len, bool rdwr)
{
	struct vm_dynptr p;
	void *at;

	if (!dynptr_load(run, ptr, &p) || !p.data || (rdwr && p.size & RDONLY) ||
	    check_bounds(&p, off, len))
		return 0;
	at = bytes_at(run, &p, off, len, rdwr ? VM_MEM_READ | VM_MEM_WRITE : VM_MEM_READ);
	return (uintptr_t)at;
}

/* Packets are in one piece here, so the buffer that would take a copy is never needed. */
static u64 slice(struct vm_run *run, u64 ptr, u64 off, u64 buf, u64 len, u64 r5)
{
	return slice_of(run, ptr, off, buf, len, false);
}

static u64 slice_rdwr(struct vm_run *run, u64 ptr, u64 off, u64 buf, u64 len, u64 r5)
{
	return slice_of(run, ptr, off, buf, len, true);
}

static u64 adjust(struct vm_run *run, u64 ptr, u64 start, u64 end, u64 r4, u64 r5)
{
	struct vm_dynptr p;
	u32 s = start, e = end;

	if (!dynptr_load(run, ptr, &p))
		return 0;
	if (!p.data || s > e)
		return -EINVAL;
	if (e > dynptr_len(&p))
		return -ERANGE;
	p.off += s;
	p.size = (p.size & ~SIZE_MASK) | (e - s);
	dynptr_store(run, ptr, &p);
	return 0;
}

static u64 is_null(struct vm_run *run, u64 ptr, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct vm_dynptr p;

	return dynptr_load(run, ptr, &p) && !p.data;
}

static u64 is_rdonly(struct vm_run *run, u64 ptr, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct vm_dynptr p;

	return dynptr_load(run, ptr, &p) && p.data && p.size & RDONLY;
}

static u64 size(struct vm_run *run, u64 ptr, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct vm_dynptr p;

	if (!dynptr_load(run, ptr, &p))
		return 0;
	return p.data ? dynptr_len(&p) : (u32)-EINVAL;
}

static u64 clone_(struct vm_run *run, u64 ptr, u64 to, u64 r3, u64 r4, u64 r5)
{
	struct vm_dynptr p;

	if (!dynptr_load(run, ptr, &p))
		return 0;
	if (!p.data)
		p = (struct vm_dynptr){0};
	dynptr_store(run, to, &p);
	return p.data ? 0 : -EINVAL;
}

/* Between dynptrs in steps, since either may be a packet. Overlapping is fine, as in memmove. */
static u64 copy(struct vm_run *run, u64 dst, u64 dst_off, u64 src, u64 src_off, u64 len)
{
	struct vm_dynptr d, s;
	const void *from;

	if (!dynptr_load(run, dst, &d) || !dynptr_load(run, src, &s))
		return 0;
	if (!d.data || !s.data || d.size & RDONLY)
		return -EINVAL;
	/* numbers of 32 bits: a caller may leave anything above them */
	if (check_bounds(&s, (u32)src_off, (u32)len) || check_bounds(&d, (u32)dst_off, (u32)len))
		return -E2BIG;
	from = bytes_at(run, &s, src_off, len, VM_MEM_READ);
	return from ? dynptr_write(run, &d, dst_off, from, len, 0) : -EFAULT;
}

static u64 memset_(struct vm_run *run, u64 ptr, u64 off, u64 len, u64 value, u64 r5)
{
	struct vm_dynptr p;
	void *to;

	if (!dynptr_load(run, ptr, &p))
		return 0;
	if (!p.data || p.size & RDONLY)
		return -EINVAL;
	if (check_bounds(&p, (u32)off, (u32)len))
		return -E2BIG;
	to = bytes_at(run, &p, off, len, VM_MEM_WRITE);
	if (to && (u32)len)
		memset(to, (u8)value, (u32)len);
	return to ? 0 : -EFAULT;
}

static u64 from_pkt(struct vm_run *run, u64 ctx, u64 flags, u64 ptr, enum dynptr_type type)
{
	struct vm_pkt *pkt = run->env->pkt;
	struct vm_dynptr p;

	if (!pkt || (ctx != (uintptr_t)run->ctx && ctx != (uintptr_t)pkt->kobj))
		return vm_fault(run, "argument 1 must be the program's context, a packet");
	if (flags) {
		set_null(run, ptr);
		return -EINVAL;
	}
	p = dynptr_make(pkt, vm_pkt_len(pkt), type, !pkt->may_write);
	dynptr_store(run, ptr, &p);
	return 0;
}

static u64 from_skb(struct vm_run *run, u64 ctx, u64 flags, u64 ptr, u64 r4, u64 r5)
{
	return from_pkt(run, ctx, flags, ptr, DYNPTR_SKB);
}

/* What lies between an sk_buff's metadata and its data; it may be nothing. */
static u64 from_skb_meta(struct vm_run *run, u64 ctx, u64 flags, u64 ptr, u64 r4, u64 r5)
{
	struct vm_pkt *pkt = run->env->pkt;
	struct vm_dynptr p;

	if (!pkt || pkt->kind != VM_PKT_SKB || ctx != (uintptr_t)run->ctx)
		return vm_fault(run, "argument 1 must be the program's context, an sk_buff");
	if (flags) {
		set_null(run, ptr);
		return -EINVAL;
	}
	p = dynptr_make(pkt->meta, (u32)(pkt->data - pkt->meta), DYNPTR_LOCAL, !pkt->may_write);
	dynptr_store(run, ptr, &p);
	return 0;
}

static u64 from_xdp(struct vm_run *run, u64 ctx, u64 flags, u64 ptr, u64 r4, u64 r5)
{
	return from_pkt(run, ctx, flags, ptr, DYNPTR_XDP);
}

/* Memory that may not be there, into a dynptr; a string's length with its NUL is returned. */
static long read_into(struct vm_run *run, u64 ptr, u64 off, u64 size, u64 addr, mem_read_fn read,
		      bool str)
{
	struct vm_dynptr p;
	void *to;
	long err;

	if (!dynptr_load(run, ptr, &p))
		return 0;
	off = (u32)off;
	size = (u32)size;
	if (!p.data || p.size & RDONLY)
		return -EINVAL;
	if (check_bounds(&p, off, size))
		return -E2BIG;
	to = bytes_at(run, &p, off, size, VM_MEM_WRITE);
	if (!to)
		return -EFAULT;
	if (str)
		return read == mem_read_user ? mem_read_user_str(run, to, size, addr)
					     : mem_read_kernel_str(run, to, size, addr);
	err = read(run, to, size, addr);
	return err ? -EFAULT : 0;
}

static u64 user_into(struct vm_run *run, u64 ptr, u64 off, u64 size, u64 addr, u64 r5)
{
	return read_into(run, ptr, off, size, addr, mem_read_user, false);
}

static u64 user_str_into(struct vm_run *run, u64 ptr, u64 off, u64 size, u64 addr, u64 r5)
{
	return read_into(run, ptr, off, size, addr, mem_read_user, true);
}

static u64 kernel_into(struct vm_run *run, u64 ptr, u64 off, u64 size, u64 addr, u64 r5)
{
	return read_into(run, ptr, off, size, addr, mem_read_kernel, false);
}

static u64 kernel_str_into(struct vm_run *run, u64 ptr, u64 off, u64 size, u64 addr, u64 r5)
{
	return read_into(run, ptr, off, size, addr, mem_read_kernel, true);
}

static u64 task_into(struct vm_run *run, u64 ptr, u64 off, u64 size, u64 addr, u64 task)
{
	return task == (uintptr_t)run->env->task.kobj ? user_into(run, ptr, off, size, addr, 0)
						      : (u64)-EFAULT;
}

static u64 task_str_into(struct vm_run *run, u64 ptr, u64 off, u64 size, u64 addr, u64 task)
{
	return task == (uintptr_t)run->env->task.kobj ? user_str_into(run, ptr, off, size, addr, 0)
						      : (u64)-EFAULT;
}

const struct vm_kfunc kfuncs_dynptr[] = {
	{"bpf_probe_read_user_dynptr", user_into},
	{"bpf_probe_read_user_str_dynptr", user_str_into},
	{"bpf_probe_read_kernel_dynptr", kernel_into},
	{"bpf_probe_read_kernel_str_dynptr", kernel_str_into},
	{"bpf_copy_from_user_dynptr", user_into},
	{"bpf_copy_from_user_str_dynptr", user_str_into},
	{"bpf_copy_from_user_task_dynptr", task_into},
	{"bpf_copy_from_user_task_str_dynptr", task_str_into},
	{"bpf_dynptr_slice", slice},
	{"bpf_dynptr_slice_rdwr", slice_rdwr},
	{"bpf_dynptr_adjust", adjust},
	{"bpf_dynptr_is_null", is_null},
	{"bpf_dynptr_is_rdonly", is_rdonly},
	{"bpf_dynptr_size", size},
	{"bpf_dynptr_clone", clone_},
	{"bpf_dynptr_copy", copy},
	{"bpf_dynptr_memset", memset_},
	{"bpf_dynptr_from_skb", from_skb},
	{"bpf_dynptr_from_xdp", from_xdp},
	{"bpf_dynptr_from_skb_meta", from_skb_meta},
	{NULL, NULL},
};
