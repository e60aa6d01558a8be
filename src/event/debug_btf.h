/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef EVENT_DEBUG_BTF_H
#define EVENT_DEBUG_BTF_H

#include "base/hash.h"
#include <bpf/btf.h>
#include <elfutils/libdw.h>

/*
 * Add a type of DWARF to btf; known types (by DIE offset) are taken from seen. What is not a
 * struct or union is put into one, as its member `name`. 0: it cannot be said in BTF.
 */
u32 debug_to_btf(Dwarf_Die *type, const char *name, struct btf *btf, struct hash_table *seen);

#endif
