// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * vm-init: the first process of a guest of scripts/vm-run, linked statically, in its initramfs.
 *
 * It loads the modules of /modules in their order, mounts the host's root (virtiofs, read-only)
 * under an overlay on tmpfs, makes that its root, runs the command of /job there and tells its
 * status on a port of its own. The command's output goes through two virtio ports that are no
 * terminals: bytes arrive as written.
 *
 * /job is a list of records KEY=VALUE, each with a zero byte at its end: cwd, env, arg, share (a
 * directory of the host to write to, tag shareN in their order), release, modules (their tree on
 * the host), config (its configuration file on the host), load (a module for modprobe).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGS         4096 /* more than vm-run can be given in one command line of ours */
#define PORT_TRIES       500  /* of 10 ms: how long a port may take to appear */
#define STATUS_NOT_FOUND 127  /* as a shell says it */

static char *job, *job_end;

static void stop(void)
{
	sync();
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("vm-init: ", stderr);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, ": %s\n", strerror(errno));
	va_end(ap);
	stop();
	abort();
}

/* The next value of KEY after *AT; NULL at the end. */
static const char *next(const char *key, char **at)
{
	size_t len = strlen(key);
	char *p = *at ? *at : job;

	for (; p < job_end; p += strlen(p) + 1) {
		if (strncmp(p, key, len) || p[len] != '=')
			continue;
		*at = p + strlen(p) + 1;
		return p + len + 1;
	}
	return NULL;
}

static const char *one(const char *key)
{
	char *at = NULL;

	return next(key, &at);
}

static void read_job(void)
{
	int fd = open("/job", O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		fail("/job");
	job = calloc(1, st.st_size + 1);
	if (!job || read(fd, job, st.st_size) != st.st_size)
		fail("/job");
	job_end = job + st.st_size;
	close(fd);
}

static void mkdirs(const char *path)
{
	char dir[4096];

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *p = dir + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		mkdir(dir, 0755);
		*p = '/';
	}
	mkdir(dir, 0755);
}

static void need_mount(const char *what, const char *where, const char *type, unsigned long flags,
		       const char *opts)
{
	mkdirs(where);
	if (mount(what, where, type, flags, opts))
		fail("mounting %s on %s", type, where);
}

static void load_modules(void)
{
	FILE *f = fopen("/modules", "re");
	char path[4096];

	while (f && fgets(path, sizeof(path), f)) {
		path[strcspn(path, "\n")] = 0;
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
			fail("%s", path);
		close(fd);
	}
	if (f)
		fclose(f);
}

/* The port of this name, by what sysfs calls it. */
static int find_port(const char *name)
{
	char path[512], got[64];
	struct dirent *de;
	int fd = -1;
	DIR *d = opendir("/sys/class/virtio-ports");

	while (d && fd < 0 && (de = readdir(d))) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", de->d_name);
		FILE *f = fopen(path, "re");

		if (f && fgets(got, sizeof(got), f) && !strncmp(got, name, strlen(name)) &&
		    got[strlen(name)] == '\n') {
			snprintf(path, sizeof(path), "/dev/%s", de->d_name);
			fd = open(path, O_WRONLY | O_CLOEXEC);
		}
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return fd;
}

static int open_port(const char *name)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		int fd = find_port(name);

		if (fd >= 0)
			return fd;
		usleep(10000);
	}
	fail("port %s", name);
}

static const struct {
	const char *type, *where;
	int is_needed;
} system_mounts[] = {
	{"proc", "/proc", 1},
	{"sysfs", "/sys", 1},
	{"devtmpfs", "/dev", 1},
	{"devpts", "/dev/pts", 0},
	{"tmpfs", "/dev/shm", 0},
	{"tmpfs", "/run", 0},
	{"tracefs", "/sys/kernel/tracing", 0},
	{"debugfs", "/sys/kernel/debug", 0},
	{"securityfs", "/sys/kernel/security", 0},
	{"bpf", "/sys/fs/bpf", 0},
	{"cgroup2", "/sys/fs/cgroup", 0},
};

static void mount_system(void)
{
	for (size_t i = 0; i < sizeof(system_mounts) / sizeof(*system_mounts); i++) {
		const char *where = system_mounts[i].where, *type = system_mounts[i].type;

		if (strncmp(where, "/sys/", 5))
			mkdirs(where);
		if (mount(type, where, type, 0, NULL) && system_mounts[i].is_needed)
			fail("mounting %s", where);
	}
}

/* The host's root below, what is written here above; both end with the guest. */
static void enter_root(void)
{
	need_mount("root", "/lower", "virtiofs", MS_RDONLY, NULL);
	need_mount("tmpfs", "/upper", "tmpfs", 0, "size=90%,mode=0755");
	mkdirs("/upper/up");
	mkdirs("/upper/work");
	need_mount("overlay", "/new", "overlay", 0,
		   "lowerdir=/lower,upperdir=/upper/up,workdir=/upper/work");
	if (chdir("/new") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		fail("entering the root");
}

static void link_kernel(void)
{
	char path[4096];

	mkdirs("/usr/lib/modules");
	snprintf(path, sizeof(path), "/usr/lib/modules/%s", one("release"));
	if (one("modules") && symlink(one("modules"), path) && errno != EEXIST)
		fail("%s", path);
	mkdirs("/boot");
	snprintf(path, sizeof(path), "/boot/config-%s", one("release"));
	if (one("config") && symlink(one("config"), path) && errno != EEXIST)
		fail("%s", path);
}

static void mount_shares(void)
{
	const char *dir;
	char *at = NULL;
	int nr = 0;

	while ((dir = next("share", &at))) {
		char tag[32];

		snprintf(tag, sizeof(tag), "share%d", nr++);
		need_mount(tag, dir, "virtiofs", 0, NULL);
	}
}

static int wait_for(pid_t pid)
{
	int status;

	for (;;) {
		pid_t got = wait(&status);

		if (got < 0 && errno == ECHILD)
			return 1;
		if (got == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

static void probe_modules(void)
{
	const char *name;
	char *at = NULL;

	while ((name = next("load", &at))) {
		pid_t pid = fork();

		if (!pid) {
			execl("/sbin/modprobe", "modprobe", name, NULL);
			_exit(STATUS_NOT_FOUND);
		}
		if (pid < 0 || wait_for(pid))
			fail("modprobe %s", name);
	}
}

static void bring_up_loopback(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		perror("vm-init: lo");
	close(fd);
}

/* Kernels before 5.11 account maps to the locked memory. */
static void raise_limits(void)
{
	struct rlimit files = {65536, 65536}, mem = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_MEMLOCK, &mem);
}

static void run_command(int out, int err)
{
	static char *argv[MAX_ARGS + 1];
	const char *s;
	char *at = NULL;
	int nr = 0;

	clearenv();
	while ((s = next("env", &at)))
		putenv((char *)s);
	for (at = NULL; nr < MAX_ARGS && (s = next("arg", &at));)
		argv[nr++] = (char *)s;
	setsid();
	if (chdir(one("cwd"))) {
		dprintf(err, "vm-init: %s: %s\n", one("cwd"), strerror(errno));
		_exit(STATUS_NOT_FOUND);
	}
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(out, 1);
	dup2(err, 2);
	execvp(argv[0], argv);
	fprintf(stderr, "vm-init: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_FOUND - 1);
}

int main(void)
{
	need_mount("proc", "/proc", "proc", 0, NULL);
	need_mount("sysfs", "/sys", "sysfs", 0, NULL);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) && errno != EBUSY)
		fail("mounting /dev");
	read_job();
	load_modules();
	enter_root();
	mount_system();
	int out = open_port("out"), err = open_port("err"), status = open_port("status");

	link_kernel();
	mount_shares();
	bring_up_loopback();
	raise_limits();
	probe_modules();
	pid_t pid = fork();

	if (!pid)
		run_command(out, err);
	dprintf(status, "%d\n", pid < 0 ? 1 : wait_for(pid));
	stop();
}
