/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* include/skep/kernel.h: maps that somebody has in the kernel. */
#include "base/mem.h"
#include "engine/kernel_objmap.h"
#include <errno.h>
#include <string.h>

/* struct skep_kernel_map is never defined: the handle is the engine room's object. */
static struct objmap *inner(const struct skep_kernel_map *map)
{
	return (struct objmap *)map;
}

static int at(const struct objmap *m, int err, struct skep_diag *diag)
{
	return err ? diag_at(diag, err, "map %s", m->name) : 0;
}

int skep_kernel_map_open(const char *which, struct skep_kernel_map **ret, struct skep_diag *diag)
{
	struct objmap *m;
	int err = objmap_open(which, &m, diag);

	if (!err)
		*ret = (struct skep_kernel_map *)m;
	return err;
}

struct skep_kernel_map *skep_kernel_map_close(struct skep_kernel_map *map)
{
	objmap_close(inner(map));
	return NULL;
}

const char *skep_kernel_map_name(const struct skep_kernel_map *map)
{
	return inner(map)->name;
}

uint32_t skep_kernel_map_id(const struct skep_kernel_map *map)
{
	return inner(map)->info.id;
}

static int print(struct objmap *m, enum skep_format format, skep_write_fn write, void *ctx)
{
	struct strbuf sb = {0};
	int err;

	if (format == SKEP_FORMAT_JSON) {
		event_map_elems_put_json(m->elems, &sb, m->key, m->value);
	} else {
		event_map_elems_put_value(m->elems, &sb, m->value, EVENT_STYLE_TEXT);
		if (m->io.nr_cpus > 1) {
			strbuf_puts(&sb, " ");
			event_map_elems_put_cpus(m->elems, &sb, m->value, EVENT_STYLE_TEXT);
		}
		strbuf_putc(&sb, '\n');
	}
	err = sb.failed ? -ENOMEM : write(ctx, strbuf_str(&sb), sb.len);
	strbuf_done(&sb);
	return err;
}

/* Of a bloom filter the value is the question. */
static int get_bloom(struct objmap *m, const char *text, struct skep_diag *diag)
{
	int err = text ? event_map_elems_value(m->elems, text, m->value, diag)
		       : diag_set(diag, -EINVAL, "a value is needed");

	if (err)
		return err;
	err = m->io.lookup(m, NULL, m->value);
	return err == -ENOENT ? diag_set(diag, err, "it is not in there")
	       : err          ? objmap_refused(m, err, "be read", diag)
			      : 0;
}

static int take_out(struct objmap *m)
{
	union bpf_attr attr = {.map_fd = (u32)m->fd,
			       .key = m->info.key_size ? (u64)(uintptr_t)m->key : 0,
			       .value = (u64)(uintptr_t)m->value};

	return kobj_bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr, sizeof(attr));
}

static int get(struct objmap *m, const char *key, bool take, enum skep_format format,
	       skep_write_fn write, void *ctx, struct skep_diag *diag)
{
	int err;

	if (m->info.type == BPF_MAP_TYPE_BLOOM_FILTER)
		return get_bloom(m, key, diag);
	err = objmap_key(m, key, diag);
	if (err)
		return err;
	err = take ? take_out(m) : m->io.lookup(m, m->info.key_size ? m->key : NULL, m->value);
	if (err)
		return objmap_refused(m, err, take ? "take an element out" : "be read", diag);
	return print(m, format, write, ctx);
}

int skep_kernel_map_get(struct skep_kernel_map *map, const char *key, bool take,
			enum skep_format format, skep_write_fn write, void *ctx,
			struct skep_diag *diag)
{
	return at(inner(map), get(inner(map), key, take, format, write, ctx, diag), diag);
}

int skep_kernel_map_set(struct skep_kernel_map *map, const char *key, const char *value,
			enum skep_map_mode mode, struct skep_diag *diag)
{
	static const u64 flags[] = {
		[SKEP_MAP_ANY] = BPF_ANY,
		[SKEP_MAP_NEW] = BPF_NOEXIST,
		[SKEP_MAP_EXISTING] = BPF_EXIST,
	};

	if (mode > SKEP_MAP_EXISTING)
		return diag_set(diag, -EINVAL, "there is no such mode");
	return at(inner(map), objmap_set(inner(map), key, value, NULL, flags[mode], diag), diag);
}

int skep_kernel_map_del(struct skep_kernel_map *map, const char *key, struct skep_diag *diag)
{
	struct objmap *m = inner(map);
	union bpf_attr attr = {.map_fd = (u32)m->fd};
	int err = m->info.key_size ? 0 : -EOPNOTSUPP;

	if (err)
		return at(m, objmap_refused(m, err, "delete", diag), diag);
	err = objmap_key(m, key, diag);
	if (err)
		return at(m, err, diag);
	attr.key = (u64)(uintptr_t)m->key;
	err = kobj_bpf(BPF_MAP_DELETE_ELEM, &attr, sizeof(attr));
	return err ? at(m, objmap_refused(m, err, "delete", diag), diag) : 0;
}

struct dump {
	struct objmap *m;
	struct strbuf sb;
	skep_write_fn write;
	void *ctx;
};

static int dump_one(void *ctx, const void *key, const void *value)
{
	struct dump *d = ctx;

	strbuf_reset(&d->sb);
	event_map_elems_put_json(d->m->elems, &d->sb, key, value);
	return d->sb.failed ? -ENOMEM : d->write(d->ctx, strbuf_str(&d->sb), d->sb.len);
}

int skep_kernel_map_dump(struct skep_kernel_map *map, enum skep_format format, skep_write_fn write,
			 void *ctx, struct skep_diag *diag)
{
	struct objmap *m = inner(map);
	struct dump d = {.m = m, .write = write, .ctx = ctx};
	int err;

	if (!m->info.key_size)
		return at(m, objmap_refused(m, -EOPNOTSUPP, "list its elements", diag), diag);
	if (format == SKEP_FORMAT_JSON)
		err = objmap_walk(m, dump_one, &d);
	else
		err = event_map_io_print(&m->io, m->types, EVENT_STYLE_TEXT, write, ctx);
	strbuf_done(&d.sb);
	return err >= 0 ? err : at(m, objmap_refused(m, err, "be read", diag), diag);
}

int skep_kernel_map_watch(struct skep_kernel_map *map, enum skep_format format, skep_write_fn write,
			  void *ctx, struct skep_diag *diag)
{
	enum event_style style = format == SKEP_FORMAT_JSON ? EVENT_STYLE_JSON : EVENT_STYLE_TEXT;
	int err = objmap_watch(inner(map), style, write, ctx, diag);

	return err > 0 ? err : at(inner(map), err, diag);
}

int skep_kernel_map_load(struct skep_kernel_map *map, const char *text,
			 const struct skep_kernel_load_opts *opts, uint64_t *ret_nr,
			 struct skep_diag *diag)
{
	struct skep_kernel_load_opts o = {0};

	if (opts)
		memcpy(&o, opts, min_u64(opts->sz, sizeof(o)));
	return at(inner(map), objmap_load(inner(map), text, &o, ret_nr, diag), diag);
}
