/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What stands behind the public handles. */
#ifndef API_API_H
#define API_API_H

#include "base/arena.h"
#include "elf/symbols.h"
#include "object/object.h"
#include <skep/object.h>

struct skep_object {
	struct object *obj;
	struct btf *kernel_btf; /* NULL until asked for by api_kernel_btf */
	char *btf_path;         /* NULL: the running kernel's, else the shipped one */
	bool btf_tried;
	struct skep_diag btf_diag; /* why there is none */
	struct arena text;         /* strings handed out */
	struct symbols *symbols;   /* of the session that runs it; NULL: none */
};

/* Opened when first needed; NULL where there is none (obj->btf_diag says why). */
const struct btf *api_kernel_btf(struct skep_object *obj);

/* An options struct of a caller who may have been compiled against another version. */
#define api_opt(opts, field, otherwise)                                                            \
	((opts) && (opts)->sz >= offsetof(__typeof__(*(opts)), field) + sizeof((opts)->field)      \
		 ? (opts)->field                                                                   \
		 : (otherwise))

#endif
