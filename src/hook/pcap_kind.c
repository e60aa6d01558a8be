/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kinds of packet programs, in the order in which Linux' receive path and then its send path
 * have them, and what their return values mean.
 */
#include "hook/pcap.h"
#include "spec/uapi.h"
#include <linux/pkt_cls.h>
#include <string.h>

static const struct pcap_kind kinds[PCAP_NR_KINDS] = {
	/* receive */
	{SPEC_PROG_XDP, "xdp", PCAP_WRITE},
	{SPEC_PROG_SCHED_CLS, "tc ingress", PCAP_WRITE},
	{SPEC_PROG_FLOW_DISSECTOR, "flow dissector", PCAP_FLOW},
	{SPEC_PROG_NETFILTER, "netfilter", PCAP_L3 | PCAP_NF | PCAP_IP},
	{SPEC_PROG_LWT_IN, "lwt_in", PCAP_L3 | PCAP_IP},
	{SPEC_PROG_LWT_SEG6LOCAL, "lwt_seg6local", PCAP_L3 | PCAP_IP | PCAP_WRITE},
	{SPEC_PROG_SK_LOOKUP, "sk_lookup", PCAP_L3 | PCAP_LOOKUP | PCAP_IP},
	{SPEC_PROG_CGROUP_SKB, "cgroup ingress", PCAP_L3 | PCAP_IP | PCAP_SOCK | PCAP_CB},
	{SPEC_PROG_SOCKET_FILTER, "socket filter", PCAP_SOCK | PCAP_CB | PCAP_TRIM},
	/* send */
	{SPEC_PROG_CGROUP_SKB, "cgroup egress",
	 PCAP_L3 | PCAP_IP | PCAP_SOCK | PCAP_CB | PCAP_EGRESS},
	{SPEC_PROG_LWT_OUT, "lwt_out", PCAP_L3 | PCAP_IP | PCAP_EGRESS},
	{SPEC_PROG_LWT_XMIT, "lwt_xmit", PCAP_L3 | PCAP_IP | PCAP_EGRESS | PCAP_WRITE},
	{SPEC_PROG_SCHED_CLS, "tc egress", PCAP_EGRESS | PCAP_WRITE},
};

const struct pcap_kind *pcap_kind_row(u32 idx)
{
	return idx < PCAP_NR_KINDS ? &kinds[idx] : NULL;
}

u32 pcap_kind_index(const struct pcap_kind *kind)
{
	return kind - kinds;
}

static bool is_egress(const struct prog *prog)
{
	if (prog->type == SPEC_PROG_CGROUP_SKB)
		return prog->attach_type == SPEC_ATTACH_CGROUP_INET_EGRESS;
	return prog->attach_type == SPEC_ATTACH_TCX_EGRESS ||
	       (prog->section && strstr(prog->section, "egress"));
}

const struct pcap_kind *pcap_kind_of(const struct prog *prog)
{
	u32 type = prog->type == SPEC_PROG_SCHED_ACT ? SPEC_PROG_SCHED_CLS : prog->type;
	const struct pcap_kind *found = NULL;

	for (u32 i = 0; i < PCAP_NR_KINDS; i++) {
		if (kinds[i].prog_type != type)
			continue;
		if (!found || (is_egress(prog) && (kinds[i].flags & PCAP_EGRESS)))
			found = &kinds[i];
	}
	return found;
}

/* --- verdicts ------------------------------------------------------------------------------- */

#define ANY UINT32_MAX /* of attach types; rows with a certain one stand in front */

struct verdict {
	u32 prog_type, attach_type, ret;
	const char *name;
	enum pcap_fate fate;
};

static const struct verdict verdicts[] = {
	/* type, attach type, value, name, what happens to the packet */
	{SPEC_PROG_XDP, ANY, XDP_ABORTED, "XDP_ABORTED", PCAP_DROP},
	{SPEC_PROG_XDP, ANY, XDP_DROP, "XDP_DROP", PCAP_DROP},
	{SPEC_PROG_XDP, ANY, XDP_PASS, "XDP_PASS", PCAP_PASS},
	{SPEC_PROG_XDP, ANY, XDP_TX, "XDP_TX", PCAP_SEND_BACK},
	{SPEC_PROG_XDP, ANY, XDP_REDIRECT, "XDP_REDIRECT", PCAP_REDIRECT},

	{SPEC_PROG_SCHED_CLS, SPEC_ATTACH_TCX_INGRESS, -1U, "TCX_NEXT", PCAP_PASS},
	{SPEC_PROG_SCHED_CLS, SPEC_ATTACH_TCX_INGRESS, 0, "TCX_PASS", PCAP_PASS},
	{SPEC_PROG_SCHED_CLS, SPEC_ATTACH_TCX_INGRESS, 2, "TCX_DROP", PCAP_DROP},
	{SPEC_PROG_SCHED_CLS, SPEC_ATTACH_TCX_INGRESS, 7, "TCX_REDIRECT", PCAP_REDIRECT},
	{SPEC_PROG_SCHED_CLS, SPEC_ATTACH_TCX_EGRESS, -1U, "TCX_NEXT", PCAP_PASS},
	{SPEC_PROG_SCHED_CLS, SPEC_ATTACH_TCX_EGRESS, 0, "TCX_PASS", PCAP_PASS},
	{SPEC_PROG_SCHED_CLS, SPEC_ATTACH_TCX_EGRESS, 2, "TCX_DROP", PCAP_DROP},
	{SPEC_PROG_SCHED_CLS, SPEC_ATTACH_TCX_EGRESS, 7, "TCX_REDIRECT", PCAP_REDIRECT},

	{SPEC_PROG_SCHED_CLS, ANY, TC_ACT_UNSPEC, "TC_ACT_UNSPEC", PCAP_PASS},
	{SPEC_PROG_SCHED_CLS, ANY, TC_ACT_OK, "TC_ACT_OK", PCAP_PASS},
	{SPEC_PROG_SCHED_CLS, ANY, TC_ACT_RECLASSIFY, "TC_ACT_RECLASSIFY", PCAP_PASS},
	{SPEC_PROG_SCHED_CLS, ANY, TC_ACT_SHOT, "TC_ACT_SHOT", PCAP_DROP},
	{SPEC_PROG_SCHED_CLS, ANY, TC_ACT_PIPE, "TC_ACT_PIPE", PCAP_PASS},
	{SPEC_PROG_SCHED_CLS, ANY, TC_ACT_STOLEN, "TC_ACT_STOLEN", PCAP_DROP},
	{SPEC_PROG_SCHED_CLS, ANY, TC_ACT_QUEUED, "TC_ACT_QUEUED", PCAP_DROP},
	{SPEC_PROG_SCHED_CLS, ANY, TC_ACT_REPEAT, "TC_ACT_REPEAT", PCAP_PASS},
	{SPEC_PROG_SCHED_CLS, ANY, TC_ACT_REDIRECT, "TC_ACT_REDIRECT", PCAP_REDIRECT},
	{SPEC_PROG_SCHED_CLS, ANY, TC_ACT_TRAP, "TC_ACT_TRAP", PCAP_DROP},

	{SPEC_PROG_SOCKET_FILTER, ANY, 0, "DROP", PCAP_DROP},
	{SPEC_PROG_CGROUP_SKB, ANY, 0, "DENY", PCAP_DROP},
	{SPEC_PROG_CGROUP_SKB, ANY, 1, "ALLOW", PCAP_PASS},
	{SPEC_PROG_CGROUP_SKB, ANY, 2, "DENY_CN", PCAP_DROP},
	{SPEC_PROG_CGROUP_SKB, ANY, 3, "ALLOW_CN", PCAP_PASS},

	{SPEC_PROG_FLOW_DISSECTOR, ANY, BPF_OK, "BPF_OK", PCAP_PASS},
	{SPEC_PROG_FLOW_DISSECTOR, ANY, BPF_DROP, "BPF_DROP", PCAP_DROP},
	{SPEC_PROG_FLOW_DISSECTOR, ANY, 129, "BPF_FLOW_DISSECTOR_CONTINUE", PCAP_PASS},

	{SPEC_PROG_LWT_IN, ANY, BPF_OK, "BPF_OK", PCAP_PASS},
	{SPEC_PROG_LWT_IN, ANY, BPF_DROP, "BPF_DROP", PCAP_DROP},
	{SPEC_PROG_LWT_IN, ANY, BPF_LWT_REROUTE, "BPF_LWT_REROUTE", PCAP_PASS},
	{SPEC_PROG_LWT_SEG6LOCAL, ANY, BPF_OK, "BPF_OK", PCAP_PASS},
	{SPEC_PROG_LWT_SEG6LOCAL, ANY, BPF_DROP, "BPF_DROP", PCAP_DROP},
	{SPEC_PROG_LWT_SEG6LOCAL, ANY, BPF_REDIRECT, "BPF_REDIRECT", PCAP_PASS},
	{SPEC_PROG_LWT_OUT, ANY, BPF_OK, "BPF_OK", PCAP_PASS},
	{SPEC_PROG_LWT_OUT, ANY, BPF_DROP, "BPF_DROP", PCAP_DROP},
	{SPEC_PROG_LWT_OUT, ANY, BPF_LWT_REROUTE, "BPF_LWT_REROUTE", PCAP_PASS},
	{SPEC_PROG_LWT_XMIT, ANY, BPF_OK, "BPF_OK", PCAP_PASS},
	{SPEC_PROG_LWT_XMIT, ANY, BPF_DROP, "BPF_DROP", PCAP_DROP},
	{SPEC_PROG_LWT_XMIT, ANY, BPF_REDIRECT, "BPF_REDIRECT", PCAP_REDIRECT},
	{SPEC_PROG_LWT_XMIT, ANY, BPF_LWT_REROUTE, "BPF_LWT_REROUTE", PCAP_PASS},

	{SPEC_PROG_NETFILTER, ANY, 0, "NF_DROP", PCAP_DROP},
	{SPEC_PROG_NETFILTER, ANY, 1, "NF_ACCEPT", PCAP_PASS},
	{SPEC_PROG_SK_LOOKUP, ANY, SK_DROP, "SK_DROP", PCAP_DROP},
	{SPEC_PROG_SK_LOOKUP, ANY, SK_PASS, "SK_PASS", PCAP_PASS},
	{SPEC_PROG_SK_SKB, ANY, SK_DROP, "SK_DROP", PCAP_DROP},
	{SPEC_PROG_SK_SKB, ANY, SK_PASS, "SK_PASS", PCAP_PASS},
	{SPEC_PROG_SK_MSG, ANY, SK_DROP, "SK_DROP", PCAP_DROP},
	{SPEC_PROG_SK_MSG, ANY, SK_PASS, "SK_PASS", PCAP_PASS},
	{SPEC_PROG_SK_REUSEPORT, ANY, SK_DROP, "SK_DROP", PCAP_DROP},
	{SPEC_PROG_SK_REUSEPORT, ANY, SK_PASS, "SK_PASS", PCAP_PASS},
};

static const struct verdict *verdict(u32 prog_type, u32 attach_type, u64 ret)
{
	u32 type = prog_type == SPEC_PROG_SCHED_ACT ? SPEC_PROG_SCHED_CLS : prog_type;

	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		const struct verdict *v = &verdicts[i];

		if (v->prog_type == type && v->ret == (u32)ret &&
		    (v->attach_type == ANY || v->attach_type == attach_type))
			return v;
	}
	return NULL;
}

/* libbpf attaches SEC("tc/…") as tcx, too; but who writes that returns TC_ACT_…, and where there is
 * no tcx these are what counts. */
static u32 attach_type_of(const struct prog *prog)
{
	bool is_tc = prog->type == SPEC_PROG_SCHED_CLS && prog->section &&
		     !strncmp(prog->section, "tc/", 3);

	return is_tc ? 0 : prog->attach_type;
}

const char *hook_verdict_of(const struct prog *prog, u64 ret)
{
	return hook_verdict_name(prog->type, attach_type_of(prog), ret);
}

const char *hook_verdict_name(u32 prog_type, u32 attach_type, u64 ret)
{
	const struct verdict *v = verdict(prog_type, attach_type, ret);

	if (!v && prog_type == SPEC_PROG_SOCKET_FILTER)
		return "KEEP";
	return v ? v->name : NULL;
}

/* What Linux does with a value that has no name, by program type. */
static enum pcap_fate unknown_fate(const struct prog *prog)
{
	switch (prog->type) {
	case SPEC_PROG_SCHED_CLS: /* cls_bpf and tcx: as if nothing was said */
	case SPEC_PROG_SCHED_ACT:
	case SPEC_PROG_SOCKET_FILTER: /* a length */
		return PCAP_PASS;
	case SPEC_PROG_CGROUP_SKB:
		return PCAP_PASS;
	}
	return PCAP_DROP;
}

enum pcap_fate pcap_fate_of(const struct prog *prog, u64 ret)
{
	const struct verdict *v = verdict(prog->type, attach_type_of(prog), ret);

	return v ? v->fate : unknown_fate(prog);
}
