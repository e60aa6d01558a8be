/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sampling: a perf event on every CPU that is there, or on every thread of --pid and what it
 * starts. By default the CPU's clock, which needs no hardware.
 */
#include "base/mem.h"
#include "engine/kernel.h"
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	u32 type;
	u64 config;
} events[] = {
	{"cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK},
	{"task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
	{"page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
	{"minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN},
	{"major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ},
	{"context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
	{"cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
	{"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
	{"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
	{"cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES},
	{"cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
	{"branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
	{"branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
};

static int unknown_event(const char *name, struct skep_diag *diag)
{
	struct strbuf list = {0};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		strbuf_printf(&list, "%s, ", events[i].name);
	diag_set(diag, -EINVAL, "--event %s: there are %sand rHEX for a raw one", name,
		 strbuf_str(&list));
	strbuf_done(&list);
	return -EINVAL;
}

static int fill_attr(struct kernel_engine *k, struct perf_event_attr *attr, struct skep_diag *diag)
{
	const struct engine_targets *t = &k->opts.target;
	const char *name = t->event ? t->event : "cpu-clock";
	char *end = NULL;

	*attr = (struct perf_event_attr){
		.size = sizeof(*attr),
		.freq = t->freq != 0,
		.sample_period = t->freq ? t->freq : t->period, /* one word: sample_freq, too */
		.inherit = k->opts.hook.pid != 0,
	};
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (!strcmp(events[i].name, name)) {
			attr->type = events[i].type;
			attr->config = events[i].config;
			return 0;
		}
	attr->type = PERF_TYPE_RAW;
	attr->config = name[0] == 'r' ? strtoull(name + 1, &end, 16) : 0;
	return end && end > name + 1 && !*end ? 0 : unknown_event(name, diag);
}

static int open_event(struct kernel_engine *k, struct kernel_prog *p, struct perf_event_attr *attr,
		      pid_t pid, int cpu, struct skep_diag *diag)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	const char *name = k->opts.target.event ? k->opts.target.event : "cpu-clock";
	struct bpf_link *link;

	if (fd < 0 && errno == ENODEV && cpu > 0)
		return 0; /* that CPU is off */
	if (fd < 0 && (errno == ENOENT || errno == EOPNOTSUPP))
		return diag_set_full(diag, -EOPNOTSUPP, "no-perf-event", "--event cpu-clock",
				     "this machine can't count %s", name);
	if (fd < 0)
		return diag_set(diag, -errno, "perf_event_open: %s: %s", name, strerror(errno));
	link = bpf_program__attach_perf_event(p->bpf, fd);
	if (!link)
		close(fd);
	return cpu >= 0 ? kernel_attached(k, p, link, diag, "%s on CPU %d", name, cpu)
			: kernel_attached(k, p, link, diag, "%s of thread %d", name, pid);
}

static int each_thread(struct kernel_engine *k, struct kernel_prog *p, struct perf_event_attr *attr,
		       struct skep_diag *diag)
{
	struct dirent *e;
	char path[64];
	int err = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%u/task", k->opts.hook.pid);
	d = opendir(path);
	if (!d)
		return diag_set(diag, -errno, "%s: %s", path, strerror(errno));
	while (!err && (e = readdir(d)))
		if (e->d_name[0] != '.')
			err = open_event(k, p, attr, atoi(e->d_name), -1, diag);
	closedir(d);
	return err;
}

int kernel_attach_perf(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	struct perf_event_attr attr;
	int err = fill_attr(k, &attr, diag);

	if (err)
		return err;
	if (k->opts.hook.pid)
		return each_thread(k, p, &attr, diag);
	for (u32 cpu = 0; cpu < map_nr_cpus() && !err; cpu++)
		err = open_event(k, p, &attr, -1, (int)cpu, diag);
	return err;
}
