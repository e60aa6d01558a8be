/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * tests/bpf/helpers*.bpf.c in the user engine and, as root, in the kernel: each program leaves what
 * helpers and kernel functions answered in `out`, and it must be the same on both sides.
 */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "btf/types.h"
#include "object/object.h"
#include "vm/vm.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

#define MAX_OUT  96
#define MAX_MAPS 32

/* The variables in .bss that are looked at. */
struct answers {
	long long out[MAX_OUT];
	char text[512];
	u64 fired, fired_key, fired_hash, never;
};

/* --- the user engine ------------------------------------------------------------------------- */

struct machine {
	struct object *obj;
	struct btf *btf;
	struct map *maps[MAX_MAPS];
	struct vm *vm;
	struct skep_diag diag;
};

static int machine_open(struct machine *m, const char *path)
{
	char *image = NULL;
	size_t size;
	u32 zero = 0;
	int err;

	types_open_kernel(NULL, &m->btf, NULL, NULL);
	struct object_reloc_opts reloc = {.kernel_btf = m->btf};
	struct vm_opts opts = {.kernel_btf = m->btf};

	err = file_read(path, 0, &image, &size, &m->diag);
	err = err ?: object_open(image, size, path, &m->obj, &m->diag);
	mem_free(image);
	err = err ?: object_relocate(m->obj, &reloc, &m->diag);
	for (u32 i = 0; !err && i < m->obj->nr_maps && i < MAX_MAPS; i++) {
		struct object_map *om = &m->obj->maps[i];

		err = map_new(&om->def, &m->maps[i], &m->diag);
		if (!err && om->data)
			err = map_user_update(m->maps[i], &zero, om->data, 0);
	}
	if (err)
		return err;
	opts.btf = m->obj->btf;
	return vm_new(m->maps, m->obj->nr_maps, &opts, &m->vm, &m->diag);
}

static void machine_close(struct machine *m)
{
	vm_free(m->vm);
	for (u32 i = 0; i < MAX_MAPS; i++)
		map_put(m->maps[i]);
	object_close(m->obj);
	btf__free(m->btf);
}

static void get_var(const struct machine *m, const char *name, void *to, size_t size)
{
	const struct object_var *v = object_var(m->obj, name);

	if (v)
		memcpy(to, m->maps[v->map]->mem.base + v->off, size);
}

static int run_here(const char *path, u32 idx, struct answers *a)
{
	struct machine m = {0};
	struct vm_prog *code;
	u64 ret;
	int err = machine_open(&m, path);

	err = err ?: vm_prog_new(m.vm, &m.obj->progs[idx], &code, &m.diag);
	err = err ?: vm_exec(code, NULL, NULL, 0, &ret, &m.diag);
	for (int i = 0; i < 6 && !err; i++) {
		usleep(i * 2000);
		vm_run_timers(m.vm, NULL);
	}
	if (!err) {
		get_var(&m, "out", a->out, sizeof(a->out));
		get_var(&m, "text", a->text, sizeof(a->text));
		get_var(&m, "fired", &a->fired, 8);
		get_var(&m, "fired_key", &a->fired_key, 8);
		get_var(&m, "fired_hash", &a->fired_hash, 8);
		get_var(&m, "never", &a->never, 8);
	} else {
		printf("# %s: %s\n", m.diag.where, m.diag.message);
	}
	machine_close(&m);
	return err;
}

/* --- the kernel ------------------------------------------------------------------------------ */

static char log_text[4096];

static int keep_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level != LIBBPF_WARN)
		return 0;
	return vsnprintf(log_text, sizeof(log_text), fmt, ap);
}

static void copy_var(const struct btf *btf, const char *bss, const char *name, void *to,
		     size_t size)
{
	s32 sec = btf__find_by_name_kind(btf, ".bss", BTF_KIND_DATASEC);
	const struct btf_type *t = sec > 0 ? btf__type_by_id(btf, sec) : NULL;

	for (int i = 0; t && i < btf_vlen(t); i++) {
		const struct btf_var_secinfo *v = &btf_var_secinfos(t)[i];
		const struct btf_type *var = btf__type_by_id(btf, v->type);

		if (!strcmp(btf__name_by_offset(btf, var->name_off), name))
			memcpy(to, bss + v->offset, size);
	}
}

static void read_bss(struct bpf_object *obj, struct answers *a)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".bss");
	char bss[4096];
	u32 zero = 0;

	if (!map || bpf_map__value_size(map) > sizeof(bss) ||
	    bpf_map_lookup_elem(bpf_map__fd(map), &zero, bss))
		return;
	copy_var(bpf_object__btf(obj), bss, "out", a->out, sizeof(a->out));
	copy_var(bpf_object__btf(obj), bss, "text", a->text, sizeof(a->text));
	copy_var(bpf_object__btf(obj), bss, "fired", &a->fired, 8);
	copy_var(bpf_object__btf(obj), bss, "fired_key", &a->fired_key, 8);
	copy_var(bpf_object__btf(obj), bss, "fired_hash", &a->fired_hash, 8);
	copy_var(bpf_object__btf(obj), bss, "never", &a->never, 8);
}

static int run_kernel(const char *path, const char *name, struct answers *a)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	static char packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_program *p, *it;
	int err;

	if (!obj)
		return -errno;
	p = bpf_object__find_program_by_name(obj, name);
	bpf_object__for_each_program(it, obj) bpf_program__set_autoload(it, it == p);
	if (bpf_program__type(p) != BPF_PROG_TYPE_SYSCALL) {
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
	}
	err = bpf_object__load(obj);
	err = err ?: bpf_prog_test_run_opts(bpf_program__fd(p), &opts);
	usleep(30000);
	if (!err)
		read_bss(obj, a);
	bpf_object__close(obj);
	return err;
}

/* --- comparing ------------------------------------------------------------------------------- */

static void compare(const char *name, const struct answers *here, const struct answers *there)
{
	for (int i = 0; i < MAX_OUT; i++)
		if (here->out[i] != there->out[i])
			is_int(here->out[i], there->out[i], "%s: answer %d", name, i);
	ok(!memcmp(here->out, there->out, sizeof(here->out)), "%s: the kernel's answers", name);
	for (size_t i = 0; i < sizeof(here->text); i += 50)
		if (memcmp(here->text + i, there->text + i, min_u64(50, sizeof(here->text) - i)))
			printf("# at %zu\n#  skep: %.100s\n# Linux: %.100s\n", i, here->text + i,
			       there->text + i);
	ok(!memcmp(here->text, there->text, sizeof(here->text)), "%s: the kernel's text", name);
	ok(here->fired == there->fired && here->fired_key == there->fired_key &&
		   here->fired_hash == there->fired_hash && here->never == there->never,
	   "%s: the kernel's timers", name);
}

static void test_prog(const char *path, u32 idx, const char *name, bool root)
{
	static struct answers here, there;
	int err;

	memset(&here, 0, sizeof(here));
	memset(&there, 0, sizeof(there));
	if (!ok(!run_here(path, idx, &here), "%s runs", name) || !root)
		return;
	log_text[0] = 0;
	err = run_kernel(path, name, &there);
	if (err) {
		printf("# %.1000s\n", log_text);
		ok(false, "%s runs in the kernel: %d", name, err);
		return;
	}
	compare(name, &here, &there);
	if (!strcmp(name, "timer"))
		ok(here.fired == 42 && here.fired_key == 1 && here.fired_hash == 0x123456790 &&
			   !here.never,
		   "timers fired: %llu, %llu, %#llx", (unsigned long long)here.fired,
		   (unsigned long long)here.fired_key, (unsigned long long)here.fired_hash);
}

/* Every program of an object, where the BTF at hand has the function that it needs. */
static void test_object(const char *name, const char *needs, bool root)
{
	const char *build = getenv("B") ?: "build";
	struct machine m = {0};
	struct btf *btf = NULL;
	char path[512];
	bool has;

	snprintf(path, sizeof(path), "%s/tests/bpf/%s.bpf.o", build, name);
	types_open_kernel(NULL, &btf, NULL, NULL);
	has = !needs || types_find(btf, needs, BTF_KIND_FUNC);
	types_close(btf);
	if (!has) {
		tap_skip(name, "the BTF in use is of a kernel without its functions");
		return;
	}
	if (!ok(!machine_open(&m, path), "%s opens", name))
		printf("# %s: %s\n", m.diag.where, m.diag.message);
	for (u32 i = 0; m.vm && i < m.obj->nr_progs; i++)
		test_prog(path, i, m.obj->progs[i].name, root);
	machine_close(&m);
}

/* The kernel can be asked: its BTF is there, and this process may load programs. */
static bool has_kernel(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, NULL, 4, 4, 1, NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0 && !access("/sys/kernel/btf/vmlinux", R_OK);
}

int main(void)
{
	bool root = has_kernel();

	libbpf_set_print(keep_log);
	test_object("helpers", NULL, root);
	test_object("helpers_str", "bpf_strcmp", root);
	test_object("objects", "bpf_rbtree_root", root);
	test_object("cpumask", "bpf_cpumask_first_and", root);
	if (!root)
		tap_skip("the kernel's answers", "needs CAP_BPF and BTF under /sys");
	return tap_done();
}
