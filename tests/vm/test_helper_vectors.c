/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One table of calls, run by our vm and, as root, by the kernel: return values and all bytes that
 * a helper wrote must be the same. A program calls one helper with pointers into the value of an
 * array map and stores what it returns; the program is the same on both sides.
 */
#include "../tap.h"
#include "spec/spec.h"
#include "vm/vm.h"
#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SIZE    2048
#define RET_OFF 0    /* what the helper returned */
#define OUT     8    /* where it writes */
#define IN      1024 /* what it reads */

enum arg_kind { END, NUM, OUT_PTR, IN_PTR, RO_PTR, STACK_PTR };
struct value {
	enum arg_kind kind;
	u64 v; /* a number, or an offset from OUT, IN or the read-only map */
};

struct vector {
	const char *name;
	u32 helper;
	struct value args[5];
	const char *in; /* text at IN, with its NUL */
	const char *ro; /* text in the read-only map */
	u64 words[13];  /* at IN + 512 */
	u32 nr_words;
};

/* --- the program ----------------------------------------------------------------------------- */

struct code {
	struct bpf_insn insns[64];
	u32 nr;
};

static void emit(struct code *c, u8 code, u8 dst, u8 src, s16 off, s32 imm)
{
	c->insns[c->nr++] = (struct bpf_insn){code, dst, src, off, imm};
}

static void emit_ld64(struct code *c, u8 dst, u8 pseudo, s32 imm, s32 next)
{
	emit(c, BPF_LD | BPF_DW | BPF_IMM, dst, pseudo, 0, imm);
	emit(c, 0, 0, 0, 0, next);
}

static void emit_arg(struct code *c, u8 reg, const struct value *v, const s32 maps[2])
{
	if (v->kind == NUM)
		emit_ld64(c, reg, 0, (s32)v->v, (s32)(v->v >> 32));
	else if (v->kind == RO_PTR)
		emit_ld64(c, reg, SPEC_PSEUDO_MAP_VALUE, maps[1], (s32)v->v);
	else
		emit_ld64(c, reg, SPEC_PSEUDO_MAP_VALUE, maps[0],
			  (s32)v->v + (v->kind == OUT_PTR ? OUT : IN));
}

/* maps: what ld_imm64 names the writable and the read-only map by */
static void build(struct code *c, const struct vector *v, const s32 maps[2])
{
	c->nr = 0;
	for (int i = 0; i < 5 && v->args[i].kind != END; i++)
		emit_arg(c, i + 1, &v->args[i], maps);
	emit(c, BPF_JMP | BPF_CALL, 0, 0, 0, v->helper);
	emit_ld64(c, 1, SPEC_PSEUDO_MAP_VALUE, maps[0], RET_OFF);
	emit(c, BPF_STX | BPF_MEM | BPF_DW, 1, 0, 0, 0);
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void fill(const struct vector *v, char value[SIZE], char ro[SIZE])
{
	memset(value, 0, SIZE);
	memset(value + OUT, 0xa5, IN - OUT);
	memset(ro, 0, SIZE);
	if (v->in)
		strcpy(value + IN, v->in);
	if (v->ro)
		strcpy(ro, v->ro);
	memcpy(value + IN + 512, v->words, v->nr_words * 8);
}

/* --- our side -------------------------------------------------------------------------------- */

static long read_user(struct vm_env *env, void *dst, size_t size, u64 addr)
{
	struct iovec to = {dst, size}, from = {(void *)(uintptr_t)addr, size};

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

static const struct vm_world world = {.read_user = read_user};

static struct map *map_with(const char *name, const char *value)
{
	struct map_def def = {.name = name,
			      .type = BPF_MAP_TYPE_ARRAY,
			      .key_size = 4,
			      .value_size = SIZE,
			      .max_entries = 1};
	struct map *map = NULL;
	u32 zero = 0;

	if (map_new(&def, &map, NULL) || map_user_update(map, &zero, value, 0))
		return NULL;
	return map;
}

static int run_here(const struct vector *v, char value[SIZE], const char *ro,
		    struct skep_diag *diag)
{
	struct map *maps[2] = {map_with("value", value), map_with("ro", ro)};
	struct vm_env env = {.world = &world, .cpu = -1};
	struct prog prog = {.name = "vector", .type = SPEC_PROG_SYSCALL, .license = "GPL"};
	struct vm_prog *code;
	struct vm *vm = NULL;
	struct code c;
	u32 zero = 0;
	u64 ret;
	int err;

	build(&c, v, (const s32[]){0, 1});
	prog.insns = c.insns;
	prog.nr_insns = c.nr;
	err = vm_new(maps, 2, NULL, &vm, diag);
	err = err ?: vm_prog_new(vm, &prog, &code, diag);
	err = err ?: vm_exec(code, &env, NULL, 0, &ret, diag);
	map_user_lookup(maps[0], &zero, value, 0);
	vm_free(vm);
	map_put(maps[0]);
	map_put(maps[1]);
	return err;
}

/* --- the kernel's side ----------------------------------------------------------------------- */

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static int kernel_map(const char *value, u32 flags)
{
	u32 zero = 0;
	union bpf_attr create = {.map_type = BPF_MAP_TYPE_ARRAY,
				 .key_size = 4,
				 .value_size = SIZE,
				 .max_entries = 1,
				 .map_flags = flags};
	int fd = bpf(BPF_MAP_CREATE, &create);
	union bpf_attr update = {.map_fd = fd, .key = (uintptr_t)&zero, .value = (uintptr_t)value};
	union bpf_attr freeze = {.map_fd = fd};

	if (fd >= 0)
		bpf(BPF_MAP_UPDATE_ELEM, &update);
	if (fd >= 0 && flags)
		bpf(BPF_MAP_FREEZE, &freeze);
	return fd;
}

static char log_buf[8192];

static int kernel_load(const struct vector *v, const s32 maps[2])
{
	struct code c;
	union bpf_attr attr = {
		.prog_type = SPEC_PROG_SYSCALL,
		.prog_flags = BPF_F_SLEEPABLE,
		.insns = (uintptr_t)c.insns,
		.license = (uintptr_t) "GPL",
		.log_buf = (uintptr_t)log_buf,
		.log_size = sizeof(log_buf),
		.log_level = 1,
	};

	build(&c, v, maps);
	attr.insn_cnt = c.nr;
	return bpf(BPF_PROG_LOAD, &attr);
}

/* What Linux refuses of snprintf when it loads the program is -EINVAL here when it runs. */
static int run_kernel(const struct vector *v, char value[SIZE], const char *ro)
{
	s32 maps[2] = {kernel_map(value, 0), kernel_map(ro, BPF_F_RDONLY_PROG)};
	union bpf_attr run = {0};
	u32 zero = 0;
	union bpf_attr lookup = {
		.map_fd = maps[0], .key = (uintptr_t)&zero, .value = (uintptr_t)value};
	int prog = kernel_load(v, maps), err = 0;

	run.test.prog_fd = prog;
	if (prog < 0 && errno == EINVAL && v->helper == SPEC_HELPER_snprintf)
		*(s64 *)value = -EINVAL;
	else if (prog < 0)
		err = -errno;
	else if (bpf(BPF_PROG_TEST_RUN, &run))
		err = -errno;
	else
		bpf(BPF_MAP_LOOKUP_ELEM, &lookup);
	if (prog >= 0)
		close(prog);
	close(maps[0]);
	close(maps[1]);
	return err;
}

/* --- the table ------------------------------------------------------------------------------- */

static char user_text[] = "text in user memory";

#define N(x)                                                                                       \
	{                                                                                          \
		NUM, (u64)(x)                                                                      \
	}
#define O(x)                                                                                       \
	{                                                                                          \
		OUT_PTR, x                                                                         \
	}
#define P(x)                                                                                       \
	{                                                                                          \
		IN_PTR, x                                                                          \
	}
#define R(x)                                                                                       \
	{                                                                                          \
		RO_PTR, x                                                                          \
	}
#define W(...) {__VA_ARGS__}, sizeof((u64[]){__VA_ARGS__}) / 8
#define NONE   {0}, 0
#define FMT(fmt, ...)                                                                              \
	{                                                                                          \
		"snprintf " #fmt, SPEC_HELPER_snprintf,                                            \
			{O(0), N(256), R(0), P(512), N(sizeof((u64[]){__VA_ARGS__}))}, NULL, fmt,  \
			W(__VA_ARGS__)                                                             \
	}
#define FMT0(fmt)                                                                                  \
	{                                                                                          \
		"snprintf " #fmt, SPEC_HELPER_snprintf, {O(0), N(256), R(0), N(0), N(0)}, NULL,    \
			fmt, NONE                                                                  \
	}
#define STRTO(fn, text, flags)                                                                     \
	{                                                                                          \
#fn " " #text ", base " #flags, SPEC_HELPER_##fn,                                  \
			{P(0), N(sizeof(text) - 1), N(flags), O(0) }, text, NULL, NONE             \
	}
#define STRTOL(text, flags) STRTO(strtol, text, flags), STRTO(strtoul, text, flags)
#define STRNCMP(a, n, b)                                                                           \
	{                                                                                          \
		"strncmp " #a " " #b, SPEC_HELPER_strncmp, {P(0), N(n), R(0)}, a, b, NONE          \
	}
#define PROBE(fn, size, addr)                                                                      \
	{                                                                                          \
#fn " " #size " from " #addr, SPEC_HELPER_##fn,                                    \
			{O(0), N(size), N(addr) }, NULL, NULL, NONE                                \
	}

static const struct vector vectors[] = {
	FMT0("plain"),
	FMT0(""),
	FMT0("100%%"),
	FMT0("%d"),
	FMT0("tail %"),
	FMT0("bad \x01"),
	FMT0("caf\xc3\xa9"),
	FMT0("tab\tline\n"),
	FMT("%d", -5),
	FMT("%d|%i", 7, -8),
	FMT("%u", -1),
	FMT("%x %X", 0xdeadbeef, 0xdeadbeef),
	FMT("%ld %lu", -1, -1),
	FMT("%lld %llu %llx", -1, -1, -1),
	FMT("%llX", 0x123456789abcdef0),
	FMT("%5d|%-5d|%05d", 42, 42, 42),
	FMT("%+d|% d|%+5d", 42, 42, 42),
	FMT("%+d|% d|%05d", -42, -42, -42),
	FMT("%-05d|", 42),
	FMT("%0-5d|", 42),
	FMT("%+ 5d|", 42),
	FMT("%08x|%8x|%-8x|", 0xbeef, 0xbeef, 0xbeef),
	FMT("%20llu|", 12345678901234567890ull),
	FMT("%300d", 1),
	FMT("%c%c%c", 'a', 'b', 'c'),
	FMT("%5c|%-5c|", 'a', 'b'),
	FMT("%c", 0x1234500 + 'z'),
	FMT("%lc", 'a'),
	FMT("%ls", 0),
	FMT("%hd", 1),
	FMT("%o", 8),
	FMT("%f", 1),
	FMT("%n", 1),
	FMT("%lllx", 1),
	FMT("%*d", 1, 2),
	FMT("%.5d", 1),
	FMT("%#x", 1),
	FMT("%d %d", 1),
	FMT("%d", 1, 2),
	FMT("%%d %d", 3),
	FMT("%px", 0xffff888012345678),
	FMT("%px|%30px|", 0x1234, 0x1234),
	FMT("%p", 0),
	FMT("%p|", -1),
	FMT("%20p|", 0),
	FMT("%pK", 0),
	FMT("%pKx", 0),
	FMT("%pd", 0),
	FMT("%pf", 0),
	FMT("%pS|%ps|%pB", 0x10, 0x20, 0x30),
	FMT("%20ps|%-20pS|%20pB|", 0x10, 0x20, 0x30),
	FMT("%pSx", 0x10),
	FMT("%pi4|%pI4|", 0, 0),
	FMT("%pi6|%pI6|", 0, 0),
	FMT("%20pI4|", 0),
	FMT("%pI4abc def", 0),
	FMT("%pI5", 0),
	FMT("%pI", 0),
	FMT("%pi4x%d", 0, 1),
	FMT("%s", 0),
	FMT("[%5s]", 0),
	FMT("%sx", 0),
	FMT("%s|", (uintptr_t)user_text),
	FMT("%30s|%-30s|%3s|", (uintptr_t)user_text, (uintptr_t)user_text, (uintptr_t)user_text),
	FMT("%pus|", (uintptr_t)user_text),
	FMT("%30pus|", (uintptr_t)user_text),
	FMT("%pks|", 0),
	FMT("%pks|", 0x1000),
	FMT("%pksx", 0),
	FMT("%pus %s,%d", (uintptr_t)user_text, (uintptr_t)user_text, 5),
	FMT("%s%s%s%s%s%s%s%s%s%s%s%s", (uintptr_t)user_text, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
	{"snprintf, 13 arguments",
	 SPEC_HELPER_snprintf,
	 {O(0), N(64), R(0), P(512), N(13 * 8)},
	 NULL,
	 "%d",
	 NONE},
	{"snprintf, 7 bytes of arguments",
	 SPEC_HELPER_snprintf,
	 {O(0), N(64), R(0), P(512), N(7)},
	 NULL,
	 "%d",
	 NONE},
	{"snprintf, room for 4",
	 SPEC_HELPER_snprintf,
	 {O(0), N(4), R(0), P(512), N(8)},
	 NULL,
	 "%d abc",
	 W(12345)},
	{"snprintf, room for 1",
	 SPEC_HELPER_snprintf,
	 {O(0), N(1), R(0), P(512), N(8)},
	 NULL,
	 "%d abc",
	 W(12345)},
	{"snprintf, no room",
	 SPEC_HELPER_snprintf,
	 {O(0), N(0), R(0), P(512), N(8)},
	 NULL,
	 "%d abc",
	 W(12345)},
	{"trace_vprintk",
	 SPEC_HELPER_trace_vprintk,
	 {P(0), N(7), P(512), N(8)},
	 "a%d b\n",
	 NULL,
	 W(77)},
	{"trace_vprintk, no NUL",
	 SPEC_HELPER_trace_vprintk,
	 {P(0), N(3), P(512), N(8)},
	 "a%d b",
	 NULL,
	 W(77)},
	{"trace_printk",
	 SPEC_HELPER_trace_printk,
	 {P(0), N(32), N(1), N(2), N(3)},
	 "a %d %d %d",
	 NULL,
	 NONE},
	{"trace_printk, 4 directives",
	 SPEC_HELPER_trace_printk,
	 {P(0), N(32), N(1), N(2), N(3)},
	 "a %d %d %d %d",
	 NULL,
	 NONE},
	STRTOL("123", 0),
	STRTOL("-123", 0),
	STRTOL("  42 rest", 10),
	STRTOL("\t\n 42", 10),
	STRTOL("0x1f", 0),
	STRTOL("0X1F", 16),
	STRTOL("1f", 16),
	STRTOL("-0x1f", 16),
	STRTOL("017", 0),
	STRTOL("08", 0),
	STRTOL("0x", 0),
	STRTOL("0x", 16),
	STRTOL("0xg", 0),
	STRTOL("0", 0),
	STRTOL("-", 0),
	STRTOL("--1", 0),
	STRTOL("+1", 0),
	STRTOL("abc", 10),
	STRTOL("12z", 10),
	STRTOL("777", 8),
	STRTOL("789", 8),
	STRTOL("1", 2),
	STRTOL("1", 36),
	STRTOL("1", 32),
	STRTOL("1", 1ull << 40),
	STRTOL(" ", 0),
	STRTOL("9223372036854775807", 10),
	STRTOL("9223372036854775808", 10),
	STRTOL("-9223372036854775808", 10),
	STRTOL("-9223372036854775809", 10),
	STRTOL("18446744073709551615", 10),
	STRTOL("18446744073709551616", 10),
	STRTOL("99999999999999999999999", 10),
	STRTOL("0000000000000000000000000000000000000000000000000000000000000000000001", 10),
	STRTOL("ffffffffffffffff", 16),
	STRNCMP("abc", 3, "abc"),
	STRNCMP("abc", 4, "abc"),
	STRNCMP("abc", 8, "abd"),
	STRNCMP("abd", 8, "abc"),
	STRNCMP("abcx", 3, "abcy"),
	STRNCMP("", 8, "a"),
	STRNCMP("\xff", 8, "a"),
	PROBE(probe_read_kernel, 8, 0),
	PROBE(probe_read_kernel, 8, 0x1000),
	PROBE(probe_read_kernel, 8, 0x7fffffffe000),
	PROBE(probe_read_kernel, 8, 0x7ffffffff000),
	PROBE(probe_read_kernel, 8, 0x800000000000),
	PROBE(probe_read_kernel, 8, 0x8000000000000000),
	PROBE(probe_read_kernel, 8, 0xffff7fffffffffff),
	PROBE(probe_read_kernel, 8, -8),
	PROBE(probe_read_kernel, 0, 0),
	PROBE(probe_read_kernel_str, 8, 0),
	PROBE(probe_read_kernel_str, 8, -4096),
	PROBE(probe_read_user, 8, 0),
	PROBE(probe_read_user, 0, 0),
	PROBE(probe_read_user, 8, -8),
	PROBE(probe_read_user, 8, 0x7ffffffff000),
	PROBE(probe_read_user, 8, (uintptr_t)user_text),
	PROBE(probe_read_user_str, 8, 0),
	PROBE(probe_read_user_str, 0, 0),
	PROBE(probe_read_user_str, 8, (uintptr_t)user_text),
	PROBE(probe_read_user_str, 19, (uintptr_t)user_text),
	PROBE(probe_read_user_str, 20, (uintptr_t)user_text),
	PROBE(probe_read_user_str, 1, (uintptr_t)user_text),
	PROBE(probe_read, 8, 0),
	PROBE(probe_read, 8, (uintptr_t)user_text),
	PROBE(probe_read_str, 8, 0),
	PROBE(probe_read_str, 64, (uintptr_t)user_text),
	PROBE(copy_from_user, 8, 0),
	PROBE(copy_from_user, 8, (uintptr_t)user_text),
	{"get_current_comm, 1 byte", SPEC_HELPER_get_current_comm, {O(0), N(1)}, NULL, NULL, NONE},
	{"get_ns_current_pid_tgid, size",
	 SPEC_HELPER_get_ns_current_pid_tgid,
	 {N(4), N(1), O(0), N(12)},
	 NULL,
	 NULL,
	 NONE},
	{"get_ns_current_pid_tgid, other",
	 SPEC_HELPER_get_ns_current_pid_tgid,
	 {N(1ull << 40), N(1), O(0), N(8)},
	 NULL,
	 NULL,
	 NONE},
};

static void show_text(const char *who, const char *value)
{
	printf("# %s: %lld '%.100s'\n", who, (long long)*(const s64 *)value, value + OUT);
}

/* Bytes behind the NUL of a string that was read are nobody's business. */
static void forget_tail(const struct vector *v, char *value)
{
	s64 len = *(s64 *)value;

	if (strstr(spec_helper(v->helper)->name, "_str") && len > 0 && len < 64)
		memset(value + OUT + len, 0, 64);
}

static void test_vector(const struct vector *v, bool root)
{
	char here[SIZE], there[SIZE], ro[SIZE];
	struct skep_diag diag = {0};
	int err;

	fill(v, here, ro);
	memcpy(there, here, SIZE);
	err = run_here(v, here, ro, &diag);
	if (!ok(!err, "%s", v->name)) {
		printf("# %s: %s\n", diag.where, diag.message);
		return;
	}
	if (!root)
		return;
	err = run_kernel(v, there, ro);
	if (!ok(!err, " in the kernel")) {
		printf("# %s: %.400s\n", strerror(-err), log_buf);
		return;
	}
	forget_tail(v, here);
	forget_tail(v, there);
	if (!ok(!memcmp(here, there, SIZE), " is the same")) {
		show_text("skep ", here);
		show_text("Linux", there);
	}
}

int main(void)
{
	bool root = !geteuid() && kernel_map((char[SIZE]){0}, 0) >= 0;

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		test_vector(&vectors[i], root);
	if (!root)
		tap_skip("the kernel's answers", "needs root");
	return tap_done();
}
