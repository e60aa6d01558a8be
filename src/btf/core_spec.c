/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Reading an access string. "0:1:3" is: element 0 of what the pointer points to, its member 1, the
 * member (or element) 3 of that. Steps through anonymous members move the offset but are not kept:
 * another kernel may have put the same named field somewhere else.
 */
#include "btf/core_spec.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct core_kind {
	enum core_class class;
	const char *name;
} kinds[] = {
	[BPF_CORE_FIELD_BYTE_OFFSET] = {CORE_FIELD, "offset"},
	[BPF_CORE_FIELD_BYTE_SIZE] = {CORE_FIELD, "size"},
	[BPF_CORE_FIELD_EXISTS] = {CORE_FIELD, "existence"},
	[BPF_CORE_FIELD_SIGNED] = {CORE_FIELD, "signedness"},
	[BPF_CORE_FIELD_LSHIFT_U64] = {CORE_FIELD, "left shift"},
	[BPF_CORE_FIELD_RSHIFT_U64] = {CORE_FIELD, "right shift"},
	[BPF_CORE_TYPE_ID_LOCAL] = {CORE_TYPE, "local type id"},
	[BPF_CORE_TYPE_ID_TARGET] = {CORE_TYPE, "type id"},
	[BPF_CORE_TYPE_EXISTS] = {CORE_TYPE, "type existence"},
	[BPF_CORE_TYPE_SIZE] = {CORE_TYPE, "type size"},
	[BPF_CORE_ENUMVAL_EXISTS] = {CORE_ENUMVAL, "enumerator existence"},
	[BPF_CORE_ENUMVAL_VALUE] = {CORE_ENUMVAL, "enumerator value"},
	[BPF_CORE_TYPE_MATCHES] = {CORE_TYPE, "type match"},
};

enum core_class core_class_of(u32 kind)
{
	return kind < ARRAY_SIZE(kinds) ? kinds[kind].class : CORE_UNKNOWN;
}

const char *core_kind_name(u32 kind)
{
	return kind < ARRAY_SIZE(kinds) ? kinds[kind].name : "unknown";
}

bool core_is_any_enum(const struct btf_type *t)
{
	return btf_is_enum(t) || btf_is_enum64(t);
}

u32 core_enum_name_off(const struct btf_type *t, u32 i)
{
	return btf_is_enum(t) ? btf_enum(t)[i].name_off : btf_enum64(t)[i].name_off;
}

bool core_is_flex(const struct btf *btf, const struct core_step *before, const struct btf_array *a)
{
	const struct btf_type *t;

	if (!before->name || a->nelems)
		return false;
	t = btf__type_by_id(btf, before->type_id);
	return t && before->idx + 1 == btf_vlen(t);
}

static void add_step(struct core_spec *spec, u32 type_id, u32 idx, const char *name)
{
	spec->steps[spec->nr_steps++] = (struct core_step){type_id, idx, name};
}

static int into_member(struct core_spec *spec, u32 *id, u32 idx)
{
	const struct btf_type *t = btf__type_by_id(spec->btf, *id);
	const struct btf_member *m = btf_members(t) + idx;
	const char *name;

	if (idx >= btf_vlen(t))
		return -EINVAL;
	spec->bit_off += btf_member_bit_offset(t, idx);
	name = btf__name_by_offset(spec->btf, m->name_off);
	if (name && name[0])
		add_step(spec, *id, idx, name);
	*id = m->type;
	return 0;
}

static int into_element(struct core_spec *spec, u32 *id, u32 idx)
{
	const struct btf_array *a = btf_array(btf__type_by_id(spec->btf, *id));

	if (idx >= a->nelems && !core_is_flex(spec->btf, &spec->steps[spec->nr_steps - 1], a))
		return -EINVAL;
	*id = types_skip(spec->btf, a->type);
	add_step(spec, *id, idx, NULL);
	spec->bit_off += (u64)idx * types_size(spec->btf, *id) * 8;
	return 0;
}

static int follow(struct core_spec *spec, const u32 *way, u32 nr)
{
	u32 id = spec->steps[0].type_id;
	int err = 0;

	if (!types_size(spec->btf, id) && way[0])
		return -EINVAL;
	spec->bit_off = (u64)way[0] * types_size(spec->btf, id) * 8;
	for (u32 i = 1; i < nr && !err; i++) {
		const struct btf_type *t;

		id = types_skip(spec->btf, id);
		t = btf__type_by_id(spec->btf, id);
		if (btf_is_composite(t))
			err = into_member(spec, &id, way[i]);
		else if (btf_is_array(t))
			err = into_element(spec, &id, way[i]);
		else
			err = -EINVAL;
	}
	return err;
}

/* Numbers with colons between. Their number, or -errno. */
static int parse_way(const char *s, u32 *way)
{
	u32 nr = 0;

	for (;;) {
		char *end;
		unsigned long n;

		if (*s < '0' || *s > '9')
			return -EINVAL;
		errno = 0;
		n = strtoul(s, &end, 10);
		if (errno || n > INT32_MAX)
			return -EINVAL;
		if (nr == CORE_MAX_WAY)
			return -E2BIG;
		way[nr++] = (u32)n;
		if (!*end)
			return (int)nr;
		if (*end != ':')
			return -EINVAL;
		s = end + 1;
	}
}

static int parse_enumval(struct core_spec *spec, const struct btf_type *t, u32 idx, int nr)
{
	if (!core_is_any_enum(t) || nr != 1 || idx >= btf_vlen(t))
		return -EINVAL;
	spec->steps[0].name = btf__name_by_offset(spec->btf, core_enum_name_off(t, idx));
	return spec->steps[0].name ? 0 : -EINVAL;
}

int core_spec_parse(const struct btf *btf, const struct bpf_core_relo *relo, struct core_spec *ret)
{
	const char *text = btf__name_by_offset(btf, relo->access_str_off);
	enum core_class class = core_class_of(relo->kind);
	u32 way[CORE_MAX_WAY], id;
	int nr;

	*ret = (struct core_spec){.btf = btf, .root = relo->type_id, .kind = relo->kind};
	if (!text || class == CORE_UNKNOWN)
		return -EINVAL;
	if (class == CORE_TYPE)
		return strcmp(text, "0") ? -EINVAL : 0;
	nr = parse_way(text, way);
	if (nr < 0)
		return nr;
	id = types_skip(btf, relo->type_id);
	if (!id)
		return -EINVAL;
	add_step(ret, id, way[0], NULL);
	if (class == CORE_ENUMVAL)
		return parse_enumval(ret, btf__type_by_id(btf, id), way[0], nr);
	return follow(ret, way, (u32)nr);
}

void core_spec_text(const struct core_spec *spec, struct strbuf *sb)
{
	types_decl(sb, spec->btf, spec->root);
	if (core_class_of(spec->kind) == CORE_ENUMVAL && spec->nr_steps)
		strbuf_printf(sb, "::%s", spec->steps[0].name);
	for (u32 i = 0; core_class_of(spec->kind) == CORE_FIELD && i < spec->nr_steps; i++) {
		if (spec->steps[i].name)
			strbuf_printf(sb, ".%s", spec->steps[i].name);
		else if (i || spec->steps[i].idx)
			strbuf_printf(sb, "[%u]", spec->steps[i].idx);
	}
}
