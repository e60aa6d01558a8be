/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Opening a map of the kernel, and what is done to one element of it. */
#include "engine/kernel_objmap.h"
#include "base/log.h"
#include "base/mem.h"
#include "btf/types.h"
#include "map/map.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENOTSUPP_LINUX 524          /* the kernel's own, beside ENOTSUP */
#define MAX_NAMED      32           /* ids that a message about an ambiguous name lists */
#define MAX_VALUE      (256u << 20) /* bytes of one value, all CPUs */

/* --- which map -------------------------------------------------------------------------------- */

static bool is_number(const char *s, u32 *ret)
{
	char *end;
	unsigned long x;

	if (!isdigit((u8)*s))
		return false;
	x = strtoul(s, &end, 10);
	*ret = (u32)x;
	return !*end && x && x <= UINT32_MAX;
}

static int open_path(const char *path, struct skep_diag *diag)
{
	int fd = kobj_open_path(path);

	if (fd < 0)
		return diag_set(diag, fd, "can't open \"%s\": %s", path, strerror(-fd));
	if (kobj_fd_kind(fd) != SKEP_KERNEL_MAPS) {
		close(fd);
		return diag_set(diag, -EINVAL, "\"%s\" is no map", path);
	}
	return fd;
}

static bool has_name(struct kobj_world *w, int fd, const char *want)
{
	struct bpf_map_info info = {0};
	size_t cut = BPF_OBJ_NAME_LEN - 1, len = strlen(want);
	const char *name;

	if (kobj_info(fd, &info, sizeof(info)) ||
	    strncmp(info.name, want, len < cut ? len + 1 : cut))
		return false;
	name = kobj_map_name(w, &info); /* the end that the kernel left out */
	return len <= cut || !name || strlen(name) <= cut || !strcmp(name, want);
}

static bool is_pinned_as(struct kobj_world *w, u32 id, const char *want)
{
	for (size_t i = 0; i < w->pins.nr; i++) {
		const char *slash = strrchr(w->pins.data[i].path, '/');

		if (w->pins.data[i].kind == SKEP_KERNEL_MAPS && w->pins.data[i].id == id && slash &&
		    !strcmp(slash + 1, want))
			return true;
	}
	return false;
}

static int none_or_many(const char *name, const u32 *ids, u32 nr, struct skep_diag *diag)
{
	struct strbuf sb = {0};

	if (!nr)
		return diag_set_full(diag, -ENOENT, "no-such-map", "skep show maps lists them",
				     "no map in the kernel is called \"%s\"", name);
	for (u32 i = 0; i < nr && i < MAX_NAMED; i++)
		strbuf_printf(&sb, "%s%u", i ? ", " : "", ids[i]);
	diag_set_full(diag, -EEXIST, "ambiguous-map",
		      "give the id of one; skep show maps tells them apart",
		      "%u maps are called \"%s\": %s%s", nr, name, strbuf_str(&sb),
		      nr > MAX_NAMED ? ", …" : "");
	strbuf_done(&sb);
	return -EEXIST;
}

static int open_name(struct kobj_world *w, const char *name, struct skep_diag *diag)
{
	u32 ids[MAX_NAMED] = {0}, nr = 0, id = 0;
	int err = kobj_scan_pins(w), fd;

	if (err)
		return diag_nomem(diag);
	while (!(err = kobj_next(SKEP_KERNEL_MAPS, id, &id))) {
		fd = kobj_open(SKEP_KERNEL_MAPS, id);
		if (fd < 0)
			continue;
		if (has_name(w, fd, name) || is_pinned_as(w, id, name)) {
			ids[nr < MAX_NAMED ? nr : 0] = id;
			nr++;
		}
		close(fd);
	}
	if (err != -ENOENT)
		return kobj_refused(err, diag);
	if (nr != 1)
		return none_or_many(name, ids, nr, diag);
	fd = kobj_open(SKEP_KERNEL_MAPS, ids[0]);
	return fd < 0 ? diag_set(diag, fd, "map %u went away", ids[0]) : fd;
}

static int find(struct kobj_world *w, const char *which, struct skep_diag *diag)
{
	u32 id;
	int fd;

	if (strchr(which, '/'))
		return open_path(which, diag);
	if (!is_number(which, &id))
		return open_name(w, which, diag);
	fd = kobj_open(SKEP_KERNEL_MAPS, id);
	if (fd == -ENOENT)
		return none_or_many(which, NULL, 0, diag);
	return fd < 0 ? kobj_refused(fd, diag) : fd;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int next_key(void *ctx, const void *key, void *next)
{
	const struct objmap *m = ctx;
	union bpf_attr attr = {
		.map_fd = (u32)m->fd, .key = (u64)(uintptr_t)key, .next_key = (u64)(uintptr_t)next};

	return kobj_bpf(BPF_MAP_GET_NEXT_KEY, &attr, sizeof(attr));
}

static int lookup(void *ctx, const void *key, void *value)
{
	const struct objmap *m = ctx;
	union bpf_attr attr = {
		.map_fd = (u32)m->fd, .key = (u64)(uintptr_t)key, .value = (u64)(uintptr_t)value};

	return kobj_bpf(BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr));
}

int objmap_update(struct objmap *m, const void *key, const void *value, u64 flags)
{
	union bpf_attr attr = {.map_fd = (u32)m->fd,
			       .key = (u64)(uintptr_t)key,
			       .value = (u64)(uintptr_t)value,
			       .flags = flags};

	return kobj_bpf(BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr));
}

static int update(void *ctx, const void *key, const void *value)
{
	return objmap_update(ctx, key, value, BPF_ANY);
}

/* Its own types, or the kernel's (of a struct_ops); without any, sizes are all that is known. */
static void find_types(struct objmap *m)
{
	struct skep_diag diag = {0};

	if (m->info.btf_vmlinux_value_type_id) {
		m->types = kobj_vmlinux(&m->world);
		m->def.value_type_id = m->info.btf_vmlinux_value_type_id;
	} else if (m->info.btf_id && m->info.btf_value_type_id) {
		if (kobj_btf(m->info.btf_id, NULL, &m->own, &diag))
			log_warn("map %s: %s", m->name, diag.message);
		m->types = m->own;
		m->def.key_type_id = m->info.btf_key_type_id;
		m->def.value_type_id = m->info.btf_value_type_id;
	}
	if (!m->types && !objmap_has_refs(m))
		log_warn("map %s has no BTF: integers and bytes in hex, by size", m->name);
}

static bool is_percpu(u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

static int alloc_scratch(struct objmap *m, struct skep_diag *diag)
{
	u64 size = is_percpu(m->info.type) ? align_up(m->info.value_size, 8) * m->io.nr_cpus
					   : m->info.value_size;

	if (size > MAX_VALUE || m->info.key_size > MAX_VALUE)
		return diag_set(diag, -E2BIG, "its values have %llu bytes",
				(unsigned long long)size);
	m->value_size = size;
	m->key = arena_alloc(&m->world.arena, m->info.key_size + 8);
	m->value = arena_alloc(&m->world.arena, size + 8);
	return m->key && m->value ? 0 : diag_nomem(diag);
}

static int describe(struct objmap *m, struct skep_diag *diag)
{
	u64 frozen = 0;
	int err = kobj_info(m->fd, &m->info, sizeof(m->info));

	if (err)
		return kobj_refused(err, diag);
	m->name = kobj_map_name(&m->world, &m->info);
	if (!m->name)
		return diag_nomem(diag);
	if (!*m->name)
		m->name = arena_printf(&m->world.arena, "%u", m->info.id);
	m->frozen = kobj_fdinfo(m->fd, "frozen", &frozen) && frozen;
	m->def = (struct map_def){
		.name = m->name,
		.type = m->info.type,
		.key_size = m->info.key_size,
		.value_size = m->info.value_size,
		.max_entries = m->info.max_entries,
		.flags = m->info.map_flags,
	};
	find_types(m);
	m->io = (struct event_map_io){
		.def = &m->def,
		.nr_cpus = is_percpu(m->info.type) ? map_nr_cpus() : 1,
		.all = true,
		.ctx = m,
		.next_key = next_key,
		.lookup = lookup,
		.update = update,
	};
	err = alloc_scratch(m, diag);
	return err ? err : event_map_elems_new(&m->io, m->types, &m->elems, diag);
}

int objmap_open(const char *which, struct objmap **ret, struct skep_diag *diag)
{
	struct objmap *m = mem_zalloc(sizeof(*m));
	int err;

	if (!m)
		return diag_nomem(diag);
	kobj_world_init(&m->world);
	m->fd = find(&m->world, which, diag);
	err = m->fd < 0 ? m->fd : describe(m, diag);
	if (!err) {
		*ret = m;
		return 0;
	}
	objmap_close(m);
	return err;
}

void objmap_close(struct objmap *m)
{
	if (!m)
		return;
	event_map_elems_free(m->elems);
	if (m->fd >= 0)
		close(m->fd);
	types_close(m->own);
	mem_free(m->last.data);
	kobj_world_done(&m->world);
	mem_free(m);
}

/* --- why not ---------------------------------------------------------------------------------- */

bool objmap_is_queue(const struct objmap *m)
{
	return m->info.type == BPF_MAP_TYPE_QUEUE || m->info.type == BPF_MAP_TYPE_STACK;
}

static bool is_array(const struct objmap *m)
{
	static const u8 types[] = {BPF_MAP_TYPE_ARRAY,        BPF_MAP_TYPE_PERCPU_ARRAY,
				   BPF_MAP_TYPE_PROG_ARRAY,   BPF_MAP_TYPE_ARRAY_OF_MAPS,
				   BPF_MAP_TYPE_CGROUP_ARRAY, BPF_MAP_TYPE_PERF_EVENT_ARRAY,
				   BPF_MAP_TYPE_DEVMAP,       BPF_MAP_TYPE_CPUMAP,
				   BPF_MAP_TYPE_XSKMAP,       BPF_MAP_TYPE_SOCKMAP};

	return m->info.type < 256 && memchr(types, (int)m->info.type, sizeof(types));
}

static const char *type_name(const struct objmap *m)
{
	const struct spec_name *n = spec_map_type(m->info.type);

	return n ? n->name : "unknown";
}

int objmap_refused(const struct objmap *m, int err, const char *what, struct skep_diag *diag)
{
	if (err == -EPERM && m->frozen)
		return diag_set(diag, err, "it is frozen: user space cannot change it any more");
	if (err == -EPERM && m->info.map_flags & BPF_F_RDONLY)
		return diag_set(diag, err, "it was made read-only for user space");
	if (err == -EPERM && m->info.map_flags & BPF_F_WRONLY)
		return diag_set(diag, err, "it was made write-only for user space");
	if (err == -ENOENT && objmap_is_queue(m))
		return diag_set(diag, err, "it is empty");
	if (err == -ENOENT)
		return diag_set(diag, err, "there is no such key");
	if (err == -EEXIST)
		return diag_set(diag, err, "the key is there already");
	if (err == -E2BIG)
		return diag_set(diag, err,
				is_array(m) ? "the index is beyond the last of %u elements"
					    : "it is full: there is room for %u elements",
				m->info.max_entries);
	if (err == -EINVAL && is_array(m) && !strcmp(what, "delete"))
		return diag_set(diag, err, "elements of an array cannot be deleted");
	if (err == -ENOTSUPP_LINUX || err == -EOPNOTSUPP)
		return diag_set(diag, -EOPNOTSUPP, "a map of type %s cannot %s", type_name(m),
				what);
	return diag_set(diag, err, "the kernel refuses to %s: %s", what, strerror(-err));
}

/* --- one element ------------------------------------------------------------------------------ */

int objmap_key(struct objmap *m, const char *text, struct skep_diag *diag)
{
	if (!m->info.key_size)
		return text ? diag_set(diag, -EINVAL, "a map of type %s has no keys", type_name(m))
			    : 0;
	if (!text)
		return diag_set(diag, -EINVAL, "a key is needed");
	return event_map_elems_key(m->elems, text, m->key, diag);
}

/* The same value for every CPU, unless there is one for each. */
static int parse_value(struct objmap *m, const char *value, const char *cpus, int *ret_fd,
		       struct skep_diag *diag)
{
	size_t stride = align_up(m->info.value_size, 8);
	int err;

	if (objmap_has_refs(m))
		return objmap_ref(m, value, ret_fd, diag);
	if (cpus && m->io.nr_cpus > 1)
		return event_map_elems_cpus(m->elems, cpus, m->value, diag);
	if (event_map_elems_is_section(m->elems) && !m->io.lookup(m, m->key, m->value))
		return event_map_elems_merge(m->elems, value, m->value, diag);
	memset(m->value, 0, m->value_size);
	err = event_map_elems_value(m->elems, value, m->value, diag);
	for (u32 i = 1; i < m->io.nr_cpus && !err; i++)
		memcpy(m->value + i * stride, m->value, m->info.value_size);
	return err;
}

int objmap_set(struct objmap *m, const char *key, const char *value, const char *cpus, u64 flags,
	       struct skep_diag *diag)
{
	int fd = -1, err = objmap_key(m, key, diag);

	if (!err)
		err = parse_value(m, value, cpus, &fd, diag);
	if (err)
		return err;
	err = objmap_update(m, m->info.key_size ? m->key : NULL, m->value, flags);
	if (fd >= 0)
		close(fd);
	return err ? objmap_refused(m, err, "set a value", diag) : 0;
}
