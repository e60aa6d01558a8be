/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * USDT arguments: the two maps of libbpf's usdt.bpf.h, filled as its loader does. A spec says where
 * each argument of a site is; programs find its number by bpf_get_attach_cookie() or, on kernels
 * without cookies, by the address of the site.
 */
#ifndef HOOK_USDT_H
#define HOOK_USDT_H

#include "map/map.h"

#define USDT_MAX_SPECS 256

struct usdt_specs {
	struct map *specs, *ips; /* NULL: the object has no USDT programs */
	char *args[USDT_MAX_SPECS];
	u32 nr;
};

void usdt_init(struct usdt_specs *u, struct map *const *maps, u32 nr_maps);
void usdt_done(struct usdt_specs *u);

/* The number of the spec for an argument string ("-4@%edi 8@-8(%rbp)"), made when it is new.
 * -EINVAL: it cannot be read; -E2BIG: no more room. */
s32 usdt_spec(struct usdt_specs *u, const char *args);
void usdt_site(struct usdt_specs *u, u64 ip, u32 spec_id);

#endif
