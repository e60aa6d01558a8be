/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Filters of tc, where Linux has no tcx (before 6.6), and actions. They hang on the clsact qdisc,
 * which is made where there is none; both stay until somebody takes them off, so the guard does.
 * Filters of others stay as they are: ours have a priority of their own.
 */
#include "engine/kernel.h"
#include "engine/kernel_nl.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where the kernel's own automatic priorities (0xc000 and below) do not come. */
#define FIRST_PRIO 50000
#define NR_PRIOS   10000
#define HANDLE     1

static u32 parent_of(bool egress)
{
	return TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
}

/* --- the qdisc -------------------------------------------------------------------------------- */

static int change_qdisc(int ifindex, u16 type, u16 flags)
{
	struct tcmsg t = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_parent = TC_H_CLSACT,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
	};
	struct nl nl;

	nl_init(&nl, type, flags, &t, sizeof(t));
	nl_put_str(&nl, TCA_KIND, "clsact");
	return nl_talk(&nl);
}

static int count(void *ctx, const struct nlmsghdr *h)
{
	++*(u32 *)ctx;
	return 0;
}

static u32 nr_filters(int ifindex, bool egress)
{
	struct tcmsg t = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_parent = parent_of(egress),
	};
	struct nl nl;
	u32 nr = 0;

	nl_init(&nl, RTM_GETTFILTER, 0, &t, sizeof(t));
	nl_dump(&nl, count, &nr);
	return nr;
}

int kernel_undo_qdisc(const struct kernel_undo *u)
{
	int err;

	if (nr_filters(u->ifindex, false) || nr_filters(u->ifindex, true))
		return 0; /* somebody else uses it by now */
	err = change_qdisc(u->ifindex, RTM_DELQDISC, 0);
	return err == -ENOENT || err == -EINVAL || err == -ENODEV ? 0 : err;
}

static int make_qdisc(struct kernel_engine *k, struct kernel_prog *p, const char *iface,
		      int ifindex, struct skep_diag *diag)
{
	struct kernel_undo undo = {
		.kind = UNDO_QDISC, .ifindex = ifindex, .prog_id = kernel_prog_id(p)};
	int slot = kernel_guard_add(k, &undo, diag), err;

	if (slot < 0)
		return slot;
	err = change_qdisc(ifindex, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
	if (!err)
		return 0;
	kernel_guard_forget(k, slot);
	if (err == -EEXIST)
		return 0;
	return diag_set(diag, err, "%s: can't make the clsact qdisc: %s", iface, strerror(-err));
}

/* --- a bpf filter ----------------------------------------------------------------------------- */

static struct bpf_tc_hook hook_of(int ifindex, bool egress)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = ifindex,
		.attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS,
	};
}

int kernel_undo_filter(const struct kernel_undo *u)
{
	struct bpf_tc_hook hook = hook_of(u->ifindex, u->egress);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = u->prio);

	if (bpf_tc_query(&hook, &opts) || opts.prog_id != u->prog_id)
		return 0;
	opts.prog_id = opts.prog_fd = (int)(opts.flags = 0);
	return bpf_tc_detach(&hook, &opts) ? -errno : 0;
}

int kernel_attach_clsact(struct kernel_engine *k, struct kernel_prog *p, const char *iface,
			 int ifindex, bool ingress, struct skep_diag *diag)
{
	struct kernel_undo undo = {
		.kind = UNDO_FILTER,
		.ifindex = ifindex,
		.egress = !ingress,
		.prog_id = kernel_prog_id(p),
	};
	struct bpf_tc_hook hook = hook_of(ifindex, !ingress);
	int err = make_qdisc(k, p, iface, ifindex, diag), slot;

	if (err)
		return err;
	for (undo.prio = FIRST_PRIO; undo.prio < FIRST_PRIO + NR_PRIOS; undo.prio++) {
		LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = undo.prio,
			    .prog_fd = bpf_program__fd(p->bpf));

		slot = kernel_guard_add(k, &undo, diag);
		if (slot < 0)
			return slot;
		err = bpf_tc_attach(&hook, &opts);
		if (!err)
			break;
		kernel_guard_forget(k, slot);
		if (err != -EEXIST)
			break;
	}
	return kernel_attached_fd(k, p, err ? err : kernel_dup(bpf_program__fd(p->bpf)), diag,
				  "tc %s of %s (clsact, priority %u)",
				  ingress ? "ingress" : "egress", iface, undo.prio);
}

/* --- an action, behind a filter that lets everything through -----------------------------------
 */

static int change_matchall(int ifindex, bool egress, u32 prio, u16 type, u16 flags, int prog_fd,
			   struct nl *nl)
{
	struct tcmsg t = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_parent = parent_of(egress),
		.tcm_handle = HANDLE,
		.tcm_info = TC_H_MAKE(prio << 16, htons(ETH_P_ALL)),
	};
	struct tc_act_bpf parms = {.action = TC_ACT_OK};
	struct rtattr *options, *actions, *action, *inner;

	nl_init(nl, type, flags, &t, sizeof(t));
	nl_put_str(nl, TCA_KIND, "matchall");
	if (prog_fd < 0)
		return nl_talk(nl);
	options = nl_nest(nl, TCA_OPTIONS);
	actions = nl_nest(nl, TCA_MATCHALL_ACT);
	action = nl_nest(nl, 1);
	nl_put_str(nl, TCA_ACT_KIND, "bpf");
	inner = nl_nest(nl, TCA_ACT_OPTIONS);
	nl_put(nl, TCA_ACT_BPF_PARMS, &parms, sizeof(parms));
	nl_put_u32(nl, TCA_ACT_BPF_FD, (u32)prog_fd);
	nl_put_str(nl, TCA_ACT_BPF_NAME, "skep");
	nl_end(nl, inner);
	nl_end(nl, action);
	nl_end(nl, actions);
	nl_end(nl, options);
	return nl_talk(nl);
}

int kernel_undo_matchall(const struct kernel_undo *u)
{
	struct nl nl;
	int err = change_matchall(u->ifindex, u->egress, u->prio, RTM_DELTFILTER, 0, -1, &nl);

	return err == -ENOENT || err == -EINVAL || err == -ENODEV ? 0 : err;
}

int kernel_attach_matchall(struct kernel_engine *k, struct kernel_prog *p, const char *iface,
			   int ifindex, bool ingress, struct skep_diag *diag)
{
	struct kernel_undo undo = {
		.kind = UNDO_MATCHALL,
		.ifindex = ifindex,
		.egress = !ingress,
		.prog_id = kernel_prog_id(p),
	};
	int err = make_qdisc(k, p, iface, ifindex, diag), slot;
	struct nl nl;

	if (err)
		return err;
	/* A priority that only we have: it must not be somebody else's that is undone. */
	undo.prio = FIRST_PRIO + (u32)getpid() % NR_PRIOS;
	slot = kernel_guard_add(k, &undo, diag);
	if (slot < 0)
		return slot;
	err = change_matchall(ifindex, !ingress, undo.prio, RTM_NEWTFILTER,
			      NLM_F_CREATE | NLM_F_EXCL, bpf_program__fd(p->bpf), &nl);
	if (err) {
		kernel_guard_forget(k, slot);
		return diag_set(diag, err, "%s: can't make a filter with that action: %s%s%s",
				iface, strerror(-err), *nl.why ? "; Linux: " : "", nl.why);
	}
	return kernel_attached_fd(k, p, kernel_dup(bpf_program__fd(p->bpf)), diag,
				  "tc %s of %s (action, priority %u)",
				  ingress ? "ingress" : "egress", iface, undo.prio);
}
