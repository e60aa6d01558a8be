// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a command does: system calls, its life, signals, sockets, functions of libraries. Records and
// maps; nothing in them depends on time or place.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct event {
	char what[16];
	char comm[16];
	char text[64];
	__s64 a, b, c;
};

struct call_key {
	char comm[16];
	__u32 nr;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct call_key);
	__type(value, __u64);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct call_key);
} inside SEC(".maps"); // empty at the end

const volatile char wanted[16] = "agreed";

// Only the test's own commands: their names begin alike.
static __always_inline int is_ours(void)
{
	char comm[16];

	bpf_get_current_comm(comm, sizeof(comm));
	for (int i = 0; i < 6; i++)
		if (comm[i] != wanted[i])
			return 0;
	return 1;
}

static __always_inline struct event *begin(const char *what, __u32 size)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return NULL;
	__builtin_memset(e, 0, sizeof(*e));
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_probe_read_kernel_str(e->what, sizeof(e->what), what);
	return e;
}
#define BEGIN(what) (is_ours() ? begin(what, sizeof(what)) : NULL)

static __always_inline int count(__u32 nr)
{
	struct call_key key = {.nr = nr};
	__u64 one = 1, *old;

	bpf_get_current_comm(key.comm, sizeof(key.comm));
	old = bpf_map_lookup_elem(&calls, &key);
	if (old)
		*old += 1;
	else
		bpf_map_update_elem(&calls, &key, &one, BPF_NOEXIST);
	return 0;
}

// Which calls are made depends on the libraries only, not on the engine.
SEC("tp/raw_syscalls/sys_enter")
int enter(struct trace_event_raw_sys_enter *ctx)
{
	struct call_key key = {.nr = ctx->id};
	__u32 tid = bpf_get_current_pid_tgid();

	if (!is_ours() || ctx->id == 59 || ctx->id == 60 || ctx->id == 231 || ctx->id == 335)
		return 0; // execve, exit, exit_group: no return, or under another name; uretprobe
	bpf_get_current_comm(key.comm, sizeof(key.comm));
	bpf_map_update_elem(&inside, &tid, &key, BPF_ANY);
	return count(ctx->id);
}

SEC("tp/raw_syscalls/sys_exit")
int leave(struct trace_event_raw_sys_exit *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();

	if (is_ours())
		bpf_map_delete_elem(&inside, &tid);
	return 0;
}

SEC("tp/syscalls/sys_enter_openat")
int open_enter(struct trace_event_raw_sys_enter *ctx)
{
	struct event *e = BEGIN("openat");

	if (!e)
		return 0;
	e->a = ctx->args[2];
	e->b = bpf_probe_read_user_str(e->text, sizeof(e->text), (void *)ctx->args[1]);
	if (e->b == -14) // Linux reads no page that is not there yet
		e->b = 0;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp/syscalls/sys_exit_openat")
int open_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct event *e = BEGIN("openat end");

	if (!e)
		return 0;
	e->a = ctx->ret;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp/syscalls/sys_exit_write")
int write_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct event *e = BEGIN("write end");

	if (!e)
		return 0;
	e->a = ctx->ret;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_kill")
int kill_enter(struct trace_event_raw_sys_enter *ctx)
{
	struct event *e = BEGIN("kill");

	if (!e)
		return 0;
	e->a = ctx->args[1];
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp/sched/sched_process_exec")
int exec(struct trace_event_raw_sched_process_exec *ctx)
{
	struct event *e = BEGIN("exec");

	if (!e)
		return 0;
	e->a = bpf_probe_read_kernel_str(e->text, sizeof(e->text),
					 (void *)ctx + (ctx->__data_loc_filename & 0xffff));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp/sched/sched_process_exit")
int end(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct event *e = BEGIN("exit");

	if (!e)
		return 0;
	bpf_probe_read_kernel(&e->a, 4, __builtin_preserve_access_index(&task->exit_code));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp/signal/signal_generate")
int signal(struct trace_event_raw_signal_generate *ctx)
{
	struct event *e = ctx->sig == 17 ? NULL : BEGIN("signal"); // SIGCHLD comes when it comes

	if (!e)
		return 0;
	e->a = ctx->sig;
	e->b = ctx->errno;
	e->c = ctx->code;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp/sock/inet_sock_set_state")
int state(struct trace_event_raw_inet_sock_set_state *ctx)
{
	struct event *e = ctx->newstate == 7 ? NULL : BEGIN("state");

	if (!e)
		return 0;
	e->a = ctx->oldstate;
	e->b = ctx->newstate;
	e->c = ctx->dport;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("uprobe/libc.so.6:setlocale")
int BPF_KPROBE(locale, int category, const char *name)
{
	struct event *e = BEGIN("setlocale");

	if (!e)
		return 0;
	e->a = category;
	bpf_probe_read_user_str(e->text, sizeof(e->text), name);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("uretprobe/libc.so.6:setlocale")
int BPF_KRETPROBE(locale_end, const char *ret)
{
	struct event *e = BEGIN("setlocale end");

	if (!e)
		return 0;
	e->a = ret != NULL;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
