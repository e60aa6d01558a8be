/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The instructions of a loaded program as the kernel has them: rewritten by its verifier (xlated),
 * and translated for the machine (jited), beside the source lines that its BTF knows.
 */
#ifndef ENGINE_KERNEL_OBJINSNS_H
#define ENGINE_KERNEL_OBJINSNS_H

#include "base/strbuf.h"
#include "engine/kernel_objs.h"
#include "object/object.h"

struct objinsns_line {
	u32 insn; /* from here on */
	u32 line;
	const char *file, *text;
};

struct objinsns_func {
	u32 insn;
	const char *name;
	u64 addr; /* jited */
	u32 size;
};

/* What one program gives; all of it lies in the world's arena. */
struct objinsns {
	struct kobj_world *w;
	struct bpf_prog_info info;
	const char *name;
	struct bpf_insn *insns; /* NULL: hidden */
	u32 nr_insns;
	u8 *jited; /* NULL: hidden, or not asked for */
	u32 jited_size;
	struct objinsns_line *lines; /* sorted */
	u64 *line_addrs;             /* jited: of each line, 0: not known */
	u32 nr_lines;
	struct objinsns_func *funcs; /* at least one */
	u32 nr_funcs;
	u64 call_base; /* what calls of helpers count from; 0: not known */
};

typedef int (*objinsns_write)(void *ctx, const char *text, size_t size);

/* Print the program behind an fd. */
int objinsns_print(struct kobj_world *w, int fd, bool jited, objinsns_write write, void *ctx,
		   struct skep_diag *diag);
/* By id; or all programs of an object, or that one, loaded for this. */
int objinsns_print_id(u32 id, bool jited, objinsns_write write, void *ctx, struct skep_diag *diag);
int objinsns_print_object(struct object *obj, const char *prog, bool jited, objinsns_write write,
			  void *ctx, struct skep_diag *diag);

void objinsns_put_line(struct strbuf *sb, const struct objinsns *o, u32 idx);
/* "bpf_map_lookup_elem", or NULL: the function of the kernel, or of a program, at an address. */
const char *objinsns_symbol(const struct objinsns *o, u64 addr);

/* kernel_objjit.c: the machine's instructions by capstone. */
int objinsns_print_jited(const struct objinsns *o, objinsns_write write, void *ctx,
			 struct skep_diag *diag);

#endif
