/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Decoding, text, and that text and bytes lead to each other. */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "isa/row.h"
#include <errno.h>

static struct skep_diag diag;

/* The text of the first instruction of `text`, assembled. */
static void round_trip(const char *text)
{
	struct strbuf sb = {0};
	struct bpf_insn *insns = NULL;
	u32 nr = 0;

	skep_diag_clear(&diag);
	if (isa_asm(text, &insns, &nr, &diag))
		printf("# %s: %s\n", diag.where, diag.message);
	else
		isa_disasm(&sb, insns, nr, 0, NULL);
	is_str(strbuf_str(&sb), text, "\"%s\" comes back", text);
	strbuf_done(&sb);
	mem_free(insns);
}

static void bytes(const char *text, struct bpf_insn want)
{
	struct bpf_insn *insns = NULL;
	u32 nr = 0;

	skep_diag_clear(&diag);
	isa_asm(text, &insns, &nr, &diag);
	ok(nr >= 1 && !memcmp(insns, &want, sizeof(want)), "\"%s\" has the right bytes", text);
	if (!nr)
		printf("# %s: %s\n", diag.where, diag.message);
	mem_free(insns);
}

/* What the kernel's log and bpftool print. */
static const char *const texts[] = {
	"r1 += r2",
	"w1 += w2",
	"r1 += -5",
	"w1 s>>= 3",
	"r1 s/= r2",
	"w1 s%= 7",
	"r1 = -r1",
	"w3 = -w3",
	"r1 = r2",
	"r1 = 5",
	"w1 = -1",
	"r1 = (s8)r2",
	"w1 = (s16)w2",
	"r1 = (s32)r2",
	"r1 = be16 r1",
	"r1 = le64 r1",
	"r1 = bswap32 r1",
	"r1 = addr_space_cast(r2, 0, 1)",
	"r1 = addr_space_cast(r2, 1, 0)",
	"r1 = 0x5",
	"r1 = 0x123456789abcdef0",
	"r1 = map[id:7]",
	"r1 = map[id:7][0]+16",
	"r1 = map[idx:2]",
	"r1 = map[idx:2]+4",
	"r1 = subprog[+5]",
	"r1 = btf[id:33]",
	"r2 = *(u32 *)(r1 +4)",
	"r2 = *(s8 *)(r1 -4)",
	"r2 = *(u64 *)(r10 -8)",
	"*(u16 *)(r1 +0) = r2",
	"*(u64 *)(r10 -8) = -1",
	"r0 = *(u16 *)skb[12]",
	"r0 = *(u8 *)skb[r6 + 14]",
	"lock *(u64 *)(r1 +0) += r2",
	"lock *(u32 *)(r1 +0) ^= r2",
	"r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)",
	"r2 = atomic_fetch_or((u32 *)(r1 +8), r2)",
	"r2 = atomic64_xchg((u64 *)(r1 +0), r2)",
	"r0 = atomic_cmpxchg((u32 *)(r1 +0), r0, r2)",
	"r2 = load_acquire((u8 *)(r1 +1))",
	"store_release((u64 *)(r1 -8), r2)",
	"if r1 s> 0x5 goto pc+3",
	"if w1 != w2 goto pc-3",
	"if r1 & 0xffffffff goto pc+0",
	"goto pc-1",
	"gotol pc+70000",
	"may_goto pc+2",
	"call bpf_map_lookup_elem#1",
	"call unknown#4242",
	"call kernel-function#1234",
	"call kernel-function#1234+2",
	"call pc+5",
	"exit",
};

static void test_text(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		round_trip(texts[i]);
	bytes("r2 = *(u32 *)(r1 +4)", (struct bpf_insn){0x61, 2, 1, 4, 0});
	bytes("if r1 s> 0x5 goto pc+3", (struct bpf_insn){0x65, 1, 0, 3, 5});
	bytes("lock *(u64 *)(r1 +0) += r2", (struct bpf_insn){0xdb, 1, 2, 0, 0});
	bytes("r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)", (struct bpf_insn){0xdb, 1, 2, 0, 1});
	bytes("r2 = load_acquire((u32 *)(r1 +8))", (struct bpf_insn){0xc3, 2, 1, 8, 0x100});
	bytes("store_release((u16 *)(r1 +8), r2)", (struct bpf_insn){0xcb, 1, 2, 8, 0x110});
	bytes("call bpf_ktime_get_ns", (struct bpf_insn){0x85, 0, 0, 0, 5});
	bytes("12: (b7) r1=0x10 ll ; sixteen", (struct bpf_insn){0x18, 1, 0, 0, 16});
	bytes("  if  r1==r2  goto  +1 // a comment", (struct bpf_insn){0x1d, 1, 2, 1, 0});
	bytes("here: goto here", (struct bpf_insn){0x05, 0, 0, -1, 0});
}

static void test_names(void)
{
	struct bpf_insn insn = {BPF_JMP | BPF_CALL, 0, 1, 0, 7};
	struct strbuf sb = {0};

	isa_disasm(&sb, &insn, 1, 0, NULL);
	is_str(strbuf_str(&sb), "call pc+7", "a local call without names");
	strbuf_done(&sb);
}

static void refuses(const char *text, const char *where, const char *message)
{
	struct bpf_insn *insns;
	u32 nr;

	skep_diag_clear(&diag);
	ok(isa_asm(text, &insns, &nr, &diag) < 0, "refused: %s", text);
	is_str(diag.where, where, "the place");
	ok(strstr(diag.message, message), "the reason: %s", diag.message);
}

static void test_errors(void)
{
	refuses("exit\nfrob r1", "line 2", "\"frob r1\" is no instruction");
	refuses("goto nowhere", "line 1", "\"goto nowhere\" is no instruction");
	refuses("a: exit\na: exit", "line 2", "two labels \"a\"");
	refuses("r1 = 99999999999", "line 1", "no instruction");
	refuses("r2 = -r1", "line 1", "no instruction");
	refuses(".insn 1, 2", "line 1", ".insn wants");
}

/* An instruction that obeys the row's rules. */
static struct bpf_insn sample(const struct isa_row *row, unsigned int *seed)
{
	static const s32 numbers[] = {0, 1, -1, 7, INT32_MIN, INT32_MAX, 0x1234, -32768};
	s64 fields[4] = {row->dst, row->src, row->off, row->imm};
	s32 v[4];

	for (int i = 0; i < 4; i++) {
		enum isa_rule rule = isa_rule(fields[i]);

		if (rule == ISA_IS)
			v[i] = (s32)fields[i];
		else if (rule == ISA_R || rule == ISA_W)
			v[i] = rand_r(seed) % (rule == ISA_W ? 10 : 11);
		else
			v[i] = numbers[rand_r(seed) % ARRAY_SIZE(numbers)];
	}
	return (struct bpf_insn){row->code, v[0], v[1], v[2], v[3]};
}

static bool same_after_text(const struct bpf_insn *insn, u32 nr)
{
	struct strbuf sb = {0};
	struct bpf_insn *back = NULL;
	u32 nr_back = 0;
	bool same;

	skep_diag_clear(&diag);
	isa_disasm(&sb, insn, nr, 0, NULL);
	isa_asm(strbuf_str(&sb), &back, &nr_back, &diag);
	same = nr_back == nr && !memcmp(insn, back, nr * sizeof(*insn));
	if (!same)
		printf("# %s: %s\n", strbuf_str(&sb), diag.message);
	strbuf_done(&sb);
	mem_free(back);
	return same;
}

static void test_rows(void)
{
	unsigned int seed = 1;

	for (u32 op = 1; op < ISA_NR_OPS; op++) {
		bool decodes = true, returns = true;

		for (int i = 0; i < 50; i++) {
			struct bpf_insn insn[2] = {sample(&isa_rows[op], &seed), {0}};
			u32 nr = isa_nr_slots(insn);

			if (nr == 2 && op != ISA_LDDW_MAP && op != ISA_LDDW_MAP_IDX)
				insn[1].imm = (s32)rand_r(&seed);
			decodes = decodes && isa_decode(insn, nr) == op &&
				  !isa_check(insn, nr, 0, NULL);
			returns = returns && same_after_text(insn, nr);
		}
		ok(decodes, "%s decodes to itself alone", isa_op_name(op));
		ok(returns, "%s: text and back", isa_op_name(op));
	}
}

/* Any bytes: decode and check agree, and the text leads back to them. */
static void test_random(void)
{
	unsigned int seed = 2;
	bool agree = true, returns = true;
	u32 valid = 0;

	for (int i = 0; i < 100000; i++) {
		struct bpf_insn insn = {
			.code = rand_r(&seed), .dst_reg = rand_r(&seed), .src_reg = rand_r(&seed)};
		bool good;

		insn.imm = rand_r(&seed) & 1 ? 0 : (s32)rand_r(&seed) % 300;
		insn.off = rand_r(&seed) & 1 ? 0 : (s16)(rand_r(&seed) % 40 - 4);
		good = isa_decode(&insn, 1) != ISA_INVALID;
		valid += good;
		agree = agree && good == !isa_check(&insn, 1, 0, NULL);
		if (i < 20000)
			returns = returns && same_after_text(&insn, 1);
	}
	ok(valid > 1000 && valid < 99000, "of 100000 instructions some are valid: %u", valid);
	ok(agree, "decode and check agree on all");
	ok(returns, "text leads back to the bytes, valid or not");
}

static void says(struct bpf_insn insn, int err, const char *message)
{
	skep_diag_clear(&diag);
	is_int(isa_check(&insn, 1, 3, &diag), err, "%s", message);
	is_str(diag.message, message, "in the kernel's words");
}

static void test_check(void)
{
	struct bpf_insn shift = {0x67, 1, 0, 0, 64}, div = {0x37, 1, 0, 0, 0};

	says((struct bpf_insn){0xff, 0, 0, 0, 0}, -EINVAL, "unknown opcode ff");
	says((struct bpf_insn){0x07, 1, 2, 0, 0}, -EINVAL, "BPF_ALU uses reserved fields");
	says((struct bpf_insn){0x0f, 1, 2, 0, 4}, -EINVAL, "BPF_ALU uses reserved fields");
	says((struct bpf_insn){0xbf, 1, 2, 7, 0}, -EINVAL, "BPF_MOV uses reserved fields");
	says((struct bpf_insn){0x87, 1, 0, 0, 1}, -EINVAL, "BPF_NEG uses reserved fields");
	says((struct bpf_insn){0xdc, 1, 0, 0, 17}, -EINVAL, "BPF_END uses reserved fields");
	says((struct bpf_insn){0x61, 1, 2, 0, 1}, -EINVAL, "BPF_LDX uses reserved fields");
	says((struct bpf_insn){0x95, 0, 0, 0, 1}, -EINVAL, "BPF_EXIT uses reserved fields");
	says((struct bpf_insn){0x85, 0, 3, 0, 1}, -EINVAL, "BPF_CALL uses reserved fields");
	says((struct bpf_insn){0x05, 1, 0, 0, 0}, -EINVAL, "BPF_JA uses reserved fields");
	says((struct bpf_insn){0xdb, 1, 2, 0, 2}, -EINVAL,
	     "BPF_ATOMIC uses invalid atomic opcode 02");
	says((struct bpf_insn){0x18, 1, 0, 0, 2}, -EINVAL, "invalid bpf_ld_imm64 insn");
	says((struct bpf_insn){0xb7, 12, 0, 0, 2}, -EINVAL, "R12 is invalid");
	says((struct bpf_insn){0xb7, 10, 0, 0, 2}, -EACCES, "frame pointer is read only");
	skep_diag_clear(&diag);
	is_int(isa_check_imm(isa_decode(&shift, 1), &shift, &diag), -EINVAL, "a shift by 64");
	is_str(diag.message, "invalid shift 64", "is told as Linux does");
	is_int(isa_check_imm(isa_decode(&div, 1), &div, NULL), -EINVAL, "a division by 0");
}

static void test_no_memory(void)
{
	struct bpf_insn *insns = NULL;
	int err = -ENOMEM, n;
	u32 nr = 0;

	for (n = 1; err && n < 100; n++) {
		mem_fail_at((u64)n);
		skep_diag_clear(&diag);
		err = isa_asm("a: goto b\nb: r0 = 0x1\ngoto a\nexit", &insns, &nr, &diag);
		mem_fail_at(0);
		if (err && err != -ENOMEM)
			break;
	}
	ok(!err && nr == 5, "the assembler needs %d allocations, and each may fail", n - 2);
	mem_free(insns);
}

/* docs/isa.md is generated: `test_isa --write` writes it. */
static void test_doc(bool write)
{
	struct strbuf sb = {0};
	char *have = NULL;
	size_t size;

	isa_doc(&sb);
	if (write)
		file_write("docs/isa.md", strbuf_str(&sb), sb.len, NULL);
	if (file_read("docs/isa.md", 1 << 20, &have, &size, NULL))
		tap_skip("docs/isa.md is current", "not run from the top of the tree");
	else
		ok(!strcmp(have, strbuf_str(&sb)),
		   "docs/isa.md is current (else: make docs/isa.md)");
	mem_free(have);
	strbuf_done(&sb);
}

int main(int argc, char **argv)
{
	test_text();
	test_names();
	test_errors();
	test_rows();
	test_random();
	test_check();
	test_no_memory();
	test_doc(argc > 1 && !strcmp(argv[1], "--write"));
	is_int(mem_live(), 0, "nothing is left over");
	return tap_done();
}
