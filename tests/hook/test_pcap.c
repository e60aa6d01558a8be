/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The provider of captures: what goes in, what programs see, what comes out. */
#include "hook/pcap.h"
#include "pkt_gen.h"
#include "rig.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/skep-test-pcap.XXXXXX";
static struct gen_pkt pkts[GEN_NR];

static const char *path(const char *name)
{
	static char bufs[8][256];
	static int next;
	char *buf = bufs[next++ & 7];

	snprintf(buf, sizeof(bufs[0]), "%s/%s", dir, name);
	return buf;
}

static void write_capture(const char *file, bool micro)
{
	struct pcap_writer *w;
	struct skep_diag diag = {0};

	if (pcap_writer_open(file, 262144, micro, &w, &diag))
		return;
	for (u32 i = 0; i < GEN_NR; i++) {
		struct pcap_frame f = {.data = pkts[i].b,
				       .caplen = pkts[i].len,
				       .len = pkts[i].len,
				       .ns = 1700000000123456789ull + i};

		pcap_writer_add(w, &f);
	}
	pcap_writer_close(w, NULL);
}

/* All frames of a capture; the number, or -errno. */
static int read_capture(const char *file, struct gen_pkt *to, u64 *ns, u32 *len, int max)
{
	struct skep_diag diag = {0};
	struct pcap_reader *r;
	struct pcap_frame f;
	int nr = 0, err = pcap_reader_open(file, &r, &diag);

	if (err)
		return err;
	while ((err = pcap_reader_next(r, &f, &diag)) > 0 && nr < max) {
		to[nr].len = f.caplen;
		memcpy(to[nr].b, f.data, min_u64(f.caplen, sizeof(to[nr].b)));
		if (ns)
			ns[nr] = f.ns;
		if (len)
			len[nr] = f.len;
		nr++;
	}
	pcap_reader_close(r);
	return err < 0 ? err : nr;
}

static bool same(const struct gen_pkt *a, const struct gen_pkt *b)
{
	return a->len == b->len && !memcmp(a->b, b->b, a->len);
}

static struct rig rig;

static struct rig *fresh(const char *in, const char *out)
{
	memset(&rig, 0, sizeof(rig));
	rig.opts.pcap_in = in;
	rig.opts.pcap_out = out;
	return &rig;
}

static void is_run(int want, const char *what)
{
	int err = rig_run(&rig);

	if (!is_int(err, want, "%s", what) || rig.faults)
		printf("# %s: %s\n", rig.diag.where, rig.diag.message);
	if (!want)
		is_int(rig.faults, 0, "%s: no faults", what);
}

static void test_files(const char *name, bool micro)
{
	struct gen_pkt got[GEN_NR + 1];
	u64 ns[GEN_NR + 1];
	u32 bad = 0;

	write_capture(path(name), micro);
	is_int(read_capture(path(name), got, ns, NULL, GEN_NR + 1), GEN_NR, "%s: all packets",
	       name);
	for (u32 i = 0; i < GEN_NR; i++)
		bad += !same(&got[i], &pkts[i]) ||
		       ns[i] != (micro ? 1700000000123456000ull : 1700000000123456789ull + i);
	is_int(bad, 0, "%s: same bytes and times", name);
}

/* r0 = 1 (DROP) for UDP over IPv4, 2 else */
static const char *drop_udp = "r2 = *(u32 *)(r1 +0)\n"
			      "r3 = *(u32 *)(r1 +4)\n"
			      "r4 = r2\n"
			      "r4 += 34\n"
			      "r0 = 2\n"
			      "if r4 > r3 goto out\n"
			      "r5 = *(u16 *)(r2 +12)\n"
			      "if r5 != 8 goto out\n"
			      "r5 = *(u8 *)(r2 +23)\n"
			      "if r5 != 17 goto out\n"
			      "r0 = 1\n"
			      "out: exit\n";

static void test_xdp(void)
{
	struct gen_pkt got[GEN_NR];
	struct rig_prog *p;
	int nr, nr_drop = 0;

	fresh(path("in.pcap"), path("out.pcapng"));
	p = rig_add(&rig, "drop_udp", SPEC_PROG_XDP, drop_udp);
	is_run(0, "xdp: a capture");
	is_int(p->runs, GEN_NR, "xdp: every packet is seen");
	for (u32 i = 0; i < p->runs; i++)
		nr_drop += p->rets[i] == XDP_DROP;
	is_int(nr_drop, 3, "xdp: udp4 and two fragments are dropped");
	nr = read_capture(path("out.pcapng"), got, NULL, NULL, GEN_NR);
	is_int(nr, GEN_NR - 3, "xdp: the others are written");
	ok(same(&got[0], &pkts[0]) && same(&got[1], &pkts[2]), "xdp: in order, unchanged");
}

static long size_of(const char *file)
{
	struct stat st;

	return stat(file, &st) ? -1 : (long)st.st_size;
}

static void test_identity(void)
{
	char cmd[600];

	for (int micro = 0; micro < 2; micro++) {
		const char *in = micro ? path("micro.pcap") : path("in.pcap");

		fresh(in, path("same.pcap"));
		rig_add(&rig, "pass", SPEC_PROG_XDP, "r0 = 2\nexit\n");
		is_run(0, "a program that passes everything");
		snprintf(cmd, sizeof(cmd), "cmp -s %s %s", in, path("same.pcap"));
		is_int(system(cmd), 0, "the output is the input, byte for byte");
	}
	fresh(path("in.pcap"), path("in.pcap"));
	rig_add(&rig, "pass", SPEC_PROG_XDP, "r0 = 2\nexit\n");
	is_run(-EINVAL, "output over the input is refused");
	ok(size_of(path("in.pcap")) > 1000, "and the input is still there");
}

/* Field of a __sk_buff for each packet, as return values. */
static void field(u32 type, const char *what, int off, u64 *ret)
{
	char text[128];
	struct rig_prog *p;

	snprintf(text, sizeof(text), "r0 = *(u32 *)(r1 +%d)\nexit\n", off);
	fresh(path("in.pcap"), NULL);
	p = rig_add(&rig, "field", type, text);
	is_run(0, what);
	memcpy(ret, p->rets, sizeof(p->rets));
}

#define SKB(name) offsetof(struct __sk_buff, name)

static void test_fields(void)
{
	u64 v[64];

	field(SPEC_PROG_SCHED_CLS, "len", SKB(len), v);
	is_int(v[0], pkts[0].len, "tc: len is the frame's");
	is_int(v[4], pkts[4].len - 4, "tc: the VLAN tag is beside the packet");
	field(SPEC_PROG_CGROUP_SKB, "len", SKB(len), v);
	is_int(v[0], pkts[0].len - 14, "cgroup: len begins at layer 3");
	field(SPEC_PROG_SOCKET_FILTER, "len", SKB(len), v);
	is_int(v[0], pkts[0].len, "socket filter: len begins at layer 2");
	field(SPEC_PROG_SCHED_CLS, "protocol", SKB(protocol), v);
	is_int(v[0], htons(0x0800), "tc: protocol is in network order");
	is_int(v[4], htons(0x0800), "tc: protocol is the one inside the VLAN");
	is_int(v[5], htons(0x8100), "tc: and of QinQ the inner tag");
	field(SPEC_PROG_SCHED_CLS, "vlan", SKB(vlan_present), v);
	ok(!v[0] && v[4] == 1 && v[5] == 1, "tc: vlan_present");
	field(SPEC_PROG_SCHED_CLS, "vlan", SKB(vlan_tci), v);
	ok(!v[0] && v[4] == 0x2005 && v[5] == 7, "tc: vlan_tci");
	field(SPEC_PROG_SCHED_CLS, "vlan", SKB(vlan_proto), v);
	ok(v[4] == htons(0x8100) && v[5] == htons(0x88a8), "tc: vlan_proto");
	field(SPEC_PROG_SCHED_CLS, "ifindex", SKB(ifindex), v);
	is_int(v[0], 1, "tc: ifindex");
	field(SPEC_PROG_SCHED_CLS, "ingress_ifindex", SKB(ingress_ifindex), v);
	is_int(v[0], 1, "tc: ingress_ifindex");
	field(SPEC_PROG_SCHED_CLS, "tstamp", SKB(tstamp), v);
	is_int(v[0], (u32)1700000000123456789ull, "tc: tstamp is the capture's");
	field(SPEC_PROG_CGROUP_SKB, "family", SKB(family), v);
	ok(v[0] == AF_INET && v[2] == AF_INET6, "cgroup: family");
	field(SPEC_PROG_CGROUP_SKB, "remote_ip4", SKB(remote_ip4), v);
	is_int(v[0], htonl(0x0a000001), "cgroup: the remote is the sender");
	field(SPEC_PROG_CGROUP_SKB, "local_port", SKB(local_port), v);
	is_int(v[0], 80, "cgroup: local_port in host order");
	field(SPEC_PROG_CGROUP_SKB, "remote_port", SKB(remote_port), v);
	is_int(v[0], (u32)htons(12345) << 16, "cgroup: remote_port in network order");
}

static void test_verdicts(void)
{
	struct gen_pkt got[GEN_NR];
	u32 lens[GEN_NR];

	fresh(path("in.pcap"), path("sf.pcap"));
	rig_add(&rig, "sf", SPEC_PROG_SOCKET_FILTER, "r0 = 40\nexit\n");
	is_run(0, "a socket filter that keeps 40 bytes");
	is_int(read_capture(path("sf.pcap"), got, NULL, lens, GEN_NR), GEN_NR, "all are kept");
	ok(got[0].len == 40 && lens[0] == pkts[0].len, "40 bytes are, and the length is known");
	fresh(path("in.pcap"), path("cg.pcap"));
	rig_add(&rig, "cg", SPEC_PROG_CGROUP_SKB,
		"r0 = *(u32 *)(r1 +16)\nif r0 == 0x0008 goto no\nr0 = 1\nexit\nno: r0 = 0\nexit\n");
	is_run(0, "a cgroup program that denies IPv4");
	is_int(read_capture(path("cg.pcap"), got, NULL, NULL, GEN_NR), 7, "what is not is there");
	ok(same(&got[1], &pkts[3]) && same(&got[2], &pkts[5]), "with link layer and VLAN tags");
	is_str(hook_verdict_name(SPEC_PROG_XDP, 0, 3), "XDP_TX", "verdicts have names");
	is_str(hook_verdict_name(SPEC_PROG_SCHED_ACT, 0, -1U), "TC_ACT_UNSPEC",
	       "negative ones too");
	ok(!hook_verdict_name(SPEC_PROG_XDP, 0, 99), "others have none");
}

static void test_chain(void)
{
	struct rig_prog *a, *b, *tc;
	struct gen_pkt got[GEN_NR];

	fresh(path("in.pcap"), path("chain.pcap"));
	a = rig_add(&rig, "drop", SPEC_PROG_XDP, drop_udp);
	b = rig_add(&rig, "pass", SPEC_PROG_XDP, "r0 = 2\nexit\n");
	/* mark the first byte */
	tc = rig_add(&rig, "tc", SPEC_PROG_SCHED_CLS,
		     "r2 = *(u32 *)(r1 +76)\n*(u8 *)(r2 +0) = 0x42\nr0 = 0\nexit\n");
	is_run(0, "two XDP programs and one of tc");
	ok(a->runs == GEN_NR && b->runs == GEN_NR, "programs of one place see every packet");
	is_int(tc->runs, GEN_NR - 3, "the next place sees what passed");
	is_int(read_capture(path("chain.pcap"), got, NULL, NULL, GEN_NR), GEN_NR - 3,
	       "what passed all is written");
	is_int(got[0].b[0], 0x42, "as the last left it");
}

static void test_redirect(void)
{
	struct gen_pkt got[GEN_NR];

	fresh(path("in.pcap"), path("re.pcap"));
	rig_add(&rig, "re", SPEC_PROG_SCHED_CLS,
		"r6 = *(u32 *)(r1 +16)\nr1 = 7\nr2 = 0\nif r6 == 8 goto go\nr1 = 9\n"
		"go: call 23\nexit\n");
	is_run(0, "bpf_redirect in tc");
	is_int(read_capture(path("re.redirect-7.pcap"), got, NULL, NULL, GEN_NR), 7,
	       "a file per interface");
	ok(same(&got[0], &pkts[0]), "with the packets that went there");
	is_int(read_capture(path("re.redirect-9.pcap"), got, NULL, NULL, GEN_NR), GEN_NR - 7,
	       "another for the others");
	is_int(read_capture(path("re.pcap"), got, NULL, NULL, GEN_NR), 0, "nothing passed");
	fresh(path("in.pcap"), path("cl.pcap"));
	rig_add(&rig, "cl", SPEC_PROG_SCHED_CLS, "r2 = 5\nr3 = 0\ncall 13\nr0 = 0\nexit\n");
	is_run(0, "bpf_clone_redirect");
	is_int(read_capture(path("cl.redirect-5.pcap"), got, NULL, NULL, GEN_NR), GEN_NR, "copies");
	is_int(read_capture(path("cl.pcap"), got, NULL, NULL, GEN_NR), GEN_NR, "and originals");
}

static void test_redirect_map(void)
{
	struct map_def def = {.name = "tx",
			      .type = BPF_MAP_TYPE_DEVMAP,
			      .key_size = 4,
			      .value_size = 4,
			      .max_entries = 4};
	struct gen_pkt got[GEN_NR];
	u32 key = 2, ifindex = 9;
	struct rig_prog *p;

	fresh(path("in.pcap"), path("map.pcap"));
	is_int(map_new(&def, &rig.maps[0], NULL), 0, "a devmap");
	rig.nr_maps = 1;
	is_int(map_user_update(rig.maps[0], &key, &ifindex, 0), 0, "with one entry");
	/* IPv4 to entry 2, the rest to entry 3, which is empty: XDP_PASS from the flags */
	p = rig_add(&rig, "map", SPEC_PROG_XDP,
		    "r2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r2\nr4 += 14\nr0 = 1\n"
		    "if r4 > r3 goto out\nr6 = *(u16 *)(r2 +12)\nr1 = map[id:0]\nr2 = 2\n"
		    "if r6 == 8 goto go\nr2 = 3\ngo: r3 = 2\ncall 51\nout: exit\n");
	is_run(0, "bpf_redirect_map");
	is_int(p->rets[0], XDP_REDIRECT, "an entry that is there");
	is_int(p->rets[2], XDP_PASS, "one that is not");
	is_int(read_capture(path("map.redirect-2.pcap"), got, NULL, NULL, GEN_NR), 6,
	       "the file has the key");
	is_int(read_capture(path("map.pcap"), got, NULL, NULL, GEN_NR), GEN_NR - 6, "what passed");
	map_put(rig.maps[0]);
}

/* struct bpf_fib_lookup at r10 - 64: family, destination 10.0.0.2, ifindex 1. */
#define FIB(flags)                                                                                 \
	"*(u64 *)(r10 -64) = 0\n*(u64 *)(r10 -56) = 0\n*(u64 *)(r10 -48) = 0\n"                    \
	"*(u64 *)(r10 -40) = 0\n*(u64 *)(r10 -32) = 0\n*(u64 *)(r10 -24) = 0\n"                    \
	"*(u64 *)(r10 -16) = 0\n*(u64 *)(r10 -8) = 0\n*(u8 *)(r10 -64) = 2\n"                      \
	"*(u32 *)(r10 -56) = 1\n*(u32 *)(r10 -32) = 0x0200000a\nr2 = r10\nr2 += -64\nr3 = 64\n"    \
	"r4 = " #flags "\ncall 69\n"

static u64 fib_run(const char *row, const char *text)
{
	const char *rows[] = {row, NULL};
	struct rig_prog *p;

	fresh(path("in.pcap"), NULL);
	rig.opts.fib = row ? rows : NULL;
	p = rig_add(&rig, "fib", SPEC_PROG_XDP, text);
	is_run(0, row ? row : "no routes");
	return p->rets[0];
}

static void test_fib(void)
{
	const char *row = "10.0.0.0/24 via 10.0.0.254 dev 5 dmac 02:00:00:00:00:77";

	is_int(fib_run(NULL, FIB(0) "exit\n"), BPF_FIB_LKUP_RET_NOT_FWDED, "no route");
	is_int(fib_run(row, FIB(0) "exit\n"), BPF_FIB_LKUP_RET_SUCCESS, "a route");
	is_int(fib_run(row, FIB(0) "r0 = *(u32 *)(r10 -56)\nexit\n"), 5, "its interface");
	is_int(fib_run(row, FIB(0) "r0 = *(u32 *)(r10 -32)\nexit\n"), 0xfe00000a, "the gateway");
	is_int(fib_run(row, FIB(0) "r0 = *(u8 *)(r10 -1)\nexit\n"), 0x77, "and its address");
	is_int(fib_run("10.0.0.0/24 dev 5", FIB(0) "exit\n"), BPF_FIB_LKUP_RET_NO_NEIGH,
	       "no neighbour");
	is_int(fib_run("10.0.0.0/24 dev 5", FIB(4) "exit\n"), BPF_FIB_LKUP_RET_SUCCESS,
	       "which does not matter with SKIP_NEIGH");
	is_int(fib_run("blackhole 10.0.0.0/8", FIB(0) "exit\n"), BPF_FIB_LKUP_RET_BLACKHOLE,
	       "a black hole");
	is_int((s32)fib_run(row, FIB(0x100) "exit\n"), -EINVAL, "unknown flags");
}

static void test_sk_lookup(void)
{
	struct rig_prog *p;

	fresh(path("in.pcap"), path("lookup.pcap"));
	p = rig_add(&rig, "lookup", SPEC_PROG_SK_LOOKUP,
		    "r1 = *(u32 *)(r1 +60)\nr0 = 1\nif r1 != 53 goto out\nr0 = 0\nout: exit\n");
	is_run(0, "sk_lookup");
	is_int(p->runs, 6, "sees SYNs and datagrams only");
	is_int(p->rets[0], SK_PASS, "port 80");
	is_int(p->rets[1], SK_DROP, "port 53");
}

static void write_bytes(const char *file, const void *p, size_t size)
{
	FILE *f = fopen(file, "wb");

	fwrite(p, size, 1, f);
	fclose(f);
}

/* A classic capture by hand, in the other byte order. */
static void test_links(void)
{
	struct {
		u32 magic;
		u16 major, minor;
		u32 zone, sig, snap, link, sec, frac, caplen, len;
		u8 b[64];
	} c = {.magic = htonl(0xa1b2c3d4),
	       .major = htons(2),
	       .minor = htons(4),
	       .snap = htonl(65535),
	       .link = htonl(101),
	       .sec = htonl(1),
	       .frac = htonl(5)};
	struct gen_pkt got[2];
	u64 ns[2];
	u32 len[2];

	c.caplen = htonl(40);
	c.len = htonl(60);
	memcpy(c.b, pkts[0].b + 14, 40);
	write_bytes(path("raw.pcap"), &c, sizeof(c) - 24);
	is_int(read_capture(path("raw.pcap"), got, ns, len, 2), 1, "raw IP, big-endian");
	ok(got[0].len == 54 && len[0] == 74 && !memcmp(got[0].b + 14, c.b, 40), "gets a header");
	ok(got[0].b[12] == 8 && !got[0].b[13] && ns[0] == 1000005000, "protocol and time");
	c.link = htonl(113);
	memset(c.b, 0, 16);
	c.b[1] = PACKET_OUTGOING;
	c.b[14] = 0x86;
	c.b[15] = 0xdd;
	write_bytes(path("sll.pcap"), &c, sizeof(c) - 24);
	is_int(read_capture(path("sll.pcap"), got, ns, len, 2), 1, "Linux cooked");
	ok(got[0].len == 38 && got[0].b[12] == 0x86, "its header is replaced");
	c.link = htonl(105);
	write_bytes(path("wifi.pcap"), &c, sizeof(c) - 24);
	fresh(path("wifi.pcap"), NULL);
	rig_add(&rig, "pass", SPEC_PROG_XDP, "r0 = 2\nexit\n");
	is_run(-EPROTONOSUPPORT, "802.11 is refused");
	ok(strstr(rig.diag.message, "105") && strstr(rig.diag.where, "wifi.pcap"), "with its name");
}

static void test_malformed(void)
{
	u8 whole[8192];
	FILE *f = fopen(path("in.pcap"), "rb");
	size_t size = fread(whole, 1, sizeof(whole), f);

	fclose(f);
	write_bytes(path("cut.pcap"), whole, 24 + 16 + pkts[0].len + 16 + 10);
	fresh(path("cut.pcap"), NULL);
	rig_add(&rig, "pass", SPEC_PROG_XDP, "r0 = 2\nexit\n");
	is_run(-EINVAL, "a capture that ends in a packet");
	ok(strstr(rig.diag.where, "cut.pcap: packet 2"), "says where: %s", rig.diag.where);
	for (size_t n = 0; n < 24; n += 5) {
		write_bytes(path("cut.pcap"), whole, n);
		fresh(path("cut.pcap"), NULL);
		rig_add(&rig, "pass", SPEC_PROG_XDP, "r0 = 2\nexit\n");
		is_run(-EINVAL, "a capture that ends in its header");
	}
	memset(whole + 24 + 8, 0xff, 4);
	write_bytes(path("huge.pcap"), whole, size);
	fresh(path("huge.pcap"), NULL);
	rig_add(&rig, "pass", SPEC_PROG_XDP, "r0 = 2\nexit\n");
	is_run(-EINVAL, "a packet of 4 GiB");
	fresh(path("none.pcap"), NULL);
	rig_add(&rig, "pass", SPEC_PROG_XDP, "r0 = 2\nexit\n");
	is_run(-ENOENT, "no file");
	fresh(path("in.pcap"), path("no/such/out.pcap"));
	rig_add(&rig, "pass", SPEC_PROG_XDP, "r0 = 2\nexit\n");
	is_run(-ENOENT, "no folder for the output");
}

static void test_cut(void)
{
	struct pcap_writer *w;
	struct pcap_frame f = {.data = pkts[6].b, .caplen = 60, .len = pkts[6].len, .ns = 1};
	struct rig_prog *p;
	struct gen_pkt got[1];
	u32 len[1];

	pcap_writer_open(path("snap.pcap"), 65535, false, &w, NULL);
	pcap_writer_add(w, &f);
	pcap_writer_close(w, NULL);
	fresh(path("snap.pcap"), path("snapout.pcap"));
	p = rig_add(&rig, "len", SPEC_PROG_SCHED_CLS,
		    "r6 = *(u32 *)(r1 +0)\nr2 = 60\nr3 = r10\nr3 += -8\nr4 = 4\ncall 26\n"
		    "if r0 != -14 goto bad\nr0 = r6\nexit\nbad: r0 = 0\nexit\n");
	is_run(0, "a packet that was captured in part");
	is_int(p->rets[0], pkts[6].len,
	       "has its length, and bytes that are not there give -EFAULT");
	read_capture(path("snapout.pcap"), got, NULL, len, 1);
	ok(got[0].len == 60 && len[0] == pkts[6].len, "and is written as it came");
}

static void test_refused(void)
{
	fresh(path("in.pcap"), NULL);
	rig_add(&rig, "ops", SPEC_PROG_SOCK_OPS, "r0 = 1\nexit\n");
	is_run(-ENOTSUP, "sock_ops means nothing in a capture");
	ok(strstr(rig.diag.message, "connection"), "and says why: %s", rig.diag.message);
}

static void cleanup(void)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		printf("# %s is left behind\n", dir);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	is_int(gen_all(pkts), GEN_NR, "packets");
	test_files("in.pcap", false);
	test_files("micro.pcap", true);
	test_files("in.pcapng", false);
	test_xdp();
	test_identity();
	test_fields();
	test_verdicts();
	test_chain();
	test_redirect();
	test_redirect_map();
	test_fib();
	test_sk_lookup();
	test_links();
	test_cut();
	test_malformed();
	test_refused();
	cleanup();
	is_int(mem_live(), 0, "nothing is leaked");
	return tap_done();
}
