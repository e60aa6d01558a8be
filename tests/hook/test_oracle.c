/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kernel as the oracle: the same program on the same packet, once by BPF_PROG_TEST_RUN and once
 * by the test provider; return value, packet and context must be equal. Needs root.
 */
#include "oracle.h"

/* One program on all packets. */
static void all(u32 type, u32 attach_type, const char *name, const char *text, const void *ctx,
		u32 ctx_len)
{
	int fd = load(type, attach_type, text);
	u32 nr_bad = 0;

	if (!ok(fd >= 0, "%s: the kernel takes the program", name)) {
		printf("# %d %.400s\n", fd, vlog + (strlen(vlog) > 400 ? strlen(vlog) - 400 : 0));
		return;
	}
	for (u32 i = 0; i < GEN_NR; i++)
		nr_bad += !one(type, attach_type, fd, text, &pkts[i], ctx, ctx_len);
	if (!is_int(nr_bad, 0, "%s: %u packets as in Linux", name, GEN_NR))
		printf("# %s\n", text);
	close(fd);
}

/* --- fields --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	u32 off;
	char size; /* w, d, b */
} fields[] = {
	{"len", SKB(len), 'w'},
	{"pkt_type", SKB(pkt_type), 'w'},
	{"mark", SKB(mark), 'w'},
	{"queue_mapping", SKB(queue_mapping), 'w'},
	{"protocol", SKB(protocol), 'w'},
	{"vlan_present", SKB(vlan_present), 'w'},
	{"vlan_tci", SKB(vlan_tci), 'w'},
	{"vlan_proto", SKB(vlan_proto), 'w'},
	{"priority", SKB(priority), 'w'},
	{"ingress_ifindex", SKB(ingress_ifindex), 'w'},
	{"ifindex", SKB(ifindex), 'w'},
	{"tc_index", SKB(tc_index), 'w'},
	{"cb[0]", SKB(cb), 'w'},
	{"cb[4]", SKB(cb) + 16, 'w'},
	{"hash", SKB(hash), 'w'},
	{"napi_id", SKB(napi_id), 'w'},
	{"gso_segs", SKB(gso_segs), 'w'},
	{"gso_size", SKB(gso_size), 'w'},
	/* only tc */
	{"tc_classid", SKB(tc_classid), 'w'},
	{"tstamp", SKB(tstamp), 'd'},
	{"wire_len", SKB(wire_len), 'w'},
	{"tstamp_type", SKB(tstamp_type), 'b'},
	{"hwtstamp", SKB(hwtstamp), 'd'},
};
#define NR_COMMON 18

static void test_fields(u32 type, const char *kind, u32 nr)
{
	struct __sk_buff ctx = {.mark = 0x11223344,
				.priority = 7,
				.cb = {1, 2, 3, 4, 5},
				.tstamp = 0x1122334455667788,
				.wire_len = 3000,
				.gso_segs = 8,
				.gso_size = 100,
				.ingress_ifindex = 1,
				.ifindex = 1,
				.hwtstamp = 99};

	for (u32 i = 0; i < nr; i++) {
		char text[100], name[64];
		const char *w = fields[i].size == 'w'   ? "u32"
				: fields[i].size == 'd' ? "u64"
							: "u8";

		snprintf(text, sizeof(text), "r0 = *(%s *)(r1 +%u)\nr0 &= 0x7fffffff\nexit\n", w,
			 fields[i].off);
		snprintf(name, sizeof(name), "%s: %s", kind, fields[i].name);
		all(type, 0, name, text, &ctx, sizeof(ctx));
		all(type, 0, name, text, NULL, 0);
	}
}

/* --- helpers -------------------------------------------------------------------------------- */

static const struct {
	const char *name, *text;
} tc_progs[] = {
	{"data_end - data", "r2 = *(u32 *)(r1 +76)\nr0 = *(u32 *)(r1 +80)\nr0 -= r2\nexit\n"},
	{"writes to fields", "*(u32 *)(r1 +8) = 5\n*(u32 *)(r1 +32) = 6\n*(u32 *)(r1 +48) = 7\n"
			     "*(u32 *)(r1 +64) = 8\nr0 = *(u32 *)(r1 +8)\nexit\n"},
	{"direct write", "r2 = *(u32 *)(r1 +76)\nr3 = *(u32 *)(r1 +80)\nr4 = r2\nr4 += 14\nr0 = 0\n"
			 "if r4 > r3 goto out\n*(u8 *)(r2 +3) = 0x77\nout: exit\n"},
#define LOAD(off, len)                                                                             \
	"r6 = r1\n*(u64 *)(r10 -32) = 0\n*(u64 *)(r10 -24) = 0\n*(u64 *)(r10 -16) = 0\n"           \
	"*(u64 *)(r10 -8) = 0\nr2 = " #off "\nr3 = r10\nr3 += -32\nr4 = " #len "\ncall 26\n"       \
	"r1 = *(u32 *)(r10 -32)\nr0 ^= r1\nexit\n"
	{"skb_load_bytes 0", LOAD(0, 8)},
	{"skb_load_bytes 13", LOAD(13, 7)},
	{"skb_load_bytes 50", LOAD(50, 32)},
	{"skb_load_bytes 3000", LOAD(3000, 4)},
	{"skb_load_bytes -1", LOAD(-1, 4)},
#define REL(off, start)                                                                            \
	"*(u64 *)(r10 -8) = 0\nr2 = " #off "\nr3 = r10\nr3 += -8\nr4 = 4\nr5 = " #start            \
	"\ncall 68\nr1 = *(u32 *)(r10 -8)\nr0 ^= r1\nexit\n"
	{"load_bytes_relative mac", REL(2, 0)},
	{"load_bytes_relative net", REL(2, 1)},
	{"load_bytes_relative 70000", REL(70000, 1)},
	{"load_bytes_relative end", REL(1490, 1)},
	{"load_bytes_relative bad", REL(0, 2)},
#define STORE(off, len, flags)                                                                     \
	"*(u64 *)(r10 -8) = 0x55667788\nr2 = " #off "\nr3 = r10\nr3 += -8\nr4 = " #len             \
	"\nr5 = " #flags "\ncall 9\nexit\n"
	{"skb_store_bytes", STORE(4, 4, 0)},
	{"skb_store_bytes csum hash", STORE(15, 3, 3)},
	{"skb_store_bytes bad flag", STORE(4, 4, 4)},
	{"skb_store_bytes far", STORE(73, 4, 0)},
	{"skb_pull_data 0", "r2 = 0\ncall 39\nexit\n"},
	{"skb_pull_data 60", "r2 = 60\ncall 39\nexit\n"},
	{"skb_pull_data 9000", "r2 = 9000\ncall 39\nexit\n"},
#define L3(off, from, to, flags)                                                                   \
	"r2 = " #off "\nr3 = " #from "\nr4 = " #to "\nr5 = " #flags "\ncall 10\nexit\n"
	{"l3_csum_replace 2", L3(24, 0x3412, 0x7856, 2)},
	{"l3_csum_replace 4", L3(24, 0x0100000a, 0x0500000a, 4)},
	{"l3_csum_replace diff", L3(24, 0, 0x12345, 0)},
	{"l3_csum_replace diff with from", L3(24, 1, 0x12345, 0)},
	{"l3_csum_replace odd", L3(25, 0, 1, 2)},
	{"l3_csum_replace size 3", L3(24, 0, 1, 3)},
	{"l3_csum_replace flags", L3(24, 0, 1, 0x12)},
	{"l3_csum_replace far", L3(1000, 0, 1, 2)},
#define L4(off, from, to, flags)                                                                   \
	"r2 = " #off "\nr3 = " #from "\nr4 = " #to "\nr5 = " #flags "\ncall 11\nexit\n"
	{"l4_csum_replace 2", L4(40, 0x3412, 0x7856, 2)},
	{"l4_csum_replace 4 pseudo", L4(40, 0x0100000a, 0x0500000a, 0x14)},
	{"l4_csum_replace mangled 0", L4(40, 0, 0, 0x22)},
	{"l4_csum_replace mangled diff", L4(50, 0, 0xffff, 0x20)},
	{"l4_csum_replace enforce", L4(50, 0, 0, 0x62)},
	{"l4_csum_replace diff", L4(40, 0, 0x98765432, 0x10)},
	{"l4_csum_replace bad", L4(40, 0, 1, 0x5)},
	{"csum_level query", "r2 = 0\ncall 135\nexit\n"},
	{"csum_level inc query", "r6 = r1\nr2 = 1\ncall 135\nr1 = r6\nr2 = 1\ncall 135\nr1 = r6\n"
				 "r2 = 0\ncall 135\nexit\n"},
	{"csum_level dec", "r6 = r1\nr2 = 1\ncall 135\nr1 = r6\nr2 = 2\ncall 135\nr1 = r6\n"
			   "r2 = 0\ncall 135\nexit\n"},
	{"csum_level bad", "r2 = 9\ncall 135\nexit\n"},
	{"csum_update", "r2 = 9\ncall 40\nexit\n"},
#define TAIL(len, flags) "r2 = " #len "\nr3 = " #flags "\ncall 38\nexit\n"
	{"change_tail 30", TAIL(30, 0)},
	{"change_tail 13", TAIL(13, 0)},
	{"change_tail 14", TAIL(14, 0)},
	{"change_tail 1800", TAIL(1800, 0)},
	{"change_tail 16064", TAIL(16064, 0)},
	{"change_tail 16065", TAIL(16065, 0)},
	{"change_tail flags", TAIL(60, 1)},
#define HEAD(len, flags) "r2 = " #len "\nr3 = " #flags "\ncall 43\nexit\n"
	{"change_head 14", HEAD(14, 0)},
	{"change_head 200", HEAD(200, 0)},
	{"change_head 20000", HEAD(20000, 0)},
	{"change_head -1", HEAD(-1, 0)},
#define PROTO(p, flags) "r2 = " #p "\nr3 = " #flags "\ncall 31\nexit\n"
	{"change_proto 6", PROTO(0xdd86, 0)},
	{"change_proto 4", PROTO(0x0008, 0)},
	{"change_proto x", PROTO(0x1234, 0)},
	{"change_proto flags", PROTO(0x0008, 1)},
	{"change_proto then len", "r6 = r1\nr2 = 0xdd86\nr3 = 0\ncall 31\nr0 = *(u32 *)(r6 +16)\n"
				  "r1 = *(u32 *)(r6 +0)\nr0 += r1\nexit\n"},
	{"change_type 0", "r6 = r1\nr2 = 0\ncall 32\nr1 = *(u32 *)(r6 +4)\nr0 ^= r1\nexit\n"},
	{"change_type 3", "r6 = r1\nr2 = 3\ncall 32\nr1 = *(u32 *)(r6 +4)\nr0 ^= r1\nexit\n"},
	{"change_type 4", "r6 = r1\nr2 = 4\ncall 32\nr1 = *(u32 *)(r6 +4)\nr0 ^= r1\nexit\n"},
#define ROOM(diff, mode, flags)                                                                    \
	"r6 = r1\nr2 = " #diff "\nr3 = " #mode "\nr4 = " #flags "\ncall 50\n"                      \
	"r1 = *(u32 *)(r6 +16)\nr0 ^= r1\nexit\n"
	{"adjust_room net +8", ROOM(8, 0, 0)},
	{"adjust_room net -8", ROOM(-8, 0, 0)},
	{"adjust_room mac +20", ROOM(20, 1, 0)},
	{"adjust_room mac -20", ROOM(-20, 1, 0)},
	{"adjust_room mac +20 encap4", ROOM(20, 1, 2)},
	{"adjust_room mac +40 encap6", ROOM(40, 1, 4)},
	{"adjust_room mac +28 encap4 udp", ROOM(28, 1, 18)},
	{"adjust_room mac +24 encap4 gre", ROOM(24, 1, 10)},
	{"adjust_room both", ROOM(40, 1, 6)},
	{"adjust_room gre and udp", ROOM(40, 1, 26)},
	{"adjust_room l2", ROOM(42, 1, 0x0e00000000000002)},
	{"adjust_room l2 too long", ROOM(10, 1, 0x0e00000000000002)},
	{"adjust_room decap4", ROOM(-20, 1, 0x80)},
	{"adjust_room decap6", ROOM(-20, 1, 0x100)},
	{"adjust_room decap both", ROOM(-20, 1, 0x180)},
	{"adjust_room decap grow", ROOM(20, 1, 0x80)},
	{"adjust_room shrink encap", ROOM(-20, 1, 2)},
	{"adjust_room too much", ROOM(-1000, 1, 0)},
	{"adjust_room 4096", ROOM(4096, 1, 0)},
	{"adjust_room mode 2", ROOM(8, 2, 0)},
	{"adjust_room bad flags", ROOM(8, 0, 0x10000)},
	{"adjust_room twice",
	 "r6 = r1\nr2 = 20\nr3 = 1\nr4 = 2\ncall 50\nr1 = r6\nr2 = 20\nr3 = 1\nr4 = 2\ncall 50\n"
	 "r7 = r0\nr1 = r6\nr2 = 100\nr3 = 0\ncall 38\nr0 ^= r7\nexit\n"},
#define VPUSH(proto, tci) "r2 = " #proto "\nr3 = " #tci "\ncall 18\n"
#define VLANS                                                                                      \
	"r0 = *(u32 *)(r6 +20)\nr0 <<= 8\nr1 = *(u32 *)(r6 +24)\nr0 += r1\nr0 <<= 1\n"             \
	"r1 = *(u32 *)(r6 +28)\nr0 += r1\nr0 <<= 1\nr1 = *(u32 *)(r6 +16)\nr0 += r1\n"             \
	"r1 = *(u32 *)(r6 +0)\nr0 += r1\nexit\n"
	{"vlan_push", "r6 = r1\n" VPUSH(0x0081, 5) VLANS},
	{"vlan_push ad", "r6 = r1\n" VPUSH(0xa888, 0xe005) VLANS},
	{"vlan_push any", "r6 = r1\n" VPUSH(0, 5) VLANS},
	{"vlan_push twice", "r6 = r1\n" VPUSH(0x0081, 5) "r1 = r6\n" VPUSH(0xa888, 6) VLANS},
	{"vlan_push thrice", "r6 = r1\n" VPUSH(0x0081, 5) "r1 = r6\n" VPUSH(
				     0xa888, 6) "r1 = r6\n" VPUSH(0x0081, 7) VLANS},
	{"vlan_pop", "r6 = r1\ncall 19\n" VLANS},
	{"vlan_pop twice", "r6 = r1\ncall 19\nr1 = r6\ncall 19\n" VLANS},
	{"vlan_push pop", "r6 = r1\n" VPUSH(0x0081, 5) "r1 = r6\ncall 19\n" VLANS},
	{"vlan_push push pop",
	 "r6 = r1\n" VPUSH(0x0081, 5) "r1 = r6\n" VPUSH(0x0081, 6) "r1 = r6\ncall 19\n" VLANS},
	{"vlan_pop return", "call 19\nexit\n"},
	{"set_hash", "r6 = r1\nr2 = 0x1234\ncall 48\nr1 = r6\ncall 34\nexit\n"},
	{"set_hash invalid",
	 "r6 = r1\nr2 = 0x1234\ncall 48\nr1 = r6\ncall 41\nr0 = *(u32 *)(r6 +68)\n"
	 "exit\n"},
	{"get_hash_recalc is not 0", "call 34\nif r0 == 0 goto out\nr0 = 1\nout: exit\n"},
	{"set_tstamp",
	 "r6 = r1\nr2 = 77\nr3 = 1\ncall 192\nr1 = *(u8 *)(r6 +180)\nr0 += r1\nexit\n"},
	{"set_tstamp 0", "r2 = 0\nr3 = 1\ncall 192\nexit\n"},
	{"set_tstamp real", "r2 = 5\nr3 = 0\ncall 192\nexit\n"},
	{"set_tstamp bad", "r2 = 5\nr3 = 7\ncall 192\nexit\n"},
	{"redirect", "r1 = 5\nr2 = 0\ncall 23\nexit\n"},
	{"redirect flags", "r1 = 5\nr2 = 2\ncall 23\nexit\n"},
	{"redirect_peer flags", "r1 = 5\nr2 = 2\ncall 155\nexit\n"},
	{"redirect_neigh flags", "r1 = 5\nr2 = 0\nr3 = 0\nr4 = 1\ncall 152\nexit\n"},
	{"clone_redirect nowhere", "r2 = 0\nr3 = 0\ncall 13\nexit\n"},
	{"clone_redirect flags", "r2 = 1\nr3 = 2\ncall 13\nexit\n"},
	{"ld_abs",
	 "r6 = r1\nr0 = *(u16 *)skb[12]\nr7 = r0\nr0 = *(u32 *)skb[30]\nr0 ^= r7\nexit\n"},
	{"ld_abs net", "r6 = r1\nr0 = *(u8 *)skb[-1048576]\nexit\n"},
	{"ld_abs ll", "r6 = r1\nr0 = *(u32 *)skb[-2097140]\nexit\n"},
	{"ld_ind", "r6 = r1\nr7 = 14\nr0 = *(u16 *)skb[r7 + 2]\nexit\n"},
	{"ecn_set_ce", "call 97\nexit\n"},
	{"get_tunnel_key none", "r2 = r10\nr2 += -32\nr3 = 28\nr4 = 0\ncall 20\nexit\n"},
	{"set_tunnel_key",
	 "*(u64 *)(r10 -32) = 0x1234\n*(u64 *)(r10 -24) = 0\n*(u64 *)(r10 -16) = 0\n"
	 "*(u64 *)(r10 -8) = 0\nr2 = r10\nr2 += -32\nr3 = 28\nr4 = 0\ncall 21\n"
	 "exit\n"},
	{"get_cgroup_classid", "call 17\nexit\n"},
	{"get_route_realm", "call 24\nexit\n"},
	{"get_socket_uid", "call 47\nexit\n"},
	{"get_netns_cookie", "r1 = 0\ncall 122\nr0 = 0\nexit\n"},
	{"check_mtu", "*(u32 *)(r10 -4) = 0\nr2 = 0\nr3 = r10\nr3 += -4\nr4 = 70000\nr5 = 0\n"
		      "call 163\nexit\n"},
	{"check_mtu flags", "*(u32 *)(r10 -4) = 0\nr2 = 0\nr3 = r10\nr3 += -4\nr4 = 0\nr5 = 2\n"
			    "call 163\nexit\n"},
};

static const struct {
	const char *name, *text;
} xdp_progs[] = {
	{"lengths", "r2 = *(u32 *)(r1 +0)\nr0 = *(u32 *)(r1 +4)\nr0 -= r2\nexit\n"},
	{"no metadata", "r2 = *(u32 *)(r1 +8)\nr0 = *(u32 *)(r1 +0)\nr0 -= r2\nexit\n"},
	{"ingress_ifindex", "r0 = *(u32 *)(r1 +12)\nexit\n"},
	{"rx_queue_index", "r0 = *(u32 *)(r1 +16)\nexit\n"},
#define XHEAD(d) "r2 = " #d "\ncall 44\nexit\n"
	{"adjust_head +4", XHEAD(4)},
	{"adjust_head -4", XHEAD(-4)},
	{"adjust_head -216", XHEAD(-216)},
	{"adjust_head -217", XHEAD(-217)},
	{"adjust_head +60", XHEAD(60)},
	{"adjust_head +1", XHEAD(1)},
	{"adjust_head +min", XHEAD(0x7fffffff)},
	{"adjust_head -min", XHEAD(-2147483648)},
#define XTAIL(d) "r2 = " #d "\ncall 65\nexit\n"
	{"adjust_tail +4", XTAIL(4)},
	{"adjust_tail -4", XTAIL(-4)},
	{"adjust_tail -60", XTAIL(-60)},
	{"adjust_tail +3446", XTAIL(3446)},
	{"adjust_tail +3447", XTAIL(3447)},
	{"adjust_tail +3506", XTAIL(3506)},
	{"adjust_tail +5000", XTAIL(5000)},
#define XMETA(d)                                                                                   \
	"r6 = r1\nr2 = " #d "\ncall 54\nr1 = *(u32 *)(r6 +0)\nr2 = *(u32 *)(r6 +8)\n"              \
	"r1 -= r2\nr0 ^= r1\nexit\n"
	{"adjust_meta -4", XMETA(-4)},
	{"adjust_meta -5", XMETA(-5)},
	{"adjust_meta -216", XMETA(-216)},
	{"adjust_meta -220", XMETA(-220)},
	{"adjust_meta +4", XMETA(4)},
	{"adjust_meta, head", "r6 = r1\nr2 = -8\ncall 54\nr1 = r6\nr2 = -20\ncall 44\nr1 = r6\n"
			      "r2 = 4\ncall 54\nexit\n"},
	{"adjust_meta written",
	 "r6 = r1\nr2 = -8\ncall 54\nr2 = *(u32 *)(r6 +8)\nr3 = *(u32 *)(r6 +0)\nr4 = r2\nr4 += 8\n"
	 "r0 = 1\nif r4 > r3 goto out\n*(u32 *)(r2 +0) = 0x1234\n*(u32 *)(r2 +4) = 0x5678\n"
	 "r1 = r6\nr2 = -4\ncall 44\nout: exit\n"},
	{"get_buff_len", "call 188\nexit\n"},
#define XLOAD(off, len)                                                                            \
	"*(u64 *)(r10 -8) = 0\nr2 = " #off "\nr3 = r10\nr3 += -8\nr4 = " #len                      \
	"\ncall 189\nr1 = *(u32 *)(r10 -8)\nr0 ^= r1\nexit\n"
	{"load_bytes 12", XLOAD(12, 4)},
	{"load_bytes 72", XLOAD(72, 4)},
	{"load_bytes 65536", XLOAD(65536, 4)},
	{"store_bytes 6", "*(u64 *)(r10 -8) = 0x11223344\nr2 = 6\nr3 = r10\nr3 += -8\nr4 = 6\n"
			  "call 190\nexit\n"},
	{"store_bytes far", "*(u64 *)(r10 -8) = 0x11223344\nr2 = 100\nr3 = r10\nr3 += -8\nr4 = 6\n"
			    "call 190\nexit\n"},
	{"redirect", "r1 = 1\nr2 = 0\ncall 23\nexit\n"},
	{"redirect flags", "r1 = 1\nr2 = 1\ncall 23\nexit\n"},
	{"check_mtu", "*(u32 *)(r10 -4) = 0\nr2 = 0\nr3 = r10\nr3 += -4\nr4 = 70000\nr5 = 0\n"
		      "call 163\nexit\n"},
	{"drop", "r0 = 1\nexit\n"},
	{"tx", "r0 = 3\nexit\n"},
	{"nonsense", "r0 = 77\nexit\n"},
	{"csum_diff",
	 "*(u64 *)(r10 -8) = 0x11223344\n*(u64 *)(r10 -16) = 0x55667788\nr1 = r10\nr1 += -8\n"
	 "r2 = 4\nr3 = r10\nr3 += -16\nr4 = 8\nr5 = 0x1234\ncall 28\nexit\n"},
	{"csum_diff push", "*(u64 *)(r10 -8) = 0xffeeddcc\nr1 = 0\nr2 = 0\nr3 = r10\nr3 += -8\n"
			   "r4 = 8\nr5 = 0xffff1234\ncall 28\nexit\n"},
	{"csum_diff pull", "*(u64 *)(r10 -8) = 0xffeeddcc\nr3 = 0\nr4 = 0\nr1 = r10\nr1 += -8\n"
			   "r2 = 8\nr5 = 0x12345678\ncall 28\nexit\n"},
	{"csum_diff odd", "*(u64 *)(r10 -8) = 1\nr3 = 0\nr4 = 0\nr1 = r10\nr1 += -8\nr2 = 7\n"
			  "r5 = 0\ncall 28\nexit\n"},
	{"csum_diff seed", "r1 = 0\nr2 = 0\nr3 = 0\nr4 = 0\nr5 = 0x12345678\ncall 28\nexit\n"},
};

static const struct {
	const char *name, *text;
	u32 type, attach_type;
} other_progs[] = {
	{"cgroup: data",
	 "r2 = *(u32 *)(r1 +76)\nr3 = *(u32 *)(r1 +80)\nr0 = 0\nr4 = r2\nr4 += 20\n"
	 "if r4 > r3 goto out\nr0 = *(u8 *)(r2 +0)\nr0 &= 1\nout: exit\n",
	 SPEC_PROG_CGROUP_SKB, 0},
	{"cgroup: writes",
	 "*(u32 *)(r1 +8) = 9\n*(u32 *)(r1 +32) = 3\n*(u32 *)(r1 +48) = 4\n"
	 "r0 = 1\nexit\n",
	 SPEC_PROG_CGROUP_SKB, 0},
	{"cgroup: sk",
	 "r2 = *(u64 *)(r1 +168)\nr0 = 0\nif r2 == 0 goto out\nr0 = *(u32 *)(r2 +4)\n"
	 "r0 >>= 3\nr0 &= 1\nout: exit\n",
	 SPEC_PROG_CGROUP_SKB, 0},
	{"socket: ld_abs", "r6 = r1\nr0 = *(u8 *)skb[9]\nexit\n", SPEC_PROG_SOCKET_FILTER, 0},
	{"socket: ld_abs past", "r6 = r1\nr0 = *(u32 *)skb[60]\nr0 = 7\nexit\n",
	 SPEC_PROG_SOCKET_FILTER, 0},
	{"socket: ld_abs ll", "r6 = r1\nr0 = *(u16 *)skb[-2097140]\nexit\n",
	 SPEC_PROG_SOCKET_FILTER, 0},
	{"socket: load_bytes", LOAD(9, 1), SPEC_PROG_SOCKET_FILTER, 0},
	{"lwt_in: data", "r2 = *(u32 *)(r1 +76)\nr0 = *(u32 *)(r1 +80)\nr0 -= r2\nexit\n",
	 SPEC_PROG_LWT_IN, 0},
	{"lwt_xmit: change_head", HEAD(14, 0), SPEC_PROG_LWT_XMIT, 0},
	{"lwt_xmit: store", STORE(8, 4, 1), SPEC_PROG_LWT_XMIT, 0},
	{"lwt_out: load", LOAD(16, 4), SPEC_PROG_LWT_OUT, 0},
	{"flow: keys",
	 "r2 = *(u64 *)(r1 +144)\nr3 = *(u16 *)(r2 +0)\n*(u16 *)(r2 +2) = 34\n"
	 "*(u8 *)(r2 +9) = 17\n*(u16 *)(r2 +12) = 0x1234\nr0 = 0\nexit\n",
	 SPEC_PROG_FLOW_DISSECTOR, SPEC_ATTACH_FLOW_DISSECTOR},
	{"flow: clamped",
	 "r2 = *(u64 *)(r1 +144)\n*(u16 *)(r2 +0) = 3\n*(u16 *)(r2 +2) = 5000\n"
	 "r0 = 2\nexit\n",
	 SPEC_PROG_FLOW_DISSECTOR, SPEC_ATTACH_FLOW_DISSECTOR},
	{"flow: load", LOAD(12, 2), SPEC_PROG_FLOW_DISSECTOR, SPEC_ATTACH_FLOW_DISSECTOR},
};

static void test_helpers(void)
{
	char name[100];

	for (u32 i = 0; i < ARRAY_SIZE(tc_progs); i++) {
		snprintf(name, sizeof(name), "tc: %s", tc_progs[i].name);
		all(SPEC_PROG_SCHED_CLS, 0, name, tc_progs[i].text, NULL, 0);
	}
	for (u32 i = 0; i < ARRAY_SIZE(xdp_progs); i++) {
		snprintf(name, sizeof(name), "xdp: %s", xdp_progs[i].name);
		all(SPEC_PROG_XDP, 0, name, xdp_progs[i].text, NULL, 0);
	}
	for (u32 i = 0; i < ARRAY_SIZE(other_progs); i++)
		all(other_progs[i].type, other_progs[i].attach_type, other_progs[i].name,
		    other_progs[i].text, NULL, 0);
}

int main(void)
{
	int fd;

	if (geteuid())
		tap_skip_all("asks the kernel, which needs root");
	fd = load(SPEC_PROG_XDP, 0, "r0 = 2\nexit\n");
	if (fd < 0)
		tap_skip_all("the kernel does not load programs here");
	close(fd);
	gen_all(pkts);
	test_fields(SPEC_PROG_SCHED_CLS, "tc", ARRAY_SIZE(fields));
	test_fields(SPEC_PROG_SOCKET_FILTER, "socket", NR_COMMON);
	test_helpers();
	return tap_done();
}
