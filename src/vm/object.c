/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What allocated objects hold, and when they go: an object with its last reference, and with it
 * what its kptrs hold and all that stands in its lists and trees. Chains may be as long as the
 * heap has objects, so what is to go waits in a list and nothing recurs.
 */
#include "base/mem.h"
#include "btf/types.h"
#include "spec/spec.h"
#include "vm/heap.h"
#include <errno.h>

/* --- types ------------------------------------------------------------------------------------ */

static bool has_kind(const struct vm_type *t, enum map_field_kind kind)
{
	for (u32 i = 0; t && i < t->nr_fields; i++)
		if (t->fields[i].kind == kind)
			return true;
	return false;
}

static bool has_kind_at(const struct vm_type *t, enum map_field_kind kind, u64 off)
{
	for (u32 i = 0; t && i < t->nr_fields; i++)
		if (t->fields[i].kind == kind && t->fields[i].off == off)
			return true;
	return false;
}

/* st->lock is held. NULL: no struct with a size, or no memory. */
static struct vm_type *type_of(struct vm_state *st, const struct btf *btf, u32 id)
{
	struct vm_type *t = hash_get(&st->types, id);
	const struct btf_type *bt = btf ? btf__type_by_id(btf, id) : NULL;
	int nr;

	if (t || !bt || !btf_is_struct(bt) || !bt->size)
		return t;
	t = mem_zalloc(sizeof(*t));
	nr = t ? map_find_fields(btf, id, true, t->fields, MAP_MAX_FIELDS) : -ENOMEM;
	if (nr < 0 || hash_put(&st->types, id, t)) {
		mem_free(t);
		return NULL;
	}
	t->id = id;
	t->size = bt->size;
	t->nr_fields = (u32)nr;
	return t;
}

bool vm_has_field(struct vm_run *run, enum map_field_kind kind, u64 addr, struct map **ret_map)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_obj *o;
	bool ok;

	*ret_map = NULL;
	if (vm_field_at(run, kind, addr, ret_map))
		return true;
	pthread_mutex_lock(&st->lock);
	o = vm_heap_obj(st, addr);
	ok = o && has_kind_at(o->type, kind, addr - (uintptr_t)o->base);
	pthread_mutex_unlock(&st->lock);
	return ok;
}

/* --- the end of objects ----------------------------------------------------------------------- */

/* One reference less; with the last one it is in st->dead. */
static void put_one(struct vm_state *st, struct vm_obj *o)
{
	if (!o || !o->refs || --o->refs)
		return;
	o->next = st->dead;
	st->dead = o;
}

static void put_node(struct vm_state *st, u64 node)
{
	put_one(st, vm_heap_obj(st, node));
}

static void put_kptr(struct vm_state *st, u64 *field)
{
	u64 addr = __atomic_exchange_n(field, 0, __ATOMIC_ACQ_REL);
	struct vm_obj *o = addr ? vm_heap_obj(st, addr) : NULL;

	if (o && (uintptr_t)o->base == addr)
		put_one(st, o);
}

static void empty_field(struct vm_state *st, enum map_field_kind kind, char *at)
{
	if (kind == MAP_FIELD_KPTR)
		put_kptr(st, (u64 *)at);
	else if (kind == MAP_FIELD_LIST_HEAD || kind == MAP_FIELD_RB_ROOT)
		roots_drain(st, (uintptr_t)at, put_node);
}

static void bury(struct vm_state *st, const struct vm_run *by)
{
	while (st->dead) {
		struct vm_obj *o = st->dead;

		st->dead = o->next;
		for (u32 i = 0; o->type && i < o->type->nr_fields; i++)
			empty_field(st, o->type->fields[i].kind, o->base + o->type->fields[i].off);
		vm_heap_give(st, o, by, has_kind(o->type, MAP_FIELD_REFCOUNT));
	}
}

void vm_obj_put(struct vm_state *st, struct vm_obj *o, const struct vm_run *by)
{
	put_one(st, o);
	bury(st, by);
}

void vm_value_gone(struct vm_state *st, enum map_field_kind kind, void *at)
{
	pthread_mutex_lock(&st->lock);
	empty_field(st, kind, at);
	bury(st, NULL);
	pthread_mutex_unlock(&st->lock);
}

void vm_objects_done(struct vm_state *st)
{
	roots_done(st);
	for (size_t i = 0; i < st->types.room; i++)
		mem_free(st->types.slots[i].value);
	hash_done(&st->types);
}

/* --- the kernel functions --------------------------------------------------------------------- */

#define MAX_SIZE   4096 /* what bpf_obj_new gives at most */
#define MAX_PERCPU 512

static u64 make(struct vm_run *run, u64 type_id, bool percpu)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_obj *o = NULL;
	struct vm_type *t;
	u32 step;

	pthread_mutex_lock(&st->lock);
	t = type_of(st, vm_object_btf(run->vm), (u32)type_id);
	step = t && percpu ? (u32)align_up(t->size, 8) : 0;
	if (t && t->size <= (percpu ? MAX_PERCPU : MAX_SIZE))
		o = vm_heap_alloc(st, percpu ? step * map_nr_cpus() : t->size);
	if (o) {
		o->type = t;
		o->cpu_step = step;
	}
	pthread_mutex_unlock(&st->lock);
	if (!t)
		return vm_fault(run, "type %u is no struct of this program", (u32)type_id);
	return o ? (uintptr_t)o->base : 0;
}

static u64 obj_new(struct vm_run *run, u64 type_id, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return make(run, type_id, false);
}

static u64 percpu_obj_new(struct vm_run *run, u64 type_id, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return make(run, type_id, true);
}

/* The object that begins at addr; after NULL the run has a fault. st->lock is held. */
static struct vm_obj *begins_at(struct vm_run *run, u64 addr)
{
	struct vm_obj *o = vm_heap_obj(vm_state_of(run->vm), addr);

	if (o && (uintptr_t)o->base == addr)
		return o;
	vm_fault(run, "%#llx is no allocated object", (unsigned long long)addr);
	return NULL;
}

static u64 obj_drop(struct vm_run *run, u64 obj, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_obj *o;

	pthread_mutex_lock(&st->lock);
	o = begins_at(run, obj);
	if (o)
		vm_obj_put(st, o, run);
	pthread_mutex_unlock(&st->lock);
	vm_mem_gone(run);
	return 0;
}

static u64 refcount_acquire(struct vm_run *run, u64 obj, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_obj *o;

	pthread_mutex_lock(&st->lock);
	o = begins_at(run, obj);
	if (o && !has_kind(o->type, MAP_FIELD_REFCOUNT))
		vm_fault(run, "the object has no bpf_refcount");
	else if (o)
		o->refs++;
	pthread_mutex_unlock(&st->lock);
	return obj;
}

u64 vm_percpu_obj(struct vm_run *run, u64 obj, u32 cpu)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_obj *o;
	u64 part = 0;

	pthread_mutex_lock(&st->lock);
	o = vm_heap_obj(st, obj);
	if (o && o->cpu_step && (uintptr_t)o->base == obj)
		part = obj + (u64)cpu * o->cpu_step;
	pthread_mutex_unlock(&st->lock);
	return part;
}

/* --- lists and trees -------------------------------------------------------------------------- */

struct container {
	enum map_field_kind head, node;
	const char *head_name, *node_name;
};

static const struct container list = {MAP_FIELD_LIST_HEAD, MAP_FIELD_LIST_NODE,
				      "struct bpf_list_head", "struct bpf_list_node"};
static const struct container tree = {MAP_FIELD_RB_ROOT, MAP_FIELD_RB_NODE, "struct bpf_rb_root",
				      "struct bpf_rb_node"};

static bool is_head(struct vm_run *run, const struct container *c, u64 addr)
{
	struct map *map;

	if (vm_has_field(run, c->head, addr, &map))
		return true;
	vm_fault(run, "argument 1 must be a %s in a map value or an allocated object",
		 c->head_name);
	return false;
}

/* st->lock is held. */
static bool is_node(struct vm_run *run, const struct container *c, u64 addr)
{
	struct vm_obj *o = vm_heap_obj(vm_state_of(run->vm), addr);

	if (o && has_kind_at(o->type, c->node, addr - (uintptr_t)o->base))
		return true;
	vm_fault(run, "argument 2 must be a %s in an allocated object", c->node_name);
	return false;
}

/* A field that is all zero is an unused one to the map, and nobody would be told. */
static void mark_used(u64 head)
{
	__atomic_store_n((u64 *)(uintptr_t)head, head, __ATOMIC_RELAXED);
}

/*
 * A link for a node that stands nowhere yet, or NULL: the object is dropped then, as in Linux when
 * it already stands somewhere. st->lock is held.
 */
static struct vm_link *new_link(struct vm_run *run, const struct container *c, u64 node)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_link *l;

	if (!is_node(run, c, node))
		return NULL;
	l = roots_link(st, node) ? NULL : roots_new_link(st, node);
	if (!l) {
		vm_obj_put(st, vm_heap_obj(st, node), run);
		vm_mem_gone(run);
	}
	return l;
}

static long push(struct vm_run *run, u64 head, u64 node, bool back)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_root *r;
	struct vm_link *l;

	if (!is_head(run, &list, head))
		return 0;
	pthread_mutex_lock(&st->lock);
	r = roots_get(st, head, true);
	l = r ? new_link(run, &list, node) : NULL;
	if (l) {
		list_insert(st, r, l, back);
		mark_used(head);
	}
	pthread_mutex_unlock(&st->lock);
	return l ? 0 : -EINVAL;
}

static u64 push_front(struct vm_run *run, u64 head, u64 node, u64 r3, u64 r4, u64 r5)
{
	return push(run, head, node, false);
}

static u64 push_back(struct vm_run *run, u64 head, u64 node, u64 r3, u64 r4, u64 r5)
{
	return push(run, head, node, true);
}

/* The node at one end; take: out of the list. */
static u64 end_of(struct vm_run *run, u64 head, bool back, bool take)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_root *r;
	struct vm_link *l;
	u64 node;

	if (!is_head(run, &list, head))
		return 0;
	pthread_mutex_lock(&st->lock);
	r = roots_get(st, head, false);
	l = r ? (back ? r->last : r->top) : NULL;
	node = l ? l->node : 0;
	if (l && take)
		list_remove(st, l);
	pthread_mutex_unlock(&st->lock);
	return node;
}

static u64 pop_front(struct vm_run *run, u64 head, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return end_of(run, head, false, true);
}

static u64 pop_back(struct vm_run *run, u64 head, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return end_of(run, head, true, true);
}

static u64 front(struct vm_run *run, u64 head, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return end_of(run, head, false, false);
}

static u64 back(struct vm_run *run, u64 head, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return end_of(run, head, true, false);
}

/* Goes down to where l belongs. Programs compare, and meanwhile the lock is not held: what they
 * change then (the kernel's verifier forbids it) ends the run. */
static bool descend(struct vm_run *run, u64 root, struct vm_link *l, u64 less)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_root *r = roots_get(st, root, false);
	struct vm_link *at = r->top, *parent = NULL;
	u64 version = r->version;
	bool right = false;

	while (at) {
		const u64 args[5] = {l->node, at->node};

		parent = at;
		pthread_mutex_unlock(&st->lock);
		right = !vm_call(run, less, args);
		pthread_mutex_lock(&st->lock);
		r = roots_get(st, root, false);
		if (run->err)
			return false;
		if (!r || r->version != version || roots_link(st, args[0]) != l || l->root) {
			vm_fault(run, "bpf_rbtree_add: the tree was changed while nodes were "
				      "compared");
			return false;
		}
		at = parent->child[right];
	}
	tree_insert(st, r, l, parent, right);
	return true;
}

static u64 tree_add(struct vm_run *run, u64 root, u64 node, u64 less, u64 r4, u64 r5)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_root *r;
	struct vm_link *l;

	if (!is_head(run, &tree, root))
		return 0;
	pthread_mutex_lock(&st->lock);
	r = roots_get(st, root, true);
	l = r ? new_link(run, &tree, node) : NULL;
	if (l && descend(run, root, l, less))
		mark_used(root);
	else if (l && roots_link(st, node) == l && !l->root)
		roots_free_link(st, l);
	pthread_mutex_unlock(&st->lock);
	return l ? 0 : -EINVAL;
}

enum where { TREE_FIRST, TREE_ROOT, TREE_LEFT, TREE_RIGHT, TREE_REMOVE };

/* st->lock is held. */
static struct vm_link *pick(struct vm_state *st, u64 root, u64 node, enum where where)
{
	struct vm_root *r = roots_get(st, root, false);
	struct vm_link *l = where <= TREE_ROOT ? (r ? r->top : NULL) : roots_link(st, node);

	if (where == TREE_FIRST)
		while (l && l->child[0])
			l = l->child[0];
	if (!l || !r || l->root != r)
		return NULL;
	if (where == TREE_LEFT || where == TREE_RIGHT)
		return l->child[where == TREE_RIGHT];
	return l;
}

static u64 look(struct vm_run *run, u64 root, u64 node, enum where where)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_link *l;
	u64 found;

	if (!is_head(run, &tree, root))
		return 0;
	pthread_mutex_lock(&st->lock);
	l = where > TREE_ROOT && !is_node(run, &tree, node) ? NULL : pick(st, root, node, where);
	found = l ? l->node : 0;
	if (l && where == TREE_REMOVE)
		tree_remove(st, l);
	pthread_mutex_unlock(&st->lock);
	return found;
}

static u64 tree_first(struct vm_run *run, u64 root, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return look(run, root, 0, TREE_FIRST);
}

static u64 tree_root(struct vm_run *run, u64 root, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return look(run, root, 0, TREE_ROOT);
}

static u64 tree_left(struct vm_run *run, u64 root, u64 node, u64 r3, u64 r4, u64 r5)
{
	return look(run, root, node, TREE_LEFT);
}

static u64 tree_right(struct vm_run *run, u64 root, u64 node, u64 r3, u64 r4, u64 r5)
{
	return look(run, root, node, TREE_RIGHT);
}

static u64 tree_take(struct vm_run *run, u64 root, u64 node, u64 r3, u64 r4, u64 r5)
{
	return look(run, root, node, TREE_REMOVE);
}

const struct vm_kfunc kfuncs_object[] = {
	{"bpf_obj_new_impl", obj_new},
	{"bpf_obj_drop_impl", obj_drop},
	{"bpf_percpu_obj_new_impl", percpu_obj_new},
	{"bpf_percpu_obj_drop_impl", obj_drop},
	{"bpf_refcount_acquire_impl", refcount_acquire},
	{"bpf_list_push_front_impl", push_front},
	{"bpf_list_push_back_impl", push_back},
	{"bpf_list_pop_front", pop_front},
	{"bpf_list_pop_back", pop_back},
	{"bpf_list_front", front},
	{"bpf_list_back", back},
	{"bpf_rbtree_add_impl", tree_add},
	{"bpf_rbtree_remove", tree_take},
	{"bpf_rbtree_first", tree_first},
	{"bpf_rbtree_root", tree_root},
	{"bpf_rbtree_left", tree_left},
	{"bpf_rbtree_right", tree_right},
	{NULL, NULL},
};
