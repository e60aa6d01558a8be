/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A file for skep map load: any text, cut into elements, each for a map of a few types. What was
 * understood is written as JSON lines, which must be understood too and mean the same.
 */
#include "base/mem.h"
#include "event/value.h"
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NR_CPUS   2
#define MAX_ELEMS 64

static struct btf *btf;
static struct map_def defs[4];

static void make_types(void)
{
	int u32_, u64_, ch, comm, lpm, st, i32;

	btf = btf__new_empty();
	i32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	u32_ = btf__add_int(btf, "unsigned int", 4, 0);
	u64_ = btf__add_int(btf, "unsigned long long", 8, 0);
	ch = btf__add_int(btf, "char", 1, BTF_INT_SIGNED);
	comm = btf__add_array(btf, i32, ch, 8);
	lpm = btf__add_struct(btf, "lpm", 8);
	btf__add_field(btf, "prefixlen", u32_, 0, 0);
	btf__add_field(btf, "addr", u32_, 32, 0);
	st = btf__add_struct(btf, "v", 16);
	btf__add_field(btf, "hits", u64_, 0, 0);
	btf__add_field(btf, "comm", comm, 64, 0);
	defs[0] = (struct map_def){.name = "trie",
				   .type = BPF_MAP_TYPE_LPM_TRIE,
				   .key_size = 8,
				   .value_size = 16,
				   .key_type_id = (u32)lpm,
				   .value_type_id = (u32)st};
	defs[1] = (struct map_def){.name = "cpus",
				   .type = BPF_MAP_TYPE_PERCPU_HASH,
				   .key_size = 4,
				   .value_size = 8,
				   .key_type_id = (u32)i32,
				   .value_type_id = (u32)u64_};
	defs[2] = (struct map_def){
		.name = "bytes", .type = BPF_MAP_TYPE_HASH, .key_size = 6, .value_size = 3};
	defs[3] = (struct map_def){.name = "queue", .type = BPF_MAP_TYPE_QUEUE, .value_size = 4};
}

struct elems {
	const struct map_def *def;
	struct event_map_elems *e;
	u32 nr;
	u8 keys[MAX_ELEMS][8], values[MAX_ELEMS][NR_CPUS * 16];
};

static int keep(void *ctx, const struct event_map_pair *p, struct skep_diag *diag)
{
	struct elems *to = ctx;
	int err = 0;

	if (to->nr == MAX_ELEMS)
		return -E2BIG;
	memset(to->values[to->nr], 0, sizeof(to->values[0]));
	memset(to->keys[to->nr], 0, sizeof(to->keys[0]));
	if (to->def->key_size)
		err = p->key ? event_map_elems_key(to->e, p->key, to->keys[to->nr], diag) : -EINVAL;
	if (!err && p->cpus && to->def->type == BPF_MAP_TYPE_PERCPU_HASH)
		err = event_map_elems_cpus(to->e, p->cpus, to->values[to->nr], diag);
	else if (!err)
		err = p->value ? event_map_elems_value(to->e, p->value, to->values[to->nr], diag)
			       : -EINVAL;
	to->nr += !err;
	return err;
}

/* Text with bytes that are no UTF-8 comes back as characters of those numbers. */
static bool is_plain(const struct elems *x)
{
	for (u32 i = 0; i < x->nr; i++)
		for (u32 k = 0; k < sizeof(x->values[0]); k++)
			if (x->def->value_size == 16 && k >= 8 && x->values[i][k] >= 0x80)
				return false;
	return true;
}

static void check(const struct map_def *def, const char *text)
{
	struct event_map_io io = {.def = def,
				  .nr_cpus = def->type == BPF_MAP_TYPE_PERCPU_HASH ? NR_CPUS : 1};
	static struct elems one, two;
	struct strbuf sb = {0};

	one = (struct elems){.def = def};
	two = (struct elems){.def = def};
	if (event_map_elems_new(&io, btf, &one.e, NULL))
		abort();
	two.e = one.e;
	event_map_file(text, keep, &one, NULL);
	for (u32 i = 0; i < one.nr; i++)
		event_map_elems_put_json(one.e, &sb, one.keys[i], one.values[i]);
	if (one.nr && is_plain(&one)) {
		if (event_map_file(strbuf_str(&sb), keep, &two, NULL) || two.nr != one.nr)
			abort();
		for (u32 i = 0; i < one.nr; i++)
			if (memcmp(one.keys[i], two.keys[i], 8) ||
			    memcmp(one.values[i], two.values[i], sizeof(one.values[0])))
				abort();
	}
	strbuf_done(&sb);
	event_map_elems_free(one.e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!btf)
		make_types();
	if (!size)
		return 0;
	text = mem_zalloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	check(&defs[data[0] % 4], text);
	mem_free(text);
	return 0;
}
