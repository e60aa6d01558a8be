/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which variable is it? Of the function that a call lies in (with what is inlined into it), the
 * variable whose location is where the record's pointer is: a struct in the stack slot that is
 * passed, or a pointer in a register while that register holds the pointer. Where the compiler
 * lost the location, a variable whose type has the record's size will do.
 */
#include "event/debug_var.h"
#include "base/hash.h"
#include "base/mem.h"
#include "event/debug_btf.h"
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <libelf.h>
#include <string.h>

#define MAX_SCOPES 64      /* nesting of lexical blocks */
#define MAX_DIES   2000000 /* looked at in one object */
#define MAX_HOLDS  64      /* registers and slots that hold one pointer */

struct debug_vars {
	const struct debug_image *img;
	const struct flow *flow;
	Elf *elf;
	Dwarf *dw;
	u32 nr_dies;
	struct hash_table types; /* DIE offset → BTF type id */
};

enum { /* how sure */
       SCORE_SIZE = 40,
       SCORE_HERE = 5, /* in scope at the call */
       SCORE_PLACE = 100,
};

struct search {
	struct debug_vars *d;
	const struct flow_site *site;
	Dwarf_Addr pc;
	const struct flow_hold *holds[MAX_HOLDS]; /* of the pointer */
	u32 nr_holds;
	int best;
	Dwarf_Die type;
	const char *name;
};

int debug_vars_open(const struct debug_image *img, const struct flow *flow, struct debug_vars **ret)
{
	struct debug_vars *d = mem_zalloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->img = img;
	d->flow = flow;
	elf_version(EV_CURRENT);
	d->elf = elf_memory((char *)img->data, img->size);
	d->dw = d->elf ? dwarf_begin_elf(d->elf, DWARF_C_READ, NULL) : NULL;
	if (!d->dw) {
		debug_vars_close(d);
		return -ENODATA;
	}
	*ret = d;
	return 0;
}

struct debug_vars *debug_vars_close(struct debug_vars *d)
{
	if (!d)
		return NULL;
	if (d->dw)
		dwarf_end(d->dw);
	if (d->elf)
		elf_end(d->elf);
	hash_done(&d->types);
	mem_free(d);
	return NULL;
}

/* --- types ------------------------------------------------------------------------------------ */

static bool die_type(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, DW_AT_type, &attr) && dwarf_formref_die(&attr, ret);
}

static bool peel(Dwarf_Die *type, Dwarf_Die *ret)
{
	return dwarf_peel_type(type, ret) == 0;
}

/* What a pointer points to; false: type is not a pointer, or one to void. */
static bool pointee(Dwarf_Die *type, Dwarf_Die *ret)
{
	Dwarf_Die bare;

	return peel(type, &bare) && dwarf_tag(&bare) == DW_TAG_pointer_type && die_type(&bare, ret);
}

static bool is_composite(Dwarf_Die *type)
{
	Dwarf_Die bare;

	return peel(type, &bare) &&
	       (dwarf_tag(&bare) == DW_TAG_structure_type || dwarf_tag(&bare) == DW_TAG_union_type);
}

static u64 type_size(Dwarf_Die *type)
{
	Dwarf_Word size = 0;

	return dwarf_aggregate_size(type, &size) == 0 ? size : 0;
}

/* --- places ----------------------------------------------------------------------------------- */

static int expr_reg(const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg10)
		return op->atom - DW_OP_reg0;
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg10 && !op->number)
		return op->atom - DW_OP_breg0;
	return op->atom == DW_OP_regx ? (int)op->number : -1;
}

static bool reg_holds(const struct search *s, int reg, Dwarf_Addr start, Dwarf_Addr end)
{
	u64 base = (u64)s->site->shndx << DEBUG_SECTION_SHIFT;

	for (u32 i = 0; i < s->nr_holds; i++) {
		const struct flow_hold *h = s->holds[i];

		if (h->reg == reg && base + h->from < end && start < base + h->to)
			return true;
	}
	return false;
}

static void find_holds(struct search *s)
{
	const struct flow *flow = s->d->flow;

	for (size_t i = 0; i < flow->nr_holds && s->nr_holds < MAX_HOLDS; i++)
		if (flow->holds[i].id == s->site->ptr.id && flow->holds[i].shndx == s->site->shndx)
			s->holds[s->nr_holds++] = &flow->holds[i];
}

enum place {
	PLACE_ELSEWHERE,
	PLACE_RECORD,  /* the variable is the record */
	PLACE_POINTER, /* the variable points to it */
};

static enum place expr_place(const struct search *s, const Dwarf_Op *expr, size_t nr,
			     Dwarf_Addr start, Dwarf_Addr end)
{
	bool value = nr == 2 && expr[1].atom == DW_OP_stack_value;
	bool in_stack = nr && (expr->atom == DW_OP_fbreg || expr->atom == DW_OP_breg10);
	s64 at;

	if (nr != 1 && !value)
		return PLACE_ELSEWHERE;
	at = in_stack ? (s64)expr->number - s->d->flow->frames[s->site->frame].depth : 0;
	if (in_stack && s->site->ptr.kind == FLOW_STACK && at == s->site->ptr.num)
		return value ? PLACE_POINTER : PLACE_RECORD;
	if (in_stack && !value && at >= -512 && at < 0)
		return reg_holds(s, FLOW_SLOT + (int)(at + 512) / 8, start, end) ? PLACE_POINTER
										 : PLACE_ELSEWHERE;
	if (expr->atom <= DW_OP_reg10 || value || expr->atom == DW_OP_regx)
		return reg_holds(s, expr_reg(expr), start, end) ? PLACE_POINTER : PLACE_ELSEWHERE;
	return PLACE_ELSEWHERE;
}

static enum place var_place(const struct search *s, Dwarf_Die *var)
{
	Dwarf_Attribute attr;
	Dwarf_Addr base, start, end;
	Dwarf_Op *expr;
	size_t nr;
	ptrdiff_t at = 0;
	enum place place = PLACE_ELSEWHERE;

	if (!dwarf_attr(var, DW_AT_location, &attr))
		return PLACE_ELSEWHERE;
	while (place == PLACE_ELSEWHERE &&
	       (at = dwarf_getlocations(&attr, at, &base, &start, &end, &expr, &nr)) > 0)
		place = expr_place(s, expr, nr, start, end);
	return place;
}

/* --- the search ------------------------------------------------------------------------------- */

static void consider(struct search *s, Dwarf_Die *var, bool here)
{
	Dwarf_Die type, target;
	enum place place;
	bool fits;
	u64 size;
	int score = here ? SCORE_HERE : 0;

	if (!die_type(var, &type))
		return;
	place = var_place(s, var);
	target = type;
	if (place != PLACE_RECORD && !pointee(&type, &target) && place == PLACE_POINTER)
		return;
	size = type_size(&target);
	fits = size == s->site->size;
	if (!size || (!is_composite(&target) && (place != PLACE_RECORD || !fits)))
		return; /* other variables may share a slot of the stack */
	if (place == PLACE_ELSEWHERE && !fits)
		return;
	if (place != PLACE_ELSEWHERE && (fits || !s->site->size))
		score += SCORE_PLACE;
	if (fits || (place != PLACE_ELSEWHERE && size > s->site->size))
		score += SCORE_SIZE;
	if (score <= s->best)
		return;
	s->best = score;
	s->type = target;
	s->name = dwarf_diename(var);
}

static void search_scope(struct search *s, Dwarf_Die *scope, bool here, u32 depth)
{
	Dwarf_Die die;

	if (depth > MAX_SCOPES || dwarf_child(scope, &die))
		return;
	do {
		int tag = dwarf_tag(&die);

		if (++s->d->nr_dies > MAX_DIES)
			return;
		if (tag == DW_TAG_variable || tag == DW_TAG_formal_parameter)
			consider(s, &die, here);
		else if (tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine)
			search_scope(s, &die, dwarf_haspc(&die, s->pc) == 1, depth + 1);
	} while (dwarf_siblingof(&die, &die) == 0);
}

static void search_unit(struct search *s, Dwarf_Die *unit)
{
	Dwarf_Die die;

	if (dwarf_child(unit, &die))
		return;
	do {
		if (++s->d->nr_dies > MAX_DIES)
			return;
		if (dwarf_tag(&die) == DW_TAG_subprogram && dwarf_haspc(&die, s->pc) == 1)
			search_scope(s, &die, true, 0);
	} while (dwarf_siblingof(&die, &die) == 0);
}

u32 debug_record_type(struct debug_vars *d, const struct flow_site *site, struct btf *btf,
		      bool *ret_exact)
{
	struct search s = {.d = d, .site = site};
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;
	u8 type;

	s.pc = ((u64)site->shndx << DEBUG_SECTION_SHIFT) + site->off;
	find_holds(&s);
	while (dwarf_get_units(d->dw, cu, &cu, NULL, &type, &unit, NULL) == 0)
		search_unit(&s, &unit);
	if (s.best < SCORE_SIZE)
		return 0;
	*ret_exact = s.best >= SCORE_PLACE;
	return debug_to_btf(&s.type, s.name, btf, &d->types);
}
