/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Helpers that ask the hook's world: the task, its memory, stacks, signals, the probed function. */
#include "../tap.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "isa/isa.h"
#include "spec/spec.h"
#include "vm/vm.h"
#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A world of our own: user memory is one string at 0x1000, the end of a page. */
#define USER      0x1ff0
#define USER_TEXT "0123456789abcde"

static u32 sent;
static bool sent_thread;
static char user_mem[16] = USER_TEXT;

static bool in_user(u64 addr, size_t size)
{
	return in_bounds(addr - USER, size, sizeof(user_mem));
}

static long read_user(struct vm_env *env, void *dst, size_t size, u64 addr)
{
	if (!in_user(addr, size))
		return -EFAULT;
	memcpy(dst, user_mem + (addr - USER), size);
	return 0;
}

static long write_user(struct vm_env *env, u64 addr, const void *src, size_t size)
{
	if (!in_user(addr, size))
		return -EFAULT;
	memcpy(user_mem + (addr - USER), src, size);
	return 0;
}

static long read_kernel(struct vm_env *env, void *dst, size_t size, u64 addr)
{
	memset(dst, 0x5a, size);
	return addr == 0xffff888000001000 ? 0 : -EFAULT;
}

static long send_signal(struct vm_env *env, u32 sig, bool thread)
{
	sent = sig;
	sent_thread = thread;
	return 0;
}

static long user_stack(struct vm_env *env, u64 *ips, u32 max)
{
	u32 nr = min_u64(max, 5);

	for (u32 i = 0; i < nr; i++)
		ips[i] = 0x100 + i;
	return nr;
}

static u64 fixed_clock(struct vm_env *env, int clock)
{
	return clock * 1000 + 5;
}

static char task_object[64], other_task[64];

static void *task_by_pid(struct vm_env *env, u32 pid)
{
	return pid == 9 ? other_task : NULL;
}

static const struct vm_world world = {
	.read_user = read_user,
	.write_user = write_user,
	.read_kernel = read_kernel,
	.send_signal = send_signal,
	.user_stack = user_stack,
	.clock = fixed_clock,
	.task_by_pid = task_by_pid,
};

static const u64 func_args[4] = {11, 22, 33, 44};

static struct vm_env env;
static struct strbuf seq;
static char printed[1024];
static struct map *maps[4];

static void keep_line(void *ctx, u32 cpu, const struct vm_task *task, const char *text, size_t len)
{
	snprintf(printed, sizeof(printed), "%s: %.*s", task->comm, (int)len, text);
}

static int run_as(u32 type, u32 attach, const char *text, u64 *ret, struct skep_diag *diag)
{
	struct prog prog = {.name = "test", .type = type, .attach_type = attach, .license = "GPL"};
	struct vm_opts opts = {.printk = keep_line};
	struct vm_mem tasks = {.name = "tasks",
			       .base = (uintptr_t)task_object,
			       .size = sizeof(task_object),
			       .flags = VM_MEM_READ};
	struct vm_prog *code;
	struct vm *vm = NULL;
	u64 ctx[4] = {1, 2, 3, 4};
	int err;

	err = isa_asm(text, &prog.insns, &prog.nr_insns, diag);
	err = err ?: vm_new(maps, 4, &opts, &vm, diag);
	err = err ?: vm_mem_add(vm, &tasks);
	err = err ?: vm_prog_new(vm, &prog, &code, diag);
	err = err ?: vm_exec(code, &env, ctx, sizeof(ctx), ret, diag);
	vm_free(vm);
	mem_free(prog.insns);
	return err;
}

static void gives_as(u32 type, u32 attach, const char *what, const char *text, s64 want)
{
	struct skep_diag diag = {0};
	u64 ret = 0;
	int err = run_as(type, attach, text, &ret, &diag);

	if (err)
		printf("# %s: %s\n", diag.where, diag.message);
	is_int(err ? err : (s64)ret, want, "%s", what);
}

static void gives(const char *what, const char *text, s64 want)
{
	gives_as(SPEC_PROG_KPROBE, 0, what, text, want);
}

#define BUF(size) "r1 = r10\nr1 += -" #size "\nr2 = " #size "\n"

static void test_ids(void)
{
	gives("pid and tgid", "call bpf_get_current_pid_tgid#14\nexit", 7ull << 32 | 8);
	gives("uid and gid", "call bpf_get_current_uid_gid#15\nexit", 300ull << 32 | 200);
	gives("the name", BUF(16) "call bpf_get_current_comm#16\nr0 = *(u64 *)(r10 -16)\nexit",
	      0x6f6c6c6568);
	gives("the name, cut off",
	      BUF(4) "call bpf_get_current_comm#16\nr0 = *(u32 *)(r10 -4)\nexit", 0x6c6568);
	gives("the task", "call bpf_get_current_task#35\nexit", (uintptr_t)task_object);
	gives("the cgroup", "call bpf_get_current_cgroup_id#80\nexit", 77);
	gives("the clock", "call bpf_ktime_get_ns#5\nexit", CLOCK_MONOTONIC * 1000 + 5);
	gives("since boot", "call bpf_ktime_get_boot_ns#125\nexit", CLOCK_BOOTTIME * 1000 + 5);
	gives_as(SPEC_PROG_XDP, 0, "coarse", "call bpf_ktime_get_coarse_ns#160\nexit",
		 CLOCK_MONOTONIC_COARSE * 1000 + 5);
	gives("TAI", "call bpf_ktime_get_tai_ns#208\nexit", CLOCK_TAI * 1000 + 5);
	gives("jiffies", "call bpf_jiffies64#118\nexit", (u32)(-300 * 250));
	gives("the CPU", "call bpf_get_smp_processor_id#8\nexit", 1);
	gives("chance",
	      "call bpf_get_prandom_u32#7\nr6 = r0\ncall bpf_get_prandom_u32#7\n"
	      "r0 ^= r6\nif r0 == 0 goto out\nr0 = 1\nout: exit",
	      1);
}

static void test_memory(void)
{
	gives("user memory",
	      BUF(8) "r3 = 0x1ff0\ncall bpf_probe_read_user#112\nr0 = *(u64 *)(r10 -8)\n"
		     "exit",
	      0x3736353433323130);
	gives("a string at the end of a page",
	      BUF(64) "r3 = 0x1ff4\ncall bpf_probe_read_user_str#114\nexit", 12);
	gives("a string that is cut off",
	      BUF(8) "r3 = 0x1ff0\ncall bpf_probe_read_user_str#114\nr0 <<= 8\n"
		     "r1 = *(u8 *)(r10 -1)\nr0 |= r1\nexit",
	      8 << 8);
	gives("beyond its end",
	      BUF(8) "*(u64 *)(r10 -8) = -1\nr3 = 0x1ffc\n"
		     "call bpf_probe_read_user#112\nr1 = *(u64 *)(r10 -8)\n"
		     "r0 += r1\nexit",
	      -EFAULT);
	gives("a kernel's object",
	      BUF(8) "r3 = 0xffff888000001000\ncall bpf_probe_read_kernel#113\n"
		     "r0 = *(u64 *)(r10 -8)\nexit",
	      0x5a5a5a5a5a5a5a5a);
	gives("one's own stack",
	      "*(u64 *)(r10 -16) = 99\n" BUF(
		      8) "r3 = r10\nr3 += -16\n"
			 "call bpf_probe_read_kernel#113\nr0 = *(u64 *)(r10 -8)\nexit",
	      99);
	gives("the old one reads both",
	      BUF(8) "r3 = 0x1ff0\ncall bpf_probe_read#4\nr0 = *(u8 *)(r10 -8)\nexit", '0');
	gives("of another task",
	      BUF(8) "r3 = 0x1ff0\nr4 = map[id:0][0]+0\nr5 = 0\n"
		     "call bpf_copy_from_user_task#191\nexit",
	      -EFAULT);
	gives("writing",
	      "*(u64 *)(r10 -8) = 88\nr1 = 0x1ff0\nr2 = r10\nr2 += -8\nr3 = 1\n"
	      "call bpf_probe_write_user#36\nexit",
	      0);
	is_int(user_mem[0], 88, "and it is written");
	gives("writing elsewhere",
	      "*(u64 *)(r10 -8) = 88\nr1 = 0x2000\nr2 = r10\nr2 += -8\nr3 = 1\n"
	      "call bpf_probe_write_user#36\nexit",
	      -EFAULT);
	user_mem[0] = '0';
}

static void test_signals(void)
{
	gives("a signal", "r1 = 10\ncall bpf_send_signal#109\nexit", 0);
	ok(sent == 10 && !sent_thread, "is sent to the process");
	gives("a signal to the thread", "r1 = 12\ncall bpf_send_signal_thread#117\nexit", 0);
	ok(sent == 12 && sent_thread, "is sent to the thread");
	gives("no such signal", "r1 = 65\ncall bpf_send_signal#109\nexit", -EINVAL);
}

static void test_stacks(void)
{
	gives("a user's stack",
	      "r6 = r1\nr2 = r10\nr2 += -64\nr3 = 64\nr4 = 256\n"
	      "call bpf_get_stack#67\nexit",
	      40);
	gives("two frames skipped",
	      "r6 = r1\nr2 = r10\nr2 += -64\nr3 = 64\nr4 = 258\n"
	      "call bpf_get_stack#67\nr1 = *(u64 *)(r10 -64)\nr0 += r1\nexit",
	      24 + 0x102);
	gives("the rest is zero",
	      "*(u64 *)(r10 -8) = 7\nr2 = r10\nr2 += -64\nr3 = 64\nr4 = 256\n"
	      "call bpf_get_stack#67\nr0 = *(u64 *)(r10 -8)\nexit",
	      0);
	gives("build ids",
	      "r2 = r10\nr2 += -64\nr3 = 64\nr4 = 2304\ncall bpf_get_stack#67\n"
	      "r1 = *(u32 *)(r10 -64)\nr0 += r1\nexit",
	      66);
	gives("a kernel's stack",
	      "r2 = r10\nr2 += -64\nr3 = 64\nr4 = 0\ncall bpf_get_stack#67\nexit", -EFAULT);
	gives("bad flags", "r2 = r10\nr2 += -64\nr3 = 64\nr4 = 4096\ncall bpf_get_stack#67\nexit",
	      -EINVAL);
	gives("its id, twice the same",
	      "r6 = r1\nr2 = map[id:1]\nr3 = 256\ncall bpf_get_stackid#27\nr7 = r0\nr1 = r6\n"
	      "r2 = map[id:1]\nr3 = 256\ncall bpf_get_stackid#27\nif r7 s< 0 goto out\nr0 -= r7\n"
	      "out: exit",
	      0);
	gives("too much skipped", "r2 = map[id:1]\nr3 = 266\ncall bpf_get_stackid#27\nexit",
	      -EFAULT);
}

static void test_probe(void)
{
	gives("the function", "call bpf_get_func_ip#173\nexit", 0xabcd);
	gives("the cookie", "call bpf_get_attach_cookie#174\nexit", 0xc00c1e);
	gives_as(SPEC_PROG_TRACING, SPEC_ATTACH_TRACE_FENTRY, "its arguments",
		 "call bpf_get_func_arg_cnt#185\nexit", 3);
	gives_as(SPEC_PROG_TRACING, SPEC_ATTACH_TRACE_FENTRY, "one of them",
		 "r2 = 1\nr3 = r10\nr3 += -8\ncall bpf_get_func_arg#183\nr0 = *(u64 *)(r10 "
		 "-8)\nexit",
		 22);
	gives_as(SPEC_PROG_TRACING, SPEC_ATTACH_TRACE_FENTRY, "one too many",
		 "r2 = 3\nr3 = r10\nr3 += -8\ncall bpf_get_func_arg#183\nexit", -EINVAL);
	gives_as(SPEC_PROG_TRACING, SPEC_ATTACH_TRACE_FENTRY, "no return value yet",
		 "r2 = r10\nr2 += -8\ncall bpf_get_func_ret#184\nexit", -EOPNOTSUPP);
	gives_as(SPEC_PROG_TRACING, SPEC_ATTACH_TRACE_FEXIT, "the return value",
		 "r2 = r10\nr2 += -8\ncall bpf_get_func_ret#184\nr0 = *(u64 *)(r10 -8)\nexit", 44);
	gives_as(SPEC_PROG_CGROUP_SOCK, 0, "retval",
		 "r1 = -13\ncall bpf_set_retval#187\ncall bpf_get_retval#186\nexit", -13);
	is_int(env.retval, -13, "is left for the hook");
}

static void test_namespaces(void)
{
	struct vm_task task = env.task;
	char text[256];
	struct stat st;

	env.task.pid = env.task.tgid = getpid();
	if (stat("/proc/self/ns/pid", &st))
		return tap_skip("namespaces", "no /proc");
	snprintf(text, sizeof(text),
		 "r1 = 0x%llx\nr2 = 0x%llx\nr3 = r10\nr3 += -8\nr4 = 8\n"
		 "call bpf_get_ns_current_pid_tgid#120\nr1 = *(u32 *)(r10 -8)\nr0 += r1\nexit",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	gives("the pid in its namespace", text, getpid());
	gives("another namespace",
	      "r1 = 1\nr2 = 2\nr3 = r10\nr3 += -8\nr4 = 8\n"
	      "call bpf_get_ns_current_pid_tgid#120\nexit",
	      -EINVAL);
	if (!stat("/sys/fs/cgroup/cgroup.controllers", &st) && !stat("/sys/fs/cgroup", &st))
		gives("the root of the cgroups",
		      "r1 = 0\ncall bpf_get_current_ancestor_cgroup_id#123\nexit", st.st_ino);
	gives("no such level", "r1 = 1000\ncall bpf_get_current_ancestor_cgroup_id#123\nexit", 0);
	gives("a negative level", "r1 = -1\ncall bpf_get_current_ancestor_cgroup_id#123\nexit", 0);
	env.task = task;
}

static void test_text(void)
{
	u32 zero = 0;
	char fmt[64] = "%d bees, %s";

	map_user_update(maps[0], &zero, fmt, 0);
	gives("printk",
	      "r1 = map[id:0][0]+0\nr2 = 12\nr3 = 5\nr4 = 0x1ff0\n"
	      "call bpf_trace_printk#6\nexit",
	      23);
	is_str(printed, "hello: 5 bees, " USER_TEXT, "the line");
	env.seq = &seq;
	gives_as(SPEC_PROG_TRACING, SPEC_ATTACH_TRACE_ITER, "seq_printf",
		 "*(u64 *)(r10 -16) = 3\nr1 = 0x1ff0\n*(u64 *)(r10 -8) = r1\n"
		 "call bpf_get_current_task#35\nr1 = r0\nr2 = map[id:0][0]+0\nr3 = 12\nr4 = r10\n"
		 "r4 += -16\nr5 = 16\ncall bpf_seq_printf#126\nexit",
		 0);
	gives_as(SPEC_PROG_TRACING, SPEC_ATTACH_TRACE_ITER, "seq_write",
		 "*(u64 *)(r10 -8) = 0x2121\ncall bpf_get_current_task#35\nr1 = r0\nr2 = r10\n"
		 "r2 += -8\nr3 = 2\ncall bpf_seq_write#127\nexit",
		 0);
	is_str(strbuf_str(&seq), "3 bees, " USER_TEXT "!!", "an iterator's output");
	env.seq = NULL;
	strbuf_done(&seq);
}

static void test_storage(void)
{
	gives("no storage yet",
	      "call bpf_get_current_task_btf#158\nr1 = map[id:2]\nr2 = r0\nr3 = 0\n"
	      "r4 = 0\ncall bpf_task_storage_get#156\nexit",
	      0);
	gives("storage is made",
	      "call bpf_get_current_task_btf#158\nr1 = map[id:2]\nr2 = r0\nr3 = 0\n"
	      "r4 = 1\ncall bpf_task_storage_get#156\nif r0 == 0 goto out\n"
	      "r1 = *(u64 *)(r0 +0)\n*(u64 *)(r0 +0) = 31\nr0 = r1\nexit\n"
	      "out: r0 = -1\nexit",
	      0);
	gives("and found again",
	      "call bpf_get_current_task_btf#158\nr1 = map[id:2]\nr2 = r0\nr3 = 0\n"
	      "r4 = 0\ncall bpf_task_storage_get#156\nif r0 == 0 goto out\n"
	      "r0 = *(u64 *)(r0 +0)\nout: exit",
	      31);
	gives("and deleted",
	      "call bpf_get_current_task_btf#158\nr1 = map[id:2]\nr2 = r0\n"
	      "call bpf_task_storage_delete#157\nexit",
	      0);
	gives("once",
	      "call bpf_get_current_task_btf#158\nr1 = map[id:2]\nr2 = r0\n"
	      "call bpf_task_storage_delete#157\nexit",
	      -ENOENT);
}

/* r0 is the number of samples << 8 | the sum of their first bytes, which the callback makes. */
#define DRAIN(flags)                                                                               \
	"*(u64 *)(r10 -8) = 0\nr1 = map[id:3]\nr2 = subprog[+9]\nr3 = r10\nr3 += -8\nr4 = " flags  \
	"\ncall bpf_user_ringbuf_drain#209\nr1 = *(u64 *)(r10 -8)\nr0 <<= 8\nr0 += r1\nexit\n"     \
	"r6 = r2\n*(u64 *)(r10 -8) = 0\nr3 = r1\nr1 = r10\nr1 += -8\nr2 = 1\nr4 = 0\nr5 = 0\n"     \
	"call bpf_dynptr_read#201\nr1 = *(u8 *)(r10 -8)\nr2 = *(u64 *)(r6 +0)\nr2 += r1\n"         \
	"*(u64 *)(r6 +0) = r2\nr0 = 0\nif r1 != 9 goto out\nr0 = 1\nout: exit"

static void push(u8 first)
{
	u8 sample[20] = {first};

	ok(!user_ringbuf_push(maps[3], sample, sizeof(sample)), "a sample is pushed");
}

static void test_drain(void)
{
	gives("nothing to drain", DRAIN("0"), 0);
	push(1);
	push(2);
	gives("two samples", DRAIN("0"), 2 << 8 | 3);
	push(9);
	push(3);
	gives("the callback ends it", DRAIN("0"), 1 << 8 | 9);
	gives("the rest", DRAIN("0"), 1 << 8 | 3);
	gives("bad flags", DRAIN("77"), -EINVAL * 256);
}

static void test_nowhere(void)
{
	struct vm_env old = env;

	env = (struct vm_env){.cpu = -1};
	gives("no world: user memory", BUF(8) "r3 = 0x1ff0\ncall bpf_probe_read_user#112\nexit",
	      -EFAULT);
	gives("no world: a signal", "r1 = 9\ncall bpf_send_signal#109\nexit", -EPERM);
	gives("no world: a stack",
	      "r2 = r10\nr2 += -64\nr3 = 64\nr4 = 256\ncall bpf_get_stack#67\nexit", -EFAULT);
	gives("no world: the task", "call bpf_get_current_task#35\nexit", 0);
	env = old;
}

static int make_maps(struct skep_diag *diag)
{
	static const struct map_def defs[4] = {
		{.name = "array",
		 .type = BPF_MAP_TYPE_ARRAY,
		 .key_size = 4,
		 .value_size = 64,
		 .max_entries = 1},
		{.name = "stacks",
		 .type = BPF_MAP_TYPE_STACK_TRACE,
		 .key_size = 4,
		 .value_size = 80,
		 .max_entries = 16},
		{.name = "storage",
		 .type = BPF_MAP_TYPE_TASK_STORAGE,
		 .key_size = 4,
		 .value_size = 8,
		 .flags = BPF_F_NO_PREALLOC,
		 .key_type_id = 1,
		 .value_type_id = 1},
		{.name = "user_ring", .type = BPF_MAP_TYPE_USER_RINGBUF, .max_entries = 4096},
	};
	int err = 0;

	for (int i = 0; i < 4 && !err; i++)
		err = map_new(&defs[i], &maps[i], diag);
	return err;
}

int main(void)
{
	struct skep_diag diag = {0};

	env = (struct vm_env){
		.world = &world,
		.cpu = 1,
		.task = {.pid = 8,
			 .tgid = 7,
			 .uid = 200,
			 .gid = 300,
			 .comm = "hello",
			 .cgroup_id = 77,
			 .kobj = task_object},
		.func_ip = 0xabcd,
		.attach_cookie = 0xc00c1e,
		.func_args = func_args,
		.nr_func_args = 3,
	};
	if (!ok(!make_maps(&diag), "maps"))
		printf("# %s\n", diag.message);
	test_ids();
	test_memory();
	test_signals();
	test_stacks();
	test_probe();
	test_namespaces();
	test_text();
	test_storage();
	test_drain();
	test_nowhere();
	for (int i = 0; i < 4; i++)
		map_put(maps[i]);
	return tap_done();
}
