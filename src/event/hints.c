/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * See hints.h. A logarithm is known by its steps: whatever way it is written in, the value is
 * compared with (or shifted by) halves of its width, 16, 8 and 4 bits: log2() of the BPF tools
 * compares with 0xffff, 0xff, 0xf.
 */
#include "event/hints.h"
#include "base/mem.h"
#include "event/flow.h"
#include "event/flow_core.h"
#include <linux/bpf.h>

/* Fields whose order is looked up: a bound on the work. */
#define MAX_ORDERED 256

struct event_hints {
	struct debug_image img; /* flow's names lie in it */
	struct flow flow;
	bool has_log2;
};

/* The step that an instruction may be, as a mask: 8 bits, 4 bits. */
static u32 step_of(const struct bpf_insn *insn)
{
	u32 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);
	bool compares = (class == BPF_JMP || class == BPF_JMP32) && BPF_SRC(insn->code) == BPF_K &&
			(op == BPF_JGT || op == BPF_JGE || op == BPF_JLT || op == BPF_JLE);
	u32 limit = (u32)insn->imm;

	for (u32 i = 0, bits = 8; compares && i < 2; i++, bits /= 2)
		if (limit == 1u << bits || limit == (1u << bits) - 1)
			return 1u << i;
	return 0;
}

static bool finds_log2(const struct debug_image *img)
{
	u32 steps = 0;

	for (u32 i = 0; i < img->nr_shdrs; i++) {
		const struct bpf_insn *insns;
		size_t size = 0;

		if (!debug_image_is_code(img, i) || img->shdrs[i].sh_offset % 8)
			continue;
		insns = (const void *)debug_image_section_data(img, i, &size);
		for (size_t k = 0; insns && k < size / sizeof(*insns); k++)
			steps |= step_of(&insns[k]);
	}
	return steps == 3;
}

struct event_hints *event_hints_new(const struct object *obj)
{
	struct event_hints *h = mem_zalloc(sizeof(*h));
	struct flow_core *core = NULL;
	size_t size = 0;
	const void *data = object_image(obj, &size);

	if (!h)
		return NULL;
	if (!data || debug_image_open(data, size, &h->img)) {
		mem_free(h);
		return NULL;
	}
	h->has_log2 = finds_log2(&h->img);
	if (!flow_core_new(&h->img, obj->btf, &core) && flow_scan(&h->img, core, &h->flow))
		h->flow = (struct flow){0};
	flow_core_free(core);
	return h;
}

struct event_hints *event_hints_free(struct event_hints *h)
{
	if (!h)
		return NULL;
	flow_done(&h->flow);
	debug_image_done(&h->img);
	mem_free(h);
	return NULL;
}

bool hints_log2(const struct event_hints *h)
{
	return !h || h->has_log2;
}

static void order(const struct event_hints *h, const char *map, bool is_key, struct field *f,
		  u32 *budget)
{
	if (f->hint == HINT_PORT && f->kind == FIELD_INT && !f->big_endian && *budget) {
		--*budget;
		f->big_endian = flow_is_network_in(&h->flow, map, is_key, f->off);
	}
	for (u32 i = 0; i < f->nr_kids && f->kind != FIELD_ARRAY; i++)
		order(h, map, is_key, &f->kids[i], budget);
}

void hints_order(const struct event_hints *h, const char *map, bool is_key, struct field *f)
{
	u32 budget = MAX_ORDERED;

	if (h && map && f)
		order(h, map, is_key, f, &budget);
}
