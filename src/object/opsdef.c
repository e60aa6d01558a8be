/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tables of functions for the kernel: each variable in .struct_ops and its kin is a map of one
 * element. A section with "?" in front is left alone until somebody switches its maps on.
 */
#include "object/state.h"
#include "spec/uapi.h"
#include <errno.h>
#include <string.h>

static const struct {
	const char *section;
	u32 flags;
} ops_sections[] = {
	{".struct_ops", 0},
	{".struct_ops.link", SPEC_F_LINK}, /* registered by a link, which can go again */
	{"?.struct_ops", 0},
	{"?.struct_ops.link", SPEC_F_LINK},
};

static int define(struct object *obj, u32 section, u32 flags, const struct btf_var_secinfo *v,
		  struct skep_diag *diag)
{
	const struct btf_type *var = btf__type_by_id(obj->btf, v->type), *t;
	const char *name = types_name(obj->btf, v->type);
	struct map_place place = {.section = section, .off = v->offset, .size = v->size};
	u32 type = btf_is_var(var) ? types_skip_mods(obj->btf, var->type) : 0;
	struct object_map *map;
	int err;

	t = btf__type_by_id(obj->btf, types_skip(obj->btf, type));
	if (!name[0] || !btf_is_struct(t) || t->size > v->size) {
		diag_set_full(diag, -EINVAL, "bad-map", NULL,
			      "not a struct with a name, or larger than its variable");
		return diag_at(diag, -EINVAL, "variable %s", name);
	}
	err = object_new_map(obj, &place, &map, diag);
	if (err)
		return err;
	map->kind = OBJECT_MAP_USER;
	map->section = obj->state->elf.sections[section].name;
	map->def.name = name;
	map->def.type = BPF_MAP_TYPE_STRUCT_OPS;
	map->def.key_size = 4;
	map->def.value_size = t->size;
	map->def.value_type_id = type;
	map->def.max_entries = 1;
	map->def.flags = flags;
	return 0;
}

static int define_all(struct object *obj, u32 section, u32 flags, struct skep_diag *diag)
{
	const char *name = obj->state->elf.sections[section].name;
	const struct btf_type *sec;
	u32 id;

	sec = object_datasec(obj, name, &id);
	for (u32 i = 0; sec && i < btf_vlen(sec); i++) {
		int err = define(obj, section, flags, btf_var_secinfos(sec) + i, diag);

		if (err)
			return diag_at(diag, err, "section %s", name);
	}
	return 0;
}

/* In the order of the file, as libbpf has them. */
int object_define_ops(struct object *obj, struct skep_diag *diag)
{
	const struct elf_image *elf = &obj->state->elf;
	int err = 0;

	for (u32 i = 1; i < elf->nr_sections && !err; i++)
		for (size_t k = 0; k < ARRAY_SIZE(ops_sections) && !err; k++)
			if (!strcmp(elf->sections[i].name, ops_sections[k].section))
				err = define_all(obj, i, ops_sections[k].flags, diag);
	return err;
}
