/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kernel's log prints each instruction that it visits: our text must be the same. Programs are
 * loaded that need not be accepted, only to be looked at.
 */
#include "../insn/kernel.h"
#include "../tap.h"
#include "base/strbuf.h"
#include "isa/row.h"

static char log_text[1 << 16];

/* An instruction of this row that the kernel gets to print: jumps go to the next one. */
static struct bpf_insn sample(const struct isa_row *row, unsigned int *seed)
{
	static const s32 numbers[] = {1, 2, -1, 7, INT32_MIN, INT32_MAX, 0x1234, -32768, 30};
	s64 fields[4] = {row->dst, row->src, row->off, row->imm};
	s32 v[4];

	for (int i = 0; i < 4; i++) {
		enum isa_rule rule = isa_rule(fields[i]);

		if (rule == ISA_IS)
			v[i] = (s32)fields[i];
		else if (rule == ISA_R || rule == ISA_W)
			v[i] = rand_r(seed) % (rule == ISA_W ? 10 : 11);
		else if (rule == ISA_REL)
			v[i] = row->kind == ISA_KIND_CALL;
		else if (rule == ISA_SHIFT)
			v[i] = rand_r(seed) % 32;
		else
			v[i] = numbers[rand_r(seed) % ARRAY_SIZE(numbers)];
	}
	return (struct bpf_insn){row->code, v[0], v[1], v[2], v[3]};
}

/* What the kernel says of the first instruction; NULL: it did not get there. */
static char *kernel_text(const struct bpf_insn *insn, u32 nr)
{
	struct bpf_insn prog[4] = {insn[0]};
	char want[16], *s, *end;
	int fd;

	prog[1] = nr == 2 ? insn[1] : (struct bpf_insn){BPF_JMP | BPF_EXIT, 0, 0, 0, 0};
	prog[2] = prog[3] = (struct bpf_insn){BPF_JMP | BPF_EXIT, 0, 0, 0, 0};
	if (isa_decode(insn, nr) == ISA_EXIT || isa_decode(insn, nr) == ISA_CALL_LOCAL)
		nr = insn->imm ? 2 : 0; /* nothing behind it, or the function that it calls */
	fd = kernel_load(prog, nr + 1, 2, log_text, sizeof(log_text));
	if (fd >= 0)
		close(fd);
	snprintf(want, sizeof(want), "0: (%02x) ", insn->code);
	s = strstr(log_text, want);
	if (!s)
		return NULL;
	s += strlen(want);
	s[strcspn(s, "\n;")] = 0;
	for (end = s + strlen(s); end > s && end[-1] == ' '; end--)
		end[-1] = 0;
	return s;
}

static bool is_printed(u32 op)
{
	/* of pseudo forms the kernel prints addresses; kernel functions must exist */
	return op != ISA_CALL_KFUNC && (isa_kind(op) != ISA_KIND_LDDW || op == ISA_LDDW);
}

static void compare(u32 op, unsigned int *seed)
{
	char theirs[256] = "";
	struct strbuf ours = {0};
	bool same = true;

	for (int i = 0; i < 4 && same; i++) {
		struct bpf_insn insn[2] = {sample(&isa_rows[op], seed), {0}};
		u32 nr = isa_nr_slots(insn);
		const char *s;

		if (nr == 2)
			insn[1].imm = 0x1234;
		s = kernel_text(insn, nr);
		snprintf(theirs, sizeof(theirs), "%.250s", s ? s : log_text);
		strbuf_reset(&ours);
		isa_disasm(&ours, insn, nr, 0, NULL);
		same = s && !strcmp(strbuf_str(&ours), theirs);
	}
	if (!ok(same, "%s is printed as the kernel prints it", isa_op_name(op)))
		printf("# ours:   %s\n# kernel: %s\n", strbuf_str(&ours), theirs);
	strbuf_done(&ours);
}

/* Any fields, but those that would lead elsewhere: which jumps and calls are good is not decided by
 * the instruction alone. */
static struct bpf_insn random_insn(unsigned int *seed)
{
	static const s32 imms[] = {0,    0,    0,    1,    16,    32,    64,
				   0x40, 0x51, 0xe1, 0xf1, 0x100, 0x110, -1};
	struct bpf_insn insn = {.code = rand_r(seed),
				.dst_reg = rand_r(seed) % 4 ? rand_r(seed) % 11 : rand_r(seed),
				.src_reg = rand_r(seed) % 3 ? rand_r(seed) % 11 : 0,
				.off = rand_r(seed) % 3 ? 0 : rand_r(seed) % 34,
				.imm = imms[rand_r(seed) % ARRAY_SIZE(imms)]};

	if (BPF_CLASS(insn.code) == BPF_JMP || BPF_CLASS(insn.code) == BPF_JMP32)
		insn.off = 0;
	return insn;
}

/* Does the kernel's log object to the encoding? */
static bool kernel_objects(const char *text)
{
	static const char *const words[] = {"reserved fields",       "unknown opcode",
					    "is invalid\n",          "frame pointer is read only",
					    "invalid bpf_ld_imm64",  "unrecognized bpf_ld_imm64",
					    "invalid atomic opcode", "invalid BPF_LD_IMM",
					    "invalid may_goto imm",  "invalid atomic operand size",
					    "div by zero",           "invalid shift"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

/* Of any instruction we say what the kernel says: good, or bad for the same reason. */
static void test_validity(void)
{
	unsigned int seed = 4;
	u32 bad = 0, nr = 0, same = 0, same_words = 0;

	for (int i = 0; i < 5000; i++) {
		struct bpf_insn all[12], *prog = all + 10;
		struct skep_diag diag = {0};
		int ours, fd;

		for (int r = 0; r < 10; r++) /* or else registers are what it objects to */
			all[r] = (struct bpf_insn){0xb7, r, 0, 0, 1};
		prog[0] = random_insn(&seed);
		prog[1] = (struct bpf_insn){0x95, 0, 0, 0, 0};
		if (prog[0].code == (BPF_JMP | BPF_EXIT) || isa_nr_slots(prog) == 2 ||
		    BPF_OP(prog[0].code) == BPF_JA || prog[0].code == (BPF_JMP | BPF_CALL))
			continue;
		ours = isa_check(prog, 2, 0, &diag);
		ours = ours ?: isa_check_imm(isa_decode(prog, 2), prog, &diag);
		fd = kernel_load(all, 12, 1, log_text, sizeof(log_text));
		if (fd >= 0)
			close(fd);
		nr++;
		bad += ours < 0;
		if ((ours < 0) == kernel_objects(log_text))
			same++;
		else
			printf("# %02x %d %d %d %#x: we say \"%s\", the kernel says: %s\n",
			       prog[0].code, prog[0].dst_reg, prog[0].src_reg, prog[0].off,
			       (u32)prog[0].imm, diag.message, log_text);
		same_words += ours < 0 && strstr(log_text, diag.message);
	}
	ok(same == nr, "what is valid is valid in Linux: %u of %u instructions", same, nr);
	ok(same_words * 100 >= bad * 99, "what is not, mostly in the same words: %u of %u",
	   same_words, bad);
}

int main(void)
{
	static const struct bpf_insn trivial[2] = {{0xb7, 0, 0, 0, 0}, {0x95, 0, 0, 0, 0}};
	unsigned int seed = 3;
	int fd = kernel_load(trivial, 2, 1, log_text, sizeof(log_text));

	if (fd < 0)
		tap_skip_all("bpf(2) is not allowed here");
	close(fd);
	for (u32 op = 1; op < ISA_NR_OPS; op++)
		if (is_printed(op))
			compare(op, &seed);
	test_validity();
	return tap_done();
}
