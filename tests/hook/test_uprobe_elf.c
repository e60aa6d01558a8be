/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The ELF reader of probes: this program's own symbols, then the same file with bytes changed. */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "elf/uelf.h"
#include "hook/uprobe_insn.h"
#include "hook/usdt.h"
#include <errno.h>

#define ROUNDS 300

static int count(void *ctx, const char *name, u64 off)
{
	(*(u32 *)ctx)++;
	return 0;
}

static int count_usdt(void *ctx, const struct uelf_usdt *u)
{
	*(u32 *)ctx += strlen(u->provider) + strlen(u->name) + strlen(u->args);
	return 0;
}

static u32 walk(const struct uelf *e)
{
	u32 nr = 0;

	uelf_symbols(e, "*", count, &nr);
	uelf_usdts(e, count_usdt, &nr);
	return nr;
}

/* Headers, section headers, notes: where a changed byte matters most. */
static void test_mutated(const char *image, size_t size)
{
	u8 *copy = malloc(size);
	u32 nr_ok = 0;

	srand(1);
	for (u32 i = 0; copy && i < ROUNDS; i++) {
		struct uelf e;
		u64 shoff;

		memcpy(copy, image, size);
		memcpy(&shoff, copy + 40, 8);
		for (u32 k = 0; k < 8; k++) {
			u64 at = rand() % 2 ? (u64)rand() % 1024 : shoff + (u64)rand() % 2048;

			if (at > 20 && at < size)
				copy[at] = rand();
		}
		if (!uelf_parse(copy, i % 3 ? size : (size_t)rand() % size, &e)) {
			walk(&e);
			nr_ok++;
		}
	}
	free(copy);
	ok(nr_ok > ROUNDS / 4, "%u of %u changed files were read without harm", nr_ok, ROUNDS);
}

static void test_moving(void)
{
	static const struct {
		char bytes[10];
		const char *text;
		bool may_move;
	} insns[] = {
		{"\x8d\x04\x37", "lea (%rdi,%rsi), %eax", true},
		{"\x48\x8d\x05\x01\x02\x03\x04", "lea rip, %rax", false},
		{"\x8b\x05\x01\x02\x03\x04", "mov rip, %eax", false},
		{"\x0f\xb6\x05\x01\x02\x03\x04", "movzbl rip, %eax", false},
		{"\x0f\xb6\x07", "movzbl (%rdi), %eax", true},
		{"\xc5\xf9\x6f\x05\x01\x02\x03\x04", "vmovdqa rip, %xmm0", false},
		{"\xc5\xf9\x6f\x07", "vmovdqa (%rdi), %xmm0", true},
		{"\x74\x05", "je", false},
		{"\x0f\x84\x01\x02\x03\x04", "je rel32", false},
		{"\xff\xd0", "call *%rax", false},
		{"\xff\xe0", "jmp *%rax", true},
		{"\xb8\x01\x02\x03\x04", "mov $, %eax", true},
		{"\x0f\x05", "syscall", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(insns); i++) {
		u8 insn[UPROBE_INSN_MAX] = {0};

		memcpy(insn, insns[i].bytes, 9);
		is_int(uprobe_may_move(insn), insns[i].may_move, "%s %s", insns[i].text,
		       insns[i].may_move ? "may move" : "stays");
	}
}

static void test_args(void)
{
	struct usdt_specs u = {0};

	is_int(usdt_spec(&u, "-4@%edi 8@-8(%rbp) 4@$5"), 0, "register, memory, constant");
	is_int(usdt_spec(&u, "-4@%edi 8@-8(%rbp) 4@$5"), 0, "the same again is the same");
	is_int(usdt_spec(&u, "1@-96(%rbp,%rax,8)"), 1, "base, index and scale");
	is_int(usdt_spec(&u, ""), 2, "no arguments");
	is_int(usdt_spec(&u, "8@%nonsense"), -EINVAL, "an unknown register");
	is_int(usdt_spec(&u, "3@%rax"), -EINVAL, "an odd size");
	is_int(usdt_spec(&u, "8@sym(%rip)"), -EINVAL, "a symbol");
	is_int(usdt_spec(&u, "8@8(%rax,%rbx,3)"), -EINVAL, "an odd scale");
	is_int(usdt_spec(&u, "1@%al 1@%al 1@%al 1@%al 1@%al 1@%al 1@%al 1@%al 1@%al 1@%al 1@%al "
			     "1@%al 1@%al"),
	       -E2BIG, "too many");
	usdt_done(&u);
}

int main(int argc, char **argv)
{
	struct uelf e;
	char *image;
	size_t size;
	u32 nr = 0;

	is_int(uelf_open(argv[0], &e, NULL), 0, "this program opens");
	uelf_symbols(&e, "uprobe_may_move", count, &nr);
	is_int(nr, 1, "a function of it is found");
	nr = 0;
	uelf_symbols(&e, "uprobe_may_*", count, &nr);
	ok(nr >= 1, "by a pattern, too");
	uelf_close(&e);
	is_int(uelf_open("/dev/null", &e, NULL), -ENOEXEC, "not a file");
	is_int(uelf_open("/etc/passwd", &e, NULL), -ENOEXEC, "not ELF");
	if (!file_read(argv[0], 0, &image, &size, NULL)) {
		test_mutated(image, size);
		mem_free(image);
	}
	test_moving();
	test_args();
	is_int(mem_live(), 0, "nothing is left on the heap");
	return tap_done();
}
