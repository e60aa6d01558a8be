/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The provider of captures. Every packet goes through the places where programs stand, in the order
 * of pcap_kind.c; docs/pcap.md says what that means for each type.
 *
 * Within one place every program sees the packet, in the order in which they were attached, each as
 * the one before left it. The first that does not let it pass decides where it goes; those behind
 * it still see it, so that an object with several programs for one place (alternatives, as examples
 * have them) shows what each would say. A packet that was taken does not come to the next place.
 */
#include "hook/pcap.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "spec/uapi.h"
#include <errno.h>
#include <string.h>

#define BATCH 256 /* packets per poll: readers of events get their turn in between */

struct pcap_hook {
	struct hook_set *set;
	struct pcap_reader *in;
	struct pcap_out *out; /* NULL: nothing is written */
	struct vm_net *net;
	struct pcap_ctx ctx;
	VEC(struct hook_prog *) at[PCAP_NR_KINDS];
	u64 nr, nr_pass, nr_drop, nr_redirect, nr_cut, nr_short;
	bool over;
	int write_err;
	u64 ns; /* of the packet in hand */
};

static const struct {
	u32 prog_type;
	const char *why;
} not_here[] = {
	{SPEC_PROG_SOCK_OPS,
	 "it follows a connection's life, which a capture does not show; run it "
	 "with a context (--ctx)"},
	{SPEC_PROG_SK_SKB, "it parses the byte stream of a socket in a sockmap; run it with --ctx"},
	{SPEC_PROG_SK_MSG, "it sees what a process sends, before there are packets; run it with "
			   "--ctx"},
	{SPEC_PROG_SK_REUSEPORT, "it chooses among the sockets of a process; run it with --ctx"},
};

static const char *serves(const struct prog *prog, const struct hook_opts *opts)
{
	for (size_t i = 0; i < ARRAY_SIZE(not_here); i++)
		if (not_here[i].prog_type == prog->type)
			return not_here[i].why;
	if (!pcap_kind_of(prog))
		return ""; /* not one that looks at packets */
	if (prog->type == SPEC_PROG_XDP && (prog->attach_type == SPEC_ATTACH_XDP_DEVMAP ||
					    prog->attach_type == SPEC_ATTACH_XDP_CPUMAP))
		return "it belongs to an entry of a devmap or cpumap; captures have no such "
		       "entries";
	return opts->pcap_in ? NULL : hook_needs_capture;
}

static struct pcap_hook *hook_of(struct hook_set *set)
{
	return *hook_priv(set, &hook_pcap);
}

static void clone(void *arg, const struct vm_pkt *pkt, u32 ifindex, u64 flags);

static int open_files(struct pcap_hook *h, const struct hook_opts *opts, struct skep_diag *diag)
{
	int err = pcap_reader_open(opts->pcap_in, &h->in, diag);

	if (!err && opts->pcap_out)
		err = pcap_out_new(opts->pcap_out, opts->pcap_in, pcap_reader_snaplen(h->in),
				   pcap_reader_is_micro(h->in), &h->out, diag);
	return err;
}

static int init(struct hook_set *set, struct skep_diag *diag)
{
	const struct hook_opts *opts = hook_options(set);
	struct pcap_hook *h = mem_zalloc(sizeof(*h));
	int err;

	if (!h)
		return diag_nomem(diag);
	*hook_priv(set, &hook_pcap) = h;
	h->set = set;
	err = vm_net_new(opts->fib, &h->net, diag);
	if (!err)
		err = pcap_ctx_init(&h->ctx, h->net, hook_model(set), diag);
	if (!err)
		err = open_files(h, opts, diag);
	h->ctx.save_cb = true;
	h->ctx.ifname = opts->iface_name;
	if (err)
		hook_pcap.done(set);
	return err;
}

static int attach(struct hook_set *set, struct hook_prog *hp, struct skep_diag *diag)
{
	struct pcap_hook *h = hook_of(set);
	u32 at = pcap_kind_index(pcap_kind_of(hp->prog));
	int err = pcap_model_wanted(hp->prog) ? pcap_model_init(&h->ctx, diag) : 0;
	struct hook_prog **slot = err ? NULL : VEC_PUSH(&h->at[at]);

	if (err)
		return err;
	if (!slot)
		return diag_nomem(diag);
	*slot = hp;
	return 0;
}

/* --- one packet ----------------------------------------------------------------------------- */

static void written(struct pcap_hook *h, int err)
{
	if (err && !h->write_err)
		h->write_err = err;
}

static bool leave(struct pcap_hook *h, struct pcap_frame *f)
{
	f->ns = h->ns;
	if (pcap_ctx_leave(&h->ctx, f))
		return true;
	h->nr_short++;
	return false;
}

static void send_on(struct pcap_hook *h)
{
	struct pcap_frame f;

	h->nr_pass++;
	if (h->out && leave(h, &f))
		written(h, pcap_out_pass(h->out, &f));
}

static void send_to(struct pcap_hook *h, const struct vm_redirect *to)
{
	struct pcap_frame f;

	h->nr_redirect++;
	if (h->out && leave(h, &f))
		written(h, pcap_out_redirect(h->out, &f, to));
}

static void clone(void *arg, const struct vm_pkt *pkt, u32 ifindex, u64 flags)
{
	struct vm_redirect to = {.kind = VM_REDIRECT_IFINDEX, .target = ifindex, .flags = flags};

	send_to(arg, &to);
}

/* A verdict to redirect without a target is what Linux drops. */
static void settle(struct pcap_hook *h, enum pcap_fate fate)
{
	const struct vm_redirect *to = &h->ctx.pkt->redirect;

	if (fate == PCAP_SEND_BACK)
		send_on(h);
	else if (fate == PCAP_REDIRECT && to->kind != VM_REDIRECT_NONE)
		send_to(h, to);
	else
		h->nr_drop++;
}

/* A socket filter's verdict is how much of the packet the socket gets. */
static void trim(struct pcap_hook *h, u32 keep)
{
	struct vm_pkt *pkt = h->ctx.pkt;

	u32 len = vm_pkt_linear(pkt);

	if (keep >= len)
		return;
	pkt->tail -= len - keep;
	pkt->missing += len - keep; /* a capture of that socket would say so */
}

static enum pcap_fate run_one(struct pcap_hook *h, struct hook_prog *hp,
			      const struct pcap_kind *kind, bool alive)
{
	struct vm_pkt *pkt = h->ctx.pkt;
	enum pcap_fate fate;
	bool fault;
	u64 ret;

	pkt->clone = clone;
	pkt->clone_ctx = h;
	ret = pcap_ctx_run(&h->ctx, h->set, hp, &fault);
	fate = fault ? PCAP_DROP : pcap_fate_of(hp->prog, ret);
	if (!alive)
		return fate;
	if (fate == PCAP_PASS && (kind->flags & PCAP_TRIM))
		trim(h, ret);
	if (fate != PCAP_PASS)
		settle(h, fate);
	return fate;
}

static bool run_place(struct pcap_hook *h, u32 at)
{
	const struct pcap_kind *kind = pcap_kind_row(at);
	bool alive = true;

	if (!h->at[at].nr)
		return true;
	if (!pcap_ctx_enter(&h->ctx, kind)) {
		h->nr_short++; /* no header left that such a program could begin at */
		h->nr_drop++;
		return false;
	}
	if (!pcap_ctx_concerns(&h->ctx, kind))
		return true;
	for (size_t i = 0; i < h->at[at].nr; i++)
		if (run_one(h, h->at[at].data[i], kind, alive) != PCAP_PASS)
			alive = false;
	return alive;
}

static void run_packet(struct pcap_hook *h, const struct pcap_frame *frame)
{
	h->nr++;
	h->nr_cut += frame->caplen < frame->len;
	h->ns = frame->ns;
	pcap_ctx_frame(&h->ctx, frame);
	pcap_ctx_timers(&h->ctx, hook_vm(h->set));
	for (u32 at = 0; at < PCAP_NR_KINDS; at++)
		if (!run_place(h, at))
			return;
	send_on(h);
}

static int poll(struct hook_set *set, int timeout_ms, struct skep_diag *diag)
{
	struct pcap_hook *h = hook_of(set);
	struct pcap_frame frame;

	for (u32 i = 0; i < BATCH && !h->over; i++) {
		int got = pcap_reader_next(h->in, &frame, diag);

		if (got < 0)
			return got;
		if (!got)
			h->over = true;
		else
			run_packet(h, &frame);
		if (h->write_err)
			return diag_set(diag, h->write_err, "cannot write the capture: %s",
					strerror(-h->write_err));
	}
	return !h->over;
}

/* --- the end -------------------------------------------------------------------------------- */

#define LLU(x) ((unsigned long long)(x))

static void report(const struct pcap_hook *h)
{
	log_info("pcap: %llu packets: %llu passed, %llu dropped, %llu redirected", LLU(h->nr),
		 LLU(h->nr_pass), LLU(h->nr_drop), LLU(h->nr_redirect));
	if (h->nr_cut)
		log_warn("pcap: packets captured only in part: %llu; programs see the part, "
			 "lengths are those on the wire",
			 LLU(h->nr_cut));
	if (h->nr_short)
		log_warn("pcap: packets too short for a program or for a frame: %llu",
			 LLU(h->nr_short));
}

static void stop(struct hook_set *set)
{
	struct pcap_hook *h = hook_of(set);
	struct skep_diag diag = {0};
	int err = pcap_out_close(h->out, &diag);

	h->out = NULL;
	if (err)
		log_warn("%s: %s", diag.where, diag.message);
	report(h);
}

static void done(struct hook_set *set)
{
	struct pcap_hook *h = hook_of(set);

	if (!h)
		return;
	pcap_out_close(h->out, NULL);
	pcap_reader_close(h->in);
	pcap_ctx_done(&h->ctx);
	vm_net_free(h->net);
	for (u32 i = 0; i < PCAP_NR_KINDS; i++)
		VEC_DONE(&h->at[i]);
	mem_free(h);
	*hook_priv(set, &hook_pcap) = NULL;
}

const struct hook_provider hook_pcap = {
	.name = "pcap",
	.serves = serves,
	.init = init,
	.attach = attach,
	.poll = poll,
	.stop = stop,
	.done = done,
};
