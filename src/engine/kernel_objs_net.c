/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is attached to interfaces of our network namespace without a link: XDP by netlink, tc
 * filters and actions, tcx and netkit by BPF_PROG_ATTACH, programs of routes (LWT).
 *
 * Netlink's answers come from the kernel and are still walked with checks: a length may not lead
 * out of its frame.
 */
#include "base/mem.h"
#include "engine/kernel_objs.h"
#include <errno.h>
#include <linux/if_link.h>
#include <linux/lwtunnel.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_bpf.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_IFACES 65536
#define ANSWER     65536 /* bytes of one answer; the kernel cuts dumps into 32 KiB */

void kobj_add_iface(struct kobj_world *w, struct skep_value *o, u32 ifindex)
{
	char name[IF_NAMESIZE] = "";

	if (ifindex && if_indextoname(ifindex, name))
		kobj_text(&w->tree, o, "devname", name);
	kobj_number(&w->tree, o, "ifindex", ifindex);
}

/* --- netlink ---------------------------------------------------------------------------------- */

struct dump {
	struct kobj_world *w;
	int (*each)(struct dump *d, const struct nlmsghdr *h);
	u32 ifindex; /* for filters */
	const char *where;
	VEC(u32) ifaces;
	VEC(struct tcmsg) qdiscs;
};

/* The attribute of that type in a row of attributes; NULL: none. */
static const struct rtattr *attr_find(const void *from, size_t len, u32 type)
{
	const struct rtattr *a = from;

	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static const struct rtattr *attr_in(const struct rtattr *a, u32 type)
{
	return a ? attr_find(RTA_DATA(a), RTA_PAYLOAD(a), type) : NULL;
}

static u32 attr_u32(const struct rtattr *a)
{
	u32 x = 0;

	if (a && RTA_PAYLOAD(a) >= sizeof(x))
		memcpy(&x, RTA_DATA(a), sizeof(x));
	return x;
}

/* Of a message: what stands behind its fixed part of that size. */
static const struct rtattr *msg_attr(const struct nlmsghdr *h, size_t fixed, u32 type)
{
	size_t head = NLMSG_ALIGN(fixed);

	if (h->nlmsg_len < NLMSG_HDRLEN + head)
		return NULL;
	return attr_find((const char *)NLMSG_DATA(h) + head, h->nlmsg_len - NLMSG_HDRLEN - head,
			 type);
}

static int take(struct dump *d, const char *buf, size_t len, bool *ret_done)
{
	const struct nlmsghdr *h = (const void *)buf;
	int err = 0;

	for (; NLMSG_OK(h, len) && !err && !*ret_done; h = NLMSG_NEXT(h, len)) {
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			*ret_done = true;
		else
			err = d->each(d, h);
	}
	return err;
}

/* Ask for a dump; what the kernel refuses gives nothing. */
static int ask(struct dump *d, u16 type, const void *body, size_t size)
{
	struct {
		struct nlmsghdr h;
		char body[64];
	} req = {.h = {.nlmsg_len = (u32)NLMSG_LENGTH(size),
		       .nlmsg_type = type,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err = 0;
	char *buf = mem_alloc(ANSWER);
	bool done = fd < 0;

	if (!buf)
		err = -ENOMEM;
	memcpy(req.body, body, min_u64(size, sizeof(req.body)));
	if (!done && !err && send(fd, &req, req.h.nlmsg_len, 0) < 0)
		done = true;
	while (!err && !done) {
		ssize_t n = recv(fd, buf, ANSWER, 0);

		if (n <= 0 && errno != EINTR)
			done = true;
		else if (n > 0)
			err = take(d, buf, (size_t)n, &done);
	}
	if (fd >= 0)
		close(fd);
	mem_free(buf);
	return err;
}

/* --- XDP -------------------------------------------------------------------------------------- */

static void add_xdp(struct dump *d, u32 ifindex, const struct rtattr *id, const char *mode)
{
	u32 prog = attr_u32(id);
	struct skep_value *o;

	if (!prog || kobj_nr_links(d->w, prog, "ifindex", ifindex, KOBJ_ANY_TYPE))
		return;
	o = kobj_attached(d->w, "xdp", prog);
	kobj_add_iface(d->w, o, ifindex);
	kobj_text(&d->w->tree, o, "mode", mode);
}

static int on_link(struct dump *d, const struct nlmsghdr *h)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	const struct rtattr *xdp = msg_attr(h, sizeof(*ifi), IFLA_XDP);
	u32 *iface;

	if (h->nlmsg_type != RTM_NEWLINK || d->ifaces.nr >= MAX_IFACES)
		return 0;
	iface = VEC_PUSH(&d->ifaces);
	if (!iface)
		return -ENOMEM;
	*iface = (u32)ifi->ifi_index;
	add_xdp(d, *iface, attr_in(xdp, IFLA_XDP_DRV_PROG_ID), "native");
	add_xdp(d, *iface, attr_in(xdp, IFLA_XDP_SKB_PROG_ID), "skb");
	add_xdp(d, *iface, attr_in(xdp, IFLA_XDP_HW_PROG_ID), "offload");
	return 0;
}

/* --- tc --------------------------------------------------------------------------------------- */

static int on_qdisc(struct dump *d, const struct nlmsghdr *h)
{
	struct tcmsg *t;

	if (h->nlmsg_type != RTM_NEWQDISC || h->nlmsg_len < NLMSG_LENGTH(sizeof(*t)) ||
	    d->qdiscs.nr >= MAX_IFACES)
		return 0;
	t = VEC_PUSH(&d->qdiscs);
	if (!t)
		return -ENOMEM;
	memcpy(t, NLMSG_DATA(h), sizeof(*t));
	t->tcm__pad1 = 0;
	if (t->tcm_parent == TC_H_CLSACT) { /* also TC_H_INGRESS: the same number */
		const struct rtattr *kind = msg_attr(h, sizeof(*t), TCA_KIND);

		t->tcm__pad1 = kind && RTA_PAYLOAD(kind) >= 6 &&
					       !memcmp(RTA_DATA(kind), "clsact", 6)
				       ? 1
				       : 2;
	}
	return 0;
}

static int on_filter(struct dump *d, const struct nlmsghdr *h)
{
	const struct tcmsg *t = NLMSG_DATA(h);
	const struct rtattr *kind = msg_attr(h, sizeof(*t), TCA_KIND);
	const struct rtattr *opts = msg_attr(h, sizeof(*t), TCA_OPTIONS), *name;
	u32 prog = attr_u32(attr_in(opts, TCA_BPF_ID));
	struct kobj_tree *tree = &d->w->tree;
	struct skep_value *o;

	if (h->nlmsg_type != RTM_NEWTFILTER || !kind || RTA_PAYLOAD(kind) < 4 || !prog ||
	    memcmp(RTA_DATA(kind), "bpf", 4))
		return 0;
	o = kobj_attached(d->w, "tc", prog);
	kobj_add_iface(d->w, o, d->ifindex);
	kobj_text(tree, o, "direction", d->where);
	kobj_number(tree, o, "pref", t->tcm_info >> 16);
	kobj_number(tree, o, "handle", t->tcm_handle);
	name = attr_in(opts, TCA_BPF_NAME);
	if (name && RTA_PAYLOAD(name) > 0)
		kobj_printf(tree, o, "filter", "%.*s", (int)RTA_PAYLOAD(name),
			    (const char *)RTA_DATA(name));
	if (attr_u32(attr_in(opts, TCA_BPF_FLAGS)) & TCA_BPF_FLAG_ACT_DIRECT)
		kobj_bool(tree, o, "direct_action", true);
	return 0;
}

static int filters(struct dump *d, u32 ifindex, u32 parent, const char *where)
{
	struct tcmsg t = {
		.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = parent};

	d->each = on_filter;
	d->ifindex = ifindex;
	d->where = where;
	return ask(d, RTM_GETTFILTER, &t, sizeof(t));
}

static int scan_tc(struct dump *d)
{
	struct tcmsg t = {.tcm_family = AF_UNSPEC};
	int err;

	d->each = on_qdisc;
	err = ask(d, RTM_GETQDISC, &t, sizeof(t));
	for (size_t i = 0; i < d->qdiscs.nr && !err; i++) {
		const struct tcmsg *q = &d->qdiscs.data[i];
		u32 ifindex = (u32)q->tcm_ifindex;

		if (q->tcm__pad1)
			err = filters(d, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
				      "ingress");
		if (q->tcm__pad1 == 1 && !err)
			err = filters(d, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
				      "egress");
		if (q->tcm__pad1 == 2 && !err)
			err = filters(d, ifindex, TC_H_MAKE(TC_H_INGRESS, 0), "ingress");
		if (!q->tcm__pad1 && q->tcm_handle)
			err = filters(d, ifindex, q->tcm_handle, "egress");
	}
	return err;
}

/* --- tcx, netkit ------------------------------------------------------------------------------ */

static void scan_mprog(struct dump *d, u32 ifindex)
{
	static const struct {
		u32 type;
		const char *name;
	} places[] = {{SPEC_ATTACH_TCX_INGRESS, "tcx"},
		      {SPEC_ATTACH_TCX_EGRESS, "tcx"},
		      {SPEC_ATTACH_NETKIT_PRIMARY, "netkit"},
		      {SPEC_ATTACH_NETKIT_PEER, "netkit"}};
	struct kobj_query q;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (kobj_query((int)ifindex, places[i].type, &q))
			continue;
		for (u32 k = 0; k < q.nr; k++) {
			struct skep_value *o;

			if (q.links[k])
				continue;
			o = kobj_attached(d->w, places[i].name, q.progs[k]);
			kobj_add_iface(d->w, o, ifindex);
			kobj_add_attach_type(d->w, o, places[i].type);
		}
	}
}

/* --- routes ----------------------------------------------------------------------------------- */

static int on_route(struct dump *d, const struct nlmsghdr *h)
{
	static const char *const places[] = {
		[LWT_BPF_IN] = "in", [LWT_BPF_OUT] = "out", [LWT_BPF_XMIT] = "xmit"};
	const struct rtattr *type = msg_attr(h, sizeof(struct rtmsg), RTA_ENCAP_TYPE);
	const struct rtattr *encap = msg_attr(h, sizeof(struct rtmsg), RTA_ENCAP);
	u16 which = 0;

	if (h->nlmsg_type != RTM_NEWROUTE || !type || RTA_PAYLOAD(type) < sizeof(which))
		return 0;
	memcpy(&which, RTA_DATA(type), sizeof(which));
	for (u32 i = LWT_BPF_IN; which == LWTUNNEL_ENCAP_BPF && i <= LWT_BPF_XMIT; i++) {
		const struct rtattr *name = attr_in(attr_in(encap, i), LWT_BPF_PROG_NAME);
		struct skep_value *o;

		if (!name)
			continue;
		/* The kernel keeps only what the program was called when it was attached. */
		o = kobj_attached(d->w, "lwt", 0);
		kobj_text(&d->w->tree, o, "direction", places[i]);
		kobj_printf(&d->w->tree, o, "prog_name", "%.*s", (int)RTA_PAYLOAD(name),
			    (const char *)RTA_DATA(name));
		kobj_add_iface(d->w, o, attr_u32(msg_attr(h, sizeof(struct rtmsg), RTA_OIF)));
	}
	return 0;
}

static int scan_routes(struct dump *d)
{
	static const u8 families[] = {AF_INET, AF_INET6};
	int err = 0;

	d->each = on_route;
	for (size_t i = 0; i < ARRAY_SIZE(families) && !err; i++) {
		struct rtmsg r = {.rtm_family = families[i]};

		err = ask(d, RTM_GETROUTE, &r, sizeof(r));
	}
	return err;
}

int kobj_scan_net(struct kobj_world *w)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct dump d = {.w = w, .each = on_link};
	int err = ask(&d, RTM_GETLINK, &ifi, sizeof(ifi));

	for (size_t i = 0; i < d.ifaces.nr && !err; i++)
		scan_mprog(&d, d.ifaces.data[i]);
	if (!err)
		err = scan_tc(&d);
	if (!err)
		err = scan_routes(&d);
	VEC_DONE(&d.ifaces);
	VEC_DONE(&d.qdiscs);
	return err;
}
