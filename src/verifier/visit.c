/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Pruning. At some instructions a checkpoint is kept; a path that arrives there in a state that an
 * explored checkpoint covers needs not go on. A checkpoint whose paths are not finished covers
 * nothing yet, except in loops that are known to end (iterators, may_goto, callbacks): there an
 * arrival that it covers adds nothing new (widening makes that happen). Such a state belongs to a
 * loop (loop_entry), and is not trusted for liveness and precision before the loop is finished.
 *
 * When to keep and when to drop checkpoints is Linux' heuristics, since programs near the limit of
 * a million live by them.
 */
#include "verifier/verifier.h"
#include <string.h>

static struct state *loop_of(struct state *st)
{
	struct state *top = st->loop_entry;

	while (top && top->loop_entry && top != top->loop_entry)
		top = top->loop_entry;
	while (st && st->loop_entry != top) {
		struct state *next = st->loop_entry;

		st->loop_entry = top;
		st = next;
	}
	return top;
}

/* cur is inside a loop that goes through head. */
static void join_loop(struct state *cur, struct state *head)
{
	struct state *c = loop_of(cur), *h = loop_of(head);

	c = c ? c : cur;
	h = h ? h : head;
	if (h->branches && h->dfs_depth <= c->dfs_depth) {
		cur->loop_entry = head;
		head->used_as_loop = true;
	}
}

void visit_path_done(struct env *env, struct state *st)
{
	while (st) {
		u32 left = --st->branches;

		if (!left && st->parent && st->loop_entry)
			join_loop(st->parent, st->loop_entry);
		if (left)
			break;
		st = st->parent;
	}
}

static bool same_calls(const struct state *a, const struct state *b)
{
	if (a->cur != b->cur)
		return false;
	for (u32 i = 0; i <= a->cur; i++)
		if (a->frames[i]->callsite != b->frames[i]->callsite)
			return false;
	return true;
}

/* The checkpoint at that instruction, above st on its path: st is a further round of a loop. */
struct state *visit_previous(struct env *env, struct state *st, s32 insn)
{
	const struct state *like = st;

	for (st = st->parent; st; st = st->parent)
		if (st->insn == insn && st->branches && same_calls(st, like))
			return st;
	return NULL;
}

static bool regs_look_equal(const struct state *old, const struct state *cur)
{
	const struct frame *a = state_frame(old), *b = state_frame(cur);

	if (old->cur != cur->cur)
		return false;
	for (int i = 0; i < STATE_NR_REGS; i++)
		if (memcmp(&a->regs[i], &b->regs[i], offsetof(struct reg, id)) ||
		    a->regs[i].id != b->regs[i].id || a->regs[i].ref != b->regs[i].ref)
			return false;
	return true;
}

static bool iter_depths_differ(const struct state *old, const struct state *cur)
{
	for (u32 f = 0; f <= old->cur; f++)
		for (u32 i = 0; i < old->frames[f]->nr_slots; i++) {
			const struct slot *s = &old->frames[f]->slots[i];

			if (s->kind[0] == SLOT_ITER && s->reg.iter.state == ITER_ACTIVE &&
			    cur->frames[f]->slots[i].reg.iter.depth != s->reg.iter.depth)
				return true;
		}
	return false;
}

static bool iter_is_active(const struct env *env)
{
	const struct reg *r = &env_regs(env)[BPF_REG_1];
	const struct frame *f = env_frame_of(env, r);
	s64 off = r->off + (s64)r->v.t.value;
	u64 spi = (u64)(-off - 1) / 8;

	return spi < f->nr_slots && f->slots[spi].reg.iter.state == ITER_ACTIVE;
}

enum verdict { MISS, MISS_KEEP_OUT, HIT };

/* An arrival at a checkpoint whose paths are not finished. */
static int compare_open(struct env *env, struct state *old)
{
	const struct insn_aux *aux = &env->aux[env->insn];
	struct state *cur = env->cur;
	const struct frame *f = state_frame(old);

	if (f->in_async && f->async_entries != state_frame(cur)->async_entries)
		return MISS_KEEP_OUT;
	if (aux->is_iter_next) {
		if (states_are_equal(env, old, cur, EQUAL_RANGES) && iter_is_active(env)) {
			join_loop(cur, old);
			return HIT;
		}
		return MISS_KEEP_OUT;
	}
	if (isa_kind(aux->op) == ISA_KIND_JCOND && old->may_goto_depth != cur->may_goto_depth &&
	    states_are_equal(env, old, cur, EQUAL_RANGES)) {
		join_loop(cur, old);
		return HIT;
	}
	if (aux->calls_callback)
		return states_are_equal(env, old, cur, EQUAL_RANGES) ? HIT : MISS_KEEP_OUT;
	if (regs_look_equal(old, cur) && states_are_equal(env, old, cur, EQUAL_EXACT) &&
	    !iter_depths_differ(old, cur) && old->may_goto_depth == cur->may_goto_depth &&
	    old->callback_unroll == cur->callback_unroll) {
		log_source(env, (u32)env->insn, "; ");
		return reject_infinite_loop(env, env->insn);
	}
	return MISS_KEEP_OUT;
}

static int compare(struct env *env, struct state *old, bool force, bool *add)
{
	struct state *loop;
	bool exact;

	if (old->branches) {
		int ret = compare_open(env, old);

		if (ret == MISS_KEEP_OUT && !force && env->jmps - env->prev_jmps < 20 &&
		    env->res->stats.processed - env->prev_processed < 100)
			*add = false;
		return ret;
	}
	loop = loop_of(old);
	exact = loop && loop->branches > 0;
	if (!states_are_equal(env, old, env->cur, exact ? EQUAL_RANGES : EQUAL_SAFE))
		return MISS;
	if (exact)
		join_loop(env->cur, loop);
	return HIT;
}

static int hit(struct env *env, struct state *old)
{
	int err = 0;

	old->hits++;
	live_join(env, old);
	if (env->aux[env->insn].jmp_point)
		err = hist_push(env, 0, 0);
	if (!err)
		err = precise_join(env, old);
	return err ? err : 1;
}

static int keep(struct env *env)
{
	struct verify_stats *stats = &env->res->stats;
	struct state *cur = env->cur, *st = state_new(env);

	if (!st)
		return -ENOMEM;
	stats->states++;
	stats->peak_states++;
	env->prev_jmps = env->jmps;
	env->prev_processed = stats->processed;
	precise_forget(cur);
	if (state_copy(env, st, cur)) {
		state_free(env, st);
		return -ENOMEM;
	}
	st->insn = env->insn;
	st->hits = st->misses = 0;
	st->used_as_loop = false;
	st->next = env->explored[env->insn];
	env->explored[env->insn] = st;
	cur->parent = st;
	cur->branches = 1;
	cur->first_insn = env->insn;
	cur->hist_start = cur->hist_end;
	cur->dfs_depth = st->dfs_depth + 1;
	cur->loop_entry = NULL;
	live_restart(cur);
	return 0;
}

/* It helps nobody. While paths from it are open, they point to it. */
static void drop(struct env *env, struct state **at)
{
	struct state *old = *at, *loop = loop_of(old);

	*at = old->next;
	if (!old->branches && !old->used_as_loop && !(loop && loop->branches)) {
		state_free(env, old);
		return;
	}
	old->next = env->dropped;
	env->dropped = old;
}

int visit(struct env *env)
{
	const struct insn_aux *aux = &env->aux[env->insn];
	struct state **at = &env->explored[env->insn];
	struct verify_stats *stats = &env->res->stats;
	bool force = env->many_states || aux->force_checkpoint ||
		     env->cur->hist_end - env->cur->hist_start > 40;
	bool add = force ||
		   (env->jmps - env->prev_jmps >= 2 && stats->processed - env->prev_processed >= 8);
	u32 nr = 0;

	while (*at) {
		struct state *old = *at;
		u32 n = aux->force_checkpoint && old->branches > 0 ? 64 : 3;
		int ret;

		if (state_frame(old)->callsite != env_frame(env)->callsite) {
			at = &old->next;
			continue;
		}
		nr++;
		ret = compare(env, old, force, &add);
		if (ret < 0)
			return ret;
		if (ret == HIT)
			return hit(env, old);
		old->misses += add;
		if (old->misses > old->hits * n + n)
			drop(env, at);
		else
			at = &old->next;
	}
	if (nr > stats->max_states_per_insn)
		stats->max_states_per_insn = nr;
	return add ? keep(env) : 0;
}
