/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Put things into the kernel as other programs do, with links and without, and hold them:
 *
 *     objs_hold FILE.bpf.c PROGRAM=HOW[:WHERE] …
 *
 * HOW is auto, ioctl (a tracepoint by its perf event), xdp, xdp-link, tc, cgroup, cgroup-link,
 * netns, netns-link, sockmap. "ready" is printed; everything goes when stdin ends.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <skep/source.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct bpf_object *obj;

static void die(const char *what, int err)
{
	fprintf(stderr, "objs_hold: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static int hold_auto(struct bpf_program *p, const char *where)
{
	(void)where;
	return bpf_program__attach(p) ? 0 : -errno;
}

/* As programs did before links: the event's own descriptor, and an ioctl. */
static int hold_ioctl(struct bpf_program *p, const char *where)
{
	char path[256], text[32] = "";
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id", where);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f))
		return -ENOENT;
	fclose(f);
	attr.config = strtoull(text, NULL, 10);
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, bpf_program__fd(p)) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return 0;
}

static int hold_xdp(struct bpf_program *p, const char *where)
{
	return bpf_xdp_attach((int)if_nametoindex(where), bpf_program__fd(p), XDP_FLAGS_SKB_MODE,
			      NULL);
}

static int hold_xdp_link(struct bpf_program *p, const char *where)
{
	return bpf_program__attach_xdp(p, (int)if_nametoindex(where)) ? 0 : -errno;
}

static int hold_tc(struct bpf_program *p, const char *where)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(where),
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(p), .handle = 1, .priority = 7);
	int err = bpf_tc_hook_create(&hook);

	return err && err != -EEXIST ? err : bpf_tc_attach(&hook, &opts);
}

static int open_where(const char *where)
{
	int fd = open(where, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(where, errno);
	return fd;
}

static int hold_cgroup(struct bpf_program *p, const char *where)
{
	return bpf_prog_attach(bpf_program__fd(p), open_where(where), BPF_CGROUP_INET_EGRESS,
			       BPF_F_ALLOW_MULTI);
}

static int hold_cgroup_link(struct bpf_program *p, const char *where)
{
	return bpf_program__attach_cgroup(p, open_where(where)) ? 0 : -errno;
}

static int hold_netns(struct bpf_program *p, const char *where)
{
	(void)where;
	return bpf_prog_attach(bpf_program__fd(p), 0, BPF_FLOW_DISSECTOR, 0);
}

static int hold_netns_link(struct bpf_program *p, const char *where)
{
	(void)where;
	return bpf_program__attach_netns(p, open_where("/proc/self/ns/net")) ? 0 : -errno;
}

static int hold_sockmap(struct bpf_program *p, const char *where)
{
	return bpf_prog_attach(bpf_program__fd(p), bpf_object__find_map_fd_by_name(obj, where),
			       BPF_SK_MSG_VERDICT, 0);
}

static const struct how {
	const char *name;
	int (*hold)(struct bpf_program *p, const char *where);
} hows[] = {
	{"auto", hold_auto},
	{"ioctl", hold_ioctl},
	{"xdp", hold_xdp},
	{"xdp-link", hold_xdp_link},
	{"tc", hold_tc},
	{"cgroup", hold_cgroup},
	{"cgroup-link", hold_cgroup_link},
	{"netns", hold_netns},
	{"netns-link", hold_netns_link},
	{"sockmap", hold_sockmap},
};

static void hold(char *arg)
{
	char *how = strchr(arg, '='), *where;
	struct bpf_program *p;

	if (!how)
		die(arg, EINVAL);
	*how++ = 0;
	where = strchr(how, ':');
	if (where)
		*where++ = 0;
	p = bpf_object__find_program_by_name(obj, arg);
	if (!p)
		die(arg, ENOENT);
	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		int err;

		if (strcmp(hows[i].name, how))
			continue;
		err = hows[i].hold(p, where);
		if (err)
			die(arg, err);
		return;
	}
	die(how, EINVAL);
}

int main(int argc, char **argv)
{
	struct skep_diag diag = {0};
	size_t size;
	void *elf;
	char c;

	if (argc < 2)
		die("usage: objs_hold FILE.bpf.c PROGRAM=HOW[:WHERE] …", EINVAL);
	if (skep_source_compile(argv[1], NULL, &elf, &size, &diag))
		die(diag.message, diag.err);
	obj = bpf_object__open_mem(elf, size, NULL);
	if (!obj || bpf_object__load(obj))
		die("load", errno);
	for (int i = 2; i < argc; i++)
		hold(argv[i]);
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0) /* as long as we live */
		die("statistics", errno);
	puts("ready");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
