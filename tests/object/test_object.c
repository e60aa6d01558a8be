/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Opening and relocating the objects of tests/bpf: what comes out, and what is refused. */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "btf/core.h"
#include "btf/types.h"
#include "object/object.h"
#include "spec/uapi.h"
#include <errno.h>
#include <glob.h>
#include <unistd.h>

static char *image;
static size_t image_size;

static char *path_of(const char *name)
{
	static char path[512];
	const char *b = getenv("B");

	snprintf(path, sizeof(path), "%s/tests/bpf/%s.bpf.o", b ? b : "build", name);
	return path;
}

/* The object of that name; its bytes stay in image. */
static struct object *open_named(const char *name)
{
	struct skep_diag diag = {0};
	struct object *obj = NULL;
	char text[1024];

	mem_free(image);
	image = NULL;
	if (!file_read(path_of(name), 0, &image, &image_size, &diag))
		object_open(image, image_size, name, &obj, &diag);
	skep_diag_format(&diag, text, sizeof(text));
	ok(obj, "%s opens %s", name, obj ? "" : text);
	return obj;
}

static const struct object_map *map_of(const struct object *obj, const char *name)
{
	static const struct object_map none;
	int i = object_map_idx(obj, name);

	ok(i >= 0, "there is a map %s", name);
	return i < 0 ? &none : &obj->maps[i];
}

static const struct prog_ref *ref_named(const struct prog *prog, const char *name)
{
	for (u32 i = 0; i < prog->nr_refs; i++)
		if (!strcmp(prog->refs[i].name, name))
			return &prog->refs[i];
	return NULL;
}

static void test_maps(void)
{
	struct object *obj = open_named("obj_maps");
	const struct object_map *m;
	long page = sysconf(_SC_PAGESIZE);

	if (!obj)
		return;
	is_str(obj->license, "Dual BSD/GPL", "license");
	is_int(obj->kern_version, 0x60c00, "version");
	m = map_of(obj, "typed");
	is_int(m->def.type, BPF_MAP_TYPE_HASH, "typed: type");
	is_int(m->def.key_size, 8, "typed: key size by type");
	is_int(m->def.value_size, 24, "typed: value size by type");
	is_int(m->def.flags, BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE, "typed: flags");
	is_str(types_name(obj->btf, m->def.value_type_id), "value", "typed: value type");
	is_int(map_of(obj, "ring")->def.max_entries, page > 8192 ? page : 8192,
	       "ring buffers are whole pages, a power of two");
	ok(map_of(obj, "perf")->def.max_entries == map_nr_cpus(), "perf: an entry per CPU");
	is_int(map_of(obj, "bloom")->def.extra, 3, "bloom: map_extra");
	is_int(map_of(obj, "pinned")->def.pinning, 1, "pinned by name");
	m = map_of(obj, "outer");
	ok(m->def.inner && m->def.inner->type == BPF_MAP_TYPE_ARRAY, "outer: inner map");
	is_str(m->def.inner ? m->def.inner->name : "", "outer.inner", "outer: its name");
	if (is_int(m->nr_init, 2, "outer: two initial values")) {
		is_int(m->init[1].idx, 3, "outer: index of the second");
		is_str(obj->maps[m->init[1].map].def.name, "inner_b", "outer: which map");
	}
	m = map_of(obj, "outer_hash");
	is_int(m->def.inner ? m->def.inner->max_entries : 0, 9, "outer_hash: inner definition");
	m = map_of(obj, "tails");
	if (is_int(m->nr_init, 2, "tails: two initial programs")) {
		is_int(m->init[1].idx, 7, "tails: index of the second");
		is_str(m->init[1].prog->name, "tail_two", "tails: which program");
	}
	object_close(obj);
}

static void test_globals(void)
{
	struct object *obj = open_named("obj_globals");
	struct skep_diag diag = {0};
	const struct object_var *v;
	const struct prog_ref *ref;
	struct prog *prog;
	int n;

	if (!obj)
		return;
	v = object_var(obj, "counter");
	if (ok(v, "variable counter")) {
		memcpy(&n, obj->maps[v->map].data + v->off, 4);
		is_int(n, 42, "its initial value");
		is_str(obj->maps[v->map].section, ".data", "its section");
		ok(!v->is_const, "not const");
		is_str(types_name(obj->btf, v->type_id), "int", "its type");
	}
	v = object_var(obj, "filter");
	ok(v && v->is_const && v->size == 16, "const volatile char filter[16]");
	ok(v && !strcmp((char *)obj->maps[v->map].data + v->off, "init"), "with its text");
	v = object_var(obj, "hidden");
	ok(v, "static variables are there too");
	v = object_var(obj, "custom");
	is_str(v ? obj->maps[v->map].section : "", ".data.custom", ".data.custom");
	v = object_var(obj, "bss_kin");
	is_str(v ? obj->maps[v->map].section : "", ".bss.kin", ".bss.kin");
	is_int(map_of(obj, ".rodata.table")->def.flags & BPF_F_RDONLY_PROG, BPF_F_RDONLY_PROG,
	       "programs can't write .rodata.table");
	is_int(object_relocate(obj, NULL, &diag), 0, "relocates without a kernel %s", diag.message);
	prog = object_prog(obj, "globals");
	ref = prog ? ref_named(prog, "counter") : NULL;
	ok(ref && ref->kind == PROG_REF_MAP_VALUE, "an instruction refers to counter by name");
	ok(ref && prog->insns[ref->insn].imm == (int)ref->idx &&
		   prog->insns[ref->insn + 1].imm == (int)ref->off,
	   "and holds map and offset");
	prog = object_prog(obj, "switched_off");
	ok(prog && !prog->autoload, "SEC(\"?…\") is not loaded");
	is_str(prog ? prog->section : "", "raw_tp/sys_exit", "its section without ?");
	is_str(prog ? prog->target : "", "sys_exit", "its target");
	is_int(object_relocate(obj, NULL, &diag), -EBUSY, "only once");
	object_close(obj);
}

static void test_subprogs(void)
{
	struct object *obj = open_named("obj_subprogs");
	struct skep_diag diag = {0};
	const struct prog_line *line;
	const struct prog_ref *ref;
	struct prog *prog;
	u32 calls = 0;

	if (!obj)
		return;
	is_int(object_relocate(obj, NULL, &diag), 0, "relocates %s", diag.message);
	prog = object_prog(obj, "first");
	is_int(prog->type, BPF_PROG_TYPE_SCHED_CLS, "tc");
	is_int(prog->nr_funcs, 5, "first reaches four subprograms");
	is_str(prog->funcs[0].name, "first", "the entry comes first");
	is_str(prog->funcs[1].name, "shared", "then what it calls first");
	is_str(prog->funcs[2].name, "middle", "and what that calls");
	ok(prog->funcs[1].is_global && !prog->funcs[2].is_global, "global and static");
	is_str(types_name(obj->btf, prog->funcs[2].type_id), "middle", "with their BTF");
	for (u32 i = 0; i < prog->nr_insns; i++) {
		const struct bpf_insn *insn = &prog->insns[i];
		const struct prog_func *to;

		if (insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg != BPF_PSEUDO_CALL)
			continue;
		to = prog_func_at(prog, i + 1 + (u32)insn->imm);
		calls += to && to->start == i + 1 + (u32)insn->imm;
	}
	is_int(calls, 6, "all calls lead to the beginning of a function");
	line = prog_line_at(prog, prog->funcs[2].start);
	ok(line && strstr(line->text, "middle"), "line info: %s", line ? line->text : "none");
	ok(line && strstr(line->file, "obj_subprogs.bpf.c"), "and its file");
	prog = object_prog(obj, "second");
	ref = ref_named(prog, ".text");
	ref = ref ? ref : ref_named(prog, "on_loop");
	if (ok(ref && ref->kind == PROG_REF_FUNC, "the address of a callback")) {
		is_str(prog->funcs[ref->idx].name, "on_loop", "by its index");
		is_int(ref->insn + 1 + (u32)prog->insns[ref->insn].imm, prog->funcs[ref->idx].start,
		       "and its distance");
	}
	is_int(object_prog(obj, "fourth")->flags, BPF_F_XDP_HAS_FRAGS, "xdp.frags");
	is_int(object_prog(obj, "sleepable")->flags, BPF_F_SLEEPABLE, "lsm.s");
	object_close(obj);
}

static const char *config(void *ctx, const char *name)
{
	static const char *const rows[][2] = {
		{"CONFIG_BPF_SYSCALL", "y"},
		{"CONFIG_NO_SUCH_TRI", "m"},
		{"CONFIG_NO_SUCH_CHAR", "n"},
		{"CONFIG_HZ", "1000"},
		{"CONFIG_NO_SUCH_SHORT", "-2"},
		{"CONFIG_NO_SUCH_TEXT", "\"a text that is cut off here\""},
		{"LINUX_KERNEL_VERSION", "0x60c01"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i][0], name))
			return ctx && !strcmp(ctx, name) ? "\"no number\"" : rows[i][1];
	return NULL;
}

static u64 kconfig_num(const struct object *obj, const char *name)
{
	const struct object_var *v = object_var(obj, name);
	u64 n = 0;

	if (v && v->size <= 8)
		memcpy(&n, obj->maps[v->map].data + v->off, v->size);
	return n;
}

static void test_externs(void)
{
	struct object *obj = open_named("obj_externs");
	struct object_reloc_opts opts = {.kconfig = config};
	struct skep_diag diag = {0};
	const struct object_var *v;
	const struct prog_ref *ref;

	if (!obj)
		return;
	is_int(object_relocate(obj, &opts, &diag), 0, "relocates %s", diag.message);
	is_int(kconfig_num(obj, "LINUX_KERNEL_VERSION"), 0x60c01, "a number");
	is_int(kconfig_num(obj, "LINUX_HAS_BPF_COOKIE"), 1, "supplied by the loader");
	is_int(kconfig_num(obj, "CONFIG_BPF_SYSCALL"), 1, "y");
	is_int(kconfig_num(obj, "CONFIG_NO_SUCH_TRI"), 2, "m");
	is_int(kconfig_num(obj, "CONFIG_NO_SUCH_CHAR"), 'n', "n as char");
	is_int(kconfig_num(obj, "CONFIG_HZ"), 1000, "unsigned long");
	is_int((s16)kconfig_num(obj, "CONFIG_NO_SUCH_SHORT"), -2, "negative short");
	is_int(kconfig_num(obj, "LINUX_NOT_YET"), 0, "weak and unknown");
	v = object_var(obj, "CONFIG_NO_SUCH_TEXT");
	is_str(v ? (char *)obj->maps[v->map].data + v->off : "", "a text that is cut off ",
	       "a text that fits");
	ref = ref_named(object_prog(obj, "kfuncs"), "bpf_no_such_kfunc");
	ok(ref && ref->kind == PROG_REF_KFUNC && ref->absent, "an absent kfunc");
	object_close(obj);

	obj = open_named("obj_externs");
	opts.ctx = "CONFIG_HZ";
	is_int(object_relocate(obj, &opts, &diag), -EINVAL, "a text where a number is needed");
	ok(strstr(diag.where, "extern CONFIG_HZ"), "is named: %s: %s", diag.where, diag.message);
	object_close(obj);
}

static void test_fields(void)
{
	static const struct map_field want[] = {{MAP_FIELD_SPIN_LOCK, 8, 4},
						{MAP_FIELD_TIMER, 24, 16}};
	struct object *obj = open_named("obj_fields");
	const struct object_map *m;

	if (!obj)
		return;
	m = map_of(obj, "values");
	is_int(m->def.nr_fields, ARRAY_SIZE(want), "a lock and a timer");
	for (u32 i = 0; i < m->def.nr_fields && i < ARRAY_SIZE(want); i++)
		ok(!memcmp(&m->def.fields[i], &want[i], sizeof(want[i])),
		   "field %u: kind %d at %u, %u bytes", i, m->def.fields[i].kind,
		   m->def.fields[i].off, m->def.fields[i].size);
	m = map_of(obj, "kptrs");
	is_int(m->def.nr_fields, types_find(obj->btf, "kptr", BTF_KIND_TYPE_TAG) ? 2 : 0,
	       "two kptrs, where the compiler tags them");
	m = map_of(obj, ".data.locks");
	is_int(m->def.nr_fields, 1, "a lock in a data section");
	object_close(obj);
}

static void test_legacy(void)
{
	struct object *obj = open_named("obj_legacy");
	struct skep_diag diag = {0};
	const struct object_map *m;

	if (!obj)
		return;
	m = map_of(obj, "counts");
	is_int(m->def.flags, BPF_F_NO_PREALLOC, "counts: flags");
	is_int(m->def.max_entries, 16, "counts: max_entries");
	is_str(types_name(obj->btf, m->def.value_type_id), "long", "counts: annotated type");
	is_int(map_of(obj, "events")->def.max_entries, map_nr_cpus(), "events: an entry per CPU");
	is_int(object_relocate(obj, NULL, &diag), 0, "relocates %s", diag.message);
	ok(ref_named(object_prog(obj, "legacy"), "counts"), "and refers to counts");
	object_close(obj);
}

static void test_ops(void)
{
	struct object *obj = open_named("obj_ops");
	const struct map_def *def;

	if (!obj)
		return;
	is_int(obj->nr_maps, 3, "an arena and two tables of functions");
	def = &map_of(obj, "linked")->def;
	is_int(def->type, BPF_MAP_TYPE_STRUCT_OPS, "a table is a map");
	is_int(def->value_size, 24, "of its size");
	is_str(types_name(obj->btf, def->value_type_id), "ops", "and type");
	is_int(def->flags, SPEC_F_LINK, "that a link registers");
	is_int(map_of(obj, "plain")->def.flags, 0, "or not");
	is_int(object_relocate(obj, NULL, NULL), 0, "relocates");
	is_int(object_prog(obj, "take")->refs[0].idx, 0, "the variable is in the arena");
	object_close(obj);
}

static void test_core(void)
{
	struct object *obj = open_named("core_local");
	struct object_reloc_opts opts = {0};
	struct skep_diag diag = {0};
	struct btf *target = NULL;
	u32 poisoned = 0;
	struct prog *prog;

	if (!obj)
		return;
	is_int(object_relocate(obj, NULL, &diag), -ESRCH, "without a kernel's BTF: refused");
	ok(strstr(diag.where, "instruction"), "with its place: %s", diag.where);
	object_close(obj);
	obj = open_named("core_local");
	memset(&diag, 0, sizeof(diag));
	is_int(types_open_kernel(path_of("core_target"), &target, NULL, &diag), 0,
	       "another layout %s", diag.message);
	opts.kernel_btf = target;
	is_int(object_relocate(obj, &opts, &diag), 0, "relocates %s", diag.message);
	prog = object_prog(obj, "resizes");
	for (u32 i = 0; i < prog->nr_insns; i++)
		poisoned += prog->insns[i].imm == CORE_POISON;
	is_int(poisoned, 1, "a signed field of another size is poisoned");
	object_close(obj);
	types_close(target);
}

/* --- what must not break it ----------------------------------------------------------------- */

static const char *const all[] = {"obj_maps",    "obj_globals", "obj_subprogs",
				  "obj_externs", "obj_ops",     "obj_fields",
				  "obj_legacy",  "core_local",  "obj_ksyms"};

static int load(const void *data, size_t size, const struct btf *kernel, struct skep_diag *diag)
{
	struct object_reloc_opts opts = {.kernel_btf = kernel, .kconfig = config};
	struct object *obj = NULL;
	int err = object_open(data, size, "noise", &obj, diag);

	err = err ?: object_relocate(obj, &opts, diag);
	object_close(obj);
	return err;
}

static void test_no_memory(const struct btf *kernel)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		u64 live, n, leaks = 0, odd = 0;

		object_close(open_named(all[i]));
		live = mem_live();
		for (n = 1;; n++) {
			int err;

			mem_fail_at(n);
			err = load(image, image_size, kernel, NULL);
			mem_fail_at(0);
			if (!err)
				break;
			odd += err != -ENOMEM;
			leaks += mem_live() != live;
		}
		ok(n > 10 && !odd && !leaks,
		   "%s: each of %llu allocations may fail (%llu odd errors, %llu leaks)", all[i],
		   (unsigned long long)n, (unsigned long long)odd, (unsigned long long)leaks);
	}
}

static u32 next_random(u32 *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void test_noise(const struct btf *kernel)
{
	u32 state = 1;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		u32 refused = 0, taken = 0, silent = 0;
		char *copy;

		object_close(open_named(all[i]));
		copy = malloc(image_size);
		for (u32 n = 0; n < 1500; n++) {
			struct skep_diag diag = {0};
			int err;

			memcpy(copy, image, image_size);
			for (u32 k = 0; k <= n % 3; k++)
				copy[next_random(&state) % image_size] ^=
					(char)(1 << next_random(&state) % 8);
			err = load(copy, n % 50 ? image_size : next_random(&state) % image_size,
				   kernel, &diag);
			refused += err != 0;
			taken += !err;
			silent += err && (!diag.message[0] || !diag.where[0]);
		}
		ok(refused && taken && !silent,
		   "%s, bits flipped: %u refused with place and reason, %u taken, %u in silence",
		   all[i], refused, taken, silent);
		free(copy);
	}
}

/* Inputs that broke something once. */
static void test_crashers(void)
{
	struct skep_diag diag;
	glob_t g;

	if (glob("tests/object/crashers/*", 0, NULL, &g))
		return;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char *data;
		size_t size;

		memset(&diag, 0, sizeof(diag));
		if (file_read(g.gl_pathv[i], 0, &data, &size, &diag))
			continue;
		load(data, size, NULL, &diag);
		ok(1, "%s: %.80s", g.gl_pathv[i], diag.message);
		mem_free(data);
	}
	globfree(&g);
}

int main(void)
{
	struct btf *target = NULL;

	test_maps();
	test_globals();
	test_subprogs();
	test_externs();
	test_fields();
	test_legacy();
	test_ops();
	test_core();
	types_open_kernel(path_of("core_target"), &target, NULL, NULL);
	types_find(target, "moved", BTF_KIND_STRUCT); /* make its indexes, which stay */
	types_find(target, "moved", BTF_KIND_FUNC);
	test_no_memory(target);
	test_noise(target);
	test_crashers();
	types_close(target);
	mem_free(image);
	is_int(mem_live(), 0, "nothing is left");
	return tap_done();
}
