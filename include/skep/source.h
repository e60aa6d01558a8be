/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* From a .bpf.c to an object in memory. */
#ifndef SKEP_SOURCE_H
#define SKEP_SOURCE_H

#include <skep/diag.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct skep_source_opts {
	size_t sz;
	const char *btf_path;      /* vmlinux.h is made from it; NULL: see skep_open_opts */
	const char *clang;         /* NULL: $CLANG, else the newest clang in PATH */
	const char *const *cflags; /* further arguments, NULL-terminated; may be NULL */
	size_t : 0;
};

/**
 * Compile a BPF program with clang -target bpf -g -O2. vmlinux.h is made from BTF and cached;
 * macros that it lacks (ETH_P_IP, TC_ACT_OK, …) are supplied where the program does not define
 * them. opts may be NULL. *ret is freed with skep_source_free. What clang has to say on success
 * goes to the log as warnings, on failure it is in diag (the first error) and in the log
 * (everything).
 */
int skep_source_compile(const char *path, const struct skep_source_opts *opts, void **ret,
			size_t *ret_size, struct skep_diag *diag);
void skep_source_free(void *object); /* NULL is fine */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
