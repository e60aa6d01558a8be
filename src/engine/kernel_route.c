/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Lightweight tunnels: a program on a route. The route is a new one of ours (protocol 235, so that
 * nobody else's is taken off), given as ip route does:
 *
 *     PREFIX [via GATEWAY] [dev IFACE] [table N] [metric N]
 */
#include "engine/kernel.h"
#include "engine/kernel_nl.h"
#include "spec/uapi.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/seg6_local.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUR_PROTOCOL 235 /* rtm_protocol of no routing daemon */
#define HEADROOM     256 /* of lwt_xmit: what a program may push in front, at most */

struct route {
	u8 family, prefix_len, dst[16], gateway[16];
	bool has_gateway;
	int ifindex;
	u32 table, metric;
};

static int parse_addr(const char *text, u8 *family, u8 addr[16])
{
	u8 f = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (*family && f != *family)
		return -EINVAL;
	*family = f;
	return inet_pton(f, text, addr) == 1 ? 0 : -EINVAL;
}

static int parse_prefix(char *text, struct route *r)
{
	char *slash = strchr(text, '/'), *end = "";
	u8 bits;

	if (slash)
		*slash = 0;
	if (parse_addr(text, &r->family, r->dst))
		return -EINVAL;
	bits = r->family == AF_INET ? 32 : 128;
	r->prefix_len = slash ? (u8)strtoul(slash + 1, &end, 10) : bits;
	return *end || r->prefix_len > bits ? -EINVAL : 0;
}

static int parse_word(struct route *r, const char *key, const char *value, struct skep_diag *diag)
{
	if (!strcmp(key, "via")) {
		r->has_gateway = true;
		return parse_addr(value, &r->family, r->gateway);
	}
	if (!strcmp(key, "dev")) {
		r->ifindex = kernel_ifindex(value, diag);
		return r->ifindex < 0 ? r->ifindex : 0;
	}
	if (strcmp(key, "table") && strcmp(key, "metric"))
		return -EINVAL;
	*(!strcmp(key, "table") ? &r->table : &r->metric) = (u32)strtoul(value, NULL, 0);
	return 0;
}

static int parse_route(const char *text, struct route *r, struct skep_diag *diag)
{
	char buf[256], *save = NULL, *word;
	int err;

	*r = (struct route){.table = RT_TABLE_MAIN};
	snprintf(buf, sizeof(buf), "%s", text);
	word = strtok_r(buf, " ", &save);
	err = word ? parse_prefix(word, r) : -EINVAL;
	while (!err && (word = strtok_r(NULL, " ", &save))) {
		const char *value = strtok_r(NULL, " ", &save);

		err = value ? parse_word(r, word, value, diag) : -EINVAL;
	}
	if (!err && !r->ifindex && !r->has_gateway)
		err = -EINVAL;
	if (!err)
		return 0;
	return diag_set_full(diag, err, "needs-target", "--route '10.9.0.0/16 dev eth0'",
			     "--route %s: it takes PREFIX, then via GATEWAY or dev IFACE or both, "
			     "maybe table N and metric N",
			     text);
}

/* --- the request ------------------------------------------------------------------------------ */

static size_t addr_size(const struct route *r)
{
	return r->family == AF_INET ? 4 : 16;
}

static void begin(struct nl *nl, u16 type, u16 flags, const struct route *r)
{
	struct rtmsg m = {
		.rtm_family = r->family,
		.rtm_dst_len = r->prefix_len,
		.rtm_table = r->table < 256 ? (u8)r->table : RT_TABLE_UNSPEC,
		.rtm_protocol = OUR_PROTOCOL,
		.rtm_scope = r->has_gateway || r->family == AF_INET6 ? RT_SCOPE_UNIVERSE
								     : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};

	if (type == RTM_DELROUTE)
		m.rtm_scope = RT_SCOPE_NOWHERE;
	nl_init(nl, type, flags, &m, sizeof(m));
	nl_put(nl, RTA_DST, r->dst, addr_size(r));
	nl_put_u32(nl, RTA_TABLE, r->table);
	if (r->metric)
		nl_put_u32(nl, RTA_PRIORITY, r->metric);
}

static void put_prog(struct nl *nl, u16 attr, u16 fd_attr, u16 name_attr,
		     const struct kernel_prog *p)
{
	struct rtattr *nest = nl_nest(nl, attr);

	nl_put_u32(nl, fd_attr, (u32)bpf_program__fd(p->bpf));
	nl_put_str(nl, name_attr, p->prog->name);
	nl_end(nl, nest);
}

/* One route has a program for each way: all that the object has. */
static void put_bpf(struct nl *nl, const struct kernel_engine *k)
{
	for (u32 i = 0; i < k->nr_progs; i++) {
		const struct kernel_prog *p = &k->progs[i];

		if (p->prog->type == SPEC_PROG_LWT_IN) {
			put_prog(nl, LWT_BPF_IN, LWT_BPF_PROG_FD, LWT_BPF_PROG_NAME, p);
		} else if (p->prog->type == SPEC_PROG_LWT_OUT) {
			put_prog(nl, LWT_BPF_OUT, LWT_BPF_PROG_FD, LWT_BPF_PROG_NAME, p);
		} else if (p->prog->type == SPEC_PROG_LWT_XMIT) {
			put_prog(nl, LWT_BPF_XMIT, LWT_BPF_PROG_FD, LWT_BPF_PROG_NAME, p);
			nl_put_u32(nl, LWT_BPF_XMIT_HEADROOM, HEADROOM);
		}
	}
}

static void put_encap(struct nl *nl, const struct kernel_engine *k, const struct kernel_prog *p)
{
	bool seg6 = p->prog->type == SPEC_PROG_LWT_SEG6LOCAL;
	u16 type = seg6 ? LWTUNNEL_ENCAP_SEG6_LOCAL : LWTUNNEL_ENCAP_BPF;
	struct rtattr *nest;

	nl_put(nl, RTA_ENCAP_TYPE, &type, sizeof(type));
	nest = nl_nest(nl, RTA_ENCAP);
	if (seg6) {
		nl_put_u32(nl, SEG6_LOCAL_ACTION, SEG6_LOCAL_ACTION_END_BPF);
		put_prog(nl, SEG6_LOCAL_BPF, SEG6_LOCAL_BPF_PROG, SEG6_LOCAL_BPF_PROG_NAME, p);
	} else {
		put_bpf(nl, k);
	}
	nl_end(nl, nest);
}

int kernel_undo_route(const struct kernel_undo *u)
{
	struct route r = {
		.family = u->route.family,
		.prefix_len = u->route.prefix_len,
		.table = u->route.table,
		.metric = u->route.metric,
	};
	struct nl nl;
	int err;

	memcpy(r.dst, u->route.dst, sizeof(r.dst));
	begin(&nl, RTM_DELROUTE, 0, &r);
	err = nl_talk(&nl);
	return err == -ESRCH || err == -ENODEV ? 0 : err;
}

static int attach_one(struct kernel_engine *k, struct kernel_prog *p, const char *text,
		      struct skep_diag *diag)
{
	struct kernel_undo undo = {.kind = UNDO_ROUTE, .prog_id = kernel_prog_id(p)};
	struct route r;
	struct nl nl;
	int err = parse_route(text, &r, diag), slot;

	if (err)
		return err;
	undo.route.family = r.family;
	undo.route.prefix_len = r.prefix_len;
	undo.route.table = r.table;
	undo.route.metric = r.metric;
	memcpy(undo.route.dst, r.dst, sizeof(r.dst));
	slot = kernel_guard_add(k, &undo, diag);
	if (slot < 0)
		return slot;
	begin(&nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &r);
	if (r.has_gateway)
		nl_put(&nl, RTA_GATEWAY, r.gateway, addr_size(&r));
	if (r.ifindex)
		nl_put_u32(&nl, RTA_OIF, (u32)r.ifindex);
	put_encap(&nl, k, p);
	err = nl_talk(&nl);
	if (!err)
		return kernel_attached_fd(k, p, kernel_dup(bpf_program__fd(p->bpf)), diag,
					  "route %s", text);
	kernel_guard_forget(k, slot);
	return diag_set_full(diag, err, "route",
			     err == -EEXIST ? "give it another metric, or another table" : NULL,
			     "--route %s: %s%s%s", text,
			     err == -EEXIST ? "there is such a route already" : strerror(-err),
			     *nl.why ? "; Linux: " : "", nl.why);
}

int kernel_attach_route(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	bool seg6 = p->prog->type == SPEC_PROG_LWT_SEG6LOCAL;
	int err = 0;

	if (k->has_route && !seg6)
		return kernel_attached_fd(k, p, kernel_dup(bpf_program__fd(p->bpf)), diag,
					  "the same route");
	k->has_route = k->has_route || !seg6;
	for (const char *const *r = k->opts.target.routes; *r && !err; r++)
		err = attach_one(k, p, *r, diag);
	return err;
}
