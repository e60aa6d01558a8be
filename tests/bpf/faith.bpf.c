/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs that stop a command at everything, for tests/hook/faith.t. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

long enters, exits, execs, forks, ends, signals, sleeps, waits;

#define COUNT(section, name, counter)                                                              \
	SEC(section) int name(void *ctx)                                                           \
	{                                                                                          \
		__sync_fetch_and_add(&counter, 1);                                                 \
		return 0;                                                                          \
	}

COUNT("raw_tp/sys_enter", on_enter, enters)
COUNT("raw_tp/sys_exit", on_exit, exits)
COUNT("tp/sched/sched_process_exec", on_exec, execs)
COUNT("tp/sched/sched_process_fork", on_fork, forks)
COUNT("tp/sched/sched_process_exit", on_end, ends)
COUNT("tp/signal/signal_generate", on_signal, signals)
COUNT("uprobe/libc.so.6:nanosleep", on_sleep, sleeps)
COUNT("uretprobe/libc.so.6:waitpid", on_wait, waits)
