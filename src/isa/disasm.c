/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Instructions to text: the templates of opcodes.def, which are what the kernel's log and bpftool
 * print. What is no instruction becomes ".insn code, dst, src, off, imm", which the assembler
 * takes too, so that text always leads back to the same bytes.
 */
#include "isa/row.h"
#include "spec/spec.h"

struct line {
	struct strbuf *sb;
	const struct bpf_insn *insn;
	const char *name; /* from the caller; NULL: none */
};

static u32 high(const struct bpf_insn *insn)
{
	return (u32)insn[1].imm;
}

static void put_number(const struct line *l)
{
	if (l->name)
		strbuf_puts(l->sb, l->name);
	else
		strbuf_printf(l->sb, "0x%llx",
			      (unsigned long long)high(l->insn) << 32 | (u32)l->insn->imm);
}

static void put_helper(const struct line *l)
{
	const struct spec_helper *h = spec_helper((u32)l->insn->imm);

	if (h)
		strbuf_printf(l->sb, "bpf_%s#%d", h->name, l->insn->imm);
	else
		strbuf_printf(l->sb, "%s#%d", l->name ? l->name : "unknown", l->insn->imm);
}

static void put_kfunc(const struct line *l)
{
	strbuf_printf(l->sb, "%s#%d", l->name ? l->name : "kernel-function", l->insn->imm);
	if (l->insn->off)
		strbuf_printf(l->sb, "%+d", l->insn->off);
}

static void put_distance(const struct line *l)
{
	strbuf_printf(l->sb, "pc%+d", l->insn->imm);
	if (l->name && l->insn->code == (BPF_JMP | BPF_CALL))
		strbuf_printf(l->sb, "#%s", l->name);
}

static void put_second(const struct line *l)
{
	if (high(l->insn))
		strbuf_printf(l->sb, "+%u", high(l->insn));
}

/* clang-format off */
static void put_field(const struct line *l, char field)
{
	const struct bpf_insn *i = l->insn;

	switch (field) {
	case 'd': strbuf_printf(l->sb, "r%d", i->dst_reg); break;
	case 'D': strbuf_printf(l->sb, "w%d", i->dst_reg); break;
	case 's': strbuf_printf(l->sb, "r%d", i->src_reg); break;
	case 'S': strbuf_printf(l->sb, "w%d", i->src_reg); break;
	case 'm': strbuf_printf(l->sb, " %+d", i->off); break;
	case 'i': strbuf_printf(l->sb, "%d", i->imm); break;
	case 'x': strbuf_printf(l->sb, "0x%x", (u32)i->imm); break;
	case 'j': strbuf_printf(l->sb, "pc%+d", i->off); break;
	case 'J': put_distance(l); break;
	case 'q': put_number(l); break;
	case 'h': put_helper(l); break;
	case 'k': put_kfunc(l); break;
	case 'n': strbuf_printf(l->sb, "%u", (u32)i->imm); break;
	case 'N': strbuf_printf(l->sb, "%u", high(i)); break;
	case 'O': put_second(l); break;
	case 't': strbuf_printf(l->sb, "%+d", i->imm); break;
	case 'u': strbuf_printf(l->sb, "%u", (u32)i->imm >> 16); break;
	case 'v': strbuf_printf(l->sb, "%u", (u32)i->imm & 0xffff); break;
	}
}
/* clang-format on */

static void put_raw(struct strbuf *sb, const struct bpf_insn *insn)
{
	strbuf_printf(sb, ".insn 0x%02x, %d, %d, %d, %d", insn->code, insn->dst_reg, insn->src_reg,
		      insn->off, insn->imm);
}

void isa_disasm(struct strbuf *sb, const struct bpf_insn *insn, u32 nr, u32 idx,
		const struct isa_names *names)
{
	enum isa_op op = isa_decode(insn, nr);
	const struct isa_row *row = &isa_rows[op];
	struct line l = {.sb = sb, .insn = insn};

	if (op == ISA_INVALID) {
		if (nr)
			put_raw(sb, insn);
		return;
	}
	if (names && names->name && (row->kind == ISA_KIND_LDDW || row->kind == ISA_KIND_CALL))
		l.name = names->name(names->ctx, insn, idx);
	if (l.name && row->kind == ISA_KIND_LDDW) {
		strbuf_printf(sb, "r%d = %s", insn->dst_reg, l.name);
		return;
	}
	for (const char *t = row->text; *t; t++) {
		if (*t == '$')
			put_field(&l, *++t);
		else
			strbuf_putc(sb, *t);
	}
}
