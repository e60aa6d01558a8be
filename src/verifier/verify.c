/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The list of passes. */
#include "base/hash.h"
#include "base/mem.h"
#include "verifier/verifier.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *name;
	int (*run)(struct env *env);
} passes[] = {
	{"functions", subprogs_find}, {"jumps", subprogs_check}, {"attach", attach_check},
	{"maps", ldimm_resolve},      {"graph", cfg_check},
};

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

static int decode(struct env *env)
{
	env->aux = arena_calloc(&env->arena, env->nr, sizeof(*env->aux));
	env->explored = arena_calloc(&env->arena, env->nr, sizeof(*env->explored));
	env->subprogs = arena_calloc(&env->arena, VERIFY_MAX_SUBPROGS + 1, sizeof(*env->subprogs));
	if (!env->aux || !env->explored || !env->subprogs)
		return -ENOMEM;
	for (u32 i = 0; i < env->nr; i++) {
		env->aux[i].op = isa_decode(&env->insns[i], env->nr - i);
		if (isa_nr_slots(&env->insns[i]) == 2 && i + 1 < env->nr)
			i++;
	}
	return 0;
}

static const struct vmap *inner_map(struct env *env, const struct map_def *def)
{
	struct vmap *m = def ? arena_calloc(&env->arena, 1, sizeof(*m)) : NULL;

	if (!m)
		return NULL;
	m->idx = UINT32_MAX;
	m->def = def;
	m->fields = fields_of(env, env->btf, def->value_type_id);
	return m;
}

static int take_maps(struct env *env)
{
	env->nr_maps = env->opts->nr_maps;
	env->maps = arena_calloc(&env->arena, env->nr_maps + 1, sizeof(*env->maps));
	if (!env->maps)
		return -ENOMEM;
	for (u32 i = 0; i < env->nr_maps; i++) {
		const struct verify_map *from = &env->opts->maps[i];
		struct vmap *m = &env->maps[i];

		m->idx = i;
		m->def = from->def;
		m->data = from->data;
		m->data_size = from->data_size;
		m->fields = fields_of(env, env->btf, from->def->value_type_id);
		m->inner = inner_map(env, from->def->inner);
	}
	return 0;
}

static int begin(struct env *env, const struct prog *prog, const struct verify_opts *opts)
{
	int err;

	env->prog = prog;
	env->opts = opts;
	env->insns = prog->insns;
	env->nr = prog->nr_insns;
	env->prog_type = prog->type;
	env->attach_type = prog->attach_type;
	env->gpl = prog_is_gpl(prog);
	env->sleepable = prog->flags & BPF_F_SLEEPABLE;
	env->strict_align = prog->flags & BPF_F_STRICT_ALIGNMENT;
	env->many_states = prog->flags & BPF_F_TEST_STATE_FREQ;
	env->btf = opts->btf;
	env->kbtf = opts->kernel_btf;
	env->log_level = opts->log_level;
	env->fields_cache = arena_calloc(&env->arena, 1, sizeof(*env->fields_cache));
	if (!env->fields_cache)
		return -ENOMEM;
	reg_set_unknown(&env->any_number);
	err = decode(env);
	return err ? err : take_maps(env);
}

static int run(struct env *env)
{
	int err = 0;

	if (!env->nr || env->nr > VERIFY_MAX_INSNS)
		return reject_program_size(env, env->nr);
	for (size_t i = 0; !err && i < ARRAY_SIZE(passes); i++)
		err = passes[i].run(env);
	if (!err)
		err = explore(env, 0);
	if (!err)
		err = explore_globals(env);
	if (!err)
		err = subprogs_check_stack(env);
	return err;
}

static int give_facts(struct env *env, struct verify_result *res)
{
	res->facts = mem_calloc(env->nr, sizeof(*res->facts));
	if (!res->facts)
		return -ENOMEM;
	for (u32 i = 0; i < env->nr; i++) {
		const struct insn_aux *aux = &env->aux[i];
		struct verify_fact *f = &res->facts[i];

		f->seen = aux->seen;
		f->reg_type = aux->ptr_type & REG_KIND_MASK;
		if (aux->map && !aux->map_poisoned && aux->map->idx < 0xffff)
			f->map = (aux->map->idx + 1) & 0xffff;
		f->has_key = aux->key && !aux->key_poisoned;
		f->key = aux->key - f->has_key;
	}
	return 0;
}

static void end(struct env *env)
{
	state_pools_done(env);
	mem_free(env->hist);
	if (env->fields_cache)
		hash_done(env->fields_cache);
	strbuf_done(&env->log);
	arena_done(&env->arena);
}

/* Ids are written as the rows are named, but with dashes. */
static const char *dashed(struct verify_result *res)
{
	size_t i;

	for (i = 0; res->id && res->id[i] && i < sizeof(res->id_text) - 1; i++)
		res->id_text[i] = res->id[i] == '_' ? '-' : res->id[i];
	res->id_text[i] = 0;
	return res->id_text;
}

static void tell_stats(struct env *env, const struct verify_result *res)
{
	log_text(env, "verification time %llu usec\nstack depth ",
		 (unsigned long long)((now_ns() - env->start) / 1000));
	for (u32 i = 0; i < env->nr_subprogs; i++)
		log_text(env, "%s%d", i ? "+" : "", env->subprogs[i].stack_depth);
	log_text(env,
		 "\nprocessed %u insns (limit %d) max_states_per_insn %u total_states %u "
		 "peak_states %u mark_read 0\n",
		 res->stats.processed, VERIFY_MAX_INSNS, res->stats.max_states_per_insn,
		 res->stats.states, res->stats.peak_states);
}

static int finish(struct env *env, struct verify_result *res, int err)
{
	if (err && !res->err)
		return err == -ENOMEM ? err : reject_internal(env, err);
	res->id = dashed(res);
	res->hint = res->hint ? res->hint : "";
	res->stats.insns = env->nr;
	if (env->log_level)
		tell_stats(env, res);
	res->log = mem_strdup(strbuf_str(&env->log));
	if (!res->log)
		return -ENOMEM;
	return res->err ? 0 : give_facts(env, res);
}

int verify(const struct prog *prog, const struct verify_opts *opts, struct verify_result **ret,
	   struct skep_diag *diag)
{
	struct verify_result *res = mem_zalloc(sizeof(*res));
	struct env *env = mem_zalloc(sizeof(*env));
	u64 start = now_ns();
	int err = env && res ? 0 : -ENOMEM;

	if (!err) {
		env->res = res;
		env->start = start;
		res->insn = -1;
		err = begin(env, prog, opts);
		if (!err) {
			err = run(env);
			err = finish(env, res, err);
		}
		res->stats.ns = now_ns() - start;
		end(env);
	}
	mem_free(env);
	if (err) {
		verify_result_free(res);
		return diag_nomem(diag);
	}
	*ret = res;
	return 0;
}

struct verify_result *verify_result_free(struct verify_result *res)
{
	if (res) {
		mem_free(res->log);
		mem_free(res->facts);
	}
	mem_free(res);
	return NULL;
}
