/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers and kernel functions with random arguments (tests/bpf/sweep.bpf.c), here and in the
 * kernel: what they return and write must be equal. SWEEP_SEED and SWEEP_NR choose others than the
 * fixed ones. Needs root and a kernel with all of the functions.
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

#define NR       400
#define MAX_MAPS 8

struct args {
	u64 a[8];
	s64 ret[16];
	char in[256], out[256];
};

static struct object *obj;
static struct map *maps[MAX_MAPS];
static struct vm *vm;
static struct bpf_object *kobj;
static struct skep_diag diag;
static u32 seed;

static u32 rnd(u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 7) % n;
}

/* Small, at a border of the sizes that programs use, or anything. */
static u64 number(void)
{
	static const u64 odd[] = {0,   1,   8,   63,       64,    127,       128,
				  255, 256, 257, 0xffffff, ~0ull, 1ull << 63};

	switch (rnd(5)) {
	case 0:
		return odd[rnd(ARRAY_SIZE(odd))];
	case 1:
		return (u64)rnd(1 << 24) << 40 | (u64)rnd(1 << 24) << 16 | rnd(1 << 16);
	default:
		return rnd(260);
	}
}

static void fill(struct args *x)
{
	static const char *const sets[] = {"0123456789", " -+0x123456789abcdefABC", "abcd",
					   "\t 07-9"};
	const char *set = sets[rnd(ARRAY_SIZE(sets))];
	bool text = rnd(4);

	memset(x, 0, sizeof(*x));
	for (int i = 0; i < 8; i++)
		x->a[i] = number();
	for (int i = 0; i < 256; i++)
		x->in[i] = !text ? (char)rnd(256) : rnd(20) ? set[rnd((u32)strlen(set))] : 0;
	memset(x->out, 0xa5, sizeof(x->out));
}

/* --- both sides ------------------------------------------------------------------------------ */

static int open_here(const char *path)
{
	struct object_reloc_opts reloc = {0};
	struct vm_opts opts = {0};
	struct btf *btf = NULL;
	char *image = NULL;
	size_t size;
	u32 zero = 0;
	int err;

	types_open_kernel(NULL, &btf, NULL, NULL);
	reloc.kernel_btf = btf;
	err = file_read(path, 0, &image, &size, &diag);
	err = err ?: object_open(image, size, path, &obj, &diag);
	mem_free(image);
	err = err ?: object_relocate(obj, &reloc, &diag);
	for (u32 i = 0; !err && i < obj->nr_maps && i < MAX_MAPS; i++) {
		err = map_new(&obj->maps[i].def, &maps[i], &diag);
		if (!err && obj->maps[i].data)
			err = map_user_update(maps[i], &zero, obj->maps[i].data, 0);
	}
	opts.btf = obj ? obj->btf : NULL;
	types_close(btf);
	return err ?: vm_new(maps, obj->nr_maps, &opts, &vm, &diag);
}

static int run_here(struct vm_prog *code, struct args *x)
{
	const struct object_var *v = object_var(obj, "args");
	char *at = maps[v->map]->mem.base + v->off;
	struct vm_env env = {.cpu = -1};
	struct __sk_buff skb = {0};
	u64 ret;
	int err;

	memcpy(at, x, sizeof(*x));
	err = vm_exec(code, &env, &skb, sizeof(skb), &ret, &diag);
	memcpy(x, at, sizeof(*x));
	return err;
}

static int run_there(struct bpf_program *p, struct args *x)
{
	struct bpf_map *bss = bpf_object__find_map_by_name(kobj, ".bss");
	static char packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	u32 zero = 0;
	int err;

	if (bpf_program__type(p) != BPF_PROG_TYPE_SYSCALL) {
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
	}
	err = bpf_map_update_elem(bpf_map__fd(bss), &zero, x, 0);
	err = err ?: bpf_prog_test_run_opts(bpf_program__fd(p), &opts);
	return err ?: bpf_map_lookup_elem(bpf_map__fd(bss), &zero, x);
}

static void show(const struct args *in, const struct args *here, const struct args *there)
{
	for (int i = 0; i < 8; i++)
		printf("# a[%d] = %#llx\n", i, (unsigned long long)in->a[i]);
	printf("# in: %.100s\n", in->in);
	for (int i = 0; i < 16; i++)
		if (here->ret[i] != there->ret[i])
			printf("# ret[%d]: here %lld, Linux %lld\n", i, (long long)here->ret[i],
			       (long long)there->ret[i]);
	for (int i = 0; i < 256; i++)
		if (here->out[i] != there->out[i] || here->in[i] != there->in[i]) {
			printf("# first other byte at %d: %.40s / %.40s\n", i, here->out,
			       there->out);
			break;
		}
}

static void sweep(const struct prog *prog, struct bpf_program *p, u32 nr)
{
	struct vm_prog *code = NULL;
	u32 nr_bad = 0;
	int err = vm_prog_new(vm, prog, &code, &diag);

	for (u32 i = 0; !err && i < nr; i++) {
		struct args in, here, there;

		fill(&in);
		here = there = in;
		err = run_here(code, &here);
		err = err ?: run_there(p, &there);
		if (err || !memcmp(&here, &there, sizeof(here)))
			continue;
		if (nr_bad++ < 3)
			show(&in, &here, &there);
	}
	if (!ok(!err && !nr_bad, "%s: %u random calls as in Linux", prog->name, nr))
		printf("# %d: %s: %s; %u differ\n", err, diag.where, diag.message, nr_bad);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return getenv("SWEEP_LOG") ? vfprintf(stderr, fmt, ap) : 0;
}

int main(void)
{
	const char *build = getenv("B") ?: "build", *from = getenv("SWEEP_SEED");
	const char *nr = getenv("SWEEP_NR");
	char path[512];

	libbpf_set_print(quiet);
	snprintf(path, sizeof(path), "%s/tests/bpf/sweep.bpf.o", build);
	if (geteuid() || access(path, R_OK))
		tap_skip_all("asks the kernel, which needs root");
	kobj = bpf_object__open_file(path, NULL);
	if (!kobj || bpf_object__load(kobj))
		tap_skip_all("the kernel does not have all of these functions");
	seed = from ? (u32)atoi(from) : 20261121;
	if (ok(!open_here(path), "the object opens"))
		for (u32 i = 0; i < obj->nr_progs; i++)
			sweep(&obj->progs[i],
			      bpf_object__find_program_by_name(kobj, obj->progs[i].name),
			      nr ? (u32)atoi(nr) : NR);
	else
		printf("# %s: %s\n", diag.where, diag.message);
	bpf_object__close(kobj);
	vm_free(vm);
	for (u32 i = 0; i < MAX_MAPS; i++)
		map_put(maps[i]);
	object_close(obj);
	return tap_done();
}
