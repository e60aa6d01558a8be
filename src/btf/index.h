/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inside btf/: the index of names. */
#ifndef BTF_INDEX_H
#define BTF_INDEX_H

#include <bpf/btf.h>

void types_index_drop(const struct btf *btf); /* btf is about to be freed */

#endif
