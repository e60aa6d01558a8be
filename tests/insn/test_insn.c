/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Every instruction, with the answer that it must give: the .txt files beside this one. Each case
 * runs here, guarded and bare, and where this process may load programs, in Linux, which must give
 * the same answer. In the end no row of opcodes.def may be left without a case.
 */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "isa/row.h"
#include "kernel.h"
#include "vm/pkt.h"
#include "vm/vm.h"
#include <ctype.h>

struct example {
	char name[128];
	struct strbuf text;
	u8 pkt[256];
	size_t pkt_size;
	u64 want;
	bool not_linux;
};

static bool seen[ISA_NR_OPS]; /* rows that had a case */
static int array_fd = -1;     /* where programs in Linux leave their answer */
static int nr_linux, nr_linux_same;

/* --- here ----------------------------------------------------------------------------------- */

static void note_rows(const struct prog *prog)
{
	for (u32 i = 0; i < prog->nr_insns; i += isa_nr_slots(&prog->insns[i]))
		seen[isa_decode(&prog->insns[i], prog->nr_insns - i)] = true;
}

static int run_with(const struct example *c, bool no_guard, u64 *ret, struct skep_diag *diag)
{
	struct prog prog = {.name = "case", .license = "GPL", .type = BPF_PROG_TYPE_SCHED_CLS};
	struct vm_opts opts = {.no_guard = no_guard};
	struct vm_env env = {.cpu = -1};
	struct __sk_buff ctx = {0};
	struct vm_pkt *pkt = NULL;
	struct vm_prog *code;
	struct vm *vm = NULL;
	int err;

	err = isa_asm(strbuf_str(&c->text), &prog.insns, &prog.nr_insns, diag);
	if (err)
		return err;
	note_rows(&prog);
	err = vm_pkt_new(&pkt, diag);
	err = err ?: vm_pkt_set(pkt, VM_PKT_SKB, c->pkt, (u32)c->pkt_size, (u32)c->pkt_size);
	if (!err)
		vm_pkt_bind(pkt, &env, &ctx);
	env.pkt = pkt;
	err = err ?: vm_new(NULL, 0, &opts, &vm, diag);
	err = err ?: vm_prog_new(vm, &prog, &code, diag);
	err = err ?: vm_exec(code, &env, &ctx, sizeof(ctx), ret, diag);
	vm_free(vm);
	vm_pkt_free(pkt);
	mem_free(prog.insns);
	return err;
}

static void run_here(const struct example *c)
{
	for (int bare = 0; bare < 2; bare++) {
		struct skep_diag diag = {0};
		u64 ret = ~c->want;
		int err = run_with(c, bare, &ret, &diag);

		if (!ok(!err && ret == c->want, "%s%s", c->name, bare ? ", bare" : ""))
			printf("# %s: %s\n# got %#llx, want %#llx\n", diag.where, diag.message,
			       (unsigned long long)ret, (unsigned long long)c->want);
	}
}

/* --- in Linux ------------------------------------------------------------------------------- */

/* The case as a function whose answer goes to the array; with a packet it is the program. */
static void wrap(struct strbuf *sb, const struct example *c)
{
	if (!c->pkt_size)
		strbuf_printf(sb,
			      "call case.body\nr1 = map[id:%d][0]+0\n*(u64 *)(r1 +0) = r0\n"
			      "r0 = 0\nexit\ncase.body:\n",
			      array_fd);
	strbuf_puts(sb, strbuf_str(&c->text));
}

static int ask_linux(const struct example *c, u64 *ret, char *log, size_t log_size)
{
	static const u8 no_packet[64];
	struct bpf_insn *insns = NULL;
	struct strbuf sb = {0};
	u32 nr, low = 0;
	int fd, err;

	wrap(&sb, c);
	err = isa_asm(strbuf_str(&sb), &insns, &nr, NULL);
	strbuf_done(&sb);
	if (err)
		return err;
	fd = kernel_load(insns, nr, 1, log, log_size);
	mem_free(insns);
	if (fd < 0)
		return fd;
	err = kernel_run(fd, c->pkt_size ? c->pkt : no_packet, c->pkt_size ?: sizeof(no_packet),
			 &low);
	close(fd);
	*ret = c->pkt_size ? low : kernel_array_value(array_fd);
	return err;
}

static void run_in_linux(const struct example *c)
{
	static char log[1 << 20];
	u64 ret = 0;
	int err;

	if (array_fd < 0 || c->not_linux)
		return;
	err = ask_linux(c, &ret, log, sizeof(log));
	nr_linux++;
	if (!err && ret == (c->pkt_size ? (u32)c->want : c->want))
		nr_linux_same++;
	else
		printf("# %s: Linux gives %#llx, we want %#llx; %s\n%s", c->name,
		       (unsigned long long)ret, (unsigned long long)c->want, strerror(-err), log);
}

static void run(const struct example *c)
{
	run_here(c);
	run_in_linux(c);
}

/* --- programs by chance --------------------------------------------------------------------- */

static u64 random_u64(unsigned int *seed)
{
	u64 v = (u64)rand_r(seed) << 42 ^ (u64)rand_r(seed) << 21 ^ (u64)rand_r(seed);

	/* small and large, of either sign */
	v >>= rand_r(seed) % 64;
	return rand_r(seed) % 3 ? v : -v;
}

static bool is_wanted(enum isa_op op, const struct bpf_insn *insn)
{
	switch (isa_kind(op)) {
	case ISA_KIND_ALU:
	case ISA_KIND_NEG:
	case ISA_KIND_MOV:
	case ISA_KIND_END:
	case ISA_KIND_JMP:
		return op != ISA_CAST_KERN && op != ISA_CAST_USER && !isa_check_imm(op, insn, NULL);
	default:
		return false;
	}
}

/* Arithmetic of any kind, and now and then a jump over some of it. */
static void put_random_insn(struct strbuf *sb, u32 left, unsigned int *seed)
{
	static const s16 offs[] = {0, 0, 0, 1, 1, 8, 16, 32};
	static const s32 widths[] = {16, 32, 64};
	struct bpf_insn insn;
	enum isa_op op;

	do {
		insn = (struct bpf_insn){.code = rand_r(seed),
					 .dst_reg = rand_r(seed) % 10,
					 .off = offs[rand_r(seed) % ARRAY_SIZE(offs)]};
		if (BPF_SRC(insn.code) == BPF_X)
			insn.src_reg = rand_r(seed) % 10;
		else if (BPF_OP(insn.code) != BPF_NEG)
			insn.imm = (s32)random_u64(seed);
		if (BPF_OP(insn.code) == BPF_END) {
			insn.src_reg = 0;
			insn.imm = widths[rand_r(seed) % 3];
		}
		op = isa_decode(&insn, 1);
	} while (!is_wanted(op, &insn));
	if (isa_kind(op) == ISA_KIND_JMP)
		insn.off = (s16)(left ? rand_r(seed) % min_u64(left, 4) : 0);
	isa_disasm(sb, &insn, 1, 0, NULL);
	strbuf_putc(sb, '\n');
}

/* Numbers into all registers, instructions, and all registers into r0. */
static void put_random_program(struct strbuf *sb, unsigned int *seed)
{
	for (int r = 0; r < 10; r++)
		strbuf_printf(sb, "r%d = %#llx ll\n", r, (unsigned long long)random_u64(seed));
	for (u32 left = 40; left--;)
		put_random_insn(sb, left, seed);
	for (int r = 1; r < 10; r++)
		strbuf_printf(sb, "r0 *= 31\nr0 ^= r%d\n", r);
	strbuf_puts(sb, "exit\n");
}

/* The two forms of the interpreter and Linux must agree on them. */
static void test_random(void)
{
	unsigned int seed = 5;
	u32 same = 0, nr = 400;

	for (u32 i = 0; i < nr; i++) {
		struct example c = {.name = "a program by chance"};
		struct skep_diag diag = {0};
		u64 guarded = 1, bare = 2;
		int err;

		put_random_program(&c.text, &seed);
		err = run_with(&c, false, &guarded, &diag) ?: run_with(&c, true, &bare, &diag);
		same += !err && guarded == bare;
		if (err)
			printf("# %s: %s\n", diag.where, diag.message);
		c.want = guarded;
		run_in_linux(&c);
		strbuf_done(&c.text);
	}
	is_int(same, nr, "%u programs by chance: guarded and bare agree", nr);
}

/* --- the files ------------------------------------------------------------------------------ */

/* The next column of a line, up to '|' (not "|="), without the blanks around it. */
static char *column(char **line)
{
	char *s = *line, *end;

	for (end = s; *end && !(end[0] == '|' && end[1] != '='); end++)
		;
	*line = *end ? end + 1 : end;
	*end = 0;
	while (isspace((unsigned char)*s))
		s++;
	for (end = s + strlen(s); end > s && isspace((unsigned char)end[-1]); end--)
		end[-1] = 0;
	return s;
}

/* instruction | r1 | r2 | answer | why not in Linux */
static void run_line(char *line, bool is_jump)
{
	struct example c = {0};
	const char *insn = column(&line), *r1 = column(&line), *r2 = column(&line);

	snprintf(c.name, sizeof(c.name), "%s with r1 = %s%s%s", insn, r1, *r2 ? ", r2 = " : "", r2);
	c.want = strtoull(column(&line), NULL, 0);
	c.not_linux = *column(&line);
	strbuf_printf(&c.text, "r1 = %#llx ll\n", strtoull(r1, NULL, 0));
	if (*r2)
		strbuf_printf(&c.text, "r2 = %#llx ll\n", strtoull(r2, NULL, 0));
	if (is_jump)
		strbuf_printf(&c.text,
			      "if r10 == 0x1 goto not\n%s\nnot: r0 = 0\nexit\n"
			      "taken: r0 = 1\nexit\n",
			      insn);
	else
		strbuf_printf(&c.text, "%s\nr0 = r1\nexit\n", insn);
	run(&c);
	strbuf_done(&c.text);
}

static void read_packet(struct example *c, const char *s)
{
	unsigned int byte;
	int used;

	for (; sscanf(s, "%x%n", &byte, &used) == 1 && c->pkt_size < sizeof(c->pkt); s += used)
		c->pkt[c->pkt_size++] = (u8)byte;
}

static void program_line(struct example *c, const char *line)
{
	if (!strncmp(line, "== ", 3)) {
		snprintf(c->name, sizeof(c->name), "%.120s", line + 3);
	} else if (!strncmp(line, "=> ", 3)) {
		c->want = strtoull(line + 3, NULL, 0);
		strbuf_puts(&c->text, "exit\n");
		run(c);
		strbuf_done(&c->text);
		*c = (struct example){0};
	} else if (!strncmp(line, "packet: ", 8)) {
		read_packet(c, line + 8);
	} else if (!strncmp(line, "not in Linux", 12)) {
		c->not_linux = true;
	} else {
		strbuf_printf(&c->text, "%s\n", line);
	}
}

static void run_file(const char *name)
{
	struct example c = {0};
	char *path = mem_printf("tests/insn/%s", name), *text, *rest, *line;
	struct skep_diag diag = {0};
	size_t size;

	if (file_read(path, 1 << 20, &text, &size, &diag)) {
		ok(false, "%s: %s", path, diag.message);
		mem_free(path);
		return;
	}
	for (rest = text; (line = strsep(&rest, "\n"));) {
		if (!*line || *line == '#')
			continue;
		if (!strcmp(name, "programs.txt"))
			program_line(&c, line);
		else
			run_line(line, !strcmp(name, "jmp.txt"));
	}
	mem_free(text);
	mem_free(path);
}

/* What needs maps, helpers or a kernel is tested in tests/vm. */
static bool is_elsewhere(u32 op)
{
	switch (op) {
	case ISA_LDDW_MAP:
	case ISA_LDDW_VALUE:
	case ISA_LDDW_BTF:
	case ISA_LDDW_FUNC:
	case ISA_LDDW_MAP_IDX:
	case ISA_LDDW_VALUE_IDX:
	case ISA_CALL:
	case ISA_CALL_KFUNC:
		return true;
	}
	return false;
}

static void test_coverage(void)
{
	u32 missing = 0;

	for (u32 op = 1; op < ISA_NR_OPS; op++)
		if (!seen[op] && !is_elsewhere(op)) {
			printf("# no case for %s\n", isa_op_name(op));
			missing++;
		}
	is_int(missing, 0, "every instruction has a case");
}

int main(void)
{
	if (access("tests/insn/alu.txt", R_OK))
		tap_skip_all("not run from the top of the tree");
	array_fd = kernel_array();
	run_file("alu.txt");
	run_file("jmp.txt");
	run_file("programs.txt");
	test_coverage();
	test_random();
	if (array_fd < 0)
		tap_skip("Linux gives the same answers", "bpf(2) is not allowed here");
	else
		ok(nr_linux > 500 && nr_linux == nr_linux_same,
		   "Linux gives the same answers: %d of %d", nr_linux_same, nr_linux);
	if (array_fd >= 0)
		close(array_fd);
	return tap_done();
}
