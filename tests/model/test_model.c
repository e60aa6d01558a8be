/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The model kernel's memory: objects, fields by BTF, checked reads, symbols. */
#include "../tap.h"
#include "btf/types.h"
#include "model/model.h"
#include <errno.h>

static void test_fields(struct model *m)
{
	void *task = model_alloc(m, "task_struct"), *again;
	u64 value = 0;
	u32 pid = 0;

	ok(task, "a task_struct");
	ok(model_set(m, task, "task_struct", "pid", 4711), "pid is set");
	ok(model_get(m, task, "task_struct", "pid", &value), "and read");
	is_int(value, 4711, "the same value");
	memcpy(&pid, model_field(m, task, "task_struct", "pid"), sizeof(pid));
	is_int(pid, 4711, "lies where model_field says");
	ok(model_set(m, task, "task_struct", "in_execve", 1), "a bitfield is set");
	ok(model_get(m, task, "task_struct", "in_execve", &value) && value == 1, "and read");
	ok(model_get(m, task, "task_struct", "in_iowait", &value) && value == 0,
	   "its neighbour was left alone");
	ok(!model_set(m, task, "task_struct", "no_such_field", 1), "a missing field is skipped");
	ok(model_set_bytes(m, task, "task_struct", "comm", "sixteen bytes long and more", 27),
	   "comm is set");
	is_mem(model_field(m, task, "task_struct", "comm"), "sixteen bytes lo", 16,
	       "and cut to its 16 bytes");
	model_release(m, task);
	again = model_alloc(m, "task_struct");
	ok(again == task, "memory is used again");
	ok(model_get(m, again, "task_struct", "pid", &value) && !value, "and is zero again");
}

static void test_bounds(struct model *m)
{
	const char *base;
	size_t size;
	char buf[16];

	model_range(m, &base, &size);
	is_int(model_read(m, buf, 16, (uintptr_t)base + size - 16), 0, "the last bytes are read");
	is_int(model_read(m, buf, 16, (uintptr_t)base + size - 15), -EFAULT, "one further: EFAULT");
	is_int(model_read(m, buf, 1, (uintptr_t)base - 1), -EFAULT, "in front: EFAULT");
	is_int(model_read(m, buf, 16, UINT64_MAX - 3), -EFAULT, "a sum that wraps: EFAULT");
	is_int(model_read(m, buf, SIZE_MAX, (uintptr_t)base + 8), -EFAULT, "a huge size: EFAULT");
	ok(!model_alloc(m, "no_such_struct"), "no object of a type that is not there");
	ok(!model_alloc_bytes(m, (size_t)1 << 40), "no object of any size");
}

static void test_exhaustion(struct model *m)
{
	u64 nr = 0;

	while (nr < 100000 && model_alloc_bytes(m, 1 << 20))
		nr++;
	ok(nr > 100 && nr < 100000, "the range has an end (%" PRIu64 " MiB)", nr);
	ok(!model_alloc_bytes(m, 1 << 20), "and says so again");
}

int main(void)
{
	struct skep_diag diag = {0};
	struct btf *btf = NULL;
	struct model *m = NULL;

	is_int(types_open_kernel(NULL, &btf, NULL, &diag), 0, "a kernel's BTF");
	is_int(model_new(btf, &m, &diag), 0, "a model");
	test_fields(m);
	test_bounds(m);
	ok(model_symbol(m, "vfs_read"), "a function has an address");
	ok(model_symbol(m, "vfs_read") == model_symbol(m, "vfs_read"), "always the same");
	is_int(model_symbol(m, "no_such_symbol_here"), 0, "an unknown name has none");
	test_exhaustion(m);
	ok(!model_free(m), "freed");
	types_close(btf);
	return tap_done();
}
