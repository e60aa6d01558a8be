/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* include/skep/doctor.h: the probes of the kernel engine, facts about the machine in front of them.
 */
#include "base/strbuf.h"
#include "engine/kernel_doctor.h"
#include <errno.h>
#include <skep/doctor.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct exam {
	int (*fn)(void *ctx, const struct skep_finding *finding);
	void *ctx;
};

static int tell_fact(struct exam *x, const char *name, const char *value)
{
	struct skep_finding f = {
		.sz = sizeof(f),
		.kind = SKEP_FINDING_FACT,
		.group = "machine",
		.name = name,
		.what = "",
		.value = *value ? value : "unknown",
		.cause = "",
		.why = "",
		.todo = "",
	};

	return x->fn(x->ctx, &f);
}

static int tell(struct exam *x, const char *group, const char *name, const char *what, int err,
		const char *value, const struct kernel_why *why)
{
	struct skep_finding f = {
		.sz = sizeof(f),
		.kind = err ? SKEP_FINDING_NO : SKEP_FINDING_YES,
		.group = group,
		.name = name,
		.what = what,
		.value = value,
		.err = err,
		.cause = err ? kernel_cause_name(why->cause) : "",
		.why = err ? why->why : "",
		.todo = err ? why->todo : "",
	};

	return x->fn(x->ctx, &f);
}

/* --- the machine ---------------------------------------------------------------------------------
 */

static int tell_number(struct exam *x, const char *name, int value)
{
	char text[24] = "";

	if (value >= 0)
		snprintf(text, sizeof(text), "%d", value);
	return tell_fact(x, name, text);
}

static void list_caps(const struct kernel_facts *f, char *buf, size_t size)
{
	static const struct {
		int cap;
		const char *name;
	} names[] = {
		{FACTS_CAP_BPF, "CAP_BPF"},
		{FACTS_CAP_PERFMON, "CAP_PERFMON"},
		{FACTS_CAP_NET_ADMIN, "CAP_NET_ADMIN"},
		{FACTS_CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
		{FACTS_CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE"},
	};
	size_t len = 0;

	snprintf(buf, size, "none for BPF");
	for (size_t i = 0; i < ARRAY_SIZE(names) && len < size; i++)
		if (f->caps & FACTS_CAP(names[i].cap))
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? " " : "",
						names[i].name);
}

static int tell_machine(struct exam *x, struct kernel_facts *f)
{
	static const char *const seccomp[] = {"no", "strict", "a filter"};
	char kernel[160], who[48], caps[160], memlock[32] = "unlimited";
	int err;

	snprintf(kernel, sizeof(kernel), "Linux %s %s", f->release, f->machine);
	snprintf(who, sizeof(who), "%u%s", (unsigned int)geteuid(),
		 f->in_userns ? ", in a user namespace" : "");
	list_caps(f, caps, sizeof(caps));
	if (f->memlock != ~0ull)
		snprintf(memlock, sizeof(memlock), "%llu kB",
			 (unsigned long long)f->memlock / 1024);
	err = tell_fact(x, "kernel", kernel);
	err = err ? err : tell_fact(x, "user id", who);
	err = err ? err : tell_fact(x, "capabilities", caps);
	err = err ? err : tell_fact(x, "seccomp", seccomp[f->seccomp > 2 ? 2 : f->seccomp]);
	err = err ? err : tell_fact(x, "no_new_privs", f->no_new_privs ? "yes" : "no");
	err = err ? err : tell_fact(x, "security modules", kernel_facts_lsm(f));
	err = err ? err : tell_fact(x, "lockdown", kernel_facts_lockdown(f));
	err = err ? err : tell_number(x, "unprivileged_bpf_disabled", f->unpriv_disabled);
	err = err ? err : tell_number(x, "perf_event_paranoid", f->perf_paranoid);
	err = err ? err : tell_fact(x, "locked memory", memlock);
	return err ? err : tell_fact(x, "kernel BTF", f->has_btf ? "yes" : "no");
}

/* --- the engines ---------------------------------------------------------------------------------
 */

static int tell_user_engine(struct exam *x)
{
	struct kernel_why why = {.cause = CAUSE_SECCOMP};
	int err = tell(x, "engine", "user, packets", "captures, contexts from a file", 0,
		       "needs nothing", NULL),
	    trace;

	if (err)
		return err;
	trace = kernel_doctor_ptrace();
	snprintf(why.why, sizeof(why.why), "ptrace is refused: %s", strerror(-trace));
	snprintf(why.todo, sizeof(why.todo),
		 "allow ptrace in the container's seccomp profile; sysctl kernel.yama.ptrace_scope "
		 "below 3");
	return tell(x, "engine", "user, processes", "a command or a process, by ptrace", trace,
		    trace ? "" : "needs no privilege", &why);
}

static int on_finding(void *ctx, const struct kernel_finding *kf)
{
	const struct kernel_row *row = &kernel_probe_rows()[kf->row];
	struct exam *x = ctx;

	return tell(x, row->group, row->name, row->what, kf->err, kf->note, &kf->why);
}

int skep_doctor(int (*fn)(void *ctx, const struct skep_finding *finding), void *ctx,
		struct skep_diag *diag)
{
	struct exam x = {.fn = fn, .ctx = ctx};
	struct kernel_facts facts;
	int err;

	kernel_facts_read(&facts);
	err = tell_machine(&x, &facts);
	kernel_facts_done(&facts);
	err = err ? err : tell_user_engine(&x);
	return err ? err : kernel_doctor(on_finding, &x, diag);
}
