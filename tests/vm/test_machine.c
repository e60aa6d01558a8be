/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs together with maps, helpers, callbacks, tail calls, threads and vm_stop. */
#include "../tap.h"
#include "base/mem.h"
#include "isa/isa.h"
#include "map/map.h"
#include "vm/run.h"
#include "vm/vm.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static struct skep_diag diag;

static struct map *new_map(u32 type, const char *name, u32 value_size, u32 entries)
{
	struct map_def def = {.name = name,
			      .type = type,
			      .key_size = 4,
			      .value_size = value_size,
			      .max_entries = entries};
	struct map *map = NULL;

	skep_diag_clear(&diag);
	if (map_new(&def, &map, &diag))
		printf("# %s: %s\n", name, diag.message);
	return map;
}

static struct prog assemble(const char *text)
{
	struct prog prog = {.name = "test", .license = "GPL"};

	skep_diag_clear(&diag);
	if (isa_asm(text, &prog.insns, &prog.nr_insns, &diag))
		printf("# %s: %s\n", diag.where, diag.message);
	return prog;
}

static struct vm *new_vm(struct map **maps, u32 nr)
{
	struct vm *vm = NULL;

	skep_diag_clear(&diag);
	if (vm_new(maps, nr, NULL, &vm, &diag))
		printf("# vm_new: %s\n", diag.message);
	return vm;
}

/* Prepare and run; the program's memory is freed. */
static int run(struct vm *vm, struct prog *prog, u64 *ret)
{
	struct vm_prog *code;
	int err;

	skep_diag_clear(&diag);
	*ret = 0xdead;
	err = vm_prog_new(vm, prog, &code, &diag);
	err = err ?: vm_exec(code, NULL, NULL, 0, ret, &diag);
	return err;
}

static void gives(struct vm *vm, const char *text, u64 want, const char *what)
{
	struct prog prog = assemble(text);
	u64 ret;
	int err = run(vm, &prog, &ret);

	if (!ok(!err && ret == want, "%s", what))
		printf("# %s: %s: got %#llx\n", diag.where, diag.message, (unsigned long long)ret);
	mem_free(prog.insns);
}

static void fails(struct vm *vm, const char *text, int err, const char *message, const char *what)
{
	struct prog prog = assemble(text);
	u64 ret;

	is_int(run(vm, &prog, &ret), err, "%s", what);
	if (!ok(strstr(diag.message, message), "says: %s", message))
		printf("# %s: %s\n", diag.where, diag.message);
	mem_free(prog.insns);
}

#define LOOKUP                                                                                     \
	"r2 = r10\nr2 += -4\nr1 = map[id:0]\ncall bpf_map_lookup_elem\nif r0 == 0 goto none\n"

static void test_map_memory(void)
{
	struct map *maps[2] = {new_map(BPF_MAP_TYPE_ARRAY, "counts", 12, 4),
			       new_map(BPF_MAP_TYPE_HASH, "table", 4, 8)};
	struct vm *vm = new_vm(maps, 2);

	gives(vm,
	      "*(u32 *)(r10 -4) = 2\n" LOOKUP
	      "*(u32 *)(r0 +8) = 7\nr0 = *(u32 *)(r0 +8)\nexit\nnone: r0 = -1\nexit",
	      7, "a map's value is written and read");
	gives(vm, "*(u32 *)(r10 -4) = 4\n" LOOKUP "r0 = 1\nexit\nnone: r0 = -1\nexit", (u64)-1,
	      "no element 4");
	fails(vm, "*(u32 *)(r10 -4) = 2\n" LOOKUP "r0 = *(u64 *)(r0 +8)\nexit\nnone: r0 = 0\nexit",
	      -EFAULT, "offset 8 of a value of map counts, which has 12 bytes",
	      "a read across a value's end");
	fails(vm, "*(u32 *)(r10 -4) = 3\n" LOOKUP "*(u8 *)(r0 +16) = 1\nexit\nnone: r0 = 0\nexit",
	      -EFAULT, "map counts", "a write behind the last value");
	fails(vm, "*(u32 *)(r10 -4) = 0\n" LOOKUP "*(u8 *)(r0 -1) = 1\nexit\nnone: r0 = 0\nexit",
	      -EFAULT, "invalid write of 1 bytes", "a write before the first value");
	fails(vm,
	      "*(u32 *)(r10 -4) = 9\nr2 = r10\nr2 += -4\nr1 = map[id:1]\n"
	      "call bpf_map_lookup_elem\nr0 = *(u32 *)(r0 +0)\nexit",
	      -EFAULT, "NULL pointer", "a lookup whose answer was not checked");
	gives(vm,
	      "r1 = map[id:0][0]+4\n*(u32 *)(r1 +0) = 5\nr2 = map[id:0][0]+0\n"
	      "r0 = *(u32 *)(r2 +4)\nexit",
	      5, "a direct value");
	fails(vm, "r1 = map[id:0][0]+12\nr0 = 0\nexit", -EINVAL,
	      "invalid access to map value pointer, value_size=12 off=12",
	      "a direct value behind the end");
	fails(vm, "r1 = map[id:0]\nr0 = *(u64 *)(r1 +0)\nexit", -EFAULT, "no memory",
	      "a map itself is not the program's");
	vm_free(vm);
	map_put(maps[0]);
	map_put(maps[1]);
}

static void test_hits(void)
{
	struct map *maps[1] = {new_map(BPF_MAP_TYPE_ARRAY, "a", 8, 64)};
	struct vm *vm = new_vm(maps, 1);

	/* one instruction goes through the elements, and at last behind them */
	gives(vm,
	      "r1 = map[id:0][0]+0\nr0 = 0\nr2 = 0\nagain: *(u64 *)(r1 +0) = 3\n"
	      "r3 = *(u64 *)(r1 +0)\nr0 += r3\nr1 += 8\nr2 += 1\nif r2 < 64 goto again\nexit",
	      192, "one load goes through all elements");
	fails(vm, "r1 = map[id:0][0]+0\nr0 = 0\nagain: r3 = *(u64 *)(r1 +0)\nr1 += 8\ngoto again",
	      -EFAULT, "map a", "and is stopped behind the last");
	fails(vm, "r1 = map[id:0][0]+0\nr0 = 0\nagain: r3 = *(u64 *)(r1 +0)\nr1 += 1\ngoto again",
	      -EFAULT, "offset 1 of a value of map a", "nor may it lie across two");
	vm_free(vm);
	map_put(maps[0]);
}

static void test_tail_calls(void)
{
	struct map *jump = new_map(BPF_MAP_TYPE_PROG_ARRAY, "jump", 4, 4);
	struct map *count = new_map(BPF_MAP_TYPE_ARRAY, "count", 8, 1);
	struct map *maps[2] = {jump, count};
	struct vm *vm = new_vm(maps, 2);
	struct prog self = assemble("r2 = map[id:1][0]+0\nr3 = 1\nlock *(u64 *)(r2 +0) += r3\n"
				    "r2 = map[id:0]\nr3 = 0\ncall bpf_tail_call\n"
				    "r2 = map[id:1][0]+0\nr0 = *(u64 *)(r2 +0)\nexit");
	struct prog last = assemble("r0 = 42\nexit");
	struct vm_prog *self_code = NULL, *last_code = NULL;
	u64 ret = 0;

	vm_prog_new(vm, &self, &self_code, &diag);
	vm_prog_new(vm, &last, &last_code, &diag);
	ok(self_code && last_code, "two programs");
	is_int(map_prog_set(jump, 0, self_code), 0, "one into slot 0");
	is_int(map_prog_set(jump, 1, last_code), 0, "the other into slot 1");
	is_int(vm_exec(self_code, NULL, NULL, 0, &ret, &diag), 0, "a program that calls itself");
	is_int(ret, 34, "is entered 1 + 33 times");
	gives(vm, "r2 = map[id:0]\nr3 = 1\ncall bpf_tail_call\nr0 = 1\nexit", 42, "a tail call");
	gives(vm, "r2 = map[id:0]\nr3 = 2\ncall bpf_tail_call\nr0 = 1\nexit", 1, "an empty slot");
	gives(vm, "r2 = map[id:0]\nr3 = 4\ncall bpf_tail_call\nr0 = 1\nexit", 1, "no such slot");
	gives(vm,
	      "r6 = 5\ncall f\nr0 += r6\nexit\n"
	      "f: r2 = map[id:0]\nr3 = 1\ncall bpf_tail_call\nr0 = 1\nexit",
	      47, "a tail call in a function comes back to its caller");
	fails(vm, "r2 = map[id:1]\nr3 = 1\ncall bpf_tail_call\nr0 = 1\nexit", -EFAULT,
	      "map count is not a prog_array", "a tail call through another map");
	fails(vm, "r2 = 0\nr3 = 1\ncall bpf_tail_call\nr0 = 1\nexit", -EFAULT, "must be a map",
	      "a tail call through nothing");
	map_prog_set(jump, 0, NULL);
	map_prog_set(jump, 1, NULL);
	vm_free(vm);
	map_put(jump);
	map_put(count);
	mem_free(self.insns);
	mem_free(last.insns);
}

static void test_callbacks(void)
{
	struct map *maps[1] = {new_map(BPF_MAP_TYPE_ARRAY, "a", 8, 1)};
	struct vm *vm = new_vm(maps, 1);

	gives(vm,
	      "*(u64 *)(r10 -8) = 0\nr1 = 100\nr2 = subprog[body]\nr3 = r10\nr3 += -8\nr4 = 0\n"
	      "call bpf_loop\nr0 = *(u64 *)(r10 -8)\nexit\n"
	      "body: r3 = *(u64 *)(r2 +0)\nr3 += r1\n*(u64 *)(r2 +0) = r3\nr0 = 0\nexit",
	      4950, "bpf_loop adds up in its caller's frame");
	fails(vm, "r1 = 100\nr2 = 0x1234\nr3 = 0\nr4 = 0\ncall bpf_loop\nexit", -EFAULT, "",
	      "a callback that is no function");
	fails(vm,
	      "r6 = 0\ncall f\nexit\nf: r1 = 1\nr2 = subprog[body]\nr3 = 0\nr4 = 0\n"
	      "call bpf_loop\nr0 = 0\nexit\nbody: call f\nr0 = 0\nexit",
	      -EFAULT, "too deep", "callbacks that recur");
	fails(vm,
	      "r1 = 8000000\nr2 = subprog[body]\nr3 = 0\nr4 = 0\ncall bpf_loop\nr0 = 0\nexit\n"
	      "body: r1 = 1000\nagain: r1 += -1\nif r1 != 0 goto again\nr0 = 0\nexit",
	      -ETIMEDOUT, "no end after", "callbacks count against the budget");
	vm_free(vm);
	map_put(maps[0]);
}

/* --- stopping -------------------------------------------------------------------------------- */

static struct vm *stop_me;

static void on_alarm(int sig)
{
	vm_stop(stop_me);
}

static void test_stop(void)
{
	struct vm_opts opts = {.max_insns = UINT64_MAX};
	struct prog prog = assemble("again: goto again");
	u64 ret;

	vm_new(NULL, 0, &opts, &stop_me, NULL);
	signal(SIGALRM, on_alarm);
	ualarm(20000, 0);
	is_int(run(stop_me, &prog, &ret), -EINTR, "vm_stop from a signal ends an endless loop");
	stop_me = vm_free(stop_me);
	mem_free(prog.insns);
}

/* --- threads --------------------------------------------------------------------------------- */

#define NR_THREADS 4
#define NR_RUNS    200

static void *add_up(void *arg)
{
	u64 ret;

	for (int i = 0; i < NR_RUNS; i++)
		if (vm_exec(arg, NULL, NULL, 0, &ret, NULL))
			return arg;
	return NULL;
}

static void test_threads(void)
{
	struct map *maps[1] = {new_map(BPF_MAP_TYPE_ARRAY, "sum", 16, 1)};
	struct vm *vm = new_vm(maps, 1);
	struct prog prog = assemble(
		"r1 = map[id:0][0]+0\nr2 = 1\nr3 = 100\n"
		"again: lock *(u64 *)(r1 +0) += r2\nlock *(u32 *)(r1 +8) += r2\n"
		"r3 += -1\nif r3 != 0 goto again\nr0 = 0\nexit");
	pthread_t threads[NR_THREADS];
	struct vm_prog *code;
	u64 *sum = (u64 *)maps[0]->mem.base;
	void *failed = NULL;

	vm_prog_new(vm, &prog, &code, &diag);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, add_up, code);
	for (int i = 0; i < NR_THREADS; i++) {
		void *ret;

		pthread_join(threads[i], &ret);
		failed = failed ?: ret;
	}
	ok(!failed, "%d threads run one program", NR_THREADS);
	is_int(sum[0], NR_THREADS * NR_RUNS * 100, "no addition of 64 bits is lost");
	is_int(sum[1], NR_THREADS * NR_RUNS * 100, "nor one of 32 bits");
	vm_free(vm);
	map_put(maps[0]);
	mem_free(prog.insns);
}

/* --- places ---------------------------------------------------------------------------------- */

static void test_place(void)
{
	struct prog_line lines[] = {{0, 10, 1, "x.bpf.c", "int x = 0;"},
				    {1, 12, 9, "x.bpf.c", "\tx = *p;"}};
	struct prog_func funcs[] = {{0, 3, "handle_open", 0, true}};
	struct prog prog = assemble("r1 = 0\nr0 = *(u32 *)(r1 +4)\nexit");
	struct vm *vm = new_vm(NULL, 0);
	u64 ret;

	prog.lines = lines;
	prog.nr_lines = 2;
	prog.funcs = funcs;
	prog.nr_funcs = 1;
	is_int(run(vm, &prog, &ret), -EFAULT, "a fault in a program with lines");
	is_str(diag.where, "x.bpf.c:12: x = *p;", "names the C line");
	is_str(diag.message,
	       "handle_open: invalid read of 4 bytes through a NULL pointer, at offset 4",
	       "and the function");
	vm_free(vm);
	mem_free(prog.insns);
}

/* --- symbols of the world -------------------------------------------------------------------- */

static const void *symbol(struct vm_env *env, const char *name)
{
	return strcmp(name, "jiffies") ? NULL : env->hook;
}

static void test_symbols(void)
{
	static const struct vm_world world = {.kernel_symbol = symbol};
	u64 jiffies = 77, ret = 0;
	struct vm_env env = {.world = &world, .hook = &jiffies, .cpu = -1};
	struct vm_mem mem = {
		.name = "jiffies", .base = (uintptr_t)&jiffies, .size = 8, .flags = VM_MEM_READ};
	struct prog_ref ref = {.insn = 0, .kind = PROG_REF_KVAR, .name = "jiffies"};
	struct prog prog = assemble("r1 = btf[id:1]\nr0 = *(u64 *)(r1 +0)\nexit");
	struct prog store = assemble("r1 = btf[id:1]\n*(u64 *)(r1 +0) = 1\nr0 = 0\nexit");
	struct vm *vm = new_vm(NULL, 0);
	struct vm_prog *code, *store_code;

	prog.refs = store.refs = &ref;
	prog.nr_refs = store.nr_refs = 1;
	is_int(vm_mem_add(vm, &mem), 0, "memory of the world");
	is_int(vm_mem_add(vm, &mem), -EEXIST, "not twice");
	is_int(vm_prog_new(vm, &prog, &code, &diag), 0, "a program with a symbol");
	is_int(vm_exec(code, &env, NULL, 0, &ret, &diag), 0, "runs");
	is_int(ret, 77, "and reads it");
	is_int(vm_prog_new(vm, &store, &store_code, &diag), 0, "one that writes it");
	is_int(vm_exec(store_code, &env, NULL, 0, &ret, &diag), -EFAULT, "is stopped");
	ok(strstr(diag.message, "read-only"), "with a reason: %s", diag.message);
	vm_free(vm);
	mem_free(prog.insns);
	mem_free(store.insns);
}

/* Memory of which programs may touch a part of each element; what a load hits between is 0. */
static void test_holes(void)
{
	static u64 objects[4] = {11, 12, 13, 14};
	struct vm_mem mem = {.name = "objects",
			     .base = (uintptr_t)objects,
			     .size = sizeof(objects),
			     .stride = 16,
			     .len = 8,
			     .flags = VM_MEM_READ | VM_MEM_WRITE | VM_MEM_ZERO_FAULT};
	struct vm *vm = new_vm(NULL, 0);
	char text[200];

	vm_mem_add(vm, &mem);
	snprintf(text, sizeof(text),
		 "r1 = %#llx\nr0 = *(u64 *)(r1 +0)\nr2 = *(u64 *)(r1 +16)\n"
		 "r0 += r2\nr2 = *(u64 *)(r1 +8)\nr0 += r2\nexit",
		 (unsigned long long)(uintptr_t)objects);
	gives(vm, text, 24, "elements are read, and 0 between them");
	snprintf(text, sizeof(text), "r1 = %#llx\n*(u64 *)(r1 +8) = 1\nr0 = 0\nexit",
		 (unsigned long long)(uintptr_t)objects);
	fails(vm, text, -EFAULT, "of objects", "a write between them");
	snprintf(text, sizeof(text), "r1 = %#llx\nr0 = *(u64 *)(r1 +32)\nexit",
		 (unsigned long long)(uintptr_t)objects);
	fails(vm, text, -EFAULT, "of objects", "a read behind them");
	vm_free(vm);
}

static void test_throw(void)
{
	struct prog_ref ref = {.insn = 5, .kind = PROG_REF_KFUNC, .name = "bpf_throw"};
	struct prog prog = assemble("call f\nr0 = 1\nexit\nf: r1 = 33\nr2 = 0\n"
				    "call kernel-function#7");
	struct vm *vm = new_vm(NULL, 0);
	u64 ret;

	prog.refs = &ref;
	prog.nr_refs = 1;
	is_int(run(vm, &prog, &ret), 0, "bpf_throw is no error");
	is_int(ret, 33, "and its cookie is the answer");
	ref.name = "bpf_no_such_function";
	is_int(run(vm, &prog, &ret), -EINVAL, "a function may end with nothing else");
	vm_free(vm);
	mem_free(prog.insns);
}

/* Every allocation fails once: an error each time, and nothing is left over. */
static void test_no_memory(void)
{
	struct map *maps[1] = {new_map(BPF_MAP_TYPE_ARRAY, "a", 8, 1)};
	struct prog prog = assemble("call bpf_ktime_get_ns\nr1 = map[id:0][0]+0\n"
				    "*(u64 *)(r1 +0) = 1\nr0 = 5\nexit");
	u64 held = mem_live(), ret = 0;
	bool clean = true;
	int err = -ENOMEM, n;

	for (n = 1; err && n < 100; n++) {
		struct vm_prog *code;
		struct vm *vm = NULL;

		mem_fail_at((u64)n);
		skep_diag_clear(&diag);
		err = vm_new(maps, 1, NULL, &vm, &diag);
		err = err ?: vm_prog_new(vm, &prog, &code, &diag);
		mem_fail_at(0);
		err = err ?: vm_exec(code, NULL, NULL, 0, &ret, &diag);
		vm_free(vm);
		clean = clean && (!err || err == -ENOMEM) && mem_live() == held;
	}
	ok(!err && ret == 5 && n > 5, "a machine needs %d allocations", n - 2);
	ok(clean, "each may fail");
	mem_free(prog.insns);
	map_put(maps[0]);
}

/* What helpers allocate: when there is none, they say -ENOMEM or the run ends with it. */
static const char *const hungry[] = {
	"*(u32 *)(r10 -4) = 1\nr2 = r10\nr2 += -4\nr1 = map[id:0]\ncall bpf_map_lookup_elem\n"
	"if r0 == 0 goto out\nr1 = r0\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem\n"
	"out: r0 = 5\nexit",
	"r1 = map[id:1][0]+0\nr2 = map[id:1]\nr3 = 1\ncall bpf_timer_init\nif r0 != 0 goto out\n"
	"r0 = 5\nout: exit",
};

static void test_no_memory_runs(struct map **maps, u32 nr_maps)
{
	for (u32 i = 0; i < ARRAY_SIZE(hungry); i++) {
		struct prog prog = assemble(hungry[i]);
		u64 held = mem_live(), ret = 0;
		bool clean = true;
		int n = 0, err;

		for (ret = 0; ret != 5 && n < 50; n++) {
			struct vm *vm = new_vm(maps, nr_maps);
			struct vm_prog *code = NULL;

			err = vm_prog_new(vm, &prog, &code, &diag);
			mem_fail_at((u64)n + 1);
			err = err ?: vm_exec(code, NULL, NULL, 0, &ret, &diag);
			mem_fail_at(0);
			vm_free(vm);
			clean = clean && (err == -ENOMEM || (s64)ret == -ENOMEM || ret == 5) &&
				mem_live() == held;
		}
		ok(ret == 5 && clean, "program %u: each of %d allocations may fail", i, n - 1);
		mem_free(prog.insns);
	}
}

static void test_inner_maps(void)
{
	struct map_def timer_def = {.name = "timers",
				    .type = BPF_MAP_TYPE_ARRAY,
				    .key_size = 4,
				    .value_size = 16,
				    .max_entries = 1,
				    .nr_fields = 1,
				    .fields = {{MAP_FIELD_TIMER, 0, 16}}};
	struct map *some[2];
	struct map_def inner_def = {.name = "inner",
				    .type = BPF_MAP_TYPE_ARRAY,
				    .key_size = 4,
				    .value_size = 8,
				    .max_entries = 2};
	struct map_def def = {.name = "outer",
			      .type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
			      .key_size = 4,
			      .value_size = 4,
			      .max_entries = 2,
			      .inner = &inner_def};
	struct map *outer = NULL, *inner = NULL;
	struct vm *vm;
	u32 key = 1;

	skep_diag_clear(&diag);
	if (map_new(&def, &outer, &diag)) {
		tap_skip("inner maps", "this build has no maps of maps");
		return;
	}
	map_new(&inner_def, &inner, &diag);
	is_int(map_inner_set(outer, &key, inner, 0), 0, "an inner map");
	vm = new_vm(&outer, 1);
	gives(vm,
	      "*(u32 *)(r10 -4) = 1\n" LOOKUP
	      "r1 = r0\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem\nif r0 == 0 goto none\n"
	      "*(u64 *)(r0 +0) = 9\nr0 = *(u64 *)(r0 +0)\nexit\nnone: r0 = -1\nexit",
	      9, "its value is the program's");
	fails(vm,
	      "*(u32 *)(r10 -4) = 1\n" LOOKUP
	      "r1 = r0\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem\nif r0 == 0 goto none\n"
	      "r0 = *(u64 *)(r0 +8)\nexit\nnone: r0 = -1\nexit",
	      -EFAULT, "map inner", "what lies behind it is not");
	vm_free(vm);
	some[0] = outer;
	is_int(map_new(&timer_def, &some[1], &diag), 0, "a map of timers");
	test_no_memory_runs(some, 2);
	map_put(some[1]);
	map_put(inner);
	map_put(outer);
}

int main(void)
{
	test_map_memory();
	test_hits();
	test_tail_calls();
	test_callbacks();
	test_stop();
	test_threads();
	test_place();
	test_symbols();
	test_holes();
	test_throw();
	test_no_memory();
	test_inner_maps();
	is_int(mem_live(), 0, "nothing is left over");
	return tap_done();
}
