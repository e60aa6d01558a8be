/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Looking things up in a program; every table is sorted by instruction. */
#include "prog/prog.h"
#include <string.h>

/* The last of nr sorted elements whose first member (u32) is not above insn; NULL if none. */
static const void *last_at(const void *base, u32 nr, size_t size, u32 insn)
{
	u32 lo = 0, hi = nr;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (*(const u32 *)((const char *)base + mid * size) <= insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? (const char *)base + (lo - 1) * size : NULL;
}

const struct prog_line *prog_line_at(const struct prog *prog, u32 insn)
{
	return last_at(prog->lines, prog->nr_lines, sizeof(*prog->lines), insn);
}

const struct prog_func *prog_func_at(const struct prog *prog, u32 insn)
{
	const struct prog_func *f = last_at(prog->funcs, prog->nr_funcs, sizeof(*f), insn);

	return f && insn - f->start < f->nr ? f : NULL;
}

const struct prog_ref *prog_ref_at(const struct prog *prog, u32 insn)
{
	const struct prog_ref *ref = last_at(prog->refs, prog->nr_refs, sizeof(*ref), insn);

	return ref && ref->insn == insn ? ref : NULL;
}

/* The list is the kernel's include/linux/license.h. */
bool prog_is_gpl(const struct prog *prog)
{
	static const char *const gpl[] = {
		"GPL",          "GPL v2",       "GPL and additional rights",
		"Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"};

	for (size_t i = 0; prog->license && i < ARRAY_SIZE(gpl); i++)
		if (!strcmp(prog->license, gpl[i]))
			return true;
	return false;
}
