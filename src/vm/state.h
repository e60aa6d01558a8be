/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What helpers keep for a machine, beyond maps: state.c, timer.c, heap.c. */
#ifndef VM_STATE_H
#define VM_STATE_H

#include "base/hash.h"
#include "base/vec.h"
#include "vm/run.h"
#include <pthread.h>

struct vm_timer;
struct vm_heap;

struct vm_state {
	pthread_mutex_t lock;     /* of all below */
	struct hash_table timers; /* by the address of the field that holds them */
	struct vm_timer *first;   /* all timers */
	u32 nr_armed;
	struct vm_heap *heap;     /* objects of bpf_obj_new */
	VEC(struct map *) hooked; /* maps that tell us of values that go away */
};

/* state.c: be told when a value of this map goes away; st->lock is held. False: no memory. */
bool vm_hook_map(struct vm_state *st, struct map *map);

/* timer.c */
void vm_timers_done(struct vm_state *st);
void vm_timer_drop(struct vm_state *st, u64 addr); /* the field at addr is no more */
/* The map's value that a special field at addr is in; false: there is no such field there. */
bool vm_field_at(struct vm_run *run, enum map_field_kind kind, u64 addr, struct map **ret_map);

/* heap.c: objects that programs allocate. Zeroed, aligned to 8; NULL: none left. */
struct vm_heap *vm_heap_new(struct vm *vm);
void vm_heap_free(struct vm_heap *heap); /* NULL is fine */
void *vm_heap_alloc(struct vm_state *st, size_t size);
bool vm_heap_release(struct vm_state *st, u64 addr); /* false: no object begins there */
/* The object that an address is in; false: none that is allocated. */
bool vm_heap_at(struct vm_state *st, u64 addr, u64 *ret_base, u64 *ret_size);

/* helper_ring.c: end a record. */
void vm_ring_finish(struct vm_run *run, u64 sample, u64 flags, bool keep);

#endif
