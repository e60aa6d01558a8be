/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The dispatch loop, included twice by interp.c: LOOP is the function's name, and the including
 * file says with READABLE, WRITABLE, ALIGNED, ARGS_FIT, AFTER_HELPER and FRAME_OPENED what is
 * checked.
 *
 * Each row of opcodes.def becomes a label L_<id> with the row's own eval as its code, and jumps
 * a second one, B_<id>, for those that go backwards: only they can make a program run for ever, so
 * only they (and returns) pay for the budget.
 *
 * `left` counts what the slice of the budget still allows. It falls by the distance of each
 * backward jump and by the way from a function's start to its exit. An instruction moves op forward
 * by at least one, so at any time no more instructions have run than the budget was charged with,
 * plus one pass through the open functions.
 */

/* What programs do to the memory that they share is their own affair. */
static __attribute__((no_sanitize("thread"))) u64 LOOP(struct vm_exec *x, const struct vm_op *op,
						       const u64 args[5])
{
	static const struct vm_labels labels = {
		.op =
			{
#define OP(id, ...) [ISA_##id] = &&L_##id,
#include "spec/opcodes.def"
#undef OP
				[ISA_NR_OPS + VM_X_HELPER] = &&X_HELPER,
				[ISA_NR_OPS + VM_X_LOOKUP] = &&X_LOOKUP,
				[ISA_NR_OPS + VM_X_TAIL_CALL] = &&X_TAIL_CALL,
				[ISA_NR_OPS + VM_X_ABSENT] = &&X_ABSENT,
				[ISA_NR_OPS + VM_X_KERNEL_SYM] = &&X_KERNEL_SYM,
			},
		.back =
			{
#define BACK_JMP(id)                           [ISA_##id] = &&B_##id,
#define BACK_JA(id)                            BACK_JMP(id)
#define BACK_JCOND(id)                         BACK_JMP(id)
#define OP(id, c, d, s, o, i, text, kind, ...) BACK_##kind(id)
#include "spec/opcodes.def"
#undef OP
			},
	};
	u64 r[11], stack_lo, stack_span;
	const struct vm_op *base = op;
	const struct vm_callee *callee;
	struct vm_frame *f;
	u32 entry;
	s64 left;

	if (!x)
		return (u64)&labels;
	entry = x->depth;
	memset(r, 0, sizeof(r));
	memcpy(&r[1], args, 5 * sizeof(r[1]));
	r[10] = vm_stack_top(x) - (u64)(entry - 1) * LIMIT_STACK;
	stack_lo = r[10] - LIMIT_STACK;
	stack_span = (u64)entry * LIMIT_STACK;
	left = take_slice(x);
	goto * op->label;

#define OP(id, c, d, s, o, i, text, kind, ...) CODE_##kind(id, __VA_ARGS__)
#include "spec/opcodes.def"
#undef OP

X_HELPER:
	callee = op->callee;
	x->run.insn = (u32)(op - x->run.prog->ops);
	if (!ARGS_FIT(callee))
		goto failed;
	r[0] = callee->fn(&x->run, r[1], r[2], r[3], r[4], r[5]);
	if (unlikely(x->run.err))
		goto failed;
	AFTER_HELPER;
	if (likely(!x->run.owed))
		NEXT;
	left -= (s64)min_u64(x->run.owed, INT64_MAX / 2);
	x->run.owed = 0;
	op++;
	CHARGED;

X_LOOKUP:
	callee = op->callee;
	x->run.insn = (u32)(op - x->run.prog->ops);
	if (!ARGS_FIT(callee))
		goto failed;
	r[0] = callee->fn(&x->run, r[1], r[2], r[3], r[4], r[5]);
	if (unlikely(x->run.err) || !guard_learn_inner(x, r[1], r[0]))
		goto failed;
	NEXT;

X_TAIL_CALL:
	x->run.insn = (u32)(op - x->run.prog->ops);
	left -= op - base + 1;
	if (tail_call(x, r[2], (u32)r[3]))
		op = base = x->run.prog->ops;
	else
		base = ++op;
	if (unlikely(x->run.err))
		goto failed;
	CHARGED;

X_KERNEL_SYM:
	D = kernel_symbol(x, op[1].callee->name);
	op++;
	NEXT;

X_ABSENT:
	x->run.insn = (u32)(op - x->run.prog->ops);
	vm_fault(&x->run, "this code needs something that this kernel does not have");
	goto failed;

call_local:
	if (unlikely(x->depth >= LIMIT_FRAMES)) {
		x->run.insn = (u32)(op - x->run.prog->ops);
		vm_fault(&x->run, "the call stack of %d frames is too deep", LIMIT_FRAMES + 1);
		goto failed;
	}
	f = &x->frames[x->depth++];
	f->ret = op + 1;
	f->base = base;
	f->prog = x->run.prog;
	memcpy(f->saved, &r[6], sizeof(f->saved));
	FRAME_OPENED;
	r[10] -= LIMIT_STACK;
	stack_lo -= LIMIT_STACK;
	stack_span += LIMIT_STACK;
	op += 1 + op->imm;
	base = op;
	goto * op->label;

leave:
	left -= op - base + 1;
	if (x->depth == entry)
		goto out;
	f = &x->frames[--x->depth];
	memcpy(&r[6], f->saved, sizeof(f->saved));
	r[10] += LIMIT_STACK;
	stack_lo += LIMIT_STACK;
	stack_span -= LIMIT_STACK;
	x->run.prog = f->prog;
	base = f->base;
	op = f->ret;
	CHARGED;

slice:
	if (!more_slice(x, op, &left))
		goto failed;
	goto * op->label;

failed:
	r[0] = 0;
out:
	x->depth = entry;
	give_back(x, left);
	(void)stack_lo;
	(void)stack_span;
	return r[0];
}

#undef BACK_JMP
#undef BACK_JA
#undef BACK_JCOND
