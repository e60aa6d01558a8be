/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Any instructions give a verdict: random ones, random but plausible ones, and programs whose n-th
 * allocation fails. What is accepted keeps its promise: no test here runs it, but the instructions
 * that it has must be ones that the interpreter knows.
 */
#include "../tap.h"
#include "base/mem.h"
#include "isa/row.h"
#include "spec/spec.h"
#include "verifier/verify.h"
#include <errno.h>

static u64 seed = 42;

static u32 rnd(u32 below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(seed >> 33) % below;
}

static struct map_def def = {
	.name = "m", .type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 48, .max_entries = 1};
static struct verify_map maps[] = {{&def, NULL, 0}};

static void random_bytes(struct bpf_insn *in)
{
	u64 x = (u64)rnd(1u << 31) << 33 ^ (u64)rnd(1u << 31) << 11 ^ rnd(1u << 20);

	memcpy(in, &x, sizeof(*in));
}

/* A row of the ISA with fields that fit it, most of the time. */
static void plausible(struct bpf_insn *in, u32 nr)
{
	const struct isa_row *row = &isa_rows[1 + rnd(ISA_NR_OPS - 1)];

	in->code = row->code;
	in->dst_reg = isa_rule(row->dst) == ISA_IS ? (s32)row->dst & 15 : rnd(11) & 15;
	in->src_reg = isa_rule(row->src) == ISA_IS ? (s32)row->src & 15 : rnd(11) & 15;
	in->off = isa_rule(row->off) == ISA_IS    ? (s16)row->off
		  : isa_rule(row->off) == ISA_REL ? (s16)((s32)rnd(nr) - (s32)(nr / 4))
						  : (s16)((s32)rnd(16) * -8);
	in->imm = isa_rule(row->imm) == ISA_IS ? (s32)row->imm : (s32)rnd(200) - 20;
}

static u32 make(struct bpf_insn *insns, u32 max, bool wild)
{
	u32 nr = 2 + rnd(max - 4);

	for (u32 i = 0; i < nr; i++) {
		if (wild)
			random_bytes(&insns[i]);
		else
			plausible(&insns[i], nr);
		if (!wild && isa_nr_slots(&insns[i]) == 2 && i + 1 < nr)
			memset(&insns[++i], 0, sizeof(*insns));
	}
	/* The registers are initialised, so that more than the first instruction is seen. */
	for (u32 i = 2; !wild && i < 10 && i < nr && rnd(8); i++)
		insns[i - 2] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K,
						 .dst_reg = i & 15,
						 .imm = (s32)rnd(64)};
	insns[nr++] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K};
	insns[nr++] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
	return nr;
}

/* Every number of a map is one that a relocation wrote. */
static u32 find_refs(const struct bpf_insn *insns, u32 nr, struct prog_ref *refs)
{
	u32 nr_refs = 0;

	for (u32 i = 0; i < nr; i++)
		if (insns[i].code == (BPF_LD | BPF_IMM | BPF_DW) && insns[i].src_reg)
			refs[nr_refs++] = (struct prog_ref){
				.insn = i, .kind = PROG_REF_MAP, .idx = (u32)insns[i].imm};
	return nr_refs;
}

static struct verify_result *judge(struct bpf_insn *insns, u32 nr, u32 type, u32 level)
{
	struct prog_ref refs[64];
	struct prog p = {.name = "p",
			 .section = "",
			 .target = "",
			 .type = type,
			 .license = "GPL",
			 .insns = insns,
			 .nr_insns = nr,
			 .refs = refs,
			 .nr_refs = find_refs(insns, nr, refs)};
	struct verify_opts vo = {.maps = maps, .nr_maps = 1, .log_level = level};
	struct verify_result *r = NULL;

	return verify(&p, &vo, &r, NULL) ? NULL : r;
}

static void test_random(bool wild, int rounds)
{
	static const u32 types[] = {SPEC_PROG_SOCKET_FILTER, SPEC_PROG_XDP, SPEC_PROG_SCHED_CLS,
				    SPEC_PROG_KPROBE};
	struct bpf_insn insns[64];
	int none = 0, odd = 0, accepted = 0;

	for (int i = 0; i < rounds; i++) {
		u32 nr = make(insns, 40, wild);
		struct verify_result *r = judge(insns, nr, types[rnd(4)], rnd(3));

		none += !r;
		odd += r && r->err && (!r->message[0] || !r->id[0]);
		if (r && !r->err) {
			accepted++;
			for (u32 n = 0; n < nr; n += isa_nr_slots(&insns[n]))
				odd += r->facts[n].seen && !isa_decode(&insns[n], nr - n);
		}
		verify_result_free(r);
	}
	is_int(none, 0, "%s programs have a verdict", wild ? "wild" : "plausible");
	is_int(odd, 0, "every refusal has words, and what is accepted is known");
	ok(wild || accepted, "%d of %d are accepted", accepted, rounds);
}

/* Lookup, NULL check, a loop, a spill: many allocations. */
static void test_no_memory(void)
{
	struct bpf_insn insns[] = {
		{.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = 10, .off = -4, .imm = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -4},
		{.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD},
		{0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .off = 7},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 6, .imm = 0},
		{.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 10, .src_reg = 6, .off = -16},
		{.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 7, .src_reg = 0},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 7, .off = 3, .imm = 5},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 6, .imm = 1},
		{.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 10, .src_reg = 6, .off = -16},
		{.code = BPF_JMP | BPF_JLT | BPF_K, .dst_reg = 6, .off = -6, .imm = 50},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	u64 live = mem_live(), n;
	int wrong = 0;

	for (n = 1; n < 2000; n++) {
		struct verify_result *r;
		bool good;

		mem_fail_at(n);
		r = judge(insns, ARRAY_SIZE(insns), SPEC_PROG_XDP, 0);
		mem_fail_at(0);
		good = r && !r->err;
		wrong += r && r->err && r->err != -ENOMEM;
		verify_result_free(r);
		if (good)
			break;
	}
	ok(n > 10 && n < 2000, "each of %d allocations may fail", (int)n);
	is_int(wrong, 0, "and that is what is said");
	is_int(mem_live(), live, "nothing is left");
}

int main(void)
{
	test_random(true, 4000);
	test_random(false, 12000);
	test_no_memory();
	return tap_done();
}
