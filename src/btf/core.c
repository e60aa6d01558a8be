/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One CO-RE relocation from beginning to end: read the way, find the candidates, follow the way in
 * each, let them agree on a value, patch.
 *
 * Candidates are kept per local type. Those that a relocation did not fit are dropped for the
 * relocations after it, unless none fitted: whoever reads two fields of a type means one type.
 */
#include "btf/core.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/vec.h"
#include "btf/core_spec.h"
#include <errno.h>
#include <string.h>

#define MAX_CANDS                                                                                  \
	4096 /* types of one name; kernels have some hundred of "(anon)", tens of others */

struct cands {
	u32 *data;
	size_t nr, room;
};

struct core {
	const struct btf *local, *target;
	struct hash_table cands; /* by local type id */
	VEC(struct cands *) all;
	u64 work;
	struct core_spec spec, cand, best; /* large: kept off the stack */
};

int core_new(const struct btf *local, const struct btf *target, struct core **ret,
	     struct skep_diag *diag)
{
	struct core *core = mem_zalloc(sizeof(*core));

	if (!core)
		return diag_nomem(diag);
	core->local = local;
	core->target = target;
	core->work = CORE_MAX_WORK;
	*ret = core;
	return 0;
}

struct core *core_free(struct core *core)
{
	if (!core)
		return NULL;
	for (size_t i = 0; i < core->all.nr; i++) {
		if (core->all.data[i])
			VEC_DONE(core->all.data[i]);
		mem_free(core->all.data[i]);
	}
	VEC_DONE(&core->all);
	hash_done(&core->cands);
	mem_free(core);
	return NULL;
}

/* --- candidates ----------------------------------------------------------------------------- */

struct collect {
	struct core *core;
	struct cands *cands;
	const struct btf_type *type;
};

static int add_cand(void *ctx, u32 id)
{
	struct collect *c = ctx;
	u32 *slot;

	if (!c->core->work)
		return -E2BIG;
	c->core->work--;
	if (!core_kinds_compat(c->type, btf__type_by_id(c->core->target, id)))
		return 0;
	if (c->cands->nr == MAX_CANDS)
		return -E2BIG;
	slot = VEC_PUSH(c->cands);
	if (!slot)
		return -ENOMEM;
	*slot = id;
	return 0;
}

/* An empty list that the core owns. */
static struct cands *new_cands(struct core *core)
{
	struct cands **slot = VEC_PUSH(&core->all);

	if (slot)
		*slot = mem_zalloc(sizeof(**slot));
	return slot ? *slot : NULL;
}

static int find_cands(struct core *core, u32 id, struct cands **ret)
{
	struct cands *cands = hash_get(&core->cands, id);
	const char *name = types_name(core->local, id);
	struct collect c = {.core = core, .type = btf__type_by_id(core->local, id)};
	int err;

	if (!cands) {
		cands = c.cands = new_cands(core);
		if (!cands)
			return -ENOMEM;
		err = types_each_named(core->target, name, types_essential_len(name), add_cand, &c);
		err = err ?: hash_put(&core->cands, id, cands);
		if (err)
			return err;
	}
	*ret = cands;
	return 0;
}

/* --- agreeing ------------------------------------------------------------------------------- */

static int ambiguous(struct core *core, const char *what, u64 a, u64 b, struct skep_diag *diag)
{
	return diag_set_full(diag, -EINVAL, "core-ambiguous",
			     "the kernel has several types of this name; say which one with a "
			     "flavour (name___x) that has a field only it has",
			     "types %u and %u of the target both fit, but differ in %s: %llu and "
			     "%llu",
			     core->best.root, core->cand.root, what, (unsigned long long)a,
			     (unsigned long long)b);
}

/* Let one more candidate, core->cand, say what it comes to. */
static int agree(struct core *core, bool first, struct core_result *res, struct skep_diag *diag)
{
	struct core_result mine;
	int err = core_calc(&core->spec, &core->cand, &mine);

	if (err)
		return diag_set(diag, err, "the %s of this can't be had",
				core_kind_name(core->spec.kind));
	if (first) {
		*res = mine;
		core->best = core->cand;
		return 0;
	}
	if (core->cand.bit_off != core->best.bit_off)
		return ambiguous(core, "bit offset", core->best.bit_off, core->cand.bit_off, diag);
	if (mine.poison != res->poison || mine.is != res->is)
		return ambiguous(core, "value", res->is, mine.is, diag);
	return 0;
}

static int try_cands(struct core *core, struct cands *cands, struct core_result *res,
		     struct skep_diag *diag)
{
	size_t nr = 0;

	for (size_t i = 0; i < cands->nr; i++) {
		int ok = core_match(&core->spec, core->target, cands->data[i], &core->cand,
				    &core->work);

		if (ok < 0)
			return diag_set(diag, ok,
					ok == -E2BIG ? "too much to look at, or nested too deep"
						     : "type %u of the target can't be compared",
					cands->data[i]);
		if (!ok)
			continue;
		ok = agree(core, !nr, res, diag);
		if (ok)
			return ok;
		cands->data[nr++] = cands->data[i];
	}
	if (nr) {
		cands->nr = nr;
		return 0;
	}
	return core_calc(&core->spec, NULL, res);
}

static int resolve(struct core *core, const struct bpf_core_relo *relo, struct core_result *res,
		   struct skep_diag *diag)
{
	struct cands *cands;
	int err;

	if (relo->kind == BPF_CORE_TYPE_ID_LOCAL) {
		*res = (struct core_result){.was = relo->type_id, .is = relo->type_id};
		return 0;
	}
	if (!types_name(core->local, relo->type_id)[0])
		return diag_set(diag, -EOPNOTSUPP, "a type without a name can't be found again");
	if (!core->target)
		return diag_set_full(diag, -ESRCH, "no-btf", "give a kernel's BTF with --btf FILE",
				     "the kernel's BTF is needed for this, and there is none");
	err = find_cands(core, relo->type_id, &cands);
	if (err)
		return err == -ENOMEM ? diag_nomem(diag)
				      : diag_set(diag, err,
						 "the target has too many types of "
						 "this name");
	return try_cands(core, cands, res, diag);
}

static int say_where(struct core *core, const struct bpf_core_relo *relo, int err,
		     struct skep_diag *diag)
{
	struct strbuf sb = {0};

	core_spec_text(&core->spec, &sb);
	diag_set(diag, err, "CO-RE relocation failed: %s", strerror(-err));
	diag_at(diag, err, "%s of %s", core_kind_name(relo->kind), strbuf_str(&sb));
	strbuf_done(&sb);
	return err;
}

int core_relocate(struct core *core, const struct bpf_core_relo *relo, struct bpf_insn *insn,
		  u32 nr, struct skep_diag *diag)
{
	struct core_result res = {0};
	int err;

	if (!relo->type_id || !btf__type_by_id(core->local, relo->type_id))
		return diag_set(diag, -EINVAL, "CO-RE relocation of type %u, which is not there",
				relo->type_id);
	err = core_spec_parse(core->local, relo, &core->spec);
	if (err) {
		const char *way = btf__name_by_offset(core->local, relo->access_str_off);

		diag_set(diag, -EINVAL, "'%.40s' leads nowhere in this type (relocation kind %u)",
			 way ? way : "?", relo->kind);
		core->spec.nr_steps = 0;
		return say_where(core, relo, -EINVAL, diag);
	}
	err = resolve(core, relo, &res, diag);
	err = err ?: core_patch(insn, nr, &res, diag);
	return err ? say_where(core, relo, err, diag) : 0;
}
