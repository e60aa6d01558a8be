/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * perf_event programs: samples of the traced threads at a frequency. At each tick every thread that
 * is on a CPU (state R in /proc) is interrupted; its next stop is the sample. The context is a
 * struct bpf_perf_event_data: the registers, the period, no address.
 */
#include "hook/proc_event.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void proc_run_sample(struct proc *p, struct proc_task *t, struct proc_attach *a,
		     struct proc_call *call)
{
	const struct user_regs_struct *regs = proc_regs(t);
	struct bpf_perf_event_data_layout {
		u64 regs[21];
		u64 sample_period, addr;
	} *ctx = (void *)p->scratch;

	if (!regs)
		return;
	memset(ctx, 0, sizeof(*ctx));
	memcpy(ctx->regs, regs, sizeof(ctx->regs));
	ctx->sample_period = 1000000000ull / p->freq;
	p->env.regs = ctx->regs;
	proc_run(p, t, a, ctx, sizeof(*ctx));
}

void proc_on_sample(struct proc *p, struct proc_task *t)
{
	struct proc_call call = {0};

	if (p->stopping || t->process->is_setup)
		return;
	for (struct proc_attach *a = p->timers.first; a; a = a->next)
		a->run(p, t, a, &call);
}

static bool is_on_cpu(const struct proc_task *t)
{
	char path[64], stat[256], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/stat", t->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	stat[n > 0 ? n : 0] = 0;
	end = strrchr(stat, ')');
	return end && end[1] && end[2] == 'R';
}

void proc_sample_all(struct proc *p)
{
	for (size_t i = 0; i < p->tasks.room; i++) {
		struct proc_task *t = p->tasks.slots[i].value;

		if (!t || t->state != PROC_RUNNING || t->wants_sample || !is_on_cpu(t))
			continue;
		if (!ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL))
			t->wants_sample = true;
	}
}
