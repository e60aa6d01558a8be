/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Who runs, where and when: ids, names, CPUs, clocks, random numbers, cgroups, signals.
 *
 * What a hook knows of the current task stands in env->task. What it does not know (namespaces, the
 * ancestors of a cgroup) is asked of /proc, which works without privileges for one's own processes.
 */
#include "base/strbuf.h"
#include "spec/spec.h"
#include "vm/run.h"
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000ull
#define MAX_SIGNAL   64
#define PROCFS_COST  20000                           /* a look at files of /proc, in instructions */
#define JIFFIES_HZ   250                             /* CONFIG_HZ of Debian's kernels */
#define JIFFIES_BOOT ((u64)(u32)(-300 * JIFFIES_HZ)) /* INITIAL_JIFFIES */
#define CGROUP_ROOT  "/sys/fs/cgroup"
#define MAX_CGROUP   4096

static u64 pid_tgid(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return (u64)run->env->task.tgid << 32 | run->env->task.pid;
}

static u64 uid_gid(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return (u64)run->env->task.gid << 32 | run->env->task.uid;
}

static u64 comm(struct vm_run *run, u64 buf, u64 size, u64 r3, u64 r4, u64 r5)
{
	const char *name = run->env->task.comm;
	size_t len = strnlen(name, sizeof(run->env->task.comm) - 1);

	size = (u32)size;
	len = min_u64(len, size - 1);
	memcpy((char *)(uintptr_t)buf, name, len);
	memset((char *)(uintptr_t)buf + len, 0, size - len);
	return 0;
}

static u64 current_task(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return (uintptr_t)run->env->task.kobj;
}

static u64 pt_regs(struct vm_run *run, u64 task, u64 r2, u64 r3, u64 r4, u64 r5)
{
	if (task != (uintptr_t)run->env->task.kobj)
		return 0;
	return (uintptr_t)run->env->task.pt_regs;
}

/* --- clocks --------------------------------------------------------------------------------- */

u64 vm_clock(struct vm_run *run, int clock)
{
	const struct vm_world *w = run->env->world;
	struct timespec ts;

	if (w && w->clock)
		return w->clock(run->env, clock);
	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static u64 ktime(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return vm_clock(run, CLOCK_MONOTONIC);
}

static u64 ktime_boot(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return vm_clock(run, CLOCK_BOOTTIME);
}

static u64 ktime_coarse(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return vm_clock(run, CLOCK_MONOTONIC_COARSE);
}

static u64 ktime_tai(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return vm_clock(run, CLOCK_TAI);
}

static u64 jiffies(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return JIFFIES_BOOT + vm_clock(run, CLOCK_MONOTONIC) / (NSEC_PER_SEC / JIFFIES_HZ);
}

/* --- CPUs and chance ------------------------------------------------------------------------- */

static u64 cpu_id(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return map_current_cpu();
}

static u64 numa_node(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	unsigned int cpu, node;

	return getcpu(&cpu, &node) ? 0 : node;
}

/* xorshift64*: not for secrets, as in the kernel; each thread has its own sequence. */
static u64 random_u32(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	static _Thread_local u64 state;

	if (!state && getrandom(&state, sizeof(state), GRND_NONBLOCK) != sizeof(state))
		state = vm_clock(run, CLOCK_MONOTONIC);
	state |= !state;
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (u32)((state * 0x2545f4914f6cdd1dull) >> 32);
}

/* --- cgroups --------------------------------------------------------------------------------- */

static u64 cgroup_id(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return run->env->task.cgroup_id;
}

/* The task's path in the unified hierarchy, "/a/b"; false where that cannot be known. */
static bool cgroup_path(u32 tgid, char *path, size_t size)
{
	char name[64], line[MAX_CGROUP];
	bool found = false;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%u/cgroup", tgid);
	f = fopen(name, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		found = !strncmp(line, "0::/", 4);
		line[strcspn(line, "\n")] = 0;
	}
	if (f)
		fclose(f);
	if (found)
		snprintf(path, size, CGROUP_ROOT "%s", strcmp(line + 3, "/") ? line + 3 : "");
	return found;
}

/* The inode of the ancestor at a level (0: the root) is its id. 0: there is none. */
static u64 ancestor_id(struct vm_run *run, u32 level)
{
	u32 tgid = run->env->task.tgid;
	char path[MAX_CGROUP + sizeof(CGROUP_ROOT)];
	char *end = path + strlen(CGROUP_ROOT);
	struct stat st;

	vm_charge(run, PROCFS_COST);
	if (!cgroup_path(tgid, path, sizeof(path)))
		return 0;
	for (; level; level--) {
		if (!*end)
			return 0;
		end += 1 + strcspn(end + 1, "/");
	}
	*end = 0;
	return stat(path, &st) ? 0 : st.st_ino;
}

static u64 ancestor_cgroup_id(struct vm_run *run, u64 level, u64 r2, u64 r3, u64 r4, u64 r5)
{
	if ((int)level < 0)
		return 0;
	return ancestor_id(run, level);
}

/* Entries of a cgroup array are ids here. */
static u64 under_cgroup(struct vm_run *run, u64 map, u64 idx, u64 r3, u64 r4, u64 r5)
{
	struct map *m = (struct map *)(uintptr_t)map;
	u32 key = idx;
	u64 target, id;

	if (key >= m->def.max_entries)
		return -E2BIG;
	if (map_target_get(m, &key, &target))
		return -EAGAIN;
	if (target == run->env->task.cgroup_id)
		return 1;
	for (u32 level = 0; (id = ancestor_id(run, level)); level++)
		if (id == target)
			return 1;
	return 0;
}

/* net_cls: nobody sets a class here, and that is what 0 says. */
static u64 cgroup_classid(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return 0;
}

/* --- namespaces ------------------------------------------------------------------------------ */

/* The innermost pid on the line "NSpid:" of a status file; 0: not known. */
static u32 innermost_pid(const char *path)
{
	char line[512];
	u32 pid = 0;
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		const char *last = strrchr(line, '\t');

		if (!strncmp(line, "NSpid:", 6) && last)
			pid = strtoul(last, NULL, 10);
	}
	if (f)
		fclose(f);
	return pid;
}

static long ns_pids(struct vm_run *run, u64 dev, u64 ino, struct bpf_pidns_info *info)
{
	const struct vm_task *task = &run->env->task;
	char path[64];
	struct stat st;

	vm_charge(run, PROCFS_COST);
	snprintf(path, sizeof(path), "/proc/%u/ns/pid", task->tgid);
	if (stat(path, &st))
		return -ENOENT;
	if (st.st_dev != dev || st.st_ino != ino)
		return -EINVAL;
	snprintf(path, sizeof(path), "/proc/%u/task/%u/status", task->tgid, task->pid);
	info->pid = innermost_pid(path);
	snprintf(path, sizeof(path), "/proc/%u/status", task->tgid);
	info->tgid = innermost_pid(path);
	return 0;
}

static u64 ns_pid_tgid(struct vm_run *run, u64 dev, u64 ino, u64 buf, u64 size, u64 r5)
{
	struct bpf_pidns_info info = {0};
	long err = -EINVAL;

	memset((void *)(uintptr_t)buf, 0, (u32)size);
	if ((u32)size != sizeof(info) || dev != (u32)dev)
		return -EINVAL;
	err = ns_pids(run, dev, ino, &info);
	if (!err)
		memcpy((void *)(uintptr_t)buf, &info, sizeof(info));
	return err;
}

/* --- what a program does to its task --------------------------------------------------------- */

static long send_signal(struct vm_run *run, u32 sig, bool thread)
{
	const struct vm_world *w = run->env->world;

	if (!w || !w->send_signal || run->env->task.pid == 1)
		return -EPERM;
	if (sig > MAX_SIGNAL)
		return -EINVAL;
	return w->send_signal(run->env, sig, thread);
}

static u64 signal_process(struct vm_run *run, u64 sig, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return send_signal(run, sig, false);
}

static u64 signal_thread(struct vm_run *run, u64 sig, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return send_signal(run, sig, true);
}

static u64 get_retval(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return run->env->retval;
}

static u64 set_retval(struct vm_run *run, u64 value, u64 r2, u64 r3, u64 r4, u64 r5)
{
	run->env->retval = (int)value;
	return 0;
}

const struct vm_helper helpers_task[] = {
	{SPEC_HELPER_get_current_pid_tgid, pid_tgid},
	{SPEC_HELPER_get_current_uid_gid, uid_gid},
	{SPEC_HELPER_get_current_comm, comm},
	{SPEC_HELPER_get_current_task, current_task},
	{SPEC_HELPER_get_current_task_btf, current_task},
	{SPEC_HELPER_task_pt_regs, pt_regs},
	{SPEC_HELPER_ktime_get_ns, ktime},
	{SPEC_HELPER_ktime_get_boot_ns, ktime_boot},
	{SPEC_HELPER_ktime_get_coarse_ns, ktime_coarse},
	{SPEC_HELPER_ktime_get_tai_ns, ktime_tai},
	{SPEC_HELPER_jiffies64, jiffies},
	{SPEC_HELPER_get_smp_processor_id, cpu_id},
	{SPEC_HELPER_get_numa_node_id, numa_node},
	{SPEC_HELPER_get_prandom_u32, random_u32},
	{SPEC_HELPER_get_current_cgroup_id, cgroup_id},
	{SPEC_HELPER_get_current_ancestor_cgroup_id, ancestor_cgroup_id},
	{SPEC_HELPER_current_task_under_cgroup, under_cgroup},
	{SPEC_HELPER_get_cgroup_classid, cgroup_classid},
	{SPEC_HELPER_get_ns_current_pid_tgid, ns_pid_tgid},
	{SPEC_HELPER_send_signal, signal_process},
	{SPEC_HELPER_send_signal_thread, signal_thread},
	{SPEC_HELPER_get_retval, get_retval},
	{SPEC_HELPER_set_retval, set_retval},
	{0, NULL},
};
