/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See rectype.h. */
#include "event/rectype.h"
#include "base/mem.h"
#include "btf/types.h"
#include "event/debug_var.h"
#include "event/flow_core.h"
#include <errno.h>
#include <string.h>

struct finder {
	const struct object *obj;
	struct debug_image img;
	struct flow flow;
	struct debug_vars *vars;
	struct rectypes *ret;
};

bool rectype_is_buffer(u32 map_type)
{
	return map_type == BPF_MAP_TYPE_RINGBUF || map_type == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
}

static void add(struct rectype_map *map, const struct btf *btf, u32 type_id, const char *how)
{
	u32 size = btf && type_id ? types_size(btf, type_id) : 0;
	const char *name;

	if (!size || map->nr_types >= RECTYPE_MAX)
		return;
	name = types_name(btf, types_skip(btf, type_id));
	for (u32 i = 0; i < map->nr_types; i++) {
		const struct rectype *t = &map->types[i];

		if (t->size == size &&
		    !strcmp(types_name(t->btf, types_skip(t->btf, t->type_id)), name))
			return;
	}
	map->types[map->nr_types++] =
		(struct rectype){.btf = btf, .type_id = type_id, .size = size, .how = how};
}

static bool is_composite(const struct btf *btf, u32 type_id)
{
	const struct btf_type *t = btf ? btf__type_by_id(btf, types_skip(btf, type_id)) : NULL;

	return t && btf_is_composite(t) && t->size;
}

/* --- 1. the map's own BTF --------------------------------------------------------------------- */

static void from_map(struct finder *f, const struct object_map *m, struct rectype_map *map)
{
	/* the value of a perf_event_array is a file descriptor: an int there says nothing */
	if (is_composite(f->obj->btf, m->def.value_type_id) ||
	    (m->def.type == BPF_MAP_TYPE_RINGBUF && m->def.value_type_id))
		add(map, f->obj->btf, m->def.value_type_id, "type of the map's values");
}

/* --- 2. the code ------------------------------------------------------------------------------ */

static bool from_value(struct finder *f, const struct flow_site *site, struct rectype_map *map)
{
	int idx = site->ptr.sym ? object_map_idx(f->obj, site->ptr.sym) : -1;
	u32 type_id;

	if (site->ptr.kind != FLOW_MAP_VALUE || site->ptr.num || idx < 0)
		return false;
	type_id = f->obj->maps[idx].def.value_type_id;
	if (!is_composite(f->obj->btf, type_id))
		return false;
	add(map, f->obj->btf, type_id, "value of another map");
	return true;
}

static bool from_global(struct finder *f, const struct flow_site *site, struct rectype_map *map)
{
	const char *section = debug_image_section_name(&f->img, site->ptr.shndx);

	if (site->ptr.kind != FLOW_GLOBAL)
		return false;
	for (u32 i = 0; i < f->obj->nr_vars; i++) {
		const struct object_var *v = &f->obj->vars[i];
		const char *in = v->map < f->obj->nr_maps ? f->obj->maps[v->map].section : NULL;

		if (!in || strcmp(in, section) || v->off != site->ptr.num || !v->type_id)
			continue;
		add(map, f->obj->btf, v->type_id, "global variable");
		return true;
	}
	return false;
}

static bool from_variable(struct finder *f, const struct flow_site *site, struct rectype_map *map,
			  bool want_exact)
{
	bool exact = false;
	u32 id = f->vars ? debug_record_type(f->vars, site, f->ret->btf, &exact) : 0;

	if (!id || exact != want_exact)
		return false;
	add(map, f->ret->btf, id, exact ? "variable at the call" : "variable of that size");
	return true;
}

static void from_site(struct finder *f, const struct flow_site *site, struct rectype_map *map)
{
	if (from_variable(f, site, map, true) || from_value(f, site, map) ||
	    from_global(f, site, map))
		return;
	from_variable(f, site, map, false);
}

/* --- 3. sizes and names ----------------------------------------------------------------------- */

static bool is_event_name(const char *name)
{
	size_t len = strlen(name);

	return !strcmp(name, "event") || !strcmp(name, "data_t") || !strcmp(name, "record") ||
	       (len > 6 && !strcmp(name + len - 6, "_event")) ||
	       (len > 7 &&
		(!strcmp(name + len - 7, "event_t") || !strcmp(name + len - 7, "_record")));
}

/* The one struct of a size (0: any) among those that are called so; 0 if none or several. */
static u32 only_struct(const struct btf *btf, u64 size, bool by_name)
{
	u32 hit = 0;

	for (u32 i = 1; i < btf__type_cnt(btf); i++) {
		const struct btf_type *t = btf__type_by_id(btf, i);

		if (!btf_is_struct(t) || !t->size || (size && t->size != size) ||
		    (by_name && !is_event_name(types_name(btf, i))))
			continue;
		if (hit)
			return 0;
		hit = i;
	}
	return hit;
}

static void from_size(struct finder *f, u64 size, struct rectype_map *map)
{
	const struct btf *btf = f->obj->btf;
	u32 id = btf ? only_struct(btf, size, true) : 0;

	if (!id && btf && size)
		id = only_struct(btf, size, false);
	if (id)
		add(map, btf, id, "struct of that size");
}

static void find_types(struct finder *f, const struct object_map *m, struct rectype_map *map)
{
	bool declared;

	map->name = m->def.name;
	from_map(f, m, map);
	declared = map->nr_types;
	for (size_t i = 0; i < f->flow.nr_sites && !declared; i++)
		if (!strcmp(f->flow.sites[i].map, map->name))
			from_site(f, &f->flow.sites[i], map);
	for (size_t i = 0; i < f->flow.nr_sites && !map->nr_types; i++)
		if (!strcmp(f->flow.sites[i].map, map->name))
			from_size(f, f->flow.sites[i].size, map);
	if (!map->nr_types)
		from_size(f, 0, map);
}

static int open_image(struct finder *f)
{
	size_t size = 0;
	const void *data = object_image(f->obj, &size);
	struct flow_core *core = NULL;

	int err = data ? debug_image_open(data, size, &f->img) : -ENODATA;

	if (!err)
		err = flow_core_new(&f->img, f->obj->btf, &core);
	if (!err)
		err = flow_scan(&f->img, core, &f->flow);
	if (!err && f->flow.nr_sites)
		err = debug_vars_open(&f->img, &f->flow, &f->vars);
	flow_core_free(core);
	return err == -ENOMEM ? err : 0; /* without the rest, sizes and names have to do */
}

int rectypes_new(const struct object *obj, struct rectypes *ret, struct skep_diag *diag)
{
	struct finder f = {.obj = obj, .ret = ret};
	int err = 0;

	*ret = (struct rectypes){0};
	ret->maps = mem_calloc(obj->nr_maps + 1, sizeof(*ret->maps));
	ret->btf = btf__new_empty();
	if (!ret->maps || !ret->btf) {
		rectypes_done(ret);
		return diag_nomem(diag);
	}
	for (u32 i = 0; i < obj->nr_maps && !err; i++) {
		if (!rectype_is_buffer(obj->maps[i].def.type))
			continue;
		if (!ret->nr_maps)
			err = open_image(&f);
		find_types(&f, &obj->maps[i], &ret->maps[ret->nr_maps++]);
	}
	debug_vars_close(f.vars);
	ret->flow = f.flow;
	ret->img = f.img;
	if (err)
		rectypes_done(ret);
	return err ? diag_nomem(diag) : 0;
}

void rectypes_done(struct rectypes *r)
{
	mem_free(r->maps);
	btf__free(r->btf);
	flow_done(&r->flow);
	debug_image_done(&r->img);
	*r = (struct rectypes){0};
}

/* Exactly that size; else the largest that fits in (a perf record is padded); else the first: the
 * record is shorter than its type. */
int rectype_pick(const struct rectype_map *map, size_t size)
{
	int best = -1;

	for (u32 i = 0; i < map->nr_types; i++) {
		u32 s = map->types[i].size;

		if (s == size)
			return (int)i;
		if (s < size && (best < 0 || s > map->types[best].size))
			best = (int)i;
	}
	return best < 0 && map->nr_types ? 0 : best;
}
