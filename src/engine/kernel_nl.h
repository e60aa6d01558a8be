/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The little of rtnetlink that attaching needs: a request, its answer, a walk over many. */
#ifndef ENGINE_KERNEL_NL_H
#define ENGINE_KERNEL_NL_H

#include "base/types.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define NL_ROOM 1024

struct nl {
	union {
		struct nlmsghdr h;
		char buf[NL_ROOM];
	};
	char why[128]; /* what the kernel said beside the errno; "" */
};

/* A request with its fixed header; NLM_F_REQUEST is added. */
void nl_init(struct nl *nl, u16 type, u16 flags, const void *header, size_t size);
void nl_put(struct nl *nl, u16 type, const void *data, size_t size);
void nl_put_u32(struct nl *nl, u16 type, u32 value);
void nl_put_str(struct nl *nl, u16 type, const char *s);
struct rtattr *nl_nest(struct nl *nl, u16 type);
void nl_end(struct nl *nl, struct rtattr *nest);

int nl_talk(struct nl *nl); /* send, wait for the acknowledgement: 0 or -errno */
/* NLM_F_DUMP: fn for each answer; non-zero ends the walk. 0, -errno or what fn returned. */
int nl_dump(struct nl *nl, int (*fn)(void *ctx, const struct nlmsghdr *h), void *ctx);
const struct rtattr *nl_find(const struct rtattr *first, size_t len, u16 type); /* NULL: none */

#endif
