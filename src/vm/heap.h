/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Objects that programs allocate (heap.c), what holds them (object.c) and the lists and trees that
 * they stand in (roots.c). What is said of an object is kept here, never in the program's memory.
 */
#ifndef VM_HEAP_H
#define VM_HEAP_H

#include "vm/state.h"

enum obj_state { OBJ_FREE, OBJ_LIVE, OBJ_DYING };

struct vm_obj {
	char *base;   /* NULL: never used */
	u32 size;     /* bytes that a program may touch */
	u32 cpu_step; /* per-CPU objects: from one CPU's part to the next */
	u32 refs;
	u8 state;                   /* enum obj_state */
	const struct vm_type *type; /* NULL: no special fields */
	u64 freed_at;               /* the how-manieth, counted from 1 */
	const struct vm_run *freed_by;
	struct vm_state *st;
	struct vm_obj *next; /* of those to be given back */
	struct map_deferred deferred;
};

/* A type of the program's, with the special fields that its objects have. */
struct vm_type {
	u32 id;
	u32 size, nr_fields;
	struct map_field fields[MAP_MAX_FIELDS];
};

/* heap.c; st->lock is held but in vm_heap_at */
struct vm_obj *vm_heap_alloc(struct vm_state *st, size_t size); /* zeroed, one reference; or NULL */
struct vm_obj *vm_heap_obj(struct vm_state *st, u64 addr);      /* the live one that addr lies in */
void vm_heap_give(struct vm_state *st, struct vm_obj *o, const struct vm_run *by, bool later);

/* object.c */
/* Give a reference back, and all that goes with the last one. st->lock is held. */
void vm_obj_put(struct vm_state *st, struct vm_obj *o, const struct vm_run *by);
/* The special field at addr, in a map's value or in an object. *ret_map: NULL: in an object. */
bool vm_has_field(struct vm_run *run, enum map_field_kind kind, u64 addr, struct map **ret_map);

/* roots.c; st->lock is held */
struct vm_link {
	u64 node;
	struct vm_root *root;     /* NULL: about to be put in */
	struct vm_link *child[2]; /* lists: previous and next */
	struct vm_link *parent;
	bool red;
};
struct vm_root {
	u64 addr;
	struct vm_link *top, *last; /* of a list the first and last, of a tree the root */
	u64 version;                /* another after each change, never the same again */
};
struct vm_link *roots_link(struct vm_state *st, u64 node); /* NULL: it stands nowhere */
struct vm_link *roots_new_link(struct vm_state *st, u64 node);
void roots_free_link(struct vm_state *st, struct vm_link *l);
struct vm_root *roots_get(struct vm_state *st, u64 addr, bool make);
void list_insert(struct vm_state *st, struct vm_root *r, struct vm_link *l, bool back);
void list_remove(struct vm_state *st, struct vm_link *l);
/* Below parent on that side; parent NULL: the first one. */
void tree_insert(struct vm_state *st, struct vm_root *r, struct vm_link *l, struct vm_link *parent,
		 bool right);
void tree_remove(struct vm_state *st, struct vm_link *l);
/* Take all out of the list or tree at addr; fn gets each node. */
void roots_drain(struct vm_state *st, u64 addr, void (*fn)(struct vm_state *st, u64 node));
void roots_done(struct vm_state *st);

#endif
