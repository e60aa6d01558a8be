/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tests in Linux: --ctx and --packet by BPF_PROG_TEST_RUN, with what the user engine's provider of
 * tests gives: a return value, then the packet and the context as the program left them. Nothing is
 * attached. Each of the --repeat runs starts from the same input.
 */
#include "base/mem.h"
#include "engine/kernel.h"
#include "hook/test_input.h"
#include "spec/uapi.h"
#include <errno.h>
#include <string.h>

#define OUT_MAX 262144 /* the largest packet that the kernel gives back, with room to spare */

enum { OUT_CTX = 1, OUT_PACKET = 2, OUT_FLOW = 4, CTX_IN_PLACE = 8 };

/* What the kernel takes and gives, by program type; others it does not run. */
static const struct kind {
	u32 type;
	bool has_data;
	u32 flags, ctx_size;
} kinds[] = {
	{SPEC_PROG_XDP, true, OUT_PACKET, sizeof(struct xdp_md)},
	{SPEC_PROG_SCHED_CLS, true, OUT_PACKET | OUT_CTX, sizeof(struct __sk_buff)},
	{SPEC_PROG_SCHED_ACT, true, OUT_PACKET | OUT_CTX, sizeof(struct __sk_buff)},
	{SPEC_PROG_SOCKET_FILTER, true, OUT_PACKET | OUT_CTX, sizeof(struct __sk_buff)},
	{SPEC_PROG_CGROUP_SKB, true, OUT_PACKET | OUT_CTX, sizeof(struct __sk_buff)},
	{SPEC_PROG_LWT_IN, true, OUT_PACKET | OUT_CTX, sizeof(struct __sk_buff)},
	{SPEC_PROG_LWT_OUT, true, OUT_PACKET | OUT_CTX, sizeof(struct __sk_buff)},
	{SPEC_PROG_LWT_XMIT, true, OUT_PACKET | OUT_CTX, sizeof(struct __sk_buff)},
	{SPEC_PROG_LWT_SEG6LOCAL, true, OUT_PACKET | OUT_CTX, sizeof(struct __sk_buff)},
	{SPEC_PROG_FLOW_DISSECTOR, true, OUT_FLOW, sizeof(struct bpf_flow_keys)},
	{SPEC_PROG_NETFILTER, true, 0, 0},
	{SPEC_PROG_SK_LOOKUP, false, OUT_CTX, sizeof(struct bpf_sk_lookup)},
	{SPEC_PROG_RAW_TRACEPOINT, false, 0, 0},
	{SPEC_PROG_RAW_TRACEPOINT_WRITABLE, false, 0, 0},
	{SPEC_PROG_TRACING, false, 0, 0},
	{SPEC_PROG_SYSCALL, false, CTX_IN_PLACE, 0},
};

struct test {
	struct kernel_engine *k;
	u8 *ctx, *pkt, *ctx_run, *out, *ctx_out;
	size_t ctx_size, pkt_size;
};

bool kernel_is_test(const struct kernel_engine *k)
{
	return k->opts.hook.ctx_file || k->opts.hook.pkt_file;
}

static const struct kind *kind_of(u32 type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

static int read_inputs(struct test *t, struct skep_diag *diag)
{
	const struct hook_opts *o = &t->k->opts.hook;
	int err = 0;

	if (o->ctx_file)
		err = test_input(o->ctx_file, TEST_CTX_MAX, &t->ctx, &t->ctx_size, diag);
	if (err)
		return diag_at(diag, err, "context");
	if (o->pkt_file)
		err = test_input(o->pkt_file, PCAP_FRAME_MAX, &t->pkt, &t->pkt_size, diag);
	if (err)
		return diag_at(diag, err, "packet");
	t->ctx_run = mem_zalloc(TEST_CTX_MAX + 1);
	t->ctx_out = mem_zalloc(TEST_CTX_MAX + 1);
	t->out = mem_zalloc(OUT_MAX);
	return t->ctx_run && t->ctx_out && t->out ? 0 : diag_nomem(diag);
}

static void show(const struct test *t, const struct hook_prog *hp, const char *what, const void *p,
		 size_t size)
{
	const struct hook_opts *o = &t->k->opts.hook;

	if (o->output)
		o->output(o->ctx, hp, what, p, size);
}

static void deliver(const struct test *t, const struct kind *kind, const struct kernel_prog *p,
		    const struct bpf_test_run_opts *run)
{
	const struct hook_opts *o = &t->k->opts.hook;
	struct hook_prog hp = {.prog = p->prog};

	if (o->result)
		o->result(o->ctx, &hp, run->retval);
	if (kind->flags & OUT_PACKET)
		show(t, &hp, "packet", run->data_out, run->data_size_out);
	if (kind->flags & OUT_FLOW)
		show(t, &hp, "flow_keys", run->data_out, run->data_size_out);
	if (kind->flags & OUT_CTX && run->ctx_size_out)
		show(t, &hp, "context", run->ctx_out, run->ctx_size_out);
	if (kind->flags & CTX_IN_PLACE && t->ctx_size)
		show(t, &hp, "context", t->ctx_run, t->ctx_size);
}

static int run_once(struct test *t, const struct kind *kind, struct kernel_prog *p,
		    struct skep_diag *diag)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);

	memcpy(t->ctx_run, t->ctx ? t->ctx : t->ctx_run, t->ctx_size);
	if (kind->has_data) {
		run.data_in = t->pkt;
		run.data_size_in = (u32)t->pkt_size;
		run.data_out = kind->flags & (OUT_PACKET | OUT_FLOW) ? t->out : NULL;
		run.data_size_out = run.data_out ? OUT_MAX : 0;
	}
	if (t->ctx_size) {
		run.ctx_in = t->ctx_run;
		run.ctx_size_in = (u32)t->ctx_size;
	}
	if (kind->flags & OUT_CTX) {
		run.ctx_out = t->ctx_out;
		run.ctx_size_out = kind->ctx_size;
	}
	if (bpf_prog_test_run_opts(bpf_program__fd(p->bpf), &run))
		return diag_set(diag, -errno, "Linux can't run it on this input: %s",
				strerror(errno));
	deliver(t, kind, p, &run);
	return 0;
}

static int run_prog(struct test *t, struct kernel_prog *p, struct skep_diag *diag)
{
	const struct kind *kind = kind_of(p->prog->type);
	u64 repeat = max_u64(t->k->opts.hook.repeat, 1);
	int err = 0;

	p->is_once = true;
	if (p->is_target)
		return 0;
	if (!kind)
		return diag_set_full(diag, -EOPNOTSUPP, "no-test-run",
				     "-e user runs it on any context",
				     "Linux has no test runs for programs of this type");
	for (u64 i = 0; i < repeat && !err && !t->k->stopped; i++)
		err = run_once(t, kind, p, diag);
	return err;
}

int kernel_test(struct kernel_engine *k, struct skep_diag *diag)
{
	struct test t = {.k = k};
	int err = read_inputs(&t, diag);

	for (u32 i = 0; i < k->nr_progs && !err; i++) {
		struct kernel_prog *p = &k->progs[i];

		err = run_prog(&t, p, diag);
		if (err)
			diag_at(diag, err, "program %s", p->prog->name);
	}
	mem_free(t.ctx);
	mem_free(t.pkt);
	mem_free(t.ctx_run);
	mem_free(t.ctx_out);
	mem_free(t.out);
	return err;
}
