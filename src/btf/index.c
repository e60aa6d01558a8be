/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Types by name. A kernel's BTF has 100,000 types and more; the first question about one builds
 * a chained hash of all its names (without flavour), the others are cheap.
 *
 * struct btf is libbpf's, so the index stands beside it: a small cache, keyed by address. Somebody
 * may free a BTF without types_close and another may come to stand at its address; a fingerprint
 * of the bytes tells them apart, and whatever the index says is compared with the real name.
 */
#include "btf/index.h"
#include "base/hash.h"
#include "base/mem.h"
#include "btf/types.h"
#include <pthread.h>
#include <string.h>

#define NR_INDEXES 8

struct index {
	const struct btf *btf;
	bool of_funcs; /* half of a kernel's names are functions, and few ask for one */
	u64 print;
	u32 nr, mask;
	u32 *heads; /* ids; 0: empty */
	u32 *next;  /* by id, ascending */
};

static struct index indexes[NR_INDEXES];
static u32 next_victim;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

size_t types_essential_len(const char *name)
{
	size_t n = strlen(name);

	/* The last "x___y" with something on both sides that is no underscore. */
	for (size_t i = n < 5 ? 0 : n - 4; i > 0; i--)
		if (name[i - 1] != '_' && name[i] == '_' && name[i + 1] == '_' &&
		    name[i + 2] == '_' && name[i + 3] != '_')
			return i;
	return n;
}

static u64 fingerprint(const struct btf *btf)
{
	u32 nr = btf__type_cnt(btf), step = nr / 64 + 1;
	u64 h = nr;

	for (u32 id = 1; id < nr; id += step)
		h = hash_bytes(btf__type_by_id(btf, id), sizeof(struct btf_type), h);
	return hash_u64(h ^ (uintptr_t)btf__type_by_id(btf, nr > 1));
}

static u32 bucket(const struct index *x, const char *name, size_t len)
{
	return (u32)hash_bytes(name, len, 0) & x->mask;
}

static bool fill(struct index *x, const struct btf *btf, bool of_funcs)
{
	u32 nr = btf__type_cnt(btf);

	for (x->mask = 1023; x->mask < nr; x->mask = x->mask * 2 + 1)
		;
	x->heads = mem_calloc((size_t)x->mask + 1, sizeof(u32));
	x->next = mem_calloc(nr, sizeof(u32));
	if (!x->heads || !x->next)
		return false;
	for (u32 id = nr - 1; id > 0; id--) {
		const char *name = types_name(btf, id);
		u32 b;

		if (!name[0] || btf_is_func(btf__type_by_id(btf, id)) != of_funcs)
			continue;
		b = bucket(x, name, types_essential_len(name));
		x->next[id] = x->heads[b];
		x->heads[b] = id;
	}
	x->nr = nr;
	x->btf = btf;
	x->of_funcs = of_funcs;
	x->print = fingerprint(btf);
	return true;
}

static void drop(struct index *x)
{
	mem_free(x->heads);
	mem_free(x->next);
	*x = (struct index){0};
}

/* A free place, else one after the other. */
static struct index *victim(void)
{
	for (u32 i = 0; i < NR_INDEXES; i++)
		if (!indexes[i].btf)
			return &indexes[i];
	return &indexes[next_victim++ % NR_INDEXES];
}

/* The index of btf, made if need be; NULL: no memory. Under the lock. */
static struct index *get(const struct btf *btf, bool of_funcs)
{
	u64 print = fingerprint(btf);
	struct index *x;

	for (u32 i = 0; i < NR_INDEXES; i++)
		if (indexes[i].btf == btf && indexes[i].of_funcs == of_funcs &&
		    indexes[i].print == print)
			return &indexes[i];
	x = victim();
	drop(x);
	if (fill(x, btf, of_funcs))
		return x;
	drop(x);
	return NULL;
}

void types_index_drop(const struct btf *btf)
{
	pthread_mutex_lock(&lock);
	for (u32 i = 0; i < NR_INDEXES; i++)
		if (indexes[i].btf == btf)
			drop(&indexes[i]);
	pthread_mutex_unlock(&lock);
}

static bool has_essential(const struct btf *btf, u32 id, const char *name, size_t len)
{
	const char *have = types_name(btf, id);

	return !strncmp(have, name, len) && types_essential_len(have) == len;
}

/* The first id above prev with this name; 0: none. Every id when there is no index. */
static u32 next_named(const struct index *x, const struct btf *btf, u32 prev, const char *name,
		      size_t len)
{
	u32 nr = btf__type_cnt(btf);
	u32 id = !x ? prev + 1 : prev ? x->next[prev] : x->heads[bucket(x, name, len)];

	while (id && id < nr) {
		if (has_essential(btf, id, name, len))
			return id;
		id = x ? x->next[id] : id + 1;
	}
	return 0;
}

static int each_named(const struct btf *btf, bool of_funcs, const char *name, size_t len,
		      types_each_fn fn, void *ctx)
{
	struct index *x;
	u32 id = 0;
	int err = 0;

	pthread_mutex_lock(&lock);
	x = get(btf, of_funcs);
	while (!err && (id = next_named(x, btf, id, name, len)))
		err = fn(ctx, id);
	pthread_mutex_unlock(&lock);
	return err;
}

int types_each_named(const struct btf *btf, const char *name, size_t len, types_each_fn fn,
		     void *ctx)
{
	return each_named(btf, false, name, len, fn, ctx);
}

/* How many types of one essential name are looked at: kernels have tens at most. */
#define MAX_SAME 1024

struct wanted {
	const struct btf *btf;
	const char *name;
	u32 kind; /* 0: struct or union, also through a typedef */
	u32 found, looked_at;
};

static int is_wanted(void *ctx, u32 id)
{
	struct wanted *w = ctx;
	const struct btf_type *t = btf__type_by_id(w->btf, id);

	if (w->looked_at++ == MAX_SAME)
		return 1;
	if (strcmp(types_name(w->btf, id), w->name))
		return 0;
	if (w->kind && btf_kind(t) != w->kind)
		return 0;
	if (!w->kind && btf_is_typedef(t)) {
		t = btf__type_by_id(w->btf, types_skip(w->btf, id));
		if (!t || !btf_is_composite(t))
			return 0;
	} else if (!w->kind && !btf_is_composite(t)) {
		return 0;
	}
	w->found = id;
	return 1;
}

u32 types_find(const struct btf *btf, const char *name, u32 kind)
{
	struct wanted w = {.btf = btf, .name = name, .kind = kind};

	each_named(btf, kind == BTF_KIND_FUNC, name, types_essential_len(name), is_wanted, &w);
	return w.found;
}

u32 types_find_struct(const struct btf *btf, const char *name)
{
	return types_find(btf, name, 0);
}
