/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The command. It is forked first of all, when we hold nothing yet, and waits on a socket: a byte
 * lets it go, the end of the socket (we are gone, or the load failed) ends it. What it could not
 * do comes back the same way: the socket closes with exec, else an errno is in it.
 */
#include "base/log.h"
#include "engine/kernel.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_FOUND 127 /* a shell's statuses */
#define NOT_EXEC  126

static void __noreturn be_command(char *const *argv, int wait_fd)
{
	char go;
	int err;

	if (read(wait_fd, &go, 1) != 1)
		_exit(0);
	execvp(argv[0], argv);
	err = errno;
	(void)!write(wait_fd, &err, sizeof(err));
	_exit(err == ENOENT ? NOT_FOUND : NOT_EXEC);
}

static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int watch_other(struct kernel_engine *k, struct skep_diag *diag)
{
	pid_t pid = (pid_t)k->opts.hook.pid;

	k->child.is_other = true;
	k->child.pid = pid;
	k->child.pidfd = open_pidfd(pid);
	if (k->child.pidfd >= 0 || errno == ENOSYS)
		return 0;
	return diag_set(diag, -errno, "can't watch process %d: %s", pid, strerror(errno));
}

int kernel_child_spawn(struct kernel_engine *k, struct skep_diag *diag)
{
	char *const *argv = k->opts.hook.argv;
	int fds[2];

	k->child = (struct kernel_child){.go = -1, .pidfd = -1, .status = -1};
	if (!argv)
		return k->opts.hook.pid ? watch_other(k, diag) : 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return diag_set(diag, -errno, "socketpair: %s", strerror(errno));
	k->child.pid = fork();
	if (!k->child.pid) {
		close(fds[0]);
		be_command(argv, fds[1]);
	}
	close(fds[1]);
	k->child.go = fds[0];
	if (k->child.pid < 0) {
		k->child.pid = 0;
		return diag_set(diag, -errno, "can't start the command: %s", strerror(errno));
	}
	k->child.pidfd = open_pidfd(k->child.pid);
	return 0;
}

int kernel_child_release(struct kernel_engine *k, struct skep_diag *diag)
{
	int err = 0;
	ssize_t n;

	if (k->child.go < 0)
		return 0;
	if (send(k->child.go, "", 1, MSG_NOSIGNAL) != 1)
		err = EPIPE;
	do
		n = err ? 0 : read(k->child.go, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	close(k->child.go);
	k->child.go = -1;
	return err ? diag_set(diag, -err, "can't run %s: %s", k->opts.hook.argv[0], strerror(err))
		   : 0;
}

void kernel_child_check(struct kernel_engine *k)
{
	struct kernel_child *c = &k->child;
	int status;

	if (!c->pid || c->ended)
		return;
	if (c->is_other) {
		c->ended = kill(c->pid, 0) && errno == ESRCH;
		return;
	}
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;
	c->ended = true;
	c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

u32 kernel_child_pid(const struct kernel_engine *k)
{
	return (u32)k->child.pid;
}

/* A command that waits still ends here; one that runs goes on without us. */
void kernel_child_done(struct kernel_engine *k)
{
	struct kernel_child *c = &k->child;

	if (c->go >= 0) {
		close(c->go);
		waitpid(c->pid, NULL, 0);
	}
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->go = c->pidfd = -1;
}
