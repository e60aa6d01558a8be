/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf_timer on a clock of ours: order, cancelling, timers that start themselves for ever. */
#include "../tap.h"
#include "base/mem.h"
#include "isa/isa.h"
#include "spec/spec.h"
#include "vm/vm.h"
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define NR 400

enum { TIMERS, ORDER, NR_MAPS };

/* ORDER: [0] how many fired, [1 …] their keys */
static const struct map_def defs[NR_MAPS] = {
	[TIMERS] = {.name = "timers",
		    .type = BPF_MAP_TYPE_ARRAY,
		    .key_size = 4,
		    .value_size = 24,
		    .max_entries = NR,
		    .nr_fields = 1,
		    .fields = {{MAP_FIELD_TIMER, 0, 16}}},
	[ORDER] = {.name = "order",
		   .type = BPF_MAP_TYPE_ARRAY,
		   .key_size = 4,
		   .value_size = 8 * 4096,
		   .max_entries = 1},
};

static struct map *maps[NR_MAPS];
static struct vm *vm;
static struct skep_diag diag;
static u64 time_now = 1000;

static u64 clock_of(struct vm_env *env, int id)
{
	return time_now;
}

static const struct vm_world world = {.clock = clock_of};

/* ctx: { key, ns, what }: 0 start, 1 cancel */
#define PROGRAM                                                                                    \
	"r6 = r1\nr1 = *(u64 *)(r6 +0)\n*(u32 *)(r10 -4) = r1\nr2 = r10\nr2 += -4\nr1 = "          \
	"map[id:0]\n"                                                                              \
	"call bpf_map_lookup_elem\nif r0 == 0 goto out\nr7 = r0\nr1 = *(u64 *)(r6 +16)\n"          \
	"if r1 == 1 goto cancel\n"                                                                 \
	"r1 = r7\nr2 = map[id:0]\nr3 = 1\ncall bpf_timer_init\n"                                   \
	"r1 = r7\nr2 = subprog[fire]\ncall bpf_timer_set_callback\n"                               \
	"r1 = r7\nr2 = *(u64 *)(r6 +8)\nr3 = 0\ncall bpf_timer_start\nexit\n"                      \
	"cancel: r1 = r7\ncall bpf_timer_cancel\nout: exit\n"
#define FIRE                                                                                       \
	"fire: r6 = r3\nr1 = *(u32 *)(r2 +0)\nr2 = map[id:1][0]+0\nr3 = *(u64 *)(r2 +0)\n"         \
	"if r3 >= 4000 goto full\nr3 += 1\n*(u64 *)(r2 +0) = r3\nr3 <<= 3\nr2 += r3\n"             \
	"*(u64 *)(r2 +0) = r1\nfull: "

static struct vm_prog *load(struct prog *prog, const char *text)
{
	struct vm_prog *code = NULL;
	int err;

	*prog = (struct prog){.name = "timers", .type = SPEC_PROG_KPROBE, .license = "GPL"};
	err = isa_asm(text, &prog->insns, &prog->nr_insns, &diag);
	err = err ?: vm_new(maps, NR_MAPS, NULL, &vm, &diag);
	err = err ?: vm_prog_new(vm, prog, &code, &diag);
	if (err)
		printf("# %s: %s\n", diag.where, diag.message);
	return code;
}

static s64 call(struct vm_prog *code, u64 key, u64 ns, u64 what)
{
	struct vm_env env = {.world = &world, .cpu = -1};
	u64 ctx[3] = {key, ns, what}, ret = 0;

	return vm_exec(code, &env, ctx, sizeof(ctx), &ret, &diag) ?: (s64)ret;
}

static u64 *fired(void)
{
	return (u64 *)maps[ORDER]->mem.base;
}

static void unload(struct prog *prog)
{
	vm = vm_free(vm);
	mem_free(prog->insns);
	fired()[0] = 0;
}

static u64 due[NR];

static bool in_order(void)
{
	for (u64 i = 2; i <= fired()[0]; i++)
		if (due[fired()[i]] < due[fired()[i - 1]])
			return false;
	return true;
}

static void test_order(void)
{
	struct vm_env env = {.world = &world, .cpu = -1};
	struct prog prog;
	struct vm_prog *code = load(&prog, PROGRAM FIRE "r0 = 0\nexit");
	u32 seed = 3, nr_cancelled = 0;
	s64 wait;

	for (u32 i = 0; code && i < NR; i++) {
		seed = seed * 1103515245 + 12345;
		due[i] = 1 + (seed >> 8) % 5000;
		call(code, i, due[i], 0);
	}
	for (u32 i = 0; code && i < NR; i += 7)
		nr_cancelled += call(code, i, 0, 1) == 1;
	is_int(nr_cancelled, (NR + 6) / 7, "armed timers are cancelled");
	is_int(call(code, 0, 0, 1), 0, "one that was, no more");
	for (u32 i = 0; i < NR; i += 14)
		call(code, i, due[i] = 2500, 0);
	time_now += 2500;
	wait = vm_run_timers(vm, &env);
	ok(in_order() && fired()[0] > 100 && fired()[0] < 300, "%llu of them fire, in order",
	   (unsigned long long)fired()[0]);
	ok(wait > 0 && wait < 100, "the next one is due in %lld ns", (long long)wait);
	time_now += 2500;
	is_int(vm_run_timers(vm, &env), -1, "then none is armed");
	is_int(fired()[0], NR - (NR + 6) / 7 + (NR + 13) / 14, "all others have fired");
	ok(in_order(), "in order");
	unload(&prog);
}

static void on_alarm(int sig)
{
	vm_stop(vm);
}

/* Each starts itself anew, at once. */
static void test_endless(void)
{
	struct vm_env env = {.world = &world, .cpu = -1};
	struct prog prog;
	struct vm_prog *code = load(&prog, PROGRAM FIRE "r1 = r6\nr2 = 0\nr3 = 0\n"
							"call bpf_timer_start\nr0 = 0\nexit");
	struct timespec a, b;

	for (u32 i = 0; code && i < NR; i++)
		call(code, i, 0, 0);
	is_int(vm_run_timers(vm, &env), 0, "timers that start themselves let others have a turn");
	ok(fired()[0] >= 1000 && fired()[0] < 4000, "after %llu", (unsigned long long)fired()[0]);
	signal(SIGALRM, on_alarm);
	clock_gettime(CLOCK_MONOTONIC, &a);
	ualarm(30000, 0);
	for (u32 i = 0; i < 1000000 && !vm_run_timers(vm, &env); i++)
		if (i % 16 == 0 && call(code, 0, 0, 0) < 0)
			break;
	clock_gettime(CLOCK_MONOTONIC, &b);
	ok(b.tv_sec - a.tv_sec < 3, "vm_stop ends them");
	unload(&prog);
}

int main(void)
{
	for (int i = 0; i < NR_MAPS; i++)
		map_new(&defs[i], &maps[i], &diag);
	test_order();
	test_endless();
	for (int i = 0; i < NR_MAPS; i++)
		map_put(maps[i]);
	is_int(mem_live(), 0, "nothing is left over");
	return tap_done();
}
