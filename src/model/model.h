/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The model kernel: task_struct, cred, files, sockets, … as objects in one reserved range of
 * addresses, laid out by a kernel's BTF and filled from what a hook knows. Programs see their
 * addresses; reads through them are checked (model_read), and what nobody filled is zero.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/diag.h"
#include <bpf/btf.h>

struct model;

/* btf must outlive the model. */
int model_new(const struct btf *btf, struct model **ret, struct skep_diag *diag);
struct model *model_free(struct model *m); /* NULL is fine; returns NULL */
const struct btf *model_btf(const struct model *m);

/* The whole range, for the guard: programs may read it, not write it. */
void model_range(const struct model *m, const char **ret_base, size_t *ret_size);

/* A zeroed object of a struct type by name; NULL when memory or the type is missing. */
void *model_alloc(struct model *m, const char *type);
void *model_alloc_bytes(struct model *m, size_t size);
void model_release(struct model *m, void *obj);      /* may be handed out again later */
u32 model_sizeof(struct model *m, const char *type); /* 0: this kernel has no such struct */

/*
 * Write a field by dotted path. Missing fields (another kernel) are skipped: returns false.
 * Offsets are looked up once: type and path must be string constants (compared by address first).
 */
bool model_set(struct model *m, void *obj, const char *type, const char *path, u64 value);
bool model_set_bytes(struct model *m, void *obj, const char *type, const char *path, const void *p,
		     size_t size);
/* The address of a field inside an object; NULL if there is no such field. */
void *model_field(struct model *m, void *obj, const char *type, const char *path);
u32 model_field_size(struct model *m, const char *type, const char *path); /* 0: no field */
bool model_get(struct model *m, const void *obj, const char *type, const char *path, u64 *ret);

/* Copy from the model; 0, or -EFAULT where [addr, addr + size) is not all inside its range. */
int model_read(const struct model *m, void *dst, size_t size, u64 addr);

/* The address of a kernel symbol or per-CPU variable by name, made when first asked for; 0:
 * unknown. */
u64 model_symbol(struct model *m, const char *name);

#endif
