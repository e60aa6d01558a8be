/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Kernel functions of packet programs. Those of dynptrs are in helper_dynptr.c. */
#include "vm/helper_net.h"
#include <time.h>

/* What the card said of a packet: of a captured one its time is known. */
static u64 rx_timestamp(struct vm_run *run, u64 ctx, u64 to, u64 r3, u64 r4, u64 r5)
{
	const struct vm_world *w = run->env->world;
	u64 ns;

	if (!vm_may(run, to, sizeof(ns), VM_MEM_WRITE))
		return vm_fault(run, "bpf_xdp_metadata_rx_timestamp: cannot write the time there");
	if (!w || !w->clock)
		return -EOPNOTSUPP;
	ns = w->clock(run->env, CLOCK_REALTIME);
	memcpy(net_ptr(to), &ns, sizeof(ns));
	return 0;
}

static u64 not_known(struct vm_run *run, u64 ctx, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return -EOPNOTSUPP;
}

static u64 no_tag(struct vm_run *run, u64 ctx, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return -ENODATA; /* it stands in the frame */
}

/* Everything that there is is linear. */
static u64 pull_data(struct vm_run *run, u64 ctx, u64 len, u64 r3, u64 r4, u64 r5)
{
	struct vm_pkt *pkt = net_pkt(run, "bpf_xdp_pull_data");

	return pkt && (u32)len > vm_pkt_linear(pkt) ? -EINVAL : 0;
}

const struct vm_kfunc kfuncs_net[] = {
	{"bpf_xdp_metadata_rx_timestamp", rx_timestamp},
	{"bpf_xdp_metadata_rx_hash", not_known},
	{"bpf_xdp_metadata_rx_vlan_tag", no_tag},
	{"bpf_xdp_pull_data", pull_data},
	{NULL, NULL},
};
