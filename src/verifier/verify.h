/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The verifier: may this program run? Linux' answer, given without Linux.
 *
 * verify() explores every path of a relocated program. It accepts only what it has shown to be
 * safe; what it does not know how to judge it refuses with the id "not-modelled".
 */
#ifndef VERIFIER_VERIFY_H
#define VERIFIER_VERIFY_H

#include "base/diag.h"
#include "map/map.h"
#include "prog/prog.h"

struct btf;

/* Limits, with the kernel's names where it has them. */
#define VERIFY_MAX_INSNS    1000000      /* processed: BPF_COMPLEXITY_LIMIT_INSNS */
#define VERIFY_MAX_PENDING  8192         /* BPF_COMPLEXITY_LIMIT_JMP_SEQ */
#define VERIFY_MAX_SUBPROGS 256          /* BPF_MAX_SUBPROGS */
#define VERIFY_MAX_MAPS     64           /* MAX_USED_MAPS */
#define VERIFY_MAX_MEMORY   (1ull << 30) /* bytes of states: ours; Linux has no such limit */
#define VERIFY_MAX_LOG      (64u << 20)

struct verify_map {
	const struct map_def *def;
	const void
		*data; /* contents of a map that nobody can write (.rodata); NULL: not constant */
	size_t data_size;
};

struct verify_opts {
	const struct btf *btf;         /* the object's; NULL: none */
	const struct btf *kernel_btf;  /* NULL: none */
	const struct verify_map *maps; /* by the object's index */
	u32 nr_maps;
	u32 log_level; /* 0: the refusal only; 1: the last path; 2: everything */
};

struct verify_stats {
	u32 insns, processed, states, peak_states, max_states_per_insn;
	u32 stack; /* bytes of the deepest chain of calls */
	u64 ns;
};

struct verify_result {
	int err;        /* 0: accepted; -errno: what BPF_PROG_LOAD would give */
	const char *id; /* of the refusal, "" if accepted; points to id_text */
	char id_text[48];
	const char *hint;  /* "" where there is none */
	char message[512]; /* the last line of the kernel's log */
	s32 insn;          /* where; -1: nowhere */
	char *log;         /* the text of the kernel's log; never NULL */
	struct verify_stats stats;
	struct verify_fact *facts; /* of each instruction, for the JIT; NULL if refused */
};

/* What is known of an instruction on every path. */
struct verify_fact {
	u32 seen : 1;    /* reached on some path */
	u32 map : 16;    /* of a call or a ld_imm64: index of the map + 1; 0: several, none */
	u32 has_key : 1; /* a constant key: key */
	u32 key;
	u32 reg_type; /* kind of the pointer of a memory access, REG_* */
};

/*
 * 0 and *ret, whatever the verdict; -ENOMEM. *ret is the caller's to free. prog must be relocated
 * and is not changed.
 */
int verify(const struct prog *prog, const struct verify_opts *opts, struct verify_result **ret,
	   struct skep_diag *diag);
struct verify_result *verify_result_free(struct verify_result *res); /* NULL is fine */

#endif
