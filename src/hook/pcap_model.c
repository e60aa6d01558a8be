/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The packet as the kernel's own structures, for the programs that look at those: netfilter
 * programs always, others after bpf_cast_to_kern_ctx. The objects are the model kernel's, laid out
 * by its BTF; head, data and tail point to the packet itself.
 */
#include "hook/pcap.h"
#include "spec/uapi.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NF_INET_LOCAL_IN  1
#define NF_INET_LOCAL_OUT 3

bool pcap_model_wanted(const struct prog *prog)
{
	if (prog->type == SPEC_PROG_NETFILTER)
		return true;
	for (u32 i = 0; i < prog->nr_refs; i++)
		if (prog->refs[i].kind == PROG_REF_KFUNC &&
		    !strcmp(prog->refs[i].name, "bpf_cast_to_kern_ctx"))
			return true;
	return false;
}

int pcap_model_init(struct pcap_ctx *c, struct skep_diag *diag)
{
	struct model *m = c->model;
	char name[16] = ""; /* IFNAMSIZ */

	if (c->kskb)
		return 0;
	if (m) {
		c->kdev = model_alloc(m, "net_device");
		c->kskb = model_alloc(m, "sk_buff");
		c->kxdp = model_alloc(m, "xdp_buff");
		c->kstate = model_alloc(m, "nf_hook_state");
	}
	if (!c->kdev || !c->kskb || !c->kxdp || !c->kstate)
		return diag_set(diag, -ENOTSUP,
				"it needs the kernel's sk_buff, and there is no BTF that has it");
	model_set(m, c->kdev, "net_device", "ifindex", 1);
	model_set(m, c->kdev, "net_device", "mtu", c->net->mtu);
	model_set(m, c->kdev, "net_device", "type", 1); /* ARPHRD_ETHER */
	snprintf(name, sizeof(name), "%s", c->ifname ? c->ifname : "pcap0");
	model_set_bytes(m, c->kdev, "net_device", "name", name, sizeof(name));
	return 0;
}

static u64 addr(const void *p)
{
	return (uintptr_t)p;
}

static void fill_skb(struct pcap_ctx *c)
{
	const struct vm_pkt *pkt = c->pkt;
	const struct {
		const char *path;
		u64 value;
	} f[] = {
		{"len", vm_pkt_len(pkt)},
		{"data_len", pkt->missing},
		{"mac_len", pkt->mac_len},
		{"protocol", pkt->protocol},
		{"pkt_type", pkt->pkt_type},
		{"mark", c->skb.mark},
		{"priority", c->skb.priority},
		{"hash", pkt->hash},
		{"queue_mapping", c->skb.queue_mapping},
		{"tstamp", c->skb.tstamp},
		{"skb_iif", pkt->rx_ifindex},
		{"vlan_all", 0},
		{"vlan_proto", pkt->vlan_proto},
		{"vlan_tci", pkt->vlan_tci},
		{"head", addr(pkt->head)},
		{"data", addr(pkt->data)},
		{"tail", pkt->tail - pkt->head},
		{"end", pkt->end - pkt->head},
		{"mac_header", pkt->mac < 0 ? 0xffff : pkt->mac},
		{"network_header", pkt->net < 0 ? 0 : pkt->net},
		{"transport_header", pkt->trans < 0 ? 0xffff : pkt->trans},
		{"dev", addr(c->kdev)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		model_set(c->model, c->kskb, "sk_buff", f[i].path, f[i].value);
}

static void fill_xdp(struct pcap_ctx *c)
{
	const struct vm_pkt *pkt = c->pkt;

	model_set(c->model, c->kxdp, "xdp_buff", "data", addr(pkt->data));
	model_set(c->model, c->kxdp, "xdp_buff", "data_end", addr(pkt->tail));
	model_set(c->model, c->kxdp, "xdp_buff", "data_meta", addr(pkt->meta));
	model_set(c->model, c->kxdp, "xdp_buff", "data_hard_start", addr(pkt->xdp_start));
}

/* ctx->state and ctx->skb of a netfilter program. */
static void fill_state(struct pcap_ctx *c)
{
	bool v6 = c->pkt->protocol == htons(0x86dd);

	model_set(c->model, c->kstate, "nf_hook_state", "hook", NF_INET_LOCAL_IN);
	model_set(c->model, c->kstate, "nf_hook_state", "pf", v6 ? 10 : 2);
	model_set(c->model, c->kstate, "nf_hook_state", "in", addr(c->kdev));
	c->nf[0] = addr(c->kstate);
	c->nf[1] = addr(c->kskb);
}

void pcap_model_fill(struct pcap_ctx *c)
{
	if (!c->kskb)
		return;
	if (c->pkt->kind == VM_PKT_XDP) {
		fill_xdp(c);
		c->pkt->kobj = c->kxdp;
		return;
	}
	fill_skb(c);
	fill_state(c);
	c->pkt->kobj = c->kskb;
}
