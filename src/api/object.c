/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* include/skep/object.h: opening, and what an object holds. */
#include "api/api.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "btf/types.h"
#include "event/value.h"
#include "spec/spec.h"
#include <errno.h>
#include <skep/source.h>
#include <string.h>

#define MAX_OBJECT_SIZE (256u << 20) /* larger than any object, smaller than memory */

const struct btf *api_kernel_btf(struct skep_object *obj)
{
	const char *name = "";
	struct btf *btf;

	if (obj->btf_tried)
		return obj->kernel_btf;
	obj->btf_tried = true;
	if (!types_open_kernel(obj->btf_path, &btf, &name, &obj->btf_diag)) {
		obj->kernel_btf = btf;
		log_debug("kernel types: %s", name);
	}
	return obj->kernel_btf;
}

struct skep_object *skep_object_free(struct skep_object *obj)
{
	if (!obj)
		return NULL;
	object_close(obj->obj);
	btf__free(obj->kernel_btf);
	mem_free(obj->btf_path);
	arena_done(&obj->text);
	mem_free(obj);
	return NULL;
}

int skep_object_open_mem(const void *data, size_t size, const char *name,
			 const struct skep_open_opts *opts, struct skep_object **ret,
			 struct skep_diag *diag)
{
	const char *btf_path = api_opt(opts, btf_path, NULL);
	struct skep_object *obj = mem_zalloc(sizeof(*obj));
	int err = obj ? 0 : diag_nomem(diag);

	if (!err && btf_path) {
		obj->btf_path = mem_strdup(btf_path);
		err = obj->btf_path ? 0 : diag_nomem(diag);
	}
	if (!err)
		err = object_open(data, size, name, &obj->obj, diag);
	if (!err && btf_path && !api_kernel_btf(obj)) { /* asked for by name: must be there */
		err = obj->btf_diag.err;
		if (diag)
			*diag = obj->btf_diag;
	}
	if (err)
		skep_object_free(obj);
	else
		*ret = obj;
	return err;
}

static bool is_source(const char *path)
{
	size_t len = strlen(path);

	return len > 2 && !strcmp(path + len - 2, ".c");
}

static int open_source(const char *path, const struct skep_open_opts *opts,
		       struct skep_object **ret, struct skep_diag *diag)
{
	struct skep_source_opts so = {
		.sz = sizeof(so),
		.btf_path = api_opt(opts, btf_path, NULL),
		.clang = api_opt(opts, clang, NULL),
		.cflags = api_opt(opts, cflags, NULL),
	};
	size_t size;
	void *data;
	int err = skep_source_compile(path, &so, &data, &size, diag);

	if (err)
		return err;
	err = skep_object_open_mem(data, size, path, opts, ret, diag);
	skep_source_free(data);
	return err;
}

int skep_object_open(const char *path, const struct skep_open_opts *opts, struct skep_object **ret,
		     struct skep_diag *diag)
{
	size_t size;
	char *data;
	int err;

	if (is_source(path))
		return open_source(path, opts, ret, diag);
	err = file_read(path, MAX_OBJECT_SIZE, &data, &size, diag);
	if (err)
		return err;
	err = skep_object_open_mem(data, size, path, opts, ret, diag);
	mem_free(data);
	return err;
}

const char *skep_object_path(const struct skep_object *obj)
{
	return obj->obj->path;
}

const char *skep_object_license(const struct skep_object *obj)
{
	return obj->obj->license ? obj->obj->license : "";
}

/* Copy as much of an info struct as the caller knows of. */
static int give_info(void *ret, size_t ret_sz, void *info, size_t info_size)
{
	if (ret_sz < sizeof(size_t))
		return -EINVAL;
	*(size_t *)info = ret_sz;
	memcpy(ret, info, ret_sz < info_size ? ret_sz : info_size);
	return 0;
}

static const char *name_of(const struct spec_name *n)
{
	return n ? n->name : "";
}

size_t skep_object_nr_progs(const struct skep_object *obj)
{
	return obj->obj->nr_progs;
}

int skep_object_prog(const struct skep_object *obj, size_t idx, struct skep_prog_info *ret)
{
	const struct prog *p = idx < obj->obj->nr_progs ? &obj->obj->progs[idx] : NULL;
	struct skep_prog_info info;

	if (!p)
		return -ENOENT;
	info = (struct skep_prog_info){
		.name = p->name,
		.section = p->section,
		.type = name_of(spec_prog_type(p->type)),
		.attach_type = p->attach_type ? name_of(spec_attach_type(p->attach_type)) : "",
		.target = p->target ? p->target : "",
		.nr_insns = p->nr_insns,
		.autoload = p->autoload,
	};
	return give_info(ret, ret->sz, &info, sizeof(info));
}

int skep_object_set_autoload(struct skep_object *obj, const char *name, bool on,
			     struct skep_diag *diag)
{
	struct prog *p = object_prog(obj->obj, name);

	if (!p)
		return diag_set(diag, -ENOENT, "no program is called \"%s\"", name);
	p->autoload = on;
	return 0;
}

size_t skep_object_nr_maps(const struct skep_object *obj)
{
	return obj->obj->nr_maps;
}

/* The C declaration of a type, kept with the object. */
static const char *decl(struct skep_object *obj, u32 type_id)
{
	struct strbuf sb = {0};
	const char *text;

	if (!type_id || !obj->obj->btf)
		return "";
	types_decl(&sb, obj->obj->btf, type_id);
	text = arena_strdup(&obj->text, strbuf_str(&sb));
	strbuf_done(&sb);
	return text ? text : "";
}

int skep_object_map(struct skep_object *obj, size_t idx, struct skep_map_info *ret)
{
	const struct object_map *m = idx < obj->obj->nr_maps ? &obj->obj->maps[idx] : NULL;
	struct skep_map_info info;

	if (!m)
		return -ENOENT;
	info = (struct skep_map_info){
		.name = m->def.name,
		.type = name_of(spec_map_type(m->def.type)),
		.key_size = m->def.key_size,
		.value_size = m->def.value_size,
		.max_entries = m->def.max_entries,
		.flags = m->def.flags,
		.key_type = decl(obj, m->def.key_type_id),
		.value_type = m->kind == OBJECT_MAP_USER ? decl(obj, m->def.value_type_id) : "",
		.internal = m->kind != OBJECT_MAP_USER,
	};
	return give_info(ret, ret->sz, &info, sizeof(info));
}

size_t skep_object_nr_vars(const struct skep_object *obj)
{
	return obj->obj->nr_vars;
}

static const u8 *var_bytes(const struct object *o, const struct object_var *v)
{
	const struct object_map *m = &o->maps[v->map];

	return m->data && in_bounds(v->off, v->size, m->def.value_size) ? m->data + v->off : NULL;
}

/* The value as text that skep_object_set_var takes. */
static const char *var_text(struct skep_object *obj, const struct object_var *v)
{
	const u8 *bytes = var_bytes(obj->obj, v);
	struct strbuf sb = {0};
	const char *text;

	if (!bytes || !v->type_id || !obj->obj->btf)
		return "";
	event_format_named(&sb, obj->obj->btf, v->type_id, v->name, bytes, v->size,
			   EVENT_STYLE_JSON);
	text = arena_strdup(&obj->text, strbuf_str(&sb));
	strbuf_done(&sb);
	return text ? text : "";
}

int skep_object_var(struct skep_object *obj, size_t idx, struct skep_var_info *ret)
{
	const struct object_var *v = idx < obj->obj->nr_vars ? &obj->obj->vars[idx] : NULL;
	struct skep_var_info info;

	if (!v)
		return -ENOENT;
	info = (struct skep_var_info){
		.name = v->name,
		.type = decl(obj, v->type_id),
		.section = obj->obj->maps[v->map].section,
		.size = v->size,
		.is_const = v->is_const,
		.value = var_text(obj, v),
	};
	return give_info(ret, ret->sz, &info, sizeof(info));
}

/* "@pid": which process that is will be known when it has started. */
static bool is_pid(const struct object *o, const struct object_var *v, const char *text)
{
	const struct btf_type *t = btf__type_by_id(o->btf,
						   (__u32)btf__resolve_type(o->btf, v->type_id));

	return t && btf_is_int(t) && v->size >= sizeof(u32) && v->size <= sizeof(u64) &&
	       !strcmp(text, "@pid");
}

int skep_object_set_var(struct skep_object *obj, const char *name, const char *text,
			struct skep_diag *diag)
{
	const struct object_var *v = object_var(obj->obj, name);
	int err;

	if (!v)
		return diag_set_full(diag, -ENOENT, "no-such-variable",
				     "skep show FILE lists what can be set",
				     "the program has no variable \"%s\"", name);
	if (!v->type_id || !obj->obj->btf || !var_bytes(obj->obj, v))
		return diag_set(diag, -EINVAL, "the object does not say which type \"%s\" has",
				name);
	obj->obj->vars[v - obj->obj->vars].is_pid = is_pid(obj->obj, v, text);
	if (v->is_pid)
		return 0;
	err = event_parse_named(obj->obj->btf, v->type_id, v->name, text,
				obj->obj->maps[v->map].data + v->off, v->size, diag);
	return err ? diag_at(diag, err, "variable %s", name) : 0;
}

int skep_object_set_max_entries(struct skep_object *obj, const char *map, uint32_t max_entries,
				struct skep_diag *diag)
{
	int idx = object_map_idx(obj->obj, map);

	if (idx < 0)
		return diag_set(diag, -ENOENT, "no map is called \"%s\"", map);
	obj->obj->maps[idx].def.max_entries = max_entries;
	return 0;
}
