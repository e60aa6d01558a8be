/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The table of helpers and program types against the running kernel: a program of each type that
 * does nothing but call the helper is loaded; the verifier's log says whether the type has it.
 * What this kernel cannot show (its configuration lacks a part, or it is locked down) is listed,
 * not counted. Needs root; skips without.
 */
#include "../tap.h"
#include "spec/spec.h"
#include <bpf/btf.h>
#include <errno.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

struct probe {
	u32 prog, attach;
	const char *btf; /* what it attaches to */
	u32 kind;
	bool sleepable;
};

/* The attach types under which a program type has all of its helpers between them. */
static const struct probe probes[] = {
	{SPEC_PROG_SOCKET_FILTER, 0, NULL, 0, false},
	{SPEC_PROG_KPROBE, 0, NULL, 0, false},
	{SPEC_PROG_SCHED_CLS, 0, NULL, 0, false},
	{SPEC_PROG_SCHED_ACT, 0, NULL, 0, false},
	{SPEC_PROG_TRACEPOINT, 0, NULL, 0, false},
	{SPEC_PROG_XDP, 0, NULL, 0, false},
	{SPEC_PROG_PERF_EVENT, 0, NULL, 0, false},
	{SPEC_PROG_CGROUP_SKB, 0, NULL, 0, false},
	{SPEC_PROG_CGROUP_SOCK, SPEC_ATTACH_CGROUP_INET_SOCK_CREATE, NULL, 0, false},
	{SPEC_PROG_LWT_IN, 0, NULL, 0, false},
	{SPEC_PROG_LWT_OUT, 0, NULL, 0, false},
	{SPEC_PROG_LWT_XMIT, 0, NULL, 0, false},
	{SPEC_PROG_SOCK_OPS, SPEC_ATTACH_CGROUP_SOCK_OPS, NULL, 0, false},
	{SPEC_PROG_SK_SKB, 0, NULL, 0, false},
	{SPEC_PROG_CGROUP_DEVICE, SPEC_ATTACH_CGROUP_DEVICE, NULL, 0, false},
	{SPEC_PROG_SK_MSG, 0, NULL, 0, false},
	{SPEC_PROG_RAW_TRACEPOINT, 0, NULL, 0, false},
	{SPEC_PROG_CGROUP_SOCK_ADDR, SPEC_ATTACH_CGROUP_INET4_CONNECT, NULL, 0, false},
	{SPEC_PROG_CGROUP_SOCK_ADDR, SPEC_ATTACH_CGROUP_INET4_BIND, NULL, 0, false},
	{SPEC_PROG_LWT_SEG6LOCAL, 0, NULL, 0, false},
	{SPEC_PROG_LIRC_MODE2, 0, NULL, 0, false},
	{SPEC_PROG_SK_REUSEPORT, SPEC_ATTACH_SK_REUSEPORT_SELECT_OR_MIGRATE, NULL, 0, false},
	{SPEC_PROG_FLOW_DISSECTOR, 0, NULL, 0, false},
	{SPEC_PROG_CGROUP_SYSCTL, SPEC_ATTACH_CGROUP_SYSCTL, NULL, 0, false},
	{SPEC_PROG_RAW_TRACEPOINT_WRITABLE, 0, NULL, 0, false},
	{SPEC_PROG_CGROUP_SOCKOPT, SPEC_ATTACH_CGROUP_SETSOCKOPT, NULL, 0, false},
	{SPEC_PROG_TRACING, SPEC_ATTACH_TRACE_RAW_TP, "btf_trace_sys_enter", BTF_KIND_TYPEDEF,
	 false},
	{SPEC_PROG_TRACING, SPEC_ATTACH_TRACE_ITER, "bpf_iter_tcp", BTF_KIND_FUNC, false},
	{SPEC_PROG_TRACING, SPEC_ATTACH_TRACE_FEXIT, "do_filp_open", BTF_KIND_FUNC, false},
	{SPEC_PROG_STRUCT_OPS, 0, "tcp_congestion_ops", BTF_KIND_STRUCT, false},
	{SPEC_PROG_LSM, SPEC_ATTACH_LSM_MAC, "bpf_lsm_file_open", BTF_KIND_FUNC, false},
	{SPEC_PROG_LSM, SPEC_ATTACH_LSM_CGROUP, "bpf_lsm_socket_bind", BTF_KIND_FUNC, false},
	{SPEC_PROG_SK_LOOKUP, SPEC_ATTACH_SK_LOOKUP, NULL, 0, false},
	{SPEC_PROG_SYSCALL, 0, NULL, 0, true},
	{SPEC_PROG_NETFILTER, SPEC_ATTACH_NETFILTER, NULL, 0, false},
};

static char log_buf[1 << 14];

static int load(const struct probe *p, int btf_id, u32 helper)
{
	struct bpf_insn insns[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = helper},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {
		.prog_type = p->prog,
		.expected_attach_type = p->attach,
		.attach_btf_id = btf_id,
		.prog_flags = p->sleepable ? BPF_F_SLEEPABLE : 0,
		.insns = (uintptr_t)insns,
		.insn_cnt = 3,
		.license = (uintptr_t) "GPL",
		.log_buf = (uintptr_t)log_buf,
		.log_size = sizeof(log_buf),
		.log_level = 1,
	};
	int fd;

	log_buf[0] = 0;
	fd = syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* 1: it has it, 0: it has it not. */
static int kernel_has(const struct probe *p, int btf_id, u32 helper)
{
	int err = load(p, btf_id, helper);

	if (!err)
		return 1;
	return !strstr(log_buf, "cannot use helper") && !strstr(log_buf, "unknown func") &&
	       !strstr(log_buf, "invalid func");
}

/* Does this kernel load programs of the type at all? Then it turns a wild helper away by name. */
static bool loads(const struct probe *p, int btf_id)
{
	load(p, btf_id, 0xffff);
	return strstr(log_buf, "invalid func") || strstr(log_buf, "unknown func");
}

static bool seen[SPEC_NR_PROG_TYPES], has[SPEC_NR_PROG_TYPES][SPEC_NR_HELPERS];
static bool partly[SPEC_NR_PROG_TYPES]; /* one of its attach types does not load here */

static void ask(const struct btf *btf, const struct probe *p)
{
	int id = p->btf ? btf__find_by_name_kind(btf, p->btf, p->kind) : 0;

	if (id < 0 || !loads(p, id)) {
		partly[p->prog] = true;
		return;
	}
	seen[p->prog] = true;
	for (u32 h = 1; h < spec_nr_helpers(); h++)
		has[p->prog][h] |= kernel_has(p, id, h);
}

/* What depends on the kernel's configuration and on lockdown, not on its version. */
static const char *const by_config[] = {"override_return", "probe_write_user"};

static bool excused(u32 type, u32 id)
{
	if (partly[type] && !has[type][id])
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(by_config); i++)
		if (!strcmp(spec_helper(id)->name, by_config[i]) && !has[type][id])
			return true;
	return false;
}

static void compare(void)
{
	u32 same = 0, differ = 0, not_shown = 0;

	for (u32 t = 1; t < SPEC_NR_PROG_TYPES; t++) {
		for (u32 id = 1; seen[t] && id < spec_nr_helpers(); id++) {
			if (spec_helper_allowed(id, t) == has[t][id]) {
				same++;
			} else if (excused(t, id)) {
				not_shown++;
			} else {
				differ++;
				printf("# %s in %s: Linux says %s\n", spec_helper(id)->name,
				       spec_prog_type(t)->name, has[t][id] ? "yes" : "no");
			}
		}
		if (!seen[t] && t != SPEC_PROG_EXT)
			printf("# not loaded by this kernel: %s\n", spec_prog_type(t)->name);
	}
	printf("# %u pairs agree, %u differ, %u cannot be shown here\n", same, differ, not_shown);
	ok(same > 5000, "the kernel was asked");
	is_int(differ, 0, "the table says what the kernel says");
}

int main(void)
{
	struct probe first = probes[0];
	struct utsname uts;
	struct btf *btf;

	if (geteuid() || load(&first, 0, 5))
		tap_skip_all("loading programs needs root");
	uname(&uts);
	if (strncmp(uts.release, "6.18", 4))
		tap_skip_all("the table is that of Linux 6.18, this is another");
	btf = btf__load_vmlinux_btf();
	if (!btf)
		tap_skip_all("this kernel has no BTF");
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		ask(btf, &probes[i]);
	btf__free(btf);
	compare();
	return tap_done();
}
