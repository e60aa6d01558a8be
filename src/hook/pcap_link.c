/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Link types. Programs expect Ethernet, so frames of other links get an Ethernet header that says
 * what is known: the protocol always, the sender's address of a Linux cooked capture, zeros else.
 */
#include "hook/pcap.h"
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <pcap/dlt.h>
#include <string.h>

#define SLL_HLEN  16
#define SLL2_HLEN 20

static u16 be16(const u8 *p)
{
	return p[0] << 8 | p[1];
}

static u8 type_of_mac(const u8 *dst)
{
	static const u8 all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	if (!memcmp(dst, all, 6))
		return PACKET_BROADCAST;
	return dst[0] & 1 ? PACKET_MULTICAST : PACKET_HOST;
}

/* Replace the first `skip` bytes by an Ethernet header. */
static const char *remake(struct pcap_frame *f, u8 *buf, u32 skip, u16 proto, const u8 *src)
{
	memset(buf, 0, PCAP_ETH_HLEN);
	if (f->pkt_type == PACKET_BROADCAST || f->pkt_type == PACKET_MULTICAST)
		memset(buf, 0xff, 6);
	if (src)
		memcpy(buf + 6, src, 6);
	buf[12] = proto >> 8;
	buf[13] = proto;
	memcpy(buf + PCAP_ETH_HLEN, f->data + skip, f->caplen - skip);
	f->data = buf;
	f->caplen = f->caplen - skip + PCAP_ETH_HLEN;
	f->len = f->len - skip + PCAP_ETH_HLEN;
	return NULL;
}

static const char *from_ethernet(struct pcap_frame *f, u8 *buf)
{
	f->pkt_type = f->caplen >= 6 ? type_of_mac(f->data) : PACKET_HOST;
	return NULL;
}

static const char *from_raw(struct pcap_frame *f, u8 *buf)
{
	u8 version = f->caplen ? f->data[0] >> 4 : 0;

	if (version != 4 && version != 6)
		return "neither IPv4 nor IPv6";
	return remake(f, buf, 0, version == 4 ? 0x0800 : 0x86dd, NULL);
}

/* The family in four bytes; those of BSD differ for IPv6, and the byte order is the writer's. */
static const char *from_null(struct pcap_frame *f, u8 *buf)
{
	u32 family;

	if (f->caplen < 4)
		return "shorter than its loopback header of 4 bytes";
	family = f->data[0] | f->data[1] | f->data[2] | f->data[3];
	if (family == 2)
		return remake(f, buf, 4, 0x0800, NULL);
	if (family == 10 || family == 24 || family == 28 || family == 30)
		return remake(f, buf, 4, 0x86dd, NULL);
	return "a loopback header of an unknown address family";
}

static const char *from_sll(struct pcap_frame *f, u8 *buf)
{
	if (f->caplen < SLL_HLEN)
		return "shorter than its Linux cooked header of 16 bytes";
	f->pkt_type = f->data[1];
	return remake(f, buf, SLL_HLEN, be16(f->data + 14), f->data[5] == 6 ? f->data + 6 : NULL);
}

static const char *from_sll2(struct pcap_frame *f, u8 *buf)
{
	if (f->caplen < SLL2_HLEN)
		return "shorter than its Linux cooked header of 20 bytes";
	f->pkt_type = f->data[10];
	return remake(f, buf, SLL2_HLEN, be16(f->data), f->data[11] == 6 ? f->data + 12 : NULL);
}

static const struct link {
	int type;
	const char *(*convert)(struct pcap_frame *f, u8 *buf);
	const char *note;
} links[] = {
	{DLT_EN10MB, from_ethernet, NULL},
	{DLT_RAW, from_raw, "raw IP"},
	{101, from_raw, "raw IP"}, /* LINKTYPE_RAW: DLT_RAW differs by system */
	{DLT_IPV4, from_raw, "raw IP"},
	{DLT_IPV6, from_raw, "raw IP"},
	{DLT_NULL, from_null, "BSD loopback"},
	{DLT_LOOP, from_null, "BSD loopback"},
	{DLT_LINUX_SLL, from_sll, "Linux cooked"},
	{DLT_LINUX_SLL2, from_sll2, "Linux cooked"},
};

static const struct link *find(int type)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (links[i].type == type)
			return &links[i];
	return NULL;
}

bool pcap_link_known(int linktype)
{
	return find(linktype) != NULL;
}

const char *pcap_link_note(int linktype)
{
	const struct link *l = find(linktype);

	return l ? l->note : NULL;
}

const char *pcap_to_ethernet(int linktype, struct pcap_frame *frame, u8 *buf)
{
	const struct link *l = find(linktype);

	frame->pkt_type = PACKET_HOST;
	return l ? l->convert(frame, buf) : "a link type that is not understood";
}
