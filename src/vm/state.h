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

struct vm_obj;

struct vm_state {
	struct vm *vm;
	pthread_mutex_t lock;     /* of all below */
	struct hash_table timers; /* by the address of the field that holds them */
	struct vm_timer *first;   /* all timers */
	struct {
		struct vm_timer **heap; /* those that are armed, the one that is due first on top */
		u32 nr, nr_timers;
		size_t room; /* for all timers of this clock, so that arming needs no memory */
	} clocks[3];
	struct vm_heap *heap;     /* objects of bpf_obj_new */
	struct hash_table types;  /* of objects, by id */
	struct hash_table links;  /* in lists and trees, by the address of the node */
	struct hash_table roots;  /* by the address of the head */
	u64 version;              /* of lists and trees */
	struct vm_obj *dead;      /* to be given back */
	VEC(struct map *) hooked; /* maps that tell us of values that go away */
};

/* state.c: be told when a value of this inner map goes away. */
void vm_learn_fields(struct vm_state *st, struct map *map);

/* timer.c */
void vm_timers_done(struct vm_state *st);
void vm_timer_drop(struct vm_state *st, u64 addr); /* the field at addr is no more */
/* The map's value that a special field at addr is in; false: there is no such field there. */
bool vm_field_at(struct vm_run *run, enum map_field_kind kind, u64 addr, struct map **ret_map);

/* heap.c, object.c: objects that programs allocate (heap.h has more). */
struct vm_heap *vm_heap_new(struct vm *vm);
void vm_heap_free(struct vm_heap *heap); /* NULL is fine; the programs have ended */
/* The object that an address is in, or the CPU's part of it; false: none that the run may touch. */
bool vm_heap_at(struct vm_run *run, u64 addr, u64 *ret_base, u64 *ret_size);
u64 vm_heap_now(const struct vm_state *st); /* how many objects have been given back */
void vm_value_gone(struct vm_state *st, enum map_field_kind kind, void *field);
void vm_objects_done(struct vm_state *st);
u64 vm_percpu_obj(struct vm_run *run, u64 obj, u32 cpu); /* 0: it is none */

/* helper_ring.c: end a record. */
void vm_ring_finish(struct vm_run *run, u64 sample, u64 flags, bool keep);

#endif
