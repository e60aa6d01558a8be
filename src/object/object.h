/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An object file, opened: programs, map definitions, variables. load.c is the list of steps.
 * Everything hangs on the object's arena; nothing outlives object_close.
 */
#ifndef OBJECT_OBJECT_H
#define OBJECT_OBJECT_H

#include "base/arena.h"
#include "base/diag.h"
#include "map/map.h"
#include "prog/prog.h"
#include <bpf/btf.h>

enum object_map_kind {
	OBJECT_MAP_USER, /* .maps or maps */
	OBJECT_MAP_DATA,
	OBJECT_MAP_BSS,
	OBJECT_MAP_RODATA,
	OBJECT_MAP_KCONFIG,
};

struct object_map_init { /* SEC(".maps") … .values = { … } */
	u32 idx;
	const struct prog *prog; /* prog_array; else NULL */
	u32 map;                 /* map-in-map: index of the inner map */
};

struct object_map {
	struct map_def def;
	enum object_map_kind kind;
	const char *section; /* ".maps", ".data.custom" */
	u8 *data; /* initial value of an internal map, value_size bytes; writable until load */
	struct object_map_init *init;
	u32 nr_init;
};

/* A global variable; the value is in maps[map].data + off. */
struct object_var {
	const char *name;
	u32 map, off, size;
	u32 type_id;   /* in obj->btf; 0: not known */
	bool is_const; /* in .rodata: fixed once loaded */
	bool is_pid;   /* becomes the traced process' id when that is known ("@pid") */
};

struct object {
	struct arena arena;
	const char *path;
	const char *license;
	u32 kern_version;
	struct btf *btf;    /* NULL: none */
	struct prog *progs; /* entry programs; insns are final after object_relocate */
	u32 nr_progs;
	struct object_map *maps;
	u32 nr_maps;
	struct object_var *vars;
	u32 nr_vars;
	struct object_state *state; /* of the steps between open and relocate */
};

/* name is for messages. The bytes are copied. Any bytes give an object or an error with its place.
 */
int object_open(const void *data, size_t size, const char *name, struct object **ret,
		struct skep_diag *diag);
struct object *object_close(struct object *obj); /* NULL is fine; returns NULL */

struct object_reloc_opts {
	const struct btf *kernel_btf; /* may be NULL: CO-RE then fails where it is needed */
	/* Value of an extern __kconfig ("y", "m", "n", a number, a quoted string); it returns NULL
	 * where that is not set. May be NULL: the running kernel's configuration, from
	 * /boot/config-RELEASE or /proc/config.gz. */
	const char *(*kconfig)(void *ctx, const char *name);
	/* Address of a typeless ksym, 0 if there is none. May be NULL: there are none. */
	u64 (*ksym)(void *ctx, const char *name);
	void *ctx;
};

/* CO-RE, externs, subprograms: after it progs[i].insns, funcs, lines and refs are final. */
int object_relocate(struct object *obj, const struct object_reloc_opts *opts,
		    struct skep_diag *diag);

struct prog *object_prog(struct object *obj, const char *name); /* NULL: none */
int object_map_idx(const struct object *obj, const char *name); /* -1: none */
const struct object_var *object_var(const struct object *obj, const char *name);

/* Its CO-RE relocations, in the order of the file: how many, and one of them. */
u32 object_nr_core_relos(const struct object *obj);
const struct bpf_core_relo *object_core_relo(const struct object *obj, u32 idx);

/* The ELF image that was opened (a copy): DWARF readers use it. */
const void *object_image(const struct object *obj, size_t *ret_size);

#endif
