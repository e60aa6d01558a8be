/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The provider of tests: a context and a packet from a file or from the command line, for every
 * program type, with the rules of BPF_PROG_TEST_RUN where Linux has one: which fields of a context
 * may be given, where data begins, which sizes are refused. Each of the --repeat runs starts from
 * the same input.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "hook/test_input.h"
#include "spec/uapi.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH 1024 /* runs per poll */

struct test_hook {
	struct hook_set *set;
	u8 *ctx_in, *pkt_in;
	size_t ctx_size, pkt_size;
	VEC(struct hook_prog *) progs;
	struct vm_net *net;
	struct pcap_ctx ctx;
	struct vm_world raw_world;
	struct pcap_writer *out;
	size_t at; /* the program whose turn it is */
	u64 run;
	u8 *raw; /* a raw context, in memory that only one run sees */
};

static const char *serves(const struct prog *prog, const struct hook_opts *opts)
{
	if (!opts->ctx_file && !opts->pkt_file)
		return ""; /* nobody asks for a test */
	if (test_type_of(prog->type)->shape == TEST_SKIPPED)
		return "a program that replaces another's function runs only in its place";
	return NULL;
}

static struct test_hook *hook_of(struct hook_set *set)
{
	return *hook_priv(set, &hook_test);
}

static u64 real_clock(struct vm_env *env, int clockid)
{
	struct timespec ts = {0};

	clock_gettime(clockid, &ts);
	return (u64)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static long raw_read_kernel(struct vm_env *env, void *dst, size_t size, u64 addr)
{
	struct test_hook *t = env->hook;
	struct model *model = hook_model(t->set);

	return model ? model_read(model, dst, size, addr) : -EFAULT;
}

static int read_inputs(struct test_hook *t, const struct hook_opts *opts, struct skep_diag *diag)
{
	int err = 0;

	if (opts->ctx_file)
		err = test_input(opts->ctx_file, TEST_CTX_MAX, &t->ctx_in, &t->ctx_size, diag);
	if (err)
		return diag_at(diag, err, "context");
	if (opts->pkt_file)
		err = test_input(opts->pkt_file, PCAP_FRAME_MAX, &t->pkt_in, &t->pkt_size, diag);
	return err ? diag_at(diag, err, "packet") : 0;
}

static int init(struct hook_set *set, struct skep_diag *diag)
{
	const struct hook_opts *opts = hook_options(set);
	struct test_hook *t = mem_zalloc(sizeof(*t));
	int err;

	if (!t)
		return diag_nomem(diag);
	*hook_priv(set, &hook_test) = t;
	t->set = set;
	t->raw_world.read_kernel = raw_read_kernel;
	t->raw = mem_zalloc(TEST_CTX_MAX + 1);
	err = t->raw ? read_inputs(t, opts, diag) : diag_nomem(diag);
	if (!err)
		err = vm_net_new(opts->fib, &t->net, diag);
	if (!err)
		err = pcap_ctx_init(&t->ctx, t->net, hook_model(set), diag);
	if (!err && opts->pcap_out)
		err = pcap_writer_open(opts->pcap_out, VM_PKT_MAX_LEN, false, &t->out, diag);
	t->ctx.world.clock = real_clock;
	if (err)
		hook_test.done(set);
	return err;
}

/* --- building ------------------------------------------------------------------------------- */

static bool is_l2(u32 prog_type)
{
	return prog_type == SPEC_PROG_SCHED_CLS || prog_type == SPEC_PROG_SCHED_ACT ||
	       prog_type == SPEC_PROG_FLOW_DISSECTOR;
}

/* The interface of a test run is lo, whose address is all zeros. */
static u8 loopback_pkt_type(const u8 *dst)
{
	static const u8 zeros[6], ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	if (!memcmp(dst, zeros, 6))
		return PACKET_HOST;
	if (!memcmp(dst, ones, 6))
		return PACKET_BROADCAST;
	return dst[0] & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

static int check_sizes(const struct test_hook *t, const struct prog *prog, struct skep_diag *diag)
{
	const struct test_type *type = test_type_of(prog->type);
	bool packet = type->shape == TEST_PACKET || type->shape == TEST_FLOW;

	if (t->ctx_size > type->max_size)
		return diag_set(diag, -EINVAL,
				"the context has %zu bytes, this type of program takes %u at most "
				"(%s)",
				t->ctx_size, type->max_size, type->what);
	if (packet && prog->type != SPEC_PROG_SK_SKB && t->pkt_size < PCAP_ETH_HLEN)
		return diag_set_full(diag, -EINVAL, "test-packet", "--packet FILE or hex:…",
				     "a packet with an Ethernet header is needed, %zu bytes are "
				     "there",
				     t->pkt_size);
	return 0;
}

/* An sk_buff as bpf_prog_test_run_skb makes it: no VLAN tag is taken out, nothing is parsed. */
static int build_skb(struct test_hook *t, const struct prog *prog, struct skep_diag *diag)
{
	struct vm_pkt *pkt = t->ctx.pkt;
	u32 need;

	if (prog->type == SPEC_PROG_SK_SKB) { /* a stream: there are no headers */
		pkt->kind = VM_PKT_SKB;
		pkt->hard_end = pkt->end;
		pkt->net = pkt->trans = pkt->data - pkt->head;
		pkt->may_write = true;
		return 0;
	}
	pcap_ctx_make_skb(&t->ctx);
	pkt->trans = -1;
	need = pkt->protocol == htons(0x0800) ? 20 : pkt->protocol == htons(0x86dd) ? 40 : 0;
	if (pkt->tail - pkt->head - pkt->net < need)
		return diag_set(diag, -EINVAL, "the packet ends inside its IP header");
	pcap_ctx_test_sock(&t->ctx);
	pkt->pkt_type = loopback_pkt_type(pkt->data);
	pkt->rx_ifindex = 0;
	pkt->may_write = is_l2(prog->type) || prog->type == SPEC_PROG_LWT_XMIT;
	if (!is_l2(prog->type))
		pkt->data = pkt->meta = pkt->head + pkt->net;
	return 0;
}

static int build_packet(struct test_hook *t, const struct prog *prog, struct skep_diag *diag)
{
	struct pcap_frame frame = {t->pkt_in, t->pkt_size, t->pkt_size, 0, PACKET_HOST};
	int err;

	pcap_ctx_frame(&t->ctx, &frame);
	if (prog->type == SPEC_PROG_XDP) {
		t->ctx.pkt->may_write = true;
		return test_xdp_fields(&t->ctx, t->ctx_in, t->ctx_size, diag);
	}
	err = build_skb(t, prog, diag);
	if (err)
		return err;
	if (prog->type != SPEC_PROG_FLOW_DISSECTOR)
		return test_skb_fields(&t->ctx, t->ctx_in, t->ctx_size, diag);
	pcap_ctx_flow(&t->ctx);
	memcpy(&t->ctx.flow.n_proto, t->pkt_in + 12, 2); /* as it stands, lengths too */
	t->ctx.pkt->no_skb = true;
	memcpy((u8 *)&t->ctx.flow + offsetof(struct bpf_flow_keys, flags),
	       t->ctx_size > offsetof(struct bpf_flow_keys, flags) + 3
		       ? t->ctx_in + offsetof(struct bpf_flow_keys, flags)
		       : (const u8 *)"\0\0\0",
	       4);
	return 0;
}

/* --- running -------------------------------------------------------------------------------- */

static void show(struct test_hook *t, struct hook_prog *hp, const char *what, const void *p,
		 size_t size)
{
	const struct hook_opts *opts = hook_options(t->set);

	if (opts->output)
		opts->output(opts->ctx, hp, what, p, size);
}

/* As bpf_flow_dissect: offsets that a program sets stay inside the packet. */
static void clamp_flow(struct pcap_ctx *c)
{
	u16 len = min_u64(vm_pkt_linear(c->pkt), 65535), nhoff = PCAP_ETH_HLEN;

	c->flow.nhoff = min_u64(max_u64(c->flow.nhoff, nhoff), len);
	c->flow.thoff = min_u64(max_u64(c->flow.thoff, c->flow.nhoff), len);
}

static void put_back_l2(struct pcap_ctx *c)
{
	if (c->pkt->kind == VM_PKT_SKB && !vm_pkt_push(c->pkt, PCAP_ETH_HLEN))
		memcpy(c->pkt->data, c->l2, PCAP_ETH_HLEN);
}

static int show_packet(struct test_hook *t, struct hook_prog *hp)
{
	struct vm_pkt *pkt = t->ctx.pkt;
	struct pcap_frame f = {0};
	u32 type = hp->prog->type;

	if (type == SPEC_PROG_FLOW_DISSECTOR) {
		clamp_flow(&t->ctx);
		show(t, hp, "flow_keys", &t->ctx.flow, sizeof(t->ctx.flow));
		return 0;
	}
	if (pkt->kind == VM_PKT_SKB && !is_l2(type) && type != SPEC_PROG_SK_SKB)
		put_back_l2(&t->ctx);
	f.data = pkt->meta < pkt->data && pkt->kind == VM_PKT_XDP ? pkt->meta : pkt->data;
	f.caplen = f.len = pkt->tail - f.data;
	show(t, hp, "packet", f.data, f.caplen);
	if (pkt->kind == VM_PKT_SKB)
		show(t, hp, "context", &t->ctx.skb, sizeof(t->ctx.skb));
	f.data = pkt->data;
	f.caplen = f.len = pkt->tail - f.data;
	f.ns = real_clock(NULL, CLOCK_REALTIME);
	return t->out ? pcap_writer_add(t->out, &f) : 0;
}

static int run_packet(struct test_hook *t, struct hook_prog *hp, struct skep_diag *diag)
{
	int err = build_packet(t, hp->prog, diag);
	bool fault;

	if (err)
		return err;
	pcap_ctx_run(&t->ctx, t->set, hp, &fault);
	return fault ? 0 : show_packet(t, hp);
}

static void self(struct vm_env *env)
{
	env->task.pid = gettid();
	env->task.tgid = getpid();
	env->task.uid = getuid();
	env->task.gid = getgid();
	strcpy(env->task.comm, "skep");
}

/* Contexts with pointers to bytes: what --packet says stands there. */
static void point_at_data(struct test_hook *t, const struct test_type *type, struct vm_env *env)
{
	u64 ends[2];
	struct vm_pkt *pkt = t->ctx.pkt;

	vm_pkt_set(pkt, VM_PKT_SKB, t->pkt_in, t->pkt_size, t->pkt_size);
	pkt->may_write = type->prog_type != SPEC_PROG_SK_REUSEPORT;
	pkt->prog_type = type->prog_type;
	vm_pkt_bind(pkt, env, NULL);
	ends[0] = (uintptr_t)pkt->data;
	ends[1] = (uintptr_t)pkt->tail;
	memcpy(t->raw + type->data_off, ends, sizeof(ends));
}

static void trace_args(struct test_hook *t, const struct prog *prog, struct vm_env *env,
		       size_t size)
{
	if (prog->type == SPEC_PROG_KPROBE || prog->type == SPEC_PROG_PERF_EVENT)
		env->regs = t->raw;
	if (prog->type == SPEC_PROG_TRACING || prog->type == SPEC_PROG_LSM) {
		env->func_args = (const u64 *)t->raw;
		env->nr_func_args = size / 8;
		if (prog->attach_type == SPEC_ATTACH_TRACE_FEXIT && env->nr_func_args)
			env->nr_func_args--; /* the last is what the function returned */
	}
}

static int run_raw(struct test_hook *t, struct hook_prog *hp)
{
	const struct test_type *type = test_type_of(hp->prog->type);
	struct vm_env env = {.world = &t->raw_world, .hook = t, .cpu = -1};
	size_t size = max_u64(t->ctx_size, type->min_size);
	u64 errors = hp->errors;

	memset(t->raw, 0, size);
	memcpy(t->raw, t->ctx_in ? t->ctx_in : t->raw, t->ctx_size);
	self(&env);
	if (type->shape == TEST_DATA64)
		point_at_data(t, type, &env);
	trace_args(t, hp->prog, &env, size);
	hook_run(t->set, hp, &env, t->raw, size);
	t->ctx.pkt->env = NULL;
	if (hp->errors == errors && size)
		show(t, hp, "context", t->raw, size);
	if (hp->errors == errors && type->shape == TEST_DATA64)
		show(t, hp, "packet", t->ctx.pkt->data, vm_pkt_linear(t->ctx.pkt));
	return 0;
}

static int run_once(struct test_hook *t, struct hook_prog *hp, struct skep_diag *diag)
{
	enum test_shape shape = test_type_of(hp->prog->type)->shape;
	int err;

	if (shape == TEST_RAW || shape == TEST_DATA64)
		return run_raw(t, hp);
	err = run_packet(t, hp, diag);
	return err ? diag_at(diag,
			     diag_set(diag, err, "can't run it on this packet: %s", strerror(-err)),
			     "program %s", hp->prog->name)
		   : 0;
}

static int attach(struct hook_set *set, struct hook_prog *hp, struct skep_diag *diag)
{
	struct test_hook *t = hook_of(set);
	int err = check_sizes(t, hp->prog, diag);
	struct hook_prog **slot;

	if (!err && pcap_model_wanted(hp->prog))
		err = pcap_model_init(&t->ctx, diag);
	if (err)
		return err;
	slot = VEC_PUSH(&t->progs);
	if (!slot)
		return diag_nomem(diag);
	*slot = hp;
	return 0;
}

static int poll(struct hook_set *set, int timeout_ms, struct skep_diag *diag)
{
	u64 repeat = max_u64(hook_options(set)->repeat, 1);
	struct test_hook *t = hook_of(set);

	for (u32 i = 0; i < BATCH && t->at < t->progs.nr; i++) {
		int err = run_once(t, t->progs.data[t->at], diag);

		if (err)
			return err;
		if (++t->run >= repeat) {
			t->run = 0;
			t->at++;
		}
	}
	return t->at < t->progs.nr;
}

static void stop(struct hook_set *set)
{
	struct test_hook *t = hook_of(set);
	struct skep_diag diag = {0};

	if (pcap_writer_close(t->out, &diag))
		log_warn("%s: %s", diag.where, diag.message);
	t->out = NULL;
}

static void done(struct hook_set *set)
{
	struct test_hook *t = hook_of(set);

	if (!t)
		return;
	pcap_writer_close(t->out, NULL);
	pcap_ctx_done(&t->ctx);
	vm_net_free(t->net);
	VEC_DONE(&t->progs);
	mem_free(t->ctx_in);
	mem_free(t->pkt_in);
	mem_free(t->raw);
	mem_free(t);
	*hook_priv(set, &hook_test) = NULL;
}

const struct hook_provider hook_test = {
	.name = "test",
	.serves = serves,
	.init = init,
	.attach = attach,
	.poll = poll,
	.stop = stop,
	.done = done,
};
