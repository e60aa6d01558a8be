/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Dynptrs: a pointer with bounds that programs hold on their stack. The layout is the kernel's.
 * A program without the verifier before it may have written anything there, so every access
 * through one is checked against what the run may touch.
 */
#ifndef VM_DYNPTR_H
#define VM_DYNPTR_H

#include "vm/run.h"

enum dynptr_type {
	DYNPTR_NULL,
	DYNPTR_LOCAL,
	DYNPTR_RINGBUF,
	DYNPTR_SKB, /* data is the struct vm_pkt of the run */
	DYNPTR_XDP,
};

struct vm_dynptr {
	u64 data; /* 0: null */
	u32 size; /* type in bits 28..30, read-only in bit 31 */
	u32 off;
} __attribute__((aligned(8)));

struct vm_dynptr dynptr_make(const void *data, u32 size, enum dynptr_type type, bool rdonly);
bool dynptr_load(struct vm_run *run, u64 addr, struct vm_dynptr *ret); /* false: a fault */
bool dynptr_store(struct vm_run *run, u64 addr, const struct vm_dynptr *ptr);
u32 dynptr_len(const struct vm_dynptr *ptr);
/* Both 0 or -errno, as bpf_dynptr_read and bpf_dynptr_write; buf has been checked. */
long dynptr_read(struct vm_run *run, const struct vm_dynptr *ptr, u32 off, void *buf, u32 len);
long dynptr_write(struct vm_run *run, const struct vm_dynptr *ptr, u32 off, const void *buf,
		  u32 len, u64 flags);

#endif
