/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Objects that programs allocate: a reserved range of addresses that the guard knows, cut into
 * pages of objects of one size each, and into spans of pages for what is larger.
 *
 * A program without the verifier before it may write anywhere in its objects and release anything,
 * twice. So nothing that this file believes lies in the range: what an object is stands in a
 * struct vm_obj beside it, and an object that is not there is not released.
 *
 * An object that was given back may be used again at once; one whose type has a bpf_refcount stays
 * until all readers have left, as in the kernel. A run may not touch what it gave back itself, nor
 * what was gone before it began; what another thread gave back meanwhile it may still look at.
 *
 * All functions but vm_heap_new and _free want st->lock to be held.
 */
#include "vm/heap.h"
#include "base/mem.h"
#include "vm/code.h"
#include <sched.h>
#include <string.h>

#define HEAP_SIZE  (64u << 20) /* of one machine, and a gap behind it */
#define PAGE       4096u
#define NR_PAGES   (HEAP_SIZE / PAGE)
#define MIN_SHIFT  6
#define NR_CLASSES 7 /* 64 bytes to 4096, the most that Linux gives */
#define SPAN       (NR_CLASSES + 1)
#define TAIL       (NR_CLASSES + 2)

struct page {
	u8 class; /* + 1; SPAN: the first of some pages; TAIL: a later one; 0: not used yet */
	u16 nr_taken;
	u32 span; /* pages from here, or back to the first */
	struct vm_obj *objs;
};

struct vm_heap {
	char *base;
	u64 nr_freed;
	u32 nr_dying;         /* that wait for readers */
	u32 nr_pages;         /* in use: the first ones */
	u32 look[NR_CLASSES]; /* no page before this one has room */
	struct page pages[NR_PAGES];
};

struct vm_heap *vm_heap_new(struct vm *vm)
{
	struct vm_heap *h = mem_map(sizeof(*h));
	void *p = mem_map(HEAP_SIZE + PAGE);
	struct vm_mem mem = {.name = "allocated objects",
			     .base = (uintptr_t)p,
			     .size = HEAP_SIZE,
			     .flags = VM_MEM_READ | VM_MEM_WRITE};

	if (!h || !p || guard_add_heap(vm, &mem)) {
		mem_unmap(p, HEAP_SIZE + PAGE);
		mem_unmap(h, sizeof(*h));
		return NULL;
	}
	h->base = p;
	return h;
}

void vm_heap_free(struct vm_heap *h)
{
	if (!h)
		return;
	while (__atomic_load_n(&h->nr_dying, __ATOMIC_ACQUIRE)) {
		map_defer_flush();
		sched_yield(); /* another thread may be freeing them */
	}
	for (u32 i = 0; i < h->nr_pages; i++)
		mem_free(h->pages[i].objs);
	mem_unmap(h->base, HEAP_SIZE + PAGE);
	mem_unmap(h, sizeof(*h));
}

/* --- allocating ------------------------------------------------------------------------------- */

static u32 class_of(size_t size)
{
	u32 class = 0;

	while (((size_t)1 << (MIN_SHIFT + class)) < size)
		class ++;
	return class;
}

static u32 per_page(u32 class)
{
	return PAGE >> MIN_SHIFT >> class;
}

static bool use_page(struct vm_heap *h, u32 page, u32 class, u32 span)
{
	struct page *p = &h->pages[page];

	p->objs = mem_calloc(class < NR_CLASSES ? per_page(class) : 1, sizeof(*p->objs));
	if (!p->objs)
		return false;
	p->class = class < NR_CLASSES ? class + 1 : SPAN;
	p->span = span;
	for (u32 i = 1; i < span; i++)
		h->pages[page + i] = (struct page){.class = TAIL, .span = i};
	h->nr_pages += span;
	return true;
}

static struct vm_obj *take_small(struct vm_heap *h, u32 class)
{
	u32 page = h->look[class], i = 0;
	struct page *p;

	for (; page < h->nr_pages; page++)
		if (h->pages[page].class == class + 1 && h->pages[page].nr_taken < per_page(class))
			break;
	if (page == NR_PAGES || (page == h->nr_pages && !use_page(h, page, class, 1)))
		return NULL;
	h->look[class] = page;
	p = &h->pages[page];
	while (p->objs[i].state != OBJ_FREE)
		i++;
	p->nr_taken++;
	p->objs[i].base = h->base + (size_t)page * PAGE + ((size_t)i << (MIN_SHIFT + class));
	return &p->objs[i];
}

static struct vm_obj *take_span(struct vm_heap *h, u32 span)
{
	u32 page = 0;

	for (; page < h->nr_pages; page++)
		if (h->pages[page].class == SPAN && h->pages[page].span == span &&
		    !h->pages[page].nr_taken)
			break;
	if (span > NR_PAGES - page || (page == h->nr_pages && !use_page(h, page, NR_CLASSES, span)))
		return NULL;
	h->pages[page].nr_taken++;
	h->pages[page].objs->base = h->base + (size_t)page * PAGE;
	return h->pages[page].objs;
}

struct vm_obj *vm_heap_alloc(struct vm_state *st, size_t size)
{
	struct vm_obj *o;

	if (!size || size > HEAP_SIZE)
		return NULL;
	o = size <= PAGE ? take_small(st->heap, class_of(size))
			 : take_span(st->heap, (u32)((size + PAGE - 1) / PAGE));
	if (!o)
		return NULL;
	*o = (struct vm_obj){
		.base = o->base, .size = (u32)size, .refs = 1, .state = OBJ_LIVE, .st = st};
	memset(o->base, 0, align_up(size, 8));
	return o;
}

/* --- finding and giving back ------------------------------------------------------------------ */

/* The slot that an address lies in, taken or not; NULL: there is none. */
static struct vm_obj *slot_at(struct vm_heap *h, u64 addr)
{
	u64 off = addr - (uintptr_t)h->base;
	u32 page = (u32)(off / PAGE);

	if (off >= HEAP_SIZE || !h->pages[page].class)
		return NULL;
	if (h->pages[page].class == TAIL)
		page -= h->pages[page].span;
	if (h->pages[page].class == SPAN)
		return h->pages[page].objs;
	return &h->pages[page].objs[off % PAGE >> (MIN_SHIFT + h->pages[page].class - 1)];
}

struct vm_obj *vm_heap_obj(struct vm_state *st, u64 addr)
{
	struct vm_obj *o = slot_at(st->heap, addr);

	return o && o->state == OBJ_LIVE && addr - (uintptr_t)o->base < o->size ? o : NULL;
}

bool vm_heap_at(struct vm_run *run, u64 addr, u64 *ret_base, u64 *ret_size)
{
	struct vm_state *st = vm_state_of(run->vm);
	bool ok = false;
	struct vm_obj *o;

	pthread_mutex_lock(&st->lock);
	o = slot_at(st->heap, addr);
	if (o && o->base) {
		*ret_base = (uintptr_t)o->base;
		*ret_size = o->size;
		if (o->cpu_step) {
			*ret_base = addr - (addr - *ret_base) % o->cpu_step;
			*ret_size = o->type->size;
		}
		ok = addr - *ret_base < *ret_size && addr - (uintptr_t)o->base < o->size &&
		     (o->state == OBJ_LIVE ||
		      (o->freed_at > run->heap_start && o->freed_by != run));
	}
	pthread_mutex_unlock(&st->lock);
	return ok;
}

u64 vm_heap_now(const struct vm_state *st)
{
	return __atomic_load_n(&st->heap->nr_freed, __ATOMIC_RELAXED);
}

static void give(struct vm_heap *h, struct vm_obj *o)
{
	u32 page = (u32)((u64)(o->base - h->base) / PAGE), class = h->pages[page].class - 1;

	o->state = OBJ_FREE;
	h->pages[page].nr_taken--;
	if (class < NR_CLASSES)
		h->look[class] = min_u64(h->look[class], page);
}

static void give_later(struct map_deferred *node)
{
	struct vm_obj *o = container_of(node, struct vm_obj, deferred);
	struct vm_state *st = o->st;

	pthread_mutex_lock(&st->lock);
	give(st->heap, o);
	pthread_mutex_unlock(&st->lock);
	__atomic_fetch_sub(&st->heap->nr_dying, 1, __ATOMIC_RELEASE);
}

void vm_heap_give(struct vm_state *st, struct vm_obj *o, const struct vm_run *by, bool later)
{
	__atomic_fetch_add(&st->heap->nr_freed, 1, __ATOMIC_RELAXED);
	o->freed_at = st->heap->nr_freed;
	o->freed_by = by;
	if (!later) {
		give(st->heap, o);
		return;
	}
	o->state = OBJ_DYING;
	__atomic_fetch_add(&st->heap->nr_dying, 1, __ATOMIC_RELAXED);
	map_defer(&o->deferred, give_later);
}
