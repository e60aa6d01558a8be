/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arbitrary instructions behind the guard, with maps and helpers: whatever they do, nothing but an
 * answer or an error comes of it. The first byte chooses the program type, the second how raw
 * instructions are mended so that more of them are valid; the rest are instructions.
 */
#include "base/mem.h"
#include "isa/isa.h"
#include "map/map.h"
#include "spec/spec.h"
#include "vm/pkt.h"
#include "vm/run.h"
#include <stdlib.h>
#include <string.h>

#define MAX_INSNS 512

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct map *maps[12];
static struct vm_pkt *pkt;
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

/* Everything that a program may call, but what waits for somebody. */
static u16 helpers[SPEC_NR_HELPERS];
static u32 nr_helpers;
static const char *kfuncs[256];
static u32 nr_kfuncs;
static struct prog_ref refs[MAX_INSNS];
static u32 nr_refs;

static bool waits(const char *name)
{
	return strstr(name, "spin_lock");
}

static void list_calls(void)
{
	static const struct vm_kfunc *const tables[] = {kfuncs_common, kfuncs_dynptr, kfuncs_timer,
							kfuncs_obj, kfuncs_net};

	for (u32 id = 1; id < SPEC_NR_HELPERS; id++)
		if ((vm_helper_find(id, NULL) && !waits(spec_helper(id)->name)) ||
		    id == BPF_FUNC_tail_call)
			helpers[nr_helpers++] = (u16)id;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct vm_kfunc *k = tables[i]; k->name; k++)
			if (!waits(k->name) && nr_kfuncs < ARRAY_SIZE(kfuncs))
				kfuncs[nr_kfuncs++] = k->name;
}

static void mend_call(struct bpf_insn *insn, u32 i, u32 nr)
{
	insn->dst_reg = 0;
	insn->off = 0;
	insn->src_reg %= 3;
	if (insn->src_reg == 1)
		insn->imm = (s32)((u32)insn->imm % nr) - (s32)i - 1;
	else if (insn->src_reg == 0)
		insn->imm = helpers[(u32)insn->imm % nr_helpers];
	else
		refs[nr_refs++] = (struct prog_ref){.insn = i,
						    .kind = PROG_REF_KFUNC,
						    .name = kfuncs[(u32)insn->imm % nr_kfuncs]};
}

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
	if (insn->code == (BPF_JMP | BPF_CALL))
		mend_call(insn, i, nr);
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
	maps[5] = new_map(BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096);
	maps[6] = new_map(BPF_MAP_TYPE_STACK_TRACE, 4, 64, 8);
	maps[7] = new_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2);
	maps[8] = new_map(BPF_MAP_TYPE_QUEUE, 0, 16, 4);
	maps[9] = new_map(BPF_MAP_TYPE_LRU_HASH, 4, 8, 4);
	maps[10] = new_map(BPF_MAP_TYPE_DEVMAP, 4, 4, 4);
	maps[11] = new_map(BPF_MAP_TYPE_SOCKHASH, 4, 4, 4);
	list_calls();
	if (vm_pkt_new(&pkt, NULL))
		abort();
}

static void run(const struct prog *prog)
{
	struct vm_opts opts = {.max_insns = 3000};
	struct vm_mem mem = {.name = "packet",
			     .base = (uintptr_t)packet,
			     .size = sizeof(packet),
			     .flags = VM_MEM_READ};
	struct vm_env env = {.cpu = -1, .mem = {mem}, .nr_mem = 1};
	u64 ctx[32] = {(u64)packet, (u64)packet + sizeof(packet)}, ret;
	struct skep_diag diag = {0};
	struct vm_prog *code;
	struct vm *vm = NULL;

	vm_pkt_set(pkt, prog->type == BPF_PROG_TYPE_XDP ? VM_PKT_XDP : VM_PKT_SKB, packet,
		   sizeof(packet), sizeof(packet));
	pkt->may_write = true;
	pkt->protocol = 0x0008;
	pkt->mac = pkt->data - pkt->head;
	pkt->net = pkt->mac + 14;
	vm_pkt_bind(pkt, &env, ctx);
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
	nr_refs = 0;
	nr = (u32)min_u64((size - 2) / 8, MAX_INSNS);
	memcpy(insns, data + 2, nr * sizeof(*insns));
	insns[nr++] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
	prog.type = data[0] % 33;
	prog.nr_insns = nr;
	prog.refs = refs;
	if (data[1] & 3)
		mend_all(insns, nr - 1);
	insns[nr - 1] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
	prog.nr_refs = nr_refs;
	run(&prog);
	return 0;
}
