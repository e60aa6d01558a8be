/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Captures out: pcap (microseconds where the input had no more, else nanoseconds) or pcapng
 * (draft-ietf-opsawg-pcapng: a section header, one interface of nanoseconds, a block per packet).
 */
#include "base/mem.h"
#include "hook/pcap.h"
#include <errno.h>
#include <pcap/dlt.h>
#include <stdio.h>
#include <string.h>

struct pcap_writer {
	FILE *file;
	char *path;
	bool ng, micro;
};

#define MAGIC_MICRO 0xa1b2c3d4
#define MAGIC_NANO  0xa1b23c4d

struct pcap_head {
	u32 magic;
	u16 major, minor;
	u32 zone, sigfigs, snaplen, link;
};

struct pcap_rec {
	u32 sec, frac, caplen, len;
};

#define NG_SECTION   0x0a0d0d0a
#define NG_INTERFACE 1
#define NG_PACKET    6

struct ng_head {
	u32 sec_type, sec_size, magic;
	u16 major, minor;
	u64 length;
	u32 sec_size2;
	u32 if_type, if_size;
	u16 link, reserved;
	u32 snaplen;
	u16 opt_tsresol, opt_len;
	u8 tsresol, pad[3];
	u16 opt_end, opt_end_len;
	u32 if_size2;
} __attribute__((packed));

struct ng_rec {
	u32 type, size, iface, ts_high, ts_low, caplen, len;
};

static bool put(struct pcap_writer *w, const void *p, size_t size)
{
	return !size || fwrite(p, size, 1, w->file) == 1;
}

static bool put_pcap_head(struct pcap_writer *w, u32 snaplen)
{
	struct pcap_head h = {
		.magic = w->micro ? MAGIC_MICRO : MAGIC_NANO,
		.major = 2,
		.minor = 4,
		.snaplen = snaplen,
		.link = DLT_EN10MB,
	};

	return put(w, &h, sizeof(h));
}

static bool put_ng_head(struct pcap_writer *w, u32 snaplen)
{
	struct ng_head h = {
		.sec_type = NG_SECTION,
		.sec_size = 28,
		.magic = 0x1a2b3c4d,
		.major = 1,
		.length = UINT64_MAX, /* not known */
		.sec_size2 = 28,
		.if_type = NG_INTERFACE,
		.if_size = 32,
		.link = DLT_EN10MB,
		.snaplen = snaplen,
		.opt_tsresol = 9,
		.opt_len = 1,
		.tsresol = 9,
		.if_size2 = 32,
	};

	_Static_assert(sizeof(h) == 60, "two blocks");
	return put(w, &h, sizeof(h));
}

static bool ends_in(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len >= n && !strcmp(s + len - n, end);
}

static struct pcap_writer *new_writer(const char *path, bool micro, const char *mode)
{
	struct pcap_writer *w = mem_zalloc(sizeof(*w));

	if (!w)
		return NULL;
	w->ng = ends_in(path, ".pcapng") || ends_in(path, ".ntar");
	w->micro = micro && !w->ng;
	w->path = mem_strdup(path);
	errno = 0;
	w->file = w->path ? fopen(path, mode) : NULL;
	return w;
}

static int cannot_write(struct pcap_writer *w, const char *path, struct skep_diag *diag)
{
	int err = errno ? -errno : -EIO;

	diag_set(diag, err, "cannot write the capture: %s", strerror(-err));
	pcap_writer_close(w, NULL);
	return diag_at(diag, err, "%s", path);
}

int pcap_writer_reopen(const char *path, bool micro, struct pcap_writer **ret,
		       struct skep_diag *diag)
{
	struct pcap_writer *w = new_writer(path, micro, "abe");

	if (!w || !w->file)
		return w ? cannot_write(w, path, diag) : diag_nomem(diag);
	*ret = w;
	return 0;
}

int pcap_writer_open(const char *path, u32 snaplen, bool micro, struct pcap_writer **ret,
		     struct skep_diag *diag)
{
	struct pcap_writer *w = new_writer(path, micro, "wbe");

	if (!w)
		return diag_nomem(diag);
	if (w->file && (w->ng ? put_ng_head(w, snaplen) : put_pcap_head(w, snaplen))) {
		*ret = w;
		return 0;
	}
	return cannot_write(w, path, diag);
}

static bool add_pcap(struct pcap_writer *w, const struct pcap_frame *f)
{
	struct pcap_rec r = {
		.sec = f->ns / 1000000000,
		.frac = f->ns % 1000000000 / (w->micro ? 1000 : 1),
		.caplen = f->caplen,
		.len = f->len,
	};

	return put(w, &r, sizeof(r)) && put(w, f->data, f->caplen);
}

static bool add_ng(struct pcap_writer *w, const struct pcap_frame *f)
{
	static const u8 zeros[4];
	u32 pad = -f->caplen & 3;
	struct ng_rec r = {
		.type = NG_PACKET,
		.size = sizeof(r) + f->caplen + pad + 4,
		.ts_high = f->ns >> 32,
		.ts_low = f->ns,
		.caplen = f->caplen,
		.len = f->len,
	};

	return put(w, &r, sizeof(r)) && put(w, f->data, f->caplen) && put(w, zeros, pad) &&
	       put(w, &r.size, 4);
}

int pcap_writer_add(struct pcap_writer *w, const struct pcap_frame *frame)
{
	errno = 0;
	if (w->ng ? add_ng(w, frame) : add_pcap(w, frame))
		return 0;
	return errno ? -errno : -EIO;
}

int pcap_writer_close(struct pcap_writer *w, struct skep_diag *diag)
{
	int err = 0;

	if (!w)
		return 0;
	errno = 0;
	if (w->file && fclose(w->file)) {
		err = errno ? -errno : -EIO;
		diag_set(diag, err, "cannot finish the capture: %s", strerror(-err));
		diag_at(diag, err, "%s", w->path);
	}
	mem_free(w->path);
	mem_free(w);
	return err;
}
