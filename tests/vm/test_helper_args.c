/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Arguments that do not fit a helper end the run, and the fault says which and why. */
#include "../tap.h"
#include "base/mem.h"
#include "isa/isa.h"
#include "spec/spec.h"
#include "vm/vm.h"
#include <errno.h>

enum { ARRAY, HASH, RING, TIMERS, RDONLY, QUEUE, PERF, NR_MAPS };

static const struct map_def defs[NR_MAPS] = {
	[ARRAY] = {.name = "array",
		   .type = BPF_MAP_TYPE_ARRAY,
		   .key_size = 4,
		   .value_size = 64,
		   .max_entries = 2},
	[HASH] = {.name = "hash",
		  .type = BPF_MAP_TYPE_HASH,
		  .key_size = 8,
		  .value_size = 16,
		  .max_entries = 4},
	[RING] = {.name = "ring", .type = BPF_MAP_TYPE_RINGBUF, .max_entries = 4096},
	[TIMERS] = {.name = "timers",
		    .type = BPF_MAP_TYPE_ARRAY,
		    .key_size = 4,
		    .value_size = 32,
		    .max_entries = 2,
		    .nr_fields = 1,
		    .fields = {{MAP_FIELD_TIMER, 8, 16}}},
	[RDONLY] = {.name = "rdonly",
		    .type = BPF_MAP_TYPE_ARRAY,
		    .key_size = 4,
		    .value_size = 8,
		    .max_entries = 1,
		    .flags = BPF_F_RDONLY_PROG},
	[QUEUE] = {.name = "queue", .type = BPF_MAP_TYPE_QUEUE, .value_size = 8, .max_entries = 2},
	[PERF] = {.name = "perf",
		  .type = BPF_MAP_TYPE_PERF_EVENT_ARRAY,
		  .key_size = 4,
		  .value_size = 4,
		  .max_entries = 2},
};

static struct map *maps[NR_MAPS];
static struct vm *vm;
static struct skep_diag diag;
static struct bpf_insn *kept[64]; /* instructions live as long as the vm */
static u32 nr_kept;

static const char *license = "GPL";

static int run(const char *text, u64 *ret)
{
	struct prog prog = {.name = "test", .type = SPEC_PROG_KPROBE, .license = license};
	struct vm_prog *code;
	u64 ctx[4] = {0};
	int err;

	skep_diag_clear(&diag);
	err = isa_asm(text, &prog.insns, &prog.nr_insns, &diag);
	if (!err && nr_kept < ARRAY_SIZE(kept))
		kept[nr_kept++] = prog.insns;
	err = err ?: vm_prog_new(vm, &prog, &code, &diag);
	return err ?: vm_exec(code, NULL, ctx, sizeof(ctx), ret, &diag);
}

struct fault {
	const char *what, *text, *says;
};

#define EXIT "\nr0 = 0\nexit"

static const struct fault faults[] = {
	{"no map", "r1 = 0\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem#1" EXIT,
	 "bpf_map_lookup_elem: argument 1 must be a map"},
	{"a number for a map", "r1 = 77\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem#1" EXIT,
	 "argument 1 must be a map, it is 0x4d"},
	{"no key", "r1 = map[id:0]\nr2 = 0\ncall bpf_map_lookup_elem#1" EXIT,
	 "argument 2 must be memory that holds a key of the map"},
	{"half a key", "r1 = map[id:1]\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem#1" EXIT,
	 "argument 2 must be memory that holds a key"},
	{"half a value",
	 "r1 = map[id:0]\nr2 = r10\nr2 += -8\n*(u64 *)(r10 -8) = 0\nr3 = r10\nr3 += -56\nr4 = 0\n"
	 "call bpf_map_update_elem#2" EXIT,
	 "argument 3 must be memory that holds a value"},
	{"lookup in a ring buffer",
	 "r1 = map[id:2]\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem#1" EXIT,
	 "map ring of type ringbuf is not for it"},
	{"a record in an array",
	 "r1 = map[id:0]\nr2 = 8\nr3 = 0\ncall bpf_ringbuf_reserve#131" EXIT,
	 "map array of type array is not for it"},
	{"an update of what is read-only",
	 "r1 = map[id:4]\nr2 = r10\nr2 += -8\n*(u64 *)(r10 -8) = 0\nr3 = r2\nr4 = 0\n"
	 "call bpf_map_update_elem#2" EXIT,
	 "map rdonly is read-only for programs"},
	{"push to a hash table",
	 "r1 = map[id:1]\nr2 = r10\nr2 += -16\nr3 = 0\ncall bpf_map_push_elem#87" EXIT,
	 "map hash of type hash is not for it"},
	{"a size of 0", "r1 = r10\nr1 += -16\nr2 = 0\ncall bpf_get_current_comm#16" EXIT,
	 "argument 2 must be a size of at least 1"},
	{"a size that is too large",
	 "r1 = r10\nr1 += -16\nr2 = 17\ncall bpf_get_current_comm#16" EXIT,
	 "argument 1 must be writable memory of 17 bytes"},
	{"a negative size",
	 "r1 = r10\nr1 += -16\nr2 = -1\nr3 = 0\ncall bpf_probe_read_user#112" EXIT,
	 "argument 1 must be writable memory of 18446744073709551615 bytes"},
	{"a read-only destination",
	 "r1 = map[id:4][0]+0\nr2 = 8\nr3 = 0\ncall bpf_probe_read_user#112" EXIT,
	 "argument 1 must be writable memory of 8 bytes"},
	{"another context",
	 "r1 = r10\nr2 = map[id:6]\nr3 = 0\nr4 = r10\nr4 += -8\nr5 = 8\n"
	 "call bpf_perf_event_output#25" EXIT,
	 "argument 1 must be the program's context"},
	{"a timer that is none",
	 "r1 = map[id:3][0]+0\nr2 = map[id:3]\nr3 = 1\ncall bpf_timer_init#169" EXIT,
	 "argument 1 must be a struct bpf_timer in a map value"},
	{"another map's timer",
	 "r1 = map[id:3][0]+8\nr2 = map[id:0]\nr3 = 1\ncall bpf_timer_init#169" EXIT,
	 "must be a struct bpf_timer in a value of the map"},
	{"a lock that is none", "r1 = map[id:0][0]+0\ncall bpf_spin_lock#93" EXIT,
	 "argument 1 must be a struct bpf_spin_lock"},
	{"a string without an end",
	 "r1 = r10\nr1 += -8\nr2 = 8\nr3 = r10\nr3 += -8\n*(u64 *)(r10 -8) = -1\n"
	 "call bpf_strncmp#182" EXIT,
	 "argument 3 must be a NUL-terminated string"},
	{"a misaligned number",
	 "*(u64 *)(r10 -8) = 0\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -15\n"
	 "call bpf_strtol#105" EXIT,
	 "argument 4 must be writable, aligned memory"},
	{"a record that was never reserved",
	 "r1 = map[id:0][0]+0\nr2 = 0\ncall bpf_ringbuf_submit#132" EXIT,
	 "is not a record from bpf_ringbuf_reserve"},
	{"a callback that is no function",
	 "r1 = 1\nr2 = 12345\nr3 = 0\nr4 = 0\ncall bpf_loop#181" EXIT,
	 "0x3039 is no function of this program"},
	{"a dynptr of wild memory",
	 "*(u64 *)(r10 -16) = 4096\nr1 = 268435460\n*(u64 *)(r10 -8) = r1\nr1 = r10\nr1 += -32\n"
	 "r2 = 4\nr3 = r10\nr3 += -16\nr4 = 0\nr5 = 0\ncall bpf_dynptr_read#201" EXIT,
	 "are not the program's"},
	{"a dynptr of another packet",
	 "*(u64 *)(r10 -16) = 4096\nr1 = 805306372\n*(u64 *)(r10 -8) = r1\nr1 = r10\nr1 += -32\n"
	 "r2 = 4\nr3 = r10\nr3 += -16\nr4 = 0\nr5 = 0\ncall bpf_dynptr_read#201" EXIT,
	 "not of this packet"},
	{"a dynptr that is not from a ring buffer",
	 "*(u64 *)(r10 -16) = 4096\nr1 = 268435460\n*(u64 *)(r10 -8) = r1\nr1 = r10\nr1 += -16\n"
	 "r2 = 0\ncall bpf_ringbuf_submit_dynptr#199" EXIT,
	 "not of bpf_ringbuf_reserve_dynptr"},
};

static void test_faults(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		u64 ret;
		int err = run(faults[i].text, &ret);

		is_int(err, -EFAULT, "%s", faults[i].what);
		if (!ok(strstr(diag.message, faults[i].says), " says \"%s\"", faults[i].says))
			printf("# %s: %s\n", diag.where, diag.message);
	}
}

static void gives(const char *what, const char *text, s64 want)
{
	u64 ret = 0;
	int err = run(text, &ret);

	if (err)
		printf("# %s: %s\n", diag.where, diag.message);
	is_int(err ? err : (s64)ret, want, "%s", what);
}

static void test_good(void)
{
	gives("no memory of no size", "r1 = 0\nr2 = 0\nr3 = 0\ncall bpf_probe_read_user#112\nexit",
	      0);
	gives("an element",
	      "*(u32 *)(r10 -4) = 1\nr1 = map[id:0]\nr2 = r10\nr2 += -4\n"
	      "call bpf_map_lookup_elem#1\nif r0 == 0 goto out\nr0 = 7\nout: exit",
	      7);
	gives("an element that is not",
	      "*(u32 *)(r10 -4) = 2\nr1 = map[id:0]\nr2 = r10\nr2 += -4\n"
	      "call bpf_map_lookup_elem#1\nexit",
	      0);
	gives("an update",
	      "r1 = map[id:1]\nr2 = r10\nr2 += -8\n*(u64 *)(r10 -8) = 5\nr3 = r10\nr3 += -32\nr4 = "
	      "0\n"
	      "call bpf_map_update_elem#2\nexit",
	      0);
	gives("a key of the stack",
	      "*(u64 *)(r10 -8) = 5\nr1 = map[id:1]\nr2 = r10\nr2 += -8\n"
	      "call bpf_map_delete_elem#3\nexit",
	      0);
}

static void test_refused(void)
{
	u64 ret;

	is_int(run("r2 = 4\ncall bpf_xdp_adjust_head#44\nexit", &ret), -EFAULT,
	       "a helper that the program's type does not have");
	ok(strstr(diag.message, "program of this type cannot use helper bpf_xdp_adjust_head#44"),
	   "in the kernel's words");
	license = "Proprietary";
	is_int(run("call bpf_get_current_task#35\nexit", &ret), -EFAULT,
	       "a helper that is not for such a license");
	ok(strstr(diag.message, "cannot call GPL-restricted function"), "in the kernel's words");
	is_int(run("call bpf_ktime_get_ns#5\nexit", &ret), 0, "one that is");
	license = "GPL";

	is_int(run("r1 = 0\nr2 = 0\nr3 = 0\ncall bpf_sys_bpf#166\nexit", &ret), -EOPNOTSUPP,
	       "bpf_sys_bpf is refused when the program is loaded");
	if (!ok(strstr(diag.message, "bpf_sys_bpf: it is for programs that load other programs"),
		"by name and with a reason"))
		printf("# %s: %s\n", diag.where, diag.message);
}

int main(void)
{
	int err = 0;

	for (int i = 0; i < NR_MAPS && !err; i++)
		err = map_new(&defs[i], &maps[i], &diag);
	err = err ?: vm_new(maps, NR_MAPS, NULL, &vm, &diag);
	if (ok(!err, "a machine")) {
		test_faults();
		test_good();
		test_refused();
	} else {
		printf("# %s\n", diag.message);
	}
	vm_free(vm);
	while (nr_kept)
		mem_free(kept[--nr_kept]);
	for (int i = 0; i < NR_MAPS; i++)
		map_put(maps[i]);
	return tap_done();
}
