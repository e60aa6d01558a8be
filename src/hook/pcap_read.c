/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Captures in: pcap and pcapng through libpcap, times in nanoseconds, frames made Ethernet. Every
 * error says which file and which packet.
 */
#include "base/log.h"
#include "base/mem.h"
#include "hook/pcap.h"
#include <errno.h>
#define PCAP_DONT_INCLUDE_PCAP_BPF_H /* its struct bpf_insn is not ours */
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

struct pcap_reader {
	pcap_t *pcap;
	const char *path;
	int link;
	bool micro;
	u64 nr;  /* packets read */
	u8 *buf; /* for frames that need another header */
};

#define MAGIC_MICRO 0xa1b2c3d4

/* libpcap gives nanoseconds from any file; only the magic says what was there. */
static bool is_micro(const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "rb") : NULL;
	u32 magic = 0;
	bool ret = false;

	if (!f)
		return false;
	if (fread(&magic, sizeof(magic), 1, f) == 1)
		ret = magic == MAGIC_MICRO || __builtin_bswap32(magic) == MAGIC_MICRO;
	fclose(f);
	return ret;
}

static int open_file(struct pcap_reader *r, struct skep_diag *diag)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	const char *name;

	errno = 0;
	r->pcap = pcap_open_offline_with_tstamp_precision(r->path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!r->pcap)
		return diag_set(diag, errno == ENOENT ? -ENOENT : -EINVAL,
				"cannot read the capture: %s", why);
	r->link = pcap_datalink(r->pcap);
	if (pcap_link_known(r->link))
		return 0;
	name = pcap_datalink_val_to_name(r->link);
	return diag_set_full(diag, -EPROTONOSUPPORT, "pcap-link",
			     "Ethernet, raw IP, Linux cooked and BSD loopback captures can be read",
			     "link type %d (%s) is not understood", r->link, name ? name : "?");
}

int pcap_reader_open(const char *path, struct pcap_reader **ret, struct skep_diag *diag)
{
	struct pcap_reader *r = mem_zalloc(sizeof(*r));
	int err;

	if (!r)
		return diag_nomem(diag);
	r->path = path;
	r->micro = is_micro(path);
	r->buf = mem_alloc(VM_PKT_MAX_LEN);
	err = r->buf ? open_file(r, diag) : diag_nomem(diag);
	if (err) {
		pcap_reader_close(r);
		return diag_at(diag, err, "%s", path);
	}
	if (pcap_link_note(r->link))
		log_info("%s: a %s capture: Ethernet headers are made up", path,
			 pcap_link_note(r->link));
	*ret = r;
	return 0;
}

struct pcap_reader *pcap_reader_close(struct pcap_reader *r)
{
	if (r && r->pcap)
		pcap_close(r->pcap);
	if (r)
		mem_free(r->buf);
	mem_free(r);
	return NULL;
}

static int bad_packet(struct pcap_reader *r, struct skep_diag *diag, const char *why)
{
	diag_set(diag, -EINVAL, "%s", why);
	return diag_at(diag, -EINVAL, "%s: packet %llu", r->path, (unsigned long long)r->nr);
}

int pcap_reader_next(struct pcap_reader *r, struct pcap_frame *frame, struct skep_diag *diag)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	const char *why;
	int got = pcap_next_ex(r->pcap, &h, &data);

	if (got == PCAP_ERROR_BREAK)
		return 0;
	r->nr++;
	if (got != 1)
		return bad_packet(r, diag, pcap_geterr(r->pcap));
	if (h->caplen > PCAP_FRAME_MAX)
		return bad_packet(r, diag, "more bytes than a packet can have");
	*frame = (struct pcap_frame){
		.data = data,
		.caplen = h->caplen,
		.len = h->len < h->caplen ? h->caplen : h->len,
		.ns = (u64)h->ts.tv_sec * 1000000000 + h->ts.tv_usec,
	};
	if (frame->len > INT32_MAX)
		return bad_packet(r, diag, "its length on the wire is over 2 GiB");
	why = pcap_to_ethernet(r->link, frame, r->buf);
	return why ? bad_packet(r, diag, why) : 1;
}

u32 pcap_reader_snaplen(const struct pcap_reader *r)
{
	int snaplen = pcap_snapshot(r->pcap);

	return snaplen > 65535 && snaplen <= VM_PKT_MAX_LEN ? snaplen : 65535;
}

bool pcap_reader_is_micro(const struct pcap_reader *r)
{
	return r->micro;
}
