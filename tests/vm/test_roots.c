/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Trees and lists of objects: the invariants of red-black trees after each of many changes. */
#include "../tap.h"
#include "base/mem.h"
#include "vm/heap.h"

#define NR 300

static u32 seed = 7;

static u32 rnd(u32 n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

/* Black nodes on every way down, or -1: the tree breaks a rule. */
static int black_height(const struct vm_link *l, u64 lo, u64 hi)
{
	int a, b;

	if (!l)
		return 1;
	if (l->node < lo || l->node > hi)
		return -1;
	for (int i = 0; i < 2; i++)
		if (l->child[i] && (l->child[i]->parent != l || (l->red && l->child[i]->red)))
			return -1;
	a = black_height(l->child[0], lo, l->node);
	b = black_height(l->child[1], l->node, hi);
	return a < 0 || a != b ? -1 : a + !l->red;
}

static bool is_sound(const struct vm_root *r)
{
	return !r->top || (!r->top->red && !r->top->parent && black_height(r->top, 0, ~0ull) > 0);
}

static void add(struct vm_state *st, struct vm_root *r, u64 node)
{
	struct vm_link *l = roots_new_link(st, node), *at = r->top, *parent = NULL;

	while (at) {
		parent = at;
		at = at->child[node > at->node];
	}
	tree_insert(st, r, l, parent, parent && node > parent->node);
}

static u32 drained;

static void count(struct vm_state *st, u64 node)
{
	drained++;
}

static void test_tree(void)
{
	struct vm_state st = {0};
	struct vm_root *r = roots_get(&st, 1, true);
	u32 nr = 0, bad = 0;

	for (u32 i = 0; i < 20000; i++) {
		u64 node = 10 + rnd(NR);
		struct vm_link *l = roots_link(&st, node);

		if (l)
			tree_remove(&st, l);
		else
			add(&st, r, node);
		nr += l ? -1 : 1;
		bad += !is_sound(r);
	}
	is_int(bad, 0, "20000 changes, a sound tree after each");
	is_int(st.links.nr, nr, "with %u nodes in the end", nr);
	drained = 0;
	roots_drain(&st, 1, count);
	is_int(drained, nr, "all come out when the root goes");
	ok(!st.links.nr && !roots_get(&st, 1, false), "and nothing is left of it");
	roots_done(&st);
}

static void test_list(void)
{
	struct vm_state st = {0};
	struct vm_root *r = roots_get(&st, 1, true);
	u64 seen = 0;

	for (u64 i = 1; i <= 6; i++)
		list_insert(&st, r, roots_new_link(&st, i), i & 1);
	list_remove(&st, roots_link(&st, 2));
	list_remove(&st, roots_link(&st, 6)); /* the first */
	list_remove(&st, roots_link(&st, 5)); /* the last */
	for (struct vm_link *l = r->top; l; l = l->child[1])
		seen = seen * 10 + l->node;
	is_int(seen, 413, "what is left of a list, in order");
	seen = 0;
	for (struct vm_link *l = r->last; l; l = l->child[0])
		seen = seen * 10 + l->node;
	is_int(seen, 314, "and backwards");
	roots_done(&st);
}

int main(void)
{
	test_tree();
	test_list();
	is_int(mem_live(), 0, "nothing is leaked");
	return tap_done();
}
