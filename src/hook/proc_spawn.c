/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * How tracing begins.
 *
 * A command of our own: the child waits on a pipe until it is seized, then installs a seccomp
 * filter that returns SECCOMP_RET_TRACE for the system calls that some program wants and ALLOW for
 * all others, and executes the command. A system call that nobody wants runs at native speed: the
 * kernel keeps a bitmap of the numbers that a filter always allows. The filter stays for the life
 * of the command and its children, and without a tracer RET_TRACE means ENOSYS; so they cannot
 * outlive us and PTRACE_O_EXITKILL is set.
 */
#include "base/log.h"
#include "base/mem.h"
#include "hook/proc_event.h"
#include "hook/uprobe.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

u32 proc_ptrace_options(const struct proc *p)
{
	u32 options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
		      PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP;

	if (p->events[PROC_EV_EXIT].first || p->events[PROC_EV_SIGNAL_SEND].first ||
	    p->events[PROC_EV_SIGNAL_DELIVER].first)
		options |= PTRACE_O_TRACEEXIT;
	return p->own ? options | PTRACE_O_EXITKILL : options;
}

/* --- the filter ----------------------------------------------------------------------------- */

#define X32_BIT 0x40000000u

struct filter {
	struct sock_filter insns[BPF_MAXINSNS];
	u16 nr;
};

static void add(struct filter *f, u16 code, u32 k, u8 jt, u8 jf)
{
	if (f->nr < BPF_MAXINSNS)
		f->insns[f->nr++] = (struct sock_filter)BPF_JUMP(code, k, jt, jf);
}

static void add_load(struct filter *f, u32 off)
{
	add(f, BPF_LD | BPF_W | BPF_ABS, off, 0, 0);
}

static void add_ret(struct filter *f, bool trace)
{
	add(f, BPF_RET | BPF_K, trace ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW, 0, 0);
}

static void add_traced(struct filter *f, u32 nr)
{
	add(f, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
	add_ret(f, true);
}

/* Trace nr when (the low half of) an argument passes the test, else allow it. */
static void add_traced_if(struct filter *f, u32 nr, u32 arg, u16 test, u32 k)
{
	add(f, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4);
	add_load(f, offsetof(struct seccomp_data, args) + arg * 8);
	add(f, BPF_JMP | test | BPF_K, k, 0, 1);
	add_ret(f, true);
	add_ret(f, false);
}

static bool is_wanted(const struct proc *p, u32 nr)
{
	return p->enter[nr].first || p->exit[nr].first || p->judge[nr].first ||
	       (p->events[PROC_EV_SIGNAL_SEND].first && proc_is_kill(nr)) ||
	       (nr != SYS_prctl && proc_sys_watches(nr));
}

static void build_filter(const struct proc *p, struct filter *f)
{
	bool any = p->enter_any.first || p->exit_any.first;

	f->nr = 0;
	if (any) {
		add_ret(f, true);
		return;
	}
	add_load(f, offsetof(struct seccomp_data, arch));
	add(f, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	add_ret(f, false); /* 32-bit code: only programs that want any call see it */
	add_load(f, offsetof(struct seccomp_data, nr));
	for (u32 nr = 0; nr < PROC_NR_SYSCALLS; nr++)
		if (is_wanted(p, nr))
			add_traced(f, nr);
	if (!is_wanted(p, SYS_prctl))
		add_traced_if(f, SYS_prctl, 0, BPF_JEQ, PR_SET_NAME);
	if (p->uprobes && !is_wanted(p, SYS_mmap))
		add_traced_if(f, SYS_mmap, 2, BPF_JSET, PROT_EXEC);
	add_ret(f, false);
}

static bool has_seccomp_trace(void)
{
	u32 action = SECCOMP_RET_TRACE;

	return !syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

/* May we install a filter without giving up privileges that exec can give? */
static bool has_sys_admin(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {0};

	return !syscall(SYS_capget, &h, d) && (d[0].effective & (1u << CAP_SYS_ADMIN));
}

/* --- the command ---------------------------------------------------------------------------- */

/* As execvp would find it, but before the fork, so that only one execve is seen. */
int proc_find_command(const char *name, char *path, size_t size, struct skep_diag *diag)
{
	const char *dir = getenv("PATH"), *end;
	struct stat st;

	if (strchr(name, '/')) {
		snprintf(path, size, "%s", name);
		return 0;
	}
	for (dir = dir ? dir : "/usr/local/bin:/usr/bin:/bin"; dir; dir = *end ? end + 1 : NULL) {
		end = strchrnul(dir, ':');
		snprintf(path, size, "%.*s%s%s", (int)(end - dir), dir, end == dir ? "." : "", "/");
		snprintf(path + strlen(path), size - strlen(path), "%s", name);
		if (!access(path, X_OK) && !stat(path, &st) && S_ISREG(st.st_mode))
			return 0;
	}
	return diag_set(diag, -ENOENT, "%s: command not found", name);
}

struct child_args {
	const char *path;
	char *const *argv;
	struct filter *filter; /* NULL: none */
	int go_fd, error_fd;
	bool no_new_privs;
};

/* In the child; only system calls until exec. */
static __noreturn void run_child(const struct child_args *c)
{
	char go;
	int err;

	if (read(c->go_fd, &go, 1) != 1)
		_exit(126);
	if (c->no_new_privs)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (c->filter) {
		struct sock_fprog prog = {.len = c->filter->nr, .filter = c->filter->insns};

		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog))
			goto fail;
	}
	execve(c->path, c->argv, environ);
fail:
	err = errno;
	if (write(c->error_fd, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

static int start_child(struct proc *p, struct child_args *c, int go_fd, struct skep_diag *diag)
{
	struct proc_task *t;
	pid_t pid = fork();

	if (pid < 0)
		return diag_set(diag, -errno, "can't start the command, no process: %s",
				strerror(errno));
	if (!pid)
		run_child(c);
	p->main_pid = pid;
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)(uintptr_t)proc_ptrace_options(p)) < 0) {
		int err = -errno;

		kill(pid, SIGKILL);
		return diag_set_full(diag, err, NULL,
				     "a container may forbid ptrace; allow it, or run skep outside",
				     "cannot trace a process: %s", strerror(-err));
	}
	t = proc_task_new(p, pid, pid, NULL);
	if (!t)
		return diag_nomem(diag);
	t->state = PROC_RUNNING;
	t->process->is_setup = true;
	t->boot_born = proc_boot_now();
	if (p->all_stops)
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	return write(go_fd, "g", 1) == 1 ? 0 : diag_set(diag, -EPIPE, "the command's child died");
}

/* With no_new_privs, or under a tracer without privileges, a set-user-ID program runs as its
 * caller. Said once, when one is executed. */
void proc_warn_setuid(struct proc *p, struct proc_task *t)
{
	char path[64], name[16];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/exe", t->tid);
	if (p->is_privileged || p->warned_setuid || stat(path, &st) || !(st.st_mode & S_ISUID) ||
	    st.st_uid == t->process->uid)
		return;
	p->warned_setuid = true;
	memcpy(name, t->comm, sizeof(name));
	log_warn("%.16s is a set-user-ID program: while it is traced it has no privileges of its "
		 "owner",
		 name);
}

int proc_spawn(struct proc *p, struct skep_diag *diag)
{
	struct child_args c = {.argv = p->opts->argv, .no_new_privs = !has_sys_admin()};
	int go[2], error[2], err;
	char path[4096];

	err = proc_find_command(c.argv[0], path, sizeof(path), diag);
	if (err)
		return err;
	p->own = true;
	p->is_privileged = !c.no_new_privs;
	c.path = path;
	c.filter = mem_alloc(sizeof(*c.filter));
	if (!c.filter)
		return diag_nomem(diag);
	if (pipe2(go, O_CLOEXEC) || pipe2(error, O_CLOEXEC))
		return diag_set(diag, -errno, "can't start the command, no pipe: %s",
				strerror(errno));
	build_filter(p, c.filter);
	p->all_stops = !has_seccomp_trace();
	if (p->all_stops) {
		mem_free(c.filter);
		c.filter = NULL;
	}
	c.go_fd = go[0];
	c.error_fd = error[1];
	err = start_child(p, &c, go[1], diag);
	close(go[0]);
	close(go[1]);
	close(error[1]);
	p->exec_fd = error[0];
	mem_free(c.filter);
	return err;
}
