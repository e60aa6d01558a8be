/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* States: copies, frames, the stack of paths to explore, references. Frames are reused. */
#include "base/mem.h"
#include "verifier/env.h"
#include "verifier/reject.h"
#include <string.h>

static void *take(struct env *env, size_t size)
{
	void *p;

	if (env->memory + size > VERIFY_MAX_MEMORY) {
		reject_too_much_memory(env);
		return NULL;
	}
	p = mem_alloc(size);
	if (p)
		env->memory += size;
	else
		reject_no_memory(env);
	return p;
}

static struct frame *frame_new(struct env *env)
{
	struct frame *f = env->free_frames;

	if (f) {
		memcpy(&env->free_frames, f, sizeof(f));
		return f;
	}
	f = take(env, sizeof(*f));
	if (f) {
		f->slots = NULL;
		f->room_slots = 0;
	}
	return f;
}

static void frame_free(struct env *env, struct frame *f)
{
	if (!f)
		return;
	memcpy(f, &env->free_frames, sizeof(env->free_frames));
	env->free_frames = f;
}

static int slots_room(struct env *env, struct frame *f, u32 nr)
{
	struct slot *s;
	u32 room = f->room_slots ? f->room_slots : 4;

	if (nr <= f->room_slots)
		return 0;
	while (room < nr)
		room *= 2;
	s = mem_realloc(f->slots, room * sizeof(*s));
	if (!s)
		return reject_no_memory(env);
	env->memory += (room - f->room_slots) * sizeof(*s);
	f->slots = s;
	f->room_slots = room;
	return 0;
}

int frame_grow(struct env *env, struct frame *f, int bytes)
{
	u32 nr = (u32)(bytes + 7) / 8;
	int err;

	if (nr <= f->nr_slots)
		return 0;
	err = slots_room(env, f, nr);
	if (err)
		return err;
	memset(f->slots + f->nr_slots, 0, (nr - f->nr_slots) * sizeof(*f->slots));
	for (u32 i = f->nr_slots; i < nr; i++)
		scalar_any(&f->slots[i].reg.v);
	f->nr_slots = nr;
	if (env->subprogs[f->subprog].stack_depth < (s32)bytes)
		env->subprogs[f->subprog].stack_depth = bytes;
	return 0;
}

struct state *state_new(struct env *env)
{
	struct state *st = env->free_states;

	if (st)
		env->free_states = st->next;
	else
		st = take(env, sizeof(*st));
	if (st)
		memset(st, 0, sizeof(*st));
	return st;
}

void state_free(struct env *env, struct state *st)
{
	if (!st)
		return;
	for (int i = 0; i < STATE_MAX_FRAMES; i++)
		frame_free(env, st->frames[i]);
	mem_free(st->refs);
	st->next = env->free_states;
	env->free_states = st;
}

static int frame_copy(struct env *env, struct frame *to, const struct frame *from)
{
	struct slot *slots = to->slots;
	u32 room = to->room_slots;
	int err;

	memcpy(to, from, offsetof(struct frame, room_slots));
	to->room_slots = room;
	to->slots = slots;
	err = slots_room(env, to, from->nr_slots);
	if (err) {
		to->nr_slots = 0;
		return err;
	}
	if (from->nr_slots)
		memcpy(to->slots, from->slots, from->nr_slots * sizeof(*to->slots));
	return 0;
}

static int copy_refs(struct env *env, struct state *to, const struct state *from,
		     struct state_ref *refs, u32 room)
{
	to->refs = refs;
	to->room_refs = room;
	if (from->nr_refs > room) {
		refs = mem_realloc(refs, from->nr_refs * sizeof(*refs));
		if (!refs) {
			to->nr_refs = 0;
			return reject_no_memory(env);
		}
		to->refs = refs;
		to->room_refs = from->nr_refs;
	}
	if (from->nr_refs)
		memcpy(to->refs, from->refs, from->nr_refs * sizeof(*refs));
	return 0;
}

int state_copy(struct env *env, struct state *to, const struct state *from)
{
	struct frame *frames[STATE_MAX_FRAMES];
	struct state_ref *refs = to->refs;
	u32 room = to->room_refs;
	int err;

	memcpy(frames, to->frames, sizeof(frames));
	*to = *from;
	memcpy(to->frames, frames, sizeof(frames));
	err = copy_refs(env, to, from, refs, room);
	for (u32 i = 0; i < STATE_MAX_FRAMES; i++) {
		if (i > from->cur || err) {
			frame_free(env, to->frames[i]);
			to->frames[i] = NULL;
			continue;
		}
		if (!to->frames[i])
			to->frames[i] = frame_new(env);
		err = to->frames[i] ? frame_copy(env, to->frames[i], from->frames[i]) : -ENOMEM;
	}
	return err;
}

struct frame *state_push_frame(struct env *env, struct state *st, u32 subprog, s32 callsite)
{
	bool first = !st->frames[0];
	u32 at = first ? 0 : st->cur + 1;
	struct frame *f;

	f = frame_new(env);
	if (!f)
		return NULL;
	memset(f, 0, offsetof(struct frame, room_slots));
	for (int i = 0; i < STATE_NR_REGS; i++)
		reg_set_none(&f->regs[i]);
	reg_set_pointer(&f->regs[BPF_REG_10], REG_STACK);
	f->regs[BPF_REG_10].frame = (u8)at;
	f->frameno = at;
	f->subprog = subprog;
	f->callsite = callsite;
	f->fresh = true;
	f->regs_written = 0xffff;
	f->slots_written = ~0ull;
	st->frames[at] = f;
	st->cur = at;
	return f;
}

void state_pop_frame(struct env *env, struct state *st)
{
	frame_free(env, st->frames[st->cur]);
	st->frames[st->cur--] = NULL;
}

static void enqueue(struct env *env, struct state *st, s32 insn, s32 prev_insn)
{
	st->insn = insn;
	st->prev_insn = prev_insn;
	st->log_pos = env->log.len;
	st->next = env->pending;
	env->pending = st;
	env->nr_pending++;
}

struct state *state_push(struct env *env, s32 insn, s32 prev_insn)
{
	struct state *st = state_new(env);

	if (!st)
		return NULL;
	if (state_copy(env, st, env->cur)) {
		state_free(env, st);
		return NULL;
	}
	enqueue(env, st, insn, prev_insn);
	if (env->nr_pending > VERIFY_MAX_PENDING) {
		reject_too_many_jumps(env, (int)env->nr_pending);
		return NULL;
	}
	if (st->parent)
		st->parent->branches++;
	return st;
}

struct state *state_push_async(struct env *env, s32 insn, s32 prev_insn, u32 subprog,
			       bool sleepable)
{
	struct state *st = state_new(env);

	if (!st)
		return NULL;
	if (!state_push_frame(env, st, subprog, STATE_MAIN)) {
		state_free(env, st);
		return NULL;
	}
	st->branches = 1;
	st->in_sleepable = sleepable;
	st->first_insn = insn;
	st->hist_start = st->hist_end = env->cur->hist_end;
	enqueue(env, st, insn, prev_insn);
	if (env->nr_pending > VERIFY_MAX_PENDING) {
		reject_too_many_jumps_async(env, (int)env->nr_pending);
		return NULL;
	}
	return st;
}

int state_pop(struct env *env)
{
	struct state *st = env->pending;

	if (!st)
		return 0;
	env->pending = st->next;
	env->nr_pending--;
	state_free(env, env->cur);
	env->cur = st;
	env->insn = st->insn;
	env->prev_insn = st->prev_insn;
	return 1;
}

int state_acquire(struct env *env, u32 insn, u32 *ret_id)
{
	struct state *st = env->cur;
	const struct frame *f = state_frame(st);

	if (st->nr_refs == st->room_refs) {
		u32 room = st->room_refs ? st->room_refs * 2 : 4;
		struct state_ref *refs = mem_realloc(st->refs, room * sizeof(*refs));

		if (!refs)
			return reject_no_memory(env);
		st->refs = refs;
		st->room_refs = room;
	}
	*ret_id = env_new_id(env);
	st->refs[st->nr_refs++] = (struct state_ref){*ret_id, insn,
						     f->in_callback ? f->frameno : 0};
	return 0;
}

bool state_has_ref(const struct state *st, u32 id)
{
	for (u32 i = 0; i < st->nr_refs; i++)
		if (st->refs[i].id == id)
			return true;
	return false;
}

int state_release(struct state *st, u32 id)
{
	const struct frame *f = state_frame(st);

	for (u32 i = 0; i < st->nr_refs; i++) {
		if (st->refs[i].id != id)
			continue;
		if (f->in_callback && st->refs[i].callback != f->frameno)
			return -EINVAL;
		st->refs[i] = st->refs[--st->nr_refs];
		return 0;
	}
	return -EINVAL;
}

static void free_list(struct env *env, struct state *st)
{
	while (st) {
		struct state *next = st->next;

		state_free(env, st);
		st = next;
	}
}

void state_pools_done(struct env *env)
{
	free_list(env, env->pending);
	free_list(env, env->dropped);
	state_free(env, env->cur);
	env->pending = env->dropped = env->cur = NULL;
	for (u32 i = 0; env->explored && i < env->nr; i++) {
		free_list(env, env->explored[i]);
		env->explored[i] = NULL;
	}
	while (env->free_frames) {
		struct frame *f = env->free_frames;

		memcpy(&env->free_frames, f, sizeof(f));
		mem_free(f->slots);
		mem_free(f);
	}
	while (env->free_states) {
		struct state *st = env->free_states;

		env->free_states = st->next;
		mem_free(st);
	}
	env->nr_pending = 0;
}
