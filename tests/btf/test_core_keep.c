/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kept part of the kernel's types stands for all of them: each object that it is made for
 * becomes the same instructions by both. Objects: arguments, else those of the tests.
 */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "btf/core.h"
#include "btf/types.h"
#include "object/object.h"
#include <errno.h>
#include <glob.h>

static struct object *relocated(const char *data, size_t size, const struct btf *btf)
{
	struct object_reloc_opts opts = {.kernel_btf = btf};
	struct object *obj = NULL;

	if (object_open(data, size, "test", &obj, NULL))
		return NULL;
	if (!object_relocate(obj, &opts, NULL))
		return obj;
	object_close(obj);
	return NULL;
}

static int keep(const struct object *obj, const struct btf *all, struct btf **ret)
{
	u32 nr = object_nr_core_relos(obj);
	struct bpf_core_relo *relos = mem_calloc(nr, sizeof(*relos));
	int err;

	for (u32 i = 0; i < nr; i++)
		relos[i] = *object_core_relo(obj, i);
	err = core_keep(obj->btf, all, relos, nr, ret);
	mem_free(relos);
	return err;
}

static u32 different(const struct object *a, const struct object *b)
{
	u32 nr = 0;

	for (u32 i = 0; i < a->nr_progs; i++) {
		const struct prog *p = &a->progs[i], *q = &b->progs[i];

		nr += p->nr_insns != q->nr_insns ||
		      memcmp(p->insns, q->insns, p->nr_insns * sizeof(*p->insns));
	}
	return nr;
}

/* Kernel functions and variables are found in all types, by libbpf as by us. */
static bool has_ksyms(const struct object *obj)
{
	for (u32 i = 0; i < obj->nr_progs; i++)
		for (u32 k = 0; k < obj->progs[i].nr_refs; k++) {
			enum prog_ref_kind kind = obj->progs[i].refs[k].kind;

			if (kind == PROG_REF_KFUNC || kind == PROG_REF_KVAR)
				return true;
		}
	return false;
}

/* It goes to a file and comes back: hostile bytes are refused there, so it must pass. */
static struct btf *reread(const struct btf *part, u32 *ret_size)
{
	const void *raw = btf__raw_data(part, ret_size);
	struct btf *again = NULL;

	return types_open(raw, *ret_size, NULL, &again, NULL) ? NULL : again;
}

static void check(const char *path, const char *data, size_t size, const struct object *obj,
		  const struct btf *all)
{
	struct btf *part = NULL, *again;
	struct object *a, *b;
	u32 bytes;
	int err = keep(obj, all, &part);

	if (err) {
		is_int(err, -ENOTSUP, "%s: cannot be kept", path);
		return;
	}
	again = reread(part, &bytes);
	ok(again && bytes < 1 << 20, "%s: %u relocations, %u bytes are kept", path,
	   object_nr_core_relos(obj), bytes);
	a = relocated(data, size, all);
	b = relocated(data, size, again);
	if (a && !has_ksyms(a))
		ok(b && !different(a, b), "the same instructions come out");
	object_close(a);
	object_close(b);
	types_close(again);
	btf__free(part);
}

static void check_file(const char *path, const struct btf *all)
{
	struct object *obj = NULL;
	char *data = NULL;
	size_t size;

	if (!file_read(path, 0, &data, &size, NULL) && !object_open(data, size, path, &obj, NULL) &&
	    obj->btf && object_nr_core_relos(obj))
		check(path, data, size, obj, all);
	object_close(obj);
	mem_free(data);
}

int main(int argc, char **argv)
{
	const char *b = getenv("B");
	struct btf *all = NULL;
	char pattern[4096];
	glob_t g = {0};

	if (types_open_kernel("/sys/kernel/btf/vmlinux", &all, NULL, NULL)) {
		printf("1..0 # SKIP the kernel has no BTF\n");
		return 0;
	}
	for (int i = 1; i < argc; i++)
		check_file(argv[i], all);
	snprintf(pattern, sizeof(pattern), "%s/tests/bpf/*.bpf.o", b ? b : "build");
	if (argc == 1 && !glob(pattern, 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++)
			check_file(g.gl_pathv[i], all);
	globfree(&g);
	types_close(all);
	return tap_done();
}
