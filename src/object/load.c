/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * From bytes to programs: the table of contents of this room. Each step reads what the ones before
 * it found, adds to the object or to its state, and refuses with the place of what is wrong.
 * Opening needs nothing but the file; relocating also needs to know the kernel.
 */
#include "base/mem.h"
#include "btf/core.h"
#include "object/state.h"
#include <errno.h>
#include <string.h>

static int open_image(struct object *obj, struct skep_diag *diag)
{
	return elf_open(&obj->arena, obj->state->image, obj->state->image_size, &obj->state->elf,
			diag);
}

static int (*const open_steps[])(struct object *obj, struct skep_diag *diag) = {
	open_image,             /* sections and symbols, in bounds */
	object_read_sections,   /* what each section is; license, version */
	object_read_btf,        /* types, line and function info, CO-RE relocations */
	object_find_funcs,      /* entry programs and subprograms */
	object_find_externs,    /* what is asked of the kernel */
	object_define_maps,     /* .maps */
	object_define_old_maps, /* maps */
	object_define_data,     /* .data, .rodata, .bss and kin */
	object_define_kconfig,  /* .kconfig */
	object_define_ops,      /* .struct_ops and kin */
	object_finish_maps,     /* initial contents, variables */
	object_init_maps,       /* .values of maps of maps and program arrays */
	object_collect_relocs,  /* what instructions refer to */
};

static int copy_file(struct object *obj, const void *data, size_t size, const char *name,
		     struct skep_diag *diag)
{
	if (size > OBJECT_MAX_SIZE)
		return diag_set(diag, -EFBIG, "an object of more than %u MiB",
				OBJECT_MAX_SIZE >> 20);
	obj->path = arena_strdup(&obj->arena, name);
	obj->state = arena_alloc(&obj->arena, sizeof(*obj->state));
	if (!obj->path || !obj->state)
		return diag_nomem(diag);
	obj->state->image = arena_memdup(&obj->arena, data, size);
	obj->state->image_size = size;
	return obj->state->image ? 0 : diag_nomem(diag);
}

int object_open(const void *data, size_t size, const char *name, struct object **ret,
		struct skep_diag *diag)
{
	struct object *obj = mem_zalloc(sizeof(*obj));
	int err;

	if (!obj)
		return diag_nomem(diag);
	err = copy_file(obj, data, size, name, diag);
	for (size_t i = 0; i < ARRAY_SIZE(open_steps) && !err; i++)
		err = open_steps[i](obj, diag);
	if (err) {
		object_close(obj);
		return diag_at(diag, err, "%s", name);
	}
	*ret = obj;
	return 0;
}

struct object *object_close(struct object *obj)
{
	if (!obj)
		return NULL;
	if (obj->state) {
		VEC_DONE(&obj->state->maps);
		VEC_DONE(&obj->state->places);
		VEC_DONE(&obj->state->vars);
	}
	types_close(obj->btf);
	arena_done(&obj->arena);
	mem_free(obj);
	return NULL;
}

/* --- relocating ----------------------------------------------------------------------------- */

static int relocate_one(struct object *obj, struct core *core, const struct ext_info *info,
			struct skep_diag *diag)
{
	struct func *f = object_func_at(obj, info->section, info->insn);
	int err;

	if (!f || (f->prog && !f->prog->autoload))
		return 0;
	err = core_relocate(core, &info->core, &f->insns[info->insn - f->start],
			    f->nr - (info->insn - f->start), diag);
	if (!err)
		return 0;
	return diag_at(diag, err, "section %s, offset %#zx (%s, instruction %u)",
		       obj->state->elf.sections[f->section].name,
		       (size_t)info->insn * sizeof(struct bpf_insn), f->name,
		       info->insn - f->start);
}

static int apply_core(struct object *obj, const struct object_reloc_opts *opts,
		      struct skep_diag *diag)
{
	const struct ext_infos *relos = &obj->state->core_info;
	struct core *core;
	int err;

	if (!relos->nr)
		return 0;
	err = core_new(obj->btf, opts->kernel_btf, &core, diag);
	if (err)
		return err;
	for (u32 i = 0; i < relos->nr && !err; i++)
		err = relocate_one(obj, core, &relos->data[i], diag);
	core_free(core);
	return err;
}

int object_relocate(struct object *obj, const struct object_reloc_opts *opts,
		    struct skep_diag *diag)
{
	static const struct object_reloc_opts none;
	int err;

	opts = opts ? opts : &none;
	if (obj->state->is_relocated)
		return diag_set(diag, -EBUSY, "the object was relocated already");
	obj->state->is_relocated = true;
	err = object_resolve_externs(obj, opts, diag); /* .kconfig, .ksyms */
	err = err ?: apply_core(obj, opts, diag);      /* layouts of kernel types */
	err = err ?: object_link(obj, diag);           /* subprograms, maps, variables */
	return err ? diag_at(diag, err, "%s", obj->path) : 0;
}

/* --- looking things up ---------------------------------------------------------------------- */

struct prog *object_prog(struct object *obj, const char *name)
{
	for (u32 i = 0; i < obj->nr_progs; i++)
		if (!strcmp(obj->progs[i].name, name))
			return &obj->progs[i];
	return NULL;
}

int object_map_idx(const struct object *obj, const char *name)
{
	for (u32 i = 0; i < obj->nr_maps; i++) {
		const struct object_map *m = &obj->maps[i];

		if (!strcmp(m->def.name, name) ||
		    (m->kind != OBJECT_MAP_USER && !strcmp(m->section, name)))
			return (int)i;
	}
	return -1;
}

const struct object_var *object_var(const struct object *obj, const char *name)
{
	for (u32 i = 0; i < obj->nr_vars; i++)
		if (!strcmp(obj->vars[i].name, name))
			return &obj->vars[i];
	return NULL;
}

const void *object_image(const struct object *obj, size_t *ret_size)
{
	*ret_size = obj->state->image_size;
	return obj->state->image;
}
