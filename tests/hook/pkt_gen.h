/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Packets for tests, generated: IPv4 and IPv6, TCP, UDP, ICMP, VLAN, QinQ, ARP, fragments, stubs.
 */
#ifndef TESTS_HOOK_PKT_GEN_H
#define TESTS_HOOK_PKT_GEN_H

#include <stdint.h>
#include <string.h>

struct gen_pkt {
	const char *name;
	uint8_t b[2048];
	unsigned int len;
};

static void gen_put(struct gen_pkt *p, const void *b, unsigned int len)
{
	memcpy(p->b + p->len, b, len);
	p->len += len;
}

static void gen_16(struct gen_pkt *p, unsigned int v)
{
	uint8_t b[2] = {v >> 8, v};

	gen_put(p, b, 2);
}

static void gen_eth(struct gen_pkt *p, const char *name, unsigned int vlan, unsigned int inner_vlan,
		    unsigned int proto)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

	memset(p, 0, sizeof(*p));
	p->name = name;
	gen_put(p, macs, 12);
	if (vlan) {
		gen_16(p, inner_vlan ? 0x88a8 : 0x8100);
		gen_16(p, vlan);
	}
	if (inner_vlan) {
		gen_16(p, 0x8100);
		gen_16(p, inner_vlan);
	}
	gen_16(p, proto);
}

static uint16_t gen_fold(uint32_t sum)
{
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return ~sum;
}

static uint32_t gen_sum(const uint8_t *b, unsigned int len)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < len; i += 2)
		sum += b[i] << 8 | (i + 1 < len ? b[i + 1] : 0);
	return sum;
}

static void gen_ip4(struct gen_pkt *p, unsigned int proto, unsigned int payload, unsigned int frag)
{
	uint8_t h[20] = {0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
	uint16_t sum;

	h[2] = (20 + payload) >> 8;
	h[3] = 20 + payload;
	h[6] = frag >> 8;
	h[7] = frag;
	h[9] = proto;
	sum = gen_fold(gen_sum(h, 20));
	h[10] = sum >> 8;
	h[11] = sum;
	gen_put(p, h, 20);
}

static void gen_ip6(struct gen_pkt *p, unsigned int proto, unsigned int payload)
{
	uint8_t h[40] = {0x60};

	h[4] = payload >> 8;
	h[5] = payload;
	h[6] = proto;
	h[7] = 64;
	h[8] = 0x20;
	h[9] = 0x01;
	h[23] = 1;
	h[24] = 0x20;
	h[25] = 0x01;
	h[39] = 2;
	gen_put(p, h, 40);
}

static void gen_fill(struct gen_pkt *p, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		p->b[p->len++] = i;
}

static void gen_tcp(struct gen_pkt *p, unsigned int dport, unsigned int flags, unsigned int data)
{
	uint8_t h[20] = {0x30, 0x39, dport >> 8, dport, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 0x20};

	gen_put(p, h, 20);
	gen_fill(p, data);
}

static void gen_udp(struct gen_pkt *p, unsigned int dport, unsigned int data)
{
	uint8_t h[8] = {0xc0, 0x00, dport >> 8, dport, (8 + data) >> 8, 8 + data, 0x12, 0x34};

	gen_put(p, h, 8);
	gen_fill(p, data);
}

#define GEN_NR 14

static unsigned int gen_more(struct gen_pkt *p, unsigned int i)
{
	gen_eth(&p[i], "fragment, first", 0, 0, 0x0800);
	gen_ip4(&p[i], 17, 40, 0x2000);
	gen_udp(&p[i++], 53, 32);
	gen_eth(&p[i], "fragment, later", 0, 0, 0x0800);
	gen_ip4(&p[i], 17, 40, 0x0005);
	gen_fill(&p[i++], 40);
	gen_eth(&p[i], "icmp", 0, 0, 0x0800);
	gen_ip4(&p[i], 1, 16, 0);
	gen_put(&p[i], "\x08\x00\x12\x34\x00\x01\x00\x01", 8);
	gen_fill(&p[i++], 8);
	gen_eth(&p[i], "icmp6", 0, 0, 0x86dd);
	gen_ip6(&p[i], 58, 16);
	gen_put(&p[i], "\x80\x00\x12\x34\x00\x01\x00\x01", 8);
	gen_fill(&p[i++], 8);
	gen_eth(&p[i], "arp", 0, 0, 0x0806);
	gen_put(&p[i], "\x00\x01\x08\x00\x06\x04\x00\x01", 8);
	gen_fill(&p[i++], 20);
	gen_eth(&p[i++], "only a header", 0, 0, 0x88b5);
	gen_eth(&p[i], "802.3", 0, 0, 46);
	gen_fill(&p[i++], 46);
	return i;
}

/* All of them; every one has at least an Ethernet header. */
__attribute__((unused)) static unsigned int gen_all(struct gen_pkt p[GEN_NR])
{
	unsigned int i = 0;

	gen_eth(&p[i], "tcp4", 0, 0, 0x0800);
	gen_ip4(&p[i], 6, 40, 0);
	gen_tcp(&p[i++], 80, 2, 20);
	gen_eth(&p[i], "udp4", 0, 0, 0x0800);
	gen_ip4(&p[i], 17, 108, 0);
	gen_udp(&p[i++], 53, 100);
	gen_eth(&p[i], "tcp6", 0, 0, 0x86dd);
	gen_ip6(&p[i], 6, 40);
	gen_tcp(&p[i++], 443, 0x10, 20);
	gen_eth(&p[i], "udp6", 0, 0, 0x86dd);
	gen_ip6(&p[i], 17, 28);
	gen_udp(&p[i++], 53, 20);
	gen_eth(&p[i], "vlan", 0x2005, 0, 0x0800);
	gen_ip4(&p[i], 17, 28, 0);
	gen_udp(&p[i++], 53, 20);
	gen_eth(&p[i], "qinq", 7, 9, 0x86dd);
	gen_ip6(&p[i], 6, 30);
	gen_tcp(&p[i++], 22, 2, 10);
	gen_eth(&p[i], "big", 0, 0, 0x0800);
	gen_ip4(&p[i], 6, 1480, 0);
	gen_tcp(&p[i++], 80, 0x10, 1460);
	return gen_more(p, i);
}

#endif
