/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * lpm_trie, as the kernel's lpm_trie.c: longest prefix match in a binary trie without chains of
 * single children. A node has a prefix; its children share all of it and differ in the bit after
 * it. Intermediate nodes carry no value, exist only where two subtrees part, and so have two
 * children always: with n entries there are fewer than n of them.
 *
 * Readers walk without the lock. A node that is taken out may be used again at once; the trie
 * counts its changes (seq) before that, and a walk during which the count moved is made again, as
 * in htab.c. A walk ends after max_prefixlen + 1 steps whatever it meets.
 */
#include "map/impl.h"
#include <endian.h>
#include <sched.h>

#define MAX_DATA    256
#define MAX_WORDS   (MAX_DATA / 8)
#define KERNEL_NODE 24 /* what the kernel's limit of values leaves room for */
#define LOCKED      1u
#define MAX_WALKS   64
#define LPM_FLAGS   (BPF_F_NO_PREALLOC | FLAGS_ACCESS)

struct node {
	u32 child[2]; /* numbers of nodes, from 1; 0: none */
	u32 prefixlen;
	u32 is_inner; /* no value of its own */
	u32 next_free;
	u32 pad;
	u64 data[]; /* big-endian as in the key, padded with zeros; the value follows */
};

struct trie {
	struct map map;
	u32 seq; /* changes * 2 + is locked */
	u32 root;
	u32 nr, nr_used, nr_nodes, free;
	u32 data_size, max_prefixlen;
	size_t node_size, value_off;
};

struct prefix {
	u32 len;
	u64 words[MAX_WORDS];
};

static struct trie *to_trie(struct map *map)
{
	return container_of(map, struct trie, map);
}

static struct node *node_at(const struct trie *t, u32 idx)
{
	return idx ? (struct node *)(t->map.areas[0].p + (size_t)(idx - 1) * t->node_size) : NULL;
}

static u32 node_idx(const struct trie *t, const struct node *n)
{
	return (u32)((size_t)((const char *)n - t->map.areas[0].p) / t->node_size) + 1;
}

static char *value_of(const struct trie *t, struct node *n)
{
	return (char *)n + t->value_off;
}

static u32 load(const u32 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(u32 *p, u32 v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* --- the lock --------------------------------------------------------------------------------- */

static void lock_trie(struct trie *t)
{
	for (u32 spins = 0;; spins++) {
		u32 seq = __atomic_load_n(&t->seq, __ATOMIC_RELAXED) & ~LOCKED;

		if (__atomic_compare_exchange_n(&t->seq, &seq, seq | LOCKED, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
		if (spins > 64)
			sched_yield();
	}
}

static void unlock_trie(struct trie *t)
{
	__atomic_fetch_add(&t->seq, 2 - LOCKED, __ATOMIC_RELEASE);
}

static void unlock_unchanged(struct trie *t)
{
	__atomic_fetch_sub(&t->seq, LOCKED, __ATOMIC_RELEASE);
}

/* --- prefixes --------------------------------------------------------------------------------- */

static void read_prefix(const struct trie *t, const void *key, struct prefix *p)
{
	memcpy(&p->len, key, sizeof(p->len));
	memset(p->words, 0, align_up(t->data_size, 8));
	memcpy(p->words, (const char *)key + sizeof(p->len), t->data_size);
}

static u64 word_of(const struct node *n, u32 i)
{
	return __atomic_load_n(&n->data[i], __ATOMIC_RELAXED);
}

static u32 bit_of(u64 word, u32 bit)
{
	return (u32)(be64toh(word) >> (63 - bit % 64)) & 1;
}

/* How many bits of the node's prefix and the key's are the same. */
static u32 match(const struct node *n, const struct prefix *p)
{
	u32 limit = (u32)min_u64(load(&n->prefixlen), p->len);

	for (u32 i = 0; i * 64 < limit; i++) {
		u64 differ = word_of(n, i) ^ p->words[i];

		if (differ)
			return (u32)min_u64(i * 64 + (u32)__builtin_clzll(be64toh(differ)), limit);
	}
	return limit;
}

static u32 *branch(struct node *n, const struct prefix *p)
{
	u32 len = load(&n->prefixlen);

	return &n->child[bit_of(p->words[len / 64], len)];
}

/* --- lookup ----------------------------------------------------------------------------------- */

static struct node *walk(struct trie *t, const struct prefix *p)
{
	struct node *n = node_at(t, load(&t->root)), *found = NULL;

	for (u32 steps = 0; n && steps <= t->max_prefixlen; steps++) {
		u32 same = match(n, p), len = load(&n->prefixlen);

		if (same == t->max_prefixlen)
			return n;
		if (same < len || len >= t->max_prefixlen)
			break;
		if (!load(&n->is_inner))
			found = n;
		n = node_at(t, load(branch(n, p)));
	}
	return found;
}

static struct node *find(struct trie *t, const struct prefix *p)
{
	struct node *n;
	u32 seq;

	for (u32 i = 0; i < MAX_WALKS; i++) {
		seq = load(&t->seq) & ~LOCKED;
		n = walk(t, p);
		if ((load(&t->seq) & ~LOCKED) == seq)
			return n;
	}
	lock_trie(t);
	n = walk(t, p);
	unlock_unchanged(t);
	return n;
}

static void *trie_lookup(struct map *map, const void *key)
{
	struct trie *t = to_trie(map);
	struct prefix p;
	struct node *n;

	read_prefix(t, key, &p);
	n = p.len <= t->max_prefixlen ? find(t, &p) : NULL;
	return n ? value_of(t, n) : NULL;
}

static int trie_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	struct trie *t = to_trie(map);
	struct prefix p;
	struct node *n;

	read_prefix(t, key, &p);
	if (p.len > t->max_prefixlen)
		return -ENOENT;
	lock_trie(t);
	n = walk(t, &p);
	if (n)
		map_value_read(map, value, value_of(t, n), 0);
	unlock_unchanged(t);
	return n ? 0 : -ENOENT;
}

/* --- nodes; all below holds the lock ---------------------------------------------------------- */

#define CHUNK 256 /* nodes whose memory is charged at once */

static bool pay(struct trie *t)
{
	return t->nr_used % CHUNK || map_charge(&t->map.areas[0], CHUNK * t->node_size);
}

static struct node *take_node(struct trie *t)
{
	struct node *n = node_at(t, t->free);

	if (n)
		t->free = n->next_free;
	else if (t->nr_used < t->nr_nodes && pay(t))
		n = node_at(t, ++t->nr_used);
	if (n) {
		store(&n->child[0], 0);
		store(&n->child[1], 0);
	}
	return n;
}

static void give_node(struct trie *t, struct node *n)
{
	n->next_free = t->free;
	t->free = node_idx(t, n);
}

static struct node *new_node(struct trie *t, const u64 *words, u32 prefixlen, bool is_inner)
{
	struct node *n = take_node(t);

	if (!n)
		return NULL;
	map_copy_in(n->data, words, align_up(t->data_size, 8));
	store(&n->is_inner, is_inner);
	store(&n->prefixlen, prefixlen);
	return n;
}

/* Where p is, or where it would be put. */
static u32 *find_slot(struct trie *t, const struct prefix *p, u32 *ret_same)
{
	u32 *slot = &t->root;
	struct node *n;

	*ret_same = 0;
	while ((n = node_at(t, *slot))) {
		*ret_same = match(n, p);
		if (n->prefixlen != *ret_same || n->prefixlen == p->len ||
		    n->prefixlen == t->max_prefixlen)
			break;
		slot = branch(n, p);
	}
	return slot;
}

static long may_add(const struct trie *t, u64 flags)
{
	if (flags == BPF_EXIST)
		return -ENOENT;
	return t->nr == t->map.def.max_entries ? -ENOSPC : 0;
}

/* The new node takes the place of one with the same prefix. */
static long put_instead(struct trie *t, u32 *slot, struct node *old, struct node *n, u64 flags)
{
	long err = old->is_inner ? may_add(t, flags) : flags == BPF_NOEXIST ? -EEXIST : 0;

	if (err)
		return err;
	t->nr += old->is_inner;
	store(&n->child[0], old->child[0]);
	store(&n->child[1], old->child[1]);
	store(slot, node_idx(t, n));
	give_node(t, old);
	return 0;
}

/* The prefixes part at bit `same`: put a node there that has both below it. */
static long put_beside(struct trie *t, u32 *slot, struct node *old, struct node *n,
		       const struct prefix *p, u32 same)
{
	struct node *inner = new_node(t, p->words, same, true);
	u32 bit;

	if (!inner)
		return -ENOMEM;
	bit = bit_of(p->words[same / 64], same);
	store(&inner->child[bit], node_idx(t, n));
	store(&inner->child[!bit], node_idx(t, old));
	store(slot, node_idx(t, inner));
	t->nr++;
	return 0;
}

static long put(struct trie *t, const struct prefix *p, struct node *n, u64 flags)
{
	u32 same, *slot = find_slot(t, p, &same);
	struct node *old = node_at(t, *slot);
	long err;

	if (old && old->prefixlen == same)
		return put_instead(t, slot, old, n, flags);
	err = may_add(t, flags);
	if (err)
		return err;
	if (old && same != p->len)
		return put_beside(t, slot, old, n, p, same);
	if (old) /* the new prefix is the beginning of the old one */
		store(&n->child[bit_of(word_of(old, same / 64), same)], node_idx(t, old));
	store(slot, node_idx(t, n));
	t->nr++;
	return 0;
}

static long trie_update(struct map *map, const void *key, const void *value, u64 flags)
{
	struct trie *t = to_trie(map);
	struct prefix p;
	struct node *n;
	long err = -ENOMEM;

	read_prefix(t, key, &p);
	if (flags > BPF_EXIST || p.len > t->max_prefixlen)
		return -EINVAL;
	lock_trie(t);
	n = new_node(t, p.words, p.len, false);
	if (n) {
		map_value_write(map, value_of(t, n), value);
		err = put(t, &p, n, flags);
		if (err)
			give_node(t, n);
	}
	unlock_trie(t);
	return err;
}

/* --- delete ----------------------------------------------------------------------------------- */

/* n has one child or none: the child takes its place. A parent that only parted n from its other
 * child is not needed any more. */
static void take_out(struct trie *t, u32 *slot, u32 *parent_slot)
{
	struct node *n = node_at(t, *slot);
	struct node *parent = parent_slot ? node_at(t, *parent_slot) : NULL;
	u32 child = n->child[0] ? n->child[0] : n->child[1];

	if (parent && parent->is_inner && !child) {
		store(parent_slot, parent->child[slot == &parent->child[0]]);
		give_node(t, parent);
	} else {
		store(slot, child);
	}
	give_node(t, n);
}

static long remove_prefix(struct trie *t, const struct prefix *p)
{
	u32 *slot = &t->root, *parent_slot = NULL, same = 0;
	struct node *n;

	while ((n = node_at(t, *slot))) {
		same = match(n, p);
		if (n->prefixlen != same || n->prefixlen == p->len)
			break;
		parent_slot = slot;
		slot = branch(n, p);
	}
	if (!n || n->prefixlen != p->len || n->prefixlen != same || n->is_inner)
		return -ENOENT;
	t->nr--;
	if (n->child[0] && n->child[1])
		store(&n->is_inner, 1);
	else
		take_out(t, slot, parent_slot);
	return 0;
}

static long trie_remove(struct map *map, const void *key)
{
	struct trie *t = to_trie(map);
	struct prefix p;
	long err;

	read_prefix(t, key, &p);
	if (p.len > t->max_prefixlen)
		return -EINVAL;
	lock_trie(t);
	err = remove_prefix(t, &p);
	unlock_trie(t);
	return err;
}

/* --- the next key: more specific ones first (postorder) --------------------------------------- */

static struct node *leftmost(struct trie *t, struct node *n)
{
	struct node *last = NULL;

	while (n) {
		last = n;
		n = node_at(t, n->child[0] ? n->child[0] : n->child[1]);
	}
	return last;
}

/* The node after p's in postorder; *ret_there says whether p is there at all. */
static struct node *after(struct trie *t, const struct prefix *p, bool *ret_there)
{
	struct node *path[MAX_DATA * 8 + 1], *n = node_at(t, t->root);
	u32 depth = 0, same = 0;

	while (n) {
		path[depth++] = n;
		same = match(n, p);
		if (n->prefixlen != same || n->prefixlen == p->len)
			break;
		n = node_at(t, *branch(n, p));
	}
	*ret_there = n && n->prefixlen == p->len && n->prefixlen == same && !n->is_inner;
	for (; *ret_there && depth > 1; depth--) {
		struct node *parent = path[depth - 2];

		if (node_at(t, parent->child[0]) == path[depth - 1] && parent->child[1])
			return leftmost(t, node_at(t, parent->child[1]));
		if (!parent->is_inner)
			return parent;
	}
	return NULL;
}

static int trie_next_key(struct map *map, const void *key, void *next)
{
	struct trie *t = to_trie(map);
	struct prefix p = {.len = UINT32_MAX};
	struct node *n = NULL;
	bool there = false;

	if (key)
		read_prefix(t, key, &p);
	lock_trie(t);
	if (p.len <= t->max_prefixlen)
		n = after(t, &p, &there);
	if (!there)
		n = leftmost(t, node_at(t, t->root));
	if (n) {
		memcpy(next, &n->prefixlen, sizeof(n->prefixlen));
		memcpy((char *)next + sizeof(n->prefixlen), n->data, t->data_size);
	}
	unlock_unchanged(t);
	return n ? 0 : -ENOENT;
}

/* --- life ------------------------------------------------------------------------------------- */

static int trie_check(const struct map_def *def, struct skep_diag *diag)
{
	int err = map_check_flags(def, LPM_FLAGS, diag);

	if (err)
		return err;
	if (!def->max_entries || !(def->flags & BPF_F_NO_PREALLOC))
		return refuse(diag, -EINVAL,
			      "an LPM trie has at least one entry and BPF_F_NO_PREALLOC");
	if (def->key_size < 5 || def->key_size > 4 + MAX_DATA)
		return refuse(diag, -EINVAL,
			      "a key is a prefix length of 4 bytes and 1 to %d bytes of data",
			      MAX_DATA);
	if (!def->value_size || def->value_size > MAP_MAX_KMALLOC - MAX_DATA - KERNEL_NODE)
		return refuse(diag, -EINVAL, "values have 1 to %u bytes",
			      MAP_MAX_KMALLOC - MAX_DATA - KERNEL_NODE);
	return 0;
}

static int trie_init(struct map *map, struct skep_diag *diag)
{
	struct trie *t = to_trie(map);

	t->data_size = map->def.key_size - 4;
	t->max_prefixlen = t->data_size * 8;
	t->value_off = sizeof(struct node) + align_up(t->data_size, 8);
	t->node_size = t->value_off + map_value_room(map);
	/* entries, inner nodes between them, one that is being put in */
	t->nr_nodes = (u32)min_u64(min_u64(2 * (u64)map->def.max_entries + 1, UINT32_MAX),
				   map_max_area() / t->node_size);
	if (!map_reserve_lazy(map, 0, t->nr_nodes, t->node_size))
		return -ENOMEM;
	map->mem.base = map->areas[0].p;
	map->mem.size = t->nr_nodes * t->node_size;
	map->mem.stride = t->node_size;
	map->mem.value_off = t->value_off;
	map->mem.value_len = map->def.value_size;
	return 0;
}

const struct map_ops map_lpm_ops = {
	.name = "lpm_trie",
	.size = sizeof(struct trie),
	.check = trie_check,
	.init = trie_init,
	.lookup = trie_lookup,
	.update = trie_update,
	.remove = trie_remove,
	.user_lookup = trie_user_lookup,
	.next_key = trie_next_key,
};
