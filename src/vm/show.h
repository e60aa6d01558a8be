/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* An object as text in the kernel's notation (bpf_snprintf_btf): show.c. */
#ifndef VM_SHOW_H
#define VM_SHOW_H

#include "base/strbuf.h"
#include <bpf/btf.h>

/* size bytes of a type; flags are BTF_F_*. 0, or -EINVAL where the type has no size. */
int show_object(const struct btf *btf, u32 type_id, const void *data, u32 size, u64 flags,
		struct strbuf *out);

#endif
