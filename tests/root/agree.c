/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The two engines on the same inputs: every program of an object on every packet (or context), in
 * Linux and in the user engine, through the same calls of the library. Return values, packets,
 * contexts, records and maps become lines of text, and the lines must be equal.
 *
 *     agree [-c] [-n PACKETS] [-s SEED] FILE.bpf.c …     TAP; -c: contexts of random bytes, no
 * packets agree -g PROGRAMS -s SEED                          a source of random programs, to stdout
 *
 * Packets are those of pkt_gen.h, and random changes of them.
 */
#include "../hook/pkt_gen.h"
#include "../tap.h"
#include <errno.h>
#include <sched.h>
#include <skep/session.h>
#include <skep/source.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_TEXT (4u << 20)
#define CTX_SIZE 64 /* of -c: eight arguments */

static uint64_t rnd_state;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(rnd_state >> 33) % below;
}

/* --- text ------------------------------------------------------------------------------------- */

struct text {
	char *s;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->len, MAX_TEXT - t->len, fmt, ap);
	va_end(ap);
	if (n > 0 && t->len + (size_t)n < MAX_TEXT)
		t->len += (size_t)n;
}

static void put_hex(struct text *t, const uint8_t *p, size_t len, size_t hidden)
{
	for (size_t i = 0; i < len; i++)
		put(t, "%02x", i < hidden ? 0 : p[i]);
	put(t, "\n");
}

/* --- one run ---------------------------------------------------------------------------------- */

struct run {
	struct text out;
	struct skep_object *obj;
};

static int on_event(void *ctx, const struct skep_event *ev)
{
	struct run *r = ctx;

	if (ev->kind != SKEP_EVENT_RECORD)
		return 0;
	put(&r->out, "record %s ", ev->map);
	for (size_t i = 0; i < ev->size; i++)
		put(&r->out, "%02x", ((const uint8_t *)ev->data)[i]);
	/* Linux rounds the size of a perf record up: with its u32 of length, to 8 bytes. */
	for (size_t i = ev->size; !strncmp(ev->map, "perf", 4) && (i + 4) % 8; i++)
		put(&r->out, "00");
	put(&r->out, "\n");
	return 0;
}

static void on_result(void *ctx, const struct skep_result *res)
{
	struct run *r = ctx;

	put(&r->out, "return %s %u\n", res->prog, (uint32_t)res->ret);
}

static void on_fault(void *ctx, const char *prog, const struct skep_diag *diag)
{
	struct run *r = ctx;

	put(&r->out, "fault %s %s\n", prog, diag->message);
}

static const char *type_of(const struct run *r, const char *prog)
{
	struct skep_prog_info p = {.sz = sizeof(p)};

	for (size_t i = 0; !skep_object_prog(r->obj, i, &p); i++)
		if (!strcmp(p.name, prog))
			return p.type;
	return "";
}

/* Layer-3 programs: Linux gives zeros for the link-layer header, we what was there. */
static size_t hidden(const char *type)
{
	static const char *const l2[] = {"xdp", "sched_cls", "sched_act"};

	for (size_t i = 0; i < sizeof(l2) / sizeof(l2[0]); i++)
		if (!strcmp(l2[i], type))
			return 0;
	return 14;
}

#define SKB(name) offsetof(struct __sk_buff, name)

/* Of a __sk_buff Linux gives back only what a program may set. */
static void put_skb(struct run *r, const uint8_t *p, size_t size)
{
	static const struct {
		const char *name;
		size_t off, size;
	} fields[] = {{"mark", 8, 4}, {"priority", 32, 4}, {"cb", 48, 20}};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].off + fields[i].size > size)
			continue;
		put(&r->out, " %s=", fields[i].name);
		for (size_t k = 0; k < fields[i].size; k++)
			put(&r->out, "%02x", p[fields[i].off + k]);
	}
	put(&r->out, "\n");
}

static void on_output(void *ctx, const struct skep_output *o)
{
	struct run *r = ctx;
	const char *type = type_of(r, o->prog);
	bool is_ctx = !strcmp(o->what, "context");

	if (is_ctx && strcmp(type, "syscall") && !strncmp(type, "sk_lookup", 9))
		return;
	if (is_ctx && (!strncmp(type, "raw_tracepoint", 14) || !strcmp(type, "tracing") ||
		       !strcmp(type, "netfilter")))
		return; /* Linux does not give it back */
	if (!strcmp(type, "netfilter"))
		return;
	put(&r->out, "%s %s ", o->what, o->prog);
	if (is_ctx && strcmp(type, "syscall"))
		put_skb(r, o->data, o->size);
	else if (!strcmp(o->what, "packet"))
		put_hex(&r->out, o->data, o->size, hidden(type));
	else
		put_hex(&r->out, o->data, o->size, 0);
}

static int on_map(void *ctx, const char *text, size_t size)
{
	struct run *r = ctx;

	if (strncmp(text, "{\"map\":\"ref_", 12)) /* ids of programs and maps */
		put(&r->out, "%.*s", (int)size, text);
	return 0;
}

/* Programs that Linux refuses: what a random one does may be too much for its verifier. */
static char refused[256][64];
static unsigned nr_refused;

static void leave_out_refused(struct skep_object *obj)
{
	for (unsigned i = 0; i < nr_refused; i++)
		skep_object_set_autoload(obj, refused[i], false, NULL);
}

struct input {
	const char *name;
	const char *ctx, *pkt; /* hex:… or NULL */
};

static void run_session(struct run *r, enum skep_engine engine, const struct input *in)
{
	struct skep_session_opts so = {
		.sz = sizeof(so),
		.engine = engine,
		.ctx_file = in->ctx,
		.pkt_file = in->pkt,
		.event = on_event,
		.result = on_result,
		.fault = on_fault,
		.output = on_output,
		.ctx = r,
	};
	struct skep_diag diag = {0};
	struct skep_session *s = NULL;
	int err = skep_session_new(r->obj, &so, &s, &diag);

	if (err) {
		put(&r->out, "load: error %d\n", err);
		printf("# %s: %s: %s\n", engine == SKEP_ENGINE_USER ? "user" : "kernel", diag.where,
		       diag.message);
		return;
	}
	err = skep_session_start(s, &diag);
	while (!err && (err = skep_session_poll(s, 100, &diag)) > 0)
		err = 0;
	if (err)
		put(&r->out, "run: error %d\n", err);
	else
		skep_session_map_print(s, NULL, SKEP_FORMAT_JSON, on_map, r, &diag);
	skep_session_free(s);
}

static char *run_once(const char *path, const void *elf, size_t size, enum skep_engine engine,
		      const struct input *in)
{
	struct run r = {.out = {.s = malloc(MAX_TEXT)}};
	struct skep_diag diag = {0};

	r.out.s[0] = 0;
	if (skep_object_open_mem(elf, size, path, NULL, &r.obj, &diag)) {
		put(&r.out, "open: %s\n", diag.message);
		return r.out.s;
	}
	leave_out_refused(r.obj);
	run_session(&r, engine, in);
	skep_object_free(r.obj);
	return r.out.s;
}

/* Does Linux take that program alone? */
static bool is_taken(const char *path, const void *elf, size_t size, size_t idx, char name[64])
{
	struct skep_session_opts so = {
		.sz = sizeof(so), .engine = SKEP_ENGINE_KERNEL, .pkt_file = "hex:00"};
	struct skep_prog_info p = {.sz = sizeof(p)};
	struct skep_diag diag = {0};
	struct skep_session *s = NULL;
	struct skep_object *obj;
	int err = skep_object_open_mem(elf, size, path, NULL, &obj, NULL);

	for (size_t i = 0; !err && !skep_object_prog(obj, i, &p); i++) {
		skep_object_set_autoload(obj, p.name, i == idx, NULL);
		if (i == idx)
			snprintf(name, 64, "%s", p.name);
	}
	if (!err)
		err = skep_session_new(obj, &so, &s, &diag);
	if (err)
		printf("# Linux refuses %s: %s: %s\n", name, diag.where, diag.message);
	skep_session_free(s);
	skep_object_free(obj);
	return !err;
}

static void find_refused(const char *path, const void *elf, size_t size)
{
	struct skep_object *obj;
	size_t nr;

	nr_refused = 0;
	if (skep_object_open_mem(elf, size, path, NULL, &obj, NULL))
		return;
	nr = skep_object_nr_progs(obj);
	skep_object_free(obj);
	for (size_t i = 0; i < nr && nr_refused < 256; i++)
		nr_refused += !is_taken(path, elf, size, i, refused[nr_refused]);
}

/* --- comparing -------------------------------------------------------------------------------- */

/* The first lines that differ, at most that many. */
static void print_diff(const char *kernel, const char *user, int max)
{
	while ((*kernel || *user) && max) {
		size_t k = strcspn(kernel, "\n"), u = strcspn(user, "\n");

		if (k != u || memcmp(kernel, user, k)) {
			printf("#   Linux: %.*s\n#   user:  %.*s\n", (int)(k > 300 ? 300 : k),
			       kernel, (int)(u > 300 ? 300 : u), user);
			max--;
		}
		kernel += k + (kernel[k] == '\n');
		user += u + (user[u] == '\n');
	}
}

/* Records are as the buffers were read, among the results: put them behind, in their order. */
static void sort_lines(char *s)
{
	char *copy = strdup(s), *to = s;

	for (int pass = 0; pass < 2; pass++) {
		for (char *line = copy; *line;) {
			size_t len = strcspn(line, "\n");
			int is_record = !strncmp(line, "record ", 7);

			len += line[len] == '\n';
			if (is_record == pass) {
				memcpy(to, line, len);
				to += len;
			}
			line += len;
		}
	}
	free(copy);
}

static bool agree(const char *path, const void *elf, size_t size, const struct input *in)
{
	char *kernel = run_once(path, elf, size, SKEP_ENGINE_KERNEL, in);
	char *user = run_once(path, elf, size, SKEP_ENGINE_USER, in);
	bool same;

	sort_lines(kernel);
	sort_lines(user);
	same = !strcmp(kernel, user);
	if (!same) {
		printf("# %s: %s %s\n", in->name, in->ctx ? in->ctx : "", in->pkt ? in->pkt : "");
		print_diff(kernel, user, 4);
	}
	if (getenv("AGREE_SHOW"))
		printf("%s", kernel);
	free(kernel);
	free(user);
	return same;
}

/* --- inputs ----------------------------------------------------------------------------------- */

static struct gen_pkt pkts[GEN_NR];

static char *to_hex(const uint8_t *p, size_t len)
{
	char *s = malloc(len * 2 + 8), *at = s;

	at += sprintf(at, "hex:");
	for (size_t i = 0; i < len; i++)
		at += sprintf(at, "%02x", p[i]);
	return s;
}

/* The first ones as they are, then with a few bytes changed, cut or longer. */
static struct input packet(unsigned nr)
{
	static struct gen_pkt p;

	p = pkts[nr % GEN_NR];
	if (nr >= GEN_NR) {
		for (uint32_t i = rnd(8); i; i--)
			p.b[14 + rnd(p.len > 14 ? p.len - 14 : 1)] = (uint8_t)rnd(256);
		if (!rnd(4) && p.len > 60)
			p.len -= rnd(p.len - 54);
		for (uint32_t more = rnd(4) ? 0 : rnd(200); more; more--)
			p.b[p.len++] = (uint8_t)rnd(256);
	}
	return (struct input){.name = p.name, .pkt = to_hex(p.b, p.len)};
}

static struct input context(unsigned nr)
{
	uint8_t ctx[CTX_SIZE];

	for (size_t i = 0; i < sizeof(ctx); i++)
		ctx[i] = nr == 0 ? 0 : nr == 1 ? 255 : (uint8_t)rnd(256) & (rnd(3) ? 255 : 0);
	return (struct input){.name = "context", .ctx = to_hex(ctx, sizeof(ctx))};
}

static void check_file(const char *path, bool contexts, bool random, unsigned nr)
{
	struct skep_diag diag = {0};
	unsigned wrong = 0;
	size_t size;
	void *elf;

	if (!ok(!skep_source_compile(path, NULL, &elf, &size, &diag), "%s compiles", path)) {
		printf("# %s: %s\n", diag.where, diag.message);
		return;
	}
	if (random)
		find_refused(path, elf, size);
	for (unsigned i = 0; i < nr && wrong < 8; i++) {
		struct input in = contexts ? context(i) : packet(i);

		wrong += !agree(path, elf, size, &in);
		free((char *)in.ctx);
		free((char *)in.pkt);
	}
	ok(!wrong, "%s: both engines agree on %u inputs", path, nr);
	skep_source_free(elf);
}

/* --- random programs -------------------------------------------------------------------------- */

static void gen_expr(int depth)
{
	static const char *const ops[] = {"+", "-", "*", "&", "|", "^"};
	static const char *const types[] = {"__u8",  "__s8",  "__u16", "__s16",
					    "__u32", "__s32", "__s64"};

	if (!depth) {
		uint32_t kind = rnd(5);

		if (kind == 0)
			printf("%uull", rnd(1 << 30));
		else if (kind == 1)
			printf("0x%x%08xull", rnd(1u << 31), rnd(1u << 31));
		else if (kind == 2)
			printf("(__u64)p[%u]", rnd(34));
		else
			printf("v[%u]", rnd(4));
		return;
	}
	printf("(");
	switch (rnd(9)) {
	case 0:
		printf("(__u64)(%s)", types[rnd(7)]);
		gen_expr(depth - 1);
		break;
	case 1:
		gen_expr(depth - 1);
		printf(rnd(2) ? " << (" : " >> (");
		gen_expr(0);
		printf(" & 63)");
		break;
	case 2:
		printf("(__u64)((__s64)");
		gen_expr(depth - 1);
		printf(" >> %u)", rnd(64));
		break;
	case 3:
		gen_expr(depth - 1);
		printf(rnd(2) ? " / (" : " %% (");
		gen_expr(depth - 1);
		printf(" | 1)");
		break;
	case 4:
		printf("__builtin_bswap%u(", 16u << rnd(3));
		gen_expr(depth - 1);
		printf(")");
		break;
	case 5:
		printf("(__u64)((__s%u)", rnd(2) ? 64 : 32);
		gen_expr(depth - 1);
		printf(" < (__s%u)", rnd(2) ? 64 : 32);
		gen_expr(depth - 1);
		printf(")");
		break;
	default:
		gen_expr(depth - 1);
		printf(" %s ", ops[rnd(6)]);
		gen_expr(depth - 1);
	}
	printf(")");
}

static void gen_stmt(int depth)
{
	switch (rnd(depth ? 8 : 4)) {
	case 0:
	case 1:
		printf("\tv[%u] = ", rnd(4));
		gen_expr(3);
		printf(";\n");
		break;
	case 2:
		printf("\tnote(");
		gen_expr(1);
		printf(" & 15, ");
		gen_expr(2);
		printf(");\n");
		break;
	case 3:
		printf("\tp[%u] = (__u8)", rnd(34));
		gen_expr(2);
		printf(";\n");
		break;
	case 4:
	case 5:
		printf("\tif (");
		gen_expr(2);
		printf(rnd(2) ? " > " : " == ");
		gen_expr(2);
		printf(") {\n");
		gen_stmt(depth - 1);
		printf("\t} else {\n");
		gen_stmt(depth - 1);
		printf("\t}\n");
		break;
	case 6:
		printf("\tfor (int i%d = 0; i%d < %u; i%d++) {\n", depth, depth, 1 + rnd(6), depth);
		gen_stmt(depth - 1);
		printf("\t}\n");
		break;
	default:
		gen_stmt(depth - 1);
		gen_stmt(depth - 1);
	}
}

static void generate(unsigned nr)
{
	printf("#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"
	       "struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64);\n"
	       "\t__type(key, __u32); __type(value, __u64); } notes SEC(\".maps\");\n"
	       "static __noinline void note(__u32 key, __u64 value)\n{\n"
	       "\t__u64 *old = bpf_map_lookup_elem(&notes, &key);\n\n"
	       "\tif (old)\n\t\t*old = *old * 31 + value;\n\telse\n"
	       "\t\tbpf_map_update_elem(&notes, &key, &value, BPF_ANY);\n}\n");
	for (unsigned i = 0; i < nr; i++) {
		printf("SEC(\"xdp\") int random_%u(struct xdp_md *ctx)\n{\n"
		       "\t__u8 *p = (void *)(long)ctx->data;\n"
		       "\t__u64 v[4] = {%u, %u, 0, ~0ull};\n\n"
		       "\tif (p + 34 > (__u8 *)(long)ctx->data_end)\n\t\treturn 0;\n",
		       i, rnd(100), rnd(1u << 31));
		for (uint32_t k = 3 + rnd(6); k; k--)
			gen_stmt(2);
		printf("\treturn (int)(v[0] ^ v[1] ^ v[2] ^ v[3] ^ v[0] >> 32);\n}\n");
	}
	printf("char LICENSE[] SEC(\"license\") = \"GPL\";\n");
}

static void pin_to_cpu0(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

int main(int argc, char **argv)
{
	unsigned nr = 40, nr_progs = 0;
	bool contexts = false, random = false;
	int c;

	rnd_state = 1;
	while ((c = getopt(argc, argv, "crn:s:g:")) > 0) {
		if (c == 'c')
			contexts = true;
		else if (c == 'r')
			random = true;
		else if (c == 'n')
			nr = (unsigned)atoi(optarg);
		else if (c == 's')
			rnd_state = strtoull(optarg, NULL, 0) * 2 + 1;
		else if (c == 'g')
			nr_progs = (unsigned)atoi(optarg);
		else
			return 2;
	}
	if (nr_progs) {
		generate(nr_progs);
		return 0;
	}
	gen_all(pkts);
	pin_to_cpu0();
	for (int i = optind; i < argc; i++)
		check_file(argv[i], contexts, random, nr);
	return tap_done();
}
