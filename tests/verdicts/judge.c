/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Asks this machine's kernel for its verdict on every program of some objects, one program at a
 * time, and prints a JSON line for each:
 *
 *     judge [-u] OBJECT…
 *     judge -H BTF          prints vmlinux.h of that BTF, which the objects are compiled with
 *
 * -u asks a second time without capabilities, for programs that carry an annotation for that.
 * Annotations are the BTF declaration tags "comment:test_*" of Linux' own selftests; they are
 * printed as they are, the kernel's answer is what counts. Built and run by scripts/verdicts, with
 * the libbpf that comes with those selftests; bpf_prog_load is wrapped by the linker, so that what
 * was asked is known also where the library gives up earlier.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_SIZE   (16 << 20)
#define LOG_SHOWN  6000 /* bytes of a log's end that are printed */
#define PATIENCE_S 300  /* for one object; a million instructions take a while under emulation */
#define TAG        "comment:test_"

static char log_buf[LOG_SIZE];
static char libbpf_said[512]; /* the last warning: why the kernel was not asked */

/* What the kernel answered to the program that is being judged. */
static struct answer {
	const char *want; /* the program's name */
	bool asked;
	int err;
	size_t nr_insns;
	int type, attach_type;
} answer;

int __real_bpf_prog_load(enum bpf_prog_type type, const char *name, const char *license,
			 const struct bpf_insn *insns, size_t nr, struct bpf_prog_load_opts *opts);
int __wrap_bpf_prog_load(enum bpf_prog_type type, const char *name, const char *license,
			 const struct bpf_insn *insns, size_t nr, struct bpf_prog_load_opts *opts);

int __wrap_bpf_prog_load(enum bpf_prog_type type, const char *name, const char *license,
			 const struct bpf_insn *insns, size_t nr, struct bpf_prog_load_opts *opts)
{
	int fd = __real_bpf_prog_load(type, name, license, insns, nr, opts);
	int err = fd < 0 ? -errno : 0;

	if (answer.want && name && !strcmp(name, answer.want)) {
		answer.asked = true;
		answer.err = err;
		answer.nr_insns = nr;
		answer.type = (int)type;
		answer.attach_type = (int)opts->expected_attach_type;
	}
	errno = -err;
	return fd;
}

/* The kernel's BTF is read once, not for every program. A child may free its copy. */
static struct btf *kernel_btf;

struct btf *__wrap_btf__load_vmlinux_btf(void);

struct btf *__wrap_btf__load_vmlinux_btf(void)
{
	return kernel_btf;
}

static int on_message(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level == LIBBPF_WARN && !answer.asked && !libbpf_said[0]) /* the first is the cause */
		vsnprintf(libbpf_said, sizeof(libbpf_said), fmt, args);
	return 0;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void put_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c == '\n')
			printf("\\n");
		else if (c < 0x20 || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void put_field(const char *name, const char *value)
{
	printf(",\"%s\":", name);
	put_string(value);
}

/* --- annotations ------------------------------------------------------------------------------ */

/* The next tag of a function, without its prefix; NULL: no more. *at: where to go on. */
static const char *next_tag(const struct btf *btf, const char *func, unsigned int *at)
{
	int id = btf ? btf__find_by_name_kind(btf, func, BTF_KIND_FUNC) : -1;

	for (unsigned int n = btf ? btf__type_cnt(btf) : 0; id > 0 && *at < n; ++*at) {
		const struct btf_type *t = btf__type_by_id(btf, *at);
		const char *s;

		if (!btf_is_decl_tag(t) || (int)t->type != id ||
		    btf_decl_tag(t)->component_idx != -1)
			continue;
		s = btf__name_by_offset(btf, t->name_off);
		if (strncmp(s, TAG, strlen(TAG)))
			continue;
		++*at;
		return s + strlen(TAG);
	}
	return NULL;
}

static void put_tags(const struct btf *btf, const char *func)
{
	unsigned int at = 1;
	const char *tag, *sep = "";

	printf(",\"tags\":[");
	while ((tag = next_tag(btf, func, &at))) {
		fputs(sep, stdout);
		put_string(tag);
		sep = ",";
	}
	printf("]");
}

static bool has_tag(const struct btf *btf, const char *func, const char *prefix, const char **value)
{
	unsigned int at = 1;
	const char *tag;

	while ((tag = next_tag(btf, func, &at)))
		if (!strncmp(tag, prefix, strlen(prefix))) {
			*value = tag + strlen(prefix);
			return true;
		}
	return false;
}

static bool has_suffixed_tag(const struct btf *btf, const char *func, const char *word)
{
	unsigned int at = 1;
	const char *tag;

	while ((tag = next_tag(btf, func, &at)))
		if (strstr(tag, word))
			return true;
	return false;
}

/* "comment:test_prog_flags=BPF_F_ANY_ALIGNMENT" and "=!NAME" (not that one). */
static unsigned int tagged_flags(const struct btf *btf, const char *func)
{
	static const struct {
		const char *name;
		unsigned int bit;
	} flags[] = {
		{"BPF_F_STRICT_ALIGNMENT", BPF_F_STRICT_ALIGNMENT},
		{"BPF_F_ANY_ALIGNMENT", BPF_F_ANY_ALIGNMENT},
		{"BPF_F_TEST_RND_HI32", BPF_F_TEST_RND_HI32},
		{"BPF_F_TEST_STATE_FREQ", BPF_F_TEST_STATE_FREQ},
		{"BPF_F_SLEEPABLE", BPF_F_SLEEPABLE},
		{"BPF_F_XDP_HAS_FRAGS", BPF_F_XDP_HAS_FRAGS},
		{"BPF_F_TEST_REG_INVARIANTS", 1U << 7},
	};
	unsigned int at = 1, ret = 0;
	const char *tag;

	while ((tag = next_tag(btf, func, &at))) {
		bool off;

		if (strncmp(tag, "prog_flags=", strlen("prog_flags=")))
			continue;
		tag += strlen("prog_flags=");
		off = *tag == '!';
		tag += off;
		if (isdigit((unsigned char)*tag) && !off)
			ret |= (unsigned int)strtoul(tag, NULL, 0);
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			if (!strcmp(tag, flags[i].name))
				ret = off ? ret & ~flags[i].bit : ret | flags[i].bit;
	}
	return ret;
}

/* --- one program ------------------------------------------------------------------------------ */

/* Without CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_PERFMON and CAP_BPF, in this process only. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	static const int gone[] = {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF};

	if (syscall(SYS_capget, &head, data))
		return -errno;
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		data[gone[i] / 32].effective &= ~(1U << (gone[i] % 32));
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

/* The last line that says something: "processed …" and what follows a refusal are not it. */
static void put_message(void)
{
	char *end = strstr(log_buf, "\nprocessed "), *line;

	if (end) {
		char *next;

		while ((next = strstr(end + 1, "\nprocessed ")))
			end = next;
	} else {
		end = log_buf + strlen(log_buf);
	}
	while (end > log_buf && end[-1] == '\n')
		end--;
	for (line = end; line > log_buf && line[-1] != '\n'; line--)
		;
	char keep = *end;

	*end = 0;
	put_field("message", line);
	*end = keep;
}

static void put_log(void)
{
	size_t len = strlen(log_buf);
	unsigned long processed = 0, states = 0, peak = 0;
	const char *p = strstr(log_buf, "processed ");

	while (p && strstr(p + 1, "processed "))
		p = strstr(p + 1, "processed ");
	if (p) {
		sscanf(p, "processed %lu insns", &processed);
		p = strstr(p, "total_states");
		if (p)
			sscanf(p, "total_states %lu peak_states %lu", &states, &peak);
	}
	printf(",\"processed\":%lu,\"states\":%lu", processed, states);
	put_message();
	if (answer.err)
		put_field("log", len > LOG_SHOWN ? log_buf + len - LOG_SHOWN : log_buf);
}

static struct bpf_object *open_for(const char *path, const char *name, struct bpf_program **ret)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *p;

	if (!obj)
		return NULL;
	bpf_object__for_each_program(p, obj)
	{
		const char *unused;
		bool mine = !strcmp(bpf_program__name(p), name);

		bpf_program__set_autoload(p, mine || has_tag(bpf_object__btf(obj),
							     bpf_program__name(p), "auxiliary",
							     &unused));
		if (mine)
			*ret = p;
	}
	return obj;
}

static void prepare(struct bpf_object *obj, struct bpf_program *p)
{
	const char *level = "1";
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj)
	{
		bpf_map__set_autocreate(map, bpf_map__autocreate(map));
		bpf_map__set_pin_path(map, NULL);
	}
	has_tag(bpf_object__btf(obj), bpf_program__name(p), "log_level=", &level);
	bpf_program__set_log_level(p, (unsigned int)atoi(level));
	bpf_program__set_log_buf(p, log_buf, sizeof(log_buf));
	bpf_program__set_flags(p, bpf_program__flags(p) |
					  tagged_flags(bpf_object__btf(obj), bpf_program__name(p)));
}

/* In a child: whatever happens, the next program is asked. */
static void judge(const char *path, const char *name, bool unpriv)
{
	struct bpf_program *p = NULL;
	struct bpf_object *obj = open_for(path, name, &p);
	const char *file = strrchr(path, '/');
	int err;

	answer = (struct answer){.want = name};
	log_buf[0] = libbpf_said[0] = 0;
	if (!obj || !p)
		return;
	prepare(obj, p);
	err = unpriv ? drop_capabilities() : 0;
	if (!err)
		err = bpf_object__load(obj);
	printf("{\"object\":");
	put_string(file ? file + 1 : path);
	put_field("program", name);
	put_field("section", bpf_program__section_name(p));
	put_field("mode", unpriv ? "unpriv" : "priv");
	put_field("verdict", !answer.asked ? "none" : answer.err ? "reject" : "accept");
	printf(",\"errno\":%d,\"type\":%d,\"attach_type\":%d,\"insns\":%zu",
	       answer.asked ? answer.err : err, answer.type, answer.attach_type, answer.nr_insns);
	put_tags(bpf_object__btf(obj), name);
	if (answer.asked)
		put_log();
	else
		put_field("why", libbpf_said);
	printf("}\n");
	fflush(stdout);
}

static void judge_apart(const char *path, const char *name, bool unpriv)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		alarm(PATIENCE_S);
		judge(path, name, unpriv);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		fprintf(stderr, "judge: %s: %s: no answer\n", path, name);
}

/* libbpf tries out what the kernel can do, once a process: here, not in every child. */
static void warm_up(const char *path)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *p;
	struct bpf_map *map;

	if (!obj)
		return;
	bpf_object__for_each_program(p, obj) bpf_program__set_autoload(p, false);
	bpf_object__for_each_map(map, obj) bpf_map__set_autocreate(map, false);
	bpf_object__load(obj);
	kernel_btf = btf__parse("/sys/kernel/btf/vmlinux", NULL);
}

static int judge_object(const char *path, bool unpriv_too)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *p;

	if (!obj) {
		fprintf(stderr, "judge: %s: %s", path, libbpf_said);
		return -1;
	}
	bpf_object__for_each_program(p, obj)
	{
		const char *name = bpf_program__name(p);

		judge_apart(path, name, false);
		if (unpriv_too && has_suffixed_tag(bpf_object__btf(obj), name, "_unpriv"))
			judge_apart(path, name, true);
	}
	bpf_object__close(obj);
	return 0;
}

static void on_dump(void *ctx, const char *fmt, va_list args)
{
	vfprintf(ctx, fmt, args);
}

static int print_header(const char *path)
{
	struct btf *btf = btf__parse(path, NULL);
	struct btf_dump *dump = btf ? btf_dump__new(btf, on_dump, stdout, NULL) : NULL;
	int err = dump ? 0 : -1;

	printf("#pragma once\n#define __VMLINUX_H__\n#pragma clang attribute push "
	       "(__attribute__((preserve_access_index)), "
	       "apply_to = record)\n");
	for (unsigned int id = 1; !err && id < btf__type_cnt(btf); id++)
		err = btf_dump__dump_type(dump, id);
	printf("#pragma clang attribute pop\n");
	btf_dump__free(dump);
	btf__free(btf);
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	bool unpriv = argc > 1 && !strcmp(argv[1], "-u");
	int bad = 0;

	if (argc == 3 && !strcmp(argv[1], "-H"))
		return print_header(argv[2]);
	libbpf_set_print(on_message);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (argc > 1 + unpriv)
		warm_up(argv[1 + unpriv]);
	for (int i = 1 + unpriv; i < argc; i++)
		bad += judge_object(argv[i], unpriv) != 0;
	return bad ? 1 : 0;
}
