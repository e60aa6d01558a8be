/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * From what clang refused to what may be added for another try, and where nothing can be, to
 * advice. Mended is what has one mechanical answer:
 *
 *   - a name that lives in a well-known header which was not included: the header is put in front;
 *   - a macro that the types' header does not hold: it is defined;
 *   - a macro or a kfunc's prototype of ours that clashes with the program's own: it is taken away;
 *   - a type that has the name of one of the kernel's: the kernel's gets a CO-RE flavour;
 *   - a system header that defines again what vmlinux.h has: it is left out (an empty file);
 *   - a header of the project's own that stands in a directory above the program: -I for it.
 *
 * Names are found in clang's message; for the macros that stand where a declarator is expected
 * (SEC, BPF_KPROBE) clang's message does not name them, so the words of the refused line count.
 * Headers have guards: one that is put in front and included later does no harm.
 */
#include "base/file.h"
#include "base/mem.h"
#include "source/source.h"
#include <ctype.h>
#include <string.h>

#define HELPERS "bpf/bpf_helpers.h"
#define ENDIAN  "bpf/bpf_endian.h"
#define TRACING "bpf/bpf_tracing.h"
#define CORE    "bpf/bpf_core_read.h"
#define USDT    "bpf/usdt.bpf.h"

/* A program's text is read again to see the refused line; more than this is not looked at. */
#define MAX_SOURCE (16u << 20)

/* The first that fits counts; a '*' at the end stands for anything. */
static const struct {
	const char *name, *header;
} homes[] = {
	/* clang-format off */
	{"bpf_htons",             ENDIAN},
	{"bpf_ntohs",             ENDIAN},
	{"bpf_htonl",             ENDIAN},
	{"bpf_ntohl",             ENDIAN},
	{"bpf_cpu_to_be*",        ENDIAN},
	{"bpf_be64_to_cpu",       ENDIAN},
	{"__bpf_*tons",           ENDIAN},
	{"PT_REGS_*",             TRACING},
	{"PT_REGS_PARM*",         TRACING},
	{"BPF_PROG",              TRACING},
	{"BPF_PROG2",             TRACING},
	{"BPF_KPROBE*",           TRACING},
	{"BPF_KRETPROBE*",        TRACING},
	{"BPF_UPROBE",            TRACING},
	{"BPF_URETPROBE",         TRACING},
	{"BPF_KSYSCALL",          TRACING},
	{"BPF_KRETSYSCALL",       TRACING},
	{"BPF_CORE_READ*",        CORE},
	{"BPF_PROBE_READ*",       CORE},
	{"BPF_CORE_WRITE*",       CORE},
	{"bpf_core_*",            CORE},
	{"BPF_USDT",              USDT},
	{"bpf_usdt_*",            USDT},
	{"SEC",                   HELPERS},
	{"__uint",                HELPERS},
	{"__type",                HELPERS},
	{"__array",               HELPERS},
	{"__ulong",               HELPERS},
	{"__always_inline",       HELPERS},
	{"__noinline",            HELPERS},
	{"__weak",                HELPERS},
	{"__hidden",              HELPERS},
	{"__kconfig",             HELPERS},
	{"__ksym",                HELPERS},
	{"__kptr*",               HELPERS},
	{"BPF_SEQ_PRINTF",        HELPERS},
	{"BPF_SNPRINTF",          HELPERS},
	{"LIBBPF_PIN_*",          HELPERS},
	{"TRI_*",                 HELPERS},
	{"barrier_var",           HELPERS},
	{"offsetof",              HELPERS},
	{"container_of",          HELPERS},
	{"bpf_*",                 HELPERS},
	{"__NR_*",                "asm/unistd.h"},
	{"LINUX_VERSION_CODE",    "linux/version.h"},
	{"__u8",                  "linux/types.h"},
	{"__u16",                 "linux/types.h"},
	{"__u32",                 "linux/types.h"},
	{"__u64",                 "linux/types.h"},
	{"__s8",                  "linux/types.h"},
	{"__s16",                 "linux/types.h"},
	{"__s32",                 "linux/types.h"},
	{"__s64",                 "linux/types.h"},
	{"__be16",                "linux/types.h"},
	{"__be32",                "linux/types.h"},
	{"__be64",                "linux/types.h"},
	{"__wsum",                "linux/types.h"},
	{"__sum16",               "linux/types.h"},
	{"u8",                    "vmlinux.h"},
	{"u16",                   "vmlinux.h"},
	{"u32",                   "vmlinux.h"},
	{"u64",                   "vmlinux.h"},
	{"s8",                    "vmlinux.h"},
	{"s16",                   "vmlinux.h"},
	{"s32",                   "vmlinux.h"},
	{"s64",                   "vmlinux.h"},
	{"bool",                  "stdbool.h"},
	{"size_t",                "stddef.h"},
	{"ssize_t",               "sys/types.h"},
	{"pid_t",                 "sys/types.h"},
	{"uid_t",                 "sys/types.h"},
	{"int8_t",                "stdint.h"},
	{"int16_t",               "stdint.h"},
	{"int32_t",               "stdint.h"},
	{"int64_t",               "stdint.h"},
	{"uint8_t",               "stdint.h"},
	{"uint16_t",              "stdint.h"},
	{"uint32_t",              "stdint.h"},
	{"uint64_t",              "stdint.h"},
	{"struct ethhdr",         "linux/if_ether.h"},
	{"struct iphdr",          "linux/ip.h"},
	{"struct ipv6hdr",        "linux/ipv6.h"},
	{"struct in_addr",        "linux/in.h"},
	{"struct in6_addr",       "linux/in6.h"},
	{"struct sockaddr_in",    "linux/in.h"},
	{"struct sockaddr_in6",   "linux/in6.h"},
	{"struct tcphdr",         "linux/tcp.h"},
	{"struct udphdr",         "linux/udp.h"},
	{"struct icmphdr",        "linux/icmp.h"},
	{"struct icmp6hdr",       "linux/icmpv6.h"},
	{"struct pt_regs",        "linux/ptrace.h"},
	{"struct xdp_md",         "linux/bpf.h"},
	{"struct __sk_buff",      "linux/bpf.h"},
	{"struct bpf_*",          "linux/bpf.h"},
	{"struct sk_*",           "linux/bpf.h"},
	{"struct bpf_perf_event_data", "linux/bpf_perf_event.h"},
	{"XDP_*",                 "linux/bpf.h"},
	{"BPF_*",                 "linux/bpf.h"},
	{"SK_PASS",               "linux/bpf.h"},
	{"SK_DROP",               "linux/bpf.h"},
	/* clang-format on */
};

/* What C programs call and BPF programs can't. */
static const struct {
	const char *name, *advice;
} no_libc[] = {
	/* clang-format off */
	{"printf",  "a BPF program has no C library: use bpf_printk()"},
	{"fprintf", "a BPF program has no C library: use bpf_printk()"},
	{"puts",    "a BPF program has no C library: use bpf_printk()"},
	{"sprintf", "a BPF program has no C library: use BPF_SNPRINTF()"},
	{"snprintf","a BPF program has no C library: use BPF_SNPRINTF()"},
	{"malloc",  "a BPF program has no heap: keep data in a map"},
	{"calloc",  "a BPF program has no heap: keep data in a map"},
	{"free",    "a BPF program has no heap: keep data in a map"},
	{"strcmp",  "a BPF program has no C library: use bpf_strncmp(), or a loop"},
	{"strncmp", "a BPF program has no C library: use bpf_strncmp(), or a loop"},
	{"strlen",  "a BPF program has no C library: bpf_probe_read_*_str() returns the length"},
	{"strcpy",  "a BPF program has no C library: use __builtin_memcpy() with a constant size"},
	{"strncpy", "a BPF program has no C library: use __builtin_memcpy() with a constant size"},
	{"getpid",  "use bpf_get_current_pid_tgid() >> 32"},
	{"time",    "use bpf_ktime_get_ns()"},
	{"sleep",   "a BPF program can't sleep: use a timer (bpf_timer_start)"},
	/* clang-format on */
};

static const struct {
	const char *header, *advice;
} packages[] = {
	{"bpf/", "it comes with libbpf: apt install libbpf-dev, or dnf install libbpf-devel"},
	{"bpf_helper", "it comes with libbpf: apt install libbpf-dev, or dnf install libbpf-devel"},
	{"bpf_tracing.h",
	 "it comes with libbpf: apt install libbpf-dev, or dnf install libbpf-devel"},
	{"bpf_core_read.h",
	 "it comes with libbpf: apt install libbpf-dev, or dnf install libbpf-devel"},
	{"bpf_endian.h",
	 "it comes with libbpf: apt install libbpf-dev, or dnf install libbpf-devel"},
	{"linux/", "apt install linux-libc-dev, or dnf install kernel-headers"},
	{"asm/", "apt install linux-libc-dev, or dnf install kernel-headers"},
	{"gnu/", "apt install libc6-dev, or dnf install glibc-devel"},
	{"sys/", "apt install libc6-dev, or dnf install glibc-devel"},
};

static bool fits(const char *pattern, const char *name)
{
	const char *star = strchr(pattern, '*');

	return star ? !strncmp(pattern, name, (size_t)(star - pattern)) : !strcmp(pattern, name);
}

const char *mend_header_of(const char *name)
{
	const struct macro *m;

	m = macro_find(name);
	if (m)
		return m->header;
	for (size_t i = 0; i < ARRAY_SIZE(homes); i++)
		if (fits(homes[i].name, name))
			return homes[i].header;
	return NULL;
}

static bool in_list(const char *const *list, size_t nr, const char *s)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(list[i], s))
			return true;
	return false;
}

static bool add_flag(struct mend *m, const char *flag)
{
	const char **p;

	if (!flag)
		return false;
	p = VEC_PUSH(&m->flags);
	if (p)
		*p = flag;
	return p != NULL;
}

static bool add_once(struct mend *m, const char *flag)
{
	return flag && !in_list(m->flags.data, m->flags.nr, flag) && add_flag(m, flag);
}

static void note(struct mend *m, const char *text)
{
	const char **p = text ? VEC_PUSH(&m->notes) : NULL;

	if (p)
		*p = text;
}

static bool has_vmlinux(const struct report *r)
{
	return report_has_header(r, "vmlinux.h");
}

/* The types must be known before any of libbpf's headers is read. */
static void add_base(const struct report *r, struct mend *m)
{
	const char *base = "linux/bpf.h";

	if (m->flags.nr)
		return;
	for (size_t i = 0; i < r->nr_headers; i++) {
		const char *slash = strrchr(r->headers[i], '/');

		if (slash && !strcmp(slash, "/vmlinux.h"))
			base = r->headers[i];
	}
	add_flag(m, "-include");
	add_flag(m, base);
}

static int add_header(const struct report *r, struct arena *arena, struct mend *m, const char *name,
		      const char *header)
{
	if (report_has_header(r, header) || in_list(m->flags.data, m->flags.nr, header))
		return 0;
	if (strchr(header, '/'))
		add_base(r, m);
	if (!add_flag(m, "-include") || !add_flag(m, header))
		return 0;
	note(m, arena_printf(arena, "%s: added #include <%s>", name, header));
	return 1;
}

static int add_macro(struct arena *arena, struct mend *m, const struct macro *macro)
{
	const char *flag = arena_printf(arena, "-D%s%s=%s", macro->name,
					macro->args ? macro->args : "", macro->value);

	if (!add_once(m, flag))
		return 0;
	note(m, arena_printf(arena, "%s: defined as in <%s>", macro->name, macro->header));
	return 1;
}

/* A header with types that vmlinux.h has too must not come beside it. */
static bool may_add(const struct report *r, const char *header)
{
	if (!has_vmlinux(r))
		return strcmp(header, "vmlinux.h") || !report_has_header(r, "linux/bpf.h");
	return !strncmp(header, "bpf/", 4) || !strcmp(header, "asm/unistd.h") ||
	       !strcmp(header, "linux/version.h") || !strcmp(header, "stdbool.h") ||
	       !strcmp(header, "stddef.h");
}

static int mend_name(const struct report *r, struct arena *arena, struct mend *m, const char *name)
{
	const struct macro *macro = macro_find(name);
	const char *header = macro ? macro->header : mend_header_of(name);
	bool libbpf = header && !strncmp(header, "bpf/", 4);

	/* what newer headers of libbpf have counts when the installed one turned out not to */
	if (macro && (!libbpf || report_has_header(r, header)))
		return add_macro(arena, m, macro);
	return header && may_add(r, header) ? add_header(r, arena, m, name, header) : 0;
}

static const char *const undeclared[] = {
	"undeclared identifier", "implicit declaration of function",
	"call to undeclared",    "implicitly declaring library function",
	"unknown type name",     "incomplete definition of type",
	"incomplete type",
};

/* The name that an error says is not known, in arena; NULL if it is of another kind. */
static const char *unknown_name(struct arena *arena, const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(undeclared); i++) {
		const char *at = strstr(text, undeclared[i]), *name;

		if (!at)
			continue;
		name = report_quoted(arena, at, 0);
		if (name && !strncmp(name, "const ", 6))
			name += 6;
		return name;
	}
	return NULL;
}

/* Where projects keep what their Makefile gives with -I, seen from each directory above a program.
 */
static const char *const include_dirs[] = {"", "include/", "headers/", "common/"};
#define MAX_ABOVE 3

static int mend_header(struct arena *arena, struct mend *m, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/'), *dir, *up = "";

	dir = slash ? arena_strndup(arena, path, (size_t)(slash - path) + 1) : "./";
	for (u32 n = 0; dir && name && name[0] != '/' && n <= MAX_ABOVE; n++) {
		for (size_t i = 0; i < ARRAY_SIZE(include_dirs); i++) {
			const char *d = arena_printf(arena, "%s%s%s", dir, up, include_dirs[i]);
			const char *flag = arena_printf(arena, "-I%s", d ? d : "");
			const char *file = arena_printf(arena, "%s%s", d ? d : "", name);

			if (!d || !flag || !file || !file_exists(file) || !add_once(m, flag))
				continue;
			note(m, arena_printf(arena, "%s: found with -I %s", name, d));
			return 1;
		}
		up = arena_printf(arena, "../%s", up);
		if (!up)
			break;
	}
	return 0;
}

/* The n-th line of a file, in arena; with `head`, that of the function that the line is in. */
static char *source_line(struct arena *arena, const char *path, u32 line, bool head)
{
	char *text, *s, *from = NULL, *ret;
	size_t size;

	if (!line || file_read(path, MAX_SOURCE, &text, &size, NULL))
		return NULL;
	for (s = text; s && --line; s = s ? s + 1 : NULL) {
		from = head && isalpha((unsigned char)*s) ? s : from;
		s = strchr(s, '\n');
	}
	s = head ? from : s;
	ret = s ? arena_strndup(arena, s, strcspn(s, "\n")) : NULL;
	mem_free(text);
	return ret;
}

/* The next word of *s, NUL-terminated in place; *s goes behind it. NULL: no more. */
static char *next_word(char **s)
{
	char *word;

	while (**s && !isalnum((unsigned char)**s) && **s != '_')
		(*s)++;
	if (!**s)
		return NULL;
	word = *s;
	while (isalnum((unsigned char)**s) || **s == '_')
		(*s)++;
	if (**s)
		*(*s)++ = 0;
	return word;
}

/* The macros of libbpf's headers on the refused line. */
static int mend_words(const struct report *r, const char *path, const struct report_line *err,
		      bool head, struct arena *arena, struct mend *m)
{
	char *s = NULL, *word;
	int nr = 0;

	if (!strcmp(err->file, path))
		s = source_line(arena, path, err->line, head);
	while (s && (word = next_word(&s))) {
		const char *header = mend_header_of(word);

		if (header && !strncmp(header, "bpf/", 4))
			nr += mend_name(r, arena, m, word);
	}
	return nr;
}

static bool is_vmlinux(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash && !strcmp(slash, "/vmlinux.h");
}

static bool is_system(const char *file)
{
	return !strncmp(file, "/usr/", 5) && strncmp(file, "/usr/include/bpf/", 17) &&
	       !is_vmlinux(file);
}

static int hide_header(struct arena *arena, struct mend *m, const char *file)
{
	const char **p;

	if (in_list(m->hidden.data, m->hidden.nr, file))
		return 0;
	p = VEC_PUSH(&m->hidden);
	if (!p)
		return 0;
	*p = file;
	note(m, arena_printf(arena, "%s: left out, vmlinux.h has the same types", file));
	return 1;
}

/*
 * A type of the program's that the kernel has too: clang says "redefinition of 'x'" and points at
 * the line of vmlinux.h, "struct x {".
 */
static int rename_type(const struct report *r, size_t idx, struct arena *arena, struct mend *m)
{
	static const char *const kinds[] = {"struct", "union", "enum"};
	const char *name = report_quoted(arena, r->lines[idx].text, 0);
	int nr = 0;

	if (strncmp(r->lines[idx].text, "redefinition of '", 17) || !name)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *full = arena_printf(arena, "%s %s", kinds[i], name), **p;

		if (!full || in_list(m->renamed.data, m->renamed.nr, full))
			continue;
		p = VEC_PUSH(&m->renamed);
		if (p) {
			*p = full;
			nr = 1;
		}
	}
	if (nr)
		note(m, arena_printf(arena,
				     "%s: the kernel has a type of this name, which is "
				     "%s___kernel here",
				     name, name));
	return nr;
}

/* An error and its notes: vmlinux.h against a system header, or our macro against a name. */
static int mend_clash(const struct report *r, size_t idx, struct arena *arena, struct mend *m)
{
	const char *system = NULL;
	bool vmlinux = false;
	int nr = 0;

	for (size_t i = idx; i < r->nr; i++) {
		const struct report_line *l = &r->lines[i];
		const char *name, *flag;

		if (i > idx && l->kind != REPORT_NOTE)
			break;
		vmlinux = vmlinux || is_vmlinux(l->file);
		system = is_system(l->file) ? l->file : system;
		if (!is_vmlinux(l->file) || strncmp(l->text, "expanded from macro", 19))
			continue;
		name = report_quoted(arena, l->text, 0);
		flag = name ? arena_printf(arena, "-DSKEP_NO_%s", name) : NULL;
		if (name && macro_find(name))
			nr += add_once(m, flag);
	}
	if (vmlinux && system)
		return nr + hide_header(arena, m, system);
	if (vmlinux && strstr(r->lines[idx].text, "conflicting types for"))
		nr += add_once(m, "-DBPF_NO_KFUNC_PROTOTYPES");
	return vmlinux ? nr + rename_type(r, idx, arena, m) : nr;
}

int mend_plan(const struct report *r, const char *path, struct arena *arena, struct mend *m)
{
	int nr = 0;

	for (size_t i = 0; i < r->nr; i++) {
		const struct report_line *l = &r->lines[i];
		const char *name;

		if (l->kind != REPORT_ERROR)
			continue;
		nr += mend_clash(r, i, arena, m);
		if (strstr(l->text, "file not found"))
			nr += mend_header(arena, m, path, report_quoted(arena, l->text, 0));
		name = unknown_name(arena, l->text);
		if (name)
			nr += mend_name(r, arena, m, name);
		nr += mend_words(r, path, l, false, arena, m);
		/* clang 14 takes `int BPF_UPROBE(f)` for a function, which then lacks its ctx */
		if (name && !strcmp(name, "ctx"))
			nr += mend_words(r, path, l, true, arena, m);
	}
	return nr;
}

static const char *missing_header_hint(const char *name, struct arena *arena)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(packages); i++)
		if (!strncmp(name, packages[i].header, strlen(packages[i].header)))
			return packages[i].advice;
	return arena_printf(arena, "give the directory that holds it with --cflag -IDIR");
}

const char *mend_hint(const struct report *r, const struct report_line *err, struct arena *arena)
{
	const char *name = unknown_name(arena, err->text), *header, *hint = NULL;

	if (strstr(err->text, "Cannot select") &&
	    (strstr(err->text, "sdiv") || strstr(err->text, "srem")))
		return "signed division needs cpu v4: clang 18 or newer, with --cflag -mcpu=v4";
	if (strstr(err->text, "file not found"))
		return missing_header_hint(report_quoted(arena, err->text, 0), arena);
	for (size_t i = 0; name && i < ARRAY_SIZE(no_libc); i++)
		if (!strcmp(no_libc[i].name, name))
			return no_libc[i].advice;
	header = name ? mend_header_of(name) : NULL;
	if (header && !report_has_header(r, header))
		hint = arena_printf(arena, "%s is in %s%s%s: #include it", name,
				    strcmp(header, "vmlinux.h") ? "<" : "\"", header,
				    strcmp(header, "vmlinux.h") ? ">" : "\"");
	else if (name && !strncmp(name, "struct ", 7) && !has_vmlinux(r))
		hint = "types of the kernel are in \"vmlinux.h\": #include it";
	else if (strstr(err->text, "redefinition of") && has_vmlinux(r))
		hint = "vmlinux.h has this name too: choose another one";
	return hint ? hint : "";
}

void mend_done(struct mend *m)
{
	VEC_DONE(&m->flags);
	VEC_DONE(&m->hidden);
	VEC_DONE(&m->renamed);
	VEC_DONE(&m->notes);
}
