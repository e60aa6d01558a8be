/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The public bpf_conformance suite: BPF_CONFORMANCE_DIR names its directory of .data files.
 *
 * A file has sections: "-- asm" in the suite's own notation, "-- mem" in hex, "-- result". The text
 * is translated to ours line by line and assembled; r1 is the memory and r2 its size, and the
 * answer is r0. The group callx (a call of a helper whose number stands in a register) is in
 * neither RFC 9669 nor Linux, and the suite's own runner leaves it out unless told otherwise.
 */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "isa/isa.h"
#include "vm/vm.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>

struct test {
	struct strbuf text; /* in our notation */
	u8 mem[4096];
	size_t mem_size;
	u64 result;
	bool has_result, has_exit_label, seen_exit;
	bool callx;
};

struct operator
{
	const char *name, *sym;
};

static const struct operator alu[] = {
	{"add", "+="}, {"sub", "-="}, {"mul", "*="},    {"div", "/="},   {"sdiv", "s/="},
	{"or", "|="},  {"and", "&="}, {"lsh", "<<="},   {"rsh", ">>="},  {"mod", "%="},
	{"xor", "^="}, {"mov", "="},  {"arsh", "s>>="}, {"smod", "s%="},
};

static const struct operator jumps[] = {
	{"jeq", "=="}, {"jgt", ">"},   {"jge", ">="},   {"jset", "&"},
	{"jne", "!="}, {"jsgt", "s>"}, {"jsge", "s>="}, {"jlt", "<"},
	{"jle", "<="}, {"jslt", "s<"}, {"jsle", "s<="},
};

static const struct operator sizes[] = {
	{"dw", "u64"},
	{"w", "u32"},
	{"h", "u16"},
	{"b", "u8"},
};

static const struct operator moves[] = {
	{"movsx832", "w8"},   {"movsx1632", "w16"}, {"movsx864", "r8"},
	{"movsx1664", "r16"}, {"movsx3264", "r32"},
};

/* The symbol of `name`, of which `len` bytes count; NULL: not in this table. */
static const char *symbol(const struct operator* table, size_t nr, const char *name, size_t len)
{
	for (size_t i = 0; i < nr; i++)
		if (strlen(table[i].name) == len && !memcmp(table[i].name, name, len))
			return table[i].sym;
	return NULL;
}

/* "%r3" → "r3" or "w3"; a number → a decimal one of 32 bits. */
static void put_operand(struct strbuf *sb, const char *s, bool narrow)
{
	if (*s == '%')
		strbuf_printf(sb, "%c%s", narrow ? 'w' : 'r', s + 2);
	else
		strbuf_printf(sb, "%d", (s32)strtoull(s, NULL, 0));
}

/* "[%r10-8]" → "(r10 -8)"; "0x" offsets are fine. */
static void put_memory(struct strbuf *sb, const char *s)
{
	long reg = 0, off = 0;
	char *end;

	reg = strtol(s + 3, &end, 10);
	if (*end == '+' || *end == '-')
		off = strtol(end, NULL, 0);
	strbuf_printf(sb, "(r%ld %+ld)", reg, off);
}

/* The words of a line: a mnemonic and operands, without commas. */
static int split(char *line, char **words, int max)
{
	int nr = 0;

	for (char *w = strtok(line, " \t,\r"); w && nr < max; w = strtok(NULL, " \t,\r"))
		words[nr++] = w;
	return nr;
}

static bool put_alu(struct strbuf *sb, char **w)
{
	size_t len = strlen(w[0]);
	bool narrow = len > 2 && !strcmp(w[0] + len - 2, "32");
	const char *sym = symbol(alu, ARRAY_SIZE(alu), w[0], narrow ? len - 2 : len);

	if (!sym)
		return false;
	put_operand(sb, w[1], narrow);
	strbuf_printf(sb, " %s ", sym);
	put_operand(sb, w[2], narrow);
	return true;
}

static bool put_jump(struct strbuf *sb, char **w)
{
	size_t len = strlen(w[0]);
	bool narrow = len > 2 && !strcmp(w[0] + len - 2, "32");
	const char *sym = symbol(jumps, ARRAY_SIZE(jumps), w[0], narrow ? len - 2 : len);

	if (!sym)
		return false;
	strbuf_puts(sb, "if ");
	put_operand(sb, w[1], narrow);
	strbuf_printf(sb, " %s ", sym);
	put_operand(sb, w[2], narrow);
	strbuf_printf(sb, " goto %s", w[3]);
	return true;
}

static bool put_load_store(struct strbuf *sb, char **w)
{
	bool load = !strncmp(w[0], "ldx", 3), store = !strncmp(w[0], "stx", 3);
	const char *size = w[0] + (load || store ? 3 : 2);
	bool is_signed = load && *size == 's';
	const char *type;

	if (!load && strncmp(w[0], "st", 2))
		return false;
	size += is_signed;
	type = symbol(sizes, ARRAY_SIZE(sizes), size, strlen(size));
	if (!type)
		return false;
	if (load)
		strbuf_printf(sb, "r%s = *(%s%s *)", w[1] + 2, is_signed ? "s" : "u", type + 1);
	else
		strbuf_printf(sb, "*(%s *)", type);
	put_memory(sb, w[load ? 2 : 1]);
	if (load)
		return true;
	strbuf_puts(sb, " = ");
	put_operand(sb, w[2], false);
	return true;
}

static bool put_move_sx(struct strbuf *sb, char **w)
{
	const char *how = symbol(moves, ARRAY_SIZE(moves), w[0], strlen(w[0]));

	if (!how)
		return false;
	strbuf_printf(sb, "%c%s = (s%s)%c%s", how[0], w[1] + 2, how + 1, how[0], w[2] + 2);
	return true;
}

static bool put_unary(struct strbuf *sb, char **w)
{
	const char *how = w[0];

	if (!strncmp(how, "neg", 3)) {
		char c = how[3] ? 'w' : 'r';

		strbuf_printf(sb, "%c%s = -%c%s", c, w[1] + 2, c, w[1] + 2);
		return true;
	}
	if (!strncmp(how, "swap", 4))
		strbuf_printf(sb, "r%s = b%s r%s", w[1] + 2, how, w[1] + 2);
	else if (!strncmp(how, "bswap", 5) || !strncmp(how, "be", 2) || !strncmp(how, "le", 2))
		strbuf_printf(sb, "r%s = %s r%s", w[1] + 2, how, w[1] + 2);
	else
		return false;
	return true;
}

/* lock [fetch] op[32] [%r10-8], %r1 */
static bool put_lock(struct strbuf *sb, char **w)
{
	bool fetch = !strcmp(w[1], "fetch");
	char **o = w + 1 + fetch;
	size_t len = strlen(o[0]);
	bool narrow = len > 2 && !strcmp(o[0] + len - 2, "32");
	const char *type = narrow ? "u32" : "u64", *bits = narrow ? "" : "64", *reg = o[2] + 2;

	if (narrow)
		o[0][len - 2] = 0;
	if (!strcmp(o[0], "cmpxchg"))
		strbuf_printf(sb, "r0 = atomic%s_cmpxchg((%s *)", bits, type);
	else if (!strcmp(o[0], "xchg"))
		strbuf_printf(sb, "r%s = atomic%s_xchg((%s *)", reg, bits, type);
	else if (fetch)
		strbuf_printf(sb, "r%s = atomic%s_fetch_%s((%s *)", reg, bits, o[0], type);
	else
		strbuf_printf(sb, "lock *(%s *)", type);
	put_memory(sb, o[1]);
	if (!strcmp(o[0], "cmpxchg"))
		strbuf_printf(sb, ", r0, r%s)", reg);
	else if (fetch || !strcmp(o[0], "xchg"))
		strbuf_printf(sb, ", r%s)", reg);
	else
		strbuf_printf(sb, " %s r%s", symbol(alu, ARRAY_SIZE(alu), o[0], strlen(o[0])), reg);
	return true;
}

static bool put_control(struct test *t, char **w, int nr)
{
	struct strbuf *sb = &t->text;

	if (!strcmp(w[0], "exit")) {
		if (!t->seen_exit && !t->has_exit_label)
			strbuf_puts(sb, "exit: ");
		t->seen_exit = true;
		strbuf_puts(sb, "exit");
	} else if (!strcmp(w[0], "ja")) {
		strbuf_printf(sb, "goto %s", w[1]);
	} else if (!strcmp(w[0], "ja32")) {
		strbuf_printf(sb, "gotol %s", w[1]);
	} else if (!strcmp(w[0], "call") && nr == 3) {
		strbuf_printf(sb, "call %s", w[2]);
	} else if (!strcmp(w[0], "call")) {
		t->callx = w[1][0] == '%';
		strbuf_printf(sb, "call %s", t->callx ? "0" : w[1]);
	} else if (!strcmp(w[0], "lddw")) {
		strbuf_printf(sb, "r%s = 0x%llx", w[1] + 2, strtoull(w[2], NULL, 0));
	} else {
		return false;
	}
	return true;
}

static bool put_line(struct test *t, char *line)
{
	char *w[6] = {"", "", "", "", "", ""};
	int nr;
	bool good;

	line[strcspn(line, "#")] = 0;
	nr = split(line, w, 6);
	if (!nr)
		return true;
	if (w[0][strlen(w[0]) - 1] == ':') {
		strbuf_printf(&t->text, "%s\n", w[0]);
		return true;
	}
	if (!strcmp(w[0], "lock"))
		good = put_lock(&t->text, w);
	else
		good = put_control(t, w, nr) || put_alu(&t->text, w) || put_jump(&t->text, w) ||
		       put_load_store(&t->text, w) || put_move_sx(&t->text, w) ||
		       put_unary(&t->text, w);
	strbuf_putc(&t->text, '\n');
	if (!good)
		printf("# not understood: %s\n", w[0]);
	return good;
}

static void add_bytes(struct test *t, const char *line)
{
	unsigned int byte;
	int used;

	for (; sscanf(line, "%x%n", &byte, &used) == 1 && t->mem_size < sizeof(t->mem);
	     line += used)
		t->mem[t->mem_size++] = (u8)byte;
}

static bool parse(struct test *t, char *text)
{
	char *save = NULL, section[32] = "";
	bool good = true;

	t->has_exit_label = strstr(text, "\nexit:");
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "-- ", 3)) {
			snprintf(section, sizeof(section), "%s", line + 3);
			section[strcspn(section, "\r")] = 0;
		} else if (!strcmp(section, "asm")) {
			good = put_line(t, line) && good;
		} else if (!strcmp(section, "mem")) {
			add_bytes(t, line);
		} else if (!strcmp(section, "result") && !t->has_result && isalnum(line[0])) {
			t->result = strtoull(line, NULL, 0);
			t->has_result = true;
		}
	}
	return good && t->has_result;
}

static int execute(const struct test *t, u64 *ret, struct skep_diag *diag)
{
	struct prog prog = {.name = "test", .license = "GPL"};
	struct vm_prog *code;
	struct vm *vm = NULL;
	struct strbuf all = {0};
	u8 *mem = mem_alloc(t->mem_size ?: 1);
	int err;

	strbuf_printf(&all, "r2 = %zu\n%s", t->mem_size, strbuf_str(&t->text));
	memcpy(mem, t->mem, t->mem_size);
	err = isa_asm(strbuf_str(&all), &prog.insns, &prog.nr_insns, diag);
	err = err ?: vm_new(NULL, 0, NULL, &vm, diag);
	err = err ?: vm_prog_new(vm, &prog, &code, diag);
	err = err ?: vm_exec(code, NULL, mem, t->mem_size, ret, diag);
	vm_free(vm);
	mem_free(prog.insns);
	mem_free(mem);
	strbuf_done(&all);
	return err;
}

/* 1: passed, 0: failed, -1: left out. */
static int one_file(const char *dir, const char *name)
{
	struct skep_diag diag = {0};
	struct test *t = mem_zalloc(sizeof(*t));
	char *path = mem_printf("%s/%s", dir, name), *text = NULL;
	u64 ret = 0;
	size_t size;
	int err, verdict = 0;

	err = file_read(path, 1 << 20, &text, &size, &diag);
	if (!err && parse(t, text)) {
		if (t->callx) {
			tap_skip(name, "callx is in neither RFC 9669 nor Linux");
			verdict = -1;
			goto out;
		}
		err = execute(t, &ret, &diag);
	} else {
		err = err ?: -EINVAL;
	}
	verdict = ok(!err && ret == t->result, "%s", name);
	if (!verdict)
		printf("# %s: %s\n# got %#llx, want %#llx\n", diag.where, diag.message,
		       (unsigned long long)ret, (unsigned long long)t->result);
out:
	strbuf_done(&t->text);
	mem_free(text);
	mem_free(path);
	mem_free(t);
	return verdict;
}

static int is_data(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && !strcmp(dot, ".data");
}

int main(void)
{
	const char *dir = getenv("BPF_CONFORMANCE_DIR");
	int nr, passed = 0, left_out = 0;
	struct dirent **files;

	if (!dir)
		tap_skip_all("BPF_CONFORMANCE_DIR does not name the suite's tests");
	nr = scandir(dir, &files, is_data, alphasort);
	if (nr <= 0)
		tap_skip_all("BPF_CONFORMANCE_DIR has no .data files");
	for (int i = 0; i < nr; i++) {
		int verdict = one_file(dir, files[i]->d_name);

		passed += verdict > 0;
		left_out += verdict < 0;
		free(files[i]);
	}
	free(files);
	printf("# bpf_conformance: %d files, %d passed, %d left out\n", nr, passed, left_out);
	return tap_done();
}
