/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Maps made of .data, .rodata, .bss and their kin, and the variables in them. */
#include "base/mem.h"
#include "object/state.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEN 16 /* of a map in the kernel, with the NUL */

int object_new_map(struct object *obj, const struct map_place *place, struct object_map **ret,
		   struct skep_diag *diag)
{
	struct object_map *map;
	struct map_place *slot;

	if (obj->state->maps.nr == OBJECT_MAX_MAPS)
		return diag_set(diag, -E2BIG, "more than %u maps", OBJECT_MAX_MAPS);
	slot = VEC_PUSH(&obj->state->places);
	map = slot ? VEC_PUSH(&obj->state->maps) : NULL;
	if (!map)
		return diag_nomem(diag);
	*slot = *place;
	*ret = map;
	return 0;
}

/*
 * The name that libbpf gives: as much of the object's as fits before the section's, which has at
 * least 7 characters of room; a section with a name of its own keeps it.
 */
static const char *internal_name(struct object *obj, const char *section)
{
	const char *base = strrchr(obj->path, '/');
	size_t keep = max_u64(strlen(section), 7), front;
	char name[NAME_LEN];

	if (strchr(section + 1, '.'))
		return section;
	base = base ? base + 1 : obj->path;
	front = min_u64(NAME_LEN - 1 - keep, strcspn(base, "."));
	snprintf(name, sizeof(name), "%.*s%.*s", (int)front, base, (int)keep, section);
	for (char *c = name; *c; c++)
		if (!isalnum((u8)*c) && *c != '_' && *c != '.')
			*c = '_';
	return arena_strdup(&obj->arena, name);
}

/* User space may map it when some variable in it is not static. */
static bool has_global(const struct object *obj, const struct btf_type *sec)
{
	for (u32 i = 0; sec && i < btf_vlen(sec); i++) {
		const struct btf_type *t = btf__type_by_id(obj->btf, btf_var_secinfos(sec)[i].type);

		if (btf_is_var(t) && btf_var(t)->linkage != BTF_VAR_STATIC)
			return true;
	}
	return false;
}

static const enum object_map_kind map_kinds[] = {
	[SECTION_DATA] = OBJECT_MAP_DATA,
	[SECTION_RODATA] = OBJECT_MAP_RODATA,
	[SECTION_BSS] = OBJECT_MAP_BSS,
};

static int too_large(const char *section, struct skep_diag *diag)
{
	diag_set(diag, -E2BIG, "the object's variables take more than %u MiB",
		 OBJECT_MAX_DATA >> 20);
	return diag_at(diag, -E2BIG, "section %s", section);
}

static int define_section(struct object *obj, u32 section, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	const struct elf_section *s = &st->elf.sections[section];
	struct map_place place = {.section = section, .size = s->size};
	struct object_map *map;
	int err;

	if (s->size > OBJECT_MAX_DATA)
		return too_large(s->name, diag);
	err = object_new_map(obj, &place, &map, diag);
	if (err)
		return err;
	map->kind = map_kinds[st->kinds[section]];
	map->section = s->name;
	map->def.value_size = (u32)s->size;
	return 0;
}

int object_define_data(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;

	for (u32 i = 1; i < st->elf.nr_sections; i++) {
		enum section_kind kind = st->kinds[i];
		int err;

		if (kind != SECTION_DATA && kind != SECTION_RODATA && kind != SECTION_BSS)
			continue;
		if (!st->elf.sections[i].size)
			continue;
		err = define_section(obj, i, diag);
		if (err)
			return err;
	}
	return 0;
}

/* What all internal maps have in common. */
static int finish_map(struct object *obj, struct object_map *map, const struct map_place *place,
		      struct skep_diag *diag)
{
	const struct elf_section *s = &obj->state->elf.sections[place->section];
	const struct btf_type *sec = object_datasec(obj, map->section, &map->def.value_type_id);
	int err;

	obj->state->data_size += map->def.value_size;
	if (obj->state->data_size > OBJECT_MAX_DATA)
		return too_large(map->section, diag);
	map->def.name = internal_name(obj, map->section);
	map->def.type = BPF_MAP_TYPE_ARRAY;
	map->def.key_size = 4;
	map->def.max_entries = 1;
	if (map->kind == OBJECT_MAP_RODATA || map->kind == OBJECT_MAP_KCONFIG)
		map->def.flags |= BPF_F_RDONLY_PROG;
	if (has_global(obj, sec))
		map->def.flags |= BPF_F_MMAPABLE;
	map->data = arena_alloc(&obj->arena, map->def.value_size);
	if (!map->def.name || !map->data)
		return diag_nomem(diag);
	if (place->section && s->data)
		memcpy(map->data, s->data, map->def.value_size);
	err = object_find_fields(obj, &map->def, diag);
	return err ? diag_at(diag, err, "section %s", map->section) : 0;
}

/* --- variables ------------------------------------------------------------------------------ */

static int add_var(struct object *obj, const struct object_var *var)
{
	struct object_var *slot;

	if (obj->state->vars.nr == OBJECT_MAX_VARS)
		return -ENOMEM;
	slot = VEC_PUSH(&obj->state->vars);
	if (!slot)
		return -ENOMEM;
	*slot = *var;
	return 0;
}

static int add_typed_vars(struct object *obj, u32 map, const struct btf_type *sec)
{
	const struct object_map *m = &obj->maps[map];

	for (u32 i = 0; i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(sec) + i;
		const struct btf_type *t = btf__type_by_id(obj->btf, v->type);
		struct object_var var = {
			.name = types_name(obj->btf, v->type),
			.map = map,
			.off = v->offset,
			.size = v->size,
			.type_id = t->type,
			.is_const = m->kind == OBJECT_MAP_RODATA || m->kind == OBJECT_MAP_KCONFIG,
		};

		if (!btf_is_var(t) || !in_bounds(v->offset, v->size, m->def.value_size))
			continue;
		if (add_var(obj, &var))
			return -ENOMEM;
	}
	return 0;
}

/* Without BTF the symbols say at least where variables are. */
static int add_plain_vars(struct object *obj, u32 map, u32 section)
{
	const struct elf_image *elf = &obj->state->elf;
	const struct object_map *m = &obj->maps[map];

	for (u32 i = 0; i < elf->nr_symbols; i++) {
		const struct elf_symbol *sym = &elf->symbols[i];
		struct object_var var = {
			.name = sym->name,
			.map = map,
			.off = (u32)sym->value,
			.size = (u32)sym->size,
			.is_const = m->kind == OBJECT_MAP_RODATA,
		};

		if (sym->section != section || sym->type != STT_OBJECT || !sym->name[0] ||
		    !in_bounds(sym->value, sym->size, m->def.value_size))
			continue;
		if (add_var(obj, &var))
			return -ENOMEM;
	}
	return 0;
}

static int add_vars(struct object *obj, u32 map)
{
	const struct map_place *place = &obj->state->places.data[map];
	const struct btf_type *sec;
	u32 id;

	sec = object_datasec(obj, obj->maps[map].section, &id);
	if (sec)
		return add_typed_vars(obj, map, sec);
	return obj->btf || !place->section ? 0 : add_plain_vars(obj, map, place->section);
}

static int by_place(const void *a, const void *b)
{
	const struct object_var *x = a, *y = b;

	if (x->map != y->map)
		return x->map < y->map ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

/* All maps are known: move them to where they stay, fill the internal ones, find the variables. */
int object_finish_maps(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	int err = 0;

	obj->nr_maps = (u32)st->maps.nr;
	obj->maps = arena_memdup(&obj->arena, st->maps.data, st->maps.nr * sizeof(*obj->maps));
	if (!obj->maps)
		return diag_nomem(diag);
	for (u32 i = 0; i < obj->nr_maps && !err; i++)
		if (obj->maps[i].kind != OBJECT_MAP_USER)
			err = finish_map(obj, &obj->maps[i], &st->places.data[i], diag);
	for (u32 i = 0; i < obj->nr_maps && !err; i++)
		if (obj->maps[i].kind != OBJECT_MAP_USER && add_vars(obj, i))
			err = diag_nomem(diag);
	if (err)
		return err;
	obj->nr_vars = (u32)st->vars.nr;
	obj->vars = arena_memdup(&obj->arena, st->vars.data, st->vars.nr * sizeof(*obj->vars));
	if (!obj->vars)
		return diag_nomem(diag);
	qsort(obj->vars, obj->nr_vars, sizeof(*obj->vars), by_place);
	return 0;
}
