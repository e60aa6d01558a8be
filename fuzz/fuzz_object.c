/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Any bytes as an object: opened, looked at, relocated against its own types. */
#include "btf/types.h"
#include "object/object.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static const char *kconfig(void *ctx, const char *name)
{
	return name[0] == 'C' ? "y" : NULL;
}

static u64 touch(const void *p, size_t size)
{
	u64 sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += ((const u8 *)p)[i];
	return sum;
}

/* Read all that the object hands out: a sanitizer sees what is not there. */
static u64 look(const struct object *obj)
{
	struct strbuf sb = {0};
	u64 sum = 0;

	for (u32 i = 0; i < obj->nr_maps; i++)
		if (obj->maps[i].data)
			sum += touch(obj->maps[i].data, obj->maps[i].def.value_size);
	for (u32 i = 0; i < obj->nr_vars; i++) {
		const struct object_var *v = &obj->vars[i];

		sum += touch(obj->maps[v->map].data + v->off, v->size);
		if (obj->btf && i < 100)
			types_decl(&sb, obj->btf, v->type_id);
	}
	for (u32 i = 0; i < obj->nr_progs; i++) {
		const struct prog *p = &obj->progs[i];

		sum += touch(p->insns, p->nr_insns * sizeof(*p->insns));
		for (u32 k = 0; k < p->nr_lines; k++)
			sum += touch(p->lines[k].text, 1) + touch(p->lines[k].file, 1);
		for (u32 k = 0; k < p->nr_refs; k++)
			sum += touch(p->refs[k].name, 1);
	}
	sum += sb.len;
	strbuf_done(&sb);
	return sum;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct object_reloc_opts opts = {.kconfig = kconfig};
	struct skep_diag diag = {0};
	static volatile u64 sink;
	struct object *obj;

	if (object_open(data, size, "fuzz", &obj, &diag)) {
		if (!diag.err || !diag.message[0])
			__builtin_trap(); /* an error without a reason */
		return 0;
	}
	opts.kernel_btf = obj->btf;
	object_relocate(obj, &opts, &diag);
	sink += look(obj);
	object_close(obj);
	return 0;
}
