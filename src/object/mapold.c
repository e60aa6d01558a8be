/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Maps as they were defined before BTF: a section `maps` full of structs of five numbers, one
 * symbol each. Two extensions were in use: iproute2's (id, pinning, inner id and index behind the
 * five), and libbpf's ____btf_map_NAME structs, which give the types of key and value.
 */
#include "object/state.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct old_def {
	u32 type, key_size, value_size, max_entries, flags;
	u32 id, pinning, inner_id, inner_idx; /* iproute2's */
};

#define MIN_DEF (4 * sizeof(u32)) /* flags came later */

struct old_maps {
	struct object *obj;
	u32 section;
	const struct elf_symbol **syms; /* by offset */
	u32 nr;
	u64 size; /* of a definition */
	struct skep_diag *diag;
};

static int bad(struct old_maps *o, const struct elf_symbol *sym, const char *why)
{
	diag_set_full(o->diag, -EINVAL, "bad-map", "define it in SEC(\".maps\")", "%s", why);
	return diag_at(o->diag, -EINVAL, "section maps, offset %#llx, map %s",
		       (unsigned long long)sym->value, sym->name);
}

static int by_value(const void *a, const void *b)
{
	const struct elf_symbol *x = *(const struct elf_symbol **)a;
	const struct elf_symbol *y = *(const struct elf_symbol **)b;

	return x->value < y->value ? -1 : x->value > y->value;
}

static bool is_map(const struct elf_symbol *sym, u32 section)
{
	return sym->section == section && sym->name[0] &&
	       (sym->type == STT_OBJECT || sym->type == STT_NOTYPE);
}

static int find_symbols(struct old_maps *o)
{
	const struct elf_image *elf = &o->obj->state->elf;
	const struct elf_section *s = &elf->sections[o->section];

	o->syms = arena_calloc(&o->obj->arena, elf->nr_symbols, sizeof(*o->syms));
	if (!o->syms)
		return diag_nomem(o->diag);
	for (u32 i = 0; i < elf->nr_symbols; i++)
		if (is_map(&elf->symbols[i], o->section))
			o->syms[o->nr++] = &elf->symbols[i];
	if (!o->nr)
		return 0;
	qsort(o->syms, o->nr, sizeof(*o->syms), by_value);
	o->size = s->size / o->nr;
	if (s->size % o->nr || o->size < MIN_DEF)
		return bad(o, o->syms[0], "the section does not divide into its maps");
	return 0;
}

/* BPF_ANNOTATE_KV_PAIR(name, key, value) */
static void find_types(struct object *obj, struct map_def *def)
{
	char name[128];
	size_t len = strlen(def->name);
	const struct btf_type *t;
	u32 id;

	if (!obj->btf || len + 13 > sizeof(name))
		return;
	memcpy(name, "____btf_map_", 12);
	memcpy(name + 12, def->name, len + 1);
	id = types_find(obj->btf, name, BTF_KIND_STRUCT);
	t = btf__type_by_id(obj->btf, id);
	if (!id || btf_vlen(t) < 2 ||
	    types_size(obj->btf, btf_members(t)[0].type) != def->key_size ||
	    types_size(obj->btf, btf_members(t)[1].type) != def->value_size)
		return;
	def->key_type_id = btf_members(t)[0].type;
	def->value_type_id = btf_members(t)[1].type;
}

static int read_def(struct old_maps *o, const struct elf_symbol *sym, struct old_def *ret)
{
	const struct elf_section *s = &o->obj->state->elf.sections[o->section];

	*ret = (struct old_def){0};
	if (!in_bounds(sym->value, o->size, s->size))
		return bad(o, sym, "goes beyond the end of the section");
	memcpy(ret, s->data + sym->value, min_u64(o->size, sizeof(*ret)));
	for (u64 i = sizeof(*ret); i < o->size; i++)
		if (s->data[sym->value + i])
			return bad(o, sym, "has further attributes that nobody knows");
	return 0;
}

static int define(struct old_maps *o, const struct elf_symbol *sym)
{
	struct map_place place = {.section = o->section, .off = sym->value, .size = o->size};
	struct object_map *map;
	struct old_def old;
	int err = object_new_map(o->obj, &place, &map, o->diag);

	err = err ?: read_def(o, sym, &old);
	if (err)
		return err;
	map->kind = OBJECT_MAP_USER;
	map->section = "maps";
	map->def.name = sym->name;
	map->def.type = old.type;
	map->def.key_size = old.key_size;
	map->def.value_size = old.value_size;
	map->def.max_entries = old.max_entries;
	map->def.flags = old.flags;
	map->def.pinning = old.pinning != 0;
	if (map->def.type == BPF_MAP_TYPE_PERF_EVENT_ARRAY && !map->def.max_entries)
		map->def.max_entries = map_nr_cpus();
	find_types(o->obj, &map->def);
	err = object_find_fields(o->obj, &map->def, o->diag);
	return err ? bad(o, sym, "its value type can't be used") : 0;
}

/* iproute2: a map of maps names its inner map by id. The definition is copied. */
static int set_inner(struct old_maps *o, u32 first)
{
	for (u32 i = 0; i < o->nr; i++) {
		struct map_def *def = &o->obj->state->maps.data[first + i].def, *inner = NULL;
		struct old_def old, other;

		read_def(o, o->syms[i], &old);
		if (def->type != BPF_MAP_TYPE_ARRAY_OF_MAPS &&
		    def->type != BPF_MAP_TYPE_HASH_OF_MAPS)
			continue;
		for (u32 k = 0; old.inner_id && k < o->nr && !inner; k++) {
			read_def(o, o->syms[k], &other);
			if (other.id == old.inner_id && k != i)
				inner = arena_memdup(&o->obj->arena,
						     &o->obj->state->maps.data[first + k].def,
						     sizeof(*inner));
		}
		if (!inner)
			return bad(o, o->syms[i], "a map of maps that does not say which");
		def->inner = inner;
	}
	return 0;
}

int object_define_old_maps(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	struct old_maps o = {.obj = obj, .diag = diag};
	u32 first = (u32)st->maps.nr;
	int err;

	o.section = elf_find_section(&st->elf, "maps");
	if (!o.section || st->kinds[o.section] != SECTION_OLD_MAPS)
		return 0;
	err = find_symbols(&o);
	for (u32 i = 0; i < o.nr && !err; i++)
		err = define(&o, o.syms[i]);
	return err ?: set_inner(&o, first);
}
