/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arbitrary instructions behind the guard, with maps and helpers: whatever they do, nothing but an
 * answer or an error comes of it. The first byte chooses the program type, the second how raw
 * instructions are mended so that more of them are valid; the rest are instructions.
 */
#include "base/mem.h"
#include "isa/isa.h"
#include "map/map.h"
#include "vm/vm.h"
#include <stdlib.h>
#include <string.h>

#define MAX_INSNS 512

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct map *maps[5];
static u8 packet[128];

static struct map *new_map(u32 type, u32 key, u32 value, u32 entries)
{
	struct map_def def = {.name = "m",
			      .type = type,
			      .key_size = key,
			      .value_size = value,
			      .max_entries = entries};
	struct map *map = NULL;

	if (map_new(&def, &map, NULL))
		abort();
	return map;
}

/* Helpers that a run of arbitrary arguments may call; others end the process or wait. */
static const u16 helpers[] = {
	BPF_FUNC_map_lookup_elem,
	BPF_FUNC_map_update_elem,
	BPF_FUNC_map_delete_elem,
	BPF_FUNC_tail_call,
	BPF_FUNC_ktime_get_ns,
	BPF_FUNC_get_prandom_u32,
	BPF_FUNC_loop,
	BPF_FUNC_for_each_map_elem,
	BPF_FUNC_probe_read_kernel,
	BPF_FUNC_strncmp,
	BPF_FUNC_snprintf,
	BPF_FUNC_ringbuf_output,
	BPF_FUNC_strtol,
	BPF_FUNC_csum_diff,
};

/* Make a near miss a hit: registers in range, fields that must be zero zero, jumps near. */
static void mend(struct bpf_insn *insn, u32 i, u32 nr)
{
	u8 class = BPF_CLASS(insn->code);

	insn->dst_reg %= 11;
	insn->src_reg %= 11;
	if (class == BPF_JMP || class == BPF_JMP32) {
		insn->off = (s16)(insn->off % 16);
		if ((s64)i + 1 + insn->off < 0 || i + 1 + insn->off >= nr)
			insn->off = 0;
	} else if (class == BPF_LDX || class == BPF_ST || class == BPF_STX) {
		insn->off = (s16)(insn->off % 64);
	}
	if (insn->code == (BPF_JMP | BPF_CALL)) {
		insn->dst_reg = 0;
		insn->off = 0;
		insn->src_reg &= 1;
		if (insn->src_reg)
			insn->imm = (s32)((u32)insn->imm % nr) - (s32)i - 1;
		else
			insn->imm = helpers[(u32)insn->imm % ARRAY_SIZE(helpers)];
	}
	for (u32 field = 0; field < 4 && isa_decode(insn, 1) == ISA_INVALID; field++) {
		struct bpf_insn better = *insn;

		if (field & 1)
			better.off = 0;
		if (field & 2)
			better.src_reg = 0;
		if (isa_decode(&better, 1) == ISA_INVALID)
			better.imm = 0;
		if (isa_decode(&better, 1) != ISA_INVALID)
			*insn = better;
	}
}

static void mend_all(struct bpf_insn *insns, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		if (insns[i].code != (BPF_LD | BPF_IMM | BPF_DW)) {
			mend(&insns[i], i, nr);
			if (isa_decode(&insns[i], 1) == ISA_INVALID)
				insns[i] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K};
			continue;
		}
		insns[i].dst_reg %= 10;
		insns[i].src_reg %= 5;
		insns[i].off = 0;
		if (insns[i].src_reg == 1 || insns[i].src_reg == 2)
			insns[i].imm = (s32)((u32)insns[i].imm % ARRAY_SIZE(maps));
		insns[i + 1] = (struct bpf_insn){.imm = insns[i + 1].imm & 7};
		if (insns[i].src_reg == 1)
			insns[i + 1].imm = 0;
		i++;
	}
}

static void set_up(void)
{
	if (maps[0])
		return;
	maps[0] = new_map(BPF_MAP_TYPE_ARRAY, 4, 12, 4);
	maps[1] = new_map(BPF_MAP_TYPE_HASH, 8, 16, 8);
	maps[2] = new_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 2);
	maps[3] = new_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4);
	maps[4] = new_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
}

static void run(const struct prog *prog)
{
	struct vm_opts opts = {.max_insns = 3000};
	struct vm_mem mem = {.name = "packet",
			     .base = (uintptr_t)packet,
			     .size = sizeof(packet),
			     .flags = VM_MEM_READ};
	struct vm_env env = {.cpu = -1, .mem = {mem}, .nr_mem = 1};
	u64 ctx[4] = {(u64)packet, (u64)packet + sizeof(packet)}, ret;
	struct skep_diag diag = {0};
	struct vm_prog *code;
	struct vm *vm = NULL;

	if (vm_new(maps, ARRAY_SIZE(maps), &opts, &vm, &diag))
		abort();
	if (!vm_prog_new(vm, prog, &code, &diag)) {
		map_prog_set(maps[3], 1, code);
		if (vm_exec(code, &env, ctx, sizeof(ctx), &ret, &diag) && !diag.message[0])
			abort(); /* an error without a reason */
		map_prog_set(maps[3], 1, NULL);
	} else if (!diag.message[0]) {
		abort();
	}
	vm_free(vm);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct bpf_insn insns[MAX_INSNS + 2];
	struct prog prog = {.name = "fuzz", .license = "GPL", .insns = insns};
	u32 nr;

	if (size < 10)
		return 0;
	set_up();
	nr = (u32)min_u64((size - 2) / 8, MAX_INSNS);
	memcpy(insns, data + 2, nr * sizeof(*insns));
	insns[nr++] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
	prog.type = data[0] % 33;
	prog.nr_insns = nr;
	if (data[1] & 3)
		mend_all(insns, nr - 1);
	insns[nr - 1] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
	run(&prog);
	return 0;
}
