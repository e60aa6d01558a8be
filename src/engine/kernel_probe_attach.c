/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Probes that attach: load the smallest program, attach it where it can do no harm (a test function
 * of the kernel, an event that stays switched off, a lo of our own), and let go of both.
 */
#include "engine/kernel_probe.h"
#include "spec/uapi.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_ATTACH_BPF
#define SO_ATTACH_BPF 50
#endif

/* The part of bpf_attr that BPF_LINK_CREATE reads, with room for what newer kernels know. */
struct link_attr {
	u32 prog_fd, target, attach_type, flags;
	union {
		struct {
			u32 pf, hook;
			s32 priority;
			u32 flags;
		} netfilter;
		struct {
			u32 flags, nr;
			u64 syms, addrs, cookies;
		} kprobes;
		struct {
			u64 path, offsets, refs, cookies;
			u32 nr, flags, pid;
		} uprobes;
		u64 more[6];
	};
};

/* Done with a descriptor and a program: the first error of the two counts. */
static int done(int prog, int fd)
{
	if (fd >= 0)
		close(fd);
	close(prog);
	return fd < 0 ? fd : 0;
}

static int load(struct kernel_try *t, u32 btf_id, int ret)
{
	int fd = kernel_probe_load_return(t, 0, btf_id, ret);

	t->attaching = fd >= 0;
	return fd;
}

static int link_it(struct kernel_try *t, int prog, u32 target, u32 flags)
{
	struct link_attr attr = {.prog_fd = (u32)prog,
				 .target = target,
				 .attach_type = t->row->attach,
				 .flags = flags};

	return kernel_probe_bpf(BPF_LINK_CREATE, &attr, sizeof(attr));
}

/* --- perf events: kprobes, uprobes, tracepoints, samples
 * ------------------------------------------ */

/* The event stays disabled. It only exists. */
static int attach_event(int prog, struct perf_event_attr *attr, pid_t pid)
{
	int fd, err = 0;

	attr->size = sizeof(*attr);
	attr->disabled = 1;
	fd = (int)syscall(SYS_perf_event_open, attr, pid, pid == -1 ? 0 : -1, -1, 8);
	if (fd < 0)
		return done(prog, -errno);
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog))
		err = -errno;
	close(fd);
	return done(prog, err ? err : dup(prog));
}

static int read_small(int dir, const char *path, char *buf, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return -errno;
	buf[n] = 0;
	return 0;
}

/* The type number of a perf unit; -ENOENT: the kernel has no such thing. */
static int pmu_type(const char *name)
{
	char path[96], buf[32];
	int err;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", name);
	err = read_small(AT_FDCWD, path, buf, sizeof(buf));
	return err ? err : atoi(buf);
}

int kernel_probe_do_kprobe(struct kernel_try *t)
{
	struct kernel_row row = *t->row;
	int type, fd;

	row.attach = 0; /* it says kretprobe */
	t->row = &row;
	fd = load(t, 0, 0);
	t->row = kernel_probe_find("attach", row.name);
	if (fd < 0)
		return fd;
	type = pmu_type("kprobe");
	if (type < 0)
		return done(fd, type);
	struct perf_event_attr attr = {.type = (u32)type,
				       .config = t->row->attach,
				       .kprobe_func = (u64)(uintptr_t)t->row->at};

	return attach_event(fd, &attr, -1);
}

/* Where this very function is in our program's file. */
static u64 own_offset(void)
{
	unsigned long from, to, off, at = (unsigned long)own_offset;
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	u64 ret = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &from, &to, &off) == 3 && at >= from && at < to)
			ret = at - from + off;
	if (f)
		fclose(f);
	return ret;
}

/* The file that this function is in: the program, or the library that we are part of. */
static void own_file(char *buf, size_t size)
{
	unsigned long from, to, at = (unsigned long)own_offset;
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512], path[400];

	snprintf(buf, size, "/proc/self/exe");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %399s", &from, &to, path) == 3 &&
		    at >= from && at < to)
			snprintf(buf, size, "%s", path);
	if (f)
		fclose(f);
}

int kernel_probe_do_uprobe(struct kernel_try *t)
{
	int fd = load(t, 0, 0), type;
	char path[400];

	if (fd < 0)
		return fd;
	type = pmu_type("uprobe");
	if (type < 0)
		return done(fd, type);
	own_file(path, sizeof(path));
	struct perf_event_attr attr = {.type = (u32)type,
				       .uprobe_path = (u64)(uintptr_t)path,
				       .probe_offset = own_offset()};

	return attach_event(fd, &attr, getpid());
}

int kernel_probe_do_tracepoint(struct kernel_try *t)
{
	int fd = load(t, 0, 0), fs, err;
	char path[128], buf[32];

	if (fd < 0)
		return fd;
	fs = kernel_facts_open_fs("tracefs", "/sys/kernel/tracing", "events");
	if (fs < 0) {
		t->missing = "tracefs is not mounted";
		return done(fd, fs);
	}
	snprintf(path, sizeof(path), "events/%s/id", t->row->at);
	err = read_small(fs, path, buf, sizeof(buf));
	close(fs);
	if (err)
		return done(fd, err);
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .config = (u64)atoi(buf), .sample_period = 1};

	return attach_event(fd, &attr, -1);
}

int kernel_probe_do_perf_event(struct kernel_try *t)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .config = PERF_COUNT_SW_CPU_CLOCK,
				       .sample_period = 1000000000};
	struct kernel_row row = *t->row;
	const struct kernel_row *saved = t->row;
	int fd;

	row.attach = 0;
	t->row = &row;
	fd = load(t, 0, 0);
	t->row = saved;
	if (saved->attach) {
		attr.type = PERF_TYPE_HARDWARE;
		attr.config = PERF_COUNT_HW_CPU_CYCLES;
	}
	return fd < 0 ? fd : attach_event(fd, &attr, -1);
}

int kernel_probe_do_printk(struct kernel_try *t)
{
	int fs = kernel_facts_open_fs("tracefs", "/sys/kernel/tracing", "events");

	if (fs < 0) {
		t->missing = "tracefs is not mounted, or not for us";
		return fs;
	}
	close(fs);
	return 0;
}

/* --- raw tracepoints, trampolines
 * ------------------------------------------------------------------ */

static int open_raw(int prog, const char *name)
{
	union bpf_attr attr = {0};

	attr.raw_tracepoint.name = (u64)(uintptr_t)name;
	attr.raw_tracepoint.prog_fd = (u32)prog;
	return kernel_probe_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr.raw_tracepoint));
}

int kernel_probe_do_raw_tp(struct kernel_try *t)
{
	int fd = load(t, 0, 0);

	return fd < 0 ? fd : done(fd, open_raw(fd, t->row->at));
}

int kernel_probe_do_trampoline(struct kernel_try *t)
{
	int id = kernel_probe_func(t, t->row->at), fd;

	if (id < 0)
		return id;
	fd = load(t, (u32)id, 0);
	return fd < 0 ? fd : done(fd, open_raw(fd, NULL));
}

static int load_with_btf(struct kernel_try *t, u32 type, int btf, int target)
{
	static const struct bpf_func_info info = {.insn_off = 0, .type_id = 5};
	static const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 2},
						{.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (u64)(uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (u64)(uintptr_t) "GPL",
		.log_level = 1,
		.log_size = sizeof(t->log),
		.log_buf = (u64)(uintptr_t)t->log,
		.prog_btf_fd = (u32)btf,
		.func_info = (u64)(uintptr_t)&info,
		.func_info_cnt = 1,
		.func_info_rec_size = sizeof(info),
	};

	t->log[0] = 0;
	if (target >= 0) {
		attr.attach_btf_id = 5;
		attr.attach_prog_fd = (u32)target;
	}
	return kernel_probe_bpf(BPF_PROG_LOAD, &attr,
				offsetof(union bpf_attr, attach_prog_fd) + sizeof(u32));
}

/* f of one XDP program takes the place of f of another. */
int kernel_probe_do_freplace(struct kernel_try *t)
{
	int btf = kernel_probe_own_btf(), target, fd = -1, err;

	if (btf < 0)
		return btf;
	target = load_with_btf(t, SPEC_PROG_XDP, btf, -1);
	err = target < 0 ? target : 0;
	if (!err) {
		fd = load_with_btf(t, SPEC_PROG_EXT, btf, target);
		t->attaching = fd >= 0;
		err = fd < 0 ? fd : done(fd, open_raw(fd, NULL));
		close(target);
	}
	close(btf);
	return err;
}

int kernel_probe_do_iter(struct kernel_try *t)
{
	int id = kernel_probe_func(t, t->row->at), fd, link, iter;
	union bpf_attr attr = {0};

	if (id < 0)
		return id;
	fd = load(t, (u32)id, 0);
	if (fd < 0)
		return fd;
	link = link_it(t, fd, 0, 0);
	if (link < 0)
		return done(fd, link);
	attr.iter_create.link_fd = (u32)link;
	iter = kernel_probe_bpf(BPF_ITER_CREATE, &attr, sizeof(attr.iter_create));
	close(link);
	return done(fd, iter);
}

int kernel_probe_do_multi(struct kernel_try *t)
{
	const char *syms[] = {t->row->at};
	int fd = load(t, 0, 0);
	struct link_attr attr = {.prog_fd = (u32)fd, .attach_type = t->row->attach};

	if (fd < 0)
		return fd;
	attr.kprobes.nr = 1;
	attr.kprobes.syms = (u64)(uintptr_t)syms;
	return done(fd, kernel_probe_bpf(BPF_LINK_CREATE, &attr, sizeof(attr)));
}

int kernel_probe_do_uprobe_multi(struct kernel_try *t)
{
	int fd = load(t, 0, 0);
	u64 offset = own_offset();
	char path[400];
	struct link_attr attr = {.prog_fd = (u32)fd, .attach_type = t->row->attach};

	if (fd < 0)
		return fd;
	own_file(path, sizeof(path));
	attr.uprobes.path = (u64)(uintptr_t)path;
	attr.uprobes.offsets = (u64)(uintptr_t)&offset;
	attr.uprobes.nr = 1;
	attr.uprobes.pid = (u32)getpid();
	return done(fd, kernel_probe_bpf(BPF_LINK_CREATE, &attr, sizeof(attr)));
}

/* --- network and cgroups
 * --------------------------------------------------------------------------- */

#define LO               1 /* its index in a new namespace */
#define FLAG_XDP_GENERIC 2 /* XDP_FLAGS_SKB_MODE */

/* Without a namespace of our own nothing is attached: others' packets would come through it. */
static bool is_alone(struct kernel_try *t, int prog)
{
	if (t->in_netns)
		return true;
	close(prog);
	t->missing = "it loads; attaching was not tried without a network namespace of our own";
	return false;
}

int kernel_probe_do_xdp(struct kernel_try *t)
{
	int fd = load(t, 0, 2);

	if (fd < 0 || !is_alone(t, fd))
		return fd < 0 ? fd : 0;
	return done(fd, link_it(t, fd, LO, FLAG_XDP_GENERIC));
}

/* The program's own attach type is not passed when loading: older kernels have no such number. */
static int load_plain(struct kernel_try *t, int ret)
{
	struct kernel_row row = *t->row;
	const struct kernel_row *saved = t->row;
	int fd;

	row.attach = 0;
	t->row = &row;
	fd = load(t, 0, ret);
	t->row = saved;
	return fd;
}

int kernel_probe_do_tcx(struct kernel_try *t)
{
	int fd = load_plain(t, 0);

	if (fd < 0 || !is_alone(t, fd))
		return fd < 0 ? fd : 0;
	return done(fd, link_it(t, fd, LO, 0));
}

/* lo is no netkit device: a kernel that knows them says so. */
int kernel_probe_do_netkit(struct kernel_try *t)
{
	int fd = load_plain(t, 0), ret;

	if (fd < 0 || !is_alone(t, fd))
		return fd < 0 ? fd : 0;
	ret = done(fd, link_it(t, fd, LO, 0));
	return ret == -ENXIO ? 0 : ret;
}

int kernel_probe_do_cgroup(struct kernel_try *t)
{
	int fd = load(t, 0, 1), dir;

	if (fd < 0)
		return fd;
	dir = t->cgroup ? open(t->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir < 0) {
		t->missing = "no cgroup2 is mounted";
		return done(fd, -ENOENT);
	}
	int link = link_it(t, fd, (u32)dir, 0);

	close(dir);
	return done(fd, link);
}

int kernel_probe_do_netns(struct kernel_try *t)
{
	int fd = load(t, 0, t->row->type == SPEC_PROG_SK_LOOKUP), ns, link;

	if (fd < 0 || !is_alone(t, fd))
		return fd < 0 ? fd : 0;
	ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return done(fd, -errno);
	link = link_it(t, fd, (u32)ns, 0);
	close(ns);
	return done(fd, link);
}

#define NETFILTER_IPV4     2
#define NETFILTER_PRIORITY (-128)

int kernel_probe_do_netfilter(struct kernel_try *t)
{
	int fd = load(t, 0, 1);
	struct link_attr attr = {.prog_fd = (u32)fd, .attach_type = t->row->attach};

	if (fd < 0 || !is_alone(t, fd))
		return fd < 0 ? fd : 0;
	attr.netfilter.pf = NETFILTER_IPV4;
	attr.netfilter.priority = NETFILTER_PRIORITY;
	return done(fd, kernel_probe_bpf(BPF_LINK_CREATE, &attr, sizeof(attr)));
}

int kernel_probe_do_sockmap(struct kernel_try *t)
{
	int fd = load_plain(t, 1), map, err;
	union bpf_attr attr = {0};

	if (fd < 0)
		return fd;
	map = kernel_probe_map(SPEC_MAP_SOCKMAP);
	if (map < 0)
		return done(fd, map);
	attr.target_fd = (u32)map;
	attr.attach_bpf_fd = (u32)fd;
	attr.attach_type = t->row->attach;
	err = kernel_probe_bpf(BPF_PROG_ATTACH, &attr,
			       offsetof(union bpf_attr, replace_bpf_fd) + 4);
	return done(fd, err ? (close(map), err) : map);
}

int kernel_probe_do_socket(struct kernel_try *t)
{
	int fd = load(t, 0, 0), pair[2], err = 0;

	if (fd < 0)
		return fd;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair))
		return done(fd, -errno);
	if (setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)))
		err = -errno;
	close(pair[1]);
	return done(fd, err ? (close(pair[0]), err) : pair[0]);
}
