/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The interpreter and the guard on small programs. */
#include "../tap.h"
#include "base/mem.h"
#include "isa/isa.h"
#include "vm/vm.h"
#include <errno.h>

static struct skep_diag diag;

/* Assemble and run; -errno of whatever failed first. */
static int run(const char *text, u32 type, void *ctx, size_t size, u64 *ret)
{
	struct prog prog = {.name = "test", .type = type, .license = "GPL"};
	struct vm_opts opts = {.max_insns = 50000000};
	struct vm_prog *code;
	struct vm *vm = NULL;
	int err;

	skep_diag_clear(&diag);
	*ret = 0xdead;
	err = isa_asm(text, &prog.insns, &prog.nr_insns, &diag);
	if (err)
		return err;
	err = vm_new(NULL, 0, &opts, &vm, &diag);
	err = err ?: vm_prog_new(vm, &prog, &code, &diag);
	err = err ?: vm_exec(code, NULL, ctx, size, ret, &diag);
	vm_free(vm);
	mem_free(prog.insns);
	return err;
}

static void gives(const char *text, u64 want, const char *what)
{
	u64 ret;
	int err = run(text, 0, NULL, 0, &ret);

	if (err)
		printf("# %s: %s\n", diag.where, diag.message);
	is_int(err ? err : (s64)ret, want, "%s", what);
}

static void fails(const char *text, int err, const char *message, const char *what)
{
	u64 ret;

	is_int(run(text, 0, NULL, 0, &ret), err, "%s: refused or stopped", what);
	if (!ok(strstr(diag.message, message), "%s: says \"%s\"", what, message))
		printf("# %s\n", diag.message);
}

static void test_basics(void)
{
	gives("r0 = 7\nexit", 7, "a number");
	gives("r0 = 0x123456789a\nexit", 0x123456789a, "a long number");
	gives("r0 = 0\nr1 = 10\nagain: r0 += r1\nr1 += -1\nif r1 != 0 goto again\nexit", 55,
	      "a loop");
	gives("r1 = 5\ncall f\nexit\nf: r0 = r1\nr0 *= 2\nexit", 10, "a call");
	gives("*(u64 *)(r10 -8) = 3\nr1 = r10\nr1 += -8\ncall f\nr0 = *(u64 *)(r10 -8)\nexit\n"
	      "f: *(u64 *)(r1 +0) = 9\n*(u64 *)(r10 -8) = 1\nr0 = 0\nexit",
	      9, "a callee writes its caller's frame, and has one of its own");
	gives("r6 = 1\ncall f\nr0 = r6\nexit\nf: r6 = 2\nr0 = 0\nexit", 1, "r6 is kept by calls");
}

static void test_refused(void)
{
	fails("r0 = 0\n", -EINVAL, "last insn is not an exit or jmp", "no exit");
	fails("goto pc+5\nexit", -EINVAL, "jump out of range", "a jump out");
	fails("goto pc+1\nr0 = 0x1\nexit", -EINVAL, "jump out of range", "a jump into ld_imm64");
	fails("r0 = 0\nif r0 == 0 goto f\ncall f\nexit\nf: exit", -EINVAL, "jump out of range",
	      "a jump into another function");
	fails("call unknown#99999\nexit", -EINVAL, "unknown#99999", "a helper that is not");
	fails("r0 = map[id:3]\nexit", -EINVAL, "map 3", "a map that is not");
	fails(".insn 0x8d, 1, 0, 0, 0\nexit", -EINVAL, "unknown opcode 8d", "callx");
	fails("r10 = 1\nexit", -EACCES, "frame pointer is read only", "writing r10");
	fails("r11 = 1\nexit", -EINVAL, "no instruction", "a register that is not");
	fails(".insn 0xb7, 11, 0, 0, 1\nexit", -EINVAL, "R11 is invalid", "the same as bytes");
}

static void test_guard(void)
{
	u64 ret, ctx[2] = {1, 2};

	fails("r0 = *(u64 *)(r10 +0)\nexit", -EFAULT, "on the stack", "above the stack");
	fails("r0 = *(u64 *)(r10 -516)\nexit", -EFAULT, "on the stack", "below the frame");
	fails("*(u64 *)(r10 -4) = 0\nr0 = 0\nexit", -EFAULT, "write of 8 bytes", "half above");
	fails("r1 = 0\nr0 = *(u32 *)(r1 +8)\nexit", -EFAULT, "NULL pointer", "NULL");
	fails("r1 = 0x7fff12345678\nr0 = *(u32 *)(r1 +8)\nexit", -EFAULT, "no memory", "wild");
	fails("r1 = 0xffffffffffffffff\nr0 = *(u64 *)(r1 -3)\nexit", -EFAULT, "no memory", "wraps");
	is_int(run("r0 = *(u64 *)(r1 +8)\nexit", 0, ctx, sizeof(ctx), &ret), 0, "the context");
	is_int(ret, 2, "is read");
	is_int(run("r0 = *(u64 *)(r1 +12)\nexit", 0, ctx, sizeof(ctx), &ret), -EFAULT,
	       "half behind the context");
	ok(strstr(diag.message, "offset 12 of the context, which has 16 bytes"), "and is told");
	is_int(run("r1 = 0\nr0 = *(u32 *)(r1 +8)\nexit", BPF_PROG_TYPE_TRACING, NULL, 0, &ret), 0,
	       "NULL in a tracing program");
	is_int(ret, 0, "reads 0");
	fails("*(u32 *)(r10 -8) = 0\nr1 = 1\nlock *(u32 *)(r10 -6) += r1\nexit", -EFAULT,
	      "misaligned", "an atomic operation off its alignment");
}

static void test_ends(void)
{
	fails("again: goto again\n", -ETIMEDOUT, "no end after 50000000", "an endless loop");
	fails("f: call f\nexit", -EFAULT, "too deep", "an endless recursion");
	gives("r0 = 0\nagain: r0 += 1\nif r0 s< 100000 goto again\nexit", 100000, "a long loop");
	gives("r0 = 0\nagain: r0 += 1\nmay_goto pc+1\ngoto again\nexit", 8388609,
	      "may_goto ends a loop in the end");
}

int main(void)
{
	test_basics();
	test_refused();
	test_guard();
	test_ends();
	return tap_done();
}
