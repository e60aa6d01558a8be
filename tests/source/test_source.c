/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs as tutorials print them, with what people forget. The second line of each says what
 * has to happen: "expect ok", "expect mend TEXT" (it compiles, and a warning says TEXT), or
 * "expect error TEXT" (it does not, and the diagnosis holds TEXT).
 */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include <elf.h>
#include <errno.h>
#include <glob.h>
#include <skep/log.h>
#include <skep/source.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct strbuf said;

static void keep_log(void *ctx, enum skep_log_level level, const char *text)
{
	if (level == SKEP_LOG_WARN)
		strbuf_printf(&said, "%s\n", text);
}

static bool is_bpf(const void *object, size_t size)
{
	const Elf64_Ehdr *h = object;

	return size > sizeof(*h) && !memcmp(h->e_ident, ELFMAG, SELFMAG) && h->e_machine == EM_BPF;
}

static void show(const char *path, const struct skep_diag *diag)
{
	char text[1200];

	skep_diag_format(diag, text, sizeof(text));
	printf("# %s: %s\n", path, text);
	for (const char *s = strbuf_str(&said); *s; s += strcspn(s, "\n") + 1)
		printf("# %.*s\n", (int)strcspn(s, "\n"), s);
}

static void check_outcome(const char *path, const char *want, int err, struct skep_diag *diag)
{
	char text[1200];
	int good;

	skep_diag_format(diag, text, sizeof(text));
	if (!strncmp(want, "mend ", 5))
		good = ok(!err && strstr(strbuf_str(&said), want + 5), "%s: %s", path, want);
	else if (!strncmp(want, "error ", 6))
		good = ok(err == -EINVAL && strstr(text, want + 6), "%s: %s", path, want);
	else
		good = ok(!err && !strcmp(want, "ok"), "%s: %s", path, want);
	if (!good)
		show(path, diag);
}

static void check_case(const char *path)
{
	struct skep_diag diag = {};
	char *text, *want;
	void *object = NULL;
	size_t size = 0;
	int err;

	if (file_read(path, 0, &text, &size, NULL))
		return;
	want = strstr(text, "/* expect ");
	if (!want || !strstr(want, " */\n")) {
		ok(0, "%s says what to expect", path);
		mem_free(text);
		return;
	}
	*strstr(want, " */\n") = 0;
	strbuf_reset(&said);
	err = skep_source_compile(path, NULL, &object, &size, &diag);
	check_outcome(path, want + strlen("/* expect "), err, &diag);
	if (!err && !is_bpf(object, size))
		ok(0, "%s: the object is BPF", path);
	skep_source_free(object);
	mem_free(text);
}

static void check_cases(const char *pattern)
{
	glob_t g;

	if (glob(pattern, 0, NULL, &g)) {
		ok(0, "there are cases");
		return;
	}
	for (size_t i = 0; i < g.gl_pathc; i++)
		check_case(g.gl_pathv[i]);
	globfree(&g);
}

static int compile(const char *path, const struct skep_source_opts *opts, struct skep_diag *diag)
{
	void *object = NULL;
	size_t size;
	int err = skep_source_compile(path, opts, &object, &size, diag);

	skep_source_free(object);
	return err;
}

#define MINIMAL "tests/source/cases/minimal.bpf.c"
#define VMLINUX "tests/source/cases/local_header.bpf.c"

static void check_no_clang(void)
{
	struct skep_source_opts opts = {.sz = sizeof(opts), .clang = "/nowhere/clang"};
	struct skep_diag diag = {};

	is_int(compile(MINIMAL, &opts, &diag), -ENOENT, "no clang");
	is_str(diag.id, "no-clang", "it says so");
	ok(strstr(diag.hint, "apt install clang") && strstr(diag.hint, "dnf install clang"),
	   "and what to do");
	skep_diag_clear(&diag);
	is_int(compile("tests/source/cases/nowhere.bpf.c", NULL, &diag), -ENOENT, "no file");
}

static void check_cflags(void)
{
	const char *flags[] = {"-Dnothing_of_this_name=XDP_DROP", "-Werror", NULL};
	struct skep_source_opts opts = {.sz = sizeof(opts), .cflags = flags};
	struct skep_diag diag = {};

	is_int(compile("tests/source/cases/undeclared.bpf.c", &opts, &diag), 0,
	       "cflags are passed");
}

/* BTF of an older kernel, without tags of kfuncs, and not the running one's. */
static void check_shipped_btf(void)
{
	struct skep_source_opts opts = {.sz = sizeof(opts),
					.btf_path = "share/btf/vmlinux-6.12.btf.zst"};
	struct skep_diag diag = {};

	if (!is_int(compile("tests/source/cases/newer_libbpf.bpf.c", &opts, &diag), 0,
		    "with the BTF that is shipped"))
		show("newer_libbpf.bpf.c", &diag);
}

static void check_no_memory(void)
{
	int err = 0;
	u64 n, live;

	strbuf_done(&said);
	live = mem_live();
	for (n = 1; n < 400; n += 1 + n / 8) {
		struct skep_diag diag = {};

		mem_fail_at(n);
		err = compile("tests/source/cases/no_such_header.bpf.c", NULL, &diag);
		mem_fail_at(0);
		if (err != -ENOMEM && err != -EINVAL && err != -EIO)
			break;
	}
	strbuf_done(&said);
	ok(n >= 400, "the n-th allocation fails: an error each time");
	is_int(mem_live(), live, "and nothing is lost");
}

/* In a child, since the environment is the process's: nobody, without a home or a cache. */
static void check_no_home(void)
{
	struct skep_diag diag = {};
	bool other = tap_may_become(65534);
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		unsetenv("HOME");
		unsetenv("XDG_CACHE_HOME");
		if (other && (setgid(65534) || setuid(65534)))
			_exit(2);
		status = compile(VMLINUX, NULL, &diag);
		if (status)
			show(VMLINUX, &diag);
		_exit(status ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "%s, without a home, compiles with vmlinux.h",
	       other ? "nobody" : "this user");
}

static void check_cache(void)
{
	char dir[] = "/tmp/skep-test.XXXXXX", path[80];
	struct stat a, b;
	glob_t g;

	if (!mkdtemp(dir))
		return;
	setenv("XDG_CACHE_HOME", dir, 1);
	snprintf(path, sizeof(path), "%s/skep/vmlinux-*.h", dir);
	is_int(compile(VMLINUX, NULL, NULL), 0, "a new cache");
	if (ok(!glob(path, 0, NULL, &g) && g.gl_pathc == 1, "one header is in it")) {
		ok(!stat(g.gl_pathv[0], &a) && a.st_size > 1000000, "a whole one");
		is_int(compile(VMLINUX, NULL, NULL), 0, "once more");
		ok(!stat(g.gl_pathv[0], &b) && a.st_ino == b.st_ino, "it was used again");
		chmod(g.gl_pathv[0], 0666);
		is_int(compile(VMLINUX, NULL, NULL), 0, "one that others could write");
		ok(!stat(g.gl_pathv[0], &b) && a.st_ino != b.st_ino, "is made anew");
		unlink(g.gl_pathv[0]);
		globfree(&g);
	}
	snprintf(path, sizeof(path), "%s/skep", dir);
	rmdir(path);
	is_int(rmdir(dir), 0, "nothing else is left in the cache");
}

int main(void)
{
	skep_log_set(keep_log, NULL);
	check_no_clang();
	check_cflags();
	check_no_memory();
	check_no_home();
	check_shipped_btf();
	check_cases("tests/source/cases/*.bpf.c");
	check_cache();
	strbuf_done(&said);
	return tap_done();
}
