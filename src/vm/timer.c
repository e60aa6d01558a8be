/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_timer and bpf_wq.
 *
 * A timer is known by the address of its field, which does not move while the value lives; what
 * stands in the field is never believed (a mark, so that it counts as used). Nobody interrupts a
 * program for a timer: the thread that drives the hooks calls vm_run_timers, which runs the
 * callbacks that are due, earliest first.
 *
 * A timer goes with its value: the map tells us (vm_timer_drop) and waits for nothing, so a
 * callback that runs meanwhile keeps its timer until it returns.
 */
#include "base/log.h"
#include "base/mem.h"
#include "spec/spec.h"
#include "vm/state.h"
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#define NR_CLOCKS  16 /* MAX_CLOCKS */
#define MAX_TIMERS (1u << 20)
#define MAX_AT_ONCE                                                                                \
	1024 /* callbacks in one vm_run_timers: one that starts itself anew cannot hold us up */

struct vm_timer {
	u64 addr;
	enum map_field_kind kind; /* MAP_FIELD_TIMER or MAP_FIELD_WORKQUEUE */
	struct map *map;
	int clock;
	u32 slot; /* of its clock, in st->clocks */
	u32 at;   /* where it stands in the heap, from 1; 0: it does not */
	bool armed, running, gone;
	u64 due;              /* on its clock, while armed */
	struct vm_prog *prog; /* NULL: no callback */
	u64 func;
	struct vm_timer *next, **link; /* all timers; link: what points here */
};

static _Thread_local struct vm_timer *current; /* whose callback runs in this thread */

/* A world has its own time: that of a capture is where its packets are. */
static u64 now(struct vm_env *env, int clock)
{
	struct timespec ts;

	if (env && env->world && env->world->clock)
		return env->world->clock(env, clock);
	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* --- fields in values ------------------------------------------------------------------------ */

bool vm_field_at(struct vm_run *run, enum map_field_kind kind, u64 addr, struct map **ret_map)
{
	struct map *map = vm_map_of(run, addr);
	u64 off;

	if (!map)
		return false;
	off = addr - (uintptr_t)map->mem.base;
	if (map->mem.stride)
		off %= map->mem.stride;
	off -= map->mem.value_off;
	for (u32 i = 0; i < map->def.nr_fields; i++)
		if (map->def.fields[i].kind == kind && map->def.fields[i].off == off) {
			*ret_map = map;
			return true;
		}
	return false;
}

static u64 value_of(const struct vm_timer *t)
{
	for (u32 i = 0; i < t->map->def.nr_fields; i++)
		if (t->map->def.fields[i].kind == t->kind)
			return t->addr - t->map->def.fields[i].off;
	return t->addr;
}

/* The key of a value: an array's is its number, a hash table's lies in front of it. */
static const void *key_of(const struct map *map, u64 value, u32 *idx)
{
	if (map->def.type != SPEC_MAP_ARRAY)
		return (const void *)(uintptr_t)(value - align_up(map->def.key_size, 8));
	*idx = (value - (uintptr_t)map->mem.base) / (map->mem.stride ?: 1);
	return idx;
}

/* --- under the lock -------------------------------------------------------------------------- */

static const int clock_ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};

static void set_place(struct vm_timer **heap, u32 at, struct vm_timer *t)
{
	heap[at - 1] = t;
	t->at = at;
}

/* Put t at a free place, or above or below it, where the order wants it. */
static void sift(struct vm_state *st, struct vm_timer *t, u32 at)
{
	struct vm_timer **heap = st->clocks[t->slot].heap;
	u32 nr = st->clocks[t->slot].nr, child;

	for (; at > 1 && heap[at / 2 - 1]->due > t->due; at /= 2)
		set_place(heap, at, heap[at / 2 - 1]);
	for (; (child = at * 2) <= nr; at = child) {
		if (child < nr && heap[child]->due < heap[child - 1]->due)
			child++;
		if (heap[child - 1]->due >= t->due)
			break;
		set_place(heap, at, heap[child - 1]);
	}
	set_place(heap, at, t);
}

static void heap_remove(struct vm_state *st, struct vm_timer *t)
{
	u32 at = t->at, nr;

	if (!at)
		return;
	nr = st->clocks[t->slot].nr--;
	t->at = 0;
	if (at != nr)
		sift(st, st->clocks[t->slot].heap[nr - 1], at);
}

static void disarm(struct vm_state *st, struct vm_timer *t)
{
	heap_remove(st, t);
	t->armed = false;
}

/* One that is running waits for its callback to end (vm_run_timers). */
static void arm(struct vm_state *st, struct vm_timer *t, u64 due)
{
	heap_remove(st, t);
	t->armed = true;
	t->due = due;
	if (!t->running)
		sift(st, t, ++st->clocks[t->slot].nr);
}

static void forget(struct vm_state *st, struct vm_timer *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	hash_del(&st->timers, t->addr);
	st->clocks[t->slot].nr_timers--;
	disarm(st, t);
	if (t->running)
		t->gone = true;
	else
		mem_free(t);
}

void vm_timer_drop(struct vm_state *st, u64 addr)
{
	struct vm_timer *t;

	pthread_mutex_lock(&st->lock);
	t = hash_get(&st->timers, addr);
	if (t)
		forget(st, t);
	pthread_mutex_unlock(&st->lock);
}

static bool has_room(struct vm_state *st, u32 slot)
{
	size_t room = st->clocks[slot].room ? st->clocks[slot].room * 2 : 16;
	struct vm_timer **heap;

	if (st->clocks[slot].nr_timers < st->clocks[slot].room)
		return true;
	heap = mem_realloc(st->clocks[slot].heap, room * sizeof(*heap));
	if (!heap)
		return false;
	st->clocks[slot].heap = heap;
	st->clocks[slot].room = room;
	return true;
}

static u32 slot_of(int clock)
{
	u32 slot = 0;

	while (clock_ids[slot] != clock)
		slot++;
	return slot;
}

static long new_timer(struct vm_state *st, u64 addr, struct map *map, enum map_field_kind kind,
		      int clock)
{
	u32 slot = slot_of(clock);
	struct vm_timer *t;

	if (hash_get(&st->timers, addr))
		return -EBUSY;
	t = st->timers.nr < MAX_TIMERS && has_room(st, slot) ? mem_zalloc(sizeof(*t)) : NULL;
	if (!t || hash_put(&st->timers, addr, t)) {
		mem_free(t);
		return -ENOMEM;
	}
	*t = (struct vm_timer){.addr = addr,
			       .kind = kind,
			       .map = map,
			       .clock = clock,
			       .slot = slot,
			       .next = st->first,
			       .link = &st->first};
	if (t->next)
		t->next->link = &t->next;
	st->clocks[slot].nr_timers++;
	st->first = t;
	/* a field that is all zero is an unused one to the map, and nobody would be told */
	__atomic_store_n((u64 *)(uintptr_t)addr, addr, __ATOMIC_RELAXED);
	return 0;
}

void vm_timers_done(struct vm_state *st)
{
	while (st->first) {
		__atomic_store_n((u64 *)(uintptr_t)st->first->addr, 0, __ATOMIC_RELAXED);
		forget(st, st->first);
	}
	for (u32 i = 0; i < ARRAY_SIZE(st->clocks); i++)
		mem_free(st->clocks[i].heap);
}

/* --- the helpers ----------------------------------------------------------------------------- */

static const char *const field_names[] = {
	[MAP_FIELD_TIMER] = "struct bpf_timer", [MAP_FIELD_WORKQUEUE] = "struct bpf_wq"};

static bool is_field(struct vm_run *run, u64 addr, u64 map, enum map_field_kind kind)
{
	struct map *of;

	if (vm_field_at(run, kind, addr, &of) && (!map || (uintptr_t)of == map))
		return true;
	vm_fault(run, "argument 1 must be a %s in a value of the map", field_names[kind]);
	return false;
}

static long init(struct vm_run *run, u64 addr, u64 map, enum map_field_kind kind, int clock)
{
	struct vm_state *st = vm_state_of(run->vm);
	long err;

	if (!is_field(run, addr, map, kind))
		return 0;
	pthread_mutex_lock(&st->lock);
	err = new_timer(st, addr, (struct map *)(uintptr_t)map, kind, clock);
	pthread_mutex_unlock(&st->lock);
	return err;
}

static u64 timer_init(struct vm_run *run, u64 addr, u64 map, u64 flags, u64 r4, u64 r5)
{
	if (flags >= NR_CLOCKS ||
	    (flags != CLOCK_MONOTONIC && flags != CLOCK_REALTIME && flags != CLOCK_BOOTTIME))
		return -EINVAL;
	return init(run, addr, map, MAP_FIELD_TIMER, flags);
}

static long set_callback(struct vm_run *run, u64 addr, u64 func)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_timer *t;

	pthread_mutex_lock(&st->lock);
	t = hash_get(&st->timers, addr);
	if (t) {
		t->prog = run->prog;
		t->func = func;
	}
	pthread_mutex_unlock(&st->lock);
	return t ? 0 : -EINVAL;
}

static u64 timer_set_callback(struct vm_run *run, u64 addr, u64 func, u64 r3, u64 r4, u64 r5)
{
	return set_callback(run, addr, func);
}

/* A time past the end of time is that end, as hrtimers have it. */
static u64 add_time(u64 a, u64 b)
{
	return a > (u64)LLONG_MAX - min_u64(b, LLONG_MAX) ? LLONG_MAX : a + b;
}

static long start(struct vm_run *run, u64 addr, u64 nsecs, bool absolute)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_timer *t;
	long err = -EINVAL;

	pthread_mutex_lock(&st->lock);
	t = hash_get(&st->timers, addr);
	if (t && t->prog) {
		arm(st, t, absolute ? nsecs : add_time(now(run->env, t->clock), nsecs));
		err = 0;
	}
	pthread_mutex_unlock(&st->lock);
	return err;
}

static u64 timer_start(struct vm_run *run, u64 addr, u64 nsecs, u64 flags, u64 r4, u64 r5)
{
	if (flags & ~(u64)(SPEC_F_TIMER_ABS | SPEC_F_TIMER_CPU_PIN))
		return -EINVAL;
	return start(run, addr, nsecs, flags & SPEC_F_TIMER_ABS);
}

/* 1: it was armed. A callback waits for no callback, not even its own. */
static long cancel(struct vm_state *st, struct vm_timer *t)
{
	bool armed;

	if (!t)
		return -EINVAL;
	if (t == current || (current && t->running))
		return -EDEADLK;
	armed = t->armed;
	disarm(st, t);
	t->prog = NULL;
	return armed;
}

static u64 timer_cancel(struct vm_run *run, u64 addr, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_timer *t;
	bool running;
	long ret;

	pthread_mutex_lock(&st->lock);
	ret = cancel(st, hash_get(&st->timers, addr));
	pthread_mutex_unlock(&st->lock);
	do { /* until its callback in another thread is done */
		pthread_mutex_lock(&st->lock);
		t = hash_get(&st->timers, addr);
		running = ret >= 0 && t && t->running;
		pthread_mutex_unlock(&st->lock);
		if (running)
			sched_yield();
	} while (running);
	return ret;
}

/* --- work queues ----------------------------------------------------------------------------- */

static u64 wq_init(struct vm_run *run, u64 addr, u64 map, u64 flags, u64 r4, u64 r5)
{
	if (!vm_is_map(run->vm, map))
		return vm_fault(run, "bpf_wq_init: argument 2 must be a map");
	return flags ? -EINVAL : init(run, addr, map, MAP_FIELD_WORKQUEUE, CLOCK_MONOTONIC);
}

static u64 wq_set_callback(struct vm_run *run, u64 addr, u64 func, u64 flags, u64 r4, u64 r5)
{
	if (flags)
		return -EINVAL;
	return is_field(run, addr, 0, MAP_FIELD_WORKQUEUE) ? set_callback(run, addr, func) : 0;
}

static u64 wq_start(struct vm_run *run, u64 addr, u64 flags, u64 r3, u64 r4, u64 r5)
{
	if (flags)
		return -EINVAL;
	return is_field(run, addr, 0, MAP_FIELD_WORKQUEUE) ? start(run, addr, 0, false) : 0;
}

/* --- running --------------------------------------------------------------------------------- */

/* The armed timer that is due first, in *ret_wait ns; NULL: none is armed. */
static struct vm_timer *next_timer(const struct vm_state *st, struct vm_env *env, u64 *ret_wait)
{
	struct vm_timer *best = NULL;

	for (u32 i = 0; i < ARRAY_SIZE(clock_ids); i++) {
		struct vm_timer *t = st->clocks[i].nr ? st->clocks[i].heap[0] : NULL;
		u64 time = t ? now(env, clock_ids[i]) : 0;
		u64 wait = t && t->due > time ? t->due - time : 0;

		if (!t || (best && (wait > *ret_wait || (!wait && best->due <= t->due))))
			continue;
		best = t;
		*ret_wait = wait;
	}
	return best;
}

static void call(struct vm_timer *t, struct vm_prog *prog, u64 func, struct vm_env *env)
{
	u64 value = value_of(t), ret;
	u32 idx, nr_mem = env->nr_mem;
	const void *key = key_of(t->map, value, &idx);
	const u64 args[5] = {(uintptr_t)t->map, (uintptr_t)key, value};
	struct skep_diag diag = {0};

	if (nr_mem < ARRAY_SIZE(env->mem))
		env->mem[env->nr_mem++] = (struct vm_mem){.name = "the key",
							  .base = (uintptr_t)key,
							  .size = t->map->def.key_size,
							  .flags = VM_MEM_READ};
	current = t;
	if (vm_exec_callback(prog, env, func, args, &ret, &diag))
		log_warn("timer: %s: %s", diag.where, diag.message);
	current = NULL;
	env->nr_mem = nr_mem;
}

s64 vm_run_timers(struct vm *vm, struct vm_env *env)
{
	struct vm_env nowhere = {.cpu = -1};
	struct vm_state *st = vm_state_of(vm);
	struct vm_timer *t;
	u64 wait = 0;

	pthread_mutex_lock(&st->lock);
	for (u32 i = 0; (t = next_timer(st, env, &wait)) && !wait && i < MAX_AT_ONCE; i++) {
		if (vm_is_stopped(vm))
			break;

		struct vm_prog *prog = t->prog;
		u64 func = t->func;

		disarm(st, t);
		t->running = true;
		pthread_mutex_unlock(&st->lock);
		call(t, prog, func, env ?: &nowhere);
		pthread_mutex_lock(&st->lock);
		t->running = false;
		if (t->gone)
			mem_free(t);
		else if (t->armed)
			arm(st, t, t->due);
	}
	pthread_mutex_unlock(&st->lock);
	return t ? (s64)min_u64(wait, LLONG_MAX) : -1;
}

const struct vm_helper helpers_timer[] = {
	{SPEC_HELPER_timer_init, timer_init},
	{SPEC_HELPER_timer_set_callback, timer_set_callback},
	{SPEC_HELPER_timer_start, timer_start},
	{SPEC_HELPER_timer_cancel, timer_cancel},
	{0, NULL},
};

const struct vm_kfunc kfuncs_timer[] = {
	{"bpf_wq_init", wq_init},
	{"bpf_wq_set_callback_impl", wq_set_callback},
	{"bpf_wq_start", wq_start},
	{NULL, NULL},
};
