/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The machine: what programs of one object share, from vm_new to vm_free, and how runs fail. */
#include "base/mem.h"
#include "vm/code.h"
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

int vm_new(struct map *const *maps, u32 nr_maps, const struct vm_opts *opts, struct vm **ret,
	   struct skep_diag *diag)
{
	struct vm *vm;
	int err;

	if (nr_maps > LIMIT_MAPS)
		return diag_set(diag, -E2BIG, "%u maps, %d is the limit", nr_maps, LIMIT_MAPS);
	vm = mem_zalloc(sizeof(*vm));
	if (!vm)
		return diag_nomem(diag);
	pthread_rwlock_init(&vm->inner_lock, NULL);
	if (opts)
		vm->opts = *opts;
	if (!vm->opts.max_insns)
		vm->opts.max_insns = LIMIT_BUDGET;
	vm->maps = mem_calloc(nr_maps ?: 1, sizeof(*vm->maps));
	if (!vm->maps) {
		err = diag_nomem(diag);
		goto free_vm;
	}
	if (nr_maps)
		memcpy(vm->maps, maps, nr_maps * sizeof(*maps));
	vm->nr_maps = nr_maps;
	err = guard_init(vm, diag);
	err = err ?: vm_state_new(vm, vm->maps, nr_maps, &vm->state, diag);
	if (err)
		goto free_vm;
	*ret = vm;
	return 0;

free_vm:
	vm_free(vm);
	return err;
}

static void prog_free(struct vm_prog *p)
{
	while (p->callees) {
		struct vm_callee *c = p->callees;

		p->callees = c->next;
		mem_free(c);
	}
	mem_free(p->ops);
	mem_free(p->is_func);
	mem_free(p);
}

struct vm *vm_free(struct vm *vm)
{
	if (!vm)
		return NULL;
	while (vm->progs) {
		struct vm_prog *p = vm->progs;

		vm->progs = p->next;
		prog_free(p);
	}
	vm_state_free(vm->state);
	guard_done(vm);
	pthread_rwlock_destroy(&vm->inner_lock);
	mem_free(vm->maps);
	mem_free(vm);
	return NULL;
}

int vm_prog_new(struct vm *vm, const struct prog *prog, struct vm_prog **ret,
		struct skep_diag *diag)
{
	struct vm_prog *p = mem_zalloc(sizeof(*p));
	int err;

	if (!p)
		return diag_nomem(diag);
	p->vm = vm;
	p->prog = prog;
	err = vm_prepare(p, diag);
	if (err) {
		prog_free(p);
		return diag_at(diag, err, "%s", prog->name ? prog->name : "program");
	}
	p->next = vm->progs;
	vm->progs = p;
	*ret = p;
	return 0;
}

void vm_stop(struct vm *vm)
{
	atomic_store_explicit(&vm->stop, true, memory_order_relaxed);
}

bool vm_is_stopped(const struct vm *vm)
{
	return atomic_load_explicit(&vm->stop, memory_order_relaxed);
}

const struct btf *vm_kernel_btf(const struct vm *vm)
{
	return vm->opts.kernel_btf;
}

const struct btf *vm_object_btf(const struct vm *vm)
{
	return vm->opts.btf;
}

struct vm_state *vm_state_of(const struct vm *vm)
{
	return vm->state;
}

const struct prog *vm_prog_source(const struct vm_prog *prog)
{
	return prog->prog;
}

const struct vm_opts *vm_options(const struct vm *vm)
{
	return &vm->opts;
}

/* --- telling where -------------------------------------------------------------------------- */

/* "x.bpf.c:12: value = *p;", or the number of the instruction where there is no line. */
int vm_place(struct skep_diag *diag, int err, const struct prog *prog, u32 insn)
{
	const struct prog_line *line = prog_line_at(prog, insn);
	const char *text;

	if (!line || !line->file || !line->file[0])
		return diag_at(diag, err, "instruction %u", insn);
	text = line->text ? line->text : "";
	text += strspn(text, " \t");
	if (!text[0])
		return diag_at(diag, err, "%s:%u", line->file, line->line);
	return diag_at(diag, err, "%s:%u: %.120s", line->file, line->line, text);
}

static const char *function_name(const struct prog *prog, u32 insn)
{
	const struct prog_func *f = prog_func_at(prog, insn);

	if (f && f->name)
		return f->name;
	return prog->name ? prog->name : "program";
}

static void fail(struct vm_run *run, int err, const char *text)
{
	const struct prog *prog = run->prog->prog;

	if (run->err)
		return;
	run->err = err;
	diag_set(run->diag, err, "%s: %s", function_name(prog, run->insn), text);
	vm_place(run->diag, err, prog, run->insn);
}

int vm_fail(struct vm_run *run, int err, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail(run, err, text);
	return err;
}

u64 vm_fault(struct vm_run *run, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail(run, -EFAULT, text);
	return 0;
}
