/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "engine/kernel_nl.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef NETLINK_EXT_ACK
#define NETLINK_EXT_ACK 11
#endif
#ifndef NETLINK_CAP_ACK
#define NETLINK_CAP_ACK 10
#endif

#define ANSWER_ROOM 32768

void nl_init(struct nl *nl, u16 type, u16 flags, const void *header, size_t size)
{
	memset(nl, 0, sizeof(*nl));
	nl->h.nlmsg_type = type;
	nl->h.nlmsg_flags = NLM_F_REQUEST | flags;
	nl->h.nlmsg_len = (u32)NLMSG_LENGTH(size);
	memcpy(NLMSG_DATA(&nl->h), header, size);
}

void nl_put(struct nl *nl, u16 type, const void *data, size_t size)
{
	struct rtattr *a = (void *)(nl->buf + NLMSG_ALIGN(nl->h.nlmsg_len));

	if (NLMSG_ALIGN(nl->h.nlmsg_len) + RTA_SPACE(size) > NL_ROOM)
		return; /* nothing of ours comes near */
	a->rta_type = type;
	a->rta_len = (u16)RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(a), data, size);
	nl->h.nlmsg_len = (u32)(NLMSG_ALIGN(nl->h.nlmsg_len) + RTA_SPACE(size));
}

void nl_put_u32(struct nl *nl, u16 type, u32 value)
{
	nl_put(nl, type, &value, sizeof(value));
}

void nl_put_str(struct nl *nl, u16 type, const char *s)
{
	nl_put(nl, type, s, strlen(s) + 1);
}

struct rtattr *nl_nest(struct nl *nl, u16 type)
{
	struct rtattr *a = (void *)(nl->buf + NLMSG_ALIGN(nl->h.nlmsg_len));

	nl_put(nl, type | NLA_F_NESTED, NULL, 0);
	return a;
}

void nl_end(struct nl *nl, struct rtattr *nest)
{
	nest->rta_len = (u16)(nl->buf + nl->h.nlmsg_len - (char *)nest);
}

const struct rtattr *nl_find(const struct rtattr *a, size_t len, u16 type)
{
	for (int left = (int)len; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static int open_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), one = 1;

	if (fd >= 0) {
		setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
		setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	}
	return fd;
}

static void keep_why(struct nl *nl, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	const struct rtattr *msg;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	msg = nl_find((const void *)(e + 1), h->nlmsg_len - NLMSG_LENGTH(sizeof(*e)),
		      NLMSGERR_ATTR_MSG);
	if (msg)
		snprintf(nl->why, sizeof(nl->why), "%.*s", (int)RTA_PAYLOAD(msg),
			 (const char *)RTA_DATA(msg));
}

struct walk {
	struct nl *nl;
	int (*fn)(void *ctx, const struct nlmsghdr *h);
	void *ctx;
	bool done;
};

static int take(struct walk *w, const struct nlmsghdr *h)
{
	if (h->nlmsg_type == NLMSG_DONE) {
		w->done = true;
		return 0;
	}
	if (h->nlmsg_type == NLMSG_ERROR) {
		w->done = true;
		keep_why(w->nl, h);
		return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	}
	return w->fn ? w->fn(w->ctx, h) : 0;
}

static int receive(int fd, struct walk *w)
{
	static _Thread_local char buf[ANSWER_ROOM] __attribute__((aligned(8)));
	int err = 0;

	while (!w->done && !err) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (u32)left) && !err && !w->done;
		     h = NLMSG_NEXT(h, left))
			err = take(w, h);
	}
	return err;
}

static int request(struct walk *w)
{
	int fd = open_socket(), err;

	if (fd < 0)
		return -errno;
	if (send(fd, w->nl->buf, w->nl->h.nlmsg_len, 0) < 0)
		err = -errno;
	else
		err = receive(fd, w);
	close(fd);
	return err;
}

int nl_talk(struct nl *nl)
{
	struct walk w = {.nl = nl};

	nl->h.nlmsg_flags |= NLM_F_ACK;
	return request(&w);
}

int nl_dump(struct nl *nl, int (*fn)(void *ctx, const struct nlmsghdr *h), void *ctx)
{
	struct walk w = {.nl = nl, .fn = fn, .ctx = ctx};

	nl->h.nlmsg_flags |= NLM_F_DUMP;
	return request(&w);
}
