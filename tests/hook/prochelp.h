/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* For tests of the proc provider: programs from text, their return values, a traced command. */
#ifndef TESTS_HOOK_PROCHELP_H
#define TESTS_HOOK_PROCHELP_H

#include "../tap.h"
#include "base/mem.h"
#include "btf/types.h"
#include "hook/hook.h"
#include "isa/isa.h"
#include "spec/spec.h"
#include "vm/vm.h"
#include <time.h>

#define MAX_RESULTS 100000

struct bench {
	struct btf *btf;
	struct model *model;
	struct vm *vm;
	struct hook_set *set;
	struct prog progs[16];
	u32 nr_progs;
	struct {
		u32 prog;
		u64 ret;
	} results[MAX_RESULTS];
	u32 nr_results, nr_faults;
	struct skep_diag diag;
};

__attribute__((unused)) static void on_result(void *ctx, const struct hook_prog *hp, u64 ret)
{
	struct bench *b = ctx;

	if (b->nr_results == MAX_RESULTS)
		return;
	b->results[b->nr_results].prog = hp->prog - b->progs;
	b->results[b->nr_results++].ret = ret;
}

__attribute__((unused)) static void on_fault(void *ctx, const struct hook_prog *hp,
					     const struct skep_diag *diag)
{
	struct bench *b = ctx;

	b->nr_faults++;
	printf("# fault in %s: %s\n", hp->prog->name, diag->message);
}

__attribute__((unused)) static struct bench *bench_new(char *const *argv, u32 pid)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct hook_opts opts = {.argv = argv, .pid = pid, .result = on_result, .fault = on_fault};
	struct vm_opts vm_opts = {0};
	struct vm_mem mem = {.name = "model kernel", .flags = VM_MEM_READ | VM_MEM_ZERO_FAULT};
	const char *base;
	int err;

	/* The tracee is this binary: LeakSanitizer can't run in a traced process. */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	opts.ctx = b;
	err = types_open_kernel(NULL, &b->btf, NULL, &b->diag);
	vm_opts.kernel_btf = b->btf;
	err = err ?: model_new(b->btf, &b->model, &b->diag);
	err = err ?: vm_new(NULL, 0, &vm_opts, &b->vm, &b->diag);
	model_range(b->model, &base, &mem.size);
	mem.base = (uintptr_t)base;
	err = err ?: vm_mem_add(b->vm, &mem);
	err = err ?: hook_set_new(b->vm, b->model, &opts, &b->set, &b->diag);
	if (err) {
		printf("Bail out! bench: %s\n", b->diag.message);
		exit(1);
	}
	return b;
}

/* Where a field stands in a struct of the BTF in use. */
__attribute__((unused)) static u32 bench_offset(const struct bench *b, const char *type,
						const char *field)
{
	struct types_member m = {0};

	if (types_member(b->btf, types_find_struct(b->btf, type), field, &m))
		printf("# no %s.%s\n", type, field);
	return m.bit_off / 8;
}

/* The program's kind is derived from its section. Returns hook_attach's result. */
__attribute__((unused)) static int bench_attach(struct bench *b, const char *section,
						const char *text)
{
	struct prog *p = &b->progs[b->nr_progs];
	struct vm_prog *code;
	const char *target = "";
	const struct spec_section *row = spec_section(section, &target);
	int err;

	memset(&b->diag, 0, sizeof(b->diag));
	*p = (struct prog){.name = section, .section = section, .target = target, .license = "GPL"};
	p->type = row ? row->prog_type : 0;
	p->attach_type = row ? row->attach_type : 0;
	err = isa_asm(text, &p->insns, &p->nr_insns, &b->diag);
	err = err ?: vm_prog_new(b->vm, p, &code, &b->diag);
	err = err ?: hook_attach(b->set, p, code, NULL, &b->diag);
	if (err)
		mem_free(p->insns);
	else
		b->nr_progs++;
	return err;
}

/* Until the command is over, at most that many seconds. 0: over, 1: still running, -errno. */
__attribute__((unused)) static int bench_run(struct bench *b, u32 seconds)
{
	time_t end = time(NULL) + seconds;
	int err = hook_start(b->set, &b->diag);

	while (!err && time(NULL) < end) {
		err = hook_poll(b->set, 100, &b->diag);
		if (err <= 0)
			return err;
		err = 0;
	}
	return err ? err : 1;
}

__attribute__((unused)) static u32 bench_count(const struct bench *b, u32 prog)
{
	u32 nr = 0;

	for (u32 i = 0; i < b->nr_results; i++)
		nr += b->results[i].prog == prog;
	return nr;
}

/* The n-th return value of a program, or a value that no test wants. */
__attribute__((unused)) static u64 bench_ret(const struct bench *b, u32 prog, u32 n)
{
	for (u32 i = 0; i < b->nr_results; i++)
		if (b->results[i].prog == prog && !n--)
			return b->results[i].ret;
	return 0xdeadbeefdeadbeef;
}

__attribute__((unused)) static void bench_free(struct bench *b)
{
	hook_set_free(b->set);
	vm_free(b->vm);
	model_free(b->model);
	for (u32 i = 0; i < b->nr_progs; i++)
		mem_free(b->progs[i].insns);
	types_close(b->btf);
	free(b);
}

#endif
