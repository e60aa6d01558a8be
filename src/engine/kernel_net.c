/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Interfaces and network namespaces, through links of the kernel's: XDP, tcx, netkit, netfilter,
 * flow dissector, socket lookup. The caller is in the namespace of --netns.
 */
#include "base/log.h"
#include "engine/kernel.h"
#include "spec/uapi.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*iface_fn)(struct kernel_engine *k, struct kernel_prog *p, const char *iface,
			int ifindex, struct skep_diag *diag);

static int each_iface(struct kernel_engine *k, struct kernel_prog *p, iface_fn fn,
		      struct skep_diag *diag)
{
	for (const char *const *i = k->opts.target.ifaces; *i; i++) {
		int ifindex = kernel_ifindex(*i, diag), err;

		if (ifindex < 0)
			return ifindex;
		err = fn(k, p, *i, ifindex, diag);
		if (err)
			return err;
	}
	return 0;
}

static int create(struct kernel_prog *p, int target, u32 attach_type, u32 flags)
{
	struct sys_link attr = {
		.prog_fd = (u32)bpf_program__fd(p->bpf),
		.target_fd = (u32)target,
		.attach_type = attach_type,
		.flags = flags,
	};

	return sys_link_create(&attr);
}

/* --- XDP -------------------------------------------------------------------------------------- */

static const struct xdp_mode {
	const char *name;
	u32 flags;
} xdp_modes[] = {
	{"native", XDP_FLAGS_DRV_MODE},
	{"skb", XDP_FLAGS_SKB_MODE},
	{"offload", XDP_FLAGS_HW_MODE},
};

static const struct xdp_mode *find_mode(const char *name, struct skep_diag *diag)
{
	for (size_t i = 0; i < ARRAY_SIZE(xdp_modes); i++)
		if (!strcmp(xdp_modes[i].name, name))
			return &xdp_modes[i];
	diag_set_full(diag, -EINVAL, "needs-target", NULL,
		      "--xdp-mode %s: it takes native, skb or offload", name);
	return NULL;
}

static u32 xdp_prog_id(int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	if (bpf_xdp_query(ifindex, 0, &opts))
		return 0;
	return opts.prog_id       ? opts.prog_id
	       : opts.drv_prog_id ? opts.drv_prog_id
	       : opts.skb_prog_id ? opts.skb_prog_id
				  : opts.hw_prog_id;
}

/* An interface has one XDP program: of several in an object, the user chooses. */
static int check_own(struct kernel_engine *k, const char *iface, u32 prog_id,
		     struct skep_diag *diag)
{
	for (u32 i = 0; prog_id && i < k->nr_progs; i++)
		if (kernel_prog_id(&k->progs[i]) == prog_id)
			return diag_set_full(diag, -EBUSY, "needs-target", "--prog NAME",
					     "%s takes one XDP program, and has %s of this object: "
					     "choose one with --prog",
					     iface, k->progs[i].prog->name);
	return 0;
}

static int attach_xdp(struct kernel_engine *k, struct kernel_prog *p, const char *iface,
		      int ifindex, struct skep_diag *diag)
{
	const char *want = k->opts.target.xdp_mode;
	const struct xdp_mode *mode = find_mode(want ? want : "native", diag);
	int fd, err;

	if (!mode)
		return -EINVAL;
	err = check_own(k, iface, xdp_prog_id(ifindex), diag);
	err = err ? err : kernel_xdp_make_room(k, iface, ifindex, xdp_prog_id(ifindex), diag);
	if (err)
		return err;
	fd = create(p, ifindex, SPEC_ATTACH_XDP, mode->flags);
	if (fd == -EOPNOTSUPP && !want) {
		mode = &xdp_modes[1];
		log_warn("%s has no native XDP: program %s runs in skb mode, behind the driver",
			 iface, p->prog->name);
		fd = create(p, ifindex, SPEC_ATTACH_XDP, mode->flags);
	}
	if (fd == -EBUSY || fd == -EEXIST)
		return kernel_tell_who(diag, fd, xdp_prog_id(ifindex), "%s has an XDP program",
				       iface);
	return kernel_attached_fd(k, p, fd, diag, "xdp of %s (%s)", iface, mode->name);
}

int kernel_attach_xdp(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	return each_iface(k, p, attach_xdp, diag);
}

/* --- tc --------------------------------------------------------------------------------------- */

static int direction(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	const char *d = k->opts.target.direction;

	if (p->kind->arg)
		return (int)p->kind->arg;
	if (!strcmp(d, "ingress"))
		return SPEC_ATTACH_TCX_INGRESS;
	if (!strcmp(d, "egress"))
		return SPEC_ATTACH_TCX_EGRESS;
	return diag_set_full(diag, -EINVAL, "needs-target", NULL,
			     "--direction %s: it takes ingress or egress", d);
}

static int attach_tc(struct kernel_engine *k, struct kernel_prog *p, const char *iface, int ifindex,
		     struct skep_diag *diag)
{
	int type = direction(k, p, diag), fd;
	const char *name = type == SPEC_ATTACH_TCX_INGRESS ? "ingress" : "egress";

	if (type < 0)
		return type;
	fd = create(p, ifindex, (u32)type, 0);
	if (fd == -EINVAL) /* before 6.6 */
		return kernel_attach_clsact(k, p, iface, ifindex, type == SPEC_ATTACH_TCX_INGRESS,
					    diag);
	return kernel_attached_fd(k, p, fd, diag, "tc %s of %s", name, iface);
}

int kernel_attach_tc(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	return each_iface(k, p, attach_tc, diag);
}

static int attach_action(struct kernel_engine *k, struct kernel_prog *p, const char *iface,
			 int ifindex, struct skep_diag *diag)
{
	int type = direction(k, p, diag);

	return type < 0 ? type
			: kernel_attach_matchall(k, p, iface, ifindex,
						 type == SPEC_ATTACH_TCX_INGRESS, diag);
}

int kernel_attach_action(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	return each_iface(k, p, attach_action, diag);
}

static int attach_netkit(struct kernel_engine *k, struct kernel_prog *p, const char *iface,
			 int ifindex, struct skep_diag *diag)
{
	int fd = create(p, ifindex, p->kind->arg, 0);

	if (fd == -EINVAL || fd == -ENXIO)
		return diag_set(diag, fd, "%s is no netkit device, or this kernel has none (6.7)",
				iface);
	return kernel_attached_fd(k, p, fd, diag, "netkit %s of %s",
				  p->kind->arg == SPEC_ATTACH_NETKIT_PEER ? "peer" : "primary",
				  iface);
}

int kernel_attach_netkit(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	return each_iface(k, p, attach_netkit, diag);
}

/* --- namespaces ------------------------------------------------------------------------------- */

int kernel_attach_netns(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	const char *what = p->kind->arg == SPEC_ATTACH_SK_LOOKUP ? "socket lookup"
								 : "flow dissector";
	int fd = kernel_make_room(k, k->netns_fd, p->kind->arg, what, diag);

	if (fd)
		return fd;
	fd = create(p, k->netns_fd, p->kind->arg, 0);
	if (fd == -EEXIST || fd == -E2BIG || fd == -EBUSY)
		return kernel_tell_query(diag, fd, k->netns_fd, p->kind->arg, what);
	return kernel_attached_fd(k, p, fd, diag, "%s of network namespace %s", what,
				  k->opts.target.netns);
}

static const struct {
	const char *name;
	u32 pf;
} families[] = {
	{"ipv4", NFPROTO_IPV4},
	{"ipv6", NFPROTO_IPV6},
	{"inet", NFPROTO_INET},
};

static const char *const hooks[] = {
	[NF_INET_PRE_ROUTING] = "prerouting",   [NF_INET_LOCAL_IN] = "local_in",
	[NF_INET_FORWARD] = "forward",          [NF_INET_LOCAL_OUT] = "local_out",
	[NF_INET_POST_ROUTING] = "postrouting",
};

/* "ipv4:local_in:-100" */
static int parse_hook(const char *text, struct sys_link *attr)
{
	char family[16] = "", hook[24] = "";
	int priority = 0, end = 0;
	bool ok = false;

	if (sscanf(text, "%15[^:]:%23[^:]%n:%d%n", family, hook, &end, &priority, &end) < 2 ||
	    text[end])
		return -EINVAL;
	attr->netfilter.priority = priority;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (!strcmp(families[i].name, family)) {
			attr->netfilter.pf = families[i].pf;
			ok = true;
		}
	for (u32 i = 0; ok && i < ARRAY_SIZE(hooks); i++)
		if (!strcmp(hooks[i], hook)) {
			attr->netfilter.hook = i;
			return 0;
		}
	return -EINVAL;
}

int kernel_attach_netfilter(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	struct sys_link attr = {
		.prog_fd = (u32)bpf_program__fd(p->bpf),
		.attach_type = SPEC_ATTACH_NETFILTER,
	};
	const char *text = k->opts.target.netfilter;

	if (parse_hook(text, &attr))
		return diag_set_full(
			diag, -EINVAL, "needs-target", "--netfilter ipv4:local_in",
			"--netfilter %s: it takes ipv4 or ipv6, a hook (prerouting, local_in, "
			"forward, local_out, postrouting) and maybe a priority",
			text);
	return kernel_attached_fd(k, p, sys_link_create(&attr), diag, "netfilter %s", text);
}
