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

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
