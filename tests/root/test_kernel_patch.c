/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Linux takes a patched program wherever it takes the program itself. Each program of each object
 * is loaded alone, as it is and patched. Objects: arguments, else those of the tests.
 */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/kernel_patch.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (getenv("V"))
		return vfprintf(stderr, fmt, ap);
	return 0;
}

/* One program of an image. 0, or Linux' or libbpf's errno. */
static int load_one(const void *image, size_t size, const char *only)
{
	struct bpf_object *obj = bpf_object__open_mem(image, size, NULL);
	struct bpf_program *prog;
	struct bpf_map *map;
	int err;

	if (!obj)
		return -errno;
	bpf_object__for_each_program(prog, obj)
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), only));
	bpf_object__for_each_map(map, obj)
	{
		u32 type = bpf_map__type(map);

		if (type == BPF_MAP_TYPE_RINGBUF) /* as the engine does */
			bpf_map__set_value_size(map, 0);
		else if (!bpf_map__max_entries(map) && type != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
			bpf_map__set_max_entries(map, 64);
	}
	err = bpf_object__load(obj);
	bpf_object__close(obj);
	return err;
}

struct tally {
	u32 progs, refused, worse;
};

static void compare(const struct object *obj, const struct kernel_patch *p, struct tally *t)
{
	size_t size;
	const void *image = object_image(obj, &size);

	for (u32 i = 0; i < obj->nr_progs; i++) {
		int plain = load_one(image, size, obj->progs[i].name);
		int patched = load_one(p->image, p->size, obj->progs[i].name);

		t->progs++;
		t->refused += plain != 0;
		t->worse += plain != patched;
		if (plain != patched)
			printf("# %s: %s: %d, patched %d\n", obj->path, obj->progs[i].name, plain,
			       patched);
	}
}

static void check_object(const char *path)
{
	struct tally t = {0};
	struct kernel_patch p = KERNEL_PATCH_NONE;
	struct skep_diag diag = {0};
	struct object *obj = NULL;
	char *data = NULL;
	size_t size = 0;
	int err = file_read(path, 1 << 28, &data, &size, &diag);

	if (!err)
		err = object_open(data, size, path, &obj, &diag);
	if (!err)
		err = kernel_patch_make(obj, false, &p, &diag);
	if (err)
		ok(0, "%s: %s", path, diag.message);
	else if (!p.image)
		ok(1, "%s: nothing to patch", path);
	if (!err && p.image) {
		compare(obj, &p, &t);
		ok(!t.worse, "%s: %u programs, %u refused, %u calls patched, step %u", path,
		   t.progs, t.refused, p.nr_calls, p.step);
	}
	kernel_patch_done(&p);
	object_close(obj);
	mem_free(data);
}

int main(int argc, char **argv)
{
	const char *b = getenv("B");
	char pattern[4096];
	glob_t g = {0};

	libbpf_set_print(quiet);
	for (int i = 1; i < argc; i++)
		check_object(argv[i]);
	snprintf(pattern, sizeof(pattern), "%s/tests/bpf/*.bpf.o", b ? b : "build");
	if (argc == 1 && !glob(pattern, 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++)
			check_object(g.gl_pathv[i]);
	globfree(&g);
	return tap_done();
}
