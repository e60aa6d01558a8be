/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * How many times slower than native code is the interpreter, with and without the guard?
 *
 * Each program of bench/prog is there twice, compiled by the same clang at -O2. Rounds of native,
 * bare and guarded runs alternate, so that a machine that gets slower slows all; the ratio is that
 * of the medians, the result the geometric mean over the programs. Prints `key value` lines.
 *
 * usage: bench_interp DIR    where the <name>.bpf.o are
 */
#include "base/mem.h"
#include "vm/vm.h"
#include <errno.h>
#include <fcntl.h>
#include <libelf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROGS(P) P(loop64) P(sieve) P(checksum) P(jhash) P(strcmp) P(matrix) P(calls)
#define ROUNDS   21
#define ROUND_NS 1500000

#define DECLARE(name) u64 bench_##name(void *mem);
PROGS(DECLARE)

static const struct {
	const char *name;
	u64 (*native)(void *mem);
} benches[] = {
#define ENTRY(name) {#name, bench_##name},
	PROGS(ENTRY)};

enum { NATIVE, BARE, GUARDED, NR_WAYS };

static u64 mem[512];

static void fill_memory(void)
{
	u64 x = 88172645463325252ull;
	u8 *text = (u8 *)mem + 2048;

	for (size_t i = 0; i < 512; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		mem[i] = x;
	}
	memset(text, 'x', 512);
	text[255] = text[511] = 0;
}

static u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

/* The instructions of an object: its .text, which begins with the entry. */
static int read_object(const char *path, struct prog *prog)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	Elf_Scn *scn = NULL;

	while (elf && (scn = elf_nextscn(elf, scn))) {
		Elf64_Shdr *sh = elf64_getshdr(scn);
		Elf_Data *data = elf_getdata(scn, NULL);

		if (!sh || !(sh->sh_flags & SHF_EXECINSTR) || !data || !data->d_size)
			continue;
		prog->nr_insns = (u32)(data->d_size / sizeof(*prog->insns));
		prog->insns = mem_alloc(data->d_size);
		memcpy(prog->insns, data->d_buf, data->d_size);
	}
	elf_end(elf);
	if (fd >= 0)
		close(fd);
	return prog->insns ? 0 : -ENOENT;
}

static u64 run(u32 bench, struct vm_prog *code, u64 times)
{
	struct skep_diag diag = {0};
	u64 ret = 0;

	if (!code) {
		while (times--)
			ret = benches[bench].native(mem);
		return ret;
	}
	while (times--)
		if (vm_exec(code, NULL, mem, sizeof(mem), &ret, &diag)) {
			fprintf(stderr, "%s: %s: %s\n", benches[bench].name, diag.where,
				diag.message);
			exit(1);
		}
	return ret;
}

static u64 time_of(u32 bench, struct vm_prog *code, u64 times)
{
	u64 start = now();

	run(bench, code, times);
	return now() - start;
}

/* How often it fits into a round. */
static u64 calibrate(u32 bench, struct vm_prog *code)
{
	u64 times = 1;

	while (time_of(bench, code, times) < ROUND_NS / 4)
		times *= 2;
	return times * 4;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* ns of one run, by way: the medians of alternating rounds. */
static void measure(u32 bench, struct vm_prog *const code[NR_WAYS], double ns[NR_WAYS])
{
	double samples[NR_WAYS][ROUNDS];
	u64 times[NR_WAYS];

	for (int way = 0; way < NR_WAYS; way++)
		times[way] = calibrate(bench, code[way]);
	for (int round = 0; round < ROUNDS; round++)
		for (int way = 0; way < NR_WAYS; way++)
			samples[way][round] = (double)time_of(bench, code[way], times[way]) /
					      (double)times[way];
	for (int way = 0; way < NR_WAYS; way++) {
		qsort(samples[way], ROUNDS, sizeof(double), by_value);
		ns[way] = samples[way][ROUNDS / 2];
	}
}

static struct vm_prog *load(struct vm **vm, const struct prog *prog, bool no_guard)
{
	struct vm_opts opts = {.no_guard = no_guard};
	struct skep_diag diag = {0};
	struct vm_prog *code = NULL;

	if (vm_new(NULL, 0, &opts, vm, &diag) || vm_prog_new(*vm, prog, &code, &diag)) {
		fprintf(stderr, "%s: %s: %s\n", prog->name, diag.where, diag.message);
		exit(1);
	}
	return code;
}

/* One program: its two ratios. */
static void bench(u32 i, const char *dir, double *bare, double *guarded)
{
	struct prog prog = {.name = benches[i].name, .license = "GPL"};
	struct vm *vm_bare, *vm_guarded;
	struct vm_prog *code[NR_WAYS] = {0};
	double ns[NR_WAYS];
	char *path = mem_printf("%s/%s.bpf.o", dir, prog.name);

	if (read_object(path, &prog)) {
		fprintf(stderr, "%s: not readable\n", path);
		exit(1);
	}
	code[BARE] = load(&vm_bare, &prog, true);
	code[GUARDED] = load(&vm_guarded, &prog, false);
	fill_memory();
	if (run(i, NULL, 1) != run(i, code[BARE], 1) ||
	    run(i, NULL, 1) != run(i, code[GUARDED], 1)) {
		fprintf(stderr, "%s: the answers differ\n", prog.name);
		exit(1);
	}
	measure(i, code, ns);
	*bare = ns[BARE] / ns[NATIVE];
	*guarded = ns[GUARDED] / ns[NATIVE];
	printf("interp_%s_vs_native %.2f\n", prog.name, *bare);
	printf("interp_guard_%s_vs_native %.2f\n", prog.name, *guarded);
	printf("interp_%s_ns %.0f\n", prog.name, ns[BARE]);
	vm_free(vm_bare);
	vm_free(vm_guarded);
	mem_free(prog.insns);
	mem_free(path);
}

int main(int argc, char **argv)
{
	double bare, guarded, log_bare = 0, log_guarded = 0;

	if (argc != 2 || elf_version(EV_CURRENT) == EV_NONE) {
		fprintf(stderr, "usage: bench_interp DIR\n");
		return 2;
	}
	for (u32 i = 0; i < ARRAY_SIZE(benches); i++) {
		bench(i, argv[1], &bare, &guarded);
		log_bare += log(bare);
		log_guarded += log(guarded);
	}
	printf("interp_vs_native %.2f\n", exp(log_bare / ARRAY_SIZE(benches)));
	printf("interp_guard_vs_native %.2f\n", exp(log_guarded / ARRAY_SIZE(benches)));
	return 0;
}
