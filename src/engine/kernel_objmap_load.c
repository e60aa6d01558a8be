/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Filling a map from a file. All of the file is read and understood before the first element is
 * written: a mistake in it changes nothing. What the kernel then refuses leaves the elements before
 * it in the map, and the message says how many.
 */
#include "base/mem.h"
#include "engine/kernel_objmap.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BATCH     8192
#define MAX_BYTES (4ull << 30) /* of all elements of one file */

struct load {
	struct objmap *m;
	const struct skep_kernel_load_opts *opts;
	u8 *keys, *values;
	size_t nr, room;
	u64 done;
};

static int grow(struct load *l, struct skep_diag *diag)
{
	size_t room = l->room ? l->room * 2 : 1024;
	size_t key_size = l->m->info.key_size, value_size = l->m->value_size;
	u8 *keys, *values;

	if ((u64)room * (key_size + value_size) > MAX_BYTES)
		return diag_set(diag, -EFBIG, "more than %zu elements are too many at once", l->nr);
	keys = mem_realloc(l->keys, room * key_size + 1);
	if (keys)
		l->keys = keys;
	values = keys ? mem_realloc(l->values, room * value_size + 1) : NULL;
	if (!values)
		return diag_nomem(diag);
	l->values = values;
	l->room = room;
	return 0;
}

static void progress(const struct load *l, u64 total)
{
	if (l->opts && l->opts->progress)
		l->opts->progress(l->opts->ctx, l->done, total);
}

/* The idx-th element of a list: its index is the key, of a map without keys there is none. */
static int key_of(struct load *l, const struct event_map_pair *p, u8 *out, struct skep_diag *diag)
{
	u32 idx = (u32)p->idx, size = l->m->info.key_size;

	if (p->key && size)
		return event_map_elems_key(l->m->elems, p->key, out, diag);
	if (p->key)
		return diag_set(diag, -EINVAL,
				"this map has no keys: a list of values is expected");
	if (size == sizeof(idx))
		memcpy(out, &idx, sizeof(idx));
	else if (size)
		return diag_set(diag, -EINVAL, "this map needs keys: {\"key\": value, …}");
	return 0;
}

static int value_of(struct load *l, const struct event_map_pair *p, u8 *out, struct skep_diag *diag)
{
	const struct objmap *m = l->m;
	const char *text = p->value ? p->value : l->opts ? l->opts->value : NULL;
	size_t stride = align_up(m->info.value_size, 8);
	int err;

	if (p->cpus && m->io.nr_cpus > 1)
		return event_map_elems_cpus(m->elems, p->cpus, out, diag);
	if (!text)
		return diag_set_full(diag, -EINVAL, "no-value",
				     "--value gives one to all such lines", "there is only a key");
	memset(out, 0, m->value_size);
	err = event_map_elems_value(m->elems, text, out, diag);
	for (u32 i = 1; i < m->io.nr_cpus && !err; i++)
		memcpy(out + i * stride, out, m->info.value_size);
	return err;
}

static int keep(void *ctx, const struct event_map_pair *p, struct skep_diag *diag)
{
	struct load *l = ctx;
	int err = l->nr == l->room ? grow(l, diag) : 0;

	if (!err)
		err = key_of(l, p, l->keys + l->nr * l->m->info.key_size, diag);
	if (!err)
		err = value_of(l, p, l->values + l->nr * l->m->value_size, diag);
	l->nr += !err;
	return err;
}

/* Lines of a map without keys: the one word is the value. */
static int keep_value(void *ctx, const struct event_map_pair *p, struct skep_diag *diag)
{
	struct event_map_pair q = *p;

	if (!q.value) {
		q.value = q.key;
		q.key = NULL;
	}
	return keep(ctx, &q, diag);
}

/* Descriptors are opened, put in and closed one by one. */
static int put_ref(void *ctx, const struct event_map_pair *p, struct skep_diag *diag)
{
	struct load *l = ctx;
	const char *value = p->value ? p->value : l->opts ? l->opts->value : NULL;
	char idx[24];
	int err;

	snprintf(idx, sizeof(idx), "%llu", (unsigned long long)p->idx);
	if (!value)
		return diag_set(diag, -EINVAL, "there is only a key");
	err = objmap_set(l->m, p->key ? p->key : idx, value, NULL, BPF_ANY, diag);
	l->done += !err;
	return err;
}

/* Up to nr elements; *ret_nr: how many are in. */
static int put_batch(struct load *l, size_t at, u32 nr, u32 *ret_nr)
{
	union bpf_attr attr = {0};
	int err;

	attr.batch.map_fd = (u32)l->m->fd;
	attr.batch.keys = (u64)(uintptr_t)(l->keys + at * l->m->info.key_size);
	attr.batch.values = (u64)(uintptr_t)(l->values + at * l->m->value_size);
	attr.batch.count = nr;
	err = kobj_bpf(BPF_MAP_UPDATE_BATCH, &attr, sizeof(attr));
	/* A kernel that does not know the call, or not for this type, leaves the count alone. */
	*ret_nr = err ? (attr.batch.count < nr ? attr.batch.count : 0) : nr;
	return err;
}

static int put_single(struct load *l, size_t at)
{
	struct objmap *m = l->m;

	return objmap_update(m, m->info.key_size ? l->keys + at * m->info.key_size : NULL,
			     l->values + at * m->value_size, BPF_ANY);
}

static int put_all(struct load *l)
{
	bool batches = l->m->info.key_size != 0;
	int err = 0;

	while (l->done < l->nr && !err) {
		u32 nr = (u32)min_u64(BATCH, l->nr - l->done), in = 0;

		if (batches && put_batch(l, l->done, nr, &in))
			batches = false; /* the element that stopped it says why, alone */
		l->done += in;
		for (nr -= in; !batches && nr && !err; nr--) {
			err = put_single(l, l->done);
			l->done += !err;
		}
		progress(l, l->nr);
	}
	return err;
}

static int run(struct load *l, const char *text, struct skep_diag *diag)
{
	int err;

	if (objmap_has_refs(l->m))
		return event_map_file(text, put_ref, l, diag);
	err = event_map_file(text, l->m->info.key_size ? keep : keep_value, l, diag);
	if (err)
		return err;
	err = put_all(l);
	if (err) {
		objmap_refused(l->m, err, "take a value", diag);
		diag_at(diag, err, "element %llu", (unsigned long long)l->done + 1);
	}
	return err;
}

int objmap_load(struct objmap *m, const char *text, const struct skep_kernel_load_opts *opts,
		u64 *ret_nr, struct skep_diag *diag)
{
	struct load l = {.m = m, .opts = opts};
	int err = run(&l, text, diag);

	*ret_nr = l.done;
	mem_free(l.keys);
	mem_free(l.values);
	return err;
}
