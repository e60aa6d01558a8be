/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A program on a packet, once by BPF_PROG_TEST_RUN and once by the test provider, and compared. */
#ifndef TESTS_HOOK_ORACLE_H
#define TESTS_HOOK_ORACLE_H

#include "pkt_gen.h"
#include "rig.h"
#include <sys/syscall.h>
#include <unistd.h>

static struct gen_pkt pkts[GEN_NR];

struct oracle {
	u32 ret;
	u8 packet[20000], ctx[256];
	u32 packet_len, ctx_len;
};

static long sys_bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static char vlog[65536];

static int load(u32 type, u32 attach_type, const char *text)
{
	struct bpf_insn *insns;
	union bpf_attr attr = {0};
	u32 nr;
	int fd;

	if (isa_asm(text, &insns, &nr, NULL))
		return -EINVAL;
	attr.prog_type = type;
	attr.expected_attach_type = attach_type;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = nr;
	attr.license = (uintptr_t) "GPL";
	attr.log_buf = (uintptr_t)vlog;
	attr.log_size = sizeof(vlog);
	attr.log_level = 1;
	fd = sys_bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		fd = -errno;
	mem_free(insns);
	return fd;
}

static int kernel_run(int fd, const struct gen_pkt *p, const void *ctx, u32 ctx_len, bool takes_skb,
		      struct oracle *o)
{
	union bpf_attr attr = {0};

	attr.test.prog_fd = fd;
	attr.test.data_in = (uintptr_t)p->b;
	attr.test.data_size_in = p->len;
	attr.test.data_out = (uintptr_t)o->packet;
	attr.test.data_size_out = sizeof(o->packet);
	attr.test.ctx_in = (uintptr_t)ctx;
	attr.test.ctx_size_in = ctx_len;
	if (ctx || takes_skb) { /* with either Linux makes a context; wire_len depends on it */
		attr.test.ctx_out = (uintptr_t)o->ctx;
		attr.test.ctx_size_out = sizeof(o->ctx);
	}
	if (sys_bpf(BPF_PROG_TEST_RUN, &attr) < 0)
		return -errno;
	o->ret = attr.test.retval;
	o->packet_len = attr.test.data_size_out;
	o->ctx_len = attr.test.ctx_size_out;
	return 0;
}

static char hexbuf[2][9000];

static const char *hex(int which, const u8 *p, size_t len)
{
	char *s = hexbuf[which];

	s += sprintf(s, "hex:");
	for (size_t i = 0; i < len; i++)
		s += sprintf(s, "%02x", p[i]);
	return hexbuf[which];
}

static struct rig rig;

/* BPF_PROG_TEST_RUN uses the loopback device. */
static const char *const loopback[] = {"127.0.0.0/8 dev 1 mtu 65536", NULL};

static int our_run(u32 type, u32 attach_type, const char *text, const struct gen_pkt *p,
		   const void *ctx, u32 ctx_len)
{
	struct rig_prog *prog;

	memset(&rig, 0, sizeof(rig));
	prog = rig_add(&rig, "oracle", type, text);
	prog->attach_type = attach_type;
	rig.opts.pkt_file = hex(0, p->b, p->len);
	rig.opts.fib = loopback;
	if (ctx)
		rig.opts.ctx_file = hex(1, ctx, ctx_len);
	return rig_run(&rig);
}

static void dump(const char *what, const u8 *p, u32 len)
{
	printf("# %s (%u):", what, len);
	for (u32 i = 0; i < len && i < 96; i++)
		printf("%s%02x", i % 16 ? "" : " ", p[i]);
	printf("\n");
}

/* Layer-3 programs: Linux gives zeros for the link-layer header, we what was there. */
static u32 hidden(u32 type)
{
	return type == SPEC_PROG_XDP || type == SPEC_PROG_SCHED_CLS ||
			       type == SPEC_PROG_SCHED_ACT || type == SPEC_PROG_FLOW_DISSECTOR
		       ? 0
		       : 14;
}

static bool same_packet(u32 type, const struct oracle *o)
{
	u32 skip = hidden(type);

	return o->packet_len == rig.packet_len &&
	       (o->packet_len <= skip ||
		!memcmp(o->packet + skip, rig.packet + skip, o->packet_len - skip));
}

#define SKB(name) offsetof(struct __sk_buff, name)

static bool same_ctx(const struct oracle *o)
{
	static const struct {
		u32 off, size;
	} fields[] = {{SKB(mark), 4},     {SKB(priority), 4}, {SKB(cb), 20},     {SKB(tstamp), 8},
		      {SKB(wire_len), 4}, {SKB(gso_segs), 4}, {SKB(hwtstamp), 8}};

	for (u32 i = 0; o->ctx_len && i < ARRAY_SIZE(fields); i++)
		if (memcmp(o->ctx + fields[i].off, rig.context + fields[i].off, fields[i].size)) {
			printf("# context differs at %u\n", fields[i].off);
			return false;
		}
	return true;
}

static bool one(u32 type, u32 attach_type, int fd, const char *text, const struct gen_pkt *p,
		const void *ctx, u32 ctx_len)
{
	static struct oracle o;
	int kerr, uerr;
	u32 ret;
	bool skb = type != SPEC_PROG_XDP && type != SPEC_PROG_FLOW_DISSECTOR;

	memset(&o, 0, sizeof(o));
	kerr = kernel_run(fd, p, ctx, ctx_len, skb, &o);
	uerr = our_run(type, attach_type, text, p, ctx, ctx_len);
	ret = rig.progs[0].rets[0];
	if (kerr || uerr || rig.faults) {
		if (kerr == uerr && !rig.faults)
			return true;
		printf("# %s: kernel %d, here %d: %s: %s\n", p->name, kerr, uerr, rig.diag.where,
		       rig.diag.message);
		return false;
	}
	if (o.ret == ret && same_packet(type, &o) && (!skb || same_ctx(&o)))
		return true;
	printf("# %s: kernel %#x, here %#x\n", p->name, o.ret, ret);
	if (!same_packet(type, &o)) {
		dump("kernel", o.packet, o.packet_len);
		dump("here", rig.packet, rig.packet_len);
	}
	return false;
}

#endif
