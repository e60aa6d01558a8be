/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Maps that are defined by BTF: each variable in .maps is of a struct whose members say what the
 * map is. A number is the length of an array that a pointer points to (__uint), or since 6.10 an
 * enumerator (__ulong); a type is what a pointer points to (__type); .values is a flexible array
 * of pointers to inner maps or programs (__array).
 */
#include "object/state.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

struct parse {
	struct object *obj;
	const char *map;
	struct map_def *def, *inner; /* inner NULL: this is one already */
	bool has_inner;
	struct skep_diag *diag;
};

static int bad_map(struct parse *p, const char *member, int err, const char *why)
{
	diag_set_full(p->diag, err, "bad-map", NULL, "%s", why);
	if (member)
		diag_at(p->diag, err, "member %s", member);
	return diag_at(p->diag, err, "map %s%s", p->map, p->inner ? "" : ", inner map");
}

static const struct btf_type *skipped(struct parse *p, u32 id)
{
	return btf__type_by_id(p->obj->btf, types_skip(p->obj->btf, id));
}

/* int (*name)[N] */
static bool get_u32(struct parse *p, u32 type, u32 *ret)
{
	const struct btf_type *t = skipped(p, type);

	if (!btf_is_ptr(t))
		return false;
	t = btf__type_by_id(p->obj->btf, t->type);
	if (!btf_is_array(t))
		return false;
	*ret = btf_array(t)->nelems;
	return true;
}

static bool get_u64(struct parse *p, u32 type, u64 *ret)
{
	const struct btf_type *t = skipped(p, type);
	u32 n;

	if (btf_is_enum(t) && btf_vlen(t) == 1) {
		*ret = (u64)(s64)btf_enum(t)->val;
	} else if (btf_is_enum64(t) && btf_vlen(t) == 1) {
		*ret = btf_enum64_value(btf_enum64(t));
	} else {
		if (!get_u32(p, type, &n))
			return false;
		*ret = n;
	}
	return true;
}

/* --- members -------------------------------------------------------------------------------- */

/* A size that may be said twice, as a number and by a type, but not differently. */
static int set_size(struct parse *p, const char *member, u32 *size, u32 n)
{
	if (*size && *size != n)
		return bad_map(p, member, -EINVAL, "contradicts the size that was given before");
	*size = n;
	return 0;
}

static int set_typed(struct parse *p, const char *member, u32 type, u32 *size, u32 *type_id)
{
	const struct btf_type *t = btf__type_by_id(p->obj->btf, type);
	u32 n;

	if (!btf_is_ptr(t))
		return bad_map(p, member, -EINVAL, "not a pointer to a type, as __type makes it");
	n = types_size(p->obj->btf, t->type);
	if (!n && !btf_is_composite(skipped(p, t->type)))
		return bad_map(p, member, -EINVAL, "a type without a size");
	*type_id = t->type;
	return set_size(p, member, size, n);
}

static int on_key(struct parse *p, const char *member, u32 type)
{
	return set_typed(p, member, type, &p->def->key_size, &p->def->key_type_id);
}

static int on_value(struct parse *p, const char *member, u32 type)
{
	return set_typed(p, member, type, &p->def->value_size, &p->def->value_type_id);
}

static int on_u32(struct parse *p, const char *member, u32 type, u32 *to)
{
	return get_u32(p, type, to) ? 0 : bad_map(p, member, -EINVAL, "not a number, as __uint");
}

static int on_type(struct parse *p, const char *member, u32 type)
{
	return on_u32(p, member, type, &p->def->type);
}

static int on_max_entries(struct parse *p, const char *member, u32 type)
{
	return on_u32(p, member, type, &p->def->max_entries);
}

static int on_flags(struct parse *p, const char *member, u32 type)
{
	return on_u32(p, member, type, &p->def->flags);
}

static int on_numa_node(struct parse *p, const char *member, u32 type)
{
	return on_u32(p, member, type, &p->def->numa_node);
}

static int on_key_size(struct parse *p, const char *member, u32 type)
{
	u32 n;
	int err = on_u32(p, member, type, &n);

	return err ?: set_size(p, member, &p->def->key_size, n);
}

static int on_value_size(struct parse *p, const char *member, u32 type)
{
	u32 n;
	int err = on_u32(p, member, type, &n);

	return err ?: set_size(p, member, &p->def->value_size, n);
}

static int on_extra(struct parse *p, const char *member, u32 type)
{
	return get_u64(p, type, &p->def->extra)
		       ? 0
		       : bad_map(p, member, -EINVAL, "not a number, as __uint or __ulong");
}

static int on_pinning(struct parse *p, const char *member, u32 type)
{
	int err;

	if (!p->inner)
		return bad_map(p, member, -EINVAL, "an inner map can't be pinned");
	err = on_u32(p, member, type, &p->def->pinning);
	if (!err && p->def->pinning > 1)
		return bad_map(p, member, -EINVAL,
			       "neither LIBBPF_PIN_NONE nor LIBBPF_PIN_BY_NAME");
	return err;
}

static int parse_def(struct parse *p, const struct btf_type *t);

static bool is_map_in_map(u32 type)
{
	return type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

static int on_values(struct parse *p, const char *member, u32 type)
{
	const struct btf_type *t = btf__type_by_id(p->obj->btf, type);
	struct parse inner = {p->obj, p->map, p->inner, NULL, false, p->diag};
	bool of_maps = is_map_in_map(p->def->type);
	int err;

	if (!p->inner)
		return bad_map(p, member, -ENOTSUP, "maps in maps in maps");
	if (!of_maps && p->def->type != BPF_MAP_TYPE_PROG_ARRAY)
		return bad_map(p, member, -ENOTSUP, "only for maps of maps and program arrays");
	err = set_size(p, member, &p->def->value_size, 4);
	if (err)
		return err;
	if (!btf_is_array(t) || btf_array(t)->nelems)
		return bad_map(p, member, -EINVAL, "not an array without length, as __array");
	t = skipped(p, btf_array(t)->type);
	if (!btf_is_ptr(t))
		return bad_map(p, member, -EINVAL, "not an array of pointers");
	t = skipped(p, t->type);
	if (!of_maps)
		return btf_is_func_proto(t)
			       ? 0
			       : bad_map(p, member, -EINVAL, "not pointers to functions");
	if (!btf_is_struct(t))
		return bad_map(p, member, -EINVAL, "the inner map is no struct");
	p->has_inner = true;
	return parse_def(&inner, t);
}

static const struct {
	const char *name;
	int (*parse)(struct parse *p, const char *member, u32 type);
} members[] = {
	{"type", on_type},
	{"max_entries", on_max_entries},
	{"map_flags", on_flags},
	{"numa_node", on_numa_node},
	{"key_size", on_key_size},
	{"key", on_key},
	{"value_size", on_value_size},
	{"value", on_value},
	{"values", on_values},
	{"pinning", on_pinning},
	{"map_extra", on_extra},
};

static int parse_member(struct parse *p, const struct btf_member *m, bool is_last)
{
	const char *name = btf__name_by_offset(p->obj->btf, m->name_off);

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (strcmp(members[i].name, name))
			continue;
		if (members[i].parse == on_values && !is_last)
			return bad_map(p, name, -EINVAL, "has to be the last member");
		return members[i].parse(p, name, m->type);
	}
	return bad_map(p, name, -ENOTSUP, "nobody knows this attribute of a map");
}

/* A ring buffer has a power of two of pages: the next one up, as libbpf makes it. */
static u32 ring_size(u32 size)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE), n = page;

	if (!size)
		return 0;
	while (n < size)
		n *= 2;
	return n > UINT32_MAX ? size : (u32)n;
}

static int parse_def(struct parse *p, const struct btf_type *t)
{
	struct map_def *def = p->def;
	int err;

	for (u32 i = 0; i < btf_vlen(t); i++) {
		err = parse_member(p, btf_members(t) + i, i + 1 == btf_vlen(t));

		if (err)
			return err;
	}
	if (!def->type)
		return bad_map(p, NULL, -EINVAL, "its type is not given: __uint(type, …)");
	if (def->type == BPF_MAP_TYPE_RINGBUF || def->type == BPF_MAP_TYPE_USER_RINGBUF) {
		def->max_entries = ring_size(def->max_entries);
		/* __type(value, struct event) names the type of the records, for who reads them */
		def->value_size = def->value_type_id ? 0 : def->value_size;
	}
	if (def->type == BPF_MAP_TYPE_PERF_EVENT_ARRAY && !def->max_entries)
		def->max_entries = map_nr_cpus();
	err = object_find_fields(p->obj, def, p->diag);
	return err ? bad_map(p, NULL, err, "its value type can't be used") : 0;
}

/* --- variables of .maps --------------------------------------------------------------------- */

static int define_map(struct object *obj, u32 section, const struct btf_var_secinfo *v,
		      const struct map_place *place, struct skep_diag *diag)
{
	struct parse p = {.obj = obj, .map = types_name(obj->btf, v->type), .diag = diag};
	const struct btf_type *var = btf__type_by_id(obj->btf, v->type), *t;
	struct object_map *map;
	int err;

	p.inner = arena_calloc(&obj->arena, 1, sizeof(*p.inner));
	err = p.inner ? object_new_map(obj, place, &map, diag) : diag_nomem(diag);
	if (err)
		return err;
	p.def = &map->def;
	map->kind = OBJECT_MAP_USER;
	map->section = obj->state->elf.sections[section].name;
	map->def.name = p.map;
	if (!p.map[0] || !btf_is_var(var))
		return bad_map(&p, NULL, -EINVAL, "not a variable with a name");
	if (btf_var(var)->linkage != BTF_VAR_GLOBAL_ALLOCATED)
		return bad_map(&p, NULL, -EOPNOTSUPP, "a map can't be static or extern");
	t = skipped(&p, var->type);
	if (!btf_is_struct(t) || t->size > v->size)
		return bad_map(&p, NULL, -EINVAL, "not a struct, or larger than its variable");
	err = parse_def(&p, t);
	if (err || !p.has_inner)
		return err;
	p.inner->name = arena_printf(&obj->arena, "%s.inner", p.map);
	p.def->inner = p.inner;
	return p.inner->name ? 0 : diag_nomem(diag);
}

int object_define_maps(struct object *obj, struct skep_diag *diag)
{
	const struct elf_image *elf = &obj->state->elf;
	const struct btf_type *sec;
	u32 section = elf_find_section(elf, ".maps"), id;

	if (!section || obj->state->kinds[section] != SECTION_MAPS)
		return 0;
	sec = object_datasec(obj, ".maps", &id);
	if (!sec) {
		diag_set_full(diag, -ENOENT, "bad-map", "compile with -g",
			      "the object's BTF does not say what maps these are");
		return diag_at(diag, -ENOENT, "section .maps");
	}
	for (u32 i = 0; i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(sec) + i;
		struct map_place place = {section, v->offset, v->size, id, i};
		int err = define_map(obj, section, v, &place, diag);

		if (err)
			return err;
		obj->state->nr_btf_maps++;
	}
	return 0;
}
