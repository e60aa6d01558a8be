/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Iterators over what there is in user space too. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

pid_t target = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");

SEC("tp/syscalls/sys_enter_getppid") int on_getppid(void *ctx)
{
	u32 key = 7;
	u64 one = 1, *v = bpf_map_lookup_elem(&counts, &key);

	if (v)
		*v += 1;
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
	return 0;
}

SEC("iter/task") int on_task(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;

	if (!task) {
		BPF_SEQ_PRINTF(seq, "end after %d\n", ctx->meta->seq_num > 0);
		return 0;
	}
	if (ctx->meta->seq_num == 0)
		BPF_SEQ_PRINTF(seq, "begin with %d\n", task->pid);
	if (task->tgid == target)
		BPF_SEQ_PRINTF(seq, "task %s parent %d state %d\n", task->comm,
			       task->real_parent->tgid, task->__state);
	return 0;
}

SEC("iter/task_file") int on_file(struct bpf_iter__task_file *ctx)
{
	struct seq_file *seq = ctx->meta->seq;

	if (ctx->task && ctx->file && ctx->task->tgid == target)
		BPF_SEQ_PRINTF(seq, "fd %d %s\n", ctx->fd, ctx->file->f_path.dentry->d_name.name);
	return 0;
}

SEC("iter/task_vma") int on_vma(struct bpf_iter__task_vma *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct vm_area_struct *vma = ctx->vma;

	if (vma && ctx->task && ctx->task->tgid == target && vma->vm_file)
		BPF_SEQ_PRINTF(seq, "vma %llx-%llx %llx %s\n", vma->vm_start, vma->vm_end,
			       vma->vm_flags & 7, vma->vm_file->f_path.dentry->d_name.name);
	return 0;
}

SEC("iter/bpf_map_elem") int on_elem(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	u32 *key = ctx->key;
	u64 *value = ctx->value;

	if (key && value)
		BPF_SEQ_PRINTF(seq, "elem of %s: %d %lld\n", ctx->map->name, *key, *value);
	return 0;
}

SEC("iter/bpf_map") int on_map(struct bpf_iter__bpf_map *ctx)
{
	struct seq_file *seq = ctx->meta->seq;

	if (ctx->map)
		BPF_SEQ_PRINTF(seq, "map %s type %d\n", ctx->map->name, ctx->map->map_type);
	return 0;
}
