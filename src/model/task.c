/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tasks. A struct entry is a thread: its task_struct and struct pid. A struct group is what the
 * threads of a process share. Ancestors outside of what is traced are made too, up to init, so
 * that real_parent chains end as they do in Linux: at the task 0, which is its own parent.
 *
 * The dead stay in a queue of MODEL_NR_DEAD: a program may still hold the address of one.
 */
#include "model/task.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/cgroup.h"
#include "model/fds.h"
#include "model/ns.h"
#include "model/procfs.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* No chain of parents is deeper; a loop in /proc between two reads ends here. */
#define MAX_ANCESTORS 256

struct group {
	u32 tgid, nr_threads;
	void *mm, *exe, *files, *fs, *signal, *nsproxy, *cred, *css_set;
	struct model_fds *fds; /* NULL until a program looks */
};

struct entry {
	u32 tid;
	void *task, *pid;
	struct group *group;
};

struct model_tasks {
	struct model *m;
	struct model_nses *nses;
	struct model_files *files;
	struct hash_table entries, groups, cgroups;
	void *idle; /* the task 0 */
	struct entry *dead[MODEL_NR_DEAD];
	u32 next_dead;
	void (*gone)(void *kobj);
	u32 depth;
};

static u64 addr(const void *p)
{
	return (uintptr_t)p;
}

static s64 boot_minus_mono(void)
{
	struct timespec b, m;

	clock_gettime(CLOCK_MONOTONIC, &m);
	clock_gettime(CLOCK_BOOTTIME, &b);
	return (b.tv_sec - m.tv_sec) * 1000000000ll + b.tv_nsec - m.tv_nsec;
}

/* --- what a process has --------------------------------------------------------------------- */

static void fill_cred(struct model_tasks *ts, struct group *g, const struct procfs_task *pt)
{
	static const char *const uids[] = {"uid.val", "euid.val", "suid.val", "fsuid.val"};
	static const char *const gids[] = {"gid.val", "egid.val", "sgid.val", "fsgid.val"};
	static const char *const caps[] = {"cap_inheritable", "cap_permitted", "cap_effective",
					   "cap_bset", "cap_ambient"};

	for (u32 i = 0; i < 4; i++) {
		model_set(ts->m, g->cred, "cred", uids[i], pt->uid[i]);
		model_set(ts->m, g->cred, "cred", gids[i], pt->gid[i]);
	}
	for (u32 i = 0; i < 5; i++)
		model_set_bytes(ts->m, g->cred, "cred", caps[i], &pt->caps[i], 8);
	model_set(ts->m, g->cred, "cred", "user_ns", addr(model_ns_get(ts->nses, g->tgid, "user")));
}

static void fill_path(struct model_tasks *ts, void *obj, const char *type, const char *dentry,
		      const char *mnt, u32 tid, const char *link)
{
	char path[4096];

	if (!procfs_link(tid, link, path, sizeof(path)))
		return;
	model_set(ts->m, obj, type, dentry, addr(model_dentry(ts->files, path, NULL)));
	model_set(ts->m, obj, type, mnt, addr(model_mount(ts->files)));
}

static void fill_fs(struct model_tasks *ts, struct group *g)
{
	fill_path(ts, g->fs, "fs_struct", "pwd.dentry", "pwd.mnt", g->tgid, "cwd");
	fill_path(ts, g->fs, "fs_struct", "root.dentry", "root.mnt", g->tgid, "root");
}

static void fill_exe(struct model_tasks *ts, struct group *g)
{
	char path[4096], link[64];
	struct stat st;

	model_release(ts->m, g->exe);
	g->exe = NULL;
	if (!procfs_link(g->tgid, "exe", path, sizeof(path)))
		return;
	snprintf(link, sizeof(link), "/proc/%u/exe", g->tgid);
	g->exe = model_file(ts->files, path, stat(link, &st) ? NULL : &st, 0);
	model_set(ts->m, g->mm, "mm_struct", "exe_file", addr(g->exe));
}

static void fill_mm(struct model_tasks *ts, struct group *g, const struct procfs_task *pt)
{
	model_set(ts->m, g->mm, "mm_struct", "start_code", pt->start_code);
	model_set(ts->m, g->mm, "mm_struct", "end_code", pt->end_code);
	model_set(ts->m, g->mm, "mm_struct", "start_data", pt->start_data);
	model_set(ts->m, g->mm, "mm_struct", "end_data", pt->end_data);
	model_set(ts->m, g->mm, "mm_struct", "start_brk", pt->start_brk);
	model_set(ts->m, g->mm, "mm_struct", "start_stack", pt->start_stack);
	model_set(ts->m, g->mm, "mm_struct", "arg_start", pt->arg_start);
	model_set(ts->m, g->mm, "mm_struct", "arg_end", pt->arg_end);
	model_set(ts->m, g->mm, "mm_struct", "env_start", pt->env_start);
	model_set(ts->m, g->mm, "mm_struct", "env_end", pt->env_end);
	fill_exe(ts, g);
}

static void *cgroup_of(struct model_tasks *ts, u32 tgid)
{
	u64 id = model_cgroup_id(tgid);
	void *cgroup = hash_get(&ts->cgroups, id), *kn;

	if (cgroup)
		return cgroup;
	cgroup = model_alloc(ts->m, "cgroup");
	kn = model_alloc(ts->m, "kernfs_node");
	model_set(ts->m, kn, "kernfs_node", "id", id);
	model_set(ts->m, cgroup, "cgroup", "kn", addr(kn));
	if (cgroup)
		hash_put(&ts->cgroups, id, cgroup);
	return cgroup;
}

static void fill_nses(struct model_tasks *ts, struct group *g)
{
	model_nsproxy_fill(ts->nses, g->nsproxy, g->tgid);
	model_set(ts->m, g->css_set, "css_set", "dfl_cgrp", addr(cgroup_of(ts, g->tgid)));
}

static void fill_files(struct model_tasks *ts, struct group *g)
{
	void *fdtable = model_field(ts->m, g->files, "files_struct", "fdtab");

	model_set(ts->m, g->files, "files_struct", "fdt", addr(fdtable));
}

static void fill_group(struct model_tasks *ts, struct group *g, const struct procfs_task *pt)
{
	fill_cred(ts, g, pt);
	fill_fs(ts, g);
	fill_mm(ts, g, pt);
	fill_nses(ts, g);
	fill_files(ts, g);
}

static void release_group(struct model_tasks *ts, struct group *g)
{
	void *const objs[] = {g->mm,     g->exe,     g->files, g->fs,
			      g->signal, g->nsproxy, g->cred,  g->css_set};

	model_fds_free(g->fds);
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		model_release(ts->m, objs[i]);
	mem_free(g);
}

static struct group *get_group(struct model_tasks *ts, const struct procfs_task *pt)
{
	struct group *g = hash_get(&ts->groups, pt->tgid);

	if (g) {
		g->nr_threads++;
		return g;
	}
	g = mem_zalloc(sizeof(*g));
	if (!g || hash_put(&ts->groups, pt->tgid, g)) {
		mem_free(g);
		return NULL;
	}
	g->tgid = pt->tgid;
	g->nr_threads = 1;
	g->mm = model_alloc(ts->m, "mm_struct");
	g->files = model_alloc(ts->m, "files_struct");
	g->fs = model_alloc(ts->m, "fs_struct");
	g->signal = model_alloc(ts->m, "signal_struct");
	g->nsproxy = model_alloc(ts->m, "nsproxy");
	g->cred = model_alloc(ts->m, "cred");
	g->css_set = model_alloc(ts->m, "css_set");
	fill_group(ts, g, pt);
	return g;
}

/* --- what a thread has ---------------------------------------------------------------------- */

/* struct pid: a number for each level of pid namespaces, ours first. */
static void *make_pid(struct model_tasks *ts, const struct procfs_task *pt)
{
	u32 one = model_sizeof(ts->m, "upid"), size = model_sizeof(ts->m, "pid"), nr;
	void *pid, *ns = model_ns_get(ts->nses, pt->tid, "pid");
	char *number;

	nr = pt->nr_levels ? pt->nr_levels : 1;
	pid = size && one ? model_alloc_bytes(ts->m, size + nr * one) : NULL;
	number = model_field(ts->m, pid, "pid", "numbers");
	model_set(ts->m, pid, "pid", "level", nr - 1);
	model_set(ts->m, pid, "pid", "count.refs.counter", 1);
	for (u32 i = 0; number && i < nr; i++, number += one) {
		model_set(ts->m, number, "upid", "nr", pt->nr_levels ? pt->nspid[i] : pt->tid);
		model_set(ts->m, number, "upid", "ns", addr(ns));
	}
	return pid;
}

static void set_comm(struct model_tasks *ts, struct entry *e, const char comm[16])
{
	model_set_bytes(ts->m, e->task, "task_struct", "comm", comm, 16);
}

static void set_times(struct model_tasks *ts, struct entry *e, u64 mono, u64 boot)
{
	model_set(ts->m, e->task, "task_struct", "start_time", mono);
	model_set(ts->m, e->task, "task_struct", "start_boottime", boot);
	model_set(ts->m, e->task, "task_struct", "real_start_time", boot);
}

/* The pids of its process, its group and its session hang on signal->pids. */
static void fill_signal_pids(struct model_tasks *ts, struct entry *e, const struct procfs_task *pt)
{
	void **pids = model_field(ts->m, e->group->signal, "signal_struct", "pids");
	u32 size = model_field_size(ts->m, "signal_struct", "pids");

	if (pids && size >= 2 * sizeof(*pids) && pt->tid == pt->tgid)
		pids[1] = e->pid; /* PIDTYPE_TGID */
}

static void fill_parents(struct model_tasks *ts, struct entry *e, const struct procfs_task *pt)
{
	void *parent = pt->ppid ? model_task_get(ts, pt->ppid) : ts->idle, *leader = e->task;

	if (pt->tid != pt->tgid)
		leader = model_task_get(ts, pt->tgid);
	parent = parent ? parent : ts->idle;
	model_set(ts->m, e->task, "task_struct", "real_parent", addr(parent));
	model_set(ts->m, e->task, "task_struct", "parent", addr(parent));
	model_set(ts->m, e->task, "task_struct", "group_leader", addr(leader ? leader : e->task));
}

static void fill_links(struct model_tasks *ts, struct entry *e)
{
	const struct {
		const char *field;
		void *obj;
	} links[] = {
		{"cred", e->group->cred},       {"real_cred", e->group->cred},
		{"nsproxy", e->group->nsproxy}, {"files", e->group->files},
		{"fs", e->group->fs},           {"signal", e->group->signal},
		{"cgroups", e->group->css_set}, {"thread_pid", e->pid},
	};

	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		model_set(ts->m, e->task, "task_struct", links[i].field, addr(links[i].obj));
}

/* Priorities as of SCHED_NORMAL; PF_KTHREAD tasks have no mm. */
#define PF_KTHREAD 0x00200000u

/* TASK_… and EXIT_… of include/linux/sched.h, behind the letters of /proc. A traced task that is
 * stopped (t) is so because of us: in Linux it would be running. */
static void set_state(struct model_tasks *ts, struct entry *e, char letter)
{
	static const struct {
		char letter;
		u32 state, exit_state;
	} states[] = {
		{'R', 0, 0},     {'S', 1, 0},    {'D', 2, 0},       {'T', 4, 0},       {'t', 0, 0},
		{'I', 0x402, 0}, {'P', 0x40, 0}, {'Z', 0x80, 0x20}, {'X', 0x80, 0x10},
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (states[i].letter != letter)
			continue;
		model_set(ts->m, e->task, "task_struct", "__state", states[i].state);
		model_set(ts->m, e->task, "task_struct", "state", states[i].state);
		model_set(ts->m, e->task, "task_struct", "exit_state", states[i].exit_state);
	}
}

static void fill_task(struct model_tasks *ts, struct entry *e, const struct procfs_task *pt)
{
	u64 boot = pt->start_ticks * (1000000000ull / sysconf(_SC_CLK_TCK));
	bool has_mm = !(pt->flags & PF_KTHREAD);

	model_set(ts->m, e->task, "task_struct", "pid", pt->tid);
	model_set(ts->m, e->task, "task_struct", "tgid", pt->tgid);
	model_set(ts->m, e->task, "task_struct", "flags", pt->flags);
	model_set(ts->m, e->task, "task_struct", "exit_signal", pt->exit_signal);
	model_set(ts->m, e->task, "task_struct", "prio", 120 + pt->nice);
	model_set(ts->m, e->task, "task_struct", "static_prio", 120 + pt->nice);
	model_set(ts->m, e->task, "task_struct", "normal_prio", 120 + pt->nice);
	model_set(ts->m, e->task, "task_struct", "loginuid.val", -1u);
	model_set(ts->m, e->task, "task_struct", "mm", has_mm ? addr(e->group->mm) : 0);
	model_set(ts->m, e->task, "task_struct", "active_mm", has_mm ? addr(e->group->mm) : 0);
	set_comm(ts, e, pt->comm);
	set_times(ts, e, boot - boot_minus_mono(), boot);
	set_state(ts, e, pt->state);
	fill_links(ts, e);
	fill_signal_pids(ts, e, pt);
}

static void release_entry(struct model_tasks *ts, struct entry *e)
{
	if (!e)
		return;
	if (ts->gone)
		ts->gone(e->task);
	model_release(ts->m, e->task);
	model_release(ts->m, e->pid);
	if (!--e->group->nr_threads) {
		if (hash_get(&ts->groups, e->group->tgid) == e->group)
			hash_del(&ts->groups, e->group->tgid);
		release_group(ts, e->group);
	}
	mem_free(e);
}

static struct entry *new_entry(struct model_tasks *ts, const struct procfs_task *pt)
{
	struct entry *e = mem_zalloc(sizeof(*e));

	if (!e)
		return NULL;
	e->tid = pt->tid;
	e->task = model_alloc(ts->m, "task_struct");
	e->group = e->task ? get_group(ts, pt) : NULL;
	if (!e->group || hash_put(&ts->entries, pt->tid, e)) {
		model_release(ts->m, e->task);
		mem_free(e);
		return NULL;
	}
	e->pid = make_pid(ts, pt);
	fill_task(ts, e, pt);
	return e;
}

void *model_task_find(struct model_tasks *ts, u32 tid)
{
	const struct entry *e = hash_get(&ts->entries, tid);

	return e ? e->task : NULL;
}

void *model_task_get(struct model_tasks *ts, u32 tid)
{
	void *known = model_task_find(ts, tid);
	struct procfs_task pt;
	struct entry *e;

	if (known || !tid || ts->depth >= MAX_ANCESTORS || procfs_task(tid, &pt))
		return known;
	e = new_entry(ts, &pt);
	if (!e)
		return NULL;
	ts->depth++;
	fill_parents(ts, e, &pt);
	ts->depth--;
	return e->task;
}

/* --- changes -------------------------------------------------------------------------------- */

static struct entry *entry_of(struct model_tasks *ts, u32 tid)
{
	return hash_get(&ts->entries, tid);
}

void model_task_born(struct model_tasks *ts, u32 tid, u64 mono_ns, u64 boot_ns)
{
	struct entry *e = entry_of(ts, tid);

	if (e)
		set_times(ts, e, mono_ns, boot_ns);
}

void model_task_set_comm(struct model_tasks *ts, u32 tid, const char comm[16])
{
	struct entry *e = entry_of(ts, tid);

	if (e)
		set_comm(ts, e, comm);
}

void model_task_set_exit_code(struct model_tasks *ts, u32 tid, u32 code)
{
	struct entry *e = entry_of(ts, tid);

	if (!e)
		return;
	model_set(ts->m, e->task, "task_struct", "exit_code", code);
	if (e->group->tgid == tid)
		model_set(ts->m, e->group->signal, "signal_struct", "group_exit_code", code);
}

void model_task_changed(struct model_tasks *ts, u32 tid)
{
	struct entry *e = entry_of(ts, tid);
	struct procfs_task pt;

	if (!e || procfs_task(tid, &pt))
		return;
	fill_cred(ts, e->group, &pt);
	fill_fs(ts, e->group);
	fill_nses(ts, e->group);
}

void model_task_fill_fds(struct model_tasks *ts, u32 tid)
{
	struct entry *e = entry_of(ts, tid);

	if (e && !e->group->fds)
		e->group->fds = model_fds_new(ts->m, e->group->files);
	if (e && e->group->fds)
		model_fds_fill(e->group->fds, ts->files, tid);
}

void model_task_execed(struct model_tasks *ts, u32 tid, u32 old_tid)
{
	struct entry *e = entry_of(ts, tid);
	struct procfs_task pt;

	if (!e || procfs_task(tid, &pt))
		return;
	fill_group(ts, e->group, &pt);
	set_comm(ts, e, pt.comm);
	model_set(ts->m, e->task, "task_struct", "flags", pt.flags);
}

void model_task_exited(struct model_tasks *ts, u32 tid)
{
	struct entry *e = hash_del(&ts->entries, tid);
	u32 at = ts->next_dead;

	if (!e)
		return;
	release_entry(ts, ts->dead[at]);
	ts->dead[at] = e;
	ts->next_dead = (at + 1) % MODEL_NR_DEAD;
	/* a new process of the same number must not find the old one's */
	if (e->tid == e->group->tgid)
		hash_del(&ts->groups, e->tid);
}

void model_tasks_on_gone(struct model_tasks *ts, void (*gone)(void *kobj))
{
	ts->gone = gone;
}

/* --- the table ------------------------------------------------------------------------------ */

static void make_idle(struct model_tasks *ts)
{
	ts->idle = (void *)(uintptr_t)model_symbol(ts->m, "init_task");
	if (!ts->idle)
		ts->idle = model_alloc(ts->m, "task_struct");
	model_set(ts->m, ts->idle, "task_struct", "real_parent", addr(ts->idle));
	model_set(ts->m, ts->idle, "task_struct", "parent", addr(ts->idle));
	model_set(ts->m, ts->idle, "task_struct", "group_leader", addr(ts->idle));
	model_set_bytes(ts->m, ts->idle, "task_struct", "comm", "swapper/0", 10);
}

int model_tasks_new(struct model *m, struct model_tasks **ret, struct skep_diag *diag)
{
	struct model_tasks *ts = mem_zalloc(sizeof(*ts));

	if (!ts)
		return diag_nomem(diag);
	ts->m = m;
	ts->nses = model_nses_new(m);
	ts->files = model_files_new(m);
	make_idle(ts);
	if (!ts->nses || !ts->files || !ts->idle) {
		model_tasks_free(ts);
		return diag_set(diag, -EINVAL,
				"the kernel's BTF has no struct task_struct or "
				"dentry: tasks cannot be shown");
	}
	*ret = ts;
	return 0;
}

struct model_tasks *model_tasks_free(struct model_tasks *ts)
{
	if (!ts)
		return NULL;
	for (u32 i = 0; i < MODEL_NR_DEAD; i++)
		release_entry(ts, ts->dead[i]);
	for (size_t i = 0; i < ts->entries.room; i++)
		release_entry(ts, ts->entries.slots[i].value);
	hash_done(&ts->entries);
	hash_done(&ts->groups);
	hash_done(&ts->cgroups);
	model_nses_free(ts->nses);
	model_files_free(ts->files);
	mem_free(ts);
	return NULL;
}

struct model_files *model_tasks_files(struct model_tasks *ts)
{
	return ts->files;
}

void *model_task_net(struct model_tasks *ts, u32 tid)
{
	return model_ns_get(ts->nses, tid, "net");
}
