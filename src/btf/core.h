/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * CO-RE: instructions that were compiled against one layout of types made right for another.
 *
 * A relocation names a local type, a way into it ("0:1:3") and what is wanted of the end of that
 * way: its offset, size, existence, … The types of the same name in the target are candidates; the
 * way is followed there by names, the wanted value is worked out on both sides, and the
 * instruction, which holds the local value, gets the target's.
 *
 * The rules are libbpf's, since programs are written for them (relo_core.c). Where the target lacks
 * the thing and that is no answer by itself, the instruction becomes a call that no verifier lets
 * pass: fine where it cannot be reached, an error where it can.
 */
#ifndef BTF_CORE_H
#define BTF_CORE_H

#include "base/diag.h"
#include <bpf/btf.h>
#include <linux/bpf.h>

#define CORE_MAX_WAY  64          /* steps of an access string, as libbpf's */
#define CORE_MAX_WORK 100000000ul /* members and names looked at in one load; a large one: 10^6 */
#define CORE_POISON   0xbad2310   /* helper number of an instruction that could not be relocated */

struct core;

/* local and target must outlive it. target may be NULL: then only local type ids can be had. */
int core_new(const struct btf *local, const struct btf *target, struct core **ret,
	     struct skep_diag *diag);
struct core *core_free(struct core *core); /* NULL is fine; returns NULL */

/* Relocate insn[0]; nr instructions (at least 1) follow up to the end of the function. */
int core_relocate(struct core *core, const struct bpf_core_relo *relo, struct bpf_insn *insn,
		  u32 nr, struct skep_diag *diag);

/* May the target's type stand for the local one (variables and functions of the kernel)? */
bool core_types_compat(const struct btf *local, u32 local_id, const struct btf *target,
		       u32 target_id);

/*
 * The part of target that nr relocations look at, for btf__free: relocating
 * against it gives what relocating against target gives. -ENOTSUP: it would not.
 */
int core_keep(const struct btf *local, const struct btf *target, const struct bpf_core_relo *relos,
	      u32 nr, struct btf **ret);

#endif
