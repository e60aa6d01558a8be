/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* System calls that come to the functions of kprobe.bpf.c, some of which fail on the way. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void files(char *buf)
{
	int fd = open("f1", O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0777);

	if (write(fd, "hello", 5) != 5)
		exit(1);
	pread(fd, buf, 10, 0);
	lseek(fd, 2, SEEK_SET);
	read(fd, buf, 10);
	posix_fallocate(fd, 0, 100);
	fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFD, 1);
	mmap(NULL, 10, PROT_READ, MAP_SHARED, fd, 0);
	mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void names(char *buf)
{
	struct stat st;

	link("f1", "f2");
	link("f1", "f2");
	symlink("f1", "s1");
	rename("f2", "f3");
	renameat2(AT_FDCWD, "f3", AT_FDCWD, "f4", RENAME_NOREPLACE);
	rename("nope", "x");
	mkdir("d1", 0777);
	mkdir("d1", 0777);
	mkdirat(AT_FDCWD, "d1/d2/d3", 0700);
	mknod("p1", S_IFIFO | 0666, 0);
	truncate("f1", 50);
	chmod("f4", 0644);
	stat("s1", &st);
	lstat("s1", &st);
	stat("none", &st);
	access("f1", R_OK);
	readlink("s1", buf, 50);
}

static void opens(char *buf)
{
	int dir = open("d1", O_RDONLY | O_DIRECTORY);

	open("f1", O_PATH);
	open("f1", O_WRONLY | O_CREAT, 0644);
	open("none", O_RDONLY);
	open("f1", O_CREAT | O_EXCL | O_WRONLY, 0600);
	openat(dir, "../f1", O_RDONLY | O_NOFOLLOW);
	syscall(SYS_getdents64, dir, buf, 100);
}

static void sockets(void)
{
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), u = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(1)};

	inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
	connect(s, (void *)&in, sizeof(in));
	connect(u, (void *)&in, sizeof(in));
	shutdown(u, SHUT_WR);
}

static void processes(char *self)
{
	pid_t pid;

	signal(SIGUSR1, SIG_IGN);
	kill(getpid(), SIGUSR1);
	kill(getpid(), 0);
	pid = fork();
	if (!pid) {
		execl(self, self, "x", NULL);
		_exit(9);
	}
	waitpid(pid, NULL, 0);
	pid = vfork();
	if (!pid)
		_exit(3);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	static const char *const made[] = {"f1", "f4", "s1", "p1", "nofile"};
	char buf[100];

	if (argc > 1)
		return 5;
	umask(027);
	files(buf);
	names(buf);
	opens(buf);
	sockets();
	processes(argv[0]);
	for (int i = 0; i < 5; i++)
		unlink(made[i]);
	rmdir("d1");
	rmdir("nodir");
	return 7;
}
