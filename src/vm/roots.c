/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Lists and red-black trees of allocated objects. A program sees heads and nodes in its own
 * memory, where it may write anything; so the links are kept here, found by the address of the
 * head or node. The trees are balanced as in the textbook (Cormen et al.), which is the shape
 * that bpf_rbtree_root, _left and _right show in the kernel as long as nothing was taken out.
 */
#include "base/mem.h"
#include "vm/heap.h"

struct vm_link *roots_link(struct vm_state *st, u64 node)
{
	return hash_get(&st->links, node);
}

struct vm_link *roots_new_link(struct vm_state *st, u64 node)
{
	struct vm_link *l = mem_zalloc(sizeof(*l));

	if (!l || hash_put(&st->links, node, l)) {
		mem_free(l);
		return NULL;
	}
	l->node = node;
	return l;
}

void roots_free_link(struct vm_state *st, struct vm_link *l)
{
	hash_del(&st->links, l->node);
	mem_free(l);
}

struct vm_root *roots_get(struct vm_state *st, u64 addr, bool make)
{
	struct vm_root *r = hash_get(&st->roots, addr);

	if (r || !make)
		return r;
	r = mem_zalloc(sizeof(*r));
	if (!r || hash_put(&st->roots, addr, r)) {
		mem_free(r);
		return NULL;
	}
	r->addr = addr;
	r->version = ++st->version;
	return r;
}

/* --- lists ------------------------------------------------------------------------------------ */

void list_insert(struct vm_state *st, struct vm_root *r, struct vm_link *l, bool back)
{
	struct vm_link **end = back ? &r->last : &r->top, *other = *end;

	l->root = r;
	l->child[back] = NULL;
	l->child[!back] = other;
	if (other)
		other->child[back] = l;
	*end = l;
	if (!r->top)
		r->top = l;
	if (!r->last)
		r->last = l;
	r->version = ++st->version;
}

void list_remove(struct vm_state *st, struct vm_link *l)
{
	struct vm_root *r = l->root;

	*(l->child[0] ? &l->child[0]->child[1] : &r->top) = l->child[1];
	*(l->child[1] ? &l->child[1]->child[0] : &r->last) = l->child[0];
	r->version = ++st->version;
	roots_free_link(st, l);
}

/* --- trees ------------------------------------------------------------------------------------ */

static bool is_red(const struct vm_link *l)
{
	return l && l->red;
}

/* Put new (or nothing) where old stands. */
static void transplant(struct vm_root *r, const struct vm_link *old, struct vm_link *new)
{
	struct vm_link *p = old->parent;

	if (p)
		p->child[p->child[1] == old] = new;
	else
		r->top = new;
	if (new)
		new->parent = p;
}

/* p goes down on side dir, its other child up. */
static void rotate(struct vm_root *r, struct vm_link *p, bool dir)
{
	struct vm_link *c = p->child[!dir];

	transplant(r, p, c);
	p->child[!dir] = c->child[dir];
	if (c->child[dir])
		c->child[dir]->parent = p;
	c->child[dir] = p;
	p->parent = c;
}

/* n is red, and so may its parent be. */
static void mend_red(struct vm_root *r, struct vm_link *n)
{
	struct vm_link *p, *g;
	bool dir;

	while (is_red(p = n->parent)) {
		g = p->parent;
		dir = p == g->child[1];
		if (is_red(g->child[!dir])) {
			p->red = g->child[!dir]->red = false;
			g->red = true;
			n = g;
			continue;
		}
		if (n == p->child[!dir]) {
			rotate(r, p, dir);
			p = n;
		}
		p->red = false;
		g->red = true;
		rotate(r, g, !dir);
		break;
	}
	r->top->red = false;
}

void tree_insert(struct vm_state *st, struct vm_root *r, struct vm_link *l, struct vm_link *parent,
		 bool right)
{
	*l = (struct vm_link){.node = l->node, .root = r, .parent = parent, .red = true};
	if (parent)
		parent->child[right] = l;
	else
		r->top = l;
	mend_red(r, l);
	r->version = ++st->version;
}

/* One black too few on the way through n, whose parent is p; n may be NULL. */
static void mend_black(struct vm_root *r, struct vm_link *n, struct vm_link *p)
{
	while (p && !is_red(n)) {
		bool dir = p->child[1] == n;
		struct vm_link *s = p->child[!dir];

		if (s->red) {
			s->red = false;
			p->red = true;
			rotate(r, p, dir);
			s = p->child[!dir];
		}
		if (!is_red(s->child[0]) && !is_red(s->child[1])) {
			s->red = true;
			n = p;
			p = n->parent;
			continue;
		}
		if (!is_red(s->child[!dir])) {
			s->child[dir]->red = false;
			s->red = true;
			rotate(r, s, !dir);
			s = p->child[!dir];
		}
		s->red = p->red;
		p->red = s->child[!dir]->red = false;
		rotate(r, p, dir);
		return;
	}
	if (n)
		n->red = false;
}

/* Put z's successor in its place. Gives what moved up, and its parent. */
static struct vm_link *replace_by_next(struct vm_root *r, struct vm_link *z, struct vm_link **ret_p,
				       bool *ret_red)
{
	struct vm_link *y = z->child[1], *x;

	while (y->child[0])
		y = y->child[0];
	x = y->child[1];
	*ret_red = y->red;
	*ret_p = y->parent == z ? y : y->parent;
	if (y->parent != z) {
		transplant(r, y, x);
		y->child[1] = z->child[1];
		y->child[1]->parent = y;
	}
	transplant(r, z, y);
	y->child[0] = z->child[0];
	y->child[0]->parent = y;
	y->red = z->red;
	return x;
}

void tree_remove(struct vm_state *st, struct vm_link *l)
{
	struct vm_root *r = l->root;
	struct vm_link *x, *p = l->parent;
	bool red = l->red;

	if (l->child[0] && l->child[1]) {
		x = replace_by_next(r, l, &p, &red);
	} else {
		x = l->child[0] ?: l->child[1];
		transplant(r, l, x);
	}
	if (!red)
		mend_black(r, x, p);
	r->version = ++st->version;
	roots_free_link(st, l);
}

/* --- all of one ------------------------------------------------------------------------------- */

/* Of a tree or a list: children first, without recursion. A list is a chain of right children. */
void roots_drain(struct vm_state *st, u64 addr, void (*fn)(struct vm_state *st, u64 node))
{
	struct vm_root *r = hash_del(&st->roots, addr);
	struct vm_link *l = r ? r->top : NULL;
	bool is_list = r && r->last;

	while (l) {
		struct vm_link *next = is_list ? l->child[1] : l->child[0] ?: l->child[1];

		if (next && !is_list) {
			l->child[next == l->child[1]] = NULL;
			l = next;
			continue;
		}
		next = is_list ? next : l->parent;
		fn(st, l->node);
		roots_free_link(st, l);
		l = next;
	}
	mem_free(r);
}

void roots_done(struct vm_state *st)
{
	for (size_t i = 0; i < st->links.room; i++)
		mem_free(st->links.slots[i].value);
	for (size_t i = 0; i < st->roots.room; i++)
		mem_free(st->roots.slots[i].value);
	hash_done(&st->links);
	hash_done(&st->roots);
}
