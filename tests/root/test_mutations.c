/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs, and the same with one instruction changed, judged by this kernel and by us. A program
 * that the kernel refuses and we accept is a hole; one that only we refuse is told and counted.
 *
 * usage: test_mutations [-n MUTATIONS] [-s SEED] [-v] [OBJECT…]; by default the objects of
 * tests/bpf. libbpf loads maps and relocates; its last step is given to us (a program handler), and
 * there the instructions are changed, at the same places as in our own relocated copy.
 */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "btf/types.h"
#include "isa/isa.h"
#include "object/object.h"
#include "spec/spec.h"
#include "verifier/verify.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

static u64 seed = 1;
static int nr_mutations = 8, verbose;
static struct btf *kernel_btf;
static struct {
	unsigned int unjudged, same, accepted, holes, too_strict, not_modelled, message,
		message_same;
} count;

static u32 rnd(u32 below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(seed >> 33) % below;
}

struct subject {
	const char *path;
	struct object *obj;
	struct prog *prog;
	struct verify_map *maps;
};

/* --- one verdict ----------------------------------------------------------------------------- */

static char kernel_log[1 << 20];

/* The last line but the statistics. */
static void last_line(char *log, char *out, size_t size)
{
	size_t len = strlen(log);
	char *nl, *line;

	while (len && log[len - 1] == '\n')
		log[--len] = 0;
	nl = strrchr(log, '\n');
	line = nl ? nl + 1 : log;
	if (!strncmp(line, "processed ", 10)) {
		if (nl)
			*nl = 0;
		nl = strrchr(log, '\n');
		line = nl ? nl + 1 : "";
	}
	snprintf(out, size, "%s", line);
}

static int ask_kernel(const struct bpf_program *p, const struct bpf_insn *insns, size_t nr,
		      const struct bpf_prog_load_opts *opts, const char *license)
{
	struct bpf_prog_load_opts o = *opts;
	int fd;

	kernel_log[0] = 0;
	o.log_buf = kernel_log;
	o.log_size = sizeof(kernel_log);
	o.log_level = 1;
	fd = bpf_prog_load(bpf_program__get_type(p), NULL, license, insns, nr, &o);
	if (fd < 0 && errno == ENOSPC) { /* the log is too long: only the verdict */
		snprintf(kernel_log, sizeof(kernel_log), "(long)");
		o.log_level = 0;
		o.log_buf = NULL;
		o.log_size = 0;
		fd = bpf_prog_load(bpf_program__get_type(p), NULL, license, insns, nr, &o);
	}
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void compare(struct subject *s, int kernel, const char *what)
{
	struct verify_opts vo = {.btf = s->obj->btf,
				 .kernel_btf = kernel_btf,
				 .maps = s->maps,
				 .nr_maps = s->obj->nr_maps};
	struct verify_result *r;
	char line[512];

	last_line(kernel_log, line, sizeof(line));
	if (kernel && !line[0]) { /* refused before the verifier saw it */
		count.unjudged++;
		return;
	}
	if (verify(s->prog, &vo, &r, NULL))
		return;
	if (!kernel == !r->err) {
		count.same++;
		count.accepted += !kernel;
		count.message += kernel != 0;
		count.message_same += kernel && !strcmp(line, r->message);
		if (verbose > 1 && kernel && strcmp(line, r->message))
			printf("# message %s %s %s: kernel \"%s\" ours \"%s\"\n", s->path,
			       s->prog->name, what, line, r->message);
	} else if (!r->err) {
		count.holes++;
		printf("# HOLE %s %s %s: kernel %d \"%s\"\n", s->path, s->prog->name, what, kernel,
		       line);
	} else {
		count.too_strict++;
		count.not_modelled += !strcmp(r->id, "not-modelled");
		if (verbose)
			printf("# strict %s %s %s: %s \"%s\" at %d\n", s->path, s->prog->name, what,
			       r->id, r->message, r->insn);
	}
	verify_result_free(r);
}

/* --- mutations ------------------------------------------------------------------------------- */

static void change_imm(struct bpf_insn *in)
{
	static const s32 imms[] = {0,  1,  -1,  2,   7,     8,         16,
				   63, 64, 255, 256, 65535, INT32_MAX, INT32_MIN};

	in->imm = rnd(2) ? imms[rnd(sizeof(imms) / sizeof(imms[0]))] : in->imm + (s32)rnd(17) - 8;
}

static void change_op(struct bpf_insn *in)
{
	u8 class = BPF_CLASS(in->code);

	if (class == BPF_ALU || class == BPF_ALU64) {
		static const u8 ops[] = {BPF_ADD, BPF_SUB,  BPF_AND, BPF_OR,  BPF_LSH,
					 BPF_RSH, BPF_ARSH, BPF_XOR, BPF_MOV, BPF_MUL};

		in->code = (u8)((in->code & 0x0f) | ops[rnd(sizeof(ops))]);
		if (rnd(3) == 0)
			in->code ^= BPF_ALU ^ BPF_ALU64;
	} else if (class == BPF_JMP || class == BPF_JMP32) {
		static const u8 ops[] = {BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE,
					 BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JSET};
		u8 op = BPF_OP(in->code);

		if (op == BPF_CALL || op == BPF_EXIT || op == BPF_JA || op == 0xe0)
			return;
		in->code = (u8)((in->code & 0x0f) | ops[rnd(sizeof(ops))]);
		if (rnd(3) == 0)
			in->code ^= BPF_JMP ^ BPF_JMP32;
	} else if (class == BPF_LDX || class == BPF_ST || class == BPF_STX) {
		if (BPF_MODE(in->code) == BPF_MEM)
			in->code = (u8)((in->code & ~0x18) | rnd(4) << 3);
	}
}

/* Calls keep what they call: a changed helper is mostly a changed number of arguments. */
static void mutate(struct bpf_insn *in)
{
	bool call = in->code == (BPF_JMP | BPF_CALL);

	switch (rnd(5)) {
	case 0:
		in->dst_reg = rnd(11) & 15;
		break;
	case 1:
		if (BPF_SRC(in->code) == BPF_X || BPF_CLASS(in->code) == BPF_LDX ||
		    BPF_CLASS(in->code) == BPF_STX)
			in->src_reg = rnd(11) & 15;
		break;
	case 2:
		if (BPF_CLASS(in->code) < BPF_ALU || BPF_CLASS(in->code) == BPF_JMP)
			in->off = (s16)(in->off + (s16)rnd(9) - 4);
		break;
	case 3:
		if (!call && BPF_SRC(in->code) == BPF_K)
			change_imm(in);
		else if (call && !in->src_reg)
			in->imm = (s32)rnd(212);
		break;
	default:
		change_op(in);
	}
}

static struct subject *current; /* of on_load: handlers have one cookie for all */

static int on_load(struct bpf_program *p, struct bpf_prog_load_opts *opts, long cookie)
{
	struct subject *s = current;
	const struct bpf_insn *from = bpf_program__insns(p);
	size_t nr = bpf_program__insn_cnt(p);
	struct bpf_insn *copy;
	char what[96];

	if (nr != s->prog->nr_insns)
		return -ESRCH;
	copy = malloc(nr * sizeof(*copy));
	memcpy(copy, from, nr * sizeof(*copy));
	compare(s, ask_kernel(p, copy, nr, opts, s->prog->license), "as it is");
	for (int i = 0; i < nr_mutations; i++) {
		u32 at = rnd((u32)nr);
		struct bpf_insn *ours = &s->prog->insns[at], was = *ours, was_theirs = copy[at];

		if (was.code == (BPF_LD | BPF_IMM | BPF_DW) || !was.code)
			continue;
		mutate(&copy[at]);
		if (!memcmp(&copy[at], &was_theirs, sizeof(was)))
			continue;
		*ours = copy[at];
		snprintf(what, sizeof(what), "insn %u: %02x %x%x %d %d -> %02x %x%x %d %d", at,
			 was.code, was.src_reg, was.dst_reg, was.off, was.imm, ours->code,
			 ours->src_reg, ours->dst_reg, ours->off, ours->imm);
		compare(s, ask_kernel(p, copy, nr, opts, s->prog->license), what);
		*ours = was;
		copy[at] = was_theirs;
	}
	free(copy);
	return -ECANCELED; /* nothing is loaded */
}

/* --- subjects -------------------------------------------------------------------------------- */

static bool make_subject(struct subject *s, const char *path, const char *name)
{
	struct object_reloc_opts ro = {.kernel_btf = kernel_btf};
	struct skep_diag diag = {0};
	size_t size;
	char *data;

	if (file_read(path, 64 << 20, &data, &size, &diag))
		return false;
	s->path = path;
	if (object_open(data, size, path, &s->obj, &diag)) {
		mem_free(data);
		return false;
	}
	mem_free(data);
	for (u32 i = 0; i < s->obj->nr_progs; i++)
		s->obj->progs[i].autoload = !strcmp(s->obj->progs[i].name, name);
	s->prog = object_prog(s->obj, name);
	if (!s->prog || object_relocate(s->obj, &ro, &diag))
		return false;
	s->maps = calloc(s->obj->nr_maps + 1, sizeof(*s->maps));
	for (u32 i = 0; i < s->obj->nr_maps; i++) {
		const struct object_map *m = &s->obj->maps[i];
		bool fixed = m->kind == OBJECT_MAP_RODATA || m->kind == OBJECT_MAP_KCONFIG;

		s->maps[i] = (struct verify_map){&m->def, fixed ? m->data : NULL,
						 fixed ? m->def.value_size : 0};
	}
	return true;
}

static void judge(const char *path, const char *name)
{
	struct subject s = {0};
	struct bpf_object *o = bpf_object__open_file(path, NULL);
	struct bpf_program *p, *it;

	if (!o)
		return;
	p = bpf_object__find_program_by_name(o, name);
	bpf_object__for_each_program(it, o) bpf_program__set_autoload(it, it == p);
	if (p && make_subject(&s, path, name)) {
		bpf_program__set_type(p, (enum bpf_prog_type)s.prog->type);
		bpf_program__set_expected_attach_type(p, (enum bpf_attach_type)s.prog->attach_type);
		current = &s;
		bpf_object__load(o);
	}
	free(s.maps);
	object_close(s.obj);
	bpf_object__close(o);
}

static int be_quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

/* Types whose handlers in libbpf do more than load. */
static bool is_plain(const char *section)
{
	return strncmp(section, "fentry", 6) && strncmp(section, "fexit", 5) &&
	       strncmp(section, "tp_btf", 6) && strncmp(section, "lsm", 3) &&
	       strncmp(section, "iter", 4) && strncmp(section, "freplace", 8) &&
	       strncmp(section, "struct_ops", 10) && strncmp(section, "fmod_ret", 8);
}

static void judge_object(const char *path)
{
	struct bpf_object *o = bpf_object__open_file(path, NULL);
	const char *names[512];
	struct bpf_program *p;
	int nr = 0;

	if (!o)
		return;
	bpf_object__for_each_program(p, o) if (nr < 512 && is_plain(bpf_program__section_name(p)))
		names[nr++] = strdup(bpf_program__name(p));
	bpf_object__close(o);
	for (int i = 0; i < nr; i++) {
		judge(path, names[i]);
		free((char *)names[i]);
	}
}

static void judge_default(void)
{
	const char *b = getenv("B");
	char pattern[512];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/tests/bpf/*.bpf.o", b ? b : "build");
	if (glob(pattern, 0, NULL, &g))
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		judge_object(g.gl_pathv[i]);
	globfree(&g);
}

/* Our handler for every section: libbpf_register_prog_handler's NULL is the fallback. */
static bool take_over(void)
{
	static const char *const secs[] = {
		"socket",
		"xdp+",
		"xdp.frags+",
		"tc+",
		"tcx/ingress",
		"tc/ingress",
		"tc/egress",
		"tcx/egress",
		"classifier",
		"action",
		"kprobe+",
		"kretprobe+",
		"uprobe+",
		"uretprobe+",
		"tracepoint+",
		"tp+",
		"raw_tp+",
		"raw_tracepoint+",
		"perf_event",
		"usdt+",
		"ksyscall+",
		"kretsyscall+",
		"syscall",
		"cgroup_skb/ingress",
		"cgroup_skb/egress",
		"cgroup/skb",
		"sk_skb",
		"sk_skb/stream_verdict",
		"sk_skb/stream_parser",
		"sk_msg",
		"sockops",
		"flow_dissector",
		"lwt_in",
		"lwt_out",
		"lwt_xmit",
		"sk_lookup",
		"sk_reuseport",
	};
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .prog_prepare_load_fn = on_load);

	for (size_t i = 0; i < sizeof(secs) / sizeof(secs[0]); i++)
		libbpf_register_prog_handler(secs[i], BPF_PROG_TYPE_UNSPEC, 0, &opts);
	return libbpf_register_prog_handler(NULL, BPF_PROG_TYPE_UNSPEC, 0, &opts) >= 0;
}

static int parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:s:v")) != -1) {
		if (c == 'n')
			nr_mutations = atoi(optarg);
		else if (c == 's')
			seed = (u64)atoll(optarg) * 0x9e3779b97f4a7c15ull + 1;
		else
			verbose++;
	}
	return optind;
}

int main(int argc, char **argv)
{
	int at = parse(argc, argv);

	if (geteuid())
		tap_skip_all("the kernel's verifier is for root");
	if (types_open_kernel(NULL, &kernel_btf, NULL, NULL) || !take_over())
		tap_skip_all("no kernel types, or no libbpf with handlers");
	libbpf_set_print(be_quiet);
	if (at == argc)
		judge_default();
	for (; at < argc; at++)
		judge_object(argv[at]);
	types_close(kernel_btf);
	printf("# %u agree (%u accepted), %u holes, %u only we refuse (%u not modelled), "
	       "messages %u of %u; %u not judged\n",
	       count.same, count.accepted, count.holes, count.too_strict, count.not_modelled,
	       count.message_same, count.message, count.unjudged);
	ok(count.same > 0, "programs were judged");
	is_int(count.holes, 0, "nothing that the kernel refuses is accepted");
	return tap_done();
}
