/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Contexts and packets from the command line: reading them, and the rules for each program type. */
#include "hook/test_input.h"
#include "base/file.h"
#include "base/mem.h"
#include "spec/uapi.h"
#include <errno.h>
#include <linux/bpf_perf_event.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_gap(char c)
{
	return c == ' ' || c == ':' || c == '\t' || c == '\n' || c == '_';
}

static int from_hex(const char *s, size_t max, u8 **ret, size_t *ret_size, struct skep_diag *diag)
{
	size_t nr = 0;
	u8 *buf = mem_alloc(strlen(s) / 2 + 1);

	if (!buf)
		return diag_nomem(diag);
	for (size_t i = 0; s[i];) {
		int hi = hex_digit(s[i]), lo = hi < 0 ? -1 : hex_digit(s[i + 1]);

		if (is_gap(s[i])) {
			i++;
			continue;
		}
		if (lo < 0 || nr == max) {
			mem_free(buf);
			return lo < 0 ? diag_set(diag, -EINVAL,
						 "not two hexadecimal digits at character %zu",
						 i + 1)
				      : diag_set(diag, -E2BIG, "more than %zu bytes", max);
		}
		buf[nr++] = hi << 4 | lo;
		i += 2;
	}
	*ret = buf;
	*ret_size = nr;
	return 0;
}

int test_input(const char *what, size_t max, u8 **ret, size_t *ret_size, struct skep_diag *diag)
{
	int err;

	if (!strncmp(what, "hex:", 4)) {
		err = from_hex(what + 4, max, ret, ret_size, diag);
		return err ? diag_at(diag, err, "hex:…") : 0;
	}
	return file_read(what, max, (char **)ret, ret_size, diag);
}

/* --- program types -------------------------------------------------------------------------- */

#define ARGS_MAX  (12 * 8) /* MAX_BPF_FUNC_ARGS */
#define PT_REGS   168      /* x86-64; arm64 has more, and longer contexts are fine */
#define ANY       TEST_CTX_MAX
#define NO_TARGET "a program that replaces another's function"

static const struct test_type types[] = {
	/* type, shape, at least, at most, pointers, what the context is */
	{SPEC_PROG_SOCKET_FILTER, TEST_PACKET, 0, sizeof(struct __sk_buff), 0, "__sk_buff"},
	{SPEC_PROG_KPROBE, TEST_RAW, PT_REGS, ANY, 0, "pt_regs"},
	{SPEC_PROG_SCHED_CLS, TEST_PACKET, 0, sizeof(struct __sk_buff), 0, "__sk_buff"},
	{SPEC_PROG_SCHED_ACT, TEST_PACKET, 0, sizeof(struct __sk_buff), 0, "__sk_buff"},
	{SPEC_PROG_TRACEPOINT, TEST_RAW, 8, 8192, 0, "the tracepoint's record"},
	{SPEC_PROG_XDP, TEST_PACKET, 0, sizeof(struct xdp_md), 0, "xdp_md"},
	{SPEC_PROG_PERF_EVENT, TEST_RAW, sizeof(struct bpf_perf_event_data), ANY, 0,
	 "bpf_perf_event_data"},
	{SPEC_PROG_CGROUP_SKB, TEST_PACKET, 0, sizeof(struct __sk_buff), 0, "__sk_buff"},
	{SPEC_PROG_CGROUP_SOCK, TEST_RAW, sizeof(struct bpf_sock), sizeof(struct bpf_sock), 0,
	 "bpf_sock"},
	{SPEC_PROG_LWT_IN, TEST_PACKET, 0, sizeof(struct __sk_buff), 0, "__sk_buff"},
	{SPEC_PROG_LWT_OUT, TEST_PACKET, 0, sizeof(struct __sk_buff), 0, "__sk_buff"},
	{SPEC_PROG_LWT_XMIT, TEST_PACKET, 0, sizeof(struct __sk_buff), 0, "__sk_buff"},
	{SPEC_PROG_SOCK_OPS, TEST_DATA64, sizeof(struct bpf_sock_ops), sizeof(struct bpf_sock_ops),
	 offsetof(struct bpf_sock_ops, skb_data), "bpf_sock_ops"},
	{SPEC_PROG_SK_SKB, TEST_PACKET, 0, sizeof(struct __sk_buff), 0, "__sk_buff"},
	{SPEC_PROG_CGROUP_DEVICE, TEST_RAW, sizeof(struct bpf_cgroup_dev_ctx),
	 sizeof(struct bpf_cgroup_dev_ctx), 0, "bpf_cgroup_dev_ctx"},
	{SPEC_PROG_SK_MSG, TEST_DATA64, sizeof(struct sk_msg_md), sizeof(struct sk_msg_md),
	 offsetof(struct sk_msg_md, data), "sk_msg_md"},
	{SPEC_PROG_RAW_TRACEPOINT, TEST_RAW, 0, ARGS_MAX, 0, "arguments of 8 bytes each"},
	{SPEC_PROG_CGROUP_SOCK_ADDR, TEST_RAW, sizeof(struct bpf_sock_addr),
	 sizeof(struct bpf_sock_addr), 0, "bpf_sock_addr"},
	{SPEC_PROG_LWT_SEG6LOCAL, TEST_PACKET, 0, sizeof(struct __sk_buff), 0, "__sk_buff"},
	{SPEC_PROG_LIRC_MODE2, TEST_RAW, 4, 4, 0, "a sample of 4 bytes"},
	{SPEC_PROG_SK_REUSEPORT, TEST_DATA64, sizeof(struct sk_reuseport_md),
	 sizeof(struct sk_reuseport_md), offsetof(struct sk_reuseport_md, data), "sk_reuseport_md"},
	{SPEC_PROG_FLOW_DISSECTOR, TEST_FLOW, 0, sizeof(struct bpf_flow_keys), 0, "bpf_flow_keys"},
	{SPEC_PROG_CGROUP_SYSCTL, TEST_RAW, sizeof(struct bpf_sysctl), sizeof(struct bpf_sysctl), 0,
	 "bpf_sysctl"},
	{SPEC_PROG_RAW_TRACEPOINT_WRITABLE, TEST_RAW, 0, ARGS_MAX, 0, "arguments of 8 bytes each"},
	{SPEC_PROG_CGROUP_SOCKOPT, TEST_DATA64, sizeof(struct bpf_sockopt),
	 sizeof(struct bpf_sockopt), offsetof(struct bpf_sockopt, optval), "bpf_sockopt"},
	{SPEC_PROG_TRACING, TEST_RAW, 0, ARGS_MAX + 8, 0, "arguments of 8 bytes each"},
	{SPEC_PROG_STRUCT_OPS, TEST_RAW, 0, ARGS_MAX, 0, "arguments of 8 bytes each"},
	{SPEC_PROG_EXT, TEST_SKIPPED, 0, 0, 0, NO_TARGET},
	{SPEC_PROG_LSM, TEST_RAW, 0, ARGS_MAX + 8, 0, "arguments of 8 bytes each"},
	{SPEC_PROG_SK_LOOKUP, TEST_RAW, sizeof(struct bpf_sk_lookup), sizeof(struct bpf_sk_lookup),
	 0, "bpf_sk_lookup"},
	{SPEC_PROG_NETFILTER, TEST_PACKET, 0, 0, 0, "none: the packet is all"},
};

static const struct test_type unknown = {0, TEST_RAW, 0, ANY, 0, "bytes"};

const struct test_type *test_type_of(u32 prog_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].prog_type == prog_type)
			return &types[i];
	return &unknown;
}

/* --- fields that may be given --------------------------------------------------------------- */

struct field {
	u16 off, size;
};
#define FIELD(type, name)                                                                          \
	{                                                                                          \
		offsetof(type, name), sizeof(((type *)0)->name)                                    \
	}

/* Zero wherever no field of the list is: -EINVAL from Linux, here with the place. */
static int only_fields(const u8 *bytes, size_t size, const struct field *f, size_t nr,
		       struct skep_diag *diag)
{
	for (size_t at = 0; at < size; at++) {
		bool given = false;

		for (size_t i = 0; i < nr; i++)
			given |= at >= f[i].off && at < (size_t)f[i].off + f[i].size;
		if (bytes[at] && !given)
			return diag_set(diag, -EINVAL,
					"context: byte %zu belongs to a field that cannot be given",
					at);
	}
	return 0;
}

int test_skb_fields(struct pcap_ctx *c, const u8 *bytes, size_t size, struct skep_diag *diag)
{
	static const struct field fields[] = {
		FIELD(struct __sk_buff, mark),     FIELD(struct __sk_buff, priority),
		FIELD(struct __sk_buff, ifindex),  FIELD(struct __sk_buff, ingress_ifindex),
		FIELD(struct __sk_buff, cb),       FIELD(struct __sk_buff, tstamp),
		FIELD(struct __sk_buff, wire_len), FIELD(struct __sk_buff, gso_segs),
		FIELD(struct __sk_buff, gso_size), FIELD(struct __sk_buff, hwtstamp),
	};
	struct __sk_buff in = {0};
	u32 len = vm_pkt_len(c->pkt);
	int err;

	c->skb.wire_len = len;
	if (!bytes)
		return 0;
	err = only_fields(bytes, size, fields, ARRAY_SIZE(fields), diag);

	if (err)
		return err;
	if (size)
		memcpy(&in, bytes, size);
	if (in.wire_len && (in.wire_len < len || in.wire_len > 65536))
		return diag_set(diag, -EINVAL, "context: wire_len %u does not fit a packet of %u",
				in.wire_len, len);
	if (in.gso_segs > 65535)
		return diag_set(diag, -EINVAL, "context: gso_segs %u is over 65535", in.gso_segs);
	c->skb.mark = in.mark;
	c->skb.priority = in.priority;
	memcpy(c->skb.cb, in.cb, sizeof(in.cb));
	c->skb.tstamp = in.tstamp;
	c->skb.hwtstamp = in.hwtstamp;
	c->skb.wire_len = in.wire_len ? in.wire_len : len;
	c->pkt->gso_size = in.gso_size;
	c->pkt->gso_segs = in.gso_segs;
	c->pkt->rx_ifindex = in.ingress_ifindex;
	if (in.ifindex)
		c->pkt->ifindex = in.ifindex;
	return 0;
}

int test_xdp_fields(struct pcap_ctx *c, const u8 *bytes, size_t size, struct skep_diag *diag)
{
	struct vm_pkt *pkt = c->pkt;
	struct xdp_md in = {0};
	u32 len = vm_pkt_linear(pkt), meta;

	if (size)
		memcpy(&in, bytes, size);
	meta = in.data;
	if (!in.data_end)
		in.data_end = len;
	if (in.data_meta || in.data_end > len || in.data > in.data_end || in.egress_ifindex)
		return diag_set(diag, -EINVAL,
				"context: data_meta and egress_ifindex must be 0, "
				"data <= data_end <= size of the packet");
	if ((meta & 3) || meta > 252 || meta > VM_XDP_HEADROOM - VM_XDP_FRAME)
		return diag_set(diag, -EINVAL,
				"context: %u bytes of metadata: not a multiple of 4 "
				"up to 216",
				meta);
	if (in.rx_queue_index && !in.ingress_ifindex)
		return diag_set(diag, -EINVAL, "context: rx_queue_index without ingress_ifindex");
	pkt->tail = pkt->data + in.data_end;
	pkt->data += meta;
	pkt->xdp_start = pkt->meta - (VM_XDP_HEADROOM - meta);
	c->xdp.rx_queue_index = in.rx_queue_index;
	if (in.ingress_ifindex)
		pkt->ifindex = in.ingress_ifindex;
	return 0;
}
