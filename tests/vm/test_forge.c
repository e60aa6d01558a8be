/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Pointers that a program has made up, kept too long or stretched: each is stopped at the access.
 *
 * One case for each check of the guard (scripts/plant-faults opens the checks one by one and wants
 * this test to fail each time). The context holds addresses that a program must not get at: u64
 * words, see enum word.
 */
#include "../tap.h"
#include "base/mem.h"
#include "isa/isa.h"
#include "spec/spec.h"
#include "vm/pkt.h"
#include "vm/vm.h"
#include <errno.h>

enum { ARRAY, HASH, RDONLY, OUTER, RING, TABLE, NR_MAPS };

static const struct map_def inner_def = {.name = "inner",
					 .type = BPF_MAP_TYPE_ARRAY,
					 .key_size = 4,
					 .value_size = 8,
					 .max_entries = 2};
static const struct map_def defs[NR_MAPS] = {
	[ARRAY] = {.name = "array",
		   .type = BPF_MAP_TYPE_ARRAY,
		   .key_size = 4,
		   .value_size = 12,
		   .max_entries = 3},
	[HASH] = {.name = "hash",
		  .type = BPF_MAP_TYPE_HASH,
		  .key_size = 4,
		  .value_size = 8,
		  .max_entries = 4},
	[RDONLY] = {.name = "rdonly",
		    .type = BPF_MAP_TYPE_ARRAY,
		    .key_size = 4,
		    .value_size = 8,
		    .max_entries = 1,
		    .flags = BPF_F_RDONLY_PROG},
	[OUTER] = {.name = "outer",
		   .type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
		   .key_size = 4,
		   .value_size = 4,
		   .max_entries = 2,
		   .inner = &inner_def},
	[RING] = {.name = "ring", .type = BPF_MAP_TYPE_RINGBUF, .max_entries = 4096},
	[TABLE] = {.name = "table",
		   .type = BPF_MAP_TYPE_ARRAY,
		   .key_size = 4,
		   .value_size = 4096,
		   .max_entries = 1},
};

/* What a program finds in its context. */
enum word { W_KERNEL, W_LENT, W_INNER, W_INNER_MEM, W_HOST, W_SECRET, NR_WORDS };

static struct map *maps[NR_MAPS], *inner;
static struct skep_diag diag;
static u64 kernel[4] = {11, 12, 13, 14}, secret[2] = {31, 32};
static u64 lent[6] = {0, 0, 21, 22}; /* the middle is lent */

#define MOVE 8192 /* what a program reads to have the lent memory moved; else it is shut */

static long shut(struct vm_env *env, void *dst, size_t size, u64 addr)
{
	if (addr == MOVE)
		env->mem[0].base += 8;
	else
		env->mem[0].flags = VM_MEM_READ;
	memset(dst, 0, size);
	return 0;
}

static const struct vm_world world = {.read_user = shut};

struct fixture {
	struct vm *vm;
	struct vm_prog *code;
	struct prog prog;
	struct prog_ref refs[16];
};

/* Calls of kernel functions are numbered: 1 is bpf_obj_new_impl, 2 bpf_obj_drop_impl. */
static void name_kfuncs(struct fixture *f)
{
	static const char *const names[] = {"", "bpf_obj_new_impl", "bpf_obj_drop_impl"};
	struct prog *p = &f->prog;

	for (u32 i = 0; i < p->nr_insns; i++)
		if (p->insns[i].code == (BPF_JMP | BPF_CALL) && p->insns[i].src_reg == 2 &&
		    (u32)p->insns[i].imm < ARRAY_SIZE(names) && p->nr_refs < ARRAY_SIZE(f->refs))
			f->refs[p->nr_refs++] = (struct prog_ref){
				.insn = i, .kind = PROG_REF_KFUNC, .name = names[p->insns[i].imm]};
	p->refs = f->refs;
}

static int open_fixture(struct fixture *f, const char *text, u32 type, const struct btf *btf)
{
	struct vm_opts opts = {.max_insns = 1000000, .btf = btf};
	struct vm_mem mem = {.name = "kernel objects",
			     .base = (uintptr_t)kernel,
			     .size = sizeof(kernel),
			     .stride = 16,
			     .len = 8,
			     .flags = VM_MEM_READ | VM_MEM_ZERO_FAULT};
	int err;

	*f = (struct fixture){.prog = {.name = "forge", .type = type, .license = "GPL"}};
	skep_diag_clear(&diag);
	err = isa_asm(text, &f->prog.insns, &f->prog.nr_insns, &diag);
	if (!err)
		name_kfuncs(f);
	err = err ?: vm_new(maps, NR_MAPS, &opts, &f->vm, &diag);
	err = err ?: vm_mem_add(f->vm, &mem);
	return err ?: vm_prog_new(f->vm, &f->prog, &f->code, &diag);
}

static int run_fixture(struct fixture *f, u64 *ret)
{
	u64 host = 1,
	    ctx[NR_WORDS] = {(uintptr_t)kernel,          (uintptr_t)&lent[2], (uintptr_t)inner,
			     (uintptr_t)inner->mem.base, (uintptr_t)&host,    (uintptr_t)secret};
	struct vm_env env = {.cpu = -1, .world = &world, .nr_mem = 1};

	env.mem[0] = (struct vm_mem){.name = "lent memory",
				     .base = (uintptr_t)&lent[2],
				     .size = 16,
				     .flags = VM_MEM_READ | VM_MEM_WRITE};
	*ret = 0;
	return vm_exec(f->code, &env, ctx, sizeof(ctx), ret, &diag);
}

static struct btf *types;

static int run(const char *text, u32 type, u64 *ret)
{
	struct fixture f;
	int err = open_fixture(&f, text, type, types);

	err = err ?: run_fixture(&f, ret);
	vm_free(f.vm);
	mem_free(f.prog.insns);
	return err;
}

struct forged {
	u32 type;
	const char *what, *text;
	const char *says; /* NULL: it is allowed, and gives `want` */
	s64 want;
};
#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* most cases want nothing */

#define KPROBE    SPEC_PROG_KPROBE
#define TRACING   SPEC_PROG_TRACING
#define END       "\nr0 = 0\nexit\n"
#define W(word)   "r1 = *(u64 *)(r1 +" #word ")\n"
#define KEY       "*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\n"
#define FIND(map) KEY "r1 = map[id:" #map "]\ncall bpf_map_lookup_elem#1\nif r0 == 0 goto none\n"
#define NONE      "exit\nnone: r0 = -1\nexit\n"
#define PUT(map)                                                                                   \
	KEY "r1 = map[id:" #map "]\nr3 = r10\nr3 += -16\nr4 = 0\n"                                 \
	    "*(u64 *)(r10 -16) = 5\ncall bpf_map_update_elem#2\n"
#define RESERVE                                                                                    \
	"r1 = map[id:4]\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve#131\n"                          \
	"if r0 == 0 goto none\nr6 = r0\n"
#define SUBMIT "r1 = r6\nr2 = 0\ncall bpf_ringbuf_submit#132\n"
#define NEW    "r1 = 2\nr2 = 0\ncall kernel-function#1\nif r0 == 0 goto none\nr6 = r0\n"
#define DROP   "r1 = r6\nr2 = 0\ncall kernel-function#2\n"

static const struct forged cases[] = {
	/* numbers */
	{KPROBE, "a number", "r1 = 0x7fff12345678\nr0 = *(u8 *)(r1 +0)" END, "no memory"},
	{KPROBE, "NULL", "r1 = 0\nr0 = *(u8 *)(r1 +8)" END, "NULL pointer"},
	{KPROBE, "the host's stack", W(32) "r0 = *(u64 *)(r1 +0)" END, "no memory"},
	{KPROBE, "the host's data", W(40) "*(u64 *)(r1 +0) = 1" END, "write of 8 bytes"},
	{TRACING, "NULL where loads may fail", "r1 = 0\nr0 = *(u8 *)(r1 +8)\nexit", NULL, 0},
	{TRACING, "the last byte near NULL", "r1 = 0xffff\nr0 = *(u8 *)(r1 +0)\nexit", NULL, 0},
	{TRACING, "one further", "r1 = 0x10000\nr0 = *(u8 *)(r1 +0)" END, "no memory"},
	{TRACING, "a store to NULL", "r1 = 0\n*(u8 *)(r1 +8) = 1" END, "write of 1 bytes"},
	/* the stack */
	{KPROBE, "the first byte above the stack", "r0 = *(u8 *)(r10 +0)" END, "on the stack"},
	{KPROBE, "the first byte below it", "r0 = *(u8 *)(r10 -513)" END, "on the stack"},
	{KPROBE, "half above", "r0 = *(u64 *)(r10 -4)" END, "on the stack"},
	{KPROBE, "a frame that is gone",
	 "call f\nr0 = *(u64 *)(r0 +0)" END "f: r0 = r10\nr0 += -8\nexit", "on the stack"},
	{KPROBE, "a frame that is gone, for a helper",
	 "call f\nr1 = r0\nr2 = 8\ncall bpf_get_current_comm#16" END "f: r0 = r10\nr0 += -8\nexit",
	 "argument 1 must be writable memory"},
	{KPROBE, "a buffer that reaches into the caller's frame",
	 "call f" END "f: r1 = r10\nr1 += -8\nr2 = 16\ncall bpf_get_current_comm#16" END,
	 "argument 1 must be writable memory"},
	{KPROBE, "a buffer in the caller's frame",
	 "r1 = r10\nr1 += -16\ncall f\nexit\nf: r2 = 16\ncall bpf_get_current_comm#16\nexit", NULL,
	 0},
	{KPROBE, "a buffer above the first frame",
	 "r1 = r10\nr2 = 8\ncall bpf_get_current_comm#16" END,
	 "argument 1 must be writable memory"},
	/* maps */
	{KPROBE, "a byte behind a value", FIND(0) "r0 = *(u8 *)(r0 +12)\n" NONE, "offset 12 of a"},
	{KPROBE, "half behind it", FIND(0) "r0 = *(u32 *)(r0 +9)\n" NONE, "offset 9 of a value"},
	{KPROBE, "a byte before it", FIND(0) "r0 = *(u8 *)(r0 -1)\n" NONE, "read of 1 bytes"},
	{KPROBE, "a byte behind all of them", FIND(0) "r0 = *(u8 *)(r0 +48)\n" NONE, "read of 1"},
	{KPROBE, "the last byte of the next", FIND(0) "r0 = *(u8 *)(r0 +27)\n" NONE, NULL, 0},
	{KPROBE, "a value for a helper, too long",
	 FIND(0) "r1 = r0\nr2 = 13\ncall bpf_get_current_comm#16\n" NONE, "argument 1 must be"},
	{KPROBE, "a key's place in a hash table", PUT(1) FIND(1) "*(u32 *)(r0 -8) = 7\n" NONE,
	 "write of 4 bytes"},
	{KPROBE, "a value that was deleted still has its bounds",
	 PUT(1) FIND(1) "r6 = r0\n" KEY "r1 = map[id:1]\ncall bpf_map_delete_elem#3\n"
			"r0 = *(u8 *)(r6 +8)\n" NONE,
	 "read of 1 bytes"},
	{KPROBE, "a store to a map that is read-only", FIND(2) "*(u8 *)(r0 +0) = 1\n" NONE,
	 "is read-only"},
	{KPROBE, "an addition to it", FIND(2) "r1 = 1\nlock *(u64 *)(r0 +0) += r1\n" NONE,
	 "is read-only"},
	{KPROBE, "it, for a helper that writes",
	 FIND(2) "r1 = r0\nr2 = 8\ncall bpf_get_current_comm#16\n" NONE, "must be writable"},
	{KPROBE, "a map's own memory", "r1 = map[id:0]\nr0 = *(u8 *)(r1 +0)" END, "no memory"},
	{KPROBE, "one instruction, first at a value, then at a shorter rest",
	 FIND(0) "r6 = r0\nr7 = 2\nagain: r0 = *(u32 *)(r6 +0)\nr6 += 9\nr7 += -1\n"
		 "if r7 != 0 goto again\n" NONE,
	 "offset 9 of a value"},
	/* maps of maps */
	{KPROBE, "an inner map that nobody looked up", W(16) KEY "call bpf_map_lookup_elem#1" END,
	 "argument 1 must be a map"},
	{KPROBE, "its memory", W(24) "r0 = *(u64 *)(r1 +0)" END, "no memory"},
	{KPROBE, "an inner map that was looked up",
	 FIND(3) "r1 = r0\n" KEY "call bpf_map_lookup_elem#1\nif r0 == 0 goto none\n"
		 "r0 = *(u64 *)(r0 +0)\n" NONE,
	 NULL, 0},
	{KPROBE, "a byte behind its value",
	 FIND(3) "r1 = r0\n" KEY "call bpf_map_lookup_elem#1\nif r0 == 0 goto none\n"
		 "r0 = *(u8 *)(r0 +16)\n" NONE,
	 "read of 1 bytes"},
	{KPROBE, "a map in a map's value",
	 FIND(0) "r1 = r0\n" KEY "call bpf_map_lookup_elem#1\n" NONE, "argument 1 must be a map"},
	{KPROBE, "a map for a tail call, made up",
	 W(16) "r2 = r1\nr3 = 0\ncall bpf_tail_call#12" END, "argument 2 must be a map"},
	{KPROBE, "a number, where inner maps are known",
	 FIND(3) "r1 = r0\nr1 += 8\n" KEY "call bpf_map_lookup_elem#1\n" NONE,
	 "argument 1 must be a map"},
	/* the context and what a hook lends */
	{KPROBE, "behind the context", "r0 = *(u8 *)(r1 +48)" END, "offset 48 of the context"},
	{KPROBE, "half behind it", "r0 = *(u64 *)(r1 +41)" END, "offset 41 of the context"},
	{KPROBE, "before it", "r0 = *(u8 *)(r1 -1)" END, "read of 1 bytes"},
	{KPROBE, "behind what is lent", W(8) "r0 = *(u8 *)(r1 +16)" END,
	 "offset 16 of lent memory"},
	{KPROBE, "a store to what was lent for writing before",
	 "r6 = *(u64 *)(r1 +8)\nr7 = 2\nagain: *(u64 *)(r6 +0) = 1\nr1 = r10\nr1 += -8\nr2 = 8\n"
	 "r3 = 4096\ncall bpf_probe_read_user#112\nr7 += -1\nif r7 != 0 goto again" END,
	 "is read-only"},
	{KPROBE, "a load from what was lent before it moved",
	 "r6 = *(u64 *)(r1 +8)\nr7 = 2\nagain: r0 = *(u64 *)(r6 +0)\nr1 = r10\nr1 += -8\nr2 = 8\n"
	 "r3 = 8192\ncall bpf_probe_read_user#112\nr7 += -1\nif r7 != 0 goto again" END,
	 "read of 8 bytes"},
	/* kernel objects */
	{TRACING, "a kernel object", "r1 = *(u64 *)(r1 +0)\nr0 = *(u64 *)(r1 +16)\nexit", NULL, 13},
	{TRACING, "between two", "r1 = *(u64 *)(r1 +0)\nr0 = *(u64 *)(r1 +8)\nexit", NULL, 0},
	{TRACING, "a store to one", W(0) "*(u64 *)(r1 +16) = 1" END, "is read-only"},
	{TRACING, "a store between", W(0) "*(u64 *)(r1 +8) = 1" END, "is read-only"},
	{TRACING, "behind all", W(0) "r0 = *(u64 *)(r1 +32)" END, "of kernel objects"},
	/* ring buffers */
	{KPROBE, "a record", RESERVE "*(u64 *)(r6 +8) = 1\n" SUBMIT "r0 = 0\n" NONE, NULL, 0},
	{KPROBE, "a byte behind it", RESERVE "*(u8 *)(r6 +16) = 1\n" SUBMIT NONE,
	 "offset 16 of a record of map ring"},
	{KPROBE, "half behind it", RESERVE "*(u64 *)(r6 +9) = 1\n" SUBMIT NONE,
	 "offset 9 of a record of map ring"},
	{KPROBE, "its header", RESERVE "*(u32 *)(r6 -8) = 1\n" SUBMIT NONE, "no record"},
	{KPROBE, "a record that was submitted",
	 RESERVE "r7 = 2\nagain: *(u64 *)(r6 +0) = 1\nif r7 == 1 goto none\nr7 += -1\n" SUBMIT
		 "goto again\n" NONE,
	 "no record"},
	{KPROBE, "one submitted twice", RESERVE SUBMIT SUBMIT NONE, "is not a record"},
	{KPROBE, "the middle of one, submitted", RESERVE "r6 += 8\n" SUBMIT NONE,
	 "is not a record"},
	{KPROBE, "memory of a map, submitted", FIND(0) "r6 = r0\n" SUBMIT NONE, "is not a record"},
	{KPROBE, "more records than a run may hold",
	 "r7 = 80\nagain: " RESERVE "r7 += -1\nif r7 != 0 goto again\n" NONE,
	 "more than 64 records"},
	/* allocated objects */
	{TRACING, "an object",
	 NEW "*(u64 *)(r6 +0) = 3\nr7 = *(u64 *)(r6 +0)\n" DROP "r0 = r7\n" NONE, NULL, 3},
	{TRACING, "behind it", NEW "r0 = *(u8 *)(r6 +16)\n" NONE, "object"},
	{TRACING, "before it", NEW "r0 = *(u8 *)(r6 -1)\n" NONE, "read of 1 bytes"},
	{TRACING, "one that was dropped",
	 NEW "r7 = 2\nagain: *(u64 *)(r6 +0) = 1\nif r7 == 1 goto none\nr7 += -1\n" DROP
	     "goto again\n" NONE,
	 "object"},
	{TRACING, "one dropped twice", NEW DROP DROP NONE, "no allocated object"},
	{TRACING, "the middle of one, dropped", NEW "r6 += 8\n" DROP NONE, "no allocated object"},
	/* functions */
	{KPROBE, "a number for a callback",
	 "r1 = 1\nr2 = 0x12340\nr3 = 0\nr4 = 0\ncall bpf_loop#181" END, "no function"},
	{KPROBE, "the middle of a function",
	 "r1 = 1\nr2 = subprog[f]\nr2 += 8\nr3 = 0\nr4 = 0\ncall bpf_loop#181" END
	 "f: r0 = 0\nr0 = 0\nexit",
	 "no function"},
	{KPROBE, "an instruction that no callback begins with",
	 "r1 = 1\nr2 = subprog[f]\nr2 += 16\nr3 = 0\nr4 = 0\ncall bpf_loop#181" END
	 "f: r0 = 0\nr0 = 0\nexit",
	 "no function"},
	{KPROBE, "a function's memory", "r1 = subprog[f]\nr0 = *(u64 *)(r1 +0)" END "f:" END,
	 "no memory"},
	{KPROBE, "a key of a callback that has ended",
	 "r1 = map[id:0]\nr2 = subprog[f]\nr3 = r10\nr3 += -8\nr4 = 0\n"
	 "call bpf_for_each_map_elem#164\nr1 = *(u64 *)(r10 -8)\nr0 = *(u32 *)(r1 +0)" END
	 "f: *(u64 *)(r4 +0) = r2\nr0 = 1\nexit",
	 "no memory"},
	{KPROBE, "a store to a callback's key",
	 "r1 = map[id:0]\nr2 = subprog[f]\nr3 = 0\nr4 = 0\ncall bpf_for_each_map_elem#164" END
	 "f: *(u32 *)(r2 +0) = 1\nr0 = 1\nexit",
	 "is read-only"},
	{KPROBE, "a callback's key, one byte further",
	 "r1 = map[id:0]\nr2 = subprog[f]\nr3 = 0\nr4 = 0\ncall bpf_for_each_map_elem#164" END
	 "f: r0 = *(u8 *)(r2 +4)\nr0 = 1\nexit",
	 "offset 4 of the key"},
};

static void test_cases(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct forged *c = &cases[i];
		u64 ret;
		int err = run(c->text, c->type, &ret);

		if (c->says ? !ok(err == -EFAULT && strstr(diag.message, c->says), "%s", c->what)
			    : !ok(!err && (s64)ret == c->want, "%s: allowed", c->what))
			printf("# %d, %lld: %s: %s\n", err, (long long)ret, diag.where,
			       diag.message);
	}
}

/* --- records and runs ------------------------------------------------------------------------ */

static int count_record(void *ctx, u32 cpu, const void *data, size_t size)
{
	++*(int *)ctx;
	return 0;
}

static void test_records(void)
{
	static const char keep[] = RESERVE "r7 = map[id:5][0]+0\n*(u64 *)(r7 +0) = r6\n"
					   "r1 = 0\nr0 = *(u64 *)(r1 +0)\n" NONE;
	static const char use[] = "r7 = map[id:5][0]+0\nr6 = *(u64 *)(r7 +0)\n"
				  "*(u64 *)(r6 +0) = 1" END;
	static const char send[] = RESERVE SUBMIT "r0 = 0\n" NONE;
	int nr = 0;
	u64 ret;

	while (ringbuf_consume(maps[RING], count_record, &nr) > 0)
		;
	nr = 0;
	is_int(run(keep, KPROBE, &ret), -EFAULT, "a run that ends with a record in its hands");
	is_int(run(use, KPROBE, &ret), -EFAULT, "the next run cannot use it");
	is_int(run(send, KPROBE, &ret), 0, "but can send one of its own");
	is_int(ringbuf_consume(maps[RING], count_record, &nr), 1, "which arrives");
}

/* --- packets --------------------------------------------------------------------------------- */

static int run_xdp(const char *text, u64 *ret)
{
	static const u8 bytes[64] = {1, 2, 3};
	struct vm_env env = {.cpu = -1};
	struct xdp_md md = {0};
	struct fixture f;
	struct vm_pkt *pkt;
	int err = open_fixture(&f, text, SPEC_PROG_XDP, NULL);

	*ret = 0;
	err = err ?: vm_pkt_new(&pkt, &diag);
	if (!err) {
		vm_pkt_set(pkt, VM_PKT_XDP, bytes, sizeof(bytes), sizeof(bytes));
		pkt->may_write = true;
		vm_pkt_bind(pkt, &env, &md);
		err = vm_exec(f.code, &env, &md, sizeof(md), ret, &diag);
		vm_pkt_free(pkt);
	}
	vm_free(f.vm);
	mem_free(f.prog.insns);
	return err;
}

#define PKT            "r9 = r1\nr6 = *(u32 *)(r1 +0)\nr7 = *(u32 *)(r1 +4)\n"
#define ADJUST(nr, by) "r1 = r9\nr2 = " #by "\ncall " nr "\n"
#define TWICE(at, change)                                                                          \
	PKT "r8 = 2\nagain: r0 = *(u8 *)(" at ")\nif r8 == 1 goto out\nr8 += -1\n" change          \
	    "goto again\nout: r0 = 2\nexit"

static const struct forged packets[] = {
	{0, "the packet", PKT "r0 = *(u8 *)(r6 +2)\nexit", NULL, 3},
	{0, "its last byte", PKT "r0 = *(u8 *)(r7 -1)\nexit", NULL, 0},
	{0, "behind it", PKT "r0 = *(u8 *)(r7 +0)\nexit", "offset 64 of packet"},
	{0, "half behind it", PKT "r0 = *(u32 *)(r7 -3)\nexit", "offset 61 of packet"},
	{0, "before it", PKT "r0 = *(u8 *)(r6 -1)\nexit", "read of 1 bytes"},
	{0, "its front, after it was cut off", TWICE("r6 +0", ADJUST("bpf_xdp_adjust_head#44", 14)),
	 "read of 1 bytes"},
	{0, "its end, after it was cut off", TWICE("r7 -1", ADJUST("bpf_xdp_adjust_tail#65", -4)),
	 "of packet"},
	{0, "the context, behind its end", "r0 = *(u32 *)(r1 +24)\nexit",
	 "offset 24 of the context"},
};

static void test_packets(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		const struct forged *c = &packets[i];
		u64 ret;
		int err = run_xdp(c->text, &ret);

		if (c->says ? !ok(err == -EFAULT && strstr(diag.message, c->says), "%s", c->what)
			    : !ok(!err && (s64)ret == c->want, "%s: allowed", c->what))
			printf("# %d, %lld: %s: %s\n", err, (long long)ret, diag.where,
			       diag.message);
	}
}

/* --- the table of regions -------------------------------------------------------------------- */

static int add(struct vm *vm, u64 base, u64 size)
{
	struct vm_mem mem = {.name = "m", .base = base, .size = size, .flags = VM_MEM_READ};

	return vm_mem_add(vm, &mem);
}

static void test_regions(void)
{
	struct vm *vm = NULL;

	vm_new(NULL, 0, NULL, &vm, NULL);
	is_int(add(vm, 0x1000, 0x100), 0, "memory");
	is_int(add(vm, 0x10ff, 0x10), -EEXIST, "that begins in it");
	is_int(add(vm, 0xff1, 0x10), -EEXIST, "that ends in it");
	is_int(add(vm, 0x1100, 0x10), 0, "behind it");
	is_int(add(vm, 0xff0, 0x10), 0, "before it");
	is_int(add(vm, -0x10ull, 0x20), -EINVAL, "around the end of all addresses");
	is_int(add(vm, 0x3000, 0), 0, "of no bytes");
	vm_free(vm);
}

int main(void)
{
	u32 key = 0;
	int err = map_new(&inner_def, &inner, &diag);

	for (int i = 0; i < NR_MAPS && !err; i++)
		err = map_new(&defs[i], &maps[i], &diag);
	err = err ?: map_inner_set(maps[OUTER], &key, inner, 0);
	types = btf__new_empty();
	if (btf__add_int(types, "long", 8, BTF_INT_SIGNED) != 1 ||
	    btf__add_struct(types, "pair", 16) != 2 || btf__add_field(types, "a", 1, 0, 0))
		err = -ENOMEM;
	if (ok(!err, "maps and types")) {
		test_cases();
		test_records();
		test_packets();
		test_regions();
	} else {
		printf("# %s: %s\n", diag.where, diag.message);
	}
	for (int i = 0; i < NR_MAPS; i++)
		map_put(maps[i]);
	map_put(inner);
	btf__free(types);
	is_int(mem_live(), 0, "nothing is left over");
	return tap_done();
}
