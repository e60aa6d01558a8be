/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The routing table of bpf_fib_lookup: rows from text, and the longest prefix. See net.h. */
#include "vm/net.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_MAX 512 /* characters of one row */

struct row_parser {
	struct vm_route *route;
	char *save; /* of strtok_r */
	const char *row;
	struct skep_diag *diag;
};

static int bad(struct row_parser *p, const char *what, const char *word)
{
	diag_set_full(p->diag, -EINVAL, "fib-row",
		      "PREFIX/LEN [via GATEWAY] dev IFINDEX [smac MAC] [dmac MAC] [src ADDR] "
		      "[mtu N] [metric N] [table N]",
		      "%s '%s'", what, word ? word : "(end of row)");
	return diag_at(p->diag, -EINVAL, "route '%s'", p->row);
}

static bool parse_addr(const char *s, struct vm_addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->family = strchr(s, ':') ? AF_INET6 : AF_INET;
	return inet_pton(ret->family, s, ret->b) == 1;
}

static bool parse_num(const char *s, u32 *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 0);
	if (errno || end == s || *end || *s == '-' || v > UINT32_MAX)
		return false;
	*ret = v;
	return true;
}

static bool parse_mac(const char *s, u8 mac[6])
{
	unsigned int b[6];
	char after;

	if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%c", b, b + 1, b + 2, b + 3, b + 4, b + 5, &after) !=
	    6)
		return false;
	for (int i = 0; i < 6; i++)
		mac[i] = b[i];
	return true;
}

static bool parse_prefix(char *s, struct vm_route *r)
{
	char *slash = strchr(s, '/');
	u32 max;

	if (!strcmp(s, "default") || !strcmp(s, "default6")) {
		r->dst.family = s[7] ? AF_INET6 : AF_INET;
		return true;
	}
	if (slash)
		*slash++ = '\0';
	if (!parse_addr(s, &r->dst))
		return false;
	max = r->dst.family == AF_INET ? 32 : 128;
	r->prefix_len = max;
	return !slash || (parse_num(slash, &r->prefix_len) && r->prefix_len <= max);
}

static bool word_via(struct vm_route *r, const char *v)
{
	return parse_addr(v, &r->gw) && (r->gw.family == r->dst.family || r->dst.family == AF_INET);
}

static bool word_dev(struct vm_route *r, const char *v)
{
	return parse_num(v, &r->dev) && r->dev;
}

static bool word_smac(struct vm_route *r, const char *v)
{
	return parse_mac(v, r->smac);
}

static bool word_dmac(struct vm_route *r, const char *v)
{
	r->has_dmac = parse_mac(v, r->dmac);
	return r->has_dmac;
}

static bool word_src(struct vm_route *r, const char *v)
{
	return parse_addr(v, &r->src) && r->src.family == r->dst.family;
}

static bool word_mtu(struct vm_route *r, const char *v)
{
	return parse_num(v, &r->mtu) && r->mtu;
}

static bool word_metric(struct vm_route *r, const char *v)
{
	return parse_num(v, &r->metric);
}

static bool word_table(struct vm_route *r, const char *v)
{
	if (!strcmp(v, "main") || !strcmp(v, "local")) {
		r->table = *v == 'm' ? VM_NET_TABLE_MAIN : VM_NET_TABLE_LOCAL;
		return true;
	}
	return parse_num(v, &r->table) && r->table;
}

static const struct {
	const char *word;
	bool (*set)(struct vm_route *r, const char *value);
} words[] = {
	{"via", word_via}, {"dev", word_dev}, {"smac", word_smac},     {"dmac", word_dmac},
	{"src", word_src}, {"mtu", word_mtu}, {"metric", word_metric}, {"table", word_table},
};

static const struct {
	const char *word;
	enum vm_route_type type;
} types[] = {
	{"unicast", VM_ROUTE_UNICAST},     {"local", VM_ROUTE_LOCAL},
	{"blackhole", VM_ROUTE_BLACKHOLE}, {"unreachable", VM_ROUTE_UNREACHABLE},
	{"prohibit", VM_ROUTE_PROHIBIT},
};

static char *next_word(struct row_parser *p, char *from)
{
	return strtok_r(from, " \t\n", &p->save);
}

static int parse_options(struct row_parser *p)
{
	char *word;

	while ((word = next_word(p, NULL))) {
		char *value = next_word(p, NULL);
		size_t i = 0;

		while (i < ARRAY_SIZE(words) && strcmp(words[i].word, word))
			i++;
		if (i == ARRAY_SIZE(words))
			return bad(p, "unknown word", word);
		if (!value || !words[i].set(p->route, value))
			return bad(p, word, value);
	}
	return 0;
}

static int parse_row(const char *row, struct vm_route *r, struct skep_diag *diag)
{
	struct row_parser p = {.route = r, .row = row, .diag = diag};
	char buf[ROW_MAX], *word;
	int err;

	if (strlen(row) >= sizeof(buf))
		return diag_set(diag, -E2BIG, "a route has more than %d characters", ROW_MAX - 1);
	strcpy(buf, row);
	word = next_word(&p, buf);
	for (size_t i = 0; word && i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].word, word))
			continue;
		r->type = types[i].type;
		word = next_word(&p, NULL);
		break;
	}
	if (!word || !parse_prefix(word, r))
		return bad(&p, "not a prefix", word);
	r->mtu = VM_NET_MTU;
	r->table = r->type == VM_ROUTE_LOCAL ? VM_NET_TABLE_LOCAL : VM_NET_TABLE_MAIN;
	err = parse_options(&p);
	if (!err && r->type == VM_ROUTE_UNICAST && !r->dev)
		return bad(&p, "a route needs dev IFINDEX, found", NULL);
	return err;
}

int vm_net_new(const char *const *rows, struct vm_net **ret, struct skep_diag *diag)
{
	struct vm_net *net = mem_zalloc(sizeof(*net));
	int err = 0;

	if (!net)
		return diag_nomem(diag);
	net->ifindex = 1;
	net->mtu = VM_NET_MTU;
	net->cookie = 1;
	for (size_t i = 0; rows && rows[i] && !err; i++) {
		struct vm_route *r = i < VM_NET_MAX_ROUTES ? VEC_PUSH(&net->routes) : NULL;

		if (i >= VM_NET_MAX_ROUTES)
			err = diag_set(diag, -E2BIG, "more than %d routes", VM_NET_MAX_ROUTES);
		else
			err = r ? parse_row(rows[i], r, diag) : diag_nomem(diag);
	}
	if (err) {
		vm_net_free(net);
		return err;
	}
	*ret = net;
	return 0;
}

struct vm_net *vm_net_free(struct vm_net *net)
{
	if (net)
		VEC_DONE(&net->routes);
	mem_free(net);
	return NULL;
}

static bool matches(const struct vm_route *r, const struct vm_addr *dst)
{
	u32 whole = r->prefix_len / 8, bits = r->prefix_len % 8;

	if (r->dst.family != dst->family || memcmp(r->dst.b, dst->b, whole))
		return false;
	return !bits || !((r->dst.b[whole] ^ dst->b[whole]) >> (8 - bits));
}

static bool better(const struct vm_route *r, const struct vm_route *than)
{
	if (!than)
		return true;
	if (r->prefix_len != than->prefix_len)
		return r->prefix_len > than->prefix_len;
	return r->metric < than->metric;
}

static const struct vm_route *in_table(const struct vm_net *net, u32 table,
				       const struct vm_addr *dst, u32 oif)
{
	const struct vm_route *best = NULL;

	for (size_t i = 0; i < net->routes.nr; i++) {
		const struct vm_route *r = &net->routes.data[i];

		if (r->table == table && matches(r, dst) && better(r, best) &&
		    (!oif || !r->dev || r->dev == oif))
			best = r;
	}
	return best;
}

const struct vm_route *vm_net_route(const struct vm_net *net, u32 table, const struct vm_addr *dst,
				    u32 oif)
{
	const struct vm_route *r;

	if (table)
		return in_table(net, table, dst, oif);
	r = in_table(net, VM_NET_TABLE_LOCAL, dst, oif);
	return r ? r : in_table(net, VM_NET_TABLE_MAIN, dst, oif);
}

static const struct vm_route *by_dev(const struct vm_net *net, u32 ifindex)
{
	for (size_t i = 0; i < net->routes.nr; i++)
		if (net->routes.data[i].dev == ifindex)
			return &net->routes.data[i];
	return NULL;
}

bool vm_net_has_dev(const struct vm_net *net, u32 ifindex)
{
	return ifindex == net->ifindex || (ifindex && by_dev(net, ifindex));
}

u32 vm_net_mtu(const struct vm_net *net, u32 ifindex)
{
	const struct vm_route *r = by_dev(net, ifindex);

	return r ? r->mtu : net->mtu;
}
