/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BTF: opened from bytes that may be hostile (checked here in full before libbpf's reader sees
 * them), layout, names, and text. struct btf is libbpf's; read it with btf__type_by_id and kin.
 */
#ifndef BTF_TYPES_H
#define BTF_TYPES_H

#include "base/diag.h"
#include "base/strbuf.h"
#include <bpf/btf.h>

/*
 * What types_open guarantees of every struct btf that it gives, so that walks need no checks of
 * their own: ids and string offsets are in range, kinds fit where they stand (a FUNC has a
 * FUNC_PROTO, a member something with a size), modifiers, arrays, structs by value form no cycle
 * and go no deeper than this; pointers and prototypes neither, up to the next named struct.
 */
#define TYPES_MAX_DEPTH 96
#define TYPES_MAX_SIZE  (64u << 20) /* bytes of BTF; the kernel's own limit is 16 MiB */
#define TYPES_MAX_NR    0xfffff     /* types, as the kernel's BTF_MAX_TYPE */

/* Any bytes: a struct btf, or an error with its place. Split BTF where base is given. */
int types_open(const void *data, size_t size, struct btf *base, struct btf **ret,
	       struct skep_diag *diag);

/* Only the check. */
int types_check(const void *data, size_t size, const struct btf *base, struct skep_diag *diag);

/* Free a struct btf and what was indexed for it. NULL is fine; returns NULL. */
struct btf *types_close(struct btf *btf);

/*
 * The kernel's BTF: path, or when path is NULL the running kernel's, or where there is none the
 * one that is shipped. path may be raw BTF, an ELF with .BTF, or either compressed with zstd,
 * gzip or xz. *ret_name (may be NULL) is what was taken, in words. The caller frees with
 * types_close.
 */
int types_open_kernel(const char *path, struct btf **ret, const char **ret_name,
		      struct skep_diag *diag);

/* Skip modifiers and typedefs; a broken chain gives type 0 (void). */
u32 types_skip(const struct btf *btf, u32 id);
u32 types_skip_mods(const struct btf *btf, u32 id); /* keeps typedefs */

/* Size in bytes, 0 for what has none. */
u32 types_size(const struct btf *btf, u32 id);

const char *types_name(const struct btf *btf, u32 id); /* "" for anonymous */

/* The C declaration "const char *" or "struct a[4]" of a type. */
void types_decl(struct strbuf *sb, const struct btf *btf, u32 id);

/* A member by dotted path ("real_parent", "uid.val", also inside anonymous members). */
struct types_member {
	u32 type_id;
	u32 bit_off;
	u32 bit_size; /* of a bitfield, else 0 */
};
int types_member(const struct btf *btf, u32 struct_id, const char *path, struct types_member *ret);

/* First struct or union (or typedef of one) of that name; 0 if none. Indexed: cheap after the
 * first. */
u32 types_find_struct(const struct btf *btf, const char *name);

/* First type of that name and kind (BTF_KIND_*); 0 if none. Indexed too. */
u32 types_find(const struct btf *btf, const char *name, u32 kind);

/* The name without its flavour: the length of what stands before "___". */
size_t types_essential_len(const char *name);

/* Calls fn, in order of ids, for every type but functions whose name without flavour is
 * name[0..len); stops when fn does not return 0, and returns that. */
typedef int (*types_each_fn)(void *ctx, u32 id);
int types_each_named(const struct btf *btf, const char *name, size_t len, types_each_fn fn,
		     void *ctx);

#endif
