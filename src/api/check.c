/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* include/skep/check.h: a copy of the object is relocated, and each program verified. */
#include "api/api.h"
#include "base/mem.h"
#include "spec/spec.h"
#include "verifier/verify.h"
#include <errno.h>
#include <skep/check.h>
#include <stdio.h>
#include <string.h>

struct check {
	struct skep_object *from;
	struct object *obj; /* the copy */
	const struct btf *kernel_btf;
	const char *prog, *type;
	u32 log_level, flags;
	int (*fn)(void *ctx, const struct skep_check_result *res);
	void *ctx;
	struct verify_map *maps;
};

/* Some address: programs may compare it, or read it with care. 0: the kernel has no such symbol. */
static u64 ksym_address(void *ctx, const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], sym[256];
	unsigned long long addr;
	u64 found = 0;

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*c %255s", &addr, sym) == 2 && !strcmp(sym, name))
			found = addr ? addr : 0xffffffff81000000ull;
	if (f)
		fclose(f);
	return found;
}

/* Only `only` is loaded; NULL: all. */
static int copy_object(struct check *c, const char *only, struct skep_diag *diag)
{
	struct object_reloc_opts ro = {.kernel_btf = c->kernel_btf, .ksym = ksym_address};
	size_t size;
	const void *image = object_image(c->from->obj, &size);
	struct object *o;
	int err;

	c->obj = object_close(c->obj);
	err = object_open(image, size, c->from->obj->path, &o, diag);
	if (err)
		return err;
	c->obj = o;
	for (u32 i = 0; i < o->nr_progs; i++)
		o->progs[i].autoload = !only || !strcmp(o->progs[i].name, only);
	for (u32 i = 0; i < o->nr_maps && i < c->from->obj->nr_maps; i++)
		if (o->maps[i].data && c->from->obj->maps[i].data)
			memcpy(o->maps[i].data, c->from->obj->maps[i].data,
			       o->maps[i].def.value_size);
	return object_relocate(o, &ro, diag);
}

static int give_maps(struct check *c, struct skep_diag *diag)
{
	mem_free(c->maps);
	c->maps = mem_calloc(c->obj->nr_maps + 1, sizeof(*c->maps));
	if (!c->maps)
		return diag_nomem(diag);
	for (u32 i = 0; i < c->obj->nr_maps; i++) {
		const struct object_map *m = &c->obj->maps[i];
		bool fixed = m->kind == OBJECT_MAP_RODATA || m->kind == OBJECT_MAP_KCONFIG;

		c->maps[i].def = &m->def;
		c->maps[i].data = fixed ? m->data : NULL;
		c->maps[i].data_size = fixed ? m->def.value_size : 0;
	}
	return 0;
}

static const char *text(const char *s)
{
	return s ? s : "";
}

static int tell(struct check *c, const struct prog *p, const struct verify_result *r)
{
	const struct prog_line *l = r->insn >= 0 ? prog_line_at(p, (u32)r->insn) : NULL;
	const struct spec_name *type = spec_prog_type(p->type);
	struct skep_check_result res = {
		.sz = sizeof(res),
		.object = c->from->obj->path,
		.program = p->name,
		.section = text(p->section),
		.type = type ? type->name : "",
		.accepted = !r->err,
		.err = r->err,
		.id = text(r->id),
		.message = r->message,
		.hint = text(r->hint),
		.insn = r->err ? r->insn : -1,
		.file = l && r->err ? l->file : "",
		.line = l && r->err ? l->line : 0,
		.nr_insns = p->nr_insns,
		.processed = r->stats.processed,
		.states = r->stats.states,
		.stack = r->stats.stack,
		.ns = r->stats.ns,
		.log = text(r->log),
	};

	return c->fn(c->ctx, &res);
}

/* What the loader refuses never comes to the verifier: that is a verdict too. */
static int tell_unloadable(struct check *c, const struct prog *p, const struct skep_diag *diag)
{
	struct verify_result r = {.err = diag->err, .id = "load", .hint = diag->hint, .insn = -1};

	memcpy(r.message, diag->message, sizeof(r.message));
	r.message[sizeof(r.message) - 1] = 0;
	return tell(c, p, &r);
}

static int check_prog(struct check *c, struct prog *p, struct skep_diag *diag)
{
	struct verify_opts vo = {
		.btf = c->obj->btf,
		.kernel_btf = c->kernel_btf,
		.maps = c->maps,
		.nr_maps = c->obj->nr_maps,
		.log_level = c->log_level,
	};
	struct verify_result *r;
	int err;

	if (c->type)
		p->type = spec_prog_type_by_name(c->type)->value;
	p->flags |= c->flags;
	err = verify(p, &vo, &r, diag);
	if (err)
		return err;
	err = tell(c, p, r);
	verify_result_free(r);
	return err;
}

/* All programs cannot be relocated together: one by one, so that the others have their verdict. */
static int check_alone(struct check *c, u32 idx, struct skep_diag *diag)
{
	const struct prog *from = &c->from->obj->progs[idx];
	struct skep_diag why = {0};
	int err = copy_object(c, from->name, &why);

	if (err)
		return tell_unloadable(c, from, &why);
	err = give_maps(c, diag);
	return err ? err : check_prog(c, &c->obj->progs[idx], diag);
}

static int check_all(struct check *c, struct skep_diag *diag)
{
	struct skep_diag why = {0};
	bool together = !copy_object(c, c->prog, &why);
	const struct object *from = c->from->obj;
	int err = together ? give_maps(c, diag) : 0;

	for (u32 i = 0; !err && i < from->nr_progs; i++) {
		if (c->prog && strcmp(from->progs[i].name, c->prog))
			continue;
		err = together ? check_prog(c, &c->obj->progs[i], diag) : check_alone(c, i, diag);
	}
	return err;
}

int skep_check(struct skep_object *obj, const struct skep_check_opts *opts,
	       int (*fn)(void *ctx, const struct skep_check_result *res), void *ctx,
	       struct skep_diag *diag)
{
	struct check c = {
		.from = obj,
		.kernel_btf = api_kernel_btf(obj),
		.prog = api_opt(opts, prog, NULL),
		.type = api_opt(opts, type, NULL),
		.log_level = (u32)api_opt(opts, log_level, 0),
		.flags = api_opt(opts, flags, 0),
		.fn = fn,
		.ctx = ctx,
	};
	int err;

	if (c.prog && !object_prog(obj->obj, c.prog))
		return diag_set(diag, -ENOENT, "no program is called \"%s\"", c.prog);
	if (c.type && !spec_prog_type_by_name(c.type))
		return diag_set(diag, -EINVAL, "there is no program type \"%s\"", c.type);
	err = check_all(&c, diag);
	object_close(c.obj);
	mem_free(c.maps);
	return err;
}
