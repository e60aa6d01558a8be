/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The maps in the kernel, behind the calls that printing, setting and loading maps need. */
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include <errno.h>

int kernel_maps_open(struct kernel_engine *k, struct skep_diag *diag)
{
	k->maps = mem_calloc(k->obj->nr_maps + 1, sizeof(*k->maps));
	if (!k->maps)
		return diag_nomem(diag);
	k->nr_maps = k->obj->nr_maps;
	for (u32 i = 0; i < k->nr_maps; i++) {
		struct kernel_map *m = &k->maps[i];

		m->def = k->obj->maps[i].def;
		m->bpf = kernel_find_map(k, &k->obj->maps[i]);
		m->fd = m->bpf ? bpf_map__fd(m->bpf) : -1;
		if (m->bpf) { /* buffers are made for these sizes, and the kernel fills them */
			m->def.key_size = bpf_map__key_size(m->bpf);
			m->def.value_size = bpf_map__value_size(m->bpf);
			m->def.max_entries = bpf_map__max_entries(m->bpf);
		}
		if (m->def.pinning && m->bpf)
			log_warn("map %s is pinned at %s, as the object wants it: it stays when "
				 "skep ends; rm removes it",
				 m->def.name, bpf_map__pin_path(m->bpf));
	}
	return 0;
}

static int next_key(void *ctx, const void *key, void *next)
{
	struct kernel_map *m = ctx;

	return bpf_map_get_next_key(m->fd, key, next) ? -errno : 0;
}

static int lookup(void *ctx, const void *key, void *value)
{
	struct kernel_map *m = ctx;

	return bpf_map_lookup_elem(m->fd, key, value) ? -errno : 0;
}

static int update(void *ctx, const void *key, const void *value)
{
	struct kernel_map *m = ctx;

	return bpf_map_update_elem(m->fd, key, value, BPF_ANY) ? -errno : 0;
}

int kernel_map_io(struct engine *e, u32 idx, struct event_map_io *ret)
{
	struct kernel_engine *k = container_of(e, struct kernel_engine, engine);
	struct kernel_map *m = &k->maps[idx];

	if (m->fd < 0)
		return -ENOENT;
	*ret = (struct event_map_io){
		.def = &m->def,
		.nr_cpus = map_nr_cpus(),
		.ctx = m,
		.next_key = next_key,
		.lookup = lookup,
		.update = update,
	};
	return 0;
}
