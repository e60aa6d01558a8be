/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * From C to an object: what the files of this room share. The way of a compilation is
 * compile.c's; clang.c finds and runs the compiler, report.c reads what it says, mend.c decides
 * what to add for another try, vmlinux.c makes the header of the kernel's types, macros.c knows
 * the macros that BTF does not hold.
 *
 * Nothing is written to disk but the cached vmlinux.h. Whatever else clang has to see goes to it
 * through memory files and a virtual directory (-ivfsoverlay), and the object comes back through a
 * pipe: nothing can be left behind, whatever ends us.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include <skep/source.h>

/* The directory that exists for clang only. */
#define SOURCE_VDIR "/skep-include"

struct btf;

/* --- clang.c --- */

/* The compiler's path into arena; asked is what the caller named, or NULL. */
int clang_find(const char *asked, struct arena *arena, const char **ret, struct skep_diag *diag);
/* The version that the path itself tells ("…/llvm-14/bin/clang"), 0 when it does not. */
int clang_version(const char *path);

struct clang_result {
	struct strbuf object, text; /* standard output and standard error */
	int status;                 /* of waitpid */
};
/* Run and collect. fds are those that the child inherits under the same numbers, ended by -1; the
 * first is its standard input too. */
int clang_run(char *const *argv, const int *fds, struct clang_result *ret, struct skep_diag *diag);
void clang_result_done(struct clang_result *r);
/* A memory file with that text, at a number that no standard stream has. -errno. */
int clang_memfd(const char *name, const void *data, size_t size);

/* --- report.c --- */

struct report_line {
	enum report_kind {
		REPORT_ERROR,
		REPORT_WARNING,
		REPORT_NOTE,
	} kind;
	const char *file; /* "" where clang names none */
	u32 line, col;
	const char *text;
};
struct report {
	struct report_line *lines; /* in clang's order */
	size_t nr, room;
	const char **headers; /* what was included, by -H */
	size_t nr_headers, headers_room;
	size_t nr_errors;
};
/* All strings are copied into the arena. */
int report_parse(const char *text, struct arena *arena, struct report *ret);
const struct report_line *report_first_error(const struct report *r);
bool report_has_header(const struct report *r, const char *tail);
void report_done(struct report *r);
/* What is between the n-th (0…) pair of quotes, in arena; NULL if there is no such pair. */
const char *report_quoted(struct arena *arena, const char *text, unsigned int n);
/* Every line but those of -H to the log. */
void report_log(const char *text);

/* --- macros.c --- */

struct macro {
	const char *header; /* where the name lives in C */
	const char *name, *args, *value;
};
const struct macro *macro_find(const char *name);
/* The macros as C text, without those that are enumerators of the BTF (NULL: all). */
void macros_write(struct strbuf *sb, const struct btf *btf);

/* --- mend.c --- */

struct mend {
	VEC(const char *) flags;   /* for clang, in front of the program */
	VEC(const char *) hidden;  /* paths of headers that are empty for clang */
	VEC(const char *) renamed; /* "struct x": types of vmlinux.h that the program has too */
	VEC(const char *) notes;   /* what was done, in words */
};
/* Decide what to change after a failed run. Returns how many things were added. */
int mend_plan(const struct report *r, const char *path, struct arena *arena, struct mend *m);
/* The header in which a name lives; NULL: not known. */
const char *mend_header_of(const char *name);
/* Advice on an error that stays; "" if there is none. */
const char *mend_hint(const struct report *r, const struct report_line *err, struct arena *arena);
void mend_done(struct mend *m);

/* --- vmlinux.c --- */

/*
 * vmlinux.h for that BTF: a path in the cache (in arena), or where nothing can be cached the text,
 * which the caller frees with strbuf_done; *ret_path is NULL then.
 */
int vmlinux_header(const char *btf_path, struct arena *arena, const char **ret_path,
		   struct strbuf *ret_text, struct skep_diag *diag);
/*
 * The text with types renamed to a flavour ("struct x" to "struct x___kernel"), so that the
 * program's own types of these names stand beside them; CO-RE knows both by the same name.
 */
void vmlinux_rename(const char *text, const char *const *names, size_t nr, struct strbuf *ret);
/* Its text, without a cache. */
int vmlinux_write(const struct btf *btf, struct strbuf *sb, struct skep_diag *diag);

#endif
