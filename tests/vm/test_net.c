/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Packets in memory, and routes from text. */
#include "../tap.h"
#include "base/mem.h"
#include "vm/helper_net.h"
#include "vm/net.h"
#include <arpa/inet.h>

static void test_place(void)
{
	struct __sk_buff skb = {0};
	struct vm_env env = {0};
	struct vm_pkt *pkt;
	u8 bytes[100];

	memset(bytes, 7, sizeof(bytes));
	is_int(vm_pkt_new(&pkt, NULL), 0, "a packet");
	ok((uintptr_t)pkt->end < 1ull << 32, "lies below 4 GiB");
	is_int(vm_pkt_set(pkt, VM_PKT_SKB, bytes, 100, 150), 0, "bytes go in");
	vm_pkt_bind(pkt, &env, &skb);
	ok(skb.len == 150 && skb.data_end - skb.data == 100, "the context has both lengths");
	ok(env.nr_mem == 1 && env.mem[0].base == (uintptr_t)pkt->data && env.mem[0].size == 100,
	   "the run may touch what is there");
	is_int(env.mem[0].flags, VM_MEM_READ, "and only read");
	is_int(vm_pkt_push(pkt, VM_PKT_HEADROOM + 1), -ENOMEM,
	       "more than the headroom cannot be pushed");
	is_int(vm_pkt_pull(pkt, 101), -ENOMEM, "nor more than the packet pulled");
	is_int(vm_pkt_set(pkt, VM_PKT_XDP, NULL, VM_PKT_MAX_LEN + 1, 0), -EMSGSIZE, "too large");
	vm_pkt_free(pkt);
}

static void test_load(void)
{
	struct vm_pkt *pkt;
	u8 bytes[20];
	u64 v = 0;

	for (int i = 0; i < 20; i++)
		bytes[i] = i;
	vm_pkt_new(&pkt, NULL);
	vm_pkt_set(pkt, VM_PKT_SKB, bytes, 20, 20);
	pkt->mac = pkt->data - pkt->head;
	pkt->net = pkt->mac + 14;
	ok(!vm_pkt_load(pkt, 2, 2, &v) && v == 0x0203, "two bytes, big-endian");
	ok(!vm_pkt_load(pkt, 16, 4, &v) && v == 0x10111213, "the last four");
	is_int(vm_pkt_load(pkt, 17, 4, &v), -EFAULT, "past the end");
	ok(!vm_pkt_load(pkt, -0x100000 + 1, 1, &v) && v == 15, "from the network header");
	ok(!vm_pkt_load(pkt, -0x200000 + 3, 1, &v) && v == 3, "from the link layer");
	is_int(vm_pkt_load(pkt, -0x200000 + 30, 1, &v), -EFAULT, "from there past the end");
	is_int(vm_pkt_load(pkt, -1, 1, &v), -EFAULT, "from nowhere: before the packet");
	is_int(vm_pkt_load(pkt, INT32_MIN, 4, &v), -EFAULT, "the least offset");
	is_int(vm_pkt_load(pkt, INT32_MAX, 4, &v), -EFAULT, "the greatest");
	is_int(vm_pkt_load(NULL, 0, 4, &v), -EFAULT, "without a packet");
	vm_pkt_free(pkt);
}

static struct vm_addr addr(const char *s)
{
	struct vm_addr a = {.family = strchr(s, ':') ? AF_INET6 : AF_INET};

	inet_pton(a.family, s, a.b);
	return a;
}

static u32 dev_of(const struct vm_net *net, u32 table, const char *to)
{
	struct vm_addr a = addr(to);
	const struct vm_route *r = vm_net_route(net, table, &a, 0);

	return r ? r->dev : 0;
}

static void test_routes(void)
{
	static const char *const rows[] = {
		"default via 10.0.0.1 dev 2 dmac 02:00:00:00:00:01 smac 02:00:00:00:00:02",
		"10.0.0.0/8 dev 3 mtu 1400",
		"10.1.0.0/17 dev 4 metric 20",
		"10.1.0.0/17 dev 5 metric 10",
		"2001:db8::/33 dev 6",
		"default6 dev 7",
		"10.9.9.9 dev 8 table 100",
		"blackhole 192.168.0.0/16",
		NULL,
	};
	struct vm_net *net;
	struct vm_addr a = addr("192.168.3.4");

	is_int(vm_net_new(rows, &net, NULL), 0, "a table of routes");
	is_int(dev_of(net, 0, "8.8.8.8"), 2, "the default");
	is_int(dev_of(net, 0, "10.200.0.1"), 3, "a prefix");
	is_int(dev_of(net, 0, "10.1.127.255"), 5, "the longest prefix, then the least metric");
	is_int(dev_of(net, 0, "10.1.128.0"), 3, "a prefix that is not whole bytes");
	is_int(dev_of(net, 0, "2001:db8:7fff::1"), 6, "IPv6");
	is_int(dev_of(net, 0, "2001:db8:8000::1"), 7, "IPv6, the default");
	is_int(dev_of(net, 100, "10.9.9.9"), 8, "another table");
	is_int(dev_of(net, 100, "10.9.9.8"), 0, "which has nothing else");
	is_int(vm_net_route(net, 0, &a, 0)->type, VM_ROUTE_BLACKHOLE, "a black hole");
	is_int(vm_net_mtu(net, 3), 1400, "MTU of an interface");
	ok(vm_net_has_dev(net, 1) && vm_net_has_dev(net, 8) && !vm_net_has_dev(net, 9), "devices");
	vm_net_free(net);
}

static void test_bad_rows(void)
{
	static const char *const bad[] = {
		"",
		"10.0.0.0/33 dev 2",
		"10.0.0.0/8",
		"10.0.0.0/8 dev",
		"10.0.0.0/8 dev eth0",
		"10.0.0.0/8 dev 2 via",
		"10.0.0.0/8 dev 2 smac 1:2:3",
		"10.0.0.0/8 dev 2 colour red",
		"2001::/16 via 10.0.0.1 dev 2",
		"10.0.0.0/-1 dev 2",
		"unreachable",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *rows[] = {bad[i], NULL};
		struct skep_diag diag = {0};
		struct vm_net *net;

		is_int(vm_net_new(rows, &net, &diag), -EINVAL, "refused: '%s'", bad[i]);
		ok(strstr(diag.where, "route '") && *diag.message && *diag.hint, "says: %s",
		   diag.message);
	}
}

static void test_sums(void)
{
	static const u8 ip[20] = {0x45, 0,    0,    0x73, 0, 0, 0x40, 0,    0x40, 0x11,
				  0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,    0xc7};

	is_int(net_csum_fold(net_csum_partial(ip, 20, 0)), 0, "a header with its checksum");
	is_int(net_csum_partial("\1", 1, 0), 1, "an odd byte");
	is_int(net_csum_add(0xffffffff, 1), 1, "the carry comes around");
}

int main(void)
{
	test_place();
	test_load();
	test_routes();
	test_bad_rows();
	test_sums();
	is_int(mem_live(), 0, "nothing is leaked");
	return tap_done();
}
