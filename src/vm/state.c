/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What helpers keep for a machine, and memory that they lend to callbacks. */
#include "vm/state.h"
#include "base/mem.h"
#include <errno.h>

/* Called by the map: its value is no more, and what a special field held goes with it. */
static void drop_field(void *ctx, struct map *map, const struct map_field *field, void *addr)
{
	struct vm_state *st = ctx;

	if (field->kind == MAP_FIELD_TIMER || field->kind == MAP_FIELD_WORKQUEUE)
		vm_timer_drop(st, (uintptr_t)addr);
	else
		vm_value_gone(st, field->kind, addr);
}

static bool hook_map(struct vm_state *st, struct map *map)
{
	struct map **slot = VEC_PUSH(&st->hooked);

	if (!slot)
		return false;
	*slot = map;
	map_set_field_dtor(map, drop_field, st);
	return true;
}

void vm_learn_fields(struct vm_state *st, struct map *map)
{
	pthread_mutex_lock(&st->lock);
	hook_map(st, map); /* without memory for it, what values hold stays until the end */
	pthread_mutex_unlock(&st->lock);
}

static int hook_maps(struct vm_state *st, struct map *const *maps, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		if (maps[i] && maps[i]->def.nr_fields && !hook_map(st, maps[i]))
			return -ENOMEM;
	return 0;
}

int vm_state_new(struct vm *vm, struct map *const *maps, u32 nr_maps, struct vm_state **ret,
		 struct skep_diag *diag)
{
	struct vm_state *st = mem_zalloc(sizeof(*st));

	if (!st)
		return diag_nomem(diag);
	st->vm = vm;
	pthread_mutex_init(&st->lock, NULL);
	st->heap = vm_heap_new(vm);
	if (!st->heap || hook_maps(st, maps, nr_maps)) {
		vm_state_free(st);
		return diag_nomem(diag);
	}
	*ret = st;
	return 0;
}

void vm_state_free(struct vm_state *st)
{
	if (!st)
		return;
	for (size_t i = 0; i < st->hooked.nr; i++)
		if (st->hooked.data[i]->field_dtor_ctx == st)
			map_set_field_dtor(st->hooked.data[i], NULL, NULL);
	if (st->hooked.nr)
		map_synchronize(); /* a thread may be in drop_field */
	VEC_DONE(&st->hooked);
	vm_timers_done(st);
	vm_objects_done(st);
	vm_heap_free(st->heap);
	hash_done(&st->timers);
	pthread_mutex_destroy(&st->lock);
	mem_free(st);
}

bool vm_lend(struct vm_run *run, const char *name, const void *p, size_t size, u32 flags)
{
	struct vm_env *env = run->env;

	if (env->nr_mem >= ARRAY_SIZE(env->mem)) {
		vm_fault(run, "callbacks are nested too deep");
		return false;
	}
	env->mem[env->nr_mem++] =
		(struct vm_mem){.name = name, .base = (uintptr_t)p, .size = size, .flags = flags};
	vm_mem_changed(run);
	return true;
}

void vm_take_back(struct vm_run *run)
{
	run->env->nr_mem--;
	vm_mem_changed(run);
}
