/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * skep_source_compile: find clang, run it, and where it refuses for a reason that has a mechanical
 * answer (mend.c), run it again with that. Each round adds something or is the last one.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "source/source.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* A program lacks at most the handful of libbpf's headers and what they bring to light. */
#define MAX_ROUNDS 8

struct job {
	const char *path, *dir; /* as clang sees it; its directory */
	const struct skep_source_opts *opts;
	struct arena arena;
	const char *clang;
	bool wants_vmlinux;       /* the header was made */
	const char *vmlinux_path; /* in the cache, or NULL: */
	struct strbuf vmlinux;    /* the text */
	size_t nr_renamed;        /* of mend.renamed, how many the text has */
	int vmlinux_fd, overlay_fd;
	int macros_fd; /* skep_macros.h, for a program that includes it; -1: none does */
	int empty_fd;  /* clang's stdin and its empty headers; /dev/null need not be there */
	char empty_path[32];
	struct mend mend;
	VEC(char *) argv;
};

/* machine of uname, clang's name of it in libbpf's headers, the directory of Debian's headers */
static const struct {
	const char *machine, *target, *triplet;
} archs[] = {
	/* clang-format off */
	{"x86_64",      "-D__TARGET_ARCH_x86",       "/usr/include/x86_64-linux-gnu"},
	{"aarch64",     "-D__TARGET_ARCH_arm64",     "/usr/include/aarch64-linux-gnu"},
	{"riscv64",     "-D__TARGET_ARCH_riscv",     "/usr/include/riscv64-linux-gnu"},
	{"s390x",       "-D__TARGET_ARCH_s390",      "/usr/include/s390x-linux-gnu"},
	{"ppc64le",     "-D__TARGET_ARCH_powerpc",   "/usr/include/powerpc64le-linux-gnu"},
	{"loongarch64", "-D__TARGET_ARCH_loongarch", "/usr/include/loongarch64-linux-gnu"},
	/* clang-format on */
};

static const char *const base_flags[] = {
	"-target",
	"bpf",
	"-mcpu=v3",
	"-g",
	"-O2",
	"-H",
	"-fno-color-diagnostics",
	"-ferror-limit=0",
	"-fno-stack-protector",
	/* BTF of kernels from 7.0 on has tagged structs as anonymous members */
	"-fms-extensions",
	"-Wno-microsoft-anon-tag",
	"-Wno-unknown-warning-option",
	/* a call to what nobody declared can't be linked: say it where it stands */
	"-Werror=implicit-function-declaration",
	"-Werror=implicit-int",
	"-Wno-macro-redefined",
	"-Wno-missing-declarations",
	"-Wno-compare-distinct-pointer-types",
	"-Wno-address-of-packed-member",
	"-Wno-pass-failed",
};

static const char *const after_dirs[] = {"/usr/include/bpf", "/usr/local/include/bpf"};

static void add_arg(struct job *j, const char *arg)
{
	char **p = VEC_PUSH(&j->argv);

	if (p)
		*p = (char *)arg;
}

static void add_args(struct job *j, const char *const *args, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		add_arg(j, args[i]);
}

static void add_after_dir(struct job *j, const char *dir)
{
	add_arg(j, "-idirafter");
	add_arg(j, dir);
}

static void add_arch(struct job *j)
{
	struct utsname u;

	if (uname(&u))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++) {
		if (strcmp(archs[i].machine, u.machine))
			continue;
		add_arg(j, archs[i].target);
		add_after_dir(j, archs[i].triplet);
	}
}

/*
 * The caller's flags stand behind ours, so that they win; the virtual directory comes after all
 * others, so that a vmlinux.h of the program's own wins.
 */
static int build_argv(struct job *j, struct skep_diag *diag)
{
	j->argv.nr = 0;
	add_arg(j, j->clang);
	add_args(j, base_flags, ARRAY_SIZE(base_flags));
	add_arch(j);
	for (size_t i = 0; i < ARRAY_SIZE(after_dirs); i++)
		if (!access(after_dirs[i], X_OK))
			add_after_dir(j, after_dirs[i]);
	for (const char *const *f = j->opts->cflags; f && *f; f++)
		add_arg(j, *f);
	add_arg(j, "-I");
	add_arg(j, j->dir);
	add_arg(j, "-ivfsoverlay");
	add_arg(j, arena_printf(&j->arena, "/proc/self/fd/%d", j->overlay_fd));
	add_after_dir(j, SOURCE_VDIR);
	add_args(j, j->mend.flags.data, j->mend.flags.nr);
	add_arg(j, "-x");
	add_arg(j, "c");
	add_arg(j, "-c");
	add_arg(j, j->path);
	add_arg(j, "-o");
	add_arg(j, "-");
	add_arg(j, NULL);
	for (size_t i = 0; i + 1 < j->argv.nr; i++)
		if (!j->argv.data[i])
			return diag_nomem(diag);
	return j->argv.nr && !j->argv.data[j->argv.nr - 1] ? 0 : diag_nomem(diag);
}

static void overlay_file(struct strbuf *sb, const char *name, const char *contents)
{
	strbuf_puts(sb, "{\"type\":\"file\",\"name\":");
	strbuf_json_string(sb, name, strlen(name));
	strbuf_puts(sb, ",\"external-contents\":");
	strbuf_json_string(sb, contents, strlen(contents));
	strbuf_puts(sb, "},\n");
}

/* Headers that are empty for clang: same path, no contents. */
static void overlay_hidden(struct job *j, struct strbuf *sb)
{
	for (size_t i = 0; i < j->mend.hidden.nr; i++) {
		const char *path = j->mend.hidden.data[i], *slash = strrchr(path, '/');

		strbuf_puts(sb, "{\"type\":\"directory\",\"name\":");
		strbuf_json_string(sb, path, (size_t)(slash - path));
		strbuf_puts(sb, ",\"contents\":[\n");
		overlay_file(sb, slash + 1, j->empty_path);
		strbuf_puts(sb, "]},\n");
	}
}

/*
 * glibc's headers ask for gnu/stubs-32.h since no processor is defined; few machines have it, and
 * it holds nothing that matters here.
 */
static void overlay_text(struct job *j, struct strbuf *sb)
{
	char fd_path[40];

	strbuf_puts(sb,
		    "{\"version\":0,\"case-sensitive\":\"true\",\"use-external-names\":\"false\","
		    "\n\"roots\":[\n");
	overlay_hidden(j, sb);
	strbuf_puts(sb,
		    "{\"type\":\"directory\",\"name\":\"" SOURCE_VDIR "/gnu\",\"contents\":[\n");
	overlay_file(sb, "stubs-32.h", j->empty_path);
	strbuf_puts(sb,
		    "]},\n{\"type\":\"directory\",\"name\":\"" SOURCE_VDIR "\",\"contents\":[\n");
	if (j->vmlinux_fd >= 0) {
		snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", j->vmlinux_fd);
		overlay_file(sb, "vmlinux.h", fd_path);
	} else if (j->vmlinux_path) {
		overlay_file(sb, "vmlinux.h", j->vmlinux_path);
	}
	if (j->macros_fd >= 0) {
		snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", j->macros_fd);
		overlay_file(sb, "skep_macros.h", fd_path);
	}
	strbuf_puts(sb, "]}\n]}\n");
}

static int make_overlay(struct job *j, struct skep_diag *diag)
{
	struct strbuf sb = {};
	int fd;

	overlay_text(j, &sb);
	fd = sb.failed ? -ENOMEM : clang_memfd("skep-overlay", sb.s, sb.len);
	strbuf_done(&sb);
	if (fd < 0)
		return diag_set(diag, fd, "memory file: %s", strerror(-fd));
	if (j->overlay_fd >= 0)
		close(j->overlay_fd);
	j->overlay_fd = fd;
	return 0;
}

/* From here on clang sees this text as vmlinux.h. */
static int set_vmlinux(struct job *j, const struct strbuf *text, struct skep_diag *diag)
{
	int fd = text->failed ? -ENOMEM : clang_memfd("skep-vmlinux", text->s, text->len);

	if (fd < 0)
		return diag_set(diag, fd, "memory file: %s", strerror(-fd));
	if (j->vmlinux_fd >= 0)
		close(j->vmlinux_fd);
	j->vmlinux_fd = fd;
	return 0;
}

static int rename_types(struct job *j, struct skep_diag *diag)
{
	struct strbuf renamed = {};
	int err;

	if (j->vmlinux_path && !j->vmlinux.len) {
		char *text;
		size_t size;

		err = file_read(j->vmlinux_path, 0, &text, &size, diag);
		if (err)
			return err;
		strbuf_add(&j->vmlinux, text, size);
		mem_free(text);
	}
	vmlinux_rename(strbuf_str(&j->vmlinux), j->mend.renamed.data, j->mend.renamed.nr, &renamed);
	renamed.failed = renamed.failed || j->vmlinux.failed;
	err = set_vmlinux(j, &renamed, diag);
	strbuf_done(&renamed);
	return err;
}

static int need_vmlinux(struct job *j, struct skep_diag *diag)
{
	int err;

	if (j->wants_vmlinux)
		return 0;
	err = vmlinux_header(j->opts->btf_path, &j->arena, &j->vmlinux_path, &j->vmlinux, diag);
	if (err)
		return err;
	j->wants_vmlinux = true;
	if (j->vmlinux_path)
		return 0;
	return set_vmlinux(j, &j->vmlinux, diag);
}

/* What the installation has in share/skep/include is here in every case, as vmlinux.h is. */
static int need_macros(struct job *j, struct skep_diag *diag)
{
	struct strbuf text = {};

	strbuf_puts(&text, "#pragma once\n");
	macros_write(&text, NULL);
	j->macros_fd = text.failed ? -ENOMEM : clang_memfd("skep-macros", text.s, text.len);
	strbuf_done(&text);
	if (j->macros_fd < 0)
		return diag_set(diag, j->macros_fd, "memory file: %s", strerror(-j->macros_fd));
	return 0;
}

static int run(struct job *j, struct clang_result *res, struct skep_diag *diag)
{
	int err = 0, fds[5], nr = 0;

	if (j->mend.renamed.nr > j->nr_renamed) {
		j->nr_renamed = j->mend.renamed.nr;
		err = rename_types(j, diag);
	}
	if (!err)
		err = make_overlay(j, diag);
	if (!err)
		err = build_argv(j, diag);
	if (err)
		return err;
	fds[nr++] = j->empty_fd;
	fds[nr++] = j->overlay_fd;
	if (j->vmlinux_fd >= 0)
		fds[nr++] = j->vmlinux_fd;
	if (j->macros_fd >= 0)
		fds[nr++] = j->macros_fd;
	fds[nr] = -1;
	return clang_run(j->argv.data, fds, res, diag);
}

/* Who lacks vmlinux.h is told by clang: most programs that are old or small do without. */
static bool lacks_vmlinux(const struct job *j, const struct report *r)
{
	if (j->wants_vmlinux)
		return false;
	for (size_t i = 0; i < r->nr; i++)
		if (strstr(r->lines[i].text, "vmlinux.h' file not found"))
			return true;
	for (size_t i = 0; i < j->mend.flags.nr; i++)
		if (!strcmp(j->mend.flags.data[i], "vmlinux.h"))
			return true;
	return false;
}

static bool lacks_macros(const struct job *j, const struct report *r)
{
	for (size_t i = 0; i < r->nr && j->macros_fd < 0; i++)
		if (strstr(r->lines[i].text, "skep_macros.h' file not found"))
			return true;
	return false;
}

static int say_signal(const struct job *j, int status, struct skep_diag *diag)
{
	int sig = WTERMSIG(status);

	return diag_set(diag, sig == SIGINT || sig == SIGTERM ? -EINTR : -EIO,
			"%s was ended by signal %d (%s)", j->clang, sig, strsignal(sig));
}

static int say_failure(struct job *j, const struct report *r, const char *text,
		       struct skep_diag *diag)
{
	const struct report_line *e = report_first_error(r);

	report_log(text);
	if (!e) {
		diag_set(diag, -EINVAL, "%s failed and did not say why", j->clang);
		return diag_at(diag, -EINVAL, "%s", j->path);
	}
	diag_set_full(diag, -EINVAL, "compile", mend_hint(r, e, &j->arena), "%s%s", e->text,
		      r->nr_errors > 1 ? " (and more, see above)" : "");
	if (e->line)
		return diag_at(diag, -EINVAL, "%s:%u:%u", e->file, e->line, e->col);
	return diag_at(diag, -EINVAL, "%s", j->path);
}

static int finish(struct job *j, struct clang_result *res, void **ret, size_t *ret_size,
		  struct skep_diag *diag)
{
	if (res->object.failed || res->object.len < 4 || memcmp(res->object.s, "\177ELF", 4))
		return diag_set(diag, -EIO, "%s gave no object", j->clang);
	for (size_t i = 0; i < j->mend.notes.nr; i++)
		log_warn("%s: %s", j->path, j->mend.notes.data[i]);
	report_log(strbuf_str(&res->text));
	*ret = res->object.s;
	*ret_size = res->object.len;
	memset(&res->object, 0, sizeof(res->object));
	return 0;
}

/* 1: something was added, try again. 0: done. */
static int round_once(struct job *j, bool last, void **ret, size_t *ret_size,
		      struct skep_diag *diag)
{
	struct clang_result res = {};
	struct report report;
	int err = run(j, &res, diag);

	if (err)
		goto free_result;
	if (WIFSIGNALED(res.status)) {
		err = say_signal(j, res.status, diag);
		goto free_result;
	}
	if (!res.status) {
		err = finish(j, &res, ret, ret_size, diag);
		goto free_result;
	}
	if (report_parse(strbuf_str(&res.text), &j->arena, &report)) {
		err = diag_nomem(diag);
		goto free_result;
	}
	if (lacks_macros(j, &report))
		err = need_macros(j, diag) ?: 1;
	else if (lacks_vmlinux(j, &report))
		err = need_vmlinux(j, diag) ?: 1;
	else if (!last && mend_plan(&report, j->path, &j->arena, &j->mend))
		err = lacks_vmlinux(j, &report) ? need_vmlinux(j, diag) ?: 1 : 1;
	else
		err = say_failure(j, &report, strbuf_str(&res.text), diag);
	report_done(&report);
free_result:
	clang_result_done(&res);
	return err;
}

static int init_job(struct job *j, const char *path, const struct skep_source_opts *opts,
		    struct skep_diag *diag)
{
	const char *slash;

	j->opts = opts;
	j->vmlinux_fd = j->overlay_fd = j->empty_fd = j->macros_fd = -1;
	j->path = path[0] == '-' ? arena_printf(&j->arena, "./%s", path) : path;
	if (!j->path)
		return diag_nomem(diag);
	slash = strrchr(j->path, '/');
	j->dir = slash ? arena_strndup(&j->arena, j->path, (size_t)(slash - j->path) + 1) : ".";
	if (!j->dir)
		return diag_nomem(diag);
	if (access(path, R_OK))
		return diag_set(diag, -errno, "can't read %s: %s", path, strerror(errno));
	if (access("/proc/self/fd", X_OK))
		return diag_set_full(diag, -ENOENT, "no-proc", "mount -t proc proc /proc",
				     "clang is given headers through /proc, which is not mounted");
	j->empty_fd = clang_memfd("skep-empty", NULL, 0);
	if (j->empty_fd < 0)
		return diag_set(diag, j->empty_fd, "memory file: %s", strerror(-j->empty_fd));
	snprintf(j->empty_path, sizeof(j->empty_path), "/proc/self/fd/%d", j->empty_fd);
	return clang_find(opts->clang, &j->arena, &j->clang, diag);
}

static void free_job(struct job *j)
{
	mend_done(&j->mend);
	VEC_DONE(&j->argv);
	strbuf_done(&j->vmlinux);
	if (j->vmlinux_fd >= 0)
		close(j->vmlinux_fd);
	if (j->overlay_fd >= 0)
		close(j->overlay_fd);
	if (j->empty_fd >= 0)
		close(j->empty_fd);
	if (j->macros_fd >= 0)
		close(j->macros_fd);
	arena_done(&j->arena);
}

int skep_source_compile(const char *path, const struct skep_source_opts *opts, void **ret,
			size_t *ret_size, struct skep_diag *diag)
{
	struct skep_source_opts o = {};
	struct job j = {};
	int err;

	if (opts) /* a caller built with an older header knows fewer of them */
		memcpy(&o, opts, min_u64(opts->sz, sizeof(o)));
	err = init_job(&j, path, &o, diag);
	for (int i = 1; !err; i++) {
		err = round_once(&j, i >= MAX_ROUNDS, ret, ret_size, diag);
		if (err <= 0)
			break;
		err = 0;
	}
	free_job(&j);
	return err;
}

void skep_source_free(void *object)
{
	mem_free(object);
}
