/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Text: trace_printk and kin, snprintf, the output of iterators, and kernel objects as text.
 */
#include "base/mem.h"
#include "base/strbuf.h"
#include "spec/spec.h"
#include "vm/mem.h"
#include "vm/show.h"
#include <errno.h>
#include <string.h>

#define LINE_MAX_LEN 1024 /* MAX_BPRINTF_BUF */
#define MAX_PRINTK   3
#define MAX_ARGS     12 /* MAX_BPRINTF_VARARGS */
#define MAX_OBJECT   (256u << 10)
#define SHOW_COST    1000
#define SEARCH_COST  100000      /* all names of the kernel, in instructions */
#define SEQ_MAX      (64u << 20) /* output of one run of an iterator */
#define F_ALL        (BTF_F_COMPACT | BTF_F_NONAME | BTF_F_PTR_RAW | BTF_F_ZERO)

static void *ptr_of(u64 r)
{
	return (void *)(uintptr_t)r;
}

static long print_line(struct vm_run *run, u64 fmt, u64 fmt_size, const u64 *args, u32 nr)
{
	const struct vm_opts *opts = vm_options(run->vm);
	char line[LINE_MAX_LEN];
	long len;

	len = vm_format(run, line, sizeof(line), ptr_of(fmt), (u32)fmt_size, args, nr);
	if (len >= 0 && opts->printk)
		opts->printk(opts->ctx, map_current_cpu(), &run->env->task, line, strlen(line));
	return len;
}

static u64 trace_printk(struct vm_run *run, u64 fmt, u64 size, u64 a, u64 b, u64 c)
{
	const u64 args[MAX_PRINTK] = {a, b, c};

	return print_line(run, fmt, size, args, MAX_PRINTK);
}

static bool bad_args(u64 data, u32 size)
{
	return size % 8 || size > MAX_ARGS * 8 || (size && !data);
}

/* Arguments as the program keeps them: 8 bytes each, at any address. */
static u32 load_args(u64 *args, u64 data, u32 size)
{
	mem_copy(args, ptr_of(data), size);
	return size / 8;
}

static u64 trace_vprintk(struct vm_run *run, u64 fmt, u64 fmt_size, u64 data, u64 size, u64 r5)
{
	u64 args[MAX_ARGS];

	if (bad_args(data, size))
		return -EINVAL;
	return print_line(run, fmt, fmt_size, args, load_args(args, data, size));
}

static u64 snprintf_(struct vm_run *run, u64 buf, u64 room, u64 fmt, u64 data, u64 size)
{
	u64 args[MAX_ARGS];
	long len;
	u32 nr;

	if (bad_args(data, size))
		return -EINVAL;
	nr = load_args(args, data, size);
	len = vm_format(run, ptr_of(buf), (u32)room, ptr_of(fmt), strlen(ptr_of(fmt)) + 1, args,
			nr);
	return len < 0 ? len : len + 1;
}

/* --- iterators ------------------------------------------------------------------------------- */

static long seq_add(struct vm_run *run, const void *p, size_t len)
{
	struct strbuf *seq = run->env->seq;

	if (!seq || seq->len + len > SEQ_MAX)
		return -EOVERFLOW;
	strbuf_add(seq, p, len);
	return seq->failed ? -EOVERFLOW : 0;
}

static u64 seq_printf(struct vm_run *run, u64 m, u64 fmt, u64 fmt_size, u64 data, u64 size)
{
	u64 args[MAX_ARGS];
	char *text;
	long len;
	u32 nr;

	if (bad_args(data, size))
		return -EINVAL;
	nr = load_args(args, data, size);
	len = vm_format(run, NULL, 0, ptr_of(fmt), (u32)fmt_size, args, nr);
	if (len < 0)
		return len;
	vm_charge(run, len / 4);
	text = len < SEQ_MAX ? mem_alloc(len + 1) : NULL;
	if (!text)
		return -EOVERFLOW;
	vm_format(run, text, len + 1, ptr_of(fmt), (u32)fmt_size, args, nr);
	len = seq_add(run, text, len);
	mem_free(text);
	return len;
}

static u64 seq_write(struct vm_run *run, u64 m, u64 data, u64 size, u64 r4, u64 r5)
{
	return seq_add(run, ptr_of(data), (u32)size);
}

/* --- objects as text ------------------------------------------------------------------------- */

/* The object is copied first: another thread may be changing it. */
static long show_copy(struct vm_run *run, const struct btf *btf, const struct btf_ptr *p, u64 flags,
		      struct strbuf *sb)
{
	s64 size = btf__resolve_size(btf, p->type_id);
	void *copy;
	long err;

	if (size < 0 || size > MAX_OBJECT)
		return -EINVAL;
	copy = mem_alloc(size ? size : 1);
	if (!copy)
		return -ENOMEM;
	vm_charge(run, size * 16);
	err = mem_read_kernel(run, copy, size, (uintptr_t)p->ptr);
	if (!err)
		err = show_object(btf, p->type_id, copy, size, flags, sb);
	mem_free(copy);
	return err;
}

static long show(struct vm_run *run, u64 ptr, u64 ptr_size, u64 flags, struct strbuf *sb)
{
	const struct btf *btf = vm_kernel_btf(run->vm);
	struct btf_ptr p;

	vm_charge(run, SHOW_COST);
	if (flags & ~(u64)F_ALL || (u32)ptr_size != sizeof(p))
		return -EINVAL;
	memcpy(&p, ptr_of(ptr), sizeof(p));
	if ((s32)p.type_id <= 0)
		return -EINVAL;
	if (!btf || !btf__type_by_id(btf, p.type_id))
		return -ENOENT;
	return show_copy(run, btf, &p, flags, sb);
}

static u64 snprintf_btf(struct vm_run *run, u64 buf, u64 room, u64 ptr, u64 ptr_size, u64 flags)
{
	struct strbuf sb = {0};
	long ret = show(run, ptr, ptr_size, flags, &sb);

	room = (u32)room;
	if (!ret && room) {
		u64 len = min_u64(sb.len, room - 1);

		memcpy(ptr_of(buf), strbuf_str(&sb), len);
		((char *)ptr_of(buf))[len] = 0;
	}
	if (!ret)
		ret = sb.len;
	strbuf_done(&sb);
	return ret;
}

static u64 seq_printf_btf(struct vm_run *run, u64 m, u64 ptr, u64 ptr_size, u64 flags, u64 r5)
{
	struct strbuf sb = {0};
	long ret = show(run, ptr, ptr_size, flags, &sb);

	if (!ret)
		ret = seq_add(run, strbuf_str(&sb), sb.len);
	strbuf_done(&sb);
	return ret;
}

/* The id of a type of the kernel by name. */
static u64 find_by_name_kind(struct vm_run *run, u64 name, u64 size, u64 kind, u64 flags, u64 r5)
{
	const struct btf *btf = vm_kernel_btf(run->vm);
	const char *s = ptr_of(name);
	int id;

	if (flags || (int)size <= 1 || s[(u32)size - 1])
		return -EINVAL;
	vm_charge(run, SEARCH_COST);
	id = btf ? btf__find_by_name_kind(btf, s, kind) : -ENOENT;
	return id > 0 ? id : -ENOENT;
}

const struct vm_helper helpers_seq[] = {
	{SPEC_HELPER_trace_printk, trace_printk},
	{SPEC_HELPER_trace_vprintk, trace_vprintk},
	{SPEC_HELPER_snprintf, snprintf_},
	{SPEC_HELPER_seq_printf, seq_printf},
	{SPEC_HELPER_seq_write, seq_write},
	{SPEC_HELPER_snprintf_btf, snprintf_btf},
	{SPEC_HELPER_seq_printf_btf, seq_printf_btf},
	{SPEC_HELPER_btf_find_by_name_kind, find_by_name_kind},
	{0, NULL},
};
