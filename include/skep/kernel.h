/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is in the running kernel, whoever put it there: programs, maps, links, BTF objects; who
 * holds them, where they are attached, what maps contain. Most of it needs CAP_SYS_ADMIN or
 * CAP_BPF.
 *
 * An object is described by a tree of named values, so that what newer kernels say needs no new
 * struct: programs can ask for what they know, and print what they do not.
 */
#ifndef SKEP_KERNEL_H
#define SKEP_KERNEL_H

#include <skep/diag.h>
#include <skep/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* --- objects ---------------------------------------------------------------------------------- */

enum skep_kernel_kind {
	SKEP_KERNEL_PROGS,
	SKEP_KERNEL_MAPS,
	SKEP_KERNEL_LINKS, /* and attachments that have no link: "id" is missing there */
	SKEP_KERNEL_BTF,
};

enum skep_value_kind {
	SKEP_VALUE_NUMBER,
	SKEP_VALUE_SIGNED, /* number is an int64_t */
	SKEP_VALUE_BOOL,   /* number is 0 or 1 */
	SKEP_VALUE_TEXT,
	SKEP_VALUE_LIST,   /* kids have no names */
	SKEP_VALUE_OBJECT, /* kids have names */
};

struct skep_value {
	const char *name; /* NULL in a list */
	enum skep_value_kind kind;
	uint64_t number;
	const char *text;
	const struct skep_value *kids;
	size_t nr;
};

struct skep_kernel_filter {
	size_t sz;
	uint32_t id;      /* 0: any */
	const char *name; /* whole, or as the kernel cuts it; NULL: any */
	uint32_t pid;     /* only what that process holds; 0: any */
	size_t : 0;
};

struct skep_kernel_list;

/**
 * Look at all objects of a kind, sorted by id. filter may be NULL. What goes away meanwhile is left
 * out. -EPERM: diag says which capability is missing.
 */
int skep_kernel_list_new(enum skep_kernel_kind kind, const struct skep_kernel_filter *filter,
			 struct skep_kernel_list **ret, struct skep_diag *diag);
struct skep_kernel_list *skep_kernel_list_free(struct skep_kernel_list *list); /* returns NULL */
size_t skep_kernel_list_nr(const struct skep_kernel_list *list);
/** An object; NULL beyond the last. It belongs to the list. */
const struct skep_value *skep_kernel_list_get(const struct skep_kernel_list *list, size_t idx);

/** A member of an object by name; NULL: it has none. */
const struct skep_value *skep_value_get(const struct skep_value *object, const char *name);

/* --- instructions ----------------------------------------------------------------------------- */

enum skep_kernel_insns {
	SKEP_KERNEL_XLATED, /* as the kernel's verifier has rewritten them */
	SKEP_KERNEL_JITED,  /* the machine's; -ENOTSUP: no libcapstone */
};
struct skep_object;
/**
 * Instructions of a loaded program beside its source lines, where its BTF has them. -EPERM: the
 * kernel hides them. What write returned, if it was not 0.
 */
int skep_kernel_prog_disasm(uint32_t id, enum skep_kernel_insns what, skep_write_fn write,
			    void *ctx, struct skep_diag *diag);
/** The same of an object's programs, or of one, which are loaded into Linux for this, not attached.
 */
int skep_kernel_object_disasm(struct skep_object *obj, const char *prog,
			      enum skep_kernel_insns what, skep_write_fn write, void *ctx,
			      struct skep_diag *diag);

/* --- maps ------------------------------------------------------------------------------------- */

/**
 * A map in the kernel, typed by the BTF that it was made with; without one, keys and values are
 * integers or bytes in hex, by their size (a warning says so). Keys and values are text as in
 * skep_object_set_var. Values that stand for something are given as its id or pinned path
 * (programs, maps), its path (cgroups), its name or number (interfaces). One thread at a time.
 */
struct skep_kernel_map;

/**
 * which: an id, a path, or a name: also the whole one where the kernel keeps 15 characters, or the
 * last part of a pinned path. -ENOENT; -EEXIST: several have that name, the message has their ids.
 */
int skep_kernel_map_open(const char *which, struct skep_kernel_map **ret, struct skep_diag *diag);
struct skep_kernel_map *skep_kernel_map_close(struct skep_kernel_map *map); /* returns NULL */
const char *skep_kernel_map_name(const struct skep_kernel_map *map);
uint32_t skep_kernel_map_id(const struct skep_kernel_map *map);

/**
 * One element. key NULL: the next one of a queue or stack. Of a bloom filter, key is the value that
 * is asked for; nothing is printed, -ENOENT says that it is not there. take: it is removed as well.
 */
int skep_kernel_map_get(struct skep_kernel_map *map, const char *key, bool take,
			enum skep_format format, skep_write_fn write, void *ctx,
			struct skep_diag *diag);

enum skep_map_mode {
	SKEP_MAP_ANY,
	SKEP_MAP_NEW,      /* -EEXIST: it is there */
	SKEP_MAP_EXISTING, /* -ENOENT: it is not */
};
/** key NULL: queues, stacks, bloom filters. A per-CPU map gets the value on every CPU. */
int skep_kernel_map_set(struct skep_kernel_map *map, const char *key, const char *value,
			enum skep_map_mode mode, struct skep_diag *diag);
int skep_kernel_map_del(struct skep_kernel_map *map, const char *key, struct skep_diag *diag);

/**
 * All elements: a table sorted by value (arrays: by key), of at most a million; JSON lines as the
 * kernel gives them. Not atomic: others may change the map meanwhile.
 */
int skep_kernel_map_dump(struct skep_kernel_map *map, enum skep_format format, skep_write_fn write,
			 void *ctx, struct skep_diag *diag);

/** What has changed since the last call; the first one only looks. */
int skep_kernel_map_watch(struct skep_kernel_map *map, enum skep_format format, skep_write_fn write,
			  void *ctx, struct skep_diag *diag);

struct skep_kernel_load_opts {
	size_t sz;
	const char *value; /* of lines that have only a key; NULL: there are none */
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* may be NULL */
	void *ctx;
	size_t : 0;
};
/**
 * Many elements from text: what dump prints as JSON, {"key": value, …}, [value, …], or lines of KEY
 * VALUE separated by blanks, a comma or a semicolon, # for comments. All of it is understood before
 * the first element is written; then element after element, in batches: not atomic, and what is in
 * stays in when one is refused. *ret_nr is always set: how many were written.
 */
int skep_kernel_map_load(struct skep_kernel_map *map, const char *text,
			 const struct skep_kernel_load_opts *opts, uint64_t *ret_nr,
			 struct skep_diag *diag);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
