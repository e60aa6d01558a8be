/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * skep run -p survives kill -9.
 *
 * Breakpoints in somebody's process are only harmless while their tracer lives: the next one that
 * is hit afterwards ends the process. So with -p the work is done by a child of the process that
 * the person sees. Who kills that one, however hard, does not meet the tracer: it is told by
 * PR_SET_PDEATHSIG, removes what it left in the process and ends. It stands in a process group of
 * its own, so that killing the group does not reach it either, and has a name of its own; SIGINT,
 * SIGTERM and SIGHUP are passed on to it.
 */
#include "run.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUARD_NAME "bp-guard"

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static volatile sig_atomic_t tracer;

static void pass_on(int sig)
{
	if (tracer > 0)
		kill(tracer, sig == SIGQUIT ? SIGTERM : sig);
}

static void block(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	sigprocmask(SIG_BLOCK, &set, old);
}

static void be_tracer(pid_t parent, const sigset_t *old)
{
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN); /* not in the foreground, and prints all the same */
	prctl(PR_SET_NAME, GUARD_NAME, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != parent)
		_exit(EXIT_FAILED);
	sigprocmask(SIG_SETMASK, old, NULL);
}

/* As the tracer ended, so do we. */
static int end_as(int status)
{
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

bool run_guard(int *ret_status)
{
	struct sigaction sa = {.sa_handler = pass_on};
	pid_t self = getpid(), pid;
	sigset_t old;
	int status;

	fflush(NULL);
	block(&old);
	pid = fork();
	if (pid < 0)
		fprintf(stderr, "skep: no guard, killing skep may harm the process: %s\n",
			strerror(errno));
	if (pid < 0 || !pid) {
		if (!pid)
			be_tracer(self, &old);
		sigprocmask(SIG_SETMASK, &old, NULL);
		return false;
	}
	tracer = pid;
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaction(passed_on[i], &sa, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_status = end_as(status);
	return true;
}
