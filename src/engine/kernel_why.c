/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Why Linux says no. The order is that in which Linux itself decides: a sandbox in front of bpf(2),
 * what the caller may, security modules, then what the kernel was built with, how old it is, what
 * the verifier minds. Where nothing of that is known to be it, the answer is the error itself:
 * nothing is guessed without saying so.
 */
#include "base/strbuf.h"
#include "engine/kernel_probe.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const cause_names[] = {
	[CAUSE_NONE] = "none",           [CAUSE_CAPABILITY] = "capability",
	[CAUSE_NAMESPACE] = "namespace", [CAUSE_SYSCTL] = "sysctl",
	[CAUSE_SECCOMP] = "seccomp",     [CAUSE_LSM] = "lsm",
	[CAUSE_LOCKDOWN] = "lockdown",   [CAUSE_CONFIG] = "config",
	[CAUSE_VERSION] = "version",     [CAUSE_MEMLOCK] = "memlock",
	[CAUSE_MOUNT] = "mount",         [CAUSE_BTF] = "btf",
	[CAUSE_HARDWARE] = "hardware",   [CAUSE_OTHER] = "other",
};

const char *kernel_cause_name(enum kernel_cause cause)
{
	return cause_names[cause];
}

struct why {
	const struct kernel_try *t;
	struct kernel_facts *f;
	int err;
	struct kernel_why *ret;
};

__printf(2, 3) static void because(struct why *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->ret->why, sizeof(w->ret->why), fmt, ap);
	va_end(ap);
}

static void todo(struct why *w, const char *text)
{
	snprintf(w->ret->todo, sizeof(w->ret->todo), "%s", text);
}

static bool is_refusal(const struct why *w)
{
	return w->err == -EPERM || w->err == -EACCES;
}

/* --- may we? -------------------------------------------------------------------------------------
 */

static const struct {
	u32 need;
	int cap;
	const char *name, *setcap;
} caps[] = {
	{NEEDS_BPF, FACTS_CAP_BPF, "CAP_BPF", "cap_bpf"},
	{NEEDS_PERF, FACTS_CAP_PERFMON, "CAP_PERFMON", "cap_perfmon"},
	{NEEDS_NET, FACTS_CAP_NET_ADMIN, "CAP_NET_ADMIN", "cap_net_admin"},
	{NEEDS_ADMIN, FACTS_CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "cap_sys_admin"},
};

static bool list_missing(const struct kernel_facts *f, u32 needs, char *buf, size_t size,
			 bool setcap)
{
	size_t len = 0;

	*buf = 0;
	for (size_t i = 0; i < ARRAY_SIZE(caps) && len < size; i++) {
		if (!(needs & caps[i].need) || kernel_facts_can(f, caps[i].cap))
			continue;
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					len ? setcap ? "," : ", " : "",
					setcap ? caps[i].setcap : caps[i].name);
	}
	return *buf;
}

bool kernel_why_missing_caps(const struct kernel_facts *f, u32 needs, char *buf, size_t size)
{
	return list_missing(f, needs, buf, size, false);
}

/* A command that no kernel has: with the right to call bpf(2) it is invalid. */
static bool is_filtered(struct why *w)
{
	char attr[8] = {0};
	int ret = kernel_probe_bpf(0xffff, attr, sizeof(attr));

	if (ret == -ENOSYS)
		return true;
	if (ret != -EPERM && ret != -EACCES)
		return false;
	/* up to 5.18 the sysctl closes all of bpf(2) */
	return w->f->seccomp || w->f->version >= FACTS_VERSION(5, 19) ||
	       (kernel_facts_can(w->f, FACTS_CAP_BPF) && !w->f->in_userns);
}

static bool why_filtered(struct why *w)
{
	char value[8];

	if ((!is_refusal(w) && w->err != -ENOSYS) || !is_filtered(w))
		return false;
	if (!strcmp(kernel_facts_config(w->f, "CONFIG_BPF_SYSCALL", value, sizeof(value)), "n")) {
		w->ret->cause = CAUSE_CONFIG;
		because(w, "the kernel is built without CONFIG_BPF_SYSCALL");
		todo(w, "another kernel");
		return true;
	}
	w->ret->cause = CAUSE_SECCOMP;
	because(w, "a sandbox refuses the system call bpf()%s",
		w->f->seccomp == 2 ? ": this process has a seccomp filter" : "");
	todo(w, "allow bpf and perf_event_open in the container's seccomp profile");
	return true;
}

static bool why_capability(struct why *w)
{
	const struct kernel_row *r = w->t->row;
	char missing[128], setcap[128];

	if (!is_refusal(w) || !list_missing(w->f, r->needs, missing, sizeof(missing), false))
		return false;
	list_missing(w->f, r->needs, setcap, sizeof(setcap), true);
	w->ret->cause = CAUSE_CAPABILITY;
	because(w, "%s missing", missing);
	snprintf(w->ret->todo, sizeof(w->ret->todo),
		 w->f->no_new_privs ? "root, outside of what set no_new_privs (it keeps %s away)"
				    : "root, or setcap %s+ep on the program",
		 setcap);
	return true;
}

static bool why_namespace(struct why *w)
{
	if (!is_refusal(w) || !w->f->in_userns || !w->t->row->needs)
		return false;
	w->ret->cause = CAUSE_NAMESPACE;
	because(w, "in a user namespace: its capabilities do not reach bpf()");
	todo(w, "run it outside, or pass a BPF token in (a bpffs with delegate_cmds=…, Linux 6.9)");
	return true;
}

static bool why_sysctl(struct why *w)
{
	if (!is_refusal(w) || kernel_facts_can(w->f, FACTS_CAP_BPF))
		return false;
	if (w->f->unpriv_disabled <= 0)
		return false;
	w->ret->cause = CAUSE_SYSCTL;
	because(w, "kernel.unprivileged_bpf_disabled is %d, and CAP_BPF is missing",
		w->f->unpriv_disabled);
	todo(w, "root, or setcap cap_bpf+ep on the program");
	return true;
}

/* Before 5.11 maps and programs count as locked memory. */
static bool why_memlock(struct why *w)
{
	if (w->f->version >= FACTS_VERSION(5, 11) || w->f->memlock == ~0ull ||
	    (w->err != -EPERM && w->err != -ENOMEM))
		return false;
	w->ret->cause = CAUSE_MEMLOCK;
	because(w, "memory of programs and maps is limited to %llu kB (RLIMIT_MEMLOCK)",
		(unsigned long long)w->f->memlock / 1024);
	todo(w, "ulimit -l unlimited");
	return true;
}

/* Is any program attached to the hooks of the module "bpf"? True where that can't be seen. */
static bool has_lsm_prog(void)
{
	union bpf_attr attr = {0};
	struct bpf_prog_info info;
	u32 id = 0;

	for (;;) {
		memset(&attr, 0, sizeof(attr));
		attr.start_id = id;
		if (kernel_probe_bpf(BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr)))
			return errno != ENOENT;
		id = attr.next_id;
		memset(&attr, 0, sizeof(attr));
		attr.prog_id = id;
		int fd = kernel_probe_bpf(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));

		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		memset(&attr, 0, sizeof(attr));
		attr.info.bpf_fd = (u32)fd;
		attr.info.info_len = 8;
		attr.info.info = (u64)(uintptr_t)&info;
		int err = kernel_probe_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info));

		close(fd);
		if (!err && info.type == BPF_PROG_TYPE_LSM)
			return true;
	}
}

/* The modules that may refuse a program or map to who has all capabilities: those that are not
 * known not to. */
static bool list_suspects(struct kernel_facts *f, char *buf, size_t size)
{
	static const char *const innocent[] = {"capability", "lockdown", "yama",      "loadpin",
					       "safesetid",  "landlock", "apparmor",  "ima",
					       "evm",        "ipe",      "integrity", "tomoyo"};
	const char *at = kernel_facts_lsm(f);
	size_t len = 0;

	*buf = 0;
	while (*at) {
		size_t n = strcspn(at, ",");
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(innocent); i++)
			known = known || (strlen(innocent[i]) == n && !strncmp(at, innocent[i], n));
		known = known || (n == 3 && !strncmp(at, "bpf", 3) && !has_lsm_prog());
		if (!known && len + n + 3 < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%.*s", len ? ", " : "",
						(int)n, at);
		at += n + (at[n] == ',');
	}
	return *buf;
}

/*
 * Refused before the verifier has said a word, to a caller who has what it takes. Mainline's
 * lockdown refuses no program, but kernels are built that refuse whatever patches their text when
 * locked down.
 */
static bool why_policy(struct why *w)
{
	static const char before[] =
		"Linux refuses it before the verifier looks at it, to a caller "
		"with all capabilities";
	const char *lockdown = kernel_facts_lockdown(w->f);
	char suspects[128];

	if (!is_refusal(w) || w->t->log[0] || w->t->missing)
		return false;
	if (list_suspects(w->f, suspects, sizeof(suspects))) {
		w->ret->cause = CAUSE_LSM;
		because(w, "%s: the security module %s, most likely", before, suspects);
		todo(w, "the module's policy, or a kernel started with another lsm=");
		return true;
	}
	if (!*lockdown || !strcmp(lockdown, "none"))
		return false;
	w->ret->cause = CAUSE_LOCKDOWN;
	because(w, "%s: it is locked down (%s), which most likely is why", before, lockdown);
	todo(w, "a kernel that is not locked down, or a guest (scripts/vm-run)");
	return true;
}

static bool why_paranoid(struct why *w)
{
	if (!is_refusal(w) || !w->t->attaching || w->f->perf_paranoid < 2 ||
	    kernel_facts_can(w->f, FACTS_CAP_PERFMON))
		return false;
	w->ret->cause = CAUSE_SYSCTL;
	because(w, "kernel.perf_event_paranoid is %d, and CAP_PERFMON is missing",
		w->f->perf_paranoid);
	todo(w, "root, or setcap cap_perfmon+ep on the program");
	return true;
}

/* --- can Linux? ----------------------------------------------------------------------------------
 */

static bool why_missing(struct why *w)
{
	if (!w->t->missing)
		return false;
	w->ret->cause = CAUSE_MOUNT;
	because(w, "%s", w->t->missing);
	if (strstr(w->t->missing, "tracefs"))
		todo(w, "mount -t tracefs tracefs /sys/kernel/tracing");
	else if (strstr(w->t->missing, "bpffs"))
		todo(w, "mount -t bpf bpf /sys/fs/bpf");
	else
		todo(w, "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
	return true;
}

static bool why_lockdown(struct why *w)
{
	const char *now = kernel_facts_lockdown(w->f);
	bool is_write = !strcmp(w->t->row->name, "write user memory");
	bool is_read = !strcmp(w->t->row->name, "read kernel memory");

	if (strcmp(now, "confidentiality") && (strcmp(now, "integrity") || !is_write))
		return false;
	if (!is_write && !is_read)
		return false;
	w->ret->cause = CAUSE_LOCKDOWN;
	because(w, "the kernel is locked down (%s)", now);
	todo(w, "a kernel started without lockdown=, secure boot off");
	return true;
}

static bool why_version(struct why *w)
{
	u32 since = w->t->row->since;

	if (w->f->version >= since)
		return false;
	w->ret->cause = CAUSE_VERSION;
	because(w, "new in Linux %u.%u; this is %u.%u", since >> 16, since >> 8 & 0xff,
		w->f->version >> 16, w->f->version >> 8 & 0xff);
	todo(w, "a newer kernel");
	return true;
}

static bool why_config(struct why *w)
{
	const char *at = w->t->row->config;
	char name[64], value[8];

	while (at && *at) {
		size_t n = strcspn(at, ",");

		snprintf(name, sizeof(name), "CONFIG_%.*s", (int)n, at);
		if (!strcmp(kernel_facts_config(w->f, name, value, sizeof(value)), "n")) {
			w->ret->cause = CAUSE_CONFIG;
			because(w, "the kernel is built without %s", name);
			todo(w, "a kernel that has it");
			return true;
		}
		at += n + (at[n] == ',');
	}
	return false;
}

static bool why_btf(struct why *w)
{
	if (w->t->btf || !strstr(w->t->row->config, "DEBUG_INFO_BTF"))
		return false;
	w->ret->cause = CAUSE_BTF;
	because(w, "there is no /sys/kernel/btf/vmlinux that can be read");
	todo(w, "a kernel with CONFIG_DEBUG_INFO_BTF=y, and /sys mounted");
	return true;
}

static bool why_hardware(struct why *w)
{
	if (strcmp(w->t->row->name, "perf_event cycles") || is_refusal(w))
		return false;
	w->ret->cause = CAUSE_HARDWARE;
	because(w, "the processor's counters are not there (a virtual machine?)");
	todo(w, "samples of the software clock: SEC(\"perf_event\") with --freq");
	return true;
}

/* The last line of the log that says something. */
static void last_words(const char *log, char *buf, size_t size)
{
	*buf = 0;
	while (*log) {
		size_t n = strcspn(log, "\n");

		if (n && strncmp(log, "processed ", 10) && strncmp(log, "verification time", 17))
			snprintf(buf, size, "%.*s", (int)n, log);
		log += n + (log[n] == '\n');
	}
}

static void why_other(struct why *w)
{
	char words[160];

	last_words(w->t->log, words, sizeof(words));
	w->ret->cause = CAUSE_OTHER;
	because(w, "Linux says %s when it is %s%s%s", strerrorname_np(-w->err),
		w->t->attaching ? "attached" : "loaded", *words ? ": " : "", words);
}

void kernel_probe_why(const struct kernel_try *t, struct kernel_facts *f, int err,
		      struct kernel_why *ret)
{
	static bool (*const steps[])(struct why *) = {
		why_missing,   why_filtered, why_capability, why_sysctl,  why_paranoid,
		why_namespace, why_memlock,  why_lockdown,   why_version, why_config,
		why_btf,       why_hardware, why_policy,
	};
	struct why w = {t, f, err, ret};

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i](&w))
			return;
	why_other(&w);
}
