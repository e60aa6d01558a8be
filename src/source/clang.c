/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Finding clang, and running it: no shell, no temporary file. What it writes comes through two
 * pipes; what it reads besides the source are memory files that it inherits.
 */
#include "base/mem.h"
#include "source/source.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIN_VERSION 14
#define MAX_VERSION 40 /* names clang-14 … clang-40 are tried */
#define MAX_OBJECT  (256u << 20)
#define MAX_TEXT    (16u << 20)
#define LOW_FD      20 /* our descriptors stay above the standard ones */

extern char **environ;

int clang_version(const char *path)
{
	char real[PATH_MAX];
	const char *at;

	if (!realpath(path, real))
		return 0;
	at = strstr(real, "/llvm-");
	if (at)
		return atoi(at + strlen("/llvm-"));
	at = strrchr(real, '/');
	return !strncmp(at, "/clang-", 7) ? atoi(at + 7) : 0;
}

/* A program's path by PATH, in arena; NULL: it is not there. */
static const char *find_in_path(const char *name, struct arena *arena)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return access(name, X_OK) ? NULL : name;
	if (!path || !*path)
		path = "/usr/local/bin:/usr/bin:/bin";
	for (;; path++) {
		size_t len = strcspn(path, ":");
		const char *full = arena_printf(arena, "%.*s%s%s", (int)len, path, len ? "/" : "./",
						name);

		if (full && !access(full, X_OK))
			return full;
		path += len;
		if (!*path)
			return NULL;
	}
}

static const char *find_newest(struct arena *arena)
{
	for (int v = MAX_VERSION; v >= MIN_VERSION; v--) {
		char name[16];
		const char *path;

		snprintf(name, sizeof(name), "clang-%d", v);
		path = find_in_path(name, arena);
		if (path)
			return path;
	}
	return NULL;
}

int clang_find(const char *asked, struct arena *arena, const char **ret, struct skep_diag *diag)
{
	const char *env = getenv("CLANG"), *path;
	int version;

	if (!asked || !*asked)
		asked = env && *env ? env : NULL;
	path = find_in_path(asked ? asked : "clang", arena);
	version = path ? clang_version(path) : 0;
	if (!asked && (!path || (version && version < MIN_VERSION))) {
		const char *newest = find_newest(arena);

		path = newest ? newest : path;
		version = path ? clang_version(path) : 0;
	}
	if (!path)
		return diag_set_full(
			diag, -ENOENT, "no-clang",
			"install it: apt install clang (Debian, Ubuntu), dnf install clang "
			"(Fedora); or set CLANG",
			"%s is not there: clang compiles BPF programs", asked ? asked : "clang");
	if (version && version < MIN_VERSION)
		return diag_set_full(
			diag, -ENOTSUP, "old-clang", "install a newer one, or set CLANG",
			"%s is clang %d, %d or newer is needed", path, version, MIN_VERSION);
	*ret = path;
	return 0;
}

/* The same file under a high number, closed on exec. */
static int move_up(int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, LOW_FD), err = errno;

	close(fd);
	return up < 0 ? -err : up;
}

int clang_memfd(const char *name, const void *data, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int err = n ? -errno : -EIO;

			close(fd);
			return err;
		}
		data = (const char *)data + n;
		size -= (size_t)n;
	}
	return move_up(fd);
}

static int make_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	fds[0] = move_up(fds[0]);
	fds[1] = move_up(fds[1]);
	if (fds[0] >= 0 && fds[1] >= 0)
		return 0;
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return -EMFILE;
}

/* Signals that the caller blocks or handles are the caller's, clang starts with none. */
static int start(char *const *argv, const int *fds, int out, int err_fd, pid_t *ret)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&fa))
		return -ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&fa);
		return -ENOMEM;
	}
	err = posix_spawn_file_actions_adddup2(&fa, fds[0], 0);
	err = err ? err : posix_spawn_file_actions_adddup2(&fa, out, 1);
	err = err ? err : posix_spawn_file_actions_adddup2(&fa, err_fd, 2);
	for (; !err && *fds >= 0; fds++) /* onto itself: no longer closed on exec */
		err = posix_spawn_file_actions_adddup2(&fa, *fds, *fds);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	err = err ? err : posix_spawn(ret, argv[0], &fa, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return -err;
}

/* Returns 1 while there is more to come. What is over max is read and dropped. */
static int drain(int fd, struct strbuf *to, size_t max)
{
	char buf[65536];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n && to->len + (size_t)n <= max)
		strbuf_add(to, buf, (size_t)n);
	else if (n)
		to->failed = true;
	return n > 0;
}

static void collect(int out, int err_fd, struct clang_result *ret)
{
	struct pollfd p[2] = {{.fd = out, .events = POLLIN}, {.fd = err_fd, .events = POLLIN}};

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[0].fd >= 0 && p[0].revents && !drain(out, &ret->object, MAX_OBJECT))
			p[0].fd = -1;
		if (p[1].fd >= 0 && p[1].revents && !drain(err_fd, &ret->text, MAX_TEXT))
			p[1].fd = -1;
		p[0].revents = p[1].revents = 0;
	}
}

int clang_run(char *const *argv, const int *fds, struct clang_result *ret, struct skep_diag *diag)
{
	int out[2], text[2], err;
	pid_t pid;

	memset(ret, 0, sizeof(*ret));
	err = make_pipe(out);
	if (err)
		return diag_set(diag, err, "can't run the compiler, no pipe: %s", strerror(-err));
	err = make_pipe(text);
	if (err) {
		close(out[0]);
		close(out[1]);
		return diag_set(diag, err, "can't run the compiler, no pipe: %s", strerror(-err));
	}
	err = start(argv, fds, out[1], text[1], &pid);
	close(out[1]);
	close(text[1]);
	if (!err) {
		collect(out[0], text[0], ret);
		while (waitpid(pid, &ret->status, 0) < 0 && errno == EINTR)
			;
	}
	close(out[0]);
	close(text[0]);
	return err ? diag_set(diag, err, "can't run %s: %s", argv[0], strerror(-err)) : 0;
}

void clang_result_done(struct clang_result *r)
{
	strbuf_done(&r->object);
	strbuf_done(&r->text);
}
