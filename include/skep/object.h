/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An object: a compiled .bpf.o, or a .bpf.c that is compiled on the way.
 *
 * Threads: one object is for one thread at a time. Strings that a call returns belong to the object
 * and live as long as it does.
 */
#ifndef SKEP_OBJECT_H
#define SKEP_OBJECT_H

#include <skep/diag.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct skep_object;

struct skep_open_opts {
	size_t sz;
	const char
		*btf_path; /* the kernel's BTF; NULL: the running kernel's, else the shipped one */
	const char *clang; /* for sources; NULL: $CLANG, else the newest clang in PATH */
	const char *const *cflags; /* further arguments for clang, NULL-terminated; may be NULL */
	size_t : 0;
};

/**
 * Open a file. A name that ends in .c is compiled first, see skep_source_compile.
 * *ret is written on success only and is the caller's to free with skep_object_free.
 */
int skep_object_open(const char *path, const struct skep_open_opts *opts, struct skep_object **ret,
		     struct skep_diag *diag);

/** Open from memory; the bytes are copied. name is for messages and becomes the path. */
int skep_object_open_mem(const void *data, size_t size, const char *name,
			 const struct skep_open_opts *opts, struct skep_object **ret,
			 struct skep_diag *diag);

struct skep_object *skep_object_free(struct skep_object *obj); /* NULL is fine; returns NULL */

const char *skep_object_path(const struct skep_object *obj);    /* as it was opened */
const char *skep_object_license(const struct skep_object *obj); /* "" where it says none */

/**
 * The programs, in the order of the file. Here and below: ret->sz must be set; -ENOENT when idx is
 * beyond the last, -EINVAL when sz is no size.
 */
struct skep_prog_info {
	size_t sz;
	const char *name, *section;
	const char *type;        /* "xdp", "tracepoint", … */
	const char *attach_type; /* "" where the type says it all */
	const char *target;      /* what follows the kind of section; "" where nothing does */
	uint32_t nr_insns;
	bool autoload;
	size_t : 0;
};
size_t skep_object_nr_progs(const struct skep_object *obj);
int skep_object_prog(const struct skep_object *obj, size_t idx, struct skep_prog_info *ret);
/** Load it or leave it out, before a session is made. -ENOENT: no program of that name. */
int skep_object_set_autoload(struct skep_object *obj, const char *name, bool on,
			     struct skep_diag *diag);

/** The maps. */
struct skep_map_info {
	size_t sz;
	const char *name, *type;
	uint32_t key_size, value_size, max_entries, flags;
	const char *key_type, *value_type; /* C declarations, "" where the object does not say */
	bool internal;                     /* .data, .rodata, … */
	size_t : 0;
};
size_t skep_object_nr_maps(const struct skep_object *obj);
int skep_object_map(struct skep_object *obj, size_t idx, struct skep_map_info *ret);

/** Global variables: the options of the program. */
struct skep_var_info {
	size_t sz;
	const char *name;
	const char *type;    /* the C declaration, "" where not known */
	const char *section; /* .rodata, .data, .bss, … */
	uint32_t size;
	bool is_const;     /* can only be set before loading */
	const char *value; /* what it is now, as text */
	size_t : 0;
};
size_t skep_object_nr_vars(const struct skep_object *obj);
int skep_object_var(struct skep_object *obj, size_t idx, struct skep_var_info *ret);

/**
 * Set a variable before loading from text that fits its type: a number (also 0x, 1k, negative), a
 * character, a bool (true, false, 1, 0), an enumerator, a string for char arrays, {a, b} or
 * {"x": 1} for arrays and structs; @pid for an integer is the id of the process that a session
 * traces, set when that process starts. -ENOENT: no such variable; -EINVAL, -ERANGE, -E2BIG: the
 * text does not fit its type.
 */
int skep_object_set_var(struct skep_object *obj, const char *name, const char *text,
			struct skep_diag *diag);

/** Change max_entries of a map before a session is made. -ENOENT: no map of that name. */
int skep_object_set_max_entries(struct skep_object *obj, const char *map, uint32_t max_entries,
				struct skep_diag *diag);

/**
 * Instructions beside source lines, into a callback as skep_write_fn of event.h, whose non-zero
 * value is returned. prog NULL: all programs; -ENOENT: none of that name.
 */
int skep_object_disasm(struct skep_object *obj, const char *prog,
		       int (*write)(void *ctx, const char *text, size_t size), void *ctx,
		       struct skep_diag *diag);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
