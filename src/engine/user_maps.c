/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The user engine's maps: created from the object's definitions, then filled. */
#include "base/log.h"
#include "base/mem.h"
#include "engine/user.h"
#include "spec/uapi.h"
#include <errno.h>
#include <string.h>

/* .data, .rodata and kin are arrays of one element with the section's bytes. */
static int fill_internal(struct map *map, const struct object_map *om, struct skep_diag *diag)
{
	u32 zero = 0;
	int err = om->data ? map_user_update(map, &zero, om->data, 0) : 0;

	if (!err && (om->kind == OBJECT_MAP_RODATA || om->kind == OBJECT_MAP_KCONFIG))
		err = map_user_freeze(map);
	if (!err)
		return 0;
	diag_set(diag, err, "can't set the initial value");
	return diag_at(diag, err, "map %s", om->def.name);
}

#define MAX_CPUMAP         8192 /* loaders of such objects put the number of CPUs in its place */
#define DEFAULT_ENTRIES    10240
#define DEFAULT_STACK_SIZE (127 * 8) /* the kernel's PERF_MAX_STACK_DEPTH addresses */

/*
 * Many objects leave sizes to the loader that was written for them, and Linux refuses a map of
 * size 0. We take a usual size and say so.
 */
static void complete(struct map_def *def)
{
	if (def->type == BPF_MAP_TYPE_STACK_TRACE && !def->value_size) {
		def->key_size = 4;
		def->value_size = DEFAULT_STACK_SIZE;
	}
	if (def->type == BPF_MAP_TYPE_PERF_EVENT_ARRAY && !def->max_entries)
		def->max_entries = map_nr_cpus(); /* libbpf does so, too */
	if (def->type == BPF_MAP_TYPE_CPUMAP && def->max_entries > MAX_CPUMAP) {
		log_warn("map %s: %u CPUs are more than any kernel has; it gets %u entries",
			 def->name, def->max_entries, map_nr_cpus());
		def->max_entries = map_nr_cpus();
	}
	if (def->max_entries || !def->key_size || map_type_is_storage(def->type))
		return;
	def->max_entries = DEFAULT_ENTRIES;
	log_warn("map %s: the object does not say how large it is; it gets %u entries", def->name,
		 def->max_entries);
}

static int make_map(struct user *u, u32 idx, struct skep_diag *diag)
{
	const struct object_map *om = &u->obj->maps[idx];
	struct map_def def = om->def;
	int err;

	complete(&def);
	err = map_new(&def, &u->maps[idx], diag);

	if (!err && om->kind != OBJECT_MAP_USER)
		err = fill_internal(u->maps[idx], om, diag);
	return err;
}

int user_make_maps(struct user *u, struct skep_diag *diag)
{
	map_set_memory(u->opts.map_memory);
	u->nr_maps = u->obj->nr_maps;
	u->maps = mem_calloc(u->nr_maps, sizeof(*u->maps));
	if (!u->maps)
		return diag_nomem(diag);
	for (u32 i = 0; i < u->nr_maps; i++) {
		int err = make_map(u, i, diag);

		if (err)
			return err;
	}
	return 0;
}

static struct vm_prog *code_of(struct user *u, const struct prog *prog)
{
	for (u32 i = 0; i < u->nr_progs; i++)
		if (u->progs[i].prog == prog)
			return u->progs[i].code;
	return NULL;
}

static int fill_one(struct user *u, u32 idx, const struct object_map_init *init)
{
	struct map *map = u->maps[idx];
	struct vm_prog *code;

	if (!init->prog) /* a map of maps; as in libbpf the slot's number is the key */
		return map->def.key_size == sizeof(init->idx)
			       ? map_inner_set(map, &init->idx, u->maps[init->map], BPF_ANY)
			       : -EINVAL;
	code = code_of(u, init->prog);
	return code ? map_prog_set(map, init->idx, code) : 0;
}

int user_fill_maps(struct user *u, struct skep_diag *diag)
{
	for (u32 i = 0; i < u->nr_maps; i++) {
		const struct object_map *om = &u->obj->maps[i];

		for (u32 k = 0; k < om->nr_init; k++) {
			int err = fill_one(u, i, &om->init[k]);

			if (!err)
				continue;
			diag_set(diag, err, "can't set the initial value of slot %u",
				 om->init[k].idx);
			return diag_at(diag, err, "map %s", om->def.name);
		}
	}
	return 0;
}

void user_free_maps(struct user *u)
{
	for (u32 i = 0; u->maps && i < u->nr_maps; i++)
		map_put(u->maps[i]);
	mem_free(u->maps);
}

/* --- variables that were set to @pid ---------------------------------------------------------- */

int user_check_pids(struct user *u, struct skep_diag *diag)
{
	const struct hook_opts *opts = &u->opts.hook;

	for (u32 i = 0; i < u->obj->nr_vars; i++)
		if (u->obj->vars[i].is_pid && !opts->argv && !opts->pid)
			return diag_set_full(
				diag, -EINVAL, "no-pid", "give a COMMAND behind --, or --pid",
				"variable %s: @pid is the traced process, and there is none",
				u->obj->vars[i].name);
	return 0;
}

static void set_pid(struct user *u, const struct object_var *v, u32 pid)
{
	const struct object_map *om = &u->obj->maps[v->map];
	u64 wide = pid; /* little-endian: its first v->size bytes are the number */
	u32 zero = 0;
	char *now;

	if (!om->data || !in_bounds(v->off, v->size, om->def.value_size) || v->size > sizeof(wide))
		return;
	memcpy(om->data + v->off, &wide, v->size); /* what it has at the start */
	map_read_lock();
	now = map_lookup(u->maps[v->map], &zero);
	if (now)
		memcpy(now + v->off, &wide, v->size);
	map_read_unlock();
}

void user_set_pids(void *user, u32 pid)
{
	struct user *u = user;

	for (u32 i = 0; i < u->obj->nr_vars; i++)
		if (u->obj->vars[i].is_pid)
			set_pid(u, &u->obj->vars[i], pid);
}
