/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Breakpoints. A program's wish (a function of a file, a USDT site) becomes points: offsets in
 * files. When a traced process maps a file with points, an int3 is written at each; when it is
 * hit, the programs run and the instruction is done by hand (uprobe_insn.c). One that we do not
 * know is stepped over: in a process of one thread with its first byte back in place for that
 * moment; else a copy of it is, so that no other thread passes unseen. Where an instruction can not
 * be moved (an operand relative to rip, a conditional branch) it is the former after all.
 *
 * The program's entry point is code that has run its course once it ran. An int3 stays there as
 * the trampoline of returns, and behind it is the room for the copy (one, so threads that need it
 * queue up: PROC_PARKED).
 *
 * Returns. At the entry of a function with return probes its return address is replaced by that
 * of the trampoline. The true addresses are kept on a stack per thread; entries below the stack
 * pointer are of frames that longjmp left.
 *
 * A child has its parent's memory, breakpoints included: it gets a copy of the list. exec drops
 * it. Before a process is let go everything is put back (uprobe_remove).
 */
#include "hook/uprobe.h"
#include "base/mem.h"
#include "hook/uprobe_file.h"
#include "hook/uprobe_insn.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INT3 0xcc

/* Calls in progress of probed functions: as many as Linux keeps (MAX_URETPROBE_DEPTH). */
#define MAX_RETURNS 64

struct breakpoint {
	u64 addr, sem_addr;
	const struct point *point;
	bool seen; /* by the scan in progress */
};

struct uprobe_space {
	VEC(struct breakpoint) bps;
	u64 trampoline; /* 0: none */
	bool has_started;
	u8 under_trampoline[1 + UPROBE_INSN_MAX];
	u32 copy_user; /* the thread that steps over the copy; 0: none */
};

struct ret {
	u64 slot, to, func;
	const struct point *point;
};

struct uprobe_thread {
	struct ret rets[MAX_RETURNS];
	u32 nr_rets;
	u64 step_addr; /* its breakpoint is out while it steps; 0: not stepping */
	bool waits;    /* for the copy to be free; its next stop is the breakpoint again */
	bool in_copy;  /* what it steps over is the copy */
	u64 skip_addr; /* a step was interrupted: programs ran already */
};

/* --- memory of the traced ------------------------------------------------------------------- */

static bool poke(struct proc_task *t, u64 addr, const void *bytes, size_t size)
{
	int fd = proc_process_mem(t->process);
	long word;

	if (fd >= 0 && pwrite(fd, bytes, size, addr) == (ssize_t)size)
		return true;
	if (size > sizeof(word) || proc_read(t, &word, sizeof(word), addr))
		return false;
	memcpy(&word, bytes, size);
	return !ptrace(PTRACE_POKEDATA, t->tid, (void *)(uintptr_t)addr, (void *)word);
}

static void poke_byte(struct proc_task *t, u64 addr, u8 byte)
{
	poke(t, addr, &byte, 1);
}

static void add_semaphore(struct proc_task *t, u64 addr, s16 delta)
{
	u16 count;

	if (!addr || proc_read(t, &count, sizeof(count), addr))
		return;
	count += delta;
	poke(t, addr, &count, sizeof(count));
}

/* --- into a process ------------------------------------------------------------------------- */

static struct uprobe_space *space_of(struct proc_task *t)
{
	if (!t->process->uprobes)
		t->process->uprobes = mem_zalloc(sizeof(struct uprobe_space));
	return t->process->uprobes;
}

static struct breakpoint *find_bp(struct uprobe_space *s, u64 addr)
{
	for (size_t i = 0; s && i < s->bps.nr; i++)
		if (s->bps.data[i].addr == addr)
			return &s->bps.data[i];
	return NULL;
}

static void insert(struct uprobe_set *set, struct proc_task *t, const struct point *pt, u64 addr)
{
	struct breakpoint *bp = find_bp(space_of(t), addr);
	u8 now = 0;

	if (!bp) {
		bp = VEC_PUSH(&space_of(t)->bps);
		if (!bp)
			return;
		bp->addr = addr;
		bp->point = pt;
		bp->sem_addr = pt->sem_vaddr ? addr - pt->vaddr + pt->sem_vaddr : 0;
		add_semaphore(t, bp->sem_addr, 1);
		usdt_site(&set->specs, addr, pt->hits.nr ? pt->hits.data[0].cookie : 0);
	}
	bp->seen = true;
	if (!proc_read(t, &now, 1, addr) && now != INT3)
		poke_byte(t, addr, INT3);
}

/* A line of /proc/PID/maps that is executable and has a file. */
static void scan_line(struct uprobe_set *set, struct proc_task *t, const char *line)
{
	unsigned long start, end, off, ino;
	char perms[8], path[4096];
	struct ufile *f;

	if (sscanf(line, "%lx-%lx %7s %lx %*s %lu %4095[^\n]", &start, &end, perms, &off, &ino,
		   path) != 6 ||
	    perms[2] != 'x' || path[0] != '/')
		return;
	f = uprobe_file_of(set, path, ino);
	for (size_t i = 0; f && i < f->points.nr; i++) {
		const struct point *pt = f->points.data[i];

		if (pt->off >= off && pt->off - off < end - start)
			insert(set, t, pt, start + (pt->off - off));
	}
}

static void drop_unseen(struct uprobe_space *s)
{
	size_t nr = 0;

	for (size_t i = 0; s && i < s->bps.nr; i++)
		if (s->bps.data[i].seen)
			s->bps.data[nr++] = s->bps.data[i];
	if (s)
		s->bps.nr = nr;
}

static void scan(struct proc *p, struct proc_task *t)
{
	struct uprobe_space *s = space_of(t);
	char path[64], line[8192];
	FILE *f;

	for (size_t i = 0; s && i < s->bps.nr; i++)
		s->bps.data[i].seen = false;
	snprintf(path, sizeof(path), "/proc/%u/maps", t->process->tgid);
	f = s ? fopen(path, "re") : NULL;
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		scan_line(p->uprobes, t, line);
	fclose(f);
	drop_unseen(s);
}

void uprobe_mapped(struct proc *p, struct proc_task *t)
{
	if (p->uprobes && !p->stopping)
		scan(p, t);
}

static void make_trampoline(struct proc_task *t, bool has_started)
{
	struct uprobe_space *s = space_of(t);
	u64 at = proc_auxv(t, AT_ENTRY);

	if (!s || !at || find_bp(s, at) ||
	    proc_read(t, s->under_trampoline, sizeof(s->under_trampoline), at))
		return;
	poke_byte(t, at, INT3);
	s->trampoline = at;
	s->has_started = has_started;
}

static void clear_space(struct uprobe_space *s)
{
	VEC_DONE(&s->bps);
	s->trampoline = 0;
	s->copy_user = 0;
}

void uprobe_execed(struct proc *p, struct proc_task *t)
{
	if (!p->uprobes)
		return;
	if (t->process->uprobes)
		clear_space(t->process->uprobes);
	uprobe_thread_free(t);
	uprobe_mapped(p, t);
	make_trampoline(t, false);
}

void uprobe_first_stop(struct proc *p, struct proc_task *t)
{
	if (!p->uprobes || p->own || t->process->uprobes)
		return;
	uprobe_mapped(p, t);
	make_trampoline(t, true);
}

/* --- birth and death ------------------------------------------------------------------------ */

static void copy_space(struct proc_process *to, const struct uprobe_space *from)
{
	struct uprobe_space *s = mem_zalloc(sizeof(*s));

	if (!s)
		return;
	to->uprobes = s;
	s->trampoline = from->trampoline;
	s->has_started = from->has_started;
	memcpy(s->under_trampoline, from->under_trampoline, sizeof(s->under_trampoline));
	for (size_t i = 0; i < from->bps.nr; i++) {
		struct breakpoint *bp = VEC_PUSH(&s->bps);

		if (bp)
			*bp = from->bps.data[i];
	}
}

void uprobe_forked(const struct proc_task *parent, struct proc_task *child)
{
	if (parent->process == child->process || !parent->process->uprobes)
		return;
	copy_space(child->process, parent->process->uprobes);
	if (parent->uprobe && !child->uprobe)
		child->uprobe = mem_alloc(sizeof(*child->uprobe));
	if (parent->uprobe && child->uprobe)
		*child->uprobe = *parent->uprobe;
}

void uprobe_process_free(struct proc *p, struct proc_process *process)
{
	if (process->uprobes)
		clear_space(process->uprobes);
	mem_free(process->uprobes);
	process->uprobes = NULL;
}

void uprobe_thread_free(struct proc_task *t)
{
	struct uprobe_space *s = t->process->uprobes;

	if (s && s->copy_user == t->tid)
		s->copy_user = 0;
	mem_free(t->uprobe);
	t->uprobe = NULL;
}

/* --- hits ----------------------------------------------------------------------------------- */

static struct uprobe_thread *thread_of(struct proc_task *t)
{
	if (!t->uprobe)
		t->uprobe = mem_zalloc(sizeof(*t->uprobe));
	return t->uprobe;
}

static void run_uprobe(struct proc *p, struct proc_task *t, struct proc_attach *a,
		       struct proc_call *call)
{
	size_t size = offsetof(struct user_regs_struct, ss) + 8;

	proc_regs_to_model(p, p->scratch, &t->regs);
	p->env.func_ip = call->args[0];
	p->env.regs = p->scratch;
	proc_run(p, t, a, p->scratch, size);
}

static void run_hits(struct proc *p, struct proc_task *t, const struct point *pt, u64 func,
		     bool at_return)
{
	struct proc_call call = {.args = {func}};

	if (p->stopping)
		return;
	for (size_t i = 0; i < pt->hits.nr; i++) {
		const struct hit *hit = &pt->hits.data[i];

		if (hit->at_return != at_return)
			continue;
		hit->attach->cookie = hit->cookie;
		run_uprobe(p, t, hit->attach, &call);
	}
}

static void hijack_return(struct proc_task *t, struct uprobe_space *s, const struct point *pt,
			  u64 func)
{
	struct uprobe_thread *th = thread_of(t);
	struct ret *r;

	if (!th || th->nr_rets == MAX_RETURNS || !s->trampoline)
		return;
	r = &th->rets[th->nr_rets];
	r->slot = t->regs.rsp;
	r->point = pt;
	r->func = func;
	if (proc_read(t, &r->to, 8, r->slot) || proc_write(t, r->slot, &s->trampoline, 8))
		return;
	th->nr_rets++;
}

static u64 copy_addr(const struct uprobe_space *s)
{
	return s->trampoline + 1;
}

static void step_in_place(struct proc_task *t, u64 addr, const u8 *insn)
{
	poke_byte(t, addr, insn[0]);
	t->uprobe->step_addr = addr;
	t->uprobe->in_copy = false;
}

static void step_copy(struct proc_task *t, struct uprobe_space *s, u64 addr, const u8 *insn)
{
	poke(t, copy_addr(s), insn, UPROBE_INSN_MAX);
	s->copy_user = t->tid;
	t->regs.rip = copy_addr(s);
	t->uprobe->step_addr = addr;
	t->uprobe->in_copy = true;
}

/* Over the instruction that was replaced. */
static void pass(struct proc *p, struct proc_task *t, u64 addr, const u8 *insn)
{
	struct uprobe_space *s = t->process->uprobes;
	bool alone = t->process->nr_threads == 1;

	t->regs_dirty = true;
	if (uprobe_emulate(t, &t->regs, insn) || !thread_of(t))
		return;
	if (p->stopping || alone || !s->has_started || !uprobe_may_move(insn)) {
		step_in_place(t, addr, insn);
		return;
	}
	if (!s->copy_user) {
		step_copy(t, s, addr, insn);
		return;
	}
	t->uprobe->skip_addr = addr; /* it comes again when the copy is free */
	t->uprobe->waits = true;
}

static void drop_left_frames(struct uprobe_thread *th, u64 rsp)
{
	while (th->nr_rets && th->rets[th->nr_rets - 1].slot + 8 < rsp)
		th->nr_rets--;
}

static void on_entry(struct proc *p, struct proc_task *t, struct uprobe_space *s,
		     const struct breakpoint *bp)
{
	const struct point *pt = bp->point;
	u64 addr = bp->addr;
	bool again = t->uprobe && t->uprobe->skip_addr == addr;

	t->regs.rip = addr;
	t->regs_dirty = true;
	if (t->uprobe)
		t->uprobe->skip_addr = 0;
	if (!again) {
		run_hits(p, t, pt, addr, false);
		if (t->uprobe)
			drop_left_frames(t->uprobe, t->regs.rsp);
		if (pt->has_return && !p->stopping)
			hijack_return(t, s, pt, addr);
	}
	pass(p, t, addr, pt->insn);
}

/* Several functions may share a slot: one that ended in a jump to another. */
static bool on_return(struct proc *p, struct proc_task *t, u64 trampoline)
{
	struct uprobe_thread *th = t->uprobe;
	u64 slot = t->regs.rsp - 8;
	struct ret r = {.to = trampoline};

	if (th)
		drop_left_frames(th, t->regs.rsp);
	if (!th || !th->nr_rets || th->rets[th->nr_rets - 1].slot != slot)
		return false;
	while (r.to == trampoline && th->nr_rets && th->rets[th->nr_rets - 1].slot == slot) {
		r = th->rets[--th->nr_rets];
		t->regs.rip = r.to;
		run_hits(p, t, r.point, r.func, true);
	}
	t->regs_dirty = true;
	return true;
}

/* After the copy: as if it had been done at its own place. */
static void leave_copy(struct proc_task *t, struct uprobe_space *s)
{
	u64 done = t->regs.rip - copy_addr(s);

	s->copy_user = 0;
	if (done > UPROBE_INSN_MAX) /* it went somewhere else by itself */
		return;
	t->regs.rip = t->uprobe->step_addr + done;
	t->regs_dirty = true;
}

static void end_step(struct proc_task *t)
{
	if (t->uprobe->in_copy && t->process->uprobes && proc_regs(t))
		leave_copy(t, t->process->uprobes);
	else
		poke_byte(t, t->uprobe->step_addr, INT3);
	t->uprobe->step_addr = 0;
	t->uprobe->in_copy = false;
}

bool uprobe_is_waiting(struct proc_task *t)
{
	return t->uprobe && t->uprobe->waits && t->process->uprobes &&
	       t->process->uprobes->copy_user;
}

void uprobe_retry(struct proc_task *t)
{
	if (t->uprobe)
		t->uprobe->waits = false;
}

bool uprobe_is_stepping(const struct proc_task *t)
{
	return t->uprobe && t->uprobe->step_addr;
}

void uprobe_interrupted(struct proc *p, struct proc_task *t)
{
	if (!uprobe_is_stepping(t))
		return;
	t->uprobe->skip_addr = t->uprobe->step_addr;
	end_step(t);
}

bool uprobe_trapped(struct proc *p, struct proc_task *t)
{
	struct uprobe_space *s = t->process->uprobes;
	const struct breakpoint *bp;
	u64 at;

	if (!s || !proc_regs(t))
		return false;
	if (uprobe_is_stepping(t)) {
		end_step(t);
		return true;
	}
	at = t->regs.rip - 1;
	if (at == s->trampoline) {
		if (!on_return(p, t, at)) { /* the program really starts */
			t->regs.rip = at;
			pass(p, t, at, s->under_trampoline);
			s->has_started = true;
		}
		return true;
	}
	bp = find_bp(s, at);
	if (!bp) { /* memory that is shared with a process which has mapped more since */
		uprobe_mapped(p, t);
		bp = find_bp(s, at);
	}
	if (bp)
		on_entry(p, t, s, bp);
	return bp;
}

/* --- the end -------------------------------------------------------------------------------- */

void uprobe_leave(struct proc_task *t)
{
	if (uprobe_is_stepping(t))
		end_step(t);
	for (u32 i = 0; t->uprobe && i < t->uprobe->nr_rets; i++)
		proc_write(t, t->uprobe->rets[i].slot, &t->uprobe->rets[i].to, 8);
	if (t->uprobe)
		t->uprobe->nr_rets = 0;
}

void uprobe_remove(struct proc_task *t)
{
	struct uprobe_space *s = t->process->uprobes;

	if (!s)
		return;
	poke(t, copy_addr(s), s->under_trampoline + 1, s->trampoline ? UPROBE_INSN_MAX : 0);
	for (size_t i = 0; i < s->bps.nr; i++) {
		const struct breakpoint *bp = &s->bps.data[i];

		poke_byte(t, bp->addr, bp->point->insn[0]);
		add_semaphore(t, bp->sem_addr, -1);
	}
	if (s->trampoline)
		poke_byte(t, s->trampoline, s->under_trampoline[0]);
	s->bps.nr = 0;
	s->trampoline = 0;
}

void uprobe_set_free(struct proc *p)
{
	struct uprobe_set *set = p->uprobes;
	struct uprobe_wish *w, *next_w;

	if (!set)
		return;
	for (w = set->wishes; w; w = next_w) {
		next_w = w->next;
		mem_free(w);
	}
	uprobe_files_free(set);
	usdt_done(&set->specs);
	mem_free(set);
	p->uprobes = NULL;
}

/* --- attach --------------------------------------------------------------------------------- */

static void free_wishes(struct uprobe_wish *w)
{
	struct uprobe_wish *next;

	for (; w; w = next) {
		next = w->next;
		mem_free(w);
	}
}

static struct uprobe_set *set_of(struct proc *p)
{
	if (p->uprobes)
		return p->uprobes;
	p->uprobes = mem_zalloc(sizeof(*p->uprobes));
	if (p->uprobes)
		usdt_init(&p->uprobes->specs, p->opts->maps, p->opts->nr_maps);
	return p->uprobes;
}

int uprobe_attach(struct proc *p, struct hook_prog *hp, const struct prog *prog,
		  const struct hook_opts *opts, struct skep_diag *diag)
{
	struct uprobe_wish *list = NULL, *w;
	struct proc_attach *a;
	int err = uprobe_wishes(prog, opts, &list, diag);

	if (err)
		return err;
	if (!p) {
		free_wishes(list);
		return 0;
	}
	a = set_of(p) ? proc_attach_new(p, hp, run_uprobe) : NULL;
	if (!a) {
		free_wishes(list);
		return diag_nomem(diag);
	}
	for (w = list; w; w = w->next)
		w->attach = a;
	for (w = list; w->next; w = w->next)
		;
	w->next = p->uprobes->wishes;
	p->uprobes->wishes = list;
	return 0;
}
