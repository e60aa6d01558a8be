/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep_object_disasm: instructions beside their source lines. */
#include "api/api.h"
#include "isa/isa.h"
#include "spec/spec.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct names {
	const struct prog *prog;
	char text[256];
};

/* What a call or a ld_imm64 refers to, by name. */
static const char *ref_name(void *ctx, const struct bpf_insn *insn, u32 idx)
{
	static const char *const kinds[] = {
		[PROG_REF_MAP] = "map",   [PROG_REF_MAP_VALUE] = "map_value",
		[PROG_REF_FUNC] = "func", [PROG_REF_KFUNC] = "",
		[PROG_REF_KSYM] = "ksym", [PROG_REF_KVAR] = "ksym",
	};
	struct names *n = ctx;
	const struct prog_ref *ref = prog_ref_at(n->prog, idx);

	if (!ref || ref->kind >= ARRAY_SIZE(kinds))
		return NULL;
	if (ref->kind == PROG_REF_KFUNC)
		return ref->name;
	if (ref->kind == PROG_REF_MAP_VALUE)
		snprintf(n->text, sizeof(n->text), "map_value[%s]+%u", ref->name, ref->off);
	else
		snprintf(n->text, sizeof(n->text), "%s[%s]", kinds[ref->kind], ref->name);
	return n->text;
}

static void add_line(struct strbuf *sb, const struct prog *prog, u32 idx)
{
	const struct prog_line *line = prog_line_at(prog, idx);
	const char *slash;

	if (!line || line->insn != idx)
		return;
	slash = strrchr(line->file, '/');
	strbuf_printf(sb, "; %s:%u  %s\n", slash ? slash + 1 : line->file, line->line,
		      line->text + strspn(line->text, " \t"));
}

static int disasm_prog(const struct prog *prog,
		       int (*write)(void *ctx, const char *text, size_t size), void *ctx)
{
	struct names n = {.prog = prog};
	struct isa_names names = {.name = ref_name, .ctx = &n};
	struct strbuf sb = {0};
	int err = 0;

	strbuf_printf(&sb, "%s: SEC(\"%s\"), %u instructions\n", prog->name, prog->section,
		      prog->nr_insns);
	for (u32 i = 0; i < prog->nr_insns && !err; i += isa_nr_slots(&prog->insns[i])) {
		const struct prog_func *f = prog_func_at(prog, i);

		if (f && f->start == i)
			strbuf_printf(&sb, "%s():\n", f->name);
		add_line(&sb, prog, i);
		strbuf_printf(&sb, "%4u: ", i);
		isa_disasm(&sb, &prog->insns[i], prog->nr_insns - i, i, &names);
		strbuf_putc(&sb, '\n');
		err = write(ctx, strbuf_str(&sb), sb.len);
		strbuf_reset(&sb);
	}
	if (sb.failed)
		err = -ENOMEM;
	strbuf_done(&sb);
	return err;
}

int skep_object_disasm(struct skep_object *obj, const char *name,
		       int (*write)(void *ctx, const char *text, size_t size), void *ctx,
		       struct skep_diag *diag)
{
	struct object_reloc_opts opts = {.kernel_btf = api_kernel_btf(obj)};
	int err = object_relocate(obj->obj, &opts, diag);
	bool found = false;

	for (u32 i = 0; i < obj->obj->nr_progs && !err; i++) {
		const struct prog *p = &obj->obj->progs[i];

		if (name && strcmp(p->name, name))
			continue;
		found = true;
		err = disasm_prog(p, write, ctx);
	}
	if (!err && !found)
		return diag_set(diag, -ENOENT, "no program is called \"%s\"", name ? name : "");
	return err;
}
