/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* docs/isa.md: each row of opcodes.def as a line of a table, its eval turned into words. */
#include "isa/row.h"

#define BIN(T, U, x, e) "dst = (" #U ")(" #e "), a = (" #T ")dst, b = (" #T ")" #x
#define CMP(T, x, e)    "jump if " #e ", a = (" #T ")dst, b = (" #T ")" #x
#define LOAD(T)         "dst = *(" #T " *)(src + off)"
#define STORE(T, x)     "*(" #T " *)(dst + off) = " #x
#define ATOMIC(T, e...) #e ", p = (" #T " *)(dst + off), b = (" #T ")S"
#define LOAD_ACQUIRE(T) "dst = *(" #T " *)(src + off), acquire"
#define PACKET(T, x)    "r0 = the big-endian " #T " at " #x " of the packet, or exit with 0"
#define GOTO(f)         "jump by " #f
#define NO_MORE         "jump, once the loop has gone on often enough"
#define IMM64           "dst = the number"
#define MAP             "dst = address of the map"
#define MAP_VALUE       "dst = address in the map's value"
#define KSYM            "dst = address of the kernel's variable"
#define FUNC            "dst = address of the function"
#define LOCAL           "call the function at imm"
#define HELPER          "r0 = helper(r1, …, r5)"
#define KFUNC           "r0 = kernel function(r1, …, r5)"
#define RETURN          "return r0"

static const char *const meanings[ISA_NR_OPS] = {
#define OP(id, code, dst, src, off, imm, text, kind, ...) [ISA_##id] = __VA_ARGS__,
#include "spec/opcodes.def"
#undef OP
};

static const char *const titles[] = {
	[ISA_KIND_ALU] = "Arithmetic",
	[ISA_KIND_NEG] = "Negation",
	[ISA_KIND_LDDW] = "Numbers and addresses of 64 bits (two slots)",
	[ISA_KIND_MOV] = "Moves",
	[ISA_KIND_END] = "Byte order",
	[ISA_KIND_LDX] = "Loads",
	[ISA_KIND_STX] = "Stores of a register",
	[ISA_KIND_ST] = "Stores of a number",
	[ISA_KIND_LDABS] = "The packet (classic BPF)",
	[ISA_KIND_ATOMIC] = "Atomic operations",
	[ISA_KIND_JMP] = "Conditional jumps",
	[ISA_KIND_JA] = "Jumps",
	[ISA_KIND_JCOND] = "Bounded loops",
	[ISA_KIND_CALL] = "Calls",
	[ISA_KIND_EXIT] = "Exit",
};

static void put_rule(struct strbuf *sb, s64 field)
{
	switch (isa_rule(field)) {
	case ISA_IS:
		if ((s32)field)
			strbuf_printf(sb, "%#x", (u32)field);
		else
			strbuf_putc(sb, '0');
		break;
	case ISA_ANY:
		strbuf_puts(sb, "any");
		break;
	case ISA_REL:
		strbuf_puts(sb, "distance");
		break;
	case ISA_NONZERO:
		strbuf_puts(sb, "not 0");
		break;
	case ISA_SHIFT:
		strbuf_printf(sb, "< %d", (s32)field);
		break;
	case ISA_R:
		strbuf_puts(sb, "read");
		break;
	case ISA_W:
		strbuf_puts(sb, "written");
		break;
	}
}

/* The template with made-up operands. */
static void put_example(struct strbuf *sb, const struct isa_row *row)
{
	struct bpf_insn insn[2] = {{.code = row->code,
				    .dst_reg = isa_rule(row->dst) == ISA_IS ? (u8)row->dst : 1,
				    .src_reg = isa_rule(row->src) == ISA_IS ? (u8)row->src : 2,
				    .off = isa_rule(row->off) == ISA_IS ? (s16)row->off : 4,
				    .imm = isa_rule(row->imm) == ISA_IS ? (s32)row->imm : 5}};

	if (row->kind == ISA_KIND_CALL && insn->src_reg == 2)
		insn->off = 0;
	isa_disasm(sb, insn, 2, 0, NULL);
}

/* In a table "|" would end the cell. */
static void put_cell(struct strbuf *sb, const char *s)
{
	for (; *s; s++)
		strbuf_printf(sb, *s == '|' ? "\\|" : "%c", *s);
}

static void put_row(struct strbuf *sb, u32 op)
{
	const struct isa_row *row = &isa_rows[op];
	s64 fields[4] = {row->dst, row->src, row->off, row->imm};
	struct strbuf example = {0};

	put_example(&example, row);
	strbuf_printf(sb, "| %s | `%02x` | `", row->name, row->code);
	put_cell(sb, strbuf_str(&example));
	strbuf_puts(sb, "` |");
	for (int i = 0; i < 4; i++) {
		strbuf_putc(sb, ' ');
		put_rule(sb, fields[i]);
		strbuf_puts(sb, " |");
	}
	strbuf_puts(sb, " `");
	put_cell(sb, meanings[op]);
	strbuf_puts(sb, "` |\n");
	strbuf_done(&example);
}

static void put_kind(struct strbuf *sb, enum isa_kind kind)
{
	strbuf_printf(sb, "\n## %s\n\n", titles[kind]);
	strbuf_puts(sb, "| name | opcode | text | dst | src | off | imm | meaning |\n"
			"|---|---|---|---|---|---|---|---|\n");
	for (u32 op = ISA_INVALID + 1; op < ISA_NR_OPS; op++)
		if (isa_rows[op].kind == kind)
			put_row(sb, op);
}

void isa_doc(struct strbuf *sb)
{
	strbuf_printf(
		sb,
		"<!-- made from src/spec/opcodes.def by `make docs/isa.md`: do not edit -->\n\n"
		"# The instructions\n\n"
		"All %d instructions of eBPF that RFC 9669 and Linux 6.18 know. `text` is what "
		"`skep show`, bpftool and the kernel's log print, with operands made up. A field "
		"that must be 0 is reserved. `not 0` and `< n` are numbers that Linux refuses "
		"otherwise. In the meanings `S` is the source register and `I` the number in the "
		"instruction, sign-extended; results of 32 bits clear the upper half.\n",
		ISA_NR_OPS - 1);
	for (u32 kind = 1; kind < ARRAY_SIZE(titles); kind++)
		put_kind(sb, kind);
}
