/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Packet programs made of random calls, in the kernel and here: what all calls returned, folded
 * into one number, and the packet afterwards must be equal. SWEEP_SEED, SWEEP_NR and SWEEP_LEN
 * (calls in a program) choose others than the fixed ones. Needs root.
 */
#include "oracle.h"

#define NR_PROGS 300

static u32 seed;

static u32 rnd(u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return n ? (seed >> 7) % n : 0;
}

/* Mostly small, now and then at a border, seldom wild. */
static s64 number(u32 usual)
{
	static const s64 odd[] = {0,    1,   -1,  14, 65535, 0x7fffffff, -0x7fffffff - 1,
				  1500, 256, 4096};
	u32 how = rnd(12);

	if (how == 0)
		return odd[rnd(ARRAY_SIZE(odd))];
	if (how == 1)
		return (s32)(seed ^ rnd(1 << 24) << 8);
	return rnd(usual);
}

static u32 flags(void)
{
	static const u32 some[] = {0, 0, 0, 1, 2, 3, 4, 8, 16, 32, 64, 256, 0x8000};

	return rnd(20) ? some[rnd(ARRAY_SIZE(some))] : seed;
}

struct text {
	char s[16384];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->len += (size_t)vsnprintf(t->s + t->len, sizeof(t->s) - t->len, fmt, ap);
	va_end(ap);
}

/* r6: the context, r7: what was returned so far; the buffer is at r10 - 128 */
static void call(struct text *t, const char *helper)
{
	say(t, "r1 = r6\ncall %s\nr7 *= 31\nr7 += r0\n", helper);
}

static void set(struct text *t, int reg, s64 value)
{
	say(t, "r%d = %lld\n", reg, (long long)(s32)value);
}

static void buffer(struct text *t, int reg)
{
	say(t, "r%d = r10\nr%d += -128\n", reg, reg);
}

/* Bytes of the buffer into the sum: what a helper wrote there. */
static void fold_buffer(struct text *t)
{
	for (int i = 0; i < 3; i++)
		say(t, "r0 = *(u64 *)(r10 -%d)\nr7 *= 31\nr7 += r0\n", 128 - 8 * (int)rnd(16));
}

/* --- calls on an sk_buff ------------------------------------------------------------------------
 */

static void store_bytes(struct text *t)
{
	set(t, 2, number(70));
	buffer(t, 3);
	set(t, 4, 1 + rnd(64));
	set(t, 5, flags());
	call(t, "bpf_skb_store_bytes#9");
}

static void load_bytes(struct text *t)
{
	set(t, 2, number(70));
	buffer(t, 3);
	set(t, 4, 1 + rnd(64));
	call(t, "bpf_skb_load_bytes#26");
	fold_buffer(t);
}

static void load_relative(struct text *t)
{
	set(t, 2, number(50));
	buffer(t, 3);
	set(t, 4, 1 + rnd(64));
	set(t, 5, rnd(3));
	call(t, "bpf_skb_load_bytes_relative#68");
	fold_buffer(t);
}

static void pull_data(struct text *t)
{
	set(t, 2, number(120));
	call(t, "bpf_skb_pull_data#39");
}

static void change_tail(struct text *t)
{
	set(t, 2, number(300));
	set(t, 3, rnd(10) ? 0 : flags());
	call(t, "bpf_skb_change_tail#38");
}

static void change_head(struct text *t)
{
	set(t, 2, number(60));
	set(t, 3, rnd(10) ? 0 : flags());
	call(t, "bpf_skb_change_head#43");
}

static void vlan_push(struct text *t)
{
	static const s32 protos[] = {0x8100, 0x0081, 0xa888, 0x88a8, 0, 0x0008};

	set(t, 2, protos[rnd(ARRAY_SIZE(protos))]);
	set(t, 3, number(4096));
	call(t, "bpf_skb_vlan_push#18");
}

static void vlan_pop(struct text *t)
{
	call(t, "bpf_skb_vlan_pop#19");
}

static void change_proto(struct text *t)
{
	set(t, 2, rnd(2) ? 0xdd86 : 0x0008);
	set(t, 3, rnd(10) ? 0 : flags());
	call(t, "bpf_skb_change_proto#31");
}

static void change_type(struct text *t)
{
	set(t, 2, number(6));
	call(t, "bpf_skb_change_type#32");
}

static void adjust_room(struct text *t)
{
	static const u32 some[] = {0, 1, 2, 4, 8, 16, 32, 6, 10, 64, 128, 0x0e000000, 0x0e000002};

	set(t, 2, rnd(3) ? (s64)rnd(60) - 30 : number(100));
	set(t, 3, number(3));
	set(t, 4, some[rnd(ARRAY_SIZE(some))]);
	call(t, "bpf_skb_adjust_room#50");
}

static void l3_csum(struct text *t)
{
	set(t, 2, rnd(2) ? 24 : number(60));
	set(t, 3, number(65536));
	set(t, 4, number(65536));
	set(t, 5, rnd(6) ? (rnd(2) ? 2 : 4) : flags());
	call(t, "bpf_l3_csum_replace#10");
}

static void l4_csum(struct text *t)
{
	set(t, 2, rnd(2) ? 50 : number(70));
	set(t, 3, number(65536));
	set(t, 4, number(65536));
	set(t, 5, rnd(6) ? (rnd(2) ? 2 : 4) | rnd(4) << 4 : flags());
	call(t, "bpf_l4_csum_replace#11");
}

static void csum_update(struct text *t)
{
	set(t, 2, number(65536));
	call(t, "bpf_csum_update#40");
}

static void csum_level(struct text *t)
{
	set(t, 2, number(5));
	call(t, "bpf_csum_level#135");
}

static void set_hash(struct text *t)
{
	set(t, 2, number(65536));
	call(t, rnd(4) ? "bpf_set_hash#48" : "bpf_set_hash_invalid#41");
}

static void set_tstamp(struct text *t)
{
	set(t, 2, number(100000));
	set(t, 3, number(3));
	call(t, "bpf_skb_set_tstamp#192");
}

static void check_mtu(struct text *t)
{
	say(t, "r2 = %u\n*(u32 *)(r10 -8) = r2\n", rnd(3) ? 0 : rnd(2000));
	say(t, "r2 = 1\nr3 = r10\nr3 += -8\n");
	set(t, 4, rnd(3) ? (s64)rnd(200) - 100 : number(70000));
	set(t, 5, rnd(4) ? 0 : flags());
	call(t, "bpf_check_mtu#163");
	say(t, "r0 = *(u32 *)(r10 -8)\nr7 *= 31\nr7 += r0\n");
}

static void ecn_set_ce(struct text *t)
{
	call(t, "bpf_skb_ecn_set_ce#97");
}

static void csum_diff(struct text *t)
{
	buffer(t, 1);
	set(t, 2, rnd(17) * 4);
	buffer(t, 3);
	set(t, 4, rnd(17) * 4);
	set(t, 5, number(65536));
	say(t, "call bpf_csum_diff#28\nr7 *= 31\nr7 += r0\n");
}

static void get_field(struct text *t)
{
	static const u32 at[] = {SKB(len),          SKB(pkt_type), SKB(mark),       SKB(protocol),
				 SKB(vlan_present), SKB(vlan_tci), SKB(vlan_proto), SKB(priority),
				 SKB(gso_segs),     SKB(gso_size), SKB(hash),       SKB(wire_len)};

	say(t, "r0 = *(u32 *)(r6 +%u)\nr7 *= 31\nr7 += r0\n", at[rnd(ARRAY_SIZE(at))]);
}

static void set_field(struct text *t)
{
	static const u32 at[] = {SKB(mark), SKB(priority), SKB(cb), SKB(cb) + 8};

	say(t, "r0 = %u\n*(u32 *)(r6 +%u) = r0\n", rnd(100000), at[rnd(ARRAY_SIZE(at))]);
}

static void direct(struct text *t)
{
	u32 off = rnd(60);

	say(t, "r1 = *(u32 *)(r6 +%zu)\nr2 = *(u32 *)(r6 +%zu)\nr3 = r1\nr3 += %u\n", SKB(data),
	    SKB(data_end), off + 8);
	say(t, "if r3 > r2 goto pc+4\nr0 = *(u64 *)(r1 +%u)\nr7 *= 31\nr7 += r0\n", off);
	say(t, "*(u8 *)(r1 +%u) = %u\n", off, rnd(256));
}

static void (*const skb_calls[])(struct text *t) = {
	store_bytes, load_bytes, load_relative, pull_data,    change_tail,
	change_head, vlan_push,  vlan_pop,      change_proto, change_type,
	adjust_room, l3_csum,    l4_csum,       csum_update,  csum_level,
	set_hash,    set_tstamp, check_mtu,     ecn_set_ce,   csum_diff,
	get_field,   get_field,  set_field,     direct,       direct,
};

/* --- calls on an xdp_buff -----------------------------------------------------------------------
 */

static void xdp_adjust(struct text *t)
{
	static const char *const which[] = {"bpf_xdp_adjust_head#44", "bpf_xdp_adjust_tail#65",
					    "bpf_xdp_adjust_meta#54"};

	set(t, 2, rnd(4) ? ((s64)rnd(32) - 16) * 4 : number(400) - 200);
	call(t, which[rnd(3)]);
}

static void xdp_bytes(struct text *t)
{
	set(t, 2, number(70));
	buffer(t, 3);
	set(t, 4, 1 + rnd(64));
	call(t, rnd(2) ? "bpf_xdp_load_bytes#189" : "bpf_xdp_store_bytes#190");
	fold_buffer(t);
}

static void xdp_len(struct text *t)
{
	call(t, "bpf_xdp_get_buff_len#188");
	say(t, "r1 = *(u32 *)(r6 +0)\nr2 = *(u32 *)(r6 +4)\nr2 -= r1\nr7 *= 31\nr7 += r2\n"
	       "r2 = *(u32 *)(r6 +8)\nr1 -= r2\nr7 *= 31\nr7 += r1\n");
}

static void xdp_direct(struct text *t)
{
	u32 off = rnd(60);

	say(t, "r1 = *(u32 *)(r6 +0)\nr2 = *(u32 *)(r6 +4)\nr3 = r1\nr3 += %u\n", off + 8);
	say(t, "if r3 > r2 goto pc+4\nr0 = *(u64 *)(r1 +%u)\nr7 *= 31\nr7 += r0\n", off);
	say(t, "*(u8 *)(r1 +%u) = %u\n", off, rnd(256));
}

static void (*const xdp_calls[])(struct text *t) = {
	xdp_adjust, xdp_adjust, xdp_bytes, xdp_len, xdp_direct, check_mtu, csum_diff,
};

/* --- programs ----------------------------------------------------------------------------------
 */

static void make(struct text *t, void (*const *calls)(struct text *t), u32 nr)
{
	const char *want = getenv("SWEEP_LEN");
	u32 len = want ? (u32)atoi(want) : 1 + rnd(6);

	t->len = 0;
	say(t, "r6 = r1\nr7 = 0\n");
	for (int i = 0; i < 16; i++)
		say(t, "r0 = %#llx\n*(u64 *)(r10 -%d) = r0\n",
		    (unsigned long long)rnd(1 << 24) << 40 | (u64)rnd(1 << 24) << 16 | rnd(1 << 16),
		    128 - 8 * i);
	for (u32 i = 0; i < len; i++)
		calls[rnd(nr)](t);
	say(t, "r0 = r7\nr7 >>= 32\nr0 ^= r7\nw0 = w0\nexit\n");
}

static void sweep(const char *what, u32 type, void (*const *calls)(struct text *t), u32 nr,
		  u32 nr_progs)
{
	static struct text t;
	u32 nr_bad = 0, nr_run = 0;

	for (u32 i = 0; i < nr_progs; i++) {
		int fd;
		bool good = true;

		make(&t, calls, nr);
		fd = load(type, 0, t.s);
		if (fd < 0) {
			printf("# %.300s\n%s\n",
			       vlog + (strlen(vlog) > 300 ? strlen(vlog) - 300 : 0), t.s);
			nr_bad++;
			continue;
		}
		for (u32 k = 0; k < 3 && good; k++)
			good = one(type, 0, fd, t.s, &pkts[rnd(GEN_NR)], NULL, 0);
		if (!good && nr_bad < 20)
			printf("# program %u:\n%s\n", i, strstr(t.s, "(r10 -8) = r0") + 13);
		nr_bad += !good;
		nr_run++;
		close(fd);
	}
	is_int(nr_bad, 0, "%s: %u random programs as in Linux", what, nr_run);
}

int main(void)
{
	const char *nr = getenv("SWEEP_NR"), *from = getenv("SWEEP_SEED");
	u32 nr_progs = nr ? (u32)atoi(nr) : NR_PROGS;
	int fd;

	if (geteuid())
		tap_skip_all("asks the kernel, which needs root");
	fd = load(SPEC_PROG_XDP, 0, "r0 = 2\nexit\n");
	if (fd < 0)
		tap_skip_all("the kernel does not load programs here");
	close(fd);
	gen_all(pkts);
	seed = from ? (u32)atoi(from) : 20261121;
	sweep("tc", SPEC_PROG_SCHED_CLS, skb_calls, ARRAY_SIZE(skb_calls), nr_progs);
	sweep("xdp", SPEC_PROG_XDP, xdp_calls, ARRAY_SIZE(xdp_calls), nr_progs);
	return tap_done();
}
