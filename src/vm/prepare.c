/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * From a program's instructions to the interpreter's operations.
 *
 * After it the interpreter needs no check of its own to stay inside the program: every slot that
 * control can reach holds an operation, every jump stays in its function and hits no second half
 * of an ld_imm64, no function runs off its end, every call has somebody to call. The rules and
 * their words are those of check_cfg, check_subprogs and resolve_pseudo_ldimm64 in Linux.
 */
#include "base/mem.h"
#include "vm/code.h"
#include <errno.h>
#include <string.h>

enum {
	SLOT_SECOND = 1, /* of an ld_imm64 */
	SLOT_FUNC = 2,   /* a function begins here */
};

struct prepare {
	struct vm_prog *p;
	const struct prog *prog;
	const struct bpf_insn *insns;
	u32 nr;
	u16 *op; /* enum isa_op of each slot */
	u8 *slot;
	struct skep_diag *diag;
};

static int refuse(const struct prepare *pr, u32 insn, int err)
{
	return vm_place(pr->diag, err, pr->prog, insn);
}

/* --- validity ------------------------------------------------------------------------------- */

static int decode_all(struct prepare *pr)
{
	for (u32 i = 0; i < pr->nr; i++) {
		pr->op[i] = isa_decode(&pr->insns[i], pr->nr - i);
		if (pr->op[i] == ISA_INVALID)
			return refuse(pr, i, isa_check(&pr->insns[i], pr->nr - i, i, pr->diag));
		if (isa_kind(pr->op[i]) == ISA_KIND_LDDW)
			pr->slot[++i] = SLOT_SECOND;
	}
	return 0;
}

/* Where a distance leads; false: out of the program or into the middle of an instruction. */
static bool target_of(const struct prepare *pr, u32 insn, s32 distance, u32 *ret)
{
	s64 to = (s64)insn + 1 + distance;

	if (to < 0 || to >= pr->nr || pr->slot[to] & SLOT_SECOND)
		return false;
	*ret = (u32)to;
	return true;
}

static int find_functions(struct prepare *pr)
{
	const struct prog *prog = pr->prog;
	u32 exception = prog->exception_func ? prog->funcs[prog->exception_func].start : 0;

	if (exception >= pr->nr || pr->slot[exception] & SLOT_SECOND)
		return diag_set(pr->diag, -EINVAL, "the exception callback is no function");
	pr->slot[0] |= SLOT_FUNC;
	pr->slot[exception] |= SLOT_FUNC;
	for (u32 i = 0; i < pr->nr; i++) {
		s32 distance;
		u32 to;

		if (pr->op[i] != ISA_CALL_LOCAL && pr->op[i] != ISA_LDDW_FUNC)
			continue;
		isa_distance(pr->op[i], &pr->insns[i], &distance);
		if (!target_of(pr, i, distance, &to))
			return refuse(pr, i,
				      diag_set(pr->diag, -EINVAL,
					       "call to invalid destination, %+d from here",
					       distance));
		pr->slot[to] |= SLOT_FUNC;
		if (pr->op[i] == ISA_LDDW_FUNC)
			pr->p->is_func[to] = 1;
	}
	return 0;
}

static bool never_returns(const struct prepare *pr, u32 i)
{
	const struct prog_ref *ref = prog_ref_at(pr->prog, i);

	return pr->op[i] == ISA_CALL_KFUNC && ref && ref->name &&
	       (!strcmp(ref->name, "bpf_throw") || !strcmp(ref->name, "__bpf_trap"));
}

static bool ends_function(const struct prepare *pr, u32 i)
{
	enum isa_kind kind = isa_kind(pr->op[i]);

	return kind == ISA_KIND_EXIT || kind == ISA_KIND_JA || never_returns(pr, i);
}

static int check_jump(const struct prepare *pr, u32 i, u32 start, u32 end)
{
	enum isa_kind kind = isa_kind(pr->op[i]);
	s32 distance;
	u32 to;

	if (kind != ISA_KIND_JMP && kind != ISA_KIND_JA && kind != ISA_KIND_JCOND)
		return 0;
	isa_distance(pr->op[i], &pr->insns[i], &distance);
	if (target_of(pr, i, distance, &to) && to >= start && to < end)
		return 0;
	return refuse(pr, i,
		      diag_set(pr->diag, -EINVAL, "jump out of range from insn %u to %lld", i,
			       (long long)i + 1 + distance));
}

/* The instruction before end, which may take two slots. */
static u32 last_before(const struct prepare *pr, u32 end)
{
	return pr->slot[end - 1] & SLOT_SECOND ? end - 2 : end - 1;
}

static int check_functions(const struct prepare *pr)
{
	u32 start = 0, end, last;

	for (; start < pr->nr; start = end) {
		for (end = start + 1; end < pr->nr && !(pr->slot[end] & SLOT_FUNC);)
			end++;
		for (u32 i = start; i < end; i++) {
			int err = pr->slot[i] & SLOT_SECOND ? 0 : check_jump(pr, i, start, end);

			if (err)
				return err;
		}
		last = last_before(pr, end);
		if (!ends_function(pr, last))
			return refuse(
				pr, last,
				diag_set(pr->diag, -EINVAL, "last insn is not an exit or jmp"));
	}
	return 0;
}

/* --- calls ---------------------------------------------------------------------------------- */

static struct vm_callee *callee_new(struct prepare *pr)
{
	struct vm_callee *c = mem_zalloc(sizeof(*c));

	if (!c) {
		diag_nomem(pr->diag);
		return NULL;
	}
	c->next = pr->p->callees;
	pr->p->callees = c;
	return c;
}

/* Numbers that libbpf and our loader put where a relocation of CO-RE or a weak symbol failed. */
static bool is_poison(u32 id)
{
	return id == 0xbad2310 || id / 1000000 == 2001 || id / 1000000 == 2002;
}

/* The extra operation that a helper's call becomes, or -errno. */
static int prepare_helper(struct prepare *pr, u32 i)
{
	u32 id = (u32)pr->insns[i].imm;
	struct vm_callee *c;
	const char *why = "";

	if (is_poison(id))
		return VM_X_ABSENT;
	if (id == BPF_FUNC_tail_call)
		return VM_X_TAIL_CALL;
	c = callee_new(pr);
	if (!c)
		return -ENOMEM;
	c->spec = spec_helper(id);
	c->name = c->spec ? c->spec->name : "";
	c->fn = vm_helper_find(id, &why);
	if (!c->fn && !c->spec)
		return refuse(pr, i, diag_set(pr->diag, -EINVAL, "invalid func unknown#%u", id));
	if (!c->fn)
		return refuse(pr, i, diag_set(pr->diag, -EOPNOTSUPP, "bpf_%s: %s", c->name, why));
	pr->p->ops[i].callee = c;
	if (id == BPF_FUNC_get_current_task_btf)
		pr->p->probes = true;
	return id == BPF_FUNC_map_lookup_elem ? VM_X_LOOKUP : VM_X_HELPER;
}

static int prepare_kfunc(struct prepare *pr, u32 i)
{
	const struct prog_ref *ref = prog_ref_at(pr->prog, i);
	const char *why = "";
	struct vm_callee *c;

	if (ref && ref->absent)
		return VM_X_ABSENT;
	if (!ref || !ref->name)
		return refuse(pr, i,
			      diag_set(pr->diag, -EINVAL,
				       "call of kernel function %d, which has "
				       "no name here",
				       pr->insns[i].imm));
	c = callee_new(pr);
	if (!c)
		return -ENOMEM;
	c->name = ref->name;
	c->fn = vm_kfunc_find(ref->name, &why);
	if (!c->fn)
		return refuse(pr, i, diag_set(pr->diag, -EOPNOTSUPP, "%s: %s", ref->name, why));
	pr->p->ops[i].callee = c;
	pr->p->probes = true;
	return VM_X_HELPER;
}

/* --- ld_imm64 ------------------------------------------------------------------------------- */

static const struct map *map_at(const struct prepare *pr, u32 i)
{
	u32 idx = (u32)pr->insns[i].imm;
	const struct vm *vm = pr->p->vm;

	if (idx < vm->nr_maps && vm->maps[idx])
		return vm->maps[idx];
	refuse(pr, i,
	       diag_set(pr->diag, -EINVAL, "map %u of this program is not there (there are %u)",
			idx, vm->nr_maps));
	return NULL;
}

static int prepare_map_value(struct prepare *pr, u32 i, u64 *ret)
{
	const struct map *map = map_at(pr, i);
	u32 off = (u32)pr->insns[i + 1].imm;

	if (!map)
		return -EINVAL;
	if (!map->mem.base)
		return refuse(pr, i,
			      diag_set(pr->diag, -EINVAL,
				       "no direct value access support for this map type"));
	if (off >= map->mem.value_len)
		return refuse(pr, i,
			      diag_set(pr->diag, -EINVAL,
				       "invalid access to map value pointer, value_size=%zu off=%u",
				       map->mem.value_len, off));
	*ret = (u64)map->mem.base + map->mem.value_off + off;
	return 0;
}

/* A symbol whose address only the world knows: asked for when the program gets there. */
static int prepare_symbol(struct prepare *pr, u32 i, const struct prog_ref *ref)
{
	struct vm_callee *c = callee_new(pr);

	if (!c)
		return -ENOMEM;
	c->name = ref->name;
	pr->p->ops[i + 1].callee = c;
	return VM_X_KERNEL_SYM;
}

static bool is_world_symbol(const struct prog_ref *ref, u64 value)
{
	return ref && ref->name && !ref->absent &&
	       (ref->kind == PROG_REF_KVAR || (ref->kind == PROG_REF_KSYM && !value));
}

/* -1: it stays what it is, with the number in the second slot; an extra operation; or -errno. */
static int prepare_lddw(struct prepare *pr, u32 i, u64 *number)
{
	const struct prog_ref *ref = prog_ref_at(pr->prog, i);
	const struct map *map;
	u32 to = 0;

	switch (pr->op[i]) {
	case ISA_LDDW_MAP:
	case ISA_LDDW_MAP_IDX:
		map = map_at(pr, i);
		*number = (u64)map;
		return map ? 0 : -EINVAL;
	case ISA_LDDW_VALUE:
	case ISA_LDDW_VALUE_IDX:
		return prepare_map_value(pr, i, number);
	case ISA_LDDW_FUNC:
		target_of(pr, i, pr->insns[i].imm, &to);
		*number = (u64)&pr->p->ops[to];
		return 0;
	default:
		*number = (u64)(u32)pr->insns[i + 1].imm << 32 | (u32)pr->insns[i].imm;
		if (pr->op[i] == ISA_LDDW_BTF)
			*number = 0;
		return is_world_symbol(ref, *number) ? prepare_symbol(pr, i, ref) : 0;
	}
}

/* --- putting it together -------------------------------------------------------------------- */

static const void *label_of(const struct prepare *pr, u32 i, const struct vm_labels *labels)
{
	enum isa_kind kind = isa_kind(pr->op[i]);
	s32 distance;

	if ((kind == ISA_KIND_JMP || kind == ISA_KIND_JA || kind == ISA_KIND_JCOND) &&
	    isa_distance(pr->op[i], &pr->insns[i], &distance) && distance < 0)
		return labels->back[pr->op[i]];
	return labels->op[pr->op[i]];
}

static int prepare_op(struct prepare *pr, u32 i, const struct vm_labels *labels)
{
	const struct bpf_insn *insn = &pr->insns[i];
	struct vm_op *op = &pr->p->ops[i];
	u64 number = 0;
	int x;

	op->dst = insn->dst_reg;
	op->src = insn->src_reg;
	op->off = insn->off;
	op->imm = insn->imm;
	op->label = label_of(pr, i, labels);
	if (isa_kind(pr->op[i]) == ISA_KIND_LDDW) {
		x = prepare_lddw(pr, i, &number);
		if (x == VM_X_KERNEL_SYM)
			op->label = labels->op[ISA_NR_OPS + x];
		else if (!x)
			op[1].imm64 = number;
		return x < 0 ? x : 0;
	}
	if (pr->op[i] != ISA_CALL && pr->op[i] != ISA_CALL_KFUNC)
		return 0;
	x = pr->op[i] == ISA_CALL ? prepare_helper(pr, i) : prepare_kfunc(pr, i);
	if (x >= 0)
		op->label = labels->op[ISA_NR_OPS + x];
	return x < 0 ? x : 0;
}

static int prepare_ops(struct prepare *pr)
{
	const struct vm_labels *labels = vm_labels(!pr->p->vm->opts.no_guard);

	for (u32 i = 0; i < pr->nr; i++) {
		int err;

		if (pr->slot[i] & SLOT_SECOND) {
			pr->p->ops[i].label = labels->op[ISA_NR_OPS + VM_X_ABSENT];
			continue;
		}
		err = prepare_op(pr, i, labels);
		if (err)
			return err;
	}
	return 0;
}

/* Program types of which Linux turns loads through BTF pointers into ones that may fail. */
static bool may_probe(u32 prog_type)
{
	switch (prog_type) {
	case SPEC_PROG_TRACING:
	case SPEC_PROG_RAW_TRACEPOINT:
	case SPEC_PROG_RAW_TRACEPOINT_WRITABLE:
	case SPEC_PROG_LSM:
	case SPEC_PROG_STRUCT_OPS:
		return true;
	}
	return false;
}

int vm_prepare(struct vm_prog *p, struct skep_diag *diag)
{
	const struct prog *prog = p->prog;
	struct prepare pr = {
		.p = p, .prog = prog, .insns = prog->insns, .nr = prog->nr_insns, .diag = diag};
	int err;

	if (!pr.nr || pr.nr > LIMIT_INSNS)
		return diag_set(diag, -E2BIG, "%u instructions, from 1 to %d are possible", pr.nr,
				LIMIT_INSNS);
	pr.op = mem_calloc(pr.nr, sizeof(*pr.op));
	pr.slot = mem_calloc(pr.nr, 1);
	p->is_func = mem_calloc(pr.nr, 1);
	p->ops = mem_calloc(pr.nr, sizeof(*p->ops));
	p->nr_ops = pr.nr;
	p->probes = may_probe(prog->type);
	err = pr.op && pr.slot && p->is_func && p->ops ? 0 : diag_nomem(diag);
	err = err ?: decode_all(&pr);
	err = err ?: find_functions(&pr);
	err = err ?: check_functions(&pr);
	err = err ?: prepare_ops(&pr);
	mem_free(pr.op);
	mem_free(pr.slot);
	return err;
}
