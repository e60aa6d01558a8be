/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Why Linux refuses a program, for a person: the verifier's log ends with the reason; above it
 * stand the instruction that it looked at last, and the source line in front of that.
 *
 *     ; x = *p; @ prog.bpf.c:12          (the place since 6.8)
 *     7: (61) r1 = *(u32 *)(r0 +0)
 *     R0 invalid mem access 'map_value_or_null'
 *     processed 8 insns …
 */
#include "base/log.h"
#include "engine/kernel.h"
#include "spec/uapi.h"
#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct verdict {
	char reason[300], source[200];
	u32 insn, line;
	char file[128];
	bool has_insn;
};

/* --- the log ---------------------------------------------------------------------------------- */

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* What the log says beside the reason: states, statistics. */
static bool is_noise(const char *line)
{
	static const char *const heads[] = {
		"processed ",   "verification time",
		"stack depth ", "insns processed",
		"mark_precise", "from ",
		"last_idx",     "regs=",
		"parent ",      "caller",
		"callee",       "func#",
		"frame",        "arg#",
		"max_states",   "Validating ",
		"propagating ", "search ",
	};

	if (!*line || isdigit((u8)*line))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (starts_with(line, heads[i]) && !strstr(line, "must"))
			return true;
	return false;
}

static void take_source(struct verdict *v, const char *text)
{
	const char *at = strstr(text, " @ ");
	const char *colon = at ? strrchr(at, ':') : NULL;

	snprintf(v->source, sizeof(v->source), "%.*s", at ? (int)(at - text) : (int)strlen(text),
		 text);
	v->line = 0;
	if (!colon)
		return;
	v->line = (u32)strtoul(colon + 1, NULL, 10);
	snprintf(v->file, sizeof(v->file), "%.*s", (int)(colon - at - 3), at + 3);
}

static void take_line(struct verdict *v, const char *line)
{
	char *end;
	unsigned long n = strtoul(line, &end, 10);

	if (starts_with(line, "; ")) {
		take_source(v, line + 2);
	} else if (end != line && starts_with(end, ": (")) {
		v->insn = (u32)n;
		v->has_insn = true;
	} else if (!is_noise(line)) {
		snprintf(v->reason, sizeof(v->reason), "%.299s", line);
	}
}

static void read_log(struct verdict *v, const char *log)
{
	char line[512];

	while (*log) {
		size_t len = strcspn(log, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, log);
		take_line(v, line);
		log += len + (log[len] == '\n');
	}
}

/* Before 6.8 the log has the text only; our own line info knows the place. */
static void find_line(struct kernel_engine *k, const struct kernel_prog *p, struct verdict *v)
{
	struct object_reloc_opts opts = {.kernel_btf = k->opts.kernel_btf};
	const struct prog_line *l;

	if (v->line || !v->has_insn)
		return;
	object_relocate(k->obj, &opts, NULL);
	l = prog_line_at(p->prog, v->insn);
	if (!l)
		return;
	v->line = l->line;
	snprintf(v->file, sizeof(v->file), "%s", l->file);
	if (!v->source[0])
		snprintf(v->source, sizeof(v->source), "%s", l->text);
}

static void tell_log(const char *log)
{
	while (*log) {
		size_t len = strcspn(log, "\n");

		log_info("%.*s", (int)len, log);
		log += len + (log[len] == '\n');
	}
}

/* --- errors without a log --------------------------------------------------------------------- */

static bool has_cap(u32 cap)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long caps = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	return caps >> cap & 1;
}

/* Which programs reach into the kernel, and which into the network. */
static const struct {
	u32 cap;
	const char *name;
	u32 types[12];
} needed_caps[] = {
	{CAP_PERFMON,
	 "CAP_PERFMON",
	 {SPEC_PROG_KPROBE, SPEC_PROG_TRACEPOINT, SPEC_PROG_PERF_EVENT, SPEC_PROG_RAW_TRACEPOINT,
	  SPEC_PROG_RAW_TRACEPOINT_WRITABLE, SPEC_PROG_TRACING, SPEC_PROG_LSM, SPEC_PROG_EXT}},
	{CAP_NET_ADMIN,
	 "CAP_NET_ADMIN",
	 {SPEC_PROG_SCHED_CLS, SPEC_PROG_SCHED_ACT, SPEC_PROG_XDP, SPEC_PROG_SK_SKB,
	  SPEC_PROG_SK_MSG, SPEC_PROG_FLOW_DISSECTOR, SPEC_PROG_SOCK_OPS, SPEC_PROG_NETFILTER,
	  SPEC_PROG_SK_LOOKUP, SPEC_PROG_CGROUP_SOCK_ADDR, SPEC_PROG_CGROUP_SOCKOPT,
	  SPEC_PROG_LWT_XMIT}},
};

static void put_caps(struct strbuf *sb, const struct kernel_prog *p)
{
	if (has_cap(CAP_SYS_ADMIN))
		return;
	if (!has_cap(CAP_BPF))
		strbuf_puts(sb, "CAP_BPF");
	for (size_t i = 0; p && i < ARRAY_SIZE(needed_caps); i++)
		for (size_t t = 0; t < ARRAY_SIZE(needed_caps[i].types); t++)
			if (needed_caps[i].types[t] && needed_caps[i].types[t] == p->prog->type &&
			    !has_cap(needed_caps[i].cap))
				strbuf_printf(sb, "%s%s", sb->len ? ", " : "", needed_caps[i].name);
}

static int not_permitted(const struct kernel_prog *p, struct skep_diag *diag)
{
	struct strbuf caps = {0};
	struct rlimit mem;

	put_caps(&caps, p);
	if (caps.len)
		diag_set_full(diag, -EPERM, "needs-capability",
			      "run it with that capability, or -e user without any",
			      "Linux does not permit it: missing %s", strbuf_str(&caps));
	else if (!getrlimit(RLIMIT_MEMLOCK, &mem) && mem.rlim_cur != RLIM_INFINITY && !p)
		diag_set_full(diag, -EPERM, "memlock", "ulimit -l unlimited",
			      "Linux does not permit it: locked memory is limited to %llu bytes",
			      (unsigned long long)mem.rlim_cur);
	else
		diag_set_full(
			diag, -EPERM, "not-permitted", "skep doctor says what is allowed here",
			"Linux does not permit it, though no capability is missing: lockdown, "
			"a security module, or how this kernel was made");
	strbuf_done(&caps);
	return -EPERM;
}

static int too_large(const char *why, struct skep_diag *diag)
{
	return diag_set_full(diag, -E2BIG, "too-complex",
			     "split it into global functions, bound its loops, or use bpf_loop()",
			     "Linux refuses it: it is too complex%s%s", *why ? ": " : "", why);
}

/* --- all of it -------------------------------------------------------------------------------- */

const struct kernel_prog *kernel_culprit(const struct kernel_engine *k)
{
	const char *said = kernel_log_first(), *name = strstr(said, "prog '"), *end;

	end = name ? strchr(name + 6, '\'') : NULL;
	for (u32 i = 0; end && i < k->nr_progs; i++)
		if (strlen(k->progs[i].prog->name) == (size_t)(end - name - 6) &&
		    !strncmp(k->progs[i].prog->name, name + 6, (size_t)(end - name - 6)))
			return &k->progs[i];
	return NULL;
}

static int say_why(struct kernel_engine *k, const struct kernel_prog *p, int err, struct verdict *v,
		   struct skep_diag *diag)
{
	if (err == -E2BIG)
		return too_large(v->reason, diag);
	if (v->reason[0])
		return diag_set_full(diag, err, "refused", "-v shows the kernel's whole log",
				     "Linux refuses it: %s", v->reason);
	if (err == -EPERM)
		return not_permitted(p, diag);
	return diag_set(diag, err, "Linux does not load it: %s",
			*kernel_log_first() ? kernel_log_first() : strerror(-err));
}

int kernel_tell_refused(struct kernel_engine *k, int err, struct skep_diag *diag)
{
	const struct kernel_prog *p = kernel_culprit(k);
	struct verdict v = {0};

	read_log(&v, kernel_log_verifier());
	tell_log(kernel_log_verifier());
	say_why(k, p, err, &v, diag);
	if (!p)
		return err;
	find_line(k, p, &v);
	if (v.line)
		diag_at(diag, err, "%s:%u: %s", v.file, v.line, v.source);
	else if (v.source[0])
		diag_at(diag, err, "%s", v.source);
	return diag_at(diag, err, "program %s, SEC(\"%s\")", p->prog->name, p->prog->section);
}
