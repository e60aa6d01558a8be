/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Our maps as one side of the sequences. Programs run on CPU 0. */
#ifndef TESTS_MAP_SEQ_OURS_H
#define TESTS_MAP_SEQ_OURS_H

#include "map/map.h"
#include "seq_common.h"

static struct map *ours, *inner_like, *inner_unlike;

static struct map_def ours_def(const struct seq_map *m)
{
	struct map_def def = {.name = "seq",
			      .type = m->type,
			      .key_size = m->key_size,
			      .value_size = m->value_size,
			      .max_entries = m->max_entries,
			      .flags = (u32)(m->flags & F_MASK),
			      .extra = m->extra};

	if (m->flags & (F_LOCK_FIELD | F_TIMER_FIELD | F_BTF))
		def.key_type_id = def.value_type_id = 1;
	if (m->flags & F_LOCK_FIELD)
		def.fields[def.nr_fields++] = (struct map_field){MAP_FIELD_SPIN_LOCK, 0, 4};
	if (m->flags & F_TIMER_FIELD)
		def.fields[def.nr_fields++] = (struct map_field){MAP_FIELD_TIMER, 0, 16};
	return def;
}

static long ours_create(const struct seq_map *m)
{
	static const struct map_def like = {
		.type = SPEC_MAP_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
	static const struct map_def unlike = {
		.type = SPEC_MAP_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 2};
	struct map_def def = ours_def(m);

	if (m->flags & F_INNER) {
		map_new(&like, &inner_like, NULL);
		map_new(&unlike, &inner_unlike, NULL);
		def.inner = &like;
	}
	return map_new(&def, &ours, NULL);
}

static void ours_destroy(void)
{
	map_put(ours);
	map_put(inner_like);
	map_put(inner_unlike);
	ours = inner_like = inner_unlike = NULL;
}

static u8 key_buf[SEQ_MAX_KEY], value_buf[SEQ_MAX_VALUE];

static void *ours_key(const struct seq_map *m, u64 key)
{
	memset(key_buf, 0, sizeof(key_buf));
	memcpy(key_buf, &key, sizeof(key));
	return m->key_size ? key_buf : NULL;
}

static void put_u64(const struct seq_map *m, u8 *at, u64 v)
{
	u32 off = seq_value_off(m);

	memcpy(at + off, &v, min_u64(8, m->value_size - off));
}

/* Every CPU's value is one more than that of the CPU before. */
static void *ours_value(const struct seq_map *m, u64 value, bool user)
{
	u32 n = user && seq_is_percpu(m) ? map_nr_cpus() : 1;

	memset(value_buf, 0, sizeof(value_buf));
	if (seq_is_outer(m))
		value = value == 1 ? inner_like->id : value == 2 ? inner_unlike->id : value;
	for (u32 i = 0; i < n; i++)
		put_u64(m, value_buf + i * align_up(m->value_size, 8), value + i);
	return value_buf;
}

static int ours_value_out(const struct seq_map *m, u64 *out)
{
	*out = seq_value_out(m, value_buf, map_nr_cpus());
	if (seq_is_outer(m))
		*out = *out == inner_like->id;
	return 0;
}

static long ours_user(const struct seq_map *m, const struct seq_op *op, u64 *out)
{
	void *key = ours_key(m, op->key);
	u8 next[SEQ_MAX_KEY] = {0};
	long err;

	switch (op->op) {
	case OP_LOOKUP:
	case OP_TAKE:
		ours_value(m, op->value, true);
		err = op->op == OP_TAKE
			      ? map_user_lookup_and_delete(ours, key, value_buf, op->flags)
			      : map_user_lookup(ours, key, value_buf, op->flags);
		return err ? err : ours_value_out(m, out);
	case OP_UPDATE:
		return map_user_update(ours, key, ours_value(m, op->value, true), op->flags);
	case OP_DELETE:
		return map_user_delete(ours, key);
	case OP_NEXT:
	case OP_FIRST:
		err = map_user_next_key(ours, op->op == OP_NEXT ? key : NULL, next);
		if (!err)
			memcpy(out, next, sizeof(*out));
		return err;
	default:
		return map_user_freeze(ours);
	}
}

static long ours_count(const struct seq_map *m, u64 *out)
{
	u8 key[SEQ_MAX_KEY], next[SEQ_MAX_KEY];
	long nr = 0;
	u32 w;

	memset(next, 0, sizeof(next));
	for (void *at = NULL; !map_user_next_key(ours, at, next) && nr < 10000; nr++) {
		memcpy(&w, next, sizeof(w));
		*out += w;
		memcpy(key, next, m->key_size);
		at = key;
	}
	return nr;
}

static long ours_found(const struct seq_map *m, void *value, u64 *out)
{
	if (!value)
		return 0;
	*out = seq_is_outer(m) ? value == inner_like : seq_get_u64(m, value);
	return 1;
}

static long ours_prog(const struct seq_map *m, const struct seq_op *op, u64 *out)
{
	void *key = ours_key(m, op->key), *value = ours_value(m, op->value, false);
	u64 target;
	long ret;

	switch (op->op) {
	case OP_P_LOOKUP:
		return ours_found(m, map_lookup(ours, key), out);
	case OP_P_ON_CPU:
		return ours_found(m, map_lookup_percpu(ours, key, (u32)op->value), out);
	case OP_P_UPDATE:
		return map_update(ours, key, value, op->flags);
	case OP_P_DELETE:
		return map_delete(ours, key);
	case OP_P_PUSH:
		return map_push(ours, value, op->flags);
	case OP_P_REDIRECT: /* what the helper makes of it */
		if (op->flags & ~(u64)0x3)
			return 0;
		return map_target_get(ours, key, &target) ? (long)(op->flags & 3) : 4;
	default:
		ret = op->op == OP_P_POP ? map_pop(ours, value) : map_peek(ours, value);
		*out = seq_get_u64(m, value);
		return ret;
	}
}

static int ours_sum(void *ctx, u32 cpu, const void *data, size_t size)
{
	*(u64 *)ctx += size;
	return 0;
}

static long ours_records(const struct seq_op *op, u64 *out)
{
	static u8 data[65536];
	u32 key = (u32)op->key;
	void *p;

	switch (op->op) {
	case OP_RB_OUTPUT:
		return ringbuf_output(ours, data, op->value, op->flags);
	case OP_RB_SUBMIT:
	case OP_RB_DISCARD:
		p = ringbuf_reserve(ours, op->value, op->flags);
		if (p && op->op == OP_RB_SUBMIT)
			ringbuf_submit(ours, p, 0);
		else if (p)
			ringbuf_discard(ours, p, 0);
		return p != NULL;
	case OP_RB_QUERY:
		*out = ringbuf_query(ours, op->flags);
		return 0;
	case OP_RB_CONSUME:
		return ringbuf_consume(ours, ours_sum, out);
	case OP_PERF_OPEN:
		return map_user_update(ours, &key, &key, BPF_ANY);
	default:
		return perf_output(ours, op->flags, 0, data, op->value, data,
				   (op->flags & BPF_F_CTXLEN_MASK) >> 32);
	}
}

static long ours_run(const struct seq_map *m, const struct seq_op *op, u64 *out)
{
	long ret;

	if (op->op == OP_COUNT)
		return ours_count(m, out);
	if (op->op <= OP_FREEZE)
		return ours_user(m, op, out);
	map_set_cpu(0);
	map_read_lock();
	ret = op->op < OP_RB_OUTPUT ? ours_prog(m, op, out) : ours_records(op, out);
	map_read_unlock();
	return ret;
}

static const struct seq_side seq_ours = {"ours", ours_create, ours_run, ours_destroy};

#endif
