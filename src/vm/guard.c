/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The guard: may a program touch these bytes?
 *
 * Until the verifier stands in front of the interpreter this is the only wall, afterwards it is
 * the verifier's oracle. The invariant: an access is allowed only if all of its bytes lie in one of
 *
 *   the open frames of the stack      the context of this run       env->mem of this run
 *   one value of one map              one element of an inner map   what vm_mem_add added
 *   a record of a ring buffer that this run holds                   one allocated object
 *
 * The regions of a machine are sorted and never overlap, and do not change while programs run;
 * only the inner maps that a map of maps gives are learned on the way, under a lock. The
 * interpreter tests the stack itself and asks here for the rest; what was found is remembered per
 * instruction (struct vm_hit), since one instruction mostly touches one region. Hits in env->mem
 * are forgotten when a helper has changed it.
 */
#include "base/mem.h"
#include "base/vec.h"
#include "vm/code.h"
#include "vm/state.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Addresses that no object ever has: reads of a field through a NULL pointer end up there. */
#define NULL_PAGES 65536

/* --- the table of regions ------------------------------------------------------------------- */

/* The last region that begins at or below addr; NULL: none. */
static const struct vm_region *find(const struct vm_region *r, size_t nr, u64 addr)
{
	size_t lo = 0, hi = nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r[mid].mem.base <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &r[lo - 1] : NULL;
}

static bool overlaps(const struct vm_mem *a, const struct vm_mem *b)
{
	return a->base < b->base + b->size && b->base < a->base + a->size;
}

/* Insert in order. -EEXIST: it overlaps one that is there. */
static int insert(struct vm_region **regions, size_t *nr, size_t *room, const struct vm_region *new)
{
	struct vm_region *r;
	size_t at;

	if (!new->mem.size || new->mem.base + new->mem.size < new->mem.base)
		return new->mem.size ? -EINVAL : 0;
	for (at = *nr; at > 0 && (*regions)[at - 1].mem.base > new->mem.base; at--)
		;
	if ((at > 0 && overlaps(&(*regions)[at - 1].mem, &new->mem)) ||
	    (at < *nr && overlaps(&(*regions)[at].mem, &new->mem)))
		return -EEXIST;
	if (!vec_push((void **)regions, nr, room, sizeof(*r)))
		return -ENOMEM;
	r = *regions;
	memmove(&r[at + 1], &r[at], (*nr - 1 - at) * sizeof(*r));
	r[at] = *new;
	return 0;
}

static struct vm_region region_of_map(const struct map *map)
{
	bool is_ring = map->def.type == BPF_MAP_TYPE_RINGBUF ||
		       map->def.type == SPEC_MAP_USER_RINGBUF;

	return (struct vm_region){
		.map = map,
		.kind = is_ring ? REGION_RING : REGION_PLAIN,
		.mem =
			{
				.base = (uintptr_t)map->mem.base,
				.size = map->mem.base ? map->mem.size : 0,
				.stride = map->mem.stride,
				.off = map->mem.value_off,
				.len = map->mem.value_len,
				.flags = VM_MEM_READ | (map->mem.may_write ? VM_MEM_WRITE : 0),
			},
	};
}

int guard_init(struct vm *vm, struct skep_diag *diag)
{
	for (u32 i = 0; i < vm->nr_maps; i++) {
		struct vm_region r;
		int err;

		if (!vm->maps[i])
			continue;
		r = region_of_map(vm->maps[i]);
		err = insert(&vm->regions, &vm->nr_regions, &vm->room_regions, &r);
		/* the same map under two indices is no harm */
		if (err && err != -EEXIST)
			return diag_set(diag, err, "memory of map %s", vm->maps[i]->def.name);
	}
	return 0;
}

void guard_done(struct vm *vm)
{
	for (size_t i = 0; i < vm->nr_inner; i++)
		map_put((struct map *)vm->inner[i].map);
	mem_free(vm->inner);
	mem_free(vm->regions);
}

int vm_mem_add(struct vm *vm, const struct vm_mem *mem)
{
	struct vm_region r = {.mem = *mem};

	return insert(&vm->regions, &vm->nr_regions, &vm->room_regions, &r);
}

int guard_add_heap(struct vm *vm, const struct vm_mem *mem)
{
	struct vm_region r = {.mem = *mem, .kind = REGION_HEAP};

	return insert(&vm->regions, &vm->nr_regions, &vm->room_regions, &r);
}

/* --- records of ring buffers ----------------------------------------------------------------- */

static void forget_hits(struct vm_exec *x)
{
	memset(x->loads, 0, sizeof(x->loads));
	memset(x->stores, 0, sizeof(x->stores));
}

bool guard_add_record(struct vm_run *run, struct map *map, void *sample, u64 size)
{
	struct vm_exec *x = vm_exec_of(run);

	if (x->nr_records >= LIMIT_RECORDS) {
		ringbuf_discard(map, sample, BPF_RB_NO_WAKEUP);
		vm_fault(run, "more than %d records of ring buffers are reserved at a time",
			 LIMIT_RECORDS);
		return false;
	}
	x->records[x->nr_records++] = (struct vm_record){map, (uintptr_t)sample, size};
	return true;
}

/* The record that an address is in; NULL: none that this run holds. */
static const struct vm_record *record_at(const struct vm_exec *x, u64 addr)
{
	for (u32 i = x->nr_records; i-- > 0;)
		if (addr - x->records[i].base < x->records[i].size)
			return &x->records[i];
	return NULL;
}

struct map *guard_drop_record(struct vm_run *run, u64 sample)
{
	struct vm_exec *x = vm_exec_of(run);

	for (u32 i = x->nr_records; i-- > 0;) {
		struct map *map = x->records[i].map;

		if (x->records[i].base != sample)
			continue;
		x->records[i] = x->records[--x->nr_records];
		forget_hits(x);
		return map;
	}
	return NULL;
}

/* A run that ended with a fault must not stop up the buffer for all others. */
void guard_end(struct vm_exec *x)
{
	while (x->nr_records) {
		const struct vm_record *r = &x->records[--x->nr_records];

		ringbuf_discard(r->map, (void *)r->base, BPF_RB_NO_WAKEUP);
	}
}

/* --- inner maps ----------------------------------------------------------------------------- */

static bool is_map_of_maps(const struct map *map)
{
	return map->def.type == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
	       map->def.type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

static bool is_own_map(const struct vm *vm, u64 ptr)
{
	for (u32 i = 0; i < vm->nr_maps; i++)
		if (ptr && (u64)vm->maps[i] == ptr)
			return true;
	return false;
}

static bool is_inner_map(const struct vm *vm, u64 ptr)
{
	pthread_rwlock_t *lock = (pthread_rwlock_t *)&vm->inner_lock;
	bool found = false;

	if (!vm->has_inner)
		return false;
	pthread_rwlock_rdlock(lock);
	for (size_t i = 0; i < vm->nr_inner && !found; i++)
		found = (u64)vm->inner[i].map == ptr;
	pthread_rwlock_unlock(lock);
	return found;
}

bool vm_is_map(const struct vm *vm, u64 ptr)
{
	return is_own_map(vm, ptr) || is_inner_map(vm, ptr);
}

static int add_inner(struct vm *vm, struct map *inner)
{
	struct vm_region r = region_of_map(inner);
	int err;

	/* a map without memory of its own (a ring buffer) still has a name here */
	if (!r.mem.size)
		r.mem = (struct vm_mem){.base = (uintptr_t)inner, .size = 1};
	if (vm->nr_inner >= LIMIT_INNER_MAPS)
		return -E2BIG;
	err = insert(&vm->inner, &vm->nr_inner, &vm->room_inner, &r);
	if (!err)
		map_get(inner);
	if (!err && inner->def.nr_fields)
		vm_learn_fields(vm->state, inner);
	return err;
}

bool guard_learn_inner(struct vm_exec *x, u64 map_arg, u64 inner)
{
	const struct map *outer = (const struct map *)map_arg;
	struct vm *vm = x->run.vm;
	int err;

	if (!inner || !is_map_of_maps(outer) || vm_is_map(vm, inner))
		return true;
	pthread_rwlock_wrlock(&vm->inner_lock);
	err = add_inner(vm, (struct map *)inner);
	vm->has_inner = true;
	pthread_rwlock_unlock(&vm->inner_lock);
	if (err && err != -EEXIST) {
		vm_fail(&x->run, err, "too many inner maps of map %s", outer->def.name);
		return false;
	}
	return true;
}

/* --- looking up ----------------------------------------------------------------------------- */

/* The piece of a region that an address is in: an element, or all of it. False: between them. */
static bool piece_at(const struct vm_mem *m, u64 addr, u64 *ret_base, u64 *ret_len)
{
	u64 off = addr - m->base, start;

	if (!m->stride) {
		*ret_base = m->base + (m->len ? m->off : 0);
		*ret_len = m->len ? m->len : m->size;
	} else {
		start = off - off % m->stride + m->off;
		*ret_base = m->base + start;
		*ret_len = m->len;
		if (!in_bounds(start, m->len, m->size))
			return false;
	}
	return addr - *ret_base < *ret_len;
}

static bool contains(const struct vm_mem *m, u64 addr)
{
	return addr - m->base < m->size;
}

/* A region of which only what has been handed out may be touched: the piece at addr. */
static bool narrow(struct vm_exec *x, u64 addr, struct vm_region *r)
{
	const struct vm_record *record;
	u64 base, size;

	if (r->kind == REGION_HEAP) {
		if (!vm_heap_at(&x->run, addr, &base, &size))
			return false;
		r->mem.base = base;
		r->mem.size = size;
	} else if (r->kind == REGION_RING) {
		record = record_at(x, addr);
		if (!record)
			return false;
		r->mem.base = record->base;
		r->mem.size = r->mem.len = record->size;
	}
	return true;
}

/* All regions in turn, as they are; true when one of them contains addr. *ret is a copy. */
static bool lookup_whole(struct vm_exec *x, u64 addr, struct vm_region *ret)
{
	struct vm_run *run = &x->run;
	struct vm *vm = run->vm;
	const struct vm_region *r;

	if (addr - (u64)run->ctx < run->ctx_size) {
		*ret = (struct vm_region){.mem = {.name = "the context",
						  .base = (uintptr_t)run->ctx,
						  .size = run->ctx_size,
						  .flags = VM_MEM_READ | VM_MEM_WRITE}};
		return true;
	}
	for (u32 i = 0; i < run->env->nr_mem; i++)
		if (contains(&run->env->mem[i], addr)) {
			*ret = (struct vm_region){.mem = run->env->mem[i]};
			return true;
		}
	r = find(vm->regions, vm->nr_regions, addr);
	if (r && contains(&r->mem, addr)) {
		*ret = *r;
		return true;
	}
	if (!vm->has_inner)
		return false;
	pthread_rwlock_rdlock(&vm->inner_lock);
	r = find(vm->inner, vm->nr_inner, addr);
	r = r && contains(&r->mem, addr) ? r : NULL;
	if (r)
		*ret = *r;
	pthread_rwlock_unlock(&vm->inner_lock);
	return r;
}

static bool lookup(struct vm_exec *x, u64 addr, struct vm_region *ret)
{
	return lookup_whole(x, addr, ret) && narrow(x, addr, ret);
}

/* In one of the frames that are open. */
static bool in_stack(const struct vm_exec *x, u64 addr, u64 len)
{
	u64 size = (u64)x->depth * LIMIT_STACK, off = addr - (vm_stack_top(x) - size);

	return off < size && len <= LIMIT_STACK - off % LIMIT_STACK;
}

/* May it? GUARD_ZERO: it may not, but a load gives 0. *ret_base, *ret_len: the piece. */
static enum guard_answer check(struct vm_exec *x, u64 addr, u64 len, u32 flags, u64 *ret_base,
			       u64 *ret_len)
{
	struct vm_region r;

	*ret_len = 0;
	if (!lookup(x, addr, &r))
		return x->run.prog->probes && addr < NULL_PAGES && flags == VM_MEM_READ
			       ? GUARD_ZERO
			       : GUARD_FAULT;
	if ((r.mem.flags & flags) != flags)
		return GUARD_FAULT;
	if (piece_at(&r.mem, addr, ret_base, ret_len) && len <= *ret_len - (addr - *ret_base))
		return GUARD_OK;
	return r.mem.flags & VM_MEM_ZERO_FAULT && flags == VM_MEM_READ ? GUARD_ZERO : GUARD_FAULT;
}

bool vm_may(struct vm_run *run, u64 addr, u64 len, u32 flags)
{
	struct vm_exec *x = vm_exec_of(run);
	u64 base, piece;

	if (!len)
		return true;
	return in_stack(x, addr, len) ||
	       check(x, addr, len, flags & (VM_MEM_READ | VM_MEM_WRITE), &base, &piece) == GUARD_OK;
}

struct map *vm_map_of(struct vm_run *run, u64 addr)
{
	struct vm_region r;

	return lookup(vm_exec_of(run), addr, &r) ? (struct map *)r.map : NULL;
}

void vm_mem_gone(struct vm_run *run)
{
	forget_hits(vm_exec_of(run));
}

void vm_mem_changed(struct vm_run *run)
{
	guard_refresh(vm_exec_of(run));
}

/* --- faults --------------------------------------------------------------------------------- */

static const char *verb(u32 flags)
{
	return flags & VM_MEM_WRITE ? "write" : "read";
}

static void describe(char *buf, size_t size, const struct vm_region *r, u64 addr)
{
	u64 off = addr - r->mem.base, len;

	if (r->mem.stride)
		off = off % r->mem.stride - r->mem.off;
	else if (r->mem.len)
		off -= r->mem.off;
	len = r->mem.len ? r->mem.len : r->mem.size;
	if (r->map)
		snprintf(buf, size, "offset %lld of a %s of map %s, which has %llu bytes",
			 (long long)off, r->kind == REGION_RING ? "record" : "value",
			 r->map->def.name, (unsigned long long)len);
	else
		snprintf(buf, size, "offset %lld of %s, which has %llu bytes", (long long)off,
			 r->mem.name ? r->mem.name : "memory", (unsigned long long)len);
}

/* Just behind a region's end: the likeliest mistake. */
static bool near_end(struct vm_exec *x, u64 addr, struct vm_region *ret)
{
	for (u64 back = 1; back <= 4096; back *= 2)
		if (addr >= back && lookup(x, addr - back, ret))
			return true;
	return false;
}

static void fault(struct vm_exec *x, u64 addr, u32 size, u32 flags)
{
	u64 fp = vm_stack_top(x) - (u64)(x->depth - 1) * LIMIT_STACK;
	struct vm_region r, whole;
	char where[200];

	if (addr - (vm_stack_top(x) - LIMIT_FRAMES * LIMIT_STACK) <= LIMIT_FRAMES * LIMIT_STACK)
		vm_fault(&x->run,
			 "invalid %s of %u bytes on the stack, at r10%+lld: a frame has %d",
			 verb(flags), size, (long long)(addr - fp), LIMIT_STACK);
	else if (addr < NULL_PAGES)
		vm_fault(&x->run, "invalid %s of %u bytes through a NULL pointer, at offset %llu",
			 verb(flags), size, (unsigned long long)addr);
	else if (lookup_whole(x, addr, &whole) && !narrow(x, addr, &whole) &&
		 !(near_end(x, addr, &r) && r.kind == whole.kind))
		vm_fault(&x->run, "invalid %s of %u bytes at %#llx: no %s that this run may use",
			 verb(flags), size, (unsigned long long)addr,
			 whole.kind == REGION_RING ? "record" : "allocated object");
	else if (lookup(x, addr, &r) || near_end(x, addr, &r)) {
		describe(where, sizeof(where), &r, addr);
		vm_fault(&x->run, "invalid %s of %u bytes at %s%s", verb(flags), size, where,
			 flags & ~r.mem.flags & VM_MEM_WRITE ? " and is read-only" : "");
	} else
		vm_fault(&x->run, "invalid %s of %u bytes at %#llx: no memory of this program's",
			 verb(flags), size, (unsigned long long)addr);
}

/* --- for the interpreter -------------------------------------------------------------------- */

static void remember(struct vm_hit *hit, u64 base, u64 len)
{
	hit->base = base;
	for (u32 i = 0; i < ARRAY_SIZE(hit->limit); i++)
		hit->limit[i] = len >> i ? len - (1ull << i) + 1 : 0;
}

enum guard_answer guard_access(struct vm_exec *x, struct vm_hit *hit, u64 addr, u32 size, u32 flags)
{
	u64 base, len;
	enum guard_answer answer = check(x, addr, size, flags, &base, &len);

	if (answer == GUARD_OK)
		remember(hit, base, len);
	else if (answer == GUARD_FAULT)
		fault(x, addr, size, flags);
	return answer;
}

void guard_start(struct vm_exec *x)
{
	x->nr_seen = 0;
	forget_hits(x);
	guard_refresh(x);
}

static bool is_seen(const struct vm_exec *x, const struct vm_env *env)
{
	if (x->nr_seen != env->nr_mem)
		return false;
	for (u32 i = 0; i < x->nr_seen; i++)
		if (x->seen[i].base != env->mem[i].base || x->seen[i].size != env->mem[i].size ||
		    x->seen[i].flags != env->mem[i].flags)
			return false;
	return true;
}

void guard_refresh(struct vm_exec *x)
{
	const struct vm_env *env = x->run.env;

	if (is_seen(x, env))
		return;
	x->nr_seen = env->nr_mem;
	memcpy(x->seen, env->mem, env->nr_mem * sizeof(*x->seen));
	forget_hits(x);
}
