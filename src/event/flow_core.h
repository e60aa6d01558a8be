/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which instructions reach into a kernel struct, by CO-RE, for a member in network order. */
#ifndef EVENT_FLOW_CORE_H
#define EVENT_FLOW_CORE_H

#include "event/debug_image.h"
#include <bpf/btf.h>

struct flow_core;

/* 0 with *ret NULL where the object has no CO-RE relocations, or they make no sense. */
int flow_core_new(const struct debug_image *img, const struct btf *btf, struct flow_core **ret);
struct flow_core *flow_core_free(struct flow_core *core);

bool flow_core_has(const struct flow_core *core, u32 shndx, u32 insn);

#endif
