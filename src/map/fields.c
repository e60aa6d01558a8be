/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Special fields in map values, by the names of their types and the tags of pointers, as the
 * kernel's btf_parse_fields finds them: in the value, in structs within it, and in arrays of
 * either.
 */
#include "btf/types.h"
#include "map/map.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Structs may share members, so their number is no measure of the work; real values have tens. */
#define MAX_VISITS 20000

struct scan {
	const struct btf *btf;
	struct map_field *fields;
	u32 nr, max;
	bool nodes; /* also what stands in lists and trees */
	u32 visits;
};

static const struct {
	const char *name;
	enum map_field_kind kind;
} structs[] =
	{
		{"bpf_spin_lock", MAP_FIELD_SPIN_LOCK},
		{"bpf_res_spin_lock", MAP_FIELD_RES_SPIN_LOCK},
		{"bpf_timer", MAP_FIELD_TIMER},
		{"bpf_wq", MAP_FIELD_WORKQUEUE},
		{"bpf_task_work", MAP_FIELD_TASK_WORK},
		{"bpf_list_head", MAP_FIELD_LIST_HEAD},
		{"bpf_rb_root", MAP_FIELD_RB_ROOT},
		{"bpf_refcount", MAP_FIELD_REFCOUNT},
		{"bpf_list_node", MAP_FIELD_LIST_NODE},
		{"bpf_rb_node", MAP_FIELD_RB_NODE},
},
  tags[] = {
	  {"kptr_untrusted", MAP_FIELD_KPTR},
	  {"kptr", MAP_FIELD_KPTR},
	  {"percpu_kptr", MAP_FIELD_KPTR},
	  {"uptr", MAP_FIELD_UPTR},
};

static int add_field(struct scan *s, enum map_field_kind kind, u64 off, u32 size)
{
	if (!s->nodes && (kind == MAP_FIELD_LIST_NODE || kind == MAP_FIELD_RB_NODE))
		return 0;
	if (s->nr == s->max)
		return -E2BIG;
	s->fields[s->nr++] = (struct map_field){kind, (u32)off, size};
	return 0;
}

/* T __kptr * */
static int scan_ptr(struct scan *s, const struct btf_type *t, u64 off)
{
	const struct btf_type *tag = btf__type_by_id(s->btf, t->type);

	if (!btf_is_type_tag(tag))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (!strcmp(btf__name_by_offset(s->btf, tag->name_off), tags[i].name))
			return add_field(s, tags[i].kind, off, 8);
	return 0;
}

static int scan_type(struct scan *s, u32 id, u64 off);

static int scan_struct(struct scan *s, const struct btf_type *t, u64 off)
{
	const char *name = btf__name_by_offset(s->btf, t->name_off);
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(structs); i++)
		if (!strcmp(name, structs[i].name))
			return add_field(s, structs[i].kind, off, t->size);
	for (u32 i = 0; i < btf_vlen(t) && !err; i++) {
		u32 bit = btf_member_bit_offset(t, i);

		if (s->visits++ >= MAX_VISITS)
			return -E2BIG;
		if (!(bit % 8) && !btf_member_bitfield_size(t, i))
			err = scan_type(s, btf_members(t)[i].type, off + bit / 8);
	}
	return err;
}

/* Look at one element; what it has is there nelems times. */
static int scan_array(struct scan *s, const struct btf_type *t, u64 off)
{
	const struct btf_array *a = btf_array(t);
	u32 first = s->nr, nr, size = types_size(s->btf, a->type);
	int err = a->nelems ? scan_type(s, a->type, off) : 0;

	nr = s->nr - first;
	for (u32 i = 1; nr && i < a->nelems && !err; i++)
		for (u32 k = 0; k < nr && !err; k++) {
			struct map_field *f = &s->fields[first + k];

			err = add_field(s, f->kind, f->off + (u64)i * size, f->size);
		}
	return err;
}

/* Recursion ends: types_open limits how deep types by value go. */
static int scan_type(struct scan *s, u32 id, u64 off)
{
	const struct btf_type *t = btf__type_by_id(s->btf, types_skip(s->btf, id));

	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
		return scan_ptr(s, t, off);
	case BTF_KIND_STRUCT:
		return scan_struct(s, t, off);
	case BTF_KIND_ARRAY:
		return scan_array(s, t, off);
	default:
		return 0;
	}
}

static int scan_datasec(struct scan *s, const struct btf_type *t)
{
	int err = 0;

	for (u32 i = 0; i < btf_vlen(t) && !err; i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(t) + i;
		const struct btf_type *var = btf__type_by_id(s->btf, v->type);

		if (btf_is_var(var))
			err = scan_type(s, var->type, v->offset);
	}
	return err;
}

static int by_offset(const void *a, const void *b)
{
	const struct map_field *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

int map_find_fields(const struct btf *btf, u32 type_id, bool nodes, struct map_field *fields,
		    u32 max)
{
	struct scan s = {.btf = btf, .fields = fields, .max = max, .nodes = nodes};
	const struct btf_type *t = btf__type_by_id(btf, type_id);
	int err;

	if (!t)
		return 0;
	err = btf_is_datasec(t) ? scan_datasec(&s, t) : scan_type(&s, type_id, 0);
	if (err)
		return err;
	qsort(fields, s.nr, sizeof(*fields), by_offset);
	return (int)s.nr;
}
