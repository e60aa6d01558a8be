/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which points a program attaches to, from its type and section. Each kind of section is a row; its
 * function is called twice, with p NULL to ask whether it can be served, then to attach.
 */
#include "base/mem.h"
#include "btf/types.h"
#include "hook/proc_event.h"
#include "hook/proc_lsm.h"
#include "hook/uprobe.h"
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

/* Samples per second where a perf_event program does not say. */
#define DEFAULT_FREQ 99

struct request {
	struct proc *p; /* NULL: only ask */
	struct hook_prog *hp;
	const struct prog *prog;
	const struct hook_opts *opts;
	struct skep_diag *diag;
	bool at_exit;
};

struct kind {
	u32 type;
	const char *prefix; /* of the section, up to its '/'; NULL: any */
	s32 attach_type;    /* -1: any */
	bool at_exit;
	int (*attach)(struct request *r, const char *target);
};

void proc_list_add(struct proc_list *l, struct proc_attach *a)
{
	if (!l->tail)
		l->tail = &l->first;
	*l->tail = a;
	l->tail = &a->next;
}

struct proc_attach *proc_attach_new(struct proc *p, struct hook_prog *hp, proc_run_fn run)
{
	struct proc_attach *a = mem_zalloc(sizeof(*a));

	if (!a)
		return NULL;
	a->hp = hp;
	a->run = run;
	a->all = p->attaches;
	p->attaches = a;
	return a;
}

void proc_attach_free(struct proc *p)
{
	struct proc_attach *a = p->attaches, *next;

	for (; a; a = next) {
		next = a->all;
		mem_free(a);
	}
	p->attaches = NULL;
}

/* --- system calls --------------------------------------------------------------------------- */

static int add_to(struct request *r, struct proc_list *l, proc_run_fn run, const struct proc_tp *tp)
{
	struct proc_attach *a = proc_attach_new(r->p, r->hp, run);

	if (!a)
		return diag_nomem(r->diag);
	a->tp = tp;
	proc_list_add(l, a);
	return 0;
}

static int attach_syscall_tp(struct request *r, const char *name)
{
	bool exit = !strncmp(name, "sys_exit_", 9);
	s32 nr;

	if (!exit && strncmp(name, "sys_enter_", 10))
		return diag_set(r->diag, -ENOENT, "there is no tracepoint syscalls/%s", name);
	name += exit ? 9 : 10;
	nr = proc_sys_by_name(name, strlen(name));
	if (nr < 0)
		return diag_set(r->diag, -ENOENT, "there is no system call %s on x86-64", name);
	if (!r->p)
		return 0;
	return exit ? add_to(r, &r->p->exit[nr], proc_run_tp_sys_exit, NULL)
		    : add_to(r, &r->p->enter[nr], proc_run_tp_sys_enter, NULL);
}

static int attach_event(struct request *r, const char *category, size_t len, const char *name,
			proc_run_fn run)
{
	const struct proc_tp *tp = proc_tp_find(category, len, name);

	if (!tp)
		return diag_set_full(
			r->diag, -ENOTSUP, "no-such-event",
			"system calls, fork, exec, exit, signals and sockets are seen, see "
			"docs/hooks.md; the rest only Linux itself shows: -e kernel",
			"a traced command does not show the event %s", name);
	return r->p ? add_to(r, &r->p->events[tp->event], run, tp) : 0;
}

static int attach_tracepoint(struct request *r, const char *target)
{
	const char *name = strchr(target, '/');

	if (!name)
		return diag_set(r->diag, -EINVAL, "a tracepoint is named category/name, not \"%s\"",
				target);
	name++;
	if (!strncmp(target, "syscalls/", 9))
		return attach_syscall_tp(r, name);
	if (!strcmp(target, "raw_syscalls/sys_enter"))
		return r->p ? add_to(r, &r->p->enter_any, proc_run_tp_sys_enter, NULL) : 0;
	if (!strcmp(target, "raw_syscalls/sys_exit"))
		return r->p ? add_to(r, &r->p->exit_any, proc_run_tp_sys_exit, NULL) : 0;
	if (proc_fn_find_tp(target))
		return proc_fn_attach(r->p, r->hp, proc_fn_find_tp(target), PROC_FN_TP, r->diag);
	return attach_event(r, target, name - 1 - target, name, proc_run_tp);
}

static int attach_raw_tp(struct request *r, const char *target)
{
	if (!strcmp(target, "sys_enter"))
		return r->p ? add_to(r, &r->p->enter_any, proc_run_raw_sys_enter, NULL) : 0;
	if (!strcmp(target, "sys_exit"))
		return r->p ? add_to(r, &r->p->exit_any, proc_run_raw_sys_exit, NULL) : 0;
	if (proc_fn_find_raw_tp(target))
		return proc_fn_attach(r->p, r->hp, proc_fn_find_raw_tp(target), PROC_FN_RAW_TP,
				      r->diag);
	return attach_event(r, NULL, 0, target, proc_run_raw_tp);
}

/* --- kernel functions ----------------------------------------------------------------------- */

static int no_function(struct request *r, const char *name)
{
	if (!name[0])
		return diag_set_full(
			r->diag, -ENOTSUP, "no-target",
			"name the function in the section, as SEC(\"kprobe/do_unlinkat\")",
			"SEC(\"%s\") names no function", r->prog->section);
	return diag_set_full(
		r->diag, -ENOTSUP, "no-such-function",
		"docs/hooks.md lists those that are; the rest only Linux itself shows: "
		"-e kernel",
		"a traced command does not show calls of the kernel function %s", name);
}

static enum proc_fn_how how_of(const struct request *r)
{
	if (r->prog->type == BPF_PROG_TYPE_KPROBE)
		return r->at_exit ? PROC_FN_KRETPROBE : PROC_FN_KPROBE;
	return r->at_exit ? PROC_FN_FEXIT : PROC_FN_FENTRY;
}

static int attach_fn(struct request *r, const char *target)
{
	const struct proc_fn *fn;
	char name[128];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(target, "+"), target);
	if (target[strcspn(target, "+")] && strtoul(strchr(target, '+') + 1, NULL, 0))
		return diag_set(r->diag, -ENOTSUP,
				"%s: only the first instruction of a kernel function is shown",
				target);
	fn = proc_fn_find(name);
	if (!fn)
		return no_function(r, name);
	return proc_fn_attach(r->p, r->hp, fn, how_of(r), r->diag);
}

static int attach_ksyscall(struct request *r, const char *target)
{
	char name[128];

	snprintf(name, sizeof(name), "__x64_sys_%s", target);
	if (proc_sys_by_name(target, strlen(target)) < 0)
		return diag_set(r->diag, -ENOENT, "there is no system call %s on x86-64", target);
	return attach_fn(r, name);
}

static int attach_multi(struct request *r, const char *pattern)
{
	const struct proc_fn *fn;
	u32 nr = 0;
	int err;

	for (u32 i = 0; (fn = proc_fn_at(i)); i++) {
		if (fn == proc_fn_find(fn->name) ? fnmatch(pattern, fn->name, 0) : true)
			continue;
		err = proc_fn_attach(r->p, r->hp, fn, how_of(r), r->diag);
		if (err)
			return err;
		nr++;
	}
	return nr ? 0 : no_function(r, pattern);
}

/* --- who may refuse ------------------------------------------------------------------------- */

static int attach_lsm(struct request *r, const char *hook)
{
	const struct proc_fn *fn = proc_lsm_find(hook);

	if (!fn)
		return diag_set_full(
			r->diag, -ENOTSUP, "no-such-hook",
			"docs/hooks.md lists those that are; the rest only Linux itself "
			"has: -e kernel",
			"system calls do not show the LSM hook %s", hook);
	return proc_fn_attach(r->p, r->hp, fn, PROC_FN_JUDGE, r->diag);
}

/* Linux allows it for system calls and for security_…: those are judged before they are made. */
static int attach_fmod_ret(struct request *r, const char *target)
{
	const struct proc_fn *fn = NULL;

	if (!strncmp(target, "security_", 9))
		return attach_lsm(r, target + 9);
	if (!strncmp(target, "__x64_sys_", 10))
		fn = proc_fn_find(target);
	if (!fn)
		return diag_set(r->diag, -ENOTSUP,
				"%s: the result of a system call (__x64_sys_…) or of an LSM hook "
				"(security_…) can be changed, of no other function",
				target);
	return proc_fn_attach(r->p, r->hp, fn, PROC_FN_JUDGE, r->diag);
}

/* --- the rest ------------------------------------------------------------------------------- */

static int attach_uprobe(struct request *r, const char *target)
{
	return uprobe_attach(r->p, r->hp, r->prog, r->opts, r->diag);
}

static int attach_timer(struct request *r, const char *target)
{
	if (!r->p)
		return 0;
	r->p->freq = DEFAULT_FREQ;
	return add_to(r, &r->p->timers, proc_run_sample, NULL);
}

#define KPROBE BPF_PROG_TYPE_KPROBE
static const struct kind kinds[] = {
	/* type, section, attach type, at the return, how */
	{BPF_PROG_TYPE_TRACEPOINT, NULL, -1, false, attach_tracepoint},
	{BPF_PROG_TYPE_RAW_TRACEPOINT, NULL, -1, false, attach_raw_tp},
	{BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, NULL, -1, false, attach_raw_tp},
	{BPF_PROG_TYPE_TRACING, NULL, BPF_TRACE_RAW_TP, false, attach_raw_tp},
	{BPF_PROG_TYPE_TRACING, NULL, BPF_TRACE_FENTRY, false, attach_fn},
	{BPF_PROG_TYPE_TRACING, NULL, BPF_TRACE_FEXIT, true, attach_fn},
	{BPF_PROG_TYPE_TRACING, NULL, BPF_MODIFY_RETURN, false, attach_fmod_ret},
	{BPF_PROG_TYPE_LSM, NULL, BPF_LSM_MAC, false, attach_lsm},
	{KPROBE, "kprobe", -1, false, attach_fn},
	{KPROBE, "kretprobe", -1, true, attach_fn},
	{KPROBE, "ksyscall", -1, false, attach_ksyscall},
	{KPROBE, "kretsyscall", -1, true, attach_ksyscall},
	{KPROBE, "kprobe.multi", -1, false, attach_multi},
	{KPROBE, "kretprobe.multi", -1, true, attach_multi},
	{KPROBE, "uprobe", -1, false, attach_uprobe},
	{KPROBE, "uprobe.s", -1, false, attach_uprobe},
	{KPROBE, "uretprobe", -1, true, attach_uprobe},
	{KPROBE, "uretprobe.s", -1, true, attach_uprobe},
	{KPROBE, "uprobe.multi", -1, false, attach_uprobe},
	{KPROBE, "uprobe.multi.s", -1, false, attach_uprobe},
	{KPROBE, "uretprobe.multi", -1, true, attach_uprobe},
	{KPROBE, "uretprobe.multi.s", -1, true, attach_uprobe},
	{KPROBE, "usdt", -1, false, attach_uprobe},
	{KPROBE, "usdt.s", -1, false, attach_uprobe},
	{BPF_PROG_TYPE_PERF_EVENT, NULL, -1, false, attach_timer},
};

static bool is_section(const struct prog *prog, const char *prefix)
{
	size_t len = strlen(prefix);

	return !strncmp(prog->section, prefix, len) &&
	       (!prog->section[len] || prog->section[len] == '/');
}

static const struct kind *find_kind(const struct prog *prog)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct kind *k = &kinds[i];

		if (k->type != prog->type ||
		    (k->attach_type >= 0 && (u32)k->attach_type != prog->attach_type) ||
		    (k->prefix && !is_section(prog, k->prefix)))
			continue;
		return k;
	}
	return NULL;
}

const char *proc_serves(const struct prog *prog, const struct hook_opts *opts)
{
	static _Thread_local struct skep_diag diag;
	const struct kind *k = find_kind(prog);
	struct request r = {.prog = prog, .opts = opts, .diag = &diag};

	memset(&diag, 0, sizeof(diag));
	if (!k)
		return ""; /* not one for traced processes */
	r.at_exit = k->at_exit;
	if (k->attach(&r, prog->target ? prog->target : ""))
		return diag.message;
	if (!opts->argv && !opts->pid)
		return hook_needs_process;
	return NULL;
}

/* --- what a program looks at ---------------------------------------------------------------- */

/* Helpers that need the model's task_struct of the current task, or somebody else's. */
static const u16 task_helpers[] = {
	BPF_FUNC_get_current_task,
	BPF_FUNC_get_current_task_btf,
	BPF_FUNC_task_pt_regs,
	BPF_FUNC_task_storage_get,
	BPF_FUNC_task_storage_delete,
	BPF_FUNC_current_task_under_cgroup,
	BPF_FUNC_get_current_ancestor_cgroup_id,
	BPF_FUNC_get_ns_current_pid_tgid,
	BPF_FUNC_tail_call, /* what it jumps to may use any */
};

static bool is_task_helper(s32 id)
{
	for (size_t i = 0; i < ARRAY_SIZE(task_helpers); i++)
		if (task_helpers[i] == id)
			return true;
	return false;
}

/* A load of task->files, or the sum that makes its address for bpf_probe_read: costly to fill, so
 * only where some instruction has that offset. */
static bool may_read_files(const struct bpf_insn *insn, u32 off)
{
	u32 class = BPF_CLASS(insn->code);

	return (class == BPF_LDX && insn->off == (s32)off) ||
	       ((class == BPF_ALU64 || class == BPF_ALU) && insn->imm == (s32)off);
}

static void note_needs(struct proc *p, const struct prog *prog)
{
	struct types_member files = {0};
	u32 task = types_find_struct(model_btf(p->model), "task_struct");
	bool has_files = task && !types_member(model_btf(p->model), task, "files", &files);
	bool typed = prog->type == BPF_PROG_TYPE_TRACING ||
		     prog->type == BPF_PROG_TYPE_RAW_TRACEPOINT || prog->type == BPF_PROG_TYPE_LSM;

	p->needs_task |= typed;
	for (u32 i = 0; i < prog->nr_insns; i++) {
		const struct bpf_insn *insn = &prog->insns[i];

		p->needs_files |= has_files && may_read_files(insn, files.bit_off / 8);
		if (insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg == BPF_PSEUDO_CALL)
			continue;
		if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL || is_task_helper(insn->imm))
			p->needs_task = true;
		if (insn->imm == BPF_FUNC_task_pt_regs || insn->imm == BPF_FUNC_tail_call)
			p->needs_regs = true;
	}
}

int proc_attach_prog(struct proc *p, struct hook_prog *hp, struct skep_diag *diag)
{
	const struct kind *k = find_kind(hp->prog);
	struct request r = {.p = p, .hp = hp, .prog = hp->prog, .opts = p->opts, .diag = diag};

	if (!k)
		return diag_set(diag, -ENOTSUP, "not a program for a traced command");
	r.at_exit = k->at_exit;
	note_needs(p, hp->prog);
	return k->attach(&r, hp->prog->target ? hp->prog->target : "");
}
