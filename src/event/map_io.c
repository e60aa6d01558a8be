/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Maps as this room sees them: five calls, and plans for keys and values. */
#include "event/map_io.h"
#include "btf/types.h"
#include "event/hints.h"
#include <errno.h>
#include <string.h>

static int user_next_key(void *ctx, const void *key, void *next)
{
	return map_user_next_key(ctx, key, next);
}

static int user_lookup(void *ctx, const void *key, void *value)
{
	return map_user_lookup(ctx, key, value, 0);
}

static int user_update(void *ctx, const void *key, const void *value)
{
	return map_user_update(ctx, key, value, BPF_ANY);
}

static int user_push(void *ctx, const void *data, u32 size)
{
	return user_ringbuf_push(ctx, data, size);
}

struct event_map_io event_map_io_of(struct map *map)
{
	return (struct event_map_io){
		.def = &map->def,
		.nr_cpus = map->nr_cpus,
		.ctx = map,
		.next_key = user_next_key,
		.lookup = user_lookup,
		.update = user_update,
		.push = map->def.type == BPF_MAP_TYPE_USER_RINGBUF ? user_push : NULL,
	};
}

bool map_io_is_percpu(const struct event_map_io *io)
{
	u32 t = io->def->type;

	return t == BPF_MAP_TYPE_PERCPU_HASH || t == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       t == BPF_MAP_TYPE_LRU_PERCPU_HASH || t == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

bool map_io_is_array(const struct event_map_io *io)
{
	return io->def->type == BPF_MAP_TYPE_ARRAY || io->def->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

size_t map_io_value_size(const struct event_map_io *io)
{
	size_t size = io->def->value_size;

	if (!map_io_is_percpu(io))
		return size;
	return align_up(size, 8) * (io->nr_cpus ? io->nr_cpus : 1);
}

/* --- plans ------------------------------------------------------------------------------------ */

/* Keys that are plain integers are addresses where the map is called so. */
static bool is_addr_map(const char *name)
{
	static const char *const parts[] = {"ip",        "ips",       "addr",      "addrs",
					    "ipv4",      "ip4",       "blocklist", "blacklist",
					    "allowlist", "whitelist", "denylist",  "saddr",
					    "daddr",     "banned",    "blocked"};
	size_t len = strlen(name);

	for (u32 i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t n = strlen(parts[i]);
		const char *hit = strcasestr(name, parts[i]);

		if (hit && (hit == name || hit[-1] == '_') &&
		    (hit + n == name + len || hit[n] == '_'))
			return true;
	}
	return false;
}

static struct field *by_size(struct arena *a, u32 size, const char *name)
{
	struct field *f = arena_alloc(a, sizeof(*f));

	if (!f)
		return NULL;
	f->name = name;
	f->size = size;
	f->kind = size == 1 || size == 2 || size == 4 || size == 8 ? FIELD_INT : FIELD_BYTES;
	if (f->kind == FIELD_INT)
		meaning_of(f, "");
	return f;
}

static struct field *stack_plan(struct arena *a, u32 size)
{
	struct field *f = by_size(a, size, "stack"), *elem = by_size(a, 8, "ip");

	if (!f || !elem)
		return NULL;
	f->kind = FIELD_ARRAY;
	f->nr = size / 8;
	f->stride = 8;
	f->kids = elem;
	f->nr_kids = 1;
	return f;
}

static int plan_of(const struct btf *btf, u32 type_id, u32 size, const char *name, struct arena *a,
		   struct field **ret, struct skep_diag *diag)
{
	const struct field *f = NULL;
	int err;

	if (btf && type_id && types_size(btf, type_id) == size) {
		err = field_build(a, btf, type_id, name, &f, diag);
		if (err)
			return err;
		if (f->kind == FIELD_NONE)
			f = NULL;
	}
	*ret = f ? (struct field *)f : by_size(a, size, name);
	if (!*ret)
		return diag_nomem(diag);
	if ((*ret)->kind == FIELD_STRUCT) /* its members speak for themselves */
		(*ret)->name = "";
	return 0;
}

/* The key of a trie that nobody describes: of these sizes it is an address with a prefix. */
static int lpm_plan(struct arena *a, u32 size, struct field **ret, struct skep_diag *diag)
{
	struct field *f = by_size(a, size, "key"), *kids = arena_calloc(a, 2, sizeof(*kids));

	if (!f || !kids)
		return diag_nomem(diag);
	kids[0] = (struct field){
		.kind = FIELD_INT, .hint = HINT_PREFIX, .name = "prefixlen", .size = 4};
	kids[1] = (struct field){
		.kind = FIELD_ADDR, .name = "addr", .off = 4, .size = size - 4, .big_endian = true};
	f->kind = FIELD_LPM;
	f->kids = kids;
	f->nr_kids = 2;
	*ret = f;
	return 0;
}

int map_io_plans(const struct event_map_io *io, const struct btf *btf, struct arena *a,
		 struct field **ret_key, struct field **ret_value, struct skep_diag *diag)
{
	const struct map_def *def = io->def;
	const char *key_name = is_addr_map(def->name ? def->name : "") ? "addr" : "key";
	int err = plan_of(btf, def->key_type_id, def->key_size, key_name, a, ret_key, diag);

	if (!err && def->type == BPF_MAP_TYPE_LPM_TRIE && !(btf && def->key_type_id) &&
	    (def->key_size == 8 || def->key_size == 20))
		err = lpm_plan(a, def->key_size, ret_key, diag);
	if (err)
		return err;
	if (def->type == BPF_MAP_TYPE_STACK_TRACE) {
		*ret_value = stack_plan(a, def->value_size);
		return *ret_value ? 0 : diag_nomem(diag);
	}
	err = plan_of(btf, def->value_type_id, def->value_size, def->name ? def->name : "value", a,
		      ret_value, diag);
	if (err)
		return err;
	hints_order(io->hints, def->name, true, *ret_key);
	hints_order(io->hints, def->name, false, *ret_value);
	return 0;
}
