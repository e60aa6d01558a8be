/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Rights that are not needed any more, once everything is attached. Descriptors carry the rest:
 * links, maps and buffers are read and closed without a privilege. What is kept, and only where
 * this run needs it:
 *
 *     CAP_BPF              maps are read, before 5.19 (there the sysctl closes all of bpf(2))
 *     CAP_NET_ADMIN        a qdisc, filter or route is to be removed
 *     CAP_SYS_ADMIN        the same in another network namespace
 *     CAP_SYSLOG, _SYS_PTRACE, _DAC_READ_SEARCH   addresses of stacks get names
 *
 * The guard, a process of its own that only waits, keeps what it was born with.
 */
#include "base/log.h"
#include "engine/kernel.h"
#include "engine/kernel_facts.h"
#include "engine/kernel_guard.h"
#include "spec/spec.h"
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool calls(const struct prog *prog, s32 a, s32 b)
{
	for (u32 i = 0; i < prog->nr_insns; i++) {
		const struct bpf_insn *in = &prog->insns[i];

		if (in->code == (BPF_JMP | BPF_CALL) && !in->src_reg &&
		    (in->imm == a || in->imm == b))
			return true;
	}
	return false;
}

static bool takes_stacks(const struct kernel_engine *k)
{
	for (u32 i = 0; i < k->nr_progs; i++)
		if (calls(k->progs[i].prog, SPEC_HELPER_get_stack, SPEC_HELPER_get_stackid))
			return true;
	return false;
}

static u64 kept(const struct kernel_engine *k)
{
	struct kernel_facts f;
	u64 keep = 0;

	kernel_facts_read(&f);
	if (f.version < FACTS_VERSION(5, 19) && f.unpriv_disabled)
		keep |= f.caps & FACTS_CAP(FACTS_CAP_BPF) ? FACTS_CAP(FACTS_CAP_BPF)
							  : FACTS_CAP(FACTS_CAP_SYS_ADMIN);
	if (kernel_guard_has_net(k)) {
		keep |= FACTS_CAP(FACTS_CAP_NET_ADMIN);
		if (k->netns_fd >= 0)
			keep |= FACTS_CAP(FACTS_CAP_SYS_ADMIN);
	}
	if (takes_stacks(k))
		keep |= FACTS_CAP(CAP_SYSLOG) | FACTS_CAP(CAP_SYS_PTRACE) |
			FACTS_CAP(CAP_DAC_READ_SEARCH);
	kernel_facts_done(&f);
	return keep;
}

/* 0 or -errno */
static int keep_only(u64 keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &head, data))
		return -errno;
	for (int i = 0; i < 2; i++) {
		u32 half = (u32)(keep >> (32 * i));

		data[i].permitted &= half;
		data[i].effective &= half;
		data[i].inheritable = 0;
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

void kernel_drop_caps(struct kernel_engine *k)
{
	u64 keep = kept(k);
	int err = keep_only(keep);

	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (err)
		log_warn("capabilities can't be dropped: %s", strerror(-err));
	else
		log_info("capabilities are dropped%s",
			 keep ? ", but for those that reading and detaching need" : "");
}
