/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Externs: what an object asks of the kernel by name. __kconfig variables become a read-only map
 * .kconfig; __ksym variables and functions become ids in the kernel's BTF, or addresses where the
 * object does not say their type.
 */
#include "base/mem.h"
#include "btf/core.h"
#include "object/state.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int bad_ext(const char *name, int err, const char *hint, const char *why,
		   struct skep_diag *diag)
{
	diag_set_full(diag, err, "bad-extern", hint, "%s", why);
	return diag_at(diag, err, "extern %s", name);
}

static bool is_extern(const struct elf_symbol *sym)
{
	return sym->section == SHN_UNDEF && sym->type == STT_NOTYPE && sym->name[0] &&
	       (sym->bind == STB_GLOBAL || sym->bind == STB_WEAK);
}

/* sec_of[type id] = the DATASEC that holds it. */
static u32 *index_datasecs(struct object *obj)
{
	u32 nr = btf__type_cnt(obj->btf);
	u32 *sec_of = arena_calloc(&obj->arena, nr, sizeof(*sec_of));

	for (u32 id = 1; sec_of && id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(obj->btf, id);

		for (u32 i = 0; btf_is_datasec(t) && i < btf_vlen(t); i++)
			if (!sec_of[btf_var_secinfos(t)[i].type])
				sec_of[btf_var_secinfos(t)[i].type] = id;
	}
	return sec_of;
}

static u32 find_type(const struct btf *btf, const char *name)
{
	u32 var = types_find(btf, name, BTF_KIND_VAR);
	u32 func = types_find(btf, name, BTF_KIND_FUNC);

	return !var || (func && func < var) ? func : var;
}

static int describe_kconfig(struct object *obj, struct ext *ext, struct skep_diag *diag)
{
	const struct btf_type *t = btf__type_by_id(obj->btf, ext->type_id);
	int align;

	if (ext->is_func)
		return bad_ext(ext->name, -ENOTSUP, NULL, "a function can't be a __kconfig", diag);
	ext->is_kconfig = true;
	ext->size = types_size(obj->btf, t->type);
	align = btf__align_of(obj->btf, t->type);
	if (!ext->size || ext->size > OBJECT_MAX_DATA || align <= 0)
		return bad_ext(ext->name, -EINVAL, NULL, "its type has no size", diag);
	ext->align = (u32)align;
	if (object_classify_kconfig(obj->btf, ext))
		return bad_ext(ext->name, -ENOTSUP,
			       "use bool, char, an integer, enum libbpf_tristate or a char array",
			       "a type that no __kconfig can have", diag);
	return 0;
}

static int describe(struct object *obj, struct ext *ext, const u32 *sec_of, struct skep_diag *diag)
{
	const struct btf_type *t;
	const char *sec;

	ext->type_id = find_type(obj->btf, ext->name);
	if (!ext->type_id)
		return bad_ext(ext->name, -ENOENT,
			       "BPF programs have no C library; kernel functions are declared "
			       "extern … __ksym",
			       "neither defined here nor a kernel symbol", diag);
	t = btf__type_by_id(obj->btf, ext->type_id);
	ext->is_func = btf_is_func(t);
	sec = types_name(obj->btf, sec_of[ext->type_id]);
	if (!strcmp(sec, ".kconfig"))
		return describe_kconfig(obj, ext, diag);
	if (strcmp(sec, ".ksyms"))
		return bad_ext(ext->name, -ENOTSUP,
			       "BPF programs have no C library; declare it __kconfig or __ksym",
			       "neither __kconfig nor __ksym, and not defined here", diag);
	ext->value_type = types_skip(obj->btf, t->type);
	return 0;
}

/* By falling alignment, rising size, name: the layout that libbpf gives .kconfig. */
static int by_layout(const void *a, const void *b)
{
	const struct ext *x = *(struct ext *const *)a, *y = *(struct ext *const *)b;

	if (x->align != y->align)
		return x->align > y->align ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int fix_kconfig_sec(struct object *obj, u32 size)
{
	u32 id, *off_of;
	struct btf_type *sec = (struct btf_type *)object_datasec(obj, ".kconfig", &id);

	if (!sec)
		return 0;
	off_of = arena_calloc(&obj->arena, btf__type_cnt(obj->btf), sizeof(*off_of));
	if (!off_of)
		return -ENOMEM;
	for (u32 i = 0; i < obj->state->nr_exts; i++)
		off_of[obj->state->exts[i].type_id] = obj->state->exts[i].off;
	sec->size = size;
	for (u32 i = 0; i < btf_vlen(sec); i++)
		btf_var_secinfos(sec)[i].offset = off_of[btf_var_secinfos(sec)[i].type];
	return 0;
}

int object_define_kconfig(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	struct ext **order = arena_calloc(&obj->arena, st->nr_exts, sizeof(*order));
	struct map_place place = {0};
	struct object_map *map;
	u32 nr = 0;
	u64 size = 0;
	int err;

	if (!order)
		return diag_nomem(diag);
	for (u32 i = 0; i < st->nr_exts; i++)
		if (st->exts[i].is_kconfig)
			order[nr++] = &st->exts[i];
	if (!nr)
		return 0;
	qsort(order, nr, sizeof(*order), by_layout);
	for (u32 i = 0; i < nr; i++) {
		order[i]->off = (u32)align_up(size, order[i]->align);
		size = (u64)order[i]->off + order[i]->size;
		if (size > OBJECT_MAX_DATA)
			return bad_ext(order[i]->name, -E2BIG, NULL, "too large", diag);
	}
	if (fix_kconfig_sec(obj, (u32)size))
		return diag_nomem(diag);
	place.size = size;
	st->kconfig_map = (u32)st->maps.nr;
	err = object_new_map(obj, &place, &map, diag);
	if (err)
		return err;
	map->kind = OBJECT_MAP_KCONFIG;
	map->section = ".kconfig";
	map->def.value_size = (u32)size;
	return 0;
}

int object_find_externs(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	const struct elf_image *elf = &st->elf;
	u32 nr = 0, *sec_of = NULL;

	for (u32 i = 0; i < elf->nr_symbols; i++)
		nr += is_extern(&elf->symbols[i]);
	if (!nr)
		return 0;
	if (nr > OBJECT_MAX_EXTS)
		return diag_set(diag, -E2BIG, "%u externs: more than %u", nr, OBJECT_MAX_EXTS);
	if (obj->btf)
		sec_of = index_datasecs(obj);
	st->exts = arena_calloc(&obj->arena, nr, sizeof(*st->exts));
	if (!st->exts || (obj->btf && !sec_of))
		return diag_nomem(diag);
	for (u32 i = 0; i < elf->nr_symbols; i++) {
		struct ext *ext = &st->exts[st->nr_exts];
		int err;

		if (!is_extern(&elf->symbols[i]))
			continue;
		ext->name = elf->symbols[i].name;
		ext->sym = i;
		ext->is_weak = elf->symbols[i].bind == STB_WEAK;
		if (!obj->btf)
			return bad_ext(ext->name, -ESRCH, "compile with -g",
				       "the object has no BTF that would say what this is", diag);
		err = describe(obj, ext, sec_of, diag);
		if (err)
			return err;
		st->nr_exts++;
	}
	return 0;
}

/* --- resolving ------------------------------------------------------------------------------ */

static int not_found(const struct ext *ext, const char *what, struct skep_diag *diag)
{
	if (ext->is_weak)
		return 0;
	return bad_ext(ext->name, -ESRCH,
		       "declare it __weak and test for it, or give the right BTF", what, diag);
}

static int resolve_func(struct object *obj, struct ext *ext, const struct btf *kernel,
			struct skep_diag *diag)
{
	char name[256];
	size_t len = types_essential_len(ext->name);
	u32 id;

	if (len >= sizeof(name))
		return not_found(ext, "no kernel function has so long a name", diag);
	memcpy(name, ext->name, len);
	name[len] = 0;
	id = types_find(kernel, name, BTF_KIND_FUNC);
	if (!id)
		return not_found(ext, "the kernel's BTF has no such function", diag);
	if (!core_types_compat(obj->btf, ext->value_type, kernel,
			       btf__type_by_id(kernel, id)->type))
		return not_found(ext, "the kernel's function has another prototype", diag);
	ext->kernel_id = id;
	ext->is_set = true;
	return 0;
}

static int resolve_var(struct object *obj, struct ext *ext, const struct btf *kernel,
		       struct skep_diag *diag)
{
	u32 id = types_find(kernel, ext->name, BTF_KIND_VAR), type;

	if (!id)
		return not_found(ext, "the kernel's BTF has no such variable", diag);
	type = types_skip(kernel, btf__type_by_id(kernel, id)->type);
	if (!core_types_compat(obj->btf, ext->value_type, kernel, type))
		return bad_ext(ext->name, -EINVAL, NULL, "the kernel's variable is of another type",
			       diag);
	ext->kernel_id = id;
	ext->is_set = true;
	return 0;
}

static int resolve_ksym(struct object *obj, struct ext *ext, const struct object_reloc_opts *opts,
			struct skep_diag *diag)
{
	if (ext->value_type && !opts->kernel_btf) {
		ext->is_set = !ext->is_weak; /* whoever runs it may know it by name */
		return 0;
	}
	if (ext->is_func)
		return resolve_func(obj, ext, opts->kernel_btf, diag);
	if (ext->value_type)
		return resolve_var(obj, ext, opts->kernel_btf, diag);
	ext->addr = opts->ksym ? opts->ksym(opts->ctx, ext->name) : 0;
	ext->is_set = ext->addr != 0;
	return ext->is_set ? 0 : not_found(ext, "no such kernel symbol", diag);
}

/* The running kernel's configuration, read when first asked for. */
struct config {
	char *text; /* NULL: there is none to be read */
	bool was_read;
	char value[4096]; /* the longest line that is a setting */
};

/* The value from the caller, or else the running kernel's. */
static const char *lookup_config(const struct object_reloc_opts *opts, const char *name,
				 struct config *c)
{
	if (opts->kconfig)
		return opts->kconfig(opts->ctx, name);
	if (!c->was_read)
		object_read_kernel_config(&c->text);
	c->was_read = true;
	if (!c->text)
		return NULL;
	return object_config_value(c->text, name, c->value, sizeof(c->value));
}

int object_resolve_externs(struct object *obj, const struct object_reloc_opts *opts,
			   struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	struct config c = {0};
	int err = 0;

	for (u32 i = 0; i < st->nr_exts && !err; i++) {
		struct ext *ext = &st->exts[i];

		if (ext->is_kconfig)
			err = object_set_kconfig(obj, ext, lookup_config(opts, ext->name, &c),
						 diag);
		else
			err = resolve_ksym(obj, ext, opts, diag);
	}
	mem_free(c.text);
	return err;
}
