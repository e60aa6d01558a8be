/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Objects that programs allocate (bpf_obj_new): a reserved range of addresses that the guard knows,
 * cut into pages of objects of one size each.
 *
 * A program without the verifier before it may write anywhere in the range and release anything,
 * twice. So nothing that this file believes lies in the range: sizes and what is taken are kept
 * beside it, and an object that is not there is not released.
 */
#include "base/mem.h"
#include "vm/code.h"
#include "vm/state.h"
#include <string.h>

#define HEAP_SIZE  (64u << 20) /* of one machine, and a gap behind it */
#define PAGE       4096u
#define NR_PAGES   (HEAP_SIZE / PAGE)
#define MIN_SHIFT  4
#define NR_CLASSES 9 /* 16 bytes to 4096, the most that Linux gives */
#define PER_PAGE   (PAGE >> MIN_SHIFT)

struct page {
	u8 class; /* + 1; 0: not used yet */
	u16 nr_taken;
	u64 taken[PER_PAGE / 64];
};

struct vm_heap {
	char *base;
	u32 nr_pages;         /* in use: the first ones */
	u32 look[NR_CLASSES]; /* no page before this one has room */
	struct page pages[];
};

struct vm_heap *vm_heap_new(struct vm *vm)
{
	struct vm_heap *h = mem_zalloc(sizeof(*h) + NR_PAGES * sizeof(h->pages[0]));
	void *p = mem_map(HEAP_SIZE + PAGE);
	struct vm_mem mem = {.name = "allocated objects",
			     .base = (uintptr_t)p,
			     .size = HEAP_SIZE,
			     .flags = VM_MEM_READ | VM_MEM_WRITE};

	if (h)
		h->base = p;
	if (!h || !h->base || guard_add_heap(vm, &mem)) {
		mem_unmap(p, HEAP_SIZE + PAGE);
		mem_free(h);
		return NULL;
	}
	return h;
}

void vm_heap_free(struct vm_heap *h)
{
	if (!h)
		return;
	mem_unmap(h->base, HEAP_SIZE + PAGE);
	mem_free(h);
}

static u32 class_of(size_t size)
{
	u32 class = 0;

	while (((size_t)1 << (MIN_SHIFT + class)) < size)
		class ++;
	return class;
}

static u32 per_page(u32 class)
{
	return PER_PAGE >> class;
}

static void *take(struct vm_heap *h, u32 page, u32 class)
{
	struct page *p = &h->pages[page];
	u32 i = 0;
	char *obj;

	while (p->taken[i / 64] >> i % 64 & 1)
		i++;
	p->taken[i / 64] |= 1ull << i % 64;
	p->nr_taken++;
	obj = h->base + (size_t)page * PAGE + ((size_t)i << (MIN_SHIFT + class));
	memset(obj, 0, (size_t)1 << (MIN_SHIFT + class));
	return obj;
}

static void *alloc(struct vm_heap *h, u32 class)
{
	u32 page = h->look[class];

	for (; page < h->nr_pages; page++)
		if (h->pages[page].class == class + 1 && h->pages[page].nr_taken < per_page(class))
			break;
	if (page == NR_PAGES)
		return NULL;
	if (page == h->nr_pages) {
		h->pages[page].class = class + 1;
		h->nr_pages++;
	}
	h->look[class] = page;
	return take(h, page, class);
}

void *vm_heap_alloc(struct vm_state *st, size_t size)
{
	void *obj;

	if (size > PAGE)
		return NULL;
	pthread_mutex_lock(&st->lock);
	obj = alloc(st->heap, class_of(size));
	pthread_mutex_unlock(&st->lock);
	return obj;
}

/* Which object begins at addr; false: none. */
static bool find(const struct vm_heap *h, u64 addr, u32 *ret_page, u32 *ret_idx)
{
	u64 off = addr - (uintptr_t)h->base;
	u32 page = off / PAGE, in_page = off % PAGE, shift;

	if (off >= HEAP_SIZE || !h->pages[page].class)
		return false;
	shift = MIN_SHIFT + h->pages[page].class - 1;
	*ret_page = page;
	*ret_idx = in_page >> shift;
	return !(in_page & ((1u << shift) - 1)) &&
	       h->pages[page].taken[*ret_idx / 64] >> *ret_idx % 64 & 1;
}

bool vm_heap_release(struct vm_state *st, u64 addr)
{
	struct vm_heap *h = st->heap;
	u32 page, idx, class;
	bool found;

	pthread_mutex_lock(&st->lock);
	found = find(h, addr, &page, &idx);
	if (found) {
		h->pages[page].taken[idx / 64] &= ~(1ull << idx % 64);
		h->pages[page].nr_taken--;
		class = h->pages[page].class - 1;
		h->look[class] = min_u64(h->look[class], page);
	}
	pthread_mutex_unlock(&st->lock);
	return found;
}

bool vm_heap_at(struct vm_state *st, u64 addr, u64 *ret_base, u64 *ret_size)
{
	struct vm_heap *h = st->heap;
	u64 off = addr - (uintptr_t)h->base, size;
	u32 page, idx;
	bool found;

	pthread_mutex_lock(&st->lock);
	if (off < HEAP_SIZE && h->pages[off / PAGE].class) {
		size = 1ull << (MIN_SHIFT + h->pages[off / PAGE].class - 1);
		*ret_base = addr - (off & (size - 1));
		*ret_size = size;
		found = find(h, *ret_base, &page, &idx);
	} else {
		found = false;
	}
	pthread_mutex_unlock(&st->lock);
	return found;
}
