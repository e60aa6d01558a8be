/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Elements for hash tables. Free ones stand on a lock-free stack whose head carries a counter
 * against ABA; ones never used are taken from a mark that only grows, so that memory is touched
 * when it is first needed.
 *
 * LRU maps: when a pool is empty, a clock (second chance) goes round its elements. One that was
 * used since the hand last came by (ref) loses the mark and stays, the first without is thrown
 * out: the same approximation of least-recently-used that the kernel's active and inactive lists
 * make. As there, lookups by programs mark, lookups by the user do not. BPF_F_NO_COMMON_LRU gives
 * each CPU its own pool, of max_entries / CPUs elements.
 *
 * An element is FREE, then TAKEN (by one thread), then LINKED. The hand takes only LINKED ones,
 * and only while it holds the bucket's lock, so nobody else frees what it takes.
 */
#include "map/htab.h"

/* Replacing an element takes the new one before the old is given back: room for so many threads
 * doing that at one moment; beyond it, values are replaced in place. */
#define NR_SPARE 1024

u32 htab_nr_elems(const struct htab *h)
{
	return h->is_lru ? h->max : h->max + NR_SPARE;
}

int htab_pools_init(struct htab *h)
{
	bool own = h->is_lru && h->map.def.flags & BPF_F_NO_COMMON_LRU;

	h->nr_pools = own ? h->map.nr_cpus : 1;
	h->pools = mem_calloc(h->nr_pools, sizeof(*h->pools));
	if (!h->pools)
		return -ENOMEM;
	for (u32 i = 0; i < h->nr_pools; i++) {
		h->pools[i].nr = h->nr_elems / h->nr_pools;
		h->pools[i].first = 1 + i * h->pools[i].nr;
	}
	return 0;
}

static struct elem *pop_free(struct htab *h, struct pool *p)
{
	u64 head = __atomic_load_n(&p->free, __ATOMIC_ACQUIRE), next;
	struct elem *e;

	do {
		if (!(u32)head)
			return NULL;
		e = htab_elem(h, (u32)head);
		next = ((head >> 32) + 1) << 32 | __atomic_load_n(&e->next_free, __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&p->free, &head, next, true, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	return e;
}

static void push_free(struct htab *h, struct pool *p, struct elem *e)
{
	u64 head = __atomic_load_n(&p->free, __ATOMIC_RELAXED), next;

	do {
		__atomic_store_n(&e->next_free, (u32)head, __ATOMIC_RELAXED);
		next = ((head >> 32) + 1) << 32 | htab_elem_idx(h, e);
	} while (!__atomic_compare_exchange_n(&p->free, &head, next, true, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
}

static u64 chunk_size(const struct htab *h)
{
	return h->chunk * (h->elem_size + (h->is_percpu ? h->map.nr_cpus * h->map.mem.stride : 0));
}

/* The first of a chunk is the one whose taker pays for it. */
static bool pay(struct htab *h, u32 nr)
{
	return !h->chunk || nr % h->chunk || map_charge(&h->map.areas[0], chunk_size(h));
}

static void pay_back(struct htab *h, u32 nr)
{
	if (h->chunk && !(nr % h->chunk))
		map_uncharge(&h->map.areas[0], chunk_size(h));
}

static struct elem *take_unused(struct htab *h, struct pool *p)
{
	u32 nr = __atomic_load_n(&p->nr_used, __ATOMIC_RELAXED), want;

	while (nr < p->nr) {
		want = nr;
		if (!pay(h, want))
			return NULL;
		if (__atomic_compare_exchange_n(&p->nr_used, &nr, nr + 1, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return htab_elem(h, p->first + nr);
		pay_back(h, want);
	}
	return NULL;
}

/* Throw out e unless it was used lately. */
static bool evict(struct htab *h, struct elem *e)
{
	if (__atomic_load_n(&e->state, __ATOMIC_ACQUIRE) != ELEM_LINKED)
		return false;
	if (__atomic_exchange_n(&e->ref, 0, __ATOMIC_RELAXED))
		return false;
	if (!htab_unlink(h, e))
		return false;
	htab_drop_value(h, e);
	return true;
}

/* Two rounds clear all marks; the third is for what others do meanwhile. */
static struct elem *run_clock(struct htab *h, struct pool *p)
{
	struct elem *e;

	for (u64 i = 0; i < (u64)p->nr * 3; i++) {
		u32 hand = __atomic_fetch_add(&p->hand, 1, __ATOMIC_RELAXED) % p->nr;

		if (evict(h, htab_elem(h, p->first + hand)))
			return htab_elem(h, p->first + hand);
		e = pop_free(h, p);
		if (e)
			return e;
	}
	return NULL;
}

static struct pool *own_pool(struct htab *h)
{
	return &h->pools[h->nr_pools > 1 ? map_current_cpu() % h->nr_pools : 0];
}

struct elem *htab_take(struct htab *h)
{
	struct pool *p = own_pool(h);
	struct elem *e = pop_free(h, p);

	if (!e)
		e = take_unused(h, p);
	if (!e && h->is_lru)
		e = run_clock(h, p);
	if (e && h->is_lru) {
		__atomic_store_n(&e->ref, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&e->state, ELEM_TAKEN, __ATOMIC_RELAXED);
	}
	return e;
}

void htab_give(struct htab *h, struct elem *e)
{
	u32 i = (htab_elem_idx(h, e) - 1) / h->pools[0].nr;

	__atomic_store_n(&e->state, ELEM_FREE, __ATOMIC_RELAXED);
	push_free(h, &h->pools[i], e);
}
