/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Packets for programs: what the providers pcap (captures) and test (one packet) share.
 *
 * A capture is read frame by frame (pcap_read.c), every frame made Ethernet (pcap_link.c), looked
 * at by programs in the order in which Linux' receive and send paths have them (pcap_kind.c,
 * pcap_ctx.c), and written to where the verdicts send it (pcap_write.c, pcap_out.c).
 */
#ifndef HOOK_PCAP_H
#define HOOK_PCAP_H

#include "hook/hook.h"
#include "vm/net.h"
#include "vm/pkt.h"

/* --- frames --------------------------------------------------------------------------------- */

#define PCAP_FRAME_MAX (VM_PKT_MAX_LEN - 64) /* room for a header that is made up */
#define PCAP_ETH_HLEN  14

struct pcap_frame {
	const u8 *data;
	u32 caplen, len; /* as captured, and on the wire */
	u64 ns;          /* since 1970 */
	u8 pkt_type;     /* PACKET_HOST, … */
};

/*
 * Ethernet from any link type that is understood. buf has PCAP_FRAME_MAX + 64 bytes and is used
 * where a header must be made up. NULL, or why this frame cannot be read.
 */
const char *pcap_to_ethernet(int linktype, struct pcap_frame *frame, u8 *buf);
bool pcap_link_known(int linktype);
const char *pcap_link_note(int linktype); /* what is made up, NULL: nothing */

struct pcap_reader;
int pcap_reader_open(const char *path, struct pcap_reader **ret, struct skep_diag *diag);
/* 1: *frame is the next one, valid until the next call; 0: the end; -errno with file and number. */
int pcap_reader_next(struct pcap_reader *r, struct pcap_frame *frame, struct skep_diag *diag);
struct pcap_reader *pcap_reader_close(struct pcap_reader *r);
u32 pcap_reader_snaplen(const struct pcap_reader *r);
bool pcap_reader_is_micro(const struct pcap_reader *r); /* the file has microseconds only */

struct pcap_writer;
/* The name decides: .pcapng and .ntar are pcapng, all others pcap. */
int pcap_writer_open(const char *path, u32 snaplen, bool micro, struct pcap_writer **ret,
		     struct skep_diag *diag);
/* A file of ours that was closed: more packets for it. */
int pcap_writer_reopen(const char *path, bool micro, struct pcap_writer **ret,
		       struct skep_diag *diag);
int pcap_writer_add(struct pcap_writer *w, const struct pcap_frame *frame);
int pcap_writer_close(struct pcap_writer *w, struct skep_diag *diag); /* frees in any case */

/* --- where packets go ----------------------------------------------------------------------- */

struct pcap_out;
int pcap_out_new(const char *path, const char *in_path, u32 snaplen, bool micro,
		 struct pcap_out **ret, struct skep_diag *diag);
int pcap_out_pass(struct pcap_out *out, const struct pcap_frame *frame);
int pcap_out_redirect(struct pcap_out *out, const struct pcap_frame *frame,
		      const struct vm_redirect *to);
int pcap_out_close(struct pcap_out *out, struct skep_diag *diag); /* frees in any case */

/* --- kinds of programs ---------------------------------------------------------------------- */

enum pcap_fate {
	PCAP_PASS,
	PCAP_DROP,
	PCAP_REDIRECT,
	PCAP_SEND_BACK, /* XDP_TX */
};

enum {
	PCAP_L3 = 1,       /* data begins at the network header */
	PCAP_WRITE = 2,    /* the program may write the packet */
	PCAP_EGRESS = 4,   /* the packet leaves */
	PCAP_SOCK = 8,     /* there is a socket */
	PCAP_CB = 16,      /* cb[] is the program's own for one run */
	PCAP_FLOW = 32,    /* flow_keys */
	PCAP_TRIM = 64,    /* the verdict is a length */
	PCAP_LOOKUP = 128, /* the context is a bpf_sk_lookup */
	PCAP_NF = 256,     /* the context is a bpf_nf_ctx */
	PCAP_IP = 512,     /* only IP comes here; the rest goes on */
};

/* A place in the path where programs stand; in the order in which a packet meets them. */
struct pcap_kind {
	u32 prog_type;
	const char *name;
	u32 flags;
};
#define PCAP_NR_KINDS 13

const struct pcap_kind *pcap_kind_row(u32 idx);
const struct pcap_kind *pcap_kind_of(const struct prog *prog); /* NULL: no packet program */
u32 pcap_kind_index(const struct pcap_kind *kind);
enum pcap_fate pcap_fate_of(const struct prog *prog, u64 ret);

/* --- contexts ------------------------------------------------------------------------------- */

/* What a run of a packet program needs around it. */
struct pcap_ctx {
	struct vm_pkt *pkt;
	const struct vm_net *net;
	struct xdp_md xdp;
	struct __sk_buff skb;
	struct bpf_sock sk;
	struct bpf_flow_keys flow;
	struct bpf_sk_lookup lookup;
	u64 nf[2];            /* struct bpf_nf_ctx */
	u8 *buf;              /* for frames on their way out */
	u8 l2[PCAP_ETH_HLEN]; /* the header that came with the frame */
	u64 now;              /* what clocks say */
	struct vm_world world;
	const char *ifname; /* of ifindex 1 */
	struct model *model;
	void *kskb, *kxdp, *kdev, *kstate; /* see pcap_model.c; NULL: nobody wants them */
	bool save_cb;                      /* programs of sockets have cb[] to themselves */
	bool is_skb;                       /* the packet went past XDP */
};

int pcap_ctx_init(struct pcap_ctx *c, const struct vm_net *net, struct model *model,
		  struct skep_diag *diag);
void pcap_ctx_done(struct pcap_ctx *c);
/* A new frame comes in. */
void pcap_ctx_frame(struct pcap_ctx *c, const struct pcap_frame *frame);
/* It comes to a place: data goes where that kind of program expects it. false: it cannot be. */
bool pcap_ctx_enter(struct pcap_ctx *c, const struct pcap_kind *kind);
/* One run there. *ret_fault: the program did not get to its end. */
u64 pcap_ctx_run(struct pcap_ctx *c, struct hook_set *set, struct hook_prog *hp, bool *ret_fault);
/* The steps of entering, one by one: an sk_buff from Ethernet (no VLAN tag is taken out), its
 * socket, its flow_keys. */
bool pcap_ctx_make_skb(struct pcap_ctx *c);
void pcap_ctx_sock(struct pcap_ctx *c, const struct pcap_kind *kind);
void pcap_ctx_test_sock(struct pcap_ctx *c); /* as a test run in Linux has it */
void pcap_ctx_flow(struct pcap_ctx *c);
/* The kernel's structures around the packet: who wants them, making them, filling them. */
bool pcap_model_wanted(const struct prog *prog);
int pcap_model_init(struct pcap_ctx *c, struct skep_diag *diag);
void pcap_model_fill(struct pcap_ctx *c);
/* Does a program of this kind see this packet at all? After pcap_ctx_enter. */
bool pcap_ctx_concerns(const struct pcap_ctx *c, const struct pcap_kind *kind);
/* Timers of programs that are due at this packet's time. */
void pcap_ctx_timers(struct pcap_ctx *c, struct vm *vm);
/* The packet as a frame again; false: nothing is left that could be one. */
bool pcap_ctx_leave(struct pcap_ctx *c, struct pcap_frame *ret);

#endif
