/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that attack whoever runs them: what helpers believe, how long they may take. Each ends,
 * soon, with an answer or an error.
 */
#include "../tap.h"
#include "base/mem.h"
#include "isa/isa.h"
#include "spec/spec.h"
#include "vm/vm.h"
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { LARGE, LOCKED, TASKS, HASH, NR_MAPS };

static const struct map_def defs[NR_MAPS] = {
	[LARGE] = {.name = "large",
		   .type = BPF_MAP_TYPE_ARRAY,
		   .key_size = 4,
		   .value_size = 1 << 24,
		   .max_entries = 1},
	[LOCKED] = {.name = "locked",
		    .type = BPF_MAP_TYPE_ARRAY,
		    .key_size = 4,
		    .value_size = 16,
		    .max_entries = 1,
		    .nr_fields = 1,
		    .fields = {{MAP_FIELD_SPIN_LOCK, 0, 4}}},
	[TASKS] = {.name = "tasks",
		   .type = BPF_MAP_TYPE_TASK_STORAGE,
		   .key_size = 4,
		   .value_size = 8,
		   .flags = BPF_F_NO_PREALLOC,
		   .key_type_id = 1,
		   .value_type_id = 1},
	[HASH] = {.name = "hash",
		  .type = BPF_MAP_TYPE_HASH,
		  .key_size = 4,
		  .value_size = 8,
		  .max_entries = 1 << 26},
};

static struct map *maps[NR_MAPS];
static struct skep_diag diag;

/* kfunc: the name of every call of a kernel function. */
static int run(const char *text, const char *kfunc, u64 max_insns, u64 *ret)
{
	struct vm_opts opts = {.max_insns = max_insns};
	struct prog prog = {.name = "hostile", .type = SPEC_PROG_KPROBE, .license = "GPL"};
	struct prog_ref refs[16];
	struct vm_prog *code;
	struct vm *vm = NULL;
	u64 ctx[4] = {0};
	int err;

	skep_diag_clear(&diag);
	*ret = 0;
	err = isa_asm(text, &prog.insns, &prog.nr_insns, &diag);
	for (u32 i = 0; !err && i < prog.nr_insns; i++)
		if (prog.insns[i].code == (BPF_JMP | BPF_CALL) && prog.insns[i].src_reg == 2 &&
		    prog.nr_refs < ARRAY_SIZE(refs))
			refs[prog.nr_refs++] =
				(struct prog_ref){.insn = i, .kind = PROG_REF_KFUNC, .name = kfunc};
	prog.refs = refs;
	err = err ?: vm_new(maps, NR_MAPS, &opts, &vm, &diag);
	err = err ?: vm_prog_new(vm, &prog, &code, &diag);
	err = err ?: vm_exec(code, NULL, ctx, sizeof(ctx), ret, &diag);
	vm_free(vm);
	mem_free(prog.insns);
	return err;
}

static void gives(const char *what, const char *text, const char *kfunc, s64 want)
{
	u64 ret;
	int err = run(text, kfunc, 1000000, &ret);

	if (err)
		printf("# %s: %s\n", diag.where, diag.message);
	is_int(err ? err : (s64)ret, want, "%s", what);
}

/* Ends, with an error, long before a test's patience does. */
static void fails(const char *what, const char *text, const char *kfunc, int want, const char *says)
{
	struct timespec a, b;
	u64 ret;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	is_int(run(text, kfunc, 1000000, &ret), want, "%s", what);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	ok(b.tv_sec - a.tv_sec < 10, " soon");
	if (!ok(strstr(diag.message, says), " says \"%s\"", says))
		printf("# %s: %s\n", diag.where, diag.message);
}

/* "%80d" with its output over it: the second pass must not read what the first one wrote. */
static void test_format(void)
{
	gives("bpf_snprintf over its own format",
	      "r6 = map[id:0][0]+0\nr1 = 0x64303825\n*(u64 *)(r6 +0) = r1\n*(u64 *)(r10 -8) = 7\n"
	      "r1 = r6\nr2 = 4096\nr3 = r6\nr4 = r10\nr4 += -8\nr5 = 8\ncall "
	      "bpf_snprintf#165\nexit",
	      NULL, 81);
	/* "%8d%c": the digits are "%s%s%s" to whoever reads the output as a format */
	gives("bpf_snprintf into the rest of its format",
	      "r6 = map[id:0][0]+0\nr1 = 0x63256325\n*(u64 *)(r6 +0) = r1\n"
	      "*(u64 *)(r10 -8) = 115\n*(u64 *)(r10 -16) = 37\n"
	      "r1 = r6\nr1 += 2\nr2 = 4096\nr3 = r6\nr4 = r10\nr4 += -16\nr5 = 16\n"
	      "call bpf_snprintf#165\nexit",
	      NULL, 3);
}

#define LOOP(body) "again: " body "\ngoto again"
#define LARGE_AT   "r1 = map[id:0][0]+0\n"

static void test_time(void)
{
	fails("copies of 16 MiB without end",
	      LOOP(LARGE_AT "r2 = 16777216\nr3 = r1\ncall bpf_probe_read_kernel#113"), NULL,
	      -ETIMEDOUT, "no end after");
	fails("lists of an empty hash table without end",
	      LOOP("r1 = map[id:3]\nr2 = subprog[each]\nr3 = 0\nr4 = 0\n"
		   "call bpf_for_each_map_elem#164") "\neach: r0 = 0\nexit",
	      NULL, -ETIMEDOUT, "no end after");
	fails("a search of 4096 times 4096 bytes without end",
	      "r6 = map[id:0][0]+0\nr7 = 0\nfill: r1 = r6\nr1 += r7\n*(u8 *)(r1 +0) = 97\nr7 += 1\n"
	      "if r7 < 8192 goto fill\n*(u8 *)(r1 +0) = 0\n" LOOP("r1 = r6\nr2 = r6\nr2 += 4096\n"
								  "call kernel-function#1"),
	      "bpf_strstr", -ETIMEDOUT, "no end after");
	fails("a lock that nobody gives back, for an update",
	      "r6 = map[id:1][0]+0\n*(u32 *)(r6 +0) = 1\n*(u32 *)(r10 -4) = 0\n" LOOP(
		      "r1 = map[id:1]\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -32\nr4 = 4\n"
		      "call bpf_map_update_elem#2"),
	      NULL, -ETIMEDOUT, "no end after");
	fails("a bpf_res_spin_lock that nobody gives back",
	      "*(u64 *)(r10 -8) = 1\n" LOOP("r1 = r10\nr1 += -8\ncall kernel-function#1"),
	      "bpf_res_spin_lock", -ETIMEDOUT, "no end after");
	gives("callbacks when little is left of the budget",
	      "r1 = 10\nr2 = subprog[each]\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nexit\n"
	      "each: r0 = 0\nexit",
	      NULL, 10);
}

/* --- vm_stop ---------------------------------------------------------------------------------- */

static struct vm *running;

static void on_alarm(int sig)
{
	vm_stop(running);
}

/* Nothing but vm_stop ends it: the budget has no end. */
static void stops(const char *what, const char *text)
{
	struct vm_opts opts = {.max_insns = UINT64_MAX};
	struct prog prog = {.name = "hostile", .type = SPEC_PROG_KPROBE, .license = "GPL"};
	struct timespec a, b;
	struct vm_prog *code;
	u64 ret;
	int err;

	skep_diag_clear(&diag);
	err = isa_asm(text, &prog.insns, &prog.nr_insns, &diag);
	err = err ?: vm_new(maps, NR_MAPS, &opts, &running, &diag);
	err = err ?: vm_prog_new(running, &prog, &code, &diag);
	signal(SIGALRM, on_alarm);
	clock_gettime(CLOCK_MONOTONIC, &a);
	ualarm(30000, 0);
	err = err ?: vm_exec(code, NULL, NULL, 0, &ret, &diag);
	clock_gettime(CLOCK_MONOTONIC, &b);
	is_int(err, -EINTR, "%s: stopped", what);
	ok(b.tv_sec - a.tv_sec < 5, " soon");
	running = vm_free(running);
	mem_free(prog.insns);
}

#define MANY "r1 = 8388608\nr3 = 0\nr4 = 0\n"

static void test_stops(void)
{
	stops("loops in loops in loops",
	      MANY "r2 = subprog[a]\ncall bpf_loop#181\nexit\na: " MANY
		   "r2 = subprog[b]\ncall bpf_loop#181\nr0 = 0\nexit\nb: " MANY
		   "r2 = subprog[c]\ncall bpf_loop#181\nr0 = 0\nexit\nc: r0 = 0\nexit");
	stops("a list of elements that puts each at its own head again",
	      "*(u32 *)(r10 -4) = 1\n*(u64 *)(r10 -16) = 0\nr1 = map[id:3]\nr2 = r10\nr2 += -4\n"
	      "r3 = r10\nr3 += -16\nr4 = 0\ncall bpf_map_update_elem#2\n" LOOP(
		      "r1 = map[id:3]\nr2 = subprog[each]\nr3 = 0\nr4 = 0\n"
		      "call bpf_for_each_map_elem#164") "\n"
							"each: r1 = *(u32 *)(r2 +0)\n*(u32 *)(r10 "
							"-4) = r1\n*(u64 *)(r10 -16) = 0\n"
							"r1 = map[id:3]\nr2 = r10\nr2 += -4\ncall "
							"bpf_map_delete_elem#3\n"
							"r1 = map[id:3]\nr2 = r10\nr2 += -4\nr3 = "
							"r10\nr3 += -16\nr4 = 0\n"
							"call bpf_map_update_elem#2\nr0 = 0\nexit");
	stops("lists within lists",
	      "*(u32 *)(r10 -4) = 1\n*(u64 *)(r10 -16) = 0\nr1 = map[id:3]\nr2 = r10\nr2 += -4\n"
	      "r3 = r10\nr3 += -16\nr4 = 0\ncall bpf_map_update_elem#2\n" MANY
	      "r2 = subprog[a]\ncall bpf_loop#181\nexit\n"
	      "a: r1 = map[id:3]\nr2 = subprog[b]\nr3 = 0\nr4 = 0\ncall bpf_for_each_map_elem#164\n"
	      "r0 = 0\nexit\n"
	      "b: r1 = map[id:3]\nr2 = subprog[c]\nr3 = 0\nr4 = 0\ncall bpf_for_each_map_elem#164\n"
	      "r0 = 0\nexit\nc: r0 = 0\nexit");
	stops("a tail of copies", LOOP("r1 = map[id:0][0]+0\nr2 = 16777216\nr3 = r1\n"
				       "call bpf_probe_read_kernel#113"));
}

static void test_forged(void)
{
	gives("an iterator of bits that nobody made",
	      "*(u64 *)(r10 -16) = 4096\n*(u32 *)(r10 -8) = 2147483647\n*(u32 *)(r10 -4) = -1\n"
	      "r1 = r10\nr1 += -16\ncall kernel-function#1\nexit",
	      "bpf_iter_bits_next", 0);
	gives("one that has just come to the last number",
	      "*(u64 *)(r10 -16) = 4096\n*(u32 *)(r10 -8) = 2147483647\n"
	      "*(u32 *)(r10 -4) = 32704\nr1 = r10\nr1 += -16\ncall kernel-function#1\nexit",
	      "bpf_iter_bits_next", 0);
	fails("an iterator that is not aligned",
	      "r1 = r10\nr1 += -23\ncall kernel-function#1\nexit", "bpf_iter_num_next", -EFAULT,
	      "must be an iterator, aligned to 8 bytes");
	fails("storage for an owner that the program made up",
	      "r1 = map[id:2]\nr2 = r10\nr2 += -8\nr3 = 0\nr4 = 1\ncall bpf_task_storage_get#156\n"
	      "exit",
	      NULL, -EFAULT, "is memory of the program, no object");
}

int main(void)
{
	int err = 0;

	for (int i = 0; i < NR_MAPS && !err; i++)
		err = map_new(&defs[i], &maps[i], &diag);
	if (ok(!err, "maps")) {
		test_format();
		test_time();
		test_stops();
		test_forged();
	} else {
		printf("# %s: %s\n", diag.where, diag.message);
	}
	for (int i = 0; i < NR_MAPS; i++)
		map_put(maps[i]);
	return tap_done();
}
