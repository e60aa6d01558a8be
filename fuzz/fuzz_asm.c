/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Text and bytes lead to each other. An input that begins with 'T' is text: whatever it assembles
 * to must disassemble to text that gives the same bytes. Any other is instructions: the same from
 * the other end, and decoding and checking must agree on them.
 */
#include "base/mem.h"
#include "base/strbuf.h"
#include "isa/isa.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INSNS 256

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void must(bool good, const char *what, const char *text)
{
	if (good)
		return;
	fprintf(stderr, "%s:\n%s\n", what, text);
	abort();
}

static void print_all(struct strbuf *sb, const struct bpf_insn *insns, u32 nr)
{
	for (u32 i = 0; i < nr;) {
		bool valid = isa_decode(&insns[i], nr - i) != ISA_INVALID;

		isa_disasm(sb, &insns[i], nr - i, i, NULL);
		strbuf_putc(sb, '\n');
		i += valid ? isa_nr_slots(&insns[i]) : 1;
	}
}

static void bytes_to_text_and_back(const struct bpf_insn *insns, u32 nr)
{
	struct bpf_insn *back = NULL;
	struct skep_diag diag = {0};
	struct strbuf sb = {0};
	u32 nr_back = 0;

	if (!nr)
		return;
	print_all(&sb, insns, nr);
	must(!isa_asm(strbuf_str(&sb), &back, &nr_back, &diag), diag.message, strbuf_str(&sb));
	must(nr_back == nr && !memcmp(insns, back, nr * sizeof(*insns)), "other bytes",
	     strbuf_str(&sb));
	mem_free(back);
	strbuf_done(&sb);
}

static void fuzz_text(const u8 *data, size_t size)
{
	char *text = mem_zalloc(size + 1);
	struct bpf_insn *insns = NULL;
	struct skep_diag diag = {0};
	u32 nr = 0;

	memcpy(text, data, size);
	if (isa_asm(text, &insns, &nr, &diag))
		must(diag.err < 0 && diag.message[0], "an error without a reason", text);
	else if (nr <= MAX_INSNS)
		bytes_to_text_and_back(insns, nr);
	mem_free(insns);
	mem_free(text);
}

static void fuzz_bytes(const u8 *data, size_t size)
{
	struct bpf_insn insns[MAX_INSNS];
	u32 nr = (u32)min_u64(size / sizeof(*insns), MAX_INSNS);

	memcpy(insns, data, nr * sizeof(*insns));
	for (u32 i = 0; i < nr; i++)
		must((isa_decode(&insns[i], nr - i) != ISA_INVALID) ==
			     !isa_check(&insns[i], nr - i, i, NULL),
		     "decode and check disagree", "");
	bytes_to_text_and_back(insns, nr);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (size && data[0] == 'T')
		fuzz_text(data + 1, size - 1);
	else if (size)
		fuzz_bytes(data, size);
	return 0;
}
