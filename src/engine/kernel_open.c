/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The object in libbpf's hands. libbpf reads the same image that our loader has read; what was
 * chosen since (variables, sizes of maps, programs) is carried over before it loads.
 *
 * Maps are matched by name; the internal ones (.rodata and kin) by their section, because their
 * names are made up.
 */
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include "engine/kernel_pin.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

int kernel_open(struct kernel_engine *k, struct skep_diag *diag)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	const char *base = strrchr(k->obj->path, '/');
	const void *image;
	char name[64], types[64], root[256];
	size_t size;
	int fd;

	base = base ? base + 1 : k->obj->path;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
	opts.object_name = name;
	fd = kernel_types_find(k);
	snprintf(types, sizeof(types), "/proc/self/fd/%d", fd);
	opts.btf_custom_path = fd >= 0 ? types : NULL;
	kernel_ids_begin(k);
	image = k->patch.image;
	size = k->patch.size;
	if (!image)
		image = object_image(k->obj, &size);
	if (kernel_bpffs(root, sizeof(root)))
		opts.pin_root_path = root;
	kernel_log_begin();
	k->bpf = bpf_object__open_mem(kernel_struct_ops_image(k, image, size), size, &opts);
	if (k->bpf) {
		kernel_struct_ops_prepare(k);
		return 0;
	}
	return diag_set(diag, -errno, "libbpf can't open it: %s",
			*kernel_log_first() ? kernel_log_first() : strerror(errno));
}

/* --- maps ------------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len >= n && !strcmp(s + len - n, end);
}

struct bpf_map *kernel_find_map(struct kernel_engine *k, const struct object_map *om)
{
	bool internal = om->kind != OBJECT_MAP_USER;
	struct bpf_map *map;

	bpf_object__for_each_map(map, k->bpf)
	{
		const char *name = bpf_map__name(map);

		if (bpf_map__is_internal(map) != internal)
			continue;
		if (internal ? ends_with(name, om->section) : !strcmp(name, om->def.name))
			return map;
	}
	return NULL;
}

#define DEFAULT_ENTRIES    10240
#define DEFAULT_STACK_SIZE (127 * 8) /* PERF_MAX_STACK_DEPTH addresses */

/* Sizes that the object leaves to its loader, as in the user engine. */
static int complete(struct kernel_engine *k, struct bpf_map *map, const struct object_map *om)
{
	u32 type = om->def.type;
	int err = 0;

	if (type == BPF_MAP_TYPE_STACK_TRACE && !bpf_map__value_size(map)) {
		bpf_map__set_key_size(map, 4);
		err = bpf_map__set_value_size(map, DEFAULT_STACK_SIZE);
	}
	if (type == BPF_MAP_TYPE_RINGBUF) { /* a type says what records are, not a size to Linux */
		bpf_map__set_key_size(map, 0);
		err = bpf_map__set_value_size(map, 0);
		if (k->patch.image && !kernel_is_test(k) &&
		    bpf_map__max_entries(map) < k->patch.ring_size &&
		    bpf_map__max_entries(map) == om->def.max_entries) /* nobody has chosen */
			return bpf_map__set_max_entries(map, k->patch.ring_size);
	}
	if (om->def.max_entries && om->def.max_entries != bpf_map__max_entries(map))
		err = bpf_map__set_max_entries(map, om->def.max_entries);
	if (bpf_map__max_entries(map) || !bpf_map__key_size(map) ||
	    type == BPF_MAP_TYPE_PERF_EVENT_ARRAY || map_type_is_storage(type))
		return err;
	if (!k->is_again)
		log_warn("map %s: the object does not say how large it is; it gets %u entries",
			 om->def.name, DEFAULT_ENTRIES);
	return bpf_map__set_max_entries(map, DEFAULT_ENTRIES);
}

static int no_bpffs(const struct object_map *om, struct skep_diag *diag)
{
	diag_set_full(diag, -ENODEV, "no-bpffs", "mount -t bpf bpf /sys/fs/bpf",
		      "the object wants it pinned, and no BPF file system is mounted");
	return diag_at(diag, -ENODEV, "map %s", om->def.name);
}

static int carry_map(struct kernel_engine *k, const struct object_map *om, struct skep_diag *diag)
{
	struct bpf_map *map = kernel_find_map(k, om);
	char root[256];
	int err;

	if (!map)
		return 0; /* .kconfig of an object that uses none of it */
	if (om->def.pinning && !kernel_bpffs(root, sizeof(root)))
		return no_bpffs(om, diag);
	else if (om->kind == OBJECT_MAP_USER)
		err = complete(k, map, om);
	else if (om->kind == OBJECT_MAP_KCONFIG || !om->data)
		return 0; /* libbpf's own to fill */
	else
		err = bpf_map__set_initial_value(map, om->data, om->def.value_size);
	if (!err)
		return 0;
	diag_set(diag, err, "can't give it its initial value or size: %s", strerror(-err));
	return diag_at(diag, err, "map %s", om->def.name);
}

/* Variables that were set to @pid: the process is there already, though it does not run yet. */
static int set_pid(struct kernel_engine *k, const struct object_var *v, struct skep_diag *diag)
{
	const struct object_map *om = &k->obj->maps[v->map];
	u64 wide = kernel_child_pid(k); /* little-endian: its first v->size bytes are the number */

	if (!wide)
		return diag_set_full(diag, -EINVAL, "no-pid", "give a COMMAND behind --, or --pid",
				     "variable %s: @pid is the traced process, and there is none",
				     v->name);
	if (om->data && in_bounds(v->off, v->size, om->def.value_size) && v->size <= sizeof(wide))
		memcpy(om->data + v->off, &wide, v->size);
	return 0;
}

/* --- programs --------------------------------------------------------------------------------- */

/* Sections that this libbpf does not know, and programs that were moved, need their types. */
static int set_type(struct kernel_prog *p, struct skep_diag *diag)
{
	const struct prog *prog = p->prog;
	bool known = bpf_program__type(p->bpf) != BPF_PROG_TYPE_UNSPEC;
	u32 flags = bpf_program__flags(p->bpf) | prog->flags;

	if (known && bpf_program__type(p->bpf) == (enum bpf_prog_type)prog->type &&
	    !strcmp(bpf_program__section_name(p->bpf), prog->section))
		return 0;
	if (bpf_program__set_type(p->bpf, (enum bpf_prog_type)prog->type) ||
	    bpf_program__set_expected_attach_type(p->bpf,
						  (enum bpf_attach_type)prog->attach_type) ||
	    bpf_program__set_flags(p->bpf, flags))
		return diag_set(diag, -EINVAL, "libbpf does not take its type");
	return 0;
}

static int prepare(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	int err = 0;

	p->kind = kernel_kind(p->prog);
	if (!p->kind)
		return diag_set(diag, -EINVAL, "nobody knows this section");
	if (!p->is_target && !k->opts.only_load && !kernel_is_test(k))
		err = kernel_check_needs(k, p, diag);
	err = err ? err : set_type(p, diag);
	if (!err && p->kind->prepare)
		err = p->kind->prepare(k, p, diag);
	return err;
}

static int carry_prog(struct kernel_engine *k, const struct prog *prog, struct skep_diag *diag)
{
	struct bpf_program *bpf = bpf_object__find_program_by_name(k->bpf, prog->name);
	struct kernel_prog *p = &k->progs[k->nr_progs];
	int err;

	if (!bpf) {
		diag_set(diag, -ENOENT, "libbpf sees no such program");
		return diag_at(diag, -ENOENT, "program %s", prog->name);
	}
	bpf_program__set_autoload(bpf, prog->autoload);
	if (!prog->autoload)
		return 0;
	*p = (struct kernel_prog){
		.prog = prog,
		.bpf = bpf,
		.is_target = select_is_tail_call_target(k->obj, prog),
	};
	k->nr_progs++;
	err = prepare(k, p, diag);
	return err ? diag_at(diag, err, "program %s, SEC(\"%s\")", prog->name, prog->section) : 0;
}

/* Where two programs do the same work for kernels with and without BTF, one is enough. */
static bool has_better(const struct kernel_engine *k, const struct prog *prog)
{
	for (u32 i = 0; i < k->obj->nr_progs; i++) {
		const struct prog *other = &k->obj->progs[i];

		if (other->autoload && !k->dropped[i] && select_is_same_place(other, prog))
			return true;
	}
	return false;
}

static int carry_own(struct kernel_engine *k, u32 idx, struct skep_diag *diag)
{
	struct prog *prog = &k->obj->progs[idx];
	struct bpf_program *bpf;

	if (!k->dropped[idx] && !has_better(k, prog) && !select_is_moved(&k->moved, prog))
		return carry_prog(k, prog, diag);
	bpf = bpf_object__find_program_by_name(k->bpf, prog->name);
	if (bpf)
		bpf_program__set_autoload(bpf, false);
	return 0;
}

static int carry_progs(struct kernel_engine *k, struct skep_diag *diag)
{
	int err = select_move(k->obj, k->opts.attach, &k->moved, diag);

	k->progs = mem_calloc(k->obj->nr_progs + k->moved.nr + 1, sizeof(*k->progs));
	if (!k->progs)
		return diag_nomem(diag);
	for (u32 i = 0; i < k->obj->nr_progs && !err; i++)
		err = carry_own(k, i, diag);
	for (u32 i = 0; i < k->moved.nr && !err; i++)
		err = carry_prog(k, &k->moved.progs[i], diag);
	if (!err && !k->nr_progs)
		err = diag_set(diag, -ENOENT, "there is no program to run");
	return err;
}

int kernel_fill(struct kernel_engine *k, struct skep_diag *diag)
{
	struct object *obj = k->obj;
	int err = 0;

	if (!k->dropped)
		k->dropped = mem_calloc(obj->nr_progs + 1, sizeof(*k->dropped));
	if (!k->dropped)
		return diag_nomem(diag);
	for (u32 i = 0; i < obj->nr_vars && !err; i++)
		if (obj->vars[i].is_pid)
			err = set_pid(k, &obj->vars[i], diag);
	for (u32 i = 0; i < obj->nr_maps && !err; i++)
		err = carry_map(k, &obj->maps[i], diag);
	return err ? err : carry_progs(k, diag);
}
